// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that asks its host how often it was entered. The host does not know the
 * question yet: that is the lab.
 */
#include "tiny.h"

#ifndef RL_HC_ENTRIES
#define RL_HC_ENTRIES 30	/* abi/guest.h has no such line so far */
#endif

#define ENOSYS 38

/* Whoever runs was entered at least once. */
CASE(answers)
{
	s64 entries = hypercall(RL_HC_ENTRIES, 0, 0, 0);

	if (entries == -ENOSYS)
		FAIL("the host knows no hypercall %d", RL_HC_ENTRIES);
	CHECK(entries > 0);
}

/*
 * Each call leaves the guest and comes back, so the number grows by one; by a few more
 * where the host's interrupts came in between.
 */
CASE(counts)
{
	s64 before = hypercall(RL_HC_ENTRIES, 0, 0, 0), after;

	for (int i = 0; i < 100; i++)
		after = hypercall(RL_HC_ENTRIES, 0, 0, 0);
	CHECK(after - before >= 100);
	CHECK(after - before < 10000);
}

/* The module counts hypercalls by number: see host_stats() in tests/tiny/lib. */
CASE(is_counted)
{
	u64 before = host_stats()->hypercalls[RL_HC_ENTRIES];

	CHECK(hypercall(RL_HC_ENTRIES, 0, 0, 0) > 0);
	EQUAL(host_stats()->hypercalls[RL_HC_ENTRIES], before + 1);
}

/* RL_HC_COUNT says how many there are; what lies behind is refused. */
CASE(none_behind_it)
{
	EQUAL(RL_HC_COUNT, RL_HC_ENTRIES + 1);
	EQUAL(hypercall(RL_HC_COUNT, 0, 0, 0), -ENOSYS);
}
