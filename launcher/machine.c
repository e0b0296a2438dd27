// SPDX-License-Identifier: GPL-2.0
/*
 * Putting a machine together: a VM of the module, memory, a vCPU. Each is
 * undone in the reverse order, and the module drops what it pinned when the
 * last fd is closed; that also happens when the process is killed.
 */
#include <errno.h>
#include <unistd.h>

#include "log.h"
#include "machine.h"

/* Tell the module of RAM at GPA [start, end), if any. */
static int add_slot(struct machine *machine, unsigned int number,
		    uint64_t start, uint64_t end)
{
	struct rl_memory_slot slot = {
		.slot = number,
		.gpa = start,
		.size = end - start,
		.hva = (uintptr_t)machine->memory.hva + start,
	};

	return start < end ? vm_set_memory(machine->vm_fd, &slot) : 0;
}

static int add_memory(struct machine *machine, uint64_t size)
{
	struct guest_memory *memory = &machine->memory;
	int error = memory_create(memory, size);

	if (error) {
		errno = -error;
		log_warn("no %llu MB of memory for the guest; give less with "
			 "--memory", (unsigned long long)size >> 20);
		return error;
	}
	error = add_slot(machine, 0, 0, memory->low);
	if (!error)
		error = add_slot(machine, 1, RL_HIGH_MEMORY, memory->end);
	if (!error)
		return 0;
	errno = -error;
	log_warn("the module refuses the guest's memory");
	memory_destroy(memory);
	return error;
}

int machine_create(struct machine *machine, int device_fd,
		   uint64_t memory_size, struct console *console)
{
	int error;

	machine->vm_fd = vm_create(device_fd);
	if (machine->vm_fd < 0) {
		errno = -machine->vm_fd;
		log_warn("the module cannot make a virtual machine");
		return machine->vm_fd;
	}
	error = add_memory(machine, memory_size);
	if (error)
		goto close_vm;
	error = vcpu_create(&machine->vcpu, machine->vm_fd, &machine->memory,
			    console);
	if (!error)
		return 0;
	errno = -error;
	log_warn("the module cannot make a virtual CPU");
	memory_destroy(&machine->memory);
close_vm:
	close(machine->vm_fd);
	return error;
}

void machine_destroy(struct machine *machine)
{
	vcpu_destroy(&machine->vcpu);
	close(machine->vm_fd);
	/* Last, so that the module never looks at an unmapped slot. */
	memory_destroy(&machine->memory);
}
