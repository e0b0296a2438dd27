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
#include "compat.h"
#include "kick.h"
#include "timer.h"
#include "vcpu.h"

/*
 * What is nearer than this is now: the host's clock and the TSC are not of one
 * pace, and a guest that puts its timer off and off costs the host no more.
 */
#define NEAR_NS		100000

/*
 * So often the host puts a timer off for a vCPU that was not in the guest since: a
 * kernel's own vCPU does it once, and again where the clocks differ. All shared pages are
 * the guest's, so one vCPU could put the timers of 63 others off for ever, which sleep:
 * host interrupts that nobody's time pays.
 */
#define PUT_OFF_MAX	4

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

/* Is the guest allowed to put it off once more? Needs timer_lock. */
static bool may_put_off(struct rl_vcpu *vcpu)
{
	u64 entries = READ_ONCE(vcpu->stats.entries);

	if (vcpu->put_off.entries != entries) {
		vcpu->put_off.entries = entries;
		vcpu->put_off.times = 0;
	}
	return vcpu->put_off.times++ < PUT_OFF_MAX;
}

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
	if (wanted <= now || !may_put_off(vcpu))
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
	compat_hrtimer_setup(&vcpu->timer, expire, CLOCK_MONOTONIC,
			     HRTIMER_MODE_REL);
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
