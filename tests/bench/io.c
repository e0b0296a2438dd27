// SPDX-License-Identifier: GPL-2.0
/*
 * The bench's operations on devices.
 *
 * BENCH_DISK names a block device to be read, past the page cache of who runs
 * this. BENCH_SERVER is the IPv4 address where `bench serve` listens: in the
 * host, for host and guest alike.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define BLOCK	4096L
#define LARGE	(256L << 10)
#define STREAM	(4L << 20)	/* bytes of one TCP transfer */
#define PORT	7001

int has_disk(void)
{
	return getenv("BENCH_DISK") != NULL;
}

int has_server(void)
{
	return getenv("BENCH_SERVER") != NULL;
}

/* Reads at places that no read-ahead foresees, the same in each run. */
static void read_disk(long count, long bytes)
{
	int fd = open(getenv("BENCH_DISK"), O_RDONLY | O_DIRECT);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	uint64_t place = 12345;
	void *buffer;

	if (size < bytes || posix_memalign(&buffer, BLOCK, bytes))
		die("disk");
	while (count--) {
		place = place * 6364136223846793005ull + 1442695040888963407ull;
		if (pread(fd, buffer, bytes,
			  (place >> 33) % (size / bytes) * bytes) != bytes)
			die("read");
	}
	free(buffer);
	close(fd);
}

void do_disk_block(long count)
{
	read_disk(count, BLOCK);
}

void do_disk_large(long count)
{
	read_disk(count, LARGE);
}

static struct sockaddr_in address_of(const char *text)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
	};

	if (text && inet_pton(AF_INET, text, &address.sin_addr) != 1)
		die("BENCH_SERVER");
	return address;
}

/* Each transfer is a connection of its own; it is over when the server, who
 * has then read all, says so. */
void do_tcp(long count)
{
	static char buffer[64 << 10];
	struct sockaddr_in address = address_of(getenv("BENCH_SERVER"));

	while (count--) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)&address,
				      sizeof(address)))
			die("connect");
		for (long left = STREAM; left; left -= sizeof(buffer))
			if (send(fd, buffer, sizeof(buffer), 0) !=
			    (ssize_t)sizeof(buffer))
				die("send");
		if (read(fd, buffer, 1) != 1)
			die("answer");
		close(fd);
	}
}

static void serve_one(int fd)
{
	static char buffer[256 << 10];
	ssize_t got;
	long left = STREAM;

	while (left > 0) {
		got = read(fd, buffer, sizeof(buffer));
		if (got <= 0)
			return;
		left -= got;
	}
	if (write(fd, "", 1) != 1)
		perror("bench: answer");
}

int serve(void)
{
	struct sockaddr_in address = address_of(NULL);
	int yes = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	signal(SIGPIPE, SIG_IGN);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes,
				 sizeof(yes)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, 8))
		die("listen");
	for (;;) {
		int other = accept(fd, NULL, NULL);

		if (other < 0)
			die("accept");
		serve_one(other);
		close(other);
	}
}
