// SPDX-License-Identifier: GPL-2.0
/*
 * `ringlet check`: can this host run guests, and if not, what is to be done?
 * Each question prints one line: "ok", "NO" with what is missing, or "--" for a
 * remark that prevents nothing; below the last two, indented, what to type next.
 */
#include <errno.h>
#include <glob.h>
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
#include "files.h"
#include "host.h"
#include "log.h"
#include "probe.h"
#include "usage.h"
#include "vm.h"

static const char help[] =
"Usage: ringlet check\n"
"\n"
"Says whether this host can run guests, and runs a tiny one: one line for each\n"
"thing it takes, \"ok\" or \"NO\", and what to type where something is missing.\n"
"Lines with \"--\" are remarks.\n"
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

/* The next command to type. */
static void type(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static void type(const char *format, ...)
{
	va_list arguments;

	printf("       ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

/* Kernel arguments are changed like this on Debian; the sentence says which. */
static void type_kernel_arguments(void)
{
	type("sudoedit /etc/default/grub && sudo update-grub && sudo reboot");
}

static void check_machine(const struct utsname *names)
{
	if (!strcmp(names->machine, "x86_64"))
		say(OK, "machine: x86_64");
	else
		say(NO, "machine: %s; ringlet needs a 64-bit x86 kernel",
		    names->machine);
}

static void check_fsgsbase(const char *cpuinfo)
{
	char *arguments = NULL;

	if (host_cpu_has(cpuinfo, "fsgsbase")) {
		say(OK, "processor: has FSGSBASE");
	} else if (host_read_file("/proc/cmdline", &arguments) &&
		   strstr(arguments, "nofsgsbase")) {
		say(NO, "processor: FSGSBASE is switched off; take nofsgsbase "
		    "out of the kernel's arguments");
		type_kernel_arguments();
	} else {
		say(NO, "processor: no FSGSBASE; needs Linux 5.9 or later on a "
		    "processor from 2012 or later (in a virtual machine: a CPU "
		    "model that has it)");
	}
	free(arguments);
}

static void check_cpu(void)
{
	char *text;

	if (!host_read_file("/proc/cpuinfo", &text)) {
		say(NO, "processor: cannot read /proc/cpuinfo (%s)",
		    strerror(errno));
		type("sudo mount -t proc proc /proc");
		return;
	}
	check_fsgsbase(text);
	if (host_cpu_has(text, "fred")) {
		say(NO, "processor: FRED is on, which knows no ring 1; add "
		    "fred=off to the kernel's arguments");
		type_kernel_arguments();
	} else {
		say(OK, "processor: FRED is off");
	}
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

/* An EFI variable: four bytes of attributes, then whether it is on. */
static bool secure_boot(void)
{
	static const char path[] = "/sys/firmware/efi/efivars/"
		"SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
	unsigned char value[5] = { 0 };
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	if (fread(value, 1, sizeof(value), f) != sizeof(value))
		value[4] = 0;
	fclose(f);
	return value[4] == 1;
}

/* Asked for by module.sig_enforce, which lockdown does not need. */
static bool wants_signatures(void)
{
	char *text;
	bool wants;

	if (!host_read_file("/sys/module/module/parameters/sig_enforce", &text))
		return false;
	wants = *text == 'Y';
	free(text);
	return wants;
}

/* A locked kernel loads only what a key that it knows has signed. */
static void advise_lockdown(const char *choice)
{
	if (!secure_boot()) {
		say(REMARK, "the kernel is locked down (%s) without Secure "
		    "Boot, and loads only modules that a key it knows has "
		    "signed; take lockdown=%s out of the kernel's arguments",
		    choice, wants_signatures() ? " and module.sig_enforce" : "");
		type_kernel_arguments();
		return;
	}
	say(REMARK, "Secure Boot is on and the kernel locked down (%s): it "
	    "loads the module only if a key that the firmware knows has signed "
	    "it. DKMS (package ringlet-dkms) signs with its own, which is "
	    "enrolled once; the next boot asks for the password", choice);
	type("sudo mokutil --import /var/lib/dkms/mok.pub && sudo reboot");
}

/* Why modprobe might fail, where the module is there but not loaded. */
static void check_lockdown(void)
{
	char *text, choice[32];

	if (host_read_file("/proc/sys/kernel/modules_disabled", &text)) {
		if (atoi(text)) {
			say(NO, "module loading is switched off until reboot "
			    "(kernel.modules_disabled); load ringlet before "
			    "that is set");
			type("sudo reboot");
		}
		free(text);
	}
	strcpy(choice, "none");
	if (host_read_file("/sys/kernel/security/lockdown", &text)) {
		host_choice(text, choice, sizeof(choice));
		free(text);
	}
	if (strcmp(choice, "none")) {
		advise_lockdown(choice);
	} else if (wants_signatures()) {
		say(REMARK, "the kernel loads only modules that a key it knows "
		    "has signed; take module.sig_enforce out of its arguments");
		type_kernel_arguments();
	}
}

static bool module_is_loaded(void)
{
	return !access("/sys/module/ringlet", F_OK);
}

/* A module that is not installed is built: by DKMS where its source is there. */
static void advise_install(const char *release, bool headers)
{
	glob_t found;
	bool dkms = !glob("/usr/src/ringlet-*/dkms.conf", 0, NULL, &found);

	say(NO, "module: not installed for kernel %s%s", release,
	    headers ? "" : ", whose headers are missing");
	if (!headers)
		type("sudo apt install linux-headers-%s", release);
	if (dkms)
		type("sudo dkms autoinstall -k %s", release);
	else
		type("make && sudo make install        # in ringlet's sources");
	globfree(&found);
}

static void check_module(const struct utsname *names, bool headers)
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
	if (!listed) {
		advise_install(names->release, headers);
	} else {
		say(NO, "module: installed but not loaded (where that fails, "
		    "dmesg says why)");
		type("sudo modprobe ringlet");
	}
	check_lockdown();
}

/* Those that the module is built with. */
static bool has_headers(const struct utsname *names)
{
	char path[300];

	snprintf(path, sizeof(path), "/lib/modules/%s/build/Makefile",
		 names->release);
	return !access(path, F_OK);
}

static void check_info(int fd)
{
	char message[256];
	struct rl_info info;
	int error = vm_get_info(fd, &info);

	if (error < 0)
		snprintf(message, sizeof(message), "%s does not answer as "
			 "ringlet's module does (%s)", RL_DEVICE_PATH,
			 strerror(-error));
	else
		error = device_check_info(&info, message, sizeof(message));
	if (error < 0) {
		say(NO, "interface: %s", message);
		type("sudo modprobe -r ringlet && sudo modprobe ringlet");
		return;
	}
	say(OK, "interface: version %u.%u on both sides", info.api_version,
	    info.guest_abi_version);
	say(OK, "paging: %u levels, page table isolation %s",
	    info.paging_levels, info.host_pti ? "on" : "off");
}

static void check_guest(int fd)
{
	char why[256];
	int error = probe_run(fd, why, sizeof(why));

	if (!error) {
		say(OK, "guest: a vCPU ran a tiny one to its end");
		return;
	}
	say(NO, "guest: %s", why);
	type(error == -EBUSY ? "pgrep -a perf" : "sudo dmesg | grep ringlet");
}

static void check_device(void)
{
	struct advice advice = { 0 };
	int fd = vm_open_device();

	/* An absent device of an absent module has been answered already. */
	if (fd < 0 && !module_is_loaded() && fd == -ENOENT)
		return;
	if (fd < 0) {
		device_open_advice(-fd, &advice);
		say(NO, "device: %s: %s; %s", RL_DEVICE_PATH, strerror(-fd),
		    advice.why);
		if (*advice.command)
			type("%s", advice.command);
		return;
	}
	say(OK, "device: %s can be opened", RL_DEVICE_PATH);
	check_info(fd);
	check_guest(fd);
	close(fd);
}

/* What some guests need; none of it is an obstacle for all. */
static void check_tools(void)
{
	if (!files_has_program("diod")) {
		say(REMARK, "folders: no diod, which --share needs");
		type("sudo apt install diod");
	}
	if (!files_has_program("passt")) {
		say(REMARK, "network: no passt, which --net user needs");
		type("sudo apt install passt");
	}
}

/* 0, or STATUS_USAGE after a message, or -1 after the help. */
static int parse_arguments(int argc, char **argv)
{
	enum { OPTION_HELP = 256 };
	static const struct option options[] = {
		{ "help", no_argument, NULL, OPTION_HELP },
		{ NULL, 0, NULL, 0 },
	};
	int code;

	usage_begin();
	while ((code = usage_next(argc, argv, ":h", options)) != -1) {
		if (code == '?')
			return STATUS_USAGE;
		fputs(help, stdout);
		return -1;
	}
	if (optind < argc)
		return usage_wrong(argv, "unexpected argument %s", argv[optind]);
	return 0;
}

int cmd_check(int argc, char **argv)
{
	int status = parse_arguments(argc, argv);
	struct utsname names;

	if (status)
		return status < 0 ? STATUS_OK : status;
	all_ok = true;
	uname(&names);
	check_machine(&names);
	say(OK, "kernel: %s", names.release);
	check_cpu();
	check_hypervisor();
	check_module(&names, has_headers(&names));
	check_device();
	check_tools();
	printf("\n%s\n", all_ok ? "This host can run ringlet guests." :
	       "This host cannot run ringlet guests as it is.");
	return all_ok ? STATUS_OK : STATUS_HOST;
}
