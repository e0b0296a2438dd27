// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel addresses that another processor has just used are taken away: there it must
 * not find anything afterwards, and it takes no interrupt for that. Loads only if so.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#define ROUNDS	200
#define PAGES	3

static u64 *address;		/* what the reader looks at; NULL: nothing */
static unsigned int looks;
static unsigned int found;	/* of those, after the address was taken away */
static bool taken;

/* On the other processor, all the time. */
static int reader(void *unused)
{
	u64 word;

	while (!kthread_should_stop()) {
		u64 *at = smp_load_acquire(&address);
		bool was_taken = smp_load_acquire(&taken);

		if (at) {
			bool there = !copy_from_kernel_nofault(&word, at, sizeof(word));

			if (there && was_taken)
				found++;
		}
		smp_store_release(&looks, looks + 1);
		cond_resched();
	}
	return 0;
}

/* The reader has looked once more, from now on. 0, or -ETIMEDOUT. */
static int wait_for_look(void)
{
	unsigned int before = smp_load_acquire(&looks);

	for (int i = 0; i < 100000; i++) {
		/* Two: one may have been under way. */
		if (smp_load_acquire(&looks) - before >= 2)
			return 0;
		cond_resched();
		udelay(10);
	}
	return -ETIMEDOUT;
}

static int take_away(struct page **pages)
{
	u64 *at = vmap(pages, PAGES, VM_MAP, PAGE_KERNEL);
	int r;

	if (!at)
		return -ENOMEM;
	smp_store_release(&taken, false);
	smp_store_release(&address, at + 512 * (PAGES - 1));
	r = wait_for_look();
	vunmap(at);
	vm_unmap_aliases();
	smp_store_release(&taken, true);
	if (!r)
		r = wait_for_look();
	/* The next one may be at the same place, when nobody looks there any more. */
	smp_store_release(&address, NULL);
	return r ? r : wait_for_look();
}

static int __init unmapped_init(void)
{
	struct page *pages[PAGES] = { NULL };
	struct task_struct *task;
	int r = 0;

	for (int i = 0; i < PAGES; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		if (!pages[i])
			r = -ENOMEM;
	}
	task = kthread_create(reader, NULL, "reader");
	if (IS_ERR(task))
		r = PTR_ERR(task);
	if (!r) {
		kthread_bind(task, 1);
		wake_up_process(task);
		for (int i = 0; i < ROUNDS && !r; i++)
			r = take_away(pages);
		kthread_stop(task);
	}
	for (int i = 0; i < PAGES; i++)
		if (pages[i])
			__free_page(pages[i]);
	pr_info("unmapped: %u looks, %u of them found what was gone (%d)\n",
		looks, found, r);
	return r ? r : found ? -EBUSY : 0;
}

static void __exit unmapped_exit(void)
{
}

module_init(unmapped_init);
module_exit(unmapped_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("takes kernel addresses away from a processor that reads them");
