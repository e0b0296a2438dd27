// SPDX-License-Identifier: GPL-2.0
/*
 * What belongs to a thread stays with it, over context switches, signals, page
 * faults and system calls: the bases of FS and GS, vector registers, flags,
 * thread-local segments.
 */
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <cpuid.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "check.h"
#include "together.h"

#define ROUNDS		300

static volatile sig_atomic_t alarms;

static void on_alarm(int signal_number)
{
	static volatile float ballast = 1;

	(void)signal_number;
	alarms++;
	/* Leave something else in the registers. */
	asm volatile("vpcmpeqb %%xmm0, %%xmm0, %%xmm0\n\t"
		     "vpcmpeqb %%xmm7, %%xmm7, %%xmm7" ::: "xmm0", "xmm7");
	ballast *= 2;
}

static uint64_t base_by_call(int code)
{
	uint64_t value = 0;

	NEED(!syscall(SYS_arch_prctl, code, &value));
	return value;
}

static uint64_t read_gs(void)
{
	uint64_t value;

	asm volatile("rdgsbase %0" : "=r" (value));
	return value;
}

static void gs_base(void)
{
	uint64_t mine = 0x100000000ull * (number + 1);
	uint64_t other = 0x7f0000000000ull + 0x1000 * number;
	int i;

	start_alarms(on_alarm);
	for (i = 0; i < ROUNDS && !check_failures; i++) {
		NEED(!syscall(SYS_arch_prctl, ARCH_SET_GS, mine));
		sched_yield();
		CHECK_IS(read_gs(), mine);
		CHECK_IS(base_by_call(ARCH_GET_GS), mine);
		asm volatile("wrgsbase %0" :: "r" (other));
		sched_yield();
		CHECK_IS(read_gs(), other);
		CHECK_IS(base_by_call(ARCH_GET_GS), other);
		/* The top of the address space, and the kernel's half. */
		asm volatile("wrgsbase %0" :: "r" (0xffffffff81000000));
		sched_yield();
		CHECK_IS(read_gs(), 0xffffffff81000000);
	}
}

/* Memory through GS, the way programs use it. */
static void gs_memory(void)
{
	uint64_t room[2] = { 0, 1000 + number }, value;
	int i;

	start_alarms(on_alarm);
	asm volatile("wrgsbase %0" :: "r" (room));
	for (i = 0; i < ROUNDS * 10 && !check_failures; i++) {
		asm volatile("movq %%gs:8, %0" : "=r" (value));
		CHECK_IS(value, 1000 + number);
		if (i % 10 == 0)
			sched_yield();
	}
}

static void vectors(void)
{
	uint8_t in[8][32], out[8][32];
	int i;

	start_alarms(on_alarm);
	for (i = 0; i < ROUNDS * 3 && !check_failures; i++) {
		memset(in, 16 * number + i % 16, sizeof(in));
		in[0][31] = in[3][16] = in[7][15] = i;
		asm volatile("vmovdqu (%0), %%ymm0\n\t"
			     "vmovdqu 96(%0), %%ymm3\n\t"
			     "vmovdqu 224(%0), %%ymm7\n\t"
			     "movl $24, %%eax\n\t"	/* sched_yield */
			     "syscall\n\t"
			     "movl $20000, %%ecx\n"
			     "1:\tloop 1b\n\t"
			     "movl $24, %%eax\n\t"
			     "syscall\n\t"
			     "vmovdqu %%ymm0, (%1)\n\t"
			     "vmovdqu %%ymm3, 96(%1)\n\t"
			     "vmovdqu %%ymm7, 224(%1)\n\t"
			     "vzeroupper"
			     :: "r" (in), "r" (out)
			     : "rax", "rcx", "r11", "memory", "xmm0", "xmm3",
			       "xmm7");
		CHECK(!memcmp(in[0], out[0], 32));
		CHECK(!memcmp(in[3], out[3], 32));
		CHECK(!memcmp(in[7], out[7], 32));
	}
}

static void x87_and_control(void)
{
	uint32_t mxcsr = 0x1f80 | (number & 3) << 13, mx;
	uint16_t control = 0x37f & ~((number & 3) << 10), word;
	double pi = 0;
	int i;

	start_alarms(on_alarm);
	asm volatile("fninit\n\tfldcw %0\n\tldmxcsr %1\n\tfldpi"
		     :: "m" (control), "m" (mxcsr));
	for (i = 0; i < ROUNDS; i++) {
		sched_yield();
		asm volatile("fnstcw %0\n\tstmxcsr %1" : "=m" (word), "=m" (mx));
		CHECK_IS(word, control);
		CHECK_IS(mx & ~0x3f, mxcsr);
		if (check_failures)
			break;
	}
	asm volatile("fstpl %0" : "=m" (pi));
	CHECK(pi > 3.14159 && pi < 3.1416);
}

/* set_thread_area() is a call of the 32-bit table only. */
static int set_tls(int entry, uint32_t base)
{
	struct user_desc *d = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
				   -1, 0);
	long result = 243;

	NEED(d != MAP_FAILED);
	*d = (struct user_desc) {
		.entry_number = entry, .base_addr = base, .limit = 0xfffff,
		.seg_32bit = 1, .limit_in_pages = 1, .useable = 1,
	};
	asm volatile("int $0x80" : "+a" (result) : "b" (d) : "memory", "r8",
		     "r9", "r10", "r11");
	entry = d->entry_number;
	munmap(d, 4096);
	return result ? -1 : entry;
}

static uint32_t word_at(uint16_t selector, uint32_t offset)
{
	uint32_t value;

	asm volatile("movw %1, %%gs\n\tmovl %%gs:(%2), %0"
		     : "=r" (value)
		     : "r" (selector), "r" ((uint64_t)offset));
	return value;
}

static void tls_segments(void)
{
	uint32_t *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	uint16_t selector, now;
	int entry, i;

	NEED(low != MAP_FAILED);
	low[1] = 77 + number;
	entry = set_tls(-1, (uint32_t)(uint64_t)low);
	CHECK(entry >= 12 && entry <= 14);
	selector = entry * 8 + 3;
	start_alarms(on_alarm);
	for (i = 0; i < ROUNDS && !check_failures; i++) {
		CHECK_IS(word_at(selector, 4), 77 + number);
		sched_yield();
		asm volatile("movw %%gs, %0" : "=r" (now));
		CHECK_IS(now, selector);
		CHECK_IS(read_gs(), (uint64_t)low);
		/* And a data segment, which 64-bit code does not look at. */
		asm volatile("movw %0, %%es" :: "r" (selector));
		sched_yield();
		asm volatile("movw %%es, %0" : "=r" (now));
		CHECK_IS(now, selector);
	}
	/* Taken away: the selector cannot stay. */
	CHECK_IS(set_tls(entry, 0), entry);
	asm volatile("movl %0, %%es\n\tmovl %0, %%gs" :: "r" (0));
}

static void flags(void)
{
	uint64_t after;
	int i;

	start_alarms(on_alarm);
	for (i = 0; i < ROUNDS; i++) {
		/* AC, ID and CF stay; nobody else's DF comes in. */
		asm volatile("pushfq\n\torq $0x240000, (%%rsp)\n\tpopfq\n\t"
			     "stc\n\tmovl $24, %%eax\n\tsyscall\n\t"
			     "pushfq\n\tpopq %0\n\t"
			     "pushfq\n\tandq $~0x240000, (%%rsp)\n\tpopfq"
			     : "=r" (after) :: "rax", "rcx", "r11", "memory");
		CHECK_IS(after & 0x240701, 0x240201);
		if (check_failures)
			break;
	}
}

/* --- several of a kind at once ---------------------------------------------- */

static void gs_base_kept(void) { together(gs_base); }
static void gs_memory_kept(void) { together(gs_memory); }
static void vectors_kept(void) { together(vectors); }
static void control_words_kept(void) { together(x87_and_control); }
static void tls_segments_kept(void) { together(tls_segments); }
static void flags_kept(void) { together(flags); }

static __thread int own;

static void *thread(void *argument)
{
	int i, mine = (int)(long)argument;
	uint64_t fs;

	own = mine;
	asm volatile("rdfsbase %0" : "=r" (fs));
	for (i = 0; i < ROUNDS; i++) {
		sched_yield();
		if (own != mine || base_by_call(ARCH_GET_FS) != fs)
			return (void *)1;
	}
	return NULL;
}

static void threads(void)
{
	pthread_t all[8];
	void *result;
	long i;

	for (i = 0; i < 8; i++)
		NEED(!pthread_create(&all[i], NULL, thread, (void *)i));
	for (i = 0; i < 8; i++) {
		NEED(!pthread_join(all[i], &result));
		CHECK(!result);
	}
}

int main(void)
{
	CASE(threads);
	CASE(gs_base_kept);
	CASE(gs_memory_kept);
	CASE(control_words_kept);
	CASE(flags_kept);
	CASE(tls_segments_kept);
	if (__builtin_cpu_supports("avx2"))
		CASE(vectors_kept);
	else
		printf("skipped: vectors_kept: no AVX here\n");
	DONE();
}
