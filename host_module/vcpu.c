// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU: how it comes and goes. What runs it is in run.c, its file in vcpu_file.c.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/processor-flags.h>
#include "fpu.h"
#include "ldt.h"
#include "memory.h"
#include "segment.h"
#include "shadow.h"
#include "timer.h"
#include "vcpu.h"
#include "window.h"

static void *zeroed_page(void)
{
	return (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

static bool alloc_pages_of(struct rl_vcpu *vcpu)
{
	vcpu->run = zeroed_page();
	vcpu->shared = zeroed_page();
	vcpu->host = zeroed_page();
	vcpu->stack = zeroed_page();
	vcpu->idt = zeroed_page();
	vcpu->gdt = zeroed_page();
	vcpu->tss = zeroed_page();
	for (int i = 0; i < ALIAS_PAGES; i++) {
		vcpu->alias[i] = zeroed_page();
		if (!vcpu->alias[i])
			return false;
	}
	return vcpu->run && vcpu->shared && vcpu->host && vcpu->stack &&
	       vcpu->idt && vcpu->gdt && vcpu->tss;
}

/* Frees a vCPU that no file refers to; NULL is allowed. */
void vcpu_destroy(struct rl_vcpu *vcpu)
{
	if (!vcpu)
		return;
	timer_stop(vcpu);
	window_unbind(vcpu);
	if (vcpu->page)
		memory_unpin(vcpu->vm, virt_to_page(vcpu->page));
	if (vcpu->old_page)
		memory_unpin(vcpu->vm, virt_to_page(vcpu->old_page));
	fpu_destroy(vcpu);
	ldt_destroy(vcpu);
	for (int i = 0; i < ALIAS_PAGES; i++)
		free_page((unsigned long)vcpu->alias[i]);
	free_page((unsigned long)vcpu->tss);
	free_page((unsigned long)vcpu->gdt);
	free_page((unsigned long)vcpu->idt);
	free_page((unsigned long)vcpu->stack);
	free_page((unsigned long)vcpu->host);
	free_page((unsigned long)vcpu->shared);
	free_page((unsigned long)vcpu->run);
	kfree(vcpu);
}

/*
 * A vCPU in its first state, which nobody knows of yet: that with id 0 runs, the others
 * are stopped. NULL: no memory.
 */
struct rl_vcpu *vcpu_create(struct rl_vm *vm, unsigned int id)
{
	struct rl_vcpu *vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);

	if (!vcpu)
		return NULL;
	vcpu->vm = vm;
	vcpu->id = id;
	mutex_init(&vcpu->lock);
	init_waitqueue_head(&vcpu->wait);
	timer_init(vcpu);
	vcpu->irqs = &vcpu->early_irqs;
	vcpu->bound_cpu = -1;
	vcpu->running_cpu = -1;
	vcpu->entered = OUTSIDE;
	spin_lock_init(&vcpu->start.lock);
	vcpu->halted = vcpu->stopped = vcpu->start.possible = id != 0;
	vcpu->cr0 = X86_CR0_PE | X86_CR0_PG | X86_CR0_WP | X86_CR0_NE |
		    X86_CR0_MP | X86_CR0_ET | X86_CR0_AM;
	vcpu->cr4 = X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT |
		    X86_CR4_FSGSBASE | X86_CR4_PGE;
	vcpu->dr6 = DR6_RESERVED;
	vcpu->dr7 = 0x400;
	if (!alloc_pages_of(vcpu) || fpu_create(vcpu)) {
		vcpu_destroy(vcpu);
		return NULL;
	}
	vcpu->regs = &vcpu->stack->frame;
	vcpu->regs->cs = RL_KERNEL_CS;
	vcpu->regs->ss = RL_KERNEL_SS;
	vcpu->regs->rflags = X86_EFLAGS_IF | X86_EFLAGS_FIXED;
	shadow_view_create(vcpu);
	segment_default_gdt(vcpu->gdt, id);
	return vcpu;
}
