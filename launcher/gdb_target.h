/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A stopped guest as a debugger sees it: registers of its vCPUs, memory by its page
 * tables, breakpoints. All is the guest's own: nothing here leads out of its memory.
 *
 * Whoever calls sees to it that no vCPU runs meanwhile.
 */
#ifndef RINGLET_LAUNCHER_GDB_TARGET_H
#define RINGLET_LAUNCHER_GDB_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"
#include "vm.h"

#define GDB_POINTS_MAX	64	/* software breakpoints */
#define GDB_REGISTERS	42	/* as gdb numbers them; see gdb_target_xml */

extern const char gdb_target_xml[];

enum gdb_stop_kind {
	GDB_STOP_ASKED, GDB_STOP_STEP, GDB_STOP_SOFTWARE, GDB_STOP_HARDWARE,
	GDB_STOP_WATCH,
};

struct gdb_stop {
	enum gdb_stop_kind kind;
	unsigned int vcpu;
	unsigned int watch;	/* GDB_STOP_WATCH: which of `watches` */
};

struct gdb_target {
	const struct guest_memory *memory;
	int vm_fd;
	unsigned int count;
	int fds[RL_VCPUS_MAX];		/* of the vCPUs, by id */
	/* What gdb wants of each when the guest goes on. */
	bool runs[RL_VCPUS_MAX], steps[RL_VCPUS_MAX];
	struct gdb_stop stop;		/* why it stands still */
	struct gdb_point {
		bool used;
		uint64_t gva, gpa;
		uint8_t byte;		/* what was there */
	} points[GDB_POINTS_MAX];
	struct gdb_watch {
		char type;		/* of the packet: 1 to 4; 0: free */
		unsigned int size;	/* bytes */
		uint64_t gva;
	} watches[4];
	const char *refusal;		/* why the last breakpoint was refused */
};

/* GPA of a GVA by the tables of a vCPU, and how many bytes follow in that page. */
bool gdb_walk(const struct gdb_target *, unsigned int vcpu, uint64_t gva,
	      uint64_t *gpa, uint64_t *room);

/* One step of such a walk, for those who want to show it. */
struct gdb_step {
	int level;		/* 4 to 1 */
	uint64_t at, entry;	/* GPA of the entry, and what it holds */
};
/* Steps from the top on; as many as were taken. The last one need not be present. */
int gdb_walk_steps(const struct gdb_target *, unsigned int vcpu, uint64_t gva,
		   struct gdb_step steps[4]);

/* Bytes read or written from gva on; less than size where there is no memory. */
size_t gdb_read(const struct gdb_target *, unsigned int vcpu, uint64_t gva,
		void *to, size_t size);
size_t gdb_write(const struct gdb_target *, unsigned int vcpu, uint64_t gva,
		 const void *from, size_t size);

/*
 * The place of register `number` in `regs`, and its size in *size, 0: there is no such
 * register; NULL with a size: it has no value here.
 */
void *gdb_register(struct rl_regs *regs, unsigned int number, size_t *size);

/* Types are those of the Z packet. 0 or -errno, with `refusal` set. */
int gdb_insert(struct gdb_target *, unsigned int vcpu, char type, uint64_t gva,
	       unsigned int size);
void gdb_remove(struct gdb_target *, char type, uint64_t gva);
void gdb_remove_all(struct gdb_target *);

/* Tells the module what `steps` and `watches` say. 0 or -errno. */
int gdb_arm(const struct gdb_target *, unsigned int vcpu);

/*
 * RL_RUN of a vCPU returned with RL_EXIT_DEBUG. True: the guest stops for it, and `stop`
 * says why; false: it goes on, and run->result is set.
 */
bool gdb_judge(struct gdb_target *, unsigned int vcpu, struct rl_run *run);

#endif
