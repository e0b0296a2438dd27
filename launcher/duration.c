// SPDX-License-Identifier: GPL-2.0
/* See duration.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "duration.h"

int duration_parse(const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = { { "", 1e9 }, { "s", 1e9 }, { "ms", 1e6 }, { "m", 60e9 } };
	char *unit;
	double value;

	/* strtod() knows more than numbers: "inf", "0x1p3", blanks. */
	if (!*text || strspn(text, "0123456789.") != strcspn(text, "ms"))
		return -EINVAL;
	value = strtod(text, &unit);
	if (unit == text)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(unit, units[i].name))
			continue;
		value *= units[i].ns;
		if (!(value >= 1e6 && value <= DURATION_MAX_NS))
			return -EINVAL;
		*ns = value;
		return 0;
	}
	return -EINVAL;
}
