// SPDX-License-Identifier: GPL-2.0
/*
 * The ACPI tables of a 32-bit guest: each leads to the next, sums and lengths are right,
 * and the program in one of them ends exactly where its lengths say.
 */
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "abi/guest.h"
#include "abi/i386.h"
#include "launcher/i386_acpi.h"

static uint8_t *memory;

static int set_up(void **state)
{
	(void)state;
	memory = calloc(1, 1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

static uint32_t word(uint64_t gpa)
{
	uint32_t value;

	memcpy(&value, memory + gpa, sizeof(value));
	return value;
}

static void sum_is_zero(uint64_t gpa, size_t size)
{
	uint8_t sum = 0;

	while (size--)
		sum += memory[gpa++];
	assert_int_equal(sum, 0);
}

/* The GPA of the table that the word at `at` leads to. */
static uint64_t table(uint64_t at, const char *signature)
{
	uint64_t gpa = word(at);

	assert_in_range(gpa, RL_I386_ACPI_GPA, RL_I386_LOW_RAM - 64);
	assert_memory_equal(memory + gpa, signature, 4);
	assert_in_range(word(gpa + 4), 36, RL_I386_LOW_RAM - gpa);
	if (strcmp(signature, "FACS"))
		sum_is_zero(gpa, word(gpa + 4));
	return gpa;
}

static uint64_t dsdt(unsigned int devices)
{
	uint64_t rsdp = i386_acpi_write(memory, devices);
	uint64_t fadt;

	assert_memory_equal(memory + rsdp, "RSD PTR ", 8);
	sum_is_zero(rsdp, 20);
	fadt = table(table(rsdp + 16, "RSDT") + 36, "FACP");
	assert_int_equal(table(fadt + 36, "FACS") % 64, 0);
	assert_int_equal(memory[fadt + 46], RL_I386_PIN_SCI);
	assert_int_equal(word(fadt + 56), RL_I386_PM1_EVENT);
	assert_int_equal(word(fadt + 64), RL_I386_PM1_CONTROL);
	assert_int_equal(memory[fadt + 88], 4);
	assert_int_equal(memory[fadt + 89], 2);
	return table(fadt + 40, "DSDT");
}

/* A length of two bytes; what it is about ends at the result. */
static uint64_t end_of(uint64_t at)
{
	assert_int_equal(memory[at] >> 6, 1);
	return at + ((memory[at] & 0xf) | memory[at + 1] << 4);
}

static void check_device(uint64_t at, uint64_t end, unsigned int n)
{
	static const uint8_t pins[] = RL_I386_PINS;
	uint64_t buffer;

	assert_memory_equal(memory + at, "VIO", 3);
	assert_memory_equal(memory + at + 4, "\x08_HID\x0dLNRO0005\0\x08_UID\x0a", 21);
	assert_int_equal(memory[at + 25], n);
	assert_memory_equal(memory + at + 26, "\x08_CRS\x11", 6);
	buffer = at + 32;
	assert_int_equal(end_of(buffer), end);
	assert_int_equal(memory[buffer + 3], end - buffer - 4);
	assert_int_equal(word(buffer + 8), RL_MMIO_BASE + n * RL_MMIO_STRIDE);
	assert_int_equal(word(buffer + 21), pins[n]);
	assert_int_equal(memory[end - 2], 0x79);
}

static void test_devices(void **state)
{
	static const unsigned int counts[] = { 0, 1, 9, 20 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		unsigned int there = counts[i] < 9 ? counts[i] : 9, n = 0;
		uint64_t gpa, at, end;

		memset(memory, 0, 1 << 20);
		gpa = dsdt(counts[i]);
		at = gpa + 36;
		assert_int_equal(memory[at], 0x10);
		end = end_of(at + 1);
		assert_memory_equal(memory + at + 3, "\\_SB_", 5);
		for (at += 8; at < end; at = end_of(at + 2), n++) {
			assert_memory_equal(memory + at, "\x5b\x82", 2);
			check_device(at + 4, end_of(at + 2), n);
		}
		assert_int_equal(at, end);
		assert_int_equal(n, there);
		assert_memory_equal(memory + end, "\x08\\_S5_\x12\x08\x04\x0a\x05", 11);
		assert_int_equal(end + 15, gpa + word(gpa + 4));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_devices, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
