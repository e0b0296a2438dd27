/* SPDX-License-Identifier: GPL-2.0 */
/* What the user wants of processors (--cpus, --pin) against what this host has. */
#ifndef RINGLET_LAUNCHER_CPUS_H
#define RINGLET_LAUNCHER_CPUS_H

#include "options.h"

/* STATUS_OK, or the exit status for what cannot be had, which is said. */
int cpus_check(const struct run_options *options, int device_fd);

#endif
