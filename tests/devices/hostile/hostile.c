// SPDX-License-Identifier: GPL-2.0
/*
 * A wrong guest: a program of root in the guest that drives virtio devices by
 * hand, through /dev/mem, and plays every trick on their rings. Each must end
 * with DEVICE_NEEDS_RESET, and a reset must make the device whole again.
 *
 * Memory for the rings are locked pages of this program, whose guest-physical
 * addresses /proc/self/pagemap tells.
 */
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/guest.h"

#define MAGIC		0x74726976
#define PAGE		4096u
#define SIZE		16	/* of the queue */
#define DATA		2048	/* in the rings' page: room for tables */
#define STATUS_ALL	15
#define FEATURES_LOW	(1u << VIRTIO_RING_F_INDIRECT_DESC)
#define STEPS_OF_NOISE	20000

static volatile uint8_t *registers;	/* of the device at hand */
static unsigned int queue;		/* the one to play with */
static uint8_t *page;			/* desc, avail, used, data */
static uint64_t page_gpa;
static unsigned int failures;
static uint32_t interrupts;		/* InterruptStatus, all that was seen */

static struct vring_desc *desc;
static volatile uint16_t *avail;

static uint32_t get(unsigned int offset)
{
	return *(volatile uint32_t *)(registers + offset);
}

static void put(unsigned int offset, uint32_t value)
{
	*(volatile uint32_t *)(registers + offset) = value;
}

static void put_address(unsigned int offset, uint64_t gpa)
{
	put(offset, (uint32_t)gpa);
	put(offset + 4, gpa >> 32);
}

/* The guest-physical address of a page of ours. */
static uint64_t gpa_of(const void *address)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (fd < 0 || pread(fd, &entry, 8, (uintptr_t)address / PAGE * 8) != 8)
		perror("/proc/self/pagemap");
	close(fd);
	return (entry & ((1ull << 55) - 1)) * PAGE;
}

static void *locked_page(uint64_t *gpa)
{
	void *address = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);

	if (address == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	memset(address, 0, PAGE);
	*gpa = gpa_of(address);
	if (!*gpa) {
		fputs("no physical addresses: this must run as root\n",
		      stderr);
		exit(2);
	}
	return address;
}

/* From reset up to DRIVER_OK, rings empty. */
static void start(void)
{
	put(VIRTIO_MMIO_STATUS, 0);
	memset(page, 0, PAGE);
	put(VIRTIO_MMIO_STATUS, 1);
	put(VIRTIO_MMIO_STATUS, 3);
	put(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	put(VIRTIO_MMIO_DRIVER_FEATURES, FEATURES_LOW);
	put(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	put(VIRTIO_MMIO_DRIVER_FEATURES, 1);
	put(VIRTIO_MMIO_STATUS, 11);
	put(VIRTIO_MMIO_QUEUE_SEL, queue);
	put(VIRTIO_MMIO_QUEUE_NUM, SIZE);
	put_address(VIRTIO_MMIO_QUEUE_DESC_LOW, page_gpa);
	put_address(VIRTIO_MMIO_QUEUE_AVAIL_LOW, page_gpa + 512);
	put_address(VIRTIO_MMIO_QUEUE_USED_LOW, page_gpa + 1024);
	put(VIRTIO_MMIO_QUEUE_READY, 1);
	put(VIRTIO_MMIO_STATUS, STATUS_ALL);
}

static void set(unsigned int index, uint64_t gpa, uint32_t bytes,
		uint16_t flags, uint16_t next)
{
	desc[index] = (struct vring_desc){ gpa, bytes, flags, next };
}

static void offer(uint16_t head)
{
	avail[2 + avail[1] % SIZE] = head;
	__sync_synchronize();
	avail[1]++;
}

static bool wait_for_reset_wish(void)
{
	for (int i = 0; i < 500; i++) {
		if (get(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET)
			return true;
		usleep(10000);
	}
	return false;
}

/* --- the tricks --- */

static void loop(void)
{
	set(0, page_gpa + DATA, 0, VRING_DESC_F_NEXT, 1);
	set(1, page_gpa + DATA, 0, VRING_DESC_F_NEXT, 0);
	offer(0);
}

static void loop_to_itself(void)
{
	set(5, page_gpa + DATA, 1, VRING_DESC_F_NEXT, 5);
	offer(5);
}

static void head_outside(void)
{
	offer(SIZE);
}

static void next_outside(void)
{
	set(0, page_gpa + DATA, 1, VRING_DESC_F_NEXT, 0xffff);
	offer(0);
}

static void index_jumps(void)
{
	avail[1] = 0x7fff;
}

static void index_goes_back(void)
{
	avail[1] = 0xffff;
}

static void buffer_outside(void)
{
	set(0, 1ull << 46, 64, VRING_DESC_F_WRITE, 0);
	offer(0);
}

static void buffer_in_registers(void)
{
	set(0, RL_MMIO_BASE, 64, VRING_DESC_F_WRITE, 0);
	offer(0);
}

static void buffer_wraps(void)
{
	set(0, UINT64_MAX - 16, 64, VRING_DESC_F_WRITE, 0);
	offer(0);
}

static void buffer_of_4_gb(void)
{
	set(0, 0, UINT32_MAX, VRING_DESC_F_WRITE, 0);
	offer(0);
}

static void readable_after_writable(void)
{
	set(0, page_gpa + DATA, 64, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
	set(1, page_gpa + DATA, 64, 0, 0);
	offer(0);
}

static void table_in_table(void)
{
	struct vring_desc *inner = (void *)(page + DATA);

	*inner = (struct vring_desc){ page_gpa + DATA, 16,
				      VRING_DESC_F_INDIRECT, 0 };
	set(0, page_gpa + DATA, 16, VRING_DESC_F_INDIRECT, 0);
	offer(0);
}

static void table_of_no_size(void)
{
	set(0, page_gpa + DATA, 0, VRING_DESC_F_INDIRECT, 0);
	offer(0);
}

static void table_of_odd_size(void)
{
	set(0, page_gpa + DATA, 24, VRING_DESC_F_INDIRECT, 0);
	offer(0);
}

static void table_of_4_gb(void)
{
	set(0, page_gpa + DATA, 0xfffffff0, VRING_DESC_F_INDIRECT, 0);
	offer(0);
}

static void table_outside(void)
{
	set(0, 1ull << 46, 32, VRING_DESC_F_INDIRECT, 0);
	offer(0);
}

static void table_and_next(void)
{
	set(0, page_gpa + DATA, 16,
	    VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1);
	offer(0);
}

/* These need no notification: the queue cannot be started. */
static void set_up_again(uint32_t size, uint64_t gpa)
{
	put(VIRTIO_MMIO_STATUS, 0);
	put(VIRTIO_MMIO_STATUS, 3);
	put(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	put(VIRTIO_MMIO_DRIVER_FEATURES, 1);
	put(VIRTIO_MMIO_STATUS, 11);
	put(VIRTIO_MMIO_QUEUE_SEL, queue);
	put(VIRTIO_MMIO_QUEUE_NUM, size);
	put_address(VIRTIO_MMIO_QUEUE_DESC_LOW, gpa);
	put_address(VIRTIO_MMIO_QUEUE_AVAIL_LOW, page_gpa + 512);
	put_address(VIRTIO_MMIO_QUEUE_USED_LOW, page_gpa + 1024);
	put(VIRTIO_MMIO_QUEUE_READY, 1);
	put(VIRTIO_MMIO_STATUS, STATUS_ALL);
}

static void queue_of_0(void)
{
	set_up_again(0, page_gpa);
}

static void queue_of_3(void)
{
	set_up_again(3, page_gpa);
}

static void queue_of_32768(void)
{
	set_up_again(32768, page_gpa);
}

static void queue_outside(void)
{
	set_up_again(SIZE, 1ull << 46);
}

static void queue_in_registers(void)
{
	set_up_again(SIZE, RL_MMIO_BASE);
}

#define TRICK(name) { #name, name }
static const struct {
	const char *name;
	void (*play)(void);
} tricks[] = {
	TRICK(loop), TRICK(loop_to_itself), TRICK(head_outside),
	TRICK(next_outside), TRICK(index_jumps), TRICK(index_goes_back),
	TRICK(buffer_outside), TRICK(buffer_in_registers),
	TRICK(buffer_wraps), TRICK(buffer_of_4_gb),
	TRICK(readable_after_writable), TRICK(table_in_table),
	TRICK(table_of_no_size), TRICK(table_of_odd_size),
	TRICK(table_of_4_gb), TRICK(table_outside), TRICK(table_and_next),
	TRICK(queue_of_0), TRICK(queue_of_3), TRICK(queue_of_32768),
	TRICK(queue_outside), TRICK(queue_in_registers),
};

static void fail(unsigned int slot, const char *trick, const char *how)
{
	printf("device %u: %s: %s (status %#x)\n", slot, trick, how,
	       get(VIRTIO_MMIO_STATUS));
	failures++;
}

static void play(unsigned int slot, unsigned int trick)
{
	start();
	if (get(VIRTIO_MMIO_STATUS) != STATUS_ALL)
		fail(slot, tricks[trick].name, "the device did not start");
	tricks[trick].play();
	put(VIRTIO_MMIO_QUEUE_NOTIFY, queue);
	if (!wait_for_reset_wish())
		fail(slot, tricks[trick].name, "no DEVICE_NEEDS_RESET");
	interrupts |= get(VIRTIO_MMIO_INTERRUPT_STATUS);
	put(VIRTIO_MMIO_STATUS, 0);
	if (get(VIRTIO_MMIO_STATUS))
		fail(slot, tricks[trick].name, "it cannot be reset");
	/* 4.2.2.1 */
	if (get(VIRTIO_MMIO_INTERRUPT_STATUS))
		fail(slot, tricks[trick].name,
		     "the reset leaves InterruptStatus");
}

/* Any register, any value; then a reset, notify before ready, and a start. */
static void make_noise(unsigned int slot)
{
	uint32_t seed = 12345 + slot, offset;

	for (int i = 0; i < STEPS_OF_NOISE; i++) {
		seed = seed * 1664525 + 1013904223;
		offset = seed >> 16 & 0x1fc;
		if (i % 16 == 15)
			put(VIRTIO_MMIO_STATUS, seed >> 8 & 15);
		else if (seed & 1)
			put(offset, seed % 5 ? seed >> 9 & 31 : seed);
		else
			get(offset);
	}
	put(VIRTIO_MMIO_STATUS, 0);
	put(VIRTIO_MMIO_QUEUE_NOTIFY, queue);
	start();
	if (get(0) != MAGIC || get(VIRTIO_MMIO_STATUS) != STATUS_ALL)
		fail(slot, "noise", "the device is not what it was");
	put(VIRTIO_MMIO_STATUS, 0);
}

int main(void)
{
	int fd = open("/dev/mem", O_RDWR | O_SYNC);
	unsigned int id, devices = 0, count = sizeof(tricks) / sizeof(*tricks);

	page = locked_page(&page_gpa);
	desc = (void *)page;
	avail = (void *)(page + 512);
	for (unsigned int slot = 0; slot < RL_MMIO_DEVICES; slot++) {
		registers = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				 MAP_SHARED, fd,
				 RL_MMIO_BASE + slot * RL_MMIO_STRIDE);
		if (registers == MAP_FAILED) {
			perror("/dev/mem");
			return 2;
		}
		if (get(0) != MAGIC)
			break;
		devices++;
		/* The first queue of these waits for input; use the other. */
		id = get(VIRTIO_MMIO_DEVICE_ID);
		queue = id == VIRTIO_ID_NET || id == VIRTIO_ID_CONSOLE;
		interrupts = 0;
		for (unsigned int i = 0; i < count; i++)
			play(slot, i);
		if (!interrupts)
			fail(slot, "all", "no InterruptStatus was ever set");
		make_noise(slot);
		munmap((void *)registers, PAGE);
	}
	printf("%u devices, %u tricks each, %u failures\n", devices, count,
	       failures);
	return failures || !devices;
}
