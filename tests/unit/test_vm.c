// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of /dev/ringlet: which goes to which descriptor with which argument,
 * and what becomes of an error. The kernel's side is this file (the Makefile puts
 * these functions before the C library's).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

/* Before the fake one that other tests get. */
#include "launcher/vm.c"

#define PAGE 4096

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

/* What the device was asked last, and what it answers. */
static struct {
	int fd;
	unsigned long request, argument;
	int answer, error;	/* error: errno, with the answer -1 */
	char path[64];
	int flags;
} device;

static int answer(void)
{
	errno = device.error;
	return device.error ? -1 : device.answer;
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	/* A tool that measures us has files of its own. */
	if (strcmp(path, RL_DEVICE_PATH)) {
		va_start(arguments, flags);
		mode = va_arg(arguments, mode_t);
		va_end(arguments);
		return __real_open(path, flags, mode);
	}
	strncpy(device.path, path, sizeof(device.path) - 1);
	device.flags = flags;
	return answer();
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;

	va_start(arguments, request);
	device.fd = fd;
	device.request = request;
	device.argument = va_arg(arguments, unsigned long);
	va_end(arguments);
	return answer();
}

static int set_up(void **state)
{
	(void)state;
	memset(&device, 0, sizeof(device));
	return 0;
}

static void test_open(void **state)
{
	(void)state;
	device.answer = 7;
	assert_int_equal(vm_open_device(), 7);
	assert_string_equal(device.path, RL_DEVICE_PATH);
	/* No program that a device starts gets it. */
	assert_int_equal(device.flags, O_RDWR | O_CLOEXEC);
	device.error = EACCES;
	assert_int_equal(vm_open_device(), -EACCES);
}

/* Each call, on descriptor 5. */
static struct rl_info info;
static const struct rl_memory_slot slot;
static struct rl_stats stats;
static const struct rl_ioeventfd kick;
static const struct rl_irqfd irqfd;
static struct rl_regs regs;
static const struct rl_debug debug;
static struct rl_trap trap;
static struct rl_shadow shadow;

static int call_info(void) { return vm_get_info(5, &info); }
static int call_create(void) { return vm_create(5); }
static int call_memory(void) { return vm_set_memory(5, &slot); }
static int call_stats(void) { return vm_get_stats(5, &stats); }
static int call_irq(void) { return vm_raise_irq(5, 9); }
static int call_kick(void) { return vm_ioeventfd(5, &kick); }
static int call_irqfd(void) { return vm_irqfd(5, &irqfd); }
static int call_run(void) { return vm_run(5); }
static int call_get(void) { return vm_get_regs(5, &regs); }
static int call_set(void) { return vm_set_regs(5, &regs); }
static int call_debug(void) { return vm_set_debug(5, &debug); }
static int call_trap(void) { return vm_get_trap(5, &trap); }
static int call_shadow(void) { return vm_get_shadow(5, &shadow); }

static void test_calls(void **state)
{
	static const struct {
		int (*call)(void);
		unsigned long request;
		const void *argument;
	} calls[] = {
		{ call_info, RL_GET_INFO, &info },
		{ call_create, RL_CREATE_VM, NULL },
		{ call_memory, RL_SET_MEMORY_SLOT, &slot },
		{ call_stats, RL_GET_STATS, &stats },
		{ call_irq, RL_IRQ_LINE, (const void *)9 },
		{ call_kick, RL_IOEVENTFD, &kick },
		{ call_irqfd, RL_IRQFD, &irqfd },
		{ call_run, RL_RUN, NULL },
		{ call_get, RL_GET_REGS, &regs },
		{ call_set, RL_SET_REGS, &regs },
		{ call_debug, RL_SET_DEBUG, &debug },
		{ call_trap, RL_GET_TRAP, &trap },
		{ call_shadow, RL_GET_SHADOW, &shadow },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		set_up(NULL);
		device.answer = 3;
		assert_int_equal(calls[i].call(), 3);
		assert_int_equal(device.fd, 5);
		assert_int_equal(device.request, calls[i].request);
		assert_int_equal(device.argument,
				 (unsigned long)calls[i].argument);
		device.error = EBUSY + i;
		assert_int_equal(calls[i].call(), -(EBUSY + (int)i));
	}
}

/* A vCPU comes with its page, which goes with it. */
static void test_vcpu(void **state)
{
	struct rl_run *run = NULL;
	int file = memfd_create("run", MFD_CLOEXEC), again = dup(file);
	char byte = 0;

	(void)state;
	assert_int_equal(ftruncate(file, PAGE), 0);
	device.answer = file;
	assert_int_equal(vm_create_vcpu(5, 2, &run), file);
	assert_int_equal(device.fd, 5);
	assert_int_equal(device.request, RL_CREATE_VCPU);
	assert_int_equal(device.argument, 2);
	*(char *)run = 'r';
	assert_int_equal(pread(again, &byte, 1, 0), 1);
	assert_int_equal(byte, 'r');
	vm_close_vcpu(file, run);
	assert_int_equal(fcntl(file, F_GETFD), -1);
	assert_int_equal(msync(run, PAGE, MS_ASYNC), -1);
	assert_int_equal(errno, ENOMEM);
	close(again);
}

static void test_vcpu_refused(void **state)
{
	struct rl_run *run = NULL;
	int fd = eventfd(0, EFD_CLOEXEC);

	(void)state;
	device.error = EEXIST;
	assert_int_equal(vm_create_vcpu(5, 0, &run), -EEXIST);
	assert_null(run);
	/* A descriptor that cannot be mapped is closed again. */
	device.error = 0;
	device.answer = fd;
	assert_int_equal(vm_create_vcpu(5, 0, &run), -ENODEV);
	assert_null(run);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_open, set_up),
		cmocka_unit_test_setup(test_calls, set_up),
		cmocka_unit_test_setup(test_vcpu, set_up),
		cmocka_unit_test_setup(test_vcpu_refused, set_up),
	};

	return cmocka_run_group_tests_name("vm", tests, NULL, NULL);
}
