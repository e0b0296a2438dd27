// SPDX-License-Identifier: GPL-2.0
/*
 * A launcher of no rank takes pages away from under a guest that writes to them
 * all the time: does one of its writes reach the next owner?
 *
 *	attack SECONDS HOW	discard: MADV_DONTNEED; the pages are gone
 *				swap: MADV_PAGEOUT; they come back from the disk
 *				move: migrate_pages(2), to the other memory node
 *	attack SECONDS watch	only the victim: somebody else attacks
 *	attack SECONDS SOCKET	only what asks a balloon to take much and nothing,
 *				over and over (tests/soak/balloon)
 *
 * The pages in front of those that the guest writes make the taking away long:
 * it has begun, but not reached them, when the guest faults. Two pCPUs: the guest
 * has 0, the launcher and the victim 1. Ends with 1 where the victim's pages
 * changed.
 */
#include <err.h>
#include <errno.h>
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

static void touch(void)
{
	for (size_t i = DATA; i < BYTES; i += PAGE)
		vm.memory[i + 2] = 1;
}

static void discard(void)
{
	madvise(vm.memory + DATA, BYTES - DATA, MADV_DONTNEED);
}

static void swap(void)
{
	madvise(vm.memory + DATA, BYTES - DATA, MADV_PAGEOUT);
}

/* The two nodes are bits 0 and 1. */
static void move(void)
{
	unsigned long from = 1 + shared->rounds % 2, to = 3 - from;

	syscall(SYS_migrate_pages, 0, 8 * sizeof(from), &from, &to);
}

static const struct {
	const char *name;
	void (*take)(void);
} ways[] = {
	{ "discard", discard }, { "swap", swap }, { "move", move },
};

static int way(const char *name)
{
	for (int i = 0; i < 3; i++)
		if (!strcmp(ways[i].name, name))
			return i;
	errx(2, "usage: attack SECONDS discard|swap|move");
}

static void attack(time_t end, void (*take)(void))
{
	while (time(NULL) < end) {
		touch();
		take();
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
	touch();
	vm_start(&vm, BYTES - TARGET * PAGE, TARGET);
	if (pthread_create(&thread, NULL, run_guest, NULL))
		err(2, "a thread");
	pin(1);
	attack(end, ways[how].take);
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
