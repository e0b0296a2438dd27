/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the layer keeps in the scratch words of a vCPU's shared page, as offsets in bytes
 * from the first. The first three are those of entry.S.
 */
#ifndef RINGLET_GUEST_PV_SCRATCH_H
#define RINGLET_GUEST_PV_SCRATCH_H

#define RL_SCRATCH_TAIL		24	/* where a return to ring 1 ends */
#define RL_SCRATCH_TAIL_USER	32	/* and one to ring 3 */
#define RL_SCRATCH_ID		40	/* of the vCPU, and Linux's of the CPU */
#define RL_SCRATCH_CR3		48	/* what was loaded last */
#define RL_SCRATCH_LATE		56	/* see pv_segment.c */

/* How many vCPUs there may be: bits of a mask. */
#define RL_CPUS			64

#endif
