// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for virtbench's client: the guest's init.
 *
 *	client NUMBER SERVER PORT BLOCKDEV MAJOR MINOR INTERFACE ADDRESS
 *
 * Addresses have slashes for dots. It brings the interface up by itself, as the real
 * one does, and knows two benchmarks: `disk` reads the scratch file's blocks through
 * a device file that it makes; `pair` sends a megabyte to another guest.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "protocol.h"

#define PAIR_PORT 5001

struct message {
	uint32_t runs;
	char text[1024];
};

static const char *disk;

static in_addr_t address_of(const char *text)
{
	char dotted[32];

	snprintf(dotted, sizeof(dotted), "%s", text);
	for (char *c = dotted; *c; c++)
		if (*c == '/')
			*c = '.';
	return inet_addr(dotted);
}

static void network_up(const char *name, in_addr_t address)
{
	struct ifreq request = { .ifr_flags = 0 };
	struct sockaddr_in *to = (struct sockaddr_in *)&request.ifr_addr;
	struct rtentry route = { .rt_dev = (char *)name, .rt_flags = RTF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	to->sin_family = AF_INET;
	to->sin_addr.s_addr = address;
	if (ioctl(fd, SIOCSIFADDR, &request))
		err(1, "the address of %s", name);
	request.ifr_flags = IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request))
		err(1, "%s up", name);
	route.rt_dst.sa_family = route.rt_gateway.sa_family =
		route.rt_genmask.sa_family = AF_INET;
	if (ioctl(fd, SIOCADDRT, &route))
		err(1, "a route by %s", name);
	close(fd);
}

static void acknowledge(int server)
{
	int zero = 0;

	if (write(server, &zero, sizeof(zero)) != sizeof(zero))
		err(1, "an acknowledgement");
}

static void wait_for_start(int server)
{
	char start[64];

	acknowledge(server);
	if (read(server, start, sizeof(start)) != START_BYTES)
		errx(1, "no start");
}

static void run_disk(int server, uint32_t runs)
{
	static char got[BLOCK] __attribute__((aligned(BLOCK)));
	int fd = open(disk, O_RDONLY | O_DIRECT);
	char want[64];

	if (fd < 0)
		err(1, "%s", disk);
	wait_for_start(server);
	for (uint32_t i = 0; i < runs; i++) {
		snprintf(want, sizeof(want), PATTERN, i % BLOCKS);
		if (pread(fd, got, BLOCK, i % BLOCKS * BLOCK) != BLOCK ||
		    strncmp(got, want, strlen(want)))
			errx(1, "block %u is not what it should be", i % BLOCKS);
	}
	acknowledge(server);
	close(fd);
}

static void move_bytes(int fd, bool out)
{
	static char buffer[16384];
	size_t done = 0;

	while (done < PAIR_BYTES) {
		ssize_t n;

		for (size_t i = 0; out && i < sizeof(buffer); i++)
			buffer[i] = (done + i) / 7;
		n = out ? write(fd, buffer, sizeof(buffer)) :
			  read(fd, buffer, sizeof(buffer));
		if (n <= 0)
			err(1, "the other guest");
		for (ssize_t i = 0; !out && i < n; i++)
			if (buffer[i] != (char)((done + i) / 7))
				errx(1, "byte %zu is wrong", done + i);
		done += n;
	}
}

static void run_pair(int server, const struct pair *pair)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(PAIR_PORT),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1, peer;

	to.sin_addr.s_addr = htonl(pair->begins ? pair->other : pair->mine);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!pair->begins && (bind(fd, (struct sockaddr *)&to, sizeof(to)) ||
			      listen(fd, 1)))
		err(1, "listening");
	wait_for_start(server);
	if (pair->begins) {
		if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
			err(1, "the other guest");
		move_bytes(fd, true);
	} else {
		peer = accept(fd, NULL, NULL);
		move_bytes(peer, false);
		close(peer);
	}
	acknowledge(server);
	close(fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int number, server = socket(AF_INET, SOCK_STREAM, 0);
	struct message message;
	struct pair pair;

	if (argc != 9)
		errx(1, "usage: client NUMBER SERVER PORT BLOCKDEV MAJOR MINOR INTERFACE ADDRESS");
	disk = argv[4];
	if (mknod(disk, S_IFBLK | 0600, makedev(atoi(argv[5]), atoi(argv[6]))))
		err(1, "%s", disk);
	network_up(argv[7], address_of(argv[8]));
	to.sin_addr.s_addr = address_of(argv[2]);
	to.sin_port = htons(atoi(argv[3]));
	if (connect(server, (struct sockaddr *)&to, sizeof(to)))
		err(1, "the server");
	number = atoi(argv[1]);
	if (write(server, &number, sizeof(number)) != sizeof(number))
		err(1, "the server");
	while (read(server, &message, sizeof(message)) >= 4) {
		if (!strcmp(message.text, "disk")) {
			run_disk(server, message.runs);
		} else if (!strcmp(message.text, "pair")) {
			memcpy(&pair, message.text + sizeof("pair"), sizeof(pair));
			run_pair(server, &pair);
		} else {
			errx(1, "no benchmark %s", message.text);
		}
	}
	errx(1, "the server is gone");
}
