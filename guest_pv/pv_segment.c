// SPDX-License-Identifier: GPL-2.0
/*
 * pv_ops.cpu, second part: GDT, LDT, TSS and the user's %gs.
 *
 * The real GDT is the host's and has three entries that a guest may set, the
 * TLS ones. What the kernel writes stays in its own memory as well, where nobody
 * but the kernel reads it. The real LDT is a copy that the host makes of the kernel's
 * whenever that is told to the processor: see pv_ldt.c.
 *
 * Rule: no descriptor changes while a segment register holds its selector. The
 * host loads the registers again after each exit and could not know what an
 * old selector was meant to be.
 */
#include "layer.h"

/* The kernel's own, known once it has written the entry. */
static unsigned int tss_selector;

/* What LGDT and LIDT take. */
struct table_pointer {
	u16 limit;
	u64 address;
} __attribute__((packed));

/* The kernel's own table of this CPU, writable. */
static u64 *kernel_gdt(void)
{
	return part(of_this_cpu(gdt_page), gdt_page, gdt);
}

/* Whether loading a selector into a data segment register would not fault. */
static bool loadable(unsigned int selector)
{
	unsigned int rights;
	bool known, readable;

	if (!(selector & ~3))
		return true;
	asm volatile("lar %2, %0" : "=r" (rights), "=@ccz" (known)
		     : "r" (selector) : "cc");
	if (!known || !(rights & 0x8000))	/* P */
		return false;
	asm volatile("verr %w1" : "=@ccz" (readable) : "r" (selector) : "cc");
	return readable;
}

/* The user's %gs; its base lands in the shared page. */
static void load_gs(unsigned int selector)
{
	u8 was = rl_irq_save();

	rl_load_gs_locked(selector);
	rl_irq_restore(was);
}

/* A bad selector gives what a fault on it natively ends with: NULL. */
static void rl_load_gs_index(unsigned int selector)
{
	load_gs(loadable(selector & 0xffff) ? selector & 0xffff : 0);
}

/* The selector of a TLS entry, whatever its RPL. */
static bool selects(unsigned int selector, unsigned int entry)
{
	return (selector & ~3) == (RL_TLS_FIRST + entry) << 3;
}

void rl_park(struct rl_parked *p, unsigned int mask, unsigned int value)
{
	memset(p, 0, sizeof(*p));
	if ((read_selector(ds) & mask) == value) {
		p->ds = read_selector(ds);
		write_selector(ds, 0);
	}
	if ((read_selector(es) & mask) == value) {
		p->es = read_selector(es);
		write_selector(es, 0);
	}
	if ((read_selector(fs) & mask) == value) {
		p->fs = read_selector(fs);
		write_selector(fs, 0);
	}
	if ((read_selector(gs) & mask) == value) {
		p->gs = read_selector(gs);
		load_gs(0);
	}
}

/* Where the new descriptor allows it. */
void rl_unpark(const struct rl_parked *p)
{
	if (p->ds && loadable(p->ds))
		write_selector(ds, p->ds);
	if (p->es && loadable(p->es))
		write_selector(es, p->es);
	if (p->fs && loadable(p->fs))
		write_selector(fs, p->fs);
	if (p->gs && loadable(p->gs))
		load_gs(p->gs);
}

/*J: guest.thread-local
 * A context switch loads the thread-local storage descriptors of the new task
 * into the GDT. On a real machine that is three stores; for a guest the GDT is
 * the host's and read-only. But 64-bit programs keep their thread pointer in
 * the FS base and leave these descriptors empty, so comparing three words with
 * what was loaded last nearly always saves the hypercall: the cheapest exit is
 * the one that does not happen.
 :*/
static void set_tls(int entry, u64 descriptor)
{
	struct rl_parked parked;

	rl_park(&parked, 0xffff & ~3, (RL_TLS_FIRST + entry) << 3);
	rl_this_cpu()->loaded_tls[entry] = descriptor;
	kernel_gdt()[RL_TLS_FIRST + entry] = descriptor;
	rl_hypercall(RL_HC_SET_TLS, entry, descriptor, 0);
	rl_unpark(&parked);
}

/* Present, not a system descriptor, and if it is code, readable. */
static bool data_segment(u64 descriptor)
{
	u64 rights = descriptor >> 40;

	return (rights & 0x90) == 0x90 && (rights & 0x0a) != 0x08;
}

/* A variable of its own, but for Linux 6.2 to 6.14. */
extern char pcpu_hot[] __weak, current_task[] __weak;

void *rl_running_task(void)
{
	void *task;

	if (has_symbol(pcpu_hot))
		asm volatile("movq %%gs:%c2(%1), %0"
			     : "=r" (task)
			     : "r" (IMAGE("maybe.pointer.pcpu_hot.current_task")),
			       "i" (pcpu_hot));
	else
		asm volatile("movq %%gs:%c1, %0" : "=r" (task) : "i" (current_task));
	return task;
}

/*
 * A context switch comes here before it notes which %ds and %es the old task
 * had. One that the new task's entry makes invalid would be lost, so that
 * entry waits until the switch is through: rl_load_sp0().
 */
static bool must_wait(const void *thread, int entry, u64 descriptor)
{
	return thread != part(rl_running_task(), task_struct, thread) &&
	       !data_segment(descriptor) &&
	       (selects(read_selector(ds), entry) ||
		selects(read_selector(es), entry));
}

static void rl_load_tls(void *thread, unsigned int cpu)
{
	const u64 *tls = part(thread, thread_struct, tls_array);
	struct rl_cpu *self = rl_this_cpu();
	u64 wanted, late = rl_load_late_ldt();
	int i;

	for (i = 0; i < RL_TLS_COUNT; i++) {
		wanted = tls[i];
		if (wanted == self->loaded_tls[i])
			continue;
		if (must_wait(thread, i, wanted)) {
			self->late_tls[i] = wanted;
			late |= 1 << i;
		} else {
			set_tls(i, wanted);
		}
	}
	scratch_write(LATE, late);
}

/* late: bits, which of late_tls are to be loaded, and RL_LATE_SELECTORS. */
static void load_late_tls(u64 late)
{
	int i;

	for (i = 0; i < RL_TLS_COUNT; i++)
		if (late & 1 << i)
			set_tls(i, rl_this_cpu()->late_tls[i]);
	if (late & RL_LATE_SELECTORS)
		rl_restore_saved();
	scratch_write(LATE, 0);
}

/* In the place of iopl() and ioperm(). */
long rl_no_such_call(void)
{
	return -ENOSYS;
}

static void rl_write_gdt_entry(u64 *table, int entry, const u64 *descriptor, int type)
{
	bool tss = type == enumerator(DESC_TSS);

	table[entry] = descriptor[0];
	if (tss || type == enumerator(DESC_LDT))
		table[entry + 1] = descriptor[1];
	if (tss)
		tss_selector = entry * 8;
}

/*
 * LGDT and LTR change nothing, but the host remembers them for SGDT and STR, which
 * Linux executes to look a descriptor up. Its read-only alias of the table lies in
 * a slot that a guest does not own.
 */
static void rl_load_gdt(const struct table_pointer *pointer)
{
	struct table_pointer own = *pointer;

	if ((own.address >> 39 & 511) == RL_ALIAS_SLOT)
		own.address = (unsigned long)kernel_gdt();
	asm volatile("lgdt %0" :: "m" (own));
}

static void rl_load_tr(void)
{
	asm volatile("ltr %w0" :: "q" (tss_selector));
}

static unsigned long rl_store_tr(void)
{
	return tss_selector;
}

/*
 * Where entries from ring 3 put their frame: the stubs and the host read it.
 * Under XENPV each context switch ends with this.
 */
static void rl_load_sp0(unsigned long sp0)
{
	u64 late = scratch_read(LATE);

	shared_write(sp0, sp0);
	if (unlikely(late))
		load_late_tls(late);
	if (unlikely(rl_text_poked))
		rl_text_poke_end();
}

/* Ring 3 has no ports, whatever its I/O permission bitmap says. */
static void rl_no_io_bitmap(void)
{
}

void rl_segment_ops_init(void)
{
	PV(cpu.load_tls) = rl_load_tls;
	PV(cpu.load_gs_index) = rl_load_gs_index;
	PV(cpu.set_ldt) = rl_set_ldt;
	PV(cpu.write_gdt_entry) = rl_write_gdt_entry;
	PV(cpu.load_gdt) = rl_load_gdt;
	PV(cpu.load_tr_desc) = rl_load_tr;
	PV(cpu.store_tr) = rl_store_tr;
	PV(cpu.load_sp0) = rl_load_sp0;
	PV(cpu.invalidate_io_bitmap) = rl_no_io_bitmap;
	PV(cpu.update_io_bitmap) = rl_no_io_bitmap;
}
