// SPDX-License-Identifier: GPL-2.0
/*
 * The privileged instructions of a 32-bit kernel, done on the frame.
 *
 * Source: SDM volume 2 (opcodes; 2.1.5, ModRM and SIB), volume 3, 2.8.
 */
#include "shim.h"

#define ARITHMETIC	0x8d5u		/* CF, PF, AF, ZF, SF, OF */
#define FLAGS_POPPED	(ARITHMETIC | 0x400u | FLAG_TF | FLAG_NT | 1u << 18 | 1u << 21)
#define FLAGS_OF_IRET	(FLAGS_POPPED | FLAG_RF)
#define MAX		15

struct insn {
	const u8 *bytes;	/* from the opcode on */
	unsigned int prefixes;	/* bytes in front */
	bool operand16;
};

/* The register with the number n of an instruction. */
static u64 *gpr(struct frame *f, unsigned int n)
{
	u64 *const all[8] = {
		&f->rax, &f->rcx, &f->rdx, &f->rbx, &f->rsp, &f->rbp, &f->rsi,
		&f->rdi,
	};

	return all[n & 7];
}

static u32 word_at(const u8 *bytes)
{
	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (u32)bytes[3] << 24;
}

/* The address of a memory operand; its bytes from ModRM on. */
static u32 operand(struct frame *f, const u8 *m, unsigned int *bytes)
{
	unsigned int mod = m[0] >> 6, base = m[0] & 7, n = 1;
	u32 address = 0;

	if (base == 4) {
		u8 sib = m[n++];

		base = sib & 7;
		if ((sib >> 3 & 7) != 4)
			address = (u32)*gpr(f, sib >> 3) << (sib >> 6);
	}
	if (base == 5 && mod == 0)
		mod = 2;
	else
		address += (u32)*gpr(f, base);
	if (mod == 1)
		address += (s64)(signed char)m[n++];
	else if (mod == 2) {
		address += word_at(m + n);
		n += 4;
	}
	*bytes = n;
	return address;
}

static bool is_memory(const u8 *m)
{
	return m[0] >> 6 != 3;
}

/* --- flags -------------------------------------------------------------------------- */

static u32 pop(struct frame *f)
{
	u32 value = KERNEL(u32, f->rsp);

	f->rsp = (u32)(f->rsp + 4);
	return value;
}

static void push(struct frame *f, u32 value)
{
	f->rsp = (u32)(f->rsp - 4);
	KERNEL(u32, f->rsp) = value;
}

static void set_flags(struct frame *f, u32 value, u32 mask)
{
	f->rflags = (value & mask) | FLAG_IF | FLAG_FIXED;
	shared.vif = !!(value & FLAG_IF);
}

static void pushf(struct frame *f)
{
	u32 value = (f->rflags & FLAGS_POPPED) | FLAG_FIXED;

	if (shared.vif)
		value |= FLAG_IF;
	push(f, value);
}

/*
 * To ring 3 the processor itself looks at the selectors, when the shim leaves; what it
 * refuses is a fault of the program then. But what goes to the kernel is decided here, and
 * a program may have had a hand in the frame: with VM set its CS is any number. There is no
 * virtual 8086 mode under long mode.
 */
static enum outcome iret(struct frame *f)
{
	u32 rip = KERNEL(u32, f->rsp), cs = KERNEL(u16, f->rsp + 4);
	u32 flags = KERNEL(u32, f->rsp + 8);

	if (flags & FLAG_VM || ((cs & 3) != 3 && (cs | 1) != KERNEL_CS))
		return REFUSED;
	if ((cs & 3) == 3) {
		exit_rsp = f->rsp;
		f->ss = KERNEL(u16, f->rsp + 16);
		f->rsp = KERNEL(u32, f->rsp + 12);
		f->cs = cs;
		flags |= FLAG_IF;
	} else {
		f->rsp = (u32)(f->rsp + 12);
		f->cs = KERNEL_CS;
	}
	f->rip = rip;
	set_flags(f, flags, FLAGS_OF_IRET);
	return DONE;
}

/* --- ports ---------------------------------------------------------------------------- */

static enum outcome port(struct frame *f, const struct insn *in)
{
	u8 op = in->bytes[0];
	unsigned int bytes = !(op & 1) ? 1 : in->operand16 ? 2 : 4;
	u16 number = op & 8 ? (u16)f->rdx : in->bytes[1];
	u32 mask = bytes == 4 ? ~0u : (1u << bytes * 8) - 1, value;

	if (op & 2) {
		port_write(number, bytes, f->rax & mask);
	} else {
		value = port_read(number, bytes) & mask;
		f->rax = ((u32)f->rax & ~mask) | value;
	}
	f->rip += in->prefixes + (op & 8 ? 1 : 2);
	return DONE;
}

/* --- 0F ------------------------------------------------------------------------------- */

static enum outcome cpuid(struct frame *f)
{
	u32 out[4];

	cpu_cpuid(f->rax, f->rcx, out);
	f->rax = out[0];
	f->rbx = out[1];
	f->rcx = out[2];
	f->rdx = out[3];
	return DONE;
}

static enum outcome read_msr(struct frame *f)
{
	u64 value;

	if (!cpu_read_msr(f->rcx, &value))
		return REFUSED;
	f->rax = (u32)value;
	f->rdx = value >> 32;
	return DONE;
}

static enum outcome write_msr(struct frame *f)
{
	return cpu_write_msr(f->rcx, f->rdx << 32 | (u32)f->rax) ? DONE : REFUSED;
}

static enum outcome move_cr(struct frame *f, u8 op, u8 modrm)
{
	u64 *reg = gpr(f, modrm);

	switch (op << 8 | (modrm >> 3 & 7)) {
	case 0x2000: *reg = paging_cr0(); return DONE;
	case 0x2002: *reg = (u32)shared.cr2; return DONE;
	case 0x2003: *reg = paging_cr3(); return DONE;
	case 0x2004: *reg = paging_cr4(); return DONE;
	case 0x2200: paging_set_cr0(*reg); return DONE;
	case 0x2202: shared.cr2 = (u32)*reg; return DONE;
	case 0x2203: paging_set_cr3(*reg, f->rip); return DONE;
	case 0x2204: paging_set_cr4(*reg); return DONE;
	}
	return REFUSED;
}

static enum outcome move_dr(struct frame *f, u8 op, u8 modrm)
{
	unsigned int n = modrm >> 3 & 7;

	/* 4 and 5 are other names of 6 and 7. */
	if (n == 4 || n == 5)
		n += 2;
	if (op == 0x23)
		return hypercall(RL_HC_SET_DR, n, (u32)*gpr(f, modrm), 0) ?
		       REFUSED : DONE;
	if (hypercall(RL_HC_GET_DR, n, 0, 0))
		return REFUSED;
	*gpr(f, modrm) = (u32)shared.value;
	return DONE;
}

static void store(struct frame *f, const u8 *m, u32 address, u16 value)
{
	if (is_memory(m))
		KERNEL(u16, address) = value;
	else
		*gpr(f, m[0]) = value;
}

static u16 fetch(struct frame *f, const u8 *m, u32 address)
{
	return is_memory(m) ? KERNEL(u16, address) : (u16)*gpr(f, m[0]);
}

/* SLDT, STR, LLDT, LTR. */
static enum outcome group_6(struct frame *f, const u8 *m, u32 address)
{
	static u16 task;

	switch (m[0] >> 3 & 7) {
	case 0:
		store(f, m, address, segment_ldt());
		return DONE;
	case 1:
		store(f, m, address, task);
		return DONE;
	case 2:
		segment_set_ldt(fetch(f, m, address));
		return DONE;
	case 3:
		task = fetch(f, m, address);
		segment_set_tss(task);
		return DONE;
	}
	return UNKNOWN;
}

/* The base lies at an odd multiple of two as a rule. */
static void store_table(u32 address, u16 limit, u32 base)
{
	KERNEL(u16, address) = limit;
	KERNEL(u16, address + 2) = base;
	KERNEL(u16, address + 4) = base >> 16;
}

static u32 table_base(u32 address)
{
	return KERNEL(u16, address + 2) | (u32)KERNEL(u16, address + 4) << 16;
}

/* SGDT, SIDT, LGDT, LIDT, SMSW, LMSW, INVLPG; XSETBV. */
static enum outcome group_7(struct frame *f, const u8 *m, u32 address)
{
	static u16 idt_limit;
	u16 limit;
	u32 base;

	if (m[0] == 0xd1)
		return cpu_set_xcr(f->rcx, f->rdx << 32 | (u32)f->rax) ? DONE :
									 REFUSED;
	if ((m[0] >> 3 & 7) == 4) {
		store(f, m, address, paging_cr0());
		return DONE;
	}
	if (!is_memory(m))
		return UNKNOWN;
	switch (m[0] >> 3 & 7) {
	case 0:
		base = segment_gdt(&limit);
		store_table(address, limit, base);
		return DONE;
	case 1:
		store_table(address, idt_limit, idt_base);
		return DONE;
	case 2:
		segment_set_gdt(table_base(address), KERNEL(u16, address));
		return DONE;
	case 3:
		idt_limit = KERNEL(u16, address);
		idt_base = table_base(address);
		return DONE;
	case 7:
		hypercall(RL_HC_FLUSH_ONE, address, 0, 0);
		return DONE;
	}
	return UNKNOWN;
}

static enum outcome group(struct frame *f, const struct insn *in)
{
	const u8 *m = in->bytes + 2;
	unsigned int bytes = 1;
	u32 address = is_memory(m) ? operand(f, m, &bytes) : 0;
	enum outcome outcome;

	outcome = in->bytes[1] ? group_7(f, m, address) : group_6(f, m, address);
	if (outcome == DONE)
		f->rip += in->prefixes + 2 + bytes;
	return outcome;
}

static enum outcome two_bytes(struct frame *f, const struct insn *in)
{
	u8 op = in->bytes[1];
	enum outcome outcome = UNKNOWN;
	unsigned int bytes = 2;

	switch (op) {
	case 0x00: case 0x01:
		return group(f, in);
	case 0x06:		/* clts */
	case 0x08: case 0x09:	/* invd, wbinvd: memory is coherent */
		outcome = DONE;
		break;
	case 0x20: case 0x22:
		outcome = move_cr(f, op, in->bytes[2]);
		bytes = 3;
		break;
	case 0x21: case 0x23:
		outcome = move_dr(f, op, in->bytes[2]);
		bytes = 3;
		break;
	case 0x30:
		outcome = write_msr(f);
		break;
	case 0x32:
		outcome = read_msr(f);
		break;
	case 0x33:		/* rdpmc: there are no counters */
		outcome = REFUSED;
		break;
	case 0xa2:
		outcome = cpuid(f);
		break;
	}
	if (outcome == DONE)
		f->rip += in->prefixes + bytes;
	return outcome;
}

static void decode(struct insn *in, const u8 *bytes)
{
	*in = (struct insn) { .bytes = bytes };
	for (; in->prefixes < MAX; in->prefixes++, in->bytes++)
		switch (*in->bytes) {
		case 0x66:
			in->operand16 = true;
			break;
		/* All segments that memory operands of such code use are flat. */
		case 0x26: case 0x2e: case 0x36: case 0x3e:
			break;
		default:
			return;
		}
}

/*
 * Executes the instruction that `bytes` are, with the frame as its processor and RIP at
 * it. DONE: RIP is behind it, or where it led. REFUSED: it raises #GP(0). UNKNOWN: it is
 * none of those that are known; neither has changed anything.
 */
enum outcome insn_execute(struct frame *f, const u8 *bytes)
{
	struct insn in;

	decode(&in, bytes);
	switch (*in.bytes) {
	case 0x0f:
		return two_bytes(f, &in);
	case 0x9c: case MARK_PUSHF:
		pushf(f);
		break;
	case 0x9d: case MARK_POPF:
		set_flags(f, pop(f), FLAGS_POPPED);
		break;
	case 0xcf:
		return iret(f);
	case 0xfa:
		shared.vif = 0;
		break;
	case 0xfb:
		shared.vif = 1;
		break;
	case 0xf4:
		halt();
		break;
	case 0xe4: case 0xe5: case 0xe6: case 0xe7:
	case 0xec: case 0xed: case 0xee: case 0xef:
		return port(f, &in);
	default:
		return UNKNOWN;
	}
	f->rip += in.prefixes + 1;
	return DONE;
}

/*
 * LSS (%ESP), %ESP: before a program with a stack segment of an LDT goes on, Linux leaves
 * its stack for a segment that leads to the same place by an ESP whose upper half is the
 * program's, as an IRET to a 16-bit stack would leave the kernel's there. The host has no
 * such stacks. So the IRET does as well on the stack that is there, without the pointer
 * that was pushed.
 */
static bool is_espfix(const struct frame *f, const u8 *bytes)
{
	return f->error >> 3 == ESPFIX_INDEX && word_at(bytes) == 0x2424b20f;
}

/*
 * A #GP with a selector: the kernel's own numbers, where the real table has others, or an
 * entry of TLS or the LDT that the real table does not have yet. DONE: executed, or it will
 * go now.
 */
enum outcome insn_selector(struct frame *f)
{
	const u8 *bytes = (const u8 *)(u64)(u32)f->rip;
	u16 selector;

	if (is_about_ldt(f))
		return segment_sync_ldt() ? DONE : UNKNOWN;
	if (f->error >> 3 >= TLS_INDEX && f->error >> 3 < TLS_INDEX + 3)
		return segment_sync_tls() ? DONE : UNKNOWN;
	if (!segment_is_kernel(f->error))
		return UNKNOWN;
	if (is_espfix(f, bytes)) {
		f->rsp = (u32)(f->rsp + 8);
		f->rip += 4;
		return DONE;
	}
	if (bytes[0] == 0xea) {
		f->rip = word_at(bytes + 1);
		f->cs = KERNEL_CS;
		return DONE;
	}
	if (bytes[0] != 0x8e || is_memory(bytes + 1))
		return UNKNOWN;
	selector = f->error >> 3 == PERCPU_INDEX ? PERCPU_FS : KERNEL_SS;
	if ((bytes[1] >> 3 & 7) == 2)
		f->ss = KERNEL_SS;
	else
		segment_load(bytes[1] >> 3 & 7, selector);
	f->rip += 2;
	return DONE;
}
