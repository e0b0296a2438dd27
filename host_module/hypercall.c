// SPDX-License-Identifier: GPL-2.0
/*
 * Hypercalls that left the window. The calls are described in abi/guest.h; each
 * argument here is whatever ring 1 had in a register.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/ktime.h>
#include <linux/timekeeping.h>
#include <asm/tsc.h>
#include "cpuid.h"
#include "exit.h"
#include "gate.h"
#include "inject.h"
#include "kick.h"
#include "ldt.h"
#include "memory.h"
#include "msr.h"
#include "park.h"
#include "segment.h"
#include "shadow.h"
#include "start.h"
#include "timer.h"
#include "vcpu.h"
#include "walk.h"
#include "window.h"

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

/*
 * The page is another one from now on. Others may be about to write to the old one, so
 * it stays pinned, and they look whether it is still the one (vcpu_raise, set_status).
 * When this returns none of them writes there any more: the guest may have it back.
 */
static void move_page(struct rl_vcpu *vcpu, struct rl_shared *page)
{
	struct rl_shared *old = vcpu->page;
	unsigned long flags;

	page->irqs = 0;
	memset(page->status, 0, sizeof(page->status));
	vcpu->old_page = old;
	raw_spin_lock_irqsave(&vcpu->timer_lock, flags);
	page->timer_armed = READ_ONCE(old->timer_armed);
	smp_store_release(&vcpu->irqs, (unsigned long *)&page->irqs);
	smp_store_release(&vcpu->page, page);
	raw_spin_unlock_irqrestore(&vcpu->timer_lock, flags);
	/* Pairs with the second look of those others. */
	smp_mb();
	atomic_long_or(READ_ONCE(old->irqs), (atomic_long_t *)&page->irqs);
	for (int i = 0; i < RL_IRQ_COUNT; i++)
		atomic_or(READ_ONCE(old->status[i]), (atomic_t *)&page->status[i]);
	synchronize_rcu_expedited();
}

/* Makes gfn the shared page, where it is not. Once it may be another one. */
static s64 take_page(struct rl_vcpu *vcpu, gfn_t gfn)
{
	struct page *page;

	if (vcpu->page && gfn == vcpu->init.shared_gpa >> PAGE_SHIFT)
		return 0;
	if (vcpu->old_page)
		return -EBUSY;
	page = memory_pin(vcpu->vm, gfn);
	if (!page)
		return -EFAULT;
	if (vcpu->page)
		move_page(vcpu, page_address(page));
	else
		share_page(vcpu, page_address(page));
	window_unbind(vcpu);	/* the next entry maps it */
	return 0;
}

static s64 do_init(struct rl_vcpu *vcpu, gva_t at)
{
	struct rl_init init;
	gva_t fault;
	u32 error;
	s64 r;

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
	    init.flags & ~(u64)(RL_INIT_DEVICE_STATUS | RL_INIT_32BIT |
				RL_INIT_LOW_KERNEL))
		return -EINVAL;
	r = take_page(vcpu, init.shared_gpa >> PAGE_SHIFT);
	if (r)
		return r;
	vcpu->init = init;
	WRITE_ONCE(vcpu->vm->shadow.low_kernel, init.flags & RL_INIT_LOW_KERNEL);
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

static s64 set_segment(struct rl_vcpu *vcpu, u64 index, u64 descriptor)
{
	u64 safe;

	if (index >= 64 || !(BIT_ULL(index) & RL_SEGMENTS) ||
	    !segment_own_ok(descriptor, &safe))
		return -EINVAL;
	vcpu->gdt[array_index_nospec(index, 16)] = safe;
	return 0;
}

static s64 take_ldt(struct rl_vcpu *vcpu, gva_t at, u64 entries)
{
	bool mapped = vcpu->ldt;
	s64 r = ldt_set(vcpu, at, entries);

	if (!mapped && vcpu->ldt)
		window_unbind(vcpu);
	if (r == -ENOMEM)
		rl_kill_guest(vcpu, "the host has no memory for an LDT");
	return r;
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
	rl_end_guest(vcpu, min_t(u64, reason, RL_SHUTDOWN_PANIC));
	return EXIT_RESUME;	/* the run loop finds the vCPU dead */
}

static s64 set_cr3(struct rl_vcpu *vcpu, u64 cr3, u64 context, u64 generation)
{
	int r = shadow_load(vcpu, cr3, context, generation);

	if (r && r != -EINTR)
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

/* The lines of a guest's own, on each vCPU of a mask; those that are not there: none. */
static s64 send_ipi(struct rl_vcpu *vcpu, u64 mask, u64 line)
{
	struct rl_vcpu *each;
	unsigned int i;

	if (line < RL_IRQ_IPI || line >= RL_IRQ_COUNT)
		return -EINVAL;
	line = array_index_nospec(line, RL_IRQ_COUNT);
	for_each_vcpu(vcpu->vm, each, i)
		if (mask & BIT_ULL(i))
			vcpu_raise(each, line);
	return 0;
}

static s64 send_nmi(struct rl_vcpu *vcpu, u64 mask)
{
	struct rl_vcpu *each;
	unsigned int i;

	for_each_vcpu(vcpu->vm, each, i)
		if (mask & BIT_ULL(i) && !xchg(&each->nmi, true))
			vcpu_kick(each);
	return 0;
}

static s64 flush_vcpus(struct rl_vcpu *vcpu, gva_t at)
{
	struct rl_flush flush;
	gva_t fault;
	u32 error;

	if (guest_read(vcpu, at, &flush, sizeof(flush), 0, &error, &fault))
		return -EFAULT;
	return shadow_flush_vcpus(vcpu, flush.vcpus, flush.cr3, flush.start,
				  flush.end);
}

/* The calls that give a result and go on in the guest; -EINTR is none. */
static s64 simple_call(struct rl_vcpu *vcpu, u64 nr, u64 a, u64 b, u64 c)
{
	switch (nr) {
	case RL_HC_SET_CR3:
		return set_cr3(vcpu, a, b, c);
	case RL_HC_FLUSH_ONE:
		return shadow_flush_one(vcpu, a);
	case RL_HC_FLUSH_USER:
		return shadow_flush_user(vcpu);
	case RL_HC_FLUSH_KERNEL:
		return shadow_flush_kernel(vcpu);
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
	case RL_HC_SET_SEGMENT:
		return set_segment(vcpu, a, b);
	case RL_HC_SET_LDT:
		return take_ldt(vcpu, a, b);
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
		return shadow_drop(vcpu, a);
	case RL_HC_START_VCPU:
		return start_vcpu(vcpu, a, b);
	case RL_HC_STOP_VCPU:
		start_stop(vcpu);
		return 0;
	case RL_HC_SEND_IPI:
		return send_ipi(vcpu, a, b);
	case RL_HC_FLUSH_VCPUS:
		return flush_vcpus(vcpu, a);
	case RL_HC_PARK:
		return park(vcpu, a);
	case RL_HC_UNPARK:
		return unpark(vcpu, a);
	case RL_HC_SEND_NMI:
		return send_nmi(vcpu, a);
	case RL_HC_ROUTE_LINE:
		return vm_route(vcpu->vm, a, b);
	}
	return -ENOSYS;
}

/* Serves RL_HC_*: the frame is that of the caller, behind its SYSCALL. */
enum exit_action hypercall_handle(struct rl_vcpu *vcpu)
{
	struct window_frame *r = vcpu->regs;
	u64 nr = r->rax;
	s64 result;

	if (nr < RL_STAT_HYPERCALLS)
		vcpu->stats.hypercalls[array_index_nospec(
			nr, RL_STAT_HYPERCALLS)]++;
	switch (nr) {
	case RL_HC_CONSOLE_WRITE:
		return console(vcpu, RL_EXIT_CONSOLE_WRITE, r->rdi, r->rsi);
	case RL_HC_CONSOLE_READ:
		return console(vcpu, RL_EXIT_CONSOLE_READ, r->rdi, r->rsi);
	case RL_HC_SHUTDOWN:
		return shut_down(vcpu, r->rdi);
	}
	result = simple_call(vcpu, nr, r->rdi, r->rsi, r->rdx);
	/* The thread is being killed, and nothing was done. Should another process that
	   shares its memory run the vCPU, the call is made again. */
	if (unlikely(result == -EINTR))
		r->rip -= 2;
	else
		r->rax = result;
	return EXIT_RESUME;
}
