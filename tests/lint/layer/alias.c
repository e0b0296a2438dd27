// SPDX-License-Identifier: GPL-2.0
/*
 * Does the compiler know nothing of an answer (guest_pv/image.h)? Two questions lead to
 * one place here, and an answer is 0; the linker is told so by tests/lint/layer/run.
 * Ends with 0, or the number of what went wrong.
 */
#include "guest_pv/image.h"

u32 alias_object[4];

static u32 *word(void)
{
	return &field(u32, object(thing, alias), thing, word);
}

/* Between two looks at it by one question another one's is written. */
static bool is_seen(u32 by)
{
	u32 before = *word();

	field(u32, object(thing, alias), thing, word) = before + by;
	return *word() == before + by;
}

/* What nobody has written in this file, and then somebody. */
static bool was_written(u32 value)
{
	*(volatile u32 *)&alias_object[1] = value;
	return field(u32, object(thing, alias), thing, word) == value;
}

static bool is_nothing(void)
{
	return !IMAGE("at.u32.thing.first") && !has_symbol(nothing);
}

int main(int count, char **words)
{
	(void)words;
	if (!is_seen(count))
		return 1;
	if (!was_written(count + 1))
		return 2;
	return is_nothing() ? 0 : 3;
}
