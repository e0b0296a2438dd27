/* SPDX-License-Identifier: GPL-2.0 */
/* The module carries the switcher as data. */
#include "../switcher/switcher.S"
