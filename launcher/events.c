// SPDX-License-Identifier: GPL-2.0
/*
 * The event loop. Signals arrive as bytes of a signalfd, so that nothing has
 * to be done in a signal handler and no signal is lost between two calls.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "events.h"
#include "log.h"
#include "stats.h"

/* Linux's hvc console takes this byte (ctrl-O) for the SysRq prefix. */
#define SYSRQ_BYTE		0x0f
#define KICK_AGAIN_MS		50
#define ASK_AGAIN_MS		10000

static const int handled_signals[] = {
	SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH,
};

int events_init(struct events *events, struct console *console,
		int escape_key, unsigned int patience)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(handled_signals) / sizeof(int); i++)
		sigaddset(&set, handled_signals[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	/* A reader that went away is reported by write(2). */
	signal(SIGPIPE, SIG_IGN);
	events->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (events->signal_fd < 0)
		return -errno;
	events->console = console;
	events->input_open = true;
	events->cause = STOP_NONE;
	events->patience = patience;
	events->asked = false;
	events->terminated = false;
	events->escape.seen = false;
	events->escape.key = terminal_init() ? escape_key : -1;
	return 0;
}

void events_destroy(struct events *events)
{
	terminal_restore();
	close(events->signal_fd);
}

static void stop_machine(struct events *events, struct machine *machine,
			 enum stop_cause cause)
{
	if (!events->cause)
		events->cause = cause;
	machine_kick(machine);
}

/*J: launcher.stop
 * A guest can be ended in two ways. One is this program's end: all at once, what
 * the guest had not written to its disk is lost. The other is the guest's own: it
 * is asked to power off, ends its programs, writes what they had and says goodbye.
 * SIGTERM, which is how a host that shuts down speaks to everybody, means the
 * second way.
 *
 * But a guest may be hung, or still be starting and not listen yet. So it is
 * asked again from time to time, and its time is limited: who sends SIGTERM again,
 * or waits long enough, gets the first way.
 :*/
static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static void press_button(struct events *events, struct machine *machine)
{
	events->ask_at = now_ms() + ASK_AGAIN_MS;
	vm_raise_irq(machine->vm_fd, RL_IRQ_POWER);
}

/* The first one who asks sets the limit. */
static void ask_machine(struct events *events, struct machine *machine)
{
	if (!events->asked)
		events->late_at = events->patience ?
			now_ms() + events->patience * 1000ll : INT64_MAX;
	events->asked = true;
	if (events->patience)
		log_warnx("the guest is asked to power off; it has %lld s",
			  (long long)(events->late_at - now_ms() + 999) / 1000);
	else
		log_warnx("the guest is asked to power off");
	press_button(events, machine);
}

static void terminate_machine(struct events *events, struct machine *machine)
{
	if (events->terminated || !events->patience) {
		stop_machine(events, machine, STOP_SIGNAL);
		return;
	}
	events->terminated = true;
	ask_machine(events, machine);
}

/* What is due by now. Returns the ms until there is more, -1: nothing. */
static int serve_time(struct events *events, struct machine *machine)
{
	int64_t now = now_ms(), next;

	if (events->cause)
		return KICK_AGAIN_MS;
	if (!events->asked)
		return -1;
	if (now >= events->late_at) {
		stop_machine(events, machine, STOP_LATE);
		return KICK_AGAIN_MS;
	}
	if (now >= events->ask_at)
		press_button(events, machine);
	next = events->ask_at < events->late_at ? events->ask_at :
						  events->late_at;
	return next > now ? next - now : 0;
}

static void show_stats(struct machine *machine)
{
	struct rl_stats now;

	if (vm_get_stats(machine->vm_fd, &now))
		log_warnx("no statistics");
	else
		stats_show(&now);
}

/* Do what the escape key's second byte asks; true: *byte is the guest's. */
static bool filter_byte(struct events *events, struct machine *machine,
			unsigned char *byte)
{
	switch (escape_feed(&events->escape, byte)) {
	case ESCAPE_DATA:
		return true;
	case ESCAPE_BREAK:
		*byte = SYSRQ_BYTE;
		return true;
	case ESCAPE_QUIT:
		stop_machine(events, machine, STOP_KEY);
		return false;
	case ESCAPE_POWER:
		ask_machine(events, machine);
		return false;
	case ESCAPE_HELP:
		escape_help(&events->escape);
		return false;
	case ESCAPE_STATS:
		show_stats(machine);
		return false;
	default:
		return false;
	}
}

/* Called only while the ring has room for everything read here. */
static void serve_input(struct events *events, struct machine *machine)
{
	unsigned char bytes[256];
	size_t room = console_room(events->console);
	size_t kept = 0;
	ssize_t got, i;

	if (room > sizeof(bytes))
		room = sizeof(bytes);
	got = read(STDIN_FILENO, bytes, room);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got <= 0) {
		/* The guest goes on; nobody types any more. */
		log_debug("standard input ended");
		events->input_open = false;
		return;
	}
	for (i = 0; i < got; i++)
		if (filter_byte(events, machine, &bytes[i]))
			bytes[kept++] = bytes[i];
	if (!kept)
		return;
	console_put(events->console, bytes, kept);
	vm_raise_irq(machine->vm_fd, RL_IRQ_CONSOLE);
}

/* The guest asks for it when it reads. */
static void serve_size(struct events *events, struct machine *machine)
{
	if (console_look_at_size(events->console))
		vm_raise_irq(machine->vm_fd, RL_IRQ_CONSOLE);
}

static void serve_signal(struct events *events, struct machine *machine)
{
	struct signalfd_siginfo info;

	if (read(events->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGTSTP:
		/* SIGSTOP stops all threads, the vCPU's too, right here. */
		terminal_restore();
		raise(SIGSTOP);
		break;
	case SIGCONT:
		/* The shell has had the terminal meanwhile. */
		terminal_resume();
		serve_size(events, machine);
		break;
	case SIGWINCH:
		serve_size(events, machine);
		break;
	default:
		if (!events->cause) {
			events->signal = info.ssi_signo;
			events->sender = info.ssi_pid;
		}
		if (info.ssi_signo == SIGTERM)
			terminate_machine(events, machine);
		else
			stop_machine(events, machine, STOP_SIGNAL);
	}
}

enum { POLL_DONE, POLL_SIGNAL, POLL_ROOM, POLL_INPUT, POLL_COUNT };

/* One round; true when a vCPU is done. */
static bool wait_once(struct events *events, struct machine *machine)
{
	struct pollfd fds[POLL_COUNT] = {
		[POLL_DONE] = { machine->done_fd, POLLIN, 0 },
		[POLL_SIGNAL] = { events->signal_fd, POLLIN, 0 },
		[POLL_ROOM] = { events->console->room_fd, POLLIN, 0 },
		/* poll(2) ignores a negative fd. */
		[POLL_INPUT] = { -1, POLLIN, 0 },
	};
	eventfd_t ignored;

	if (events->input_open && console_room(events->console))
		fds[POLL_INPUT].fd = STDIN_FILENO;
	if (poll(fds, POLL_COUNT, serve_time(events, machine)) < 0)
		return false;
	if (fds[POLL_DONE].revents)
		return true;
	if (fds[POLL_ROOM].revents)
		eventfd_read(events->console->room_fd, &ignored);
	if (fds[POLL_SIGNAL].revents)
		serve_signal(events, machine);
	if (fds[POLL_INPUT].revents)
		serve_input(events, machine);
	if (events->cause)
		machine_kick(machine);
	return false;
}

void events_wait(struct events *events, struct machine *machine)
{
	bool more;

	/* What was typed before this machine began waits for its guest. */
	more = console_room(events->console) < CONSOLE_RING_SIZE;
	if (more)
		vm_raise_irq(machine->vm_fd, RL_IRQ_CONSOLE);
	while (!wait_once(events, machine))
		;
}
