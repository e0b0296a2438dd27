// SPDX-License-Identifier: GPL-2.0
/*
 * modify_ldt() of a 32-bit kernel: segments of a program's own, in all registers, over
 * context switches and system calls, and where they go while a register has them.
 *
 * GS is the C library's, so nothing is called while it is another one's.
 */
#include <errno.h>
#include <sched.h>
#include "check.h"
#include "ldt.h"
#include "together.h"

#define ROUNDS		300

SEGMENT_REGISTER(fs)
WORD_AT(fs)

static uint32_t words[16];

static void set_absent(unsigned int entry)
{
	struct user_desc d = flat(entry);

	d.seg_not_present = 1;
	CHECK_IS(modify(0x11, d), 0);
}

/*
 * With DS, ES or GS from the LDT: a system call that lets others run; what is in the
 * register behind it, and the word that its segment begins with.
 */
#define OVER_A_CALL(register_)							\
static uint32_t over_a_call_##register_(uint16_t selector, uint16_t *after)	\
{										\
	uint32_t word, call = SYS_sched_yield;					\
										\
	asm volatile("pushl %%" #register_ "\n\tmovw %w3, %%" #register_	\
		     "\n\tint $0x80\n\tmovl %%" #register_ ":0, %1\n\t"		\
		     "movw %%" #register_ ", %w2\n\tpopl %%" #register_		\
		     : "+a" (call), "=&c" (word), "=&d" (*after)		\
		     : "S" (selector) : "memory");				\
	CHECK_IS(call, 0);							\
	return word;								\
}
OVER_A_CALL(ds)
OVER_A_CALL(es)
OVER_A_CALL(gs)

static void check_registers(unsigned int entry, uint32_t word)
{
	uint16_t after;

	CHECK_IS(over_a_call_ds(SELECTOR(entry), &after), word);
	CHECK_IS(after, SELECTOR(entry));
	CHECK_IS(over_a_call_es(SELECTOR(entry), &after), word);
	CHECK_IS(after, SELECTOR(entry));
	CHECK_IS(over_a_call_gs(SELECTOR(entry), &after), word);
	CHECK_IS(after, SELECTOR(entry));
}

static void registers(void)
{
	words[2] = 4711;
	set_data(DATA, (uintptr_t)(words + 2));
	check_registers(DATA, 4711);
	load_fs(SELECTOR(DATA));
	CHECK_IS(fs_word(), 4711);
	words[2] = 4712;
	CHECK_IS(fs_word(), 4712);
	/* The same entry, elsewhere: a processor may have the old one until it is loaded. */
	words[5] = 4713;
	set_data(DATA, (uintptr_t)(words + 5));
	load_fs(SELECTOR(DATA));
	CHECK_IS(fs_word(), 4713);
	load_fs(0);
}

/* EAX: the process's number, from a segment of code that does not begin at 0. */
extern const char code[], code_end[];
asm(".pushsection .text\n"
    ".skip 3\ncode:\n\tmovl $20, %eax\n\tint $0x80\n\tlret\ncode_end:\n.popsection");

static struct {
	uint32_t offset;
	uint16_t selector;
} __attribute__((packed)) far_pointer __attribute__((used));

/* Not to be tried with SMAP on QEMU 7.2 itself, which pushes with the rights of a kernel. */
static uint32_t call_far(uint16_t selector, uint32_t offset)
{
	uint32_t result;

	far_pointer.offset = offset;
	far_pointer.selector = selector;
	asm volatile("lcall *far_pointer" : "=a" (result) :: "memory");
	return result;
}

static void code_segment(void)
{
	set_code(CODE, (uintptr_t)(code - 16));
	for (int i = 0; i < 20; i++) {
		CHECK_IS(call_far(SELECTOR(CODE), 16), getpid());
		sched_yield();
	}
}

/* A stack whose segment begins somewhere: system calls come back to it. */
static uint32_t on_own_stack(uint16_t selector, uint32_t base)
{
	uint32_t result;

	asm volatile("movl %%ss, %%edi\n\tmovl %%esp, %%esi\n\tsubl %2, %%esp\n\t"
		     "movl %1, %%ss\n\t"
		     "pushl $20\n\tpopl %%eax\n\tint $0x80\n\tpushl %%eax\n\t"
		     "movl $158, %%eax\n\tint $0x80\n\tpopl %%eax\n\t"
		     "movl %%edi, %%ss\n\tmovl %%esi, %%esp"
		     : "=&a" (result) : "c" ((uint32_t)selector), "d" (base)
		     : "memory", "esi", "edi");
	return result;
}

static void stack_segment(void)
{
	set_data(DATA, 0);
	set_data(DATA + 1, 0x10000);
	for (int i = 0; i < 20; i++) {
		CHECK_IS(on_own_stack(SELECTOR(DATA), 0), getpid());
		CHECK_IS(on_own_stack(SELECTOR(DATA + 1), 0x10000), getpid());
	}
}

static void reads_back(void)
{
	uint64_t table[8] = { 0 }, rest = 1;

	set_code(CODE, (uintptr_t)code);
	set_data(DATA, (uintptr_t)words);
	CHECK_IS(syscall(SYS_modify_ldt, 0, table, sizeof(table)), sizeof(table));
	CHECK_IS(table[CODE] >> 40 & 0xfe, 0xfa);
	CHECK_IS(table[DATA] >> 40 & 0xfe, 0xf2);
	CHECK_IS(table[DATA] >> 16 & 0xffffff, (uintptr_t)words & 0xffffff);
	CHECK_IS(table[0], 0);
	CHECK_IS(syscall(SYS_modify_ldt, 2, &rest, 8), 8);
	CHECK_IS(rest, 0);
}

/* The whole of it, and no more. */
static void last_entry(void)
{
	words[0] = 8191;
	set_data(8191, (uintptr_t)words);
	load_fs(SELECTOR(8191));
	CHECK_IS(fs_word(), 8191);
	load_fs(0);
	CHECK_IS(take_away(8191), 0);
	CHECK_IS(modify(0x11, flat(8192)), -1);
	CHECK_IS(errno, EINVAL);
}

static void bad_selectors(void)
{
	struct user_desc d = flat(CODE);

	CHECK_IS(take_away(DATA), 0);
	CATCH(load_fs(SELECTOR(DATA)));
	CHECK_IS(caught.signal, SIGSEGV);
	CHECK_IS(caught.error, SELECTOR(DATA) & ~3);
	CATCH(load_fs(SELECTOR(8000)));
	CHECK_IS(caught.signal, SIGSEGV);
	set_absent(DATA + 2);
	CATCH(load_fs(SELECTOR(DATA + 2)));
	CHECK_IS(caught.signal, SIGBUS);
	set_data(DATA, (uintptr_t)words);
	CATCH(call_far(SELECTOR(DATA), 0));
	CHECK_IS(caught.signal, SIGSEGV);
	/* Code alone, which cannot be read. */
	d.contents = MODIFY_LDT_CONTENTS_CODE;
	d.read_exec_only = 1;
	CHECK_IS(modify(0x11, d), 0);
	CATCH(load_fs(SELECTOR(CODE)));
	CHECK_IS(caught.signal, SIGSEGV);
}

/* --- over context switches --------------------------------------------------------- */

static void on_alarm(int signal_number)
{
	(void)signal_number;
}

/*
 * Some have other words at the same entry, some have it elsewhere, or that of the others
 * not present, some have none.
 */
static void keep(void)
{
	unsigned int entry = 10 + number / 2;

	start_alarms(on_alarm);
	if (number == 3) {
		for (int i = 0; i < ROUNDS; i++) {
			/* A 64-bit kernel's handlers return with 3. */
			CHECK_IS(read_fs() & ~3, 0);
			sched_yield();
		}
		return;
	}
	if (number == 2)
		set_absent(entry - 1);
	words[number] = 100 + number;
	set_data(entry, (uintptr_t)(words + number));
	load_fs(SELECTOR(entry));
	for (int i = 0; i < ROUNDS && !check_failures; i++) {
		sched_yield();
		CHECK_IS(read_fs(), SELECTOR(entry));
		CHECK_IS(fs_word(), 100 + number);
		check_registers(entry, 100 + number);
	}
}

static void kept(void)
{
	together(keep);
}

/* One that changes its own, while others take turns. */
static void change(void)
{
	start_alarms(on_alarm);
	for (int i = 0; i < ROUNDS && !check_failures; i++) {
		unsigned int entry = DATA + i % 3;
		uint16_t fs;

		words[number] = i;
		set_data(entry, (uintptr_t)(words + number));
		load_fs(SELECTOR(entry));
		sched_yield();
		CHECK_IS(fs_word(), i);
		check_registers(entry, i);
		CHECK_IS(take_away(entry), 0);
		/* Linux says 0 after the next return, a processor may not. */
		fs = read_fs();
		CHECK((fs & ~3) == 0 || fs == SELECTOR(entry));
		sched_yield();
	}
}

static void changes(void)
{
	together(change);
}

static void child(void)
{
	CHECK_IS(fs_word(), 50);
	words[2] = 51;
	CHECK_IS(fs_word(), 51);
	CHECK_IS(take_away(DATA), 0);
	CATCH(load_fs(SELECTOR(DATA)));
	CHECK_IS(caught.signal, SIGSEGV);
}

static void fork_copies(void)
{
	words[2] = 50;
	set_data(DATA, (uintptr_t)(words + 2));
	load_fs(SELECTOR(DATA));
	CHECK_IS(in_child(child), 0);
	CHECK_IS(fs_word(), 50);
	load_fs(0);
}

/* --- a return to what is not there ------------------------------------------------- */

static int which;
static greg_t wanted;

static void on_usr1(int signal_number, siginfo_t *info, void *context)
{
	ucontext_t *c = context;

	(void)signal_number;
	(void)info;
	c->uc_mcontext.gregs[which] = wanted;
}

static void returns_with(int register_, unsigned int entry)
{
	which = register_;
	wanted = SELECTOR(entry);
	CATCH(raise(SIGUSR1));
}

static void returns_to_nothing(void)
{
	struct sigaction action = { .sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO };

	NEED(!sigaction(SIGUSR1, &action, NULL));
	set_data(DATA, (uintptr_t)words);
	set_code(CODE, (uintptr_t)code);
	/* An IRET that fails is SIGILL of a 32-bit kernel's, SIGSEGV of a 64-bit one's. */
	for (unsigned int i = 0; i < 4; i++) {
		returns_with(i & 1 ? REG_CS : REG_SS,
			     i & 2 ? 30 : i & 1 ? DATA : CODE);
		CHECK(caught.signal == SIGILL || caught.signal == SIGSEGV);
	}
	/* Of these Linux makes 0. */
	returns_with(REG_FS, 30);
	CHECK_IS(caught.signal, 0);
	CHECK_IS(read_fs() & ~3, 0);
}

int main(void)
{
	catch_all();
	CASE(registers);
	CASE(code_segment);
	CASE(stack_segment);
	CASE(reads_back);
	CASE(bad_selectors);
	CASE(kept);
	CASE(changes);
	CASE(fork_copies);
	CASE(returns_to_nothing);
	/* From then on each switch between address spaces has 64 KB to copy. */
	CASE(last_entry);
	DONE();
}
