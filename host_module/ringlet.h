/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The host module's own header: its objects, and what each file offers.
 *
 * Objects: a VM (vm.c) has memory slots (memory.c), a shadow (shadow.c) and
 * one vCPU (vcpu.c). A pCPU has a window (window.c).
 *
 * Locking: vcpu->lock is held by every ioctl of the vCPU, RL_RUN included, so
 * the shadow and the traps have one user at a time. vm->mmu_lock, inside it,
 * guards what the MMU notifier changes: known pages, reverse maps, level 1
 * entries. vm->lock guards the creation of slots and of the vCPU. Other threads
 * write nothing while a guest runs but, in the shared page, *irqs and the status
 * words, by atomic operations, and timer_armed.
 *
 * Address types are the host kernel's own: gva_t, gpa_t, gfn_t, hpa_t.
 *
 * Start reading at main.c, then vcpu.c.
 */
#ifndef RINGLET_HOST_MODULE_RINGLET_H
#define RINGLET_HOST_MODULE_RINGLET_H

#include <linux/types.h>
#include <linux/kvm_types.h>
#include <linux/mutex.h>
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/wait.h>
#include <linux/mm_types.h>
#include <linux/kref.h>
#include <linux/jump_label.h>
#include <linux/mmu_notifier.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <asm/fpu/api.h>
#include <asm/desc_defs.h>
#include <asm/msr.h>

#include "../abi/guest.h"
#include "../abi/ringlet.h"
#include "../switcher/layout.h"
#include "decode.h"

#define RL_SLOT_SHIFT		39	/* of a PGD slot of 4-level paging */
#define RL_SLOT_ADDRESS(n) \
	((u64)((s64)((u64)(n) << (RL_SLOT_SHIFT + 16)) >> 16))

/* Present-entry bits that the shadow uses; the rest of an entry is the HPA. */
#define PTE_P			BIT_ULL(0)
#define PTE_W			BIT_ULL(1)
#define PTE_U			BIT_ULL(2)
#define PTE_A			BIT_ULL(5)
#define PTE_D			BIT_ULL(6)
#define PTE_PS			BIT_ULL(7)
#define PTE_NX			BIT_ULL(63)
#define PTE_ADDRESS		GENMASK_ULL(51, 12)

/* Error code of a page fault. */
#define FAULT_P			BIT(0)
#define FAULT_W			BIT(1)
#define FAULT_U			BIT(2)
#define FAULT_RSVD			BIT(3)
#define FAULT_I			BIT(4)

struct rl_vcpu;

/* --- memory*.c: guest-physical memory ----------------------------------- */

#define CHUNK_PAGES 512

/* What is known of 2 MB of a slot; made when the first of its pages is. */
struct memory_chunk {
	struct page *pages[CHUNK_PAGES];	/* NULL: not known */
	struct hlist_head rmap[CHUNK_PAGES];	/* level 1 entries that map it */
};

struct memory_slot {
	gfn_t base;
	u64 npages;		/* 0: unused */
	unsigned long hva;
	struct memory_chunk **chunks;	/* NULL: none of its pages is known */
};

struct rl_vm;
int memory_set_slot(struct rl_vm *vm, const struct rl_memory_slot *arg);
int memory_create(struct rl_vm *vm);
void memory_detach(struct rl_vm *vm);
void memory_destroy(struct rl_vm *vm);
struct page *memory_page(struct rl_vm *vm, gfn_t gfn);
int memory_find(struct rl_vm *vm, gfn_t gfn, struct page **page);
int memory_fault_in(struct rl_vm *vm);
struct page *memory_pin(struct rl_vm *vm, gfn_t gfn);
void memory_unpin(struct rl_vm *vm, struct page *page);

/* among these files, and for the shadow */
struct memory_slot *memory_slot_of(struct rl_vm *vm, gfn_t gfn);
void memory_rmap_add(struct rl_vm *vm, gfn_t gfn, struct hlist_node *node);
void memory_rmap_remove(struct hlist_node *node);
void memory_forget(struct rl_vm *vm, unsigned long start, unsigned long end,
		   bool may_sleep);

/* --- walk.c: the guest's own page tables ------------------------------- */

/* One step down the guest's tables: where an entry is and what it held. */
struct walk_step {
	gfn_t gfn;		/* of the table */
	u64 *table;		/* HVA in the host kernel */
	unsigned int index;
	u64 entry;
};

struct walk {
	struct walk_step step[5];	/* [level], 4 (top) to 1 */
	int level;		/* of the leaf: 1, 2 (2 MB), 3 (1 GB) */
	gfn_t gfn;		/* of the 4 KB page at the address */
	u64 access;		/* PTE_W | PTE_U | PTE_NX, all levels together */
	u32 error;		/* for the guest's #PF when walk_gva() says so */
};

int walk_gva(struct rl_vcpu *vcpu, u64 cr3, gva_t gva, u32 access,
	     struct walk *w);
int guest_read(struct rl_vcpu *vcpu, gva_t gva, void *to, size_t bytes,
	       u32 access, u32 *error, gva_t *fault);
int guest_write(struct rl_vcpu *vcpu, gva_t gva, const void *from,
		size_t bytes, u32 *error, gva_t *fault);

/* --- shadow*.c ---------------------------------------------------------- */

/* What every entry that leads to another table has. */
#define SHADOW_LINK (PTE_P | PTE_A)

/*
 * A level 1 entry of the lower half where the guest's is not present, or of the
 * upper half for a device's registers: a fault with the reserved bit, by which the
 * switcher knows whose it is. Bit 51 is reserved on every processor with less than
 * 52 bits of physical address, and no memory is where the address bits lead
 * speculatively (L1TF).
 */
#define SHADOW_ABSENT (PTE_P | PTE_ADDRESS)

struct shadow_page {
	struct hlist_node hash;
	u64 *entries;		/* the page that the processor reads */
	gfn_t gfn;		/* of the guest's table; direct: of the memory */
	u32 *gfns;		/* level 1, not direct: what each entry maps */
	struct hlist_node *nodes;	/* level 1: each entry's in the reverse map */
	gva_t base;		/* upper half: first GVA it maps */
	u32 parents;		/* entries that point here */
	u32 stamp;		/* of the last comparison (upper half) */
	u8 level;		/* 1: page table .. 3: PDP table */
	bool user;		/* of the lower half */
	bool direct;		/* splits a large page of the guest */
	DECLARE_BITMAP(used, 512);	/* entries but 0 and SHADOW_ABSENT */
	u32 touched;		/* level 1: blocks of 16 entries that may not be 0 */
};

/* Shadow pages that nobody uses, all entries 0; see shadow_put(). */
struct shadow_pool {
	struct hlist_head pages;
	unsigned int count;
};

/* A top-level table for one of the guest's address spaces. */
struct shadow_root {
	struct list_head lru;	/* most recent first */
	u64 *low, *high;	/* PGD slots 0-255 and 256-511; may be one page */
	u64 *top;		/* LA57: the level above, else NULL */
	gfn_t gfn;		/* of the guest's PGD */
	u64 context, generation;
	DECLARE_BITMAP(used, 512);
};

#define SHADOW_ROOTS_MAX	64

struct shadow {
	struct hlist_head *hash;
	unsigned int hash_bits;
	u64 hash_factor;	/* odd, and the guest's guess is as good as any */
	struct list_head roots;
	unsigned int nroots;
	unsigned long pages, limit;	/* shadow pages: now, at most */
	struct shadow_root *current_root;
	u32 stamp;		/* of the comparison that is going on */
	u64 alias_chain, window_chain;	/* entries of slots 508 and 256 */
	struct shadow_page *spare[3];	/* by level, for link_child(), which cannot
					   sleep */
	struct shadow_pool leaves, inner;	/* of level 1; of the others */
	struct shadow_root *free_root;	/* one, or NULL; its tables are 0 */
	unsigned long breaths;	/* how often mmu_breathe() dropped the lock */
	u64 absent;		/* SHADOW_ABSENT, or 0: see reserved_bit_faults() */
};

void shadow_unmap(struct hlist_node *node);
int shadow_create(struct rl_vm *vm);
void shadow_destroy(struct rl_vm *vm);
int shadow_load(struct rl_vcpu *vcpu, u64 cr3, u64 context, u64 generation);
int shadow_fault(struct rl_vcpu *vcpu, gva_t gva, u32 error,
		 u32 *guest_error);
void shadow_flush_one(struct rl_vcpu *vcpu, gva_t gva);
void shadow_flush_user(struct rl_vcpu *vcpu);
void shadow_flush_kernel(struct rl_vcpu *vcpu);
void shadow_drop(struct rl_vcpu *vcpu, u64 cr3);
void shadow_set_chains(struct rl_vm *vm, u64 window, u64 alias);
void shadow_follow(struct rl_vcpu *vcpu, hpa_t cr3);
hpa_t shadow_root_hpa(const struct shadow_root *root);

/* among these files */
struct shadow_page *shadow_find(struct rl_vm *vm, gfn_t gfn, int level,
				bool user, bool direct);
struct shadow_page *shadow_new(struct rl_vm *vm, gfn_t gfn, int level,
			       bool user, bool direct, gva_t base);
void shadow_put(struct rl_vm *vm, struct shadow_page *sp);
bool shadow_refill(struct shadow *s);
void shadow_drop_spares(struct shadow *s);
void shadow_mark(struct shadow_page *sp, unsigned int i, u64 mark);
u64 shadow_leaf_rights(u64 gpte, bool user);
u64 *shadow_root_entry(struct shadow_root *root, unsigned int slot);
u64 shadow_leaf(struct rl_vm *vm, u64 gpte, gfn_t gfn, bool user);
void shadow_set_leaf(struct rl_vm *vm, struct shadow_page *sp, unsigned int i,
		     u64 entry, gfn_t gfn);
struct shadow_page *shadow_page_of(u64 entry);
void shadow_clear(struct rl_vm *vm, struct shadow_page *sp, unsigned int i);
void shadow_clear_leaf(struct rl_vm *vm, struct shadow_page *sp,
		       unsigned int i, u64 gpte);
void shadow_root_clear(struct rl_vm *vm, struct shadow_root *root,
		       unsigned int slot);
bool shadow_child_matches(const struct shadow_page *child, u64 gpte,
			  int level);
u64 shadow_guest_entry(struct rl_vm *vm, gfn_t gfn, unsigned int i);
void shadow_sync_tree(struct rl_vm *vm, struct shadow_page *sp);
void shadow_sync_root(struct rl_vm *vm, struct shadow_root *root);

/* --- gate.c, segment.c: descriptor tables -------------------------------- */

struct trap {
	gva_t handler;		/* 0: none */
	u8 flags;		/* RL_TRAP_* */
};

bool segment_user_ok(u64 descriptor, u64 *safe);
void segment_default_gdt(u64 gdt[512]);
int gate_set(struct rl_vcpu *vcpu, u64 vector, gva_t handler, u64 flags);
void gate_build_all(struct rl_vcpu *vcpu);

/* --- syscall_msrs.c -------------------------------------------------------- */

int syscall_msrs_init(void);
void syscall_msrs_exit(void);
void syscall_msrs_take(void);
void syscall_msrs_exited(void);

/* The registers of this pCPU hold the switcher's addresses. */
DECLARE_PER_CPU(bool, syscall_msrs_loaded);

/* SYSCALL and SYSENTER are the switcher's from now on. Interrupts off. */
static inline void syscall_msrs_load(void)
{
	if (unlikely(!this_cpu_read(syscall_msrs_loaded)))
		syscall_msrs_take();
}

/* --- trace_buffers.c ------------------------------------------------------ */

bool trace_buffers_on(void);

/* --- window.c: per-pCPU windows ------------------------------------------ */

int window_init(void);
void window_exit(void);
int window_attach(struct rl_vm *vm);
void window_detach(struct rl_vm *vm);
int window_bind(struct rl_vcpu *vcpu, int cpu);
void window_call(void);
u64 window_address(int cpu);
bool window_bound(const struct rl_vcpu *vcpu, int cpu);
void window_unbind(struct rl_vcpu *vcpu);

/* --- vm.c, vcpu.c, enter.c, exit.c ---------------------------------------- */

#define ALIAS_PAGES 8

struct rl_vcpu {
	struct rl_vm *vm;
	struct mutex lock;
	struct rl_run *run;		/* shared with the launcher */

	/* Pages that a window maps; see layout.h. */
	struct window_shared *shared;
	struct window_host *host;
	struct window_stack *stack;
	struct window_frame *regs;	/* = &stack->frame */
	/* Pages at the addresses of the host's IDT, GDT and TSS. */
	gate_desc *idt;
	u64 *gdt;
	struct x86_hw_tss *tss;
	u64 *alias[ALIAS_PAGES];	/* the tables that lead there */
	int bound_cpu;			/* pCPU of the last window_bind(), or -1 */
	int running_cpu;		/* while between entry and exit, else -1 */

	struct fpu_guest fpu;

	/* From RL_HC_INIT. */
	struct rl_init init;
	struct rl_shared *page;		/* the shared page, pinned, or NULL */
	struct trap traps[256];

	u64 early_cr2;			/* before there is a shared page */
	u64 cr3;			/* as the guest wrote it */
	u64 cr0, cr4;			/* as the guest believes */
	struct desc_ptr gdtr, idtr;	/* what it loaded last; for SGDT */
	u16 tr;
	u64 dr[4], dr6, dr7;
	u64 fault_gva;
	/* KVM's asynchronous #PF, where the host is a guest of KVM. */
	struct {
		u32 flags, token;
	} below;
	/* Lines that wait: the word in the shared page, once there is one. */
	unsigned long *irqs, early_irqs;
	bool halted;
	struct wait_queue_head wait;
	struct hrtimer timer;
	raw_spinlock_t timer_lock;

	/* A device access that the launcher is serving. */
	struct {
		struct mmio_insn insn;
		bool await_read;
	} mmio;
	gpa_t fault_gpa;		/* of a fault without memory */
	/* A console call that the launcher is serving: RAX comes from run. */
	bool await_result;
	bool dead, shut_down;
	u64 mark_ns;			/* of the last entry or exit */
	u64 left;			/* TSC at the end of the last RL_RUN */
	u64 absences;			/* see abi/guest.h */
};

struct rl_vm {
	struct kref kref;
	struct mutex lock;
	struct mm_struct *mm;
	struct memory_slot slots[RL_MEMORY_SLOTS];
	/* Guards known pages, reverse maps and level 1 entries against the MMU
	   notifier; see memory.c. */
	spinlock_t mmu_lock;
	/* TSC ticks. The first is 0 until somebody asks how long it was held; the
	   other two are for lock_times=1. */
	u64 mmu_lock_since, mmu_lock_began, mmu_lock_longest;
	struct mmu_notifier notifier;
	unsigned long invalidations;	/* begun, and ended, so far */
	unsigned int invalidating;	/* begun and not ended */
	gfn_t missing;			/* where memory_find() gave -EAGAIN */
	struct rl_vcpu *vcpu;
	struct shadow shadow;
	struct {
		struct mutex lock;
		struct list_head ioeventfds, irqfds;
	} mmio;
	struct rl_stats stats;
	struct dentry *debugfs;
	int id;
};

int vm_create_fd(void);
void vm_get(struct rl_vm *vm);
void vm_put(struct rl_vm *vm);
void vm_stats(struct rl_vm *vm, struct rl_stats *out);
int vcpu_create(struct rl_vm *vm, unsigned long id);
void vcpu_destroy(struct rl_vcpu *vcpu);
void vcpu_kick(struct rl_vcpu *vcpu);
void vcpu_raise(struct rl_vcpu *vcpu, unsigned int line);

__printf(2, 3)
void rl_kill_guest(struct rl_vcpu *vcpu, const char *format, ...);

void enter_init(void);
void mmu_breathe(struct rl_vm *vm);
int enter_guest(struct rl_vcpu *vcpu);
void enter_reraise(u64 vector);
void reraise_nmi(void);
#define RERAISE_SIZE 16		/* of an entry of the table */
extern const char reraise_table[];

/* What an exit handler wants next. */
enum exit_action {
	EXIT_RESUME,		/* go on in the guest */
	EXIT_TO_LAUNCHER,	/* run->exit_reason is set */
};

enum exit_action exit_handle(struct rl_vcpu *vcpu);
enum exit_action hypercall_handle(struct rl_vcpu *vcpu);

/* --- inject.c -------------------------------------------------------------- */

void inject_fault(struct rl_vcpu *vcpu, unsigned int vector, bool has_error,
		  u32 error);
void inject_page_fault(struct rl_vcpu *vcpu, gva_t gva, u32 error);
void inject_interrupts(struct rl_vcpu *vcpu);
bool inject_possible(struct rl_vcpu *vcpu);
bool inject_wanted_now(struct rl_vcpu *vcpu);
void inject_settle(struct rl_vcpu *vcpu);
bool inject_from_iret(struct rl_vcpu *vcpu);

/*
 * An exit takes the lock up to three times, and a processor needs 20 to 40 cycles to
 * read its clock: both ends of a hold are timed only where somebody asked for it.
 */
DECLARE_STATIC_KEY_FALSE(rl_lock_times);

static inline void mmu_lock(struct rl_vm *vm)
{
	spin_lock(&vm->mmu_lock);
	vm->mmu_lock_since = 0;
	if (static_branch_unlikely(&rl_lock_times))
		vm->mmu_lock_began = rdtsc();
}

static inline void mmu_unlock(struct rl_vm *vm)
{
	if (static_branch_unlikely(&rl_lock_times)) {
		u64 held = rdtsc() - vm->mmu_lock_began;

		if (held > vm->mmu_lock_longest)
			vm->mmu_lock_longest = held;
	}
	spin_unlock(&vm->mmu_lock);
}

/* CR2 is in the shared page, where the switcher writes it too. */
static inline __u64 *vcpu_cr2(struct rl_vcpu *vcpu)
{
	return vcpu->page ? &vcpu->page->cr2 : &vcpu->early_cr2;
}

static inline bool vcpu_in_user(const struct rl_vcpu *vcpu)
{
	return (vcpu->regs->cs & 3) == 3;
}

/* TSCs of two pCPUs may differ: time never runs backwards here. */
static inline void count_ticks(__u64 *sum, u64 from, u64 to)
{
	if (to > from)
		*sum += to - from;
}

/*
 * The vCPU was kept from running between these two values of the TSC: where that
 * was long, its guest is told. Needs vcpu->lock.
 */
static inline void vcpu_kept_waiting(struct rl_vcpu *vcpu, u64 from, u64 to)
{
	/* A second; signed, as the TSCs of two pCPUs may differ. */
	if (unlikely((s64)(to - from) >= 1000 * (s64)tsc_khz) && vcpu->page)
		WRITE_ONCE(vcpu->page->absences, ++vcpu->absences);
}

/* Must inject_interrupts() run before the next entry? */
static inline bool inject_wanted(struct rl_vcpu *vcpu)
{
	return READ_ONCE(*vcpu->irqs) && inject_wanted_now(vcpu);
}

static inline bool gva_canonical(gva_t gva)
{
	return (u64)((s64)(gva << 16) >> 16) == gva;
}

static inline unsigned int pgd_slot(gva_t gva)
{
	return (gva >> RL_SLOT_SHIFT) & 511;
}

/* --- mmio.c ------------------------------------------------------------------ */

bool mmio_is_device(gpa_t gpa);
enum exit_action mmio_access(struct rl_vcpu *vcpu, gpa_t gpa);
void mmio_complete(struct rl_vcpu *vcpu);
int mmio_ioeventfd(struct rl_vm *vm, const struct rl_ioeventfd *arg);
int mmio_irqfd(struct rl_vm *vm, const struct rl_irqfd *arg);
void mmio_create(struct rl_vm *vm);
void mmio_destroy(struct rl_vm *vm);

/* --- emulate.c, msr.c, cpuid.c, timer.c, stats.c ---------------------------- */

bool emulate_instruction(struct rl_vcpu *vcpu);
u64 *vcpu_register(struct rl_vcpu *vcpu, unsigned int n);
int msr_read(struct rl_vcpu *vcpu, u32 msr, u64 *value);
int msr_write(struct rl_vcpu *vcpu, u32 msr, u64 value);
u64 xcr0_for_guest(u64 xcr0);
void cpuid_for_guest(u32 leaf, u32 subleaf, u32 out[4]);
int debugreg_write(struct rl_vcpu *vcpu, unsigned int n, u64 value);
int debugreg_read(struct rl_vcpu *vcpu, unsigned int n, u64 *value);
void timer_init(struct rl_vcpu *vcpu);
void timer_set(struct rl_vcpu *vcpu, u64 ns);
void timer_stop(struct rl_vcpu *vcpu);
void stats_init(void);
void stats_exit(void);
void stats_add_vm(struct rl_vm *vm);
void stats_remove_vm(struct rl_vm *vm);

#endif
