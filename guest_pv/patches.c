// SPDX-License-Identifier: GPL-2.0
/*
 * Where the stock kernel's code leads into the layer. See abi/layer.h: the
 * launcher checks the bytes and writes the jumps, before the guest starts.
 *
 * Rules: never a byte that the kernel itself may rewrite, so behind the ENDBR64 and
 * the call of __fentry__ where a function has them (RL_PATCH_ENTRY), and nothing
 * inside an alternative.
 */
#include "abi/layer.h"
#include "layer.h"

/*J: guest.patches
 * Replacing an operating system's privileged operations without rebuilding it
 * sounds like binary patching all over the place. It is a dozen jumps. Debian's
 * kernels can run under Xen, so everything privileged already goes through a
 * table of function pointers (pv_ops), and the layer only fills the table.
 * What is left has no pointer: the IRETQ at the end of every exception, where
 * the kernel has kept a five-byte hole for Xen; one early helper that uses cli
 * and popf; one device initcall of Xen's, which would do nothing here and
 * lends its place, so that drivers start when drivers start; the writing of kernel text
 * (text_poke.c); the flush of a range of kernel addresses, on which no table of pointers
 * was ever asked; and two system calls, in their 64 and their 32-bit form, that a
 * guest does not offer.
 :*/

extern char early_xen_iret_patch[], xen_iret[], this_cpu_cmpxchg16b_emu[];
extern char __x64_sys_iopl[], __ia32_sys_iopl[];
extern char __x64_sys_ioperm[], __ia32_sys_ioperm[];

#define ALL(n)			[0 ... (n) - 1] = 0xff

#define NO_SUCH_CALL(function)					\
	{							\
		.gva = (u64)(function),				\
		.target = (u64)rl_no_such_call,			\
		.kind = RL_PATCH_JUMP | RL_PATCH_ENTRY, .len = 5,	\
	}

static const struct rl_patch patches[]
__attribute__((used, section(RL_PATCHES_SECTION))) = {
	{	/* jmp to the next instruction: a hole kept for this */
		.gva = (u64)early_xen_iret_patch, .target = (u64)rl_iret,
		.kind = RL_PATCH_JUMP, .len = 5,
		.expect = { 0xe9, 0x00, 0x00, 0x00, 0x00 },
		.mask = { ALL(5) },
	},
	{	/* push $0; push %rcx; push %r11 */
		.gva = (u64)xen_iret, .target = (u64)rl_iret,
		.kind = RL_PATCH_JUMP, .len = 5,
		.expect = { 0x6a, 0x00, 0x51, 0x41, 0x53 },
		.mask = { ALL(5) },
	},
	{	/* pushf; cli; cmp %gs:(%rsi),%rax */
		.gva = (u64)this_cpu_cmpxchg16b_emu,
		.target = (u64)rl_cmpxchg16b,
		.kind = RL_PATCH_JUMP | RL_PATCH_ENTRY, .len = 6,
		.expect = { 0x9c, 0xfa, 0x65, 0x48, 0x3b, 0x06 },
		.mask = { ALL(6) },
	},
	{	/* a function's body: whatever the compiler put there */
		.gva = (u64)xen_hvc_init,
		.target = (u64)rl_device_init,
		.kind = RL_PATCH_JUMP | RL_PATCH_ENTRY, .len = 5,
	},
	{
		.gva = (u64)__text_poke,
		.target = (u64)rl_text_poke,
		.kind = RL_PATCH_JUMP | RL_PATCH_ENTRY, .len = 5,
	},
	{
		.gva = (u64)flush_tlb_kernel_range,
		.target = (u64)rl_flush_tlb_kernel_range,
		.kind = RL_PATCH_JUMP | RL_PATCH_ENTRY, .len = 5,
	},
	NO_SUCH_CALL(__x64_sys_iopl),
	NO_SUCH_CALL(__ia32_sys_iopl),
	NO_SUCH_CALL(__x64_sys_ioperm),
	NO_SUCH_CALL(__ia32_sys_ioperm),
};
