// SPDX-License-Identifier: GPL-2.0
/*
 * Which processors does the host say that it does not run? A thread on each asks of all, for
 * as many seconds as the parameter says, and never of itself alone: who asks runs. In the
 * guest. Loading it returns then.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>

static unsigned int seconds = 3;
module_param(seconds, uint, 0444);

static DECLARE_COMPLETION(done);
static atomic_t running = ATOMIC_INIT(1);
static atomic_long_t asked, others, self;

static void finish(void)
{
	if (atomic_dec_and_test(&running))
		complete(&done);
}

static int watch(void *unused)
{
	unsigned long end = jiffies + seconds * HZ;
	unsigned int cpu;

	while (time_before(jiffies, end)) {
		for_each_online_cpu(cpu) {
			int me = get_cpu();

			if (vcpu_is_preempted(cpu))
				atomic_long_inc(cpu == me ? &self : &others);
			atomic_long_inc(&asked);
			put_cpu();
		}
		cond_resched();
	}
	finish();
	return 0;
}

static int __init watch_init(void)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		struct task_struct *task = kthread_create(watch, NULL, "watch/%u", cpu);

		if (IS_ERR(task))
			break;
		kthread_bind(task, cpu);
		atomic_inc(&running);
		wake_up_process(task);
	}
	finish();
	wait_for_completion(&done);
	pr_info("watch: asked %ld times, others were away %ld times, oneself %ld times\n",
		atomic_long_read(&asked), atomic_long_read(&others),
		atomic_long_read(&self));
	return 0;
}

static void __exit watch_exit(void)
{
}

module_init(watch_init);
module_exit(watch_exit);
MODULE_LICENSE("GPL");
