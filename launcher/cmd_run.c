// SPDX-License-Identifier: GPL-2.0
/*
 * `ringlet run`: from the command line to the exit status.
 *
 *	options -> device -> kernel prepared -> [ machine -> loaded -> running
 *	-> ended ] -> statistics -> exit status
 *
 * The part in brackets is done again when the guest reboots.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot.h"
#include "cache.h"
#include "clock.h"
#include "cmd.h"
#include "cpus.h"
#include "device.h"
#include "devices.h"
#include "events.h"
#include "exit.h"
#include "gdb.h"
#include "log.h"
#include "machine.h"
#include "notify.h"
#include "options.h"
#include "prepare.h"
#include "sandbox.h"
#include "stats.h"
#include "verdict.h"
#include "wishes.h"

/*J: launcher.start
 * Here is everything that starting a virtual machine takes, seen from above.
 * Open the device. Make sure that the guest's kernel has its paravirt layer
 * (most times: find it in the cache). Ask the module for a machine, give it
 * memory, put the kernel there, write the two pages that a boot loader
 * writes, set four registers, and let a thread run it. Then wait.
 *
 * Nothing of it is privileged. The one thing that this program can do and
 * others cannot is to open /dev/ringlet; and whatever it does wrong, or is
 * made to do wrong by its guest, ends with its process: memory, machine and
 * all are given back by the kernel when it exits, however it exits.
 :*/

static const char help[] =
"Usage: ringlet run [options] KERNEL [-- kernel arguments]\n"
"\n"
"Starts KERNEL (a bzImage such as /boot/vmlinuz-..., or an ELF vmlinux) as a\n"
"guest whose console is this terminal.\n"
"\n"
"  -m, --memory SIZE   memory of the guest, with K, M or G; default 512M\n"
"  -c, --cpus N        processors of the guest, at most 64; default 1\n"
"      --pin LIST      the host's processor for each: 0,2 or -,3 (- is any)\n"
"  -i, --initrd FILE   initial RAM disk\n"
"  -a, --append ARGS   kernel arguments, as those behind --\n"
"      --disk FILE     a disk: an image, a block device or nbd:unix:PATH; more\n"
"                      words: ,readonly ,direct ,serial=S ,id=N\n"
"      --net HOW       a network: user, tap=NAME, unix=PATH; more words:\n"
"                      ,mac=M and, with user, ,forward=HOST:GUEST\n"
"      --share DIR     a folder of the host, served by diod; more words:\n"
"                      ,tag=NAME (else share0, share1...) ,readonly\n"
"      --no-rng        no random numbers from the host (the default: --rng)\n"
"      --balloon[=HOW] memory that the guest does not need goes back to the\n"
"                      host; HOW: take=SIZE,socket=PATH\n"
"      --console PORT  one more console: pty, unix=PATH or file=PATH; more\n"
"                      words: ,name=NAME ,size=80x25; more ports: +PORT\n"
"      --stats FILE    write statistics (JSON) to FILE at the end; - is\n"
"                      standard error\n"
"      --escape KEY    escape key, such as ^A (the default) or ^], or none\n"
"      --stop-timeout SECONDS\n"
"                      SIGTERM or ^A p ask the guest to power off; if it does\n"
"                      not within 90 SECONDS, it is ended (0: do not ask)\n"
"      --cache DIR     where prepared kernels are kept\n"
"      --layer FILE    the paravirt layer, where it is not this program's own\n"
"      --user USER     become USER[:GROUP] before the guest runs\n"
"      --chroot DIR    and see only the files below DIR\n"
"      --no-sandbox    keep privileges and system calls, to look for faults\n"
"      --gdb PLACE     gdb may look at the guest's kernel: unix:PATH or tcp:PORT\n"
"                      (of this machine); see ringlet symbols\n"
"      --wait          do not start the guest before gdb has come\n"
"      --config FILE   more options, one on each line of FILE, such as\n"
"                      memory 1G, and kernel FILE\n"
"  -v, --verbose       say what happens, with times; twice: more of it\n"
"  -h, --help          this help\n"
"\n"
"On a terminal: ^A x ends the guest, ^A h lists the other keys. SIGTERM asks it\n"
"to power off, a second one ends it.\n"
"\n"
"Exit status: 0 the guest powered off, 1 an error of launcher or host, 2 bad\n"
"arguments, 3 this host cannot run guests, 4 kernel or initrd not usable, 5 the\n"
"guest panicked, 6 the guest was killed, 7 it did not power off in time, 128+N\n"
"ended by signal N.\n";

/* What stays the same over the guest's reboots. */
struct run {
	struct run_options options;
	struct prepared prepared;
	struct setup_header header;
	struct boot_initrd initrd;
	char *command_line;
	int device_fd;
	struct devices *devices;
	struct gdb *gdb;	/* or NULL */
	struct console console;
	struct events events;
	struct machine machine;
	struct stats_report report;
	bool confined;
	uint64_t called;	/* clock_now() when this command began */
	uint64_t start;		/* the same when the first guest was made */
};

/* Everything that can be wrong before the kernel is looked at. */
static int open_files(struct run *run)
{
	const struct run_options *options = &run->options;
	bool i386 = boot_is_i386(options->kernel);
	int status;

	run->command_line = boot_command_line(i386,
					      options->append, options->words,
					      options->word_count);
	if (!run->command_line)
		return STATUS_USAGE;
	boot_check_console(i386, run->command_line);
	if (options->stats && stats_check_path(options->stats))
		return STATUS_USAGE;
	status = wishes_check(options, i386);
	if (status)
		return status;
	if (access(options->kernel, R_OK)) {
		log_warn("cannot read the kernel %s", options->kernel);
		return STATUS_KERNEL;
	}
	/* An initrd that cannot fit whatever the kernel is said so at once. */
	if (boot_open_initrd(options->initrd, &run->initrd) ||
	    boot_check_memory(options->memory, GUEST_LOW_MEMORY,
			      run->initrd.size))
		return STATUS_KERNEL;
	run->devices = devices_create(options->devices, options->device_count,
				      options->cpus, &status);
	if (!run->devices)
		return status;
	if (options->gdb) {
		run->gdb = gdb_open(options->gdb, options->gdb_wait);
		if (!run->gdb)
			return STATUS_ERROR;
	}
	run->device_fd = device_open();
	return run->device_fd < 0 ? STATUS_HOST : cpus_check(options, run->device_fd);
}

static int prepare(struct run *run)
{
	const struct run_options *options = &run->options;
	struct prepare_options how = {
		.cache_dir = options->cache,
		.layer = options->layer,
	};
	int error = prepare_kernel(options->kernel, &how, &run->prepared);

	if (error)
		return prepare_status(error);
	if (boot_read_header(options->kernel, &run->header)) {
		prepared_free(&run->prepared);
		return STATUS_KERNEL;
	}
	log_info("kernel %s is prepared", run->prepared.release);
	return STATUS_OK;
}

static void write_params(struct run *run, struct machine *machine)
{
	bool is_i386 = prepared_is_i386(&run->prepared);
	struct boot_i386 i386 = { .devices = devices_count(run->devices) };
	struct rl_info info;

	if (is_i386 && !vm_get_info(run->device_fd, &info))
		i386.tsc_khz = info.tsc_khz;
	boot_write_params(is_i386 ? &i386 : NULL, &machine->memory, &run->header,
			  &run->initrd, run->command_line);
}

static int load(struct run *run, struct machine *machine)
{
	uint64_t kernel_end;
	int error = prepared_load(&run->prepared, machine->memory.hva,
				  machine->memory.low, &kernel_end);

	if (error == -EINTR)
		return prepare_status(error);
	/* Too large for the memory; else it is the cache that is not usable. */
	if (error)
		return error == -ENOMEM ? STATUS_KERNEL : STATUS_ERROR;
	machine->memory.files = (kernel_end + GUEST_PAGE_SIZE - 1) &
				~(GUEST_PAGE_SIZE - 1);
	log_info("kernel loaded, it ends at 0x%llx (%llu MB)",
		 (unsigned long long)kernel_end,
		 (unsigned long long)kernel_end >> 20);
	if (boot_check_memory(machine->memory.size, kernel_end,
			      run->initrd.size) ||
	    boot_load_initrd(&run->initrd, &run->header, &machine->memory,
			     kernel_end))
		return STATUS_KERNEL;
	write_params(run, machine);
	log_info("kernel arguments: %s", run->command_line);
	return STATUS_OK;
}

static int start(struct run *run, struct machine *machine)
{
	int error = vcpu_set_start(&machine->vcpus[0], run->prepared.entry,
				   run->prepared.cr3, RL_BOOT_PARAMS_GPA);

	if (!error) {
		log_info("entering the guest at 0x%llx",
			 (unsigned long long)run->prepared.entry);
		error = machine_start(machine);
	}
	if (!error)
		return STATUS_OK;
	errno = -error;
	log_warn("the guest cannot be started");
	return STATUS_ERROR;
}

static void collect_stats(struct run *run, const struct machine *machine)
{
	struct rl_stats stats;
	int error = vm_get_stats(machine->vm_fd, &stats);

	if (!error) {
		stats_add(&run->report, &stats);
		return;
	}
	errno = -error;
	log_warn("the module gives no statistics");
}

/*
 * Before the first guest's first instruction, and before any thread. What is
 * needed later by name is opened now: the kernel, for a reboot, and the
 * statistics.
 */
static int confine(struct run *run)
{
	const struct run_options *options = &run->options;
	struct sandbox_options sandbox = {
		.user = options->user,
		.folder = options->folder,
		/* A socket's name is removed at the end. */
		.needs = devices_needs(run->devices) |
			 (run->gdb ? VIRTIO_NEEDS_REMOVE : 0),
		.pins = options->pin,
	};

	if (options->no_sandbox || run->confined)
		return STATUS_OK;
	run->confined = true;
	if (prepared_hold(&run->prepared))
		return STATUS_ERROR;
	if (options->stats && stats_hold(options->stats))
		return STATUS_USAGE;
	return sandbox_enter(&sandbox) ? STATUS_HOST : STATUS_OK;
}

/* The guest's first instruction comes next. The first boot is what one waits for. */
static void note_start(struct run *run)
{
	if (!run->report.boots)
		run->report.start_ns = clock_now() - run->called;
}

/* All that can be missing is there. */
static void tell_manager(const struct run *run)
{
	char text[256];

	/* The first boot only: later ones happen in the sandbox. */
	if (run->report.boots)
		return;
	snprintf(text, sizeof(text), "READY=1\nSTATUS=%s with %llu MB",
		 run->prepared.release,
		 (unsigned long long)run->options.memory >> 20);
	notify_manager(text);
}

/* One life of the guest. ending->kind stays ENDING_NONE if none began. */
static int run_once(struct run *run, struct ending *ending)
{
	struct machine *machine = &run->machine;
	int status;

	if (machine_create(machine, run->device_fd, run->options.memory,
			   run->options.cpus, &run->console))
		return STATUS_HOST;
	status = load(run, machine);
	if (!status) {
		tell_manager(run);
		status = confine(run);
	}
	if (!status &&
	    devices_attach(run->devices, machine->vm_fd, &machine->memory))
		status = STATUS_HOST;
	for (unsigned int i = 0; i < machine->cpus; i++) {
		machine->vcpus[i].devices = run->devices;
		machine->vcpus[i].pcpu = run->options.pins[i];
	}
	if (!status && run->gdb && machine_debug(machine, run->gdb))
		status = STATUS_ERROR;
	note_start(run);
	if (!status)
		status = start(run, machine);
	if (!status) {
		events_wait(&run->events, machine);
		machine_join(machine, ending);
		collect_stats(run, machine);
	}
	if (run->gdb)
		gdb_end(run->gdb);
	devices_detach(run->devices);
	machine_destroy(machine);
	return status;
}

/* Boot until the guest wants no more of it. */
static int run_guest(struct run *run)
{
	struct ending ending = { .kind = ENDING_NONE };
	int status;

	run->start = clock_now();
	while (!(status = run_once(run, &ending))) {
		/* A signal that came with the reboot still means the end. */
		if (ending.kind == ENDING_REBOOT && run->events.cause)
			ending.kind = ENDING_STOPPED;
		/* Who was asked to power off has ended in order. */
		if (ending.kind == ENDING_REBOOT && run->events.asked)
			ending.kind = ENDING_POWEROFF;
		if (ending.kind != ENDING_REBOOT)
			break;
		log_info("the guest reboots");
	}
	terminal_restore();
	run->report.wall_ns = clock_now() - run->start;
	if (!status)
		status = verdict_say(&ending, &run->events, &run->report);
	else
		run->report.end = "error";
	run->report.exit_status = status;
	if (run->options.stats && run->report.boots &&
	    stats_write(run->options.stats, &run->report) &&
	    status == STATUS_OK)
		status = STATUS_ERROR;
	return status;
}

static int run_with_console(struct run *run)
{
	int error = console_init(&run->console);
	int status;

	if (!error)
		error = events_init(&run->events, &run->console,
				    run->options.escape,
				    run->options.stop_timeout);
	if (error) {
		errno = -error;
		log_warn("cannot set up the console");
		return STATUS_ERROR;
	}
	status = run_guest(run);
	events_destroy(&run->events);
	console_destroy(&run->console);
	return status;
}

int cmd_run(int argc, char **argv)
{
	struct run run = { .device_fd = -1, .initrd = { .fd = -1 } };
	char message[512];
	int status;

	run.called = clock_now();
	if (options_parse_run(argc, argv, &run.options, message,
			      sizeof(message)))
		fatalx(STATUS_USAGE, "%s; see ringlet run --help", message);
	if (run.options.help) {
		fputs(help, stdout);
		return STATUS_OK;
	}
	log_set_level(run.options.verbose > 1 ? LOG_LEVEL_DEBUG :
		      run.options.verbose ? LOG_LEVEL_INFO : LOG_LEVEL_QUIET);
	status = open_files(&run);
	if (!status)
		status = prepare(&run);
	if (!status) {
		run.report.kernel = run.options.kernel;
		run.report.release = run.prepared.release;
		run.report.devices = run.devices;
		run.report.memory = run.options.memory;
		run.report.reason = "";
		status = run_with_console(&run);
		prepared_free(&run.prepared);
	}
	boot_close_initrd(&run.initrd);
	options_free(&run.options);
	free(run.command_line);
	devices_destroy(run.devices);
	gdb_close(run.gdb);
	if (run.device_fd >= 0)
		close(run.device_fd);
	return status;
}
