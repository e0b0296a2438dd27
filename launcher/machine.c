// SPDX-License-Identifier: GPL-2.0
/*
 * Putting a machine together: a VM of the module, memory, vCPUs. Each is
 * undone in the reverse order, and the module drops what it pinned when the
 * last fd is closed; that also happens when the process is killed.
 */
#include <errno.h>
#include <sys/eventfd.h>
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

static int add_vcpus(struct machine *machine, unsigned int cpus,
		     struct console *console)
{
	struct vcpu *vcpu = machine->vcpus;
	int error = 0;

	for (machine->cpus = 0; machine->cpus < cpus; machine->cpus++, vcpu++) {
		error = vcpu_create(vcpu, machine->cpus, machine->vm_fd,
				    machine->done_fd, &machine->memory, console);
		if (error)
			break;
	}
	if (!error)
		return 0;
	errno = -error;
	log_warn("the module cannot make a virtual CPU");
	while (machine->cpus)
		vcpu_destroy(&machine->vcpus[--machine->cpus]);
	return error;
}

int machine_create(struct machine *machine, int device_fd, uint64_t memory_size,
		   unsigned int cpus, struct console *console)
{
	int error;

	machine->done_fd = eventfd(0, EFD_CLOEXEC);
	if (machine->done_fd < 0) {
		error = -errno;
		log_warn("cannot make a virtual machine");
		return error;
	}
	error = machine->vm_fd = vm_create(device_fd);
	if (error < 0) {
		errno = -error;
		log_warn("the module cannot make a virtual machine");
		goto close_done;
	}
	error = add_memory(machine, memory_size);
	if (error)
		goto close_vm;
	error = add_vcpus(machine, cpus, console);
	if (!error)
		return 0;
	memory_destroy(&machine->memory);
close_vm:
	close(machine->vm_fd);
close_done:
	close(machine->done_fd);
	return error;
}

static void interrupt(void *of)
{
	vcpu_interrupt(of);
}

static bool is_ending(void *of)
{
	const struct vcpu *vcpu = of;

	return atomic_load(&vcpu->stop);
}

int machine_debug(struct machine *machine, struct gdb *gdb)
{
	struct gdb_vcpu list[RL_VCPUS_MAX];
	int error;

	for (unsigned int i = 0; i < machine->cpus; i++) {
		struct vcpu *vcpu = &machine->vcpus[i];

		list[i] = (struct gdb_vcpu){
			vcpu->fd, vcpu->run, interrupt, is_ending, vcpu
		};
		vcpu->gdb = gdb;
	}
	error = gdb_begin(gdb, machine->vm_fd, &machine->memory, list, machine->cpus);
	if (!error)
		return 0;
	errno = -error;
	log_warn("no thread for gdb");
	return error;
}

void machine_destroy(struct machine *machine)
{
	while (machine->cpus)
		vcpu_destroy(&machine->vcpus[--machine->cpus]);
	close(machine->vm_fd);
	close(machine->done_fd);
	/* Last, so that the module never looks at an unmapped slot. */
	memory_destroy(&machine->memory);
}

void machine_kick(struct machine *machine)
{
	for (unsigned int i = 0; i < machine->cpus; i++)
		vcpu_kick(&machine->vcpus[i]);
}

/* The first `count` threads. A kick may be lost: see vcpu_kick(). */
static void join(struct machine *machine, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		while (!vcpu_join(&machine->vcpus[i]))
			vcpu_kick(&machine->vcpus[i]);
}

int machine_start(struct machine *machine)
{
	unsigned int i;
	int error;

	for (i = 0; i < machine->cpus; i++) {
		error = vcpu_start(&machine->vcpus[i]);
		if (error) {
			for (unsigned int n = 0; n < i; n++)
				vcpu_kick(&machine->vcpus[n]);
			join(machine, i);
			return error;
		}
	}
	return 0;
}

void machine_join(struct machine *machine, struct ending *ending)
{
	unsigned int i = 0;

	/* Where the module ended them all they end by themselves, with one reason. */
	machine_kick(machine);
	join(machine, machine->cpus);
	while (i < machine->cpus - 1 &&
	       machine->vcpus[i].ending.kind == ENDING_STOPPED)
		i++;
	*ending = machine->vcpus[i].ending;
}
