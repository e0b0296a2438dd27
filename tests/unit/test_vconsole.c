// SPDX-License-Identifier: GPL-2.0
/* virtio-console: its ports, their sizes and names, and what goes through. */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_console.h>
#include <linux/virtio_mmio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

#include "fake_driver.h"
#include "virtio_devices/vconsole.h"

#define MULTIPORT	VIRTIO_BIT(VIRTIO_CONSOLE_F_MULTIPORT)
#define CONTROL_IN	2
#define CONTROL_OUT	3

static struct fake_driver driver;
static struct virtio_device *device;
static int peers[2];	/* the other ends of fd=N ports */

static void start(const char *text, uint64_t features)
{
	device = fake_create(&driver, &vconsole_kind, text, 1, features);
}

/* Two ports on socket pairs, the second one named. */
static void start_two(uint64_t features)
{
	char text[100];
	int fds[2][2], i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]),
				 0);
		peers[i] = fds[i][0];
	}
	snprintf(text, sizeof(text), "fd=%d,size=90x30+fd=%d,name=org.x",
		 fds[0][1], fds[1][1]);
	start(text, features);
}

static void finish(void)
{
	fake_driver_end(&driver);
	virtio_destroy(device);
	close(peers[0]);
	close(peers[1]);
	peers[0] = peers[1] = -1;
}

static uint64_t give_buffer(unsigned int queue, uint32_t bytes)
{
	uint64_t gpa = fake_alloc(&driver, bytes);

	fake_add(&driver, queue, &(struct fake_buffer){ gpa, bytes }, 0, 1);
	fake_kick(&driver, queue);
	return gpa;
}

static void write_queue(unsigned int queue, const void *data, uint32_t bytes)
{
	uint64_t gpa = fake_alloc(&driver, bytes);

	memcpy(fake_at(&driver, gpa), data, bytes);
	fake_add(&driver, queue, &(struct fake_buffer){ gpa, bytes }, 1, 0);
	fake_kick(&driver, queue);
}

static void say(uint32_t id, uint16_t event, uint16_t value)
{
	struct virtio_console_control message = { id, event, value };

	write_queue(CONTROL_OUT, &message, sizeof(message));
	assert_int_equal(fake_used_count(&driver, CONTROL_OUT), 1);
}

/* The next control message: "port event value more". */
static const char *hear(void)
{
	static char text[100];
	static uint64_t buffer;
	struct virtio_console_control *message;
	uint32_t written, i;
	uint16_t head;
	uint8_t *more;
	int used;

	if (!buffer || !fake_used(&driver, CONTROL_IN, &head, &written)) {
		buffer = give_buffer(CONTROL_IN, 64);
		if (!fake_used(&driver, CONTROL_IN, &head, &written))
			return "nothing";
	}
	message = fake_at(&driver, buffer);
	buffer = 0;
	used = snprintf(text, sizeof(text), "%u %u %u", message->id,
			message->event, message->value);
	more = (uint8_t *)(message + 1);
	if (written > sizeof(*message))
		text[used++] = ' ';
	for (i = 0; i < written - sizeof(*message); i++)
		used += snprintf(text + used, sizeof(text) - used,
				 more[i] == '.' || (more[i] >= 'a' &&
						    more[i] <= 'z') ?
				 "%c" : "<%u>", more[i]);
	return text;
}

static void test_one_port_driver(void **state)
{
	char got[10] = "";
	uint64_t gpa;
	uint32_t written;
	uint16_t head;

	(void)state;
	start_two(VIRTIO_BIT(VIRTIO_CONSOLE_F_SIZE));
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_CONFIG),
			 30 << 16 | 90);
	/* Linux looks there only when told that it has changed. */
	assert_int_equal(driver.config_interrupts, 1);
	write_queue(1, "hello", 5);
	assert_int_equal(fake_used_count(&driver, 1), 1);
	assert_int_equal(read(peers[0], got, sizeof(got)), 5);
	assert_string_equal(got, "hello");
	gpa = give_buffer(0, 16);
	assert_int_equal(write(peers[0], "typed", 5), 5);
	fake_run(&driver);
	assert_true(fake_used(&driver, 0, &head, &written));
	assert_int_equal(written, 5);
	assert_memory_equal(fake_at(&driver, gpa), "typed", 5);
	finish();
}

static void test_multiport_talk(void **state)
{
	(void)state;
	start_two(MULTIPORT);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_CONFIG + 4), 2);
	assert_string_equal(hear(), "nothing");
	finish();

	start_two(MULTIPORT);
	say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	assert_string_equal(hear(), "0 1 1");
	assert_string_equal(hear(), "1 1 1");
	say(0, VIRTIO_CONSOLE_PORT_READY, 1);
	assert_string_equal(hear(), "0 4 1");
	assert_string_equal(hear(), "0 5 1 <90><0><30><0>");
	assert_string_equal(hear(), "0 6 1");
	say(1, VIRTIO_CONSOLE_PORT_READY, 1);
	assert_string_equal(hear(), "1 7 1 org.x");
	assert_string_equal(hear(), "1 6 1");
	/* The other side hangs up. */
	close(peers[1]);
	peers[1] = -1;
	fake_run(&driver);
	/* Nobody reads the port: its end is seen when it is opened. */
	say(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	assert_string_equal(hear(), "1 6 0");
	finish();
}

/* Bytes wait until a program in the guest has opened the port. */
static void test_named_port(void **state)
{
	uint64_t gpa;
	uint32_t written;
	uint16_t head;
	char got[8] = "";

	(void)state;
	start_two(MULTIPORT);
	gpa = give_buffer(4, 32);
	assert_int_equal(write(peers[1], "early", 5), 5);
	fake_run(&driver);
	assert_int_equal(fake_used_count(&driver, 4), 0);
	say(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	fake_run(&driver);
	assert_true(fake_used(&driver, 4, &head, &written));
	assert_int_equal(written, 5);
	assert_memory_equal(fake_at(&driver, gpa), "early", 5);
	write_queue(5, "answer", 6);
	assert_int_equal(read(peers[1], got, sizeof(got)), 6);
	assert_string_equal(got, "answer");
	say(1, VIRTIO_CONSOLE_PORT_OPEN, 0);
	give_buffer(4, 32);
	assert_int_equal(write(peers[1], "late", 4), 4);
	fake_run(&driver);
	assert_int_equal(fake_used_count(&driver, 4), 0);
	finish();
}

/* A reader that is slow: in order, nothing lost, nothing twice. */
static void test_back_pressure(void **state)
{
	static uint8_t block[100000], got[100000];
	unsigned int sent, i;
	size_t all;
	ssize_t n;

	(void)state;
	start_two(MULTIPORT);
	for (i = 0; i < sizeof(block); i++)
		block[i] = i * 31 + i / 256;
	for (sent = 0; sent < 12; sent++)
		write_queue(5, block, sizeof(block));
	assert_in_range(fake_used_count(&driver, 5), 0, 11);
	for (i = 0; i < sent; i++) {
		for (all = 0; all < sizeof(got); all += n > 0 ? n : 0) {
			n = recv(peers[1], got + all, sizeof(got) - all,
				 MSG_DONTWAIT);
			fake_run(&driver);
		}
		assert_memory_equal(got, block, sizeof(got));
	}
	assert_true(recv(peers[1], got, 1, MSG_DONTWAIT) < 0);
	finish();
}

/* All that is in fd now; how much it was. */
static size_t drain(int fd)
{
	static char bytes[65536];
	size_t all = 0;
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		all += n;
	return all;
}

/*
 * A console that nobody reads gives each buffer back, as Linux waits for it
 * with interrupts off; one line says so. Who begins to read gets what comes
 * from then on.
 */
static void test_console_nobody_reads(void **state)
{
	static const uint64_t features[] = { 0, MULTIPORT };
	static uint8_t block[100000];
	struct virtio_counters counters;
	char got[8] = "";
	unsigned int i, sent;

	(void)state;
	for (i = 0; i < 2; i++) {
		start_two(features[i]);
		driver.lines = 0;
		for (sent = 0; sent < 20; sent++) {
			write_queue(1, block, sizeof(block));
			assert_int_equal(fake_used_count(&driver, 1), 1);
		}
		assert_int_equal(driver.lines, 1);
		assert_non_null(strstr(driver.line, "takes no more"));
		virtio_get_counters(device, &counters);
		fcntl(peers[0], F_SETFL, O_NONBLOCK);
		assert_int_equal(drain(peers[0]) + counters.dropped,
				 20 * sizeof(block));
		write_queue(1, "again", 5);
		assert_int_equal(fake_used_count(&driver, 1), 1);
		assert_int_equal(read(peers[0], got, sizeof(got)), 5);
		assert_string_equal(got, "again");
		finish();
	}
}

/*
 * file= names a FIFO: full once, it goes on when it is read. As a named port
 * nothing is lost; as a console what did not fit is. Its reader may go and
 * come back.
 */
static void test_full_fifo(void **state)
{
	static const char *const kind[] = { ",name=a", "" };
	static uint8_t block[4096];
	char folder[] = "/tmp/ringlet-console.XXXXXX", path[100], text[140];
	unsigned int i, sent, done;
	size_t all;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/fifo", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	for (i = 0; i < 2; i++) {
		fd = open(path, O_RDONLY | O_NONBLOCK);
		snprintf(text, sizeof(text), "file=%s%s", path, kind[i]);
		start(text, MULTIPORT);
		for (sent = done = 0; sent < 100; sent++)
			write_queue(1, block, sizeof(block));
		done = fake_used_count(&driver, 1);
		assert_true(i ? done == 100 : done < 100);
		for (all = 0; sent--; all += drain(fd))
			fake_run(&driver);
		done += fake_used_count(&driver, 1);
		assert_int_equal(done, 100);
		assert_true(i ? all < 100 * sizeof(block) :
				all == 100 * sizeof(block));
		/* Full when its reader goes: what is left is lost. */
		for (sent = 0; sent < 40; sent++)
			write_queue(1, block, sizeof(block));
		close(fd);
		fake_run(&driver);
		assert_int_equal(fake_used_count(&driver, 1), 40);
		fd = open(path, O_RDONLY | O_NONBLOCK);
		drain(fd);
		write_queue(1, block, 5);
		assert_int_equal(fake_used_count(&driver, 1), 1);
		assert_int_equal(drain(fd), 5);
		close(fd);
		finish();
	}
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
}

/* How many bytes come into buffers that are given one by one. */
static size_t receive_all(unsigned int queue, size_t most)
{
	uint32_t written;
	uint16_t head;
	size_t all = 0;

	while (most--) {
		give_buffer(queue, 4096);
		fake_run(&driver);
		if (!fake_used(&driver, queue, &head, &written))
			return all;
		all += written;
	}
	return all;
}

/* Whoever sends and goes: all of it arrives, then the end. */
static void test_input_before_hang_up(void **state)
{
	static char many[150000];
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		start_two(MULTIPORT);
		say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
		assert_string_equal(hear(), "0 1 1");
		assert_string_equal(hear(), "1 1 1");
		say(1, VIRTIO_CONSOLE_PORT_READY, 1);
		assert_string_equal(hear(), "1 7 1 org.x");
		assert_string_equal(hear(), "1 6 1");
		if (i)	/* else only once the sender has gone */
			say(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
		assert_int_equal(send(peers[1], many, sizeof(many),
				      MSG_DONTWAIT), sizeof(many));
		if (i)
			assert_int_equal(receive_all(4, 3), 3 * 4096);
		close(peers[1]);
		peers[1] = -1;
		fake_run(&driver);
		/* Nothing turns round while the guest has no buffers. */
		assert_int_equal(loop_run_once(device->loop, 0), 0);
		assert_string_equal(hear(), "nothing");
		if (!i)
			say(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
		assert_int_equal(receive_all(4, 100),
				 sizeof(many) - (i ? 3 * 4096 : 0));
		assert_string_equal(hear(), "1 6 0");
		finish();
	}
}

/* A buffer of no bytes, or of none to be written, ends no connection. */
static void test_empty_chain_is_no_end(void **state)
{
	struct fake_buffer out;
	uint32_t written;
	uint16_t head;

	(void)state;
	start_two(0);
	out = (struct fake_buffer){ fake_alloc(&driver, 64), 64 };
	fake_add(&driver, 0, &out, 1, 0);
	fake_kick(&driver, 0);
	assert_true(fake_used(&driver, 0, &head, &written));
	assert_int_equal(written, 0);
	give_buffer(0, 16);
	assert_int_equal(send(peers[0], "typed", 5, MSG_NOSIGNAL), 5);
	fake_run(&driver);
	assert_true(fake_used(&driver, 0, &head, &written));
	assert_int_equal(written, 5);
	finish();
}

static void test_no_buffers_in_guest(void **state)
{
	static char many[40000];
	uint32_t written, all = 0;
	uint16_t head;
	size_t i;

	(void)state;
	start_two(0);
	assert_int_equal(send(peers[0], many, sizeof(many), MSG_DONTWAIT),
			 sizeof(many));
	fake_run(&driver);
	for (i = 0; i < sizeof(many) / 1000; i++) {
		give_buffer(0, 1000);
		assert_true(fake_used(&driver, 0, &head, &written));
		all += written;
	}
	assert_int_equal(all, sizeof(many));
	finish();
}

/* Ports that are not, messages that are short, buffers that are small. */
static void test_wrong_driver(void **state)
{
	(void)state;
	start_two(MULTIPORT);
	say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	say(7, VIRTIO_CONSOLE_PORT_READY, 1);
	say(0xffffffff, VIRTIO_CONSOLE_PORT_OPEN, 1);
	say(1, 999, 1);
	write_queue(CONTROL_OUT, "abc", 3);
	assert_int_equal(fake_used_count(&driver, CONTROL_OUT), 1);
	fake_kick(&driver, 5);
	assert_int_equal(fake_status(&driver), 15);
	give_buffer(CONTROL_IN, 5);
	assert_true(fake_status(&driver) & VIRTIO_CONFIG_S_NEEDS_RESET);
	finish();
	/* Queues of other ports, by a driver that knows one only. */
	start_two(0);
	write_queue(5, "x", 1);
	write_queue(3, "x", 1);
	assert_int_equal(fake_used_count(&driver, 5) + fake_used_count(&driver, 3), 0);
	assert_true(recv(peers[1], (char[1]){ 0 }, 1, MSG_DONTWAIT) < 0);
	finish();
}

static void test_ports_are_added_once(void **state)
{
	(void)state;
	start_two(MULTIPORT);
	say(0, VIRTIO_CONSOLE_DEVICE_READY, 0);
	assert_string_equal(hear(), "nothing");
	say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	assert_string_equal(hear(), "0 1 1");
	assert_string_equal(hear(), "1 1 1");
	say(0, VIRTIO_CONSOLE_DEVICE_READY, 0);
	say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	assert_string_equal(hear(), "nothing");
	finish();
}

static void test_emergency_write(void **state)
{
	char got = 0;

	(void)state;
	start_two(0);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 0);
	fake_write(&driver, VIRTIO_MMIO_CONFIG + 8, '!');
	assert_int_equal(read(peers[0], &got, 1), 1);
	assert_int_equal(got, '!');
	finish();
}

/*
 * 5.3.6.2 and 5.3.4: columns, then rows. A console alone has its size in the
 * configuration, and no control queues at all.
 */
static void test_pty_resize(void **state)
{
	struct winsize size = { .ws_col = 132, .ws_row = 50 };
	static const char *const kind[] = {
		"pty", "pty+file=/dev/null", "pty,rows-first+file=/dev/null",
	};
	static const char *const told[] = { "", "0 5 1 <132><0><50><0>",
					    "0 5 1 <50><0><132><0>" };
	char name[64], got[8] = "";
	int fd, i;

	(void)state;
	for (i = 0; i < 3; i++) {
		start(kind[i], MULTIPORT);
		assert_int_equal(virtio_queue_count(device), i ? 6 : 2);
		assert_int_equal(sscanf(driver.line, "%*s port 0 is %63s",
					name), 1);
		fd = open(name, O_RDWR | O_NOCTTY);
		assert_true(fd >= 0);
		if (i) {
			say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
			assert_string_equal(hear(), "0 1 1");
			assert_string_equal(hear(), "1 1 1");
			say(0, VIRTIO_CONSOLE_PORT_READY, 1);
			assert_string_equal(hear(), "0 4 1");
			assert_string_equal(hear(), "0 6 1");
		}
		assert_int_equal(ioctl(fd, TIOCSWINSZ, &size), 0);
		usleep(1100000);
		fake_run(&driver);
		if (i)
			assert_string_equal(hear(), told[i]);
		else
			assert_int_equal(driver.config_interrupts, 1);
		assert_int_equal(fake_read(&driver, VIRTIO_MMIO_CONFIG),
				 50 << 16 | 132);
		write_queue(1, "a\nb", 3);
		assert_int_equal(read(fd, got, sizeof(got)), 3);
		assert_string_equal(got, "a\nb");
		close(fd);
		finish();
	}
}

static void test_socket_port(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char folder[] = "/tmp/ringlet-console.XXXXXX", text[140], got[8] = "";
	int fd, round;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
	snprintf(text, sizeof(text), "unix=%s,name=a", address.sun_path);
	start(text, MULTIPORT);
	say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	assert_string_equal(hear(), "0 1 1");
	say(0, VIRTIO_CONSOLE_PORT_READY, 1);
	assert_string_equal(hear(), "0 7 1 a");
	assert_string_equal(hear(), "0 6 0");
	say(0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	/* Nobody is there: lost, and the buffer comes back. */
	write_queue(1, "lost", 4);
	assert_int_equal(fake_used_count(&driver, 1), 1);
	for (round = 0; round < 2; round++) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&address,
					 sizeof(address)), 0);
		fake_run(&driver);
		assert_string_equal(hear(), "0 6 1");
		write_queue(1, "found", 5);
		assert_int_equal(read(fd, got, sizeof(got)), 5);
		assert_string_equal(got, "found");
		close(fd);
		fake_run(&driver);
		give_buffer(0, 10);
		fake_run(&driver);
		assert_string_equal(hear(), "0 6 0");
	}
	finish();
	assert_int_equal(rmdir(folder), 0);
}

/*
 * What kill -9 leaves does not keep the next start from working; what somebody
 * else listens at, or what is no socket, is refused and stays.
 */
static void test_stale_socket(void **state)
{
	struct virtio_setup setup = { .cpus = 1 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char folder[] = "/tmp/ringlet-console.XXXXXX", text[140], message[256];
	struct virtio_device *second;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
	snprintf(text, sizeof(text), "unix=%s", address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      sizeof(address)), 0);
	close(fd);
	start(text, 0);
	assert_int_equal(vconsole_kind.create(text, &setup, &second, message,
					      sizeof(message)), -EADDRINUSE);
	assert_non_null(strstr(message, "somebody listens there"));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address,
				 sizeof(address)), 0);
	close(fd);
	finish();
	assert_int_not_equal(access(address.sun_path, F_OK), 0);

	close(open(address.sun_path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(vconsole_kind.create(text, &setup, &second, message,
					      sizeof(message)), -EEXIST);
	assert_int_equal(unlink(address.sun_path), 0);
	assert_int_equal(rmdir(folder), 0);
}

static int create_error(const char *text)
{
	struct virtio_setup setup = { .cpus = 1 };
	struct virtio_device *made;
	char message[256];
	int error = vconsole_kind.create(text, &setup, &made, message,
					 sizeof(message));

	if (!error)
		virtio_destroy(made);
	return error;
}

/* A guest once wrote its login prompt into its own disk image by fd=N. */
static void test_fd_of_our_own_is_refused(void **state)
{
	char text[64];
	int own = open("/dev/null", O_RDWR | O_CLOEXEC);
	int handed = open("/dev/null", O_RDWR);

	(void)state;
	snprintf(text, sizeof(text), "fd=%d", own);
	assert_int_equal(create_error(text), -EBADF);
	assert_int_equal(create_error("fd=0"), -EBADF);
	assert_int_equal(create_error("fd=2"), -EBADF);
	snprintf(text, sizeof(text), "fd=%d+fd=%d", handed, handed);
	assert_int_equal(create_error(text), -EBADF);
	close(own);
	handed = open("/dev/null", O_RDWR);
	snprintf(text, sizeof(text), "fd=%d", handed);
	assert_int_equal(create_error(text), 0);
}

static void test_options(void **state)
{
	static const char *const wrong[] = {
		"", "x", "pty=1", "unix", "unix=", "fd=x", "fd=9999",
		"file=/no/such/folder/f", "pty,name=", "pty,name=a/b",
		"pty,size=80", "pty,size=0x25", "pty,size=-1x25",
		"pty,size=80x-1", "pty,size= 80x25", "pty,size=80x", "pty,size=80x25x", "pty,x=1",
		"pty+", "pty+pty+pty+pty+pty+pty+pty+pty+pty",
	};
	struct virtio_setup setup = { .cpus = 1 };
	struct virtio_device *made;
	char message[256];
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		*message = '\0';
		assert_true(vconsole_kind.create(wrong[i], &setup, &made,
						 message,
						 sizeof(message)) < 0);
		assert_true(strlen(message) > 10);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_port_driver),
		cmocka_unit_test(test_multiport_talk),
		cmocka_unit_test(test_named_port),
		cmocka_unit_test(test_back_pressure),
		cmocka_unit_test(test_console_nobody_reads),
		cmocka_unit_test(test_full_fifo),
		cmocka_unit_test(test_input_before_hang_up),
		cmocka_unit_test(test_empty_chain_is_no_end),
		cmocka_unit_test(test_no_buffers_in_guest),
		cmocka_unit_test(test_wrong_driver),
		cmocka_unit_test(test_ports_are_added_once),
		cmocka_unit_test(test_emergency_write),
		cmocka_unit_test(test_pty_resize),
		cmocka_unit_test(test_socket_port),
		cmocka_unit_test(test_stale_socket),
		cmocka_unit_test(test_fd_of_our_own_is_refused),
		cmocka_unit_test(test_options),
	};

	peers[0] = peers[1] = -1;
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("vconsole", tests, NULL, NULL);
}
