// SPDX-License-Identifier: GPL-2.0
/* Building the paravirt layer. See layer.h. */
#include "layer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "budget.h"
#include "log.h"

#define MAKEFILE	"layer.mk"
#define EXIT_NO_MAKE	120

static bool file_exists(const char *dir, const char *name)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", dir, name) <
	       (int)sizeof(path) && !access(path, R_OK);
}

/* The folder where this program lies, with `below` behind it. */
static char *near_program(const char *below)
{
	char path[PATH_MAX], *slash, *found;
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (size <= 0)
		return NULL;
	path[size] = '\0';
	slash = strrchr(path, '/');
	if (!slash || asprintf(&found, "%.*s/%s", (int)(slash - path), path,
			       below) < 0)
		return NULL;
	return found;
}

char *layer_find_source(const char *wanted)
{
	static const char *const places[] = {
		"../share/ringlet/guest_pv",
		"../guest_pv",
	};

	if (!wanted)
		wanted = getenv("RINGLET_LAYER");
	if (wanted && *wanted)
		return file_exists(wanted, MAKEFILE) ? realpath(wanted, NULL) :
						       NULL;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char *near = near_program(places[i]);
		char *path = near ? realpath(near, NULL) : NULL;

		free(near);
		if (path && file_exists(path, MAKEFILE))
			return path;
		free(path);
	}
	return NULL;
}

static int is_source(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && dot != entry->d_name &&
	       (!strcmp(dot, ".c") || !strcmp(dot, ".h") ||
		!strcmp(dot, ".S") || !strcmp(dot, ".mk") ||
		!strcmp(dot, ".lds") || !strcmp(dot, ".layer"));
}

static int hash_file(const char *dir, const char *name,
		     struct sha256_ctx *ctx)
{
	char path[PATH_MAX], buffer[16384];
	size_t size;
	FILE *f;
	int ret;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	/* With its NUL, so that "ab" + "c" differs from "a" + "bc". */
	sha256_update(ctx, strlen(name) + 1, (const uint8_t *)name);
	while ((size = fread(buffer, 1, sizeof(buffer), f)))
		sha256_update(ctx, size, (const uint8_t *)buffer);
	ret = ferror(f) ? -EIO : 0;
	fclose(f);
	return ret;
}

static int hash_folder(const char *dir, struct sha256_ctx *ctx)
{
	struct dirent **entries;
	int ret = 0, count = scandir(dir, &entries, is_source, alphasort);

	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		if (!ret)
			ret = hash_file(dir, entries[i]->d_name, ctx);
		free(entries[i]);
	}
	free(entries);
	return ret;
}

int layer_hash(const char *source, char key[DIGEST_SIZE])
{
	struct sha256_ctx ctx;
	char *abi;
	int ret;

	sha256_init(&ctx);
	ret = hash_folder(source, &ctx);
	if (ret || asprintf(&abi, "%s/../abi", source) < 0)
		return ret ? ret : -ENOMEM;
	ret = hash_folder(abi, &ctx);
	free(abi);
	digest_end(&ctx, key);
	return ret == -ENOENT ? 0 : ret;
}

/* The release that a header folder is for: "" when it is none. */
static void headers_release(const char *dir, char *release, size_t size)
{
	char path[PATH_MAX], line[256], *start, *end;
	FILE *f;

	*release = '\0';
	snprintf(path, sizeof(path), "%s/include/generated/utsrelease.h", dir);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "#define UTS_RELEASE ", 20))
			continue;
		start = strchr(line, '"');
		end = start ? strchr(start + 1, '"') : NULL;
		if (end)
			snprintf(release, size, "%.*s", (int)(end - start - 1),
				 start + 1);
	}
	fclose(f);
}

static char *check_headers(const char *dir, const char *release)
{
	char found[128];
	char *path = realpath(dir, NULL);

	headers_release(path ? path : dir, found, sizeof(found));
	if (!*found)
		log_warnx("%s holds no kernel headers: give the folder of "
			  "the package linux-headers-%s", dir, release);
	else if (strcmp(found, release))
		log_warnx("the headers in %s are for kernel %s, not %s: "
			  "install the package linux-headers-%s", dir, found,
			  release, release);
	else
		return path;
	free(path);
	return NULL;
}

char *layer_find_headers(const char *wanted, const char *release)
{
	static const struct {
		const char *before, *behind;
	} places[] = {
		{ "/lib/modules/", "/build" },
		{ "/usr/src/linux-headers-", "" },
	};
	char path[PATH_MAX], found[128];

	if (wanted)
		return check_headers(wanted, release);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s%s%s", places[i].before,
			 release, places[i].behind);
		headers_release(path, found, sizeof(found));
		if (!strcmp(found, release))
			return realpath(path, NULL);
	}
	log_warnx("the headers of kernel %s are not installed: install the "
		  "package linux-headers-%s (or name their folder with "
		  "--headers DIR)", release, release);
	return NULL;
}

/* In the child. A surrounding make's flags and job server are not for us. */
static void exec_make(const struct layer_build *b, const char *target)
{
	char *arguments[10] = { "make", "-s", "--no-print-directory" };
	sigset_t none;
	int n = 3, fd;

	if (asprintf(&arguments[n++], "--directory=%s", b->source) < 0 ||
	    asprintf(&arguments[n++], "--file=%s/" MAKEFILE, b->source) < 0 ||
	    asprintf(&arguments[n++], "KDIR=%s", b->headers) < 0 ||
	    asprintf(&arguments[n++], "OUT=%s", b->out) < 0 ||
	    asprintf(&arguments[n++], "SYMS=%s", b->symbols) < 0 ||
	    asprintf(&arguments[n++], "%s/%s", b->out, target) < 0)
		_exit(1);
	if (!b->verbose) {
		fd = open(b->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
			  0644);
		if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
			_exit(1);
	}
	dup2(STDERR_FILENO, STDOUT_FILENO);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		dup2(fd, STDIN_FILENO);
	unsetenv("MAKEFLAGS");
	unsetenv("MFLAGS");
	unsetenv("MAKELEVEL");
	setenv("LC_ALL", "C", 1);
	/* In a group of its own it may still write to the terminal. */
	setpgid(0, 0);
	signal(SIGTTOU, SIG_IGN);
	/* The parent blocks what would interrupt it; the child must not. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp("make", arguments);
	_exit(EXIT_NO_MAKE);
}

/*
 * Until the child has ended, or a signal that our caller holds back has come:
 * then make and its compilers have to end at once, wherever it came from. The
 * signal stays pending for whoever asks next.
 */
static void wait_for(pid_t child)
{
	struct pollfd fds[2];
	sigset_t ends;
	int ret;

	budget_signals(&ends);
	fds[0] = (struct pollfd){ pidfd_open(child, 0), POLLIN, 0 };
	fds[1] = (struct pollfd){ signalfd(-1, &ends, SFD_CLOEXEC), POLLIN, 0 };
	do {
		ret = poll(fds, 2, -1);
	} while (ret < 0 && errno == EINTR);
	if (ret > 0 && fds[1].revents)
		kill(-child, SIGTERM);
	for (int i = 0; i < 2; i++)
		if (fds[i].fd >= 0)
			close(fds[i].fd);
}

int layer_make(const struct layer_build *b, const char *target)
{
	pid_t child = fork();
	int status;

	if (child < 0) {
		log_warn("cannot start make");
		return -EAGAIN;
	}
	if (child == 0)
		exec_make(b, target);
	setpgid(child, child);
	wait_for(child);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_MAKE) {
		log_warnx("make is not installed: install the packages make "
			  "and gcc");
		return -ENOENT;
	}
	return -EIO;
}
