// SPDX-License-Identifier: GPL-2.0
/*
 * Exceptions become signals: which one, with what code and address, and where
 * RIP is then. And system calls by `int $0x80` and in odd states.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/io.h>
#include <sys/syscall.h>
#include "exceptions.h"

extern char at_ud[], at_gp[], at_in[];

static void undefined_opcode(void)
{
	CATCH(asm volatile("at_ud: ud2"));
	expect(SIGILL, ILL_ILLOPN, (uint64_t)at_ud);
}

static void single_step_flag(void)
{
	CATCH(asm volatile("pushfq\n\torl $0x100, (%rsp)\n\tpopfq\n\tnop\n\tnop"));
	CHECK_IS(caught.signal, SIGTRAP);
	CHECK_IS(caught.code, TRAP_TRACE);
}

static void overflow(void)
{
	CATCH(asm volatile("int $4"));
	expect(SIGSEGV, SI_KERNEL, 0);
	CHECK_IS(caught.trap, 4);
}

static void privileged(void)
{
	CATCH(asm volatile("at_gp: hlt"));
	expect(SIGSEGV, SI_KERNEL, 0);
	CHECK_IS(caught.rip, at_gp);
	CHECK_IS(caught.trap, 13);
	CATCH(asm volatile("cli"));
	expect(SIGSEGV, SI_KERNEL, 0);
	CATCH(asm volatile("mov %%cr0, %%rax" ::: "rax"));
	expect(SIGSEGV, SI_KERNEL, 0);
	CATCH(asm volatile("mov %%cr4, %%rax" ::: "rax"));
	expect(SIGSEGV, SI_KERNEL, 0);
	CATCH(asm volatile("mov %%rax, %%dr7" ::: "rax"));
	expect(SIGSEGV, SI_KERNEL, 0);
	CATCH(asm volatile("rdmsr" :: "c" (0xc0000080) : "rax", "rdx"));
	expect(SIGSEGV, SI_KERNEL, 0);
	CATCH(asm volatile("wrmsr" :: "c" (0xc0000082), "a" (0), "d" (0)));
	expect(SIGSEGV, SI_KERNEL, 0);
	CATCH(asm volatile("mov %%rax, %%cr3" :: "a" (0)));
	expect(SIGSEGV, SI_KERNEL, 0);
	CATCH(asm volatile("swapgs"));
	expect(SIGSEGV, SI_KERNEL, 0);
	CATCH(asm volatile("wbinvd"));
	/* TCG of QEMU 10 and 11; a program of the host gets no signal there, too. */
	if (!caught.signal)
		printf("skipped: this processor lets programs write the caches back\n");
	else
		expect(SIGSEGV, SI_KERNEL, 0);
	CATCH(asm volatile("invlpg (%%rax)" :: "a" (0)));
	expect(SIGSEGV, SI_KERNEL, 0);
	CATCH(asm volatile("xsetbv" :: "a" (7), "d" (0), "c" (0)));
	expect(SIGSEGV, SI_KERNEL, 0);
}

/* Vectors that no program may raise by itself, and one nobody knows. */
static void int_instructions(void)
{
	CHECK_INT(1);
	CHECK_INT(2);
	CHECK_INT(8);
	CHECK_INT(13);
	CHECK_INT(14);
	CHECK_INT(0x30);
	CHECK_INT(0xff);
}

static void no_ports(void)
{
	CATCH(asm volatile("at_in: inb $0x80, %%al" ::: "rax"));
	expect(SIGSEGV, SI_KERNEL, 0);
	CHECK_IS(caught.rip, at_in);
	CATCH(asm volatile("outb %%al, $0x80" :: "a" (0)));
	expect(SIGSEGV, SI_KERNEL, 0);
}

/* A system call as a 32-bit program does it. */
static long call_32(long number, long a, long b, long c)
{
	asm volatile("int $0x80" : "+a" (number)
		     : "b" (a), "c" (b), "d" (c)
		     : "memory", "r8", "r9", "r10", "r11");
	return number;
}

/*
 * What is refused may not have been promised before, to root either. (On a real
 * machine root gets it.)
 */
static void ports(void)
{
	no_ports();
	errno = 0;
	CHECK_IS(iopl(3), -1);
	CHECK_IS(errno, ENOSYS);
	errno = 0;
	CHECK_IS(ioperm(0x80, 1, 1), -1);
	CHECK_IS(errno, ENOSYS);
	CHECK_IS(call_32(110, 3, 0, 0), -ENOSYS);	/* iopl */
	CHECK_IS(call_32(101, 0x80, 1, 1), -ENOSYS);	/* ioperm */
	no_ports();
	CATCH(asm volatile("cli"));
	expect(SIGSEGV, SI_KERNEL, 0);
}

static void non_canonical(void)
{
	volatile uint64_t *far = (uint64_t *)0x8000000000000000;

	CATCH((void)*far);
	expect(SIGSEGV, SI_KERNEL, 0);
	CHECK_IS(caught.trap, 13);
	CATCH(asm volatile("movq %%rsp, %%rbx\n\tmovq %0, %%rsp\n\tpushq $1"
			   :: "r" (far) : "rbx"));
	/* TCG raises #GP where a processor raises #SS. */
	CHECK(caught.signal == SIGBUS || caught.signal == SIGSEGV);
	CHECK_IS(caught.code, SI_KERNEL);
	CATCH(asm volatile("jmpq *%0" :: "r" (far)));
	CHECK_IS(caught.signal, SIGSEGV);
}

static void alignment(void)
{
	static char bytes[16] __attribute__((aligned(16)));

	CATCH(asm volatile("pushfq\n\torl $0x40000, (%%rsp)\n\tpopfq\n\t"
			   "movl 1(%0), %%eax\n\t"
			   "pushfq\n\tandl $~0x40000, (%%rsp)\n\tpopfq"
			   :: "r" (bytes) : "rax"));
	asm volatile("pushfq\n\tandl $~0x40000, (%rsp)\n\tpopfq");
	if (!caught.signal) {
		printf("skipped: this processor checks no alignment\n");
		return;
	}
	CHECK_IS(caught.signal, SIGBUS);
	CHECK_IS(caught.code, BUS_ADRALN);
}

static void floating_point(void)
{
	static const uint32_t all = 0x1f80, divide = 0x1f80 & ~0x200;
	static const float one = 1, zero;

	CATCH(asm volatile("ldmxcsr %0\n\tmovss %1, %%xmm0\n\tdivss %2, %%xmm0"
			   :: "m" (divide), "m" (one), "m" (zero) : "xmm0"));
	asm volatile("ldmxcsr %0" :: "m" (all));
	if (!caught.signal) {
		printf("skipped: this processor raises no #XF\n");
	} else {
		CHECK_IS(caught.signal, SIGFPE);
		CHECK_IS(caught.code, FPE_FLTDIV);
		CHECK_IS(caught.trap, 19);
	}
	x87_divide_error();
}

static void bad_memory(void)
{
	char *page = bad_accesses();
	volatile char *p = page;

	/* An access over the edge is an access to the second page. */
	CATCH(*(volatile uint64_t *)(page + 4092) = 1);
	CHECK_IS(caught.address, page + 4096);
	p[0] = (char)0xc3;
	CATCH(((void (*)(void))page)());
	expect(SIGSEGV, SEGV_ACCERR, (uint64_t)page);
	CHECK_IS(caught.error, 0x15);
	NEED(!mprotect(page, 4096, PROT_NONE));
	CATCH((void)p[1]);
	expect(SIGSEGV, SEGV_ACCERR, (uint64_t)page + 1);
}

/* Kernel, switcher, alias slot: for a program there is nothing anywhere. */
static void kernel_memory(void)
{
	static const uint64_t places[] = {
		0xffffffff81000000, 0xffffffffc0000000, 0xffff888000000000,
		0xffff800000000000, 0xffff800000002000, 0xffff800000005000,
		0xfffffe0000000000, 0xfffffe0000001000, 0xffffffffff5fb000,
		0xfffffffffffff000,
	};
	unsigned int i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		CATCH((void)*(volatile char *)places[i]);
		expect(SIGSEGV, SEGV_MAPERR, places[i]);
		CATCH(*(volatile char *)places[i] = 1);
		expect(SIGSEGV, SEGV_MAPERR, places[i]);
		CATCH(((void (*)(void))places[i])());
		expect(SIGSEGV, SEGV_MAPERR, places[i]);
	}
}

static void beyond_file(void)
{
	int fd = open("/tmp/short", O_RDWR | O_CREAT | O_TRUNC, 0600);
	volatile char *p;

	NEED(fd >= 0 && !ftruncate(fd, 10));
	p = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
	NEED(p != MAP_FAILED);
	CATCH((void)p[100]);
	CHECK_IS(caught.signal, 0);
	CATCH((void)p[5000]);
	expect(SIGBUS, BUS_ADRERR, (uint64_t)p + 5000);
}

static __attribute__((noinline)) int deep(int n)
{
	volatile char room[4096];

	room[0] = n;
	return n < 0 ? 0 : deep(n + 1) + room[0];
}

static void stack_overflow(void)
{
	CATCH(deep(1));
	CHECK_IS(caught.signal, SIGSEGV);
	CHECK_IS(caught.code, SEGV_MAPERR);
}

/* Number 20 of the old table is getpid; only RAX may change. */
static void int_80(void)
{
	long result = 20, b = 11, c = 12, d = 13, s = 14, r8 = 15, r15;

	asm volatile("movq $16, %%r15\n\tmovq %%rsi, %%r8\n\t"
		     "int $0x80\n\tmovq %%r15, %6"
		     : "+a" (result), "+b" (b), "+c" (c), "+d" (d), "+S" (s),
		       "=r" (r8), "=r" (r15) :: "r8", "r15", "memory");
	CHECK_IS(result, getpid());
	CHECK_IS(b, 11);
	CHECK_IS(c, 12);
	CHECK_IS(d, 13);
	CHECK_IS(s, 14);
	CHECK_IS(r15, 16);
}

/* Neither way in needs a stack of the program's. */
static void calls_without_stack(void)
{
	long pid;

	asm volatile("movq %%rsp, %%rbx\n\txorl %%esp, %%esp\n\t"
		     "syscall\n\tmovq %%rbx, %%rsp"
		     : "=a" (pid) : "0" (SYS_getpid) : "rbx", "rcx", "r11");
	CHECK_IS(pid, getpid());
	asm volatile("movq %%rsp, %%rbx\n\tmovq $0x8000000000000000, %%rsp\n\t"
		     "int $0x80\n\tmovq %%rbx, %%rsp"
		     : "=a" (pid) : "0" (20) : "rbx", "memory");
	CHECK_IS(pid, getpid());
}

/* A system call with the direction and the trap flag set, and odd numbers. */
static void odd_calls(void)
{
	long result;

	asm volatile("std\n\tsyscall\n\tcld"
		     : "=a" (result) : "0" (SYS_getpid) : "rcx", "r11");
	CHECK_IS(result, getpid());
	asm volatile("syscall" : "=a" (result) : "0" (-1L) : "rcx", "r11");
	CHECK_IS(result, -ENOSYS);
	asm volatile("syscall" : "=a" (result) : "0" (100000L) : "rcx", "r11");
	CHECK_IS(result, -ENOSYS);
	CATCH(asm volatile("pushfq\n\torl $0x100, (%%rsp)\n\tpopfq\n\tsyscall\n\tnop"
			   :: "a" (SYS_getpid) : "rcx", "r11", "memory"));
	CHECK_IS(caught.signal, SIGTRAP);
}

int main(void)
{
	catch_all();
	CASE(divide_error);
	CASE(undefined_opcode);
	CASE(breakpoint);
	CASE(single_step_flag);
	CASE(overflow);
	CASE(privileged);
	CASE(int_instructions);
	CASE(ports);
	CASE(non_canonical);
	CASE(alignment);
	CASE(floating_point);
	CASE(bad_memory);
	CASE(kernel_memory);
	CASE(beyond_file);
	CASE(stack_overflow);
	CASE(int_80);
	CASE(calls_without_stack);
	CASE(odd_calls);
	DONE();
}
