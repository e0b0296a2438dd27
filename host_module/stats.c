// SPDX-License-Identifier: GPL-2.0
/*
 * Counters in debugfs: /sys/kernel/debug/ringlet/PID-N, one file for each VM.
 *
 * A file is read while the guest runs, without a lock but that of the list of
 * queues: each counter is one word with one writer. `ringlet top` and `ringlet
 * trace` read them (launcher/counters.c knows the names).
 */
#include <linux/debugfs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <asm/tsc.h>
#include "mmio.h"
#include "stats.h"
#include "vcpu.h"
#include "vm.h"

static struct dentry *directory;

/* In two parts, so that nothing overflows. */
static u64 ticks_to_ns(u64 ticks)
{
	u64 ms = ticks / tsc_khz, rest = ticks % tsc_khz;

	return ms * NSEC_PER_MSEC + rest * NSEC_PER_MSEC / tsc_khz;
}

/* What differs from vCPU to vCPU, where there are some: "vcpu N ...". */
static void show_vcpus(struct seq_file *m, struct rl_vm *vm)
{
	struct rl_vcpu *vcpu;
	unsigned int i;

	if (vm->vcpu_end < 2)
		return;
	for_each_vcpu(vm, vcpu, i) {
		const struct rl_stats *s = &vcpu->stats;

		seq_printf(m, "vcpu %u entries %llu halts %llu page faults %llu hypercalls %llu migrations %llu guest ns %llu host ns %llu\n",
			   i, s->entries, s->halts, s->exits[14],
			   s->exits[RL_EXITS_HYPERCALL], s->migrations,
			   ticks_to_ns(s->guest_ns), ticks_to_ns(s->host_ns));
	}
}

/*
 * The counters of the VM's own and of all vCPUs together, in the units of the ABI (ns). A
 * counter is in one of the two places and 0 in the other.
 */
void stats_read(struct rl_vm *vm, struct rl_stats *out)
{
	u64 *sum = (u64 *)out;
	struct rl_vcpu *vcpu;
	unsigned int i;

	*out = vm->stats;
	for_each_vcpu(vm, vcpu, i)
		for (int n = 0; n < sizeof(*out) / sizeof(*sum); n++)
			sum[n] += ((const u64 *)&vcpu->stats)[n];
	out->guest_ns = ticks_to_ns(out->guest_ns);
	out->host_ns = ticks_to_ns(out->host_ns);
	out->lock_ns = ticks_to_ns(READ_ONCE(vm->mmu_lock_longest));
}

static void show_value(struct seq_file *m, const char *name, u64 value)
{
	seq_printf(m, "%-24s %llu\n", name, value);
}

static int stats_show(struct seq_file *m, void *unused)
{
	struct rl_stats *s = kmalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return -ENOMEM;
	stats_read(m->private, s);
	for (int i = 0; i < RL_EXITS_HYPERCALL; i++)
		if (s->exits[i])
			seq_printf(m, "exits vector 0x%02x        %llu\n", i,
				   s->exits[i]);
	show_value(m, "exits hypercall", s->exits[RL_EXITS_HYPERCALL]);
	for (int i = 0; i < RL_STAT_HYPERCALLS; i++)
		if (s->hypercalls[i])
			seq_printf(m, "hypercall %-2d             %llu\n", i,
				   s->hypercalls[i]);
	show_value(m, "injected faults", s->injected_faults);
	show_value(m, "injected interrupts", s->injected_interrupts);
	show_value(m, "emulated instructions", s->emulated);
	show_value(m, "returns to launcher", s->user_exits);
	show_value(m, "entries", s->entries);
	show_value(m, "halts", s->halts);
	show_value(m, "migrations", s->migrations);
	show_value(m, "shadow pages", s->shadow_pages);
	show_value(m, "shadow pages retired", s->shadow_retired);
	show_value(m, "shadow pages peak", s->shadow_pages_peak);
	show_value(m, "shadow fills", s->shadow_fills);
	show_value(m, "shadow syncs", s->shadow_syncs);
	show_value(m, "shadow zaps", s->shadow_zaps);
	show_value(m, "pages known", s->pages_known);
	show_value(m, "guest ns", s->guest_ns);
	show_value(m, "host ns", s->host_ns);
	show_value(m, "nmis", s->nmis);
	show_value(m, "mmio exits", s->mmio_exits);
	show_value(m, "mmio signalled", s->mmio_signalled);
	show_value(m, "mmio status", s->mmio_status);
	show_value(m, "irqfd signals", s->irqfd_signals);
	show_value(m, "lock ns, longest", s->lock_ns);
	kfree(s);
	show_vcpus(m, m->private);
	mmio_show(m->private, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

void stats_add_vm(struct rl_vm *vm)
{
	char name[32];

	snprintf(name, sizeof(name), "%d-%d", task_tgid_nr(current), vm->id);
	vm->debugfs = debugfs_create_file(name, 0400, directory, vm,
					  &stats_fops);
}

/* After this nobody reads the VM's counters any more. */
void stats_remove_vm(struct rl_vm *vm)
{
	debugfs_remove(vm->debugfs);
}

void stats_init(void)
{
	directory = debugfs_create_dir("ringlet", NULL);
}

void stats_exit(void)
{
	debugfs_remove(directory);
}
