/* SPDX-License-Identifier: GPL-2.0 */
/* One entry into the guest and back: see enter.c, reraise.S. */
#ifndef RINGLET_HOST_MODULE_ENTER_H
#define RINGLET_HOST_MODULE_ENTER_H

#include <linux/types.h>

struct rl_vcpu;

void enter_init(void);
int enter_guest(struct rl_vcpu *vcpu);
void enter_reraise(u64 vector);

void reraise_nmi(void);
#define RERAISE_SIZE 16		/* of an entry of the table */
extern const char reraise_table[];

#endif
