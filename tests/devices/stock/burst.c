// SPDX-License-Identifier: GPL-2.0
/*
 * In the guest: so many small frames on eth0, as fast as it takes them, then
 * one that ends in "stop" when as many came in. See beside.c.
 *
 *	burst FRAMES
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROTOCOL 0x88b5	/* for experiments */

static unsigned char frame[60] = { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 7,
				   PROTOCOL >> 8, PROTOCOL & 255 };

static void send_frame(int fd)
{
	while (send(fd, frame, sizeof(frame), 0) < 0) {
		if (errno != ENOBUFS && errno != EAGAIN) {
			perror("send");
			exit(1);
		}
		usleep(1000);
	}
}

int main(int argc, char **argv)
{
	unsigned int frames = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	int fd = socket(AF_PACKET, SOCK_RAW, htons(PROTOCOL));
	int room = 8 << 20;
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(PROTOCOL),
		.sll_ifindex = if_nametoindex("eth0"),
	};
	struct pollfd ready = { fd, POLLIN, 0 };
	unsigned int came = 0, i;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		perror("eth0");
		return 1;
	}
	for (i = 0; i < frames; i++)
		send_frame(fd);
	while (came < frames && poll(&ready, 1, 60000) == 1)
		if (recv(fd, frame, sizeof(frame), 0) == sizeof(frame) &&
		    frame[0] == 0xff)
			came++;
	memset(frame, 2, 1);
	memcpy(frame + sizeof(frame) - 4, "stop", 4);
	send_frame(fd);
	printf("burst: %u frames came\n", came);
	return 0;
}
