/* SPDX-License-Identifier: GPL-2.0 */
/* Included before everything else: every message starts with our name. */
#define pr_fmt(fmt) "ringlet: " fmt
