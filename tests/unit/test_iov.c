// SPDX-License-Identifier: GPL-2.0
/* Lists of memory pieces: copies across pieces, cuts at both ends. */
#include <string.h>

#include "unit.h"

#include "virtio_devices/iov.h"

static char a[3], b[5], c[2];
static struct iovec list[4];

static int set_up(void **state)
{
	(void)state;
	memcpy(a, "abc", 3);
	memcpy(b, "defgh", 5);
	memcpy(c, "ij", 2);
	list[0] = (struct iovec){ a, 3 };
	list[1] = (struct iovec){ NULL, 0 };
	list[2] = (struct iovec){ b, 5 };
	list[3] = (struct iovec){ c, 2 };
	return 0;
}

static void test_read(void **state)
{
	char out[16] = "";

	(void)state;
	assert_int_equal(iov_size(list, 4), 10);
	assert_int_equal(iov_read(list, 4, 0, out, 16), 10);
	assert_string_equal(out, "abcdefghij");
	memset(out, 0, 16);
	assert_int_equal(iov_read(list, 4, 2, out, 3), 3);
	assert_string_equal(out, "cde");
	assert_int_equal(iov_read(list, 4, 9, out, 5), 1);
	assert_int_equal(iov_read(list, 4, 10, out, 5), 0);
	assert_int_equal(iov_read(list, 4, SIZE_MAX, out, 5), 0);
	assert_int_equal(iov_read(list, 0, 0, out, 5), 0);
}

static void test_write(void **state)
{
	char out[11] = "";

	(void)state;
	assert_int_equal(iov_write(list, 4, 1, "123456789", 8), 8);
	iov_read(list, 4, 0, out, 10);
	assert_string_equal(out, "a12345678j");
	assert_int_equal(iov_write(list, 4, 8, "xyz", 3), 2);
	assert_int_equal(iov_zero(list, 4, 0, 4), 4);
	iov_read(list, 4, 0, out, 10);
	assert_memory_equal(out, "\0\0\0\0" "4567xy", 10);
}

static void test_trim_front(void **state)
{
	struct iovec *at = list;
	unsigned int count = 4;
	char out[11] = "";

	(void)state;
	assert_int_equal(iov_trim_front(&at, &count, 0), 0);
	assert_int_equal(iov_trim_front(&at, &count, 4), 4);
	assert_int_equal(iov_read(at, count, 0, out, 10), 6);
	assert_string_equal(out, "efghij");
	assert_int_equal(count, 2);
	assert_int_equal(iov_trim_front(&at, &count, 4), 4);
	assert_int_equal(count, 1);
	assert_ptr_equal(at->iov_base, c);
	assert_int_equal(iov_trim_front(&at, &count, 100), 2);
	assert_int_equal(count, 0);
	assert_int_equal(iov_trim_front(&at, &count, 1), 0);
}

static void test_trim_back(void **state)
{
	unsigned int count = 4;
	char out[11] = "";

	(void)state;
	assert_int_equal(iov_trim_back(list, &count, 1), 1);
	assert_int_equal(iov_size(list, count), 9);
	assert_int_equal(iov_trim_back(list, &count, 6), 6);
	/* The empty piece is gone with what was behind it. */
	assert_int_equal(count, 1);
	assert_int_equal(iov_read(list, count, 0, out, 10), 3);
	assert_string_equal(out, "abc");
	assert_int_equal(iov_trim_back(list, &count, 9), 3);
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_read, set_up),
		cmocka_unit_test_setup(test_write, set_up),
		cmocka_unit_test_setup(test_trim_front, set_up),
		cmocka_unit_test_setup(test_trim_back, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
