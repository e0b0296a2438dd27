// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: whatever comes on gdb's connection. Byte 0 says what is checked: with
 * an odd one, packets have to be right to be heard; else each line is the data of one.
 * The guest is that of the unit tests.
 */
#include <stdlib.h>
#include <string.h>

#include "launcher/gdb_session.h"
#include "tests/unit/gdb_guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gdb_session session;
static char frame[GDB_FRAME_MAX];

static void check(bool right)
{
	if (!right)
		abort();
}

/* The reply can be sent, and is heard as it was said. */
static void check_reply(void)
{
	static struct gdb_parser parser;
	enum gdb_input input = GDB_MORE;
	size_t size;

	check(session.reply.size <= GDB_PACKET_MAX);
	size = gdb_frame(frame, session.reply.data, session.reply.size);
	check(size <= sizeof(frame));
	for (size_t i = 0; i < size; i++)
		input = gdb_parse(&parser, frame[i]);
	check(input == GDB_PACKET && parser.size == session.reply.size &&
	      !memcmp(parser.data, session.reply.data, parser.size));
}

static void serve(const char *data, size_t size)
{
	struct rl_run run = { .vector = size & 1 ? 1 : 3, .dr6 = size };

	switch (gdb_command(&session, data, size)) {
	case GDB_ANSWER:
		check_reply();
		break;
	case GDB_RESUME:
		check(!gdb_arm(&target, 0));
		/* Only what the module would take. */
		check(!(fake_vm.debug.dr7 & ~0xffff00ffull));
		if (gdb_judge(&target, 0, &run)) {
			gdb_say_stop(&session);
			check_reply();
		}
		break;
	case GDB_GOODBYE:
		gdb_remove_all(&target);
	}
	check(session.selected < target.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gdb_parser parser;
	bool framed = size && data[0] & 1;

	memset(&parser, 0, sizeof(parser));
	memset(&session, 0, sizeof(session));
	guest_begin();
	session.target = &target;
	target.count = 2;
	for (size_t i = 1; i < size; i++) {
		if (framed) {
			if (gdb_parse(&parser, data[i]) == GDB_PACKET)
				serve(parser.data, parser.size);
		} else if (data[i] == '\n') {
			parser.data[parser.size] = '\0';
			serve(parser.data, parser.size);
			parser.size = 0;
		} else if (parser.size < GDB_PACKET_MAX) {
			parser.data[parser.size++] = data[i];
		}
	}
	guest_end();
	return 0;
}
