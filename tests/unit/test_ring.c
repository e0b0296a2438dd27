// SPDX-License-Identifier: GPL-2.0
/*
 * Split virtqueues: chains of every shape, answers and notifications, and all
 * that a hostile driver may put into a ring. A device that copies what it
 * reads to what it may write serves the chains.
 */
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "fake_driver.h"

#define SIZE	16
#define ROOM	40

struct echo {
	struct virtio_device device;
	struct iovec iov[ROOM];
	bool idle;		/* leave the chains where they are */
	unsigned int chains;
	struct ring_chain last;	/* the last one's counts */
};

static struct fake_driver driver;
static struct echo *echo;

static void echo_notify(struct virtio_device *device, unsigned int queue)
{
	struct virtio_ring *ring = &device->rings[queue];
	struct ring_chain chain = { .iov = echo->iov, .room = ROOM };
	char data[256];
	size_t bytes;

	if (echo->idle)
		return;
	do {
		ring_quiet(ring);
		while (ring_pop(ring, &chain)) {
			bytes = iov_read(chain.out, chain.out_count, 0, data,
					 sizeof(data));
			bytes = iov_write(chain.in, chain.in_count, 0, data,
					  bytes);
			echo->last = chain;
			echo->chains++;
			ring_push(ring, chain.head, bytes);
		}
		ring_publish(ring);
	} while (ring_listen(ring));
}

static void echo_destroy(struct virtio_device *device)
{
	virtio_fini(device);
	free(echo);
}

static const struct virtio_ops echo_ops = {
	.notify = echo_notify,
	.destroy = echo_destroy,
};

#define RING_FEATURES (VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | \
		       VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX))

static void start(uint64_t features)
{
	fake_driver_init(&driver);
	echo = calloc(1, sizeof(*echo));
	echo->device.ops = &echo_ops;
	echo->device.id = VIRTIO_ID_RNG;
	echo->device.queue_count = 1;
	echo->device.queue_size = SIZE;
	strcpy(echo->device.name, "echo0");
	assert_int_equal(virtio_init(&echo->device), 0);
	assert_int_equal(fake_driver_start(&driver, &echo->device, features),
			 15);
}

static int set_up(void **state)
{
	(void)state;
	start(RING_FEATURES);
	return 0;
}

static int set_up_plain(void **state)
{
	(void)state;
	start(0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_driver_end(&driver);
	virtio_destroy(&echo->device);
	return 0;
}

/* A chain of "hello" and a room for it, served. */
static void say_hello(bool indirect)
{
	struct fake_buffer buffers[] = {
		{ fake_alloc(&driver, 16), 5 },
		{ fake_alloc(&driver, 16), 16 },
	};
	uint16_t head, done;
	uint32_t written;

	memcpy(fake_at(&driver, buffers[0].gpa), "hello", 5);
	head = indirect ? fake_add_indirect(&driver, 0, buffers, 1, 1) :
			  fake_add(&driver, 0, buffers, 1, 1);
	fake_kick(&driver, 0);
	assert_true(fake_used(&driver, 0, &done, &written));
	assert_int_equal(done, head);
	assert_int_equal(written, 5);
	assert_memory_equal(fake_at(&driver, buffers[1].gpa), "hello", 6);
	assert_false(fake_used(&driver, 0, &done, &written));
}

static void test_echo(void **state)
{
	(void)state;
	say_hello(false);
	assert_int_equal(atomic_load(&driver.used_interrupts), 1);
}

static void test_indirect(void **state)
{
	(void)state;
	say_hello(true);
	assert_int_equal(echo->last.out_count, 1);
	assert_int_equal(echo->last.in_count, 1);
}

/* The 16-bit indices go round. */
static void test_many_rounds(void **state)
{
	(void)state;
	for (int i = 0; i < 70000; i++) {
		driver.allocated = 0x100000;
		say_hello(i & 1);
	}
	assert_int_equal(echo->chains, 70000);
	assert_int_equal(echo->device.rings[0].in_flight, 0);
}

static void test_empty_pieces_left_out(void **state)
{
	uint64_t gpa = fake_alloc(&driver, 64);
	struct fake_buffer buffers[] = {
		{ gpa, 0 }, { gpa, 3 }, { gpa, 0 }, { gpa + 32, 0 },
		{ gpa + 32, 2 }, { 0xdead0000dead0000, 0 },
	};

	(void)state;
	fake_add(&driver, 0, buffers, 3, 3);
	fake_kick(&driver, 0);
	assert_int_equal(echo->chains, 1);
	assert_int_equal(echo->last.out_count, 1);
	assert_int_equal(echo->last.out_bytes, 3);
	assert_int_equal(echo->last.in_count, 1);
	assert_int_equal(echo->last.in_bytes, 2);
}

/* 2.7.7: of the two ways to want no interrupts, only the one agreed on. */
static void test_other_wish_is_ignored(void **state)
{
	uint16_t *words = fake_at(&driver, driver.queues[0].driver);

	(void)state;
	words[driver.event_idx ? 0 : 2 + SIZE] =
		driver.event_idx ? VRING_AVAIL_F_NO_INTERRUPT : 500;
	say_hello(false);
	assert_int_equal(atomic_load(&driver.used_interrupts), 1);
}

/* 2.7.10: a notification without a buffer means nothing. */
static void test_spurious_notifications(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		fake_kick(&driver, 0);
	assert_int_equal(echo->chains, 0);
	assert_int_equal(atomic_load(&driver.used_interrupts), 0);
	assert_int_equal(fake_status(&driver), 15);
	say_hello(false);
}

/* 2.1.2: the queue is ready, its driver is not yet. */
static void test_nothing_before_driver_ok(void **state)
{
	struct virtio_ring *ring = &echo->device.rings[0];
	struct fake_buffer buffer = { fake_alloc(&driver, 16), 16 };
	struct ring_chain chain = { .iov = echo->iov, .room = ROOM };
	unsigned int before;

	(void)state;
	fake_negotiate(&driver, RING_FEATURES);
	fake_set_up_queue(&driver, 0);
	before = atomic_load(&driver.used_interrupts) +
		 atomic_load(&driver.config_interrupts);
	fake_add(&driver, 0, &buffer, 0, 1);
	fake_kick(&driver, 0);
	assert_false(ring_pop(ring, &chain));
	virtio_config_store(&echo->device, 0, "X", 1, true);
	virtio_break(&echo->device, "not now");
	assert_int_equal(atomic_load(&driver.used_interrupts) +
				 atomic_load(&driver.config_interrupts),
			 before);
	assert_int_equal(echo->chains, 0);
}

/* 2.7.10, whatever the driver left there. */
static void test_used_flags(void **state)
{
	const uint16_t *used = fake_at(&driver, driver.queues[0].device);

	(void)state;
	/* Before anything was used. */
	assert_int_equal(used[0], 0);
	say_hello(false);
	assert_int_equal(used[0], 0);
}

/* Two regions that follow each other: a buffer over the seam is two pieces. */
static void test_seam(void **state)
{
	struct fake_buffer buffers[] = {
		{ FAKE_SEAM - 3, 6 }, { FAKE_HIGH, 64 },
	};

	(void)state;
	memcpy(fake_at(&driver, FAKE_SEAM - 3), "abc", 3);
	memcpy(fake_at(&driver, FAKE_SEAM), "def", 3);
	fake_add(&driver, 0, buffers, 1, 1);
	fake_kick(&driver, 0);
	assert_int_equal(echo->last.out_count, 2);
	assert_int_equal(echo->last.out_bytes, 6);
	assert_memory_equal(fake_at(&driver, FAKE_HIGH), "abcdef", 6);
}

static void test_direct_then_indirect(void **state)
{
	uint64_t data = fake_alloc(&driver, 64), table = fake_alloc(&driver, 32);
	struct vring_desc *inner = fake_at(&driver, table);

	(void)state;
	*fake_desc(&driver, 0, 0) = (struct vring_desc){
		data, 4, VRING_DESC_F_NEXT, 5 };
	/* 2.7.5.3.2: the write flag of the table's descriptor means nothing. */
	*fake_desc(&driver, 0, 5) = (struct vring_desc){
		table, 32, VRING_DESC_F_INDIRECT | VRING_DESC_F_WRITE, 0 };
	inner[0] = (struct vring_desc){ data + 16, 2, VRING_DESC_F_NEXT, 1 };
	inner[1] = (struct vring_desc){ data + 32, 9, VRING_DESC_F_WRITE, 0 };
	fake_make_available(&driver, 0, 0);
	fake_kick(&driver, 0);
	assert_int_equal(echo->chains, 1);
	assert_int_equal(echo->last.out_bytes, 6);
	assert_int_equal(echo->last.in_bytes, 9);
}

/* --- notifications --- */

static void test_suppressed_interrupts(void **state)
{
	uint16_t *words;

	(void)state;
	words = fake_at(&driver, driver.queues[0].driver);
	/* "tell me when entry 2 is used": the third. */
	words[2 + SIZE] = 2;
	say_hello(false);
	say_hello(false);
	assert_int_equal(atomic_load(&driver.used_interrupts), 0);
	say_hello(false);
	assert_int_equal(atomic_load(&driver.used_interrupts), 1);
	say_hello(false);
	assert_int_equal(atomic_load(&driver.used_interrupts), 1);
}

static void test_suppressed_by_flag(void **state)
{
	uint16_t *words = fake_at(&driver, driver.queues[0].driver);

	(void)state;
	words[0] = VRING_AVAIL_F_NO_INTERRUPT;
	say_hello(false);
	assert_int_equal(atomic_load(&driver.used_interrupts), 0);
	words[0] = 0;
	say_hello(false);
	assert_int_equal(atomic_load(&driver.used_interrupts), 1);
}

static void check_quiet_and_listen(void)
{
	struct virtio_ring *ring = &echo->device.rings[0];
	struct fake_buffer buffer = { fake_alloc(&driver, 16), 16 };

	say_hello(false);
	echo->idle = true;
	assert_false(ring_listen(ring));
	fake_add(&driver, 0, &buffer, 0, 1);
	assert_true(fake_wants_kick(&driver, 0, 1));
	assert_true(ring_has_more(ring));
	ring_quiet(ring);
	fake_add(&driver, 0, &buffer, 0, 1);
	assert_false(fake_wants_kick(&driver, 0, 1));
	/* What came meanwhile is not missed. */
	assert_true(ring_listen(ring));
}

static void test_quiet_and_listen(void **state)
{
	(void)state;
	check_quiet_and_listen();
}

/* --- the device's side --- */

static void test_undo(void **state)
{
	struct virtio_ring *ring = &echo->device.rings[0];
	struct ring_chain chain = { .iov = echo->iov, .room = ROOM };
	struct fake_buffer buffer = { fake_alloc(&driver, 16), 16 };
	uint16_t first;

	(void)state;
	echo->idle = true;
	first = fake_add(&driver, 0, &buffer, 0, 1);
	fake_add(&driver, 0, &buffer, 0, 1);
	assert_true(ring_pop(ring, &chain));
	assert_true(ring_pop(ring, &chain));
	assert_false(ring_pop(ring, &chain));
	ring_undo(ring, 2);
	assert_int_equal(ring->in_flight, 0);
	assert_true(ring_pop(ring, &chain));
	assert_int_equal(chain.head, first);
}

/* Several used entries appear together. */
static void test_publish_at_once(void **state)
{
	struct virtio_ring *ring = &echo->device.rings[0];
	struct ring_chain chain = { .iov = echo->iov, .room = ROOM };
	struct fake_buffer buffer = { fake_alloc(&driver, 16), 16 };
	uint32_t written;
	uint16_t head;

	(void)state;
	echo->idle = true;
	fake_add(&driver, 0, &buffer, 0, 1);
	fake_add(&driver, 0, &buffer, 0, 1);
	assert_true(ring_pop(ring, &chain));
	ring_push(ring, chain.head, 1);
	assert_true(ring_pop(ring, &chain));
	ring_push(ring, chain.head, 2);
	assert_false(fake_used(&driver, 0, &head, &written));
	ring_publish(ring);
	assert_true(fake_used(&driver, 0, &head, &written));
	assert_int_equal(written, 1);
	assert_true(fake_used(&driver, 0, &head, &written));
	assert_int_equal(written, 2);
	assert_int_equal(atomic_load(&driver.used_interrupts), 1);
	/* Nothing new: no interrupt. */
	ring_publish(ring);
	assert_int_equal(atomic_load(&driver.used_interrupts), 1);
}

static void test_stopped_ring(void **state)
{
	struct virtio_ring *ring = &echo->device.rings[0];
	struct ring_chain chain = { .iov = echo->iov, .room = ROOM };
	struct fake_buffer buffer = { fake_alloc(&driver, 16), 16 };
	uint32_t written;
	uint16_t head;

	(void)state;
	echo->idle = true;
	fake_add(&driver, 0, &buffer, 0, 1);
	assert_true(ring_pop(ring, &chain));
	ring_stop(ring);
	ring_push(ring, chain.head, 1);
	ring_publish(ring);
	assert_false(ring_pop(ring, &chain));
	assert_false(ring_listen(ring));
	assert_false(fake_used(&driver, 0, &head, &written));
}

/* --- a hostile driver: each case breaks the device, and no more --- */

static void expect_broken(const char *why)
{
	unsigned int chains = echo->chains;
	uint32_t written;
	uint16_t head;

	fake_kick(&driver, 0);
	assert_int_equal(fake_status(&driver), 15 | 64);
	if (!strstr(driver.line, why))
		fail_msg("the reason is \"%s\", without the word \"%s\"", driver.line,
			 why);
	assert_int_equal(atomic_load(&driver.config_interrupts), 1);
	assert_int_equal(echo->chains, chains);
	/* It stays so: nothing is served any more, nothing said again. */
	fake_make_available(&driver, 0, 0);
	fake_kick(&driver, 0);
	assert_int_equal(echo->chains, chains);
	assert_int_equal(driver.lines, 1);
	assert_false(fake_used(&driver, 0, &head, &written));
	/* And a reset makes all good. */
	fake_negotiate(&driver, RING_FEATURES);
	fake_set_up_queue(&driver, 0);
	fake_write(&driver, 0x70, 15);
	assert_int_equal(fake_status(&driver), 15);
	say_hello(false);
}

static void set_desc(unsigned int index, uint64_t gpa, uint32_t bytes,
		     uint16_t flags, uint16_t next)
{
	*fake_desc(&driver, 0, index) = (struct vring_desc){
		gpa, bytes, flags, next };
}

static void test_loop(void **state)
{
	(void)state;
	/* Empty ones, so that no other limit cuts it. */
	set_desc(0, 0x20000, 0, VRING_DESC_F_NEXT, 1);
	set_desc(1, 0x20000, 0, VRING_DESC_F_NEXT, 0);
	fake_make_available(&driver, 0, 0);
	expect_broken("loops");
}

static void test_self_loop(void **state)
{
	(void)state;
	set_desc(3, 0x20000, 1, VRING_DESC_F_NEXT, 3);
	fake_make_available(&driver, 0, 3);
	expect_broken("loops");
}

static void test_head_outside(void **state)
{
	(void)state;
	fake_make_available(&driver, 0, SIZE);
	expect_broken("outside");
}

static void test_next_outside(void **state)
{
	(void)state;
	set_desc(0, 0x20000, 1, VRING_DESC_F_NEXT, 0xffff);
	fake_make_available(&driver, 0, 0);
	expect_broken("outside");
}

static void test_index_jump(void **state)
{
	uint16_t *words = fake_at(&driver, driver.queues[0].driver);

	(void)state;
	words[1] = SIZE + 1;
	expect_broken("jumped");
}

static void test_index_backwards(void **state)
{
	uint16_t *words = fake_at(&driver, driver.queues[0].driver);

	(void)state;
	words[1] = 0xffff;
	expect_broken("jumped");
}

static void test_more_than_queue(void **state)
{
	struct virtio_ring *ring = &echo->device.rings[0];
	struct ring_chain chain = { .iov = echo->iov, .room = ROOM };
	struct fake_buffer buffer = { fake_alloc(&driver, 16), 16 };

	(void)state;
	for (int i = 0; i < SIZE; i++) {
		fake_add(&driver, 0, &buffer, 0, 1);
		assert_true(ring_pop(ring, &chain));
	}
	fake_add(&driver, 0, &buffer, 0, 1);
	expect_broken("more chains");
}

static void test_not_memory(void **state)
{
	static const struct fake_buffer bad[] = {
		{ FAKE_MEMORY, 1 },		/* the hole */
		{ FAKE_MEMORY - 1, 2 },		/* into the hole */
		{ 0xd0000000, 4 },		/* device registers */
		{ FAKE_HIGH + FAKE_HIGH_SIZE - 1, 2 },
		{ UINT64_MAX - 1, 1 },
		{ 0x8000000000000000, 4096 },
		{ 0, UINT32_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		tear_down(NULL);
		start(RING_FEATURES);
		fake_add(&driver, 0, &bad[i], i & 1, !(i & 1));
		expect_broken("not in memory");
	}
}

/* A host with a fault: for a buffer of four bytes it says what no host may say. */
#define ODD_BUFFER	4
static uint64_t odd_answer;
static void *(*true_memory_at)(void *context, uint64_t gpa, uint64_t bytes, uint64_t *got);

static void *odd_memory_at(void *context, uint64_t gpa, uint64_t bytes, uint64_t *got)
{
	void *place = true_memory_at(context, gpa, bytes, got);

	if (place && bytes == ODD_BUFFER)
		*got = odd_answer;
	return place;
}

static void test_odd_host(void **state)
{
	static const uint64_t answers[] = { 0, ODD_BUFFER + 1, UINT64_MAX };
	const struct fake_buffer buffer = { 0x2000, ODD_BUFFER };

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		tear_down(NULL);
		start(RING_FEATURES);
		fake_add(&driver, 0, &buffer, 1, 0);
		odd_answer = answers[i];
		true_memory_at = driver.host.memory_at;
		driver.host.memory_at = odd_memory_at;
		expect_broken("not in memory");
	}
}

static void test_wrapping(void **state)
{
	(void)state;
	set_desc(0, UINT64_MAX - 10, 100, 0, 0);
	fake_make_available(&driver, 0, 0);
	expect_broken("wraps");
}

static void test_readable_after_writable(void **state)
{
	(void)state;
	set_desc(0, 0x20000, 1, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
	set_desc(1, 0x20000, 1, 0, 0);
	fake_make_available(&driver, 0, 0);
	expect_broken("follows a writable");
}

static void test_too_many_pieces(void **state)
{
	struct fake_buffer buffers[ROOM + 1];
	uint64_t gpa = fake_alloc(&driver, 16);

	(void)state;
	for (int i = 0; i < ROOM + 1; i++)
		buffers[i] = (struct fake_buffer){ gpa, 1 };
	fake_add_indirect(&driver, 0, buffers, ROOM, 0);
	fake_kick(&driver, 0);
	assert_int_equal(echo->last.out_count, ROOM);
	fake_used(&driver, 0, &(uint16_t){ 0 }, &(uint32_t){ 0 });
	fake_add_indirect(&driver, 0, buffers, ROOM + 1, 0);
	expect_broken("too many pieces");
}

static void test_nested_indirect(void **state)
{
	uint64_t table = fake_alloc(&driver, 16);

	(void)state;
	*(struct vring_desc *)fake_at(&driver, table) = (struct vring_desc){
		table, 16, VRING_DESC_F_INDIRECT, 0 };
	set_desc(0, table, 16, VRING_DESC_F_INDIRECT, 0);
	fake_make_available(&driver, 0, 0);
	expect_broken("in another");
}

static void test_next_after_indirect(void **state)
{
	(void)state;
	set_desc(0, 0x20000, 16, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1);
	fake_make_available(&driver, 0, 0);
	expect_broken("goes on after");
}

static void test_indirect_sizes(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 15, 17,
					  16 * (RING_SIZE_MAX + 1),
					  UINT32_MAX, 0xfffffff0 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		tear_down(NULL);
		start(RING_FEATURES);
		set_desc(0, 0x20000, sizes[i], VRING_DESC_F_INDIRECT, 0);
		fake_make_available(&driver, 0, 0);
		expect_broken("strange size");
	}
}

static void test_indirect_not_memory(void **state)
{
	(void)state;
	set_desc(0, FAKE_SEAM - 16, 32, VRING_DESC_F_INDIRECT, 0);
	fake_make_available(&driver, 0, 0);
	expect_broken("table is not in memory");
}

static void test_indirect_loop(void **state)
{
	uint64_t table = fake_alloc(&driver, 32);
	struct vring_desc *inner = fake_at(&driver, table);

	(void)state;
	inner[0] = (struct vring_desc){ 0x20000, 0, VRING_DESC_F_NEXT, 1 };
	inner[1] = (struct vring_desc){ 0x20000, 0, VRING_DESC_F_NEXT, 0 };
	set_desc(0, table, 32, VRING_DESC_F_INDIRECT, 0);
	fake_make_available(&driver, 0, 0);
	expect_broken("loops");
}

static void test_indirect_next_outside(void **state)
{
	uint64_t table = fake_alloc(&driver, 32);
	struct vring_desc *inner = fake_at(&driver, table);

	(void)state;
	/* Inside of the queue's size, outside of this table. */
	inner[0] = (struct vring_desc){ 0x20000, 1, VRING_DESC_F_NEXT, 2 };
	set_desc(0, table, 32, VRING_DESC_F_INDIRECT, 0);
	fake_make_available(&driver, 0, 0);
	expect_broken("outside");
}

/* Features that were not negotiated are not there. */
static void test_indirect_not_negotiated(void **state)
{
	(void)state;
	set_desc(0, 0x20000, 16, VRING_DESC_F_INDIRECT, 0);
	fake_make_available(&driver, 0, 0);
	expect_broken("not negotiated");
}

#define HOSTILE(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOSTILE(test_echo),
		cmocka_unit_test_setup_teardown(test_echo, set_up_plain,
						tear_down),
		HOSTILE(test_indirect),
		HOSTILE(test_many_rounds),
		HOSTILE(test_empty_pieces_left_out),
		HOSTILE(test_other_wish_is_ignored),
		cmocka_unit_test_setup_teardown(test_other_wish_is_ignored,
						set_up_plain, tear_down),
		HOSTILE(test_spurious_notifications),
		HOSTILE(test_nothing_before_driver_ok),
		HOSTILE(test_used_flags),
		cmocka_unit_test_setup_teardown(test_used_flags, set_up_plain,
						tear_down),
		HOSTILE(test_seam),
		HOSTILE(test_direct_then_indirect),
		HOSTILE(test_suppressed_interrupts),
		cmocka_unit_test_setup_teardown(test_suppressed_by_flag,
						set_up_plain, tear_down),
		HOSTILE(test_quiet_and_listen),
		cmocka_unit_test_setup_teardown(test_quiet_and_listen,
						set_up_plain, tear_down),
		HOSTILE(test_undo),
		HOSTILE(test_publish_at_once),
		HOSTILE(test_stopped_ring),
		HOSTILE(test_loop),
		HOSTILE(test_self_loop),
		HOSTILE(test_head_outside),
		HOSTILE(test_next_outside),
		HOSTILE(test_index_jump),
		HOSTILE(test_index_backwards),
		HOSTILE(test_more_than_queue),
		HOSTILE(test_not_memory),
		HOSTILE(test_odd_host),
		HOSTILE(test_wrapping),
		HOSTILE(test_readable_after_writable),
		HOSTILE(test_too_many_pieces),
		HOSTILE(test_nested_indirect),
		HOSTILE(test_next_after_indirect),
		HOSTILE(test_indirect_sizes),
		HOSTILE(test_indirect_not_memory),
		HOSTILE(test_indirect_loop),
		HOSTILE(test_indirect_next_outside),
		cmocka_unit_test_setup_teardown(test_indirect_not_negotiated,
						set_up_plain, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
