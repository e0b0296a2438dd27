// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for virtbench's server: brings GUESTS machines up by the scripts of a
 * backend, runs a benchmark in each and one between two, and ends them.
 *
 *	server BACKEND INTERFACE
 *
 * The guests' addresses come from their connections, as virtbench does it.
 */
#include <arpa/inet.h>
#include <err.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "protocol.h"

#define GUESTS 2

static int guests[GUESTS];
static char names[GUESTS][64];
static const char *backend;

/*
 * A script of the backend's. virtbench closes the pipe to its standard output before
 * it waits where it wants no answer, so a script that prints there may die of it.
 */
static void script(char *answer, size_t bytes, const char *words)
{
	char command[512];
	int status;
	FILE *f;

	snprintf(command, sizeof(command), "%s/%s", backend, words);
	f = popen(command, "r");
	if (!f)
		err(1, "%s", command);
	if (answer && !fgets(answer, bytes, f))
		errx(1, "%s gave no name", command);
	status = pclose(f);	/* closes, then waits */
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		errx(1, "%s: status %x", command, status);
}

static uint32_t address_of(int socket, const char *name)
{
	struct ifreq request = { .ifr_flags = 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	request.ifr_addr.sa_family = AF_INET;
	if (ioctl(socket, SIOCGIFADDR, &request))
		err(1, "the address of %s", name);
	return ntohl(((struct sockaddr_in *)&request.ifr_addr)->sin_addr.s_addr);
}

static void hear(int number)
{
	int answer;

	if (read(guests[number], &answer, sizeof(answer)) != sizeof(answer))
		err(1, "guest %d says nothing", number);
}

static void start(int number)
{
	static const char zero[START_BYTES];

	if (write(guests[number], zero, sizeof(zero)) != sizeof(zero))
		err(1, "guest %d", number);
}

static void set_up(int number, const char *name, uint32_t runs,
		   const void *options, size_t bytes)
{
	char message[128];
	size_t at = sizeof(runs) + strlen(name) + 1;

	memcpy(message, &runs, sizeof(runs));
	memcpy(message + sizeof(runs), name, strlen(name) + 1);
	if (bytes)
		memcpy(message + at, options, bytes);
	if (write(guests[number], message, at + bytes) != (ssize_t)(at + bytes))
		err(1, "guest %d", number);
	hear(number);
}

static uint32_t address_of_guest(int number)
{
	struct sockaddr_in peer;
	socklen_t bytes = sizeof(peer);

	if (getpeername(guests[number], (struct sockaddr *)&peer, &bytes))
		err(1, "guest %d", number);
	return ntohl(peer.sin_addr.s_addr);
}

static void bring_up(int listener, const char *interface)
{
	struct sockaddr_in mine;
	socklen_t bytes = sizeof(mine);
	struct timeval limit = { .tv_sec = 200 };
	struct in_addr address;
	char words[256];

	script(NULL, 0, "start");
	address.s_addr = htonl(address_of(listener, interface));
	if (getsockname(listener, (struct sockaddr *)&mine, &bytes))
		err(1, "the port");
	for (int i = 0; i < GUESTS; i++) {
		snprintf(words, sizeof(words), "start_machine %d %s %d", i,
			 inet_ntoa(address), ntohs(mine.sin_port));
		script(names[i], sizeof(names[i]), words);
	}
	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	for (int i = 0; i < GUESTS; i++) {
		int number, fd = accept(listener, NULL, NULL);

		if (fd < 0 || read(fd, &number, sizeof(number)) != sizeof(number))
			err(1, "the guests' connections");
		if (number < 0 || number >= GUESTS || guests[number])
			errx(1, "an odd guest %d", number);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		guests[number] = fd;
	}
	printf("%d guests are up\n", GUESTS);
}

static void measure(void)
{
	struct pair pairs[2];

	for (int i = 0; i < GUESTS; i++) {
		set_up(i, "disk", 100, NULL, 0);
		start(i);
		hear(i);
		printf("disk of guest %d: read\n", i);
	}
	pairs[0].mine = pairs[1].other = address_of_guest(0);
	pairs[1].mine = pairs[0].other = address_of_guest(1);
	for (int i = 0; i < 2; i++) {
		pairs[i].begins = i == 0;
		set_up(i, "pair", 1, &pairs[i], sizeof(pairs[i]));
	}
	start(0);
	start(1);
	hear(0);
	hear(1);
	printf("guest 0 to guest 1: sent\n");
}

int main(int argc, char **argv)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	char words[256];

	if (argc != 3)
		errx(2, "usage: server BACKEND INTERFACE");
	backend = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (listen(listener, 0))
		err(1, "listening");
	bring_up(listener, argv[2]);
	measure();
	for (int i = 0; i < GUESTS; i++) {
		names[i][strcspn(names[i], "\n")] = '\0';
		snprintf(words, sizeof(words), "stop_machine %s", names[i]);
		script(NULL, 0, words);
	}
	script(NULL, 0, "stop");
	printf("all is stopped\n");
	return 0;
}
