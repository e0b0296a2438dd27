/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The layout of a kernel's structures, from the BTF type data that it
 * carries (Documentation/bpf/btf.rst of Linux). Only what a check of struct
 * layouts needs: find a structure by name, a member by its path.
 *
 * The data is hostile: each access is checked, each recursion bounded.
 */
#ifndef LAUNCHER_BTF_H
#define LAUNCHER_BTF_H

#include <stddef.h>
#include <stdint.h>

struct btf;

/* Borrows data until btf_free(). NULL and *why: the end of a sentence. */
struct btf *btf_read(const void *data, size_t size, const char **why);
void btf_free(struct btf *);

struct btf_place {
	uint32_t offset;	/* bytes from the start of the structure */
	uint32_t size;		/* bytes; 0 for a flexible array */
};

/*
 * Where `member` of struct (or union, or typedef of one) `name` is. A member
 * is a path such as "ctxs[1].ctx_id"; members of anonymous structs are found
 * by their own name; "" is the structure itself. Returns 0, -ENOENT for no
 * such structure, -ESRCH for no such member, -EINVAL for a bit field or for
 * damaged data.
 */
int btf_find(const struct btf *, const char *name, const char *member,
	     struct btf_place *);

#endif
