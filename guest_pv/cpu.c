// SPDX-License-Identifier: GPL-2.0
/*
 * The shared page of each vCPU: where it is, what it begins with, and that the host
 * knows it.
 *
 * Owns the entries of the layer's page table at rl_alias, one for each vCPU.
 */
#include "layer.h"

extern char rl_alias[];			/* layer.lds */
extern u64 rl_syscall_entries[], rl_tails[], rl_tails_user[], rl_tail_ends[];
extern char rl_early_start[], rl_early_end[];

struct rl_cpu rl_cpus[RL_CPUS];
unsigned int rl_cpu_count = 1;

static u64 first_gs_base;		/* of the first vCPU, where it began */

static struct rl_shared *page_of(u64 gs_base)
{
	return (struct rl_shared *)(gs_base + (u64)entry_stack_storage);
}

static u64 *scratch(struct rl_shared *page, unsigned int offset)
{
	return &page->scratch[offset / sizeof(u64)];
}

/*
 * What RL_HC_INIT says of a vCPU whose page lies at gva where its tails run, and what the
 * page begins with. The end of a tail is where the host may start over no more.
 */
static void describe(unsigned int id, u64 gs_base, u64 gpa, u64 gva, u64 tail,
		     u64 tail_user, u64 tail_end)
{
	struct rl_shared *page = page_of(gs_base);
	struct rl_init *init = &rl_cpus[id].init;

	page->kernel_gs = gs_base;
	*scratch(page, RL_SCRATCH_TAIL) = tail;
	*scratch(page, RL_SCRATCH_TAIL_USER) = tail_user;
	*scratch(page, RL_SCRATCH_ID) = id;
	init->version = RL_GUEST_ABI_VERSION;
	init->shared_gpa = gpa;
	init->shared_gva = gva;
	init->syscall_entry = rl_syscall_entries[id];
	init->fault_entry = (u64)rl_fault_entry;
	init->entry_stack = gva + RL_SHARED_ENTRY_STACK;
	init->zone_start = (u64)rl_zone_start;
	init->zone_end = (u64)rl_zone_end;
	init->restart_start = tail;
	init->restart_end = tail_end;
	init->flags = RL_INIT_DEVICE_STATUS;
}

void rl_cpu_introduce(struct rl_cpu *cpu)
{
	cpu->known = true;
	if (rl_hypercall(RL_HC_INIT, (u64)&cpu->init, 0, 0) < 0)
		rl_shutdown(RL_SHUTDOWN_PANIC);
}

/*
 * The kernel's image has per-CPU data that the first CPU uses until memory is there.
 * Nothing is mapped yet that could be seen at another address than the image's.
 */
void rl_cpu_begin(void)
{
	u64 page = (u64)page_of(rdgsbase());

	first_gs_base = rdgsbase();
	/* The image lies in one piece. */
	describe(0, first_gs_base, page - (u64)init_top_pgt + gpa_of(init_top_pgt), page,
		 (u64)rl_early_start, (u64)rl_early_start, (u64)rl_early_end);
	rl_cpu_introduce(&rl_cpus[0]);
}

/* The page of a vCPU that has per-CPU data for good, and what the host is to know. */
static void settle(unsigned int id, u64 gs_base)
{
	u64 *table = direct_map(RL_LAYER_PT_GPA);
	u64 alias = (u64)rl_alias + id * PAGE_SIZE;
	u64 gpa = slow_virt_to_phys(page_of(gs_base));

	describe(id, gs_base, gpa, alias, rl_tails[id], rl_tails_user[id],
		 rl_tail_ends[id]);
	WRITE_ONCE(table[(alias >> PAGE_SHIFT) & 511], gpa | PTE_DATA);
}

/*J: guest.per-cpu
 * What a kernel knows of the processor that it runs on lies in memory that GS leads to,
 * one piece for each. When the kernel starts there is one piece only, in its image; it
 * is the pattern for the others, and the first processor moves from it to its own. The
 * page that it shares with the host moves along: the host is told by the same call that
 * told it of the first one.
 :*/

/*
 * The kernel has loaded another GS base. Interrupts are off. What it copied of the
 * page is of some moments ago.
 */
void rl_cpu_moved(u64 gs_base)
{
	if (gs_base == first_gs_base || rl_cpus[0].init.shared_gva == (u64)rl_alias)
		return;
	memcpy(page_of(gs_base), page_of(first_gs_base), PAGE_SIZE);
	settle(0, gs_base);
	rl_cpu_introduce(&rl_cpus[0]);
}

/* Before a vCPU starts, by another one. What waits for one that was there stays. */
void rl_cpu_prepare(unsigned int id, u64 gs_base)
{
	if (!rl_cpus[id].known)
		memset(page_of(gs_base), 0, PAGE_SIZE);
	settle(id, gs_base);
}

/* Has the launcher made a vCPU with this id? No start of one can be described there. */
bool rl_cpu_exists(unsigned int id)
{
	return rl_hypercall(RL_HC_START_VCPU, id, 1ul << 63, 0) == -EFAULT;
}
