// SPDX-License-Identifier: GPL-2.0
/*
 * Console output, and what the host gives for bad addresses.
 */
#include "tiny.h"

CASE(write)
{
	static char text[] = "hello from ring 1\n";

	EQUAL(hypercall(RL_HC_CONSOLE_WRITE, gpa_of(text), sizeof(text) - 1, 0),
	      sizeof(text) - 1);
}

CASE(read_nothing)
{
	EQUAL(hypercall(RL_HC_CONSOLE_READ, TINY_FREE, 16, 0), 0);
}

CASE(bad_address)
{
	CHECK(hypercall(RL_HC_CONSOLE_WRITE, TINY_MEMORY + 4096, 16, 0) < 0);
	CHECK(hypercall(RL_HC_CONSOLE_WRITE, ~0ULL - 8, 16, 0) < 0);
	CHECK(hypercall(RL_HC_CONSOLE_WRITE, TINY_FREE, ~0ULL, 0) <= 1 << 20);
}
