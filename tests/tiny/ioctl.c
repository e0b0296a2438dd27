// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctl interface, used wrongly. Each check is one line of output where it
 * fails; the last line counts. The host's kernel log is the second witness:
 * the sandbox fails on any complaint there.
 *
 *	ioctl GUEST [PATTERNS]	(a tiny guest that shuts down: shutdown.tiny)
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "ioctl.h"

struct image image;
const char *image_path;
int device;
const char *skipped;		/* why the test that runs does not */
static unsigned int passed, failed;

void check(int good, const char *what, const char *file, int line)
{
	if (good) {
		passed++;
		return;
	}
	failed++;
	printf("failure %s:%d: %s (errno %d, %s)\n", file, line, what, errno,
	       strerror(errno));
	fflush(stdout);
}

/* --- a VM with a tiny guest ------------------------------------------------------ */

int add_slot(int vm, unsigned int slot, uint64_t gpa, uint64_t size,
		    const void *at)
{
	struct rl_memory_slot s = {
		.slot = slot, .gpa = gpa, .size = size, .hva = (uintptr_t)at,
	};

	return ioctl(vm, RL_SET_MEMORY_SLOT, &s);
}

void *map(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static int set_start(const struct machine *m)
{
	struct rl_regs regs = { .rip = image.entry, .cr3 = TINY_TABLES };

	regs.rdi = image.cases[0].function;
	return ioctl(m->vcpu, RL_SET_REGS, &regs);
}

void machine_create(struct machine *m)
{
	m->vm = ioctl(device, RL_CREATE_VM, 0);
	m->memory = map(TINY_MEMORY);
	add_slot(m->vm, 0, 0, TINY_MEMORY, m->memory);
	m->vcpu = ioctl(m->vm, RL_CREATE_VCPU, 0);
	if (m->vm < 0 || m->vcpu < 0)
		err(2, "creating a VM");
	m->run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu,
		      0);
	if (m->run == MAP_FAILED)
		err(2, "run page");
	image_load(&image, m->memory);
	if (set_start(m))
		err(2, "RL_SET_REGS");
}

void machine_destroy(struct machine *m)
{
	munmap(m->run, 4096);
	close(m->vcpu);
	close(m->vm);
	munmap(m->memory, TINY_MEMORY);
}

/* EINTR without a signal is allowed: other parts of the kernel had work for us. */
int run(int vcpu)
{
	int r;

	do
		r = ioctl(vcpu, RL_RUN, 0);
	while (r && errno == EINTR);
	return r;
}

int runs_to_shutdown(struct machine *m)
{
	for (int i = 0; i < 100; i++) {
		if (run(m->vcpu))
			return 0;
		if (m->run->exit_reason == RL_EXIT_SHUTDOWN)
			return 1;
	}
	return 0;
}

/* --- numbers, sizes, pointers ------------------------------------------------------- */

static void test_device(void)
{
	struct rl_info info;
	char *readonly = mmap(NULL, 4096, PROT_READ,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(ioctl(device, RL_GET_INFO, &info) == 0);
	CHECK(info.api_version == RL_API_VERSION);
	FAILS(ioctl(device, RL_GET_INFO, NULL), EFAULT);
	FAILS(ioctl(device, RL_GET_INFO, readonly), EFAULT);
	FAILS(ioctl(device, RL_GET_INFO, ~0UL), EFAULT);
	FAILS(ioctl(device, RL_GET_INFO, 0xffff800000000000), EFAULT);
	FAILS(ioctl(device, RL_CREATE_VM, 1), EINVAL);
	FAILS(ioctl(device, RL_RUN, 0), ENOTTY);
	for (unsigned int nr = 0; nr < 256; nr++) {
		FAILS(ioctl(device, _IOW(RL_IOC, nr, char), &info), ENOTTY);
		FAILS(ioctl(device, _IOC(3, RL_IOC, nr, 0x3fff), &info),
		      ENOTTY);
	}
	FAILS(read(device, &info, 1), EINVAL);
	FAILS(write(device, &info, 1), EINVAL);
	FAILS(mmap(NULL, 4096, PROT_READ, MAP_SHARED, device, 0) == MAP_FAILED
	      ? -1 : 0, ENODEV);
	munmap(readonly, 4096);
}

static void test_slots(void)
{
	int vm = ioctl(device, RL_CREATE_VM, 0);
	char *p = map(1 << 20);
	struct rl_info info;
	struct rl_memory_slot s = { .flags = 1, .size = 4096,
				    .hva = (uintptr_t)p };

	CHECK(vm >= 0);
	FAILS(ioctl(vm, RL_SET_MEMORY_SLOT, NULL), EFAULT);
	FAILS(ioctl(vm, RL_SET_MEMORY_SLOT, ~7UL), EFAULT);
	FAILS(ioctl(vm, RL_SET_MEMORY_SLOT, &s), EINVAL);
	FAILS(add_slot(vm, RL_MEMORY_SLOTS, 0, 4096, p), EINVAL);
	FAILS(add_slot(vm, ~0U, 0, 4096, p), EINVAL);
	FAILS(add_slot(vm, 0, 1, 4096, p), EINVAL);
	FAILS(add_slot(vm, 0, 0, 4095, p), EINVAL);
	FAILS(add_slot(vm, 0, 0, 4096, p + 1), EINVAL);
	FAILS(add_slot(vm, 0, -4096UL, 8192, p), EINVAL);
	FAILS(add_slot(vm, 0, 0, -4096UL, p), EINVAL);
	FAILS(add_slot(vm, 0, 1UL << 40, 4096, p), EINVAL);
	FAILS(add_slot(vm, 0, 0, 1UL << 41, p), EINVAL);
	/* More than there can be: refused without a word in the log. */
	for (unsigned int shift = 39; shift < 47; shift++)
		CHECK(add_slot(vm, 0, 0, (1UL << shift) - 8192,
			       (void *)4096) == -1 &&
		      (errno == ENOMEM || errno == EINVAL));
	FAILS(add_slot(vm, 0, 0, 4096, (void *)0xffff888000000000), EINVAL);
	FAILS(add_slot(vm, 0, 0, 1 << 20, (void *)-4096UL), EINVAL);
	CHECK(add_slot(vm, 0, 0x10000, 0x10000, p) == 0);
	FAILS(add_slot(vm, 1, 0x1f000, 0x1000, p), EINVAL);
	FAILS(add_slot(vm, 1, 0xf000, 0x2000, p), EINVAL);
	FAILS(add_slot(vm, 1, 0, 1 << 20, p), EINVAL);
	CHECK(add_slot(vm, 1, 0x20000, 0x1000, p) == 0);
	CHECK(add_slot(vm, 0, 0x30000, 0x1000, p) == 0);
	CHECK(add_slot(vm, 1, 0, 0, NULL) == 0);
	FAILS(ioctl(vm, RL_RUN, 0), ENOTTY);
	FAILS(ioctl(vm, RL_IRQ_LINE, 0), EINVAL);
	FAILS(ioctl(vm, RL_GET_STATS, NULL), EFAULT);
	CHECK(ioctl(device, RL_GET_INFO, &info) == 0);
	CHECK(info.max_vcpus >= 1 && info.max_vcpus <= RL_VCPUS_MAX);
	FAILS(ioctl(vm, RL_CREATE_VCPU, info.max_vcpus), EINVAL);
	FAILS(ioctl(vm, RL_CREATE_VCPU, 1UL << 32), EINVAL);
	FAILS(ioctl(vm, RL_CREATE_VCPU, ~0UL), EINVAL);
	close(ioctl(vm, RL_CREATE_VCPU, 0));
	FAILS(ioctl(vm, RL_CREATE_VCPU, 0), EEXIST);
	FAILS(add_slot(vm, 2, 0x50000, 0x1000, p), EBUSY);
	for (unsigned int nr = 0; nr < 256; nr++)
		FAILS(ioctl(vm, _IOWR(RL_IOC, nr, char[99]), p), ENOTTY);
	close(vm);
	munmap(p, 1 << 20);
}

static void test_vcpu(void)
{
	struct machine m;
	struct rl_regs regs;
	int vm = ioctl(device, RL_CREATE_VM, 0);
	int vcpu = ioctl(vm, RL_CREATE_VCPU, 0);

	FAILS(ioctl(vcpu, RL_RUN, 0), EINVAL);	/* no memory */
	close(vm);
	FAILS(ioctl(vcpu, RL_RUN, 0), EINVAL);
	close(vcpu);

	machine_create(&m);
	FAILS(ioctl(m.vcpu, RL_RUN, 1), EINVAL);
	FAILS(ioctl(m.vcpu, RL_GET_REGS, NULL), EFAULT);
	FAILS(ioctl(m.vcpu, RL_SET_REGS, ~0UL), EFAULT);
	FAILS(ioctl(m.vcpu, RL_CREATE_VM, 0), ENOTTY);
	/* Lines of the guest's own are not for others. */
	for (unsigned int line = RL_IRQ_IPI; line <= RL_IRQ_COUNT; line++)
		FAILS(ioctl(m.vm, RL_IRQ_LINE, line), EINVAL);
	FAILS(ioctl(m.vm, RL_IRQ_LINE, ~0UL), EINVAL);
	FAILS(mmap(0, 8192, PROT_READ, MAP_SHARED, m.vcpu, 0) == MAP_FAILED
	      ? -1 : 0, EINVAL);
	FAILS(mmap(0, 4096, PROT_READ, MAP_SHARED, m.vcpu, 4096) == MAP_FAILED
	      ? -1 : 0, EINVAL);
	FAILS(mmap(0, 4096, PROT_READ, MAP_PRIVATE, m.vcpu, 0) == MAP_FAILED
	      ? -1 : 0, EINVAL);
	/* Newer kernels refuse that by themselves, for any such file. */
	CHECK(mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, m.vcpu, 0) ==
	      MAP_FAILED && (errno == EINVAL || errno == EPERM));
	CHECK(ioctl(m.vcpu, RL_GET_REGS, &regs) == 0);
	CHECK(regs.cs == RL_KERNEL_CS && regs.rip == image.entry);
	regs.rip = 1UL << 47;
	FAILS(ioctl(m.vcpu, RL_SET_REGS, &regs), EINVAL);
	regs.rip = image.entry;
	regs.gs_base = 1UL << 63;
	FAILS(ioctl(m.vcpu, RL_SET_REGS, &regs), EINVAL);
	regs.gs_base = 0;
	regs.cr3 = ~0UL;
	FAILS(ioctl(m.vcpu, RL_SET_REGS, &regs), EINVAL);
	regs.cr3 = 1UL << 41;
	/* What CS, SS and the flags ask for is not listened to. */
	regs.cs = RL_SWITCHER_CS;
	regs.ss = RL_SWITCHER_SS;
	regs.rflags = 0x3002;
	CHECK(ioctl(m.vcpu, RL_SET_REGS, &regs) == 0);
	FAILS(ioctl(m.vcpu, RL_RUN, 0), EINVAL);	/* CR3 in no memory */
	regs.cr3 = TINY_TABLES;
	CHECK(ioctl(m.vcpu, RL_SET_REGS, &regs) == 0);
	CHECK(ioctl(m.vcpu, RL_GET_REGS, &regs) == 0);
	CHECK(regs.cs == RL_KERNEL_CS && !(regs.rflags & 0x3000));
	CHECK(set_start(&m) == 0);
	CHECK(runs_to_shutdown(&m));
	FAILS(ioctl(m.vcpu, RL_RUN, 0), EIO);
	machine_destroy(&m);
}

/* --- memory under the guest --------------------------------------------------------------- */

static int is_killed(struct machine *m)
{
	for (int i = 0; i < 100; i++) {
		if (run(m->vcpu))
			return 0;
		if (m->run->exit_reason == RL_EXIT_KILLED)
			return 1;
	}
	return 0;
}

static void test_memory_goes_away(void)
{
	struct machine m;

	machine_create(&m);
	munmap(m.memory, TINY_MEMORY);
	FAILS(ioctl(m.vcpu, RL_RUN, 0), EINVAL);
	machine_destroy(&m);

	machine_create(&m);
	munmap(m.memory + (1 << 20), 1 << 20);	/* where the kernel is */
	CHECK(is_killed(&m));
	CHECK(strstr(m.run->kill_reason, "no memory there") ||
	      strstr(m.run->kill_reason, "outside memory"));
	/* Dead is dead. */
	CHECK(is_killed(&m));
	machine_destroy(&m);

	machine_create(&m);
	mprotect(m.memory, TINY_MEMORY, PROT_READ);
	CHECK(ioctl(m.vcpu, RL_RUN, 0) == -1 || is_killed(&m));
	machine_destroy(&m);

	machine_create(&m);
	madvise(m.memory, TINY_MEMORY, MADV_DONTNEED);	/* zero tables */
	CHECK(is_killed(&m));
	machine_destroy(&m);
}

/* --- many ------------------------------------------------------------------------------------ */

static long meminfo(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			kb = atol(line + strlen(name) + 1);
	fclose(f);
	return kb;
}

static void test_at_once(void)
{
	static struct machine m[40];
	long before = meminfo("MemFree:");

	for (int i = 0; i < 40; i++)
		machine_create(&m[i]);
	for (int i = 0; i < 40; i++)
		CHECK(runs_to_shutdown(&m[i]));
	/* Does the witness of test_leak() notice anything at all? */
	CHECK(meminfo("MemFree:") < before - 4096);
	for (int i = 0; i < 40; i++)
		machine_destroy(&m[i]);
}

static void many_vms(unsigned int n)
{
	struct machine m;

	while (n--) {
		machine_create(&m);
		CHECK(runs_to_shutdown(&m));
		machine_destroy(&m);
	}
}

static void test_leak(void)
{
	long before, after, slab_before, slab_after;

	many_vms(20);	/* caches fill */
	usleep(300000);
	before = meminfo("MemFree:");
	slab_before = meminfo("SUnreclaim:");
	many_vms(200);
	usleep(300000);
	after = meminfo("MemFree:");
	slab_after = meminfo("SUnreclaim:");
	printf("200 VMs: free memory %ld -> %ld KB, slab %ld -> %ld KB\n",
	       before, after, slab_before, slab_after);
	/* Each had 64 MB, touched more than 200 KB, and tables. */
	CHECK(before && after > before - 8192);
	CHECK(slab_before && slab_after < slab_before + 2048);
}

#define TEST(name) { #name, test_##name }
static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	TEST(device),
	TEST(slots),
	TEST(vcpu),
	TEST(interruption),
	TEST(two_threads),
	TEST(close_while_running),
	TEST(fork),
	TEST(kill),
	TEST(rmmod),
	TEST(again),
	TEST(memory_goes_away),
	TEST(page_replaced),
	TEST(eventfds),
	TEST(ldt),
	TEST(breakpoints),
	TEST(fpu),
	TEST(shadow_stack),
	TEST(debug_refused),
	TEST(debug),
	TEST(debug_handed_on),
	TEST(debug_shadow),
	TEST(vcpu_ids),
	TEST(vcpu_counters),
	TEST(vcpu_waits),
	TEST(vcpu_end),
	TEST(vcpu_kill),
	TEST(vcpu_kill_of_waiter),
	TEST(at_once),
	TEST(leak),
};

/* RL_DEVICE_PATH becomes `device`. */
void open_device(void)
{
	device = open(RL_DEVICE_PATH, O_RDWR | O_CLOEXEC);
	if (device < 0)
		err(2, RL_DEVICE_PATH);
}

int main(int argc, char **argv)
{
	const char *only = argc == 3 ? argv[2] : "*";

	if (argc != 2 && argc != 3)
		errx(2, "usage: ioctl GUEST [PATTERNS]");
	image_path = argv[1];
	image = image_read(image_path);
	open_device();
	catch_alarms();
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		unsigned int before = failed;
		char name[64];

		snprintf(name, sizeof(name), "ioctl/%s", tests[i].name);
		if (!is_wanted(name, only))
			continue;
		skipped = NULL;
		tests[i].run();
		printf("%s ioctl/%s%s%s\n", failed != before ? "failure" :
		       skipped ? "skip" : "success", tests[i].name,
		       skipped ? ": " : "", skipped ? skipped : "");
	}
	printf("ioctl: %u checks passed, %u failed\n", passed, failed);
	return failed || !passed;
}
