/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract between `ringlet try` and the init of its guests (guest_try/).
 *
 * The initrd holds modules, and records of one letter and the fields that it wants,
 * each of which ends in a NUL. They are carried out in their order, those of
 * RL_TRY_ORDER, which load the modules, before those of RL_TRY_REQUEST. / is the
 * initrd, in which /dev is mounted; RL_TRY_ROOT is to be the command's root.
 *
 * Afterwards the two talk over one named console port, in frames: a header, then
 * so many bytes. One port for all, because so the last frame is the last thing
 * that arrives: there is no order between ports.
 */
#ifndef RINGLET_ABI_TRY_H
#define RINGLET_ABI_TRY_H

#include <stdint.h>

#define RL_TRY_PORT	"ringlet.try"	/* the port's name; there is no other */
#define RL_TRY_MODULES	"/modules"	/* the folder of the modules */
#define RL_TRY_ORDER	"/modules/order"
#define RL_TRY_REQUEST	"/request"
#define RL_TRY_ROOT	"/new"

enum rl_try_record {
	RL_TRY_MODULE	= 'o',	/* PATH: load it */
	RL_TRY_FOLDER	= 'd',	/* PATH: make it where it is not there */
	RL_TRY_MOUNT	= 'm',	/* WHAT PATH TYPE FLAGS OPTIONS, as mount(2) */
	RL_TRY_LINK	= 'l',	/* TO PATH */
	RL_TRY_FILE	= 'f',	/* PATH TEXT: instead of what is there */
	RL_TRY_NET	= 'n',	/* INTERFACE ADDRESS MASK GATEWAY, or no gateway */
	RL_TRY_USER	= 'u',	/* UID GID GROUP..., one field with blanks */
	RL_TRY_CHDIR	= 'c',
	RL_TRY_TERMINAL	= 't',	/* the streams that are the console: "012" */
	RL_TRY_ENV	= 'e',	/* NAME=VALUE, for the command */
	RL_TRY_WORD	= 'a',	/* of the command */
};

#define RL_TRY_FIELDS_MAX	5
#define RL_TRY_GROUPS_MAX	256

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
