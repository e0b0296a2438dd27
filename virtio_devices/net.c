// SPDX-License-Identifier: GPL-2.0
/*
 * The network device (virtio 1.2, 5.1): its features, configuration and life.
 * The frames pass through net_queues.c; where they go to is a backend's
 * affair (net_backend.h).
 */
#include <endian.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "net.h"
#include "net_device.h"

/*J: devices.net
 * A network device is two queues. Into one the guest puts frames that are to
 * leave; into the other empty buffers, for frames that may arrive at any
 * time. What is on the other side of the cable is none of the guest's
 * business: a *tap* (an interface of the host whose cable ends in a file
 * descriptor), a helper process that turns frames into ordinary sockets
 * (*passt*, so that no privilege is needed), or another guest.
 *
 * The art lies in saying no. If the host is slow, the guest's frames stay in
 * the queue and the guest's own TCP slows down; if the guest is slow, the
 * host's frames stay in the socket. Nowhere is there a list that grows.
 :*/

#define NET_FEATURES						\
	(VIRTIO_BIT(VIRTIO_NET_F_MAC) |				\
	 VIRTIO_BIT(VIRTIO_NET_F_STATUS) |			\
	 VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF) |			\
	 VIRTIO_BIT(VIRTIO_NET_F_CTRL_VQ) |			\
	 VIRTIO_BIT(VIRTIO_NET_F_CTRL_RX) |			\
	 VIRTIO_BIT(VIRTIO_NET_F_CTRL_MAC_ADDR))

#define NET_FEATURES_OFFLOAD					\
	(VIRTIO_BIT(VIRTIO_NET_F_CSUM) |			\
	 VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO4) |			\
	 VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO6) |			\
	 VIRTIO_BIT(VIRTIO_NET_F_HOST_ECN) |			\
	 NET_FEATURES_RECEIVE |					\
	 VIRTIO_BIT(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS))

#define NET_FEATURES_RECEIVE					\
	(VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM) |			\
	 VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO4) |			\
	 VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO6) |			\
	 VIRTIO_BIT(VIRTIO_NET_F_GUEST_ECN))

/* 5.1.3.1: what needs what. */
static const struct {
	unsigned int feature, needs, or_needs;
} net_needs[] = {
	{ VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_CSUM, VIRTIO_NET_F_CSUM },
	{ VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_CSUM, VIRTIO_NET_F_CSUM },
	{ VIRTIO_NET_F_HOST_ECN, VIRTIO_NET_F_HOST_TSO4,
	  VIRTIO_NET_F_HOST_TSO6 },
	{ VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_CSUM,
	  VIRTIO_NET_F_GUEST_CSUM },
	{ VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_CSUM,
	  VIRTIO_NET_F_GUEST_CSUM },
	{ VIRTIO_NET_F_GUEST_ECN, VIRTIO_NET_F_GUEST_TSO4,
	  VIRTIO_NET_F_GUEST_TSO6 },
	{ VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_CTRL_MAC_ADDR, VIRTIO_NET_F_CTRL_VQ,
	  VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, VIRTIO_NET_F_CTRL_VQ,
	  VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_MQ, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ },
};

static bool net_check_features(struct virtio_device *device,
			       uint64_t features)
{
	unsigned int i;

	(void)device;
	for (i = 0; i < sizeof(net_needs) / sizeof(net_needs[0]); i++)
		if (features & VIRTIO_BIT(net_needs[i].feature) &&
		    !(features & (VIRTIO_BIT(net_needs[i].needs) |
				  VIRTIO_BIT(net_needs[i].or_needs))))
			return false;
	return true;
}

void net_set_pairs(struct net *net, unsigned int pairs)
{
	net->pairs = pairs;
	net_queues_forget(net, pairs);
	if (net->backend->ops->set_pairs)
		net->backend->ops->set_pairs(net->backend, pairs);
}

void net_set_offloads(struct net *net, uint64_t features)
{
	net->offloads = features & NET_FEATURES_RECEIVE;
	if (net->backend->offloads)
		net->backend->ops->set_offloads(net->backend, net->offloads);
}

void net_link_changed(struct net *net)
{
	uint16_t status = htole16(net->backend->link_up ?
				  VIRTIO_NET_S_LINK_UP : 0);

	virtio_config_store(&net->device,
			    offsetof(struct virtio_net_config, status),
			    &status, sizeof(status), true);
}

void net_log(struct net *net, const char *format, ...)
{
	char line[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	virtio_log(&net->device, "%s", line);
}

static void net_activate(struct virtio_device *device)
{
	struct net *net = (struct net *)device;

	net->complained = false;
	net_set_offloads(net, device->features);
	net_set_pairs(net, 1);
}

static void net_reset(struct virtio_device *device)
{
	struct net *net = (struct net *)device;

	net_queues_forget(net, 0);
	virtio_config_store(device, offsetof(struct virtio_net_config, mac),
			    net->mac, sizeof(net->mac), false);
}

static void net_notify(struct virtio_device *device, unsigned int queue)
{
	struct net *net = (struct net *)device;
	/* 5.1.2: without MQ there are no others, whatever the driver set up. */
	unsigned int pairs =
		virtio_has(device, VIRTIO_NET_F_MQ) ? net->backend->pairs : 1;

	if (queue == net_control_queue(net) &&
	    virtio_has(device, VIRTIO_NET_F_CTRL_VQ))
		net_control(net);
	else if (queue >= 2 * pairs)
		return;
	else if (queue & 1)
		net_send(net, queue / 2);
	else
		net_receive(net, queue / 2);
}

static uint64_t net_dropped(const struct virtio_device *device)
{
	const struct net *net = (const struct net *)device;

	return atomic_load(&net->drops.header) + atomic_load(&net->drops.size) +
	       atomic_load(&net->drops.backend);
}

static void net_destroy(struct virtio_device *device)
{
	struct net *net = (struct net *)device;

	net->backend->ops->close(net->backend);
	virtio_fini(device);
	close(net->again.fd);
	free(net);
}

static const struct virtio_ops net_ops = {
	.activate = net_activate,
	.reset = net_reset,
	.notify = net_notify,
	.check_features = net_check_features,
	.dropped = net_dropped,
	.destroy = net_destroy,
};

/*
 * A MAC nobody else has: locally administered (the 2 of the first byte), the
 * rest by chance. Only one that was given is the same next time.
 */
static void net_choose_mac(struct net *net, const struct net_options *options)
{
	static const uint8_t prefix[] = { 0x02, 'r', 'l' };

	if (options->has_mac) {
		memcpy(net->mac, options->mac, sizeof(net->mac));
		return;
	}
	memcpy(net->mac, prefix, sizeof(prefix));
	if (getrandom(net->mac + 3, 3, GRND_NONBLOCK) != 3)
		/* An early boot without entropy: different is enough. */
		memcpy(net->mac + 3, (uint32_t[]){ getpid() }, 3);
}

static void net_describe(struct net *net, unsigned int order)
{
	struct net_backend *backend = net->backend;
	struct virtio_net_config config = {
		.status = htole16(backend->link_up ? VIRTIO_NET_S_LINK_UP : 0),
		.max_virtqueue_pairs = htole16(backend->pairs),
		.mtu = htole16(backend->mtu),
	};

	memcpy(config.mac, net->mac, sizeof(config.mac));
	memcpy(net->device.config, &config, sizeof(config));
	/* What lies behind mtu belongs to features not offered. */
	net->device.config_size = offsetof(struct virtio_net_config, speed);
	net->device.ops = &net_ops;
	net->device.id = VIRTIO_ID_NET;
	net->device.queue_count = 2 * backend->pairs + 1;
	net->device.queue_size = NET_QUEUE_SIZE;
	net->device.offered = NET_FEATURES;
	if (backend->offloads)
		net->device.offered |= NET_FEATURES_OFFLOAD;
	if (backend->pairs > 1)
		net->device.offered |= VIRTIO_BIT(VIRTIO_NET_F_MQ);
	if (backend->mtu)
		net->device.offered |= VIRTIO_BIT(VIRTIO_NET_F_MTU);
	snprintf(net->device.name, sizeof(net->device.name), "net%u", order);
	net->pairs = 1;
}

static int net_open_backend(const struct net_options *options,
			    unsigned int cpus, struct net_backend **backend,
			    char *message, size_t message_size)
{
	switch (options->how) {
	case NET_TAP:
		return net_tap_open(options, cpus, backend, message,
				    message_size);
	case NET_USER:
		return net_passt_open(options, backend, message, message_size);
	case NET_UNIX:
		return net_unix_open(options, backend, message, message_size);
	default:
		return net_fd_open(options, backend, message, message_size);
	}
}

/*
 * With the backend there: everything that can only fail for lack of room.
 * Closes the backend where it fails.
 */
static int net_init(struct net *net, unsigned int order)
{
	int error = -EMFILE;

	net_describe(net, order);
	net->again.callback = net_again;
	net->again.argument = net;
	net->again.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (net->again.fd < 0)
		goto close_backend;
	error = virtio_init(&net->device);
	if (error)
		goto close_again;
	net->backend->net = net;
	net->device.needs = net->backend->needs;
	error = loop_watch(net->device.loop, &net->again, EPOLLIN);
	if (!error)
		error = net->backend->ops->start(net->backend,
						 net->device.loop);
	if (!error)
		return 0;
	net->backend->ops->close(net->backend);
	virtio_fini(&net->device);
	close(net->again.fd);
	return error;
close_again:
	close(net->again.fd);
close_backend:
	net->backend->ops->close(net->backend);
	return error;
}

int net_create_on(struct net_backend *backend,
		  const struct net_options *options,
		  const struct virtio_setup *setup,
		  struct virtio_device **device)
{
	struct net *net = calloc(1, sizeof(*net));
	int error;

	if (!net) {
		backend->ops->close(backend);
		return -ENOMEM;
	}
	net->backend = backend;
	net_choose_mac(net, options);
	error = net_init(net, setup->order);
	if (error)
		free(net);
	else
		*device = &net->device;
	return error;
}

static int net_create(const char *text, const struct virtio_setup *setup,
		      struct virtio_device **device, char *message,
		      size_t message_size)
{
	struct net_options options;
	struct net_backend *backend;
	int error = net_options_parse(text, &options, message, message_size);

	if (error)
		return error;
	options.verbose = setup->verbose;
	error = net_open_backend(&options, setup->cpus, &backend, message,
				 message_size);
	if (error)
		return error;
	error = net_create_on(backend, &options, setup, device);
	if (error)
		snprintf(message, message_size, "--net %s: %s", text,
			 strerror(-error));
	return error;
}

const struct virtio_kind net_kind = {
	.option = "net",
	.text_required = true,
	.create = net_create,
};
