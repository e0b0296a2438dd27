// SPDX-License-Identifier: GPL-2.0
/* See guests.h. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "files.h"
#include "guests.h"
#include "host.h"
#include "log.h"

const struct guests_place guests_place = { "/sys/kernel/debug", "/proc" };

/* --- what /proc says ------------------------------------------------------------ */

/* "/etc/ringlet/web.conf" -> "web" */
static void name_of_config(const char *path, char *name)
{
	const char *base = strrchr(path, '/');
	size_t size;

	base = base ? base + 1 : path;
	size = strlen(base);
	if (size > 5 && !strcmp(base + size - 5, ".conf"))
		size -= 5;
	log_safe(name, GUEST_NAME, base, size);
}

/* The words of a command line, each with its NUL, up to a `--`. */
static void find_name(const char *words, size_t size, char *name)
{
	const char *end = words + size;

	for (; words < end && strcmp(words, "--"); words += strlen(words) + 1) {
		const char *behind = words + strlen(words) + 1;

		if (!strncmp(words, "--config=", 9))
			name_of_config(words + 9, name);
		else if (!strcmp(words, "--config") && behind < end)
			name_of_config(behind, name);
	}
}

static void read_name(const char *proc, struct guest *guest)
{
	char path[PATH_MAX], words[8192];
	size_t size;
	FILE *file;

	*guest->name = '\0';
	snprintf(path, sizeof(path), "%s/%d/cmdline", proc, guest->pid);
	file = fopen(path, "re");
	if (!file)
		return;
	size = fread(words, 1, sizeof(words) - 1, file);
	fclose(file);
	words[size] = '\0';
	find_name(words, size, guest->name);
}

/* The file `stat` of a thread; its name may hold any character. */
static bool read_thread(const char *path, struct guest_thread *thread)
{
	unsigned long long user, system;
	char *text, *open, *close;
	bool good = false;

	if (!host_read_file(path, &text))
		return false;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (open && close > open &&
	    sscanf(close + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
		   "%llu %llu %*d %*d %*d %*d %*d %*d %*u %*u %*d %*u %*u %*u "
		   "%*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %d",
		   &thread->state, &user, &system, &thread->cpu) == 4) {
		thread->ticks = user + system;
		log_safe(thread->name, sizeof(thread->name), open + 1,
			 close - open - 1);
		good = true;
	}
	free(text);
	return good;
}

static int by_tid(const void *a, const void *b)
{
	const struct guest_thread *x = a, *y = b;

	return (x->tid > y->tid) - (x->tid < y->tid);
}

static void read_threads(const char *proc, struct guest *guest)
{
	char folder[PATH_MAX / 2], path[PATH_MAX];
	struct guest_thread *thread;
	struct dirent *entry;
	DIR *dir;

	guest->thread_count = 0;
	snprintf(folder, sizeof(folder), "%s/%d/task", proc, guest->pid);
	dir = opendir(folder);
	if (!dir)
		return;
	while (guest->thread_count < GUEST_THREADS && (entry = readdir(dir))) {
		thread = &guest->threads[guest->thread_count];
		thread->tid = atoi(entry->d_name);
		snprintf(path, sizeof(path), "%s/%s/stat", folder,
			 entry->d_name);
		if (thread->tid > 0 && read_thread(path, thread))
			guest->thread_count++;
	}
	closedir(dir);
	qsort(guest->threads, guest->thread_count, sizeof(*guest->threads),
	      by_tid);
}

/* Is thread i the first of its device? Those that it starts have its name, too. */
static bool is_device(const struct guest *guest, unsigned int i)
{
	const struct guest_thread *t = &guest->threads[i];

	if (t->tid == guest->pid || !strncmp(t->name, "vcpu", 4) ||
	    !strncmp(t->name, "iou-", 4))	/* io_uring's */
		return false;
	while (i--)
		if (!strcmp(t->name, guest->threads[i].name))
			return false;
	return true;
}

const char *guest_device(const struct guest *guest, unsigned int n,
			 char *buffer, size_t size)
{
	unsigned int devices = 0, threads = 0, found = 0;

	for (unsigned int i = 0; i < RL_MMIO_DEVICES; i++)
		if (guest->counters.devices[i].queues)
			devices++;
	for (unsigned int i = 0; i < guest->thread_count; i++)
		if (is_device(guest, i) && threads++ == n)
			found = i;
	if (threads == devices && n < devices)
		return guest->threads[found].name;
	snprintf(buffer, size, "device %u", n);
	return buffer;
}

/* --- what debugfs says ------------------------------------------------------------ */

void guests_explain(const struct guests_place *place, const char *program,
		    int error)
{
	struct statfs st;

	error = -error;
	if (error == EACCES || error == EPERM)
		log_warnx("only root can read the counters in %s%s: sudo "
			  "ringlet %s", place->debugfs,
			  geteuid() ? "" : " (and not under lockdown)", program);
	else if (error != ENOENT)
		log_warnx("cannot read %s/ringlet: %s", place->debugfs,
			  strerror(error));
	else if (statfs(place->debugfs, &st) || st.f_type != DEBUGFS_MAGIC)
		log_warnx("debugfs is not mounted: sudo mount -t debugfs "
			  "debugfs %s", place->debugfs);
	else
		log_warnx("the module is not loaded: sudo modprobe ringlet");
}

/* false: the file was of another shape, or its guest has ended. */
static bool read_guest(const struct guests_place *place, const char *folder,
		       const char *name, struct guest *guest)
{
	char *path, *text;
	bool good;
	int used = 0;

	if (sscanf(name, "%d-%d%n", &guest->pid, &guest->vm, &used) != 2 ||
	    name[used] || guest->pid <= 0)
		return false;
	path = files_join(folder, name);
	good = path && host_read_file(path, &text);
	free(path);
	if (!good)
		return false;
	counters_parse(text, &guest->counters);
	free(text);
	read_name(place->proc, guest);
	read_threads(place->proc, guest);
	return true;
}

static int by_pid(const void *a, const void *b)
{
	const struct guest *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid > y->pid ? 1 : -1;
	return (x->vm > y->vm) - (x->vm < y->vm);
}

static int read_all(const struct guests_place *place, const char *folder,
		    DIR *dir, struct guests *guests)
{
	struct dirent *entry;
	struct guest *more;

	while ((entry = readdir(dir))) {
		more = reallocarray(guests->list, guests->count + 1,
				    sizeof(*more));
		if (!more)
			return -ENOMEM;
		guests->list = more;
		if (read_guest(place, folder, entry->d_name,
			       &more[guests->count]))
			guests->count++;
	}
	if (guests->count)
		qsort(guests->list, guests->count, sizeof(*more), by_pid);
	return 0;
}

int guests_read(const struct guests_place *place, struct guests *guests)
{
	char *folder = files_join(place->debugfs, "ringlet");
	DIR *dir = folder ? opendir(folder) : NULL;
	int error = dir ? 0 : -errno;

	*guests = (struct guests){ 0 };
	if (dir) {
		error = read_all(place, folder, dir, guests);
		closedir(dir);
	}
	free(folder);
	if (error)
		guests_free(guests);
	return error;
}

void guests_free(struct guests *guests)
{
	free(guests->list);
	*guests = (struct guests){ 0 };
}

pid_t guests_choose(const struct guests *guests, const char *word)
{
	const struct guest *found = NULL;
	char pid[16];

	for (unsigned int i = 0; i < guests->count; i++) {
		const struct guest *guest = &guests->list[i];

		snprintf(pid, sizeof(pid), "%d", guest->pid);
		if (!strcmp(word, pid))
			return guest->pid;
		if (!*word || strcmp(word, guest->name))
			continue;
		if (found && found->pid != guest->pid) {
			log_warnx("several guests are called %s: say the PID, "
				  "%d or %d", word, found->pid, guest->pid);
			return -ENOENT;
		}
		found = guest;
	}
	if (found)
		return found->pid;
	log_warnx("no guest is called %s, and none has this PID: ringlet top "
		  "--once lists those that run", word);
	return -ENOENT;
}
