// SPDX-License-Identifier: GPL-2.0
/*
 * pv_ops.cpu, second part: GDT, LDT, TSS and the user's %gs.
 *
 * The real GDT is the host's and has three entries that a guest may set, the
 * TLS ones. What the kernel writes stays in its own memory as well, where nobody
 * but the kernel reads it. There is no LDT: modify_ldt() says so (see
 * patches.c), as on a kernel that was built without.
 *
 * Rule: no descriptor changes while a segment register holds its selector. The
 * host loads the registers again after each exit and could not know what an
 * old selector was meant to be.
 */
#include <linux/errno.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/desc.h>
#include <asm/paravirt.h>
#include <asm/processor.h>
#include <asm/segment.h>

#include "layer.h"

static_assert(GDT_ENTRY_TLS_MIN == RL_TLS_FIRST);
static_assert(GDT_ENTRY_TLS_ENTRIES == RL_TLS_COUNT);

#define TSS_SELECTOR	(GDT_ENTRY_TSS * 8)

static u64 loaded_tls[RL_TLS_COUNT];
static u64 late_tls[RL_TLS_COUNT];
static unsigned int late;	/* bits: which of late_tls are to be loaded */

/* The kernel's own table, writable. */
static struct desc_struct *kernel_gdt(void)
{
	return get_cpu_gdt_rw(raw_smp_processor_id());
}

#define read_selector(register)					\
({									\
	unsigned int selector_;						\
	asm volatile("movl %%" #register ", %0" : "=r" (selector_));	\
	selector_ & 0xffff;						\
})
#define write_selector(register, selector)				\
	asm volatile("movl %0, %%" #register :: "r" (selector) : "memory")

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

/* Selectors out of use while a descriptor changes. */
struct parked {
	unsigned int ds, es, fs, gs;
};

/* The selector of a TLS entry, whatever its RPL. */
static bool selects(unsigned int selector, int entry)
{
	return (selector & ~3) == (RL_TLS_FIRST + entry) << 3;
}

/* Takes selectors of a TLS entry out of their registers. */
static void park(struct parked *p, int entry)
{
	memset(p, 0, sizeof(*p));
	if (selects(read_selector(ds), entry)) {
		p->ds = read_selector(ds);
		write_selector(ds, 0);
	}
	if (selects(read_selector(es), entry)) {
		p->es = read_selector(es);
		write_selector(es, 0);
	}
	if (selects(read_selector(fs), entry)) {
		p->fs = read_selector(fs);
		write_selector(fs, 0);
	}
	if (selects(read_selector(gs), entry)) {
		p->gs = read_selector(gs);
		load_gs(0);
	}
}

/* Back into their registers, where the new descriptor allows it. */
static void unpark(const struct parked *p)
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
	struct parked parked;

	park(&parked, entry);
	loaded_tls[entry] = descriptor;
	memcpy(&kernel_gdt()[RL_TLS_FIRST + entry], &descriptor,
	       sizeof(descriptor));
	rl_hypercall(RL_HC_SET_TLS, entry, descriptor, 0);
	unpark(&parked);
}

/* Present, not a system descriptor, and if it is code, readable. */
static bool data_segment(u64 descriptor)
{
	u64 rights = descriptor >> 40;

	return (rights & 0x90) == 0x90 && (rights & 0x0a) != 0x08;
}

/*
 * A context switch comes here before it notes which %ds and %es the old task
 * had. One that the new task's entry makes invalid would be lost, so that
 * entry waits until the switch is through: rl_load_sp0().
 */
static bool must_wait(const struct thread_struct *thread, int entry,
		      u64 descriptor)
{
	return thread != &current->thread && !data_segment(descriptor) &&
	       (selects(read_selector(ds), entry) ||
		selects(read_selector(es), entry));
}

static void rl_load_tls(struct thread_struct *thread, unsigned int cpu)
{
	u64 wanted;
	int i;

	late = 0;
	for (i = 0; i < RL_TLS_COUNT; i++) {
		memcpy(&wanted, &thread->tls_array[i], sizeof(wanted));
		if (wanted == loaded_tls[i])
			continue;
		if (must_wait(thread, i, wanted)) {
			late_tls[i] = wanted;
			late |= 1 << i;
		} else {
			set_tls(i, wanted);
		}
	}
}

static void load_late_tls(void)
{
	int i;

	for (i = 0; i < RL_TLS_COUNT; i++)
		if (late & 1 << i)
			set_tls(i, late_tls[i]);
	late = 0;
}

static void rl_set_ldt(const void *table, unsigned int entries)
{
}

/* In the place of modify_ldt(), iopl() and ioperm(). */
long rl_no_such_call(void)
{
	return -ENOSYS;
}

static void rl_write_gdt_entry(struct desc_struct *table, int entry,
			       const void *descriptor, int type)
{
	size_t bytes = type == DESC_TSS || type == DESC_LDT ?
		       2 * sizeof(*table) : sizeof(*table);

	memcpy(&table[entry], descriptor, bytes);
}

/*
 * LGDT and LTR change nothing, but the host remembers them for SGDT and STR, which
 * Linux executes to look a descriptor up. Its read-only alias of the table lies in
 * a slot that a guest does not own.
 */
static void rl_load_gdt(const struct desc_ptr *pointer)
{
	struct desc_ptr own = *pointer;

	if (pgd_index(own.address) == RL_ALIAS_SLOT)
		own.address = (unsigned long)kernel_gdt();
	native_load_gdt(&own);
}

static void rl_load_tr(void)
{
	asm volatile("ltr %w0" :: "q" (TSS_SELECTOR));
}

static unsigned long rl_store_tr(void)
{
	return TSS_SELECTOR;
}

/*
 * Where entries from ring 3 put their frame: the stubs and the host read it.
 * Under XENPV each context switch ends with this.
 */
static void rl_load_sp0(unsigned long sp0)
{
	WRITE_ONCE(rl_shared.sp0, sp0);
	if (unlikely(late))
		load_late_tls();
	if (unlikely(rl_text_poked))
		rl_text_poke_end();
}

/* Ring 3 has no ports, whatever its I/O permission bitmap says. */
static void rl_no_io_bitmap(void)
{
}

void rl_segment_ops_init(void)
{
	pv_ops.cpu.load_tls = rl_load_tls;
	pv_ops.cpu.load_gs_index = rl_load_gs_index;
	pv_ops.cpu.set_ldt = rl_set_ldt;
	pv_ops.cpu.write_gdt_entry = rl_write_gdt_entry;
	pv_ops.cpu.load_gdt = rl_load_gdt;
	pv_ops.cpu.load_tr_desc = rl_load_tr;
	pv_ops.cpu.store_tr = rl_store_tr;
	pv_ops.cpu.load_sp0 = rl_load_sp0;
	pv_ops.cpu.invalidate_io_bitmap = rl_no_io_bitmap;
	pv_ops.cpu.update_io_bitmap = rl_no_io_bitmap;
}
