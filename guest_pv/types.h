/* SPDX-License-Identifier: GPL-2.0 */
/* The words of the kernel's dialect of C that the layer uses. */
#ifndef RINGLET_GUEST_PV_TYPES_H
#define RINGLET_GUEST_PV_TYPES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

#undef __always_inline
#define __always_inline	inline __attribute__((always_inline))
#define __noreturn	__attribute__((noreturn))
#define __weak		__attribute__((weak))
#define __aligned(n)	__attribute__((aligned(n)))

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

/* An access that is one, and happens. */
#define READ_ONCE(x)		(*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value)	(*(volatile typeof(x) *)&(x) = (value))
#define barrier()		asm volatile("" ::: "memory")
#define mb()			asm volatile("mfence" ::: "memory")

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))

#define PAGE_SHIFT		12
#define PAGE_SIZE		(1ul << PAGE_SHIFT)
#define offset_in_page(a)	((unsigned long)(a) & (PAGE_SIZE - 1))

#define NSEC_PER_SEC		1000000000ul
#define USEC_PER_SEC		1000000ul

#endif
