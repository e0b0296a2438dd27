// SPDX-License-Identifier: GPL-2.0
/*
 * The connection to an NBD server: made with a time limit, and made again when
 * it was lost. See blk_nbd.h.
 *
 * libnbd is loaded when the first such disk is asked for: it brings a dozen
 * libraries along, which all other launchers do without.
 *
 * Once a guest runs nothing here waits, but in nbd_link_work() where it is told
 * to. A connection that was lost has another socket than the one after it, so
 * the disk's thread watches an epoll descriptor that stays, with the socket of
 * the day and a timer in it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "blk_nbd.h"

struct nbd_functions libnbd;
unsigned int nbd_patience_ms = 20000;

int nbd_link_load(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int error = 0;

	pthread_mutex_lock(&lock);
	if (!libnbd.library) {
		libnbd.library = dlopen("libnbd.so.0", RTLD_NOW | RTLD_LOCAL);
		error = libnbd.library ? 0 : -ENOPKG;
	}
#define NBD_LOAD(f)                                          \
	if (!error) {                                        \
		libnbd.f = dlsym(libnbd.library, "nbd_" #f); \
		error = libnbd.f ? 0 : -ENOPKG;              \
	}
	NBD_FUNCTIONS(NBD_LOAD)
	pthread_mutex_unlock(&lock);
	return error;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

static void set_timer(const struct nbd_link *link, unsigned int ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000l };
	const struct itimerspec when = { time, time };

	timerfd_settime(link->timer_fd, 0, &when, NULL);
}

static bool is_dead(const struct nbd_link *link)
{
	return libnbd.aio_is_dead(link->handle) ||
	       libnbd.aio_is_closed(link->handle);
}

static void drop(struct nbd_link *link)
{
	if (link->socket_fd >= 0)
		epoll_ctl(link->epoll_fd, EPOLL_CTL_DEL, link->socket_fd, NULL);
	link->socket_fd = -1;
	if (link->handle)
		libnbd.close(link->handle);
	link->handle = NULL;
}

static bool begin(struct nbd_link *link)
{
	link->began_at = now_ms();
	link->handle = libnbd.create();
	return link->handle &&
	       libnbd.aio_connect_unix(link->handle, link->path) >= 0;
}

bool nbd_link_work(struct nbd_link *link, int timeout)
{
	return link->handle && !is_dead(link) &&
	       libnbd.poll(link->handle, timeout) > 0;
}

static int make_fds(struct nbd_link *link)
{
	struct epoll_event event = { .events = EPOLLIN };

	link->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	link->timer_fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (link->epoll_fd < 0 || link->timer_fd < 0 ||
	    epoll_ctl(link->epoll_fd, EPOLL_CTL_ADD, link->timer_fd, &event))
		return -errno;
	return 0;
}

int nbd_link_open(struct nbd_link *link, const char *path, const char **why)
{
	uint64_t passed;

	*link = (struct nbd_link){ .path = path, .socket_fd = -1 };
	*why = "out of memory or file descriptors";
	if (make_fds(link))
		return -EMFILE;
	if (!begin(link)) {
		*why = libnbd.get_error();
		return -ECONNREFUSED;
	}
	while (!libnbd.aio_is_ready(link->handle)) {
		passed = now_ms() - link->began_at;
		if (passed >= NBD_CONNECT_MS) {
			*why = "the server does not answer; does it serve "
			       "another guest? qemu-nbd serves one client at "
			       "a time, and several with --shared=N";
			return -ETIMEDOUT;
		}
		if (libnbd.poll(link->handle, NBD_CONNECT_MS - passed) < 0 ||
		    is_dead(link)) {
			*why = libnbd.get_error();
			return -ECONNREFUSED;
		}
	}
	link->up = true;
	return 0;
}

void nbd_link_close(struct nbd_link *link)
{
	drop(link);
	if (link->timer_fd >= 0)
		close(link->timer_fd);
	if (link->epoll_fd >= 0)
		close(link->epoll_fd);
}

bool nbd_link_ended(const struct nbd_link *link)
{
	return link->up && is_dead(link);
}

void nbd_link_lost(struct nbd_link *link)
{
	drop(link);
	link->up = false;
	link->lost_at = now_ms();
	set_timer(link, NBD_RETRY_MS);
}

bool nbd_link_retry(struct nbd_link *link)
{
	uint64_t ticks;

	if (read(link->timer_fd, &ticks, sizeof(ticks)) == sizeof(ticks) &&
	    !link->handle && !begin(link))
		drop(link);
	if (!link->handle)
		return false;
	if (libnbd.aio_is_ready(link->handle))
		return true;
	if (is_dead(link) || now_ms() - link->began_at > NBD_CONNECT_MS)
		drop(link);
	return false;
}

void nbd_link_accept(struct nbd_link *link)
{
	link->up = true;
	set_timer(link, 0);
}

void nbd_link_refuse(struct nbd_link *link)
{
	drop(link);
}

bool nbd_link_hopeless(const struct nbd_link *link)
{
	return !link->up && now_ms() - link->lost_at > nbd_patience_ms;
}

void nbd_link_watch(struct nbd_link *link)
{
	struct epoll_event event = { 0 };
	unsigned int direction;
	int fd;

	if (!link->handle || is_dead(link))
		return;
	direction = libnbd.aio_get_direction(link->handle);
	if (direction & LIBNBD_AIO_DIRECTION_READ)
		event.events |= EPOLLIN;
	if (direction & LIBNBD_AIO_DIRECTION_WRITE)
		event.events |= EPOLLOUT;
	fd = libnbd.aio_get_fd(link->handle);
	if (link->socket_fd == fd && link->events == event.events)
		return;
	/* A connection that the library makes anew could have another one. */
	if (!epoll_ctl(link->epoll_fd,
		       link->socket_fd == fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
		       fd, &event)) {
		link->socket_fd = fd;
		link->events = event.events;
	}
}
