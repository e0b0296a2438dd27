// SPDX-License-Identifier: GPL-2.0
/*
 * A debugger in the launcher: what RL_SET_DEBUG refuses, breakpoints, steps and
 * watchpoints of a guest that knows nothing of them, and what its shadow is seen to hold.
 * One of the parts of ioctl.c.
 *
 * The guest is shutdown.tiny, whose first bytes are replaced for a while.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include "ioctl.h"

#define TRAP	(1ULL << 14)	/* DR6.BS */
#define CARRY	1ULL
#define TF	0x100ULL

/* nop; nop; int3; mov %rax, (%rdx); nop; nop */
static const unsigned char code[] = {
	0x90, 0x90, 0xcc, 0x48, 0x89, 0x02, 0x90, 0x90
};
static unsigned char saved[sizeof(code)];

static unsigned char *entry_of(const struct machine *m)
{
	return m->memory + (image.entry - TINY_KERNEL);
}

static struct rl_regs regs_of(const struct machine *m)
{
	struct rl_regs regs;

	CHECK(ioctl(m->vcpu, RL_GET_REGS, &regs) == 0);
	return regs;
}

static void go_to(const struct machine *m, uint64_t rip)
{
	struct rl_regs regs = regs_of(m);

	regs.rip = rip;
	CHECK(ioctl(m->vcpu, RL_SET_REGS, &regs) == 0);
}

static void begin(struct machine *m)
{
	struct rl_regs regs;

	machine_create(m);
	memcpy(saved, entry_of(m), sizeof(saved));
	memcpy(entry_of(m), code, sizeof(code));
	regs = regs_of(m);
	regs.rdx = TINY_DIRECT + TINY_FREE;
	CHECK(ioctl(m->vcpu, RL_SET_REGS, &regs) == 0);
}

static int set_debug(const struct machine *m, struct rl_debug d)
{
	return ioctl(m->vcpu, RL_SET_DEBUG, &d);
}

/* The next RL_RUN ends with this exception, and RIP so far behind the entry. */
static void expect(struct machine *m, unsigned int vector, uint64_t dr6,
		   unsigned int offset)
{
	CHECK(run(m->vcpu) == 0);
	CHECK(m->run->exit_reason == RL_EXIT_DEBUG);
	CHECK(m->run->vector == vector);
	CHECK((m->run->dr6 & (TRAP | 15)) == dr6);
	CHECK(regs_of(m).rip == image.entry + offset);
	CHECK(!(regs_of(m).rflags & TF));
}

void test_debug_refused(void)
{
	struct rl_trap trap = { .vector = 256 };
	struct machine m;

	machine_create(&m);
	FAILS(ioctl(m.vcpu, RL_SET_DEBUG, NULL), EFAULT);
	FAILS(set_debug(&m, (struct rl_debug){ .flags = 4 }), EINVAL);
	FAILS(set_debug(&m, (struct rl_debug){ .reserved = 1 }), EINVAL);
	FAILS(set_debug(&m, (struct rl_debug){ .dr7 = 1 }), EINVAL);
	FAILS(set_debug(&m, (struct rl_debug){ .flags = RL_DEBUG_STEP }), EINVAL);
	/* The slots of the host, and what would reach into them. */
	for (int i = 0; i < 4; i++) {
		static const uint64_t wrong[] = {
			0xffff800000000000, 0xffff80000000fff8,
			0xfffffe0000000000, 0xfffffdfffffffffc, 1UL << 47,
		};

		for (unsigned int j = 0; j < 5; j++) {
			struct rl_debug d = { .flags = RL_DEBUG_ON };

			d.dr[i] = wrong[j];
			FAILS(set_debug(&m, d), EINVAL);
		}
	}
	FAILS(ioctl(m.vcpu, RL_GET_TRAP, NULL), EFAULT);
	FAILS(ioctl(m.vcpu, RL_GET_TRAP, &trap), EINVAL);
	trap.vector = 255;
	CHECK(ioctl(m.vcpu, RL_GET_TRAP, &trap) == 0 && !trap.handler);
	/* DR7's other bits (GD, ports) do no harm. */
	CHECK(set_debug(&m, (struct rl_debug){ .flags = RL_DEBUG_ON,
					       .dr7 = ~0ULL }) == 0);
	CHECK(set_debug(&m, (struct rl_debug){ .flags = 0 }) == 0);
	CHECK(runs_to_shutdown(&m));
	machine_destroy(&m);
}

void test_debug(void)
{
	struct rl_debug on = { .flags = RL_DEBUG_ON };
	struct rl_debug step = { .flags = RL_DEBUG_ON | RL_DEBUG_STEP };
	struct rl_debug watch = on;
	struct rl_regs regs;
	struct machine m;

	begin(&m);
	/* Also where the gates are built already. */
	CHECK(set_debug(&m, step) == 0);
	expect(&m, 1, TRAP, 1);
	CHECK(set_debug(&m, on) == 0);
	expect(&m, 3, 0, 3);
	/* The write, then the instruction behind it. */
	watch.dr[1] = TINY_DIRECT + TINY_FREE;
	watch.dr7 = 4 | 0xdUL << 20;		/* L1, 4 bytes, writes */
	CHECK(set_debug(&m, watch) == 0);
	expect(&m, 1, 2, 6);
	watch = on;
	watch.dr[3] = image.entry + 7;
	watch.dr7 = 1 << 6;			/* L3, code */
	CHECK(set_debug(&m, watch) == 0);
	expect(&m, 1, 8, 7);
	/* Registers change, and what is the host's business does not. */
	regs = regs_of(&m);
	regs.rflags = CARRY | 0x3000 | TF;
	regs.cs = RL_USER_CS;
	regs.cr3 = 0x5;
	regs.rax = 77;
	CHECK(ioctl(m.vcpu, RL_SET_REGS, &regs) == 0);
	regs = regs_of(&m);
	CHECK(regs.rax == 77 && regs.cs == RL_KERNEL_CS &&
	      regs.cr3 == TINY_TABLES);
	CHECK((regs.rflags & (CARRY | 0x3200 | TF)) == (CARRY | 0x200));
	/* And none of it is left when the debugger goes. */
	memcpy(entry_of(&m), saved, sizeof(saved));
	go_to(&m, image.entry);
	CHECK(set_debug(&m, (struct rl_debug){ .flags = 0 }) == 0);
	CHECK(runs_to_shutdown(&m));
	machine_destroy(&m);
}

/* The launcher hands #BP on: this guest has no handler for it. */
void test_debug_handed_on(void)
{
	struct machine m;

	begin(&m);
	CHECK(set_debug(&m, (struct rl_debug){ .flags = RL_DEBUG_ON }) == 0);
	expect(&m, 3, 0, 3);
	m.run->result = 1;
	CHECK(run(m.vcpu) == 0);
	CHECK(m.run->exit_reason == RL_EXIT_KILLED);
	CHECK(strstr(m.run->kill_reason, "exception 3"));
	machine_destroy(&m);
}

/* --- the shadow -------------------------------------------------------------------- */

#define P	1ULL
#define W	2ULL
#define U	4ULL
#define A	0x20ULL
#define D	0x40ULL
#define ADDRESS	0x000ffffffffff000ULL

#define TABLES	(TINY_FREE + 0x10000)	/* three, for LOW */
#define LOW	0x201000ULL		/* of a program's half */

/* The guest's entry of this level for gva; all tables above it are there. */
static uint64_t *guest_entry(const struct machine *m, uint64_t gva, int level)
{
	uint64_t table = TINY_TABLES;

	for (int l = 4; l > level; l--)
		table = *(uint64_t *)(m->memory + table +
				      (gva >> (9 * l + 3) & 511) * 8) & ADDRESS;
	return (uint64_t *)(m->memory + table +
			    (gva >> (9 * level + 3) & 511) * 8);
}

static struct rl_shadow shadow_of(const struct machine *m, uint64_t gva)
{
	struct rl_shadow s = { .gva = gva };

	memset(s.entry, 0xff, sizeof(s.entry));
	CHECK(ioctl(m->vcpu, RL_GET_SHADOW, &s) == 0);
	return s;
}

/* From the int3 on: the guest writes a word at gva. */
static void write_at(struct machine *m, uint64_t gva)
{
	struct rl_debug watch = { .flags = RL_DEBUG_ON, .dr7 = 1 | 0xdUL << 16 };
	struct rl_regs regs = regs_of(m);

	regs.rip = image.entry + 3;
	regs.rdx = gva;
	CHECK(ioctl(m->vcpu, RL_SET_REGS, &regs) == 0);
	watch.dr[0] = gva;
	CHECK(set_debug(m, watch) == 0);
	expect(m, 1, 1, 6);
}

static void check_refused_looks(const struct machine *m)
{
	static const uint64_t wrong[] = {
		0xffff800000000000, 0xffff807ffffff000, 0xfffffe0000000000,
		0xfffffe7fffffffff, 1UL << 47, 0xffff7fffffffffff, 1UL << 63,
	};
	struct rl_shadow s = { .reserved = 1 };

	FAILS(ioctl(m->vcpu, RL_GET_SHADOW, NULL), EFAULT);
	FAILS(ioctl(m->vcpu, RL_GET_SHADOW, ~7UL), EFAULT);
	FAILS(ioctl(m->vcpu, RL_GET_SHADOW, 0xffff888000000000), EFAULT);
	FAILS(ioctl(m->vcpu, RL_GET_SHADOW, &s), EINVAL);
	FAILS(ioctl(m->vm, RL_GET_SHADOW, &s), ENOTTY);
	s.reserved = 0;
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		s.gva = wrong[i];
		FAILS(ioctl(m->vcpu, RL_GET_SHADOW, &s), EINVAL);
	}
}

/* Before its first run a guest has no shadow; then what it used, at its own addresses. */
static void check_code(struct machine *m)
{
	struct rl_shadow s = shadow_of(m, image.entry);
	uint64_t *gpte = guest_entry(m, image.entry, 1), was;

	CHECK(!s.entry[3] && !s.entry[2] && !s.entry[1] && !s.entry[0]);
	CHECK(set_debug(m, (struct rl_debug){ .flags = RL_DEBUG_ON }) == 0);
	expect(m, 3, 0, 3);
	s = shadow_of(m, image.entry);
	for (int level = 4; level; level--) {
		CHECK(s.entry[level - 1] & P);
		CHECK((s.entry[level - 1] & ADDRESS) ==
		      (*guest_entry(m, image.entry, level) & ADDRESS));
	}
	/* The guest may write there, but has not: it is not dirty. */
	CHECK((*gpte & (P | W | A | D)) == (P | W | A));
	CHECK((s.entry[0] & (P | W | U | A)) == (P | A));
	/* And without a flush it stays what it was. */
	was = *gpte;
	*gpte = 0;
	CHECK(shadow_of(m, image.entry).entry[0] == s.entry[0]);
	*gpte = was;
}

/* A part of a large page, and what is beside a page in the lower half. */
static void check_data(struct machine *m)
{
	static const uint64_t gva = TINY_DIRECT + TINY_FREE + 0x5000;
	struct rl_shadow s = shadow_of(m, gva);

	CHECK(s.entry[0] == 0);
	write_at(m, gva);
	s = shadow_of(m, gva);
	CHECK((s.entry[1] & (ADDRESS | RL_SHADOW_DIRECT)) ==
	      (TINY_FREE | RL_SHADOW_DIRECT));
	CHECK((s.entry[0] & (ADDRESS | P | W)) == (TINY_FREE | 0x5000 | P | W));
	CHECK(!((s.entry[3] | s.entry[2]) & RL_SHADOW_DIRECT));

	CHECK(shadow_of(m, LOW).entry[3] == 0);
	*guest_entry(m, LOW, 4) = TABLES | P | W | U;
	*guest_entry(m, LOW, 3) = (TABLES + 0x1000) | P | W | U;
	*guest_entry(m, LOW, 2) = (TABLES + 0x2000) | P | W | U;
	*guest_entry(m, LOW, 1) = (TINY_FREE + 0x6000) | P | W | U;
	write_at(m, LOW);
	s = shadow_of(m, LOW);
	CHECK(s.entry[0] == ((TINY_FREE + 0x6000) | P | W | U | A | D));
	CHECK(shadow_of(m, LOW + 0x1000).entry[0] == RL_SHADOW_MARK);
	CHECK(shadow_of(m, LOW + 0x100000).entry[0] == 0);
}

void test_debug_shadow(void)
{
	struct machine m;

	begin(&m);
	check_refused_looks(&m);
	check_code(&m);
	check_data(&m);
	check_refused_looks(&m);
	machine_destroy(&m);
}
