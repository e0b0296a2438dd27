// SPDX-License-Identifier: GPL-2.0
/*
 * The vCPU threads, one for each vCPU.
 *
 * Stopping it: vcpu_kick() sets stop, then immediate_exit in the run page,
 * then sends a signal. A signal that arrives before RL_RUN is lost, but then
 * the module sees immediate_exit; one that arrives within ends it with EINTR.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "vcpu.h"

/*J: launcher.vcpu
 * A virtual CPU is a thread. The thread asks the module to run the guest, and
 * inside that one ioctl the guest computes, takes its page faults and its
 * interrupts, for seconds perhaps, and this program knows nothing of it. The
 * call returns only for what the module cannot do alone: the guest printed a
 * character, wants typed ones, switched itself off, or committed a crime. The
 * thread does what is asked and calls again.
 *
 * To the host's scheduler such a thread is one like any other. It can be
 * preempted in the middle of the guest, moved to another CPU, stopped with a
 * signal. A virtual machine needs no scheduler of its own, because Linux has
 * a good one.
 :*/

#define KICK_SIGNAL SIGUSR1
#define JOIN_NS (50 * 1000 * 1000)

static void end_guest(struct vcpu *vcpu, enum ending_kind kind,
		      const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void end_guest(struct vcpu *vcpu, enum ending_kind kind,
		      const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(vcpu->ending.reason, sizeof(vcpu->ending.reason), format,
		  arguments);
	va_end(arguments);
	vcpu->ending.kind = kind;
}

/* The module's word on why it ended the guest; a guest may be quoted in it. */
static void end_killed(struct vcpu *vcpu)
{
	vcpu->ending.kind = ENDING_KILLED;
	log_safe(vcpu->ending.reason, sizeof(vcpu->ending.reason),
		 vcpu->run->kill_reason, sizeof(vcpu->run->kill_reason));
}

static void end_shutdown(struct vcpu *vcpu)
{
	switch (vcpu->run->shutdown) {
	case RL_SHUTDOWN_POWEROFF:
		end_guest(vcpu, ENDING_POWEROFF, "%s", "");
		break;
	case RL_SHUTDOWN_REBOOT:
		end_guest(vcpu, ENDING_REBOOT, "%s", "");
		break;
	case RL_SHUTDOWN_PANIC:
		end_guest(vcpu, ENDING_PANIC, "%s", "");
		break;
	default:
		end_guest(vcpu, ENDING_KILLED, "shutdown of unknown kind %u",
			  vcpu->run->shutdown);
	}
}

/* A range that is not guest RAM is the guest's fault, and its answer too. */
static void serve_console_write(struct vcpu *vcpu)
{
	struct rl_run *run = vcpu->run;
	uint64_t bytes = run->bytes;
	const void *data = memory_at(vcpu->memory, run->gpa, bytes);
	ssize_t done;

	run->result = -EFAULT;
	if (!data)
		return;
	done = console_write(STDOUT_FILENO, data, bytes, &vcpu->stop);
	run->result = done;
	if (done < 0)
		end_guest(vcpu, ENDING_OUTPUT, "%s", strerror(-done));
}

static void serve_console_read(struct vcpu *vcpu)
{
	struct rl_run *run = vcpu->run;
	uint64_t bytes = run->bytes;
	void *room = memory_at(vcpu->memory, run->gpa, bytes);
	unsigned int size;
	bool more;

	run->result = -EFAULT;
	if (!room)
		return;
	size = atomic_load(&vcpu->console->size);
	run->result = RL_CONSOLE_RESULT(console_take(vcpu->console, room,
						     bytes, &more),
					size, size >> 16);
	/* The line is an edge: say again that there is something to read. */
	if (more)
		vm_raise_irq(vcpu->vm_fd, RL_IRQ_CONSOLE);
}

static void serve_exit(struct vcpu *vcpu)
{
	switch (vcpu->run->exit_reason) {
	case RL_EXIT_INTERRUPTED:
		break;
	case RL_EXIT_SHUTDOWN:
		end_shutdown(vcpu);
		break;
	case RL_EXIT_KILLED:
		end_killed(vcpu);
		break;
	case RL_EXIT_CONSOLE_WRITE:
		serve_console_write(vcpu);
		break;
	case RL_EXIT_CONSOLE_READ:
		serve_console_read(vcpu);
		break;
	case RL_EXIT_MMIO:
		devices_access(vcpu->devices, vcpu->run);
		break;
	case RL_EXIT_DEBUG:
		if (vcpu->gdb)
			gdb_trap(vcpu->gdb, vcpu->id);
		break;
	default:
		end_guest(vcpu, ENDING_ERROR, "the module stopped for a reason "
			  "that this launcher does not know (%u)",
			  vcpu->run->exit_reason);
	}
}

/* Others use this processor in a way that no guest can run beside. */
static void wait_for_processor(bool *said)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };

	if (!*said)
		log_warnx("the guest stands still: perf uses precise events (PEBS) "
			  "or BTS here; it goes on when they end (perf record "
			  "-e cycles:pp is precise, cycles:u is not)");
	*said = true;
	nanosleep(&pause, NULL);
}

void vcpu_loop(struct vcpu *vcpu)
{
	bool said = false;
	int error;

	while (vcpu->ending.kind == ENDING_NONE) {
		if (vcpu->gdb)
			gdb_pause(vcpu->gdb, vcpu->id);
		if (atomic_load(&vcpu->stop)) {
			end_guest(vcpu, ENDING_STOPPED, "%s", "");
			break;
		}
		error = vm_run(vcpu->fd);
		if (error >= 0)
			serve_exit(vcpu);
		else if (error == -EIO)
			end_killed(vcpu);
		else if (error == -EBUSY)
			wait_for_processor(&said);
		else if (error != -EINTR && error != -EAGAIN)
			end_guest(vcpu, ENDING_ERROR,
				  "the module cannot run the guest: %s",
				  strerror(-error));
	}
}

/*
 * glibc registers a restartable sequence area for each thread. The kernel then
 * wants to update it after each time that the thread slept, and so RL_RUN
 * would return for nothing after each halt. This thread has no use for it.
 */
static void leave_restartable_sequences(void)
{
	unsigned int size = sizeof(struct rseq);
	char *area = (char *)__builtin_thread_pointer() + __rseq_offset;

	if (__rseq_size)
		syscall(SYS_rseq, area, size > __rseq_size ? size : __rseq_size,
			RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

/* The guest runs in any case: the pCPU may have gone offline since we asked. */
static void pin(const struct vcpu *vcpu)
{
	cpu_set_t *set;
	size_t size;

	if (vcpu->pcpu < 0)
		return;
	set = CPU_ALLOC(vcpu->pcpu + 1);
	size = CPU_ALLOC_SIZE(vcpu->pcpu + 1);
	if (!set)
		return;
	CPU_ZERO_S(size, set);
	CPU_SET_S(vcpu->pcpu, size, set);
	if (sched_setaffinity(0, size, set))
		log_warn("--pin: vCPU %u cannot have the host's CPU %d", vcpu->id,
			 vcpu->pcpu);
	CPU_FREE(set);
}

static void *vcpu_thread(void *argument)
{
	struct vcpu *vcpu = argument;
	char name[16];

	leave_restartable_sequences();
	snprintf(name, sizeof(name), "vcpu%u", vcpu->id);
	prctl(PR_SET_NAME, name);
	pin(vcpu);
	vcpu_loop(vcpu);
	eventfd_write(vcpu->done_fd, 1);
	return NULL;
}

/* The signal only has to interrupt; there is nothing to do in a handler. */
static void on_kick(int signal_number)
{
	(void)signal_number;
}

int vcpu_create(struct vcpu *vcpu, unsigned int id, int vm_fd, int done_fd,
		const struct guest_memory *memory, struct console *console)
{
	struct sigaction action = { .sa_handler = on_kick };

	memset(vcpu, 0, sizeof(*vcpu));
	vcpu->id = id;
	vcpu->pcpu = -1;
	vcpu->vm_fd = vm_fd;
	vcpu->done_fd = done_fd;
	vcpu->memory = memory;
	vcpu->console = console;
	vcpu->thread = pthread_self();
	/* No SA_RESTART: the interrupted call must return. */
	sigaction(KICK_SIGNAL, &action, NULL);
	vcpu->fd = vm_create_vcpu(vm_fd, id, &vcpu->run);
	return vcpu->fd < 0 ? vcpu->fd : 0;
}

int vcpu_set_start(struct vcpu *vcpu, uint64_t rip, uint64_t cr3,
		   uint64_t rsi)
{
	struct rl_regs regs;
	int error = vm_get_regs(vcpu->fd, &regs);

	if (error)
		return error;
	regs.rip = rip;
	regs.cr3 = cr3;
	regs.rsi = rsi;
	regs.rflags = 2;	/* the bit that is always set; the real
				   interrupt flag is the module's business */
	return vm_set_regs(vcpu->fd, &regs);
}

void vcpu_destroy(struct vcpu *vcpu)
{
	vm_close_vcpu(vcpu->fd, vcpu->run);
}

int vcpu_start(struct vcpu *vcpu)
{
	return -pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu);
}

bool vcpu_join(struct vcpu *vcpu)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += JOIN_NS;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	return !pthread_timedjoin_np(vcpu->thread, NULL, &until);
}

void vcpu_kick(struct vcpu *vcpu)
{
	atomic_store(&vcpu->stop, true);
	vcpu_interrupt(vcpu);
}

void vcpu_interrupt(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(vcpu->thread, KICK_SIGNAL);
}
