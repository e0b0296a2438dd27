// SPDX-License-Identifier: GPL-2.0
/*
 * Windows: the few pages that exist in the host's and in a guest's address
 * space at the same address, and what a pCPU needs to run a guest at all.
 *
 * One window for each pCPU, made when the module loads. Its text pages are the
 * module's; its other pages are those of the vCPU that is bound to the pCPU.
 * Two sets of tables lead to it: the host's (all windows) hangs in slot 256 of
 * the launcher's PGD, the guest's (this window alone, with fewer rights) in
 * slot 256 of every shadow root.
 *
 * Locks: the tables of a pCPU and its struct window are changed only on that
 * pCPU with preemption off. attach_lock guards the PGD entries.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/cpu.h>
#include <linux/uaccess.h>
#include <asm/pgtable.h>
#include <asm/tlbflush.h>
#include <asm/desc.h>
#include "compat.h"
#include "gate.h"
#include "kick.h"
#include "ldt.h"
#include "shadow.h"
#include "vcpu.h"
#include "vm.h"
#include "window.h"

#define TABLE (PTE_P | PTE_W | PTE_A)
#define PAGES_PER_WINDOW (WINDOW_SIZE / PAGE_SIZE)

extern const char switcher_text[], switcher_enter[], switcher_verw[];

struct window {
	void (*enter)(void);		/* switcher_enter() in this window */
	u64 *pud, *pmd, *pt;		/* the guest's view */
	struct rl_vcpu *vcpu;		/* whose pages are mapped */
};

static DEFINE_PER_CPU(struct window, windows);
static u64 *host_pud, *host_pmd, **host_pts;
static unsigned int host_pt_count;
static void *text;			/* two pages */
static DEFINE_MUTEX(attach_lock);
static LIST_HEAD(attached);

static u64 *host_pte(int cpu, unsigned int offset)
{
	u64 n = (u64)cpu * PAGES_PER_WINDOW + (offset >> PAGE_SHIFT);

	return &host_pts[n / 512][n % 512];
}

static u64 *guest_pte(int cpu, unsigned int offset)
{
	u64 n = (u64)cpu * PAGES_PER_WINDOW + (offset >> PAGE_SHIFT);

	return &per_cpu(windows, cpu).pt[n % 512];
}

/* --- binding a vCPU ---------------------------------------------------------- */

static void map_pages(struct rl_vcpu *vcpu, int cpu)
{
	static const unsigned int offsets[] = {
		WINDOW_SHARED, WINDOW_HOST, WINDOW_STACK
	};
	u64 shared = __pa(vcpu->shared) | PTE_P | PTE_A | PTE_D | PTE_NX;
	u64 host = __pa(vcpu->host) | PTE_P | PTE_A | PTE_D | PTE_NX;
	u64 stack = __pa(vcpu->stack) | PTE_P | PTE_A | PTE_D | PTE_NX;

	WRITE_ONCE(*host_pte(cpu, WINDOW_SHARED), shared | PTE_W);
	WRITE_ONCE(*host_pte(cpu, WINDOW_HOST), host | PTE_W);
	WRITE_ONCE(*host_pte(cpu, WINDOW_STACK), stack | PTE_W);
	WRITE_ONCE(*guest_pte(cpu, WINDOW_SHARED), shared);
	WRITE_ONCE(*guest_pte(cpu, WINDOW_STACK), stack | PTE_W);
	WRITE_ONCE(*guest_pte(cpu, WINDOW_GUEST), !vcpu->page ? 0 :
		   __pa(vcpu->page) | PTE_P | PTE_W | PTE_A | PTE_D | PTE_NX);
	WRITE_ONCE(per_cpu(windows, cpu).pud[WINDOW_LDT >> 30], ldt_link(vcpu));
	/* Only this pCPU uses these addresses, and only this mm's entries can be
	   in use here; those of other PCIDs went with the last change of CR4.PGE,
	   no later than when the thread came (global_pages.c). */
	for (int i = 0; i < ARRAY_SIZE(offsets); i++)
		asm volatile("invlpg (%0)"
			     :: "r"(window_address(cpu) + offsets[i])
			     : "memory");
}

/* Maps one page at gva in the vCPU's alias slot; *used tables are taken. */
static int alias_map(struct rl_vcpu *vcpu, unsigned int *used, gva_t gva,
		     const void *page)
{
	u64 *table = vcpu->alias[0];

	for (int level = 3; level > 1; level--) {
		unsigned int i = (gva >> (9 * level + 3)) & 511;

		if (!table[i]) {
			if (*used == ALIAS_PAGES)
				return -ENOSPC;
			table[i] = __pa(vcpu->alias[(*used)++]) | TABLE;
		}
		table = __va(table[i] & PTE_ADDRESS);
	}
	table[(gva >> PAGE_SHIFT) & 511] =
		__pa(page) | PTE_P | PTE_A | PTE_D | PTE_NX;
	return 0;
}

/*J: window.alias
 * The processor remembers where its descriptor tables are by linear address.
 * If the guest's tables lie at the very addresses where the host's are, then
 * the load of CR3 replaces the IDT, the GDT and the TSS in one instruction, and
 * LGDT, LIDT and LTR never run. That there is no instant with one world's page
 * tables and the other's IDT is worth more than the saved time: an NMI always
 * finds a handler that fits.
 *
 * Linux keeps the three in its cpu_entry_area, a region of its own in slot 508.
 * Where exactly differs from boot to boot and from pCPU to pCPU, so it is asked
 * from the processor here.
 :*/
static int bind_alias(struct rl_vcpu *vcpu)
{
	struct desc_ptr gdtr, idtr;
	const struct ldttss_desc *tss;
	unsigned int used = 1;
	u64 tss_base;
	u16 tr;

	native_store_gdt(&gdtr);
	store_idt(&idtr);
	asm volatile("str %0" : "=r"(tr));
	tss = (void *)(gdtr.address + (tr & ~7));
	tss_base = (u64)tss->base0 | (u64)tss->base1 << 16 |
		   (u64)tss->base2 << 24 | (u64)tss->base3 << 32;
	if (pgd_slot(gdtr.address) != RL_ALIAS_SLOT ||
	    pgd_slot(idtr.address) != RL_ALIAS_SLOT ||
	    pgd_slot(tss_base) != RL_ALIAS_SLOT ||
	    (gdtr.address | idtr.address | tss_base) & ~PAGE_MASK)
		return -ENODEV;
	/* Descriptors of a second page would be whatever is mapped behind. */
	if (gdtr.size >= PAGE_SIZE)
		return -ENODEV;
	for (int i = 0; i < ALIAS_PAGES; i++)
		clear_page(vcpu->alias[i]);
	if (alias_map(vcpu, &used, gdtr.address, vcpu->gdt) ||
	    alias_map(vcpu, &used, idtr.address, vcpu->idt) ||
	    alias_map(vcpu, &used, tss_base, vcpu->tss))
		return -ENOSPC;
	return 0;
}

static void bind_tss(struct rl_vcpu *vcpu, int cpu)
{
	struct x86_hw_tss *tss = vcpu->tss;
	u64 stack = window_address(cpu) + WINDOW_STACK;

	tss->sp0 = stack + STACK_END;
	tss->ist[IST_NMI - 1] = stack + STACK_IST_NMI;
	tss->ist[IST_DB - 1] = stack + STACK_IST_DB;
	tss->ist[IST_DF - 1] = stack + STACK_IST_DF;
	tss->ist[IST_MC - 1] = stack + STACK_IST_MC;
	/* Beyond any limit: no port is granted to ring 1 or 3. */
	tss->io_bitmap_base = 0xffff;
}

bool window_bound(const struct rl_vcpu *vcpu, int cpu)
{
	return vcpu->bound_cpu == cpu && per_cpu(windows, cpu).vcpu == vcpu;
}

/*
 * Makes cpu's window this vCPU's. Runs on cpu, interrupts off. -ENODEV where
 * the host's descriptor tables are not where a stock Linux has them.
 */
int window_bind(struct rl_vcpu *vcpu, int cpu)
{
	struct window *w = this_cpu_ptr(&windows);
	int r;

	if (vcpu->bound_cpu != cpu) {
		r = bind_alias(vcpu);
		if (r)
			return r;
		if (vcpu->bound_cpu >= 0)
			vcpu->stats.migrations++;
		bind_tss(vcpu, cpu);
		vcpu->below.area = compat_async_fault_area();
		vcpu->bound_cpu = cpu;
		gate_build_all(vcpu);
		shadow_set_chains(vcpu, __pa(w->pud) | TABLE,
				  __pa(vcpu->alias[0]) | TABLE);
	}
	w->vcpu = vcpu;
	vcpu_comes(vcpu);
	map_pages(vcpu, cpu);
	return 0;
}

/* The vCPU goes away, or has other pages now: the next entry binds anew. */
void window_unbind(struct rl_vcpu *vcpu)
{
	int cpu;

	for_each_possible_cpu(cpu)
		cmpxchg(&per_cpu(windows, cpu).vcpu, vcpu, NULL);
}

/* Jumps into this pCPU's window: switcher_enter() of the switcher. */
void window_call(void)
{
	this_cpu_read(windows.enter)();
}

/* --- the launcher's PGD ---------------------------------------------------- */

struct attachment {
	struct list_head list;
	struct mm_struct *mm;		/* LA57: NULL, one entry serves all */
	unsigned int users;
};

static u64 *window_slot(struct mm_struct *mm)
{
	unsigned long address = RL_SLOT_ADDRESS(RL_WINDOW_SLOT);

	return (u64 *)p4d_offset(pgd_offset(mm, address), address);
}

/*
 * Does SHADOW_ABSENT fault? By CPUID 80000008H (SDM volume 2) its bit 51 is
 * reserved; but a hypervisor below us may tell of fewer address bits than the
 * processor has, and then an access would go through, to memory of nobody. So it
 * is tried, in a guard page of a window. Needs attach_lock and the window slot in
 * the caller's address space.
 */
static bool reserved_bit_faults(void)
{
	u64 at = window_address(0) + WINDOW_GUARD, value;
	bool faults;

	if ((cpuid_eax(0x80000008) & 0xff) >= 52)
		return false;
	preempt_disable();
	WRITE_ONCE(*host_pte(0, WINDOW_GUARD), SHADOW_ABSENT | PTE_NX);
	faults = copy_from_kernel_nofault(&value, (void *)at,
					  sizeof(value)) == -EFAULT;
	WRITE_ONCE(*host_pte(0, WINDOW_GUARD), 0);
	asm volatile("invlpg (%0)" :: "r"(at) : "memory");
	preempt_enable();
	return faults;
}

/*
 * Puts all windows into the address space of the caller, which is vm's from
 * now on. -EBUSY when somebody else uses the slot.
 *
 * The entry is written as a plain value: it is in the kernel's half, of which
 * page table isolation keeps no second copy that would have to know.
 */
int window_attach(struct rl_vm *vm)
{
	struct mm_struct *key = pgtable_l5_enabled() ? NULL : current->mm;
	struct attachment *a;
	int r = -ENOMEM;
	u64 *slot;

	mutex_lock(&attach_lock);
	list_for_each_entry(a, &attached, list)
		if (a->mm == key)
			goto found;
	slot = window_slot(current->mm);
	r = -EBUSY;
	if (*slot)
		goto out;
	r = -ENOMEM;
	a = kzalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		goto out;
	a->mm = key;
	list_add(&a->list, &attached);
	WRITE_ONCE(*slot, __pa(host_pud) | TABLE);
found:
	a->users++;
	vm->shadow.absent = reserved_bit_faults() ? SHADOW_ABSENT : 0;
	vm->mm = current->mm;
	mmgrab(vm->mm);
	r = 0;
out:
	mutex_unlock(&attach_lock);
	return r;
}

void window_detach(struct rl_vm *vm)
{
	struct mm_struct *key = pgtable_l5_enabled() ? NULL : vm->mm;
	struct attachment *a;

	mutex_lock(&attach_lock);
	list_for_each_entry(a, &attached, list)
		if (a->mm == key)
			break;
	if (!--a->users) {
		WRITE_ONCE(*window_slot(vm->mm), 0);
		list_del(&a->list);
		kfree(a);
	}
	mutex_unlock(&attach_lock);
	mmdrop(vm->mm);
}

/* --- life -------------------------------------------------------------------- */

static int make_guest_view(int cpu)
{
	struct window *w = per_cpu_ptr(&windows, cpu);
	u64 n = (u64)cpu * PAGES_PER_WINDOW;

	w->enter = (void *)(window_address(cpu) +
			    (switcher_enter - switcher_text));
	w->pud = (u64 *)get_zeroed_page(GFP_KERNEL);
	w->pmd = (u64 *)get_zeroed_page(GFP_KERNEL);
	w->pt = (u64 *)get_zeroed_page(GFP_KERNEL);
	if (!w->pud || !w->pmd || !w->pt)
		return -ENOMEM;
	w->pud[0] = __pa(w->pmd) | TABLE;
	w->pmd[n / 512] = __pa(w->pt) | TABLE;
	for (unsigned int i = 0; i < WINDOW_TEXT_SIZE; i += PAGE_SIZE) {
		u64 pte = (__pa(text) + i) | PTE_P | PTE_A;

		*host_pte(cpu, WINDOW_TEXT + i) = pte;
		*guest_pte(cpu, WINDOW_TEXT + i) = pte;
	}
	return 0;
}

static void copy_text(void)
{
	static const u8 nop7[] = { 0x0f, 0x1f, 0x80, 0, 0, 0, 0 };

	memcpy(text, switcher_text, WINDOW_TEXT_SIZE);
	if (!compat_leaks_buffers())
		memcpy(text + (switcher_verw - switcher_text), nop7,
		       sizeof(nop7));
}

static int make_host_view(void)
{
	host_pt_count = DIV_ROUND_UP(nr_cpu_ids * PAGES_PER_WINDOW, 512);
	if (host_pt_count > 512)	/* there begins the LDT */
		return -E2BIG;
	host_pud = (u64 *)get_zeroed_page(GFP_KERNEL);
	host_pmd = (u64 *)get_zeroed_page(GFP_KERNEL);
	host_pts = kcalloc(host_pt_count, sizeof(*host_pts), GFP_KERNEL);
	if (!host_pud || !host_pmd || !host_pts)
		return -ENOMEM;
	host_pud[0] = __pa(host_pmd) | TABLE;
	for (unsigned int i = 0; i < host_pt_count; i++) {
		host_pts[i] = (u64 *)get_zeroed_page(GFP_KERNEL);
		if (!host_pts[i])
			return -ENOMEM;
		host_pmd[i] = __pa(host_pts[i]) | TABLE;
	}
	return 0;
}

static void free_all(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct window *w = per_cpu_ptr(&windows, cpu);

		free_page((unsigned long)w->pud);
		free_page((unsigned long)w->pmd);
		free_page((unsigned long)w->pt);
	}
	for (unsigned int i = 0; host_pts && i < host_pt_count; i++)
		free_page((unsigned long)host_pts[i]);
	kfree(host_pts);
	free_page((unsigned long)host_pud);
	free_page((unsigned long)host_pmd);
	free_pages((unsigned long)text, get_order(WINDOW_TEXT_SIZE));
}

/* Makes the windows of all possible pCPUs. 0 or -errno. May sleep. */
int window_init(void)
{
	int cpu, r;

	BUILD_BUG_ON(RL_SWITCHER_CS != __KERNEL_CS);
	BUILD_BUG_ON(RL_SWITCHER_SS != __KERNEL_DS);
	if (*window_slot(current->mm)) {
		pr_err("page table slot %d is in use: another hypervisor?\n",
		       RL_WINDOW_SLOT);
		return -EBUSY;
	}
	text = (void *)__get_free_pages(GFP_KERNEL,
					get_order(WINDOW_TEXT_SIZE));
	if (!text)
		return -ENOMEM;
	copy_text();
	r = make_host_view();
	for_each_possible_cpu(cpu)
		if (!r)
			r = make_guest_view(cpu);
	if (r)
		free_all();
	return r;
}

/* Every translation, global ones and those of all PCIDs: any change of CR4.PGE
   (SDM volume 3, 4.10.4.1). Interrupts off, so that nobody else changes CR4. */
static void flush_here(void *unused)
{
	unsigned long cr4 = native_read_cr4();

	asm volatile("mov %0, %%cr4" :: "r"(cr4 ^ X86_CR4_PGE) : "memory");
	asm volatile("mov %0, %%cr4" :: "r"(cr4) : "memory");
}

/* The last VM is gone. No pCPU remembers a window afterwards. */
void window_exit(void)
{
	on_each_cpu(flush_here, NULL, 1);
	free_all();
}
