// SPDX-License-Identifier: GPL-2.0
/* Looking users up. See identity.h. */
#include "identity.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../virtio_devices/words.h"
#include "log.h"

static bool parse_id(const char *text, unsigned int *id)
{
	uint64_t number;

	/* All ones means `no change` to the kernel. */
	if (words_number(text, 0, UINT_MAX - 1, &number))
		return false;
	*id = number;
	return true;
}

static int find_group(const char *name, struct identity *identity)
{
	struct group *group;

	if (parse_id(name, &identity->gid))
		return 0;
	group = getgrnam(name);
	if (!group) {
		log_warnx("--user: there is no group %s", name);
		return -EINVAL;
	}
	identity->gid = group->gr_gid;
	return 0;
}

int identity_find(const char *text, struct identity *identity)
{
	char name[128];
	const char *colon = strchr(text, ':');
	struct passwd *user;
	bool numeric;

	snprintf(name, sizeof(name), "%.*s",
		 colon ? (int)(colon - text) : (int)strlen(text), text);
	numeric = parse_id(name, &identity->uid);
	user = numeric ? getpwuid(identity->uid) : getpwnam(name);
	if (!user && (!numeric || !colon)) {
		log_warnx("--user: there is no user %s%s", name, numeric ?
			  "; say which group too" : "");
		return -EINVAL;
	}
	if (user) {
		identity->uid = user->pw_uid;
		identity->gid = user->pw_gid;
	}
	identity->change = true;
	return colon ? find_group(colon + 1, identity) : 0;
}
