// SPDX-License-Identifier: GPL-2.0
/*
 * A debugger in the launcher: what RL_SET_DEBUG refuses, and breakpoints, steps and
 * watchpoints of a guest that knows nothing of them. One of the parts of ioctl.c.
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
