// SPDX-License-Identifier: GPL-2.0
/*
 * The LDT: what modify_ldt() gave an address space, on the vCPUs that have it loaded.
 *
 * Linux tells the processor of a table in three kinds of places, always with interrupts
 * off: in a context switch; where a thread of the address space has changed it (by an
 * interrupt of all CPUs there); and where the running task gets another address space. The
 * host makes a copy each time (RL_HC_SET_LDT).
 *
 * A processor keeps what it once loaded, so Linux drops the old table before it saves the
 * old task's selectors. The host could not load these again behind the hypercall. So:
 * - in a context switch the table waits until FS and GS are saved, which is when the new
 *   task's TLS entries are loaded. DS and ES, which are saved and loaded between that and
 *   the end of the switch, are set to 0, and what was in them is put into the old task's
 *   memory at that end;
 * - elsewhere selectors are out of their registers during the call.
 *
 * Those without a selector of an LDT in a register, as all but a few, do none of this.
 */
#include "layer.h"

#define SELECTS_LDT	4	/* TI, of a selector */

static bool selectors_in_use(void)
{
	return (read_selector(ds) | read_selector(es) | read_selector(fs) |
		read_selector(gs)) & SELECTS_LDT;
}

/* The host refuses nothing of what Linux lets into a table. If ever, it must not be a
   program that finds its segments gone. */
static void set_ldt(const void *table, unsigned int entries)
{
	rl_this_cpu()->ldt_entries = entries;
	if (rl_hypercall(RL_HC_SET_LDT, (u64)table, entries, 0))
		rl_shutdown(RL_SHUTDOWN_PANIC);
}

/*
 * A context switch has the next task's address space loaded while the old one's is still
 * that of the running task.
 */
static bool switching(void)
{
	void *mm = field(pointer, of_this_cpu(cpu_tlbstate), tlb_state, loaded_mm);

	return mm != field(pointer, rl_running_task(), task_struct, active_mm);
}

/* The bases stay what they are, as in a processor that nobody told to load anything. */
static void set_ldt_parked(const void *table, unsigned int entries)
{
	u64 fs_base = rdfsbase(), gs_base = shared_read(user_gs);
	struct rl_parked parked;

	rl_park(&parked, SELECTS_LDT, SELECTS_LDT);
	set_ldt(table, entries);
	rl_unpark(&parked);
	wrfsbase(fs_base);
	shared_write(user_gs, gs_base);
}

void rl_set_ldt(const void *table, unsigned int entries)
{
	struct rl_cpu *self = rl_this_cpu();

	self->switched_from = NULL;
	if (!entries && !self->ldt_entries)
		return;
	if (!selectors_in_use()) {
		set_ldt(table, entries);
	} else if (!switching()) {
		set_ldt_parked(table, entries);
	} else {
		self->switched_from = rl_running_task();
		self->late_ldt = table;
		self->late_entries = entries;
	}
}

/* In a context switch, with FS and GS saved: RL_LATE_SELECTORS, or 0. */
u64 rl_load_late_ldt(void)
{
	struct rl_cpu *self = rl_this_cpu();
	struct rl_parked parked;

	if (likely(!self->switched_from))
		return 0;
	rl_park(&parked, SELECTS_LDT, SELECTS_LDT);
	set_ldt(self->late_ldt, self->late_entries);
	self->saved_ds = parked.ds;
	self->saved_es = parked.es;
	return RL_LATE_SELECTORS;
}

/* The end of the switch. A register that was not set to 0 was saved as it was. */
void rl_restore_saved(void)
{
	struct rl_cpu *self = rl_this_cpu();
	void *thread = part(self->switched_from, task_struct, thread);

	if (self->saved_ds)
		field(u16, thread, thread_struct, ds) = self->saved_ds;
	if (self->saved_es)
		field(u16, thread, thread_struct, es) = self->saved_es;
	self->switched_from = NULL;
}
