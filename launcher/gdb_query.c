// SPDX-License-Identifier: GPL-2.0
/*
 * gdb's questions: what this stub can do, which threads there are, and `monitor`
 * ("Debugging with GDB", E.5).
 */
#include "gdb_commands.h"

#include <stdlib.h>

static void list_threads(struct gdb_session *s)
{
	if (s->listed >= s->target->count) {
		gdb_say(&s->reply, "l");
		return;
	}
	gdb_say(&s->reply, "m%x", THREAD(s->listed++));
	for (; s->listed < s->target->count; s->listed++)
		gdb_say(&s->reply, ",%x", THREAD(s->listed));
}

static void list_first_threads(struct gdb_session *s)
{
	s->listed = 0;
	list_threads(s);
}

static void start_no_ack(struct gdb_session *s)
{
	s->no_ack = true;
	say_ok(s);
}

static void describe_thread(struct gdb_session *s, const char *at)
{
	int vcpu = gdb_thread_of(s, &at);
	char text[64];
	struct rl_regs regs;

	if (vcpu < 0 || vm_get_regs(s->target->fds[vcpu], &regs)) {
		say_error(s);
		return;
	}
	snprintf(text, sizeof(text), "vCPU %d, in ring %d", vcpu,
		 (int)regs.cs & 3);
	gdb_say_hex(&s->reply, text, strlen(text));
}

static void monitor(struct gdb_session *s, const char *at)
{
	char words[256] = "", *said = NULL;
	size_t size = strlen(at) / 2;
	FILE *out;

	if (size >= sizeof(words) || !gdb_bytes(&at, words, size)) {
		say_error(s);
		return;
	}
	out = open_memstream(&said, &size);
	if (!out) {
		say_error(s);
		return;
	}
	gdb_monitor(s, words, out);
	if (!fclose(out))
		gdb_say_hex(&s->reply, said,
			    size < GDB_PACKET_MAX / 2 ? size :
							GDB_PACKET_MAX / 2);
	free(said);
}

/* qXfer:features:read:target.xml:OFFSET,LENGTH */
static void say_features(struct gdb_session *s, const char *at)
{
	size_t size = strlen(gdb_target_xml);
	uint64_t offset, length;

	if (!gdb_number_until(&at, ',', &offset) || !gdb_number(&at, &length)) {
		say_error(s);
		return;
	}
	if (offset > size)
		offset = size;
	if (length > GDB_PACKET_MAX - 1)
		length = GDB_PACKET_MAX - 1;
	if (length > size - offset)
		length = size - offset;
	gdb_say(&s->reply, "%c%.*s", offset + length < size ? 'm' : 'l',
		(int)length, gdb_target_xml + offset);
}

void gdb_query(struct gdb_session *s, const char *data)
{
	static const char xml[] = "qXfer:features:read:target.xml:";

	if (begins(data, "qSupported"))
		gdb_say(&s->reply, "PacketSize=%x;qXfer:features:read+;"
			"QStartNoAckMode+;vContSupported+;swbreak+;hwbreak+",
			GDB_PACKET_MAX);
	else if (begins(data, xml))
		say_features(s, data + strlen(xml));
	else if (!strcmp(data, "qfThreadInfo"))
		list_first_threads(s);
	else if (!strcmp(data, "qsThreadInfo"))
		list_threads(s);
	else if (begins(data, "qThreadExtraInfo,"))
		describe_thread(s, strchr(data, ',') + 1);
	else if (!strcmp(data, "qC"))
		gdb_say(&s->reply, "QC%x", THREAD(s->selected));
	else if (begins(data, "qAttached"))
		gdb_say(&s->reply, "1");
	else if (!strcmp(data, "qOffsets"))
		/* The launcher puts a kernel where it was linked. */
		gdb_say(&s->reply, "Text=0;Data=0;Bss=0");
	else if (begins(data, "qRcmd,"))
		monitor(s, strchr(data, ',') + 1);
	else if (!strcmp(data, "QStartNoAckMode"))
		start_no_ack(s);
}
