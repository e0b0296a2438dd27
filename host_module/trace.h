/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: /sys/kernel/tracing/events/ringlet. They cost a no-op each until
 * somebody switches them on:
 *
 *	echo 1 >/sys/kernel/tracing/events/ringlet/enable
 *	cat /sys/kernel/tracing/trace_pipe
 *
 * `ringlet trace` draws them; launcher/trace_read.c knows their fields by name.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ringlet

#if !defined(RINGLET_HOST_MODULE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define RINGLET_HOST_MODULE_TRACE_H

#include <linux/tracepoint.h>
#include "vcpu.h"

/* About to enter the guest: where it goes on. */
TRACE_EVENT(rl_entry,
	TP_PROTO(const struct rl_vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		__field(int, vm)
		__field(unsigned int, vcpu)
		__field(u64, rip)
		__field(u64, cs)
	),
	TP_fast_assign(
		__entry->vm = vcpu->vm->id;
		__entry->vcpu = vcpu->id;
		__entry->rip = vcpu->regs->rip;
		__entry->cs = vcpu->regs->cs;
	),
	TP_printk("vm %d vcpu %u rip 0x%llx ring %llu", __entry->vm, __entry->vcpu,
		  __entry->rip, __entry->cs & 3)
);

/* The guest came back: vector (256: hypercall, RAX its number), error code. */
TRACE_EVENT(rl_exit,
	TP_PROTO(const struct rl_vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		__field(int, vm)
		__field(unsigned int, vcpu)
		__field(u64, vector)
		__field(u64, error)
		__field(u64, rip)
		__field(u64, rax)
		__field(u64, address)
	),
	TP_fast_assign(
		__entry->vm = vcpu->vm->id;
		__entry->vcpu = vcpu->id;
		__entry->vector = vcpu->regs->vector;
		__entry->error = vcpu->regs->error;
		__entry->rip = vcpu->regs->rip;
		__entry->rax = vcpu->regs->rax;
		__entry->address = vcpu->regs->vector == 14 ?
				   vcpu->fault_gva : 0;
	),
	TP_printk("vm %d vcpu %u vector 0x%llx error 0x%llx rip 0x%llx rax 0x%llx address 0x%llx",
		  __entry->vm, __entry->vcpu, __entry->vector, __entry->error,
		  __entry->rip, __entry->rax, __entry->address)
);

/* An exception or interrupt goes to the guest's kernel. */
TRACE_EVENT(rl_inject,
	TP_PROTO(const struct rl_vcpu *vcpu, unsigned int vector, u32 error),
	TP_ARGS(vcpu, vector, error),
	TP_STRUCT__entry(
		__field(int, vm)
		__field(unsigned int, vcpu)
		__field(unsigned int, vector)
		__field(u32, error)
		__field(u64, rip)
	),
	TP_fast_assign(
		__entry->vm = vcpu->vm->id;
		__entry->vcpu = vcpu->id;
		__entry->vector = vector;
		__entry->error = error;
		__entry->rip = vcpu->regs->rip;
	),
	TP_printk("vm %d vcpu %u vector %u error 0x%x rip 0x%llx",
		  __entry->vm, __entry->vcpu, __entry->vector, __entry->error,
		  __entry->rip)
);

/* A line is raised at a vCPU: its timer, the console, a device. Any context. */
TRACE_EVENT(rl_raise,
	TP_PROTO(const struct rl_vcpu *vcpu, unsigned int line),
	TP_ARGS(vcpu, line),
	TP_STRUCT__entry(
		__field(int, vm)
		__field(unsigned int, vcpu)
		__field(unsigned int, line)
	),
	TP_fast_assign(
		__entry->vm = vcpu->vm->id;
		__entry->vcpu = vcpu->id;
		__entry->line = line;
	),
	TP_printk("vm %d vcpu %u line %u", __entry->vm, __entry->vcpu,
		  __entry->line)
);

/* A vCPU notified a device of a queue, and an eventfd takes it there. */
TRACE_EVENT(rl_notify,
	TP_PROTO(const struct rl_vcpu *vcpu, u64 gpa, u64 queue),
	TP_ARGS(vcpu, gpa, queue),
	TP_STRUCT__entry(
		__field(int, vm)
		__field(unsigned int, vcpu)
		__field(u64, gpa)
		__field(u64, queue)
	),
	TP_fast_assign(
		__entry->vm = vcpu->vm->id;
		__entry->vcpu = vcpu->id;
		__entry->gpa = gpa;
		__entry->queue = queue;
	),
	TP_printk("vm %d vcpu %u gpa 0x%llx queue %llu", __entry->vm, __entry->vcpu,
		  __entry->gpa, __entry->queue)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
