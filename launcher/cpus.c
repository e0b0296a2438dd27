// SPDX-License-Identifier: GPL-2.0
/* The guest's processors: may this host give so many, and those? See cpus.h. */
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "cpus.h"
#include "exit.h"
#include "log.h"
#include "vm.h"

/* The first pCPU of --pin that this program may not use, or -1. */
static int bad_pin(const struct run_options *options)
{
	cpu_set_t *set = CPU_ALLOC(OPTIONS_PCPU_MAX + 1);
	size_t size = CPU_ALLOC_SIZE(OPTIONS_PCPU_MAX + 1);
	int bad = -1;

	/* Who cannot ask will be told by the thread that is refused. */
	if (set && !sched_getaffinity(0, size, set))
		for (unsigned int i = 0; i < options->cpus && bad < 0; i++)
			if (options->pins[i] >= 0 &&
			    !CPU_ISSET_S(options->pins[i], size, set))
				bad = options->pins[i];
	CPU_FREE(set);
	return bad;
}

int cpus_check(const struct run_options *options, int device_fd)
{
	long host = sysconf(_SC_NPROCESSORS_ONLN);
	int bad = options->pin ? bad_pin(options) : -1;
	struct rl_info info;

	if (bad >= 0) {
		log_warnx("--pin %s: this program cannot run on the host's CPU %d",
			  options->pin, bad);
		return STATUS_USAGE;
	}
	if (options->cpus == 1 || vm_get_info(device_fd, &info))
		return STATUS_OK;
	if (options->cpus > info.max_vcpus) {
		log_warnx("--cpus %u: the module gives a guest %u at most; load it "
			  "with modprobe ringlet max_vcpus=%u, on a host whose TSCs "
			  "are synchronised", options->cpus, info.max_vcpus,
			  options->cpus);
		return STATUS_HOST;
	}
	if (host > 0 && options->cpus > host)
		log_info("the guest has %u processors, and they share the %ld of "
			 "this host", options->cpus, host);
	return STATUS_OK;
}
