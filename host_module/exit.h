/* SPDX-License-Identifier: GPL-2.0 */
/* Why the guest stopped, and who serves it: see exit.c, hypercall.c. */
#ifndef RINGLET_HOST_MODULE_EXIT_H
#define RINGLET_HOST_MODULE_EXIT_H

struct rl_vcpu;

/* What an exit handler wants next. */
enum exit_action {
	EXIT_RESUME,		/* go on in the guest */
	EXIT_TO_LAUNCHER,	/* run->exit_reason is set */
};

enum exit_action exit_handle(struct rl_vcpu *vcpu);
enum exit_action hypercall_handle(struct rl_vcpu *vcpu);

#endif
