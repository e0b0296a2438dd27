// SPDX-License-Identifier: GPL-2.0
/*
 * Adds features and bugs to the kernel's record of the processor, for modules that
 * are loaded afterwards (what the kernel itself decided by it stays decided). The
 * processor has no more than before: TCG ignores a write of an MSR that it does
 * not know, IBPB's command among them.
 *
 * Parameter: set, names out of the list below.
 */
#include <linux/module.h>
#include <linux/string.h>
#include <asm/cpufeature.h>

static char *set[8];
static int count;
module_param_array(set, charp, &count, 0444);

static const struct {
	const char *name;
	unsigned int bit;
} known[] = {
	{ "ibpb", X86_FEATURE_IBPB },
	{ "retbleed", X86_BUG_RETBLEED },
	{ "srso", X86_BUG_SRSO },
	{ "pebs", X86_FEATURE_PEBS },
	{ "bts", X86_FEATURE_BTS },
	{ "amx_tile", X86_FEATURE_AMX_TILE },
	{ "split_lock_detect", X86_FEATURE_SPLIT_LOCK_DETECT },
#ifdef X86_FEATURE_FRED
	{ "fred", X86_FEATURE_FRED },
#endif
};

static unsigned int added[8];

static int find(const char *name)
{
	for (int i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i].name, name))
			return known[i].bit;
	return -EINVAL;
}

static int __init fake_cpu_init(void)
{
	for (int i = 0; i < count; i++) {
		int bit = find(set[i]);

		if (bit < 0 || boot_cpu_has(bit))
			return bit < 0 ? bit : -EEXIST;
		added[i] = bit;
	}
	for (int i = 0; i < count; i++)
		set_cpu_cap(&boot_cpu_data, added[i]);
	return 0;
}

static void __exit fake_cpu_exit(void)
{
	for (int i = 0; i < count; i++)
		clear_bit(added[i],
			  (unsigned long *)boot_cpu_data.x86_capability);
}

module_init(fake_cpu_init);
module_exit(fake_cpu_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Adds features and bugs to the record of the processor");
