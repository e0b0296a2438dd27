/* SPDX-License-Identifier: GPL-2.0 */
/* What the host's memory management takes away: see notifier.c. */
#ifndef RINGLET_HOST_MODULE_NOTIFIER_H
#define RINGLET_HOST_MODULE_NOTIFIER_H

struct rl_vm;

int notifier_create(struct rl_vm *vm);
void notifier_destroy(struct rl_vm *vm);

#endif
