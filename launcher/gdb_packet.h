/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets of gdb's remote protocol ("Debugging with GDB", appendix E): $data#sum, where
 * `}` takes away the meaning of the byte behind it. Bytes come from whoever has connected,
 * so nothing about them is taken for granted.
 */
#ifndef RINGLET_LAUNCHER_GDB_PACKET_H
#define RINGLET_LAUNCHER_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GDB_PACKET_MAX	0x4000	/* bytes of data, in and out */

enum gdb_input {
	GDB_MORE,	/* the packet is not complete yet */
	GDB_PACKET,	/* data holds one */
	GDB_DAMAGED,	/* its sum was wrong, or it was too long */
	GDB_ACK,	/* + */
	GDB_NAK,	/* - : the last packet is wanted again */
	GDB_INTERRUPT,	/* byte 3, Ctrl-C */
};

/* All zero: at the beginning. */
struct gdb_parser {
	enum { GDB_OUTSIDE, GDB_DATA, GDB_ESCAPED, GDB_SUM_1, GDB_SUM_2 } state;
	uint8_t sum, told;
	bool too_long;
	size_t size;
	char data[GDB_PACKET_MAX + 1];	/* NUL terminated when complete */
};

enum gdb_input gdb_parse(struct gdb_parser *, uint8_t byte);

/*
 * A packet with this data, as it is sent: its size, at most GDB_FRAME_MAX for data of
 * GDB_PACKET_MAX.
 */
#define GDB_FRAME_MAX	(2 * GDB_PACKET_MAX + 4)
size_t gdb_frame(char *out, const char *data, size_t size);

/* What is said in answer to a packet. All zero: nothing, "not supported". */
struct gdb_reply {
	size_t size;
	char data[GDB_PACKET_MAX + 1];
};

/* What does not fit is left out. */
void gdb_say(struct gdb_reply *, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void gdb_say_hex(struct gdb_reply *, const void *data, size_t size);

/*
 * A hexadecimal number that `*at` begins with: true, and *at is moved behind it. False: there is
 * none, or it has more than 64 bits.
 */
bool gdb_number(const char **at, uint64_t *value);

/* The same, which the character `end` must follow, and is skipped. */
bool gdb_number_until(const char **at, char end, uint64_t *value);

/* `size` bytes of two digits each: true, and *at is moved behind them. */
bool gdb_bytes(const char **at, void *data, size_t size);

#endif
