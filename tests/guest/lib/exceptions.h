/* SPDX-License-Identifier: GPL-2.0 */
/* What exceptions become: cases that are the same for programs of 64 and of 32 bits. */
#ifndef TESTS_GUEST_EXCEPTIONS_H
#define TESTS_GUEST_EXCEPTIONS_H

#include <sys/mman.h>
#include "check.h"

extern char at_de[], after_bp[];

static void expect(int number, int code, uintptr_t address)
{
	CHECK_IS(caught.signal, number);
	CHECK_IS(caught.code, code);
	CHECK_IS(caught.address, address);
}

static void divide_error(void)
{
	CATCH(asm volatile("xorl %%ecx, %%ecx\n\txorl %%edx, %%edx\n"
			   "at_de: divl %%ecx" ::: "eax", "ecx", "edx"));
	expect(SIGFPE, FPE_INTDIV, (uintptr_t)at_de);
	CHECK_IS(caught.rip, (uintptr_t)at_de);
	CHECK_IS(caught.trap, 0);
}

static void breakpoint(void)
{
	CATCH(asm volatile("int3\nafter_bp:"));
	expect(SIGTRAP, SI_KERNEL, 0);
	CHECK_IS(caught.rip, (uintptr_t)after_bp);
	CATCH(asm volatile(".byte 0xcd, 3"));
	expect(SIGTRAP, SI_KERNEL, 0);
}

/* A gate that a program may not use. TCG doubles the vector in the error code. */
#define CHECK_INT(vector)						\
	do {								\
		CATCH(asm volatile("int %0" :: "i" (vector)));		\
		expect(SIGSEGV, SI_KERNEL, 0);				\
		CHECK_IS(caught.trap, 13);				\
		CHECK(caught.error == (vector) * 8 + 2 ||		\
		      caught.error == (vector) * 16 + 2);		\
	} while (0)

static void x87_divide_error(void)
{
	static const uint16_t word = 0x37f & ~4;

	CATCH(asm volatile("fninit\n\tfldcw %0\n\tfld1\n\tfldz\n\tfdivrp\n\tfwait"
			   :: "m" (word)));
	asm volatile("fninit");
	CHECK_IS(caught.signal, SIGFPE);
	CHECK_IS(caught.code, FPE_FLTDIV);
	CHECK_IS(caught.trap, 16);
}

/* Three accesses that are not allowed, the last to the page behind the one returned. */
static char *bad_accesses(void)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile char *p = page, *constant = (volatile char *)"constant";

	NEED(page != MAP_FAILED && !munmap(page + 4096, 4096));
	CATCH(*(volatile int *)NULL = 1);
	expect(SIGSEGV, SEGV_MAPERR, 0);
	CHECK_IS(caught.error, 6);
	CATCH(*constant = 1);
	expect(SIGSEGV, SEGV_ACCERR, (uintptr_t)constant);
	CHECK_IS(caught.error, 7);
	CATCH((void)p[4096]);
	expect(SIGSEGV, SEGV_MAPERR, (uintptr_t)page + 4096);
	CHECK_IS(caught.error, 4);
	return page;
}

#endif
