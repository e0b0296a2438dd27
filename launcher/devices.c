// SPDX-License-Identifier: GPL-2.0
/*
 * The device manager. See devices.h.
 *
 * A slot's fields are constant while it is attached, so device threads and
 * vCPU threads share them without locks; the log's budget has its own.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "devices.h"
#include "exit.h"
#include "log.h"
#include "vm.h"

/*J: launcher.devices
 * How much of a device is in this program's way when data flows? Nothing. The
 * guest's notification is a write to a register; the module recognises the
 * address and the value, and signals an eventfd, on which that device's own
 * thread sleeps. The thread does the work, straight from and to the guest's
 * memory, and signals another eventfd, which the module turns into an
 * interrupt. The thread that runs the guest's CPU is not woken on either way.
 *
 * This file only ties the knots: which eventfd belongs to which register and
 * which interrupt line. What is left for the CPU's thread are the registers of
 * setting up, some fifty accesses in a device's life.
 :*/

#define NOTIFY_BYTES	4	/* virtio 1.2, 4.2.2.2: the only width */
/* A device's lines in the log: so many at once, then one a second. */
#define LOG_BURST	10

struct slot {
	struct virtio_device *device;
	struct virtio_host host;
	uint64_t gpa;		/* of the registers */
	unsigned int line;
	int used_fd, config_fd;	/* eventfds, one for each kind of interrupt */
	int vm_fd;
	const struct guest_memory *memory;
	bool attached;

	pthread_mutex_t log_lock;
	unsigned int log_budget, log_missed;
	time_t log_time;	/* of the last refill */
};

struct devices {
	unsigned int count;
	struct slot slots[RL_MMIO_DEVICES];
};

/* --- what a device may ask for (virtio_devices/device.h) --- */

static void *host_memory_at(void *context, uint64_t gpa, uint64_t bytes,
			    uint64_t *got)
{
	const struct guest_memory *memory = ((struct slot *)context)->memory;
	uint64_t end = gpa < memory->low ? memory->low : memory->end;

	if (gpa >= end || !memory_at(memory, gpa, 1))
		return NULL;
	*got = bytes < end - gpa ? bytes : end - gpa;
	return memory_at(memory, gpa, *got);
}

static void host_interrupt(void *context, unsigned int bits)
{
	struct slot *slot = context;

	if (bits & VIRTIO_INTERRUPT_USED)
		eventfd_write(slot->used_fd, 1);
	if (bits & VIRTIO_INTERRUPT_CONFIG)
		eventfd_write(slot->config_fd, 1);
}

/*
 * The word behind InterruptStatus is the module's, in a page that it shares with
 * the guest. It cannot fail for a line that was registered.
 */
static void host_clear_interrupt(void *context)
{
	const struct slot *slot = context;
	const struct rl_irqfd clear = {
		.fd = -1,
		.line = slot->line,
		.status = VIRTIO_INTERRUPT_USED | VIRTIO_INTERRUPT_CONFIG,
		.flags = RL_FD_CLEAR,
	};

	vm_irqfd(slot->vm_fd, &clear);
}

/* The module follows the mapping, so a page given back here is the host's. */
static int host_discard(void *context, uint64_t gpa, uint64_t bytes)
{
	return memory_discard(((struct slot *)context)->memory, gpa, bytes);
}

/* May the slot print a line? If so, how many it could not print before. */
static bool take_log_budget(struct slot *slot, unsigned int *missed)
{
	struct timespec now;
	time_t passed;
	bool may;

	clock_gettime(CLOCK_MONOTONIC, &now);
	pthread_mutex_lock(&slot->log_lock);
	passed = now.tv_sec - slot->log_time;
	slot->log_time = now.tv_sec;
	if (passed >= LOG_BURST - (time_t)slot->log_budget)
		slot->log_budget = LOG_BURST;
	else
		slot->log_budget += passed;
	may = slot->log_budget > 0;
	*missed = slot->log_missed;
	if (may) {
		slot->log_budget--;
		slot->log_missed = 0;
	} else {
		slot->log_missed++;
	}
	pthread_mutex_unlock(&slot->log_lock);
	return may;
}

/* A guest can cause such lines as fast as it likes. */
static void host_log(void *context, const char *line)
{
	unsigned int missed;
	char safe[256];

	if (!take_log_budget(context, &missed))
		return;
	if (missed)
		log_warnx("%s: %u messages were left out",
			  virtio_name(((struct slot *)context)->device),
			  missed);
	log_warnx("%s", log_safe(safe, sizeof(safe), line, strlen(line)));
}

/* --- making them --- */

static int init_slot(struct slot *slot, unsigned int number)
{
	slot->gpa = RL_MMIO_BASE + number * (uint64_t)RL_MMIO_STRIDE;
	slot->line = RL_IRQ_DEVICE + number;
	slot->log_budget = LOG_BURST;
	pthread_mutex_init(&slot->log_lock, NULL);
	slot->host = (struct virtio_host){
		.memory_at = host_memory_at,
		.interrupt = host_interrupt,
		.clear_interrupt = host_clear_interrupt,
		.discard = host_discard,
		.log = host_log,
		.context = slot,
	};
	slot->used_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	slot->config_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return slot->used_fd < 0 || slot->config_fd < 0 ? -errno : 0;
}

static void destroy_slot(struct slot *slot)
{
	virtio_destroy(slot->device);
	if (slot->used_fd >= 0)
		close(slot->used_fd);
	if (slot->config_fd >= 0)
		close(slot->config_fd);
	pthread_mutex_destroy(&slot->log_lock);
}

/* Messages and statistics tell devices apart by their names. */
static int check_name(const struct devices *devices, unsigned int index,
		      char *message, size_t size)
{
	const char *name = virtio_name(devices->slots[index].device);

	for (unsigned int i = 0; i < index; i++) {
		if (strcmp(virtio_name(devices->slots[i].device), name))
			continue;
		snprintf(message, size, "there is a %s already: choose "
			 "another id=N", name);
		return -EINVAL;
	}
	return 0;
}

/* How many of the options before this one are of its kind. */
static unsigned int order_of(const struct device_option *options,
			     unsigned int index)
{
	unsigned int order = 0;

	for (unsigned int i = 0; i < index; i++)
		if (options[i].kind == options[index].kind)
			order++;
	return order;
}

/* A message may name its option or its kind itself. */
static void say_why(const char *option, const char *text, const char *message)
{
	if (!strncmp(message, "--", 2) ||
	    !strncmp(message, option, strlen(option)))
		log_warnx("%s", message);
	else if (*text)
		log_warnx("--%s %s: %s", option, text, message);
	else
		log_warnx("--%s: %s", option, message);
}

struct devices *devices_create(const struct device_option *options,
			       unsigned int count, unsigned int cpus,
			       int *status)
{
	struct devices *devices = calloc(1, sizeof(*devices));
	struct virtio_setup setup = {
		.cpus = cpus,
		.verbose = log_get_level() >= LOG_LEVEL_INFO,
	};
	int error = devices ? 0 : -ENOMEM;
	char message[256] = "";

	for (unsigned int i = 0; i < count && !error; i++) {
		const struct virtio_kind *kind = options[i].kind;
		struct slot *slot = &devices->slots[i];

		setup.order = order_of(options, i);
		error = kind->create(options[i].text, &setup, &slot->device,
				     message, sizeof(message));
		if (error) {
			if (!*message)
				snprintf(message, sizeof(message), "%s",
					 strerror(-error));
			say_why(kind->option, options[i].text, message);
			break;
		}
		devices->count++;
		error = init_slot(slot, i);
		if (!error)
			error = check_name(devices, i, message,
					   sizeof(message));
		if (error && *message)
			say_why(kind->option, options[i].text, message);
	}
	if (!error)
		return devices;
	if (!*message) {
		errno = -error;
		log_warn("cannot make the guest's devices");
	}
	*status = error == -EINVAL ? STATUS_USAGE : STATUS_ERROR;
	devices_destroy(devices);
	return NULL;
}

void devices_destroy(struct devices *devices)
{
	if (!devices)
		return;
	while (devices->count)
		destroy_slot(&devices->slots[--devices->count]);
	free(devices);
}

/* --- connecting them --- */

static int register_irq(const struct slot *slot, int fd, unsigned int bits)
{
	struct rl_irqfd irqfd = {
		.fd = fd,
		.line = slot->line,
		.status = bits,
		.status_gpa = slot->gpa + VIRTIO_INTERRUPT_STATUS_OFFSET,
	};
	eventfd_t old;

	/* What was left by the machine before does not matter now. */
	eventfd_read(fd, &old);
	return vm_irqfd(slot->vm_fd, &irqfd);
}

static int register_kicks(const struct slot *slot)
{
	unsigned int queues = virtio_queue_count(slot->device);
	int error = 0;

	for (unsigned int i = 0; i < queues && !error; i++) {
		struct rl_ioeventfd kick = {
			.gpa = slot->gpa + VIRTIO_NOTIFY_OFFSET,
			.datamatch = i,
			.bytes = NOTIFY_BYTES,
			.fd = virtio_kick_fd(slot->device, i),
		};

		error = vm_ioeventfd(slot->vm_fd, &kick);
	}
	return error;
}

static int attach_slot(struct slot *slot, int vm_fd,
		       const struct guest_memory *memory)
{
	int error;

	slot->vm_fd = vm_fd;
	slot->memory = memory;
	error = register_irq(slot, slot->used_fd, VIRTIO_INTERRUPT_USED);
	if (!error)
		error = register_irq(slot, slot->config_fd,
				     VIRTIO_INTERRUPT_CONFIG);
	if (!error)
		error = register_kicks(slot);
	if (!error)
		error = virtio_attach(slot->device, &slot->host);
	slot->attached = !error;
	return error;
}

int devices_attach(struct devices *devices, int vm_fd,
		   const struct guest_memory *memory)
{
	int error;

	for (unsigned int i = 0; devices && i < devices->count; i++) {
		error = attach_slot(&devices->slots[i], vm_fd, memory);
		if (!error)
			continue;
		errno = -error;
		log_warn("cannot connect %s to the guest",
			 virtio_name(devices->slots[i].device));
		devices_detach(devices);
		return error;
	}
	return 0;
}

/* What was registered with the module goes with the VM. */
void devices_detach(struct devices *devices)
{
	for (unsigned int i = 0; devices && i < devices->count; i++) {
		if (devices->slots[i].attached)
			virtio_detach(devices->slots[i].device);
		devices->slots[i].attached = false;
	}
}

void devices_access(struct devices *devices, struct rl_run *run)
{
	uint64_t number = (run->gpa - RL_MMIO_BASE) / RL_MMIO_STRIDE;
	uint64_t offset = run->gpa % RL_MMIO_STRIDE;
	struct virtio_device *device;

	if (!devices || run->gpa < RL_MMIO_BASE || number >= devices->count) {
		if (!run->is_write)
			run->result = 0;
		return;
	}
	device = devices->slots[number].device;
	if (run->is_write)
		virtio_write(device, offset, run->bytes, run->result);
	else
		run->result = virtio_read(device, offset, run->bytes);
}

unsigned int devices_needs(const struct devices *devices)
{
	unsigned int needs = 0;

	for (unsigned int i = 0; devices && i < devices->count; i++)
		needs |= virtio_needs(devices->slots[i].device);
	return needs;
}

unsigned int devices_count(const struct devices *devices)
{
	return devices ? devices->count : 0;
}

const struct virtio_device *devices_get(const struct devices *devices,
					unsigned int index)
{
	return devices->slots[index].device;
}
