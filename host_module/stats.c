// SPDX-License-Identifier: GPL-2.0
/*
 * Counters in debugfs: /sys/kernel/debug/ringlet/PID-N, one file for each VM.
 *
 * A file is read while the guest runs, without a lock: each counter is one
 * word with one writer.
 */
#include <linux/debugfs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include "ringlet.h"

static struct dentry *directory;

static void show_value(struct seq_file *m, const char *name, u64 value)
{
	seq_printf(m, "%-24s %llu\n", name, value);
}

static int stats_show(struct seq_file *m, void *unused)
{
	struct rl_stats *s = kmalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return -ENOMEM;
	vm_stats(m->private, s);
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
