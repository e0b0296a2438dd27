// SPDX-License-Identifier: GPL-2.0
/* The same once more, for a storm the other way at the same time. */
#include "nmi_storm.c"
