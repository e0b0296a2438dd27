/* SPDX-License-Identifier: GPL-2.0 */
/* What the injector and the guests that use it agree on. */
#ifndef TESTS_TINY_INJECTOR_INJECTOR_H
#define TESTS_TINY_INJECTOR_INJECTOR_H

#define INJECTOR_ASKS	0x1ec7ed00	/* RAX, plus the vector */

#endif
