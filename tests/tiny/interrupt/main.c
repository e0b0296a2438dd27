// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual interrupts: timer, halt, lines raised by the launcher, and the rules
 * of vif, pending and the zone.
 */
#include "tiny.h"

static void wait_count(unsigned int line, u64 count, u64 us)
{
	u64 until = rdtsc() + us * shared_page.tsc_khz / 1000;

	while (irq_count[line] < count)
		if (rdtsc() > until)
			FAIL("line %u: %lu interrupts, not %lu", line,
			     irq_count[line], count);
}

static void set_timer(u64 ns)
{
	EQUAL(hypercall(RL_HC_SET_TIMER, ns, 0, 0), 0);
}

CASE(timer_fires)
{
	u64 start = rdtsc();

	irq_enable();
	set_timer(5000000);
	wait_count(RL_IRQ_TIMER, 1, 2000000);
	CHECK((rdtsc() - start) * 1000 / shared_page.tsc_khz >= 4900);
	spin_us(20000);
	EQUAL(irq_count[RL_IRQ_TIMER], 1);	/* once */
}

CASE(timer_zero)
{
	irq_enable();
	for (u64 i = 1; i <= 100; i++) {
		set_timer(0);
		wait_count(RL_IRQ_TIMER, i, 2000000);
	}
}

CASE(timer_cancelled)
{
	irq_enable();
	set_timer(20000000);
	set_timer(~0UL);
	spin_us(50000);
	EQUAL(irq_count[RL_IRQ_TIMER], 0);
}

CASE(timer_far_future)
{
	irq_enable();
	set_timer(~0UL - 1);
	set_timer(1UL << 63);
	set_timer((1UL << 63) - 1);
	spin_us(50000);
	EQUAL(irq_count[RL_IRQ_TIMER], 0);
	set_timer(1000);
	wait_count(RL_IRQ_TIMER, 1, 2000000);
}

static u64 in_us(u64 us)
{
	return rdtsc() + us * shared_page.tsc_khz / 1000;
}

/*
 * What the guest wants counts when the host looks, 5 ms from now here. It is
 * written before the call, or a slow machine might look in between.
 */
CASE(timer_put_off)
{
	u64 due = in_us(300000);

	irq_enable();
	shared_page.timer_wanted = due;
	set_timer(5000000);
	EQUAL(shared_page.timer_armed, due);
	spin_us(30000);
	CHECK(!irq_count[RL_IRQ_TIMER] || rdtsc() >= due);
	wait_count(RL_IRQ_TIMER, 1, 2000000);
	CHECK(rdtsc() + shared_page.tsc_khz / 5 > due);
	EQUAL(shared_page.timer_armed, ~0UL);
}

CASE(timer_put_off_in_a_halt)
{
	u64 due = in_us(40000);

	shared_page.timer_wanted = due;
	set_timer(5000000);
	EQUAL(hypercall(RL_HC_HALT, 0, 0, 0), 0);
	wait_count(RL_IRQ_TIMER, 1, 0);
	CHECK(rdtsc() + shared_page.tsc_khz / 5 > due);
	EQUAL(host_stats()->halts, 1);
}

CASE(timer_put_off_for_ever)
{
	irq_enable();
	shared_page.timer_wanted = ~0UL;
	set_timer(5000000);
	spin_us(30000);
	EQUAL(irq_count[RL_IRQ_TIMER], 0);
	EQUAL(shared_page.timer_armed, ~0UL);
}

/* Each look finds it a moment away: the host looks, but not all the time. */
CASE(timer_put_off_always)
{
	u64 until = in_us(100000), before = host_stats()->entries;

	shared_page.timer_wanted = in_us(150);
	set_timer(150000);
	while (rdtsc() < until)
		shared_page.timer_wanted = in_us(150);
	CHECK(host_stats()->entries - before < 100000 / 100 + 1000);
}

/* As far off as can be said. (A TSC of less than 1 GHz: a division overflows.) */
CASE(timer_put_off_too_far)
{
	irq_enable();
	for (u64 bit = 40; bit < 64; bit++) {
		u64 far = bit < 63 ? rdtsc() + (1UL << bit) : ~1UL;

		shared_page.timer_wanted = far;
		set_timer(1000000);
		spin_us(5000);
		EQUAL(irq_count[RL_IRQ_TIMER], 0);
		EQUAL(shared_page.timer_armed, far);
	}
	set_timer(~0UL);
	EQUAL(shared_page.timer_armed, ~0UL);
}

CASE(halt_wakes)
{
	set_timer(10000000);
	EQUAL(hypercall(RL_HC_HALT, 0, 0, 0), 0);
	EQUAL(shared_page.vif, 1);
	wait_count(RL_IRQ_TIMER, 1, 0);
	CHECK(host_stats()->halts >= 1);
}

CASE(halt_by_instruction)
{
	irq_enable();
	set_timer(10000000);
	TRY("hlt");
	EQUAL(trap.vector, TRAP_NONE);
	wait_count(RL_IRQ_TIMER, 1, 0);
}

/* Halting with interrupts off wakes, and delivers nothing. */
CASE(halt_with_interrupts_off)
{
	set_timer(10000000);
	TRY("hlt");
	EQUAL(trap.vector, TRAP_NONE);
	EQUAL(irq_count[RL_IRQ_TIMER], 0);
	EQUAL(shared_page.pending, 1);
	irq_enable();
	EQUAL(irq_count[RL_IRQ_TIMER], 1);
	EQUAL(shared_page.pending, 0);
}

CASE(vif_off_holds_back)
{
	EQUAL(request(TINY_RAISE, 5, 0), 0);
	for (int i = 0; i < 10; i++)
		hypercall(RL_HC_DELIVER, 0, 0, 0);
	EQUAL(irq_count[5], 0);
	EQUAL(shared_page.pending, 1);
	irq_enable();
	EQUAL(irq_count[5], 1);
	irq_disable();
}

/* Only the value 1 of vif means on. */
CASE(vif_of_other_values)
{
	for (int v = 2; v < 256; v++) {
		shared_page.vif = v;
		request(TINY_RAISE, 5, 0);
		hypercall(RL_HC_DELIVER, 0, 0, 0);
		EQUAL(irq_count[5], 0);
	}
	irq_enable();
	EQUAL(irq_count[5], 1);
}

CASE(every_line)
{
	for (u64 line = 0; line < RL_IRQ_COUNT; line++)
		if (line < RL_IRQ_IPI)
			EQUAL(request(TINY_RAISE, line, 0), 0);
		else
			EQUAL(hypercall(RL_HC_SEND_IPI, 1, line, 0), 0);
	CHECK(request(TINY_RAISE, RL_IRQ_IPI, 0) < 0);
	CHECK(request(TINY_RAISE, RL_IRQ_COUNT, 0) < 0);
	irq_enable();
	for (unsigned int line = 0; line < RL_IRQ_COUNT; line++)
		EQUAL(irq_count[line], 1);
}

CASE(line_without_handler)
{
	hypercall(RL_HC_SET_TRAP, RL_IRQ_BASE + 9, 0, 0);
	irq_enable();
	request(TINY_RAISE, 9, 0);
	request(TINY_RAISE, 10, 0);
	EQUAL(irq_count[9], 0);
	EQUAL(irq_count[10], 1);
}

CASE(from_another_thread)
{
	irq_enable();
	EQUAL(request(TINY_RAISE, 7, 20000), 0);
	wait_count(7, 1, 3000000);	/* a kick while the guest runs */
	irq_disable();		/* it must not come before the halt */
	EQUAL(request(TINY_RAISE, 7, 20000), 0);
	hypercall(RL_HC_HALT, 0, 0, 0);
	wait_count(7, 2, 0);		/* and one that ends a halt */
}

USER_CODE(user_spin, "1:\tpause\n\tjmp 1b");
static bool in_user;

static void note(struct frame *f, unsigned int line)
{
	(void)line;
	in_user = (f->cs & 3) == 3;
	if (in_user) {
		CHECK(f->rip - (u64)user_spin < 16);
		CHECK(f->rflags & 0x200);
		f->rip = 0x1000;	/* ends the program by a #PF */
	}
}

CASE(in_ring_3)
{
	irq_hook = note;
	set_timer(5000000);
	user_go(user_spin);
	CHECK(in_user);
	EQUAL(irq_count[RL_IRQ_TIMER], 1);
	EQUAL(trap.vector, 14);
}

static bool in_zone;
static u64 storm_ns = 30000;

/* On a slow machine the next one would always be there before we go on. */
static void choose_storm(void)
{
	u64 start = rdtsc(), each;

	for (int i = 0; i < 64; i++)
		hypercall(RL_HC_DELIVER, 0, 0, 0);
	each = (rdtsc() - start) * 1000000 / shared_page.tsc_khz / 64;
	if (storm_ns < 4 * each)
		storm_ns = 4 * each;
}

static void look_for_zone(struct frame *f, unsigned int line)
{
	(void)line;
	if ((f->cs & 3) == 0 && f->rip >= (u64)zone_start &&
	    f->rip < (u64)zone_end)
		in_zone = true;
	set_timer(storm_ns);
}

USER_CODE(user_loop, "movl $300000, %ebx\n1:\tmovl $39, %eax\n\tsyscall\n\t"
	  "decl %ebx\n\tjnz 1b\n\tud2");
static u64 loops;

static bool count_loops(struct frame *f)
{
	if ((f->vector & ~(u64)TRAP_DIRECT) != TRAP_SYSCALL)
		return false;
	loops++;
	if (f->rax != 39 || f->cs != RL_USER_CS || f->ss != RL_USER_DS ||
	    f->rsp != (u64)&user_stack[510])
		FAIL("registers of loop %lu are spoilt", loops);
	return true;
}

/*
 * A timer each 30 us or so against system calls: interrupts land everywhere, in
 * the stubs too. None is lost, none is injected in the zone, no system call is
 * spoilt.
 */
CASE(storm)
{
	irq_hook = look_for_zone;
	trap_hook = count_loops;
	choose_storm();
	set_timer(storm_ns);
	user_go(user_loop);
	EQUAL(trap.vector, 6);
	EQUAL(loops, 300000);
	CHECK(!in_zone);
	CHECK(irq_count[RL_IRQ_TIMER] > 50);
	set_timer(~0UL);
}

/* What waits at the end of a trap is taken there, without the host. */
CASE(pending_at_the_exit)
{
	request(TINY_RAISE, 11, 0);
	hypercall(RL_HC_DELIVER, 0, 0, 0);
	EQUAL(shared_page.pending, 1);
	EQUAL(shared_page.irqs, 1UL << 11);
	user_go(user_loop + 0);	/* IF is set in the frame */
	EQUAL(trap.vector, TRAP_SYSCALL);
	EQUAL(irq_count[11], 1);
	EQUAL(shared_page.irqs, 0);
	EQUAL(trap.frame.rbx, 300000);
}

/* The guest may raise its own lines; the host delivers what it finds. */
CASE(lines_of_its_own)
{
	shared_page.irqs = ~0UL;
	shared_page.pending = 1;
	irq_enable();
	for (unsigned int line = 0; line < RL_IRQ_COUNT; line++)
		EQUAL(irq_count[line], 1);
	EQUAL(shared_page.irqs, 0);
	EQUAL(shared_page.pending, 0);
}

/* And may take back what the host raised. */
CASE(line_taken_back)
{
	request(TINY_RAISE, 11, 0);
	hypercall(RL_HC_DELIVER, 0, 0, 0);
	shared_page.irqs = 0;
	irq_enable();
	EQUAL(irq_count[11], 0);
	request(TINY_RAISE, 11, 0);
	hypercall(RL_HC_DELIVER, 0, 0, 0);
	EQUAL(irq_count[11], 1);
}

static void early_line_is_there(void)
{
	irq_enable();
	EQUAL(irq_count[12], 1);
}

/* A line that came before there was a page to note it in. */
CASE(raw_early_line)
{
	mailbox->raw = 0;
	EQUAL(request(TINY_RAISE, 12, 0), 0);
	tiny_main(early_line_is_there);
}

#define IOPL	0x3000UL
static u64 real_flags;
static bool look_at_flags(struct frame *f)
{
	(void)f;
	asm volatile("pushfq\n\tpopq %0" : "=r"(real_flags));
	return false;
}

/* Frames that the last iretq refuses: a fault of the program's, not ours. */
CASE(iret_frames)
{
	static const struct { u64 rip, cs, ss; } bad[] = {
		{ 1UL << 47, RL_USER_CS, RL_USER_DS },
		{ 0, RL_KERNEL_CS | 3, RL_USER_DS },
		{ 0, 0x13, RL_USER_DS },
		{ 0, RL_USER_CS, 0x1b },
		{ 0, RL_USER_CS, 0x63 },
		{ 0, 0xffff, 0xffff },
		{ 0, RL_USER_CS, 0 },
	};

	trap_hook = look_at_flags;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct frame regs;

		user_start(&regs, user_spin);
		regs.rflags |= IOPL;
		if (bad[i].rip)
			regs.rip = bad[i].rip;
		regs.cs = bad[i].cs;
		regs.ss = bad[i].ss;
		user_run(&regs);
		EQUAL(trap.vector, 13);
		EQUAL(trap.frame.cs, bad[i].cs);
		EQUAL(trap.frame.rip, regs.rip);
		EQUAL(trap.frame.rflags & IOPL, 0);
		EQUAL(real_flags & IOPL, 0);
	}
}

/*
 * A guest that sleeps or works is not kept waiting. Three tries, as a slow machine
 * may keep it waiting all the same. (The absence itself: tests/guest/absence.)
 */
CASE(own_time_is_no_absence)
{
	u64 before, tries = 0;

	irq_enable();
	do {
		before = shared_page.absences;
		tries++;
		irq_disable();	/* it must not come before the halt */
		set_timer(1200000000);
		while (irq_count[RL_IRQ_TIMER] < tries) {
			hypercall(RL_HC_HALT, 0, 0, 0);
			irq_disable();
		}
		irq_enable();
		spin_us(1200000);
	} while (shared_page.absences != before && tries < 3);
	EQUAL(shared_page.absences, before);
}

/* --- the stretch that is started over ------------------------------------------- */

#define KERNEL_GVA	0xffffa00000000000UL
extern char stretch[], stretch_end[];
static u64 started;
/* RDI: an address that the shadow does not know yet, so that the host comes by. */
asm(".text\n\t.balign 16\nstretch:\tincq started\n\tmovq (%rdi), %rax\n"
    "stretch_end:\tret");

CASE(restart)
{
	map_page(KERNEL_GVA, page_with(7) | P_P);
	init_block.restart_start = (u64)stretch;
	init_block.restart_end = (u64)stretch_end;
	EQUAL(hypercall(RL_HC_INIT, (u64)&init_block, 0, 0), 0);
	/* The host looks at it when it comes by, and not before. */
	shared_page.irqs = 1UL << 13;
	asm volatile("call stretch" :: "D"(KERNEL_GVA) : "rax", "memory", "cc");
	EQUAL(started, 2);
	EQUAL(shared_page.pending, 1);
	EQUAL(irq_count[13], 0);
	irq_enable();
	EQUAL(irq_count[13], 1);
}

/* --- the host's own ---------------------------------------------------------------- */

/* Its timer ticks on while a guest computes: each tick is an exit, and raised. */
CASE(host_timer)
{
	s64 before = request(TINY_TIMERS, 0, 0);

	CHECK(before > 0);
	for (int i = 0; i < 100; i++) {
		spin_us(20000);
		if (request(TINY_TIMERS, 0, 0) - before >= 10)
			return;
	}
	FAIL("%ld timer interrupts of the host in two seconds",
	     request(TINY_TIMERS, 0, 0) - before);
}
