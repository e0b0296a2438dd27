// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: a kernel file of any bytes, through everything that reads
 * it when the layer is fitted. See the Makefile here.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/answer.h"
#include "launcher/budget.h"
#include "launcher/image.h"
#include "launcher/kernel.h"
#include "launcher/protected.h"
#include "quiet_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What prepare asks of every kernel. */
static void ask(const struct kernel *kernel)
{
	static const char *const members[] = { "", "a", "b[1]", "in[1].y" };
	static const char *const questions[] = {
		"feature.xenpv", "feature.apic", "feature.entry32.1",
		"takes.448.hooks.add", "maybe.u32.outer.none", "value.FAR",
	};
	struct btf_place place;
	uint64_t gva = 0, offset;
	char why[300];

	if (kallsyms_find(kernel->symbols, "fake_function", &gva))
		protected_find(&kernel->elf, kernel->symbols, kernel->btf,
			       gva, 8);
	protected_has_fentry(&kernel->elf, kernel->symbols, gva);
	kallsyms_nearest(kernel->symbols, 0xffffffff81000123, &offset);
	for (size_t i = 0; kernel->btf && i < 6; i++)
		answer(kernel, questions[i], &gva, why, sizeof(why));
	for (size_t i = 0; kernel->btf && i < 4; i++)
		btf_find(kernel->btf, "outer", members[i], &place);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct kernel kernel;
	struct image image;

	/* So many are no second, even with sanitizers. */
	budget_begin("FILE", 1 << 26);
	memcpy(copy, data, size);
	if (image_set(&image, "FILE", copy, size))
		return 0;
	if (!image_unpack(&image) && !kernel_open(&kernel, &image)) {
		ask(&kernel);
		kernel_close(&kernel);
	}
	image_free(&image);
	return 0;
}
