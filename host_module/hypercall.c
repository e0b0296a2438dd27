// SPDX-License-Identifier: GPL-2.0
/*
 * Hypercalls that left the window. The calls are described in abi/guest.h; each
 * argument here is whatever ring 1 had in a register.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/ktime.h>
#include <linux/timekeeping.h>
#include <asm/tsc.h>
#include "ringlet.h"

/* The page is the guest's for good; other threads use it from now on. */
static void share_page(struct rl_vcpu *vcpu, struct rl_shared *page)
{
	BUILD_BUG_ON(RL_IRQ_COUNT != BITS_PER_LONG);
	page->irqs = 0;
	page->cr2 = vcpu->early_cr2;
	page->timer_armed = ~0ULL;
	smp_store_release(&vcpu->irqs, (unsigned long *)&page->irqs);
	/* Pairs with the second look in vcpu_raise(). */
	smp_mb();
	atomic_long_or(xchg(&vcpu->early_irqs, 0), (atomic_long_t *)&page->irqs);
	smp_store_release(&vcpu->page, page);
}

static s64 do_init(struct rl_vcpu *vcpu, gva_t at)
{
	struct rl_init init;
	struct page *page;
	gva_t fault;
	u32 error;

	if (guest_read(vcpu, at, &init, sizeof(init), 0, &error, &fault))
		return -EFAULT;
	if (init.version != RL_GUEST_ABI_VERSION)
		return -EINVAL;
	if (!gva_canonical(init.syscall_entry) ||
	    !gva_canonical(init.fault_entry) ||
	    !gva_canonical(init.shared_gva) ||
	    !gva_canonical(init.entry_stack) ||
	    !gva_canonical(init.restart_start) ||
	    init.zone_start > init.zone_end ||
	    init.restart_start > init.restart_end ||
	    init.shared_gpa & ~PAGE_MASK ||
	    init.flags & ~(u64)RL_INIT_DEVICE_STATUS)
		return -EINVAL;
	if (!vcpu->page) {
		page = memory_pin(vcpu->vm, init.shared_gpa >> PAGE_SHIFT);
		if (!page)
			return -EFAULT;
		share_page(vcpu, page_address(page));
		window_unbind(vcpu);	/* the next entry maps it */
	} else if (init.shared_gpa != vcpu->init.shared_gpa) {
		return -EBUSY;
	}
	vcpu->init = init;
	vcpu->page->tsc_khz = tsc_khz;
	vcpu->shared->syscall_entry = init.syscall_entry;
	vcpu->shared->fault_entry = init.fault_entry;
	vcpu->shared->fault_rsp = init.shared_gva + RL_SHARED_FAULT_FRAME;
	vcpu->tss->sp1 = init.entry_stack;
	return 0;
}

static s64 set_tls(struct rl_vcpu *vcpu, u64 index, u64 descriptor)
{
	u64 safe;

	if (index >= RL_TLS_COUNT || !segment_user_ok(descriptor, &safe))
		return -EINVAL;
	index = array_index_nospec(index, RL_TLS_COUNT);
	vcpu->gdt[RL_TLS_FIRST + index] = safe;
	return 0;
}

static enum exit_action console(struct rl_vcpu *vcpu, u32 reason, gpa_t gpa,
				u64 bytes)
{
	struct rl_run *run = vcpu->run;

	run->exit_reason = reason;
	run->gpa = gpa;
	run->bytes = min_t(u64, bytes, 1 << 20);
	run->result = 0;
	vcpu->await_result = true;
	return EXIT_TO_LAUNCHER;
}

static enum exit_action shut_down(struct rl_vcpu *vcpu, u64 reason)
{
	vcpu->shut_down = true;
	vcpu->run->exit_reason = RL_EXIT_SHUTDOWN;
	vcpu->run->shutdown = min_t(u64, reason, RL_SHUTDOWN_PANIC);
	return EXIT_TO_LAUNCHER;
}

static s64 set_cr3(struct rl_vcpu *vcpu, u64 cr3, u64 context, u64 generation)
{
	int r = shadow_load(vcpu, cr3, context, generation);

	if (r)
		rl_kill_guest(vcpu, "CR3 0x%llx: %s", cr3,
			      r == -ENOMEM ? "the host has no memory" :
			      "no memory there");
	return r;
}

static s64 with_value(struct rl_vcpu *vcpu, int r, u64 value)
{
	if (!r && vcpu->page)
		vcpu->page->value = value;
	return r;
}

static s64 read_msr(struct rl_vcpu *vcpu, u32 msr)
{
	u64 value = 0;
	int r = msr_read(vcpu, msr, &value);

	return with_value(vcpu, r, value);
}

static s64 read_debugreg(struct rl_vcpu *vcpu, u64 n)
{
	u64 value = 0;
	int r = debugreg_read(vcpu, n, &value);

	return with_value(vcpu, r, value);
}

static s64 cpuid_call(struct rl_vcpu *vcpu, u32 leaf, u32 subleaf)
{
	u32 out[4];

	if (!vcpu->page)
		return -EINVAL;
	cpuid_for_guest(leaf, subleaf, out);
	memcpy(vcpu->page->cpuid, out, sizeof(out));
	return 0;
}

/* The calls that give a result and go on in the guest. */
static s64 simple_call(struct rl_vcpu *vcpu, u64 nr, u64 a, u64 b, u64 c)
{
	switch (nr) {
	case RL_HC_SET_CR3:
		return set_cr3(vcpu, a, b, c);
	case RL_HC_FLUSH_ONE:
		shadow_flush_one(vcpu, a);
		return 0;
	case RL_HC_FLUSH_USER:
		shadow_flush_user(vcpu);
		return 0;
	case RL_HC_FLUSH_KERNEL:
		shadow_flush_kernel(vcpu);
		return 0;
	case RL_HC_DELIVER:
		inject_settle(vcpu);
		return 0;	/* the run loop delivers */
	case RL_HC_HALT:
		vcpu->halted = true;
		if (vcpu->page)
			WRITE_ONCE(vcpu->page->vif, 1);
		return 0;
	case RL_HC_SET_TRAP:
		return gate_set(vcpu, a, b, c);
	case RL_HC_SET_TLS:
		return set_tls(vcpu, a, b);
	case RL_HC_SET_LDT:
		return b ? -ENOSYS : 0;
	case RL_HC_SET_DR:
		return debugreg_write(vcpu, a, b);
	case RL_HC_GET_DR:
		return read_debugreg(vcpu, a);
	case RL_HC_SET_TIMER:
		timer_set(vcpu, a);
		return 0;
	case RL_HC_WALLCLOCK:
		return with_value(vcpu, 0, ktime_get_real_ns());
	case RL_HC_RDMSR:
		return read_msr(vcpu, a);
	case RL_HC_WRMSR:
		return msr_write(vcpu, a, b);
	case RL_HC_CPUID:
		return cpuid_call(vcpu, a, b);
	case RL_HC_INIT:
		return do_init(vcpu, a);
	case RL_HC_DROP_SPACE:
		shadow_drop(vcpu, a);
		return 0;
	}
	return -ENOSYS;
}

/* Serves RL_HC_*: the frame is that of the caller, behind its SYSCALL. */
enum exit_action hypercall_handle(struct rl_vcpu *vcpu)
{
	struct window_frame *r = vcpu->regs;
	u64 nr = r->rax;

	if (nr < RL_STAT_HYPERCALLS)
		vcpu->vm->stats.hypercalls[array_index_nospec(
			nr, RL_STAT_HYPERCALLS)]++;
	switch (nr) {
	case RL_HC_CONSOLE_WRITE:
		return console(vcpu, RL_EXIT_CONSOLE_WRITE, r->rdi, r->rsi);
	case RL_HC_CONSOLE_READ:
		return console(vcpu, RL_EXIT_CONSOLE_READ, r->rdi, r->rsi);
	case RL_HC_SHUTDOWN:
		return shut_down(vcpu, r->rdi);
	}
	r->rax = simple_call(vcpu, nr, r->rdi, r->rsi, r->rdx);
	return EXIT_RESUME;
}
