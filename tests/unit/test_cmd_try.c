// SPDX-License-Identifier: GPL-2.0
/*
 * `ringlet try`: what it tells `ringlet run`, the initrd and the kernel's preparation,
 * and what it says of a machine that lacks something. Those are functions here; that
 * a guest really starts is devices/try's to see.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
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
#include "launcher/exit.h"
#include "launcher/prepare.h"
#include "launcher/try.h"
#include "run_command.h"
#include "scarce.h"

static char folder[64], here[128], bin[128], kernel[128];

WRAP(char *, getcwd, (char *to, size_t size), (to, size), ENOENT, NULL)
WRAP(char *, strdup, (const char *text), (text), ENOMEM, NULL)
WRAP_ASPRINTF
WRAP(FILE *, fopen, (const char *path, const char *mode), (path, mode), EMFILE,
     NULL)
WRAP(FILE *, open_memstream, (char **to, size_t *size), (to, size), ENOMEM,
     NULL)
WRAP(char *, realpath, (const char *path, char *to), (path, to), EACCES, NULL)

/* /boot is in `folder`, and where others may not read it, nobody does. */
static bool boot_is_roots;

int __real_access(const char *path, int how);
int __wrap_access(const char *path, int how);
int __wrap_access(const char *path, int how)
{
	char buffer[512];

	if (strncmp(path, "/boot/", 6))
		return __real_access(path, how);
	snprintf(buffer, sizeof(buffer), "%s%s", folder, path);
	errno = EACCES;
	return boot_is_roots ? -1 : __real_access(buffer, how);
}

/* --- instead of the parts --- */

static int prepare_error, initrd_error, streams_error, run_status, ended;
static char prepared_file[256], request[4096], command_line[8192];
static size_t request_size;
static int port, streams_started, streams_ended;
static bool streams_verbose;

int prepare_kernel(const char *kernel_file, const struct prepare_options *how,
		   struct prepared *prepared)
{
	memset(prepared, 0, sizeof(*prepared));
	snprintf(prepared_file, sizeof(prepared_file), "%s", kernel_file);
	strcpy(prepared->release, "1.2.3-test");
	(void)how;
	if (prepare_error)
		log_warnx("not prepared");
	return prepare_error;
}

int prepared_hold(struct prepared *prepared)
{
	(void)prepared;
	return 0;
}

void prepared_free(struct prepared *prepared)
{
	(void)prepared;
}

int try_initrd_open(const char *release, const char *where, const void *data,
		    size_t size)
{
	assert_string_equal(release, "1.2.3-test");
	assert_string_equal(where, folder);
	assert_true(size < sizeof(request));
	memcpy(request, data, size);
	request_size = size;
	if (initrd_error)
		log_warnx("no initrd");
	return initrd_error ? initrd_error : open("/dev/null", O_RDONLY);
}

int try_streams_start(struct try_streams *streams, bool verbose)
{
	streams_verbose = verbose;
	memset(streams, 0, sizeof(*streams));
	if (streams_error) {
		log_warnx("no streams");
		return streams_error;
	}
	strcpy(streams->terminal, "01");
	streams->port_fd = port = open("/dev/null", O_RDWR);
	streams_started++;
	return 0;
}

int try_streams_end(struct try_streams *streams)
{
	assert_string_equal(streams->terminal, "01");
	/* Closed by now, or what reads from it would not end. */
	assert_int_equal(fcntl(port, F_GETFD), -1);
	streams_ended++;
	return ended;
}

int cmd_run(int argc, char **argv)
{
	size_t used = 0;
	int initrd = -1, console = -1;

	*command_line = '\0';
	for (int i = 0; i < argc; i++) {
		const char *word = argv[i];

		/* The numbers of files are another matter. */
		if (sscanf(word, "/proc/self/fd/%d", &initrd) == 1)
			word = "INITRD";
		if (sscanf(word, "fd=%d,name=ringlet.try", &console) == 1)
			word = "CONSOLE";
		used += snprintf(command_line + used,
				 sizeof(command_line) - used, "%s|", word);
	}
	assert_null(argv[argc]);
	assert_int_equal(console, port);
	assert_int_equal(close(initrd), 0);
	close(port);
	return run_status;
}

/* --- the machine --- */

static void put_program(const char *name)
{
	char path[256];

	put_file(bin, name, "", 0);
	snprintf(path, sizeof(path), "%s/%s", bin, name);
	assert_int_equal(chmod(path, 0755), 0);
}

static int set_up(void **state)
{
	(void)state;
	log_forget();
	fake_vm_reset();
	prepare_error = initrd_error = streams_error = run_status = ended = 0;
	streams_started = streams_ended = 0;
	*prepared_file = '\0';
	boot_is_roots = false;
	strcpy(folder, "/tmp/ringlet-test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(here, sizeof(here), "%s/here", folder);
	snprintf(bin, sizeof(bin), "%s/bin", folder);
	snprintf(kernel, sizeof(kernel), "%s/kernel", folder);
	if (mkdir(here, 0700) || mkdir(bin, 0700) || chdir(here))
		return -1;
	put_file(folder, "kernel", "kernel", 6);
	put_program("diod");
	setenv("RINGLET_CACHE", folder, 1);
	setenv("PATH", bin, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unsetenv("RINGLET_CACHE");
	if (chdir("/"))
		return -1;
	cache_remove(folder);
	return access(folder, F_OK) ? 0 : -1;
}

#define COMMAND(...) RUN_COMMAND(cmd_try, __VA_ARGS__)

/* A record's letter and first field, or another field. */
static bool has_record(const char *record)
{
	for (size_t at = 0; at < request_size; at += strlen(request + at) + 1)
		if (!strcmp(request + at, record))
			return true;
	return false;
}

static void assert_run_with(const char *words)
{
	if (!strstr(command_line, words))
		fail_msg("run with \"%s\", not with \"%s\"", command_line,
			 words);
}

/* --- what is told --- */

static void test_told(void **state)
{
	char words[512];

	(void)state;
	ended = 42;
	assert_int_equal(COMMAND("--kernel", kernel, "-m", "1G", "--", "a b",
				 "-c"), 42);
	assert_string_equal(prepared_file, kernel);
	assert_run_with("run|--initrd|INITRD|--console|CONSOLE|"
			"--share|/,tag=v0,readonly|");
	snprintf(words, sizeof(words), "|--share|%s,tag=w0|", here);
	assert_run_with(words);
	snprintf(words, sizeof(words), "|--memory|1G|%s|--|quiet loglevel=1|",
		 kernel);
	assert_run_with(words);
	assert_null(strstr(command_line, "--verbose"));
	assert_false(streams_verbose);
	assert_true(has_record("aa b") && has_record("a-c"));
	snprintf(words, sizeof(words), "c%s", here);
	assert_true(has_record(words));
	/* A mount's first and second field. */
	snprintf(words, sizeof(words), "/new%s", here);
	assert_true(has_record("mw0") && has_record(words));
	assert_int_equal(streams_ended, 1);
	assert_int_equal(log_lines, 0);
}

static void test_options(void **state)
{
	char words[512];

	(void)state;
	assert_int_equal(mkdir("more", 0700), 0);
	assert_int_equal(COMMAND("--verbose", "--memory", "2G", "--rw", "more",
				 "--kernel", kernel, "true", "-m"), 0);
	assert_true(streams_verbose);
	snprintf(words, sizeof(words), "|--share|%s/more,tag=w0|--share|%s,"
		 "tag=w1|", here, here);
	assert_run_with(words);
	/* Behind the command's name all words are its own. */
	snprintf(words, sizeof(words), "|--memory|2G|--verbose|%s|--|", kernel);
	assert_run_with(words);
	assert_null(strstr(command_line, "quiet"));
	assert_true(has_record("atrue") && has_record("a-m"));
	assert_int_equal(COMMAND("-v", "-h"), 0);
	assert_printed("Usage: ringlet try");
	assert_int_equal(log_lines, 0);
}

/* A folder where the guest has its own files is not given to it. */
static void test_own_folders(void **state)
{
	static const char *const own[] = { "/", "/dev", "/proc/self", "/sys" };

	(void)state;
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		assert_int_equal(chdir(own[i]), 0);
		assert_int_equal(COMMAND("--kernel", kernel, "true"), 0);
		assert_null(strstr(command_line, "tag=w0"));
	}
	assert_int_equal(log_lines, 0);
}

static void test_network(void **state)
{
	struct try_network network;

	(void)state;
	put_program("passt");
	assert_int_equal(COMMAND("--kernel", kernel, "true"), 0);
	if (try_find_network(&network)) {
		assert_run_with("|--net|user|");
		assert_true(has_record("neth0") &&
			    has_record(network.address) &&
			    has_record(network.mask) &&
			    has_record(network.gateway));
	} else {
		print_message("no route here\n");
		assert_null(strstr(command_line, "--net"));
	}
}

/* --- what goes wrong --- */

/* None of this machine's programs would run there. */
static void test_kernel_of_32_bits(void **state)
{
	(void)state;
	put_file(folder, "kernel", "\x7f" "ELF\1", 5);
	assert_int_equal(COMMAND("--kernel", kernel, "true"), STATUS_KERNEL);
	assert_logged("kernel is a 32-bit kernel, and this machine's programs");
	assert_int_equal(streams_started, 0);
	assert_string_equal(prepared_file, "");
	put_file(folder, "kernel", "\x7f" "ELF\2", 5);
	assert_int_equal(COMMAND("--kernel", kernel, "true"), 0);
}

static void test_kernel(void **state)
{
	struct utsname host;
	char path[512];

	(void)state;
	uname(&host);
	assert_int_equal(COMMAND("true"), STATUS_KERNEL);
	assert_int_equal(logged_errno, ENOENT);
	assert_logged("cannot read the kernel /boot/vmlinuz-");
	boot_is_roots = true;
	assert_int_equal(COMMAND("true"), STATUS_KERNEL);
	assert_logged("only root can read /boot/vmlinuz-");
	boot_is_roots = false;
	snprintf(path, sizeof(path), "%s/boot", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "boot/vmlinuz-%s", host.release);
	put_file(folder, path, "kernel", 6);
	assert_int_equal(COMMAND("true"), 0);
	assert_memory_equal(prepared_file, "/boot/vmlinuz-", 14);
	assert_string_equal(prepared_file + 14, host.release);
}

static void test_lacking(void **state)
{
	char path[256];

	(void)state;
	fake_vm.open_error = -ENOENT;
	assert_int_equal(COMMAND("--kernel", kernel, "true"), STATUS_HOST);
	assert_logged("cannot open /dev/ringlet");
	fake_vm.open_error = 0;
	if (access("/usr/sbin/diod", X_OK)) {
		snprintf(path, sizeof(path), "%s/diod", bin);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(COMMAND("--kernel", kernel, "true"),
				 STATUS_HOST);
		assert_logged("sudo apt install diod");
	}
	assert_int_equal(streams_started, 0);
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(COMMAND("--rw", "/none", "true"), STATUS_USAGE);
	assert_logged("the folder /none: No such file");
	assert_int_equal(COMMAND("--x"), STATUS_USAGE);
	assert_logged("unknown option --x; see ringlet try --help");
	streams_error = -EMFILE;
	assert_int_equal(COMMAND("--kernel", kernel, "true"), STATUS_ERROR);
	assert_logged("no streams");
	streams_error = 0;
	prepare_error = -ENOEXEC;
	assert_int_equal(COMMAND("--kernel", kernel, "true"),
			 prepare_status(-ENOEXEC));
	assert_logged("not prepared");
	prepare_error = 0;
	initrd_error = -EINVAL;
	assert_int_equal(COMMAND("--kernel", kernel, "true"), STATUS_KERNEL);
	assert_logged("no initrd");
	initrd_error = 0;
	/* Whoever carries the streams was sent home each time. */
	assert_int_equal(streams_started, 2);
	assert_int_equal(streams_ended, 2);
}

/* The command's status counts only where the guest ended as it should. */
static void test_status(void **state)
{
	(void)state;
	run_status = STATUS_ERROR;
	ended = 5;
	assert_int_equal(COMMAND("--kernel", kernel, "true"), STATUS_ERROR);
	assert_int_equal(log_lines, 0);
	run_status = 0;
	ended = -1;
	assert_int_equal(COMMAND("--kernel", kernel, "true"), STATUS_ERROR);
	assert_logged("the guest ended before the command did");
}

/* Each call is refused in turn: no guest lacks something without a word. */
static void test_scarce(void **state)
{
	unsigned int before = open_files();
	char good[sizeof(command_line)];
	int which = 1, status;

	(void)state;
	assert_int_equal(COMMAND("--kernel", kernel, "true"), 0);
	for (;; which++) {
		strcpy(good, command_line);
		*command_line = '\0';
		failed = false;
		countdown = which;
		status = COMMAND("--kernel", kernel, "true");
		countdown = 0;
		if (!failed)
			break;
		if (!status && strcmp(command_line, good) && !log_lines)
			fail_msg("call %d refused: \"%s\"", which,
				 command_line);
		if (status && !log_lines)
			fail_msg("call %d refused: %d, no line", which, status);
		strcpy(command_line, good);
		log_forget();
	}
	assert_in_range(which, 8, 200);
	assert_int_equal(open_files(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_told),
		T(test_options),
		T(test_own_folders),
		T(test_network),
		T(test_kernel_of_32_bits),
		T(test_kernel),
		T(test_lacking),
		T(test_refused),
		T(test_status),
		T(test_scarce),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
