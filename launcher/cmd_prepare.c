// SPDX-License-Identifier: GPL-2.0
/*
 * `ringlet prepare`: makes a kernel ready to run, or says why it cannot be.
 * `ringlet run` does the same by itself; this is for those who want to know
 * first, or to fill the cache of all users.
 */
#include "cmd.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cache.h"
#include "exit.h"
#include "log.h"
#include "prepare.h"
#include "usage.h"

static const char usage[] =
"Usage: ringlet prepare [options] KERNEL\n"
"Fits the paravirt layer to KERNEL (a bzImage or an ELF vmlinux), or says\n"
"why it cannot be, and keeps the result in the cache, whose entry is printed.\n"
"\n"
"  --cache DIR    the cache ($RINGLET_CACHE, else ~/.cache/ringlet)\n"
"  --system       the cache of all users, /var/cache/ringlet; only root can\n"
"  --layer FILE   the layer ($RINGLET_LAYER, else the one that came with this\n"
"                 program)\n"
"  -v, --verbose  say what is done\n"
"  -h, --help     this text\n";

enum { OPTION_CACHE = 256, OPTION_SYSTEM, OPTION_LAYER, OPTION_VERBOSE,
       OPTION_HELP };

static const struct option long_options[] = {
	{ "cache", required_argument, NULL, OPTION_CACHE },
	{ "system", no_argument, NULL, OPTION_SYSTEM },
	{ "layer", required_argument, NULL, OPTION_LAYER },
	{ "verbose", no_argument, NULL, OPTION_VERBOSE },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

/* 0, or STATUS_USAGE after a message, or -1 for --help. */
static int parse(int argc, char **argv, struct prepare_options *o, bool *verbose)
{
	int c;

	usage_begin();
	while ((c = usage_next(argc, argv, ":vh", long_options)) != -1) {
		switch (c) {
		case OPTION_CACHE:
			o->cache_dir = optarg;
			break;
		case OPTION_SYSTEM:
			o->cache_dir = cache_system;
			/* For all to read, whatever root's own files are. */
			umask(022);
			break;
		case OPTION_LAYER:
			o->layer = optarg;
			break;
		case 'v':
		case OPTION_VERBOSE:
			*verbose = true;
			break;
		case 'h':
		case OPTION_HELP:
			return -1;
		default:
			return STATUS_USAGE;
		}
	}
	if (argc - optind == 1)
		return 0;
	return usage_wrong(argv, argc == optind ? "no kernel is named" :
			   "one kernel at a time");
}

int cmd_prepare(int argc, char **argv)
{
	struct prepare_options options = { 0 };
	struct prepared prepared;
	bool verbose = false;
	int ret = parse(argc, argv, &options, &verbose);

	if (ret < 0) {
		fputs(usage, stdout);
		return STATUS_OK;
	}
	if (ret)
		return ret;
	if (verbose)
		log_set_level(LOG_LEVEL_INFO);
	ret = prepare_kernel(argv[optind], &options, &prepared);
	if (ret)
		return prepare_status(ret);
	log_info("kernel %s is %s", prepared.release,
		 prepared.cached ? "in the cache already" : "prepared");
	puts(prepared.dir);
	prepared_free(&prepared);
	return STATUS_OK;
}
