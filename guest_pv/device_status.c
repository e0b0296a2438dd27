// SPDX-License-Identifier: GPL-2.0
/*
 * The two registers of a virtio device that every interrupt touches.
 */
#include <linux/virtio_mmio.h>

#include "layer.h"

#define PTE_ADDRESS	0x000ffffffffff000ull

/* What rl_fault_entry pushes, and the frame that the processor pushed. */
struct rl_register_frame {
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
	u64 rax, rcx, rdx, rsi, rdi;
	u64 error, rip, cs, rflags, rsp, ss;
};

/* A MOV of four bytes between a register and memory. */
struct move {
	unsigned int length;
	unsigned int reg;	/* 0 RAX .. 15 R15 */
	bool store;
};

static u64 *register_of(struct rl_register_frame *f, unsigned int reg)
{
	u64 *const place[16] = {
		&f->rax, &f->rcx, &f->rdx, &f->rbx, &f->rsp, &f->rbp, &f->rsi,
		&f->rdi, &f->r8, &f->r9, &f->r10, &f->r11, &f->r12, &f->r13,
		&f->r14, &f->r15,
	};

	return place[reg];
}

/*
 * Linux's readl() and writel() are MOV 8B and 89 with a ModRM byte (SDM volume
 * 2, 2.1.5), and nothing else is understood here: false. Where the memory is
 * need not be known, only how long its encoding is.
 */
static bool decode(const u8 *code, struct move *move)
{
	unsigned int rex = 0, at = 0, mod, rm;

	if ((code[at] & 0xf0) == 0x40)
		rex = code[at++];
	if (rex & 8 || (code[at] != 0x8b && code[at] != 0x89))
		return false;
	move->store = code[at++] == 0x89;
	mod = code[at] >> 6;
	rm = code[at] & 7;
	move->reg = (code[at++] >> 3 & 7) | (rex & 4) << 1;
	if (mod == 3)
		return false;
	if (rm == 4 && (code[at++] & 7) == 5 && !mod)
		at += 4;
	else if (rm == 5 && !mod)
		at += 4;
	move->length = at + (mod == 1 ? 1 : mod == 2 ? 4 : 0);
	return true;
}

/* The line of the device whose registers are at an address; -1: none. */
static int line_at(unsigned long gva)
{
	unsigned int level;
	u64 *pte = lookup_address(gva, &level);
	u64 offset;

	if (!pte || level != enumerator(PG_LEVEL_4K))
		return -1;
	offset = (*pte & PTE_ADDRESS) - RL_MMIO_BASE;
	if (offset >= RL_MMIO_DEVICES * RL_MMIO_STRIDE)
		return -1;
	return RL_IRQ_DEVICE + offset / RL_MMIO_STRIDE;
}

static bool access(struct rl_register_frame *f, unsigned long gva)
{
	int line = line_at(gva);
	struct move move;
	u32 *status;
	u64 *reg;

	if (line < 0 || !decode((const u8 *)f->rip, &move))
		return false;
	status = &((struct rl_shared *)cpu0(entry_stack_storage))->status[line];
	reg = register_of(f, move.reg);
	if (!move.store && offset_in_page(gva) == VIRTIO_MMIO_INTERRUPT_STATUS)
		*reg = READ_ONCE(*status);
	else if (move.store &&
		 offset_in_page(gva) == VIRTIO_MMIO_INTERRUPT_ACK)
		/* The kernel's own would note a lock prefix to be patched. */
		__atomic_and_fetch(status, ~(u32)*reg, __ATOMIC_SEQ_CST);
	else
		return false;
	f->rip += move.length;
	return true;
}

/*J: guest.device-status
 * At each interrupt the stock driver asks its device what happened, by a read of
 * one register, and thanks it by a write of another. On a real machine that is
 * two trips over a bus; in a guest each is a fault, an exit, and a TLB to fill
 * anew. So the word behind the two registers lies in the page that guest and
 * host share. The driver still faults, but the switcher sends the fault here,
 * and the driver's own kernel plays the device.
 *
 * What is not understood goes the long way: the flush takes the mark off the
 * shadow entry, and the instruction is tried again, for the host this time.
 :*/

/* The access of ring 1 at the shared page's cr2, which frame's instruction makes. */
void rl_device_access(struct rl_register_frame *frame)
{
	unsigned long gva = shared_read(cr2);

	if (!access(frame, gva))
		rl_hypercall(RL_HC_FLUSH_ONE, gva, 0, 0);
}
