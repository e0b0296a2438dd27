// SPDX-License-Identifier: GPL-2.0
/*
 * Prints what the scanner finds in an unpacked i386 kernel: how many of each kind, and
 * each site, "0xGVA LENGTH KIND"; then each jump that takes the place of some, "window
 * 0xGVA BYTES".
 *
 *	scan VMLINUX
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "launcher/budget.h"
#include "launcher/i386_jump.h"
#include "launcher/i386_scan.h"

static struct i386_jumps jumps;
static uint8_t code[RL_I386_JUMP_BYTES];

static void print_windows(const struct elf_view *view, uint8_t *image,
			  const struct i386_scan *scan)
{
	if (!i386_jump_make_room(view, image) ||
	    i386_map_references(&jumps.map, view, "the image"))
		errx(1, "no jumps");
	i386_jump_start(&jumps, view, image, code);
	for (size_t i = 0; i < scan->count; i++) {
		uint32_t before = jumps.windows;

		i386_jump_over(&jumps, &scan->sites[i]);
		if (jumps.windows != before)
			printf("window 0x%x %u\n", jumps.start,
			       jumps.end - jumps.start);
	}
	printf("jumps %u\n", jumps.windows);
}

int main(int argc, char **argv)
{
	struct kallsyms *symbols;
	struct i386_scan scan;
	struct elf_view view;
	const char *why;
	struct stat st;
	void *data;
	int fd;

	if (argc != 2)
		errx(2, "usage: scan VMLINUX");
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		err(2, "%s", argv[1]);
	data = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		err(2, "%s", argv[1]);
	budget_begin(argv[1], BUDGET_STEPS);
	why = elf_open_i386(&view, data, st.st_size);
	symbols = why ? NULL : kallsyms_read(&view, &why);
	if (!symbols)
		errx(1, "%s: %s", argv[1], why);
	if (i386_map_init(&jumps.map, &view, argv[1]) ||
	    i386_scan(&scan, &jumps.map, &view, symbols, argv[1]))
		return 1;
	printf("symbols %zu\nfunctions %zu\ninstructions %zu\nsites %zu\n",
	       kallsyms_count(symbols), scan.functions, scan.instructions,
	       scan.count);
	for (int kind = 0; kind < I386_KINDS; kind++)
		printf("%s: %zu\n", i386_kind_name(kind), scan.counts[kind]);
	for (size_t i = 0; i < scan.count; i++)
		printf("0x%x %u %s\n", scan.sites[i].gva, scan.sites[i].length,
		       i386_kind_name(scan.sites[i].kind));
	print_windows(&view, data, &scan);
	i386_map_free(&jumps.map);
	i386_scan_free(&scan);
	kallsyms_free(symbols);
	elf_close(&view);
	return 0;
}
