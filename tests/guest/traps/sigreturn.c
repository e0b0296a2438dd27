// SPDX-License-Identifier: GPL-2.0
/*
 * A signal's handler may write anything into the registers that the program
 * goes on with. What cannot be loaded kills the program, and nothing else:
 * this is the one place where ring 3 chooses what an iretq in ring 1 pops.
 */
#include <sys/mman.h>
#include "check.h"

enum { CS, SS, RIP, RSP, FLAGS };

static struct {
	int what;
	uint64_t value;
} change;

static int handled;

static void change_context(int number, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)number;
	(void)info;
	handled++;
	switch (change.what) {
	case CS:	/* cs, gs, fs, ss */
		r[REG_CSGSFS] = (r[REG_CSGSFS] & ~0xffffLL) | change.value;
		break;
	case SS:
		r[REG_CSGSFS] = (r[REG_CSGSFS] & 0xffffffffffffLL) |
				change.value << 48;
		break;
	case RIP:
		r[REG_RIP] = change.value;
		break;
	case RSP:
		r[REG_RSP] = change.value;
		break;
	case FLAGS:
		r[REG_EFL] = change.value;
		break;
	}
}

static void child(void)
{
	struct sigaction action = {
		.sa_sigaction = change_context,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};

	NEED(!sigaction(SIGUSR1, &action, NULL));
	raise(SIGUSR1);
}

/* Returns the signal that ended the child, 0 if it ended by itself. */
static int after(int what, uint64_t value)
{
	int status;

	change.what = what;
	change.value = value;
	status = in_child(child);
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	CHECK_IS(WEXITSTATUS(status), 0);
	return 0;
}

static void nothing_changed(void)
{
	CHECK_IS(after(-1, 0), 0);
	CHECK_IS(after(CS, 0x33), 0);
	CHECK_IS(after(SS, 0x2b), 0);
}

/* sigreturn() sets the RPL of both to 3 and repairs an impossible SS. */
static void bad_cs(void)
{
	static const uint16_t values[] = {
		0, 3, 8, 9, 0xb, 0x10, 0x13, 0x18, 0x28, 0x2b, 0x38, 0x39, 0x3b, 0x40,
		0x43, 0x50, 0x53, 0x63, 0x7b, 0x7, 0xf, 0xfff7, 0xfff8, 0xffff,
	};
	unsigned int i;
	int ended;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		ended = after(CS, values[i]);
		if (ended != SIGSEGV)
			printf("CS 0x%x: %d\n", values[i], ended);
		CHECK(ended == SIGSEGV);
	}
}

/* 32-bit code at an address above 4 GB: anything but a survivor. */
static void compatibility_cs(void)
{
	CHECK(after(CS, 0x23));
}

static void bad_ss(void)
{
	static const uint16_t values[] = {
		8, 9, 0xb, 0x10, 0x18, 0x23, 0x33, 0x39, 0x3b, 0x43, 0x53, 0x63, 0x7b, 7,
		0xfff7, 0xffff,
	};
	unsigned int i;
	int ended;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		ended = after(SS, values[i]);
		/* The kernel puts a good SS in for most. */
		CHECK(ended == 0 || ended == SIGSEGV || ended == SIGBUS);
	}
}

static void bad_rip(void)
{
	static const uint64_t values[] = {
		0, 0x800000000000, 0x8000000000000000, 0xffff7fffffffffff,
		0xffffffff81000000, 0xffff800000000000, 0xffffffffc0000000,
		0xfffffe0000000000, 0xffffffffffffffff, 0x7ffffffff000,
	};
	unsigned int i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		CHECK_IS(after(RIP, values[i]), SIGSEGV);
}

static void bad_rsp(void)
{
	static const uint64_t values[] = {
		0, 0x800000000000, 0xffffffff81000000, 0xffff800000006000,
	};
	unsigned int i;
	int ended;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		ended = after(RSP, values[i]);
		CHECK(ended == SIGSEGV || ended == SIGBUS);
	}
}

/* Flags that ring 3 does not own stay as they were. */
static void odd_flags(void)
{
	CHECK_IS(after(FLAGS, 0), 0);
	CHECK_IS(after(FLAGS, 0x3002), 0);	/* IOPL 3, IF off */
	CHECK_IS(after(FLAGS, 0x4202), 0);	/* NT */
	CHECK_IS(after(FLAGS, 0x20202), 0);	/* VM */
	CHECK_IS(after(FLAGS, 0x180202), 0);	/* VIF, VIP */
	CHECK_IS(after(FLAGS, 0x302), SIGTRAP);	/* TF */
}

static volatile sig_atomic_t nested;

static void nest(int number)
{
	if (++nested < 50)
		raise(number);
}

static void nested_signals(void)
{
	struct sigaction action = {
		.sa_handler = nest, .sa_flags = SA_NODEFER,
	};

	NEED(!sigaction(SIGUSR2, &action, NULL));
	raise(SIGUSR2);
	CHECK_IS(nested, 50);
}

int main(void)
{
	CASE(nothing_changed);
	CASE(bad_cs);
	CASE(compatibility_cs);
	CASE(bad_ss);
	CASE(bad_rip);
	CASE(bad_rsp);
	CASE(odd_flags);
	CASE(nested_signals);
	DONE();
}
