// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's GDT, of which the real one has what fits: it has 16 entries, Linux's 32.
 * And its LDT, of which the host has a copy.
 *
 * The kernel's code and data are there for good. What a program may have (TLS, the LDT) is
 * copied before ring 3 sees it, the per-CPU segment when LGDT says where it is. Source: SDM
 * volume 3, 3.4.5.
 */
#include "shim.h"

#define DESCRIPTOR_PRESENT	(1ull << 47)
#define DESCRIPTOR_DPL		(3ull << 45)
#define DPL_1			(1ull << 45)
#define DESCRIPTOR_SEGMENT	(1ull << 44)
#define DESCRIPTOR_CODE		(1ull << 43)
#define DESCRIPTOR_WRITABLE	(1ull << 41)	/* data; or code that can be read */
#define TSS_SP0			4u

u32 gdt_base, tss_base;
u16 gdt_limit;
u64 tls[3];		/* of the kernel's GDT, as they were copied */
bool ldt_waits;		/* the host has another one than the kernel */
static u32 percpu_base;
static u32 ldt_base, ldt_entries;	/* the kernel's */
static u16 ldt_selector;
static bool ldt_copied;	/* the host has one */

static u64 descriptor(u16 selector)
{
	u32 at = selector & ~7u;

	if (selector & SELECTOR_TI)
		return at < ldt_entries * 8 ? KERNEL(u64, ldt_base + at) : 0;
	return at + 7 <= gdt_limit ? KERNEL(u64, gdt_base + at) : 0;
}

static u32 base_of(u64 d)
{
	return (d >> 16 & 0xffffff) | (d >> 32 & 0xff000000);
}

static u32 limit_of(u64 d)
{
	return (d & 0xffff) | (d >> 32 & 0xf0000);
}

u32 segment_gdt(u16 *limit)
{
	*limit = gdt_limit;
	return gdt_base;
}

void segment_set_gdt(u32 base, u16 limit)
{
	u64 percpu;

	gdt_base = base;
	gdt_limit = limit;
	percpu = descriptor(PERCPU_INDEX * 8);
	percpu_base = base_of(percpu);
	if (percpu & DESCRIPTOR_PRESENT &&
	    hypercall(RL_HC_SET_SEGMENT, PERCPU_FS >> 3,
		      (percpu & ~DESCRIPTOR_DPL) | DPL_1, 0))
		fatal("the host refuses the per-CPU segment", NULL);
}

void segment_set_tss(u16 selector)
{
	tss_base = base_of(descriptor(selector));
}

/* What a per-CPU variable's address is added to. */
u32 segment_percpu(void)
{
	return percpu_base;
}

/* Where the processor would take the kernel's stack from. */
u32 segment_kernel_stack(void)
{
	return KERNEL(u32, tss_base + TSS_SP0);
}

/* Is it one of the kernel's own, that ring 0 could load? */
bool segment_is_kernel(u16 selector)
{
	u64 d = descriptor(selector);

	return !(selector & SELECTOR_TI) && d & DESCRIPTOR_PRESENT && !(d & DESCRIPTOR_DPL);
}

static bool is_present(u64 d, u64 kind)
{
	return (d & (DESCRIPTOR_PRESENT | DESCRIPTOR_SEGMENT | DESCRIPTOR_CODE)) ==
	       (DESCRIPTOR_PRESENT | DESCRIPTOR_SEGMENT | kind);
}

/* Can ring 3 have it in CS? */
bool segment_is_code(u16 selector)
{
	if (selector == USER_CS || selector == HOST_USER_CS)
		return true;
	return (selector & 7) == (SELECTOR_TI | 3) &&
	       is_present(descriptor(selector), DESCRIPTOR_CODE);
}

/* Can ring 3 have it in SS? Of TLS and LDT entries, those that are data to be written. */
bool segment_is_stack(u16 selector)
{
	unsigned int n = (selector >> 3) - TLS_INDEX;
	u64 d = 0;

	if (selector == USER_SS || selector == HOST_USER_SS)
		return true;
	if ((selector & 7) == (SELECTOR_TI | 3))
		d = descriptor(selector);
	else if ((selector & 7) == 3 && n < 3)
		d = tls[n];
	return is_present(d, 0) && d & DESCRIPTOR_WRITABLE;
}

/* which: as instructions number them, 0 ES, 3 DS, 4 FS, 5 GS. It must be loadable. */
void segment_load(unsigned int which, u16 selector)
{
	u32 s = selector;

	switch (which) {
	case 0: asm volatile("movl %0, %%es" :: "r" (s)); break;
	case 3: asm volatile("movl %0, %%ds" :: "r" (s)); break;
	case 4: asm volatile("movl %0, %%fs" :: "r" (s)); break;
	case 5: asm volatile("movl %0, %%gs" :: "r" (s)); break;
	}
}

static u16 loaded(unsigned int which)
{
	u32 s = 0;

	switch (which) {
	case 0: asm volatile("movl %%es, %0" : "=r" (s)); break;
	case 3: asm volatile("movl %%ds, %0" : "=r" (s)); break;
	case 4: asm volatile("movl %%fs, %0" : "=r" (s)); break;
	case 5: asm volatile("movl %%gs, %0" : "=r" (s)); break;
	}
	return s;
}

/*
 * A table changes by a hypercall, behind which the host loads all selectors again, from the
 * table that is then: so those of it are not in their registers meanwhile. There they stay
 * away where they mean nothing any more, as on an i386 those do that ring 3 would be left
 * with.
 */
struct parked {
	u16 had[4];
};
static const u8 parkable[] = { 0, 3, 4, 5 };	/* as segment_load() has them */

/* Those whose bits of `mask` are `value`. */
static void park(struct parked *p, u16 mask, u16 value)
{
	for (unsigned int i = 0; i < sizeof(parkable); i++) {
		p->had[i] = loaded(parkable[i]);
		if ((p->had[i] & mask) == value)
			segment_load(parkable[i], 0);
		else
			p->had[i] = 0;
	}
}

static bool is_loadable(u64 d)
{
	return is_present(d, 0) ||
	       (is_present(d, DESCRIPTOR_CODE) && d & DESCRIPTOR_WRITABLE);
}

static void unpark(const struct parked *p)
{
	for (unsigned int i = 0; i < sizeof(parkable); i++)
		if (p->had[i] && is_loadable(descriptor(p->had[i])))
			segment_load(parkable[i], p->had[i]);
}

/* One TLS entry becomes `wanted`; what the host does not take is no entry. */
static void set_tls(unsigned int n, u64 wanted)
{
	struct parked parked;

	park(&parked, (u16)~3, (TLS_INDEX + n) << 3);
	tls[n] = wanted;
	if (hypercall(RL_HC_SET_SEGMENT, TLS_INDEX + n, wanted, 0))
		hypercall(RL_HC_SET_SEGMENT, TLS_INDEX + n, 0, 0);
	else
		unpark(&parked);
}

/* The real TLS entries become those of the kernel's GDT. True: they were others. */
bool segment_sync_tls(void)
{
	bool changed = false;

	for (unsigned int i = 0; i < 3; i++) {
		u64 wanted = descriptor((TLS_INDEX + i) * 8);

		if (wanted == tls[i])
			continue;
		changed = true;
		set_tls(i, wanted);
	}
	return changed;
}

/* --- the LDT -------------------------------------------------------------------------- */

u16 segment_ldt(void)
{
	return ldt_selector;
}

/*
 * LLDT, which Linux executes when the address space changes, or what modify_ldt() made of
 * its table. Selectors of the old one are in registers then, and are saved later, as a
 * processor keeps what it once loaded. So the host has the old one until the new one is
 * needed.
 */
void segment_set_ldt(u16 selector)
{
	u64 d = selector & ~7u ? descriptor(selector) : 0;

	ldt_selector = selector;
	ldt_base = base_of(d);
	ldt_entries = d & DESCRIPTOR_PRESENT ? (limit_of(d) + 1) / 8 : 0;
	ldt_waits = ldt_entries || ldt_copied;
}

/* The host's copy becomes the kernel's LDT. True: it may have been another one. */
bool segment_sync_ldt(void)
{
	struct parked parked;

	if (!ldt_waits)
		return false;
	ldt_waits = false;
	park(&parked, SELECTOR_TI, SELECTOR_TI);
	if (hypercall(RL_HC_SET_LDT, ldt_base, ldt_entries, 0))
		fatal("the host refuses an LDT", NULL);
	ldt_copied = ldt_entries;
	unpark(&parked);
	return true;
}
