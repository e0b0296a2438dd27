// SPDX-License-Identifier: GPL-2.0
/*
 * What stands on the host's side of a guest's devices, for tests/devices/stock:
 *
 *	beside pty LOG COMMAND...   run it on a terminal of 101 columns and 31
 *			rows, its errors into LOG; at the word resize-me in its
 *			output the terminal becomes 132x50
 *	beside send PATH BYTES      connect, send so many, hang up
 *	beside ask PATH LINE        connect, send a line, print the answer
 *	beside net PATH FRAMES      connect to --net unix=,plain: send so many
 *			frames when the first one came, count what comes until a
 *			frame that ends in "stop"
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void write_all(int fd, const void *data, size_t bytes)
{
	const char *from = data;
	ssize_t n;

	for (; bytes; from += n, bytes -= n) {
		n = write(fd, from, bytes);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			die("write");
	}
}

/* False: the other side hung up. */
static int read_all(int fd, void *data, size_t bytes)
{
	char *to = data;
	ssize_t n;

	for (; bytes; to += n, bytes -= n) {
		n = read(fd, to, bytes);
		if (n <= 0)
			return 0;
	}
	return 1;
}

/* Somebody will listen there, some time. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), tries;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	for (tries = 0; tries < 1200; tries++) {
		if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
			return fd;
		usleep(100000);
	}
	die(path);
	return -1;
}

/* --- a terminal --- */

static int on_pty(const char *log, char **command)
{
	struct winsize size = { .ws_col = 101, .ws_row = 31 };
	char bytes[4096], seen[2 * sizeof(bytes)] = "";
	int master, slave, status;
	struct termios plain;
	size_t kept = 0;
	ssize_t n;
	pid_t pid;

	if (openpty(&master, &slave, NULL, NULL, &size))
		die("openpty");
	/* Bytes as they are: the launcher keeps how output is processed. */
	tcgetattr(slave, &plain);
	plain.c_oflag &= ~OPOST;
	tcsetattr(slave, TCSANOW, &plain);
	pid = fork();
	if (!pid) {
		int errors = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);

		close(master);
		login_tty(slave);
		dup2(errors, 2);
		execvp(*command, command);
		die(*command);
	}
	close(slave);
	while ((n = read(master, bytes, sizeof(bytes))) > 0) {
		write_all(1, bytes, n);
		memcpy(seen + kept, bytes, n);
		kept += n;
		if (memmem(seen, kept, "resize-me", 9)) {
			size.ws_col = 132;
			size.ws_row = 50;
			ioctl(master, TIOCSWINSZ, &size);
			kept = 0;
		}
		/* The word may be cut in two. */
		if (kept > 8) {
			memmove(seen, seen + kept - 8, 8);
			kept = 8;
		}
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* --- sockets --- */

static void send_bytes(const char *path, size_t bytes)
{
	char *text = malloc(bytes + 9);
	int fd = connect_to(path);
	size_t i;

	for (i = 0; i < bytes; i += 8)
		sprintf(text + i, "%07zu\n", i);
	write_all(fd, text, bytes);
	free(text);
	close(fd);
}

static void ask(const char *path, const char *line)
{
	char answer[1024];
	int fd = connect_to(path);
	ssize_t n;

	dprintf(fd, "%s\n", line);
	n = read(fd, answer, sizeof(answer));
	if (n <= 0)
		die("no answer");
	write_all(1, answer, n);
}

static void net(const char *path, unsigned int frames)
{
	static unsigned char frame[65536];
	unsigned int got = 0, i;
	int fd = connect_to(path), answered = 0;
	struct {
		uint32_t bytes;
		unsigned char data[60];
	} sent = { htonl(60), { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				2, 0, 0, 0, 0, 9, 0x88, 0xb5 } };
	uint32_t bytes;

	while (read_all(fd, &bytes, 4)) {
		bytes = ntohl(bytes);
		if (bytes > sizeof(frame) || !read_all(fd, frame, bytes))
			break;
		/* 0x88b5 is for experiments: ours, and nobody else's. */
		if (frame[12] != 0x88 || frame[13] != 0xb5)
			continue;
		if (!memcmp(frame + bytes - 4, "stop", 4))
			break;
		got++;
		for (i = 0; !answered && i < frames; i++)
			write_all(fd, &sent, sizeof(sent));
		answered = 1;
	}
	printf("net: %u frames came\n", got);
	fflush(stdout);
	/* Until the guest is gone, as a cable without a peer is down. */
	while (read_all(fd, &bytes, 1))
		;
}

int main(int argc, char **argv)
{
	if (argc > 3 && !strcmp(argv[1], "pty"))
		return on_pty(argv[2], argv + 3);
	if (argc == 4 && !strcmp(argv[1], "send"))
		send_bytes(argv[2], strtoul(argv[3], NULL, 10));
	else if (argc == 4 && !strcmp(argv[1], "ask"))
		ask(argv[2], argv[3]);
	else if (argc == 4 && !strcmp(argv[1], "net"))
		net(argv[2], strtoul(argv[3], NULL, 10));
	else
		return 2;
	return 0;
}
