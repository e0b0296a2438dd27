// SPDX-License-Identifier: GPL-2.0
/*
 * More than one processor: how Linux learns of them, starts them, speaks to them and
 * stops them.
 *
 * A processor's number is the vCPU's id, its APIC's ID and Linux's number of the CPU.
 * There is no APIC: the kernel's driver for none (apic_noop) serves what asks for one.
 */
#include "layer.h"

#define NO_ACPI_ID	0xffffffff
#define APIC_VERSION	0x10
#define SIPI_SECONDS	5
#define STOP_MS		1000
#define NMI_VECTOR	2

/* One of the groups is missing in each kernel. */
extern unsigned long phys_cpu_present_map[] __weak;
extern u8 boot_cpu_apic_version __weak;
extern unsigned int boot_cpu_physical_apicid __weak;
extern int smp_found_config;
extern char apic_noop[];		/* apic */
extern void *real_mode_header;
extern void (*initial_code)(void *unused);

#define SMP(hook)	field(pointer, smp_ops, smp_ops, hook)

/* --- how many there are --- */

/* Until Linux 6.8. The boot CPU's ID has not been read yet. */
static void list_by_bits(void)
{
	unsigned int id;

	if (rl_cpu_count == 1) {
		phys_cpu_present_map[0] |= 1;
		return;
	}
	boot_cpu_physical_apicid = 0;
	boot_cpu_apic_version = APIC_VERSION;
	for (id = 0; id < rl_cpu_count; id++)
		generic_processor_info(id, APIC_VERSION);
}

/* Since Linux 6.9. Who found processors elsewhere than by their APIC has an APIC. */
static void list_by_topology(void)
{
	unsigned int id;

	topology_register_boot_apic(0);
	for (id = 0; id < rl_cpu_count; id++)
		topology_register_apic(id, NO_ACPI_ID, true);
	if (rl_cpu_count == 1)
		return;
	smp_found_config = 1;
	apic_install_driver(apic_noop);
}

/* No table of a BIOS lists them. In the place where Linux reads it. */
void rl_list_cpus(void)
{
	if (has_symbol(topology_register_boot_apic))
		list_by_topology();
	else
		list_by_bits();
}

/* --- starting one --- */

/* The package of a processor with this APIC ID: itself. */
static int package_of(int apic, int bits)
{
	return apic >> bits;
}

/* Whatever was read of an APIC that is not there. */
static unsigned int own_apic(unsigned long nothing)
{
	return rl_this_id();
}

/* The task that Linux has made for it waits there, on its stack. */
static u64 stack_of(unsigned int id)
{
	extern char pcpu_hot[] __weak, current_task[] __weak;
	void *task;

	if (has_symbol(pcpu_hot))
		task = maybe_field(pointer, of_cpu(id, pcpu_hot), pcpu_hot,
				   current_task);
	else
		task = *(void **)of_cpu(id, current_task);
	return field(u64, task, task_struct, thread.sp);
}

/*J: guest.second-processor
 * A PC's second processor wakes up in real mode, below 1 MB, and finds its way through
 * three modes and two page tables to the place where the first one has long been. Here
 * the first one only says where: an instruction, a stack, a GS base, page tables. Linux
 * does all the rest on both sides, believing that an APIC's message was sent.
 :*/
static int wake_cpu(int apic, unsigned long unused)
{
	unsigned int id = apic;
	struct rl_start *start = &rl_cpus[id].start;
	u64 gs_base = __per_cpu_offset[id], until;
	long error;

	if (id >= rl_cpu_count)
		return -ENODEV;
	rl_cpu_prepare(id, gs_base);
	start->rip = (u64)rl_second_start;
	start->rsp = stack_of(id);
	start->rdi = id;
	start->cr3 = gpa_of(init_top_pgt);
	start->gs_base = gs_base;
	/* One that went offline says so just before it stops. */
	until = rdtsc() + SIPI_SECONDS * 1000 * (u64)shared_read(tsc_khz);
	do
		error = rl_hypercall(RL_HC_START_VCPU, id, (u64)start, 0);
	while (error == -EBUSY && rdtsc() < until);
	return error;
}

/* Its first instructions in C, on the stack of its idle task. */
void __noreturn rl_second_cpu(unsigned int id)
{
	u64 *lines = (u64 *)of_this_cpu(entry_stack_storage) +
		     RL_SHARED_IRQS / sizeof(u64);

	rl_cpu_introduce(&rl_cpus[id]);
	/* Whoever was online before may have left a timer that nobody knows now. */
	rl_hypercall(RL_HC_SET_TIMER, ~0ull, 0, 0);
	__atomic_and_fetch(lines, ~(1ull << RL_IRQ_TIMER), __ATOMIC_SEQ_CST);
	scratch_write(CR3, gpa_of(init_top_pgt));
	rl_trap_all();
	initial_code(NULL);
	rl_shutdown(RL_SHUTDOWN_PANIC);
}

/* --- speaking to others --- */

static void send(u64 vcpus, unsigned int line)
{
	rl_hypercall(RL_HC_SEND_IPI, vcpus, line, 0);
}

static void send_reschedule(int cpu)
{
	send(1ull << cpu, RL_LINE_RESCHEDULE);
}

static void send_call_single(int cpu)
{
	send(1ull << cpu, RL_LINE_CALL_SINGLE);
}

static void send_call(const u64 *mask)
{
	send(mask[0], RL_LINE_CALL);
}

/* Linux sends NMIs by its APIC, for backtraces of others, and nothing else here. */
static void send_by_apic(const u64 *mask, int vector)
{
	if (vector == NMI_VECTOR)
		rl_hypercall(RL_HC_SEND_NMI, mask[0], 0, 0);
}

/* --- stopping --- */

void __noreturn rl_stop_this_cpu(void)
{
	rl_irq_save();
	for (;;)
		rl_hypercall(RL_HC_STOP_VCPU, 0, 0, 0);
}

/*
 * On its way offline. Linux takes away all vectors but an APIC's own timer's, and its
 * timer still fires.
 */
static int cpu_disable(void)
{
	int error = native_cpu_disable();

	if (!error)
		rl_interrupt_vectors();
	return error;
}

/* This one goes offline. It may be woken again, and begins anew then. */
static void play_dead(void)
{
	play_dead_common();
	rl_stop_this_cpu();
}

/* All but this one, for a panic or the end. Who has interrupts off does not hear it. */
static void stop_others(int wait)
{
	u64 me = 1ull << rl_this_id();
	u64 until = rdtsc() + STOP_MS * (u64)shared_read(tsc_khz);

	send(READ_ONCE(__cpu_online_mask[0]) & ~me, RL_LINE_STOP);
	while (READ_ONCE(__cpu_online_mask[0]) & ~me && rdtsc() < until)
		asm volatile("pause");
}

/* --- */

static void prepare_cpus(unsigned int most)
{
	/* Nothing is read from it but where the code is that nobody runs. */
	real_mode_header = object(real_mode_header, none);
	field(pointer, apic_noop, apic, wakeup_secondary_cpu_64) = wake_cpu;
	rl_trap_between();
	smp_prepare_cpus_common();
}

/* A guest with one processor is as it was without all this. */
void rl_smp_hooks(void)
{
	while (rl_cpu_count < RL_CPUS && rl_cpu_exists(rl_cpu_count))
		rl_cpu_count++;
	if (rl_cpu_count == 1)
		return;
	set_maybe(pointer, apic_noop, apic, phys_pkg_id, package_of);
	field(pointer, apic_noop, apic, get_apic_id) = own_apic;
	field(pointer, apic_noop, apic, send_IPI_mask) = send_by_apic;
	set_maybe(u8, x86_cpuinit, x86_cpuinit_ops, parallel_bringup, false);
	rl_mmu_many();
	rl_locks_hooks();
	SMP(smp_prepare_cpus) = prepare_cpus;
	SMP(smp_send_reschedule) = send_reschedule;
	SMP(send_call_func_single_ipi) = send_call_single;
	SMP(send_call_func_ipi) = send_call;
	SMP(stop_other_cpus) = stop_others;
	SMP(cpu_disable) = cpu_disable;
	SMP(play_dead) = play_dead;
}
