// SPDX-License-Identifier: GPL-2.0
#include "wishes.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/sysinfo.h>

#include "../abi/i386.h"
#include "cache.h"
#include "exit.h"
#include "identity.h"
#include "log.h"

/* What a 32-bit kernel cannot have. */
static int check_i386(const struct run_options *options)
{
	const size_t devices = sizeof((uint8_t[])RL_I386_PINS);

	if (options->device_count > devices)
		log_warnx("a 32-bit kernel can have %zu devices here, and these are %u",
			  devices, options->device_count);
	else if (options->cpus > 1)
		log_warnx("--cpus %u: a 32-bit kernel has one processor here",
			  options->cpus);
	else if (options->gdb)
		log_warnx("--gdb: ringlet has no way to debug 32-bit kernels");
	else
		return 0;
	return -EINVAL;
}

int wishes_check(const struct run_options *options, bool i386)
{
	struct identity identity;
	struct sysinfo host;
	char *cache;
	int error;

	if (i386 && check_i386(options))
		return STATUS_USAGE;
	if (options->user && identity_find(options->user, &identity))
		return STATUS_USAGE;
	if (!sysinfo(&host) &&
	    options->memory > (uint64_t)host.totalram * host.mem_unit)
		log_warnx("--memory: the host has only %llu MB, so it may have "
			  "to swap, or end the guest",
			  ((unsigned long long)host.totalram * host.mem_unit) >>
			  20);
	/* With a second one to look in, it may not be needed. */
	if (cache_second(options->cache))
		return STATUS_OK;
	cache = cache_path(options->cache);
	error = cache ? cache_check(cache) : -EROFS;
	free(cache);
	return error ? STATUS_ERROR : STATUS_OK;
}
