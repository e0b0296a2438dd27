// SPDX-License-Identifier: GPL-2.0
/* The balloon: what it gives back, and what it must not. */
#include <errno.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_mmio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

#include "fake_driver.h"
#include "virtio_devices/balloon.h"

#define PAGE		4096u
#define REPORTING	VIRTIO_BIT(VIRTIO_BALLOON_F_REPORTING)
#define STATS		VIRTIO_BIT(VIRTIO_BALLOON_F_STATS_VQ)
#define POISON		VIRTIO_BIT(VIRTIO_BALLOON_F_PAGE_POISON)

static struct fake_driver driver;
static struct virtio_device *device;

static void start(const char *text, uint64_t features)
{
	device = fake_create(&driver, &balloon_kind, text, 1, features);
}

static void finish(void)
{
	fake_destroy(&driver);
}

static void inflate(const uint32_t *pfns, unsigned int count)
{
	uint64_t gpa = fake_alloc(&driver, 4 * count);
	uint32_t written;
	uint16_t head;

	memcpy(fake_at(&driver, gpa), pfns, 4 * count);
	fake_add(&driver, 0, &(struct fake_buffer){ gpa, 4 * count }, 1, 0);
	fake_kick(&driver, 0);
	assert_true(fake_used(&driver, 0, &head, &written));
}

static void report(unsigned int queue, uint64_t gpa, uint32_t bytes)
{
	uint32_t written;
	uint16_t head;

	fake_add(&driver, queue, &(struct fake_buffer){ gpa, bytes }, 0, 1);
	fake_kick(&driver, queue);
	assert_true(fake_used(&driver, queue, &head, &written));
	assert_int_equal(written, 0);
}

static void test_inflate(void **state)
{
	/* Out of order, two runs, one far up. */
	uint32_t pfns[] = { 1000, 1002, 1001, 900, FAKE_HIGH / PAGE };
	uint8_t *kept, *gone;

	(void)state;
	start("", 0);
	kept = fake_at(&driver, 999 * PAGE + PAGE - 1);
	gone = fake_at(&driver, 1002 * PAGE + PAGE - 1);
	*kept = *gone = 1;
	inflate(pfns, 5);
	assert_int_equal(driver.discarded, 5 * PAGE);
	assert_int_equal(*kept, 1);
	assert_int_equal(*gone, 0);
	finish();
}

/* Pages that are none, twice the same, more than fit the device's table. */
static void test_inflate_nonsense(void **state)
{
	static uint32_t pfns[1000];
	unsigned int i;

	(void)state;
	start("", 0);
	for (i = 0; i < 1000; i++)
		pfns[i] = 0xffffffff - i * 0x100000;
	inflate(pfns, 1000);
	for (i = 0; i < 1000; i++)
		pfns[i] = 700;
	inflate(pfns, 1000);
	for (i = 0; i < 1000; i++)
		pfns[i] = 1020 + i % 5;		/* over the seam */
	inflate(pfns, 1000);
	assert_int_equal(fake_status(&driver), 15);
	finish();
}

/* The queue's number with and without the one before it. */
static void test_reporting(void **state)
{
	uint64_t at = 2 << 20;
	uint8_t *edge;

	(void)state;
	start("", REPORTING);
	report(2, at, 1 << 20);
	assert_int_equal(driver.discarded, 1 << 20);
	finish();
	start("", REPORTING | STATS);
	edge = fake_at(&driver, at + PAGE - 1);
	*edge = 1;
	report(3, at + 100, 2 * PAGE);
	assert_int_equal(driver.discarded, PAGE);
	assert_int_equal(*edge, 1);
	report(3, at + 1, PAGE - 1);
	assert_int_equal(driver.discarded, PAGE);
	finish();
	start("", STATS);
	report(3, at, PAGE);
	assert_int_equal(driver.discarded, 0);
	finish();
}

/* Free pages with a pattern in them are to keep it. */
static void test_poison(void **state)
{
	uint64_t at = 2 << 20;

	(void)state;
	start("", REPORTING | POISON);
	report(2, at, PAGE);
	assert_int_equal(driver.discarded, PAGE);
	fake_write(&driver, VIRTIO_MMIO_CONFIG + 12, 0xaaaaaaaa);
	report(2, at, PAGE);
	assert_int_equal(driver.discarded, PAGE);
	finish();
}

static void test_config(void **state)
{
	(void)state;
	start("take=1M", 0);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_CONFIG), 256);
	fake_write(&driver, VIRTIO_MMIO_CONFIG, 5);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_CONFIG), 256);
	fake_write(&driver, VIRTIO_MMIO_CONFIG + 4, 77);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_CONFIG + 4), 77);
	virtio_write(device, VIRTIO_MMIO_CONFIG + 4, 8, ~0ull);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_CONFIG + 4), 77);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_CONFIG + 4), 0);
	finish();
}

/* A host that keeps its memory: said once, and nothing breaks. */
static void test_no_discard(void **state)
{
	uint32_t pfn = 900;

	(void)state;
	start("", 0);
	driver.host.discard = NULL;
	inflate(&pfn, 1);
	inflate(&pfn, 1);
	assert_int_equal(driver.lines, 1);
	finish();
}

static void put_stats(uint64_t free_bytes)
{
	struct virtio_balloon_stat stats[] = {
		{ VIRTIO_BALLOON_S_MEMFREE, free_bytes },
		{ 999, 1 },
		{ VIRTIO_BALLOON_S_MEMTOT, 5000 },
	};
	uint64_t gpa = fake_alloc(&driver, sizeof(stats));

	memcpy(fake_at(&driver, gpa), stats, sizeof(stats));
	fake_add(&driver, 2, &(struct fake_buffer){ gpa, sizeof(stats) }, 1,
		 0);
	fake_kick(&driver, 2);
}

static int dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address,
				 sizeof(address)), 0);
	fake_run(&driver);
	return fd;
}

static const char *ask(int fd, const char *text)
{
	static char answer[1024];
	ssize_t got;

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	fake_run(&driver);
	got = recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT);
	answer[got > 0 ? got : 0] = '\0';
	return answer;
}

static void test_socket(void **state)
{
	char folder[] = "/tmp/ringlet-balloon.XXXXXX", path[64], text[80];
	static char garbage[4000];
	uint32_t written;
	uint16_t head;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	snprintf(text, sizeof(text), "socket=%s", path);
	start(text, STATS);
	fd = dial(path);
	assert_string_equal(ask(fd, "take 4M\n"), "ok\n");
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_CONFIG), 1024);
	assert_int_equal(driver.config_interrupts, 1);
	assert_string_equal(ask(fd, "info\n"),
			    "wanted 1024 taken 0 reported 0\n");
	put_stats(123);
	assert_false(fake_used(&driver, 2, &head, &written));
	/* The answer waits until the guest has said more. */
	assert_string_equal(ask(fd, "info\n"), "");
	assert_true(fake_used(&driver, 2, &head, &written));
	put_stats(456);
	assert_string_equal(ask(fd, ""), "wanted 1024 taken 0 reported 0 "
			    "free 456 total 5000\n");
	assert_non_null(strstr(ask(fd, "take x\n"), "error"));
	memset(garbage, 'x', sizeof(garbage));
	assert_int_equal(write(fd, garbage, sizeof(garbage)),
			 sizeof(garbage));
	fake_run(&driver);
	close(fd);
	fd = dial(path);
	assert_string_equal(ask(fd, "take 0\n"), "ok\n");
	finish();
	close(fd);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* What `info` answers to a guest with these statistics, of so many bytes. */
static const char *info_of(const struct virtio_balloon_stat *stats, size_t bytes)
{
	char folder[] = "/tmp/ringlet-balloon.XXXXXX", path[64], text[80];
	const char *answer;
	uint64_t gpa;
	int fd;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	snprintf(text, sizeof(text), "socket=%s", path);
	start(text, STATS);
	put_stats(123);
	fd = dial(path);
	assert_string_equal(ask(fd, "info\n"), "");
	gpa = fake_alloc(&driver, bytes);
	memcpy(fake_at(&driver, gpa), stats, bytes);
	fake_add(&driver, 2, &(struct fake_buffer){ gpa, bytes }, 1, 0);
	fake_kick(&driver, 2);
	answer = ask(fd, "");
	finish();
	close(fd);
	assert_int_equal(rmdir(folder), 0);
	return answer;
}

/* 5.5.6.3: in any order, with others among them. */
static void test_statistics_in_any_order(void **state)
{
	const struct virtio_balloon_stat stats[] = {
		{ 0xffff, 7 }, { VIRTIO_BALLOON_S_MEMTOT, 5000 },
		{ 999, 1 },    { VIRTIO_BALLOON_S_MEMFREE, 456 },
		{ 16, 3 },
	};

	(void)state;
	assert_string_equal(info_of(stats, sizeof(stats)),
			    "wanted 0 taken 0 reported 0 free 456 total 5000\n");
}

/* A guest's numbers may all have 20 digits. Six are newer than Linux 6.1. */
static void test_longest_statistics(void **state)
{
	struct virtio_balloon_stat stats[20];
	const char *answer;

	(void)state;
	for (uint16_t i = 0; i < 20; i++)
		stats[i] = (struct virtio_balloon_stat){ i, UINT64_MAX };
	answer = info_of(stats, sizeof(stats));
	assert_non_null(strstr(answer, " swap-in 18446744073709551615 "));
	assert_non_null(strstr(answer, " huge-failures 18446744073709551615 "
				       "oom-kills 18446744073709551615 "));
	assert_non_null(strstr(answer, " direct-reclaims 18446744073709551615\n"));
	assert_null(strstr(answer, "null"));
}

/* What kill -9 leaves does not keep the next start from working. */
static void test_stale_socket(void **state)
{
	struct virtio_setup setup = { .cpus = 1 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char folder[] = "/tmp/ringlet-balloon.XXXXXX", text[140], message[256];
	struct virtio_device *second;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
	snprintf(text, sizeof(text), "socket=%s", address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      sizeof(address)), 0);
	close(fd);
	start(text, 0);
	assert_int_equal(balloon_kind.create(text, &setup, &second, message,
					     sizeof(message)), -EADDRINUSE);
	assert_non_null(strstr(message, "somebody listens there"));
	/* Who asked for the name was no client. */
	fd = dial(address.sun_path);
	assert_string_equal(ask(fd, "take 4M\n"), "ok\n");
	close(fd);
	finish();
	assert_int_not_equal(access(address.sun_path, F_OK), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void test_options(void **state)
{
	static const char *const wrong[] = { "take", "take=x", "x", "socket=",
		"take=1T", "socket=/no/such/folder/s" };
	struct virtio_setup setup = { .cpus = 1 };
	struct virtio_device *made;
	char message[256];
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		*message = '\0';
		assert_true(balloon_kind.create(wrong[i], &setup, &made,
						message, sizeof(message)) < 0);
		assert_true(strlen(message) > 10);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inflate),
		cmocka_unit_test(test_inflate_nonsense),
		cmocka_unit_test(test_reporting),
		cmocka_unit_test(test_poison),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_no_discard),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_statistics_in_any_order),
		cmocka_unit_test(test_longest_statistics),
		cmocka_unit_test(test_stale_socket),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests_name("balloon", tests, NULL, NULL);
}
