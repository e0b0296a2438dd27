// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's one-shot timer: a high-resolution timer of the host that raises
 * line RL_IRQ_TIMER.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <asm/msr.h>
#include <asm/tsc.h>
#include "ringlet.h"

/*
 * What is nearer than this is now: the host's clock and the TSC are not of one
 * pace, and a guest that puts its timer off and off costs the host no more.
 */
#define NEAR_NS		100000

/*
 * Starts the timer for ns from now, which the guest knows as the TSC value
 * `armed`. Needs timer_lock, which keeps both in step.
 */
static void start(struct rl_vcpu *vcpu, u64 ns, u64 armed)
{
	struct rl_shared *page = READ_ONCE(vcpu->page);

	hrtimer_start(&vcpu->timer, ns_to_ktime(min_t(u64, ns, KTIME_MAX / 2)),
		      HRTIMER_MODE_REL);
	if (page)
		WRITE_ONCE(page->timer_armed, armed);
}

/*J: timer.put-off
 * A kernel sets its timer far more often than it lets it fire: each sleep puts
 * the tick off, each awakening takes it back. So a guest that puts it off tells
 * nobody. It writes when it wants the timer into the shared page, and the host
 * looks there when the time it knows of has come. If that was too early, the
 * host waits on, and the guest was never disturbed.
 :*/

/* True: the guest wants it later, and it runs again; or it wants none. */
static bool put_off(struct rl_vcpu *vcpu)
{
	struct rl_shared *page = READ_ONCE(vcpu->page);
	u64 wanted, now, ns;

	if (!page)
		return false;
	/* The guest writes one and reads the other in the opposite order. */
	WRITE_ONCE(page->timer_armed, ~0ULL);
	smp_mb();
	wanted = READ_ONCE(page->timer_wanted);
	now = rdtsc();
	if (wanted == ~0ULL)
		return true;
	if (wanted <= now)
		return false;
	/* What is far off is looked at again: no value overflows here. */
	ns = div_u64(min_t(u64, wanted - now, U64_MAX / 1000000) * 1000000,
		     tsc_khz);
	if (ns < NEAR_NS)
		return false;
	start(vcpu, ns, wanted);
	return true;
}

static enum hrtimer_restart expire(struct hrtimer *timer)
{
	struct rl_vcpu *vcpu = container_of(timer, struct rl_vcpu, timer);
	unsigned long flags;
	bool later;

	raw_spin_lock_irqsave(&vcpu->timer_lock, flags);
	later = put_off(vcpu);
	raw_spin_unlock_irqrestore(&vcpu->timer_lock, flags);
	if (!later)
		vcpu_raise(vcpu, RL_IRQ_TIMER);
	return HRTIMER_NORESTART;
}

void timer_init(struct rl_vcpu *vcpu)
{
	raw_spin_lock_init(&vcpu->timer_lock);
	hrtimer_init(&vcpu->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	vcpu->timer.function = expire;
}

/* RL_HC_SET_TIMER: fires once, ns from now; ~0 stops it. Any value goes. */
void timer_set(struct rl_vcpu *vcpu, u64 ns)
{
	struct rl_shared *page = vcpu->page;
	unsigned long flags;

	if (ns == ~0ULL) {
		hrtimer_cancel(&vcpu->timer);
		if (page)
			WRITE_ONCE(page->timer_armed, ~0ULL);
		return;
	}
	raw_spin_lock_irqsave(&vcpu->timer_lock, flags);
	start(vcpu, ns, page ? READ_ONCE(page->timer_wanted) : 0);
	raw_spin_unlock_irqrestore(&vcpu->timer_lock, flags);
}

void timer_stop(struct rl_vcpu *vcpu)
{
	hrtimer_cancel(&vcpu->timer);
}
