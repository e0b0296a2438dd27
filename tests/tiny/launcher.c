// SPDX-License-Identifier: GPL-2.0
/*
 * What the launcher has of its own beside a guest: files that hold the module, an
 * LDT, breakpoints, floating point registers, a shadow stack, pages that come and
 * go.
 */
#include <asm/ldt.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "ioctl.h"
#include "shadow_stack.h"

/* The guest's first instructions become these. */
static void make_code(struct machine *m, const void *code, size_t bytes)
{
	memcpy(m->memory + (image.entry - TINY_KERNEL), code, bytes);
}

/* --- files and the module ------------------------------------------------------------ */

static int delete_module(void)
{
	return syscall(SYS_delete_module, "ringlet", O_NONBLOCK);
}

void test_rmmod(void)
{
	struct machine m;

	machine_create(&m);
	FAILS(delete_module(), EAGAIN);
	CHECK(runs_to_shutdown(&m));
	/* Each kind of file holds the module alone: a vCPU's, a VM's. */
	close(m.vm);
	close(device);
	FAILS(delete_module(), EAGAIN);
	open_device();
	m.vm = -1;
	machine_destroy(&m);
	m.vm = ioctl(device, RL_CREATE_VM, 0);
	CHECK(m.vm >= 0);
	close(device);
	FAILS(delete_module(), EAGAIN);
	open_device();
	close(m.vm);
}

/* The last VM leaves nothing that the next one of this process would find. */
void test_again(void)
{
	for (int i = 0; i < 3; i++) {
		int vm = ioctl(device, RL_CREATE_VM, 0);

		CHECK(vm >= 0);
		close(vm);
	}
}

/* --- LDT ------------------------------------------------------------------------ */

static int refuses_ldt(void)
{
	struct user_desc d = { .entry_number = 1, .limit = 0xfffff,
			       .seg_32bit = 1, .limit_in_pages = 1,
			       .useable = 1 };
	struct machine m;
	int good;

	machine_create(&m);
	if (syscall(SYS_modify_ldt, 1, &d, sizeof(d)))
		return 0;
	good = run(m.vcpu) == -1 && errno == EINVAL;
	machine_destroy(&m);
	return good;
}

/* LDTR would go on holding an address of the host's: in a guest, the guest's. */
void test_ldt(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(refuses_ldt() ? 0 : 1);
	CHECK(wait_status(pid) == 0);
}

/* --- breakpoints of the host ------------------------------------------------------ */

static int breakpoint_at(uint64_t address, unsigned int type)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(a),
		.bp_type = type, .bp_addr = address, .bp_len = 8,
	};

	return syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
}

static uint64_t hits(int event)
{
	uint64_t count = ~0ULL;

	return read(event, &count, 8) == 8 ? count : ~0ULL;
}

/* Those of the thread are about its own world, and are back when it is. */
void test_breakpoints(void)
{
	static volatile uint64_t word;
	struct machine m;
	int there, here;

	machine_create(&m);
	there = breakpoint_at(image.entry, HW_BREAKPOINT_X);
	here = breakpoint_at((uintptr_t)&word, HW_BREAKPOINT_W);
	CHECK(there >= 0 && here >= 0);
	word = 1;
	CHECK(hits(here) == 1);
	CHECK(runs_to_shutdown(&m));
	CHECK(hits(there) == 0);
	word = 2;
	CHECK(hits(here) == 2);
	close(there);
	close(here);
	machine_destroy(&m);
}

/* --- floating point ----------------------------------------------------------------- */

static const unsigned char spoil_registers[] = {
	/* pcmpeqd %xmmN, %xmmN */
#define LOW(n)	0x66, 0x0f, 0x76, 0xc0 + 9 * (n)
#define HIGH(n)	0x66, 0x45, 0x0f, 0x76, 0xc0 + 9 * (n)
	LOW(0), LOW(1), LOW(2), LOW(3), LOW(4), LOW(5), LOW(6), LOW(7),
	HIGH(0), HIGH(1), HIGH(2), HIGH(3), HIGH(4), HIGH(5), HIGH(6), HIGH(7),
	0xdb, 0xe3,			/* fninit */
	0xd9, 0xeb,			/* fldpi */
	0xb8, RL_HC_SHUTDOWN, 0, 0, 0,	/* mov $..., %eax */
	0x31, 0xff,			/* xor %edi, %edi */
	0x0f, 0x05,			/* syscall */
};

struct registers {
	uint64_t xmm[32];
	uint32_t mxcsr;
	uint16_t control, status;
};

/* RL_RUN by hand: between the loads and the stores no compiler has a say. */
static long run_with(int vcpu, const struct registers *in,
		     struct registers *out)
{
	register long number asm("rax") = SYS_ioctl;
	register long fd asm("rdi") = vcpu;
	register long request asm("rsi") = RL_RUN;
	register long argument asm("rdx") = 0;
	register const void *from asm("r8") = in;
	register void *to asm("r9") = out;

	asm volatile("fninit\n\tldmxcsr 256(%%r8)\n\tfldcw 260(%%r8)\n\t"
		     ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n\t"
		     "movdqu 16 * \\n(%%r8), %%xmm\\n\n\t.endr\n\t"
		     "syscall\n\t"
		     ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n\t"
		     "movdqu %%xmm\\n, 16 * \\n(%%r9)\n\t.endr\n\t"
		     "stmxcsr 256(%%r9)\n\tfnstcw 260(%%r9)\n\tfnstsw 262(%%r9)\n\t"
		     "fninit"
		     : "+r"(number)
		     : "r"(fd), "r"(request), "r"(argument), "r"(from), "r"(to)
		     : "rcx", "r11", "memory", "cc",
		       "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
		       "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
		       "xmm13", "xmm14", "xmm15");
	return number;
}

void test_fpu(void)
{
	struct registers in = { .mxcsr = 0x5f80, .control = 0x27f }, out;
	struct machine m;
	long r;

	for (int i = 0; i < 32; i++)
		in.xmm[i] = 0x0123456789abcdef * (i + 1);
	machine_create(&m);
	make_code(&m, spoil_registers, sizeof(spoil_registers));
	do
		r = run_with(m.vcpu, &in, &out);
	while (r == -EINTR);
	asm volatile("ldmxcsr %0" :: "m"((uint32_t){ 0x1f80 }));
	CHECK(r == 0 && m.run->exit_reason == RL_EXIT_SHUTDOWN);
	CHECK(!memcmp(&in, &out, sizeof(in)));
	machine_destroy(&m);
}

/* --- a shadow stack ---------------------------------------------------------------- */

#define NO_SHADOW_STACK		77
#define LOST_WITHOUT_US		78

/* The shadow stack begins empty here, so nothing of what called this may return. */
static __attribute__((noinline, noreturn)) void run_on_shadow_stack(void)
{
	long r = SYS_arch_prctl;
	uint64_t ssp;
	int good = 1;

	asm volatile("syscall" : "+a"(r)
		     : "D"((long)ARCH_SHSTK_ENABLE), "S"((long)ARCH_SHSTK_SHSTK)
		     : "rcx", "r11", "memory");
	if (r)
		_exit(NO_SHADOW_STACK);
	ssp = shadow_stack_pointer();
	/* Bochs 3.0 forgets it when another program's registers were loaded, unless the
	   host has nopku (Documentation/testing.md). */
	for (int i = 0; i < 40; i++) {
		sched_yield();
		if (shadow_stack_pointer() != ssp)
			_exit(LOST_WITHOUT_US);
	}
	for (int i = 0; i < 3; i++) {
		struct machine m;

		machine_create(&m);
		good &= runs_to_shutdown(&m);
		machine_destroy(&m);
	}
	_exit(good && ssp && shadow_stack_pointer() == ssp ? 0 : 1);
}

/* The processor compares each return of a program with its shadow stack, and the
 * next one after RL_RUN would be the program's end. Meanwhile we compute, so that
 * its registers are not still there. */
void test_shadow_stack(void)
{
	pid_t pid = fork();
	volatile double x = 1;
	int status;

	if (!pid)
		run_on_shadow_stack();
	while (!waitpid(pid, &status, WNOHANG))
		x *= 1.0001;
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_SHADOW_STACK)
		skipped = "the host has no shadow stacks for programs";
	else if (WIFEXITED(status) && WEXITSTATUS(status) == LOST_WITHOUT_US)
		skipped = "this emulator loses shadow stacks without a guest, too";
	else
		CHECK(status == 0);
}

/* --- pages that go away ----------------------------------------------------------- */

static volatile sig_atomic_t over;
static const unsigned char count_for_ever[] = {
	0x48, 0xb8, 0, 0, 0, 1, 0x80, 0x88, 0xff, 0xff,	/* mov $..., %rax */
	0x48, 0xff, 0x00,				/* 1: incq (%rax) */
	0xeb, 0xfb,					/* jmp 1b */
};
_Static_assert(TINY_DIRECT + TINY_FREE == 0xffff888001000000, "see above");

static void *run_guest(void *argument)
{
	struct machine *m = argument;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(1, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	while (!over)
		ioctl(m->vcpu, RL_RUN, 0);
	return NULL;
}

static int wait_for_change(const volatile uint64_t *word)
{
	uint64_t start = *word;

	for (int i = 0; i < 5000 && *word == start; i++)
		usleep(1000);
	return *word != start;
}

/* Two pages of one file take turns at the guest's word: what is replaced is no
 * longer written from the moment on that the host says so. That is the moment
 * when it would give the page to somebody else. */
static void replace(struct machine *m, int file, volatile uint64_t *pages)
{
	unsigned int bad = 0;

	for (int i = 0; i < 100 && !bad; i++) {
		volatile uint64_t *old = &pages[512 * (i & 1)];
		uint64_t seen;

		if (!wait_for_change(old)) {
			CHECK(!"the guest counts");
			return;
		}
		if (mmap(m->memory + TINY_FREE, 4096, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, file,
			 i & 1 ? 0 : 4096) == MAP_FAILED)
			bad = 1;
		seen = *old;
		for (volatile int n = 0; n < 20000; n++)
			bad |= *old != seen;
	}
	CHECK(!bad);
}

void test_page_replaced(void)
{
	int file = memfd_create("pages", 0);
	volatile uint64_t *pages;
	struct machine m;
	pthread_t thread;
	cpu_set_t set, all;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		skipped = "the host has one processor";
		return;
	}
	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	CHECK(ftruncate(file, 8192) == 0);
	pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	machine_create(&m);
	make_code(&m, count_for_ever, sizeof(count_for_ever));
	mmap(m.memory + TINY_FREE, 4096, PROT_READ | PROT_WRITE,
	     MAP_SHARED | MAP_FIXED, file, 0);
	over = 0;
	pthread_create(&thread, NULL, run_guest, &m);
	replace(&m, file, pages);
	over = 1;
	m.run->immediate_exit = 1;
	pthread_kill(thread, SIGALRM);
	pthread_join(thread, NULL);
	sched_setaffinity(0, sizeof(all), &all);
	machine_destroy(&m);
	munmap((void *)pages, 8192);
	close(file);
}
