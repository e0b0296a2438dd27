// SPDX-License-Identifier: GPL-2.0
/*
 * The second vCPU. The stubs of entry.S are about the first one's page, so it takes
 * no traps: what it must not do ends the guest.
 */
#include "tiny.h"

volatile struct rl_shared second_page __attribute__((aligned(4096)));
static u64 stack[1024] __attribute__((aligned(16)));

s64 second_start_in(void (*function)(void), u64 cr3)
{
	struct rl_start start = {
		.rip = (u64)function, .rsp = (u64)&stack[1023], .cr3 = cr3,
	};

	return hypercall(RL_HC_START_VCPU, 1, (u64)&start, 0);
}

s64 second_start(void (*function)(void))
{
	return second_start_in(function, TINY_TABLES);
}

s64 second_init(void)
{
	struct rl_init init = {
		.version = RL_GUEST_ABI_VERSION,
		.shared_gpa = gpa_of(&second_page),
		.shared_gva = (u64)&second_page,
	};

	return hypercall(RL_HC_INIT, (u64)&init, 0, 0);
}
