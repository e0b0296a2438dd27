// SPDX-License-Identifier: GPL-2.0
/*
 * Breakpoints, watchpoints and what came of them. See gdb_target.h.
 *
 * A software breakpoint is an INT3 in the guest's memory. The guest has some of its own
 * (it rewrites its code by them), so each #BP is looked up here before it is told to gdb.
 * Hardware ones are the processor's debug registers (SDM volume 3, 18.2).
 */
#include <errno.h>
#include <string.h>

#include "gdb_target.h"

#define INT3		0xcc
#define DR6_STEP	(1ull << 14)

/*
 * The layer stands in for the processor where a guest enters and leaves its kernel: a #BP
 * there would need the very code that it stops, on a stack that is not there yet.
 */
static bool in_layer(uint64_t gva, unsigned int size)
{
	return gva < RL_LAYER_GVA + RL_LAYER_SIZE && gva + size > RL_LAYER_GVA;
}

static bool in_host_slot(uint64_t gva)
{
	unsigned int slot = gva >> 39 & 511;

	return slot == RL_WINDOW_SLOT || slot == RL_ALIAS_SLOT;
}

static int refuse(struct gdb_target *t, const char *why)
{
	t->refusal = why;
	return -EPERM;
}

static struct gdb_point *find_point(struct gdb_target *t, uint64_t gva)
{
	for (unsigned int i = 0; i < GDB_POINTS_MAX; i++)
		if (t->points[i].used && t->points[i].gva == gva)
			return &t->points[i];
	return NULL;
}

static int insert_software(struct gdb_target *t, unsigned int vcpu, uint64_t gva)
{
	struct gdb_point *p = NULL;
	uint64_t room;
	uint8_t *at;

	if (find_point(t, gva))
		return 0;
	for (unsigned int i = 0; i < GDB_POINTS_MAX && !p; i++)
		if (!t->points[i].used)
			p = &t->points[i];
	if (!p)
		return refuse(t, "there are 64 breakpoints already");
	if (!gdb_walk(t, vcpu, gva, &p->gpa, &room))
		return refuse(t, "the guest's tables have nothing at this address");
	at = memory_at(t->memory, p->gpa, 1);
	if (!at)
		return refuse(t, "the guest has no memory at this address");
	p->byte = *at;
	p->gva = gva;
	p->used = true;
	*at = INT3;
	return 0;
}

static int insert_hardware(struct gdb_target *t, char type, uint64_t gva,
			   unsigned int size)
{
	struct gdb_watch *w = NULL;

	if (type == 1)
		size = 1;
	if (size != 1 && size != 2 && size != 4 && size != 8)
		return refuse(t, "a watchpoint has 1, 2, 4 or 8 bytes");
	if (gva & (size - 1))
		return refuse(t, "a watchpoint lies at a multiple of its size");
	for (unsigned int i = 0; i < 4; i++)
		if (!t->watches[i].type)
			w = &t->watches[i];
	if (!w)
		return refuse(t, "the processor has four debug registers");
	*w = (struct gdb_watch){ type, size, gva };
	return 0;
}

int gdb_insert(struct gdb_target *t, unsigned int vcpu, char type, uint64_t gva,
	       unsigned int size)
{
	if ((int64_t)(gva << 16) >> 16 != (int64_t)gva)
		return refuse(t, "this is no address");
	if (in_layer(gva, size) && type < 2)
		return refuse(t, "this is the paravirt layer, which the guest "
				 "needs to take a breakpoint");
	if (in_host_slot(gva) || in_host_slot(gva + 7))
		return refuse(t, "these addresses are the host's");
	return type ? insert_hardware(t, type, gva, size) :
		      insert_software(t, vcpu, gva);
}

/* What the guest wrote there meanwhile stays. */
static void remove_point(struct gdb_target *t, struct gdb_point *p)
{
	uint8_t *at = memory_at(t->memory, p->gpa, 1);

	if (at && *at == INT3)
		*at = p->byte;
	p->used = false;
}

void gdb_remove(struct gdb_target *t, char type, uint64_t gva)
{
	struct gdb_point *p = type ? NULL : find_point(t, gva);

	if (p)
		remove_point(t, p);
	for (unsigned int i = 0; type && i < 4; i++)
		if (t->watches[i].type == type && t->watches[i].gva == gva)
			t->watches[i].type = 0;
}

void gdb_remove_all(struct gdb_target *t)
{
	for (unsigned int i = 0; i < GDB_POINTS_MAX; i++)
		if (t->points[i].used)
			remove_point(t, &t->points[i]);
	memset(t->watches, 0, sizeof(t->watches));
	memset(t->steps, 0, sizeof(t->steps));
}

/* --- the module's side ------------------------------------------------------------ */

/* A watchpoint's bits of DR7: enabled, R/W and LEN. There is none for reads alone. */
static uint64_t dr7_of(const struct gdb_watch *w, unsigned int i)
{
	static const uint8_t length[] = { [1] = 0, [2] = 1, [4] = 3, [8] = 2 };
	uint64_t access = w->type == 1 ? 0 : w->type == 2 ? 1 : 3;

	return 1ull << 2 * i | access << (16 + 4 * i) |
	       (uint64_t)length[w->size] << (18 + 4 * i);
}

int gdb_arm(const struct gdb_target *t, unsigned int vcpu)
{
	struct rl_debug d = { .flags = RL_DEBUG_ON };

	if (t->steps[vcpu])
		d.flags |= RL_DEBUG_STEP;
	for (unsigned int i = 0; i < 4; i++) {
		if (!t->watches[i].type)
			continue;
		d.dr[i] = t->watches[i].gva;
		d.dr7 |= dr7_of(&t->watches[i], i);
	}
	return vm_set_debug(t->fds[vcpu], &d);
}

static void stop_for(struct gdb_target *t, unsigned int vcpu,
		     enum gdb_stop_kind kind)
{
	t->stop = (struct gdb_stop){ .kind = kind, .vcpu = vcpu };
}

/* Is there an INT3, or INT with the number 3, right before this address? */
static bool behind_breakpoint(const struct gdb_target *t, unsigned int vcpu,
			      uint64_t rip)
{
	uint8_t code[2];

	if (gdb_read(t, vcpu, rip - 1, code, 1) == 1 && code[0] == INT3)
		return true;
	return gdb_read(t, vcpu, rip - 2, code, 2) == 2 && code[0] == 0xcd &&
	       code[1] == 3;
}

/* #BP: RIP is behind the INT3. */
static bool judge_breakpoint(struct gdb_target *t, unsigned int vcpu,
			     struct rl_run *run)
{
	struct rl_regs regs;
	bool ours;

	if (vm_get_regs(t->fds[vcpu], &regs))
		return false;
	ours = find_point(t, regs.rip - 1);
	if (!ours && behind_breakpoint(t, vcpu, regs.rip)) {
		run->result = 1;
		return false;
	}
	/* Ours; or it was, and was taken away before this was told. */
	regs.rip--;
	if (vm_set_regs(t->fds[vcpu], &regs))
		return false;
	if (ours)
		stop_for(t, vcpu, GDB_STOP_SOFTWARE);
	return ours;
}

bool gdb_judge(struct gdb_target *t, unsigned int vcpu, struct rl_run *run)
{
	if (run->vector == 3)
		return judge_breakpoint(t, vcpu, run);
	for (unsigned int i = 0; i < 4; i++) {
		if (!(run->dr6 & 1u << i) || !t->watches[i].type)
			continue;
		stop_for(t, vcpu, t->watches[i].type == 1 ? GDB_STOP_HARDWARE :
							    GDB_STOP_WATCH);
		t->stop.watch = i;
		return true;
	}
	/* A breakpoint that was just removed is nobody's. */
	if (!(run->dr6 & DR6_STEP))
		return false;
	stop_for(t, vcpu, GDB_STOP_STEP);
	return true;
}
