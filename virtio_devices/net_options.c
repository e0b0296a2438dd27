// SPDX-License-Identifier: GPL-2.0
/* The text of `--net`, taken apart. See net.h for what it may say. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net_backend.h"
#include "words.h"

static int parse_mac(const char *value, struct net_options *options,
		     const struct complaint *to)
{
	unsigned int byte[6];
	int i, end = 0;

	if (!value || strspn(value, "0123456789abcdefABCDEF:") != 17 ||
	    sscanf(value, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1],
		   &byte[2], &byte[3], &byte[4], &byte[5], &end) != 6 ||
	    end != 17 || value[end])
		return complain(to, "--net: mac=%s is no MAC address; write "
				"six bytes such as 02:12:34:56:78:9a",
				value ? value : "");
	if (byte[0] & 1)
		return complain(to, "--net: mac=%s is a group address; the "
				"first byte must be even", value);
	for (i = 0; i < 6; i++)
		options->mac[i] = byte[i];
	options->has_mac = true;
	return 0;
}

/* [udp:]HOST:GUEST, or one port for both. */
static int parse_forward(const char *value, struct net_options *options,
			 const struct complaint *to)
{
	struct net_forward *forward;
	char host[8];
	const char *colon, *rest = value;
	uint64_t from, into;
	int bytes;

	if (options->forward_count == NET_FORWARDS_MAX)
		return complain(to, "--net user: more than %d forwards",
				NET_FORWARDS_MAX);
	forward = &options->forwards[options->forward_count];
	if (rest && (!strncmp(rest, "udp:", 4) || !strncmp(rest, "tcp:", 4))) {
		forward->udp = *rest == 'u';
		rest += 4;
	}
	colon = rest ? strchr(rest, ':') : NULL;
	bytes = colon ? (int)(colon - rest) : rest ? (int)strlen(rest) : 0;
	if (bytes >= (int)sizeof(host))
		bytes = 0;
	snprintf(host, sizeof(host), "%.*s", bytes, rest ? rest : "");
	if (words_number(host, 1, 65535, &from) ||
	    words_number(colon ? colon + 1 : host, 1, 65535, &into))
		return complain(to, "--net user: forward=%s is not HOST:GUEST; "
				"write for example forward=2222:22",
				value ? value : "");
	forward->host = from;
	forward->guest = into;
	options->forward_count++;
	return 0;
}

static int parse_how(const struct words *words, struct net_options *options,
		     const struct complaint *to)
{
	uint64_t fd;

	if (!strcmp(words->key, "user") && !words->value) {
		options->how = NET_USER;
		return 0;
	}
	if (!strcmp(words->key, "fd")) {
		options->how = NET_FD;
		if (words_number(words->value, 0, 1 << 20, &fd))
			return complain(to, "--net: fd=%s is no file "
					"descriptor",
					words->value ? words->value : "");
		options->fd = fd;
		return 0;
	}
	if (!strcmp(words->key, "tap"))
		options->how = NET_TAP;
	else if (!strcmp(words->key, "unix"))
		options->how = NET_UNIX;
	else
		return complain(to, "--net %s: say tap=NAME, user, unix=PATH "
				"or fd=N first", words->key);
	if (!words->value || !*words->value ||
	    strlen(words->value) >= sizeof(options->name))
		return complain(to, "--net: %s= needs a name of up to %zu "
				"characters", words->key,
				sizeof(options->name) - 1);
	strcpy(options->name, words->value);
	return 0;
}

static int parse_more(const struct words *words, struct net_options *options,
		      const struct complaint *to)
{
	uint64_t number;

	if (!strcmp(words->key, "mac"))
		return parse_mac(words->value, options, to);
	if (!strcmp(words->key, "mtu")) {
		/* 1280 is IPv6's least; the most that fits a frame. */
		if (words_number(words->value, 1280, 65521, &number))
			return complain(to, "--net: mtu must be a number from "
					"1280 to 65521");
		options->mtu = number;
		return 0;
	}
	if (!strcmp(words->key, "queues") && options->how == NET_TAP) {
		if (words_number(words->value, 1, NET_PAIRS_MAX, &number))
			return complain(to, "--net tap: queues must be a "
					"number from 1 to %d", NET_PAIRS_MAX);
		options->queues = number;
		return 0;
	}
	if (!strcmp(words->key, "forward") && options->how == NET_USER)
		return parse_forward(words->value, options, to);
	if (!strcmp(words->key, "plain") && !words->value &&
	    (options->how == NET_UNIX || options->how == NET_FD)) {
		options->plain = true;
		return 0;
	}
	return complain(to, "--net: %s is not known here", words->key);
}

int net_options_parse(const char *text, struct net_options *options,
		      char *message, size_t message_size)
{
	struct complaint to = { message, message_size };
	struct words words = { .rest = text };
	int error;

	memset(options, 0, sizeof(*options));
	if (words_next(&words)) {
		error = parse_how(&words, options, &to);
		while (!error && words_next(&words))
			error = parse_more(&words, options, &to);
		if (error)
			return error;
	}
	if (words.too_long)
		return complain(&to, "--net: a part of the value is too long");
	if (options->how == NET_NONE)
		return complain(&to, "--net needs a value: tap=NAME, user, "
				"unix=PATH or fd=N");
	return 0;
}
