/* SPDX-License-Identifier: GPL-2.0 */
/* What the user asked `ringlet run` for, against what this host and a kernel can have. */
#ifndef RINGLET_LAUNCHER_WISHES_H
#define RINGLET_LAUNCHER_WISHES_H

#include <stdbool.h>

#include "options.h"

/* Before anything is opened or started. i386: it is a 32-bit kernel. STATUS_OK, or another
   exit status after a line that says why. */
int wishes_check(const struct run_options *options, bool i386);

#endif
