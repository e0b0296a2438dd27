// SPDX-License-Identifier: GPL-2.0
/*
 * The registers of virtio-mmio, the dance of status bits in and out of step,
 * the configuration space, and a device with a thread of its own.
 */
#include <linux/virtio_mmio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#include "fake_driver.h"

#define QUEUES	2
#define SIZE	64
#define OWN_FEATURES (VIRTIO_BIT(3) | VIRTIO_BIT(5) | VIRTIO_BIT(40))

struct probe {
	struct virtio_device device;
	unsigned int activations, resets, writes;
	unsigned int notified[QUEUES];
	atomic_uint served;
	unsigned int config_offset, config_bytes;
	uint64_t config_value;
	bool slow;		/* chains in flight until the reset */
	struct ring_chain kept[SIZE];
	struct iovec kept_iov[SIZE][2];
	unsigned int kept_count;
};

static struct fake_driver driver;
static struct probe *probe;

static void probe_activate(struct virtio_device *device)
{
	(void)device;
	assert_true(device->active);
	probe->activations++;
}

static void probe_reset(struct virtio_device *device)
{
	(void)device;
	probe->resets++;
	/* What is in flight still gets its data, then is forgotten. */
	for (unsigned int i = 0; i < probe->kept_count; i++)
		iov_write(probe->kept[i].in, probe->kept[i].in_count, 0,
			  "late", 4);
	probe->kept_count = 0;
}

static void keep(struct virtio_ring *ring)
{
	struct ring_chain *chain;

	for (;;) {
		chain = &probe->kept[probe->kept_count];
		chain->iov = probe->kept_iov[probe->kept_count];
		chain->room = 2;
		if (!ring_pop(ring, chain))
			return;
		probe->kept_count++;
	}
}

static void probe_notify(struct virtio_device *device, unsigned int queue)
{
	struct virtio_ring *ring = &device->rings[queue];
	struct iovec iov[4];
	struct ring_chain chain = { .iov = iov, .room = 4 };

	probe->notified[queue]++;
	if (probe->slow) {
		keep(ring);
		return;
	}
	do {
		ring_quiet(ring);
		while (ring_pop(ring, &chain)) {
			iov_write(chain.in, chain.in_count, 0, "done", 4);
			ring_push(ring, chain.head, 4);
			atomic_fetch_add(&probe->served, 1);
		}
		ring_publish(ring);
	} while (ring_listen(ring));
}

/* Features 3 and 5 do not go together. */
static bool probe_check(struct virtio_device *device, uint64_t features)
{
	(void)device;
	return (features & (VIRTIO_BIT(3) | VIRTIO_BIT(5))) !=
	       (VIRTIO_BIT(3) | VIRTIO_BIT(5));
}

static void probe_config_write(struct virtio_device *device,
			       unsigned int offset, const void *data,
			       unsigned int bytes)
{
	probe->writes++;
	probe->config_offset = offset;
	probe->config_bytes = bytes;
	probe->config_value = 0;
	memcpy(&probe->config_value, data, bytes);
	virtio_config_store(device, offset, data, bytes, false);
}

static void probe_destroy(struct virtio_device *device)
{
	virtio_fini(device);
	free(probe);
}

static const struct virtio_ops probe_ops = {
	.activate = probe_activate,
	.reset = probe_reset,
	.notify = probe_notify,
	.check_features = probe_check,
	.config_write = probe_config_write,
	.destroy = probe_destroy,
};

static int set_up(void **state)
{
	(void)state;
	fake_driver_init(&driver);
	probe = calloc(1, sizeof(*probe));
	probe->device.ops = &probe_ops;
	probe->device.id = VIRTIO_ID_BLOCK;
	probe->device.offered = OWN_FEATURES;
	probe->device.queue_count = QUEUES;
	probe->device.queue_size = SIZE;
	probe->device.config_size = 12;
	memcpy(probe->device.config, "0123456789ab", 12);
	strcpy(probe->device.name, "probe0");
	assert_int_equal(virtio_init(&probe->device), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_driver_end(&driver);
	virtio_destroy(&probe->device);
	return 0;
}

static void attach(void)
{
	driver.device = &probe->device;
	virtio_attach_inline(driver.device, &driver.host);
}

static void start(void)
{
	assert_int_equal(fake_driver_start(&driver, &probe->device,
					   VIRTIO_BIT(3) | VIRTIO_BIT(40)),
			 15);
}

static void test_identity(void **state)
{
	(void)state;
	attach();
	assert_int_equal(fake_read(&driver, 0), 0x74726976);
	assert_int_equal(fake_read(&driver, 4), 2);
	assert_int_equal(fake_read(&driver, 8), VIRTIO_ID_BLOCK);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_QUEUE_NUM_MAX), SIZE);
	/* No shared memory regions: all ones. */
	for (unsigned int i = 0xb0; i < 0xc0; i += 4)
		assert_int_equal(fake_read(&driver, i), 0xffffffff);
	/* Only 32 bits wide accesses count. */
	assert_int_equal(virtio_read(driver.device, 0, 1), 0);
	assert_int_equal(virtio_read(driver.device, 0, 8), 0);
	assert_int_equal(virtio_read(driver.device, 2, 2), 0);
}

static void test_features(void **state)
{
	uint64_t offered = 0;

	(void)state;
	attach();
	for (unsigned int i = 0; i < 2; i++) {
		fake_write(&driver, VIRTIO_MMIO_DEVICE_FEATURES_SEL, i);
		offered |= (uint64_t)fake_read(
				&driver, VIRTIO_MMIO_DEVICE_FEATURES) << 32 * i;
	}
	assert_int_equal(offered, OWN_FEATURES |
			 VIRTIO_BIT(VIRTIO_F_VERSION_1) |
			 VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX) |
			 VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC));
	fake_write(&driver, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_DEVICE_FEATURES), 0);
}

static void test_start(void **state)
{
	(void)state;
	start();
	fake_run(&driver);
	assert_int_equal(probe->activations, 1);
	assert_int_equal(probe->device.features,
			 VIRTIO_BIT(3) | VIRTIO_BIT(40) |
			 VIRTIO_BIT(VIRTIO_F_VERSION_1));
	/* Each ready queue is looked at once. */
	assert_int_equal(probe->notified[0], 1);
	assert_int_equal(probe->notified[1], 1);
	fake_kick(&driver, 1);
	assert_int_equal(probe->notified[1], 2);
	fake_kick(&driver, QUEUES);
	fake_kick(&driver, UINT32_MAX);
	assert_int_equal(probe->notified[0], 1);
}

/* Write all features, then FEATURES_OK: is it taken? */
static bool agrees(uint64_t features)
{
	fake_write(&driver, VIRTIO_MMIO_STATUS, 0);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 3);
	fake_write(&driver, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	fake_write(&driver, VIRTIO_MMIO_DRIVER_FEATURES, features >> 32);
	fake_write(&driver, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	fake_write(&driver, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 11);
	return fake_status(&driver) & 8;
}

static void test_refused_features(void **state)
{
	const uint64_t v1 = VIRTIO_BIT(VIRTIO_F_VERSION_1);

	(void)state;
	attach();
	assert_true(agrees(v1));
	assert_true(agrees(v1 | VIRTIO_BIT(5)));
	assert_false(agrees(0));
	assert_false(agrees(VIRTIO_BIT(3)));
	assert_false(agrees(v1 | VIRTIO_BIT(4)));
	assert_false(agrees(v1 | VIRTIO_BIT(63)));
	assert_false(agrees(v1 | VIRTIO_BIT(3) | VIRTIO_BIT(5)));
	/* Without it, DRIVER_OK has no effect. */
	fake_write(&driver, VIRTIO_MMIO_STATUS, 15);
	assert_int_equal(fake_status(&driver), 3);
	assert_int_equal(probe->activations, 0);
}

static void test_late_features(void **state)
{
	(void)state;
	start();
	fake_write(&driver, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	fake_write(&driver, VIRTIO_MMIO_DRIVER_FEATURES, VIRTIO_BIT(5));
	fake_write(&driver, VIRTIO_MMIO_STATUS, 15);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 8);
	assert_int_equal(fake_status(&driver), 15);
	assert_int_equal(probe->device.features & 0xff, VIRTIO_BIT(3));
	assert_int_equal(probe->activations, 1);
}

static void test_status_out_of_step(void **state)
{
	(void)state;
	attach();
	fake_write(&driver, VIRTIO_MMIO_STATUS, 4);
	assert_int_equal(fake_status(&driver), 0);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 2);
	assert_int_equal(fake_status(&driver), 0);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 14);
	assert_int_equal(fake_status(&driver), 0);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 1);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 13);
	assert_int_equal(fake_status(&driver), 1);
	/* NEEDS_RESET is not the driver's; bits that nobody knows are not. */
	fake_write(&driver, VIRTIO_MMIO_STATUS, 1 | 64 | 0xffffff00);
	assert_int_equal(fake_status(&driver), 1);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 128);
	assert_int_equal(fake_status(&driver), 129);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(fake_status(&driver), 0);
	assert_int_equal(probe->activations, 0);
}

static void test_queue_sizes(void **state)
{
	static const uint32_t bad[] = { 0, 3, SIZE + 1, SIZE * 2, 32768,
					0x80000000, UINT32_MAX };

	(void)state;
	attach();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		fake_negotiate(&driver, 0);
		fake_write(&driver, VIRTIO_MMIO_QUEUE_DESC_LOW, 0x10000);
		fake_write(&driver, VIRTIO_MMIO_QUEUE_AVAIL_LOW, 0x20000);
		fake_write(&driver, VIRTIO_MMIO_QUEUE_USED_LOW, 0x30000);
		fake_write(&driver, VIRTIO_MMIO_QUEUE_NUM, bad[i]);
		fake_write(&driver, VIRTIO_MMIO_QUEUE_READY, 1);
		assert_int_equal(fake_read(&driver, VIRTIO_MMIO_QUEUE_READY),
				 0);
		assert_int_equal(fake_status(&driver), 11 | 64);
		fake_write(&driver, VIRTIO_MMIO_STATUS, 15);
		assert_int_equal(fake_status(&driver), 11 | 64);
	}
	assert_int_equal(probe->activations, 0);
	/* And one that is less than the most. */
	fake_negotiate(&driver, 0);
	driver.queue_size = 1;
	fake_set_up_queue(&driver, 0);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_QUEUE_READY), 1);
}

static void test_queue_places(void **state)
{
	static const uint64_t good[] = { 0x10000, 0x20000, 0x30000 };
	static const uint64_t bad[][3] = {
		{ 0x10008, 0x20000, 0x30000 },	/* alignment */
		{ 0x10000, 0x20001, 0x30000 },
		{ 0x10000, 0x20000, 0x30002 },
		{ FAKE_SEAM - 16, 0x20000, 0x30000 },	/* two regions */
		{ 0x10000, FAKE_MEMORY - 2, 0x30000 },
		{ 0x10000, 0x20000, 0xd0000000 },
		{ 0xfffffffffffffff0, 0x20000, 0x30000 },
		{ 0x10000, 0xfffffffffffffffe, 0x30000 },
		{ 0x10000, 0x20000, 0xfffffffffffffffc },
	};

	(void)state;
	attach();
	for (size_t i = 0; i <= sizeof(bad) / sizeof(*bad); i++) {
		const uint64_t *at = i ? bad[i - 1] : good;

		fake_negotiate(&driver, 0);
		for (unsigned int part = 0; part < 3; part++) {
			fake_write(&driver, VIRTIO_MMIO_QUEUE_DESC_LOW +
				   16 * part, (uint32_t)at[part]);
			fake_write(&driver, VIRTIO_MMIO_QUEUE_DESC_HIGH +
				   16 * part, at[part] >> 32);
		}
		fake_write(&driver, VIRTIO_MMIO_QUEUE_NUM, SIZE);
		fake_write(&driver, VIRTIO_MMIO_QUEUE_READY, 1);
		assert_int_equal(fake_read(&driver, VIRTIO_MMIO_QUEUE_READY),
				 i == 0);
		assert_int_equal(fake_status(&driver), i ? 11 | 64 : 11);
	}
}

static void test_queue_out_of_step(void **state)
{
	(void)state;
	attach();
	/* Before features are agreed on. */
	fake_set_up_queue(&driver, 0);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(fake_status(&driver), 0);
	fake_negotiate(&driver, 0);
	fake_set_up_queue(&driver, 0);
	/* One that does not exist. */
	fake_write(&driver, VIRTIO_MMIO_QUEUE_SEL, QUEUES);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	fake_write(&driver, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_QUEUE_READY), 0);
	/* Moved while ready: it stays where it is. */
	fake_write(&driver, VIRTIO_MMIO_QUEUE_SEL, 0);
	fake_write(&driver, VIRTIO_MMIO_QUEUE_NUM, 1);
	fake_write(&driver, VIRTIO_MMIO_QUEUE_DESC_LOW, 0);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 15);
	assert_int_equal(probe->device.rings[0].size, SIZE);
	/* After DRIVER_OK. */
	fake_set_up_queue(&driver, 1);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_QUEUE_READY), 0);
	fake_kick(&driver, 1);
	assert_int_equal(probe->notified[1], 0);
	/* Stopped while in use: read back as 0, and quiet. */
	fake_write(&driver, VIRTIO_MMIO_QUEUE_SEL, 0);
	fake_write(&driver, VIRTIO_MMIO_QUEUE_READY, 0);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_QUEUE_READY), 0);
	probe->notified[0] = 0;
	fake_kick(&driver, 0);
	assert_int_equal(probe->notified[0], 0);
}

static void test_notify_before_ready(void **state)
{
	(void)state;
	attach();
	fake_kick(&driver, 0);
	fake_negotiate(&driver, 0);
	fake_kick(&driver, 0);
	fake_set_up_queue(&driver, 0);
	fake_kick(&driver, 0);
	assert_int_equal(probe->notified[0], 0);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 15);
	fake_kick(&driver, 0);
	assert_int_equal(probe->notified[0], 1);
}

static void test_reset_in_flight(void **state)
{
	struct fake_buffer buffer = { 0, 8 };
	uint32_t written;
	uint16_t head;

	(void)state;
	probe->slow = true;
	start();
	buffer.gpa = fake_alloc(&driver, 8);
	fake_add(&driver, 0, &buffer, 0, 1);
	fake_add(&driver, 0, &buffer, 0, 1);
	fake_kick(&driver, 0);
	assert_int_equal(probe->kept_count, 2);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(fake_status(&driver), 0);
	assert_int_equal(probe->kept_count, 0);
	assert_false(probe->device.active);
	assert_false(fake_used(&driver, 0, &head, &written));
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_QUEUE_READY), 0);
	/* And again from the start, with nothing of the first life. */
	probe->slow = false;
	fake_negotiate(&driver, 0);
	fake_set_up_queue(&driver, 0);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 15);
	fake_add(&driver, 0, &buffer, 0, 1);
	fake_kick(&driver, 0);
	assert_true(fake_used(&driver, 0, &head, &written));
	assert_false(fake_used(&driver, 0, &head, &written));
	assert_memory_equal(fake_at(&driver, buffer.gpa), "done", 4);
}

/* 4.2.2.1, in the word that the machine keeps for it. */
static void test_reset_clears_interrupt_status(void **state)
{
	struct fake_buffer buffer = { 0, 8 };

	(void)state;
	start();
	buffer.gpa = fake_alloc(&driver, 8);
	fake_add(&driver, 0, &buffer, 0, 1);
	fake_kick(&driver, 0);
	virtio_config_store(driver.device, 0, "X", 1, true);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_INTERRUPT_STATUS), 3);
	fake_write(&driver, VIRTIO_MMIO_INTERRUPT_ACK, 1);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_INTERRUPT_STATUS), 2);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}

/* --- configuration space --- */

static uint64_t config(unsigned int offset, unsigned int bytes)
{
	return virtio_read(driver.device, VIRTIO_MMIO_CONFIG + offset, bytes);
}

static void test_config_reads(void **state)
{
	(void)state;
	attach();
	assert_int_equal(config(0, 1), '0');
	assert_int_equal(config(11, 1), 'b');
	assert_int_equal(config(1, 2), '1' | '2' << 8);
	assert_int_equal(config(8, 4), 0x62613938);
	assert_int_equal(config(4, 8), 0x6261393837363534);
	/* The part behind the end is 0. */
	assert_int_equal(config(10, 4), 0x6261);
	assert_int_equal(config(12, 8), 0);
	for (unsigned int i = 12; i < 4096 - VIRTIO_MMIO_CONFIG; i++)
		for (unsigned int bytes = 1; bytes <= 8; bytes *= 2)
			assert_int_equal(config(i, bytes), 0);
}

static void test_config_writes(void **state)
{
	(void)state;
	attach();
	virtio_write(driver.device, VIRTIO_MMIO_CONFIG + 2, 2, 0x4142);
	assert_int_equal(probe->writes, 1);
	assert_int_equal(probe->config_offset, 2);
	assert_int_equal(probe->config_bytes, 2);
	assert_int_equal(probe->config_value, 0x4142);
	assert_int_equal(config(2, 2), 0x4142);
	/* Over the end and behind it: nothing. */
	virtio_write(driver.device, VIRTIO_MMIO_CONFIG + 9, 4, 1);
	virtio_write(driver.device, VIRTIO_MMIO_CONFIG + 12, 1, 1);
	virtio_write(driver.device, 4088, 8, 1);
	assert_int_equal(probe->writes, 1);
}

static void test_config_change(void **state)
{
	uint32_t generation;

	(void)state;
	attach();
	generation = fake_read(&driver, VIRTIO_MMIO_CONFIG_GENERATION);
	virtio_config_store(driver.device, 0, "X", 1, true);
	assert_int_not_equal(fake_read(&driver, VIRTIO_MMIO_CONFIG_GENERATION),
			     generation);
	/* Nobody is told before DRIVER_OK. */
	assert_int_equal(atomic_load(&driver.config_interrupts), 0);
	start();
	virtio_config_store(driver.device, 0, "Y", 1, true);
	assert_int_equal(atomic_load(&driver.config_interrupts), 1);
	assert_int_equal(config(0, 1), 'Y');
	virtio_config_store(driver.device, 0, "Z", 1, false);
	assert_int_equal(atomic_load(&driver.config_interrupts), 1);
}

/* Every register, width and value in a row: the device lives on. */
static void test_all_registers(void **state)
{
	static const uint64_t values[] = { 0, 1, 2, 3, 11, 15, 64, 255,
					   0x10000, UINT32_MAX, UINT64_MAX };

	(void)state;
	start();
	for (uint64_t offset = 0; offset < 4096; offset++)
		for (unsigned int bytes = 1; bytes <= 8; bytes *= 2)
			for (size_t i = 0; i < 11; i++) {
				virtio_write(driver.device, offset, bytes,
					     values[i]);
				virtio_read(driver.device, offset, bytes);
			}
	fake_run(&driver);
	virtio_detach(driver.device);
	start();
}

/* --- with a thread --- */

static void test_threaded(void **state)
{
	struct fake_buffer buffer = { 0, 8 };
	uint32_t written;
	uint16_t head;

	(void)state;
	assert_int_equal(fake_driver_start_threaded(
			&driver, &probe->device,
			VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX)), 15);
	buffer.gpa = fake_alloc(&driver, 8);
	for (int i = 0; i < 2000; i++) {
		fake_add(&driver, i & 1, &buffer, 0, 1);
		if (fake_wants_kick(&driver, i & 1, 1))
			fake_write(&driver, VIRTIO_MMIO_QUEUE_NOTIFY, i & 1);
		assert_true(fake_wait_used(&driver, i & 1, &head, &written));
	}
	assert_int_equal(atomic_load(&probe->served), 2000);
	for (int i = 0; i < 50; i++) {
		fake_add(&driver, 0, &buffer, 0, 1);
		fake_write(&driver, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
		fake_write(&driver, VIRTIO_MMIO_STATUS, 0);
		assert_int_equal(fake_status(&driver), 0);
		fake_negotiate(&driver, 0);
		fake_set_up_queue(&driver, 0);
		driver.allocated = 0x10000;
		fake_write(&driver, VIRTIO_MMIO_STATUS, 15);
	}
}

/* A change from another thread than the device's while the guest reads. */
static void *change_config(void *argument)
{
	for (int i = 0; i < 2000; i++)
		virtio_config_store(argument, 0,
				    i & 1 ? "aaaaaaaa" : "bbbbbbbb", 8, true);
	return NULL;
}

static void test_config_race(void **state)
{
	pthread_t thread;
	uint64_t value;

	(void)state;
	assert_int_equal(fake_driver_start_threaded(&driver, &probe->device,
						    0), 15);
	virtio_config_store(&probe->device, 0, "aaaaaaaa", 8, false);
	pthread_create(&thread, NULL, change_config, &probe->device);
	for (int i = 0; i < 2000; i++) {
		value = config(0, 8);
		assert_true(value == 0x6161616161616161 ||
			    value == 0x6262626262626262);
	}
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&driver.config_interrupts), 2000);
}

/* A device outlives its machine: the guest reboots. */
static void test_second_machine(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fake_driver_start_threaded(
				&driver, &probe->device, 0), 15);
		fake_write(&driver, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
		fake_driver_end(&driver);
		fake_driver_init(&driver);
	}
	assert_int_equal(probe->activations, 3);
}

#define UNIT(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_identity),
		UNIT(test_features),
		UNIT(test_start),
		UNIT(test_refused_features),
		UNIT(test_late_features),
		UNIT(test_status_out_of_step),
		UNIT(test_queue_sizes),
		UNIT(test_queue_places),
		UNIT(test_queue_out_of_step),
		UNIT(test_notify_before_ready),
		UNIT(test_reset_in_flight),
		UNIT(test_reset_clears_interrupt_status),
		UNIT(test_config_reads),
		UNIT(test_config_writes),
		UNIT(test_config_change),
		UNIT(test_all_registers),
		UNIT(test_threaded),
		UNIT(test_config_race),
		UNIT(test_second_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
