/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tests of the ioctl interface: ioctl.c (used wrongly) and launcher.c (what
 * its user keeps meanwhile), eventfds.c.
 */
#ifndef TESTS_TINY_IOCTL_H
#define TESTS_TINY_IOCTL_H

#include <errno.h>
#include <sys/types.h>
#include "runner.h"

void check(int good, const char *what, int line);
#define CHECK(condition) check((condition) != 0, #condition, __LINE__)
#define FAILS(call, with) \
	check((errno = 0, (call) == -1) && errno == (with), \
	      #call " fails with " #with, __LINE__)

extern struct image image;
extern int device;
extern const char *skipped;
void open_device(void);
void *map(size_t size);
void machine_create(struct machine *m);
void machine_destroy(struct machine *m);
int runs_to_shutdown(struct machine *m);
int wait_status(pid_t pid);

void test_rmmod(void);
void test_again(void);
void test_page_replaced(void);
void test_eventfds(void);
void test_ldt(void);
void test_breakpoints(void);
void test_fpu(void);

#endif
