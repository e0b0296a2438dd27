/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The length of an instruction of 32-bit code.
 */
#ifndef RINGLET_GUEST_I386_LENGTH_H
#define RINGLET_GUEST_I386_LENGTH_H

#define LENGTH_MOST	15	/* bytes of an instruction */

/*
 * Bytes of the instruction that `code` begins with, prefixes included, or 0: it is none
 * that is known, or does not end within `size` bytes.
 */
unsigned int insn_length(const unsigned char *code, unsigned long size);

#endif
