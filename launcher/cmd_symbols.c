// SPDX-License-Identifier: GPL-2.0
/*
 * `ringlet symbols`: names for a debugger, of a kernel that has no debug package.
 */
#include "cmd.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "budget.h"
#include "exit.h"
#include "image.h"
#include "kernel.h"
#include "log.h"
#include "prepare.h"
#include "symbols.h"
#include "usage.h"

static const char usage[] =
"Usage: ringlet symbols [options] KERNEL\n"
"Writes an ELF file with the names that KERNEL (a bzImage or an ELF vmlinux) has\n"
"in it for its own use, for gdb and others that read ELF, and with the way to\n"
"unwind its stack. No debug package is needed.\n"
"\n"
"  -o, --output FILE  write it there, not to standard output\n"
"      --offset N     add N to each address (hexadecimal with 0x). A guest's kernel\n"
"                     lies where it was linked: it needs none\n"
"  -h, --help         this text\n"
"\n"
"  ringlet run --gdb unix:gdb.sock /boot/vmlinuz-... (in another terminal)\n"
"  ringlet symbols -o kernel.symbols /boot/vmlinuz-...\n"
"  gdb -ex 'target remote gdb.sock' kernel.symbols\n";

struct request {
	const char *output;	/* or NULL */
	uint64_t offset;
};

enum { OPTION_OUTPUT = 256, OPTION_OFFSET, OPTION_HELP };

static int parse_offset(const char *text, uint64_t *offset)
{
	char *end;

	errno = 0;
	*offset = strtoull(text, &end, 0);
	return errno || *end || end == text ? -EINVAL : 0;
}

/* 0, or STATUS_USAGE after a message, or -1 for --help. */
static int parse(int argc, char **argv, struct request *request)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, OPTION_OUTPUT },
		{ "offset", required_argument, NULL, OPTION_OFFSET },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ NULL, 0, NULL, 0 },
	};
	int code;

	usage_begin();
	while ((code = usage_next(argc, argv, ":o:h", options)) != -1) {
		switch (code) {
		case 'o':
		case OPTION_OUTPUT:
			request->output = optarg;
			break;
		case OPTION_OFFSET:
			if (parse_offset(optarg, &request->offset))
				return usage_wrong(argv, "--offset %s is not a "
						   "number", optarg);
			break;
		case 'h':
		case OPTION_HELP:
			return -1;
		default:
			return STATUS_USAGE;
		}
	}
	if (argc - optind != 1)
		return usage_wrong(argv, argc == optind ? "no kernel is named" :
				   "one kernel at a time");
	if (!request->output && isatty(STDOUT_FILENO))
		return usage_wrong(argv, "the file is not for terminals; give "
				   "--output FILE");
	return 0;
}

static int write_file(const struct request *request, const uint8_t *data,
		      size_t size)
{
	const char *name = request->output ? request->output :
					     "standard output";
	FILE *file = request->output ? fopen(name, "we") : stdout;
	bool good;

	if (!file) {
		log_warn("cannot write %s", name);
		return STATUS_ERROR;
	}
	good = fwrite(data, size, 1, file) == 1;
	good = (file == stdout ? !fflush(file) : !fclose(file)) && good;
	if (good)
		return STATUS_OK;
	log_warn("cannot write all of %s", name);
	return STATUS_ERROR;
}

static int from_image(const struct request *request, const struct image *image)
{
	struct kernel k;
	int status, error = kernel_open_symbols(&k, image);
	uint8_t *data;
	size_t size;

	if (error)
		return prepare_status(error);
	data = symbols_file(&(struct symbols_source){ &k.elf, k.symbols,
						      request->offset }, &size);
	if (data) {
		status = write_file(request, data, size);
	} else if (budget_check()) {
		status = prepare_status(budget_check());
	} else {
		log_warnx("no memory for the symbols of %s", image->file);
		status = STATUS_ERROR;
	}
	free(data);
	kernel_close(&k);
	return status;
}

int cmd_symbols(int argc, char **argv)
{
	struct request request = { 0 };
	struct image image;
	int status = parse(argc, argv, &request), error;

	if (status < 0) {
		fputs(usage, stdout);
		return STATUS_OK;
	}
	if (status)
		return status;
	budget_begin(argv[optind], BUDGET_STEPS);
	error = image_read(&image, argv[optind]);
	if (error)
		return prepare_status(error);
	error = image_unpack(&image);
	if (!error && image.i386) {
		log_warnx("%s is a 32-bit kernel: there are symbol files of 64-bit ones "
			  "only", argv[optind]);
		error = -ENOEXEC;
	}
	status = error ? prepare_status(error) : from_image(&request, &image);
	image_free(&image);
	return status;
}
