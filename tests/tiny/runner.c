// SPDX-License-Identifier: GPL-2.0
/*
 * Runs tiny guests: every case of every guest in a VM of its own.
 *
 *	runner [--timeout SECONDS] [--seconds SOAK] [--list] [--only PATTERNS]
 *	       GUEST...
 *
 * PATTERNS are those of a shell, divided by spaces.
 *
 * One line for each case: outcome, guest/case, and what the guest said. The
 * last line counts. Ends with 0 when nothing but successes and skips happened.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>
#include "runner.h"

static const char *const words[] = {
	"running", "success", "skip", "error", "failure", "crash"
};
#define OUTCOMES (sizeof(words) / sizeof(words[0]))

static int device;
static struct rl_info info;
static unsigned int timeout = 60, soak;
uint64_t ncpus;
static uint64_t environment, window_call, after_exit, asm_exc_debug;
static volatile sig_atomic_t expired;

/* --- a VM --------------------------------------------------------------------- */

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		err(2, "mmap");
	return p;
}

static void add_slot(struct machine *m, unsigned int slot, uint64_t gpa,
		     uint64_t size, void *at)
{
	struct rl_memory_slot s = {
		.slot = slot, .gpa = gpa, .size = size, .hva = (uintptr_t)at,
	};

	if (ioctl(m->vm, RL_SET_MEMORY_SLOT, &s))
		err(2, "RL_SET_MEMORY_SLOT");
}

static void machine_create(struct machine *m)
{
	memset(m, 0, sizeof(*m));
	m->vm = ioctl(device, RL_CREATE_VM, 0);
	if (m->vm < 0)
		err(2, "RL_CREATE_VM");
	m->memory = map(TINY_MEMORY);
	m->high = map(TINY_HIGH_SIZE);
	add_slot(m, 0, 0, TINY_MEMORY, m->memory);
	add_slot(m, 1, TINY_HIGH_GPA, TINY_HIGH_SIZE, m->high);
	m->vcpu = ioctl(m->vm, RL_CREATE_VCPU, 0);
	if (m->vcpu < 0)
		err(2, "RL_CREATE_VCPU");
	m->run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu,
		      0);
	if (m->run == MAP_FAILED)
		err(2, "mmap of the run page");
}

static void machine_destroy(struct machine *m)
{
	second_end();
	request_end();
	munmap(m->run, 4096);
	close(m->vcpu);
	close(m->vm);
	munmap(m->memory, TINY_MEMORY);
	munmap(m->high, TINY_HIGH_SIZE);
}

/* --- what the guest says ---------------------------------------------------------- */

static void console(struct machine *m)
{
	uint64_t gpa = m->run->gpa, bytes = m->run->bytes;

	if (!bytes) {
		request_serve(m);
		return;
	}
	m->run->result = -EFAULT;
	if (gpa > TINY_MEMORY || bytes > TINY_MEMORY - gpa)
		return;
	m->run->result = bytes;
	if (bytes > sizeof(m->said) - m->nsaid - 1)
		bytes = sizeof(m->said) - m->nsaid - 1;
	memcpy(m->said + m->nsaid, m->memory + gpa, bytes);
	m->nsaid += bytes;
}

/* --- a case ------------------------------------------------------------------------ */

static void say(struct machine *m, const char *text)
{
	m->nsaid += snprintf(m->said + m->nsaid, sizeof(m->said) - m->nsaid,
			     "%s\n", text);
	if (m->nsaid >= sizeof(m->said))
		m->nsaid = sizeof(m->said) - 1;
}

/* Is the kill reason one of those that the case expects? */
static bool reason_fits(const char *reason, const char *ends)
{
	char list[sizeof(((struct tiny_case *)0)->ends) + 1], *rest = list;

	snprintf(list, sizeof(list), "%s", ends);
	for (char *one; (one = strsep(&rest, "|")); )
		if (*one && strstr(reason, one))
			return true;
	return false;
}

static enum tiny_outcome killed(struct machine *m, const struct tiny_case *c)
{
	if (!strcmp(c->ends, "any"))
		return TINY_SUCCESS;
	if (*c->ends && reason_fits(m->run->kill_reason, c->ends))
		return TINY_SUCCESS;
	say(m, m->run->kill_reason);
	return *c->ends ? TINY_FAILURE : TINY_CRASH;
}

static enum tiny_outcome shut_down(struct machine *m, const struct tiny_case *c)
{
	enum tiny_outcome outcome = mailbox(m)->outcome;

	if (!strcmp(c->ends, "any"))
		return outcome == TINY_FAILURE ? outcome : TINY_SUCCESS;
	if (outcome <= TINY_RUNNING || outcome >= OUTCOMES)
		return TINY_CRASH;
	if (outcome == TINY_SUCCESS && *c->ends) {
		say(m, "it was not killed");
		return TINY_FAILURE;
	}
	return outcome;
}

static enum tiny_outcome run_loop(struct machine *m, const struct tiny_case *c)
{
	for (;;) {
		int r = ioctl(m->vcpu, RL_RUN, 0);

		if (expired && !strcmp(c->ends, "any"))
			return TINY_SUCCESS;
		if (expired) {
			say(m, "not finished in time");
			return TINY_CRASH;
		}
		if (r && errno == EINTR)
			continue;
		if (r) {
			say(m, strerror(errno));
			return TINY_CRASH;
		}
		switch (m->run->exit_reason) {
		case RL_EXIT_CONSOLE_WRITE:
			console(m);
			break;
		case RL_EXIT_CONSOLE_READ:
			m->run->result = 0;
			break;
		case RL_EXIT_MMIO:
			m->run->result = TINY_REGISTER;
			break;
		case RL_EXIT_SHUTDOWN:
			return shut_down(m, c);
		case RL_EXIT_KILLED:
			return killed(m, c);
		default:
			say(m, "RL_RUN gave an unknown reason");
			return TINY_CRASH;
		}
	}
}

static void on_alarm(int number)
{
	(void)number;
	expired = 1;
}

static void set_alarm(unsigned int seconds)
{
	/* Again each 50 ms, should the first one come between two RL_RUNs. */
	struct itimerval t = {
		.it_value.tv_sec = seconds,
		.it_interval.tv_usec = seconds ? 50000 : 0,
	};

	expired = 0;
	setitimer(ITIMER_REAL, &t, NULL);
}

/* A case named two_... has a second vCPU, which it starts itself. */
static bool wants_two(const struct tiny_case *c)
{
	return !strncmp(c->name, "two_", 4);
}

static enum tiny_outcome run_case(const struct image *image,
				  const struct tiny_case *c)
{
	struct rl_regs regs = { .rip = image->entry, .cr3 = TINY_TABLES };
	enum tiny_outcome outcome;
	volatile struct tiny_mailbox *box;
	struct machine m;

	if (wants_two(c) && (info.max_vcpus < 2 || ncpus < 2)) {
		printf("skip %s/%s\n\t%s\n", image->name, c->name,
		       ncpus < 2 ? "the host has one processor" :
		       "the module allows one vCPU");
		return TINY_SKIP;
	}
	machine_create(&m);
	if (wants_two(c))
		second_begin(&m);
	image_load(image, m.memory);
	box = mailbox(&m);
	box->flags = environment;
	box->levels = info.paging_levels;
	box->cpus = ncpus;
	box->tsc_khz = info.tsc_khz;
	box->seconds = soak;
	box->window_call = window_call;
	box->after_exit = after_exit;
	box->asm_exc_debug = asm_exc_debug;
	box->raw = !strncmp(c->name, "raw_", 4);
	regs.rdi = c->function;
	if (ioctl(m.vcpu, RL_SET_REGS, &regs))
		err(2, "RL_SET_REGS");
	/* A guest that may do what it likes may loop. */
	set_alarm(strcmp(c->ends, "any") ? timeout + soak : 3);
	outcome = run_loop(&m, c);
	set_alarm(0);
	printf("%s %s/%s\n", words[outcome], image->name, c->name);
	for (char *rest = m.said, *line; (line = strsep(&rest, "\n")); )
		if (*line)
			printf("\t%s\n", line);
	fflush(stdout);
	machine_destroy(&m);
	return outcome;
}

/* --- all ------------------------------------------------------------------------------ */

static uint64_t symbol(const char *name)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[512], found[256];
	unsigned long at;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx %*c %255s", &at, found) == 2 &&
		    !strcmp(found, name))
			break;
		else
			at = 0;
	if (f)
		fclose(f);
	return at;
}

/* One of the words of /proc/cpuinfo's list of bugs that VERW helps against. */
static bool leaks_buffers(const char *line)
{
	static const char *const bugs[] = {
		" mds", " taa", " mmio_stale_data", " rfds", " tsa"
	};

	if (strncmp(line, "bugs", 4))
		return false;
	for (size_t i = 0; i < sizeof(bugs) / sizeof(*bugs); i++)
		if (strstr(line, bugs[i]))
			return true;
	return false;
}

static void look_around(void)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[4096];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "model name", 10) &&
		    (strstr(line, "QEMU") || strstr(line, "TCG")))
			environment |= TINY_ENV_TCG;
		else if (leaks_buffers(line))
			environment |= TINY_ENV_BUFFERS;
	if (f)
		fclose(f);
	window_call = symbol("window_call");
	after_exit = symbol("syscall_msrs_exited");
	asm_exc_debug = symbol("asm_exc_debug");
	if (!access("/sys/module/injector", F_OK))
		environment |= TINY_ENV_INJECTOR;
	if (info.host_pti)
		environment |= TINY_ENV_PTI;
	ncpus = sysconf(_SC_NPROCESSORS_ONLN);
}

int main(int argc, char **argv)
{
	unsigned int count[OUTCOMES] = { 0 }, bad;
	const char *only = "*";
	char name[160];
	bool list = false;
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--list"))
			list = true;
		else if (!strcmp(argv[i], "--timeout") && i + 1 < argc)
			timeout = atoi(argv[++i]);
		else if (!strcmp(argv[i], "--seconds") && i + 1 < argc)
			soak = atoi(argv[++i]);
		else if (!strcmp(argv[i], "--only") && i + 1 < argc)
			only = argv[++i];
		else
			errx(2, "what is %s?", argv[i]);
	}
	if (!list) {
		device = open(RL_DEVICE_PATH, O_RDWR | O_CLOEXEC);
		if (device < 0)
			err(2, RL_DEVICE_PATH);
		if (ioctl(device, RL_GET_INFO, &info))
			err(2, "RL_GET_INFO");
		look_around();
		/* Without SA_RESTART: RL_RUN returns. */
		sigaction(SIGALRM, &(struct sigaction) {
			.sa_handler = on_alarm }, NULL);
	}
	for (; i < argc; i++) {
		struct image image = image_read(argv[i]);

		for (size_t c = 0; c < image.ncases; c++) {
			snprintf(name, sizeof(name), "%s/%s", image.name,
				 image.cases[c].name);
			if (!is_wanted(name, only))
				continue;
			if (list)
				puts(name);
			else
				count[run_case(&image, &image.cases[c])]++;
		}
		free(image.bytes);
	}
	if (list)
		return 0;
	bad = count[TINY_ERROR] + count[TINY_FAILURE] + count[TINY_CRASH];
	printf("tiny: %u success, %u skip, %u error, %u failure, %u crash\n",
	       count[TINY_SUCCESS], count[TINY_SKIP], count[TINY_ERROR],
	       count[TINY_FAILURE], count[TINY_CRASH]);
	return bad || !count[TINY_SUCCESS];
}
