// SPDX-License-Identifier: GPL-2.0
/*
 * The few privileged instructions of a guest kernel that no paravirt hook
 * replaces. They raise #GP in ring 1 and are done here.
 *
 * An instruction that is not known is not guessed at: the guest gets its #GP.
 *
 * Source: SDM volume 2 (opcodes), volume 3, 2.8 (system instructions).
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <asm/processor-flags.h>
#include <asm/fpu/xcr.h>
#include "ringlet.h"

struct insn {
	u8 bytes[15 + 3];	/* zeros behind what could be read */
	unsigned int size;	/* of bytes that could be read */
	unsigned int at;	/* the opcode's first byte */
	u8 rex;
	bool operand16;
};

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
		else if (b != 0xf2 && b != 0xf3 && b != 0x3e && b != 0x2e)
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

static bool write_cr(struct rl_vcpu *vcpu, unsigned int n, u64 value)
{
	switch (n) {
	case 0: vcpu->cr0 = value; return true;
	case 2: WRITE_ONCE(*vcpu_cr2(vcpu), value); return true;
	case 3: return !shadow_load(vcpu, value, 0, 0);
	case 4: vcpu->cr4 = value; shadow_flush_kernel(vcpu);
		shadow_flush_user(vcpu); return true;
	case 8: return true;
	}
	return false;
}

static bool set_xcr0(struct rl_vcpu *vcpu)
{
	u64 value = (vcpu->regs->rdx << 32) | (u32)vcpu->regs->rax;

	/* The guest uses the host's XCR0; it may believe in less. */
	return (u32)vcpu->regs->rcx == 0 && (value & 1) &&
	       !(value & ~xgetbv(XCR_XFEATURE_ENABLED_MASK));
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

/* 0F xx. Returns the bytes from the opcode on, 0: not known. */
static unsigned int two_byte(struct rl_vcpu *vcpu, const struct insn *in)
{
	u8 op = in->bytes[in->at + 1], modrm = in->bytes[in->at + 2];
	unsigned int cr = (modrm >> 3 & 7) | (in->rex & 4 ? 8 : 0);
	unsigned int gpr = (modrm & 7) | (in->rex & 1 ? 8 : 0);

	switch (op) {
	case 0x06:			/* clts */
	case 0x08:			/* invd */
	case 0x09:			/* wbinvd: memory is coherent */
		return 2;
	case 0x20:
		return read_cr(vcpu, cr, vcpu_register(vcpu, gpr)) ? 3 : 0;
	case 0x22:
		return write_cr(vcpu, cr, *vcpu_register(vcpu, gpr)) ? 3 : 0;
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
	case 0x01:
		if (modrm == 0xd1)
			return set_xcr0(vcpu) ? 3 : 0;
		return 0;
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
 * Ring 1 got a #GP with error code 0. True: the instruction was done and RIP
 * is behind it; false: inject the fault. May sleep.
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
	vcpu->regs->rip += in.at + length;
	vcpu->vm->stats.emulated++;
	return true;
}
