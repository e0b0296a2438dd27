// SPDX-License-Identifier: GPL-2.0
/* Good cache entries for fuzz_load, into the folder that is named. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <cmocka.h>

#include "abi/guest.h"
#include "tests/unit/fake_image.h"

static void put(const char *folder, const char *name,
		const struct rl_patch *patch)
{
	struct fake_kernel how = { 0 };
	uint32_t numbers[2];
	size_t kernel_size, layer_size;
	uint8_t *kernel = fake_kernel(&how, &kernel_size);
	uint8_t *layer = fake_layer(patch, 1, NULL, 0, &layer_size);
	char path[4096];
	FILE *file;

	numbers[0] = kernel_size;
	numbers[1] = FAKE_DATA_GPA + 0x1000;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (!file || fwrite(numbers, sizeof(numbers), 1, file) != 1 ||
	    fwrite(kernel, kernel_size, 1, file) != 1 ||
	    fwrite(layer, layer_size, 1, file) != 1 || fclose(file))
		abort();
	free(kernel);
	free(layer);
}

int main(int argc, char **argv)
{
	struct rl_patch patch = {
		.gva = FAKE_FUNCTION + 5, .target = RL_LAYER_GVA + 16,
		.kind = RL_PATCH_JUMP, .len = 6,
	};

	if (argc != 2)
		return 2;
	put(argv[1], "jump", &patch);
	patch.kind = RL_PATCH_JUMP | RL_PATCH_OPTIONAL;
	put(argv[1], "optional", &patch);
	patch.kind = RL_PATCH_JUMP | RL_PATCH_ENTRY;
	put(argv[1], "unsettled", &patch);
	patch.kind = RL_PATCH_JUMP | RL_PATCH_OPTIONAL;
	patch.target = 0;
	put(argv[1], "far", &patch);
	patch.gva = 1;
	put(argv[1], "nowhere", &patch);
	return 0;
}
