// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin for QEMU's TCG: how often each piece of code runs between two marks of the
 * bench (../bench.h), in the host's world and in the guest's, and how long the host is
 * busy with each kind of exit. ./run builds and reads it.
 *
 *	-plugin plugin.so,out=FILE,to_guest=OFFSET,to_host=OFFSET:...,hypercall=OFFSET,
 *		kind=NAME:OFFSET,...
 *
 * The offsets are in the window: what stands behind the loads of CR3, and the way in of
 * hypercalls. A kind is a function of the module by which an exit is classed, by its
 * offset in .text; of those that ran the last of the list counts. Where .text begins is
 * told by a mark.
 *
 * QEMU 7.2 has no header for plugins in Debian, so what is used is declared here.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*executed)(unsigned int cpu, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
		void (*f)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, executed,
					    int flags, void *data);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int op,
					      void *counter, uint64_t add);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *,
						 size_t);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *);
int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

#define WINDOW		0xffff800000000000ull
#define WINDOW_SIZE	0x8000
#define STUBS		0x1000		/* of 16 bytes, one for each vector */
#define HYPERCALL	256
#define CLASSES		(HYPERCALL + 1 + 64)

/* A block of code: runs, so far and at the mark. */
struct block {
	uint64_t address;
	void *place;		/* in QEMU: two programs may have one address */
	unsigned int world;
	uint64_t count, before;
	struct block *next;
};

static struct block *blocks[1 << 16];
static uint64_t total[2], total_before[2];	/* [world] */
static unsigned int world;	/* 0: the host's; 1: a guest's */
static uint64_t to_guest, to_host[8], hypercall, text;
static unsigned int hosts;
static struct kind {
	const char *name;
	uint64_t offset;
} kinds[64];
static unsigned int nkinds;
static FILE *out;
static bool measuring, in_exit;
static unsigned int vector, kind;	/* of the exit; kind: 0, or 1 + its place */
static uint64_t exit_began;
static struct {
	uint64_t count, sum;
} exits[CLASSES];

static struct block *block_of(uint64_t address, void *place)
{
	uint64_t key = (address ^ (uintptr_t)place) * 0x9e3779b97f4a7c15ull;
	struct block **head = &blocks[key >> 48], *b;

	for (b = *head; b; b = b->next)
		if (b->address == address && b->place == place && b->world == world)
			return b;
	b = calloc(1, sizeof(*b));
	if (!b)
		abort();
	b->address = address;
	b->place = place;
	b->world = world;
	b->next = *head;
	*head = b;
	return b;
}

static void on_to_host(unsigned int cpu, void *data)
{
	(void)cpu, (void)data;
	world = 0;
	kind = 0;
	in_exit = true;
	exit_began = total[0];
}

static void on_to_guest(unsigned int cpu, void *data)
{
	unsigned int class = kind ? HYPERCALL + kind : vector;

	(void)cpu, (void)data;
	if (in_exit && measuring) {
		exits[class].count++;
		exits[class].sum += total[0] - exit_began;
	}
	in_exit = false;
	world = 1;
}

static void on_vector(unsigned int cpu, void *data)
{
	(void)cpu;
	vector = (uintptr_t)data;
}

static void on_kind(unsigned int cpu, void *data)
{
	(void)cpu;
	if ((uintptr_t)data > kind)
		kind = (uintptr_t)data;
}

static void start(void)
{
	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++)
		for (struct block *b = blocks[i]; b; b = b->next)
			b->before = b->count;
	memset(exits, 0, sizeof(exits));
	memcpy(total_before, total, sizeof(total));
	measuring = true;
}

static void stop(void)
{
	if (!measuring)
		return;
	measuring = false;
	fprintf(out, "round %u %llu %llu\n", world,
		(unsigned long long)(total[0] - total_before[0]),
		(unsigned long long)(total[1] - total_before[1]));
	for (unsigned int i = 0; i < CLASSES; i++)
		if (exits[i].count)
			fprintf(out, "exit %s %u %llu %llu\n", i <= HYPERCALL ?
				"vector" : kinds[i - HYPERCALL - 1].name, i,
				(unsigned long long)exits[i].count,
				(unsigned long long)exits[i].sum);
	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++)
		for (struct block *b = blocks[i]; b; b = b->next)
			if (b->count != b->before)
				fprintf(out, "block %u %llx %llu\n", b->world,
					(unsigned long long)b->address,
					(unsigned long long)(b->count - b->before));
	fflush(out);
}

static void on_mark(unsigned int cpu, void *data)
{
	(void)cpu;
	if (data)
		start();
	else
		stop();
}

/* The marks of bench.h: nopl NUMBER(%rax), and nopl NUMBER(%rcx) for an address. */
static void look_for_mark(struct qemu_plugin_insn *insn)
{
	const uint8_t *code = qemu_plugin_insn_data(insn);
	uint32_t number;

	if (qemu_plugin_insn_size(insn) != 7 || code[0] != 0x0f || code[1] != 0x1f)
		return;
	memcpy(&number, code + 3, sizeof(number));
	if (code[2] == 0x81)
		text = 0xffffffff00000000ull | number;
	else if (code[2] == 0x80 && number >> 4 == 0x05a17b0)
		qemu_plugin_register_vcpu_insn_exec_cb(
			insn, on_mark, 0, (void *)(uintptr_t)(number & 1));
}

static void look_at(struct qemu_plugin_insn *insn)
{
	uint64_t address = qemu_plugin_insn_vaddr(insn), offset = address - WINDOW;
	executed what = NULL;
	uintptr_t data = 0;

	look_for_mark(insn);
	if (offset < WINDOW_SIZE) {
		for (unsigned int i = 0; i < hosts; i++)
			if (offset == to_host[i])
				what = on_to_host;
		if (offset == to_guest)
			what = on_to_guest;
		if (offset == hypercall || (offset < STUBS && offset % 16 == 0)) {
			what = on_vector;
			data = offset == hypercall ? HYPERCALL : offset / 16;
		}
	}
	for (unsigned int i = 0; text && i < nkinds; i++)
		if (address - text == kinds[i].offset) {
			what = on_kind;
			data = i + 1;
		}
	if (what)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, what, 0, (void *)data);
}

/* Code is translated in the world where it runs: the two have no text in common but
   the window's, whose blocks end at each load of CR3. */
static void on_block(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb);
	struct qemu_plugin_insn *first = qemu_plugin_tb_get_insn(tb, 0);
	struct block *b = block_of(qemu_plugin_insn_vaddr(first),
				   qemu_plugin_insn_haddr(first));

	(void)id;
	for (size_t i = 0; i < count; i++)
		look_at(qemu_plugin_tb_get_insn(tb, i));
	qemu_plugin_register_vcpu_tb_exec_inline(tb, 0, &b->count, count);
	qemu_plugin_register_vcpu_tb_exec_inline(tb, 0, &total[world], count);
}

static void argument(const char *name, char *value)
{
	if (!strcmp(name, "out")) {
		out = fopen(value, "w");
	} else if (!strcmp(name, "to_guest")) {
		to_guest = strtoull(value, NULL, 16);
	} else if (!strcmp(name, "hypercall")) {
		hypercall = strtoull(value, NULL, 16);
	} else if (!strcmp(name, "to_host")) {
		for (char *at = value; *at && hosts < 8; at += *at == ':')
			to_host[hosts++] = strtoull(at, &at, 16);
	} else if (!strcmp(name, "kind") && nkinds < 64) {
		char *offset = strchr(value, ':');

		if (!offset)
			return;
		*offset = '\0';
		kinds[nkinds].name = strdup(value);
		kinds[nkinds++].offset = strtoull(offset + 1, NULL, 16);
	}
}

__attribute__((visibility("default")))
int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (!value)
			return -1;
		*value = '\0';
		argument(argv[i], value + 1);
	}
	if (!out || !to_guest || !hosts || !hypercall)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
	return 0;
}
