// SPDX-License-Identifier: GPL-2.0
/*
 * A host that gives no threads (a limit of processes is reached) and whose
 * io_uring takes nothing (it has no memory): the disk says so, and nothing waits
 * for what nobody does. The filter that plays this host cannot be taken off
 * again, so these tests have a program of their own.
 */
#include <sched.h>
#include <seccomp.h>

#include "test_blk.h"

#define WCE (0x100 + offsetof(struct virtio_blk_config, wce))

static int refuse_threads(void **state)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	(void)state;
	assert_non_null(filter);
	/* Threads only: LeakSanitizer begins a process at the end. */
	assert_int_equal(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAGAIN),
					  SCMP_SYS(clone), 1,
					  SCMP_A0(SCMP_CMP_MASKED_EQ,
						  CLONE_THREAD, CLONE_THREAD)),
			 0);
	/* Whose flags a filter cannot see; the C library then uses clone. */
	assert_int_equal(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
					  SCMP_SYS(clone3), 0),
			 0);
	assert_int_equal(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAGAIN),
					  SCMP_SYS(io_uring_enter), 0),
			 0);
	assert_int_equal(seccomp_load(filter), 0);
	seccomp_release(filter);
	/* What hangs fails. */
	alarm(120);
	return 0;
}

static void says_that_no_thread_starts(void **state)
{
	struct disk disk = { 0 };

	(void)state;
	disk_file(&disk, DISK_BYTES);
	assert_int_equal(disk_create(&disk, ",threads", 1), 0);
	fake_driver_init(&disk.guest);
	assert_int_equal(fake_driver_start(&disk.guest, disk.device,
					   ALL_FEATURES),
			 15 | VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_non_null(strstr(disk.guest.line, "cannot start"));
	/* Would flush, which nobody can. */
	virtio_write(disk.device, WCE, 1, 0);
	assert_int_equal(virtio_read(disk.device, WCE, 1), 1);
	fake_write(&disk.guest, 0x70, 0);
	assert_int_equal(fake_status(&disk.guest), 0);
	disk_end(&disk);
}

static ssize_t result;

static void note(struct blk_task *task, ssize_t got)
{
	(void)task;
	result = got;
}

static void fails_tasks_without_threads(void **state)
{
	struct blk_task task = { .kind = BLK_TASK_SYNC,
				 .fd = -1,
				 .done = note };
	struct blk_engine *engine;

	(void)state;
	assert_int_equal(blk_pool_create(&engine, 4), 0);
	assert_int_equal(engine->ops->start(engine), -EAGAIN);
	engine->ops->submit(engine, &task);
	assert_int_equal(engine->ops->reap(engine, true), 1);
	assert_int_equal(result, -EIO);
	engine->ops->destroy(engine);
}

static void fails_what_io_uring_never_takes(void **state)
{
	struct sent sent[3];
	struct disk disk;
	uint32_t written;
	uint16_t head;

	(void)state;
	disk_start(&disk, "", ALL_FEATURES);
	for (int i = 0; i < 3; i++)
		sent[i] = send_request(&disk.guest, VIRTIO_BLK_T_IN, i, 512);
	fake_kick(&disk.guest, 0);
	for (int i = 0; i < 3; i++)
		wait_used(&disk.guest, &head, &written);
	for (int i = 0; i < 3; i++)
		assert_int_equal(status_of(&disk.guest, &sent[i]),
				 VIRTIO_BLK_S_IOERR);
	/* Nor does a reset wait for ever. */
	send_request(&disk.guest, VIRTIO_BLK_T_IN, 0, 512);
	fake_write(&disk.guest, 0x50, 0);
	loop_run_once(disk.device->loop, 0);
	fake_write(&disk.guest, 0x70, 0);
	assert_int_equal(fake_status(&disk.guest), 0);
	disk_end(&disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_that_no_thread_starts),
		cmocka_unit_test(fails_tasks_without_threads),
		cmocka_unit_test(fails_what_io_uring_never_takes),
	};

	return cmocka_run_group_tests(tests, refuse_threads, NULL);
}
