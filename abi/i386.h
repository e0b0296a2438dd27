/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the launcher tells the shim (guest_i386/) about an i386 kernel: a section of
 * shim.elf that it fills in, and where things lie in the guest's memory.
 *
 * The shim is loaded where a 64-bit guest has its layer (abi/guest.h), with the same
 * page table page, and is entered in ring 1 with the table at RL_I386_TOP_GPA. In this
 * table, and in all others that the shim makes:
 *
 *	slot 0		the low 4 GB: before the kernel has its own tables, memory as it is
 *	slot 273	RL_I386_DIRECT: the low 4 GB of guest-physical memory, for the shim
 *	slot 511	the shim, at RL_LAYER_GVA
 *
 * Above the last address that the kernel uses, 2 MB are ours in the kernel's own tables: see
 * RL_I386_HOLE.
 */
#ifndef RINGLET_ABI_I386_H
#define RINGLET_ABI_I386_H

#define RL_I386_SECTION		".ringlet.i386"
#define RL_I386_SITES		6144	/* that there is room for */
#define RL_SITE_BYTES		11	/* longer ones are none */

#define RL_I386_TOP_GPA		0x61000	/* made by the launcher: the first table, */
#define RL_I386_SHIM_PDPT_GPA	0x62000	/* what slot 511 leads to, */
#define RL_I386_SHIM_PD_GPA	0x63000
#define RL_I386_LOW_PDPT_GPA	0x64000	/* and slots 0 and 273: 4 GB of 2 MB pages */
#define RL_I386_LOW_PD_GPA	0x65000	/* four of them */
#define RL_I386_TABLES_END	0x69000

/* Tables of ACPI, up to RL_I386_LOW_RAM, and what they speak of. */
#define RL_I386_ACPI_GPA	0x6a000
#define RL_I386_PM1_EVENT	0x600	/* ports: status, enable, 16 bits each */
#define RL_I386_PM1_CONTROL	0x604
#define RL_I386_PM1_OFF		5	/* the type of sleep that is the power-off */
#define RL_I386_PIN_SCI		9	/* pins of the interrupt controllers, */
#define RL_I386_PINS		{ 5, 6, 7, 10, 11, 12, 14, 15, 3 }	/* of device n */

/* Low memory that an i386 kernel may have: it wants some for real mode. */
#define RL_I386_LOW_RAM		0x70000
#define RL_I386_LOW_RAM_END	0x9f000

/* Memory above 1 MB that is the shim's: page tables of its own. */
#define RL_I386_POOL_GPA	0x100000
#define RL_I386_POOL_END	0x200000

#define RL_I386_HOLE_PT_GPA	0x1ff000	/* the last page of these */

#define RL_I386_DIRECT_SLOT	273
#define RL_I386_DIRECT		0xffff888000000000

/* Where i386 Linux has its kernel in each address space. */
#define RL_I386_PAGE_OFFSET	0xc0000000

/*
 * The hole: the shared page, as the kernel's code sees it; then what jumps in that code
 * lead to, to be read and executed. Some of that code runs before the kernel has tables, at
 * its physical address: the first table has the hole where jumps lead from there, too.
 */
#define RL_I386_HOLE		0xffe00000
#define RL_I386_JUMPS		0xffe01000
#define RL_I386_JUMP_BYTES	0x10000

#ifndef __ASSEMBLY__
#include <linux/types.h>

/*
 * A place of the kernel's code whose instruction does something else in ring 1. There
 * the image has an INT3 where it is one byte, else a UD2, and `bytes` is what was there.
 * Those behind jumps are such places, too.
 */
struct rl_site {
	__u32 gva;
	__u8 length;		/* bytes of the instruction */
	__u8 bytes[RL_SITE_BYTES];
};

/*
 * Where Linux loads CR3 for another address space, and the per-CPU variable that has the
 * id and the TLB generation of that then: struct tlb_state of 6.1, whose contexts begin
 * RL_TLB_CONTEXT bytes in, the id first. tlb_state 0: not known.
 */
#define RL_TLB_CONTEXT		20
#define RL_TLB_GENERATION	28

/*
 * Some sites are no privileged instructions but PUSH %EBP, the first one of a function
 * behind its call of __fentry__. Why the shim wants to know is behind it in `bytes`.
 */
#define RL_SITE_FUNCTION	0x55
#define RL_FUNCTION_MODULE	1	/* module_finalize(): code of a module comes */
#define RL_FUNCTION_PANIC	2	/* panic() */
#define RL_FUNCTION_ABSENT	3	/* a system call for what ring 1 cannot give */

struct rl_i386_image {
	__u8 jumps[RL_I386_JUMP_BYTES];	/* on pages of their own */
	__u32 entry;		/* GPA of startup_32 */
	__u32 switch_start, switch_end;	/* GVAs: code that does that */
	__u32 tlb_state;	/* GVA, before the CPU's offset is added */
	__u32 hole;		/* not 0: the kernel leaves it alone */
	__u32 count;		/* of sites, by ascending gva */
	struct rl_site sites[RL_I386_SITES];
};

_Static_assert(sizeof(struct rl_site) == 16, "ABI");
_Static_assert(sizeof(struct rl_i386_image) ==
	       RL_I386_JUMP_BYTES + 24 + 16 * RL_I386_SITES, "ABI");
#endif /* __ASSEMBLY__ */
#endif
