// SPDX-License-Identifier: GPL-2.0
/*
 * gdb's connection: who stands still when. Threads here are the vCPUs', and a socket
 * is gdb's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

#include "capture_log.h"
#include "gdb_guest.h"
#include "launcher/gdb.h"
#include "launcher/gdb_packet.h"

static char folder[] = "/tmp/ringlet-gdb-XXXXXX";
static char place[64];
static struct gdb *gdb;
static atomic_bool ending;
static int client;

/* The vCPUs, of which most tests have one. */
static struct vcpu {
	unsigned int id;
	pthread_t thread;
	struct rl_run run;
	atomic_int rounds;
	atomic_int trap;	/* the next round ends with this vector */
} vcpus[2];
static unsigned int count;

/* The C library's, slower where a test wants others to come between. */
static atomic_int close_us;

int close(int fd)
{
	usleep(atomic_load(&close_us));
	return syscall(SYS_close, fd);
}

static void *vcpu(void *argument)
{
	struct vcpu *v = argument;

	while (!atomic_load(&ending)) {
		int vector;

		gdb_pause(gdb, v->id);
		atomic_fetch_add(&v->rounds, 1);
		vector = atomic_exchange(&v->trap, 0);
		if (vector) {
			v->run.vector = vector;
			v->run.dr6 = 1 << 14;
			gdb_trap(gdb, v->id);
		}
		usleep(1000);
	}
	return argument;
}

static void kick(void *of)
{
	struct vcpu *v = of;

	__atomic_store_n(&v->run.immediate_exit, 1, __ATOMIC_SEQ_CST);
}

static bool is_ending(void *of)
{
	(void)of;
	return atomic_load(&ending);
}

static void start_vcpus(void)
{
	for (unsigned int i = 0; i < count; i++)
		pthread_create(&vcpus[i].thread, NULL, vcpu, &vcpus[i]);
}

static void join_vcpus(void)
{
	atomic_store(&ending, true);
	for (unsigned int i = 0; i < count; i++)
		pthread_join(vcpus[i].thread, NULL);
}

static void start(bool wait)
{
	struct gdb_vcpu list[2];

	for (unsigned int i = 0; i < count; i++)
		list[i] = (struct gdb_vcpu){ -1, &vcpus[i].run, kick, is_ending,
					     &vcpus[i] };
	gdb = gdb_open(place, wait);
	assert_non_null(gdb);
	assert_int_equal(gdb_begin(gdb, -1, &guest_memory, list, count), 0);
	start_vcpus();
}

static int begin(void **state)
{
	(void)state;
	guest_begin();
	log_forget();
	ending = false;
	memset(vcpus, 0, sizeof(vcpus));
	vcpus[1].id = 1;
	count = 1;
	strcpy(folder + sizeof(folder) - 7, "XXXXXX");
	snprintf(place, sizeof(place), "unix:%s/gdb", mkdtemp(folder));
	return 0;
}

static int end(void **state)
{
	(void)state;
	join_vcpus();
	gdb_end(gdb);
	gdb_close(gdb);
	guest_end();
	/* The name is gone with it. */
	return rmdir(folder);
}

static void come(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	client = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(address.sun_path, place + 5);
	assert_int_equal(connect(client, (struct sockaddr *)&address,
				 sizeof(address)), 0);
}

/* What comes next: up to the end of a packet. */
static const char *hear(void)
{
	static char said[GDB_FRAME_MAX];
	struct pollfd fd = { client, POLLIN, 0 };
	size_t size = 0;

	memset(said, 0, sizeof(said));
	while (size < 3 || said[size - 3] != '#') {
		assert_int_equal(poll(&fd, 1, 10000), 1);
		assert_int_equal(read(client, said + size, 1), 1);
		size++;
	}
	return said;
}

static const char *tell(const char *data)
{
	char frame[256];
	size_t size = gdb_frame(frame, data, strlen(data));

	assert_int_equal(write(client, frame, size), size);
	return strchr(data, ';') || *data == 'c' ? "" : hear();
}

/*
 * These vCPUs make rounds, a bit for each, and the others none. Whoever shall run is
 * waited for: on a machine with other work 0.1 s may give a thread no time at all.
 */
static void assert_runs(unsigned int expected)
{
	unsigned int found = 0;
	int before[2];

	for (int i = 0; i < 2; i++)
		before[i] = atomic_load(&vcpus[i].rounds);
	for (int tries = 0; tries < 100; tries++) {
		usleep(100000);
		for (int i = 0; i < 2; i++)
			if (atomic_load(&vcpus[i].rounds) > before[i] + 1)
				found |= 1 << i;
		if ((found & expected) == expected)
			break;
	}
	assert_int_equal(found, expected);
}

static void test_conversation(void **state)
{
	(void)state;
	start(false);
	assert_runs(1);
	come();
	assert_string_equal(tell("?"), "+$T02thread:1;#d4");
	assert_runs(0);
	tell("c");
	assert_runs(1);
	assert_int_equal(vcpus[0].run.immediate_exit, 0);
	/* Ctrl-C */
	assert_int_equal(write(client, "\3", 1), 1);
	assert_string_equal(hear(), "+$T02thread:1;#d4");
	assert_runs(0);
	/* A step's end, and a packet that was damaged on the way. */
	assert_string_equal(tell("QStartNoAckMode"), "+$OK#9a");
	tell("vCont;s:1");
	assert_runs(1);
	assert_int_equal(fake_vm.debug.flags, RL_DEBUG_ON | RL_DEBUG_STEP);
	atomic_store(&vcpus[0].trap, 1);
	assert_string_equal(hear(), "$T05thread:1;#d7");
	assert_runs(0);
	assert_int_equal(write(client, "-", 1), 1);
	assert_string_equal(hear(), "$T05thread:1;#d7");
	/* It leaves, and nothing of it stays. */
	assert_string_equal(tell("Z0,ffffffff81008000,1"), "$OK#9a");
	assert_int_equal(guest_ram[GUEST_CODE], 0xcc);
	assert_string_equal(tell("D"), "$OK#9a");
	assert_runs(1);
	assert_int_equal(guest_ram[GUEST_CODE], 0x90);
	assert_int_equal(fake_vm.debug.flags, 0);
	close(client);
	/* And comes again. */
	come();
	assert_string_equal(tell("qC"), "+$QC1#c5");
	assert_runs(0);
	close(client);
}

/* All stand still for one, and gdb says which of them go on. */
static void test_two(void **state)
{
	(void)state;
	count = 2;
	start(false);
	assert_runs(3);
	come();
	assert_string_equal(tell("qfThreadInfo"), "+$m1,2#fc");
	assert_runs(0);
	tell("vCont;c");
	assert_runs(3);
	atomic_store(&vcpus[1].trap, 1);
	assert_string_equal(hear(), "+$T05thread:2;#d8");
	assert_runs(0);
	/* Registers are now those of the one that gdb was told of. */
	assert_string_equal(tell("qC"), "+$QC2#c6");
	tell("vCont;s:2");
	assert_runs(2);
	atomic_store(&vcpus[1].trap, 1);
	assert_string_equal(hear(), "+$T05thread:2;#d8");
	tell("vCont;s:1;c");
	assert_runs(3);
	/* Both at the same time: one of them is told, and none goes on. */
	atomic_store(&vcpus[0].trap, 1);
	atomic_store(&vcpus[1].trap, 1);
	assert_non_null(strstr(hear(), "$T05thread:"));
	assert_runs(0);
	assert_string_equal(tell("D"), "+$OK#9a");
	assert_runs(3);
	close(client);
}

/* Trapped, and not told yet, when gdb says goodbye: nobody would let it go on. */
static void test_trap_at_goodbye(void **state)
{
	(void)state;
	start(false);
	come();
	assert_string_equal(tell("?"), "+$T02thread:1;#d4");
	atomic_store(&vcpus[0].trap, 1);
	atomic_store(&close_us, 50000);
	assert_string_equal(tell("D"), "+$OK#9a");
	assert_runs(1);
	atomic_store(&close_us, 0);
	close(client);
}

/* Without a word, while the guest runs and while it stands. */
static void test_gone(void **state)
{
	(void)state;
	start(false);
	for (int i = 0; i < 2; i++) {
		come();
		tell("Z0,ffffffff81008000,1");
		if (i)
			tell("c");
		close(client);
		for (int j = 0; j < 100 && guest_ram[GUEST_CODE] == 0xcc; j++)
			usleep(10000);
		assert_int_equal(guest_ram[GUEST_CODE], 0x90);
		assert_runs(1);
		assert_int_equal(fake_vm.debug.flags, 0);
	}
}

static void test_wait(void **state)
{
	(void)state;
	start(true);
	assert_logged("waits for gdb");
	assert_runs(0);
	come();
	tell("?");
	assert_runs(0);
	tell("c");
	assert_runs(1);
	close(client);
}

/* The guest ends while gdb is there, waits, or never came: gdb hears of it. */
static void test_end(void **state)
{
	(void)state;
	start(true);
	come();
	tell("?");
	join_vcpus();
	gdb_end(gdb);
	assert_string_equal(hear(), "$W00#b7");
	close(client);
	start_vcpus();		/* for end() */
}

/* The module takes no breakpoint: gdb hears at once that nothing went on. */
static void test_module_refuses(void **state)
{
	(void)state;
	start(false);
	come();
	tell("?");
	fake_vm.debug_error = -EINVAL;
	tell("c");
	assert_string_equal(hear(), "+$T02thread:1;#d4");
	assert_runs(0);
	fake_vm.debug_error = 0;
	close(client);
}

static void test_places(void **state)
{
	static const char *const wrong[] = {
		"", "unix:", "tcp:", "tcp:0", "tcp:65536", "tcp:1x", "gdb",
		"/tmp/x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_non_null(gdb_check_place(wrong[i]));
	assert_null(gdb_check_place("unix:x"));
	assert_null(gdb_check_place("tcp:1234"));
	assert_null(gdb_open("unix:/nonexistent/x", false));
	assert_logged("--gdb unix:/nonexistent/x");
	start(false);
	log_forget();
	assert_null(gdb_open(place, false));
	assert_logged("somebody listens there");
}

/* A port of this machine's own: there, and at no other address of it. */
static void test_port(void **state)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);
	const int taken = socket(AF_INET, SOCK_STREAM, 0);
	int fd;

	(void)state;
	assert_int_equal(bind(taken, (void *)&address, size), 0);
	assert_int_equal(listen(taken, 1), 0);
	getsockname(taken, (void *)&address, &size);
	snprintf(place, sizeof(place), "tcp:%u", ntohs(address.sin_port));
	assert_null(gdb_open(place, false));
	assert_logged("somebody listens there");
	close(taken);

	start(false);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (void *)&address, size), 0);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	assert_int_equal(connect(fd, (void *)&address, size), -1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
		T(test_conversation),
		T(test_two),
		T(test_trap_at_goodbye),
		T(test_gone),
		T(test_wait),
		T(test_end),
		T(test_module_refuses),
		T(test_places),
		T(test_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
