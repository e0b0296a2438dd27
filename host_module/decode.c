// SPDX-License-Identifier: GPL-2.0
/*
 * Decoding the instructions that access device registers, the MOV family, and
 * ModRM's operand for the instructions that emulate.c does.
 *
 * Pure, tested in user space (tests/unit/test_decode.c). Of a device's register the
 * address is known from the page fault, so only the length of the operand's
 * encoding matters there.
 *
 * Source: SDM volume 2, 2.1 (instruction format), 2.1.5 (ModRM and SIB), 2.2.1
 * (REX), MOV, MOVZX, MOVSX.
 */
#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/errno.h>
#include <linux/string.h>
#else
#include <errno.h>
#include <string.h>
#endif
#include "decode.h"

#define REX_W 8
#define REX_R 4
#define REX_X 2
#define REX_B 1

struct cursor {
	const u8 *bytes;
	unsigned int at, size;
	u8 rex;
	bool operand16, address32;
};

static int next(struct cursor *c)
{
	return c->at < c->size ? c->bytes[c->at++] : -1;
}

static u8 prefixes(struct cursor *c)
{
	int b;

	for (b = next(c); b >= 0; b = next(c)) {
		if (b == 0x66)
			c->operand16 = true;
		else if (b == 0x67)
			c->address32 = true;
		else if (b != 0x2e && b != 0x36 && b != 0x3e && b != 0x26 &&
			 b != 0x64 && b != 0x65 && b != 0xf0)
			break;
	}
	if (b >= 0x40 && b <= 0x4f) {
		c->rex = b;
		b = next(c);
	}
	return b < 0 ? 0 : b;
}

/* Skips ModRM's memory operand; the reg field, or -1 (a register operand). */
static int modrm(struct cursor *c)
{
	int m = next(c), mod = m >> 6, rm = m & 7, sib = 0;

	if (m < 0 || mod == 3)
		return -1;
	if (rm == 4) {
		sib = next(c);
		if (sib < 0)
			return -1;
	}
	if (mod == 1)
		c->at += 1;
	else if (mod == 2 || (mod == 0 && rm == 5) ||
		 (mod == 0 && rm == 4 && (sib & 7) == 5))
		c->at += 4;
	return (m >> 3 & 7) | (c->rex & REX_R ? 8 : 0);
}

static u8 operand_bytes(const struct cursor *c)
{
	if (c->rex & REX_W)
		return 8;
	return c->operand16 ? 2 : 4;
}

/* Which register a byte access means: without REX, 4-7 are AH, CH, DH, BH. */
static int byte_register(const struct cursor *c, int reg,
			 struct mmio_insn *out)
{
	if (reg >= 4 && reg < 8 && !c->rex) {
		out->high_byte = true;
		reg -= 4;
	}
	return reg;
}

static int immediate(struct cursor *c, struct mmio_insn *out)
{
	unsigned int bytes = out->bytes > 4 ? 4 : out->bytes;
	s32 value = 0;

	if (c->at + bytes > c->size)
		return -EINVAL;
	memcpy(&value, c->bytes + c->at, bytes);
	c->at += bytes;
	out->immediate = true;
	out->value = out->bytes == 8 ? (u64)(s64)value : (u32)value;
	return 0;
}

static int extended(struct cursor *c, struct mmio_insn *out)
{
	int op = next(c), reg;

	if (op != 0xb6 && op != 0xb7 && op != 0xbe && op != 0xbf)
		return -EINVAL;
	out->bytes = op & 1 ? 2 : 1;
	out->to_bytes = operand_bytes(c);
	out->sign_extend = op & 8;
	reg = modrm(c);
	if (reg < 0)
		return -EINVAL;
	out->reg = reg;
	return 0;
}

static int plain(struct cursor *c, u8 op, struct mmio_insn *out)
{
	int reg = modrm(c);

	if (reg < 0)
		return -EINVAL;
	out->bytes = op & 1 ? operand_bytes(c) : 1;
	out->to_bytes = out->bytes;
	out->write = op == 0x88 || op == 0x89 || op == 0xc6 || op == 0xc7;
	if (op == 0xc6 || op == 0xc7)
		return reg & 7 ? -EINVAL : immediate(c, out);
	out->reg = out->bytes == 1 ? byte_register(c, reg, out) : reg;
	return 0;
}

/* MOV between the accumulator and an absolute address. */
static int absolute(struct cursor *c, u8 op, struct mmio_insn *out)
{
	out->bytes = op & 1 ? operand_bytes(c) : 1;
	out->to_bytes = out->bytes;
	out->write = op >= 0xa2;
	out->reg = 0;
	c->at += c->address32 ? 4 : 8;
	return 0;
}

/*J: devices.decode
 * A device register is an address with no memory behind it. The access faults,
 * and the fault tells where, but not what was to be stored, nor how wide, nor
 * into which register a load was to go. That stands in the instruction. Linux
 * reads and writes device registers with plain moves, so those are the ones
 * that are understood here; anything else on such an address is an error of the
 * guest's.
 :*/

/*
 * Decodes size bytes of code. 0 and *out, or -EINVAL: not an instruction that
 * may access a device.
 */
int mmio_decode(const u8 *bytes, unsigned int size, struct mmio_insn *out)
{
	struct cursor c = { .bytes = bytes, .size = size };
	int r = -EINVAL;
	u8 op;

	memset(out, 0, sizeof(*out));
	op = prefixes(&c);
	switch (op) {
	case 0x0f:
		r = extended(&c, out);
		break;
	case 0x88: case 0x89: case 0x8a: case 0x8b: case 0xc6: case 0xc7:
		r = plain(&c, op, out);
		break;
	case 0xa0: case 0xa1: case 0xa2: case 0xa3:
		r = absolute(&c, op, out);
		break;
	}
	if (r || c.at > size)
		return -EINVAL;
	out->length = c.at;
	return 0;
}

/*
 * What a register holds after `value` was loaded: old is what it held before.
 * Four bytes clear the upper half, one and two leave the rest (SDM volume 1,
 * 3.4.1.1).
 */
u64 mmio_loaded(const struct mmio_insn *in, u64 old, u64 value)
{
	unsigned int from = in->bytes * 8, to = in->to_bytes * 8;

	if (from < 64)
		value &= (1ULL << from) - 1;
	if (in->sign_extend)
		value = (u64)((s64)(value << (64 - from)) >> (64 - from));
	if (in->high_byte)
		return (old & ~0xff00ULL) | value << 8;
	if (to == 64)
		return value;
	value &= (1ULL << to) - 1;
	if (to == 32)
		return value;
	return (old & ~((1ULL << to) - 1)) | value;
}

/* What is stored: `reg` is the register's value. */
u64 mmio_stored(const struct mmio_insn *in, u64 reg)
{
	u64 value = in->immediate ? in->value : reg;

	if (in->high_byte)
		value >>= 8;
	return in->bytes == 8 ? value : value & ((1ULL << in->bytes * 8) - 1);
}

/* Base and index of a memory operand; the bytes of its displacement. */
static unsigned int memory_operand(u8 m, u8 sib, u8 rex, struct operand *out)
{
	unsigned int mod = m >> 6, base = m & 7, index;

	if (base == 4) {
		base = sib & 7;
		index = (sib >> 3 & 7) | (rex & REX_X ? 8 : 0);
		if (index != 4)	/* RSP cannot be one; R12 can */
			out->index = index;
		out->shift = sib >> 6;
		if (mod == 0 && base == 5)
			return 4;
	} else if (mod == 0 && base == 5) {
		out->base = OPERAND_RIP;
		return 4;
	}
	out->base = base | (rex & REX_B ? 8 : 0);
	return mod == 0 ? 0 : mod == 1 ? 1 : 4;
}

/*
 * Decodes size bytes from ModRM on, of an instruction with that REX prefix (0:
 * none). 0 and *out, or -EINVAL: there are not enough bytes.
 */
int operand_decode(const u8 *bytes, unsigned int size, u8 rex,
		   struct operand *out)
{
	unsigned int at = 1, displacement;
	u8 in[6] = { 0 };	/* at most ModRM, SIB, four bytes */

	*out = (struct operand){ .base = OPERAND_NONE, .index = OPERAND_NONE };
	memcpy(in, bytes, size < sizeof(in) ? size : sizeof(in));
	out->extension = in[0] >> 3 & 7;
	out->memory = in[0] >> 6 != 3;
	if (out->memory) {
		at += (in[0] & 7) == 4;
		displacement = memory_operand(in[0], in[1], rex, out);
		if (displacement == 1)
			out->displacement = (s8)in[at];
		else if (displacement)
			memcpy(&out->displacement, in + at, 4);
		at += displacement;
	} else {
		out->reg = (in[0] & 7) | (rex & REX_B ? 8 : 0);
	}
	out->length = at;
	return at <= size ? 0 : -EINVAL;
}

/*
 * Where a memory operand is, before a segment's base and before a 32-bit address
 * size cuts it. next_rip: of the instruction behind it.
 */
u64 operand_offset(const struct operand *in, const u64 registers[16],
		   u64 next_rip)
{
	u64 offset = (s64)in->displacement;

	if (in->base == OPERAND_RIP)
		offset += next_rip;
	else if (in->base != OPERAND_NONE)
		offset += registers[in->base];
	if (in->index != OPERAND_NONE)
		offset += registers[in->index] << in->shift;
	return offset;
}
