// SPDX-License-Identifier: GPL-2.0
/* Opening /dev/ringlet. See device.h. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../abi/guest.h"
#include "device.h"
#include "log.h"
#include "vm.h"

static void advise(struct advice *advice, const char *why, const char *command)
{
	snprintf(advice->why, sizeof(advice->why), "%s", why);
	snprintf(advice->command, sizeof(advice->command), "%s", command);
}

void device_access_advice(unsigned int mode, const char *group,
			  const char *user, bool listed, struct advice *advice)
{
	/* What a module makes belongs to root; the group comes from udev. */
	if ((mode & 0060) != 0060 || !strcmp(group, "root")) {
		advise(advice, "only root may use it, so the udev rule did not "
		       "run (70-ringlet.rules, part of the installation)",
		       "sudo udevadm control --reload && sudo udevadm trigger "
		       "--action=add --sysname-match=ringlet");
	} else if (listed) {
		snprintf(advice->why, sizeof(advice->why), "you have become a "
			 "member of its group %.32s since you logged in: log in "
			 "again, or start a shell that knows", group);
		snprintf(advice->command, sizeof(advice->command), "newgrp %s",
			 group);
	} else {
		snprintf(advice->why, sizeof(advice->why), "only the members "
			 "of group %.32s may use it; become one and log in again",
			 group);
		snprintf(advice->command, sizeof(advice->command),
			 "sudo adduser %s %s", user, group);
	}
}

static bool is_listed(const struct group *group, const char *user)
{
	for (char **member = group->gr_mem; *member; member++)
		if (!strcmp(*member, user))
			return true;
	return false;
}

static void ask_who_may(struct advice *advice)
{
	struct passwd *user = getpwuid(getuid());
	const char *name = user ? user->pw_name : "$USER";
	struct group *group;
	struct stat st;

	if (stat(RL_DEVICE_PATH, &st)) {
		advise(advice, "only its owner and group may use it",
		       "ls -l " RL_DEVICE_PATH);
		return;
	}
	group = getgrgid(st.st_gid);
	device_access_advice(st.st_mode, group ? group->gr_name : "root", name,
			     group && is_listed(group, name), advice);
}

void device_open_advice(int error, struct advice *advice)
{
	switch (error) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		if (access("/sys/module/ringlet", F_OK))
			advise(advice, "the module is not loaded",
			       "sudo modprobe ringlet");
		else
			advise(advice, "the module is loaded, but this /dev "
			       "does not show its device; a container must be "
			       "given it", "");
		break;
	case EACCES:
	case EPERM:
		ask_who_may(advice);
		break;
	case EBUSY:
		advise(advice, "somebody else is using it alone; end that first",
		       "sudo fuser -v " RL_DEVICE_PATH);
		break;
	case EMFILE:
	case ENFILE:
		advise(advice, "too many open files; raise the limit",
		       "ulimit -n 4096");
		break;
	default:
		advise(advice, "the kernel log has what the module says",
		       "sudo dmesg | grep ringlet");
	}
}

int device_check_info(const struct rl_info *info, char *message, size_t size)
{
	if (info->api_version == RL_API_VERSION &&
	    info->guest_abi_version == RL_GUEST_ABI_VERSION)
		return 0;
	snprintf(message, size, "the loaded module speaks interface %u.%u, "
		 "this launcher %u.%u; install both from the same version of "
		 "ringlet and load the module anew", info->api_version,
		 info->guest_abi_version, RL_API_VERSION,
		 RL_GUEST_ABI_VERSION);
	return -EPROTO;
}

int device_open(void)
{
	struct rl_info info;
	struct advice advice = { 0 };
	char message[256];
	int fd = vm_open_device();
	int error;

	if (fd < 0) {
		device_open_advice(-fd, &advice);
		log_warnx("cannot open %s: %s; %s%s%s (`ringlet check` says "
			  "more)", RL_DEVICE_PATH, strerror(-fd), advice.why,
			  *advice.command ? ": " : "", advice.command);
		return fd;
	}
	error = vm_get_info(fd, &info);
	if (error < 0) {
		log_warnx("%s does not answer as ringlet's module does (%s); "
			  "load the module of this version", RL_DEVICE_PATH,
			  strerror(-error));
		goto close_fd;
	}
	error = device_check_info(&info, message, sizeof(message));
	if (error) {
		log_warnx("%s", message);
		goto close_fd;
	}
	log_info("module: interface %u.%u, %u-level paging, page table "
		 "isolation %s, TSC %llu kHz", info.api_version,
		 info.guest_abi_version, info.paging_levels,
		 info.host_pti ? "on" : "off",
		 (unsigned long long)info.tsc_khz);
	return fd;
close_fd:
	close(fd);
	return error;
}
