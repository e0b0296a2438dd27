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
#include <sys/stat.h>
#include <unistd.h>

#include "../abi/try.h"
#include "log.h"
#include "try.h"

#define GROUPS_MAX	256	/* guest_try/init.h */

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

/*
 * The host's resolv.conf, but where a server is the host itself (127.0.0.53): that
 * one passt shows at the gateway's address.
 */
static void put_resolver(FILE *to, const struct try_network *network)
{
	FILE *f = fopen("/etc/resolv.conf", "re");
	char line[512], server[64];

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "nameserver %63s", server) == 1 &&
		    (!strncmp(server, "127.", 4) || !strcmp(server, "::1")))
			put(to, RL_TRY_DNS, "nameserver %s", network->gateway);
		else
			put(to, RL_TRY_DNS, "%s", line);
	}
	if (f)
		fclose(f);
}

static void put_user(FILE *f)
{
	gid_t groups[GROUPS_MAX];
	int count = getgroups(GROUPS_MAX, groups);

	put(f, RL_TRY_UID, "%u", getuid());
	put(f, RL_TRY_GID, "%u", getgid());
	for (int i = 0; i < count; i++)
		put(f, RL_TRY_GROUP, "%u", groups[i]);
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
	const struct try_shares *shares = job->shares;
	char *text;
	FILE *f = open_memstream(&text, size);

	if (!f)
		return NULL;
	for (size_t i = 0; i < shares->view_count; i++)
		put(f, RL_TRY_VIEW, "%s %s", shares->views[i].tag,
		    shares->views[i].path);
	for (size_t i = 0; i < shares->folder_count; i++)
		put(f, RL_TRY_FOLDER, "%s %s", shares->folders[i].tag,
		    shares->folders[i].path);
	put_user(f);
	if (job->network) {
		put(f, RL_TRY_NET, "%s %s %s", job->network->address,
		    job->network->mask, job->network->gateway);
		put_resolver(f, job->network);
	}
	put(f, RL_TRY_CHDIR, "%s", job->folder);
	put(f, RL_TRY_TERMINAL, "%s", job->terminal);
	put_environment(f);
	put_command(f, job);
	return fclose(f) ? NULL : text;
}
