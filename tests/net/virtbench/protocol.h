/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What virtbench's server and its client say to each other, for stand-ins of both:
 * the client connects and sends its number (int). For each benchmark the server sends
 * an unsigned int of runs, a name with its NUL, and options; the client acknowledges
 * by an int when it is ready; the server sends START_BYTES of zero; the client
 * acknowledges again when it is done.
 */
#ifndef RINGLET_TESTS_NET_VIRTBENCH_PROTOCOL_H
#define RINGLET_TESTS_NET_VIRTBENCH_PROTOCOL_H

#include <stdint.h>

#define START_BYTES	6
#define PATTERN		"virtbench's scratch file, block %d\n"
#define BLOCK		4096	/* bytes; of the disk */
#define BLOCKS		16
#define PAIR_BYTES	(1u << 20)

/* Options of a benchmark between two guests. Addresses in the host's byte order. */
struct pair {
	uint32_t mine, other;
	uint32_t begins;	/* which of the two connects */
};

#endif
