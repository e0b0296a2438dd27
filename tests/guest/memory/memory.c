// SPDX-License-Identifier: GPL-2.0
/*
 * Page tables under stress: each write is remembered elsewhere and compared.
 * A translation that outlives its flush, or that a fork forgot to protect,
 * shows as a wrong byte.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include "check.h"

#define PAGE	4096
#define PAGES	64

static uint64_t seed = 88172645463325252ull;

static unsigned int random_below(unsigned int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

static void *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(p != MAP_FAILED);
	return p;
}

/* A parent's and a child's pages drift apart, in both directions. */
static void copy_on_write(void)
{
	volatile uint32_t *p = map(PAGES * PAGE);
	int round, i, status;
	pid_t child;

	for (round = 0; round < 40; round++) {
		for (i = 0; i < PAGES; i++)
			p[i * 1024] = round * 1000 + i;
		child = fork();
		NEED(child >= 0);
		if (!child) {
			for (i = 0; i < PAGES; i += 2)
				p[i * 1024] = 0xdead;
			usleep(1000);
			for (i = 0; i < PAGES; i++)
				if (p[i * 1024] != (i % 2 ? round * 1000u + i :
						    0xdeadu))
					_exit(1);
			_exit(0);
		}
		for (i = 1; i < PAGES; i += 2)
			p[i * 1024] = 0xbeef;
		usleep(500);
		for (i = 0; i < PAGES; i++)
			CHECK_IS(p[i * 1024],
				 i % 2 ? 0xbeef : round * 1000 + i);
		NEED(waitpid(child, &status, 0) == child);
		CHECK_IS(status, 0);
		if (check_failures)
			break;
	}
	munmap((void *)p, PAGES * PAGE);
}

/* Two processes and a thread of memory that they share. */
static void shared_memory(void)
{
	volatile uint32_t *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int i, status;
	pid_t child;

	NEED(p != MAP_FAILED);
	child = fork();
	NEED(child >= 0);
	if (!child) {
		for (i = 0; i < PAGES; i++) {
			while (p[i * 1024] != 1)
				sched_yield();
			p[i * 1024] = 2;
		}
		_exit(0);
	}
	for (i = 0; i < PAGES; i++) {
		p[i * 1024] = 1;
		while (p[i * 1024] != 2)
			sched_yield();
	}
	NEED(waitpid(child, &status, 0) == child);
	CHECK_IS(status, 0);
}

/* Rights come and go on pages that are in use. */
static void protection(void)
{
	static volatile int denied;
	volatile char *p = map(PAGES * PAGE);
	unsigned int i, n;

	denied = 0;
	for (i = 0; i < 2000 && !check_failures; i++) {
		n = random_below(PAGES);
		p[n * PAGE] = 1;
		NEED(!mprotect((char *)p + n * PAGE, PAGE, PROT_READ));
		CATCH(p[n * PAGE] = 2);
		CHECK_IS(caught.signal, SIGSEGV);
		CHECK_IS(p[n * PAGE], 1);
		NEED(!mprotect((char *)p + n * PAGE, PAGE, PROT_NONE));
		CATCH((void)p[n * PAGE]);
		CHECK_IS(caught.signal, SIGSEGV);
		denied += caught.signal == SIGSEGV;
		NEED(!mprotect((char *)p + n * PAGE, PAGE,
			       PROT_READ | PROT_WRITE));
		CHECK_IS(p[n * PAGE], 1);
		p[n * PAGE] = 3;
		CHECK_IS(p[n * PAGE], 3);
	}
	CHECK_IS(denied, 2000);
}

/* Pages that move, vanish and come back empty; `model` knows what is where. */
static void random_changes(void)
{
	volatile uint32_t *p = map(PAGES * PAGE);
	uint32_t model[PAGES] = {}, n, m, i;
	void *moved;

	for (i = 1; i < 20000 && !check_failures; i++) {
		n = random_below(PAGES);
		m = random_below(PAGES);
		switch (random_below(6)) {
		case 0:
		case 1:
			p[n * 1024] = i;
			model[n] = i;
			break;
		case 2:
			NEED(!madvise((char *)p + n * PAGE, PAGE,
				      MADV_DONTNEED));
			model[n] = 0;
			break;
		case 3:
			NEED(mmap((char *)p + n * PAGE, PAGE,
				  PROT_READ | PROT_WRITE, MAP_PRIVATE |
				  MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
			     (char *)p + n * PAGE);
			model[n] = 0;
			break;
		case 4:
			if (n == m)
				break;
			/* n's page goes to m's place, n gets a new one. */
			moved = mremap((char *)p + n * PAGE, PAGE, PAGE,
				       MREMAP_MAYMOVE | MREMAP_FIXED,
				       (char *)p + m * PAGE);
			NEED(moved == (char *)p + m * PAGE);
			NEED(mmap((char *)p + n * PAGE, PAGE,
				  PROT_READ | PROT_WRITE, MAP_PRIVATE |
				  MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
			     MAP_FAILED);
			model[m] = model[n];
			model[n] = 0;
			break;
		default:
			CHECK_IS(p[n * 1024], model[n]);
		}
	}
	for (n = 0; n < PAGES; n++)
		CHECK_IS(p[n * 1024], model[n]);
	munmap((void *)p, PAGES * PAGE);
}

/* Code that is written, run, changed and run again. */
static void changing_code(void)
{
	uint8_t *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	NEED(p != MAP_FAILED);
	for (i = 0; i < 1000 && !check_failures; i++) {
		p[0] = 0xb8;		/* mov $i, %eax; ret */
		memcpy(p + 1, &i, 4);
		p[5] = 0xc3;
		CHECK_IS(((int (*)(void))p)(), i);
		if (i % 100 == 0) {
			NEED(!mprotect(p, PAGE, PROT_READ | PROT_WRITE));
			CATCH(((int (*)(void))p)());
			/* A 6.1 for i386 keeps a page's rights in a long, where
			   NX is lost: its programs may execute all they have. */
			if (sizeof(long) == 8 || caught.signal)
				CHECK_IS(caught.signal, SIGSEGV);
			NEED(!mprotect(p, PAGE, PROT_READ | PROT_WRITE |
				       PROT_EXEC));
		}
	}
}

static void file_mappings(void)
{
	int fd = open("/tmp/mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
	volatile uint32_t *shared, *private;
	uint32_t word;
	int i;

	NEED(fd >= 0 && !ftruncate(fd, PAGES * PAGE));
	shared = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd, 0);
	private = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		       fd, 0);
	NEED(shared != MAP_FAILED && private != MAP_FAILED);
	for (i = 0; i < PAGES; i++) {
		CHECK_IS(private[i * 1024], 0);
		shared[i * 1024] = i + 1;
		CHECK_IS(private[i * 1024], i + 1);
		private[i * 1024] = 5000;
		CHECK_IS(shared[i * 1024], i + 1);
		NEED(pread(fd, &word, 4, i * PAGE) == 4);
		CHECK_IS(word, i + 1);
	}
	NEED(!ftruncate(fd, PAGE));
	CATCH((void)shared[1024]);
	CHECK_IS(caught.signal, SIGBUS);
	CATCH((void)private[1024]);
	CHECK_IS(caught.signal, SIGBUS);
	close(fd);
}

/* 2 MB pages where the kernel has them, and their splitting. */
static void large_pages(void)
{
	size_t bytes = 8 << 20;
	char *area = map(bytes + (2 << 20)), *p;
	size_t i;

	p = (char *)(((uintptr_t)area + (2 << 20) - 1) & ~(((uintptr_t)2 << 20) - 1));
	if (madvise(p, bytes, MADV_HUGEPAGE)) {
		printf("skipped: no transparent huge pages here\n");
		return;
	}
	for (i = 0; i < bytes; i += PAGE)
		*(uint64_t *)(p + i) = i ^ 0x5555;
	NEED(!mprotect(p + 5 * PAGE, PAGE, PROT_READ));
	NEED(!munmap(p + (3 << 20), PAGE));
	NEED(!madvise(p + (5 << 20), PAGE, MADV_DONTNEED));
	CATCH(*(volatile char *)(p + 5 * PAGE) = 1);
	CHECK_IS(caught.signal, SIGSEGV);
	CATCH((void)*(volatile char *)(p + (3 << 20)));
	CHECK_IS(caught.signal, SIGSEGV);
	for (i = 0; i < bytes; i += PAGE)
		if (i != 3 << 20)
			CHECK_IS(*(uint64_t *)(p + i),
				 i == 5 << 20 ? 0 : i ^ 0x5555);
}

/* More processes than there are names for address spaces (PCIDs). */
static void many_processes(void)
{
	enum { COUNT = 24 };
	volatile uint32_t *p = map(PAGES * PAGE);
	pid_t children[COUNT];
	int n, i, round, status;

	for (n = 0; n < COUNT; n++) {
		children[n] = fork();
		NEED(children[n] >= 0);
		if (children[n])
			continue;
		for (round = 0; round < 30; round++) {
			for (i = 0; i < PAGES; i++)
				p[i * 1024] = n * 10000 + round * 100 + i;
			sched_yield();
			for (i = 0; i < PAGES; i++)
				if (p[i * 1024] !=
				    n * 10000u + round * 100 + i)
					_exit(1);
			if (round % 7 == 0)
				madvise((void *)p, PAGES * PAGE, MADV_DONTNEED);
		}
		_exit(0);
	}
	for (n = 0; n < COUNT; n++) {
		NEED(waitpid(children[n], &status, 0) > 0);
		CHECK_IS(status, 0);
	}
}

static char *self;

/* A program that starts itself again and again, each time a new space. */
static void exec_chain(void)
{
	volatile int i;
	int status;
	pid_t child;

	for (i = 0; i < 60; i++) {
		child = i % 2 ? vfork() : fork();
		NEED(child >= 0);
		if (!child) {
			execl(self, self, "child", (char *)NULL);
			_exit(9);
		}
		NEED(waitpid(child, &status, 0) == child);
		CHECK_IS(status, 42 << 8);
	}
}

/* Everything that the guest has, so that its kernel must take pages back. */
static void much_memory(void)
{
	size_t bytes = 96 << 20, i;
	char *p = map(bytes);

	for (i = 0; i < bytes; i += PAGE)
		*(uint64_t *)(p + i) = i + 1;
	for (i = 0; i < bytes; i += PAGE)
		if (*(uint64_t *)(p + i) != i + 1) {
			CHECK_IS(*(uint64_t *)(p + i), i + 1);
			break;
		}
	munmap(p, bytes);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 42;
	self = argv[0];
	catch_all();
	CASE(copy_on_write);
	CASE(shared_memory);
	CASE(protection);
	CASE(random_changes);
	CASE(changing_code);
	CASE(file_mappings);
	CASE(large_pages);
	CASE(many_processes);
	CASE(exec_chain);
	CASE(much_memory);
	DONE();
}
