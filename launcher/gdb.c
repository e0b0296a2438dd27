// SPDX-License-Identifier: GPL-2.0
/*
 * The thread that serves gdb, and the vCPU threads that stand still for it. See gdb.h.
 *
 * Who runs when: `halt` says that all vCPUs shall stand still. A vCPU thread looks at it
 * before each RL_RUN and then waits in gdb_pause(); the gdb thread sends commands to
 * gdb_command() only when all of them wait (all_still()). So registers, memory and the
 * target's lists have one user at a time; `lock` guards the change from one to the other,
 * and the lists where gdb_trap() reads them.
 */
#include "gdb.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "gdb_place.h"
#include "gdb_session.h"
#include "log.h"

#define LOOK_AGAIN_MS	20

struct gdb {
	struct named_socket name;	/* of a unix: one */
	int listener, client, wake_fd;	/* client -1: nobody */
	bool wait;
	bool running;			/* a guest and the thread are there */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t go;		/* halt or ending changed */
	atomic_bool halt;
	atomic_bool ending;
	bool stopped;			/* gdb was told that the guest stands still */
	bool trapped;			/* target.stop is news */
	bool still[RL_VCPUS_MAX];
	struct gdb_vcpu vcpus[RL_VCPUS_MAX];
	struct gdb_target target;
	struct gdb_session session;
	struct gdb_parser parser;
	char frame[GDB_FRAME_MAX];
	size_t frame_size;		/* of the last one, for a NAK */
};

/* --- vCPU threads -------------------------------------------------------------------- */

void gdb_pause(struct gdb *g, unsigned int id)
{
	const struct gdb_vcpu *v = &g->vcpus[id];
	struct timespec until;

	if (!atomic_load(&g->halt) && g->target.runs[id])
		return;
	pthread_mutex_lock(&g->lock);
	while ((atomic_load(&g->halt) || !g->target.runs[id]) && !g->ending &&
	       !v->ending(v->of)) {
		g->still[id] = true;
		eventfd_write(g->wake_fd, 1);
		/* Who ends a vCPU sends signals, and knows nothing of this. */
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += LOOK_AGAIN_MS * 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&g->go, &g->lock, &until);
	}
	g->still[id] = false;
	__atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&g->lock);
}

/* With the lock: the others' next RL_RUN, or this one, returns at once. */
static void halt_all(struct gdb *g)
{
	atomic_store(&g->halt, true);
	for (unsigned int i = 0; i < g->target.count; i++)
		g->vcpus[i].kick(g->vcpus[i].of);
}

void gdb_trap(struct gdb *g, unsigned int id)
{
	struct gdb_stop before;

	pthread_mutex_lock(&g->lock);
	before = g->target.stop;
	/* Nobody to tell: gdb has just gone, and release() is on its way. */
	if (gdb_judge(&g->target, id, g->vcpus[id].run) && g->client >= 0) {
		/* Two at a time: gdb is told of the first, the other's comes again. */
		if (g->trapped)
			g->target.stop = before;
		g->trapped = true;
		halt_all(g);
	}
	pthread_mutex_unlock(&g->lock);
}

/* --- the gdb thread ------------------------------------------------------------------ */

static bool all_still(struct gdb *g)
{
	bool still = true;

	pthread_mutex_lock(&g->lock);
	for (unsigned int i = 0; i < g->target.count; i++)
		still &= g->still[i];
	pthread_mutex_unlock(&g->lock);
	return still;
}

/* From the gdb thread: soon all vCPUs stand still, */
static void halt(struct gdb *g)
{
	pthread_mutex_lock(&g->lock);
	halt_all(g);
	pthread_mutex_unlock(&g->lock);
}

/* and they do; false: the guest ends instead. */
static bool halt_and_wait(struct gdb *g)
{
	halt(g);
	while (!all_still(g) && !g->ending)
		poll(NULL, 0, 1);
	return !g->ending;
}

/* Nothing of a debugger stays in module and guest. All vCPUs stand still. */
static void disarm(struct gdb *g)
{
	const struct rl_debug off = { .flags = 0 };

	gdb_remove_all(&g->target);
	for (unsigned int i = 0; i < g->target.count; i++) {
		vm_set_debug(g->target.fds[i], &off);
		g->target.runs[i] = true;
	}
}

static void resume(struct gdb *g)
{
	pthread_mutex_lock(&g->lock);
	g->stopped = g->trapped = false;
	g->target.stop = (struct gdb_stop){ .kind = GDB_STOP_ASKED };
	for (unsigned int i = 0; i < g->target.count; i++)
		g->still[i] = false;
	atomic_store(&g->halt, false);
	pthread_cond_broadcast(&g->go);
	pthread_mutex_unlock(&g->lock);
}

static void set_client(struct gdb *g, int fd)
{
	pthread_mutex_lock(&g->lock);
	g->client = fd;
	pthread_mutex_unlock(&g->lock);
}

static void part(struct gdb *g)
{
	close(g->client);
	set_client(g, -1);
	log_info("gdb has gone");
}

static void send_all(struct gdb *g, const char *data, size_t size)
{
	while (size) {
		ssize_t sent = send(g->client, data, size, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return;		/* it is read from next, and found gone */
		data += sent;
		size -= sent;
	}
}

static void send_reply(struct gdb *g)
{
	g->frame_size = gdb_frame(g->frame, g->session.reply.data,
				  g->session.reply.size);
	send_all(g, g->frame, g->frame_size);
}

/* The guest goes on as gdb wants; where the module refuses that, it stands still. */
static void serve_resume(struct gdb *g)
{
	int error = 0;

	for (unsigned int i = 0; i < g->target.count && !error; i++)
		error = gdb_arm(&g->target, i);
	if (!error) {
		resume(g);
		return;
	}
	log_warnx("gdb: the module refuses the breakpoints: %s",
		  strerror(-error));
	g->target.stop = (struct gdb_stop){ .kind = GDB_STOP_ASKED };
	gdb_say_stop(&g->session);
	send_reply(g);
}

static void serve_packet(struct gdb *g)
{
	const char *refusal = g->target.refusal;

	if (!g->session.no_ack)
		send_all(g, "+", 1);
	if (!g->stopped)
		return;			/* gdb waits for a stop, and says nothing */
	switch (gdb_command(&g->session, g->parser.data, g->parser.size)) {
	case GDB_ANSWER:
		send_reply(g);
		if (g->target.refusal != refusal)
			log_warnx("gdb: no breakpoint there: %s",
				  g->target.refusal);
		break;
	case GDB_RESUME:
		serve_resume(g);
		break;
	case GDB_GOODBYE:
		send_reply(g);
		disarm(g);
		/* First: a trap that comes now would halt all, and nobody resumes. */
		part(g);
		resume(g);
		break;
	}
}

static void serve_byte(struct gdb *g, uint8_t byte)
{
	switch (gdb_parse(&g->parser, byte)) {
	case GDB_PACKET:
		serve_packet(g);
		break;
	case GDB_DAMAGED:
		if (!g->session.no_ack)
			send_all(g, "-", 1);
		break;
	case GDB_NAK:
		send_all(g, g->frame, g->frame_size);
		break;
	case GDB_INTERRUPT:
		halt(g);
		break;
	default:
		break;
	}
}

/* Stop the guest without a debugger that could ask for it, and free it. */
static void release(struct gdb *g)
{
	if (!halt_and_wait(g))
		return;
	disarm(g);
	resume(g);
}

static void serve_client(struct gdb *g)
{
	uint8_t bytes[4096];
	ssize_t got = recv(g->client, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		part(g);
		release(g);
		return;
	}
	for (ssize_t i = 0; i < got && g->client >= 0; i++)
		serve_byte(g, bytes[i]);
}

/* One at a time; the guest stands still for whoever comes. */
static void serve_listener(struct gdb *g)
{
	const struct timeval patience = { .tv_sec = 2 };
	int fd = accept4(g->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	/* Who does not read does not keep this thread from its end. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	set_client(g, fd);
	g->stopped = false;
	g->frame_size = 0;
	memset(&g->parser, 0, sizeof(g->parser));
	memset(&g->session, 0, sizeof(g->session));
	g->session.target = &g->target;
	log_info("gdb has come");
	halt_and_wait(g);
	/* It asks why, so it is not told. */
	g->stopped = true;
	g->trapped = false;
	g->target.stop = (struct gdb_stop){ .kind = GDB_STOP_ASKED };
}

/* The guest came to a stand: gdb waits to hear of it. */
static void look_at_guest(struct gdb *g)
{
	if (g->client < 0 || g->stopped || !atomic_load(&g->halt) ||
	    !all_still(g))
		return;
	g->stopped = true;
	gdb_say_stop(&g->session);
	send_reply(g);
}

static void *gdb_thread(void *argument)
{
	struct gdb *g = argument;
	eventfd_t ignored;

	prctl(PR_SET_NAME, "gdb");
	while (!g->ending) {
		struct pollfd fds[2] = {
			{ g->client < 0 ? g->listener : g->client, POLLIN, 0 },
			{ g->wake_fd, POLLIN, 0 },
		};

		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			eventfd_read(g->wake_fd, &ignored);
		look_at_guest(g);
		if (fds[0].revents && g->client < 0)
			serve_listener(g);
		else if (fds[0].revents)
			serve_client(g);
	}
	return NULL;
}

/* --- beginnings and ends --------------------------------------------------------------- */

struct gdb *gdb_open(const char *place, bool wait)
{
	struct gdb *g = calloc(1, sizeof(*g));
	int error = -ENOMEM;

	if (!g)
		goto fail;
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->go, NULL);
	g->client = -1;
	g->wait = wait;
	g->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g->listener = gdb_listen(place, &g->name);
	error = g->listener < 0 ? g->listener : g->wake_fd < 0 ? -errno : 0;
	if (!error)
		return g;
	gdb_close(g);
fail:
	errno = -error;
	log_warn("--gdb %s%s", place, named_socket_advice(error));
	return NULL;
}

void gdb_close(struct gdb *g)
{
	if (!g)
		return;
	if (g->listener >= 0)
		close(g->listener);
	if (g->wake_fd >= 0)
		close(g->wake_fd);
	named_socket_close(&g->name);
	pthread_cond_destroy(&g->go);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

int gdb_begin(struct gdb *g, int vm_fd, const struct guest_memory *memory,
	      const struct gdb_vcpu *vcpus, unsigned int count)
{
	int error;

	memset(&g->target, 0, sizeof(g->target));
	g->target.memory = memory;
	g->target.vm_fd = vm_fd;
	g->target.count = count;
	for (unsigned int i = 0; i < count; i++) {
		g->vcpus[i] = vcpus[i];
		g->target.fds[i] = vcpus[i].fd;
		g->target.runs[i] = true;
		g->still[i] = false;
	}
	g->ending = g->stopped = g->trapped = false;
	atomic_store(&g->halt, g->wait);
	if (g->wait)
		log_warnx("the guest waits for gdb");
	g->wait = false;
	error = -pthread_create(&g->thread, NULL, gdb_thread, g);
	g->running = !error;
	return error;
}

void gdb_end(struct gdb *g)
{
	if (!g->running)
		return;
	pthread_mutex_lock(&g->lock);
	g->ending = true;
	pthread_cond_broadcast(&g->go);
	pthread_mutex_unlock(&g->lock);
	eventfd_write(g->wake_fd, 1);
	pthread_join(g->thread, NULL);
	g->running = false;
	if (g->client < 0)
		return;
	/* "The process has exited." */
	g->session.reply.size = 0;
	gdb_say(&g->session.reply, "W00");
	send_reply(g);
	part(g);
}
