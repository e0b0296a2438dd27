/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an instruction of 32-bit kernel code means in ring 1.
 *
 * An i386 kernel has its privileged instructions in its code, with no hook before them. At
 * CPL 1 some raise #GP (they trap), and some give a wrong answer and go on (they are
 * silent). Both kinds must be found before the kernel runs.
 */
#ifndef LAUNCHER_I386_INSN_H
#define LAUNCHER_I386_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define I386_INSN_MAX	15	/* bytes */

/* Kind, name, what it does at CPL 1. */
#define I386_KINDS_ARE(X) \
	X(PLAIN, "other", PLAIN) \
	X(PUSHF, "pushf", SILENT) \
	X(POPF, "popf", SILENT) \
	X(IRET, "iret", SILENT) \
	X(CPUID, "cpuid", SILENT) \
	X(SGDT, "sgdt", SILENT) \
	X(SIDT, "sidt", SILENT) \
	X(SLDT, "sldt", SILENT) \
	X(STR, "str", SILENT) \
	X(SMSW, "smsw", SILENT) \
	X(READ_CS, "read of cs", HARMLESS) \
	X(VERIFY, "verr, verw, lar, lsl", HARMLESS) \
	X(INT3, "int3", HARMLESS) \
	X(INT, "int", HARMLESS) \
	X(UNDEFINED, "ud", HARMLESS) \
	X(CLI, "cli", TRAPS) \
	X(STI, "sti", TRAPS) \
	X(HLT, "hlt", TRAPS) \
	X(IN, "in", TRAPS) \
	X(OUT, "out", TRAPS) \
	X(INS, "ins", TRAPS) \
	X(OUTS, "outs", TRAPS) \
	X(RDMSR, "rdmsr", TRAPS) \
	X(WRMSR, "wrmsr", TRAPS) \
	X(RDPMC, "rdpmc", TRAPS) \
	X(READ_CR, "read of cr", TRAPS) \
	X(WRITE_CR, "write of cr", TRAPS) \
	X(READ_DR, "read of dr", TRAPS) \
	X(WRITE_DR, "write of dr", TRAPS) \
	X(CLTS, "clts", TRAPS) \
	X(LMSW, "lmsw", TRAPS) \
	X(LGDT, "lgdt", TRAPS) \
	X(LIDT, "lidt", TRAPS) \
	X(LLDT, "lldt", TRAPS) \
	X(LTR, "ltr", TRAPS) \
	X(INVLPG, "invlpg", TRAPS) \
	X(INVPCID, "invpcid", TRAPS) \
	X(INVD, "invd", TRAPS) \
	X(WBINVD, "wbinvd", TRAPS) \
	X(XSETBV, "xsetbv", TRAPS) \
	X(XSAVES, "xsaves", TRAPS) \
	X(XRSTORS, "xrstors", TRAPS) \
	X(STAC, "stac", TRAPS) \
	X(CLAC, "clac", TRAPS) \
	X(MONITOR, "monitor", TRAPS) \
	X(MWAIT, "mwait", TRAPS) \
	X(SYSTEM_CALL, "sysenter, sysexit, syscall, sysret", TRAPS) \
	X(VIRTUAL, "instructions of VMX and SVM", TRAPS) \
	X(LOAD_SEGMENT, "load of a segment", SEGMENT) \
	X(FAR, "far jump, call or return", SEGMENT) \
	X(OTHER, "other privileged", TRAPS)

enum i386_kind {
#define I386_KIND(kind_, name_, effect_) I386_##kind_,
	I386_KINDS_ARE(I386_KIND)
#undef I386_KIND
	I386_KINDS
};

/* Whoever runs such a kernel must do something about all but PLAIN and HARMLESS. */
enum i386_effect {
	I386_EFFECT_PLAIN,	/* nothing to do with rings */
	I386_EFFECT_HARMLESS,	/* shows the ring, or what is in the real tables */
	I386_EFFECT_SILENT,	/* another result than in ring 0, and no fault */
	I386_EFFECT_TRAPS,	/* #GP or #UD */
	I386_EFFECT_SEGMENT,	/* depends on the selector: #GP, or as in ring 0 */
};

struct i386_insn {
	uint8_t length;		/* bytes, prefixes included */
	uint8_t kind;		/* enum i386_kind */
	bool relative;		/* it may go on `distance` bytes behind its end */
	int32_t distance;
};

/*
 * Decodes the instruction that `size` bytes begin with, of which it uses 15 at most.
 * 0; -ENOEXEC: they are none, or not all of one.
 */
int i386_decode(const uint8_t *bytes, size_t size, struct i386_insn *);

const char *i386_kind_name(enum i386_kind);
enum i386_effect i386_effect(enum i386_kind);

#endif
