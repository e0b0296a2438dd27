// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's GDT, of which the real one has what fits: it has 16 entries, Linux's 32.
 *
 * The kernel's code and data are there for good. What a program may have (TLS) is copied
 * before ring 3 sees it, the per-CPU segment when LGDT says where it is. Source: SDM
 * volume 3, 3.4.5.
 */
#include "shim.h"

#define DESCRIPTOR_PRESENT	(1ull << 47)
#define DESCRIPTOR_DPL		(3ull << 45)
#define DPL_1			(1ull << 45)
#define DESCRIPTOR_WRITABLE	(1ull << 41)
#define TSS_SP0			4u

u32 gdt_base, tss_base;
u16 gdt_limit;
u64 tls[3];		/* of the kernel's GDT, as they were copied */
static u32 percpu_base;

static u64 descriptor(u16 selector)
{
	u32 at = selector & ~7u;

	return at + 7 <= gdt_limit ? KERNEL(u64, gdt_base + at) : 0;
}

static u32 base_of(u64 d)
{
	return (d >> 16 & 0xffffff) | (d >> 32 & 0xff000000);
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

	return !(selector & 4) && d & DESCRIPTOR_PRESENT && !(d & DESCRIPTOR_DPL);
}

/* Can ring 3 have it in SS? Of TLS entries, those that are data to be written. */
bool segment_is_stack(u16 selector)
{
	unsigned int n = (selector >> 3) - TLS_INDEX;

	if (selector == USER_SS || selector == HOST_USER_SS)
		return true;
	return (selector & 7) == 3 && n < 3 && tls[n] & DESCRIPTOR_PRESENT &&
	       tls[n] & DESCRIPTOR_WRITABLE;
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
 * One TLS entry becomes `wanted`; what the host does not take is no entry. It is done by a
 * hypercall, behind which the host loads all selectors again, from the table that is then:
 * so those of this entry are not in their registers meanwhile. There they stay away where
 * it is none any more, as on an i386 those do that ring 3 would be left with.
 */
static void set_tls(unsigned int n, u64 wanted)
{
	static const u8 all[] = { 0, 3, 4, 5 };
	u16 had[sizeof(all)];
	bool there;

	for (unsigned int i = 0; i < sizeof(all); i++) {
		had[i] = loaded(all[i]);
		if (had[i] >> 2 != (TLS_INDEX + n) << 1)
			had[i] = 0;
		else
			segment_load(all[i], 0);
	}
	tls[n] = wanted;
	there = !hypercall(RL_HC_SET_SEGMENT, TLS_INDEX + n, wanted, 0);
	if (!there)
		hypercall(RL_HC_SET_SEGMENT, TLS_INDEX + n, 0, 0);
	for (unsigned int i = 0; i < sizeof(all); i++)
		if (had[i] && there && wanted & DESCRIPTOR_PRESENT)
			segment_load(all[i], had[i]);
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
