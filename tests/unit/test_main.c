// SPDX-License-Identifier: GPL-2.0
/*
 * The program from its command line: which command is run, help and version in all
 * their words, closed standard files. Each case is a child, since it may exit.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#include "fake_vm.h"

/* The program's own main(), beside the test's. */
#undef RINGLET_VERSION
#define RINGLET_VERSION "1.2.3-test"
#define main ringlet_main
int ringlet_main(int argc, char **argv);
#include "launcher/main.c"
#undef main

static char out[65536], err[4096];

static void read_back(int fd, char *text, size_t size)
{
	memset(text, 0, size);
	assert_true(pread(fd, text, size - 1, 0) >= 0);
	close(fd);
}

/* The exit status of `ringlet WORDS`; closed: a standard file it does not have. */
static int ringlet(const char *const *words, int closed, const char *output)
{
	int files[2] = { memfd_create("out", MFD_CLOEXEC),
			 memfd_create("err", MFD_CLOEXEC) };
	char *argv[16] = { "ringlet" };
	int argc = 1, status;
	pid_t child;

	while (*words)
		argv[argc++] = (char *)*words++;
	fflush(stdout);
	child = fork();
	if (!child) {
		dup2(output ? open(output, O_WRONLY) : files[0], 1);
		dup2(files[1], 2);
		if (closed >= 0)
			close(closed);
		exit(ringlet_main(argc, argv));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	read_back(files[0], out, sizeof(out));
	read_back(files[1], err, sizeof(err));
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define RINGLET(...) \
	ringlet((const char *const []){ __VA_ARGS__ __VA_OPT__(,) NULL }, \
		-1, NULL)

static const char version[] = "ringlet 1.2.3-test (module interface ";

static void test_help(void **state)
{
	static const char *const names[] = {
		"run", "try", "check", "prepare", "cache", "top",
		"trace", "symbols"
	};
	static const char *const words[] = { "-h", "--help", "help" };
	char usage[64];

	(void)state;
	for (size_t w = 0; w < 3; w++) {
		assert_int_equal(RINGLET(words[w]), 0);
		assert_ptr_equal(strstr(out, "Usage: ringlet run"), out);
		for (size_t n = 0; n < sizeof(names) / sizeof(*names); n++) {
			snprintf(usage, sizeof(usage), "Usage: ringlet %s",
				 names[n]);
			assert_int_equal(RINGLET(names[n], words[w]), 0);
			assert_ptr_equal(strstr(out, usage), out);
			assert_string_equal(err, "");
			assert_int_equal(RINGLET(words[w], names[n]), 0);
			assert_ptr_equal(strstr(out, usage), out);
		}
	}
	assert_int_equal(RINGLET("help", "dance"), 2);
	assert_string_equal(err, "ringlet: there is no command dance; see "
				 "ringlet --help\n");
}

static void test_version(void **state)
{
	static const char *const names[] = {
		"run", "try", "check", "prepare", "cache"
	};
	static const char *const words[] = {
		"-v", "-V", "--version", "version"
	};

	(void)state;
	for (size_t w = 0; w < 4; w++) {
		assert_int_equal(RINGLET(words[w]), 0);
		assert_ptr_equal(strstr(out, version), out);
		for (size_t n = 0; n < 5; n++) {
			assert_int_equal(RINGLET(names[n], words[w]), 0);
			assert_ptr_equal(strstr(out, version), out);
			assert_string_equal(err, "");
		}
	}
	assert_int_equal(RINGLET("dance", "-v"), 2);
	/* Among other words, -v says what happens. */
	assert_int_equal(RINGLET("run", "-v", "/nonexistent"), 4);
	assert_string_equal(out, "");
	assert_non_null(strstr(err, "cannot read the kernel /nonexistent: "
				    "No such file or directory\n"));
}

/* `-xh`: the letter that is wrong is named, not the word before it. */
static void test_unknown_option(void **state)
{
	static const struct {
		const char *words[5], *said;
	} cases[] = {
		{ { "run", "-xh" }, "unknown option -x; see ringlet run --help" },
		{ { "run", "--no-rng", "-xh" }, "unknown option -x;" },
		{ { "run", "-vx", "k" }, "unknown option -x;" },
		{ { "run", "--x" }, "unknown option --x;" },
		{ { "run", "--no-rng=1", "k" },
		  "option --no-rng=1 takes no value;" },
		{ { "run", "--verbose=1", "k" },
		  "option --verbose=1 takes no value;" },
		{ { "run", "--help=1", "k" }, "option --help=1 takes no value;" },
		{ { "run", "k", "-vm" }, "option -m needs a value;" },
		{ { "run", "k", "--memory" }, "option --memory needs a value;" },
		{ { "check", "-xh" },
		  "unknown option -x; see ringlet check --help" },
		{ { "check", "--x" }, "unknown option --x;" },
		{ { "check", "--help=1" }, "option --help=1 takes no value;" },
		{ { "check", "x" }, "unexpected argument x;" },
		{ { "prepare", "-xh" },
		  "unknown option -x; see ringlet prepare --help" },
		{ { "prepare", "--verbose", "-xh" }, "unknown option -x;" },
		{ { "prepare", "k", "--cache" },
		  "option --cache needs a value;" },
		{ { "prepare", "--verbose=1", "k" },
		  "option --verbose=1 takes no value;" },
		{ { "try", "-xh" }, "unknown option -x; see ringlet try --help" },
		{ { "try", "--memory" }, "option --memory needs a value;" },
		{ { "cache", "-xh" },
		  "unknown option -x; see ringlet cache --help" },
		{ { "cache", "--cache" }, "option --cache needs a value;" },
		{ { "top", "-xh" }, "unknown option -x; see ringlet top --help" },
		{ { "top", "--once=1" }, "option --once=1 takes no value;" },
		{ { "top", "--interval" }, "option --interval needs a value;" },
		{ { "top", "-i", "5h" },
		  "--interval 5h is not a time; write for example 2s or 500ms; see "
		  "ringlet top --help" },
		{ { "top", "x" }, "unexpected argument x;" },
		{ { "trace" }, "no guest is named; see ringlet trace --help" },
		{ { "trace", "-xh" },
		  "unknown option -x; see ringlet trace --help" },
		{ { "trace", "a", "b" }, "one guest at a time;" },
		{ { "trace", "--for", "0", "a" }, "--for 0 is not a time;" },
		{ { "trace", "-o" }, "option -o needs a value;" },
		{ { "trace", "--buffer", "1K" },
		  "--buffer 1K is not a size from 64K to 1G;" },
		{ { "symbols" }, "no kernel is named; see ringlet symbols --help" },
		{ { "symbols", "-xh" },
		  "unknown option -x; see ringlet symbols --help" },
		{ { "-x" }, "there is no command -x; see ringlet --help" },
		{ { NULL }, "no command given; see ringlet --help" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(ringlet(cases[i].words, -1, NULL), 2);
		if (!strstr(err, cases[i].said))
			fail_msg("said \"%s\", not \"%s\"", err, cases[i].said);
		assert_string_equal(out, "");
	}
}

/* A command's help is behind its other options as well. */
static void test_help_behind(void **state)
{
	(void)state;
	assert_int_equal(RINGLET("run", "-m", "1G", "-h"), 0);
	assert_ptr_equal(strstr(out, "Usage: ringlet run"), out);
	assert_int_equal(RINGLET("prepare", "--verbose", "-h"), 0);
	assert_ptr_equal(strstr(out, "Usage: ringlet prepare"), out);
}

/* Output that could not be written is no success. */
static void test_output_full(void **state)
{
	const char *const words[] = { "--version", NULL };
	const char *const check[] = { "check", "--help", NULL };

	(void)state;
	assert_int_equal(ringlet(words, -1, "/dev/full"), 1);
	assert_string_equal(err, "ringlet: cannot write to standard output: "
				 "No space left on device\n");
	assert_int_equal(ringlet(check, -1, "/dev/full"), 1);
}

/* It is no fault of the kernel's (4), and of nothing that was typed (2). */
static void test_unusable_cache(void **state)
{
	static const char cache[] = "/dev/null/cache";

	(void)state;
	assert_int_equal(RINGLET("run", "--cache", cache, "/bin/true"), 1);
	assert_non_null(strstr(err, "cannot be made in /dev/null: name another "
				    "with --cache DIR: "));
	assert_int_equal(RINGLET("cache", "list", "--cache", cache), 1);
	assert_non_null(strstr(err, "Not a directory\n"));
}

/* The device never takes the place of a standard file that was closed. */
static void test_closed_files(void **state)
{
	const char *const words[] = { "check", NULL };

	(void)state;
	fake_vm.device_fd = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(fake_vm.device_fd, MAP_FAILED);
	for (int fd = 0; fd < 3; fd++) {
		*fake_vm.device_fd = -1;
		ringlet(words, fd, NULL);
		assert_true(*fake_vm.device_fd > STDERR_FILENO);
	}
	munmap(fake_vm.device_fd, sizeof(int));
	fake_vm.device_fd = NULL;
}

static int set_up(void **state)
{
	(void)state;
	fake_vm_reset();
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_unknown_option),
		cmocka_unit_test(test_help_behind),
		cmocka_unit_test(test_output_full),
		cmocka_unit_test(test_unusable_cache),
		cmocka_unit_test(test_closed_files),
	};

	return cmocka_run_group_tests_name("main", tests, set_up, NULL);
}
