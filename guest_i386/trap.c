// SPDX-License-Identifier: GPL-2.0
/*
 * Traps of 32-bit code, and what becomes of them. Start reading at shim_trap().
 *
 * Owner of the virtual interrupt flag (shared.vif), which is what the kernel knows as IF:
 * the real one is always 1.
 */
#include "shim.h"

extern const u8 shim_stubs[256][16];
extern const u8 fast_int3[], fast_int80[], fast_fault[];

#define GATE_PRESENT	0x8000u
#define GATE_TYPE	0x1f00u
#define GATE_INTERRUPT	0x0e00u
#define GATE_TRAP	0x0f00u

#define ENOEXEC		8
#define ENOSYS		38

#define HLT		0xf4
#define IRET		0xcf

u32 idt_base;
/* Behind the INT3 that is the kernel's way to ring 3; 0: not known yet. */
u32 exit_rip;
/* Where the kernel's stack was there, with the frame for ring 3. */
u32 exit_rsp;

/*J: guest.i386
 * A 32-bit kernel has its privileged instructions in its code, thousands of them, and no
 * table of functions in front that a layer could fill in. So the launcher reads the code
 * before it runs, and puts a breakpoint over each. Some would trap in ring 1 anyway;
 * others, as PUSHF, would just give a wrong answer.
 *
 * Whose breakpoint it was decides what happens next. One of ours: the instruction that
 * was there is done here, in the *shim*, 64-bit code beside the kernel in ring 1, on the
 * registers in the frame. Any other is the kernel's own business (a BUG, a kprobe), as
 * are its page faults and its programs' system calls: the frame is pushed again, in
 * 32-bit words this time, and the kernel's own handler is next, which finds what an i386
 * would have left.
 :*/

/* Its gates lead here without the host, so nobody has touched vif. */
static bool is_direct(unsigned int vector)
{
	switch (vector) {
	case 0: case 3: case 4: case 5: case 6: case 7: case 16: case 19:
	case 0x80:
		return true;
	}
	return false;
}

/* Does the processor push an error code? SDM volume 3, 6.3.1. */
static bool has_error(unsigned int vector)
{
	return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

static void push(u32 *sp, u32 value)
{
	*sp -= 4;
	KERNEL(u32, *sp) = value;
}

/* Goes to the kernel's handler, as an i386 does. */
void forward(struct frame *f, unsigned int vector)
{
	u32 flags = f->rflags & ~FLAG_IF, sp = f->rsp, low = 0, high = 0;

	if (idt_base) {
		low = KERNEL(u32, idt_base + vector * 8);
		high = KERNEL(u32, idt_base + vector * 8 + 4);
	}
	if (!(high & GATE_PRESENT) ||
	    ((high & GATE_TYPE) != GATE_INTERRUPT && (high & GATE_TYPE) != GATE_TRAP))
		fatal("a trap that the kernel has no gate for", f);
	if (shared.vif)
		flags |= FLAG_IF;
	if (in_user(f)) {
		sp = segment_kernel_stack();
		push(&sp, f->ss);
		push(&sp, f->rsp);
		f->ss = KERNEL_SS;
	}
	push(&sp, flags);
	push(&sp, f->cs);
	push(&sp, f->rip);
	if (has_error(vector))
		push(&sp, f->error);
	f->rip = (low & 0xffff) | (high & 0xffff0000);
	f->cs = KERNEL_CS;
	f->rsp = sp;
	f->rflags &= ~(u64)(FLAG_TF | FLAG_NT | FLAG_RF);
	if ((high & GATE_TYPE) == GATE_INTERRUPT)
		shared.vif = 0;
}

/* --- sites -------------------------------------------------------------------------- */

static const struct rl_site *find_site(u32 gva)
{
	u32 low = 0, high = image.count;

	/* Before its own tables the kernel runs at its physical addresses. */
	if (gva < RL_I386_PAGE_OFFSET)
		gva += RL_I386_PAGE_OFFSET;
	while (low < high) {
		u32 middle = (low + high) / 2;

		if (image.sites[middle].gva < gva)
			low = middle + 1;
		else
			high = middle;
	}
	return low < image.count && image.sites[low].gva == gva ?
	       &image.sites[low] : NULL;
}

/*
 * Nothing may come between STI and the HLT behind it, or who was to be woken by what
 * came would sleep.
 */
static bool next_is_hlt(const struct frame *f)
{
	const struct rl_site *site = find_site(f->rip);

	return site && site->bytes[0] == HLT;
}

/* PUSH %EBP, the first instruction of a function; or the shim returns from it at once. */
static void enter_function(struct frame *f, u8 which)
{
	u32 sp = f->rsp;
	s64 refused = 0;

	if (which == RL_FUNCTION_PANIC)
		power_panics();
	else if (which == RL_FUNCTION_ABSENT)
		refused = -ENOSYS;
	else if (!module_arrives(f->rax, f->rdx))
		refused = -ENOEXEC;
	if (refused) {
		f->rax = (u32)refused;
		f->rip = KERNEL(u32, sp);
		f->rsp = sp + 4;
		return;
	}
	push(&sp, f->rbp);
	f->rsp = sp;
	f->rip++;
}

static void execute_site(struct frame *f, const struct rl_site *site)
{
	if (site->bytes[0] == RL_SITE_FUNCTION) {
		enter_function(f, site->bytes[1]);
		return;
	}
	switch (insn_execute(f, site->bytes)) {
	case DONE:
		break;
	case REFUSED:
		f->error = 0;
		forward(f, 13);
		break;
	case UNKNOWN:
		fatal("a site that the shim cannot execute", f);
	}
	if (site->bytes[0] == 0xfb && next_is_hlt(f)) {
		f->rip++;
		halt();
	}
}

/* INT3 or UD2 of the kernel's: is it a site? */
static bool site_trap(struct frame *f)
{
	u32 at = f->vector == 3 ? f->rip - 1 : f->rip;
	const struct rl_site *site = find_site(at);

	if (!site || (f->vector == 3) != (site->length == 1))
		return false;
	f->rip = at;
	execute_site(f, site);
	if (site->bytes[0] == IRET && in_user(f))
		exit_rip = at + 1;
	return true;
}

/* --- #GP of ring 1 --------------------------------------------------------------------- */

/*
 * Privileged code that was no site (a module's), or a selector that means something else
 * here. False: it is the kernel's own fault.
 */
static bool protection_fault(struct frame *f)
{
	enum outcome outcome;

	if (f->error)
		outcome = insn_selector(f);
	else
		outcome = insn_execute(f, (const u8 *)(u64)(u32)f->rip);
	return outcome == DONE;
}

/* --- interrupts -------------------------------------------------------------------------- */

static void raise_line(unsigned int line)
{
	static const u8 pins[] = RL_I386_PINS;

	if (line >= RL_IRQ_DEVICE && line - RL_IRQ_DEVICE < sizeof(pins))
		pic_raise(pins[line - RL_IRQ_DEVICE]);
	switch (line) {
	case RL_IRQ_TIMER:
		pit_expired();
		break;
	case RL_IRQ_CONSOLE:
		serial_input();
		break;
	case RL_IRQ_POWER:
		power_button();
		break;
	}
}

/* Lines of the host become pins of the interrupt controller. */
static void take_lines(void)
{
	u64 lines;

	/* First off: the host may set it again any time. */
	shared.pending = 0;
	lines = __atomic_exchange_n(&shared.irqs, 0, __ATOMIC_SEQ_CST);
	for (unsigned int line = 0; lines; line++, lines >>= 1)
		if (lines & 1)
			raise_line(line);
}

/* HLT: with interrupts off nothing could ever end it, so the guest is at its end. */
void halt(void)
{
	console_flush();
	if (!shared.vif)
		hypercall(RL_HC_SHUTDOWN, RL_SHUTDOWN_POWEROFF, 0, 0);
	if (shared.pending || shared.irqs)
		take_lines();
	/* What came while interrupts were off ends it at once: nothing else may come. */
	if (!pic_waits())
		hypercall(RL_HC_HALT, 0, 0, 0);
}

/* What is due before 32-bit code goes on. */
static void settle(struct frame *f)
{
	int vector;

	if (shared.pending || shared.irqs)
		take_lines();
	if (shared.vif) {
		vector = pic_take();
		if (vector >= 0)
			forward(f, vector);
	}
	/* Who turns interrupts on without the shim looks at nothing else. */
	if (!shared.vif && pic_waits())
		shared.pending = 1;
	if (in_user(f)) {
		segment_sync_tls();
		segment_sync_ldt();
	}
	f->rflags |= FLAG_IF | FLAG_FIXED;
}

/*
 * A selector in the frame that IRET took could not be loaded. To the host that is a fault
 * of the program's (entry.S), but on an i386 it is one of the kernel's instruction, for
 * which Linux has a handler of its own: so the kernel is put back there. Ring 3 itself has
 * none of these selectors, whatever it does.
 */
static void check_exit(struct frame *f)
{
	if (f->vector < 11 || f->vector > 13 || !exit_rip ||
	    (segment_is_code(f->cs) && segment_is_stack(f->ss)))
		return;
	f->rip = exit_rip - 1;
	f->cs = KERNEL_CS;
	f->rsp = exit_rsp;
	f->ss = KERNEL_SS;
	/* The program's own went with the IRET; TF would be one for the kernel's next. */
	f->rflags = FLAG_FIXED;
	shared.vif = 0;
}

static bool kernel_trap(struct frame *f)
{
	if (f->vector == 3 || f->vector == 6)
		return site_trap(f);
	if (f->vector == 13)
		return protection_fault(f);
	/* Not present in the LDT that the host has: it may be in the kernel's. */
	return f->vector == 11 && is_about_ldt(f) && segment_sync_ldt();
}

/* entry.S: 32-bit code did something, or something happened to it. */
void shim_trap(struct frame *f);
void shim_trap(struct frame *f)
{
	unsigned int vector = f->vector;
	bool program = in_user(f);

	if (vector < VECTOR_PENDING && !is_direct(vector))
		shared.vif = !!(f->rflags & FLAG_IF);
	if (program)
		check_exit(f);
	if (vector >= RL_IRQ_BASE && vector < RL_IRQ_BASE + RL_IRQ_COUNT)
		raise_line(vector - RL_IRQ_BASE);
	else if (vector != VECTOR_PENDING && (program || !kernel_trap(f)))
		forward(f, vector);
	settle(f);
}

/* words: vector, error code, RIP, CS, ... of a trap in the shim. */
void shim_fault(const u64 *words);
void shim_fault(const u64 *words)
{
	struct frame f = {
		.vector = words[0], .error = words[1], .rip = words[2],
		.cs = words[3], .rflags = words[4], .rsp = words[5],
	};

	fatal("a fault of the shim's own", &f);
}

/* --- start -------------------------------------------------------------------------------- */

static void set_traps(void)
{
	for (unsigned int vector = 0; vector < 256; vector++) {
		bool soft = vector == 3 || vector == 4 || vector == 0x80;
		u64 flags = (is_direct(vector) ? RL_TRAP_DIRECT : 0) |
			    (soft ? RL_TRAP_USER : 0);

		const u8 *entry = vector == 3 ? fast_int3 :
				  vector == 0x80 ? fast_int80 : shim_stubs[vector];

		if (hypercall(RL_HC_SET_TRAP, vector, (u64)entry, flags))
			fatal("the host refuses a trap", NULL);
	}
}

static void set_segments(void)
{
	static const struct {
		u8 index;
		u64 descriptor;
	} all[] = {
		/* No 64-bit code for ring 3. */
		{ TLS_INDEX, 0 }, { TLS_INDEX + 1, 0 }, { TLS_INDEX + 2, 0 },
		{ PERCPU_FS >> 3, 0x00cfb3000000ffff },
		{ KERNEL_CS >> 3, 0x00cfbb000000ffff },
		{ KERNEL_SS >> 3, 0x00cfb3000000ffff },
		{ 14, 0x00cffb000000ffff },
		{ 15, 0x00cff3000000ffff },
	};

	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (hypercall(RL_HC_SET_SEGMENT, all[i].index,
			      all[i].descriptor, 0))
			fatal("the host refuses a segment", NULL);
}

extern const u8 shim_text[], shim_text_end[], shim_syscall_entry[];
extern const u8 shim_gate_stack_end[], restart_start[], restart_end[];

/* The frame becomes that of the kernel's first instruction. */
void shim_start(struct frame *f);
void shim_start(struct frame *f)
{
	static struct rl_init init;

	init = (struct rl_init) {
		.version = RL_GUEST_ABI_VERSION,
		.shared_gpa = gpa_of(&shared),
		.shared_gva = (u64)&shared,
		.syscall_entry = (u64)shim_syscall_entry,
		.fault_entry = (u64)fast_fault,
		.entry_stack = (u64)shim_gate_stack_end,
		.zone_start = (u64)shim_text,
		.zone_end = (u64)shim_text_end,
		.restart_start = (u64)restart_start,
		.restart_end = (u64)restart_end,
		.flags = RL_INIT_32BIT | RL_INIT_LOW_KERNEL,
	};
	if (hypercall(RL_HC_INIT, (u64)&init, 0, 0))
		fatal("the host refuses the shim", NULL);
	shared.sp0 = (u64)shim_gate_stack_end;
	set_traps();
	set_segments();
	paging_start();
	pit_start();
	for (unsigned int which = 0; which < 6; which++)
		if (which != 1 && which != 2)
			segment_load(which, KERNEL_SS);
	*f = (struct frame) {
		.rip = image.entry, .cs = KERNEL_CS, .ss = KERNEL_SS,
		.rflags = FLAG_IF | FLAG_FIXED, .rsi = RL_BOOT_PARAMS_GPA,
		/* Its first trap comes before it has a stack of its own. */
		.rsp = RL_I386_LOW_RAM_END,
	};
}
