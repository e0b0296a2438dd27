// SPDX-License-Identifier: GPL-2.0
/*
 * leaves CPUS VENDOR: what the kernel's CPUID says on each processor of a guest that has
 * so many, by the driver of /dev/cpu/N/cpuid, which asks as the kernel does.
 */
#include <fcntl.h>

#include "check.h"

struct regs {
	uint32_t eax, ebx, ecx, edx;
};

static unsigned int cpus, bits;
static bool amd;

static struct regs ask(unsigned int cpu, uint32_t leaf, uint32_t subleaf)
{
	struct regs r;
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/cpu/%u/cpuid", cpu);
	fd = open(path, O_RDONLY);
	NEED(fd >= 0);
	NEED(pread(fd, &r, sizeof(r), (off_t)((uint64_t)subleaf << 32 | leaf)) ==
	     sizeof(r));
	close(fd);
	return r;
}

static void one_package(void)
{
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		struct regs r = ask(cpu, 1, 0);

		CHECK_IS(r.ebx >> 24, cpu);
		CHECK_IS(r.ebx >> 16 & 255, cpus > 1 ? 1 << bits : 0);
		CHECK_IS(r.edx >> 28 & 1, cpus > 1);
	}
}

static void caches(void)
{
	for (unsigned int i = 0; i < 8; i++) {
		struct regs r = ask(cpus - 1, 4, i);
		unsigned int level = r.eax >> 5 & 7;

		if (!(r.eax & 31))
			return;
		CHECK_IS(r.eax >> 14 & 0xfff, level < 3 ? 0 : (1 << bits) - 1);
		CHECK_IS(r.eax >> 26, (1 << bits) - 1);
	}
}

static void levels(void)
{
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		struct regs threads = ask(cpu, 0xb, 0), cores = ask(cpu, 0xb, 1);
		struct regs end = ask(cpu, 0xb, 2);

		if (cpus == 1) {
			CHECK_IS(threads.ebx, 0);
			continue;
		}
		CHECK_IS(threads.eax, 0);
		CHECK_IS(threads.ebx, 1);
		CHECK_IS(threads.ecx, 1 << 8);
		CHECK_IS(threads.edx, cpu);
		CHECK_IS(cores.eax, bits);
		CHECK_IS(cores.ebx, cpus);
		CHECK_IS(cores.ecx, 2 << 8 | 1);
		CHECK_IS(cores.edx, cpu);
		CHECK_IS(end.ebx, 0);
		CHECK_IS(end.ecx, 2);
		CHECK_IS(end.edx, cpu);
	}
}

/* Of the other ways to tell it, none tells anything. */
static void no_other_leaf(void)
{
	static const uint32_t leaves[] = {
		0x1f, 0x8000001d, 0x8000001e, 0x80000026
	};

	for (unsigned int i = 0; i < 4; i++) {
		struct regs r = ask(0, leaves[i], 0);

		CHECK_IS(r.eax | r.ebx | r.ecx | r.edx, 0);
	}
	CHECK_IS(ask(0, 0x80000001, 0).ecx >> 22 & 1, 0);
}

static void amd_cores(void)
{
	bool many = amd && cpus > 1;

	CHECK_IS(ask(0, 0x80000008, 0).ecx, many ? bits << 12 | (cpus - 1) : 0);
	CHECK_IS(ask(0, 0x80000001, 0).ecx >> 1 & 1, many);
}

int main(int argc, char **argv)
{
	NEED(argc == 3);
	cpus = atoi(argv[1]);
	amd = !strcmp(argv[2], "AuthenticAMD");
	NEED(ask(0, 0, 0).ebx == (amd ? 0x68747541 : 0x756e6547));
	NEED(ask(0, 0, 0).eax >= 0xb);
	while (1u << bits < cpus)
		bits++;
	CASE(one_package);
	if (!amd)
		CASE(caches);
	CASE(levels);
	CASE(no_other_leaf);
	CASE(amd_cores);
	DONE();
}
