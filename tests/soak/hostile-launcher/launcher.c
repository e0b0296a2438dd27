// SPDX-License-Identifier: GPL-2.0
/*
 * A launcher that does with its guest's memory whatever a process may do, while
 * two threads run the one vCPU and the guest writes everywhere.
 *
 *	launcher SECONDS
 *
 * Three parties: a victim of root's, which fills fresh pages with a pattern and
 * looks whether it stays; the attacker (uid 1000), which makes VM after VM and
 * pulls the memory away under each; and the caller, which switches processors
 * off and on. Ends with 0 when the victim's pages were never touched and each kind
 * of trick was done; the host's kernel log is the second witness.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../lib/raw_vm.h"

#define SIZE		(2UL << 20)	/* of the guest's memory */
#define ROUNDS		60		/* tricks for each VM */

static struct shared *shared;

static void start_guest(struct vm *vm)
{
	vm_start(vm, DATA, (SIZE - DATA) / PAGE);
}

static void *runner(void *argument)
{
	struct vm *vm = argument;

	while (!vm->stop) {
		if (ioctl(vm->vcpu, RL_RUN, 0)) {
			if (errno != EINTR && errno != EFAULT &&
			    errno != EINVAL && errno != EBUSY)
				err(2, "RL_RUN");
			shared->busy++;
		} else if (vm->run->exit_reason == RL_EXIT_KILLED) {
			if (!vm->killed++ && !shared->vms)
				puts(vm->run->kill_reason);
			break;
		}
		shared->runs++;
	}
	return NULL;
}

/* --- the tricks ------------------------------------------------------------------ */

static unsigned int seed = 1;

static unsigned int below(unsigned int n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % n;
}

/* A piece of the guest's memory, seldom one with its tables and code. */
static unsigned char *piece(struct vm *vm, size_t *bytes)
{
	size_t first = below(100) ? DATA / PAGE : 0;
	size_t from = first + below(SIZE / PAGE - first);

	*bytes = (1 + below(SIZE / PAGE - from)) * PAGE;
	return vm->memory + from * PAGE;
}

static void discard(struct vm *vm)
{
	size_t bytes;
	unsigned char *at = piece(vm, &bytes);

	madvise(at, bytes, below(2) ? MADV_DONTNEED : MADV_FREE);
}

static void move_away_and_back(struct vm *vm)
{
	size_t bytes;
	unsigned char *at = piece(vm, &bytes), *there;

	there = mremap(at, bytes, bytes, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	if (there == MAP_FAILED)
		return;
	if (below(2) && mremap(there, bytes, bytes,
			       MREMAP_MAYMOVE | MREMAP_FIXED, at) == at)
		return;
	memset(there, 0, bytes);
	munmap(there, bytes);
}

static void replace(struct vm *vm)
{
	size_t bytes;
	unsigned char *at = piece(vm, &bytes);

	munmap(at, bytes);
	if (below(4))
		sched_yield();
	if (mmap(at, bytes, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at)
		err(2, "memory put back");
}

static void protect(struct vm *vm)
{
	size_t bytes;
	unsigned char *at = piece(vm, &bytes);

	mprotect(at, bytes, below(2) ? PROT_READ : PROT_NONE);
	sched_yield();
	mprotect(at, bytes, PROT_READ | PROT_WRITE);
}

/* The child shares the guest's pages until one of both writes. */
static void fork_child(struct vm *vm)
{
	pid_t child = fork();

	if (child == 0) {
		for (size_t i = DATA; i < SIZE; i += PAGE)
			vm->memory[i] = 1;
		ioctl(vm->vcpu, RL_RUN, 0);	/* not its VM: EINVAL */
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

static void exec_child(struct vm *vm)
{
	pid_t child = fork();

	if (child == 0) {
		/* The descriptors stay open in the new program. */
		fcntl(vm->vcpu, F_SETFD, 0);
		execl("/proc/self/exe", "launcher", "nothing", NULL);
		_exit(1);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

static void poke(struct vm *vm)
{
	struct rl_regs regs;

	vm->run->immediate_exit = 1;
	ioctl(vm->vcpu, RL_GET_REGS, &regs);
	vm->run->immediate_exit = 0;
	start_guest(vm);
}

static void interrupt(struct vm *vm)
{
	ioctl(vm->fd, RL_IRQ_LINE, below(RL_IRQ_COUNT));
}

static void repair(struct vm *vm)
{
	vm_write_guest(vm);
}

/* A guest survives the first ones, for there is memory when it faults again. */
static void (*const tricks[])(struct vm *) = {
	discard, fork_child, exec_child, poke, interrupt, repair,
	replace, protect, move_away_and_back,
};
#define TRICKS (sizeof(tricks) / sizeof(tricks[0]))
#define GENTLE 6

static void one_vm(int device)
{
	pthread_t thread[2];
	struct vm vm;

	vm_create(&vm, device, SIZE);
	start_guest(&vm);
	for (int i = 0; i < 2; i++)
		if (pthread_create(&thread[i], NULL, runner, &vm))
			err(2, "a thread");
	for (int i = 0; i < ROUNDS && !vm.killed && !shared->stop; i++) {
		unsigned int n = below(i < ROUNDS / 2 ? GENTLE : TRICKS);

		tricks[n](&vm);
		shared->done[n]++;
		if (!below(8))
			usleep(100);
	}
	shared->killed += vm.killed > 0;
	vm.stop = 1;
	vm.run->immediate_exit = 1;
	if (below(2)) {
		/* Closed while a thread is in RL_RUN. */
		close(vm.fd);
		close(vm.vcpu);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	munmap(vm.run, PAGE);
	munmap(vm.memory, SIZE);
	if (fcntl(vm.fd, F_GETFD) >= 0) {
		close(vm.fd);
		close(vm.vcpu);
	}
	shared->vms++;
}

/* --- who does it -------------------------------------------------------------------- */

static void attacker(void)
{
	int device = become_nobody_and_open();

	seed = getpid();
	while (!shared->stop)
		one_vm(device);
	exit(0);
}

int main(int argc, char **argv)
{
	pid_t children[2];
	int status, bad = 0;

	if (argc != 2)
		errx(2, "usage: launcher SECONDS");
	if (!strcmp(argv[1], "nothing"))	/* exec_child() */
		return 0;
	shared = shared_create();
	children[0] = fork();
	if (children[0] == 0)
		attacker();
	children[1] = victim_start(shared, -1);
	sleep(atoi(argv[1]));
	shared->stop = 1;
	for (int i = 0; i < 2; i++)
		if (waitpid(children[i], &status, 0) < 0 || status)
			bad++;
	printf("%lu VMs, %lu of their runs, %lu refused, %lu guests killed\n",
	       shared->vms, shared->runs, shared->busy, shared->killed);
	for (size_t i = 0; i < TRICKS; i++) {
		printf("trick %zu: %lu times\n", i, shared->done[i]);
		bad += !shared->done[i];
	}
	printf("the victim looked %lu times, %lu bytes were not its own\n",
	       shared->checks, shared->spoiled);
	return bad || shared->spoiled || !shared->checks || !shared->vms;
}
