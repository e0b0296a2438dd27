/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the layer asks about a kernel (guest_pv/image.h), answered from the image alone.
 *
 *	at.KIND.STRUCT.MEMBER	bytes from the structure's start; the member is of that kind
 *	maybe.KIND.STRUCT.MEMBER	the same, or -1 where there is no such member
 *	size.STRUCT		bytes
 *	count.STRUCT.MEMBER	elements of an array
 *	value.NAME		an enumerator's
 *	flag.NAME		the same, or 0 where there is none
 *	points.STRUCT.MEMBER	1 where it is a pointer, else 0
 *	takes.SIGNATURE.STRUCT.MEMBER	1 where it points to such a function, else 0
 *	variable.NAME		bytes of a per-CPU variable
 *	gpa.SYMBOL		where it lies in guest-physical memory
 *	has.SYMBOL		1 or 0
 *	feature.NAME		Linux's number of a CPU feature (features.h)
 *
 * KIND: u8, u16, u32, u64 a number of so many bits; pointer; whole: anything.
 */
#ifndef LAUNCHER_ANSWER_H
#define LAUNCHER_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel.h"

/*
 * False, and in why (size bytes) what is missing, as a part of a list, where the image
 * has no answer or does not prove it. As ever, budget_check() before it is believed.
 * The kernel has BTF.
 */
bool answer(const struct kernel *, const char *question, uint64_t *value, char *why,
	    size_t size);

/* Does one string of the layer's section of needs (abi/layer.h) hold? As answer(). */
bool answer_need(const struct kernel *, const char *need, char *why, size_t size);

#endif
