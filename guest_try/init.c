// SPDX-License-Identifier: GPL-2.0
/*
 * The first process of a guest of `ringlet try`: loads the modules that it needs,
 * puts the view of the host's file system together, becomes the user and runs the
 * command, whose streams and exit status it sends to the launcher (abi/try.h).
 *
 * It believes what it is told: whoever starts the guest is who it works for. What
 * fails here is said on the console, which the launcher shows when the guest ends
 * without an exit status.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <net/route.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "../abi/try.h"
#include "init.h"

#define ROOT	"/new"
#define MEMORY	"/memory"	/* where writes go */
#define NINEP	"trans=virtio,version=9p2000.L,msize=262144,access=any,cache="
#define PORT_TRIES	30000	/* ms */

static struct job job = { .folder = "/", .terminal = "" };
static FILE *resolv;

void power_off(void)
{
	FILE *f = fopen("/proc/sys/kernel/printk", "w");

	/* "Power down" is no news for the terminal. */
	if (f) {
		fputs("0\n", f);
		fclose(f);
	}
	sync();
	reboot(RB_POWER_OFF);
	_exit(1);
}

void die(const char *format, ...)
{
	int error = errno;
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf(": %s\n", strerror(error));
	fflush(stdout);
	tcdrain(1);
	power_off();
}

static void must_mount(const char *what, const char *where, const char *type,
		       unsigned long flags, const char *options)
{
	if (mount(what, where, type, flags, options))
		die("cannot mount %s (%s) on %s", what, type, where);
}

static void make_folders(const char *path)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *p = part + 1; *p; p++)
		if (*p == '/') {
			*p = '\0';
			mkdir(part, 0755);
			*p = '/';
		}
	mkdir(part, 0755);
}

static void load_modules(void)
{
	char path[PATH_MAX], name[256];
	FILE *order = fopen(RL_TRY_ORDER, "re");
	int fd;

	if (!order)
		die("cannot open %s", RL_TRY_ORDER);
	while (fscanf(order, "%255s", name) == 1) {
		snprintf(path, sizeof(path), RL_TRY_MODULES "/%s", name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if ((fd < 0 || syscall(SYS_finit_module, fd, "", 0)) &&
		    errno != EEXIST)
			die("cannot load the module %s", name);
		close(fd);
	}
	fclose(order);
}

/* The device of the port with our name, once the driver has heard of it. */
static int open_port(void)
{
	char path[PATH_MAX], name[64];
	struct dirent *entry;
	bool ours;
	DIR *dir;
	FILE *f;
	int fd;

	for (int tries = 0; tries < PORT_TRIES; tries++, usleep(1000)) {
		dir = opendir("/sys/class/virtio-ports");
		while (dir && (entry = readdir(dir))) {
			snprintf(path, sizeof(path),
				 "/sys/class/virtio-ports/%s/name",
				 entry->d_name);
			f = fopen(path, "re");
			ours = f && fscanf(f, "%63s", name) == 1 &&
			       !strcmp(name, RL_TRY_PORT);
			if (f)
				fclose(f);
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			fd = ours ? open(path, O_RDWR | O_CLOEXEC) : -1;
			if (fd >= 0) {
				closedir(dir);
				return fd;
			}
		}
		if (dir)
			closedir(dir);
	}
	die("there is no port %s", RL_TRY_PORT);
	return -1;
}

/* A folder of the host below ROOT; what is written there stays in memory. */
static void add_view(const char *tag, const char *path)
{
	char target[PATH_MAX], lower[64], upper[64], work[64], options[256];

	snprintf(target, sizeof(target), ROOT "%s", path);
	snprintf(lower, sizeof(lower), "/lower/%s", tag);
	snprintf(upper, sizeof(upper), MEMORY "/%s", tag);
	snprintf(work, sizeof(work), MEMORY "/%s.work", tag);
	make_folders(lower);
	mkdir(upper, 0755);
	mkdir(work, 0755);
	must_mount(tag, lower, "9p", MS_RDONLY, NINEP "loose");
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s",
		 lower, upper, work);
	must_mount("memory", target, "overlay", 0, options);
}

static void add_folder(const char *tag, const char *path)
{
	char target[PATH_MAX];

	snprintf(target, sizeof(target), ROOT "%s", path);
	make_folders(target);
	must_mount(tag, target, "9p", 0, NINEP "mmap");
}

/* The kernel's own file systems, after the root's view: the host's are not in it. */
static void add_kernel_folders(void)
{
	must_mount("/proc", ROOT "/proc", "move", MS_MOVE, NULL);
	must_mount("/sys", ROOT "/sys", "move", MS_MOVE, NULL);
	must_mount("/dev", ROOT "/dev", "move", MS_MOVE, NULL);
	mkdir(ROOT "/dev/pts", 0755);
	mkdir(ROOT "/dev/shm", 01777);
	must_mount("pts", ROOT "/dev/pts", "devpts", 0, "gid=5,mode=620,ptmxmode=666");
	must_mount("shm", ROOT "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, NULL);
	must_mount("run", ROOT "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
	/* A descriptor that fails to become a link is there already. */
	(void)!symlink("/proc/self/fd", ROOT "/dev/fd");
	(void)!symlink("fd/0", ROOT "/dev/stdin");
	(void)!symlink("fd/1", ROOT "/dev/stdout");
	(void)!symlink("fd/2", ROOT "/dev/stderr");
}

static void set_address(struct sockaddr *to, const char *text)
{
	struct sockaddr_in *address = (struct sockaddr_in *)to;

	address->sin_family = AF_INET;
	inet_pton(AF_INET, text, &address->sin_addr);
}

static void set_up(int fd, struct ifreq *r)
{
	if (ioctl(fd, SIOCGIFFLAGS, r))
		return;
	r->ifr_flags |= IFF_UP;
	ioctl(fd, SIOCSIFFLAGS, r);
}

/* text: ADDRESS MASK GATEWAY. A guest without a network works otherwise. */
static void start_network(const char *text)
{
	char address[16], mask[16], gateway[16];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY };
	struct ifreq r = { .ifr_name = "lo" };
	bool failed;

	set_up(fd, &r);
	if (text && sscanf(text, "%15s %15s %15s", address, mask, gateway) == 3) {
		r = (struct ifreq){ .ifr_name = "eth0" };
		set_address(&r.ifr_addr, address);
		failed = ioctl(fd, SIOCSIFADDR, &r);
		set_address(&r.ifr_netmask, mask);
		failed |= ioctl(fd, SIOCSIFNETMASK, &r);
		set_up(fd, &r);
		set_address(&route.rt_dst, "0.0.0.0");
		set_address(&route.rt_genmask, "0.0.0.0");
		set_address(&route.rt_gateway, gateway);
		failed |= ioctl(fd, SIOCADDRT, &route);
		if (failed)
			printf("no network: %s\n", strerror(errno));
	}
	close(fd);
}

/* Views and folders come first, the root before all. */
static void serve_record(char *record)
{
	char *value = record + 1, *path = strchr(value, ' ');

	switch (*record) {
	case RL_TRY_VIEW:
		*path++ = '\0';
		add_view(value, path);
		if (!strcmp(path, "/"))
			add_kernel_folders();
		break;
	case RL_TRY_FOLDER:
		*path++ = '\0';
		add_folder(value, path);
		break;
	case RL_TRY_UID:
		job.uid = strtoul(value, NULL, 10);
		break;
	case RL_TRY_GID:
		job.gid = strtoul(value, NULL, 10);
		break;
	case RL_TRY_GROUP:
		if (job.group_count < GROUPS_MAX)
			job.groups[job.group_count++] =
				strtoul(value, NULL, 10);
		break;
	case RL_TRY_CHDIR:
		job.folder = value;
		break;
	case RL_TRY_NET:
		start_network(value);
		break;
	case RL_TRY_DNS:
		/* What is there may be a link into the host's /run. */
		if (!resolv) {
			unlink(ROOT "/etc/resolv.conf");
			resolv = fopen(ROOT "/etc/resolv.conf", "we");
		}
		if (resolv)
			fprintf(resolv, "%s\n", value);
		break;
	case RL_TRY_TERMINAL:
		job.terminal = value;
		break;
	case RL_TRY_ENV:
		if (job.env_count < WORDS_MAX)
			job.environment[job.env_count++] = value;
		break;
	case RL_TRY_WORD:
		if (job.word_count < WORDS_MAX)
			job.words[job.word_count++] = value;
		break;
	}
}

/* The records stay where they were read: job points into them. */
static void serve_request(void)
{
	int fd = open(RL_TRY_REQUEST, O_RDONLY | O_CLOEXEC);
	struct stat status;
	char *text;

	if (fd < 0 || fstat(fd, &status))
		die("cannot open %s", RL_TRY_REQUEST);
	text = calloc(1, status.st_size + 1);
	if (!text || read(fd, text, status.st_size) != status.st_size)
		die("cannot read %s", RL_TRY_REQUEST);
	close(fd);
	for (char *at = text; at < text + status.st_size; at += strlen(at) + 1)
		serve_record(at);
	if (resolv)
		fclose(resolv);
}

int main(void)
{
	static const char name[] = "ringlet";
	int port;

	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mkdir(MEMORY, 0755);
	mkdir(ROOT, 0755);
	must_mount("dev", "/dev", "devtmpfs", MS_NOSUID, NULL);
	/* Linux gave us no console where the initrd has no /dev/console. */
	if (!freopen("/dev/console", "r", stdin) ||
	    !freopen("/dev/console", "w", stdout) ||
	    dup2(1, 2) < 0)
		power_off();
	must_mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV, NULL);
	must_mount("sys", "/sys", "sysfs", MS_NOSUID | MS_NODEV, NULL);
	must_mount("memory", MEMORY, "tmpfs", MS_NODEV, NULL);
	load_modules();
	port = open_port();
	start_network(NULL);
	if (sethostname(name, strlen(name)))
		die("cannot set the host's name");
	serve_request();
	if (chdir(ROOT) || mount(".", "/", NULL, MS_MOVE, NULL) ||
	    chroot(".") || chdir("/"))
		die("cannot change to the new root");
	run_job(&job, port);
	power_off();
	return 1;
}
