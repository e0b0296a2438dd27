// SPDX-License-Identifier: GPL-2.0
/* What a line of the log may do to a terminal: nothing. */
#include <string.h>
#include <unistd.h>

#include "unit.h"

#include "launcher/log.h"

static void test_lines_are_printed_safely(void **state)
{
	int fds[2], old = dup(STDERR_FILENO);
	char line[256];
	ssize_t got;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	log_warnx("a\033]0;x\007b\nc\177d\x9b" "e\xc2\x9b" "f \xc3\xa4\xe2\x82\xac");
	dup2(old, STDERR_FILENO);
	got = read(fds[0], line, sizeof(line) - 1);
	assert_true(got > 0);
	line[got] = '\0';
	assert_string_equal(line, "ringlet: a?]0;x?b?c?d?e\xc2?f "
				  "\xc3\xa4\xe2\x82\xac\n");
	close(old);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_are_printed_safely),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
