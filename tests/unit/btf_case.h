/* SPDX-License-Identifier: GPL-2.0 */
/* What each case of a test of btf.c begins with: fresh types (fake_btf.c) and budget. */
#ifndef TESTS_UNIT_BTF_CASE_H
#define TESTS_UNIT_BTF_CASE_H

#include <stdlib.h>

#include "capture_log.h"
#include "fake_image.h"
#include "launcher/budget.h"

static uint8_t *data;
static size_t size;

static int set_up(void **state)
{
	(void)state;
	budget_begin("FILE", BUDGET_STEPS);
	log_forget();
	data = fake_btf(&size);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(data);
	return 0;
}

#endif
