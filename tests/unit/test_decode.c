// SPDX-License-Identifier: GPL-2.0
/* ModRM's operands, and the moves that may access a device. */
#include <string.h>

#include "unit.h"

#include "host_module/decode.c"

#define BYTES(...) (const u8[]){ __VA_ARGS__ }, \
		   sizeof((const u8[]){ __VA_ARGS__ })

static u64 registers[16];

/* The offset that ModRM's bytes stand for; behind them is 0x5000. */
static u64 offset_of(const u8 *bytes, unsigned int size, u8 rex)
{
	struct operand o;
	u8 exact[8];

	/* Where the sanitizer sees each byte too many. */
	memcpy(exact + sizeof(exact) - size, bytes, size);
	assert_int_equal(operand_decode(exact + sizeof(exact) - size, size, rex,
					&o), 0);
	assert_true(o.memory);
	assert_int_equal(o.length, size);
	return operand_offset(&o, registers, 0x5000);
}

static int set_up(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 16; i++)
		registers[i] = 0x1000000000 + ((u64)i << 20);
	return 0;
}

static void test_base(void **state)
{
	(void)state;
	for (u8 r = 0; r < 8; r++) {
		if (r == 4 || r == 5)
			continue;
		assert_int_equal(offset_of(BYTES(r), 0), registers[r]);
		assert_int_equal(offset_of(BYTES(r), 0x41), registers[r + 8]);
		assert_int_equal(offset_of(BYTES(0x40 | r, 0x80), 0x48),
				 registers[r] - 128);
		assert_int_equal(offset_of(BYTES(0x80 | r, 1, 2, 3, 0x80), 0),
				 registers[r] - 0x80000000 + 0x030201);
	}
	/* RBP and R13 need a displacement; without one it is RIP. */
	assert_int_equal(offset_of(BYTES(0x45, 8), 0), registers[5] + 8);
	assert_int_equal(offset_of(BYTES(0x45, 8), 0x41), registers[13] + 8);
	assert_int_equal(offset_of(BYTES(5, 0xfe, 0xff, 0xff, 0xff), 0), 0x4ffe);
	assert_int_equal(offset_of(BYTES(5, 2, 0, 0, 0), 0x41), 0x5002);
}

static void test_sib(void **state)
{
	(void)state;
	/* RSP, R12 as a base; no index */
	assert_int_equal(offset_of(BYTES(4, 0x24), 0), registers[4]);
	assert_int_equal(offset_of(BYTES(4, 0x24), 0x41), registers[12]);
	assert_int_equal(offset_of(BYTES(4, 0xe4), 0), registers[4]);
	/* R12 as an index: not the same as RSP's number */
	assert_int_equal(offset_of(BYTES(4, 0x63), 0x42),
			 registers[3] + registers[12] * 2);
	assert_int_equal(offset_of(BYTES(0x44, 0xc8, 0x7f), 0),
			 registers[0] + registers[1] * 8 + 127);
	/* no base */
	assert_int_equal(offset_of(BYTES(4, 0x25, 0, 0x10, 0, 0x80), 0),
			 0xffffffff80001000);
	assert_int_equal(offset_of(BYTES(4, 0x8d, 1, 0, 0, 0), 0x41),
			 registers[1] * 4 + 1);
	/* with a displacement, 5 is RBP or R13 again */
	assert_int_equal(offset_of(BYTES(0x44, 0x25, 1), 0x41),
			 registers[13] + 1);
}

static void test_register(void **state)
{
	struct operand o;

	(void)state;
	assert_int_equal(operand_decode(BYTES(0xca), 0x44, &o), 0);
	assert_false(o.memory);
	assert_int_equal(o.reg, 2);
	assert_int_equal(o.extension, 1);
	assert_int_equal(o.length, 1);
	assert_int_equal(operand_decode(BYTES(0xca), 0x41, &o), 0);
	assert_int_equal(o.reg, 10);
}

static void test_too_short(void **state)
{
	struct operand o;

	(void)state;
	assert_int_equal(operand_decode((const u8 *)"", 0, 0, &o), -EINVAL);
	assert_int_equal(operand_decode(BYTES(4), 0, &o), -EINVAL);
	assert_int_equal(operand_decode(BYTES(0x40), 0, &o), -EINVAL);
	assert_int_equal(operand_decode(BYTES(5, 1, 2, 3), 0, &o), -EINVAL);
	assert_int_equal(operand_decode(BYTES(4, 0x25, 1, 2, 3), 0, &o),
			 -EINVAL);
	assert_int_equal(operand_decode(BYTES(0x84, 0x24, 1, 2, 3), 0, &o),
			 -EINVAL);
}

static void test_moves(void **state)
{
	struct mmio_insn in;

	(void)state;
	/* mov %eax, 0x10(%rdi) */
	assert_int_equal(mmio_decode(BYTES(0x89, 0x47, 0x10), &in), 0);
	assert_true(in.write && in.bytes == 4 && !in.reg && in.length == 3);
	/* mov (%r8), %r9 */
	assert_int_equal(mmio_decode(BYTES(0x4d, 0x8b, 0x08), &in), 0);
	assert_true(!in.write && in.bytes == 8 && in.reg == 9);
	/* movb $0x80, (%rax) */
	assert_int_equal(mmio_decode(BYTES(0xc6, 0, 0x80), &in), 0);
	assert_true(in.immediate && in.bytes == 1);
	assert_int_equal(mmio_stored(&in, 0), 0x80);
	/* movzwl (%rax), %ecx */
	assert_int_equal(mmio_decode(BYTES(0x0f, 0xb7, 0x08), &in), 0);
	assert_int_equal(mmio_loaded(&in, ~0ULL, 0x123456), 0x3456);
	/* mov %ah, (%rax): high; add: not a move; cut off */
	assert_int_equal(mmio_decode(BYTES(0x88, 0x20), &in), 0);
	assert_int_equal(mmio_stored(&in, 0x1234), 0x12);
	assert_int_equal(mmio_decode(BYTES(0x01, 0x00), &in), -EINVAL);
	assert_int_equal(mmio_decode(BYTES(0x89, 0x47), &in), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_base, set_up),
		cmocka_unit_test_setup(test_sib, set_up),
		cmocka_unit_test(test_register),
		cmocka_unit_test(test_too_short),
		cmocka_unit_test(test_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
