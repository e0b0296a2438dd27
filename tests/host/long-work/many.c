// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that makes its host work: it maps each page of MEGABYTES of memory three
 * times, and touches them all. Then its mappings are flushed, its memory is taken
 * away, its shadow overflows, and it is closed. How long does each take, and how long
 * is the shadow locked at the most?
 *
 *	many MEGABYTES
 *	many MEGABYTES wide	the same at the end of a slot of 64 GB: few pages of a
 *				file stand for all of it, and 63 GB are taken away
 *	many slots	what does a slot of 32 GB cost where there is no memory?
 *
 * Meant for a clock that counts instructions (QEMU's -icount shift=0): 1 ns is 1
 * instruction there. Ends with 1 where the shadow was locked for more than 1 ms, or
 * nobody measured it (the module's lock_times=1).
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "../../../abi/guest.h"
#include "../../../abi/ringlet.h"

#define PAGE		4096UL
#define PGD		0x1000UL	/* GPA */
#define CODE		0x2000UL	/* GPA */
#define TABLES		0x100000UL	/* GPA: page tables from here on */
#define CODE_GVA	0xffffffff80000000UL
#define LOW_GVA		0x8000000000UL	/* three ranges, far from each other */
#define WAYS		3
#define MOST_NS		1000000

static unsigned char *memory;
static uint64_t bytes, next_table = TABLES, data;
static int vm, vcpu;
static struct rl_run *run;

/* Touches RCX pages from RSI on; or makes hypercall R8. Then it tells us. */
static const unsigned char touch[] = {
	0x8a, 0x06,				/* 1: mov (%rsi), %al */
	0x48, 0x81, 0xc6, 0x00, 0x10, 0, 0,	/* add $4096, %rsi */
	0x48, 0xff, 0xc9,			/* dec %rcx */
	0x75, 0xf2,				/* jnz 1b */
	0xb8, RL_HC_CONSOLE_WRITE, 0, 0, 0,	/* mov $..., %eax */
	0x31, 0xff, 0x31, 0xf6,			/* xor %edi, %edi; %esi, %esi */
	0x0f, 0x05,				/* syscall */
};
static const unsigned char call[] = {
	0x4c, 0x89, 0xc0,			/* mov %r8, %rax */
	0x0f, 0x05,				/* syscall */
	0xb8, RL_HC_CONSOLE_WRITE, 0, 0, 0,
	0x31, 0xff, 0x31, 0xf6,
	0x0f, 0x05,
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* The level 1 entry for gva; tables are made on the way. P, W, A, D. */
static uint64_t *entry_of(uint64_t gva)
{
	uint64_t *table = (uint64_t *)(memory + PGD);

	for (int level = 4; level > 1; level--) {
		uint64_t *entry = &table[gva >> (9 * level + 3) & 511];

		if (!*entry) {
			*entry = next_table | 0x63;
			next_table += PAGE;
		}
		table = (uint64_t *)(memory + (*entry & ~0xfffUL));
	}
	return &table[gva >> 12 & 511];
}

static void make_guest(uint64_t pages)
{
	for (unsigned int way = 0; way < WAYS; way++)
		for (uint64_t i = 0; i < pages; i++)
			*entry_of(LOW_GVA * (way + 1) + i * PAGE) =
				(data + i * PAGE) | 0x63;
	*entry_of(CODE_GVA) = CODE | 0x63;
	memcpy(memory + CODE, touch, sizeof(touch));
	memcpy(memory + CODE + 256, call, sizeof(call));
}

static void go(const struct rl_regs *regs)
{
	int r;

	if (ioctl(vcpu, RL_SET_REGS, regs))
		err(2, "RL_SET_REGS");
	do
		r = ioctl(vcpu, RL_RUN, 0);
	while (r && errno == EINTR);
	if (r)
		err(2, "RL_RUN");
	if (run->exit_reason != RL_EXIT_CONSOLE_WRITE)
		errx(2, "the guest ended: %s", run->kill_reason);
}

static void touch_all(uint64_t pages)
{
	for (unsigned int way = 0; way < WAYS; way++)
		go(&(struct rl_regs){ .rip = CODE_GVA, .cr3 = PGD,
				      .rsi = LOW_GVA * (way + 1),
				      .rcx = pages });
}

static void report(const char *what, uint64_t since)
{
	printf("%s: %lu us\n", what, (now_ns() - since) / 1000);
}

static void create(void)
{
	int device = open(RL_DEVICE_PATH, O_RDWR | O_CLOEXEC);
	struct rl_memory_slot slot = { .size = bytes };

	vm = device < 0 ? -1 : ioctl(device, RL_CREATE_VM, 0);
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	slot.hva = (uintptr_t)memory;
	if (vm < 0 || memory == MAP_FAILED ||
	    ioctl(vm, RL_SET_MEMORY_SLOT, &slot))
		err(2, "a VM");
	vcpu = ioctl(vm, RL_CREATE_VCPU, 0);
	run = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (vcpu < 0 || run == MAP_FAILED)
		err(2, "a vCPU");
	close(device);
}

/* One megabyte of a file, over and over: many GPAs for few pages. */
static void make_few_pages(uint64_t pages)
{
	int file = memfd_create("few", MFD_CLOEXEC);

	if (file < 0 || ftruncate(file, 1 << 20))
		err(2, "a file");
	for (uint64_t at = data; at < data + pages * PAGE; at += 1 << 20)
		if (mmap(memory + at, 1 << 20, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, file, 0) == MAP_FAILED)
			err(2, "its mappings");
	close(file);
}

static long free_kb(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %ld kB", &kb) == 1)
			break;
	if (f)
		fclose(f);
	if (kb < 0)
		errx(2, "no /proc/meminfo");
	return kb;
}

/* Slot and vCPU; one page is touched, or all of it would be lazily made. */
static int slots(void)
{
	long before = free_kb(), taken;

	bytes = 32UL << 30;
	data = TABLES + 64 * PAGE;
	create();
	make_guest(1);
	touch_all(1);
	taken = before - free_kb();
	printf("a slot of 32 GB took %ld kB\n", taken);
	return taken > 16384;
}

int main(int argc, char **argv)
{
	bool wide = argc == 3 && !strcmp(argv[2], "wide");
	uint64_t pages, at, tables, first;
	struct rl_stats stats;

	if (argc != 2 && !wide)
		errx(2, "usage: many MEGABYTES [wide]");
	if (!strcmp(argv[1], "slots"))
		return slots();
	pages = strtoul(argv[1], NULL, 10) << 8;
	/* A page of tables maps 512; and some. */
	tables = (WAYS * pages / 512 + 64) * PAGE;
	data = first = TABLES + tables;
	bytes = data + pages * PAGE;
	if (wide) {
		bytes = 64UL << 30;
		data = bytes - pages * PAGE;
		first = 1UL << 30;
	}
	create();
	if (wide)
		make_few_pages(pages);
	make_guest(pages);
	at = now_ns();
	touch_all(pages);
	report("touch", at);
	at = now_ns();
	go(&(struct rl_regs){ .rip = CODE_GVA + 256, .cr3 = PGD,
			      .r8 = RL_HC_FLUSH_USER });
	report("flush", at);
	at = now_ns();
	if (madvise(memory + first, bytes - first, MADV_DONTNEED))
		err(2, "madvise");
	report("discard", at);
	touch_all(pages);
	if (ioctl(vm, RL_GET_STATS, &stats))
		err(2, "RL_GET_STATS");
	munmap(run, PAGE);
	at = now_ns();
	close(vcpu);
	close(vm);
	report("close", at);
	printf("%llu entries filled, %llu shadow pages, %llu us locked at most\n",
	       stats.shadow_fills, stats.shadow_pages_peak,
	       stats.lock_ns / 1000);
	return stats.shadow_fills < WAYS * 2 * pages / 2 ||
	       !stats.lock_ns || stats.lock_ns > MOST_NS;
}
