/* SPDX-License-Identifier: GPL-2.0 */
/* The loop that runs a vCPU: see run.c. */
#ifndef RINGLET_HOST_MODULE_RUN_H
#define RINGLET_HOST_MODULE_RUN_H

struct rl_vcpu;

int vcpu_run(struct rl_vcpu *vcpu);

#endif
