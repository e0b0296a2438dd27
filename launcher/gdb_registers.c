// SPDX-License-Identifier: GPL-2.0
/*
 * The registers as gdb numbers them. See gdb_target.h.
 *
 * The description is what gdb asks for first. The x87 registers are in it because gdb
 * knows no x86-64 without them, but the module does not show them: they have no value.
 */
#include <stddef.h>

#include "gdb_target.h"

#define INTEGER(name) \
	"<reg name=\"" name "\" bitsize=\"64\" type=\"int64\"/>"
#define SELECTOR(name) \
	"<reg name=\"" name "\" bitsize=\"32\" type=\"int32\"/>"
#define X87(name) \
	"<reg name=\"" name "\" bitsize=\"80\" type=\"i387_ext\"/>"
#define CONTROL(name) \
	"<reg name=\"" name "\" bitsize=\"32\" type=\"int\" group=\"float\"/>"

const char gdb_target_xml[] =
"<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
"<target><architecture>i386:x86-64</architecture>"
"<feature name=\"org.gnu.gdb.i386.core\">"
INTEGER("rax") INTEGER("rbx") INTEGER("rcx") INTEGER("rdx") INTEGER("rsi")
INTEGER("rdi")
"<reg name=\"rbp\" bitsize=\"64\" type=\"data_ptr\"/>"
"<reg name=\"rsp\" bitsize=\"64\" type=\"data_ptr\"/>"
INTEGER("r8") INTEGER("r9") INTEGER("r10") INTEGER("r11") INTEGER("r12")
INTEGER("r13") INTEGER("r14") INTEGER("r15")
"<reg name=\"rip\" bitsize=\"64\" type=\"code_ptr\"/>"
SELECTOR("eflags") SELECTOR("cs") SELECTOR("ss") SELECTOR("ds") SELECTOR("es")
SELECTOR("fs") SELECTOR("gs")
X87("st0") X87("st1") X87("st2") X87("st3") X87("st4") X87("st5") X87("st6")
X87("st7")
CONTROL("fctrl") CONTROL("fstat") CONTROL("ftag") CONTROL("fiseg")
CONTROL("fioff") CONTROL("foseg") CONTROL("fooff") CONTROL("fop")
"</feature><feature name=\"org.gnu.gdb.i386.segments\">"
INTEGER("fs_base") INTEGER("gs_base")
"</feature></target>";

enum { RIP = 16, EFLAGS = 17, CS = 18, SS = 19, ST0 = 24, FCTRL = 32, FS_BASE = 40 };

void *gdb_register(struct rl_regs *r, unsigned int number, size_t *size)
{
	__u64 *const whole[] = {
		&r->rax, &r->rbx, &r->rcx, &r->rdx, &r->rsi, &r->rdi, &r->rbp,
		&r->rsp, &r->r8, &r->r9, &r->r10, &r->r11, &r->r12, &r->r13,
		&r->r14, &r->r15, &r->rip,
	};

	*size = 8;
	if (number <= RIP)
		return whole[number];
	if (number >= FS_BASE) {
		*size = number < GDB_REGISTERS ? 8 : 0;
		return number == FS_BASE ? &r->fs_base :
		       number == FS_BASE + 1 ? &r->gs_base : NULL;
	}
	/* The lower half of a little-endian register stands at its address. */
	*size = number >= ST0 && number < FCTRL ? 10 : 4;
	switch (number) {
	case EFLAGS:
		return &r->rflags;
	case CS:
		return &r->cs;
	case SS:
		return &r->ss;
	}
	return NULL;
}
