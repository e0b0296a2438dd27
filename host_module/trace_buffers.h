/* SPDX-License-Identifier: GPL-2.0 */
/* Does perf have the processor write to memory? See trace_buffers.c. */
#ifndef RINGLET_HOST_MODULE_TRACE_BUFFERS_H
#define RINGLET_HOST_MODULE_TRACE_BUFFERS_H

#include <linux/types.h>

bool trace_buffers_on(void);

#endif
