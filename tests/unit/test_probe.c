// SPDX-License-Identifier: GPL-2.0
/* What `ringlet check` says of its tiny guest, which here is a function in C. */
#include <errno.h>
#include <string.h>

#include "unit.h"

#include "fake_vm.h"
#include "launcher/probe.h"

static int power_off(struct rl_run *run)
{
	run->exit_reason = RL_EXIT_SHUTDOWN;
	run->shutdown = RL_SHUTDOWN_POWEROFF;
	return 0;
}

/* As the real one does it: a byte at RDI, RBX counted up by RCX. */
static int good(struct rl_run *run)
{
	*(unsigned char *)fake_vm_memory(fake_vm.regs.rdi % 0x10000) = 0x5a;
	fake_vm.regs.rbx = fake_vm.regs.rcx;
	return power_off(run);
}

static int good_later(struct rl_run *run)
{
	switch (atomic_load(&fake_vm.runs)) {
	case 1:
		return -EINTR;
	case 2:
		return -EAGAIN;
	default:
		return good(run);
	}
}

static int writes_nothing(struct rl_run *run)
{
	fake_vm.regs.rbx = fake_vm.regs.rcx;
	return power_off(run);
}

static int counts_badly(struct rl_run *run)
{
	good(run);
	fake_vm.regs.rbx--;
	return 0;
}

static int reboots(struct rl_run *run)
{
	good(run);
	run->shutdown = RL_SHUTDOWN_REBOOT;
	return 0;
}

static int stops(struct rl_run *run)
{
	good(run);
	run->exit_reason = RL_EXIT_CONSOLE_WRITE;
	return 0;
}

static int killed(struct rl_run *run)
{
	run->exit_reason = RL_EXIT_KILLED;
	strcpy(run->kill_reason, "bad\nthing");
	return -EIO;
}

static int busy(struct rl_run *run)
{
	(void)run;
	return -EBUSY;
}

static int refused(struct rl_run *run)
{
	(void)run;
	return -EINVAL;
}

static void test_probe(void **state)
{
	static const struct {
		int (*guest)(struct rl_run *run);
		int error;
		const char *why;
	} cases[] = {
		{ good, 0, "" },
		{ good_later, 0, "" },
		{ writes_nothing, -EIO, "is not in its memory" },
		{ counts_badly, -EIO, "counted to 999" },
		{ reboots, -EIO, "did not power off" },
		{ stops, -EIO, "did not power off (exit 3)" },
		{ killed, -EIO, "was ended: bad?thing" },
		{ busy, -EBUSY, "PEBS" },
		{ refused, -EINVAL, "does not run it (Invalid argument)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char why[200] = "";

		fake_vm_reset();
		fake_vm.guest = cases[i].guest;
		assert_int_equal(probe_run(-1, why, sizeof(why)),
				 cases[i].error);
		if (cases[i].error)
			assert_non_null(strstr(why, cases[i].why));
		assert_int_equal(fake_vm.open_fds, 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
