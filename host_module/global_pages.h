/* SPDX-License-Identifier: GPL-2.0 */
/* Entries and exits that keep the host's translations; see global_pages.c. */
#ifndef RINGLET_HOST_MODULE_GLOBAL_PAGES_H
#define RINGLET_HOST_MODULE_GLOBAL_PAGES_H

#include <linux/kconfig.h>

struct rl_vcpu;

#ifdef CONFIG_PREEMPT_NOTIFIERS

/* Around the life of the module. */
void global_pages_init(void);
void global_pages_exit(void);

/*
 * Around each RL_RUN, in its thread: _begin() says in vcpu->global what an exit leaves out
 * of CR4; behind _end() the host has CR4.PGE again.
 */
void global_pages_begin(struct rl_vcpu *vcpu);
void global_pages_end(struct rl_vcpu *vcpu);

#else /* A kernel without KVM: nobody tells that a thread leaves its pCPU. */

static inline void global_pages_init(void) { }
static inline void global_pages_exit(void) { }
static inline void global_pages_begin(struct rl_vcpu *vcpu) { }
static inline void global_pages_end(struct rl_vcpu *vcpu) { }

#endif
#endif
