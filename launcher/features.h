/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which number a kernel gives to a CPU feature. Nothing in BTF says it; the image does.
 */
#ifndef LAUNCHER_FEATURES_H
#define LAUNCHER_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel.h"

/*
 * name: as in /proc/cpuinfo; "xenpv", without which the kernel writes `cli` into its
 * code where there was a call of pv_ops; or "entry32.0" and "entry32.1", those by which
 * its 32-bit vDSO chooses how programs enter it (-1: it has not so many). False where
 * the image does not say it.
 */
bool features_find(const struct kernel *, const char *name, uint64_t *number);

#endif
