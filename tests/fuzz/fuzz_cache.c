// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: the small files of a cache folder, which may have come from
 * another machine or have been cut by a full disk: an entry's manifest, and what is
 * remembered of a kernel file.
 *
 *	byte 0		0: the rest is a manifest; else: a .known file
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/cache.h"
#include "folder.h"
#include "quiet_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEX32	"00112233445566778899aabbccddeeff"
#define IMAGE	HEX32 HEX32
#define LAYER	"ffeeddccbbaa99887766554433221100" HEX32
#define ENTRY	"abcdef." IMAGE "." LAYER

static void set_up(void)
{
	char path[512];

	make_folder();
	snprintf(path, sizeof(path), "%s/" ENTRY, folder);
	if (mkdir(path, 0700) || !put(folder, ENTRY "/vmlinux", "kernel", 6) ||
	    !put(folder, ENTRY "/layer.elf", "layer", 5))
		abort();
}

/* What is found is whole, and what its name says. */
static void find(const uint8_t *data, size_t size)
{
	struct prepared p;

	if (!put(folder, ENTRY "/manifest", data, size))
		abort();
	if (cache_find(folder, IMAGE, LAYER, &p)) {
		if (p.dir || p.vmlinux || p.layer)
			abort();
		return;
	}
	if (!p.cached || p.vmlinux_size != 6 || p.layer_size != 5 ||
	    strcmp(p.build_id, "abcdef") ||
	    strlen(p.release) >= sizeof(p.release) || access(p.vmlinux, R_OK))
		abort();
	prepared_free(&p);
}

/* A hash that is believed is one that would be written so. */
static void recall(const uint8_t *data, size_t size)
{
	struct stat st = {
		.st_dev = 0xab, .st_ino = 0xcd, .st_size = 4711,
		.st_mtim = { 17, 1 }, .st_ctim = { 18, 2 },
	};
	char key[DIGEST_SIZE], should[512];

	if (!put(folder, ".known.ab.cd", data, size))
		abort();
	if (!cache_recall(folder, &st, key))
		return;
	if (strlen(key) != DIGEST_SIZE - 1)
		abort();
	snprintf(should, sizeof(should),
		 "4711 17.000000001 18.000000002 %s\n", key);
	if (size < strlen(should) || memcmp(data, should, strlen(should)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;

	if (!ready)
		set_up();
	ready = true;
	if (!size)
		return 0;
	if (data[0])
		recall(data + 1, size - 1);
	else
		find(data + 1, size - 1);
	return 0;
}
