// SPDX-License-Identifier: GPL-2.0
/* Archives that Linux must understand: by the format's description, and by cpio(1). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "launcher/cpio.h"

static unsigned int number(const uint8_t *at)
{
	char digits[9];

	memcpy(digits, at, 8);
	digits[8] = '\0';
	return strtoul(digits, NULL, 16);
}

/* As init/initramfs.c of Linux reads it. Where the next one begins. */
static size_t check_entry(const struct cpio *cpio, size_t at, const char *name,
			  unsigned int mode, const void *data, size_t size)
{
	const uint8_t *head = cpio->data + at;

	assert_true(at + 110 <= cpio->size);
	assert_int_equal(at % 4, 0);
	assert_memory_equal(head, "070701", 6);
	assert_int_equal(number(head + 6 + 8), mode);
	assert_int_equal(number(head + 6 + 2 * 8), 0);	/* uid, gid */
	assert_int_equal(number(head + 6 + 3 * 8), 0);
	assert_int_equal(number(head + 6 + 6 * 8), size);
	assert_int_equal(number(head + 6 + 11 * 8), strlen(name) + 1);
	assert_string_equal((const char *)head + 110, name);
	at = (at + 110 + strlen(name) + 1 + 3) & ~3ul;
	assert_true(at + size <= cpio->size);
	if (size)
		assert_memory_equal(cpio->data + at, data, size);
	return (at + size + 3) & ~3ul;
}

static void test_entries(void **state)
{
	static const char text[] = "0123456789";
	struct cpio cpio = { 0 };
	char name[8] = "n";
	size_t at = 0;

	(void)state;
	/* Each length of a name and of data, modulo 4. */
	cpio_add(&cpio, "d", S_IFDIR | 0755, NULL, 0);
	for (int i = 0; i < 5; i++) {
		name[i] = 'n';
		cpio_add(&cpio, name, S_IFREG | 0644, text, 2 * i);
		cpio_add(&cpio, name, S_IFREG | 0755, text, 2 * i + 1);
	}
	assert_int_equal(cpio_end(&cpio), 0);
	at = check_entry(&cpio, at, "d", S_IFDIR | 0755, NULL, 0);
	memset(name, 0, sizeof(name));
	for (int i = 0; i < 5; i++) {
		name[i] = 'n';
		at = check_entry(&cpio, at, name, S_IFREG | 0644, text, 2 * i);
		at = check_entry(&cpio, at, name, S_IFREG | 0755, text,
				 2 * i + 1);
	}
	at = check_entry(&cpio, at, "TRAILER!!!", 0, NULL, 0);
	assert_int_equal(at, cpio.size);
	free(cpio.data);
}

static void test_large(void **state)
{
	size_t size = 5u << 20;
	uint8_t *data = malloc(size);
	struct cpio cpio = { 0 };
	size_t at;

	(void)state;
	for (size_t i = 0; i < size; i++)
		data[i] = i * 7 >> 3;
	cpio_add(&cpio, "large", S_IFREG | 0600, data, size);
	assert_int_equal(cpio_end(&cpio), 0);
	at = check_entry(&cpio, 0, "large", S_IFREG | 0600, data, size);
	check_entry(&cpio, at, "TRAILER!!!", 0, NULL, 0);
	free(cpio.data);
	free(data);
}

/* More than the format can say is an error, not a short file. */
static void test_too_large(void **state)
{
	struct cpio cpio = { 0 };

	(void)state;
	cpio_add(&cpio, "x", S_IFREG | 0600, "", (size_t)UINT32_MAX + 1);
	cpio_add(&cpio, "y", S_IFREG | 0600, "", 1);
	assert_int_equal(cpio_end(&cpio), -ENOMEM);
	assert_int_equal(cpio.size, 0);
	free(cpio.data);
}

/* Another reader than ours. */
static void test_by_cpio(void **state)
{
	char folder[] = "/tmp/test_cpio.XXXXXX", command[256], line[64] = "";
	struct cpio cpio = { 0 };
	FILE *f;

	(void)state;
	if (system("command -v cpio >/dev/null"))
		skip();
	assert_non_null(mkdtemp(folder));
	cpio_add(&cpio, "a b", S_IFDIR | 0755, NULL, 0);
	cpio_add(&cpio, "a b/c\nd", S_IFREG | 0640, "hello", 5);
	assert_int_equal(cpio_end(&cpio), 0);
	snprintf(command, sizeof(command), "cd %s && cpio -i --quiet 2>/dev/null", folder);
	f = popen(command, "w");
	assert_int_equal(fwrite(cpio.data, 1, cpio.size, f), cpio.size);
	assert_int_equal(pclose(f), 0);
	snprintf(command, sizeof(command),
		 "cd %s && cat a\\ b/* && stat -c ' %%a %%s' a\\ b/*; rm -r %s",
		 folder, folder);
	f = popen(command, "r");
	assert_int_equal(fread(line, 1, sizeof(line) - 1, f), 12);
	pclose(f);
	assert_string_equal(line, "hello 640 5\n");
	free(cpio.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_by_cpio),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
