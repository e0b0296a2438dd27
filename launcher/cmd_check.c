// SPDX-License-Identifier: GPL-2.0
/*
 * `ringlet check`: can this host run guests, and if not, what is to be done?
 * Each question prints one line: "ok", "NO" with advice, or "--" for a remark
 * that prevents nothing.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../abi/guest.h"
#include "cmd.h"
#include "device.h"
#include "exit.h"
#include "host.h"
#include "log.h"
#include "options.h"
#include "vm.h"

static const char help[] =
"Usage: ringlet check\n"
"\n"
"Says whether this host can run guests: one line for each thing it takes, \"ok\"\n"
"or \"NO\" with what to do about it. Lines with \"--\" are remarks.\n"
"\n"
"Exit status: 0 guests can run, 3 they cannot.\n";

enum verdict { OK, NO, REMARK };

static bool all_ok;

static void say(enum verdict verdict, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(enum verdict verdict, const char *format, ...)
{
	static const char *const words[] = { "ok", "NO", "--" };
	va_list arguments;

	printf("%-3s ", words[verdict]);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	if (verdict == NO)
		all_ok = false;
}

static void check_machine(const struct utsname *names)
{
	if (!strcmp(names->machine, "x86_64"))
		say(OK, "machine: x86_64");
	else
		say(NO, "machine: %s; ringlet needs a 64-bit x86 kernel",
		    names->machine);
}

static void check_cpu(void)
{
	char *text;

	if (!host_read_file("/proc/cpuinfo", &text)) {
		say(NO, "processor: cannot read /proc/cpuinfo (%s); mount "
		    "/proc", strerror(errno));
		return;
	}
	if (host_cpu_has(text, "fsgsbase"))
		say(OK, "processor: has FSGSBASE");
	else
		say(NO, "processor: no FSGSBASE; needs Linux 5.9 or later "
		    "without nofsgsbase, on a processor from 2012 or later "
		    "(in a virtual machine: a CPU model that has it)");
	if (host_cpu_has(text, "fred"))
		say(NO, "processor: FRED is on, which knows no ring 1; boot "
		    "the host with fred=off");
	else
		say(OK, "processor: FRED is off");
	free(text);
}

/* Another hypervisor's paravirtual guest has no ring 0 to build on. */
static void check_hypervisor(void)
{
	char *text;

	if (!host_read_file("/sys/hypervisor/guest_type", &text))
		return;
	if (!strncmp(text, "PV\n", 3))
		say(NO, "hypervisor: this is a Xen PV guest, where Linux does "
		    "not run in ring 0; use an HVM or PVH guest");
	free(text);
}

/* Why modprobe might fail, where the module is there but not loaded. */
static void check_lockdown(void)
{
	char *text, choice[32];

	if (host_read_file("/proc/sys/kernel/modules_disabled", &text)) {
		if (atoi(text))
			say(NO, "module loading is switched off until reboot "
			    "(kernel.modules_disabled); reboot, and load "
			    "ringlet before that is set");
		free(text);
	}
	if (!host_read_file("/sys/kernel/security/lockdown", &text))
		return;
	if (host_choice(text, choice, sizeof(choice)) &&
	    strcmp(choice, "none"))
		say(REMARK, "the kernel is locked down (%s): it loads the "
		    "module only if it is signed with a key it knows "
		    "(Secure Boot; mokutil --import)", choice);
	free(text);
}

static bool module_is_loaded(void)
{
	return !access("/sys/module/ringlet", F_OK);
}

static void check_module(const struct utsname *names)
{
	char path[300], *text;
	bool listed = false;

	if (module_is_loaded()) {
		say(OK, "module: loaded");
		return;
	}
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep",
		 names->release);
	if (host_read_file(path, &text)) {
		listed = host_module_listed(text, "ringlet");
		free(text);
	}
	if (listed)
		say(NO, "module: installed but not loaded; as root: modprobe "
		    "ringlet (where that fails, dmesg says why)");
	else
		say(NO, "module: not installed for kernel %s; as root: make "
		    "install in ringlet's sources, with the package "
		    "linux-headers-%s", names->release, names->release);
	check_lockdown();
}

static void check_info(int fd)
{
	char message[256];
	struct rl_info info;
	int error = vm_get_info(fd, &info);

	if (error < 0) {
		say(NO, "interface: %s does not answer as ringlet's module "
		    "does (%s)", RL_DEVICE_PATH, strerror(-error));
		return;
	}
	if (device_check_info(&info, message, sizeof(message))) {
		say(NO, "interface: %s", message);
		return;
	}
	say(OK, "interface: version %u.%u on both sides", info.api_version,
	    info.guest_abi_version);
	say(OK, "paging: %u levels, page table isolation %s",
	    info.paging_levels, info.host_pti ? "on" : "off");
}

static void check_vm(int fd)
{
	int vm = vm_create(fd);

	if (vm < 0) {
		say(NO, "virtual machine: the module cannot make one (%s); "
		    "see the kernel log (dmesg)", strerror(-vm));
		return;
	}
	close(vm);
	say(OK, "virtual machine: one was made");
}

static void check_device(void)
{
	int fd = vm_open_device();

	/* An absent device of an absent module has been answered already. */
	if (fd < 0 && !module_is_loaded() && fd == -ENOENT)
		return;
	if (fd < 0) {
		say(NO, "device: %s: %s; %s", RL_DEVICE_PATH, strerror(-fd),
		    device_open_advice(-fd));
		return;
	}
	say(OK, "device: %s can be opened", RL_DEVICE_PATH);
	check_info(fd);
	check_vm(fd);
	close(fd);
}

/* Is there a program of that name in the folders of PATH? */
static bool find_program(const char *name)
{
	const char *at = getenv("PATH");
	char path[512];
	size_t length;

	for (at = at ? at : "/usr/bin:/bin"; *at; at += *at == ':') {
		length = strcspn(at, ":");
		snprintf(path, sizeof(path), "%.*s/%s", (int)length, at, name);
		if (!access(path, X_OK))
			return true;
		at += length;
	}
	return false;
}

/* Prepared kernels may come from elsewhere, so this is no obstacle. */
static void check_tools(void)
{
	static const char *const tools[] = { "gcc", "make", "ld" };
	size_t i;

	for (i = 0; i < sizeof(tools) / sizeof(*tools); i++)
		if (!find_program(tools[i]))
			say(REMARK, "tools: no %s; without it new kernels "
			    "cannot be prepared here (apt install gcc make "
			    "binutils)", tools[i]);
}

static int parse_arguments(int argc, char **argv)
{
	enum { OPTION_HELP = 256 };
	static const struct option options[] = {
		{ "help", no_argument, NULL, OPTION_HELP },
		{ NULL, 0, NULL, 0 },
	};
	char message[256];
	const struct complaint to = { message, sizeof(message) };
	int code;

	optind = 0;
	opterr = 0;
	while ((code = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (code == 'h' || code == OPTION_HELP) {
			fputs(help, stdout);
			return 1;
		}
		options_complain(code, argv, &to);
		fatalx(STATUS_USAGE, "%s; see ringlet check --help", message);
	}
	if (optind < argc)
		fatalx(STATUS_USAGE, "unexpected argument %s; see ringlet "
		       "check --help", argv[optind]);
	return 0;
}

int cmd_check(int argc, char **argv)
{
	struct utsname names;

	if (parse_arguments(argc, argv))
		return STATUS_OK;
	all_ok = true;
	uname(&names);
	check_machine(&names);
	say(OK, "kernel: %s", names.release);
	check_cpu();
	check_hypervisor();
	check_module(&names);
	check_device();
	check_tools();
	printf("\n%s\n", all_ok ? "This host can run ringlet guests." :
	       "This host cannot run ringlet guests as it is.");
	return all_ok ? STATUS_OK : STATUS_HOST;
}
