// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's one-shot timer: a high-resolution timer of the host that raises
 * line RL_IRQ_TIMER.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include "ringlet.h"

static enum hrtimer_restart expire(struct hrtimer *timer)
{
	vcpu_raise(container_of(timer, struct rl_vcpu, timer), RL_IRQ_TIMER);
	return HRTIMER_NORESTART;
}

void timer_init(struct rl_vcpu *vcpu)
{
	hrtimer_init(&vcpu->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	vcpu->timer.function = expire;
}

/* RL_HC_SET_TIMER: fires once, ns from now; ~0 stops it. Any value goes. */
void timer_set(struct rl_vcpu *vcpu, u64 ns)
{
	if (ns == ~0ULL) {
		hrtimer_cancel(&vcpu->timer);
		return;
	}
	hrtimer_start(&vcpu->timer,
		      ns_to_ktime(min_t(u64, ns, KTIME_MAX / 2)),
		      HRTIMER_MODE_REL);
}

void timer_stop(struct rl_vcpu *vcpu)
{
	hrtimer_cancel(&vcpu->timer);
}
