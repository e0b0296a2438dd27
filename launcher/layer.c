// SPDX-License-Identifier: GPL-2.0
/* Building the paravirt layer. See layer.h. */
#include "layer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
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

static bool file_exists(const char *dir, const char *name)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", dir, name) <
	       (int)sizeof(path) && !access(path, R_OK);
}

char *layer_near_program(const char *below)
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
		char *near = layer_near_program(places[i]);
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
	ret = ferror(f) ? -errno : 0;
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

/* Is this variable one that a surrounding make, or a language, left there? */
static bool is_unwanted(const char *variable)
{
	static const char *const names[] = {
		"MAKEFLAGS=", "MFLAGS=", "MAKELEVEL=", "LC_ALL=", "TMPDIR=",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(variable, names[i], strlen(names[i])))
			return true;
	return false;
}

/* Our environment for make: its flags and job server are another make's. */
static char **make_environment(char *temporary)
{
	size_t count = 0, used = 0;
	char **list;

	while (environ[count])
		count++;
	list = calloc(count + 3, sizeof(*list));
	for (size_t i = 0; list && i < count; i++)
		if (!is_unwanted(environ[i]))
			list[used++] = environ[i];
	if (list) {
		list[used++] = (char *)"LC_ALL=C";
		list[used] = temporary;
	}
	return list;
}

/* Errors of posix_spawn's helpers are positive; they only lack memory. */
static int spawn_make(pid_t *child, char **arguments, char *temporary,
		      int output)
{
	char **environment = make_environment(temporary);
	posix_spawn_file_actions_t files;
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	posix_spawnattr_t attributes;
	sigset_t none;
	int error = environment ? 0 : ENOMEM;

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	/* The parent blocks what would interrupt it; the child must not. */
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
					      POSIX_SPAWN_SETPGROUP);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&files, output,
							 STDERR_FILENO);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&files, output,
							 STDOUT_FILENO);
	/* What waits on standard input is the guest's. */
	if (!error)
		error = posix_spawn_file_actions_addopen(&files, STDIN_FILENO,
							 "/dev/null", O_RDONLY,
							 0);
	/* In a group of its own it may still write to the terminal. */
	sigaction(SIGTTOU, &ignore, &before);
	if (!error)
		error = posix_spawnp(child, "make", &files, &attributes,
				     arguments, environment);
	sigaction(SIGTTOU, &before, NULL);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	free(environment);
	return -error;
}

/* Where make's words go: a file descriptor to close, or -errno after a message. */
static int open_log(const struct layer_build *b)
{
	int fd = b->verbose ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) :
			      open(b->log, O_WRONLY | O_CREAT | O_APPEND |
				   O_CLOEXEC, 0644);
	int error = errno;

	if (fd >= 0)
		return fd;
	log_warn("cannot write to %s", b->verbose ? "standard error" : b->log);
	return -error;
}

static int start_make(const struct layer_build *b, const char *target,
		      pid_t *child)
{
	char *words[7] = { NULL };
	char *arguments[10] = { "make", "-s", "--no-print-directory" };
	int output = open_log(b), error = -ENOMEM;

	if (output < 0)
		return output;
	if (asprintf(&words[0], "--directory=%s", b->plain) >= 0 &&
	    asprintf(&words[1], "--file=%s/" MAKEFILE, b->source) >= 0 &&
	    asprintf(&words[2], "KDIR=%s", b->headers) >= 0 &&
	    asprintf(&words[3], "OUT=%s", b->out) >= 0 &&
	    asprintf(&words[4], "SYMS=%s", b->symbols) >= 0 &&
	    asprintf(&words[5], "%s/%s", b->out, target) >= 0 &&
	    asprintf(&words[6], "TMPDIR=%s", b->plain) >= 0) {
		memcpy(arguments + 3, words, 6 * sizeof(words[0]));
		error = spawn_make(child, arguments, words[6], output);
	}
	close(output);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		free(words[i]);
	if (error == -ENOENT) {
		log_warnx("make is not installed: install the packages make "
			  "and gcc");
	} else if (error) {
		errno = -error;
		log_warn("cannot start make");
	}
	return error;
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
	pid_t child;
	int status, error = start_make(b, target, &child);

	if (error)
		return error;
	wait_for(child);
	while (waitpid(child, &status, 0) < 0) {
		if (errno == EINTR)
			continue;
		error = errno;
		log_warn("cannot wait for make");
		return -error;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return -EIO;
}
