// SPDX-License-Identifier: GPL-2.0
/* Which instructions of 32-bit kernel code matter in ring 1, and what is none. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "launcher/i386_insn.h"

static const struct {
	const char *bytes;
	uint8_t length, kind;
} insns[] = {
#define INSN(bytes_, kind_) { bytes_, sizeof(bytes_) - 1, I386_##kind_ }
	INSN("\x9c", PUSHF), INSN("\x66\x9c", PUSHF),
	INSN("\x9d", POPF), INSN("\x66\x9d", POPF),
	INSN("\xcf", IRET), INSN("\x66\xcf", IRET),
	INSN("\x0f\xa2", CPUID),
	INSN("\x0f\x01\x45\xf8", SGDT), INSN("\x0f\x01\x0c\x24", SIDT),
	INSN("\x0f\x00\xc0", SLDT), INSN("\x0f\x00\xc8", STR),
	INSN("\x0f\x01\xe0", SMSW), INSN("\x0f\x01\x20", SMSW),
	INSN("\x0e", READ_CS), INSN("\x8c\xc8", READ_CS),
	INSN("\x8c\x0d\x44\x33\x22\x11", READ_CS),
	INSN("\x8c\xd8", PLAIN),	/* mov %ds, %eax */
	INSN("\x1e", PLAIN), INSN("\x0f\xa8", PLAIN),	/* push of ds, gs */
	INSN("\x0f\x00\x2d\x44\x33\x22\x11", VERIFY), INSN("\x0f\x00\xe0", VERIFY),
	INSN("\x0f\x02\xc1", VERIFY), INSN("\x0f\x03\xc1", VERIFY),
	INSN("\xcc", INT3), INSN("\xcd\x80", INT), INSN("\xf1", INT),
	INSN("\xce", INT), INSN("\x0f\x0b", UNDEFINED),
	INSN("\x0f\xb9\xc0", UNDEFINED),
	INSN("\xfa", CLI), INSN("\xfb", STI), INSN("\xf4", HLT),
	INSN("\xe4\x61", IN), INSN("\xe5\x61", IN), INSN("\xec", IN),
	INSN("\xed", IN), INSN("\x66\xed", IN),
	INSN("\xe6\x80", OUT), INSN("\xe7\x80", OUT), INSN("\xee", OUT),
	INSN("\xef", OUT),
	INSN("\xf3\x6c", INS), INSN("\xf3\x66\x6d", INS), INSN("\x6d", INS),
	INSN("\xf3\x6e", OUTS), INSN("\x6f", OUTS),
	INSN("\x0f\x32", RDMSR), INSN("\x0f\x30", WRMSR), INSN("\x0f\x33", RDPMC),
	INSN("\x0f\x20\xd8", READ_CR), INSN("\x0f\x22\xd8", WRITE_CR),
	INSN("\x0f\x21\xf8", READ_DR), INSN("\x0f\x23\xf8", WRITE_DR),
	INSN("\x0f\x06", CLTS), INSN("\x0f\x01\xf0", LMSW),
	INSN("\x0f\x01\x15\x44\x33\x22\x11", LGDT), INSN("\x0f\x01\x18", LIDT),
	INSN("\x0f\x00\xd0", LLDT), INSN("\x0f\x00\xd8", LTR),
	INSN("\x0f\x01\x38", INVLPG), INSN("\x66\x0f\x38\x82\x00", INVPCID),
	INSN("\x0f\x08", INVD), INSN("\x0f\x09", WBINVD), INSN("\xf3\x0f\x09", WBINVD),
	INSN("\x0f\x01\xd1", XSETBV), INSN("\x0f\x01\xd0", PLAIN),	/* xgetbv */
	INSN("\x0f\xc7\x28", XSAVES), INSN("\x0f\xc7\x18", XRSTORS),
	INSN("\x0f\xae\x20", PLAIN),	/* xsave */
	INSN("\x0f\x01\xcb", STAC), INSN("\x0f\x01\xca", CLAC),
	INSN("\x0f\x01\xc8", MONITOR), INSN("\x0f\x01\xfa", MONITOR),
	INSN("\x0f\x01\xc9", MWAIT), INSN("\x0f\x01\xfb", MWAIT),
	INSN("\x0f\x34", SYSTEM_CALL), INSN("\x0f\x35", SYSTEM_CALL),
	INSN("\x0f\x01\xc1", VIRTUAL), INSN("\x0f\x01\xd9", VIRTUAL),
	INSN("\x8e\xd8", LOAD_SEGMENT), INSN("\x8e\x25\x44\x33\x22\x11", LOAD_SEGMENT),
	INSN("\x07", LOAD_SEGMENT), INSN("\x17", LOAD_SEGMENT),
	INSN("\x1f", LOAD_SEGMENT), INSN("\x0f\xa1", LOAD_SEGMENT),
	INSN("\x0f\xa9", LOAD_SEGMENT), INSN("\x0f\xb2\x25\x44\x33\x22\x11", LOAD_SEGMENT),
	INSN("\xea\x01\x02\x03\x04\x60\x00", FAR), INSN("\xff\x2d\x44\x33\x22\x11", FAR),
	INSN("\x9a\x01\x02\x03\x04\x10\x00", FAR), INSN("\xff\x18", FAR),
	INSN("\xcb", FAR), INSN("\xca\x08\x00", FAR),
	INSN("\x0f\xaa", OTHER), INSN("\x0f\x01\xcf", OTHER),	/* rsm, encls */
	INSN("\xff\x25\x44\x33\x22\x11", PLAIN), INSN("\xc3", PLAIN),
	INSN("\xe8\x01\x02\x03\x04", PLAIN), INSN("\x0f\x31", PLAIN),	/* rdtsc */
	/* What one decoder or another does not know. */
	INSN("\x0f\x01\xe8", PLAIN),			/* serialize */
	INSN("\x66\x0f\xae\xf1", PLAIN),		/* tpause */
	INSN("\xf0\x0f\xc7\x0f", PLAIN),		/* lock cmpxchg8b */
	INSN("\xc4\xe2\x75\x00\xc2", PLAIN),		/* AVX2 vpshufb */
	INSN("\x62\xf1\x7d\x48\x6f\x00", PLAIN),	/* AVX-512 vmovdqa32 */
	INSN("\x2e\x8d\xb4\x26\x00\x00\x00\x00", PLAIN), /* a long nop */
	INSN("\x64\xa1\x44\x33\x22\x11", PLAIN),	/* mov %fs:..., %eax */
};
#define COUNT (sizeof(insns) / sizeof(insns[0]))

/* No byte more than there is, for ASan. */
static int decode(const void *bytes, size_t size, struct i386_insn *in)
{
	uint8_t *copy = malloc(size ? size : 1);
	int ret;

	memcpy(copy, bytes, size);
	ret = i386_decode(copy, size, in);
	free(copy);
	return ret;
}

static void kinds(void **state)
{
	struct i386_insn in;

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		if (decode(insns[i].bytes, insns[i].length, &in))
			fail_msg("number %zu does not decode", i);
		if (in.length != insns[i].length || in.kind != insns[i].kind)
			fail_msg("number %zu: %s, %u bytes", i,
				 i386_kind_name(in.kind), in.length);
	}
}

/* Every kind is among them, has a name of its own, and an effect. */
static void all_kinds(void **state)
{
	(void)state;
	for (int kind = 0; kind < I386_KINDS; kind++) {
		bool seen = false;

		for (size_t i = 0; i < COUNT; i++)
			seen |= insns[i].kind == kind;
		if (!seen)
			fail_msg("%s is not tested", i386_kind_name(kind));
		for (int other = 0; other < kind; other++)
			assert_string_not_equal(i386_kind_name(kind),
						i386_kind_name(other));
		assert_int_equal(i386_effect(kind) == I386_EFFECT_PLAIN,
				 kind == I386_PLAIN);
	}
	assert_int_equal(i386_effect(I386_POPF), I386_EFFECT_SILENT);
	assert_int_equal(i386_effect(I386_CLI), I386_EFFECT_TRAPS);
	assert_int_equal(i386_effect(I386_INT3), I386_EFFECT_HARMLESS);
	assert_int_equal(i386_effect(I386_FAR), I386_EFFECT_SEGMENT);
}

/* The beginning of an instruction is none, whatever lies behind. */
static void cut_off(void **state)
{
	struct i386_insn in;

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		for (size_t size = 0; size < insns[i].length; size++) {
			int ret = decode(insns[i].bytes, size, &in);

			/* But for those that are short ones at the start. */
			if (!ret && in.length > size)
				fail_msg("number %zu at %zu bytes", i, size);
			if (!ret && in.length == insns[i].length)
				fail_msg("number %zu needs %zu bytes only", i, size);
		}
	assert_int_equal(decode("", 0, &in), -ENOEXEC);
	assert_int_equal(decode("\x0f", 1, &in), -ENOEXEC);
	assert_int_equal(decode("\xe8\x01\x02\x03", 4, &in), -ENOEXEC);
}

static void none(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} bad[] = {
		{ "\x0f\x04\0\0\0\0", 6 }, { "\x0f\x24\xc0\0\0\0", 6 },
		{ "\xf0\xfa\0\0\0\0", 6 },		/* lock cli */
		{ "\xf0\x90\0\0\0\0", 6 },
		{ "\x8e\xc8\0\0\0\0", 6 },		/* mov %eax, %cs */
		{ "\x8e\xf0\0\0\0\0", 6 },		/* a seventh register */
		{ "\x0f\x22\xc8\0\0\0", 6 },		/* cr1 */
		{ "\xff\xff\0\0\0\0", 6 },
		{ "\xff\xd8\0\0\0\0", 6 },		/* far call to a register */
		{ "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\xfa",
		  16 },
	};
	struct i386_insn in;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (decode(bad[i].bytes, bad[i].size, &in) != -ENOEXEC)
			fail_msg("number %zu: %s, %u bytes", i,
				 i386_kind_name(in.kind), in.length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(all_kinds),
		cmocka_unit_test(cut_off),
		cmocka_unit_test(none),
	};

	return cmocka_run_group_tests_name("i386_insn", tests, NULL, NULL);
}
