// SPDX-License-Identifier: GPL-2.0
/*
 * Operations that are programs: what people do with a machine, in which the prices of
 * bench.c appear in the proportions of life. And walks of memory, which ask nothing of a
 * kernel once the pages are there.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define FOLDERS		40
#define FILES		25	/* in each */
#define WALK_BYTES	(16L << 20)

/* --- find --- */

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *f)
{
	(void)s;
	(void)kind;
	(void)f;
	return remove(path);
}

static long seen;

static int see_one(const char *path, const struct stat *s, int kind, struct FTW *f)
{
	(void)path;
	(void)s;
	(void)f;
	seen += kind == FTW_F;
	return 0;
}

static void make_tree(const char *top)
{
	char path[128];

	for (int folder = 0; folder < FOLDERS; folder++) {
		snprintf(path, sizeof(path), "%s/%d", top, folder);
		if (mkdir(path, 0700))
			die(path);
		for (int file = 0; file < FILES; file++) {
			int fd;

			snprintf(path, sizeof(path), "%s/%d/%d", top, folder, file);
			fd = open(path, O_CREAT | O_WRONLY, 0600);
			if (fd < 0)
				die(path);
			close(fd);
		}
	}
}

/* Looks at each file of a tree of a thousand, in memory. */
void do_find(long count)
{
	char top[] = "/tmp/benchXXXXXX";

	if (!mkdtemp(top))
		die("mkdtemp");
	make_tree(top);
	start_clock();
	for (long i = 0; i < count; i++) {
		seen = 0;
		if (nftw(top, see_one, 16, FTW_PHYS) || seen != FOLDERS * FILES)
			die("nftw");
	}
	stop_clock();
	if (nftw(top, remove_one, 16, FTW_PHYS | FTW_DEPTH))
		die("remove");
}

/* --- compile --- */

/* A folder with gcc's cc1, its libraries and their loader, and a source. */
static const char *compiler(void)
{
	return getenv("BENCH_COMPILER");
}

int has_compiler(void)
{
	return compiler() != NULL;
}

pid_t start_compiler(void)
{
	pid_t child = vfork();

	if (child < 0)
		die("vfork");
	if (!child) {
		if (!chdir(compiler()))
			execl("./ld.so", "ld.so", "--library-path", ".", "./cc1",
			      "-quiet", "-fpreprocessed", "-O1", "source.i", "-o",
			      "/dev/null", NULL);
		_exit(1);
	}
	return child;
}

void end_compiler(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) < 0 || status) {
		fprintf(stderr, "bench: the compiler failed\n");
		exit(1);
	}
}

void do_compile(long count)
{
	while (count--)
		end_compiler(start_compiler());
}

/* --- walks of memory --- */

/* A word of each cache line; `step` lines further each time, which visits all of them. */
static void walk(long count, size_t step)
{
	size_t lines = WALK_BYTES / 64, at = 0;
	volatile char *memory = mmap(NULL, WALK_BYTES, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap");
	start_clock();
	while (count--)
		for (size_t i = 0; i < lines; i++, at = (at + step) % lines)
			memory[at * 64]++;
	stop_clock();
	munmap((void *)memory, WALK_BYTES);
}

void do_linear_walk(long count)
{
	walk(count, 1);
}

/* Another page each time: the number of lines is a power of 2, the step a large prime. */
void do_random_walk(long count)
{
	walk(count, 100003);
}
