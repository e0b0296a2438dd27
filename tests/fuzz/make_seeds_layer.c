// SPDX-License-Identifier: GPL-2.0
/* Kernels and layers that fit them for fuzz_layer, into the folder that is named. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <elf.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fake_image.h"

/* Every kind of question, and every kind of place. */
static const struct fake_open opens[] = {
	{ "pv_ops", R_X86_64_64, FAKE_LAYER_DATA, 16, false },
	{ "fake_function", R_X86_64_PC32, FAKE_LAYER_TEXT, -4, false },
	{ "fake_function", R_X86_64_PLT32, FAKE_LAYER_TEXT + 4, -4, false },
	{ "absent", R_X86_64_32S, FAKE_LAYER_TEXT + 8, 0, true },
	{ "fake_percpu", R_X86_64_32, FAKE_LAYER_TEXT + 12, 0, false },
	{ "image.at.u32.outer.a", R_X86_64_32S, FAKE_LAYER_TEXT + 16, 0, false },
	{ "image.at.u32.outer.in[1].y", R_X86_64_32S, FAKE_LAYER_TEXT + 20, 0, false },
	{ "image.at.pointer.hooks.add", R_X86_64_32S, FAKE_LAYER_TEXT + 24, 0, false },
	{ "image.maybe.u32.outer.none", R_X86_64_32S, FAKE_LAYER_TEXT + 28, 0, false },
	{ "image.size.inner", R_X86_64_32, FAKE_LAYER_TEXT + 32, 0, false },
	{ "image.count.outer.b", R_X86_64_32, FAKE_LAYER_TEXT + 36, 0, false },
	{ "image.value.FAR", R_X86_64_64, FAKE_LAYER_DATA + 8, 0, false },
	{ "image.takes.448.hooks.add", R_X86_64_32, FAKE_LAYER_TEXT + 40, 0, false },
	{ "image.variable.fake_percpu", R_X86_64_32, FAKE_LAYER_TEXT + 44, 0, false },
	{ "image.gpa.init_top_pgt", R_X86_64_32, FAKE_LAYER_TEXT + 48, 0, false },
	{ "image.has.twice", R_X86_64_32, FAKE_LAYER_TEXT + 52, 0, false },
	{ "image.feature.xenpv", R_X86_64_32, FAKE_LAYER_TEXT + 56, 0, false },
	{ "image.feature.apic", R_X86_64_32, FAKE_LAYER_TEXT + 60, 0, false },
	{ "image.feature.entry32.1", R_X86_64_32, FAKE_LAYER_TEXT + 64, 0, false },
	{ "image.object.2.outer.x", R_X86_64_64, FAKE_LAYER_DATA + 16, 0, false },
};

static const char needs[] = "function fake_function vS1v\0pointer hooks.add v|448\0"
			    "either absent outer.c\0variable pv_ops outer\0"
			    "variable fake_table u32*2\0variable pv_ops outer.b\0"
			    "word x86_cap_flags+inner 0\0with outer.c fake_function\0"
			    "without absent pv_ops hooks.add";

static void put(const char *folder, const char *name, const struct fake_kernel *how,
		size_t count)
{
	size_t kernel_size, layer_size;
	uint8_t *kernel = fake_kernel(how, &kernel_size);
	uint8_t *layer = fake_open_layer(opens, count, needs, sizeof(needs), &layer_size);
	uint32_t first = kernel_size;
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (!file || fwrite(&first, sizeof(first), 1, file) != 1 ||
	    fwrite(kernel, kernel_size, 1, file) != 1 ||
	    fwrite(layer, layer_size, 1, file) != 1 || fclose(file))
		abort();
	free(kernel);
	free(layer);
}

int main(int argc, char **argv)
{
	const struct fake_kernel good = { 0 }, newer = { .own_places = true };

	if (argc != 2)
		return 2;
	put(argv[1], "all", &good, sizeof(opens) / sizeof(opens[0]));
	put(argv[1], "newer", &newer, sizeof(opens) / sizeof(opens[0]));
	put(argv[1], "few", &good, 6);
	return 0;
}
