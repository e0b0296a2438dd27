/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One life of a virtual machine, from nothing to its end. A reboot of the
 * guest is a second machine in the same process.
 */
#ifndef RINGLET_LAUNCHER_MACHINE_H
#define RINGLET_LAUNCHER_MACHINE_H

#include "console.h"
#include "memory.h"
#include "vcpu.h"
#include "vm.h"

struct machine {
	int vm_fd;
	int done_fd;		/* eventfd: a vCPU's ending is valid */
	struct guest_memory memory;
	unsigned int cpus;	/* of vcpus; the first one starts the others */
	struct vcpu vcpus[RL_VCPUS_MAX];
};

/*
 * memory_size: bytes. The console is borrowed. Says what failed; 0 or -errno.
 */
int machine_create(struct machine *machine, int device_fd, uint64_t memory_size,
		   unsigned int cpus, struct console *console);
/* Before its vCPUs start: gdb may have a look at this machine. Says what failed. */
int machine_debug(struct machine *machine, struct gdb *gdb);
void machine_destroy(struct machine *machine);

/* A thread for each vCPU: 0, or -errno and none of them is left. */
int machine_start(struct machine *machine);

/*
 * Make all threads end. As with vcpu_kick(): call it again until done_fd is readable.
 */
void machine_kick(struct machine *machine);

/*
 * One vCPU has ended, so all shall: waits for them and tells how the first did, of its
 * own will if any did.
 */
void machine_join(struct machine *machine, struct ending *ending);

#endif
