// SPDX-License-Identifier: GPL-2.0
/*
 * Starting diod, the 9P server that Debian keeps. See share_server.h.
 *
 * A hostile guest speaks to diod directly. What it can win there is what diod may
 * do: so diod gets one socket, the rights of the launcher's user, and, where the
 * host's kernel has Landlock, no file but the folder's (and, for reading, those of
 * the system that a program needs to start).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "share_server.h"

#define SERVER_FD	3	/* where the child finds its socket */

#define READ_RIGHTS (LANDLOCK_ACCESS_FS_EXECUTE | \
		     LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_RIGHTS (LANDLOCK_ACCESS_FS_WRITE_FILE | \
		      LANDLOCK_ACCESS_FS_REMOVE_DIR | \
		      LANDLOCK_ACCESS_FS_REMOVE_FILE | \
		      LANDLOCK_ACCESS_FS_MAKE_CHAR | \
		      LANDLOCK_ACCESS_FS_MAKE_DIR | \
		      LANDLOCK_ACCESS_FS_MAKE_REG | \
		      LANDLOCK_ACCESS_FS_MAKE_SOCK | \
		      LANDLOCK_ACCESS_FS_MAKE_FIFO | \
		      LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
		      LANDLOCK_ACCESS_FS_MAKE_SYM)

/* The C library of Debian 12 has no functions for these three calls. */
static bool allow_below(int rules, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = rights,
		.parent_fd = open(path, O_PATH | O_CLOEXEC),
	};
	bool done;

	/* Not every system has each of the folders: /lib64, for one. */
	if (beneath.parent_fd < 0)
		return errno == ENOENT;
	done = !syscall(SYS_landlock_add_rule, rules,
			LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
	close(beneath.parent_fd);
	return done;
}

/*
 * In the child: nothing but the folder from now on. False: this kernel cannot.
 * REFER (renaming between folders) must be named to be allowed, and only kernels
 * with version 2 of Landlock know it; the older ones forbid it always.
 */
static bool confine(const char *path, bool readonly)
{
	static const char *const system[] = {
		"/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc",
	};
	struct landlock_ruleset_attr all = {
		.handled_access_fs = READ_RIGHTS | WRITE_RIGHTS,
	};
	uint64_t rights = READ_RIGHTS | (readonly ? 0 : WRITE_RIGHTS);
	bool done;
	int rules;

	if (syscall(SYS_landlock_create_ruleset, NULL, 0,
		    LANDLOCK_CREATE_RULESET_VERSION) >= 2) {
		all.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
		if (!readonly)
			rights |= LANDLOCK_ACCESS_FS_REFER;
	}
	rules = syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	if (rules < 0)
		return false;
	done = allow_below(rules, path, rights) &&
	       allow_below(rules, "/dev/null",
			   LANDLOCK_ACCESS_FS_READ_FILE |
			   LANDLOCK_ACCESS_FS_WRITE_FILE);
	for (size_t i = 0; i < sizeof(system) / sizeof(system[0]); i++)
		done = done && allow_below(rules, system[i], READ_RIGHTS);
	done = done && !syscall(SYS_landlock_restrict_self, rules, 0);
	close(rules);
	return done;
}

/* In the child. answer gets one byte (confined or not), and errno if it fails. */
static void run_server(const char *path, bool readonly, int fd, int answer)
{
	char number[4];
	char *arguments[20] = {
		"diod", "--foreground", "--config-file", "/dev/null",
		"--no-auth", "--no-userdb", "--logdest", "stderr",
		"--rfdno", number, "--wfdno", number, "--export",
		(char *)path,
	};
	unsigned char confined, error;
	int count = 14, null = open("/dev/null", O_RDWR);
	sigset_t none;

	snprintf(number, sizeof(number), "%d", SERVER_FD);
	if (readonly) {
		arguments[count++] = "--export-opts";
		arguments[count++] = "ro";
	}
	/* Keys typed at the terminal are not for it, nor is its log for us. */
	setpgid(0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	answer = fcntl(answer, F_DUPFD_CLOEXEC, SERVER_FD + 1);
	dup2(fd, SERVER_FD);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	if (answer != SERVER_FD + 1)
		answer = dup3(answer, SERVER_FD + 1, O_CLOEXEC);
	syscall(SYS_close_range, SERVER_FD + 2, ~0U, 0);
	error = chdir(path) ? errno : 0;
	confined = !error && confine(path, readonly);
	if (write(answer, &confined, 1) != 1)
		_exit(1);
	if (!error) {
		execvp("diod", arguments);
		/* Where an ordinary user's PATH does not lead. */
		if (errno == ENOENT)
			execv("/usr/sbin/diod", arguments);
		error = errno;
	}
	_exit(write(answer, &error, 1) != 1);
}

/* What the child said: 0 or -errno. */
static int read_answer(int fd, bool *confined)
{
	unsigned char bytes[2];
	ssize_t got = 0, more;

	do {
		more = read(fd, bytes + got, sizeof(bytes) - got);
		got += more > 0 ? more : 0;
	} while (got < 2 && (more > 0 || (more < 0 && errno == EINTR)));
	*confined = got && bytes[0];
	return got == 2 ? -bytes[1] : got == 1 ? 0 : -ECHILD;
}

int share_server_start(const char *path, bool readonly,
		       struct share_server *server, char *message,
		       size_t message_size)
{
	int sockets[2], answer[2], error;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets)) {
		error = -errno;
		goto out;
	}
	error = -EMFILE;
	if (pipe2(answer, O_CLOEXEC))
		goto sockets;
	server->pid = fork();
	if (server->pid == 0)
		run_server(path, readonly, sockets[1], answer[1]);
	error = server->pid < 0 ? -errno : 0;
	close(answer[1]);
	if (!error)
		error = read_answer(answer[0], &server->confined);
	close(answer[0]);
	if (error && server->pid > 0)
		waitpid(server->pid, NULL, 0);
sockets:
	close(sockets[1]);
	server->fd = sockets[0];
	if (error)
		close(sockets[0]);
	else
		fcntl(server->fd, F_SETFL, O_NONBLOCK);
out:
	if (error)
		snprintf(message, message_size, "cannot start diod: %s%s",
			 strerror(-error), error == -ENOENT ?
			 " (install the package diod)" : "");
	return error;
}
