/* SPDX-License-Identifier: GPL-2.0 */
/* The files of a VM and of its vCPUs: see vm_file.c, vcpu_file.c. */
#ifndef RINGLET_HOST_MODULE_VM_FILE_H
#define RINGLET_HOST_MODULE_VM_FILE_H

struct rl_vm;

int vm_create_fd(void);
unsigned int vcpus_max(void);
int vcpu_create_fd(struct rl_vm *vm, unsigned long id);

#endif
