// SPDX-License-Identifier: GPL-2.0
/*
 * Names for the counters, and the report as JSON text. Writing it to a file is
 * in stats_file.c.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../abi/guest.h"
#include "log.h"
#include "stats.h"

static const char *const exception_names[32] = {
	[0] = "#DE", [1] = "#DB", [2] = "NMI", [3] = "#BP", [4] = "#OF",
	[5] = "#BR", [6] = "#UD", [7] = "#NM", [8] = "#DF", [10] = "#TS",
	[11] = "#NP", [12] = "#SS", [13] = "#GP", [14] = "#PF", [16] = "#MF",
	[17] = "#AC", [18] = "#MC", [19] = "#XF", [20] = "#VE", [21] = "#CP",
};

static const char *const hypercall_names[RL_HC_COUNT] = {
	[RL_HC_SET_CR3] = "set_cr3",
	[RL_HC_FLUSH_ONE] = "flush_one",
	[RL_HC_FLUSH_USER] = "flush_user",
	[RL_HC_FLUSH_KERNEL] = "flush_kernel",
	[RL_HC_DELIVER] = "deliver",
	[RL_HC_HALT] = "halt",
	[RL_HC_SET_TRAP] = "set_trap",
	[RL_HC_SET_TLS] = "set_tls",
	[RL_HC_SET_LDT] = "set_ldt",
	[RL_HC_SET_DR] = "set_dr",
	[RL_HC_GET_DR] = "get_dr",
	[RL_HC_SET_TIMER] = "set_timer",
	[RL_HC_WALLCLOCK] = "wallclock",
	[RL_HC_CONSOLE_WRITE] = "console_write",
	[RL_HC_CONSOLE_READ] = "console_read",
	[RL_HC_SHUTDOWN] = "shutdown",
	[RL_HC_RDMSR] = "rdmsr",
	[RL_HC_WRMSR] = "wrmsr",
	[RL_HC_CPUID] = "cpuid",
	[RL_HC_INIT] = "init",
	[RL_HC_DROP_SPACE] = "drop_space",
	[RL_HC_START_VCPU] = "start_vcpu",
	[RL_HC_STOP_VCPU] = "stop_vcpu",
	[RL_HC_SEND_IPI] = "send_ipi",
	[RL_HC_FLUSH_VCPUS] = "flush_vcpus",
	[RL_HC_SET_SEGMENT] = "set_segment",
	[RL_HC_PARK] = "park",
	[RL_HC_UNPARK] = "unpark",
	[RL_HC_SEND_NMI] = "send_nmi",
	[RL_HC_ROUTE_LINE] = "route_line",
};

_Static_assert(RL_HC_COUNT <= RL_STAT_HYPERCALLS, "counters for all");

const char *stats_exit_name(unsigned int index, char *buffer, size_t size)
{
	if (index == RL_EXITS_HYPERCALL)
		return "hypercall";
	if (index < 32 && exception_names[index])
		return exception_names[index];
	snprintf(buffer, size, "%s 0x%02x", index < 32 ? "vector" : "irq",
		 index);
	return buffer;
}

const char *stats_hypercall_name(unsigned int number, char *buffer,
				 size_t size)
{
	if (number < RL_HC_COUNT && hypercall_names[number])
		return hypercall_names[number];
	snprintf(buffer, size, "hypercall %u", number);
	return buffer;
}

/* struct rl_stats is nothing but 64-bit counters. */
void stats_add(struct stats_report *report, const struct rl_stats *vm)
{
	uint64_t *to = (uint64_t *)&report->total;
	const uint64_t *from = (const uint64_t *)vm;
	uint64_t peak = report->total.shadow_pages_peak;
	size_t i;

	for (i = 0; i < sizeof(*vm) / sizeof(*from); i++)
		to[i] += from[i];
	report->total.shadow_pages = vm->shadow_pages;
	report->total.pages_known = vm->pages_known;
	report->total.shadow_pages_peak =
		vm->shadow_pages_peak > peak ? vm->shadow_pages_peak : peak;
	report->boots++;
}

static void put(struct json_object *object, const char *name, uint64_t value)
{
	json_object_object_add(object, name, json_object_new_uint64(value));
}

static void put_text(struct json_object *object, const char *name,
		     const char *text)
{
	json_object_object_add(object, name, json_object_new_string(text));
}

/* Only what happened: 257 counters are mostly zeros. */
static struct json_object *exits_object(const struct rl_stats *stats)
{
	struct json_object *object = json_object_new_object();
	char name[32];
	unsigned int i;

	for (i = 0; i < RL_STAT_VECTORS; i++)
		if (stats->exits[i])
			put(object, stats_exit_name(i, name, sizeof(name)),
			    stats->exits[i]);
	return object;
}

/* All that have a name, so that a script finds the zeros too. */
static struct json_object *hypercalls_object(const struct rl_stats *stats)
{
	struct json_object *object = json_object_new_object();
	char name[32];
	unsigned int i;

	for (i = 0; i < RL_STAT_HYPERCALLS; i++)
		if (i < RL_HC_COUNT || stats->hypercalls[i])
			put(object,
			    stats_hypercall_name(i, name, sizeof(name)),
			    stats->hypercalls[i]);
	return object;
}

static struct json_object *injected_object(const struct rl_stats *stats)
{
	struct json_object *object = json_object_new_object();

	put(object, "faults", stats->injected_faults);
	put(object, "interrupts", stats->injected_interrupts);
	return object;
}

static struct json_object *shadow_object(const struct rl_stats *stats)
{
	struct json_object *object = json_object_new_object();

	put(object, "pages", stats->shadow_pages);
	put(object, "pages_peak", stats->shadow_pages_peak);
	put(object, "fills", stats->shadow_fills);
	put(object, "syncs", stats->shadow_syncs);
	put(object, "zaps", stats->shadow_zaps);
	return object;
}

static struct json_object *devices_object(const struct rl_stats *stats)
{
	struct json_object *object = json_object_new_object();

	put(object, "accesses", stats->mmio_exits);
	put(object, "notifications", stats->mmio_signalled);
	put(object, "status_accesses", stats->mmio_status);
	put(object, "interrupts", stats->irqfd_signals);
	return object;
}

/* What each device did, in the order of the command line. */
static struct json_object *each_device_object(const struct devices *devices)
{
	struct json_object *list = json_object_new_array();
	struct virtio_counters counters;
	struct json_object *object;

	for (unsigned int i = 0; i < devices_count(devices); i++) {
		virtio_get_counters(devices_get(devices, i), &counters);
		object = json_object_new_object();
		put_text(object, "name", virtio_name(devices_get(devices, i)));
		put(object, "notifications", counters.kicks);
		put(object, "buffers", counters.chains);
		put(object, "interrupts", counters.interrupts);
		put(object, "interrupts_saved", counters.suppressed);
		put(object, "dropped", counters.dropped);
		put(object, "resets_needed", counters.broken);
		json_object_array_add(list, object);
	}
	return list;
}

static void put_counters(struct json_object *object,
			 const struct rl_stats *stats)
{
	json_object_object_add(object, "exits", exits_object(stats));
	json_object_object_add(object, "hypercalls", hypercalls_object(stats));
	json_object_object_add(object, "injected", injected_object(stats));
	json_object_object_add(object, "shadow", shadow_object(stats));
	json_object_object_add(object, "devices", devices_object(stats));
	put(object, "entries", stats->entries);
	put(object, "user_exits", stats->user_exits);
	put(object, "emulated", stats->emulated);
	put(object, "halts", stats->halts);
	put(object, "migrations", stats->migrations);
	put(object, "nmis", stats->nmis);
	put(object, "pages_known", stats->pages_known);
	put(object, "guest_ns", stats->guest_ns);
	put(object, "host_ns", stats->host_ns);
}

char *stats_to_json(const struct stats_report *report)
{
	struct json_object *object = json_object_new_object();
	const char *text;
	char *copy;

	if (!object)
		return NULL;
	put_text(object, "kernel", report->kernel);
	if (report->release)
		put_text(object, "release", report->release);
	put(object, "memory", report->memory);
	put(object, "boots", report->boots);
	put_text(object, "end", report->end);
	put_text(object, "reason", report->reason);
	put(object, "exit_status", report->exit_status);
	put(object, "start_ns", report->start_ns);
	put(object, "wall_ns", report->wall_ns);
	put_counters(object, &report->total);
	json_object_object_add(object, "each_device",
			       each_device_object(report->devices));
	text = json_object_to_json_string_ext(object,
			JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
			JSON_C_TO_STRING_NOSLASHESCAPE);
	copy = text ? strdup(text) : NULL;
	json_object_put(object);
	return copy;
}

static unsigned long long sum(const __u64 *counters, unsigned int count)
{
	unsigned long long all = 0;

	while (count--)
		all += counters[count];
	return all;
}

void stats_show(const struct rl_stats *stats)
{
	const __u64 *exits = stats->exits;

	log_warnx("exits %llu: #PF %llu, #GP %llu, hypercalls %llu; to the "
		  "launcher %llu", sum(exits, RL_STAT_VECTORS), exits[14],
		  exits[13], exits[RL_EXITS_HYPERCALL], stats->user_exits);
	log_warnx("injected: %llu interrupts, %llu faults; emulated %llu, "
		  "halts %llu", stats->injected_interrupts,
		  stats->injected_faults, stats->emulated, stats->halts);
	log_warnx("shadow pages %llu (most %llu), fills %llu, syncs %llu, "
		  "zaps %llu", stats->shadow_pages, stats->shadow_pages_peak,
		  stats->shadow_fills, stats->shadow_syncs,
		  stats->shadow_zaps);
	log_warnx("in the guest %.3f s, in the host for it %.3f s",
		  stats->guest_ns / 1e9, stats->host_ns / 1e9);
}
