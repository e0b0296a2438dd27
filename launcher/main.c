// SPDX-License-Identifier: GPL-2.0
/*
 * ringlet, the launcher: picks the subcommand. Start reading in cmd_run.c.
 */
#include <fcntl.h>
#include <stdbool.h>
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
	{ "try", cmd_try },
	{ "check", cmd_check },
	{ "prepare", cmd_prepare },
	{ "cache", cmd_cache },
	{ "top", cmd_top },
	{ "trace", cmd_trace },
	{ "symbols", cmd_symbols },
};

static const char help[] =
"Usage: ringlet run [options] KERNEL [-- kernel arguments]\n"
"       ringlet try [options] [-- COMMAND...]\n"
"       ringlet check\n"
"       ringlet prepare [options] KERNEL\n"
"       ringlet cache [list | path | clean]\n"
"       ringlet top [options]\n"
"       ringlet trace [options] NAME|PID\n"
"       ringlet symbols [options] KERNEL\n"
"       ringlet help [COMMAND] | version\n"
"\n"
"Runs Linux guests in ring 1, with no hardware virtualization.\n"
"\n"
"  run      start a stock Linux kernel as a guest\n"
"  try      run a command in a guest that sees this machine's files\n"
"  check    say whether this host can run guests, and what to do if not\n"
"  prepare  make a kernel ready ahead of its first start\n"
"  cache    list the kernels that are ready, or remove them\n"
"  top      show what the guests of this host do just now\n"
"  trace    record what a guest does: a timeline, and a table of its exits\n"
"  symbols  make a symbol file for gdb out of a kernel that has no debug package\n"
"\n"
"`ringlet COMMAND --help` explains a command; ringlet(1) explains it all.\n";

static const char *const help_words[] = { "--help", "-h", "help", NULL };
/* In a command with other arguments, -v is that command's own. */
static const char *const version_words[] = {
	"--version", "-v", "-V", "version", NULL
};

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(word, *words))
			return true;
	return false;
}

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

static int show_version(void)
{
	printf("ringlet %s (module interface %d, guest interface %d)\n",
	       RINGLET_VERSION, RL_API_VERSION, RL_GUEST_ABI_VERSION);
	return finish_output(STATUS_OK);
}

/* argv[0]: the command. Asked for help in one of these words, it hears one. */
static int run_command(int argc, char **argv)
{
	static char help_word[] = "--help";
	size_t i;

	if (argc == 2 && is_one_of(argv[1], help_words))
		argv[1] = help_word;
	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(argv[0], commands[i].name))
			continue;
		if (argc == 2 && is_one_of(argv[1], version_words))
			return show_version();
		return finish_output(commands[i].run(argc, argv));
	}
	fatalx(STATUS_USAGE, "there is no command %s; see ringlet --help",
	       argv[0]);
}

int main(int argc, char **argv)
{
	char *swapped[3] = { NULL };

	open_standard_fds();
	if (argc < 2)
		fatalx(STATUS_USAGE, "no command given; see ringlet --help");
	if (is_one_of(argv[1], version_words))
		return show_version();
	if (!is_one_of(argv[1], help_words))
		return run_command(argc - 1, argv + 1);
	if (argc == 3) {
		/* ringlet help COMMAND */
		swapped[0] = argv[2];
		swapped[1] = argv[1];
		return run_command(2, swapped);
	}
	fputs(help, stdout);
	return finish_output(STATUS_OK);
}
