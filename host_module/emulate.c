// SPDX-License-Identifier: GPL-2.0
/*
 * The few privileged instructions of a guest kernel that no paravirt hook
 * replaces. They raise #GP in ring 1 and are done here.
 *
 * An instruction that is not known is not guessed at: the guest gets its #GP.
 *
 * Source: SDM volume 2 (opcodes; appendix A, groups 6 and 7), volume 3, 2.8
 * (system instructions).
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <asm/processor-flags.h>
#include <asm/fpu/xcr.h>
#include "cpuid.h"
#include "emulate.h"
#include "inject.h"
#include "ldt.h"
#include "msr.h"
#include "shadow.h"
#include "vcpu.h"
#include "walk.h"

struct insn {
	u8 bytes[15 + 3];	/* zeros behind what could be read */
	unsigned int size;	/* of bytes that could be read */
	unsigned int at;	/* the opcode's first byte */
	u8 rex;
	u8 segment;		/* the prefix of FS or GS, or 0 */
	bool operand16, address32, repeat;
};

#define REX_W	8
#define REX_R	4
#define REX_B	1

/* Instead of a length: RIP stays. The guest has got a fault, or the thread is being
   killed and nothing was done. */
#define FAULTED	(~0u)

/* General register n as instructions number them: 0 RAX .. 15 R15. */
u64 *vcpu_register(struct rl_vcpu *vcpu, unsigned int n)
{
	struct window_frame *r = vcpu->regs;
	u64 *all[16] = {
		&r->rax, &r->rcx, &r->rdx, &r->rbx,
		&r->rsp, &r->rbp, &r->rsi, &r->rdi,
		&r->r8, &r->r9, &r->r10, &r->r11,
		&r->r12, &r->r13, &r->r14, &r->r15,
	};

	return all[n & 15];
}

static bool fetch(struct rl_vcpu *vcpu, struct insn *in)
{
	u64 rip = vcpu->regs->rip;
	gva_t fault;
	u32 error;

	memset(in, 0, sizeof(*in));
	in->size = min_t(u64, 15, PAGE_SIZE - offset_in_page(rip));
	if (guest_read(vcpu, rip, in->bytes, in->size, FAULT_I, &error, &fault))
		return false;
	if (in->size < 15 &&
	    !guest_read(vcpu, rip + in->size, in->bytes + in->size,
			15 - in->size, FAULT_I, &error, &fault))
		in->size = 15;
	for (; in->at < in->size; in->at++) {
		u8 b = in->bytes[in->at];

		if (b == 0x66)
			in->operand16 = true;
		else if (b == 0x67)
			in->address32 = true;
		else if (b == 0x64 || b == 0x65)
			in->segment = b;
		else if (b == 0xf2 || b == 0xf3)
			in->repeat = true;
		else if (b != 0x26 && b != 0x2e && b != 0x36 && b != 0x3e)
			break;
	}
	if ((in->bytes[in->at] & 0xf0) == 0x40)
		in->rex = in->bytes[in->at++];
	return in->at < in->size;
}

static bool read_cr(struct rl_vcpu *vcpu, unsigned int n, u64 *value)
{
	switch (n) {
	case 0: *value = vcpu->cr0; return true;
	case 2: *value = READ_ONCE(*vcpu_cr2(vcpu)); return true;
	case 3: *value = vcpu->cr3; return true;
	case 4: *value = vcpu->cr4; return true;
	case 8: *value = 0; return true;
	}
	return false;
}

/* Likewise 0: no such register; 3, or FAULTED where it is to be done again. */
static unsigned int write_cr(struct rl_vcpu *vcpu, unsigned int n, u64 value)
{
	int r;

	switch (n) {
	case 0: vcpu->cr0 = value; return 3;
	case 2: WRITE_ONCE(*vcpu_cr2(vcpu), value); return 3;
	case 3:
		r = shadow_load(vcpu, value, 0, 0);
		return r == -EINTR ? FAULTED : r ? 0 : 3;
	case 4:
		vcpu->cr4 = value;
		return shadow_flush_kernel(vcpu) || shadow_flush_user(vcpu) ?
		       FAULTED : 3;
	case 8: return 3;
	}
	return 0;
}

static bool set_xcr0(struct rl_vcpu *vcpu)
{
	u64 value = (vcpu->regs->rdx << 32) | (u32)vcpu->regs->rax;

	/* The guest uses the host's XCR0, less tiles; it may believe in less. */
	return (u32)vcpu->regs->rcx == 0 && (value & 1) &&
	       !(value & ~xcr0_for_guest(xgetbv(XCR_XFEATURE_ENABLED_MASK)));
}

static bool read_msr_insn(struct rl_vcpu *vcpu)
{
	u64 value;

	if (msr_read(vcpu, vcpu->regs->rcx, &value))
		return false;
	vcpu->regs->rax = (u32)value;
	vcpu->regs->rdx = value >> 32;
	return true;
}

/* Port reads give all ones: nobody drives the bus. */
static void port_read(struct rl_vcpu *vcpu, const struct insn *in, u8 opcode)
{
	if (!(opcode & 1))
		vcpu->regs->rax |= 0xff;
	else if (in->operand16)
		vcpu->regs->rax |= 0xffff;
	else
		vcpu->regs->rax = 0xffffffff;
}

/*J: emulate.tables
 * SGDT, SIDT, SLDT, STR and SMSW only read, so processors let everybody execute
 * them, and ring 1 would see the host's tables. Newer ones can refuse (UMIP), and
 * where the host asked for that, the #GP comes here. The guest's own values
 * are its answer: what it last loaded by LGDT and its kin, which the processor
 * refuses to ring 1, too. Nothing is loaded in truth. In ring 3 a refusal is the
 * guest kernel's business, and Linux answers its programs with constants.
 :*/

/* The linear address of a memory operand. */
static gva_t operand_address(struct rl_vcpu *vcpu, const struct insn *in,
			     const struct operand *o)
{
	u64 registers[16], offset;

	for (unsigned int n = 0; n < 16; n++)
		registers[n] = *vcpu_register(vcpu, n);
	offset = operand_offset(o, registers, vcpu->regs->rip + in->at + 2 +
				o->length);
	if (in->address32)
		offset = (u32)offset;
	if (in->segment == 0x64)
		offset += vcpu->stack->fs_base;
	else if (in->segment == 0x65)
		offset += vcpu->stack->gs_base;
	return offset;
}

/*
 * Reads or writes a memory operand. The length of the instruction; FAULTED where
 * the guest's tables forbid it; 0 where the address is none: #GP.
 */
static unsigned int access(struct rl_vcpu *vcpu, const struct insn *in,
			   const struct operand *o, void *buffer, size_t bytes,
			   bool write)
{
	gva_t at = operand_address(vcpu, in, o), fault;
	u32 error;
	int r;

	if (!gva_canonical(at) || !gva_canonical(at + bytes - 1))
		return 0;
	r = write ? guest_write(vcpu, at, buffer, bytes, &error, &fault) :
		    guest_read(vcpu, at, buffer, bytes, 0, &error, &fault);
	if (!r)
		return 2 + o->length;
	inject_page_fault(vcpu, fault, error);
	return FAULTED;
}

/* SGDT, SIDT, LGDT, LIDT. */
static unsigned int table_register(struct rl_vcpu *vcpu, const struct insn *in,
				   const struct operand *o)
{
	struct desc_ptr *own = o->extension & 1 ? &vcpu->idtr : &vcpu->gdtr;
	struct desc_ptr value = *own;
	unsigned int length;

	if (o->extension < 2)
		return access(vcpu, in, o, &value, sizeof(value), true);
	length = access(vcpu, in, o, &value, sizeof(value), false);
	if (!length || length == FAULTED)
		return length;
	if (!gva_canonical(value.address))
		return 0;
	*own = value;
	return length;
}

/*
 * SLDT, STR, SMSW: two bytes of memory, or a register, of which 16 bits are left
 * alone with a prefix 66.
 */
static unsigned int store_word(struct rl_vcpu *vcpu, const struct insn *in,
			       const struct operand *o, u64 value)
{
	u64 *reg = vcpu_register(vcpu, o->reg);

	if (o->memory)
		return access(vcpu, in, o, &value, 2, true);
	if (in->rex & REX_W)
		*reg = value;
	else if (in->operand16)
		*reg = (*reg & ~0xffffULL) | (u16)value;
	else
		*reg = (u32)value;
	return 2 + o->length;
}

/* LLDT, LTR, LMSW: the operand in *value. */
static unsigned int load_word(struct rl_vcpu *vcpu, const struct insn *in,
			      const struct operand *o, u16 *value)
{
	if (o->memory)
		return access(vcpu, in, o, value, 2, false);
	*value = *vcpu_register(vcpu, o->reg);
	return 2 + o->length;
}

/*
 * 0F 00. Only NULL can be loaded into LDTR: an LDT comes by RL_HC_SET_LDT. /4 and /5
 * (VERR, VERW) are for everyone.
 */
static unsigned int group_6(struct rl_vcpu *vcpu, const struct insn *in,
			    const struct operand *o)
{
	unsigned int length;
	u16 value = 0;

	switch (o->extension) {
	case 0:
		return store_word(vcpu, in, o, vcpu->shared->ldt);
	case 1:
		return store_word(vcpu, in, o, vcpu->tr);
	case 2: case 3:
		length = load_word(vcpu, in, o, &value);
		if (!length || length == FAULTED)
			return length;
		if (o->extension == 2) {
			if (value & ~3)
				return 0;
			ldt_set(vcpu, 0, 0);
			return length;
		}
		if (!(value & ~3) || value & 4)
			return 0;
		vcpu->tr = value;
		return length;
	}
	return 0;
}

/*
 * 0F 01. With a register operand /0 to /3, /5 and /7 are other instructions
 * (VMCALL, MONITOR, STAC, SWAPGS, ...): XSETBV is done, none of the others is
 * needed. /5 with memory is RSTORSSP: shadow stacks are off.
 */
static unsigned int group_7(struct rl_vcpu *vcpu, const struct insn *in,
			    const struct operand *o)
{
	unsigned int length;
	u16 value = 0;

	if (in->bytes[in->at + 2] == 0xd1)
		return set_xcr0(vcpu) ? 3 : 0;
	if (o->extension == 4)
		return store_word(vcpu, in, o, vcpu->cr0);
	if (o->extension == 6) {
		length = load_word(vcpu, in, o, &value);
		/* PE stays on; MP, EM, TS. */
		if (length && length != FAULTED)
			vcpu->cr0 = (vcpu->cr0 & ~0xeULL) | (value & 0xf);
		return length;
	}
	if (!o->memory)
		return 0;
	if (o->extension < 4)
		return table_register(vcpu, in, o);
	if (o->extension == 7) {	/* invlpg */
		if (shadow_flush_one(vcpu, operand_address(vcpu, in, o)))
			return FAULTED;
		return 2 + o->length;
	}
	return 0;
}

/* A prefix F2 or F3 would make other instructions of some. */
static unsigned int system_group(struct rl_vcpu *vcpu, const struct insn *in)
{
	struct operand o;

	if (in->repeat || in->size < in->at + 2 ||
	    operand_decode(in->bytes + in->at + 2, in->size - in->at - 2,
			   in->rex, &o))
		return 0;
	return in->bytes[in->at + 1] ? group_7(vcpu, in, &o) :
				       group_6(vcpu, in, &o);
}

/* 0F xx. Returns the bytes from the opcode on, 0: not known, or FAULTED. */
static unsigned int two_byte(struct rl_vcpu *vcpu, const struct insn *in)
{
	u8 op = in->bytes[in->at + 1], modrm = in->bytes[in->at + 2];
	unsigned int cr = (modrm >> 3 & 7) | (in->rex & REX_R ? 8 : 0);
	unsigned int gpr = (modrm & 7) | (in->rex & REX_B ? 8 : 0);

	switch (op) {
	case 0x00: case 0x01:
		return system_group(vcpu, in);
	case 0x06:			/* clts */
	case 0x08:			/* invd */
	case 0x09:			/* wbinvd: memory is coherent */
		return 2;
	case 0x20:
		return read_cr(vcpu, cr, vcpu_register(vcpu, gpr)) ? 3 : 0;
	case 0x22:
		return write_cr(vcpu, cr, *vcpu_register(vcpu, gpr));
	case 0x21:
		return debugreg_read(vcpu, cr, vcpu_register(vcpu, gpr)) ? 0 : 3;
	case 0x23:
		return debugreg_write(vcpu, cr, *vcpu_register(vcpu, gpr)) ? 0 : 3;
	case 0x30:
		return msr_write(vcpu, vcpu->regs->rcx,
				 (vcpu->regs->rdx << 32) |
				 (u32)vcpu->regs->rax) ? 0 : 2;
	case 0x32:
		return read_msr_insn(vcpu) ? 2 : 0;
	}
	return 0;
}

static unsigned int execute(struct rl_vcpu *vcpu, const struct insn *in)
{
	u8 op = in->bytes[in->at];

	switch (op) {
	case 0x0f:
		return two_byte(vcpu, in);
	case 0xfa: case 0xfb:		/* cli, sti */
		if (!vcpu->page)
			return 0;
		WRITE_ONCE(vcpu->page->vif, op == 0xfb);
		return 1;
	case 0xf4:			/* hlt */
		vcpu->halted = true;
		return 1;
	case 0xe4: case 0xe5:
		port_read(vcpu, in, op);
		return 2;
	case 0xec: case 0xed:
		port_read(vcpu, in, op);
		return 1;
	case 0xe6: case 0xe7:
		return 2;
	case 0xee: case 0xef:
		return 1;
	}
	return 0;
}

/*
 * Ring 1 got a #GP with error code 0 in 64-bit code. True: the instruction was done and RIP
 * is behind it, or its operand's page fault is injected; false: inject the #GP.
 * May sleep.
 */
bool emulate_instruction(struct rl_vcpu *vcpu)
{
	struct insn in;
	unsigned int length;

	if (!fetch(vcpu, &in))
		return false;
	length = execute(vcpu, &in);
	if (!length)
		return false;
	if (length == FAULTED)
		return true;
	vcpu->regs->rip += in.at + length;
	vcpu->stats.emulated++;
	return true;
}
