/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs from kernel to kernel, as symbols that no object file defines.
 *
 * Purpose: the layer is compiled once, without any kernel's headers. Where a member of a
 * structure is, how large a structure is, what an enumerator's value is: each is a symbol
 * whose name asks the question, and `ringlet prepare` answers it from the image's own BTF
 * (launcher/answer.c, which has the list of questions) and puts the answer into the
 * instruction that wants it. What has no answer refuses the kernel.
 *
 * Rules: to a compiler no address is 0, two symbols are two objects, and one that is never
 * written keeps what it had. An answer may be 0, two questions lead to one place, and the
 * kernel writes there. So no C expression has such a symbol's address in it: each answer is
 * a number that an instruction brings, and of that a compiler knows nothing (its price is
 * this one instruction). tests/lint/layer shows it.
 */
#ifndef RINGLET_GUEST_PV_IMAGE_H
#define RINGLET_GUEST_PV_IMAGE_H

#include "types.h"

#define IMAGE_JOIN(a, b)	a##b
#define IMAGE_NAME(n)		IMAGE_JOIN(image_symbol_, n)
#define IMAGE_ASK(id, question)						\
({									\
	extern char id[] asm("image." question);			\
	long number_;							\
									\
	asm("movq %1, %0" : "=r" (number_) : "i" (id));			\
	number_;							\
})
#define IMAGE(question)		IMAGE_ASK(IMAGE_NAME(__COUNTER__), question)

/* A member's kind, which the image's type must agree with, and C's type for it. */
#define IMAGE_u8		u8
#define IMAGE_u16		u16
#define IMAGE_u32		u32
#define IMAGE_u64		u64
#define IMAGE_pointer		void *
/* Not looked into: the image's own type, whatever its size is. */
#define IMAGE_whole		char

/* Bytes of a structure; elements of a member that is an array. */
#define size_of(type)		IMAGE("size." #type)
#define count_of(type, member)	IMAGE("count." #type "." #member)
/* The value of an enumerator. */
#define enumerator(name)	IMAGE("value." #name)
/* The same, or 0 in kernels that do not know it. */
#define maybe_flag(name)	IMAGE("flag." #name)

/* The member of the structure at pointer, of that kind. */
#define field(kind, pointer, type, member)				\
	(*(IMAGE_##kind *)((char *)(pointer) +				\
			   IMAGE("at." #kind "." #type "." #member)))
/* Its address. */
#define part(pointer, type, member)					\
	((void *)&field(whole, pointer, type, member))

/*
 * A member that not all kernels have: whether this one has it, and the member itself,
 * which may only be touched where it is there.
 */
#define has_field(kind, type, member)					\
	(IMAGE("maybe." #kind "." #type "." #member) != -1)
#define maybe_field(kind, pointer, type, member)			\
	(*(IMAGE_##kind *)((char *)(pointer) +				\
			   IMAGE("maybe." #kind "." #type "." #member)))
/* Sets it, where there is one. */
#define set_maybe(kind, pointer, type, member, value)			\
	do {								\
		if (has_field(kind, type, member))			\
			maybe_field(kind, pointer, type, member) = (value); \
	} while (0)

/* Is a member a pointer, or what it would point to? */
#define is_pointer(type, member)	(IMAGE("points." #type "." #member) != 0)

/* Has a member that points to a function this signature (functions.h)? */
#define has_signature(type, member, signature)				\
	(IMAGE("takes." signature "." #type "." #member) != 0)

/* Does the kernel have a function or variable of this name? */
#define has_symbol(name)	(IMAGE("has." #name) != 0)
/* Does all hold that needs.c says of a part of the layer? */
#define has_part(name)		(IMAGE("part." #name) != 0)
/* Where the image lies in guest-physical memory: of a symbol. */
#define gpa_of(symbol)		IMAGE("gpa." #symbol)

/*
 * Memory for `count` structures of the kernel's, all zero: the launcher makes room for
 * it behind the layer's own. The same name is the same memory. Where there are several
 * structures of a name, type$member is the one that has the member.
 */
#define objects(count, type, name)					\
	((void *)IMAGE("object." #count "." #type "." #name))
#define object(type, name)	objects(1, type, name)

/* Linux's number of a CPU feature, as the image's code or its names say it. */
#define feature_number(name)	IMAGE("feature." #name)

#endif
