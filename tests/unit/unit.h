/* SPDX-License-Identifier: GPL-2.0 */
/* cmocka and what it wants included before it. */
#ifndef RINGLET_TESTS_UNIT_H
#define RINGLET_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
