/* SPDX-License-Identifier: GPL-2.0 */
/* What a guest may put into its GDT and LDT: see segment.c. */
#ifndef RINGLET_HOST_MODULE_SEGMENT_H
#define RINGLET_HOST_MODULE_SEGMENT_H

#include <linux/types.h>

bool segment_user_ok(u64 descriptor, u64 *safe);
bool segment_own_ok(u64 descriptor, u64 *safe);
bool segment_ldt_ok(u64 descriptor, u64 *safe);
u32 segment_limit(u64 descriptor);
void segment_describe_ldt(u64 gdt[512], u64 base, unsigned int entries);
void segment_default_gdt(u64 gdt[512], unsigned int id);

#endif
