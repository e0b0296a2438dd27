/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An instruction that accesses a device register. See decode.c.
 */
#ifndef RINGLET_HOST_MODULE_DECODE_H
#define RINGLET_HOST_MODULE_DECODE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
typedef uint8_t u8;
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

int mmio_decode(const u8 *bytes, unsigned int size, struct mmio_insn *out);
u64 mmio_loaded(const struct mmio_insn *in, u64 old, u64 value);
u64 mmio_stored(const struct mmio_insn *in, u64 reg);

#endif
