// SPDX-License-Identifier: GPL-2.0
/*
 * `ringlet check` on hosts that this one is not: their files are in `folder`, their
 * module is fake_vm.h's. What each lacks is said in a line, and what to type.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "unit.h"

#include "capture_log.h"
#include "fake_vm.h"
#include "files.h"
#include "launcher/cache.h"
#include "launcher/cmd.h"
#include "run_command.h"

#define RELEASE	"6.7.8-test"
#define ENFORCE	"sys/module/module/parameters/sig_enforce"
#define EFI	"sys/firmware/efi/efivars/" \
		"SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

static char folder[64];
static const char *machine;	/* what uname(2) says */

/* --- the host's files (the Makefile wraps these) --- */

static const char *in_folder(const char *path, char *buffer, size_t size)
{
	if (*path != '/' || !strncmp(path, folder, strlen(folder)))
		return path;
	snprintf(buffer, size, "%s%s", folder, path);
	return buffer;
}

#define WRAP_PATH(type, name, parameters, arguments)			\
type __real_##name parameters;						\
type __wrap_##name parameters;						\
type __wrap_##name parameters						\
{									\
	char buffer[512];						\
									\
	path = in_folder(path, buffer, sizeof(buffer));			\
	return __real_##name arguments;					\
}

WRAP_PATH(FILE *, fopen, (const char *path, const char *mode), (path, mode))
WRAP_PATH(int, access, (const char *path, int how), (path, how))
WRAP_PATH(int, stat, (const char *path, struct stat *status), (path, status))
WRAP_PATH(int, glob, (const char *path, int flags,
		      int (*on_error)(const char *, int), glob_t *found),
	  (path, flags, on_error, found))

int __wrap_uname(struct utsname *names);
int __wrap_uname(struct utsname *names)
{
	memset(names, 0, sizeof(*names));
	strcpy(names->machine, machine);
	strcpy(names->release, RELEASE);
	return 0;
}

static void put(const char *name, const char *text)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	for (char *p = path + strlen(folder) + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		assert_true(!mkdir(path, 0700) || errno == EEXIST);
		*p = '/';
	}
	put_bytes(path, text, strlen(text));
	assert_int_equal(chmod(path, 0755), 0);
}

static void take(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(cache_remove(path), 0);
}

/* As launcher/probe.c's guest does it: a byte at RDI, RBX counted up by RCX. */
static int good_guest(struct rl_run *run)
{
	*(unsigned char *)fake_vm_memory(fake_vm.regs.rdi % 0x10000) = 0x5a;
	fake_vm.regs.rbx = fake_vm.regs.rcx;
	run->exit_reason = RL_EXIT_SHUTDOWN;
	run->shutdown = RL_SHUTDOWN_POWEROFF;
	return 0;
}

/* A host that lacks nothing. */
static int set_up(void **state)
{
	static const char *const programs[] = {
		"diod", "passt",
	};
	char name[64];

	(void)state;
	log_forget();
	machine = "x86_64";
	strcpy(folder, "/tmp/ringlet-test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	setenv("PATH", "/bin", 1);
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		snprintf(name, sizeof(name), "bin/%s", programs[i]);
		put(name, "");
	}
	put("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu fsgsbase\n");
	put("proc/cmdline", "root=/dev/sda quiet\n");
	put("proc/sys/kernel/modules_disabled", "0\n");
	put("sys/kernel/security/lockdown", "[none] integrity\n");
	put("sys/module/ringlet/initstate", "live\n");
	put("lib/modules/" RELEASE "/build/Makefile", "");
	put("lib/modules/" RELEASE "/modules.dep", "extra/ringlet.ko:\n");
	put("dev/ringlet", "");
	fake_vm_reset();
	fake_vm.guest = good_guest;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cache_remove(folder);
	return __real_access(folder, F_OK) ? 0 : -1;
}

static void assert_can(void)
{
	assert_int_equal(RUN_COMMAND(cmd_check, NULL), 0);
	assert_not_printed("NO  ");
	assert_printed("\nThis host can run ringlet guests.\n");
}

static void assert_cannot(const char *why, const char *command)
{
	assert_int_equal(RUN_COMMAND(cmd_check, NULL), 3);
	assert_printed("\nThis host cannot run ringlet guests as it is.\n");
	assert_printed(why);
	if (command)
		assert_printed(command);
	/* One thing is missing, and one is said to be. */
	assert_null(strstr(strstr(output, "NO  ") + 1, "NO  "));
}

/* It prevents nothing, but is said. */
static void assert_remarks(const char *why, const char *command)
{
	assert_can();
	assert_printed(why);
	assert_printed(command);
}

/* --- what a host may be like --- */

static void test_good(void **state)
{
	(void)state;
	assert_can();
	assert_not_printed("--  ");
	assert_printed("ok  machine: x86_64\nok  kernel: " RELEASE "\n");
	assert_printed("ok  module: loaded\n");
	assert_printed("ok  paging: 4 levels, page table isolation off\n");
	assert_printed("ok  guest: a vCPU ran a tiny one to its end\n");
	fake_vm.info.host_pti = 1;
	assert_can();
	assert_printed("isolation on\n");
}

static void test_processor(void **state)
{
	(void)state;
	machine = "i686";
	assert_cannot("NO  machine: i686; ringlet needs a 64-bit x86 kernel",
		      NULL);
	machine = "x86_64";
	put("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu\n");
	assert_cannot("no FSGSBASE; needs Linux 5.9 or later", NULL);
	put("proc/cmdline", "root=/dev/sda nofsgsbase\n");
	assert_cannot("take nofsgsbase out of the kernel's arguments",
		      "       sudoedit /etc/default/grub");
	take("proc/cmdline");
	assert_cannot("no FSGSBASE;", NULL);
	put("proc/cpuinfo", "processor\t: 0\nflags\t\t: fred fsgsbase\n");
	assert_cannot("FRED is on", "       sudoedit /etc/default/grub");
	take("proc/cpuinfo");
	assert_cannot("cannot read /proc/cpuinfo (No such file or directory)",
		      "       sudo mount -t proc proc /proc\n");
}

static void test_hypervisor(void **state)
{
	(void)state;
	put("sys/hypervisor/guest_type", "HVM\n");
	assert_can();
	put("sys/hypervisor/guest_type", "PV\n");
	assert_cannot("this is a Xen PV guest", NULL);
}

static void test_no_module(void **state)
{
	(void)state;
	take("sys/module/ringlet");
	fake_vm.open_error = -ENOENT;
	assert_cannot("NO  module: installed but not loaded",
		      "       sudo modprobe ringlet\n");
	put("lib/modules/" RELEASE "/modules.dep", "extra/ring.ko:\n");
	assert_cannot("not installed for kernel " RELEASE "\n",
		      "       make && sudo make install");
	take("lib/modules/" RELEASE);
	assert_cannot("not installed for kernel " RELEASE ", whose headers are "
		      "missing\n", "       sudo apt install linux-headers-"
		      RELEASE "\n");
	put("usr/src/ringlet-1.0/dkms.conf", "");
	assert_cannot("not installed for kernel",
		      "       sudo dkms autoinstall -k " RELEASE "\n");
	assert_not_printed("make install");
}

/* A module that is there may be refused by the kernel. */
static void test_locked(void **state)
{
	(void)state;
	take("sys/module/ringlet");
	fake_vm.open_error = -ENOENT;
	put("sys/kernel/security/lockdown", "none [integrity] c\n");
	assert_cannot("--  the kernel is locked down (integrity) without "
		      "Secure Boot", "       sudoedit /etc/default/grub");
	assert_printed("take lockdown= out of the kernel's arguments");
	put(ENFORCE, "Y\n");
	assert_cannot("take lockdown= and module.sig_enforce out of the "
		      "kernel's arguments", "       sudoedit /etc/default/grub");
	put(EFI, "1234\001");
	assert_cannot("--  Secure Boot is on and the kernel locked down "
		      "(integrity)", "       sudo mokutil --import "
		      "/var/lib/dkms/mok.pub && sudo reboot\n");
	/* Four bytes only, as no firmware has it: off. */
	put(EFI, "123");
	assert_cannot("without Secure Boot", NULL);
	put(ENFORCE, "N\n");
	put("sys/kernel/security/lockdown", "damaged\n");
	assert_cannot("installed but not loaded", NULL);
	assert_not_printed("locked");
	assert_not_printed("signed");
	take("sys/kernel/security");
	put("proc/sys/kernel/modules_disabled", "1\n");
	assert_int_equal(RUN_COMMAND(cmd_check, NULL), 3);
	assert_printed("NO  module loading is switched off until reboot");
	assert_printed("       sudo reboot\n");
	/* Signatures may be asked for without lockdown. */
	put("proc/sys/kernel/modules_disabled", "0\n");
	put(ENFORCE, "Y\n");
	assert_cannot("--  the kernel loads only modules that a key it knows has "
		      "signed; take module.sig_enforce out of its arguments\n",
		      "       sudoedit /etc/default/grub");
	/* Of no interest where the module is loaded. */
	put("sys/module/ringlet/initstate", "live\n");
	fake_vm.open_error = 0;
	assert_can();
}

static void test_device(void **state)
{
	const struct passwd *user = getpwuid(getuid());
	char command[256];

	(void)state;
	fake_vm.open_error = -ENOENT;
	assert_cannot("NO  device: /dev/ringlet: No such file or directory; "
		      "the module is loaded, but this /dev does not show its "
		      "device", NULL);
	fake_vm.open_error = -EACCES;
	snprintf(command, sizeof(command), "%s/dev/ringlet", folder);
	assert_int_equal(chmod(command, 0600), 0);
	assert_cannot("Permission denied; only root may use it",
		      "       sudo udevadm control --reload");
	if (geteuid() == 0 && user) {
		assert_int_equal(chmod(command, 0660), 0);
		assert_int_equal(chown(command, 0, 1), 0);
		snprintf(command, sizeof(command), "       sudo adduser %s ",
			 user->pw_name);
		assert_cannot("only the members of group", command);
		/* Its group has no name. */
		snprintf(command, sizeof(command), "%s/dev/ringlet", folder);
		assert_int_equal(chown(command, 0, 54321), 0);
		assert_cannot("only root may use it", "       sudo udevadm");
	}
	take("dev/ringlet");
	assert_cannot("only its owner and group may use it",
		      "       ls -l /dev/ringlet\n");
}

static void test_module_of_another_version(void **state)
{
	(void)state;
	fake_vm.info_error = -ENOTTY;
	assert_cannot("NO  interface: /dev/ringlet does not answer as ringlet's "
		      "module does (Inappropriate ioctl for device)",
		      "       sudo modprobe -r ringlet");
	fake_vm.info_error = 0;
	fake_vm.info.api_version++;
	assert_cannot("NO  interface: the loaded module speaks interface",
		      "       sudo modprobe -r ringlet");
}

static int busy_guest(struct rl_run *run)
{
	(void)run;
	return -EBUSY;
}

static int bad_guest(struct rl_run *run)
{
	(void)run;
	return -EINVAL;
}

static void test_guest(void **state)
{
	(void)state;
	fake_vm.guest = busy_guest;
	assert_cannot("NO  guest: perf uses precise events", "       pgrep -a perf");
	fake_vm.guest = bad_guest;
	assert_cannot("NO  guest: the module does not run it",
		      "       sudo dmesg | grep ringlet\n");
	fake_vm.guest = good_guest;
	fake_vm.create_error = -ENOMEM;
	assert_cannot("cannot make a virtual machine (Cannot allocate memory)",
		      NULL);
	fake_vm.create_error = 0;
	fake_vm.memory_error = -ENOSPC;
	assert_cannot("cannot make its vCPU (No space left on device)", NULL);
	fake_vm.memory_error = 0;
	fake_vm.vcpu_error = -EMFILE;
	assert_cannot("cannot make its vCPU (Too many open files)", NULL);
	fake_vm.vcpu_error = 0;
	fake_vm.regs_error = -EINVAL;
	assert_cannot("does not run it (Invalid argument)", NULL);
	fake_vm.regs_error = 0;
	assert_can();
}

static void test_remarks(void **state)
{
	(void)state;
	take("bin/diod");
	assert_remarks("--  folders: no diod, which --share needs\n",
		       "       sudo apt install diod\n");
	/* Not in everybody's PATH. */
	put("usr/sbin/diod", "");
	assert_can();
	assert_not_printed("diod");
	take("bin/passt");
	assert_remarks("--  network: no passt", "       sudo apt install passt\n");
	unsetenv("PATH");
	assert_can();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_good),
		T(test_processor),
		T(test_hypervisor),
		T(test_no_module),
		T(test_locked),
		T(test_device),
		T(test_module_of_another_version),
		T(test_guest),
		T(test_remarks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
