// SPDX-License-Identifier: GPL-2.0
/*
 * Disks on an NBD server: nbdkit serves memory, qemu-nbd a qcow2 image. What
 * is not installed is said, and skipped.
 */
#include <signal.h>
#include <spawn.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "test_blk.h"

extern char **environ;

struct server {
	char folder[64], socket[96];
	pid_t pid;
};

static struct server server;

static bool installed(const char *program)
{
	char command[64];

	snprintf(command, sizeof(command), "command -v %s >/dev/null",
		 program);
	return system(command) == 0;
}

/* The socket's file is there a moment before anybody listens. */
static bool listening(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes;

	assert_true(fd >= 0);
	strcpy(address.sun_path, server.socket);
	yes = !connect(fd, (struct sockaddr *)&address, sizeof(address));
	close(fd);
	return yes;
}

/* A fresh folder; arguments run in it, with their socket in it. */
static void serve(const char *arguments)
{
	char command[512];
	char *words[] = { (char *)"sh", (char *)"-c", command, NULL };

	strcpy(server.folder, "/var/tmp/ringlet-nbd-XXXXXX");
	assert_non_null(mkdtemp(server.folder));
	snprintf(server.socket, sizeof(server.socket), "%s/sock",
		 server.folder);
	snprintf(command, sizeof(command), "cd %s && %s", server.folder,
		 arguments);
	assert_int_equal(posix_spawnp(&server.pid, "sh", NULL, NULL, words,
				      environ), 0);
	for (int i = 0; i < 1000 && !listening(); i++)
		usleep(10000);
	assert_true(listening());
}

static void stop_server(int number)
{
	int status;

	if (server.pid > 0) {
		kill(server.pid, number);
		waitpid(server.pid, &status, 0);
	}
	server.pid = 0;
}

static int end_server(void **state)
{
	char command[128];

	(void)state;
	/* A server that has just started may lose a SIGTERM. */
	stop_server(SIGKILL);
	snprintf(command, sizeof(command), "rm -rf %s", server.folder);
	if (*server.folder && system(command))
		return -1;
	server.folder[0] = '\0';
	return 0;
}

static int nbd_create(struct disk *disk, const char *more)
{
	memset(disk, 0, sizeof(*disk));
	disk->fd = -1;
	snprintf(disk->path, sizeof(disk->path), "nbd:unix:%s",
		 server.socket);
	return disk_create(disk, more, 1);
}

static void nbd_start(struct disk *disk, const char *more)
{
	assert_int_equal(nbd_create(disk, more), 0);
	fake_driver_init(&disk->guest);
	assert_int_equal(fake_driver_start(&disk->guest, disk->device,
					   ALL_FEATURES), 15);
}

static void nbd_end(struct disk *disk)
{
	fake_driver_end(&disk->guest);
	virtio_destroy(disk->device);
}

#define NEED(program) do { \
	if (!installed(program)) { \
		print_message("skipped: %s is not installed\n", program); \
		skip(); \
	} \
} while (0)

static void write_and_read(struct disk *disk)
{
	struct sent sent;

	sent = send_request(&disk->guest, VIRTIO_BLK_T_OUT, 3, 600 * 1024);
	fill(&disk->guest, sent.data, 600 * 1024, 50);
	assert_int_equal(finish(&disk->guest, &sent), VIRTIO_BLK_S_OK);
	assert_int_equal(request(&disk->guest, VIRTIO_BLK_T_FLUSH, 0, 0),
			 VIRTIO_BLK_S_OK);
	sent = send_request(&disk->guest, VIRTIO_BLK_T_IN, 3, 600 * 1024);
	assert_int_equal(finish(&disk->guest, &sent), VIRTIO_BLK_S_OK);
	assert_true(is_filled(fake_at(&disk->guest, sent.data), 600 * 1024,
			      50));
}

static void transfers(void **state)
{
	struct virtio_blk_discard_write_zeroes *range;
	struct disk disk;
	struct sent sent;

	(void)state;
	NEED("nbdkit");
	serve("exec nbdkit -f -U sock memory 8M");
	nbd_start(&disk, "");
	write_and_read(&disk);

	sent = send_request(&disk.guest, VIRTIO_BLK_T_WRITE_ZEROES, 0, 16);
	range = fake_at(&disk.guest, sent.data);
	range->sector = 4;
	range->num_sectors = 2;
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	sent = send_request(&disk.guest, VIRTIO_BLK_T_IN, 4, 1536);
	memset(fake_at(&disk.guest, sent.data), 0x99, 1536);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	assert_true(is_zero(fake_at(&disk.guest, sent.data), 1024));
	assert_false(is_zero((uint8_t *)fake_at(&disk.guest, sent.data) + 1024,
			     512));
	/* Beyond its end. */
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_IN, 16384, 512),
			 VIRTIO_BLK_S_IOERR);
	nbd_end(&disk);
}

static void reads_qcow2(void **state)
{
	struct disk disk;

	(void)state;
	NEED("qemu-nbd");
	serve("qemu-img create -q -f qcow2 a.qcow2 16M && "
	      "exec qemu-nbd -t -f qcow2 -k $PWD/sock a.qcow2");
	nbd_start(&disk, "");
	assert_int_equal(disk.device->offered &
			 VIRTIO_BIT(VIRTIO_BLK_F_DISCARD),
			 VIRTIO_BIT(VIRTIO_BLK_F_DISCARD));
	write_and_read(&disk);
	nbd_end(&disk);
}

#define MANY 60

static void has_many_in_flight(void **state)
{
	struct sent sent[MANY];
	struct disk disk;
	uint32_t written;
	uint16_t head;

	(void)state;
	NEED("nbdkit");
	serve("exec nbdkit -f -U sock pattern 8M");
	nbd_start(&disk, ",readonly");
	for (unsigned int i = 0; i < MANY; i++)
		sent[i] = send_request(&disk.guest, VIRTIO_BLK_T_IN, i * 16, 8192);
	fake_kick(&disk.guest, 0);
	for (unsigned int i = 0; i < MANY; i++)
		wait_used(&disk.guest, &head, &written);
	/* The pattern: each 8 bytes are their own offset, big endian. */
	for (unsigned int i = 0; i < MANY; i++) {
		uint64_t *words = fake_at(&disk.guest, sent[i].data);

		assert_int_equal(status_of(&disk.guest, &sent[i]), 0);
		for (unsigned int j = 0; j < 1024; j++)
			assert_int_equal(__builtin_bswap64(words[j]),
					 i * 8192 + j * 8);
	}
	nbd_end(&disk);
}

static void tells_of_errors(void **state)
{
	struct disk disk;

	(void)state;
	NEED("nbdkit");
	serve("exec nbdkit -f -U sock --filter=error memory 8M "
	      "error-pread-rate=100% error=ENOSPC");
	nbd_start(&disk, "");
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_IN, 0, 512),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512),
			 VIRTIO_BLK_S_OK);
	nbd_end(&disk);
}

/* It dies with requests in flight; later ones fail, none hangs. */
static void survives_the_servers_death(void **state)
{
	struct sent sent[20];
	struct disk disk;
	uint32_t written;
	uint16_t head;

	(void)state;
	NEED("nbdkit");
	serve("exec nbdkit -f -U sock --filter=delay memory 8M rdelay=60");
	nbd_start(&disk, "");
	for (int i = 0; i < 20; i++)
		sent[i] = send_request(&disk.guest, VIRTIO_BLK_T_IN, i, 512);
	fake_kick(&disk.guest, 0);
	stop_server(SIGKILL);
	for (int i = 0; i < 20; i++)
		wait_used(&disk.guest, &head, &written);
	for (int i = 0; i < 20; i++)
		assert_int_equal(status_of(&disk.guest, &sent[i]),
				 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512),
			 VIRTIO_BLK_S_IOERR);
	nbd_end(&disk);
}

static void respects_the_server(void **state)
{
	struct disk disk;

	(void)state;
	NEED("nbdkit");
	serve("exec nbdkit -r -f -U sock memory 8M");
	assert_int_equal(nbd_create(&disk, ""), -EROFS);
	assert_int_equal(nbd_create(&disk, ",readonly"), 0);
	virtio_destroy(disk.device);
	end_server(NULL);
	serve("exec nbdkit -f -U sock memory 1000");
	assert_int_equal(nbd_create(&disk, ""), -EINVAL);
}

#define SERVED(name) cmocka_unit_test_teardown(name, end_server)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(transfers),
		SERVED(reads_qcow2),
		SERVED(has_many_in_flight),
		SERVED(tells_of_errors),
		SERVED(survives_the_servers_death),
		SERVED(respects_the_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
