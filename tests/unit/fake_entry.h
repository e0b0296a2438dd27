/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fake kernel, opened, and an entry of the cache that was made of it. Behind
 * unit.h; one file of a test program includes it.
 */
#ifndef RINGLET_TESTS_FAKE_ENTRY_H
#define RINGLET_TESTS_FAKE_ENTRY_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/guest.h"
#include "capture_log.h"
#include "fake_image.h"
#include "files.h"
#include "launcher/budget.h"
#include "launcher/cache.h"
#include "launcher/compact.h"
#include "launcher/kernel.h"
#include "launcher/prepare.h"

#define KEY	"11223344556677881122334455667788" \
		"11223344556677881122334455667788"
#define LAYER	"99aabbccddeeff0099aabbccddeeff00" \
		"99aabbccddeeff0099aabbccddeeff00"

static char folder[64];
static uint8_t *file;
static struct image image;
static struct kernel kernel;

static inline int set_up(void **state)
{
	(void)state;
	log_forget();
	budget_begin("FILE", BUDGET_STEPS);
	strcpy(folder, "/tmp/ringlet-test.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static inline int tear_down(void **state)
{
	(void)state;
	cache_remove(folder);
	return access(folder, F_OK) ? 0 : -1;
}

static inline int open_fake(const struct fake_kernel *how)
{
	memset(&image, 0, sizeof(image));
	file = fake_kernel(how, &image.elf_size);
	image.elf = file;
	image.file = "FILE";
	return kernel_open(&kernel, &image);
}

static inline void close_fake(void)
{
	kernel_close(&kernel);
	free(file);
}

/* The two for tests that all need the kernel as it is. */
static inline int set_up_kernel(void **state)
{
	static const struct fake_kernel good;

	return set_up(state) || open_fake(&good);
}

static inline int tear_down_kernel(void **state)
{
	close_fake();
	return tear_down(state);
}

/* The fake kernel and a layer with one patch, as an entry of the cache. */
static inline void make_entry(struct prepared *prepared)
{
	struct fake_kernel how = { 0 };
	struct rl_patch patch = {
		.gva = FAKE_FUNCTION + 5, .target = RL_LAYER_GVA + 16,
		.kind = RL_PATCH_JUMP, .len = 6,
	};
	char path[256], *work = cache_begin(folder);
	size_t size;
	uint8_t *layer = fake_layer(&patch, 1, NULL, 0, &size);

	assert_non_null(work);
	assert_int_equal(open_fake(&how), 0);
	snprintf(path, sizeof(path), "%s/vmlinux", work);
	assert_int_equal(compact_write(&kernel.elf, path), 0);
	put_file(work, "layer.elf", layer, size);
	memset(prepared, 0, sizeof(*prepared));
	strcpy(prepared->build_id, kernel.build_id);
	strcpy(prepared->release, kernel.release);
	prepared->entry = RL_LAYER_GVA;
	prepared->cr3 = kernel.first_top;
	prepared->fixmap = kernel.fixmap;
	assert_int_equal(cache_publish(folder, work, KEY, LAYER, prepared), 0);
	free(work);
	free(layer);
}

#endif
