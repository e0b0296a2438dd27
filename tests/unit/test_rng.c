// SPDX-License-Identifier: GPL-2.0
/* The entropy device. */
#include <errno.h>
#include <linux/virtio_mmio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unit.h"

#include "fake_driver.h"
#include "virtio_devices/rng.h"

static struct fake_driver driver;

static int set_up(void **state)
{
	(void)state;
	fake_create(&driver, &rng_kind, "", 1, 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_destroy(&driver);
	return 0;
}

/* The host's: refuses so many times to give anything. */
static int refusals;

ssize_t getrandom(void *bytes, size_t size, unsigned int flags)
{
	if (refusals) {
		refusals--;
		errno = EAGAIN;
		return -1;
	}
	return syscall(SYS_getrandom, bytes, size, flags);
}

static uint32_t request(const struct fake_buffer *buffers, unsigned int out,
			unsigned int in)
{
	uint32_t written;
	uint16_t head;

	fake_add(&driver, 0, buffers, out, in);
	fake_kick(&driver, 0);
	assert_true(fake_used(&driver, 0, &head, &written));
	return written;
}

/* 64 bytes that are neither zero nor twice the same. */
static void test_fills(void **state)
{
	uint64_t gpa = fake_alloc(&driver, 128);
	struct fake_buffer first = { gpa, 64 };
	struct fake_buffer second[] = { { gpa + 64, 13 }, { gpa + 77, 51 } };
	uint8_t zero[64] = { 0 };

	(void)state;
	assert_int_equal(request(&first, 0, 1), 64);
	assert_int_equal(request(second, 0, 2), 64);
	assert_memory_not_equal(fake_at(&driver, gpa), zero, 64);
	assert_memory_not_equal(fake_at(&driver, gpa + 64),
				fake_at(&driver, gpa), 64);
}

/* Much is asked for: some is given, and nothing behind it touched. */
static void test_gives_some(void **state)
{
	uint64_t gpa = fake_alloc(&driver, 1 << 20);
	uint32_t written, i;

	(void)state;
	written = request(&(struct fake_buffer){ gpa, 1 << 20 }, 0, 1);
	assert_in_range(written, 1, 4096);
	for (i = written; i < 1 << 20; i++)
		assert_int_equal(*(uint8_t *)fake_at(&driver, gpa + i), 0);
}

/* Nothing to write to: nothing written. */
static void test_nowhere(void **state)
{
	uint64_t gpa = fake_alloc(&driver, 64);

	(void)state;
	memset(fake_at(&driver, gpa), 7, 64);
	assert_int_equal(request(&(struct fake_buffer){ gpa, 64 }, 1, 0), 0);
	assert_int_equal(*(uint8_t *)fake_at(&driver, gpa), 7);
	assert_int_equal(fake_status(&driver), 15);
}

/*
 * A host in its early boot has no entropy: the buffer waits, the device tries
 * again by itself, and a reset meanwhile ends that.
 */
static void test_host_without_entropy(void **state)
{
	struct fake_buffer buffer = { fake_alloc(&driver, 64), 64 };
	uint32_t written;
	uint16_t head;
	int i;

	(void)state;
	refusals = 3;
	fake_add(&driver, 0, &buffer, 0, 1);
	fake_kick(&driver, 0);
	assert_false(fake_used(&driver, 0, &head, &written));
	for (i = 0; i < 3; i++) {
		assert_int_equal(refusals, 2 - i);
		assert_int_equal(loop_run_once(driver.device->loop, 10000), 1);
	}
	assert_true(fake_used(&driver, 0, &head, &written));
	assert_int_equal(written, 64);
	refusals = 1;
	fake_add(&driver, 0, &buffer, 0, 1);
	fake_kick(&driver, 0);
	assert_int_equal(refusals, 0);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(loop_run_once(driver.device->loop, 200), 0);
}

static void test_value_refused(void **state)
{
	struct virtio_setup setup = { .cpus = 1 };
	struct virtio_device *made;
	char message[256] = "";

	(void)state;
	assert_int_equal(rng_kind.create("x", &setup, &made, message,
					 sizeof(message)), -EINVAL);
	assert_true(*message);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_fills),
		TEST(test_gives_some),
		TEST(test_nowhere),
		TEST(test_host_without_entropy),
		TEST(test_value_refused),
	};

	return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
