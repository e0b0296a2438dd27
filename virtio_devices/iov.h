/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lists of memory pieces (struct iovec), as a descriptor chain becomes one.
 * All sizes in bytes. Nothing here can run past the end of a list.
 */
#ifndef RINGLET_VIRTIO_IOV_H
#define RINGLET_VIRTIO_IOV_H

#include <stddef.h>
#include <sys/uio.h>

size_t iov_size(const struct iovec *iov, unsigned int count);

/*
 * Copy at most bytes from the list's offset to buffer, or the other way. How
 * many were copied: less than bytes where the list is shorter.
 */
size_t iov_read(const struct iovec *iov, unsigned int count, size_t offset,
		void *buffer, size_t bytes);
size_t iov_write(const struct iovec *iov, unsigned int count, size_t offset,
		 const void *buffer, size_t bytes);
size_t iov_zero(const struct iovec *iov, unsigned int count, size_t offset,
		size_t bytes);

/*
 * Cut the first or the last bytes off: the list is changed in place, *iov and
 * *count too. What is left has no empty piece at that end. How many were cut.
 */
size_t iov_trim_front(struct iovec **iov, unsigned int *count, size_t bytes);
size_t iov_trim_back(struct iovec *iov, unsigned int *count, size_t bytes);

#endif
