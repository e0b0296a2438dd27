// SPDX-License-Identifier: GPL-2.0
/*
 * Translations that must be gone on all processors at once: while a thread on each
 * processor reads and writes some pages, another one takes these pages, or the right to
 * write to them, away. When that call has returned, nobody may get at what was there.
 *
 *	tlb SECONDS
 *
 * `state` says what holds at the moment: a number that is never used twice, and the
 * phase. A toucher believes what it saw only where `state` was the same before and
 * after. Each has a word of its own in each page and writes numbers that grow, so a
 * value that is older than one it has written, or than the manager saw, is a
 * translation that was too old: of a page that is no longer there, or of somebody else.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <pthread.h>

#define PAGE		4096
#define PAGES		6
#define BYTES		(PAGES * PAGE)
#define CPUS		64
#define HOLD_US		1500

enum phase {
	BUSY,		/* being changed: anything may be seen */
	WRITABLE,	/* what was written is read */
	READ_ONLY,	/* as the snapshot says */
	GONE,		/* each access is a SIGSEGV */
	PHASES
};

static char *base, *elsewhere;
static _Atomic uint64_t state;		/* number << 8 | phase */
static atomic_bool stop;
static int cpus;

struct toucher {
	pthread_t thread;
	int id;
	/* Written last, and in which state; -1: not known, look at the next write. */
	_Atomic uint64_t last[PAGES], when[PAGES];
	uint64_t counter;
	_Atomic uint64_t done[PHASES];
} __attribute__((aligned(128)));

static struct toucher touchers[CPUS];
static uint64_t snapshot[PAGES][CPUS];

static __thread sigjmp_buf back;

static void on_fault(int number)
{
	(void)number;
	siglongjmp(back, 1);
}

static void wrong(const char *what, int id, int page, uint64_t is, uint64_t should)
{
	printf("CPU %d, page %d, state %llx: %s: %llx, not %llx\n", id, page,
	       (unsigned long long)state, what, (unsigned long long)is,
	       (unsigned long long)should);
	fflush(stdout);
	_exit(1);
}

static volatile uint64_t *word(char *at, int page, int id)
{
	return (volatile uint64_t *)(at + page * PAGE) + id * 8;
}

static bool try_read(int page, int id, uint64_t *value)
{
	if (sigsetjmp(back, 0))
		return false;
	*value = *word(base, page, id);
	return true;
}

static bool try_write(int page, int id, uint64_t value)
{
	if (sigsetjmp(back, 0))
		return false;
	*word(base, page, id) = value;
	return true;
}

/* --- the touchers --- */

static void touch_writable(struct toucher *t, int page, uint64_t s)
{
	uint64_t before = 0, after = 0, value = ++t->counter;
	bool same = t->when[page] == s;
	bool r1 = try_read(page, t->id, &before);
	bool w = try_write(page, t->id, value);
	bool r2 = try_read(page, t->id, &after);

	if (state != s) {
		/* Too late, perhaps: it may be in what came next. */
		t->when[page] = 0;
		return;
	}
	if (!r1 || !w || !r2)
		wrong("no access where all is allowed", t->id, page, r1 * 4 + w * 2 + r2, 7);
	if (after != value)
		wrong("not what was just written", t->id, page, after, value);
	if (same && before != t->last[page])
		wrong("not what was written before", t->id, page, before, t->last[page]);
	t->last[page] = value;
	t->when[page] = s;
}

static void touch_read_only(struct toucher *t, int page, uint64_t s)
{
	uint64_t value = 0, expected = snapshot[page][t->id];
	bool w = try_write(page, t->id, ~0ull);
	bool r = try_read(page, t->id, &value);

	if (w)
		t->when[page] = 0;
	if (state != s)
		return;
	if (w)
		wrong("written to what is read-only", t->id, page, 1, 0);
	if (!r || value != expected)
		wrong("another value in what is read-only", t->id, page, value, expected);
}

static void touch_gone(struct toucher *t, int page, uint64_t s)
{
	uint64_t value = 0;
	bool r = try_read(page, t->id, &value);
	bool w = try_write(page, t->id, ~0ull);

	if (w)
		t->when[page] = 0;
	if (state != s)
		return;
	if (r || w)
		wrong("an access to what is gone", t->id, page, value, 0);
}

static void *toucher(void *argument)
{
	struct toucher *t = argument;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(t->id, &set);
	if (sched_setaffinity(0, sizeof(set), &set)) {
		perror("sched_setaffinity");
		_exit(1);
	}
	for (int page = 0; !stop; page = (page + 1) % PAGES) {
		uint64_t s = state;

		switch (s & 0xff) {
		case WRITABLE:
			touch_writable(t, page, s);
			break;
		case READ_ONLY:
			touch_read_only(t, page, s);
			break;
		case GONE:
			touch_gone(t, page, s);
			break;
		}
		t->done[s & 0xff]++;
	}
	return NULL;
}

/* --- the manager --- */

static void enter(enum phase phase)
{
	state = (state & ~0xffull) + 0x100 + phase;
}

static void need(bool good, const char *what)
{
	if (good)
		return;
	printf("%s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

static void hold(void)
{
	usleep(HOLD_US);
}

static void map(char *at, int fd, off_t offset)
{
	need(mmap(at, BYTES, PROT_READ | PROT_WRITE, MAP_FIXED |
		  (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED), fd,
		  offset) == at, "mmap");
}

/* What each of them wrote last in this state, or something newer, must be there. */
static void check_writes(uint64_t s, char *at)
{
	for (int i = 0; i < cpus; i++)
		for (int page = 0; page < PAGES; page++) {
			uint64_t last = touchers[i].last[page];
			uint64_t is;

			if (touchers[i].when[page] != s)
				continue;
			is = *word(at, page, i);
			if (is != ~0ull && is < last)
				wrong("a write was lost", i, page, is, last);
		}
}

static void writable_for_a_while(void)
{
	uint64_t s;

	enter(WRITABLE);
	s = state;
	hold();
	check_writes(s, base);
	enter(BUSY);
}

static void protect(void)
{
	writable_for_a_while();
	need(!mprotect(base, BYTES, PROT_READ), "mprotect");
	for (int page = 0; page < PAGES; page++)
		for (int i = 0; i < cpus; i++)
			snapshot[page][i] = *word(base, page, i);
	enter(READ_ONLY);
	hold();
	enter(BUSY);
	for (int page = 0; page < PAGES; page++)
		for (int i = 0; i < cpus; i++)
			if (*word(base, page, i) != snapshot[page][i])
				wrong("read-only and changed", i, page,
				      *word(base, page, i), snapshot[page][i]);
	need(!mprotect(base, BYTES, PROT_READ | PROT_WRITE), "mprotect");
}

/* Nobody's page may be written any more: the next WRITABLE looks for lost writes. */
static void discard(void)
{
	writable_for_a_while();
	need(!madvise(base, BYTES, MADV_DONTNEED), "madvise");
	writable_for_a_while();
}

/*
 * The kernel takes back what it may: one flush for pages of whatever address spaces. The
 * pages are faulted in here, as another CPU's latest ones are in no list of the kernel's.
 */
static unsigned long long reclaim(void)
{
	unsigned long long gone = 0;
	uint64_t before[PAGES];

	map(base, -1, 0);
	for (int page = 0; page < PAGES; page++)
		*word(base, page, CPUS - 1) = 1;
	writable_for_a_while();
	for (int page = 0; page < PAGES; page++)
		before[page] = *word(base, page, CPUS - 1);
	need(!madvise(base, BYTES, MADV_FREE), "MADV_FREE");
	need(!madvise(base, BYTES, MADV_PAGEOUT), "MADV_PAGEOUT");
	for (int page = 0; page < PAGES; page++)
		gone += before[page] && !*word(base, page, CPUS - 1);
	writable_for_a_while();
	return gone;
}

static void unmap(void)
{
	writable_for_a_while();
	need(!munmap(base, BYTES), "munmap");
	enter(GONE);
	hold();
	enter(BUSY);
	map(base, -1, 0);
	writable_for_a_while();
}

static void move(void)
{
	writable_for_a_while();
	need(mremap(base, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere) ==
	     elsewhere, "mremap");
	for (int page = 0; page < PAGES; page++)
		for (int i = 0; i < cpus; i++)
			snapshot[page][i] = *word(elsewhere, page, i);
	enter(GONE);
	hold();
	enter(BUSY);
	for (int page = 0; page < PAGES; page++)
		for (int i = 0; i < cpus; i++)
			if (*word(elsewhere, page, i) != snapshot[page][i])
				wrong("moved and changed", i, page,
				      *word(elsewhere, page, i), snapshot[page][i]);
	need(mremap(elsewhere, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, base) ==
	     base, "mremap back");
	map(elsewhere, -1, 0);
	need(!mprotect(elsewhere, BYTES, PROT_NONE), "mprotect");
}

/* Two files' pages, one after the other at one place, and a view of the first. */
static void exchange(int fd, char *view)
{
	map(base, fd, 0);
	writable_for_a_while();
	map(base, fd, BYTES);
	for (int page = 0; page < PAGES; page++)
		for (int i = 0; i < cpus; i++)
			snapshot[page][i] = *word(view, page, i);
	writable_for_a_while();
	for (int page = 0; page < PAGES; page++)
		for (int i = 0; i < cpus; i++)
			if (*word(view, page, i) != snapshot[page][i])
				wrong("written to the file that was there", i, page,
				      *word(view, page, i), snapshot[page][i]);
	map(base, -1, 0);
}

/* In the child: the pages are as they were at the fork, whatever the parent does. */
static void look_at_copies(void)
{
	for (int page = 0; page < PAGES; page++)
		for (int i = 0; i < cpus; i++)
			snapshot[page][i] = *word(base, page, i);
	for (int round = 0; round < 3; round++) {
		usleep(HOLD_US / 3);
		for (int page = 0; page < PAGES; page++)
			for (int i = 0; i < cpus; i++)
				if (*word(base, page, i) != snapshot[page][i])
					_exit(2);
	}
	_exit(0);
}

static void copy(void)
{
	int status;
	pid_t child;

	writable_for_a_while();
	enter(WRITABLE);
	child = fork();
	need(child >= 0, "fork");
	if (!child)
		look_at_copies();
	hold();
	check_writes(state, base);
	enter(BUSY);
	need(waitpid(child, &status, 0) == child, "waitpid");
	if (status) {
		printf("a child ended with %x: its page was written by the parent\n",
		       status);
		fflush(stdout);
		_exit(1);
	}
}

static void start(void)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	base = mmap(NULL, 4 * BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(base != MAP_FAILED, "mmap");
	elsewhere = base + 2 * BYTES;
	map(base, -1, 0);
	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	need(cpus <= CPUS, "too many processors");
	for (int i = 0; i < cpus; i++) {
		touchers[i].id = i;
		errno = pthread_create(&touchers[i].thread, NULL, toucher, &touchers[i]);
		need(!errno, "pthread_create");
	}
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
	unsigned long long done[PHASES] = { 0 }, rounds = 0, reclaimed = 0;
	int fd = memfd_create("pages", 0);
	char *view;

	need(fd >= 0 && !ftruncate(fd, 2 * BYTES), "memfd");
	view = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, fd, 0);
	need(view != MAP_FAILED, "mmap");
	start();
	while (time(NULL) < end || rounds < 3) {
		protect();
		discard();
		reclaimed += reclaim();
		unmap();
		move();
		exchange(fd, view);
		copy();
		rounds++;
	}
	stop = true;
	for (int i = 0; i < cpus; i++) {
		pthread_join(touchers[i].thread, NULL);
		for (int p = 0; p < PHASES; p++)
			done[p] += touchers[i].done[p];
	}
	printf("%d CPUs, %llu rounds: %llu times written and read, %llu times "
	       "read-only, %llu times gone; %llu pages reclaimed\n", cpus, rounds,
	       done[WRITABLE], done[READ_ONLY], done[GONE], reclaimed);
	return !(done[WRITABLE] && done[READ_ONLY] && done[GONE] && reclaimed);
}
