// SPDX-License-Identifier: GPL-2.0
/*
 * A launcher of no rank takes pages away from under a guest that writes to them
 * all the time: does one of its writes reach the next owner?
 *
 *	attack SECONDS HOW	discard: MADV_DONTNEED; the pages are gone
 *				swap: MADV_PAGEOUT, and memory.reclaim of its
 *				control group until they come from the disk
 *				move: move_pages(2), to the other memory node
 *	attack SECONDS watch	only the victim: somebody else attacks
 *	attack SECONDS SOCKET	only what asks a balloon to take much and nothing,
 *				over and over (tests/soak/balloon)
 *
 * The pages in front of those that the guest writes make the discarding long: it
 * has begun, but not reached them, when the guest faults. The other two ways take
 * page by page, so a few in front do. Two pCPUs: the guest has 0, the launcher and
 * the victim 1. Ends with 1 where the victim's pages changed.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../lib/raw_vm.h"

#define BYTES	(2UL << 20)
#define TARGET	16UL		/* pages that the guest writes */
#define ROUNDS	8UL		/* at least, on a busy machine as well */
#define FEW	(BYTES - 2 * TARGET * PAGE)
#define RECLAIM	"/sys/fs/cgroup/attack/memory.reclaim"

static struct shared *shared;
static struct vm vm;

static void *run_guest(void *unused)
{
	pin(0);
	while (!shared->stop) {
		if (!ioctl(vm.vcpu, RL_RUN, 0))
			errx(1, "the guest ended: %s", vm.run->kill_reason);
		if (errno != EINTR)
			err(1, "RL_RUN");
	}
	return unused;
}

static void touch(size_t first)
{
	for (size_t i = first; i < BYTES; i += PAGE)
		vm.memory[i + 2] = 1;
}

static void discard(void)
{
	madvise(vm.memory + DATA, BYTES - DATA, MADV_DONTNEED);
}

/*
 * MADV_PAGEOUT leaves a page in the swap cache, from where the next touch takes it
 * without the disk; the control group's reclaim drops it there. It may say EAGAIN:
 * it found less.
 */
static void swap(void)
{
	static int reclaim = -1;

	if (reclaim < 0)
		reclaim = open(RECLAIM, O_WRONLY | O_CLOEXEC);
	if (reclaim < 0)
		err(2, RECLAIM);
	madvise(vm.memory + FEW, BYTES - FEW, MADV_PAGEOUT);
	if (write(reclaim, "256K", 4) < 0 && errno != EAGAIN)
		err(2, RECLAIM);
}

static void move(void)
{
	enum { COUNT = (BYTES - FEW) / PAGE };
	int nodes[COUNT], status[COUNT];
	void *pages[COUNT];

	for (int i = 0; i < COUNT; i++) {
		pages[i] = vm.memory + FEW + i * PAGE;
		nodes[i] = shared->rounds % 2;
	}
	syscall(SYS_move_pages, 0, COUNT, pages, nodes, status, MPOL_MF_MOVE);
}

static const struct {
	const char *name;
	size_t first;	/* what it takes begins there */
	void (*take)(void);
} ways[] = {
	{ "discard", DATA, discard },
	{ "swap", FEW, swap },
	{ "move", FEW, move },
};

static int way(const char *name)
{
	for (int i = 0; i < 3; i++)
		if (!strcmp(ways[i].name, name))
			return i;
	errx(2, "usage: attack SECONDS discard|swap|move");
}

static void attack(time_t end, int how)
{
	while (time(NULL) < end || shared->rounds < ROUNDS) {
		touch(ways[how].first);
		ways[how].take();
		shared->rounds++;
		sched_yield();
	}
}

/* Only a victim. */
static int watch(unsigned int seconds)
{
	int child;

	shared = shared_create();
	child = victim_start(shared, -1);
	sleep(seconds);
	shared->stop = 1;
	waitpid(child, NULL, 0);
	printf("the victim looked %lu times, %lu of its bytes were not its own\n",
	       shared->checks, shared->spoiled);
	return shared->spoiled || !shared->checks;
}

static int dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	/* The guest is started meanwhile. */
	for (int i = 0; i < 300; i++) {
		if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
			return fd;
		usleep(100000);
	}
	err(2, "%s", path);
}

static int pump(unsigned int seconds, const char *path)
{
	static const char *const words[] = { "take 96M\n", "take 0\n" };
	time_t end = time(NULL) + seconds;
	unsigned int rounds = 0;
	int fd = dial(path);
	char answer[64];

	while (time(NULL) < end) {
		if (write(fd, words[rounds % 2], strlen(words[rounds % 2])) < 0 ||
		    read(fd, answer, sizeof(answer)) <= 0)
			break;	/* the guest is over */
		rounds++;
		usleep(400000);
	}
	printf("%u words to the balloon\n", rounds);
	return rounds < 4;
}

int main(int argc, char **argv)
{
	struct rl_stats stats;
	pthread_t thread;
	time_t end;
	int child, how;

	if (argc != 3)
		errx(2, "usage: attack SECONDS discard|swap|move");
	if (!strcmp(argv[2], "watch"))
		return watch(atoi(argv[1]));
	if (*argv[2] == '/')
		return pump(atoi(argv[1]), argv[2]);
	how = way(argv[2]);
	end = time(NULL) + atoi(argv[1]);
	shared = shared_create();
	child = victim_start(shared, 1);
	vm_create(&vm, become_nobody_and_open(), BYTES);
	touch(DATA);
	vm_start(&vm, BYTES - TARGET * PAGE, TARGET);
	if (pthread_create(&thread, NULL, run_guest, NULL))
		err(2, "a thread");
	pin(1);
	attack(end, how);
	shared->stop = 1;
	vm.run->immediate_exit = 1;
	pthread_join(thread, NULL);
	waitpid(child, NULL, 0);
	if (ioctl(vm.fd, RL_GET_STATS, &stats))
		err(2, "statistics");
	printf("%s: %lu rounds, %llu entries filled, the victim looked %lu times, %lu of its bytes were not its own\n",
	       argv[2], shared->rounds, stats.shadow_fills, shared->checks,
	       shared->spoiled);
	return shared->spoiled || !shared->checks || stats.shadow_fills < 100;
}
