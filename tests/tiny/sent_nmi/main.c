// SPDX-License-Identifier: GPL-2.0
/*
 * SEND_NMI: an exception that vif does not keep out, but the zone and a stack in the shared
 * page do, until the host runs next.
 */
#include "tiny.h"

#define ME	1UL			/* masks */
#define FLAG_IF	0x200

static volatile u64 count;
static struct frame last;

static bool note_nmi(struct frame *f)
{
	if ((f->vector & 0xfff) != 2)
		return false;
	last = *f;
	count++;
	return true;
}

static s64 send_nmi(u64 mask)
{
	return hypercall(RL_HC_SEND_NMI, mask, 0, 0);
}

/* Any exit will do. */
static void leave(void)
{
	hypercall(RL_HC_COUNT, 0, 0, 0);
}

CASE(nmi_to_oneself)
{
	trap_hook = note_nmi;
	for (u64 i = 1; i <= 50; i++) {
		EQUAL(send_nmi(ME), 0);
		EQUAL(count, i);
		EQUAL(shared_page.nmis, i);
		EQUAL(last.cs, 0x10);
		EQUAL(last.rflags & FLAG_IF, 0);
		EQUAL(shared_page.vif, 0);
	}
	irq_enable();
	EQUAL(send_nmi(ME), 0);
	EQUAL(count, 51);
	EQUAL(last.rflags & FLAG_IF, FLAG_IF);
}

CASE(nmi_to_nobody)
{
	trap_hook = note_nmi;
	EQUAL(send_nmi(0), 0);
	EQUAL(send_nmi(~ME), 0);
	leave();
	EQUAL(count, 0);
}

CASE(nmi_without_a_handler)
{
	trap_hook = note_nmi;
	EQUAL(hypercall(RL_HC_SET_TRAP, 2, 0, 0), 0);
	EQUAL(send_nmi(ME), 0);
	EQUAL(trap_set(2, 0), 0);
	leave();
	EQUAL(count, 0);
	EQUAL(shared_page.nmis, 0);
}

CASE(raw_nmi_before_init)
{
	hypercall(RL_HC_SEND_NMI, ~0UL, 0, 0);
	leave();
	end(TINY_SUCCESS);
}

/* --- where none may come ------------------------------------------------------------ */

extern char nmi_zone_start[], nmi_zone_end[];

/* Sends one, stays in the zone for an exit more, and says what came until then. */
static u64 __attribute__((noinline)) send_in_the_zone(void)
{
	u64 nr = RL_HC_SEND_NMI, mask = ME, came;

	asm volatile("nmi_zone_start:\n\t"
		     "syscall\n\t"
		     "movq %[other], %%rax\n\t"
		     "syscall\n\t"
		     "movq count, %[came]\n"
		     "nmi_zone_end:"
		     : [came] "=&r" (came), "+a" (nr), "+D" (mask)
		     : [other] "i" (RL_HC_COUNT)
		     : "rcx", "r11", "rsi", "rdx", "memory");
	return came;
}

CASE(nmi_in_the_zone)
{
	struct rl_init init = init_block;

	trap_hook = note_nmi;
	EQUAL(send_in_the_zone(), 1);	/* it is none yet */
	init.zone_start = (u64)nmi_zone_start;
	init.zone_end = (u64)nmi_zone_end;
	EQUAL(hypercall(RL_HC_INIT, (u64)&init, 0, 0), 0);
	EQUAL(send_in_the_zone(), 1);
	leave();
	EQUAL(count, 2);
	CHECK(last.rip < (u64)nmi_zone_start || last.rip >= (u64)nmi_zone_end);
}

CASE(nmi_on_the_shared_page)
{
	u64 nr = RL_HC_SEND_NMI, mask = ME, came;

	trap_hook = note_nmi;
	asm volatile("movq %%rsp, %%rbx\n\t"
		     "movq %[page], %%rsp\n\t"
		     "syscall\n\t"
		     "movq %[other], %%rax\n\t"
		     "syscall\n\t"
		     "movq count, %[came]\n\t"
		     "movq %%rbx, %%rsp"
		     : [came] "=&r" (came), "+a" (nr), "+D" (mask)
		     : [other] "i" (RL_HC_COUNT),
		       [page] "r" (init_block.shared_gva + RL_SHARED_ENTRY_STACK)
		     : "rbx", "rcx", "r11", "rsi", "rdx", "memory");
	EQUAL(came, 0);
	leave();
	EQUAL(count, 1);
}

CASE_KILLED(nmi_without_a_stack, "no stack for an NMI")
{
	u64 nr = RL_HC_SEND_NMI, mask = ME;

	asm volatile("movq $0x1000, %%rsp\n\t"
		     "syscall"
		     : "+a" (nr), "+D" (mask)
		     :: "rcx", "r11", "rsi", "rdx", "memory");
}

/* --- from another one ---------------------------------------------------------------- */

static void send_late(void)
{
	spin_us(20000);
	send_nmi(ME);
	hypercall(RL_HC_STOP_VCPU, 0, 0, 0);
}

CASE(two_nmi_ends_a_halt)
{
	trap_hook = note_nmi;
	EQUAL(second_start(send_late), 0);
	EQUAL(hypercall(RL_HC_HALT, 0, 0, 0), 0);
	EQUAL(count, 1);
}

CASE(two_nmi_ends_a_parking)
{
	trap_hook = note_nmi;
	EQUAL(second_start(send_late), 0);
	EQUAL(hypercall(RL_HC_PARK, 0, 0, 0), 0);
	EQUAL(count, 1);
	EQUAL(shared_page.vif, 0);
	/* And the next one, if its look was before the NMI. */
	EQUAL(hypercall(RL_HC_PARK, 0, 0, 0), 0);
}

CASE(two_nmi_to_a_busy_one)
{
	u64 until = rdtsc() + 5000 * mailbox->tsc_khz;

	trap_hook = note_nmi;
	EQUAL(second_start(send_late), 0);
	while (!count && rdtsc() < until)
		asm volatile("pause");
	EQUAL(count, 1);
}
