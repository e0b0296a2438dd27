/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest for the tests of gdb's side: fake_vm.h's, with 64 KB of memory and page tables
 * that show it at GUEST_TEXT. Behind unit.h, or alone in a fuzzer.
 */
#ifndef RINGLET_TESTS_GDB_GUEST_H
#define RINGLET_TESTS_GDB_GUEST_H

#include <stdlib.h>
#include <string.h>

#include "fake_vm.h"
#include "launcher/gdb_target.h"

#define GUEST_TEXT	0xffffffff81000000ull
#define GUEST_BYTES	0x10000
#define GUEST_TABLES	0x1000		/* GPA; the four pages from there on */
#define GUEST_CODE	0x8000		/* GPA and offset from GUEST_TEXT */

static uint8_t *guest_ram;
static struct guest_memory guest_memory;
static struct gdb_target target;

static inline void guest_begin(void)
{
	static const int slots[] = { 511, 510, 8 };
	uint64_t *table;

	fake_vm_reset();
	guest_ram = aligned_alloc(4096, GUEST_BYTES);
	memset(guest_ram, 0, GUEST_BYTES);
	table = (uint64_t *)(guest_ram + GUEST_TABLES);
	for (int i = 0; i < 3; i++, table += 512)
		table[slots[i]] = (GUEST_TABLES + 4096 * (i + 1)) | 7;
	/* Not the page behind the tables: a hole. */
	for (int i = 0; i < 16; i++)
		table[i] = i == 5 ? 0 : 4096ull * i | 3;
	table[16] = 1ull << 30 | 3;	/* mapped, and no memory */
	memset(guest_ram + GUEST_CODE, 0x90, 4096);
	guest_memory = (struct guest_memory){
		.hva = guest_ram, .size = GUEST_BYTES, .low = GUEST_BYTES,
		.end = GUEST_BYTES,
	};
	memset(&target, 0, sizeof(target));
	target.memory = &guest_memory;
	target.count = 1;
	fake_vm.regs = (struct rl_regs){
		.cr3 = GUEST_TABLES | 5, .rip = GUEST_TEXT + GUEST_CODE,
		.rax = 0x1122334455667788, .rflags = 0x202, .cs = 0x39,
	};
}

static inline void guest_end(void)
{
	free(guest_ram);
}

#endif
