// SPDX-License-Identifier: GPL-2.0
/*
 * The module: may this host run guests, and /dev/ringlet.
 *
 * Start reading here; then vm.c, run.c, enter.c and ../switcher/switcher.S,
 * and from there back through exit.c to shadow.c and inject.c.
 */
#include <linux/cc_platform.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/pgtable.h>
#include <asm/tsc.h>
#include "compat.h"
#include "enter.h"
#include "global_pages.h"
#include "mmu_lock.h"
#include "stats.h"
#include "syscall_msrs.h"
#include "vm_file.h"
#include "window.h"

static long get_info(void __user *to)
{
	struct rl_info info = {
		.api_version = RL_API_VERSION,
		.guest_abi_version = RL_GUEST_ABI_VERSION,
		.paging_levels = pgtable_l5_enabled() ? 5 : 4,
		.host_pti = boot_cpu_has(X86_FEATURE_PTI),
		.tsc_khz = tsc_khz,
		.max_vcpus = vcpus_max(),
	};

	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : 0;
}

static long device_ioctl(struct file *file, unsigned int nr, unsigned long arg)
{
	switch (nr) {
	case RL_GET_INFO:
		return get_info((void __user *)arg);
	case RL_CREATE_VM:
		return arg ? -EINVAL : vm_create_fd();
	}
	return -ENOTTY;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ringlet",
	.fops = &device_fops,
	.mode = 0660,
};

static bool kernel_shadow_stacks(void)
{
	u64 cet;

	if (!(native_read_cr4() & X86_CR4_CET))
		return false;
	rdmsrl(MSR_IA32_S_CET, cet);
	return cet & CET_SHSTK_EN;
}

/*J: host.requirements
 * Before anything else the module asks whether this machine is one where its
 * tricks are safe. Each refusal has a reason. Without FSGSBASE, ring 1 cannot
 * change its GS. With FRED there is no ring 1 to return to. Shadow stacks of the
 * kernel's own (no Linux has them so far) would miss what the switcher does to the
 * ordinary one. With memory encryption, page table entries carry a bit that is not
 * accounted for here. And slot 256 of the page table must be free: a kernel that
 * itself runs under Xen has its own hypervisor there.
 :*/
static int check_host(void)
{
	if (!boot_cpu_has(X86_FEATURE_FSGSBASE)) {
		pr_err("this processor (or nofsgsbase) has no FSGSBASE, which guests need\n");
		return -ENODEV;
	}
	if (compat_fred_enabled()) {
		pr_err("FRED is on and has no ring 1: boot with fred=off\n");
		return -ENODEV;
	}
	if (boot_cpu_has(X86_FEATURE_XENPV)) {
		pr_err("the host runs as a Xen PV guest, where ring 1 is not ours\n");
		return -ENODEV;
	}
	if (cc_platform_has(CC_ATTR_MEM_ENCRYPT)) {
		pr_err("memory encryption is on: boot with mem_encrypt=off\n");
		return -ENODEV;
	}
	if (kernel_shadow_stacks()) {
		pr_err("the kernel has shadow stacks of its own, which are not supported: boot without them\n");
		return -ENODEV;
	}
	if (!tsc_khz) {
		pr_err("the TSC's rate is unknown, and guests keep time by it\n");
		return -ENODEV;
	}
	if (!boot_cpu_has(X86_FEATURE_NX)) {
		pr_err("this processor has no NX\n");
		return -ENODEV;
	}
	return 0;
}

static int __init ringlet_init(void)
{
	int r = check_host();

	if (r)
		return r;
	mmu_lock_init();
	r = window_init();
	if (r)
		return r;
	r = syscall_msrs_init();
	if (r)
		goto window;
	enter_init();
	global_pages_init();
	stats_init();
	r = misc_register(&device);
	if (r)
		goto stats;
	pr_info("ready: %d-level page tables%s\n",
		pgtable_l5_enabled() ? 5 : 4,
		boot_cpu_has(X86_FEATURE_PTI) ? ", page table isolation" : "");
	return 0;
stats:
	stats_exit();
	global_pages_exit();
	syscall_msrs_exit();
window:
	window_exit();
	return r;
}

static void __exit ringlet_exit(void)
{
	misc_deregister(&device);
	stats_exit();
	global_pages_exit();
	syscall_msrs_exit();
	window_exit();
}

module_init(ringlet_init);
module_exit(ringlet_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("ringlet: paravirtual Linux guests in ring 1");
MODULE_VERSION(RINGLET_VERSION);
