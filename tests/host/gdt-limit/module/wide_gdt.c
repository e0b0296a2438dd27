// SPDX-License-Identifier: GPL-2.0
/*
 * While it is loaded, the GDT of every pCPU is said to be 64 KB long, as VMX leaves it
 * behind at each exit of a guest.
 */
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/desc.h>

static u16 limit;

static void set_limit(void *to)
{
	struct desc_ptr gdtr;

	native_store_gdt(&gdtr);
	gdtr.size = *(u16 *)to;
	native_load_gdt(&gdtr);
}

static int __init wide_gdt_init(void)
{
	struct desc_ptr gdtr;
	u16 wide = 0xffff;

	native_store_gdt(&gdtr);
	limit = gdtr.size;
	on_each_cpu(set_limit, &wide, 1);
	return 0;
}

static void __exit wide_gdt_exit(void)
{
	on_each_cpu(set_limit, &limit, 1);
}

module_init(wide_gdt_init);
module_exit(wide_gdt_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Makes the GDT's limit as large as it can be");
