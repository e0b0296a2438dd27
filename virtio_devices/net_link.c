// SPDX-License-Identifier: GPL-2.0
/* See net_link.h. */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_link.h"

/* Messages were lost, for there were too many: ask for ours. */
static void link_ask(struct net_link *link)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
	} question = {
		.header = {
			.nlmsg_len = sizeof(question),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST,
		},
		.info.ifi_index = link->index,
	};

	/* The kernel is always there, and the answer an event like others. */
	if (write(link->source.fd, &question, sizeof(question)) < 0)
		return;
}

static void link_message(struct net_link *link, const struct nlmsghdr *header)
{
	const struct ifinfomsg *info = NLMSG_DATA(header);
	bool gone = header->nlmsg_type == RTM_DELLINK, up;

	/* Leaving a bridge is a kind of DELLINK, too, of another family. */
	if ((header->nlmsg_type != RTM_NEWLINK && !gone) ||
	    header->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) ||
	    (unsigned int)info->ifi_index != link->index ||
	    info->ifi_family != AF_UNSPEC)
		return;
	up = !gone && info->ifi_flags & IFF_UP;
	if (up == link->up && gone == link->gone)
		return;
	link->up = up;
	link->gone = gone;
	link->changed(link->argument);
}

/* One read's worth of them. */
static void link_messages(struct net_link *link, const char *from, int left)
{
	const struct nlmsghdr *header = (const void *)from;
	int bytes;

	while (left >= (int)sizeof(*header) &&
	       header->nlmsg_len >= sizeof(*header) &&
	       header->nlmsg_len <= (unsigned int)left) {
		bytes = NLMSG_ALIGN(header->nlmsg_len);
		link_message(link, header);
		left -= bytes;
		header = (const void *)((const char *)header + bytes);
	}
}

static void link_event(void *argument, uint32_t events)
{
	struct net_link *link = argument;
	char buffer[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool lost = false;
	ssize_t got;

	(void)events;
	while ((got = read(link->source.fd, buffer, sizeof(buffer))) > 0 ||
	       (got < 0 && errno == ENOBUFS)) {
		lost |= got < 0;
		if (got > 0)
			link_messages(link, buffer, got);
	}
	/* Only now is there room for the answer. */
	if (lost)
		link_ask(link);
}

int net_link_open(struct net_link *link, const char *name)
{
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK,
	};
	struct ifreq request = { 0 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_ROUTE);
	int error;

	if (fd < 0)
		return -errno;
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	/* Listen before looking: no change falls in between. */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    ioctl(fd, SIOCGIFINDEX, &request))
		goto failed;
	link->index = request.ifr_ifindex;
	if (ioctl(fd, SIOCGIFFLAGS, &request))
		goto failed;
	link->up = request.ifr_flags & IFF_UP;
	link->source.fd = fd;
	link->source.callback = link_event;
	link->source.argument = link;
	return 0;
failed:
	error = -errno;
	close(fd);
	return error;
}

int net_link_start(struct net_link *link, struct loop *loop)
{
	return link->source.fd < 0 ? 0 :
	       loop_watch(loop, &link->source, EPOLLIN);
}

void net_link_close(struct net_link *link)
{
	if (link->source.fd >= 0)
		close(link->source.fd);
}
