// SPDX-License-Identifier: GPL-2.0
/* What `ringlet check` reads out of files of other hosts than this one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "abi/guest.h"
#include "launcher/device.h"
#include "launcher/host.h"

static const char cpuinfo[] =
	"processor\t: 0\nmodel name\t: fred the CPU\n"
	"flags\t\t: fpu tsc fsgsbase nx_extra smep\n"
	"bugs\t\t: spectre_v2 fred\n"
	"\nprocessor\t: 1\nflags\t\t: fpu other\n";

static void test_cpu_flags(void **state)
{
	(void)state;
	assert_true(host_cpu_has(cpuinfo, "fpu"));
	assert_true(host_cpu_has(cpuinfo, "fsgsbase"));
	assert_true(host_cpu_has(cpuinfo, "smep"));
	/* Parts of words, other lines and other CPUs do not count. */
	assert_false(host_cpu_has(cpuinfo, "nx"));
	assert_false(host_cpu_has(cpuinfo, "gsbase"));
	assert_false(host_cpu_has(cpuinfo, "fred"));
	assert_false(host_cpu_has(cpuinfo, "other"));
	assert_false(host_cpu_has("", "fpu"));
	assert_false(host_cpu_has("\nflags", "fpu"));
	assert_true(host_cpu_has("a\nflags : fpu", "fpu"));
}

static void test_module_listed(void **state)
{
	static const char modules_dep[] =
		"kernel/drivers/a.ko: kernel/lib/ringlet_lib.ko\n"
		"updates/dkms/ringlet.ko.xz:\n"
		"extra/other.ko: extra/third.ko";

	(void)state;
	assert_true(host_module_listed(modules_dep, "ringlet"));
	assert_true(host_module_listed(modules_dep, "a"));
	assert_true(host_module_listed(modules_dep, "other"));
	/* A dependency is no entry, and a name is matched as a whole. */
	assert_false(host_module_listed(modules_dep, "ringlet_lib"));
	assert_false(host_module_listed(modules_dep, "third"));
	assert_false(host_module_listed(modules_dep, "ring"));
	assert_false(host_module_listed("", "ringlet"));
	assert_true(host_module_listed("ringlet.ko:", "ringlet"));
}

static void test_choice(void **state)
{
	char out[10];

	(void)state;
	assert_true(host_choice("none [integrity] c", out, sizeof(out)));
	assert_string_equal(out, "integrity");
	assert_false(host_choice("none [integrity!] c", out, sizeof(out)));
	assert_false(host_choice("none", out, sizeof(out)));
	assert_false(host_choice("[none", out, sizeof(out)));
	assert_true(host_choice("[]", out, sizeof(out)));
	assert_string_equal(out, "");
}

static void test_read_file(void **state)
{
	char *text;

	(void)state;
	assert_false(host_read_file("/nonexistent/file", &text));
	assert_false(host_read_file("/proc", &text));
	/* Longer than one round of reading. */
	assert_true(host_read_file("/proc/kallsyms", &text));
	assert_true(strlen(text) > 100000);
	free(text);
}

static void test_device_info(void **state)
{
	struct rl_info info = { .api_version = RL_API_VERSION,
				.guest_abi_version = RL_GUEST_ABI_VERSION };
	char message[200] = "", theirs[40];

	(void)state;
	assert_int_equal(device_check_info(&info, message, sizeof(message)), 0);
	info.api_version++;
	assert_int_equal(device_check_info(&info, message, sizeof(message)),
			 -EPROTO);
	snprintf(theirs, sizeof(theirs), "interface %u.%u", RL_API_VERSION + 1,
		 RL_GUEST_ABI_VERSION);
	assert_non_null(strstr(message, theirs));
}

/* What to type next, for each errno and each kind of device file. */
static void test_device_advice(void **state)
{
	static const struct {
		int error;
		const char *why, *command;
	} errors[] = {
		{ ENOENT, "not loaded", "sudo modprobe ringlet" },
		{ ENODEV, "not loaded", "sudo modprobe ringlet" },
		{ EBUSY, "alone", "sudo fuser -v /dev/ringlet" },
		{ EMFILE, "open files", "ulimit -n 4096" },
		{ EIO, "kernel log", "sudo dmesg | grep ringlet" },
	};
	static const struct {
		unsigned int mode;
		const char *group;
		bool listed;
		const char *why, *command;
	} files[] = {
		{ 0660, "kvm", false, "members of group kvm may",
		  "sudo adduser ann kvm" },
		{ 0660, "kvm", true, "log in again", "newgrp kvm" },
		{ 0660, "root", false, "udev rule", "sudo udevadm control" },
		{ 0600, "kvm", false, "udev rule", "sudo udevadm control" },
	};
	struct advice advice;

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		device_open_advice(errors[i].error, &advice);
		assert_non_null(strstr(advice.why, errors[i].why));
		assert_string_equal(advice.command, errors[i].command);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		device_access_advice(files[i].mode, files[i].group, "ann",
				     files[i].listed, &advice);
		assert_non_null(strstr(advice.why, files[i].why));
		assert_ptr_equal(strstr(advice.command, files[i].command),
				 advice.command);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpu_flags),
		cmocka_unit_test(test_module_listed),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_read_file),
		cmocka_unit_test(test_device_info),
		cmocka_unit_test(test_device_advice),
	};

	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
