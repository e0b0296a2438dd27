// SPDX-License-Identifier: GPL-2.0
/*
 * Disks on an NBD server: nbdkit serves memory, qemu-nbd a qcow2 image. What
 * is not installed is said, and skipped.
 */
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "test_blk.h"
#include "virtio_devices/blk_nbd.h"

extern char **environ;

/* Less than wait_used() has; enough for a server to start. */
#define PATIENCE 8000

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

/* Arguments run in the folder of the one before, as on the socket. */
static void serve_again(const char *arguments)
{
	char command[1024];
	char *words[] = { (char *)"sh", (char *)"-c", command, NULL };

	unlink(server.socket);
	snprintf(command, sizeof(command), "cd %s && %s", server.folder,
		 arguments);
	assert_int_equal(posix_spawnp(&server.pid, "sh", NULL, NULL, words,
				      environ), 0);
	for (int i = 0; i < 1000 && !listening(); i++)
		usleep(10000);
	assert_true(listening());
}

/* A fresh folder; arguments run in it, with their socket in it. */
static void serve(const char *arguments)
{
	strcpy(server.folder, "/var/tmp/ringlet-nbd-XXXXXX");
	assert_non_null(mkdtemp(server.folder));
	snprintf(server.socket, sizeof(server.socket), "%s/sock",
		 server.folder);
	serve_again(arguments);
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

static int served_create(struct disk *disk, const char *more)
{
	memset(disk, 0, sizeof(*disk));
	disk->fd = -1;
	snprintf(disk->path, sizeof(disk->path), "nbd:unix:%s",
		 server.socket);
	return disk_create(disk, more, 1);
}

static void served_start(struct disk *disk, const char *more)
{
	assert_int_equal(served_create(disk, more), 0);
	fake_driver_init(&disk->guest);
	assert_int_equal(fake_driver_start(&disk->guest, disk->device,
					   ALL_FEATURES), 15);
}

static void served_end(struct disk *disk)
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
	served_start(&disk, "");
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
	served_end(&disk);
}

static void reads_qcow2(void **state)
{
	struct disk disk;

	(void)state;
	NEED("qemu-nbd");
	serve("qemu-img create -q -f qcow2 a.qcow2 16M && "
	      "exec qemu-nbd -t --shared=4 -f qcow2 -k $PWD/sock a.qcow2");
	served_start(&disk, "");
	assert_int_equal(disk.device->offered &
			 VIRTIO_BIT(VIRTIO_BLK_F_DISCARD),
			 VIRTIO_BIT(VIRTIO_BLK_F_DISCARD));
	write_and_read(&disk);
	served_end(&disk);
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
	served_start(&disk, ",readonly");
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
	served_end(&disk);
}

static void tells_of_errors(void **state)
{
	struct disk disk;

	(void)state;
	NEED("nbdkit");
	serve("exec nbdkit -f -U sock --filter=error memory 8M "
	      "error-pread-rate=100% error=ENOSPC");
	served_start(&disk, "");
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_IN, 0, 512),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512),
			 VIRTIO_BLK_S_OK);
	served_end(&disk);
}

/* It dies with requests in flight; they wait a while, none hangs. */
static void survives_the_servers_death(void **state)
{
	struct sent sent[20];
	struct disk disk;
	uint32_t written;
	uint16_t head;

	(void)state;
	NEED("nbdkit");
	serve("exec nbdkit -f -U sock --filter=delay memory 8M rdelay=60");
	served_start(&disk, "");
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
	served_end(&disk);
}

static void has_blocks_as_asked(void **state)
{
	const unsigned int field =
		0x100 + offsetof(struct virtio_blk_config, blk_size);
	struct disk disk;

	(void)state;
	NEED("nbdkit");
	serve("exec nbdkit -f -U sock memory 8M");
	served_start(&disk, ",block=4096");
	assert_int_equal(virtio_read(disk.device, field, 4), 4096);
	served_end(&disk);
	end_server(NULL);
	serve("exec nbdkit -f -U sock --filter=blocksize-policy memory 8M "
	      "blocksize-minimum=4096 blocksize-error-policy=error");
	served_start(&disk, "");
	assert_int_equal(virtio_read(disk.device, field, 4), 4096);
	served_end(&disk);
	assert_int_equal(served_create(&disk, ",block=512"), -EINVAL);
}

/* On a file, so that a server can go and another one take its place. */
#define ON_FILE "exec nbdkit -f -U sock file disk.img"

static void kick_and_run(struct disk *disk)
{
	fake_kick(&disk->guest, 0);
	loop_run_once(disk->device->loop, 100);
}

/* Nothing was at stake: the guest notices nothing but the time. */
static void connects_again(void **state)
{
	struct disk disk;
	struct sent sent[3];
	uint32_t written;
	uint16_t head;

	(void)state;
	NEED("nbdkit");
	serve("truncate -s 8M disk.img && " ON_FILE);
	served_start(&disk, "");
	write_and_read(&disk);
	stop_server(SIGKILL);
	sent[0] = send_request(&disk.guest, VIRTIO_BLK_T_IN, 3, 600 * 1024);
	kick_and_run(&disk);
	sent[1] = send_request(&disk.guest, VIRTIO_BLK_T_OUT, 8000, 512);
	sent[2] = send_request(&disk.guest, VIRTIO_BLK_T_FLUSH, 0, 0);
	kick_and_run(&disk);
	assert_false(fake_used(&disk.guest, 0, &head, &written));
	assert_non_null(strstr(disk.guest.line, "trying to connect again"));
	serve_again(ON_FILE);
	for (int i = 0; i < 3; i++)
		wait_used(&disk.guest, &head, &written);
	for (int i = 0; i < 3; i++)
		assert_int_equal(status_of(&disk.guest, &sent[i]),
				 VIRTIO_BLK_S_OK);
	assert_true(
		is_filled(fake_at(&disk.guest, sent[0].data), 600 * 1024, 50));
	assert_non_null(strstr(disk.guest.line, "connected"));
	write_and_read(&disk);
	served_end(&disk);
}

/* What was in the old server's memory, no new one can flush. */
static void knows_what_a_lost_server_took_along(void **state)
{
	struct disk disk;

	(void)state;
	NEED("nbdkit");
	serve("truncate -s 8M disk.img && " ON_FILE);
	served_start(&disk, "");
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512), 0);
	stop_server(SIGKILL);
	serve_again(ON_FILE);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_IN, 0, 512), 0);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_FLUSH, 0, 0),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_FLUSH, 0, 0),
			 VIRTIO_BLK_S_IOERR);
	served_end(&disk);
}

static uint64_t capacity(struct disk *disk)
{
	return virtio_read(disk->device, 0x100, 8);
}

/* Of another server: a larger disk is this one grown, a smaller one is none. */
static void looks_at_the_next_disk(void **state)
{
	struct disk disk;
	struct sent sent;

	(void)state;
	NEED("nbdkit");
	serve("truncate -s 8M disk.img && " ON_FILE);
	served_start(&disk, "");
	assert_int_equal(capacity(&disk), 16384);
	stop_server(SIGKILL);
	serve_again("truncate -s 9M disk.img && " ON_FILE);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_IN, 0, 512), 0);
	assert_int_equal(capacity(&disk), 9 * 2048);
	assert_int_equal(atomic_load(&disk.guest.config_interrupts), 1);
	assert_int_equal(
		request(&disk.guest, VIRTIO_BLK_T_IN, 9 * 2048 - 1, 512), 0);
	nbd_patience_ms = 3000;
	stop_server(SIGKILL);
	serve_again("truncate -s 7M disk.img && " ON_FILE);
	sent = send_request(&disk.guest, VIRTIO_BLK_T_IN, 0, 512);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_IOERR);
	assert_non_null(strstr(disk.guest.line, "another disk"));
	nbd_patience_ms = PATIENCE;
	served_end(&disk);
}

/* A reset does not wait for a server that may never come. */
static void resets_without_a_server(void **state)
{
	struct disk disk;

	(void)state;
	NEED("nbdkit");
	serve("exec nbdkit -f -U sock memory 8M");
	served_start(&disk, "");
	nbd_patience_ms = 1000000;
	stop_server(SIGKILL);
	send_request(&disk.guest, VIRTIO_BLK_T_IN, 0, 512);
	kick_and_run(&disk);
	alarm(30);
	fake_write(&disk.guest, 0x70, 0);
	alarm(0);
	assert_int_equal(fake_status(&disk.guest), 0);
	nbd_patience_ms = PATIENCE;
	served_end(&disk);
}

/* One that is busy with another client, as qemu-nbd is. */
static void does_not_wait_for_ever_to_connect(void **state)
{
	struct virtio_setup setup = { .cpus = 1 };
	struct virtio_device *second;
	char message[512];
	struct disk disk;

	(void)state;
	NEED("qemu-nbd");
	/* It counts as a client who only looks whether it listens: --shared */
	serve("truncate -s 8M disk.img && "
	      "exec qemu-nbd -t --shared=1 -f raw -k $PWD/sock disk.img");
	served_start(&disk, "");
	alarm(60);
	assert_int_equal(blk_kind.create(disk.path, &setup, &second, message,
					 sizeof(message)),
			 -ETIMEDOUT);
	alarm(0);
	assert_non_null(strstr(message, "serves one client"));
	assert_non_null(strstr(message, "--shared"));
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512), 0);
	served_end(&disk);
}

/* A server of shell lines: it notes what it is asked, and fails one flush. */
#define NOTING                                                              \
	"exec nbdkit -f -U sock eval get_size='echo 1M' "                   \
	"can_write='exit 0' can_flush='exit 0' can_fua='echo native' "      \
	"can_zero='exit 0' can_trim='exit 0' pread='head -c $3 /dev/zero' " \
	"pwrite='cat >/dev/null; echo w$5 >>'$PWD/log "                     \
	"zero='echo z$5 >>'$PWD/log trim='echo t$5 >>'$PWD/log "            \
	"flush='echo f >>'$PWD/log'; [ ! -e '$PWD/fail' ] || "              \
	"{ rm '$PWD/fail'; echo EIO >&2; exit 1; }'"

static void fail_next_flush(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/fail", server.folder);
	close(open(path, O_CREAT | O_WRONLY, 0600));
}

static void expect_log(const char *want)
{
	char path[128], got[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/log", server.folder);
	file = fopen(path, "r");
	assert_non_null(file);
	got[fread(got, 1, sizeof(got) - 1, file)] = '\0';
	fclose(file);
	unlink(path);
	assert_string_equal(got, want);
}

static uint8_t one_range(struct disk *disk, uint32_t type)
{
	struct sent sent = send_request(&disk->guest, type, 0, 16);
	struct virtio_blk_discard_write_zeroes *range =
		fake_at(&disk->guest, sent.data);

	range->num_sectors = 8;
	return finish(&disk->guest, &sent);
}

static void remembers_a_failed_flush(void **state)
{
	struct disk disk;

	(void)state;
	NEED("nbdkit");
	serve(NOTING);
	served_start(&disk, "");
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512), 0);
	fail_next_flush();
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_FLUSH, 0, 0),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_FLUSH, 0, 0),
			 VIRTIO_BLK_S_IOERR);
	expect_log("w\nf\n");
	served_end(&disk);
}

/* No FUA, whose errors parallel writes share: one flush behind them. */
static void flushes_behind_durable_writes(void **state)
{
	struct disk disk;

	(void)state;
	NEED("nbdkit");
	serve(NOTING);
	served_start(&disk, "");
	virtio_write(disk.device,
		     0x100 + offsetof(struct virtio_blk_config, wce), 1, 0);
	expect_log("f\n");
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512), 0);
	expect_log("w\nf\n");
	assert_int_equal(one_range(&disk, VIRTIO_BLK_T_DISCARD), 0);
	expect_log("t\nf\n");
	assert_int_equal(one_range(&disk, VIRTIO_BLK_T_WRITE_ZEROES), 0);
	expect_log("z\nf\n");
	fail_next_flush();
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 8, 512),
			 VIRTIO_BLK_S_IOERR);
	expect_log("w\nf\nw\n");
	served_end(&disk);
}

static void respects_the_server(void **state)
{
	struct disk disk;

	(void)state;
	NEED("nbdkit");
	serve("exec nbdkit -r -f -U sock memory 8M");
	assert_int_equal(served_create(&disk, ""), -EROFS);
	assert_int_equal(served_create(&disk, ",readonly"), 0);
	virtio_destroy(disk.device);
	end_server(NULL);
	serve("exec nbdkit -f -U sock memory 1000");
	assert_int_equal(served_create(&disk, ""), -EINVAL);
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
		SERVED(has_blocks_as_asked),
		SERVED(connects_again),
		SERVED(knows_what_a_lost_server_took_along),
		SERVED(looks_at_the_next_disk),
		SERVED(resets_without_a_server),
		SERVED(does_not_wait_for_ever_to_connect),
		SERVED(remembers_a_failed_flush),
		SERVED(flushes_behind_durable_writes),
	};

	nbd_patience_ms = PATIENCE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
