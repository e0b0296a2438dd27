// SPDX-License-Identifier: GPL-2.0
/*
 * Writing kernel text, in place of the kernel's __text_poke().
 *
 * Owns SLOTS pages of address space behind the layer, and their entries in the page
 * table that the layer shares with nobody. Users hold text_mutex, or the kernel
 * stands still (kgdb); the lock is between them and who ends it, at a switch of tasks.
 */
#include "layer.h"

/* A power of two. The page behind the last one takes what crosses its end. */
#define SLOTS		64
#define SLOTS_GVA	(RL_LAYER_GVA + RL_LAYER_SIZE)

bool rl_text_poked;

/* What the host's shadow may still hold for a slot, which is like a TLB. */
static u64 known[SLOTS + 1];
static u8 user[SLOTS + 1];		/* who wrote last by it: the id of a vCPU */
static struct rl_lock lock;
static struct rl_flush all_slots;	/* under the lock */

static u64 slot_gva(unsigned int slot)
{
	return SLOTS_GVA + slot * PAGE_SIZE;
}

static void set_entry(unsigned int slot, u64 entry)
{
	u64 *table = direct_map(RL_LAYER_PT_GPA);

	WRITE_ONCE(table[(slot_gva(slot) >> PAGE_SHIFT) & 511], entry);
}

static void open(unsigned int slot, u64 address)
{
	u64 entry = slow_virt_to_phys((void *)(address & -PAGE_SIZE)) | PTE_DATA;

	/* The TLB of who was not the last may have something still older. */
	if (known[slot] && (known[slot] != entry || user[slot] != rl_this_id()))
		rl_hypercall(RL_HC_FLUSH_ONE, slot_gva(slot), 0, 0);
	known[slot] = entry;
	user[slot] = rl_this_id();
	set_entry(slot, entry);
}

/* What a load of CR3 would do as well: no instruction is older than the text. */
static void serialize_execution(void)
{
	asm volatile("movq %%rsp, %%rax\n\t"
		     "pushq %[ss]\n\t"
		     "pushq %%rax\n\t"
		     "pushfq\n\t"
		     "pushq %[cs]\n\t"
		     "pushq $1f\n\t"
		     "iretq\n"
		     "1:"
		     :: [ss] "i" (RL_KERNEL_SS), [cs] "i" (RL_KERNEL_CS)
		     : "rax", "memory", "cc");
}

/*J: guest.text-poke
 * Linux writes its text, which is read-only, through an address space of its own
 * that no other CPU ever loads: two loads of CR3, a page fault and a flush for
 * each write. Tracing all functions is 120,000 writes. Here a write goes through
 * one of some pages in the layer's neighbourhood. Its entry is there only for the
 * moment of the write, as Linux wants it, but the host's shadow, which is a TLB,
 * keeps what it saw until it is told; so the next write to that page finds its way
 * without an exit. It is told when the slot is needed for another page, and at the
 * next switch of tasks, so that no way to write text stays open for long.
 :*/

/*
 * Writes bytes (at most a page) at address, by `write`, which gets the place to
 * write to, `from` and `bytes`. Returns address. The kernel's own contract.
 */
void *rl_text_poke(void (*write)(void *to, const void *from, size_t bytes),
		   void *address, const void *from, size_t bytes)
{
	u64 at = (u64)address;
	unsigned int slot = (at >> PAGE_SHIFT) % SLOTS;
	bool two = offset_in_page(at) + bytes > PAGE_SIZE;
	u8 was = rl_irq_save();

	rl_lock(&lock);
	open(slot, at);
	if (two)
		open(slot + 1, at + PAGE_SIZE);
	WRITE_ONCE(rl_text_poked, true);
	write((void *)(slot_gva(slot) + offset_in_page(at)), from, bytes);
	barrier();
	set_entry(slot, 0);
	if (two)
		set_entry(slot + 1, 0);
	rl_unlock(&lock);
	serialize_execution();
	rl_irq_restore(was);
	return address;
}

/* Closes the ways that the shadow still knows. Interrupts are off. */
void rl_text_poke_end(void)
{
	unsigned int slot;

	rl_lock(&lock);
	/* Others' TLBs, too: what is not known is nowhere. */
	if (rl_cpu_count > 1) {
		all_slots.vcpus = ~0ull;
		all_slots.start = slot_gva(0);
		all_slots.end = slot_gva(SLOTS + 1);
		rl_hypercall(RL_HC_FLUSH_VCPUS, (u64)&all_slots, 0, 0);
	}
	for (slot = 0; slot <= SLOTS; slot++) {
		if (known[slot] && rl_cpu_count == 1)
			rl_hypercall(RL_HC_FLUSH_ONE, slot_gva(slot), 0, 0);
		known[slot] = 0;
	}
	WRITE_ONCE(rl_text_poked, false);
	rl_unlock(&lock);
}
