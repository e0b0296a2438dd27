// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's work on disks, and its proof.
 *
 *	load random DEVICE SECONDS   8 threads write, read and compare, with and
 *	                             without O_DIRECT, each its own part
 *	load holes DEVICE            discard and zero, and look
 *	load append FILE NAME        for ever: a record, fsync, `ack NAME N`
 *	load check FILE NAME N       the first N records are there and right
 *	load read-fails DEVICE       reads all over it, or writes: prints how
 *	load write-fails DEVICE      many failed; success where some did, all
 *	                             with an I/O error
 *	load flush-fails DEVICE      its 4 KB at 4096 cannot be written: nobody
 *	                             is told that they were, neither by the first
 *	                             flush nor by later ones
 *	load through-fails DEVICE    the same of a disk that writes through, while
 *	                             others write elsewhere
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define THREADS	8
#define BLOCK	4096
#define MOST	(256 << 10)	/* bytes of one request */
#define RECORD	4096

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdull;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ull;
	return x ^ x >> 33;
}

static void fill(uint64_t *words, size_t bytes, uint64_t seed)
{
	for (size_t i = 0; i < bytes / 8; i++)
		words[i] = mix(seed + i);
}

static int is_filled(const uint64_t *words, size_t bytes, uint64_t seed)
{
	for (size_t i = 0; i < bytes / 8; i++)
		if (words[i] != mix(seed + i))
			return 0;
	return 1;
}

struct part {
	const char *device;
	uint64_t start, bytes, seed, writes, reads;
	double seconds;
	int direct;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void *work(void *argument)
{
	struct part *part = argument;
	int fd = open(part->device, O_RDWR | (part->direct ? O_DIRECT : 0));
	uint64_t blocks = part->bytes / BLOCK, random = part->seed;
	/* What each block was last filled with. */
	uint64_t *seeds = calloc(blocks, sizeof(*seeds));
	double end = now() + part->seconds;
	void *buffer;

	if (fd < 0 || !seeds || posix_memalign(&buffer, BLOCK, MOST))
		die(part->device);
	while (now() < end) {
		uint64_t first = (random = mix(random + 1)) % blocks;
		uint64_t count = 1 + (random >> 40) % (MOST / BLOCK);
		off_t at = part->start + first * BLOCK;

		if (count > blocks - first)
			count = blocks - first;
		if ((random >> 32) & 1) {
			for (uint64_t i = 0; i < count; i++) {
				seeds[first + i] = random + i * 1000 + 1;
				fill((uint64_t *)((char *)buffer + i * BLOCK),
				     BLOCK, seeds[first + i]);
			}
			if (pwrite(fd, buffer, count * BLOCK, at) !=
			    (ssize_t)(count * BLOCK))
				die("write");
			if (!((random >> 50) & 15) && fsync(fd))
				die("fsync");
			part->writes++;
			continue;
		}
		if (pread(fd, buffer, count * BLOCK, at) !=
		    (ssize_t)(count * BLOCK))
			die("read");
		for (uint64_t i = 0; i < count; i++)
			if (seeds[first + i] &&
			    !is_filled((uint64_t *)((char *)buffer +
						    i * BLOCK), BLOCK,
				       seeds[first + i])) {
				errno = EILSEQ;
				die("the data are not what was written");
			}
		part->reads++;
	}
	close(fd);
	return NULL;
}

static uint64_t size_of(const char *device)
{
	uint64_t bytes = 0;
	int fd = open(device, O_RDONLY);

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes))
		die(device);
	close(fd);
	return bytes;
}

static int random_load(const char *device, double seconds)
{
	struct part parts[THREADS] = { 0 };
	pthread_t threads[THREADS];
	uint64_t each = size_of(device) / THREADS / BLOCK * BLOCK;
	uint64_t reads = 0, writes = 0;

	for (int i = 0; i < THREADS; i++) {
		parts[i] = (struct part) { .device = device, .bytes = each,
			.start = i * each, .seed = mix(i + time(NULL)),
			.seconds = seconds, .direct = i & 1 };
		if (pthread_create(&threads[i], NULL, work, &parts[i]))
			die("thread");
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		reads += parts[i].reads;
		writes += parts[i].writes;
	}
	printf("%llu reads, %llu writes, all as written\n",
	       (unsigned long long)reads, (unsigned long long)writes);
	return !(reads && writes);
}

static int holes(const char *device)
{
	static uint64_t buffer[65536 / 8] __attribute__((aligned(BLOCK)));
	uint64_t zero[2] = { 65536, 65536 }, discard[2] = { 262144, 131072 };
	int fd = open(device, O_RDWR | O_DIRECT);

	if (fd < 0)
		die(device);
	for (int i = 0; i < 8; i++) {
		fill(buffer, sizeof(buffer), i + 1);
		if (pwrite(fd, buffer, sizeof(buffer), i * 65536) < 0)
			die("write");
	}
	if (ioctl(fd, BLKZEROOUT, zero))
		die("BLKZEROOUT");
	if (ioctl(fd, BLKDISCARD, discard))
		die("BLKDISCARD");
	for (int i = 0; i < 8; i++) {
		int good = 1;

		if (pread(fd, buffer, sizeof(buffer), i * 65536) < 0)
			die("read");
		for (size_t j = 0; i == 1 && j < sizeof(buffer) / 8; j++)
			good &= !buffer[j];
		/* 4 and 5 were discarded: they may be anything. */
		if (i != 1 && i != 4 && i != 5)
			good = is_filled(buffer, sizeof(buffer), i + 1);
		if (!good) {
			fprintf(stderr, "load: part %d is wrong\n", i);
			return 1;
		}
	}
	puts("zeroed and discarded");
	return 0;
}

static void append(const char *path, const char *name)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	uint64_t record[RECORD / 8];
	char line[64];

	if (fd < 0)
		die(path);
	for (uint64_t n = 1;; n++) {
		fill(record, sizeof(record), mix(n) + *name);
		if (write(fd, record, sizeof(record)) != sizeof(record))
			die("write");
		if (fsync(fd))
			die("fsync");
		/* In one piece: there are several of us. */
		snprintf(line, sizeof(line), "ack %s %llu\n", name,
			 (unsigned long long)n);
		if (write(1, line, strlen(line)) < 0)
			die("output");
	}
}

static int check(const char *path, const char *name, uint64_t count)
{
	uint64_t record[RECORD / 8];
	int fd = open(path, O_RDONLY);

	if (fd < 0) {
		if (!count)
			return 0;
		die(path);
	}
	for (uint64_t n = 1; n <= count; n++)
		if (read(fd, record, sizeof(record)) != sizeof(record) ||
		    !is_filled(record, sizeof(record), mix(n) + *name)) {
			fprintf(stderr, "load: record %s %llu of %llu is "
				"lost\n", name, (unsigned long long)n,
				(unsigned long long)count);
			return 1;
		}
	return 0;
}

static int fails(const char *device, int write)
{
	static char buffer[65536] __attribute__((aligned(BLOCK)));
	uint64_t bytes = size_of(device), failed = 0, done = 0;
	int fd = open(device, O_RDWR | O_DIRECT);

	if (fd < 0)
		die(device);
	for (uint64_t at = 0; at + sizeof(buffer) <= bytes;
	     at += sizeof(buffer)) {
		ssize_t got = write ?
			pwrite(fd, buffer, sizeof(buffer), at) :
			pread(fd, buffer, sizeof(buffer), at);

		if (got == sizeof(buffer)) {
			done++;
			continue;
		}
		if (got >= 0 || (errno != EIO && errno != ENOSPC))
			die("an odd failure");
		failed++;
	}
	printf("%llu failed, %llu worked\n", (unsigned long long)failed,
	       (unsigned long long)done);
	return !failed;
}

static char bad[BLOCK] __attribute__((aligned(BLOCK)));
static volatile int stopping;

static int open_direct(const char *device)
{
	int fd = open(device, O_RDWR | O_DIRECT);

	if (fd < 0)
		die(device);
	return fd;
}

static int flush_fails(const char *device)
{
	int fd = open_direct(device), failed = 0;

	/* Told at once, as by direct I/O of the host, is told. */
	if (pwrite(fd, bad, BLOCK, BLOCK) < 0) {
		puts("the write failed");
		return errno != EIO;
	}
	for (int i = 0; i < 4; i++)
		failed += fsync(fd) < 0 && errno == EIO;
	printf("%d of 4 flushes failed\n", failed);
	return failed != 4;
}

static void *write_elsewhere(void *device)
{
	static char good[BLOCK] __attribute__((aligned(BLOCK)));
	int fd = open_direct(device);

	for (uint64_t n = 0; !stopping; n++)
		if (pwrite(fd, good, BLOCK, (16 + n % 64) * BLOCK) < 0 &&
		    errno != EIO)
			die("write elsewhere");
	return NULL;
}

static int through_fails(const char *device)
{
	int fd = open_direct(device), believed = 0, told = 0;
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		if (pthread_create(&threads[i], NULL, write_elsewhere,
				   (void *)device))
			die("thread");
	for (int i = 0; i < 100; i++) {
		memset(bad, i, sizeof(bad));
		if (pwrite(fd, bad, BLOCK, BLOCK) == BLOCK)
			believed++;
		else if (errno == EIO)
			told++;
	}
	stopping = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	printf("of 100 lost writes %d failed, %d were told OK\n", told,
	       believed);
	return told != 100;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (!strcmp(what, "random") && argc == 4)
		return random_load(argv[2], atof(argv[3]));
	if (!strcmp(what, "holes"))
		return holes(argv[2]);
	if (!strcmp(what, "append") && argc == 4)
		append(argv[2], argv[3]);
	if (!strcmp(what, "check") && argc == 5)
		return check(argv[2], argv[3], strtoull(argv[4], NULL, 10));
	if (!strcmp(what, "read-fails"))
		return fails(argv[2], 0);
	if (!strcmp(what, "write-fails"))
		return fails(argv[2], 1);
	if (!strcmp(what, "flush-fails"))
		return flush_fails(argv[2]);
	if (!strcmp(what, "through-fails"))
		return through_fails(argv[2]);
	fprintf(stderr, "load: see the top of load.c\n");
	return 2;
}
