// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: what layer.c reads of folders that it did not make: the release
 * in a header package, and a source folder's names and contents. make(1) is not run.
 *
 *	byte 0		0: the rest is utsrelease.h; else: the rest is a file of the
 *			source, its name up to a newline, then its contents
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/layer.h"
#include "folder.h"
#include "quiet_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RELEASE "6.1.0-56-amd64"

static char headers[64], source[64];

static void set_up(void)
{
	char path[256];

	make_folder();
	snprintf(headers, sizeof(headers), "%s/headers", folder);
	snprintf(source, sizeof(source), "%s/source", folder);
	snprintf(path, sizeof(path), "%s/include", headers);
	if (mkdir(headers, 0700) || mkdir(source, 0700) || mkdir(path, 0700))
		abort();
	snprintf(path, sizeof(path), "%s/include/generated", headers);
	if (mkdir(path, 0700) || !put(source, "layer.mk", "", 0))
		abort();
}

/* Headers that are taken for a release's say so themselves. */
static void read_release(const uint8_t *data, size_t size)
{
	static const char should[] = "#define UTS_RELEASE ";
	char *found;

	put(headers, "include/generated/utsrelease.h", data, size);
	found = layer_find_headers(headers, RELEASE);
	if (found && (!memmem(data, size, should, strlen(should)) ||
		      !memmem(data, size, "\"" RELEASE "\"",
			      strlen(RELEASE) + 2)))
		abort();
	free(found);
}

/*
 * A source file changes the hash, and changes it back when it goes; what is none
 * has no part in it.
 */
static void hash_source(const uint8_t *data, size_t size)
{
	char before[DIGEST_SIZE], with[DIGEST_SIZE], behind[DIGEST_SIZE];
	const uint8_t *line = memchr(data, '\n', size);
	char name[256] = "", path[512], *found;
	const char *dot;
	bool counts;

	if (!line || (size_t)(line - data) >= sizeof(name) - 1)
		return;
	memcpy(name, data, line - data);
	if (strchr(name, '/') || !strcmp(name, "layer.mk"))
		return;
	if (layer_hash(source, before))
		abort();
	if (!put(source, name, line + 1, data + size - line - 1))
		return;
	dot = strrchr(name, '.');
	counts = dot && dot != name &&
		 (!strcmp(dot, ".c") || !strcmp(dot, ".h") ||
		  !strcmp(dot, ".S") || !strcmp(dot, ".mk") ||
		  !strcmp(dot, ".lds") || !strcmp(dot, ".layer"));
	if (layer_hash(source, with) || counts == !strcmp(before, with))
		abort();
	snprintf(path, sizeof(path), "%s/%s", source, name);
	if (unlink(path) || layer_hash(source, behind) ||
	    strcmp(before, behind))
		abort();
	found = layer_find_source(source);
	if (!found)
		abort();
	free(found);
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
		hash_source(data + 1, size - 1);
	else
		read_release(data + 1, size - 1);
	return 0;
}
