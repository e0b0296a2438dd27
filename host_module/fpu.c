// SPDX-License-Identifier: GPL-2.0
/*
 * The FPU's registers (SSE, AVX and so on among them).
 *
 * Locks: vcpu->fpstate is that of the thread which is in RL_RUN, holder of vcpu->lock.
 */
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xstate.h>
#include "compat.h"
#include "fpu.h"
#include "vcpu.h"

/*J: fpu.swap
 * A program's FPU registers stay in the processor while its system call is served,
 * and Linux saves them when something else needs the registers: another task, or
 * the kernel itself, in an interrupt perhaps. Where to, a pointer in the thread's
 * record says. So while a thread is in RL_RUN that pointer leads to the vCPU's
 * memory, and what Linux takes for the program's registers are the guest's. An exit
 * after which nobody else computed costs nothing: the registers are still there.
 *
 * KVM has functions in Linux for this, but newer kernels keep them to KVM. What any
 * module may call is kernel_fpu_begin(): behind it the registers are free, what was
 * in them lies where the pointer leads, no pCPU takes itself for their owner, and
 * TIF_NEED_FPU_LOAD says that they must be loaded. The rest is done here.
 :*/

/* vcpu->fpstate: as after FNINIT, and nothing in the others. 0 or -ENOMEM. */
int fpu_create(struct rl_vcpu *vcpu)
{
	const struct fpstate *mine = compat_fpu(current)->fpstate;
	struct fpstate *new;

	new = __vmalloc(offsetof(struct fpstate, regs) + mine->size,
			GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!new)
		return -ENOMEM;
	new->size = mine->size;
	new->user_size = mine->user_size;
	new->xfeatures = mine->xfeatures;
	new->user_xfeatures = mine->user_xfeatures;
	new->is_valloc = true;
	new->is_guest = true;
	new->regs.fxsave.cwd = 0x37f;
	new->regs.fxsave.mxcsr = MXCSR_DEFAULT;
	/* Compacted or not, and with what: never changes. */
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		new->regs.xsave.header.xcomp_bv =
			mine->regs.xsave.header.xcomp_bv;
	vcpu->fpstate = new;
	return 0;
}

void fpu_destroy(struct rl_vcpu *vcpu)
{
	vfree(vcpu->fpstate);
}

/*
 * The thread's registers are the guest's from here on, or its program's again.
 * Whose they are is in memory afterwards; fpu_load(), or Linux on its way back to
 * the program, loads them.
 */
void fpu_swap(struct rl_vcpu *vcpu, bool to_guest)
{
	struct fpu *fpu = compat_fpu(current);

	kernel_fpu_begin_mask(0);
	if (to_guest) {
		fpu->__task_fpstate = fpu->fpstate;
		fpu->fpstate = vcpu->fpstate;
	} else {
		fpu->fpstate = fpu->__task_fpstate;
		fpu->__task_fpstate = NULL;
	}
	vcpu->fpstate->in_use = to_guest;
	/* Another pCPU may still have the program's from before and think that
	   they are up to date. */
	fpu->last_cpu = -1;
	kernel_fpu_end();
}

static void restore(struct fpstate *fpstate)
{
	u64 mask = XFEATURE_MASK_FPSTATE;
	u32 low = mask, high = mask >> 32;

	/* Some of AMD's keep the addresses of another's last x87 instruction. */
	if (static_cpu_has_bug(X86_BUG_FXSAVE_LEAK))
		asm volatile("fnclex; emms; fildl %0" :: "m"(fpstate->size));
	if (cpu_feature_enabled(X86_FEATURE_XSAVES))
		asm volatile("xrstors64 %0" :: "m"(fpstate->regs), "a"(low),
			     "d"(high) : "memory");
	else if (cpu_feature_enabled(X86_FEATURE_XSAVE))
		asm volatile("xrstor64 %0" :: "m"(fpstate->regs), "a"(low),
			     "d"(high) : "memory");
	else
		asm volatile("fxrstor64 %0" :: "m"(fpstate->regs) : "memory");
}

/*
 * Loads the guest's registers, which are in memory, and tells Linux so. Interrupts
 * off, between fpu_swap(vcpu, true) and (vcpu, false).
 */
void fpu_load(struct rl_vcpu *vcpu)
{
	struct fpstate *fpstate = vcpu->fpstate;

	kernel_fpu_begin_mask(0);
	/* Tiles are never the guest's, so XFD does not matter to it; but Linux
	   wants to find here what the register has. */
	if (cpu_feature_enabled(X86_FEATURE_XFD))
		rdmsrl(MSR_IA32_XFD, fpstate->xfd);
	restore(fpstate);
	clear_thread_flag(TIF_NEED_FPU_LOAD);
	kernel_fpu_end();
}
