// SPDX-License-Identifier: GPL-2.0
/*
 * One spin lock for a thread on each processor, with interrupts on and off, held mostly
 * for a moment and now and then, when all others wait, for so long that they would spin
 * in vain. In the guest. Loading it returns when all have had the lock as often as they
 * should.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/spinlock.h>

#define TURNS	2000
#define EACH	250		/* of these one is long */
#define LONG	(3 * SPIN_THRESHOLD)	/* in what a waiter counts before it sleeps */
#define PATIENCE_MS	1000

static DEFINE_SPINLOCK(lock);
static DECLARE_COMPLETION(done);
static atomic_t running = ATOMIC_INIT(1);
static atomic_t waiting;	/* for the lock, or done with it */
static unsigned long had, inside, broken;

/*
 * On a host that has other work each thread might else have the lock to itself. Not for
 * ever: a processor may wait for the answer to its IPI, and this one's interrupts are off.
 */
static void let_all_others_wait(void)
{
	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		if (atomic_read(&waiting) == num_online_cpus() - 1)
			break;
		mdelay(1);
	}
}

/* The lock's holder: is it alone, also after a while? */
static void hold(unsigned int turn)
{
	atomic_dec(&waiting);
	if (inside++)
		broken++;
	if (turn % EACH == EACH / 2) {
		let_all_others_wait();
		for (unsigned int i = 0; i < LONG; i++)
			cpu_relax();
	} else {
		udelay(turn % 16);
	}
	if (--inside)
		broken++;
	had++;
}

static void finish(void)
{
	if (atomic_dec_and_test(&running))
		complete(&done);
}

static int contend(void *unused)
{
	unsigned long flags;

	for (unsigned int turn = 0; turn < TURNS; turn++) {
		atomic_inc(&waiting);
		if (turn & 1) {
			spin_lock_irqsave(&lock, flags);
			hold(turn);
			spin_unlock_irqrestore(&lock, flags);
		} else {
			spin_lock(&lock);
			hold(turn);
			spin_unlock(&lock);
		}
		cond_resched();
	}
	atomic_inc(&waiting);
	finish();
	return 0;
}

static int __init contend_init(void)
{
	unsigned int cpu, count = 0;

	for_each_online_cpu(cpu) {
		struct task_struct *task = kthread_create(contend, NULL, "contend/%u", cpu);

		if (IS_ERR(task))
			break;
		kthread_bind(task, cpu);
		atomic_inc(&running);
		count++;
		wake_up_process(task);
	}
	finish();
	wait_for_completion(&done);
	pr_info("contend: %u processors had the lock %lu times, %lu times not alone\n",
		count, had, broken);
	return broken || had != (unsigned long)count * TURNS ? -EIO : 0;
}

static void __exit contend_exit(void)
{
}

module_init(contend_init);
module_exit(contend_exit);
MODULE_LICENSE("GPL");
