/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs share that run in a guest and look at how it behaves.
 *
 * A program is a list of cases. Each prints one line, and the exit status is 0
 * when all went well. They are ordinary Linux programs: on a real machine they
 * must pass as well (see tests/guest/lib/guest.sh).
 */
#ifndef RINGLET_TESTS_GUEST_CHECK_H
#define RINGLET_TESTS_GUEST_CHECK_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static int check_failures;

#define CHECK(condition)						\
	do {								\
		if (!(condition)) {					\
			printf("%s:%d: not so: %s\n", __FILE__,		\
			       __LINE__, #condition);			\
			check_failures++;				\
		}							\
	} while (0)

/* Like CHECK, and shows a number. */
#define CHECK_IS(value, wanted)						\
	do {								\
		long long value_ = (long long)(value);			\
		long long wanted_ = (long long)(wanted);		\
		if (value_ != wanted_) {				\
			printf("%s:%d: %s is %lld (0x%llx), not %lld\n",\
			       __FILE__, __LINE__, #value, value_,	\
			       (unsigned long long)value_, wanted_);	\
			check_failures++;				\
		}							\
	} while (0)

/* Where something else failed than what is being tested. */
#define NEED(condition)							\
	do {								\
		if (!(condition)) {					\
			printf("%s:%d: needed: %s\n", __FILE__,		\
			       __LINE__, #condition);			\
			fflush(stdout);					\
			_exit(99);					\
		}							\
	} while (0)

#define CASE(name)							\
	do {								\
		int before_ = check_failures;				\
		name();							\
		printf("%s %s\n",					\
		       check_failures == before_ ? "ok" : "FAILED",	\
		       #name);						\
		fflush(stdout);						\
	} while (0)

#define DONE() return check_failures ? 1 : 0

/* --- signals: what a piece of code raises --------------------------------- */

struct caught {
	int signal;		/* 0: none */
	int code;
	uint64_t address;	/* si_addr */
	uint64_t rip, error, trap, cr2;
};

#ifdef __i386__
#define CATCH_RIP(context)	((uint32_t)(context)->uc_mcontext.gregs[REG_EIP])
#define CATCH_CR2(context)	((context)->uc_mcontext.cr2)
#else
#define CATCH_RIP(context)	((context)->uc_mcontext.gregs[REG_RIP])
#define CATCH_CR2(context)	((context)->uc_mcontext.gregs[REG_CR2])
#endif

static struct caught caught;
static sigjmp_buf caught_jump;
static volatile sig_atomic_t caught_wanted;

static __attribute__((unused)) void catch_handler(int number, siginfo_t *info,
						  void *context)
{
	const ucontext_t *c = context;
	const greg_t *r = c->uc_mcontext.gregs;

	/* Of a fault that nobody waits for the program dies when it is tried again. */
	if (!caught_wanted) {
		signal(number, SIG_DFL);
		return;
	}
	caught = (struct caught) {
		number, info->si_code, (uintptr_t)info->si_addr, CATCH_RIP(c),
		r[REG_ERR], r[REG_TRAPNO], CATCH_CR2(c)
	};
	siglongjmp(caught_jump, 1);
}

/* All signals that exceptions become go to catch_handler, on its own stack. */
static __attribute__((unused)) void catch_all(void)
{
	static char stack[65536];
	static const int numbers[] = {
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS
	};
	struct sigaction action = {
		.sa_sigaction = catch_handler,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	stack_t on = { .ss_sp = stack, .ss_size = sizeof(stack) };
	unsigned int i;

	NEED(!sigaltstack(&on, NULL));
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		NEED(!sigaction(numbers[i], &action, NULL));
}

/* Runs a statement; what it raised is in `caught`. */
#define CATCH(...)							\
	do {								\
		memset(&caught, 0, sizeof(caught));			\
		caught_wanted = 1;					\
		if (!sigsetjmp(caught_jump, 1)) {			\
			__VA_ARGS__;					\
		}							\
		caught_wanted = 0;					\
	} while (0)

/* Runs a function in a child, which ends with 1 where a check of its failed, else with 0. */
static __attribute__((unused)) pid_t start_child(void (*run)(void))
{
	pid_t child;

	fflush(stdout);
	child = fork();
	NEED(child >= 0);
	if (!child) {
		check_failures = 0;
		run();
		fflush(stdout);
		_exit(check_failures ? 1 : 0);
	}
	return child;
}

/* The same; returns what waitpid() says of its end. */
static __attribute__((unused)) int in_child(void (*run)(void))
{
	pid_t child = start_child(run);
	int status = -1;

	NEED(waitpid(child, &status, 0) == child);
	return status;
}
#endif
