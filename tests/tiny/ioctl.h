/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tests of the ioctl interface: ioctl.c (used wrongly), interruption.c (while
 * a guest runs), launcher.c (what its user keeps meanwhile), eventfds.c, vcpus.c (more than one),
 * waiting.c (one that waits for another), debugger.c (a debugger in it).
 */
#ifndef TESTS_TINY_IOCTL_H
#define TESTS_TINY_IOCTL_H

#include <errno.h>
#include <sys/types.h>
#include "runner.h"

void check(int good, const char *what, const char *file, int line);
#define CHECK(condition) check((condition) != 0, #condition, __FILE__, __LINE__)
#define FAILS(call, with) \
	check((errno = 0, (call) == -1) && errno == (with), \
	      #call " fails with " #with, __FILE__, __LINE__)

extern struct image image;
extern const char *image_path;
extern int device;
extern const char *skipped;
void open_device(void);
int add_slot(int vm, unsigned int slot, uint64_t gpa, uint64_t size,
	     const void *at);
void *map(size_t size);
void machine_create(struct machine *m);
void machine_destroy(struct machine *m);
int run(int vcpu);
int runs_to_shutdown(struct machine *m);
int wait_status(pid_t pid);
void catch_alarms(void);

void test_interruption(void);
void test_two_threads(void);
void test_close_while_running(void);
void test_fork(void);
void test_kill(void);
void test_rmmod(void);
void test_again(void);
void test_page_replaced(void);
void test_eventfds(void);
void test_ldt(void);
void test_breakpoints(void);
void test_fpu(void);
void test_shadow_stack(void);
void test_debug_refused(void);
void test_debug(void);
void test_debug_handed_on(void);
void test_debug_shadow(void);
void test_vcpu_ids(void);
void test_vcpu_counters(void);
void test_vcpu_waits(void);
void test_vcpu_end(void);
void test_vcpu_kill(void);
void test_vcpu_kill_of_waiter(void);

#endif
