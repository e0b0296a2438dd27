// SPDX-License-Identifier: GPL-2.0
/*
 * The addresses that are not the guest's: the switcher's window, the alias
 * slot, the host kernel's memory. From ring 1 and from ring 3.
 */
#include "tiny.h"

#define WINDOW		0xffff800000000000UL
#define WINDOW_BYTES	0x8000UL
#define ALIAS		0xfffffe0000000000UL

/* One page's rules: how a read, a write and a jump of ring 1 must end. */
struct rule {
	bool read, write;
	u64 execute;		/* error code of the #PF; 0: it runs */
};

static const struct rule rules[8] = {
	{ true, false, 0 }, { true, false, 0 },	/* text */
	{ true, false, 0x11 },			/* shared state */
	{ false, false, 0x10 },			/* host state */
	{ false, false, 0x10 },
	{ true, true, 0x11 },			/* stack */
	{ false, false, 0x10 },
	{ true, true, 0x11 },			/* the guest's shared page */
};

static void check_read(u64 at, bool allowed)
{
	try_read(at);
	if (allowed) {
		EQUAL(trap.vector, TRAP_NONE);
		return;
	}
	EQUAL(trap.vector, 14);
	EQUAL(trap.cr2, at);
	EQUAL(trap.frame.error, 0);
}

static void check_write(u64 at, const struct rule *r)
{
	try_write(at, 0);
	if (r->write) {
		EQUAL(trap.vector, TRAP_NONE);
		return;
	}
	EQUAL(trap.vector, 14);
	EQUAL(trap.cr2, at);
	EQUAL(trap.frame.error, r->read ? 3 : 2);
}

/* The pCPU where we run: the one whose text can be read. */
static u64 this_cpu(void)
{
	for (u64 cpu = 0; cpu < mailbox->cpus; cpu++)
		if (try_read(WINDOW + cpu * WINDOW_BYTES),
		    trap.vector == TRAP_NONE)
			return cpu;
	FAIL("no window is here");
}

CASE(each_page)
{
	request(TINY_MOVE, 0, 0);
	for (u64 at = 0; at < WINDOW_BYTES; at += 0x7f8) {
		const struct rule *r = &rules[at >> 12];
		u64 gva = WINDOW + this_cpu() * WINDOW_BYTES + at;

		if ((at & 0xfff) > 0xff8)
			continue;
		check_read(gva, r->read);
		if (at >> 12 != 5)	/* the frame of our exits is there */
			check_write(gva, r);
		if (!r->execute)
			continue;
		try_execute(gva);
		EQUAL(trap.vector, 14);
		EQUAL(trap.frame.error, r->execute);
		EQUAL(trap.cr2, gva);
	}
}

CASE(stack_page_can_be_written)
{
	try_write(WINDOW + this_cpu() * WINDOW_BYTES + 0x5400, ~0UL);
	EQUAL(trap.vector, TRAP_NONE);
	/* All of it, between two exits. */
	request(TINY_MOVE, 0, 0);
	for (int round = 0; round < 50; round++) {
		volatile u64 *page = (u64 *)(WINDOW + 0x5000);

		for (int i = 0; i < 512; i++)
			page[i] = ~0UL;
		hypercall(RL_HC_DELIVER, 0, 0, 0);
		TRY("ud2");
		EQUAL(trap.vector, 6);
	}
}

/* Switcher code runs at CPL 1 when ring 1 jumps to it: it gets nowhere. */
CASE_HOST_LIVES(run_the_text)
{
	u64 base = WINDOW + this_cpu() * WINDOW_BYTES;

	for (u64 at = 0; at < 0x2000; at += at < 0x1000 ? 0x70 : 1)
		try_execute(base + at);
}

CASE(other_cpus)
{
	static const struct rule nothing = { 0 };
	u64 here = this_cpu();

	if (mailbox->cpus < 2)
		SKIP("the host has one processor");
	for (u64 cpu = 0; cpu < mailbox->cpus + 4; cpu++) {
		if (cpu == here)
			continue;
		for (u64 at = 0; at < WINDOW_BYTES; at += 0x1000) {
			check_read(WINDOW + cpu * WINDOW_BYTES + at, false);
			check_write(WINDOW + cpu * WINDOW_BYTES + at, &nothing);
		}
	}
}

/* After a migration the old window is gone, and the new one is there. */
CASE(migration)
{
	if (mailbox->cpus < 2)
		SKIP("the host has one processor");
	for (u64 i = 0; i < 20; i++) {
		u64 cpu = i & 1;

		EQUAL(request(TINY_MOVE, cpu, 0), 0);
		check_read(WINDOW + cpu * WINDOW_BYTES, true);
		check_read(WINDOW + (cpu ^ 1) * WINDOW_BYTES, false);
		check_read(WINDOW + (cpu ^ 1) * WINDOW_BYTES + 0x5000, false);
		TRY("ud2");
		EQUAL(trap.vector, 6);
	}
	CHECK(host_stats()->migrations >= 10);
}

CASE(rest_of_the_slot)
{
	for (u64 bit = 20; bit < 39; bit++)
		check_read(WINDOW + (1UL << bit), false);
	check_read(WINDOW + (1UL << 39) - 8, false);
}

/* What the guest's own table says about the two slots counts for nothing. */
CASE(own_entries_for_the_slots)
{
	u64 *top = direct(TINY_TABLES);
	u64 before = try_read(WINDOW + this_cpu() * WINDOW_BYTES);

	top[RL_WINDOW_SLOT] = top[511];
	top[RL_ALIAS_SLOT] = top[511];
	hypercall(RL_HC_FLUSH_KERNEL, 0, 0, 0);
	flush_one(WINDOW);
	load_cr3(TINY_TABLES, 1, 1);
	load_cr3(TINY_TABLES, 1, 2);
	EQUAL(try_read(WINDOW + this_cpu() * WINDOW_BYTES), before);
	check_read(WINDOW + (510UL << 30) + 0x100000, false);
	try_write(WINDOW + this_cpu() * WINDOW_BYTES, 0);
	EQUAL(trap.vector, 14);
	try_read(ALIAS + (510UL << 30) + 0x100000);
	EQUAL(trap.vector, 14);
}

/* --- the descriptor tables --------------------------------------------------- */

static struct {
	u16 limit;
	u64 base;
} __attribute__((packed)) gdtr, idtr;

static bool ask_for_tables(void)
{
	trap_clear();
	asm volatile(TRY_BEGIN "sgdt gdtr\n\tsidt idtr" TRY_END ::: "memory");
	return trap.vector == TRAP_NONE;
}

CASE(idt)
{
	static const struct rule read_only = { true, false, 0x11 };

	/* Where Linux has it on every machine. */
	try_read(ALIAS);
	if (trap.vector != TRAP_NONE)
		SKIP("the IDT is not at its usual address");
	for (u64 at = ALIAS; at < ALIAS + 4096; at += 8)
		check_write(at, &read_only);
	try_execute(ALIAS);
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.error, 0x11);
}

/* Of slot 508, three pages and no more are there, and none can be written. */
CASE(alias_pages)
{
	u64 found = 0;

	/* Before any LGDT a guest's own base is 0. */
	CHECK(ask_for_tables());
	if (!gdtr.base)
		SKIP("UMIP hides the tables' addresses");
	EQUAL(idtr.base, ALIAS);
	CHECK(gdtr.base >= ALIAS && gdtr.base < ALIAS + (1UL << 39));
	for (s64 page = -512; page < 512; page++) {
		u64 at = gdtr.base + page * 4096;

		if (at < ALIAS)
			continue;
		try_read(at);
		if (trap.vector != TRAP_NONE)
			continue;
		found++;
		for (int n = 0; n < 4096; n += 8) {
			try_write(at + n, 0);
			EQUAL(trap.vector, 14);
			EQUAL(trap.frame.error, 3);
		}
	}
	CHECK(found >= 2 && found <= 3);	/* GDT, TSS, and the IDT if near */
}

/* --- the host's memory -------------------------------------------------------- */

CASE(host_memory)
{
	static const u64 list[] = {
		0xffff888000000000 + TINY_MEMORY, 0xffff888010000000,
		0xffff880000000000, 0xffff900000000000, 0xffffc90000000000,
		0xffffea0000000000, 0xffffffff81000000, 0xffffffff82000000,
		0xffffffffa0000000, 0xffffffffc0000000, 0xffffffffff5ff000,
		0xffffffffff600000, 0xff11000000000000, 0xffffffffffffff00,
	};
	u64 seed = 88172645463325252;

	for (unsigned int i = 0; i < sizeof(list) / 8; i++) {
		try_read(list[i]);
		CHECK(trap.vector == 14 || trap.vector == 13);
	}
	for (int i = 0; i < 3000; i++) {
		u64 at;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		at = seed | 0xffff800000000000UL;
		if (at >> 39 == TINY_DIRECT >> 39 || at >> 31 == 0x1ffffffff ||
		    at >> 39 == WINDOW >> 39)
			continue;
		check_read(at & ~7UL, false);
	}
	if (mailbox->window_call)
		check_read(mailbox->window_call & ~7UL, false);
	if (mailbox->asm_exc_debug)
		check_read(mailbox->asm_exc_debug & ~7UL, false);
}

static void no_way_into_the_host(void)
{
	try_execute(mailbox->window_call);
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.error, 0x10);
	EQUAL(trap.cr2, mailbox->window_call);
}

/*
 * The host ran this text just before it entered us. Without PTI its page is
 * global: an entry that leaves global ones in the TLB would let us go on there. Behind a
 * return to the launcher the host has global pages again, behind a shorter exit it
 * does without.
 */
CASE(no_stale_entry_of_the_host)
{
	if (!mailbox->window_call)
		SKIP("no address of window_call in /proc/kallsyms");
	for (int round = 0; round < 20; round++) {
		EQUAL(request(TINY_MOVE, this_cpu(), 0), 0);
		no_way_into_the_host();
		hypercall(RL_HC_DELIVER, 0, 0, 0);
		no_way_into_the_host();
	}
}

/* --- ring 3 --------------------------------------------------------------------- */

CASE(from_ring_3)
{
	static const char *const code[] = { user_read, user_write, user_jump };

	for (u64 at = 0; at < WINDOW_BYTES * 2; at += 0x800)
		for (int n = 0; n < 3; n++) {
			EQUAL(user_access(code[n], WINDOW + at), 14);
			EQUAL(trap.cr2, WINDOW + at);
			CHECK(trap.frame.error & 4);
		}
	for (int n = 0; n < 3; n++)
		EQUAL(user_access(code[n], ALIAS), 14);
}

/*
 * Where the processor leaks its buffers, VERW empties them as the last act before
 * the IRETQ that enters a guest; elsewhere it is a NOP of the same length. The
 * text can be read here, so look for the two next to each other.
 */
CASE(buffers_are_cleared_last)
{
	const u8 *text = (u8 *)(WINDOW + this_cpu() * WINDOW_BYTES);
	static const u8 verw[] = { 0x0f, 0x00, 0x2d }, nop[] = { 0x0f, 0x1f, 0x80 };
	const u8 *want = mailbox->flags & TINY_ENV_BUFFERS ? verw : nop;
	unsigned int iretqs = 0, found = 0;

	for (unsigned int i = 7; i < 0x1fff; i++) {
		const u8 *at = text + i;

		if (at[0] != 0x48 || at[1] != 0xcf)
			continue;
		iretqs++;
		found += at[-7] == want[0] && at[-6] == want[1] &&
			 at[-5] == want[2];
	}
	CHECK(iretqs > 1);
	EQUAL(found, 1);
}

/*
 * 32 calls that lead nowhere stand before the switcher's only return, so that none
 * of the guest's own is left to be predicted. An emulator has no predictions; the
 * text can be looked at.
 */
CASE(return_stack_is_filled)
{
	static const u8 call[] = { 0xe8, 1, 0, 0, 0, 0xcc }, ret[] = { 0xc3, 0xcc };
	const u8 *text = (u8 *)(WINDOW + this_cpu() * WINDOW_BYTES);
	unsigned int calls = 0, returns = 0;

	for (unsigned int i = 0x1000; i < 0x1ff0; i++) {
		bool same = true;

		for (unsigned int n = 0; n < sizeof(call); n++)
			same &= text[i + n] == call[n];
		calls += same;
		if (text[i] == ret[0] && text[i + 1] == ret[1]) {
			EQUAL(calls, 32);
			returns++;
		}
	}
	EQUAL(returns, 1);
}
