// SPDX-License-Identifier: GPL-2.0
/*
 * What gdb says and hears: packets whole and damaged, registers, memory by the guest's
 * tables, breakpoints, the choice of who goes on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "gdb_guest.h"
#include "launcher/gdb_session.h"

static struct gdb_session session;
static struct gdb_parser parser;

static int begin(void **state)
{
	(void)state;
	guest_begin();
	memset(&session, 0, sizeof(session));
	session.target = &target;
	return 0;
}

static int end(void **state)
{
	(void)state;
	guest_end();
	return 0;
}

static enum gdb_next last;

static const char *ask(const char *packet)
{
	last = gdb_command(&session, packet, strlen(packet));
	session.reply.data[session.reply.size] = '\0';
	return session.reply.data;
}

#define SAYS(packet, reply) assert_string_equal(ask(packet), reply)

/* --- packets ------------------------------------------------------------------------ */

static enum gdb_input feed(const char *bytes, size_t size)
{
	enum gdb_input last_input = GDB_MORE;

	for (size_t i = 0; i < size; i++)
		last_input = gdb_parse(&parser, bytes[i]);
	return last_input;
}

#define FEED(bytes) feed(bytes, sizeof(bytes) - 1)

static void test_packets(void **state)
{
	(void)state;
	memset(&parser, 0, sizeof(parser));
	assert_int_equal(FEED("$g#67"), GDB_PACKET);
	assert_string_equal(parser.data, "g");
	assert_int_equal(FEED("+"), GDB_ACK);
	assert_int_equal(FEED("-"), GDB_NAK);
	assert_int_equal(FEED("\3"), GDB_INTERRUPT);
	assert_int_equal(FEED("noise"), GDB_MORE);
	assert_int_equal(FEED("$g#68"), GDB_DAMAGED);
	assert_int_equal(FEED("$g#6x"), GDB_DAMAGED);
	assert_int_equal(FEED("$g#x7"), GDB_DAMAGED);
	/* One that was cut off, and one behind it. */
	assert_int_equal(FEED("$qSupp$g#67"), GDB_PACKET);
	assert_string_equal(parser.data, "g");
	/* A byte 3 within is data. */
	assert_int_equal(FEED("$\3#03"), GDB_PACKET);
	assert_int_equal(FEED("$#00"), GDB_PACKET);
	assert_int_equal(parser.size, 0);
	/* } and then a byte with one bit changed. */
	assert_int_equal(FEED("$}\x03}]#5a"), GDB_PACKET);
	assert_memory_equal(parser.data, "#}", 3);
}

static void test_packet_size(void **state)
{
	static char data[GDB_PACKET_MAX + 1], frame[GDB_FRAME_MAX];
	size_t size;

	(void)state;
	memset(&parser, 0, sizeof(parser));
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = "$#}*abc\0"[i % 8];
	size = gdb_frame(frame, data, GDB_PACKET_MAX);
	assert_true(size <= sizeof(frame));
	assert_int_equal(feed(frame, size), GDB_PACKET);
	assert_int_equal(parser.size, GDB_PACKET_MAX);
	assert_memory_equal(parser.data, data, GDB_PACKET_MAX);
	/* One byte more: refused, and the next is read as ever. */
	feed("$", 1);
	for (size_t i = 0; i < sizeof(data); i++)
		feed("a", 1);
	assert_int_equal(FEED("#61"), GDB_DAMAGED);
	assert_int_equal(FEED("$g#67"), GDB_PACKET);
}

/* --- questions ---------------------------------------------------------------------- */

static void test_questions(void **state)
{
	(void)state;
	assert_non_null(strstr(ask("qSupported:xmlRegisters=i386"),
			       "PacketSize=4000;qXfer:features:read+;"));
	SAYS("?", "T02thread:1;");
	SAYS("qC", "QC1");
	SAYS("qAttached", "1");
	SAYS("qOffsets", "Text=0;Data=0;Bss=0");
	SAYS("vCont?", "vCont;c;C;s;S");
	SAYS("vMustReplyEmpty", "");
	SAYS("qWhatever", "");
	SAYS("_", "");
	SAYS("", "");
	assert_false(session.no_ack);
	SAYS("QStartNoAckMode", "OK");
	assert_true(session.no_ack);
}

static void test_features(void **state)
{
	char whole[8192] = "", question[64];

	(void)state;
	for (size_t offset = 0; ; offset += 100) {
		snprintf(question, sizeof(question),
			 "qXfer:features:read:target.xml:%zx,64", offset);
		strcat(whole, ask(question) + 1);
		if (*ask(question) == 'l')
			break;
		assert_int_equal(*ask(question), 'm');
	}
	assert_string_equal(whole, gdb_target_xml);
	SAYS("qXfer:features:read:target.xml:fffff,10", "l");
	SAYS("qXfer:features:read:target.xml:x,10", "E01");
	SAYS("qXfer:features:read:other.xml:0,10", "");
}

static void test_threads(void **state)
{
	(void)state;
	target.count = 3;
	SAYS("qfThreadInfo", "m1,2,3");
	SAYS("qsThreadInfo", "l");
	SAYS("T3", "OK");
	SAYS("T4", "E01");
	SAYS("Tx", "E01");
	SAYS("Hg2", "OK");
	assert_int_equal(session.selected, 1);
	SAYS("Hg0", "OK");
	SAYS("Hc-1", "OK");
	assert_int_equal(session.selected, 1);
	SAYS("Hg9", "E01");
	SAYS("H", "E01");
	SAYS("Hg", "E01");
	/* "vCPU 1, in ring 1" */
	SAYS("qThreadExtraInfo,2", "7643505520312c20696e2072696e672031");
	SAYS("qThreadExtraInfo,9", "E01");
}

/* --- registers and memory --------------------------------------------------------------- */

static void test_registers(void **state)
{
	char all[2048];

	(void)state;
	SAYS("p0", "8877665544332211");
	SAYS("p10", "00800081ffffffff");
	SAYS("p11", "02020000");
	SAYS("p12", "39000000");
	SAYS("p18", "xxxxxxxxxxxxxxxxxxxx");	/* st0 */
	SAYS("p20", "xxxxxxxx");
	SAYS("p2a", "E01");
	SAYS("pffffffffffffffffff", "E01");
	strcpy(all, ask("g"));
	/* 17 of 8 bytes, 7 of 4, 8 of 10, 8 of 4, 2 of 8 */
	assert_int_equal(strlen(all), 2 * (17 * 8 + 7 * 4 + 8 * 10 + 8 * 4 + 16));
	SAYS("P0=0100000000000080", "OK");
	assert_int_equal(fake_vm.regs.rax, 0x8000000000000001);
	SAYS("P18=00000000000000000000", "OK");
	SAYS("P0=01", "E01");
	SAYS("P0=0g00000000000080", "E01");
	SAYS("P2a=00", "E01");
	SAYS("P0", "E01");
	/* All as they were. */
	memmove(all + 1, all, strlen(all) + 1);
	*all = 'G';
	SAYS(all, "OK");
	assert_int_equal(fake_vm.regs.rax, 0x1122334455667788);
	assert_int_equal(fake_vm.regs.rflags, 0x202);
	all[20] = 'z';
	SAYS(all, "E01");
	fake_vm.regs_error = -EINVAL;
	SAYS("P0=0100000000000080", "E01");
}

static void test_memory(void **state)
{
	(void)state;
	memcpy(guest_ram + GUEST_CODE, "\1\2\3\4", 4);
	SAYS("mffffffff81008000,4", "01020304");
	/* What there is before a hole; nothing within; nothing behind the memory. */
	SAYS("mffffffff81004ffe,4", "0000");
	SAYS("mffffffff81005000,4", "E01");
	SAYS("mffffffff81010000,4", "E01");
	SAYS("m0,4", "E01");
	SAYS("m800000000000,4", "E01");		/* no address */
	SAYS("mffffffff81008000,0", "");
	SAYS("mffffffff81008000", "E01");
	SAYS("m,4", "E01");
	assert_int_equal(strlen(ask("mffffffff81006000,ffffffffffffffff")),
			 GDB_PACKET_MAX);
	SAYS("Mffffffff81008ffe,4:aabbccdd", "OK");
	assert_memory_equal(guest_ram + GUEST_CODE + 0xffe, "\xaa\xbb\xcc\xdd", 4);
	SAYS("Mffffffff81004ffe,4:aabbccdd", "E01");
	SAYS("Mffffffff81008000,4:aabbcc", "E01");
	SAYS("Mffffffff81008000,ffffffff:aa", "E01");
	SAYS("Xffffffff81008000,2:z#", "OK");
	assert_memory_equal(guest_ram + GUEST_CODE, "z#", 2);
	SAYS("Xffffffff81008000,3:z#", "E01");
	SAYS("Xffffffff81008000,0:", "OK");
}

/* --- breakpoints ---------------------------------------------------------------------- */

static void test_software(void **state)
{
	struct rl_run run = { .vector = 3 };
	uint8_t *code = guest_ram + GUEST_CODE;

	(void)state;
	SAYS("Z0,ffffffff81008000,1", "OK");
	SAYS("Z0,ffffffff81008000,1", "OK");
	assert_int_equal(*code, 0xcc);
	fake_vm.regs.rip = GUEST_TEXT + GUEST_CODE + 1;
	assert_true(gdb_judge(&target, 0, &run));
	assert_int_equal(fake_vm.regs.rip, GUEST_TEXT + GUEST_CODE);
	gdb_say_stop(&session);
	assert_string_equal(session.reply.data, "T05swbreak:;thread:1;");
	SAYS("z0,ffffffff81008000,1", "OK");
	assert_int_equal(*code, 0x90);
	/* It was removed before this was told: the instruction is done again. */
	fake_vm.regs.rip = GUEST_TEXT + GUEST_CODE + 1;
	assert_false(gdb_judge(&target, 0, &run));
	assert_int_equal(run.result, 0);
	assert_int_equal(fake_vm.regs.rip, GUEST_TEXT + GUEST_CODE);
	/* The guest's own, in both forms. */
	*code = 0xcc;
	fake_vm.regs.rip = GUEST_TEXT + GUEST_CODE + 1;
	assert_false(gdb_judge(&target, 0, &run));
	assert_int_equal(run.result, 1);
	memcpy(code, "\xcd\x03", 2);
	fake_vm.regs.rip = GUEST_TEXT + GUEST_CODE + 2;
	run.result = 0;
	assert_false(gdb_judge(&target, 0, &run));
	assert_int_equal(run.result, 1);
	assert_int_equal(fake_vm.regs.rip, GUEST_TEXT + GUEST_CODE + 2);
	/* What the guest wrote over one stays. */
	SAYS("Z0,ffffffff81008001,1", "OK");
	code[1] = 0x55;
	SAYS("z0,ffffffff81008001,1", "OK");
	assert_int_equal(code[1], 0x55);
	/* Nobody's. */
	SAYS("z0,ffffffff81008001,1", "OK");
}

static void test_refused(void **state)
{
	char packet[64];

	(void)state;
	SAYS("Z0,ffffffffc0000100,1", "E.this is the paravirt layer, which the "
	     "guest needs to take a breakpoint");
	SAYS("Z1,ffffffffc003ffff,1", "E.this is the paravirt layer, which the "
	     "guest needs to take a breakpoint");
	SAYS("Z0,ffff800000000000,1", "E.these addresses are the host's");
	SAYS("Z2,fffffdfffffffffc,8", "E.these addresses are the host's");
	SAYS("Z0,ffffffff81005000,1",
	     "E.the guest's tables have nothing at this address");
	SAYS("Z0,ffffffff81010000,1", "E.the guest has no memory at this address");
	SAYS("Z0,800000000000,1", "E.this is no address");
	SAYS("Z2,ffffffff81008000,3", "E.a watchpoint has 1, 2, 4 or 8 bytes");
	SAYS("Z2,ffffffff81008001,4",
	     "E.a watchpoint lies at a multiple of its size");
	SAYS("Z5,ffffffff81008000,1", "");
	SAYS("Z0,ffffffff81008000", "E01");
	SAYS("Z0", "E01");
	for (int i = 0; i < GDB_POINTS_MAX; i++) {
		snprintf(packet, sizeof(packet), "Z0,%llx,1",
			 GUEST_TEXT + GUEST_CODE + i);
		SAYS(packet, "OK");
	}
	SAYS("Z0,ffffffff81008800,1", "E.there are 64 breakpoints already");
	gdb_remove_all(&target);
	for (int i = 0; i < 4096; i++)
		assert_int_equal(guest_ram[GUEST_CODE + i], 0x90);
}

static void test_hardware(void **state)
{
	struct rl_run run = { .vector = 1 };

	(void)state;
	SAYS("Z1,ffffffff81008000,1", "OK");
	SAYS("Z2,ffffffff81008010,4", "OK");
	SAYS("Z3,ffffffff81008020,8", "OK");
	SAYS("Z4,ffffffff81008030,2", "OK");
	SAYS("Z2,ffffffff81008040,1",
	     "E.the processor has four debug registers");
	assert_int_equal(gdb_arm(&target, 0), 0);
	assert_int_equal(fake_vm.debug.flags, RL_DEBUG_ON);
	/* Taken from the last on: code; 4 bytes written; 8, 2 bytes read or written. */
	assert_int_equal(fake_vm.debug.dr7,
			 0x55 | 0ull << 28 | 0xdull << 24 | 0xbull << 20 |
				 0x7ull << 16);
	assert_int_equal(fake_vm.debug.dr[2], GUEST_TEXT + 0x8010);
	run.dr6 = 1 << 2;
	assert_true(gdb_judge(&target, 0, &run));
	gdb_say_stop(&session);
	assert_string_equal(session.reply.data,
			    "T05watch:ffffffff81008010;thread:1;");
	run.dr6 = 1 << 0;
	assert_true(gdb_judge(&target, 0, &run));
	gdb_say_stop(&session);
	assert_string_equal(session.reply.data,
			    "T05awatch:ffffffff81008030;thread:1;");
	run.dr6 = 1 << 3;
	assert_true(gdb_judge(&target, 0, &run));
	gdb_say_stop(&session);
	assert_string_equal(session.reply.data, "T05hwbreak:;thread:1;");
	SAYS("z1,ffffffff81008000,1", "OK");
	/* Not gdb's any more, and a step. */
	assert_false(gdb_judge(&target, 0, &run));
	run.dr6 = 1 << 14;
	assert_true(gdb_judge(&target, 0, &run));
	gdb_say_stop(&session);
	assert_string_equal(session.reply.data, "T05thread:1;");
	/* A watchpoint may lie where no table leads yet, and in the layer. */
	SAYS("Z2,ffffffffc0000100,4", "OK");
	gdb_remove_all(&target);
	gdb_arm(&target, 0);
	assert_int_equal(fake_vm.debug.dr7, 0);
}

/* --- going on ------------------------------------------------------------------------- */

static void check_next(const char *packet, unsigned int runs, unsigned int steps)
{
	ask(packet);
	assert_int_equal(last, GDB_RESUME);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(target.runs[i], runs >> i & 1);
		assert_int_equal(target.steps[i], steps >> i & 1);
	}
}

static void test_going_on(void **state)
{
	(void)state;
	target.count = 3;
	check_next("vCont;c", 7, 0);
	check_next("vCont;s:2;c", 7, 2);
	check_next("vCont;s:2", 2, 2);
	check_next("vCont;S05:3;C0a:1", 5, 4);
	check_next("vCont;s:-1", 7, 7);
	session.selected = 1;
	check_next("c", 7, 0);
	check_next("s", 2, 2);
	SAYS("vCont;s:9", "E01");
	SAYS("vCont;x", "E01");
	SAYS("vCont;", "E01");
	SAYS("vCont;Cx", "E01");
	SAYS("vCont;c:1x", "E01");
	SAYS("c1234", "E01");
	assert_int_equal(last, GDB_ANSWER);
	target.steps[0] = true;
	gdb_arm(&target, 0);
	assert_int_equal(fake_vm.debug.flags, RL_DEBUG_ON | RL_DEBUG_STEP);
	SAYS("D", "OK");
	assert_int_equal(last, GDB_GOODBYE);
	SAYS("k", "OK");
	assert_int_equal(last, GDB_GOODBYE);
	SAYS("vKill;1", "OK");
	assert_int_equal(last, GDB_GOODBYE);
}

static const char *monitor(const char *words)
{
	static char said[GDB_PACKET_MAX];
	char packet[256] = "qRcmd,";
	const char *at;

	for (size_t i = 0; words[i]; i++)
		sprintf(packet + strlen(packet), "%02x", words[i]);
	at = ask(packet);
	memset(said, 0, sizeof(said));
	gdb_bytes(&at, said, strlen(at) / 2);
	return said;
}

#define assert_told(words, part) do {				\
	if (!strstr(monitor(words), part))			\
		fail_msg("told \"%s\", not \"%s\"", monitor(words), part);	\
} while (0)

static void test_monitor(void **state)
{
	(void)state;
	fake_vm.stats.exits[14] = 77;
	fake_vm.traps[3] = 0xffffffffc0001230;
	assert_told("stats", "exits #PF 77\n");
	assert_told("walk ffffffff81008123", "level 4, at 0x0000001ff8: "
		    "0x0000000000002007 present writable user\n");
	assert_told("walk ffffffff81008123",
		    "0xffffffff81008123 is at guest-physical 0x8123\n");
	assert_told("walk ffffffff81010000", "0x40000000, no memory\n");
	assert_told("walk 1234", "0x0000000000001234 is not mapped\n");
	assert_told("walk", "walk ADDR");
	assert_told("walk x", "a hexadecimal number");
	assert_told("gates", "0x03 -> 0xffffffffc0001230\n");
	assert_told("why", "none was\n");
	ask("Z0,ffffffffc0000100,1");
	assert_told("why", "the paravirt layer");
	assert_told("dance", "walk ADDR");
	SAYS("qRcmd,zz", "E01");
	fake_vm.stats_error = -EIO;
	assert_told("stats", "gives no statistics");
}

static void test_shadow(void **state)
{
	uint64_t *shadow = (uint64_t *)fake_vm.shadow.entry;
	uint64_t *guest = (uint64_t *)(guest_ram + GUEST_TABLES + 3 * 4096) + 8;

	(void)state;
	/* None yet. */
	assert_told("shadow ffffffff81008123", "level 4  guest  0x0000000000002007 "
		    "present writable user\nlevel 3  guest  ");
	assert_told("shadow ffffffff81008123", "the shadow has nothing");
	assert_told("shadow ffffffff81005123", "neither has a page");
	/* A copy that is not writable yet, and one that is. */
	for (int level = 4; level > 1; level--)
		shadow[level - 1] = 4096ull * (6 - level) | 0x23;
	shadow[0] = 0x8021;
	assert_told("shadow ffffffff81008123",
		    "level 4  shadow 0x0000000000002023 present writable accessed\n"
		    "level 3  guest  ");
	assert_told("shadow ffffffff81008123",
		    "level 1  guest  0x0000000000008003 present writable\n"
		    "level 1  shadow 0x0000000000008021 present accessed\n"
		    "both lead to the same page; the first write ");
	shadow[0] |= 2;
	assert_told("shadow ffffffff81008123", "both lead to the same page\n");
	shadow[2] &= ~2ull;
	assert_told("shadow ffffffff81008123", "; the first write ");
	*guest &= ~2ull;
	assert_told("shadow ffffffff81008123", "both lead to the same page\n");
	/* The guest's table changed: another page, none. */
	*guest = 0x7003;
	assert_told("shadow ffffffff81008123", "the shadow is older");
	*guest = 0;
	assert_told("shadow ffffffff81008123",
		    "level 1  guest  0x0000000000000000 absent\n"
		    "level 1  shadow 0x0000000000008023 present writable");
	assert_told("shadow ffffffff81008123", "the shadow is older");
	shadow[0] = RL_SHADOW_MARK;
	assert_told("shadow ffffffff81008123", "level 1  shadow a mark\n"
		    "the shadow has a mark: a touch is the guest's own fault, ");
	*guest = 0x8003;
	assert_told("shadow ffffffff81008123", "goes to the guest first");
	assert_told("shadow", "shadow ADDR ");
	assert_told("shadow x", "shadow ADDR: a hexadecimal number");
	fake_vm.shadow_error = -EINVAL;
	assert_told("shadow ffff800000000000", "no address of the guest's\n");
	fake_vm.shadow_error = -EINTR;
	assert_told("shadow ffffffff81008123", "the module does not tell\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
		T(test_packets),
		T(test_packet_size),
		T(test_questions),
		T(test_features),
		T(test_threads),
		T(test_registers),
		T(test_memory),
		T(test_software),
		T(test_refused),
		T(test_hardware),
		T(test_going_on),
		T(test_monitor),
		T(test_shadow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
