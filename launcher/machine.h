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
	struct guest_memory memory;
	struct vcpu vcpu;
};

/*
 * memory_size: bytes. The console is borrowed. Says what failed; 0 or -errno.
 */
int machine_create(struct machine *machine, int device_fd,
		   uint64_t memory_size, struct console *console);
void machine_destroy(struct machine *machine);

#endif
