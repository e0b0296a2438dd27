// SPDX-License-Identifier: GPL-2.0
/*
 * Loads in a guest only while none of the pages through which the layer writes
 * kernel text leads anywhere.
 */
#include <linux/module.h>
#include <linux/uaccess.h>
#include "abi/guest.h"

static int __init poke_ways_init(void)
{
	u64 at = RL_LAYER_GVA + RL_LAYER_SIZE, end = RL_LAYER_GVA + PMD_SIZE;
	unsigned int open = 0;
	u8 byte;

	for (; at < end; at += PAGE_SIZE)
		open += !copy_from_kernel_nofault(&byte, (void *)at, 1);
	pr_info("poke_ways: %u open\n", open);
	return open ? -EBUSY : 0;
}

module_init(poke_ways_init);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("looks for ways to kernel text");
