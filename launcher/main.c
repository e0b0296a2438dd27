// SPDX-License-Identifier: GPL-2.0
/*
 * ringlet, the launcher: picks the subcommand. Start reading in cmd_run.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../abi/guest.h"
#include "../abi/ringlet.h"
#include "cmd.h"
#include "exit.h"
#include "log.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "run", cmd_run },
	{ "check", cmd_check },
	{ "prepare", cmd_prepare },
};

static const char help[] =
"Usage: ringlet run [options] KERNEL [-- kernel arguments]\n"
"       ringlet check\n"
"       ringlet prepare [options] KERNEL\n"
"       ringlet --help | --version\n"
"\n"
"Runs Linux guests in ring 1, with no hardware virtualization.\n"
"\n"
"  run      start a stock Linux kernel as a guest\n"
"  check    say whether this host can run guests, and what to do if not\n"
"  prepare  make a kernel ready ahead of its first start\n"
"\n"
"`ringlet COMMAND --help` explains a command; ringlet(1) explains it all.\n";

/*
 * Who starts us with a standard file descriptor closed would otherwise see
 * /dev/ringlet take its place, and the guest's console written into it.
 */
static void open_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int finish_output(int status)
{
	if (fflush(stdout) && status == STATUS_OK) {
		log_warn("cannot write to standard output");
		return STATUS_ERROR;
	}
	return status;
}

int main(int argc, char **argv)
{
	size_t i;

	open_standard_fds();
	if (argc < 2)
		fatalx(STATUS_USAGE, "no command given; see ringlet --help");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		fputs(help, stdout);
		return finish_output(STATUS_OK);
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("ringlet %s (module interface %d, guest interface %d)\n",
		       RINGLET_VERSION, RL_API_VERSION, RL_GUEST_ABI_VERSION);
		return finish_output(STATUS_OK);
	}
	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return finish_output(commands[i].run(argc - 1,
							     argv + 1));
	fatalx(STATUS_USAGE, "there is no command %s; see ringlet --help",
	       argv[1]);
}
