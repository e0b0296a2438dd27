// SPDX-License-Identifier: GPL-2.0
/*
 * The command's streams, on the host's side: a process that carries them between
 * our standard streams and the guest's init, in the frames of abi/try.h.
 *
 * It is a process of its own because the console device wants files that do not
 * block, and what we were started with belongs to others, too: to a shell, to the
 * rest of a pipeline. Here one thread waits for each direction. What comes from the
 * guest is not believed, and the process has the launcher's sandbox.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../abi/try.h"
#include "console.h"
#include "log.h"
#include "sandbox.h"
#include "try.h"

#define LAST_WORDS	4096	/* bytes of the console that are kept */
#define LAST_LINES	24

/* In the carrying process, whose threads share it. */
static struct carrier {
	int socket;		/* to the guest */
	int console;		/* what its console says; -1: a terminal's */
	int result;
	int closed_event;	/* a bit of closed was set */
	bool verbose;
	bool has_input;		/* standard input is to be carried */
	atomic_uint closed;	/* bit n: nobody reads our stream n any more */
	char words[LAST_WORDS];	/* a ring */
	size_t written;		/* into it, ever */
} carrier;

static const atomic_bool never;

static bool read_all(int fd, void *data, size_t size)
{
	char *at = data;
	ssize_t got;

	while (size) {
		got = read(fd, at, size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		size -= got;
	}
	return true;
}

static bool send_frame(uint32_t type, const void *data, uint32_t bytes)
{
	struct {
		struct rl_try_header header;
		char data[RL_TRY_FRAME_MAX];
	} frame = { .header = { type, bytes } };
	ssize_t size = sizeof(frame.header) + bytes;

	if (bytes)
		memcpy(frame.data, data, bytes);
	return console_write(carrier.socket, &frame, size, &never) == size;
}

/* One round of carry_input(). False: the guest is gone. */
static bool carry_some(bool *open, unsigned int *told)
{
	struct pollfd ready[] = {
		{ .fd = carrier.closed_event, .events = POLLIN },
		{ .fd = *open ? STDIN_FILENO : -1, .events = POLLIN },
		{ .fd = carrier.socket, .events = 0 },	/* its end */
	};
	char data[RL_TRY_FRAME_MAX];
	unsigned int closed;
	eventfd_t ignored;
	ssize_t got;

	if (poll(ready, 3, -1) < 0)
		return errno == EINTR;
	if (ready[2].revents)
		return false;
	if (ready[0].revents)
		eventfd_read(carrier.closed_event, &ignored);
	closed = atomic_load(&carrier.closed) & ~*told;
	*told |= closed;
	for (uint32_t i = RL_TRY_STDOUT; i <= RL_TRY_STDERR; i++)
		if (closed & 1u << i && !send_frame(i, NULL, 0))
			return false;
	if (!ready[1].revents)
		return true;
	got = read(STDIN_FILENO, data, sizeof(data));
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	*open = got > 0;
	return send_frame(RL_TRY_STDIN, data, got > 0 ? got : 0);
}

static void *carry_input(void *unused)
{
	bool open = carrier.has_input;
	unsigned int told = 0;

	(void)unused;
	while (carry_some(&open, &told))
		;
	return NULL;
}

/* What the guest's kernel and init say: kept, in case they die of it. */
static void *carry_console(void *unused)
{
	char data[256];
	ssize_t got;

	(void)unused;
	while ((got = read(carrier.console, data, sizeof(data))) > 0 ||
	       (got < 0 && errno == EINTR)) {
		if (carrier.verbose && got > 0)
			console_write(STDERR_FILENO, data, got, &never);
		for (ssize_t i = 0; i < got; i++)
			carrier.words[carrier.written++ % LAST_WORDS] = data[i];
	}
	return NULL;
}

static void show_last_words(void)
{
	size_t size = carrier.written < LAST_WORDS ? carrier.written :
						     LAST_WORDS;
	char text[LAST_WORDS + 1], safe[256], *line = text;
	unsigned int lines = 0;

	for (size_t i = 0; i < size; i++)
		text[i] = carrier.words[(carrier.written - size + i) %
					LAST_WORDS];
	text[size] = '\0';
	for (char *c = text + size; c > text && lines <= LAST_LINES; c--) {
		lines += *c == '\n';
		line = c;
	}
	line = lines > LAST_LINES ? line + 1 : text;
	for (; *line; line += strcspn(line, "\n"), line += !!*line)
		if (strcspn(line, "\r\n"))
			log_warnx("| %s", log_safe(safe, sizeof(safe), line,
						   strcspn(line, "\r\n")));
}

/* Until the status has come, which is true, or the guest has gone. */
static bool carry_output(int32_t *status)
{
	struct rl_try_header header;
	char data[RL_TRY_FRAME_MAX];

	while (read_all(carrier.socket, &header, sizeof(header)) &&
	       header.bytes <= sizeof(data) &&
	       read_all(carrier.socket, data, header.bytes)) {
		if (header.type == RL_TRY_STATUS &&
		    header.bytes == sizeof(*status)) {
			memcpy(status, data, sizeof(*status));
			return true;
		}
		if (header.type != RL_TRY_STDOUT &&
		    header.type != RL_TRY_STDERR)
			return false;
		if (atomic_load(&carrier.closed) & 1u << header.type)
			continue;
		if (console_write(header.type, data, header.bytes, &never) !=
		    (ssize_t)header.bytes) {
			atomic_fetch_or(&carrier.closed, 1u << header.type);
			eventfd_write(carrier.closed_event, 1);
		}
	}
	return false;
}

/* The carrying process. */
static void carry(void)
{
	static const int ignored[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP,
				       SIGPIPE };
	const struct sandbox_options nothing = { 0 };
	pthread_t input, console;
	bool has_console = false, ended;
	int32_t status;

	/* It ends when the launcher does, which closes all that it reads from. */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	if (sandbox_enter(&nothing) ||
	    pthread_create(&input, NULL, carry_input, NULL))
		_exit(1);
	if (carrier.console >= 0)
		has_console = !pthread_create(&console, NULL, carry_console,
					      NULL);
	ended = carry_output(&status);
	if (ended && write(carrier.result, &status, sizeof(status)) !=
			     sizeof(status))
		ended = false;
	/* The launcher looks here before it closes its end of the console. */
	close(carrier.result);
	/* By this the guest knows that all has arrived, and powers off. */
	shutdown(carrier.socket, SHUT_RDWR);
	if (has_console)
		pthread_join(console, NULL);
	if (!ended && has_console && !carrier.verbose)
		show_last_words();
	_exit(0);
}

/* In the launcher: its standard streams are not the command's. */
static int replace_streams(int console)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(console, STDOUT_FILENO) < 0)
		return -errno;
	close(null);
	return 0;
}

int try_streams_start(struct try_streams *streams, bool verbose)
{
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	int sockets[2] = { -1, -1 }, result[2] = { -1, -1 };
	int console[2] = { -1, -1 }, error = 0;

	strcpy(streams->terminal, !terminal ? "" :
				  isatty(STDERR_FILENO) ? "012" : "01");
	carrier.closed_event = eventfd(0, EFD_CLOEXEC);
	if (carrier.closed_event < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) ||
	    pipe2(result, O_CLOEXEC) ||
	    (!terminal && pipe2(console, O_CLOEXEC)) ||
	    (streams->pid = fork()) < 0) {
		log_warn("cannot carry the command's streams");
		return -errno;
	}
	carrier.socket = sockets[0];
	carrier.console = console[0];
	carrier.result = result[1];
	carrier.verbose = verbose;
	carrier.has_input = !terminal;
	if (!streams->pid) {
		close(sockets[1]);
		close(result[0]);
		if (!terminal)
			close(console[1]);
		carry();
	}
	close(sockets[0]);
	close(result[1]);
	close(carrier.closed_event);
	/* As handed over by whoever starts `ringlet run`. */
	fcntl(sockets[1], F_SETFD, 0);
	streams->port_fd = sockets[1];
	streams->result_fd = result[0];
	if (!terminal) {
		error = replace_streams(console[1]);
		close(console[0]);
		close(console[1]);
	}
	if (error)
		log_warnx("cannot replace the standard streams: %s",
			  strerror(-error));
	return error;
}

int try_streams_end(struct try_streams *streams)
{
	int32_t status;
	bool ended = read_all(streams->result_fd, &status, sizeof(status));

	/* The last writer of the console: its reader comes to the end. */
	if (!*streams->terminal)
		close(STDOUT_FILENO);
	while (waitpid(streams->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(streams->result_fd);
	return ended ? status & 0xff : -1;
}
