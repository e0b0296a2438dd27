// SPDX-License-Identifier: GPL-2.0
/*
 * Parsing the command line of `ringlet run` with getopt_long(3). Each option
 * has a setter of its own; a wrong value is answered with the rule it broke.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "gdb.h"
#include "memory.h"
#include "options.h"
#include "terminal.h"
#include "usage.h"

enum option_id {
	OPTION_WORD = 1,	/* getopt's code for a word that is no option */
	OPTION_MEMORY = 256,
	OPTION_INITRD,
	OPTION_APPEND,
	OPTION_STATS,
	OPTION_CACHE,
	OPTION_LAYER,
	OPTION_ESCAPE,
	OPTION_CPUS,
	OPTION_PIN,
	OPTION_STOP_TIMEOUT,
	OPTION_CONFIG,
	OPTION_USER,
	OPTION_CHROOT,
	OPTION_GDB,
	OPTION_WAIT,
	OPTION_NO_SANDBOX,
	OPTION_NO_RNG,
	OPTION_VERBOSE,
	OPTION_HELP,
	OPTION_DEVICE,		/* + index in virtio_kinds; the last */
};

#define DEVICE_KINDS_MAX 16

static const struct option fixed_options[] = {
	{ "memory", required_argument, NULL, OPTION_MEMORY },
	{ "initrd", required_argument, NULL, OPTION_INITRD },
	{ "append", required_argument, NULL, OPTION_APPEND },
	{ "stats", required_argument, NULL, OPTION_STATS },
	{ "cache", required_argument, NULL, OPTION_CACHE },
	{ "layer", required_argument, NULL, OPTION_LAYER },
	{ "escape", required_argument, NULL, OPTION_ESCAPE },
	{ "cpus", required_argument, NULL, OPTION_CPUS },
	{ "pin", required_argument, NULL, OPTION_PIN },
	{ "stop-timeout", required_argument, NULL, OPTION_STOP_TIMEOUT },
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "user", required_argument, NULL, OPTION_USER },
	{ "chroot", required_argument, NULL, OPTION_CHROOT },
	{ "gdb", required_argument, NULL, OPTION_GDB },
	{ "wait", no_argument, NULL, OPTION_WAIT },
	{ "no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX },
	{ "no-rng", no_argument, NULL, OPTION_NO_RNG },
	{ "verbose", no_argument, NULL, OPTION_VERBOSE },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

#define LONG_OPTIONS_MAX \
	(sizeof(fixed_options) / sizeof(*fixed_options) + DEVICE_KINDS_MAX)

/* '-': in order, so that words behind `--` are told from words before it. */
static const char short_options[] = "-:m:c:i:a:vh";

static int set_memory(struct run_options *options, const char *text,
		      const struct complaint *to)
{
	int error = words_size(text, &options->memory);

	if (error == -EINVAL)
		return complain(to, "--memory %s is not a size; write for "
				"example 512M or 2G", text);
	if (error || options->memory > OPTIONS_MEMORY_MAX)
		return complain(to, "--memory %s is more than a guest can "
				"have (%lluG)", text,
				(unsigned long long)OPTIONS_MEMORY_MAX >> 30);
	if (options->memory < OPTIONS_MEMORY_MIN)
		return complain(to, "--memory %s is too little for a Linux "
				"kernel; give at least %lluM", text,
				(unsigned long long)OPTIONS_MEMORY_MIN >> 20);
	options->memory &= ~(GUEST_PAGE_SIZE - 1);
	return 0;
}

static int set_cpus(struct run_options *options, const char *text,
		    const struct complaint *to)
{
	uint64_t number;

	if (words_number(text, 1, RL_VCPUS_MAX, &number))
		return complain(to, "--cpus %s is not a number of CPUs (1 to %d)",
				text, RL_VCPUS_MAX);
	options->cpus = number;
	return 0;
}

/* One word of --pin: a pCPU, or - for none. */
static bool read_pin(const char *word, int *pin)
{
	uint64_t number;

	*pin = -1;
	if (!strcmp(word, "-"))
		return true;
	if (words_number(word, 0, OPTIONS_PCPU_MAX, &number))
		return false;
	*pin = number;
	return true;
}

/* Behind all options, as --cpus may stand behind --pin. */
static int read_pins(struct run_options *options, const struct complaint *to)
{
	const char *text = options->pin;
	unsigned int count = 0;
	char word[16];
	size_t size;

	for (count = 0; count < RL_VCPUS_MAX; count++)
		options->pins[count] = -1;
	for (count = 0; text; count++, text = text[size] ? text + size + 1 : NULL) {
		size = strcspn(text, ",");
		snprintf(word, sizeof(word), "%.*s", (int)size, text);
		if (size >= sizeof(word) || count >= RL_VCPUS_MAX ||
		    !read_pin(word, &options->pins[count]))
			return complain(to, "--pin %s is not a list of the host's "
					"CPUs, such as 0,1 or -,3", options->pin);
	}
	if (options->pin && count > options->cpus)
		return complain(to, "--pin %s names %u CPUs, and the guest has %u "
				"(--cpus)", options->pin, count, options->cpus);
	return 0;
}

static int set_stop_timeout(struct run_options *options, const char *text,
			    const struct complaint *to)
{
	uint64_t seconds;

	if (words_number(text, 0, OPTIONS_STOP_MAX, &seconds))
		return complain(to, "--stop-timeout %s is not a number of "
				"seconds (0 to %d)", text, OPTIONS_STOP_MAX);
	options->stop_timeout = seconds;
	return 0;
}

static int set_escape(struct run_options *options, const char *text,
		      const struct complaint *to)
{
	int key = terminal_parse_key(text);

	if (key < -1)
		return complain(to, "--escape %s is not a control key; write "
				"for example ^A or ^], or none", text);
	options->escape = key;
	return 0;
}

static int set_gdb(struct run_options *options, const char *text,
		   const struct complaint *to)
{
	const char *wrong = gdb_check_place(text);

	if (wrong)
		return complain(to, "--gdb %s: %s", text, wrong);
	options->gdb = text;
	return 0;
}

static int set_word(struct run_options *options, const char *text,
		    const struct complaint *to)
{
	if (options->kernel)
		return complain(to, "unexpected argument %s: only one kernel "
				"can be started, and arguments for it go "
				"behind --", text);
	options->kernel = text;
	return 0;
}

static int set_device(const struct virtio_kind *kind,
		      struct run_options *options, const char *text,
		      const struct complaint *to)
{
	struct device_option *option;

	if (options->device_count == RL_MMIO_DEVICES)
		return complain(to, "--%s: a guest can have %d devices, not "
				"more", kind->option, RL_MMIO_DEVICES);
	option = &options->devices[options->device_count++];
	option->kind = kind;
	option->text = text ? text : "";
	return 0;
}

/*
 * A guest without the host's random numbers makes keys that can be guessed, so
 * it has them unless somebody says otherwise. The last device: those that the
 * user named keep their places.
 */
static void add_rng(struct run_options *options)
{
	const struct virtio_kind *rng = virtio_find_kind("rng");
	unsigned int i;

	for (i = 0; i < options->device_count; i++)
		if (options->devices[i].kind == rng)
			return;
	if (options->no_rng || !rng ||
	    options->device_count == RL_MMIO_DEVICES)
		return;
	options->devices[options->device_count].kind = rng;
	options->devices[options->device_count].text = "";
	options->device_count++;
}

static int read_config(struct run_options *options, const char *path,
		       const struct complaint *to);

static int set_option(int id, struct run_options *options,
		      const struct complaint *to)
{
	if (id >= OPTION_DEVICE)
		return set_device(virtio_kinds[id - OPTION_DEVICE], options,
				  optarg, to);
	switch (id) {
	case 'm':
	case OPTION_MEMORY:
		return set_memory(options, optarg, to);
	case 'i':
	case OPTION_INITRD:
		options->initrd = optarg;
		return 0;
	case 'a':
	case OPTION_APPEND:
		options->append = optarg;
		return 0;
	case OPTION_STATS:
		options->stats = optarg;
		return 0;
	case OPTION_CACHE:
		options->cache = optarg;
		return 0;
	case OPTION_LAYER:
		options->layer = optarg;
		return 0;
	case OPTION_USER:
		options->user = optarg;
		return 0;
	case OPTION_CHROOT:
		options->folder = optarg;
		return 0;
	case OPTION_GDB:
		return set_gdb(options, optarg, to);
	case OPTION_WAIT:
		options->gdb_wait = true;
		return 0;
	case OPTION_NO_SANDBOX:
		options->no_sandbox = true;
		return 0;
	case OPTION_NO_RNG:
		options->no_rng = true;
		return 0;
	case OPTION_ESCAPE:
		return set_escape(options, optarg, to);
	case 'c':
	case OPTION_CPUS:
		return set_cpus(options, optarg, to);
	case OPTION_PIN:
		options->pin = optarg;
		return 0;
	case OPTION_STOP_TIMEOUT:
		return set_stop_timeout(options, optarg, to);
	case OPTION_CONFIG:
		return read_config(options, optarg, to);
	case 'v':
	case OPTION_VERBOSE:
		options->verbose++;
		return 0;
	case 'h':
	case OPTION_HELP:
		options->help = true;
		return 0;
	default:
		return set_word(options, optarg, to);
	}
}

/*
 * getopt leaves in optopt: a letter, the value of a long option that has too much
 * or too little behind it, or 0 for a long one that is not known. Of the last two
 * it has moved on; with a letter it may still be inside of its word.
 */
/* The fixed options and one for each kind of device. */
static void list_options(struct option *list, size_t room)
{
	size_t fixed = sizeof(fixed_options) / sizeof(*fixed_options) - 1;
	size_t count = fixed;

	memcpy(list, fixed_options, fixed * sizeof(*list));
	for (int i = 0; virtio_kinds[i] && count < room - 1; i++)
		list[count++] = (struct option){
			.name = virtio_kinds[i]->option,
			.has_arg = virtio_kinds[i]->text_required ?
					   required_argument :
					   optional_argument,
			.val = OPTION_DEVICE + i,
		};
	memset(&list[count], 0, sizeof(*list));
}

/* One line of a file: what the command line would say as --name=value. */
static int set_line(struct run_options *options, const char *name, char *value,
		    const struct complaint *to)
{
	struct option list[LONG_OPTIONS_MAX];
	int i;

	if (!strcmp(name, "kernel"))
		return value && *value ? set_word(options, value, to) :
					 complain(to, "kernel needs a file");
	list_options(list, LONG_OPTIONS_MAX);
	for (i = 0; list[i].name && strcmp(list[i].name, name); i++)
		;
	if (!list[i].name)
		return complain(to, "unknown option %s", name);
	if (list[i].val == OPTION_CONFIG || list[i].val == OPTION_HELP)
		return complain(to, "%s is for the command line only", name);
	if (list[i].has_arg == required_argument && !value)
		return complain(to, "option %s needs a value", name);
	if (list[i].has_arg == no_argument && value)
		return complain(to, "option %s takes no value", name);
	optarg = value;
	return set_option(list[i].val, options, to);
}

static int read_config(struct run_options *options, const char *path,
		       const struct complaint *to)
{
	char message[256], *name, *value;
	struct complaint line_to = { message, sizeof(message) };
	struct config config;
	int error;

	if (options->config)
		return complain(to, "--config %s: one file is all", path);
	error = config_open(&config, path);
	if (error)
		return complain(to, "--config %s: %s", path,
				error == -E2BIG ? "too long" :
				error == -EINVAL ? "no text file" :
				strerror(-error));
	options->config = config.text;
	while (config_next(&config, &name, &value)) {
		error = set_line(options, name, value, &line_to);
		if (error)
			return complain(to, "%s:%u: %s", path, config.line,
					message);
	}
	return 0;
}

void options_free(struct run_options *options)
{
	free(options->config);
	options->config = NULL;
}

int options_parse_run(int argc, char **argv, struct run_options *options,
		      char *message, size_t message_size)
{
	struct option long_options[LONG_OPTIONS_MAX];
	struct complaint to = { message, message_size };
	int code, error;

	list_options(long_options, LONG_OPTIONS_MAX);
	memset(options, 0, sizeof(*options));
	options->memory = OPTIONS_MEMORY_DEFAULT;
	options->cpus = 1;
	options->escape = TERMINAL_ESCAPE_DEFAULT;
	options->stop_timeout = OPTIONS_STOP_DEFAULT;
	usage_begin();
	while ((code = getopt_long(argc, argv, short_options, long_options,
				   NULL)) != -1) {
		if (code == '?' || code == ':')
			return usage_complain(code, argv, &to);
		error = set_option(code, options, &to);
		if (error)
			return error;
		if (options->help)
			return 0;
	}
	options->words = argv + optind;
	options->word_count = argc - optind;
	if (!options->kernel)
		return complain(&to, "no kernel given; say which file to "
				"start, for example /boot/vmlinuz-...");
	if (options->gdb_wait && !options->gdb)
		return complain(&to, "--wait is for gdb: give --gdb, too");
	if (options->no_sandbox && (options->user || options->folder))
		return complain(&to, "--no-sandbox goes with neither --user "
				"nor --chroot");
	if (!*options->kernel)
		return complain(&to, "the kernel's file name is empty");
	add_rng(options);
	return read_pins(options, &to);
}
