// SPDX-License-Identifier: GPL-2.0
/* The sites of the kernel: the launcher fills this in, see abi/i386.h. */
#include "shim.h"

const struct rl_i386_image image
__attribute__((section(RL_I386_SECTION), aligned(4096))) = { .count = 0 };
