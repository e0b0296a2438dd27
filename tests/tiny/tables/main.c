// SPDX-License-Identifier: GPL-2.0
/*
 * SGDT and its kin: where the host's UMIP makes the processor refuse them to ring
 * 1, they give what the guest itself loaded by LGDT and its kin, and never what is
 * true of the host.
 */
#include "tiny.h"

#define DONE	TRAP_NONE
#define GP	13

#define EXPECT(instruction_, want_) do { \
	TRY(instruction_); \
	if (trap.vector != (want_)) \
		FAIL(HERE "%s: vector %lu, error 0x%lx", instruction_, \
		     trap.vector, trap.frame.error); \
} while (0)

struct table {
	u16 limit;
	u64 base;
} __attribute__((packed));

static struct table table = { 0x7f, 0xffffffff81234560 };
static union {
	struct table table;
	u32 word;
	u8 bytes[32];
} stored __attribute__((aligned(4096)));

/* Whether the processor itself answers ring 1: then with the host's values. */
static bool without_umip(void)
{
	trap_clear();
	asm volatile(TRY_BEGIN "lgdt table\n\tsgdt stored" TRY_END ::: "memory");
	EQUAL(trap.vector, TRAP_NONE);
	return stored.table.base != table.base;
}

#define STORE(instruction_) do { \
	fill_stored(); \
	EXPECT(instruction_, DONE); \
} while (0)

static void fill_stored(void)
{
	for (unsigned int i = 0; i < 32; i++)
		stored.bytes[i] = 0x5a;
	asm volatile("" ::: "memory");
}

static void check_stored(const struct table *want)
{
	EQUAL(stored.table.limit, want->limit);
	EQUAL(stored.table.base, want->base);
	EQUAL(stored.bytes[10], 0x5a);
}

/* What LGDT and LIDT loaded, SGDT and SIDT give back, by every kind of address. */
CASE(tables)
{
	EXPECT("lgdt table", DONE);
	EXPECT("lidt table", DONE);
	if (without_umip())
		SKIP("the processor has no UMIP");
	STORE("sgdt stored");
	check_stored(&table);
	STORE("sidt stored(%%rip)");
	check_stored(&table);
	table.base = 0x1000;
	STORE("lidt table(%%rip)\n\tmovq $stored, %%rax\n\tsidt (%%rax)");
	check_stored(&table);
	STORE("movq $stored - 8, %%r8\n\tmovl $2, %%esi\n\tsidt (%%r8, %%rsi, 4)");
	check_stored(&table);
	STORE("movq $stored + 0x1000, %%r10\n\tsidt -0x1000(%%r10)");
	check_stored(&table);
	STORE("movq $stored - 5, %%r9\n\t.byte 0x66\n\tsidt 5(%%r9)");
	check_stored(&table);
	STORE("movq $stored - 0x100, %%rdi\n\twrfsbase %%rdi\n\t"
	      "sidt %%fs:0x100\n\txorl %%edi, %%edi\n\twrfsbase %%rdi");
	check_stored(&table);
	/* A 32-bit address: the table's upper half would be cut off. */
	STORE("movabsq $0x0123456700000000, %%rsi\n\tmovq $stored, %%rax\n\t"
	      "xorq %%rsi, %%rax\n\tmovabsq $0xffffffff00000000, %%rdi\n\t"
	      "wrgsbase %%rdi\n\tsidt %%gs:(%%eax)");
	check_stored(&table);
	table.base = 1UL << 63;
	EXPECT("lgdt table", GP);
	EXPECT("movabsq $0x8000000000000000, %%rax\n\tlgdt (%%rax)", GP);
	EXPECT("movabsq $0x8000000000000000, %%rax\n\tsgdt (%%rax)", GP);
	/* Its last byte is beyond the lower half. */
	EXPECT("movabsq $0x00007ffffffffff8, %%rax\n\tsgdt (%%rax)", GP);
	EXPECT(".byte 0xf3\n\tsgdt stored", GP);
}

/* An operand's page fault is the guest's, with the address that it has there. */
CASE(tables_not_mapped)
{
	u64 page = page_alloc(), gva = 0xffffa00000000000;

	map_page(gva, page | P_P);
	trap_clear();
	asm volatile(TRY_BEGIN "lidt (%0)" TRY_END :: "r"(gva + 4096) : "memory");
	EQUAL(trap.vector, 14);
	EQUAL(trap.cr2, gva + 4096);
	EQUAL(trap.frame.error, 0);
	if (without_umip())
		SKIP("the processor has no UMIP");
	trap_clear();
	asm volatile(TRY_BEGIN "sidt (%0)" TRY_END :: "r"(gva) : "memory");
	EQUAL(trap.vector, 14);
	EQUAL(trap.cr2, gva);
	EQUAL(trap.frame.error, 3);
	map_page(gva, page | P_P | P_W);
	flush_one(gva);
	trap_clear();
	asm volatile(TRY_BEGIN "sidt (%0)" TRY_END :: "r"(gva + 4090) : "memory");
	EQUAL(trap.vector, 14);
	EQUAL(trap.cr2, gva + 4096);
	EQUAL(trap.frame.error, 2);
	/* Not into the window, nor where the host's tables are. */
	TRY("movabsq $0xffff800000005000, %%rax\n\tsidt (%%rax)");
	EQUAL(trap.vector, 14);
	TRY("movabsq $0xfffffe0000000000, %%rax\n\tsidt (%%rax)");
	EQUAL(trap.vector, 14);
}

/* What an instruction leaves in RAX, where 0x123456789abcdef0 was. */
#define IN_RAX(instruction_, want_) do { \
	u64 value_ = 0x123456789abcdef0; \
	trap_clear(); \
	asm volatile(TRY_BEGIN instruction_ TRY_END : "+a"(value_) :: "r9"); \
	EQUAL(trap.vector, TRAP_NONE); \
	EQUAL(value_, want_); \
} while (0)

CASE(selectors)
{
	EXPECT("xorl %%eax, %%eax\n\tlldt %%ax", DONE);
	EXPECT("movl $0x50, %%eax\n\tlldt %%ax", GP);
	EXPECT("movl $0x40, %%eax\n\tltr %%ax", DONE);
	EXPECT("xorl %%eax, %%eax\n\tltr %%ax", GP);
	EXPECT("movl $0x44, %%eax\n\tltr %%ax", GP);
	if (without_umip())
		SKIP("the processor has no UMIP");
	IN_RAX("str %%ax", 0x123456789abc0040);
	IN_RAX("str %%eax", 0x40);
	IN_RAX("str %%rax", 0x40);
	IN_RAX("str %%r9d\n\tmovq %%r9, %%rax", 0x40);
	IN_RAX("sldt %%ax", 0x123456789abc0000);
	IN_RAX("sldt %%eax", 0);
	fill_stored();
	EXPECT("str stored", DONE);
	EQUAL(stored.word, 0x5a5a0040);
	fill_stored();
	EXPECT("sldt stored", DONE);
	EQUAL(stored.word, 0x5a5a0000);
}

/* The low word of CR0, as the guest believes in it. */
CASE(machine_status)
{
	u64 cr0;

	asm volatile("movq %%cr0, %0" : "=r"(cr0));
	EXPECT("movw $0xf, %%ax\n\tlmsw %%ax", DONE);
	IN_RAX("movq %%cr0, %%rax", cr0 | 0xe);
	EXPECT("movw $0, stored\n\tlmsw stored", DONE);
	IN_RAX("movq %%cr0, %%rax", (cr0 & ~0xeUL) | 1);
	if (without_umip())
		SKIP("the processor has no UMIP");
	IN_RAX("smsw %%rax", (cr0 & ~0xeUL) | 1);
	IN_RAX("smsw %%ax", 0x123456789abc0000 | (cr0 & 0xfff1) | 1);
	fill_stored();
	EXPECT("smsw stored", DONE);
	EQUAL(stored.word, 0x5a5a0000 | (cr0 & 0xfff1) | 1);
}

/* Ring 3 with UMIP: the guest kernel's #GP. Nothing is emulated for it. */
USER_CODE(user_tables,
	  "sgdt (%rsp)\n\t.balign 8\n\tsidt (%rsp)\n\t.balign 8\n\tstr %ax\n\t"
	  ".balign 8\n\tsldt %ax\n\t.balign 8\n\tsmsw %ax\n\t.balign 8\n\tud2");

CASE(tables_in_ring_3)
{
	if (without_umip())
		SKIP("the processor has no UMIP");
	for (int i = 0; i < 5; i++) {
		user_go(user_tables + 8 * i);
		EQUAL(trap.vector, 13);
		EQUAL(trap.frame.error, 0);
		EQUAL(trap.frame.rip, (u64)user_tables + 8 * i);
	}
}

/* INVLPG does what RL_HC_FLUSH_ONE does. */
CASE(invlpg)
{
	u64 gva = 0xffffa00000000000;

	map_page(gva, page_with(1) | P_P | P_W | P_A | P_D);
	EQUAL(try_read(gva), 1);
	*entry_of(TINY_TABLES, gva, 1) = page_with(2) | P_P | P_W | P_A | P_D;
	EQUAL(*(volatile u64 *)gva, 1);		/* a stale entry, as a TLB's */
	asm volatile("invlpg 8(%0)" :: "r"(gva) : "memory");
	EQUAL(*(volatile u64 *)gva, 2);
	EXPECT("movabsq $0x8000000000000000, %%rax\n\tinvlpg (%%rax)", DONE);
	EXPECT("movabsq $0xffff800000000000, %%rax\n\tinvlpg (%%rax)", DONE);
}
