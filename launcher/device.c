// SPDX-License-Identifier: GPL-2.0
/* Opening /dev/ringlet. See device.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../abi/guest.h"
#include "device.h"
#include "log.h"
#include "vm.h"

const char *device_open_advice(int error)
{
	switch (error) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return "the module is not loaded; as root: modprobe ringlet "
		       "(`ringlet check` says more)";
	case EACCES:
	case EPERM:
		return "this user may not use it; join the group that owns it "
		       "(see ls -l " RL_DEVICE_PATH "), or be root";
	case EBUSY:
		return "somebody else is using it alone; end that first";
	case EMFILE:
	case ENFILE:
		return "too many open files; raise the limit (ulimit -n)";
	default:
		return "see the kernel log (dmesg) for what the module says";
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
	char message[256];
	int fd = vm_open_device();
	int error;

	if (fd < 0) {
		log_warnx("cannot open %s: %s: %s", RL_DEVICE_PATH,
			  strerror(-fd), device_open_advice(-fd));
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
