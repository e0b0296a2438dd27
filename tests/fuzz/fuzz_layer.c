// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: a layer and the kernel that it is fitted to, each of any bytes: what
 * the layer asks, what the kernel's types, symbols and lists answer, and where the answers
 * are written.
 *
 *	bytes 0 to 3	how much of the rest is the kernel, an ELF file
 *	then		the kernel; the layer
 */
#include <stdlib.h>
#include <string.h>

#include "abi/guest.h"
#include "launcher/budget.h"
#include "launcher/image.h"
#include "launcher/kernel.h"
#include "launcher/link.h"
#include "launcher/patch.h"
#include "quiet_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was fitted and checked lies where it may, all of it. */
static void assert_inside(const struct elf_view *layer)
{
	for (size_t i = 0; i < layer->header.e_phnum; i++) {
		const Elf64_Phdr *p = &layer->segments[i];

		if (p->p_type == PT_LOAD &&
		    (p->p_vaddr < RL_LAYER_GVA ||
		     p->p_vaddr + p->p_memsz > RL_LAYER_GVA + RL_LAYER_SIZE))
			abort();
	}
}

static void fit(const struct kernel *kernel, uint8_t *data, size_t size)
{
	struct rl_patch *patches = NULL;
	struct elf_view layer, again;
	size_t count = 0;

	if (elf_open(&layer, data, size, ET_EXEC))
		return;
	if (!link_fit(&layer, data, kernel) && !link_check_layer(&layer)) {
		assert_inside(&layer);
		/* The file has become what the view is. */
		if (elf_open(&again, data, size, ET_EXEC) ||
		    link_check_layer(&again))
			abort();
		elf_close(&again);
		if (!patch_settle(&layer, data, &kernel->elf, kernel->symbols) &&
		    !patch_read(&layer, &patches, &count))
			patch_check(patches, count, &kernel->elf, kernel->symbols,
				    kernel->btf);
		free(patches);
	}
	elf_close(&layer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy, *layer;
	struct kernel kernel;
	struct image image;
	uint32_t first;

	if (size < sizeof(first))
		return 0;
	memcpy(&first, data, sizeof(first));
	data += sizeof(first);
	size -= sizeof(first);
	if (first > size)
		first = size;
	copy = malloc(first + 1);
	layer = malloc(size - first + 1);
	if (!copy || !layer)
		abort();
	memcpy(copy, data, first);
	memcpy(layer, data + first, size - first);
	budget_begin("FILE", 1 << 26);
	if (!image_set(&image, "FILE", copy, first)) {
		if (!image_unpack(&image) && !kernel_open(&kernel, &image)) {
			fit(&kernel, layer, size - first);
			kernel_close(&kernel);
		}
		image_free(&image);
	}
	free(layer);
	return 0;
}
