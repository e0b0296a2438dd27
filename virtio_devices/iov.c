// SPDX-License-Identifier: GPL-2.0
/* Lists of memory pieces. See iov.h. */
#include <string.h>

#include "iov.h"

size_t iov_size(const struct iovec *iov, unsigned int count)
{
	size_t sum = 0;

	while (count--)
		sum += iov++->iov_len;
	return sum;
}

/*
 * The one walk that all copies share: piece by piece from offset on, step()
 * is called with each place in the list and its distance from the start.
 */
static size_t walk(const struct iovec *iov, unsigned int count, size_t offset,
		   size_t bytes, void (*step)(void *place, size_t at,
					      size_t size, void *argument),
		   void *argument)
{
	size_t done = 0, here;

	for (; count && done < bytes; count--, iov++) {
		if (offset >= iov->iov_len) {
			offset -= iov->iov_len;
			continue;
		}
		here = iov->iov_len - offset;
		if (here > bytes - done)
			here = bytes - done;
		step((char *)iov->iov_base + offset, done, here, argument);
		done += here;
		offset = 0;
	}
	return done;
}

static void step_read(void *place, size_t at, size_t size, void *argument)
{
	memcpy((char *)argument + at, place, size);
}

static void step_write(void *place, size_t at, size_t size, void *argument)
{
	memcpy(place, (const char *)argument + at, size);
}

static void step_zero(void *place, size_t at, size_t size, void *argument)
{
	(void)at;
	(void)argument;
	memset(place, 0, size);
}

size_t iov_read(const struct iovec *iov, unsigned int count, size_t offset,
		void *buffer, size_t bytes)
{
	return walk(iov, count, offset, bytes, step_read, buffer);
}

size_t iov_write(const struct iovec *iov, unsigned int count, size_t offset,
		 const void *buffer, size_t bytes)
{
	return walk(iov, count, offset, bytes, step_write, (void *)buffer);
}

size_t iov_zero(const struct iovec *iov, unsigned int count, size_t offset,
		size_t bytes)
{
	return walk(iov, count, offset, bytes, step_zero, NULL);
}

size_t iov_trim_front(struct iovec **iov, unsigned int *count, size_t bytes)
{
	size_t left = bytes;

	while (*count && left >= (*iov)->iov_len) {
		left -= (*iov)->iov_len;
		(*iov)++;
		(*count)--;
	}
	if (!*count)
		return bytes - left;
	(*iov)->iov_base = (char *)(*iov)->iov_base + left;
	(*iov)->iov_len -= left;
	return bytes;
}

size_t iov_trim_back(struct iovec *iov, unsigned int *count, size_t bytes)
{
	size_t left = bytes;

	while (*count && left >= iov[*count - 1].iov_len) {
		left -= iov[*count - 1].iov_len;
		(*count)--;
	}
	if (!*count)
		return bytes - left;
	iov[*count - 1].iov_len -= left;
	return bytes;
}
