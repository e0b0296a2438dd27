/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract between `ringlet try` and the init of its guests (guest_try/).
 *
 * The initrd holds RL_TRY_ORDER, the names of modules in the order of loading, a
 * line each, and RL_TRY_REQUEST: records that end in a NUL, each a letter and a
 * value. Repeated records keep their order.
 *
 * Afterwards the two talk over one named console port, in frames: a header, then
 * so many bytes. One port for all, because so the last frame is the last thing
 * that arrives: there is no order between ports.
 */
#ifndef RINGLET_ABI_TRY_H
#define RINGLET_ABI_TRY_H

#include <stdint.h>

#define RL_TRY_PORT	"ringlet.try"	/* the port's name */
#define RL_TRY_MODULES	"/modules"	/* the folder of the modules */
#define RL_TRY_ORDER	"/modules/order"
#define RL_TRY_REQUEST	"/request"

enum rl_try_record {
	RL_TRY_VIEW	= 'v',	/* TAG PATH: read-only, writes to memory */
	RL_TRY_FOLDER	= 'w',	/* TAG PATH: as it is on the host */
	RL_TRY_UID	= 'u',
	RL_TRY_GID	= 'g',
	RL_TRY_GROUP	= 's',	/* one more group */
	RL_TRY_CHDIR	= 'c',
	RL_TRY_NET	= 'n',	/* ADDRESS MASK GATEWAY, in dots */
	RL_TRY_DNS	= 'd',	/* a line of resolv.conf */
	RL_TRY_TERMINAL	= 't',	/* the streams that are the console: "012" */
	RL_TRY_ENV	= 'e',	/* NAME=VALUE */
	RL_TRY_WORD	= 'a',	/* of the command */
};

enum rl_try_frame {
	RL_TRY_STDIN	= 0,	/* to the guest; no bytes: its end */
	RL_TRY_STDOUT	= 1,	/* from the guest; to it: nobody reads any more */
	RL_TRY_STDERR	= 2,
	RL_TRY_STATUS	= 3,	/* from the guest, the last: an int32_t */
};

#define RL_TRY_FRAME_MAX	4096	/* bytes behind a header: PIPE_BUF */

struct rl_try_header {
	uint32_t type, bytes;
};

#endif
