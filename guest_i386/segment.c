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
#define TSS_SP0			4u

u32 gdt_base, tss_base;
u16 gdt_limit;
u64 tls[3];		/* of the kernel's GDT, as they were copied; */
static u32 percpu_base;
static bool refused[3];	/* those that the host did not take */

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

/* A register keeps what it once loaded: those with a TLS entry load it again. */
static void reload(void)
{
	static const u8 all[] = { 0, 3, 4, 5 };

	for (unsigned int i = 0; i < sizeof(all); i++) {
		u16 selector = loaded(all[i]);
		unsigned int n = (selector >> 3) - TLS_INDEX;

		if (selector & 4 || n >= 3)
			continue;
		segment_load(all[i], tls[n] & DESCRIPTOR_PRESENT && !refused[n] ?
				     selector : 0);
	}
}

/*
 * The real TLS entries become those of the kernel's GDT. True: they were others. What the
 * host does not take is no entry.
 */
bool segment_sync_tls(void)
{
	bool changed = false;

	for (unsigned int i = 0; i < 3; i++) {
		u64 wanted = descriptor((TLS_INDEX + i) * 8);

		if (wanted == tls[i])
			continue;
		changed = true;
		tls[i] = wanted;
		refused[i] = hypercall(RL_HC_SET_SEGMENT, TLS_INDEX + i, wanted, 0);
		if (refused[i])
			hypercall(RL_HC_SET_SEGMENT, TLS_INDEX + i, 0, 0);
	}
	if (changed)
		reload();
	return changed;
}
