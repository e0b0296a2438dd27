/* SPDX-License-Identifier: GPL-2.0 */
/* modify_ldt(), and the segment registers, for programs of 32 and 64 bits. */
#ifndef RINGLET_TESTS_LDT_H
#define RINGLET_TESTS_LDT_H

#include <asm/ldt.h>
#include <sys/syscall.h>
#include "check.h"

#define SELECTOR(n)	((n) * 8 + 7)
#define CODE		3	/* entries */
#define DATA		4

/* function: 1, or 0x11, which knows more of a descriptor. */
static int modify(int function, struct user_desc d)
{
	return syscall(SYS_modify_ldt, function, &d, sizeof(d));
}

/* Data, from 0 to 4 GB. */
static struct user_desc flat(unsigned int entry)
{
	return (struct user_desc) {
		.entry_number = entry, .limit = 0xfffff, .seg_32bit = 1,
		.limit_in_pages = 1, .useable = 1,
	};
}

static int set_by(int function, unsigned int entry, uintptr_t base, unsigned int contents)
{
	struct user_desc d = flat(entry);

	d.base_addr = base;
	d.contents = contents;
	return modify(function, d);
}

static void set_data(unsigned int entry, uintptr_t base)
{
	CHECK_IS(set_by(0x11, entry, base, MODIFY_LDT_CONTENTS_DATA), 0);
}

static void set_code(unsigned int entry, uintptr_t base)
{
	CHECK_IS(set_by(0x11, entry, base, MODIFY_LDT_CONTENTS_CODE), 0);
}

static int take_away(unsigned int entry)
{
	return modify(0x11, (struct user_desc) {
		.entry_number = entry, .read_exec_only = 1, .seg_not_present = 1,
	});
}

/* Functions load_REG(selector) and read_REG(). */
#define SEGMENT_REGISTER(register_)						\
static __attribute__((unused)) void load_##register_(unsigned int selector)	\
{										\
	asm volatile("movl %0, %%" #register_ :: "r" (selector) : "memory");	\
}										\
										\
static uint16_t read_##register_(void)						\
{										\
	uint16_t value;								\
										\
	asm volatile("movw %%" #register_ ", %0" : "=r" (value));		\
	return value;								\
}

/* REG_word(): what the register's segment begins with. */
#define WORD_AT(register_)							\
static uint32_t register_##_word(void)						\
{										\
	uint32_t value;								\
										\
	asm volatile("movl %%" #register_ ":0, %0" : "=r" (value) :: "memory");	\
	return value;								\
}
#endif
