// SPDX-License-Identifier: GPL-2.0
/*
 * Guests that want more than they may have. Each succeeds where the host does not let it.
 */
#include "tiny.h"

/* A descriptor with S = 0: a call gate would be best. */
CASE(system_descriptor)
{
	FAIL("nobody has written this attack yet");
}

/* Code that runs with its caller's privilege. */
CASE(conforming_code)
{
	FAIL("nobody has written this attack yet");
}
