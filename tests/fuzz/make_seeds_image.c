// SPDX-License-Identifier: GPL-2.0
/* Writes files for the fuzzer to begin with: make_seeds DIR */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

#include "tests/unit/fake_image.h"

static void put(const char *dir, const char *name, const void *data,
		size_t size)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f || fwrite(data, size, 1, f) != 1 || fclose(f)) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static const char *const formats[] = {
		"xz", "xz-bcj", "gzip", "zstd", "lz4", "none",
	};
	const struct fake_kernel new_order = { .new_order = true };
	const struct fake_kernel old_order = { 0 };
	const struct fake_kernel own_places = { .own_places = true };
	size_t size, image_size;
	uint8_t *elf = fake_kernel(&new_order, &size), *image;

	if (argc != 2)
		return 2;
	put(argv[1], "elf-new", elf, size);
	free(elf);
	elf = fake_kernel(&own_places, &size);
	put(argv[1], "elf-own-places", elf, size);
	free(elf);
	elf = fake_kernel(&old_order, &size);
	put(argv[1], "elf-old", elf, size);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		image = fake_bzimage(elf, size, formats[i], &image_size);
		put(argv[1], formats[i], image, image_size);
		free(image);
	}
	free(elf);
	return 0;
}
