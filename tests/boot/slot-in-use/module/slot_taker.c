// SPDX-License-Identifier: GPL-2.0
/*
 * Takes page table slot 256, as another hypervisor would. With five levels the
 * slot lies in a page that all address spaces share.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <asm/pgtable.h>

static u64 *slot(void)
{
	unsigned long address = 0xffff800000000000;

	return (u64 *)p4d_offset(pgd_offset(current->mm, address), address);
}

static u64 page;

static int __init slot_taker_init(void)
{
	if (!pgtable_l5_enabled())
		return -ENODEV;
	page = get_zeroed_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	WRITE_ONCE(*slot(), __pa(page) | _KERNPG_TABLE_NOENC);
	return 0;
}

static void __exit slot_taker_exit(void)
{
	WRITE_ONCE(*slot(), 0);
	free_page(page);
}

module_init(slot_taker_init);
module_exit(slot_taker_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("takes page table slot 256");
