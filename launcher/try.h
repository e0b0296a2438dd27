/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parts of `ringlet try`: the initrd, what it is told of this run, and the
 * command's streams. cmd_try.c puts them together.
 */
#ifndef RINGLET_LAUNCHER_TRY_H
#define RINGLET_LAUNCHER_TRY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cpio.h"

/* --- try_initrd.c --- */

/*
 * An initrd for this kernel in a file without a name: init and modules, which are
 * kept in the cache folder (where that can be written), then the request as the
 * archive's last file. The fd, or -errno after a message.
 */
int try_initrd_open(const char *release, const char *cache,
		    const void *request, size_t request_size);

/* --- try_request.c --- */

#define TRY_FOLDERS_MAX	10
#define TRY_VIEWS_MAX	12

/* A folder of the host: an option for --share, and a record for init. */
struct try_share {
	char *path;		/* absolute and real */
	char tag[16];
};

struct try_shares {
	struct try_share views[TRY_VIEWS_MAX], folders[TRY_FOLDERS_MAX];
	size_t view_count, folder_count;
};

/*
 * The views: / and, by the text of /proc/self/mountinfo, what is mounted below it
 * from a disk or a server. (diod does not cross from one file system to another.)
 */
void try_add_views(struct try_shares *shares, const char *mountinfo);
/* A folder as it is on the host. Where it is there twice, once. 0 or -errno. */
int try_add_folder(struct try_shares *shares, const char *path);
void try_free_shares(struct try_shares *shares);
/* The value of --share, for free(3), or NULL. */
char *try_share_option(const struct try_share *share, bool readonly);

struct try_network {
	char address[16], mask[16], gateway[16];	/* IPv4, in dots */
};

/* As passt would tell a DHCP client: what the host has. False: no route. */
bool try_find_network(struct try_network *network);

struct try_job {
	const struct try_shares *shares;
	const struct try_network *network;	/* or NULL */
	const char *folder;	/* the current one */
	const char *terminal;	/* of RL_TRY_TERMINAL */
	char **words;
	int count;		/* 0: the user's shell */
};

/* What abi/try.h calls the request, for free(3), or NULL. */
char *try_request(const struct try_job *job, size_t *size);

/* --- try_streams.c --- */

struct try_streams {
	int port_fd;		/* for --console fd=N,name=... */
	int result_fd;
	pid_t pid;		/* of the process that carries */
	char terminal[4];	/* streams that stay the guest's console: "012" */
};

/*
 * Starts a process that carries our standard streams to and from the guest. Where
 * input and output are a terminal they stay the guest's console; else standard
 * output is from now on where the kernel's messages go (verbose: to standard
 * error). 0 or -errno after a message.
 */
int try_streams_start(struct try_streams *streams, bool verbose);
/*
 * After the guest's end, and after port_fd was closed: the command's exit status,
 * or -1: it has not ended; then what the guest's console said last was shown.
 */
int try_streams_end(struct try_streams *streams);

#endif
