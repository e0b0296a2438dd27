// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest of `ringlet try` is told: which folders, which user, which network,
 * which command. The records are those of abi/try.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../abi/try.h"
#include "log.h"
#include "try.h"

#define MEMORY		"/memory"	/* of the guest: where writes go */
#define NINEP		"trans=virtio,version=9p2000.L,msize=262144,access=any,cache="

/* --- folders --- */

static bool set_share(struct try_share *share, char kind, size_t number,
		      const char *path)
{
	snprintf(share->tag, sizeof(share->tag), "%c%zu", kind, number);
	share->path = strdup(path);
	return share->path;
}

/* \040 and the like, as the kernel writes blanks and line ends there. */
static void decode(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' &&
		    text[2] >= '0' && text[2] <= '7' && text[3] >= '0' &&
		    text[3] <= '7') {
			*to++ = (text[1] - '0') << 6 | (text[2] - '0') << 3 |
				(text[3] - '0');
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

/*
 * On a disk or a server? The kernel's own file systems the guest has itself, memory
 * that is mounted somewhere is the host's business, FUSE answers its own user only.
 */
static bool has_files(const char *type)
{
	static const char *const types[] = {
		"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "vfat",
		"exfat", "ntfs3", "jfs", "reiserfs", "bcachefs", "squashfs",
		"erofs", "iso9660", "udf", "nfs", "nfs4", "cifs", "9p",
		"virtiofs", "overlay",
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

static bool is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return !strncmp(path, folder, length) &&
	       (!path[length] || path[length] == '/');
}

/* One line: six fields, optional ones, a dash, the type. */
static bool parse_mount(const char *line, char *path, size_t size, char *type)
{
	char field[PATH_MAX];
	const char *dash = strstr(line, " - ");

	if (!dash || sscanf(dash, " - %31s", type) != 1 ||
	    sscanf(line, "%*s %*s %*s %*s %4095s", field) != 1 ||
	    *field != '/')
		return false;
	decode(field);
	return snprintf(path, size, "%s", field) < (int)size;
}

static void add_view(struct try_shares *shares, const char *path)
{
	/* Mounted twice at one place: only the last is to be seen, under one name. */
	for (size_t i = 0; i < shares->view_count; i++)
		if (!strcmp(shares->views[i].path, path))
			return;
	if (shares->view_count == TRY_VIEWS_MAX) {
		log_warnx("%s is not seen in the guest: more than %d file "
			  "systems are mounted here", path, TRY_VIEWS_MAX);
		return;
	}
	if (set_share(&shares->views[shares->view_count], 'v',
		      shares->view_count, path))
		shares->view_count++;
	else
		log_warn("%s is not seen in the guest", path);
}

void try_add_views(struct try_shares *shares, const char *mountinfo)
{
	char line[PATH_MAX + 1024], path[PATH_MAX], type[32];
	struct stat status;
	size_t bytes;

	add_view(shares, "/");
	for (; *mountinfo; mountinfo += bytes + !!mountinfo[bytes]) {
		bytes = strcspn(mountinfo, "\n");
		if (bytes >= sizeof(line))
			continue;
		memcpy(line, mountinfo, bytes);
		line[bytes] = '\0';
		if (!parse_mount(line, path, sizeof(path), type) ||
		    !has_files(type) || is_below(path, "/proc") ||
		    is_below(path, "/sys") || is_below(path, "/dev") ||
		    is_below(path, "/run") || access(path, X_OK) ||
		    stat(path, &status) || !S_ISDIR(status.st_mode))
			continue;
		add_view(shares, path);
	}
}

int try_add_folder(struct try_shares *shares, const char *path)
{
	struct stat status;
	char *real = realpath(path, NULL);
	int error = 0;

	if (!real || stat(real, &status)) {
		error = -errno;
	} else if (!S_ISDIR(status.st_mode)) {
		error = -ENOTDIR;
	} else if (shares->folder_count == TRY_FOLDERS_MAX) {
		error = -E2BIG;
	} else if (!strcmp(real, "/")) {
		error = -EPERM;
	} else {
		for (size_t i = 0; i < shares->folder_count; i++)
			if (!strcmp(shares->folders[i].path, real))
				goto out;
		if (set_share(&shares->folders[shares->folder_count], 'w',
			      shares->folder_count, real))
			shares->folder_count++;
		else
			error = -ENOMEM;
	}
out:
	free(real);
	if (error == -EPERM)
		log_warnx("the root folder itself cannot be given to be "
			  "written: name the folders below it by --rw DIR");
	else if (error == -E2BIG)
		log_warnx("%s: at most %d folders can be given by --rw", path,
			  TRY_FOLDERS_MAX - 1);
	else if (error)
		log_warnx("the folder %s: %s", path, strerror(-error));
	return error;
}

void try_free_shares(struct try_shares *shares)
{
	while (shares->view_count)
		free(shares->views[--shares->view_count].path);
	while (shares->folder_count)
		free(shares->folders[--shares->folder_count].path);
}

char *try_share_option(const struct try_share *share, bool readonly)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	/* A comma in the name is written twice. */
	for (const char *c = share->path; *c; c++) {
		if (*c == ',')
			fputc(',', f);
		fputc(*c, f);
	}
	fprintf(f, ",tag=%s%s", share->tag, readonly ? ",readonly" : "");
	return fclose(f) ? NULL : text;
}

/* --- the network --- */

/* The first default route of /proc/net/route: its interface and its gateway. */
static bool find_route(char *name, struct in_addr *gateway)
{
	FILE *f = fopen("/proc/net/route", "re");
	unsigned int to, via, mask;
	char line[256];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%15s %x %x %*s %*s %*s %*s %x", name, &to,
			       &via, &mask) == 4 && !to && !mask && via;
	if (f)
		fclose(f);
	gateway->s_addr = found ? via : 0;
	return found;
}

bool try_find_network(struct try_network *network)
{
	struct ifaddrs *all, *one;
	struct in_addr gateway;
	char name[IF_NAMESIZE];
	bool found = false;

	if (!find_route(name, &gateway) || getifaddrs(&all))
		return false;
	inet_ntop(AF_INET, &gateway, network->gateway,
		  sizeof(network->gateway));
	for (one = all; one && !found; one = one->ifa_next) {
		if (strcmp(one->ifa_name, name) || !one->ifa_addr ||
		    !one->ifa_netmask || one->ifa_addr->sa_family != AF_INET)
			continue;
		inet_ntop(AF_INET,
			  &((struct sockaddr_in *)one->ifa_addr)->sin_addr,
			  network->address, sizeof(network->address));
		inet_ntop(AF_INET,
			  &((struct sockaddr_in *)one->ifa_netmask)->sin_addr,
			  network->mask, sizeof(network->mask));
		found = true;
	}
	freeifaddrs(all);
	return found;
}

/* --- the records --- */

static void put(FILE *f, enum rl_try_record record, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void put(FILE *f, enum rl_try_record record, const char *format, ...)
{
	va_list arguments;

	fputc(record, f);
	va_start(arguments, format);
	vfprintf(f, format, arguments);
	va_end(arguments);
	fputc('\0', f);
}

static void put_mount(FILE *f, const char *what, const char *where,
		      const char *type, unsigned long flags,
		      const char *options)
{
	put(f, RL_TRY_MOUNT, "%s%c%s%c%s%c%lu%c%s", what, 0, where, 0, type, 0,
	    flags, 0, options);
}

static void put_link(FILE *f, const char *to, const char *path)
{
	put(f, RL_TRY_LINK, "%s%c%s", to, 0, path);
}

/* All folders on the way, and the last one. */
static void put_folders(FILE *f, const char *path)
{
	for (const char *p = path + 1; *p; p++)
		if (*p == '/')
			put(f, RL_TRY_FOLDER, "%.*s", (int)(p - path), path);
	put(f, RL_TRY_FOLDER, "%s", path);
}

/* A folder of the host; what is written there stays in memory. */
static void put_view(FILE *f, const struct try_share *view)
{
	char target[PATH_MAX], lower[64], options[256];

	snprintf(target, sizeof(target), RL_TRY_ROOT "%s", view->path);
	snprintf(lower, sizeof(lower), "/lower/%s", view->tag);
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=" MEMORY
		 "/%s,workdir=" MEMORY "/%s.work", lower, view->tag, view->tag);
	put_folders(f, lower);
	put(f, RL_TRY_FOLDER, MEMORY "/%s", view->tag);
	put(f, RL_TRY_FOLDER, MEMORY "/%s.work", view->tag);
	put_mount(f, view->tag, lower, "9p", MS_RDONLY, NINEP "loose");
	put_mount(f, "memory", target, "overlay", 0, options);
}

/* The kernel's own file systems, after the root's view: the host's are not in it. */
static void put_kernel_folders(FILE *f)
{
	const unsigned long safe = MS_NOSUID | MS_NODEV;

	put_mount(f, "proc", RL_TRY_ROOT "/proc", "proc", safe, "");
	put_mount(f, "sys", RL_TRY_ROOT "/sys", "sysfs", safe, "");
	put_mount(f, "dev", RL_TRY_ROOT "/dev", "devtmpfs", MS_NOSUID, "");
	put_mount(f, "run", RL_TRY_ROOT "/run", "tmpfs", safe, "mode=755");
	put(f, RL_TRY_FOLDER, RL_TRY_ROOT "/dev/pts");
	put(f, RL_TRY_FOLDER, RL_TRY_ROOT "/dev/shm");
	put_mount(f, "pts", RL_TRY_ROOT "/dev/pts", "devpts", 0,
		  "gid=5,mode=620,ptmxmode=666");
	put_mount(f, "shm", RL_TRY_ROOT "/dev/shm", "tmpfs", safe, "");
	put_link(f, "/proc/self/fd", RL_TRY_ROOT "/dev/fd");
	put_link(f, "fd/0", RL_TRY_ROOT "/dev/stdin");
	put_link(f, "fd/1", RL_TRY_ROOT "/dev/stdout");
	put_link(f, "fd/2", RL_TRY_ROOT "/dev/stderr");
	put(f, RL_TRY_FILE, RL_TRY_ROOT "/proc/sys/kernel/hostname%cringlet", 0);
}

static void put_folder(FILE *f, const struct try_share *folder)
{
	char target[PATH_MAX];

	snprintf(target, sizeof(target), RL_TRY_ROOT "%s", folder->path);
	put_folders(f, target);
	put_mount(f, folder->tag, target, "9p", 0, NINEP "mmap");
}

/* Views and folders, the root before all. */
static void put_shares(FILE *f, const struct try_shares *shares)
{
	put(f, RL_TRY_FOLDER, RL_TRY_ROOT);
	put(f, RL_TRY_FOLDER, MEMORY);
	put_mount(f, "memory", MEMORY, "tmpfs", MS_NODEV, "");
	for (size_t i = 0; i < shares->view_count; i++) {
		put_view(f, &shares->views[i]);
		if (!i)
			put_kernel_folders(f);
	}
	for (size_t i = 0; i < shares->folder_count; i++)
		put_folder(f, &shares->folders[i]);
}

/*
 * The host's resolv.conf, but where a server is the host itself (127.0.0.53): that
 * one passt shows at the gateway's address.
 */
static void put_resolver(FILE *to, const struct try_network *network)
{
	FILE *f = fopen("/etc/resolv.conf", "re");
	char line[512], server[64];

	put(to, RL_TRY_FILE, RL_TRY_ROOT "/etc/resolv.conf");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "nameserver %63s", server) == 1 &&
		    (!strncmp(server, "127.", 4) || !strcmp(server, "::1")))
			fprintf(to, "nameserver %s\n", network->gateway);
		else
			fputs(line, to);
	}
	fputc('\0', to);
	if (f)
		fclose(f);
}

static void put_user(FILE *f)
{
	gid_t groups[RL_TRY_GROUPS_MAX];
	int count = getgroups(RL_TRY_GROUPS_MAX, groups);

	fprintf(f, "%c%u %u", RL_TRY_USER, getuid(), getgid());
	for (int i = 0; i < count; i++)
		fprintf(f, " %u", groups[i]);
	fputc('\0', f);
}

static void put_environment(FILE *f)
{
	static const char *const names[] = {
		"HOME", "TERM", "USER", "LOGNAME", "SHELL", "PATH", "LANG",
		"LANGUAGE", "LC_ALL", "LC_CTYPE", "COLORTERM", "TZ",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (getenv(names[i]))
			put(f, RL_TRY_ENV, "%s=%s", names[i],
			    getenv(names[i]));
}

static void put_command(FILE *f, const struct try_job *job)
{
	const char *shell = getenv("SHELL");

	for (int i = 0; i < job->count; i++)
		put(f, RL_TRY_WORD, "%s", job->words[i]);
	if (!job->count)
		put(f, RL_TRY_WORD, "%s", shell && *shell == '/' ? shell :
								   "/bin/sh");
}

char *try_request(const struct try_job *job, size_t *size)
{
	char *text;
	FILE *f = open_memstream(&text, size);

	if (!f)
		return NULL;
	put_shares(f, job->shares);
	put_user(f);
	put(f, RL_TRY_NET, "lo%c127.0.0.1%c255.0.0.0%c", 0, 0, 0);
	if (job->network) {
		put(f, RL_TRY_NET, "eth0%c%s%c%s%c%s", 0, job->network->address,
		    0, job->network->mask, 0, job->network->gateway);
		put_resolver(f, job->network);
	}
	put(f, RL_TRY_CHDIR, "%s", job->folder);
	put(f, RL_TRY_TERMINAL, "%s", job->terminal);
	put_environment(f);
	put_command(f, job);
	return fclose(f) ? NULL : text;
}
