/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What `ringlet check` finds out about a host. Questions that need only the
 * text of a file take that text, so that tests can ask them of any host.
 */
#ifndef RINGLET_LAUNCHER_HOST_H
#define RINGLET_LAUNCHER_HOST_H

#include <stdbool.h>
#include <stddef.h>

/* Is word among the flags that /proc/cpuinfo's text gives its first CPU? */
bool host_cpu_has(const char *cpuinfo, const char *word);

/*
 * Does the text of a modules.dep name a module of that name, compressed or
 * not? name: without ".ko".
 */
bool host_module_listed(const char *modules_dep, const char *name);

/* The text between brackets: "none [integrity] x" -> "integrity". */
bool host_choice(const char *text, char *choice, size_t size);

/*
 * The first size - 1 bytes of a file, NUL terminated; *text is to be freed.
 * False: it cannot be read.
 */
bool host_read_file(const char *path, char **text);

#endif
