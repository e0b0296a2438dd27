/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command line of `ringlet run`, turned into a struct. Nothing is opened
 * or checked against the host here.
 */
#ifndef RINGLET_LAUNCHER_OPTIONS_H
#define RINGLET_LAUNCHER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../virtio_devices/words.h"
#include "devices.h"

#define OPTIONS_MEMORY_DEFAULT	(512ull << 20)
#define OPTIONS_MEMORY_MIN	(64ull << 20)
#define OPTIONS_MEMORY_MAX	(1ull << 40)
#define OPTIONS_STOP_DEFAULT	90	/* s */
#define OPTIONS_STOP_MAX	86400
#define OPTIONS_PCPU_MAX	8191

/* The strings belong to argv, or to config. */
struct run_options {
	const char *kernel;
	const char *initrd;	/* or NULL */
	const char *append;	/* or NULL */
	char **words;		/* kernel arguments behind `--` */
	int word_count;
	uint64_t memory;	/* bytes, page aligned */
	unsigned int cpus;	/* 1 to RL_VCPUS_MAX */
	const char *pin;	/* --pin as it stands, or NULL */
	int pins[RL_VCPUS_MAX];	/* pCPU of each vCPU, -1: any */
	const char *stats;	/* file, "-", or NULL */
	const char *cache;	/* or NULL, and so on: prepare's defaults */
	const char *layer;
	const char *user;	/* --user, or NULL */
	const char *folder;	/* --chroot, or NULL */
	const char *gdb;	/* --gdb, or NULL */
	bool gdb_wait;
	bool no_sandbox;
	bool no_rng;		/* else there is one in any case */
	int escape;		/* the escape key as a byte, -1: none */
	unsigned int stop_timeout;	/* s from SIGTERM to the end */
	int verbose;		/* how often */
	struct device_option devices[RL_MMIO_DEVICES];	/* --disk and so on */
	unsigned int device_count;
	bool help;		/* nothing but --help is wanted */
	char *config;		/* the text of --config's file, or NULL */
};

/*
 * argv[0] is the subcommand's name. 0, or -EINVAL with one line about what is
 * wrong in message.
 */
int options_parse_run(int argc, char **argv, struct run_options *options,
		      char *message, size_t message_size);

/* What options_parse_run() allocated, whether it failed or not. */
void options_free(struct run_options *options);

#endif
