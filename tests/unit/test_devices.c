// SPDX-License-Identifier: GPL-2.0
/*
 * The device manager: what it registers with the module, which accesses reach
 * which device, what a device is given of the machine, and a guest that
 * reboots. The devices are of a kind of this file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

#include "capture_log.h"
#include "fake_vm.h"
#include "launcher/devices.h"
#include "launcher/exit.h"
#include "virtio_devices/model.h"

#define QUEUES 3

struct toy {
	struct virtio_device device;
	unsigned int resets;
};

static struct toy *toys[RL_MMIO_DEVICES];
static unsigned int alive;

static void toy_reset(struct virtio_device *device)
{
	((struct toy *)device)->resets++;
}

static void toy_destroy(struct virtio_device *device)
{
	virtio_fini(device);
	free(device);
	alive--;
}

static const struct virtio_ops toy_ops = {
	.reset = toy_reset,
	.destroy = toy_destroy,
};

static int toy_create(const char *text, const struct virtio_setup *setup,
		      struct virtio_device **device, char *message,
		      size_t size)
{
	struct toy *toy;

	if (!strcmp(text, "bad")) {
		snprintf(message, size, "this is no toy");
		return -EINVAL;
	}
	if (!strcmp(text, "gone")) {
		snprintf(message, size, "the toy is gone");
		return -ENOENT;
	}
	toy = calloc(1, sizeof(*toy));
	toy->device.ops = &toy_ops;
	toy->device.id = 40 + setup->order;
	toy->device.queue_count = QUEUES;
	toy->device.queue_size = 8;
	snprintf(toy->device.name, sizeof(toy->device.name), "toy%u",
		 setup->order);
	assert_int_equal(virtio_init(&toy->device), 0);
	toys[alive++ % RL_MMIO_DEVICES] = toy;
	*device = &toy->device;
	return 0;
}

static const struct virtio_kind toy_kind = {
	.option = "toy",
	.create = toy_create,
};

static const struct device_option two[] = {
	{ &toy_kind, "" }, { &toy_kind, "x" },
};

/* Memory as a machine has it, with a hole and a high part. */
static struct guest_memory memory;
static struct devices *devices;

static int set_up(void **state)
{
	int status = 0;

	(void)state;
	fake_vm_reset();
	assert_int_equal(memory_create(&memory, RL_MMIO_BASE + 0x10000), 0);
	devices = devices_create(two, 2, 1, &status);
	assert_non_null(devices);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	devices_detach(devices);
	devices_destroy(devices);
	memory_destroy(&memory);
	assert_int_equal(alive, 0);
	return 0;
}

static void test_registration(void **state)
{
	(void)state;
	assert_int_equal(devices_attach(devices, 7, &memory), 0);
	assert_int_equal(fake_vm.kick_count, 2 * QUEUES);
	for (unsigned int i = 0; i < 2 * QUEUES; i++) {
		const struct rl_ioeventfd *kick = &fake_vm.kicks[i];
		unsigned int n = i / QUEUES, queue = i % QUEUES;

		assert_int_equal(kick->gpa, RL_MMIO_BASE +
				 n * RL_MMIO_STRIDE + 0x50);
		assert_int_equal(kick->datamatch, queue);
		assert_int_equal(kick->bytes, 4);
		assert_int_equal(kick->flags, 0);
		assert_int_equal(kick->fd,
				 virtio_kick_fd(&toys[n]->device, queue));
	}
	assert_int_equal(fake_vm.irqfd_count, 4);
	for (unsigned int i = 0; i < 4; i++) {
		const struct rl_irqfd *irqfd = &fake_vm.irqfds[i];

		assert_int_equal(irqfd->line, RL_IRQ_DEVICE + i / 2);
		assert_int_equal(irqfd->status, 1 << i % 2);
		assert_int_equal(irqfd->status_gpa, RL_MMIO_BASE +
				 i / 2 * RL_MMIO_STRIDE + 0x60);
	}
}

static uint64_t read_register(uint64_t gpa)
{
	struct rl_run run = { .gpa = gpa, .bytes = 4, .result = -1 };

	devices_access(devices, &run);
	return run.result;
}

static void write_register(uint64_t gpa, uint64_t value)
{
	struct rl_run run = { .gpa = gpa, .bytes = 4, .is_write = 1,
			      .result = value };

	devices_access(devices, &run);
}

/* A reset of the second device: its word is cleared, no other is. */
static void test_reset_clears_interrupt_status(void **state)
{
	(void)state;
	assert_int_equal(devices_attach(devices, 7, &memory), 0);
	atomic_store(&fake_vm.status[RL_IRQ_DEVICE], 3);
	atomic_store(&fake_vm.status[RL_IRQ_DEVICE + 1], 3);
	write_register(RL_MMIO_BASE + RL_MMIO_STRIDE + 0x70, 0);
	assert_int_equal(atomic_load(&fake_vm.status[RL_IRQ_DEVICE]), 3);
	assert_int_equal(atomic_load(&fake_vm.status[RL_IRQ_DEVICE + 1]), 0);
}

static void test_access(void **state)
{
	struct rl_run run = { .gpa = RL_MMIO_BASE, .bytes = 4, .result = -1 };

	(void)state;
	assert_int_equal(devices_attach(devices, 7, &memory), 0);
	assert_int_equal(read_register(RL_MMIO_BASE), 0x74726976);
	assert_int_equal(read_register(RL_MMIO_BASE + 8), 40);
	assert_int_equal(read_register(RL_MMIO_BASE + RL_MMIO_STRIDE + 8), 41);
	write_register(RL_MMIO_BASE + RL_MMIO_STRIDE + 0x70, 1);
	assert_int_equal(read_register(RL_MMIO_BASE + 0x70), 0);
	assert_int_equal(read_register(RL_MMIO_BASE + RL_MMIO_STRIDE + 0x70),
			 1);
	/* No device: zeros, also below and far above all slots. */
	assert_int_equal(read_register(RL_MMIO_BASE + 2 * RL_MMIO_STRIDE), 0);
	assert_int_equal(read_register(RL_MMIO_BASE - 4), 0);
	assert_int_equal(read_register(UINT64_MAX - 3), 0);
	write_register(RL_MMIO_BASE + 2 * RL_MMIO_STRIDE, 1);
	write_register(0, 1);
	/* And no devices at all. */
	devices_access(NULL, &run);
	assert_int_equal(run.result, 0);
}

static void test_memory(void **state)
{
	const struct virtio_host *host;
	char *base = memory.hva;
	uint64_t got;
	int fd;

	(void)state;
	assert_int_equal(devices_attach(devices, 7, &memory), 0);
	host = toys[0]->device.host;
#define AT(gpa, bytes) host->memory_at(host->context, gpa, bytes, &got)
	assert_ptr_equal(AT(0x1000, 8), base + 0x1000);
	assert_int_equal(got, 8);
	assert_ptr_equal(AT(RL_MMIO_BASE - 4, 8), base + RL_MMIO_BASE - 4);
	assert_int_equal(got, 4);
	assert_null(AT(RL_MMIO_BASE, 1));
	assert_null(AT(RL_HIGH_MEMORY - 1, 2));
	assert_ptr_equal(AT(RL_HIGH_MEMORY, UINT64_MAX), base + RL_HIGH_MEMORY);
	assert_int_equal(got, 0x10000);
	assert_null(AT(RL_HIGH_MEMORY + 0x10000, 1));
	assert_null(AT(UINT64_MAX, UINT64_MAX));
#undef AT
	base[0x5000] = 'x';
	assert_int_equal(host->discard(host->context, 0x5000, 4096), 0);
	assert_int_equal(base[0x5000], 0);
	/* Pages 4 and 5 are a file's, 6 is not: none of them shows it again. */
	fd = memfd_create("pages", MFD_CLOEXEC);
	assert_int_equal(pwrite(fd, "xxxxxxxx", 8, 4096), 8);
	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_int_equal(memory_replace(base + 0x4000, 8192, fd, 0), 0);
	assert_int_equal(base[0x5000], 'x');
	memory.files = 0x6000;
	base[0x4000] = base[0x6000] = 'y';
	assert_int_equal(host->discard(host->context, 0x5000, 8192), 0);
	assert_int_equal(base[0x4000], 'y');
	assert_int_equal(base[0x5000], 0);
	assert_int_equal(base[0x6000], 0);
	memory.files = 0;
	close(fd);
	assert_int_equal(host->discard(host->context, 0x5001, 4096), -EINVAL);
	assert_int_equal(host->discard(host->context, 0x5000, 1), -EINVAL);
	assert_int_equal(host->discard(host->context, RL_MMIO_BASE - 4096,
				       8192), -EINVAL);
}

static void test_interrupts(void **state)
{
	const struct virtio_host *host;
	eventfd_t count;

	(void)state;
	assert_int_equal(devices_attach(devices, 7, &memory), 0);
	host = toys[1]->device.host;
	host->interrupt(host->context, VIRTIO_INTERRUPT_CONFIG);
	assert_int_equal(eventfd_read(fake_vm.irqfds[3].fd, &count), 0);
	assert_int_equal(eventfd_read(fake_vm.irqfds[2].fd, &count), -1);
	host->interrupt(host->context, VIRTIO_INTERRUPT_USED);
	assert_int_equal(eventfd_read(fake_vm.irqfds[2].fd, &count), 0);
	assert_int_equal(eventfd_read(fake_vm.irqfds[0].fd, &count), -1);
}

static void test_reboot(void **state)
{
	(void)state;
	for (unsigned int i = 1; i <= 3; i++) {
		fake_vm_reset();
		assert_int_equal(devices_attach(devices, 7, &memory), 0);
		write_register(RL_MMIO_BASE + 0x70, 1);
		devices_detach(devices);
		assert_int_equal(toys[0]->resets, i);
	}
	assert_int_equal(devices_attach(devices, 7, &memory), 0);
	assert_int_equal(read_register(RL_MMIO_BASE + 0x70), 0);
}

static void test_wrong_options(void **state)
{
	static const struct device_option bad[] = {
		{ &toy_kind, "" }, { &toy_kind, "bad" },
	};
	static const struct device_option gone[] = { { &toy_kind, "gone" } };
	int status = 0;

	(void)state;
	log_forget();
	assert_null(devices_create(bad, 2, 1, &status));
	assert_string_equal(logged, "--toy bad: this is no toy");
	assert_int_equal(status, STATUS_USAGE);
	assert_int_equal(alive, 0);
	assert_null(devices_create(gone, 1, 1, &status));
	assert_int_equal(status, STATUS_ERROR);
	assert_string_equal(logged, "--toy gone: the toy is gone");
}

/* A guest that makes a device complain without end fills no log. */
static void test_log_is_limited(void **state)
{
	const struct virtio_host *host;

	(void)state;
	assert_int_equal(devices_attach(devices, 7, &memory), 0);
	host = toys[0]->device.host;
	log_forget();
	for (int i = 0; i < 1000; i++)
		host->log(host->context, "again\x1b[2J");
	assert_in_range(log_lines, 10, 20);
}

int main(void)
{
#define UNIT(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		UNIT(test_registration),
		UNIT(test_reset_clears_interrupt_status),
		UNIT(test_access),
		UNIT(test_memory),
		UNIT(test_interrupts),
		UNIT(test_reboot),
		cmocka_unit_test(test_wrong_options),
		UNIT(test_log_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
