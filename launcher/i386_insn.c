// SPDX-License-Identifier: GPL-2.0
/*
 * Decoding 32-bit code. The decoder is Zydis; what is ours is which instructions matter
 * in ring 1. See i386_insn.h.
 *
 * Source: SDM volume 3, 5.9 (privileged instructions), volume 2 (opcodes).
 */
#include "i386_insn.h"

#include <errno.h>

#include <Zydis/Zydis.h>

/* ModRM.reg of a MOV from or to a segment register. */
#define SREG_CS	1

/* Most have a name of their own. */
static enum i386_kind kind_of_name(ZydisMnemonic mnemonic)
{
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_PUSHF:
	case ZYDIS_MNEMONIC_PUSHFD:	return I386_PUSHF;
	case ZYDIS_MNEMONIC_POPF:
	case ZYDIS_MNEMONIC_POPFD:	return I386_POPF;
	case ZYDIS_MNEMONIC_IRET:
	case ZYDIS_MNEMONIC_IRETD:	return I386_IRET;
	case ZYDIS_MNEMONIC_CPUID:	return I386_CPUID;
	case ZYDIS_MNEMONIC_SGDT:	return I386_SGDT;
	case ZYDIS_MNEMONIC_SIDT:	return I386_SIDT;
	case ZYDIS_MNEMONIC_SLDT:	return I386_SLDT;
	case ZYDIS_MNEMONIC_STR:	return I386_STR;
	case ZYDIS_MNEMONIC_SMSW:	return I386_SMSW;
	case ZYDIS_MNEMONIC_VERR:
	case ZYDIS_MNEMONIC_VERW:
	case ZYDIS_MNEMONIC_LAR:
	case ZYDIS_MNEMONIC_LSL:	return I386_VERIFY;
	case ZYDIS_MNEMONIC_INT3:	return I386_INT3;
	case ZYDIS_MNEMONIC_INT:
	case ZYDIS_MNEMONIC_INT1:
	case ZYDIS_MNEMONIC_INTO:	return I386_INT;
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:	return I386_UNDEFINED;
	case ZYDIS_MNEMONIC_CLI:	return I386_CLI;
	case ZYDIS_MNEMONIC_STI:	return I386_STI;
	case ZYDIS_MNEMONIC_HLT:	return I386_HLT;
	case ZYDIS_MNEMONIC_IN:		return I386_IN;
	case ZYDIS_MNEMONIC_OUT:	return I386_OUT;
	case ZYDIS_MNEMONIC_INSB:
	case ZYDIS_MNEMONIC_INSW:
	case ZYDIS_MNEMONIC_INSD:	return I386_INS;
	case ZYDIS_MNEMONIC_OUTSB:
	case ZYDIS_MNEMONIC_OUTSW:
	case ZYDIS_MNEMONIC_OUTSD:	return I386_OUTS;
	case ZYDIS_MNEMONIC_RDMSR:	return I386_RDMSR;
	case ZYDIS_MNEMONIC_WRMSR:	return I386_WRMSR;
	case ZYDIS_MNEMONIC_RDPMC:	return I386_RDPMC;
	case ZYDIS_MNEMONIC_CLTS:	return I386_CLTS;
	case ZYDIS_MNEMONIC_LMSW:	return I386_LMSW;
	case ZYDIS_MNEMONIC_LGDT:	return I386_LGDT;
	case ZYDIS_MNEMONIC_LIDT:	return I386_LIDT;
	case ZYDIS_MNEMONIC_LLDT:	return I386_LLDT;
	case ZYDIS_MNEMONIC_LTR:	return I386_LTR;
	case ZYDIS_MNEMONIC_INVLPG:	return I386_INVLPG;
	case ZYDIS_MNEMONIC_INVPCID:	return I386_INVPCID;
	case ZYDIS_MNEMONIC_INVD:	return I386_INVD;
	case ZYDIS_MNEMONIC_WBINVD:	return I386_WBINVD;
	case ZYDIS_MNEMONIC_XSETBV:	return I386_XSETBV;
	case ZYDIS_MNEMONIC_XSAVES:	return I386_XSAVES;
	case ZYDIS_MNEMONIC_XRSTORS:	return I386_XRSTORS;
	case ZYDIS_MNEMONIC_STAC:	return I386_STAC;
	case ZYDIS_MNEMONIC_CLAC:	return I386_CLAC;
	case ZYDIS_MNEMONIC_MONITOR:
	case ZYDIS_MNEMONIC_MONITORX:	return I386_MONITOR;
	case ZYDIS_MNEMONIC_MWAIT:
	case ZYDIS_MNEMONIC_MWAITX:	return I386_MWAIT;
	case ZYDIS_MNEMONIC_SYSENTER:
	case ZYDIS_MNEMONIC_SYSEXIT:
	case ZYDIS_MNEMONIC_SYSCALL:
	case ZYDIS_MNEMONIC_SYSRET:	return I386_SYSTEM_CALL;
	case ZYDIS_MNEMONIC_LDS:
	case ZYDIS_MNEMONIC_LES:
	case ZYDIS_MNEMONIC_LFS:
	case ZYDIS_MNEMONIC_LGS:
	case ZYDIS_MNEMONIC_LSS:	return I386_LOAD_SEGMENT;
	case ZYDIS_MNEMONIC_RSM:	return I386_OTHER;
	default:			return I386_PLAIN;
	}
}

/* MOV, PUSH and POP are told by their opcodes. */
static enum i386_kind kind_of_opcode(const ZydisDecodedInstruction *in)
{
	if (in->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT) {
		switch (in->opcode) {
		case 0x0e:		/* push cs */
			return I386_READ_CS;
		case 0x8c:		/* mov from a segment register */
			return in->raw.modrm.reg == SREG_CS ? I386_READ_CS :
							      I386_PLAIN;
		case 0x07: case 0x17: case 0x1f: /* pop es, ss, ds */
		case 0x8e:		/* mov to a segment register */
			return I386_LOAD_SEGMENT;
		}
	} else if (in->opcode_map == ZYDIS_OPCODE_MAP_0F) {
		switch (in->opcode) {
		case 0x20:
			return I386_READ_CR;
		case 0x21:
			return I386_READ_DR;
		case 0x22:
			return I386_WRITE_CR;
		case 0x23:
			return I386_WRITE_DR;
		case 0xa1: case 0xa9:	/* pop fs, gs */
			return I386_LOAD_SEGMENT;
		}
	}
	return I386_PLAIN;
}

static enum i386_kind kind_of(const ZydisDecodedInstruction *in)
{
	enum i386_kind kind = kind_of_name(in->mnemonic);

	if (kind != I386_PLAIN)
		return kind;
	kind = kind_of_opcode(in);
	if (kind != I386_PLAIN)
		return kind;
	if (in->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR)
		return I386_FAR;
	if (in->meta.category == ZYDIS_CATEGORY_VTX ||
	    in->meta.isa_ext == ZYDIS_ISA_EXT_SVM)
		return I386_VIRTUAL;
	/* The rest of what the processor keeps to ring 0. */
	if (in->attributes & ZYDIS_ATTRIB_IS_PRIVILEGED)
		return I386_OTHER;
	return I386_PLAIN;
}

int i386_decode(const uint8_t *bytes, size_t size, struct i386_insn *out)
{
	ZydisDecodedInstruction in;
	ZydisDecoder decoder;

	if (ZYAN_FAILED(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LEGACY_32,
					 ZYDIS_STACK_WIDTH_32)) ||
	    ZYAN_FAILED(ZydisDecoderDecodeInstruction(
		    &decoder, NULL, bytes,
		    size < I386_INSN_MAX ? size : I386_INSN_MAX, &in)))
		return -ENOEXEC;
	out->length = in.length;
	out->kind = kind_of(&in);
	/* Of all that a kernel has, the first operand. */
	out->relative = in.raw.imm[0].is_relative;
	out->distance = out->relative ? in.raw.imm[0].value.s : 0;
	return 0;
}

const char *i386_kind_name(enum i386_kind kind)
{
	static const char *const names[I386_KINDS] = {
#define NAME(kind_, name_, effect_) [I386_##kind_] = name_,
		I386_KINDS_ARE(NAME)
	};

	return names[kind];
}

enum i386_effect i386_effect(enum i386_kind kind)
{
	static const uint8_t effects[I386_KINDS] = {
#define EFFECT(kind_, name_, effect_) [I386_##kind_] = I386_EFFECT_##effect_,
		I386_KINDS_ARE(EFFECT)
	};

	return effects[kind];
}
