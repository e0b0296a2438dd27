// SPDX-License-Identifier: GPL-2.0
/* Packets of gdb's remote protocol. See gdb_packet.h. */
#include "gdb_packet.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' ^ 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void take(struct gdb_parser *p, uint8_t byte)
{
	if (p->size < GDB_PACKET_MAX)
		p->data[p->size++] = byte;
	else
		p->too_long = true;
}

/* Between packets: their beginnings, and bytes that stand alone. Others are noise. */
static enum gdb_input outside(struct gdb_parser *p, uint8_t byte)
{
	switch (byte) {
	case '$':
		p->state = GDB_DATA;
		p->sum = 0;
		p->size = 0;
		p->too_long = false;
		return GDB_MORE;
	case '+':
		return GDB_ACK;
	case '-':
		return GDB_NAK;
	case 3:
		return GDB_INTERRUPT;
	}
	return GDB_MORE;
}

enum gdb_input gdb_parse(struct gdb_parser *p, uint8_t byte)
{
	int value = digit(byte);

	switch (p->state) {
	case GDB_OUTSIDE:
		return outside(p, byte);
	case GDB_DATA:
		if (byte == '#') {
			p->state = GDB_SUM_1;
			return GDB_MORE;
		}
		if (byte == '$')	/* the one before was cut off */
			return outside(p, byte);
		p->sum += byte;
		if (byte == '}')
			p->state = GDB_ESCAPED;
		else
			take(p, byte);
		return GDB_MORE;
	case GDB_ESCAPED:
		p->sum += byte;
		take(p, byte ^ 0x20);
		p->state = GDB_DATA;
		return GDB_MORE;
	case GDB_SUM_1:
		p->told = value < 0 ? 0 : value << 4;
		p->too_long |= value < 0;
		p->state = GDB_SUM_2;
		return GDB_MORE;
	default:
		p->state = GDB_OUTSIDE;
		p->data[p->size] = '\0';
		return value < 0 || p->too_long || (p->told | value) != p->sum ?
			       GDB_DAMAGED : GDB_PACKET;
	}
}

size_t gdb_frame(char *out, const char *data, size_t size)
{
	char *at = out;
	uint8_t sum = 0;

	*at++ = '$';
	for (size_t i = 0; i < size; i++) {
		char c = data[i];

		if (c == '$' || c == '#' || c == '}' || c == '*') {
			*at++ = '}';
			sum += '}';
			c ^= 0x20;
		}
		*at++ = c;
		sum += c;
	}
	at += sprintf(at, "#%02x", sum);
	return at - out;
}

void gdb_say(struct gdb_reply *r, const char *format, ...)
{
	size_t room = sizeof(r->data) - r->size;
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = vsnprintf(r->data + r->size, room, format, arguments);
	va_end(arguments);
	if (size > 0)
		r->size += (size_t)size < room ? (size_t)size : room - 1;
}

void gdb_say_hex(struct gdb_reply *r, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++)
		gdb_say(r, "%02x", bytes[i]);
}

bool gdb_number(const char **at, uint64_t *value)
{
	const char *start = *at;

	*value = 0;
	while (digit(**at) >= 0) {
		if (*value >> 60)
			return false;
		*value = *value << 4 | digit(*(*at)++);
	}
	return *at != start;
}

bool gdb_number_until(const char **at, char end, uint64_t *value)
{
	if (!gdb_number(at, value) || **at != end)
		return false;
	++*at;
	return true;
}

bool gdb_bytes(const char **at, void *data, size_t size)
{
	uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++, *at += 2) {
		int high = digit((*at)[0]);
		int low = high < 0 ? -1 : digit((*at)[1]);

		if (low < 0)
			return false;
		bytes[i] = high << 4 | low;
	}
	return true;
}
