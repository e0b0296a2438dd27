// SPDX-License-Identifier: GPL-2.0
/*
 * The first process of a guest of `ringlet try`: carries out the records that load
 * modules and make the view of the host's file system (abi/try.h), becomes the user
 * and runs the command, whose streams and exit status it sends to the launcher.
 *
 * It believes what it is told: whoever starts the guest is who it works for. What
 * fails here is said on the console, which the launcher shows when the guest ends
 * without an exit status.
 *
 * Streams that are no terminal are pipes here, not the port itself: a program may
 * open /dev/stdout again, see that its reader is gone, and start others who write
 * there, too. A thread for each direction carries what is in them; threads, as these
 * outlive the end of all other processes.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <net/route.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../abi/try.h"

#define PORT_TRIES	30000	/* ms */
#define WORDS_MAX	8192
#define NOT_FOUND	127	/* as shells have it */
#define NOT_RUN		126

/* What is to be run. */
static char *words[WORDS_MAX + 1], *folder = "/";
static size_t word_count, id_count;
static unsigned int ids[2 + RL_TRY_GROUPS_MAX];	/* user, group, more groups */
static const char *terminal = "";	/* "012": these streams are the console */

static int pipes[3][2];		/* -1: the stream is the console */
static int port;

/* --- before the command --- */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static void power_off(void)
{
	/* "Power down" is no news for the terminal. */
	write_file("/proc/sys/kernel/printk", "0\n");
	sync();
	reboot(RB_POWER_OFF);
}

static void die(const char *what, const char *name)
{
	printf("%s %s: %s\n", what, name, strerror(errno));
	fflush(stdout);
	tcdrain(1);
	power_off();
	_exit(1);
}

static void load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if ((fd < 0 || syscall(SYS_finit_module, fd, "", 0)) && errno != EEXIST)
		die("cannot load", path);
	close(fd);
}

/* The device of the only port, once its driver has heard of it. */
static void open_port(void)
{
	struct dirent *entry;
	DIR *dev;

	port = -1;
	for (int i = 0; i < PORT_TRIES && port < 0; i++, usleep(1000)) {
		dev = opendir("/dev");
		while (dev && (entry = readdir(dev)))
			if (!strncmp(entry->d_name, "vport", 5))
				port = openat(dirfd(dev), entry->d_name,
					      O_RDWR | O_CLOEXEC);
		closedir(dev);
	}
	if (port < 0)
		die("there is no port", RL_TRY_PORT);
}

static bool set_address(int fd, int how, struct ifreq *r, const char *text)
{
	struct sockaddr_in *address = (struct sockaddr_in *)&r->ifr_addr;

	address->sin_family = AF_INET;
	address->sin_addr.s_addr = inet_addr(text);
	return !ioctl(fd, how, r);
}

/* field: interface, address, mask, gateway. A guest without it works otherwise. */
static void start_network(char **field)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct rtentry route = {
		.rt_flags = RTF_UP | RTF_GATEWAY,
		.rt_dst.sa_family = AF_INET,
		.rt_genmask.sa_family = AF_INET,
	};
	struct ifreq r = { 0 }, up = { .ifr_flags = IFF_UP | IFF_MULTICAST };
	bool done;

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", field[0]);
	memcpy(up.ifr_name, r.ifr_name, sizeof(up.ifr_name));
	done = set_address(fd, SIOCSIFADDR, &r, field[1]) &&
	       set_address(fd, SIOCSIFNETMASK, &r, field[2]) &&
	       !ioctl(fd, SIOCSIFFLAGS, &up);
	set_address(-1, 0, &r, field[3]);
	route.rt_gateway = r.ifr_addr;
	if (!done || (*field[3] && ioctl(fd, SIOCADDRT, &route)))
		printf("no network: %s: %s\n", field[0], strerror(errno));
	close(fd);
}

static size_t count_fields(char letter)
{
	return letter == RL_TRY_MOUNT ? 5 : letter == RL_TRY_NET ? 4 :
	       letter == RL_TRY_LINK || letter == RL_TRY_FILE ? 2 : 1;
}

static void serve_record(char letter, char **field)
{
	char *at = *field;

	if (letter == RL_TRY_MODULE) {
		load_module(*field);
	} else if (letter == RL_TRY_FOLDER) {
		mkdir(*field, 0755);
	} else if (letter == RL_TRY_MOUNT) {
		if (mount(field[0], field[1], field[2],
			  strtoul(field[3], NULL, 10), field[4]))
			die("cannot mount", field[1]);
	} else if (letter == RL_TRY_LINK) {
		/* One that is there already is as good. */
		(void)!symlink(field[0], field[1]);
	} else if (letter == RL_TRY_FILE) {
		/* What is there may be a link into the host's /run. */
		unlink(field[0]);
		write_file(field[0], field[1]);
	} else if (letter == RL_TRY_NET) {
		start_network(field);
	} else if (letter == RL_TRY_USER) {
		while (*at && id_count < sizeof(ids) / sizeof(ids[0]))
			ids[id_count++] = strtoul(at, &at, 10);
	} else if (letter == RL_TRY_CHDIR) {
		folder = *field;
	} else if (letter == RL_TRY_TERMINAL) {
		terminal = *field;
	} else if (letter == RL_TRY_ENV) {
		putenv(*field);
	} else if (letter == RL_TRY_WORD && word_count < WORDS_MAX) {
		words[word_count++] = *field;
	}
}

/* The fields are kept: they may become environment and words. */
static void serve_records(const char *path)
{
	char *field[RL_TRY_FIELDS_MAX];
	FILE *f = fopen(path, "re");
	size_t room;
	int letter;

	if (!f)
		die("cannot open", path);
	while ((letter = fgetc(f)) != EOF) {
		for (size_t i = 0; i < count_fields(letter); i++) {
			field[i] = NULL;
			if (getdelim(&field[i], &room, '\0', f) < 0)
				die("cannot read", path);
		}
		serve_record(letter, field);
	}
	fclose(f);
}

/* --- the command, its streams and its end --- */

static bool move_all(bool out, int fd, void *data, size_t bytes)
{
	char *at = data;
	ssize_t now;

	for (; bytes; at += now, bytes -= now) {
		now = out ? write(fd, at, bytes) : read(fd, at, bytes);
		if (now <= 0)
			return false;
	}
	return true;
}

/* In one write, which the port does not mix with another thread's. */
static void send_frame(uint32_t type, const void *data, uint32_t bytes)
{
	struct {
		struct rl_try_header header;
		char data[RL_TRY_FRAME_MAX];
	} frame = { .header = { type, bytes } };

	memcpy(frame.data, data, bytes);
	move_all(true, port, &frame, sizeof(frame.header) + bytes);
}

static void *carry_output(void *reader)
{
	const int *from = reader;
	char data[RL_TRY_FRAME_MAX];
	ssize_t got;

	while ((got = read(*from, data, sizeof(data))) > 0)
		send_frame(from == pipes[1] ? RL_TRY_STDOUT : RL_TRY_STDERR,
			   data, got);
	return NULL;
}

/* What the host sends, until it is gone. Who asked for it may have ended. */
static void *carry_input(void *pipe)
{
	struct rl_try_header header;
	char data[RL_TRY_FRAME_MAX];
	int to = ((int *)pipe)[1];

	while (move_all(false, port, &header, sizeof(header)) &&
	       header.bytes <= sizeof(data) &&
	       move_all(false, port, data, header.bytes)) {
		if (header.type != RL_TRY_STDIN) {
			/* The next one who writes there hears of it by SIGPIPE. */
			close(pipes[header.type == RL_TRY_STDOUT ? 1 : 2][0]);
		} else if (to >= 0 && (!header.bytes ||
				       !move_all(true, to, data, header.bytes))) {
			close(to);
			to = -1;
		}
	}
	return NULL;
}

/* In the child: its streams, a session of its own, the user, the command. */
static void become_command(void)
{
	int console = -1;

	setsid();
	if (*terminal) {
		console = open("/dev/hvc0", O_RDWR | O_CLOEXEC);
		ioctl(console, TIOCSCTTY, 0);
		if (fchown(console, ids[0], 5) || fchmod(console, 0620))
			perror("/dev/hvc0");
	}
	for (int i = 0; i < 3; i++)
		dup2(pipes[i][0] < 0 ? console : pipes[i][i > 0], i);
	if (id_count < 2 || setgroups(id_count - 2, ids + 2) ||
	    setgid(ids[1]) || setuid(ids[0]))
		perror("ringlet try: cannot become the user");
	else if (chdir(folder))
		fprintf(stderr, "ringlet try: %s: %s\n", folder, strerror(errno));
	else
		execvp(words[0], words);
	fprintf(stderr, "ringlet try: %s: %s\n", words[0], strerror(errno));
	_exit(errno == ENOENT ? NOT_FOUND : NOT_RUN);
}

/* Until the command has ended; then nobody is left. Its status as a shell has it. */
static int32_t wait_for(pid_t command)
{
	pid_t pid;
	int how;

	do
		pid = wait(&how);
	while (pid > 0 && pid != command);
	if (pid < 0)
		die("cannot start", words[0]);
	/* Whoever was left behind: nothing is written after the status. */
	kill(-1, SIGKILL);
	while (wait(NULL) > 0)
		;
	return WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how);
}

static void run_command(void)
{
	pthread_t threads[3];
	int32_t status;
	pid_t command;

	for (int i = 0; i < 3; i++) {
		pipes[i][0] = pipes[i][1] = -1;
		if (!strchr(terminal, '0' + i) &&
		    (pipe2(pipes[i], O_CLOEXEC) ||
		     fchown(pipes[i][i > 0], ids[0], ids[1])))
			die("cannot make a pipe for", words[0]);
	}
	command = fork();
	if (!command)
		become_command();
	for (int i = 0; i < 3; i++) {
		if (pipes[i][0] >= 0)
			close(pipes[i][i > 0]);
		if (pthread_create(&threads[i], NULL,
				   i ? carry_output : carry_input, pipes[i]))
			die("cannot make a thread for", words[0]);
	}
	status = wait_for(command);
	/* What it wrote by then: no pipe has a writer any more. */
	pthread_join(threads[1], NULL);
	pthread_join(threads[2], NULL);
	sync();
	tcdrain(1);
	send_frame(RL_TRY_STATUS, &status, sizeof(status));
	/* The host hangs up when it has all; what it still sends is for nobody. */
	pthread_join(threads[0], NULL);
}

int main(void)
{
	mkdir("/dev", 0755);
	/* Linux gave us no console where the initrd has no /dev/console. */
	if (!mount("dev", "/dev", "devtmpfs", MS_NOSUID, NULL) &&
	    freopen("/dev/console", "r", stdin) &&
	    freopen("/dev/console", "w", stdout) && dup2(1, 2) >= 0) {
		clearenv();
		serve_records(RL_TRY_ORDER);
		open_port();
		serve_records(RL_TRY_REQUEST);
		if (chdir(RL_TRY_ROOT) || mount(".", "/", NULL, MS_MOVE, NULL) ||
		    chroot(".") || chdir("/"))
			die("cannot change to", RL_TRY_ROOT);
		run_command();
	}
	power_off();
	return 1;
}
