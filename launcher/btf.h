/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The layout of a kernel's structures, from the BTF type data that it
 * carries (Documentation/bpf/btf.rst of Linux). Only what the layer asks for: a
 * structure by its name, a member by its path, an enumerator's value, the types of a
 * function.
 *
 * The data is hostile: each access is checked, each recursion bounded.
 */
#ifndef LAUNCHER_BTF_H
#define LAUNCHER_BTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;

/* Borrows data until btf_free(). NULL and *why: the end of a sentence. */
struct btf *btf_read(const void *data, size_t size, const char **why);
void btf_free(struct btf *);

struct btf_place {
	uint32_t offset;	/* bytes from the start of the structure */
	uint32_t size;		/* bytes; 0 for a flexible array */
	uint32_t type;		/* what is there, for the questions below */
};

/*
 * Where `member` of struct (or union, or typedef of one) `name` is. A member
 * is a path such as "ctxs[1].ctx_id"; members of anonymous structs are found
 * by their own name; "" is the structure itself. Returns 0, -ENOENT for no
 * such structure, -ESRCH for no such member, -EINVAL for a bit field or for
 * damaged data. Of several structures of one name those count that have the member;
 * -EEXIST where they disagree. NAME$MEMBER is the one of that name which has MEMBER.
 */
int btf_find(const struct btf *, const char *name, const char *member,
	     struct btf_place *);

/*
 * The value of the enumerator `name`, in whichever enumeration it is, as a 64-bit
 * number. 0, -ENOENT for no such one, or -EEXIST for two with different values.
 */
int btf_enumerator(const struct btf *, const char *name, uint64_t *value);

/*
 * The per-CPU variable `name`; its place is where it begins, so 0. 0, -ENOENT, -EINVAL,
 * or -EEXIST for several of that name and different types.
 */
int btf_variable(const struct btf *, const char *name, struct btf_place *);

/* Is at both places the same type, whatever it is called there? */
bool btf_same(const struct btf *, const struct btf_place *, const struct btf_place *);

/* What is at a place: a number or enumeration, a pointer, or something else. */
enum btf_sort { BTF_NUMBER, BTF_POINTER, BTF_OTHER };
enum btf_sort btf_sort(const struct btf *, const struct btf_place *);

/* How many elements the array at a place has. 0, or -EINVAL for no array. */
int btf_elements(const struct btf *, const struct btf_place *, uint32_t *count);

/*
 * Writes a signature to text: a letter for the result and one for each parameter. v:
 * nothing, also for "..." at the end; p: a pointer; a digit: the bytes of a number; S: a
 * structure; ?: something else. Of the function `name`, and of the functions that a
 * place points to. 0, -ENOENT for no such function, -EEXIST for several of that name and
 * different signatures, -EINVAL for one that does not fit
 * into `size` bytes, for what points to no function, and for damaged data.
 */
int btf_function(const struct btf *, const char *name, char *text, size_t size);
int btf_pointed(const struct btf *, const struct btf_place *, char *text, size_t size);

#endif
