/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What each vCPU has: its shared page, and what the layer remembers of it.
 *
 * The shared page is a page of the kernel's per-CPU data, so that one instruction
 * reaches it, on whatever vCPU that runs: through the GS base that the kernel has
 * anyway. The page is entry_stack_storage, a stack for entries from ring 3, which a
 * kernel that is not in ring 0 does not use. What runs with the program's GS base finds
 * the page at a fixed address, see entry_cpu.S.
 *
 * Rules: two accesses may be two vCPUs', unless the virtual interrupt flag is off.
 */
#ifndef RINGLET_GUEST_PV_CPU_H
#define RINGLET_GUEST_PV_CPU_H

#include "abi/guest.h"
#include "scratch.h"
#include "types.h"

extern char entry_stack_storage[];	/* per CPU */

#define shared_offset(member)	offsetof(struct rl_shared, member)
#define shared_type(member)	typeof(((struct rl_shared *)0)->member)

#define read_at(type, offset)						\
({									\
	type value_;							\
									\
	asm volatile("mov %%gs:%c1, %0" : "=q" (value_)			\
		     : "i" (entry_stack_storage + (offset)) : "memory");	\
	value_;								\
})
#define write_at(type, offset, value)					\
	asm volatile("mov %0, %%gs:%c1"					\
		     :: "q" ((type)(value)),				\
			"i" (entry_stack_storage + (offset)) : "memory")

/* A member of this vCPU's shared page. */
#define shared_read(member)	read_at(shared_type(member), shared_offset(member))
#define shared_write(member, value)					\
	write_at(shared_type(member), shared_offset(member), value)
/* A scratch word that is the layer's own (scratch.h). */
#define scratch_read(name)						\
	read_at(u64, RL_SHARED_SCRATCH + RL_SCRATCH_##name)
#define scratch_write(name, value)					\
	write_at(u64, RL_SHARED_SCRATCH + RL_SCRATCH_##name, value)

/* What the layer knows of a vCPU. */
struct rl_cpu {
	struct rl_init init;
	struct rl_start start;
	u64 debug_registers[8];
	u64 loaded_tls[RL_TLS_COUNT];
	u64 late_tls[RL_TLS_COUNT];
	const void *late_ldt;	/* see pv_ldt.c */
	unsigned int late_entries, ldt_entries;
	void *switched_from;
	u16 saved_ds, saved_es;
	u64 absences;
	bool known;		/* the host knows its shared page */
};

extern struct rl_cpu rl_cpus[RL_CPUS];
extern unsigned int rl_cpu_count;	/* how many the launcher has made */

/* The number of the vCPU, and of Linux's CPU. */
static inline unsigned int rl_this_id(void)
{
	return scratch_read(ID);
}

static inline struct rl_cpu *rl_this_cpu(void)
{
	return &rl_cpus[rl_this_id()];
}

/*
 * A lock for what few fight for, the virtual interrupt flag off; so its holder cannot
 * be stopped by another vCPU's panic.
 */
struct rl_lock {
	u32 taken;
};

static inline bool rl_try_lock(struct rl_lock *lock)
{
	return !__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE);
}

static inline void rl_unlock(struct rl_lock *lock)
{
	__atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}

static inline void rl_lock(struct rl_lock *lock)
{
	while (!rl_try_lock(lock))
		asm volatile("pause");
}

/* cpu.c */
void rl_cpu_begin(void);		/* the first one, as early as can be */
void rl_cpu_moved(u64 gs_base);		/* its per-CPU data did, GS base too */
void rl_cpu_prepare(unsigned int id, u64 gs_base);
void rl_cpu_introduce(struct rl_cpu *cpu);	/* RL_HC_INIT, or the guest's end */
bool rl_cpu_exists(unsigned int id);

#endif
