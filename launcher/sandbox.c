// SPDX-License-Identifier: GPL-2.0
/*
 * Giving up privileges, in the one order that works: what needs them first
 * (chroot, the change of identity), then the capabilities, then the way back
 * (no_new_privs), then most system calls.
 */
#include <cap-ng.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "identity.h"
#include "log.h"
#include "sandbox.h"

/*J: launcher.sandbox
 * The guest's memory is full of numbers that its kernel chose, and device code
 * computes with them. Suppose a check is missing somewhere, and a hostile
 * guest makes this process run what it likes. What has it won?
 *
 * It is a process with no capabilities, even if root started it, and with no
 * way to get any. It cannot start a program. It can open no file and connect
 * to no socket, unless a device needs that. It can use the files and sockets
 * that are open: the guest's disk, the guest's cable. That is about what the
 * guest had anyway. Nothing here makes the missing check harmless to the guest
 * itself; all of it is for the host.
 *
 * The order of the steps is the art. Whoever drops capabilities first cannot
 * change the root any more; who changes the user first cannot drop the bounding
 * set; and a filter that comes too early forbids the rest.
 :*/

static int change_root(const char *folder)
{
	if (!chroot(folder) && !chdir("/"))
		return 0;
	log_warn("cannot make %s the root folder%s", folder,
		 errno == EPERM ? "; only root can" : "");
	return -errno;
}

/* All capabilities, and with them the identity that is to be given up. */
static int drop_capabilities(const struct identity *identity)
{
	int error;

	capng_clear(CAPNG_SELECT_BOTH);
	if (identity->change &&
	    (identity->uid != geteuid() || identity->gid != getegid())) {
		error = capng_change_id(identity->uid, identity->gid,
					CAPNG_DROP_SUPP_GRP |
					CAPNG_CLEAR_BOUNDING);
		if (!error)
			return 0;
		log_warnx("cannot become user %u, group %u%s", identity->uid,
			  identity->gid, geteuid() ? "; only root can" : "");
		return -EPERM;
	}
	/* The bounding set is only for those to clear who have any. */
	error = capng_apply(geteuid() ? CAPNG_SELECT_CAPS :
					CAPNG_SELECT_BOTH);
	if (!error)
		return 0;
	log_warnx("cannot give up capabilities (%d)", error);
	return -EPERM;
}

int sandbox_enter(const struct sandbox_options *options)
{
	struct identity identity = { 0 };
	int error = 0;

	if (options->user)
		error = identity_find(options->user, &identity);
	if (!error && options->folder)
		error = change_root(options->folder);
	if (!error)
		error = drop_capabilities(&identity);
	if (error)
		return error;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		log_warn("cannot give up the right to gain privileges");
		return -errno;
	}
	return sandbox_filter(options);
}
