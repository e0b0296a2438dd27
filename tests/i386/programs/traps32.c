// SPDX-License-Identifier: GPL-2.0
/*
 * What exceptions of a 32-bit program become on a 32-bit kernel: which signal, with what
 * code, address and error code, and where EIP is then. What a signal's handler may do to
 * the registers. And the programs' ways to ports, descriptors and virtual 8086 mode.
 */
#include <asm/ldt.h>
#include <errno.h>
#include <sys/io.h>
#include <sys/syscall.h>
#include "exceptions.h"

extern char at_ud[], at_gp[];

static void undefined_opcode(void)
{
	CATCH(asm volatile("at_ud: ud2"));
	expect(SIGILL, ILL_ILLOPN, (uintptr_t)at_ud);
	/* What the kernel's modules have in place of PUSHF and POPF (guest_i386). */
	CATCH(asm volatile("insb" ::: "memory"));
	CHECK_IS(caught.signal, SIGSEGV);
	CATCH(asm volatile("insl" ::: "memory"));
	CHECK_IS(caught.signal, SIGSEGV);
}

static void single_step_flag(void)
{
	CATCH(asm volatile("pushfl\n\torl $0x100, (%esp)\n\tpopfl\n\tnop\n\tnop"));
	CHECK_IS(caught.signal, SIGTRAP);
	CHECK_IS(caught.code, TRAP_TRACE);
	CATCH(asm volatile("pushfl\n\torl $0x100, (%%esp)\n\tpopfl\n\t"
			   "int $0x80\n\tnop" :: "a" (SYS_getpid) : "memory"));
	CHECK_IS(caught.signal, SIGTRAP);
}

/* Instructions that 64-bit code has not. */
static void overflow_and_bound(void)
{
	static const int bounds[2] = { 1, 10 };

	CATCH(asm volatile("movb $0x7f, %%al\n\taddb $1, %%al\n\tinto" ::: "eax", "cc"));
	expect(SIGSEGV, SI_KERNEL, 0);
	CHECK_IS(caught.trap, 4);
	CATCH(asm volatile("boundl %0, %1" :: "r" (11), "m" (bounds)));
	CHECK_IS(caught.signal, SIGSEGV);
	CHECK_IS(caught.trap, 5);
	CATCH(asm volatile("boundl %0, %1" :: "r" (10), "m" (bounds)));
	CHECK_IS(caught.signal, 0);
}

#define CHECK_GP(...)							\
	do {								\
		CATCH(asm volatile(__VA_ARGS__));			\
		expect(SIGSEGV, SI_KERNEL, 0);				\
		CHECK_IS(caught.trap, 13);				\
		CHECK_IS(caught.error, 0);				\
	} while (0)

static void privileged(void)
{
	CHECK_GP("at_gp: hlt");
	CHECK_IS(caught.rip, (uintptr_t)at_gp);
	CHECK_GP("cli");
	CHECK_GP("sti");
	CHECK_GP("movl %%cr0, %%eax" ::: "eax");
	CHECK_GP("movl %%eax, %%cr3" :: "a" (0));
	CHECK_GP("movl %%eax, %%dr7" :: "a" (0));
	CHECK_GP("rdmsr" :: "c" (0x174) : "eax", "edx");
	CHECK_GP("wrmsr" :: "c" (0x176), "a" (0), "d" (0));
	CHECK_GP("clts");
	CHECK_GP("invlpg (%%eax)" :: "a" (0));
	CHECK_GP("xsetbv" :: "a" (7), "d" (0), "c" (0));
	CHECK_GP("lldt %%ax" :: "a" (0));
	CHECK_GP("ltr %%ax" :: "a" (0));
}

static void int_instructions(void)
{
	CHECK_INT(0);
	CHECK_INT(1);
	CHECK_INT(2);
	CHECK_INT(6);
	CHECK_INT(8);
	CHECK_INT(13);
	CHECK_INT(14);
	CHECK_INT(0x20);
	CHECK_INT(0x30);
	CHECK_INT(0x81);
	CHECK_INT(0xff);
}

static void load_selector(uint16_t selector)
{
	CATCH(asm volatile("movw %0, %%es" :: "r" (selector)));
}

/*
 * Selectors of the kernel's, of nobody's, of the host's and of the shim's. (0x20 and 0x28
 * are the host's own for programs of 32 bits, flat as 0x73 and 0x7b are: a guest's program
 * can load them, one of an i386 cannot.)
 */
static void bad_selectors(void)
{
	static const uint16_t all[] = {
		0x08, 0x0b, 0x10, 0x13, 0x18, 0x3b, 0x43, 0x49, 0x4b,
		0x53, 0x60, 0x61, 0x63, 0x68, 0x69, 0x6b, 0x80, 0x83, 0xd8, 0xdb, 0xf8,
		0xfb, 0x07, 0x0f, 0xfff7, 0xfff8, 0xffff,
	};
	unsigned int i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		load_selector(all[i]);
		if (caught.signal != SIGSEGV || caught.error != (all[i] & ~3u))
			printf("0x%x: signal %d, error 0x%llx\n", all[i], caught.signal,
			       (unsigned long long)caught.error);
		CHECK_IS(caught.signal, SIGSEGV);
		CHECK_IS(caught.error, all[i] & ~3u);
	}
}

static void bad_memory(void)
{
	char *page = bad_accesses();

	CHECK_IS(caught.cr2, (uintptr_t)page + 4096);
}

/*
 * For a program there is nothing of the kernel's, nor behind its end, where the shim keeps
 * what the kernel does not see.
 */
static void kernel_memory(void)
{
	static const uintptr_t places[] = {
		0xc0000000, 0xc1000000, 0xf8000000, 0xff000000, 0xffc00000, 0xffe00000,
		0xffe01000, 0xfffff000,
	};
	unsigned int i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		CATCH((void)*(volatile char *)places[i]);
		CHECK_IS(caught.signal, SIGSEGV);
		CHECK_IS(caught.address, places[i]);
		CATCH(*(volatile char *)places[i] = 1);
		CHECK_IS(caught.signal, SIGSEGV);
		CATCH(((void (*)(void))places[i])());
		CHECK_IS(caught.signal, SIGSEGV);
	}
}

/* Only EAX may change, and it needs no stack of the program's. */
static void int_80(void)
{
	long a = SYS_getpid, c = 12, d = 13, s = 14, e = 15;

	asm volatile("int $0x80" : "+a" (a), "+c" (c), "+d" (d), "+S" (s), "+D" (e)
		     :: "memory");
	CHECK_IS(a, getpid());
	CHECK_IS(c, 12);
	CHECK_IS(d, 13);
	CHECK_IS(s, 14);
	CHECK_IS(e, 15);
	asm volatile("movl %%esp, %%ecx\n\txorl %%esp, %%esp\n\tint $0x80\n\t"
		     "movl %%ecx, %%esp" : "=a" (a) : "0" (SYS_getpid) : "ecx", "memory");
	CHECK_IS(a, getpid());
	asm volatile("std\n\tint $0x80\n\tcld" : "=a" (a) : "0" (SYS_getpid) : "memory");
	CHECK_IS(a, getpid());
	asm volatile("int $0x80" : "=a" (a) : "0" (-1L) : "memory");
	CHECK_IS(a, -ENOSYS);
}

/* What ring 1 cannot give is refused as what is not there, as by a 64-bit guest's kernel. */
static void absent_calls(void)
{
	errno = 0;
	CHECK_IS(ioperm(0x80, 1, 1), -1);
	CHECK_IS(errno, ENOSYS);
	errno = 0;
	CHECK_IS(iopl(3), -1);
	CHECK_IS(errno, ENOSYS);
	CHECK_GP("inb $0x80, %%al" ::: "eax");
	CHECK_GP("outb %%al, $0x80" ::);
}

/*
 * A thread's segment is taken away while segment registers have its selector: they are
 * empty then, and the kernel goes on.
 */
static void vanished_segment(void)
{
	struct user_desc d = {
		.entry_number = -1, .limit = 0xfffff, .seg_32bit = 1, .limit_in_pages = 1,
		.useable = 1,
	};
	uint32_t before, ds, es, fs;
	int result = SYS_set_thread_area;

	NEED(!syscall(SYS_set_thread_area, &d));
	before = d.entry_number * 8 + 3;
	d = (struct user_desc) {
		.entry_number = d.entry_number, .read_exec_only = 1,
		.seg_not_present = 1,
	};
	asm volatile("movl %4, %%ds\n\tmovl %4, %%es\n\tmovl %4, %%fs\n\t"
		     "int $0x80\n\t"
		     "movl %%ds, %1\n\tmovl %%es, %2\n\tmovl %%fs, %3\n\t"
		     "pushl %%ss\n\tpopl %%ds\n\tpushl %%ss\n\tpopl %%es"
		     : "+a" (result), "=&r" (ds), "=&r" (es), "=&r" (fs)
		     : "r" (before), "b" (&d) : "memory");
	CHECK_IS(result, 0);
	CHECK_IS(ds, 0);
	CHECK_IS(es, 0);
	CHECK_IS(fs, 0);
}

/* --- what a handler writes into the registers --------------------------------------- */

static struct {
	int what;
	greg_t value, flags;
} change;

static void change_context(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	if (change.what >= 0)
		((ucontext_t *)context)->uc_mcontext.gregs[change.what] = change.value;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] |= change.flags;
}

static void child(void)
{
	struct sigaction action = {
		.sa_sigaction = change_context, .sa_flags = SA_SIGINFO | SA_ONSTACK,
	};

	NEED(!sigaction(SIGUSR1, &action, NULL));
	raise(SIGUSR1);
}

/* Returns the signal that ended the child, 0 if it ended by itself. */
static int after(int what, greg_t value)
{
	static const int defaults[] = { SIGSEGV, SIGBUS, SIGTRAP, SIGILL };
	unsigned int i;
	int status;

	for (i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		signal(defaults[i], SIG_DFL);
	change.what = what;
	change.value = value;
	status = in_child(child);
	catch_all();
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	CHECK_IS(WEXITSTATUS(status), 0);
	return 0;
}

/* SIGILL is what Linux makes of a fault of its own IRET. */
static void expect_refused(int what, uint16_t selector)
{
	int ended = after(what, selector);

	if (ended != SIGILL)
		printf("%s 0x%x:\n", what == REG_CS ? "CS" : "SS", selector);
	CHECK_IS(ended, SIGILL);
}

static void changed_registers(void)
{
	static const uint16_t selectors[] = {
		0, 3, 8, 0x0b, 0x10, 0x18, 0x3b, 0x43, 0x49, 0x53, 0x60, 0x61,
		0x63, 0x68, 0x69, 0x83, 0xd8, 0x07, 0xfff7, 0xfff8, 0xffff,
	};
	unsigned int i;

	CHECK_IS(after(-1, 0), 0);
	CHECK_IS(after(REG_CS, 0x73), 0);
	CHECK_IS(after(REG_SS, 0x7b), 0);
	for (i = 0; i < sizeof(selectors) / sizeof(selectors[0]); i++) {
		expect_refused(REG_CS, selectors[i]);
		expect_refused(REG_SS, selectors[i]);
	}
	/* TF is the program's, which the kernel's handler of its own IRET must not have. */
	change.flags = 0x100;
	expect_refused(REG_CS, 8);
	expect_refused(REG_SS, 8);
	change.flags = 0;
	CHECK_IS(after(REG_EIP, 0xc1000000), SIGSEGV);
	CHECK_IS(after(REG_EIP, 0xfffff000), SIGSEGV);
	CHECK_IS(after(REG_ESP, 0), SIGSEGV);
	CHECK_IS(after(REG_ESP, 0xc1000000), SIGSEGV);
	CHECK_IS(after(REG_EFL, 0), 0);
	CHECK_IS(after(REG_EFL, 0x3002), 0);		/* IOPL 3, IF off */
	CHECK_IS(after(REG_EFL, 0x4202), 0);		/* NT */
	CHECK_IS(after(REG_EFL, 0x20202), 0);		/* VM */
	CHECK_IS(after(REG_EFL, 0x302), SIGTRAP);	/* TF */
}

int main(void)
{
	catch_all();
	CASE(divide_error);
	CASE(undefined_opcode);
	CASE(breakpoint);
	CASE(single_step_flag);
	CASE(overflow_and_bound);
	CASE(privileged);
	CASE(int_instructions);
	CASE(bad_selectors);
	CASE(bad_memory);
	CASE(kernel_memory);
	CASE(x87_divide_error);
	CASE(int_80);
	CASE(absent_calls);
	CASE(vanished_segment);
	CASE(changed_registers);
	DONE();
}
