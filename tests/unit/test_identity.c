// SPDX-License-Identifier: GPL-2.0
/* Whom --user means: names, numbers, and those that are not there. */
#include <errno.h>
#include <string.h>

#include "unit.h"

#include "capture_log.h"
#include "launcher/identity.h"

/* No account of this machine has it, nor has a group. */
#define NOBODY	"3999999998"

static void assert_is(const char *text, unsigned int uid, unsigned int gid)
{
	struct identity identity = { 0 };

	assert_int_equal(identity_find(text, &identity), 0);
	assert_true(identity.change);
	assert_int_equal(identity.uid, uid);
	assert_int_equal(identity.gid, gid);
	assert_int_equal(log_lines, 0);
}

static void assert_refused(const char *text, const char *said)
{
	struct identity identity = { 0 };

	assert_int_equal(identity_find(text, &identity), -EINVAL);
	assert_logged(said);
}

static void test_found(void **state)
{
	(void)state;
	assert_is("root", 0, 0);
	/* A number that has an account has its group. */
	assert_is("0", 0, 0);
	assert_is("root:12345", 0, 12345);
	assert_is("root:root", 0, 0);
	assert_is("0:root", 0, 0);
	/* One that has none needs no account, if the group is said. */
	assert_is(NOBODY ":" NOBODY, 3999999998u, 3999999998u);
	assert_is(NOBODY ":root", 3999999998u, 0);
}

static void test_refused(void **state)
{
	char name[300];

	(void)state;
	assert_refused("rl-absent", "there is no user rl-absent");
	assert_refused("", "there is no user");
	assert_refused(":root", "there is no user");
	assert_refused("rl-absent:root", "there is no user rl-absent");
	assert_refused(NOBODY, "there is no user " NOBODY "; say which group too");
	assert_refused("root:rl-absent", "there is no group rl-absent");
	assert_refused("root:", "there is no group");
	/* All ones would be "leave it as it is" to the kernel: root's, that is. */
	assert_refused("4294967295", "there is no user 4294967295");
	assert_refused("4294967295:0", "there is no user 4294967295");
	assert_refused("root:4294967295", "there is no group 4294967295");
	assert_refused("-1:0", "there is no user -1");
	assert_refused("0x:0", "there is no user 0x");
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_refused(name, "there is no user nnn");
}

static int set_up(void **state)
{
	(void)state;
	log_forget();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_found, set_up),
		cmocka_unit_test_setup(test_refused, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
