// SPDX-License-Identifier: GPL-2.0
/*
 * Has its own text written, and loads only if after a switch of tasks none of the
 * pages through which the layer did it leads anywhere. Behind these are the shared pages,
 * one for each processor, and then nothing.
 */
#include <linux/delay.h>
#include <linux/jump_label.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include "abi/guest.h"

#define WAYS 65		/* SLOTS + 1 of guest_pv/text_poke.c */

static DEFINE_STATIC_KEY_FALSE(poked);

static int __init poke_ways_init(void)
{
	u64 at = RL_LAYER_GVA + RL_LAYER_SIZE, end = RL_LAYER_GVA + PMD_SIZE;
	u64 shared = at + WAYS * PAGE_SIZE;
	unsigned int open = 0, behind = 0;
	u8 byte;

	static_branch_enable(&poked);
	if (!static_branch_unlikely(&poked))
		return -EIO;
	msleep(20);
	for (; at < end; at += PAGE_SIZE)
		*(at < shared ? &open : &behind) +=
			!copy_from_kernel_nofault(&byte, (void *)at, 1);
	pr_info("poke_ways: %u open, and %u pages behind\n", open, behind);
	return open || behind != num_present_cpus() ? -EBUSY : 0;
}

module_init(poke_ways_init);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("looks for ways to kernel text");
