/* SPDX-License-Identifier: GPL-2.0 */
/* Counters, for the launcher and in debugfs: see stats.c. */
#ifndef RINGLET_HOST_MODULE_STATS_H
#define RINGLET_HOST_MODULE_STATS_H

#include "../abi/ringlet.h"

struct rl_vm;

void stats_init(void);
void stats_exit(void);
void stats_read(struct rl_vm *vm, struct rl_stats *out);
void stats_add_vm(struct rl_vm *vm);
void stats_remove_vm(struct rl_vm *vm);

#endif
