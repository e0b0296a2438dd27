/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An instruction that accesses a device register, and any operand of ModRM. See
 * decode.c.
 */
#ifndef RINGLET_HOST_MODULE_DECODE_H
#define RINGLET_HOST_MODULE_DECODE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
typedef uint8_t u8;
typedef int8_t s8;
typedef uint32_t u32;
typedef int32_t s32;
typedef uint64_t u64;
typedef int64_t s64;
#endif

struct mmio_insn {
	u8 length;		/* bytes of code */
	u8 bytes;		/* of the access: 1, 2, 4, 8 */
	u8 to_bytes;		/* of the register that a load fills */
	u8 reg;			/* 0 RAX .. 15 R15 */
	bool write;
	bool high_byte;		/* AH, CH, DH, BH */
	bool sign_extend;
	bool immediate;		/* value, instead of a register */
	u64 value;
};

/* The operand that ModRM names in 64-bit code: a register, or memory. */
struct operand {
	u8 length;		/* bytes of ModRM, SIB and displacement */
	u8 extension;		/* ModRM.reg: a part of some opcodes */
	bool memory;
	u8 reg;			/* not memory: 0 RAX .. 15 R15 */
	int base, index;	/* registers; OPERAND_RIP; OPERAND_NONE */
	u8 shift;		/* of the index */
	s32 displacement;
};

#define OPERAND_NONE	-1
#define OPERAND_RIP	-2

int operand_decode(const u8 *bytes, unsigned int size, u8 rex,
		   struct operand *out);
u64 operand_offset(const struct operand *in, const u64 registers[16],
		   u64 next_rip);
int mmio_decode(const u8 *bytes, unsigned int size, struct mmio_insn *out);
u64 mmio_loaded(const struct mmio_insn *in, u64 old, u64 value);
u64 mmio_stored(const struct mmio_insn *in, u64 reg);

#endif
