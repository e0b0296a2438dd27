// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes to and from the launcher, through buffers whose GPA is known; and the last words
 * of a guest whose shim cannot go on.
 *
 * What is sent waits for the end of its line, or until the kernel has nothing to do or
 * its timer fires: each call is an exit to the launcher.
 */
#include <stdarg.h>

#include "shim.h"

#define ROOM 1024

static char output[ROOM];
static u8 input[ROOM];
static unsigned int held;

/* What the launcher does not take is lost: nobody waits for a console with interrupts off. */
void console_flush(void)
{
	if (held)
		hypercall(RL_HC_CONSOLE_WRITE, gpa_of(output), held, 0);
	held = 0;
}

void console_put(char c)
{
	output[held++] = c;
	if (c == '\n' || held == ROOM)
		console_flush();
}

/* Bytes read, at most room. */
unsigned int console_get(u8 *to, unsigned int room)
{
	s64 got;

	if (room > ROOM)
		room = ROOM;
	got = hypercall(RL_HC_CONSOLE_READ, gpa_of(input), room, 0);
	if (got < 0)
		return 0;
	got = RL_CONSOLE_BYTES(got);
	if (got > room)
		got = room;
	for (s64 i = 0; i < got; i++)
		to[i] = input[i];
	return got;
}

static void say(const char *text)
{
	while (*text)
		console_put(*text++);
}

static void say_number(const char *name, u64 number)
{
	say(name);
	for (int shift = 60; shift >= 0; shift -= 4)
		if (!shift || number >> shift)
			console_put("0123456789abcdef"[number >> shift & 15]);
}

/* f may be NULL. */
void fatal(const char *why, const struct frame *f)
{
	say("\r\nringlet: the guest's kernel cannot go on: ");
	say(why);
	if (f) {
		say_number("; exception 0x", f->vector);
		say_number(", error 0x", f->error);
		say_number(", at 0x", f->cs);
		say_number(":0x", f->rip);
		say_number(", stack 0x", f->rsp);
		say_number(", address 0x", shared.cr2);
	}
	say("\r\n");
	console_flush();
	for (;;)
		hypercall(RL_HC_SHUTDOWN, RL_SHUTDOWN_PANIC, 0, 0);
}
