// SPDX-License-Identifier: GPL-2.0
/*
 * modify_ldt(): segments of a process's own, in use over context switches, in children,
 * in threads on other processors, and where they go while a register has them.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include "check.h"
#include "ldt.h"
#include "together.h"

#define ROUNDS		300

SEGMENT_REGISTER(es)
SEGMENT_REGISTER(gs)
WORD_AT(gs)

static uint32_t *low;		/* a page below 4 GB, of data, a second one of code */
static __attribute__((used)) uint64_t saved_rsp;

/*
 * 32-bit code: EAX is the process's number by the old system call, ECX the word that DS
 * begins with, by the selector in EDX.
 */
extern char code32[], code32_end[];
asm(".pushsection .rodata\n"
    "code32:\n\t.code32\n\t"
    "pushl %ds\n\tpushl %ss\n\tmovl %edx, %ds\n\tmovl %ds:0, %ecx\n\t"
    "movl %edi, %ss\n\tmovl $20, %eax\n\tint $0x80\n\tpushl %eax\n\tpopl %eax\n\t"
    "popl %ss\n\tpopl %ds\n\tlret\n\t"
    ".code64\ncode32_end:\n.popsection");

static struct {
	uint32_t offset;
	uint16_t selector;
} far_pointer __attribute__((used));

static void make_low(void)
{
	low = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	NEED(low != MAP_FAILED);
	memcpy(low + 1024, code32, code32_end - code32);
}

/* Calls the code by its selector; returns the word that it found. */
static uint32_t call_32(unsigned int code, unsigned int data)
{
	uint64_t pid, word, selector = data, stack = SELECTOR(DATA + 1);

	far_pointer.offset = (uintptr_t)(low + 1024);
	far_pointer.selector = code;
	asm volatile("movq %%rsp, saved_rsp\n\tmovl %4, %%esp\n\t"
		     "lcall *far_pointer\n\tmovq saved_rsp, %%rsp"
		     : "=a" (pid), "=c" (word), "+d" (selector), "+D" (stack)
		     : "r" ((uint32_t)(uintptr_t)(low + 1024))
		     : "memory", "rbx", "rsi", "r8", "r9", "r10", "r11", "r12",
		       "r13", "r14", "r15");
	CHECK_IS(pid, getpid());
	return word;
}

static void set_all(uint32_t word)
{
	low[2] = word;
	set_code(CODE, 0);
	set_data(DATA, (uintptr_t)(low + 2));
	set_data(DATA + 1, 0);
}

static void code_and_data(void)
{
	set_all(4711);
	CHECK_IS(call_32(SELECTOR(CODE), SELECTOR(DATA)), 4711);
	low[2] = 4712;
	CHECK_IS(call_32(SELECTOR(CODE), SELECTOR(DATA)), 4712);
	set_data(DATA, (uintptr_t)low);
	low[0] = 4713;
	CHECK_IS(call_32(SELECTOR(CODE), SELECTOR(DATA)), 4713);
}

/* --- the call ------------------------------------------------------------------ */

static void reads_back(void)
{
	uint64_t table[8], rest = 1;

	set_all(0);
	CHECK_IS(syscall(SYS_modify_ldt, 0, table, sizeof(table)), sizeof(table));
	CHECK_IS(table[CODE] >> 40 & 0xff, 0xfb);
	CHECK_IS(table[DATA] >> 40 & 0xff, 0xf3);
	CHECK_IS(table[DATA] >> 16 & 0xffffff, (uintptr_t)(low + 2) & 0xffffff);
	CHECK_IS(table[0], 0);
	/* By the old function, too. */
	CHECK_IS(set_by(1, 0, 0x1000, MODIFY_LDT_CONTENTS_DATA), 0);
	CHECK_IS(syscall(SYS_modify_ldt, 0, table, 8), 8);
	CHECK_IS(table[0] >> 16 & 0xffffff, 0x1000);
	CHECK_IS(take_away(0), 0);
	CHECK_IS(syscall(SYS_modify_ldt, 2, &rest, 8), 8);
	CHECK_IS(rest, 0);
}

static void what_linux_refuses(void)
{
	/* The call's result has 32 bits, so that the library takes it for a success. */
	CHECK_IS(set_by(0x11, 8192, 0, MODIFY_LDT_CONTENTS_DATA), -EINVAL);
	/* Conforming code. */
	CHECK_IS(set_by(1, 1, 0, 3), -EINVAL);
	CHECK_IS(set_by(0x11, 1, 0, 3), -EINVAL);
}

#define LOAD(reg, selector) \
	asm volatile("movl %0, %%" #reg :: "r" ((uint32_t)(selector)) : "memory")

static void last_entry(void)
{
	low[1] = 11;
	set_data(8191, (uintptr_t)(low + 1));
	LOAD(gs, SELECTOR(8191));
	sched_yield();
	CHECK_IS(gs_word(), 11);
	LOAD(gs, 0);
	CHECK_IS(take_away(8191), 0);
}

/* Nothing there, and beyond the end. */
static void bad_selectors(void)
{
	CATCH(load_es(SELECTOR(20)));
	CHECK_IS(caught.signal, SIGSEGV);
	CHECK_IS(caught.trap, 13);
	CATCH(load_es(SELECTOR(8000)));
	CHECK_IS(caught.signal, SIGSEGV);
	far_pointer.selector = SELECTOR(DATA);
	CATCH(asm volatile("lcall *far_pointer" ::: "memory"));
	CHECK_IS(caught.signal, SIGSEGV);
}

/* --- over context switches ------------------------------------------------------- */

static void on_alarm(int signal_number)
{
	(void)signal_number;
}

/* Some have other words at the same entry, some have it elsewhere, some have none. */
static void keep(void)
{
	unsigned int entry = 10 + number / 2;
	int i;

	start_alarms(on_alarm);
	if (number == 3) {
		for (i = 0; i < ROUNDS; i++) {
			CHECK_IS(read_es(), 0);
			CHECK_IS(read_gs(), 0);
			sched_yield();
		}
		return;
	}
	low[number] = 100 + number;
	set_data(entry, (uintptr_t)(low + number));
	set_code(CODE, 0);
	set_data(DATA + 1, 0);
	LOAD(es, SELECTOR(entry));
	LOAD(ds, SELECTOR(entry));
	LOAD(gs, SELECTOR(entry));
	for (i = 0; i < ROUNDS && !check_failures; i++) {
		uint16_t ds;

		sched_yield();
		asm volatile("movw %%ds, %0" : "=r" (ds));
		CHECK_IS(ds, SELECTOR(entry));
		CHECK_IS(read_es(), SELECTOR(entry));
		CHECK_IS(read_gs(), SELECTOR(entry));
		CHECK_IS(gs_word(), 100 + number);
		CHECK_IS(call_32(SELECTOR(CODE), SELECTOR(entry)),
			 100 + number);
	}
}

static void kept(void)
{
	together(keep);
}

/* A base that is not the descriptor's. */
static void own_base(void)
{
	uint64_t base;
	int i;

	low[0] = 5;
	set_data(DATA, (uintptr_t)low);
	LOAD(gs, SELECTOR(DATA));
	asm volatile("wrgsbase %0" :: "r" (0x123456789000));
	for (i = 0; i < 20; i++) {
		sched_yield();
		set_data(DATA + 2, i);
		asm volatile("rdgsbase %0" : "=r" (base));
		CHECK_IS(base, 0x123456789000);
		CHECK_IS(read_gs(), SELECTOR(DATA));
	}
	LOAD(gs, 0);
}

/* --- children and threads ------------------------------------------------------------ */

static void child(void)
{
	CHECK_IS(call_32(SELECTOR(CODE), SELECTOR(DATA)), 50);
	CHECK_IS(gs_word(), 50);
	low[2] = 51;
	CHECK_IS(call_32(SELECTOR(CODE), SELECTOR(DATA)), 51);
	CHECK_IS(take_away(CODE), 0);
	CATCH(call_32(SELECTOR(CODE), SELECTOR(DATA)));
	CHECK_IS(caught.signal, SIGSEGV);
}

static void fork_copies(void)
{
	set_all(50);
	LOAD(gs, SELECTOR(DATA));
	CHECK_IS(in_child(child), 0);
	CHECK_IS(gs_word(), 50);
	LOAD(gs, 0);
	CHECK_IS(call_32(SELECTOR(CODE), SELECTOR(DATA)), 50);
}

static volatile int stage;

static void wait_for(int wanted)
{
	while (stage != wanted)
		sched_yield();
}

/* It spins, so that it is on its own processor where there are two. */
static void *other_thread(void *unused)
{
	(void)unused;
	wait_for(1);
	LOAD(gs, SELECTOR(DATA));
	CHECK_IS(gs_word(), 60);
	stage = 2;
	while (stage != 3)
		CHECK_IS(gs_word(), 60);
	/* Another entry was changed, this one is still loaded. */
	CHECK_IS(read_gs(), SELECTOR(DATA));
	CHECK_IS(gs_word(), 60);
	LOAD(gs, SELECTOR(DATA + 2));
	CHECK_IS(gs_word(), 61);
	LOAD(es, SELECTOR(DATA + 2));
	stage = 4;
	while (stage != 5)
		;
	/* Gone: the next load says so, at the latest. */
	CATCH(load_es(SELECTOR(DATA + 2)));
	CHECK_IS(caught.signal, SIGSEGV);
	LOAD(gs, 0);
	load_es(0);
	stage = 6;
	return NULL;
}

static void threads(void)
{
	pthread_t thread;

	CHECK_IS(take_away(DATA), 0);
	stage = 0;
	low[2] = 60;
	low[3] = 61;
	NEED(!pthread_create(&thread, NULL, other_thread, NULL));
	set_data(DATA, (uintptr_t)(low + 2));
	stage = 1;
	wait_for(2);
	set_data(DATA + 2, (uintptr_t)(low + 3));
	stage = 3;
	wait_for(4);
	CHECK_IS(take_away(DATA + 2), 0);
	stage = 5;
	NEED(!pthread_join(thread, NULL));
	CHECK_IS(stage, 6);
}

/* One that changes its own, while others take turns. */
static void change(void)
{
	int i;

	start_alarms(on_alarm);
	for (i = 0; i < ROUNDS && !check_failures; i++) {
		low[number] = i;
		set_data(DATA + i % 3, (uintptr_t)(low + number));
		LOAD(gs, SELECTOR(DATA + i % 3));
		LOAD(es, SELECTOR(DATA + i % 3));
		sched_yield();
		CHECK_IS(gs_word(), i);
		CHECK_IS(take_away(DATA + i % 3), 0);
		/* Linux says 0 after the next switch, a processor not before. */
		CHECK(read_es() == 0 || read_es() == SELECTOR(DATA + i % 3));
		sched_yield();
	}
}

static void changes(void)
{
	together(change);
}

/* A handler may return to a segment that is gone: the program's fault, and nobody else's. */
static void on_usr1(int signal_number, siginfo_t *info, void *context)
{
	ucontext_t *c = context;

	(void)signal_number;
	(void)info;
	/* CS, GS, FS, SS: 16 bits each. */
	c->uc_mcontext.gregs[REG_CSGSFS] =
		(c->uc_mcontext.gregs[REG_CSGSFS] & ~0xffffll) | SELECTOR(30);
}

static void returns_to_nothing(void)
{
	struct sigaction action = { .sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO };

	NEED(!sigaction(SIGUSR1, &action, NULL));
	CATCH(raise(SIGUSR1));
	CHECK_IS(caught.signal, SIGSEGV);
	CHECK_IS(caught.trap, 13);
}

int main(void)
{
	catch_all();
	make_low();
	CASE(code_and_data);
	CASE(reads_back);
	CASE(what_linux_refuses);
	CASE(last_entry);
	CASE(bad_selectors);
	CASE(kept);
	CASE(own_base);
	CASE(fork_copies);
	CASE(threads);
	CASE(changes);
	CASE(returns_to_nothing);
	DONE();
}
