// SPDX-License-Identifier: GPL-2.0
/* A die for the guest. */
#include <errno.h>
#include <linux/virtio_mmio.h>
#include <string.h>

#include "unit.h"

#include "fake_driver.h"
#include "virtio_devices/dice.h"

static struct fake_driver driver;

/* Each test ends with this; one that fails leaves what it has. */
static void end(void)
{
	fake_destroy(&driver);
}

/* One chain; the bytes that the device says it wrote. */
static uint32_t request(const struct fake_buffer *buffers, unsigned int out,
			unsigned int in)
{
	uint32_t written;
	uint16_t head;

	fake_add(&driver, 0, buffers, out, in);
	fake_kick(&driver, 0);
	if (!fake_used(&driver, 0, &head, &written))
		fail_msg("the buffer did not come back");
	return written;
}

static int create(const char *text, char *message, size_t size)
{
	struct virtio_setup setup = { .cpus = 1 };
	struct virtio_device *made = NULL;
	int error = dice_kind.create(text, &setup, &made, message, size);

	if (!error)
		virtio_destroy(made);
	return error;
}

static void test_options(void **state)
{
	static const char *const right[] = { "", "sides=2", "sides=255" };
	static const char *const wrong[] = {
		"sides", "sides=", "sides=0", "sides=1", "sides=256",
		"sides=6x", "sides=-6", "6", "colour=red", "sides=6,colour=red",
	};
	char message[256];

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++)
		assert_int_equal(create(right[i], message, sizeof(message)), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		*message = '\0';
		assert_int_equal(create(wrong[i], message, sizeof(message)),
				 -EINVAL);
		assert_true(*message);
	}
}

/* Among the others, so `ringlet run --dice` has it. */
static void test_known(void **state)
{
	(void)state;
	assert_ptr_equal(virtio_find_kind("dice"), &dice_kind);
}

static void test_identity(void **state)
{
	(void)state;
	fake_create(&driver, &dice_kind, "sides=20", 1, 0);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_DEVICE_ID),
			 VIRTIO_ID_DICE);
	assert_int_equal(virtio_queue_count(driver.device), 1);
	assert_int_equal(fake_status(&driver), 15);
	assert_int_equal(virtio_read(driver.device, VIRTIO_MMIO_CONFIG, 1), 20);
	/* Nothing behind it. */
	assert_int_equal(virtio_read(driver.device, VIRTIO_MMIO_CONFIG + 1, 1),
			 0);
	end();
	fake_create(&driver, &dice_kind, "", 1, 0);
	assert_int_equal(virtio_read(driver.device, VIRTIO_MMIO_CONFIG, 1), 6);
	end();
}

static void test_throws(void **state)
{
	unsigned int seen[7] = { 0 };
	struct fake_buffer buffer;
	const uint8_t *at;

	(void)state;
	fake_create(&driver, &dice_kind, "", 1, 0);
	buffer = (struct fake_buffer){ fake_alloc(&driver, 300), 200 };
	assert_int_equal(request(&buffer, 0, 1), 200);
	at = fake_at(&driver, buffer.gpa);
	for (int i = 0; i < 200; i++) {
		assert_in_range(at[i], 1, 6);
		seen[at[i]]++;
	}
	for (int i = 1; i <= 6; i++)
		assert_true(seen[i]);
	/* Not a byte behind the buffer. */
	for (int i = 200; i < 300; i++)
		assert_int_equal(at[i], 0);
	end();
}

/* In pieces, behind something to read, and in a table of its own. */
static void test_pieces(void **state)
{
	struct fake_buffer buffers[3];
	uint64_t gpa;

	(void)state;
	fake_create(&driver, &dice_kind, "", 1, 0);
	gpa = fake_alloc(&driver, 64);
	buffers[0] = (struct fake_buffer){ gpa, 8 };
	buffers[1] = (struct fake_buffer){ gpa + 8, 3 };
	buffers[2] = (struct fake_buffer){ gpa + 32, 13 };
	assert_int_equal(request(buffers, 1, 2), 16);
	assert_int_equal(*(uint8_t *)fake_at(&driver, gpa + 7), 0);
	assert_in_range(*(uint8_t *)fake_at(&driver, gpa + 8), 1, 6);
	assert_in_range(*(uint8_t *)fake_at(&driver, gpa + 44), 1, 6);
	assert_int_equal(*(uint8_t *)fake_at(&driver, gpa + 45), 0);
	/* Nothing to write to: nothing written, and all is well. */
	assert_int_equal(request(buffers, 2, 0), 0);
	assert_int_equal(fake_status(&driver), 15);
	end();
}

/* Much is asked for: some is given. */
static void test_bounded(void **state)
{
	struct fake_buffer buffer;

	(void)state;
	fake_create(&driver, &dice_kind, "", 1, 0);
	buffer = (struct fake_buffer){ fake_alloc(&driver, 1 << 20), 1 << 20 };
	assert_int_equal(request(&buffer, 0, 1), 4096);
	assert_int_equal(*(uint8_t *)fake_at(&driver, buffer.gpa + 4096), 0);
	end();
}

/* Many at once: all come back, in order. */
static void test_many(void **state)
{
	struct fake_buffer buffer;
	uint16_t heads[16], head;
	uint32_t written;

	(void)state;
	fake_create(&driver, &dice_kind, "sides=2", 1, 0);
	buffer = (struct fake_buffer){ fake_alloc(&driver, 64), 4 };
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 16; i++)
			heads[i] = fake_add(&driver, 0, &buffer, 0, 1);
		fake_kick(&driver, 0);
		for (int i = 0; i < 16; i++) {
			assert_true(fake_used(&driver, 0, &head, &written));
			assert_int_equal(head, heads[i]);
			assert_int_equal(written, 4);
		}
	}
	end();
}

/*
 * 200 sides, each expected 1000 times. (A remainder would give the low ones 1560 and the
 * others 780; chance alone is within 200 of 1000 but once in many years.)
 */
static void test_fair(void **state)
{
	static unsigned int seen[256];
	struct fake_buffer buffer;
	const uint8_t *at;

	(void)state;
	fake_create(&driver, &dice_kind, "sides=200", 1, 0);
	buffer = (struct fake_buffer){ fake_alloc(&driver, 4096), 4000 };
	at = fake_at(&driver, buffer.gpa);
	for (int round = 0; round < 50; round++) {
		assert_int_equal(request(&buffer, 0, 1), 4000);
		for (int i = 0; i < 4000; i++)
			seen[at[i]]++;
	}
	assert_int_equal(seen[0], 0);
	for (int i = 1; i <= 200; i++)
		assert_in_range(seen[i], 800, 1200);
	for (int i = 201; i < 256; i++)
		assert_int_equal(seen[i], 0);
	end();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_throws),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_fair),
	};

	return cmocka_run_group_tests_name("dice", tests, NULL, NULL);
}
