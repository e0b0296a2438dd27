// SPDX-License-Identifier: GPL-2.0
/*
 * `ringlet try`: a guest of this machine's own kernel and files, for one command or
 * a shell. It finds out what `ringlet run` has to be told, and tells it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../abi/try.h"
#include "boot.h"
#include "cache.h"
#include "cmd.h"
#include "device.h"
#include "exit.h"
#include "files.h"
#include "log.h"
#include "prepare.h"
#include "try.h"
#include "usage.h"

/*J: launcher.try
 * What would a guest be good for that takes an afternoon to set up? This command
 * needs nothing that is not on the machine: its own kernel, its own files, its own
 * user. The files come over 9P, from a server that can do what the user can and no
 * more; what the guest writes lies on top of them, in its memory, and is gone with
 * it; and only the folder that one stands in is the real one. So a build can be let
 * loose on a system without leaving a trace beside its own folder.
 *
 * There is no image, so there must be an init: a small program that comes with us,
 * in an initrd that is put together on the spot.
 :*/

static const char help[] =
"Usage: ringlet try [options] [--] [COMMAND...]\n"
"\n"
"Runs COMMAND, or a shell, in a guest that has this machine's kernel and sees its\n"
"files. What it writes stays in the guest's memory, but in the current folder.\n"
"\n"
"  -m, --memory SIZE   memory of the guest, with K, M or G; default 512M\n"
"      --rw DIR        one more folder that the guest really writes to\n"
"      --kernel FILE   another kernel; default /boot/vmlinuz-$(uname -r)\n"
"  -v, --verbose       say what happens, and show the kernel's messages\n"
"  -h, --help          this help\n"
"\n"
"Needs diod for the files, and passt, where it is installed, for a network.\n"
"\n"
"Exit status: that of COMMAND, 128+N if signal N ended it; 127 there is no such\n"
"command, 126 it cannot be started. Errors of ringlet: as in ringlet run --help,\n"
"each with a line that begins with `ringlet:`.\n";

struct try {
	const char *kernel, *memory;
	char *own_kernel;	/* what kernel points to, unless it was given */
	struct try_shares shares;
	struct try_network network;
	bool has_network, verbose, wants_help;
	char **words;
	int count;
};

enum { OPTION_MEMORY = 256, OPTION_RW, OPTION_KERNEL, OPTION_VERBOSE, OPTION_HELP };

static int parse(int argc, char **argv, struct try *try)
{
	static const struct option options[] = {
		{ "memory", required_argument, NULL, OPTION_MEMORY },
		{ "rw", required_argument, NULL, OPTION_RW },
		{ "kernel", required_argument, NULL, OPTION_KERNEL },
		{ "verbose", no_argument, NULL, OPTION_VERBOSE },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ NULL, 0, NULL, 0 },
	};
	int code;

	usage_begin();
	/* '+': the first word that is no option begins the command. */
	while ((code = usage_next(argc, argv, "+:m:vh", options)) != -1) {
		switch (code) {
		case 'm':
		case OPTION_MEMORY:
			try->memory = optarg;
			break;
		case OPTION_RW:
			if (try_add_folder(&try->shares, optarg))
				return STATUS_USAGE;
			break;
		case OPTION_KERNEL:
			try->kernel = optarg;
			break;
		case 'v':
		case OPTION_VERBOSE:
			try->verbose = true;
			break;
		case 'h':
		case OPTION_HELP:
			try->wants_help = true;
			return STATUS_OK;
		default:
			return STATUS_USAGE;
		}
	}
	try->words = argv + optind;
	try->count = argc - optind;
	return STATUS_OK;
}

static int no_memory(void)
{
	log_warnx("there is not enough memory to start the guest");
	return STATUS_ERROR;
}

/* Is it one for this machine's programs, ours of guest_try/ among them? */
static int check_kernel(const char *file)
{
	if (!boot_is_i386(file))
		return STATUS_OK;
	log_warnx("%s is a 32-bit kernel, and this machine's programs are 64-bit ones: "
		  "name another by --kernel FILE, or start it with a root of its own by "
		  "ringlet run", file);
	return STATUS_KERNEL;
}

static int find_kernel(struct try *try)
{
	struct utsname host;

	if (!try->kernel) {
		uname(&host);
		if (asprintf(&try->own_kernel, "/boot/vmlinuz-%s",
			     host.release) < 0) {
			try->own_kernel = NULL;
			return no_memory();
		}
		try->kernel = try->own_kernel;
	}
	if (!access(try->kernel, R_OK))
		return check_kernel(try->kernel);
	if (errno == EACCES)
		log_warnx("only root can read %s (Ubuntu has it so): allow it "
			  "by `sudo chmod a+r %s`, or name a copy by --kernel "
			  "FILE", try->kernel, try->kernel);
	else
		log_warn("cannot read the kernel %s: name another by --kernel "
			 "FILE, such as /boot/vmlinuz-... of the package "
			 "linux-image-amd64", try->kernel);
	return STATUS_KERNEL;
}

/* What this machine must have. */
static int check_host(struct try *try)
{
	int fd, status = find_kernel(try);

	if (status)
		return status;
	if (!files_has_program("diod")) {
		log_warnx("diod, which shows the guest this machine's files, "
			  "is not installed: sudo apt install diod");
		return STATUS_HOST;
	}
	fd = device_open();
	if (fd < 0)
		return STATUS_HOST;
	close(fd);
	try->has_network = files_has_program("passt") &&
			   try_find_network(&try->network);
	return STATUS_OK;
}

/* Where nothing of the guest's own lies in it, as /dev does. */
static bool is_given(const char *folder)
{
	static const char *const own[] = { "/proc", "/sys", "/dev" };
	size_t length;

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		length = strlen(own[i]);
		if (!strncmp(folder, own[i], length) &&
		    (!folder[length] || folder[length] == '/'))
			return false;
	}
	return strcmp(folder, "/");
}

static int add_shares(struct try *try, const char *here)
{
	char *text = NULL;
	size_t room = 0;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	/* The file has no NUL, so this is all of it. */
	if (!f || getdelim(&text, &room, '\0', f) < 0) {
		log_warn("cannot read /proc/self/mountinfo");
		text = NULL;
	}
	if (f)
		fclose(f);
	if (text)
		try_add_views(&try->shares, text);
	free(text);
	if (!text)
		return STATUS_ERROR;
	return is_given(here) && try_add_folder(&try->shares, here) ?
		       STATUS_ERROR : STATUS_OK;
}

/* The initrd for this run, whose kernel is made ready first. */
static int make_initrd(const struct try *try, const char *here,
		       const struct try_streams *streams, int *fd)
{
	const struct try_job job = {
		.shares = &try->shares,
		.network = try->has_network ? &try->network : NULL,
		.folder = here,
		.terminal = streams->terminal,
		.words = try->words,
		.count = try->count,
	};
	const struct prepare_options how = { 0 };
	struct prepared prepared;
	size_t size;
	char *request, *cache;
	int error = prepare_kernel(try->kernel, &how, &prepared);

	if (error)
		return prepare_status(error);
	request = try_request(&job, &size);
	if (!request)
		no_memory();
	cache = cache_path(NULL);
	*fd = request && cache ?
		      try_initrd_open(prepared.release, cache, request, size) :
		      -ENOMEM;
	free(request);
	free(cache);
	prepared_free(&prepared);
	return *fd < 0 ? STATUS_KERNEL : STATUS_OK;
}

#define ARGUMENTS_MAX	(16 + 2 * (TRY_VIEWS_MAX + TRY_FOLDERS_MAX))

/* The command line of `ringlet run`, and which of its words are ours to free. */
struct arguments {
	char *words[ARGUMENTS_MAX + 1], *own[ARGUMENTS_MAX / 2];
	int count, own_count;
};

static void add(struct arguments *to, const char *option, char *value)
{
	to->words[to->count++] = (char *)option;
	to->words[to->count++] = value;
	to->own[to->own_count++] = value;
}

static char *text_of(const char *format, int number)
{
	char *text;

	return asprintf(&text, format, number) < 0 ? NULL : text;
}

static int run(const struct try *try, const struct try_streams *streams,
	       int initrd)
{
	struct arguments a = { .words = { "run" }, .count = 1 };
	const struct try_shares *shares = &try->shares;
	int status = STATUS_OK;

	add(&a, "--initrd", text_of("/proc/self/fd/%d", initrd));
	add(&a, "--console", text_of("fd=%d,name=" RL_TRY_PORT,
				     streams->port_fd));
	for (size_t i = 0; i < shares->view_count; i++)
		add(&a, "--share", try_share_option(&shares->views[i], true));
	for (size_t i = 0; i < shares->folder_count; i++)
		add(&a, "--share",
		    try_share_option(&shares->folders[i], false));
	if (try->has_network)
		add(&a, "--net", strdup("user"));
	if (try->memory)
		add(&a, "--memory", strdup(try->memory));
	if (try->verbose)
		a.words[a.count++] = "--verbose";
	a.words[a.count++] = (char *)try->kernel;
	a.words[a.count++] = "--";
	/* The terminal is the command's: nothing but a kernel's death is said. */
	if (!try->verbose)
		a.words[a.count++] = "quiet loglevel=1";
	for (int i = 0; i < a.count; i++)
		if (!a.words[i])
			status = STATUS_ERROR;
	if (!status) {
		status = cmd_run(a.count, a.words);
	} else {
		no_memory();
		/* Whoever carries the streams waits for the end of it. */
		close(streams->port_fd);
		close(initrd);
	}
	for (int i = 0; i < a.own_count; i++)
		free(a.own[i]);
	return status;
}

static int try_in(struct try *try, const char *here)
{
	struct try_streams streams;
	int initrd = -1, ended, status = add_shares(try, here);

	if (!status && try_streams_start(&streams, try->verbose))
		status = STATUS_ERROR;
	if (status)
		return status;
	status = make_initrd(try, here, &streams, &initrd);
	if (status)
		/* Nobody will close it for us. */
		close(streams.port_fd);
	else
		status = run(try, &streams, initrd);
	ended = try_streams_end(&streams);
	if (status != STATUS_OK)
		return status;
	if (ended < 0)
		log_warnx("the guest ended before the command did");
	return ended < 0 ? STATUS_ERROR : ended;
}

int cmd_try(int argc, char **argv)
{
	struct try try = { 0 };
	char *here;
	int status = parse(argc, argv, &try);

	if (!status && try.wants_help) {
		fputs(help, stdout);
		goto out;
	}
	log_set_level(try.verbose ? LOG_LEVEL_INFO : LOG_LEVEL_QUIET);
	if (!status)
		status = check_host(&try);
	here = status ? NULL : getcwd(NULL, 0);
	if (here)
		status = try_in(&try, here);
	else if (!status) {
		log_warn("cannot tell the current folder");
		status = STATUS_ERROR;
	}
	free(here);
out:
	try_free_shares(&try.shares);
	free(try.own_kernel);
	return status;
}
