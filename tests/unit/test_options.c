// SPDX-License-Identifier: GPL-2.0
/* The command line of `ringlet run`, right and wrong. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#include "launcher/options.h"

static struct run_options options;
static char message[256];

#define PARSE(...) parse((char *[]){ "run", __VA_ARGS__, NULL })

static int parse(char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	strcpy(message, "");
	return options_parse_run(argc, argv, &options, message,
				 sizeof(message));
}

static void test_defaults(void **state)
{
	(void)state;
	assert_int_equal(PARSE("kernel"), 0);
	assert_string_equal(options.kernel, "kernel");
	assert_int_equal(options.memory, 512ull << 20);
	assert_null(options.initrd);
	assert_null(options.append);
	assert_null(options.stats);
	assert_int_equal(options.word_count, 0);
	assert_int_equal(options.verbose, 0);
	assert_int_equal(options.escape, 1);
	assert_int_equal(options.cpus, 1);
	assert_int_equal(options.pins[0], -1);
	assert_false(options.help);
}

static void test_all(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--memory", "2G", "-i", "ird", "--append=x y",
			       "kernel", "--stats", "-", "-vv", "--cache", "c",
			       "--layer", "l", "--escape",
			       "^]", "--cpus", "1", "--", "--memory", "1"), 0);
	assert_int_equal(options.memory, 2ull << 30);
	assert_string_equal(options.initrd, "ird");
	assert_string_equal(options.append, "x y");
	assert_string_equal(options.kernel, "kernel");
	assert_string_equal(options.stats, "-");
	assert_string_equal(options.cache, "c");
	assert_string_equal(options.layer, "l");
	assert_int_equal(options.verbose, 2);
	assert_int_equal(options.escape, 0x1d);
	/* Behind --, an option's name is the guest's. */
	assert_int_equal(options.word_count, 2);
	assert_string_equal(options.words[0], "--memory");
}

/* A value may look like the separator. */
static void test_dashes_as_value(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--append", "--", "kernel"), 0);
	assert_string_equal(options.append, "--");
	assert_string_equal(options.kernel, "kernel");
	assert_int_equal(options.word_count, 0);
}

static void test_no_state_between_calls(void **state)
{
	(void)state;
	assert_int_equal(PARSE("a", "--", "x"), 0);
	assert_int_equal(PARSE("-v", "b"), 0);
	assert_string_equal(options.kernel, "b");
	assert_int_equal(options.verbose, 1);
	assert_int_equal(options.word_count, 0);
}

static void test_devices_and_sandbox(void **state)
{
	(void)state;
	/* Random numbers come by themselves, behind what was asked for. */
	assert_int_equal(PARSE("--net", "user", "k"), 0);
	assert_int_equal(options.device_count, 2);
	assert_string_equal(options.devices[0].kind->option, "net");
	assert_string_equal(options.devices[0].text, "user");
	assert_string_equal(options.devices[1].kind->option, "rng");
	assert_int_equal(PARSE("--rng", "--balloon", "k"), 0);
	assert_int_equal(options.device_count, 2);
	assert_string_equal(options.devices[0].kind->option, "rng");
	assert_int_equal(PARSE("--no-rng", "--balloon=take=1M", "k"), 0);
	assert_int_equal(options.device_count, 1);
	assert_string_equal(options.devices[0].text, "take=1M");
	assert_int_equal(PARSE("--user", "u", "--chroot", "/c", "k"), 0);
	assert_string_equal(options.user, "u");
	assert_string_equal(options.folder, "/c");
	assert_false(options.no_sandbox);
	assert_null(options.gdb);
	assert_int_equal(PARSE("--gdb", "tcp:99", "--wait", "k"), 0);
	assert_string_equal(options.gdb, "tcp:99");
	assert_true(options.gdb_wait);
	assert_int_equal(PARSE("--gdb", "here", "k"), -EINVAL);
	assert_string_equal(message,
			    "--gdb here: write unix:PATH or tcp:PORT");
	assert_int_equal(PARSE("--wait", "k"), -EINVAL);
	assert_string_equal(message,
			    "--wait is for gdb: give --gdb, too");
	assert_int_equal(PARSE("--no-sandbox", "k"), 0);
	assert_true(options.no_sandbox);
	assert_int_equal(PARSE("--no-sandbox", "--user", "u", "k"), -EINVAL);
	assert_non_null(strstr(message, "--no-sandbox"));
}

static void test_help(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--help"), 0);
	assert_true(options.help);
	assert_int_equal(PARSE("kernel", "-h", "--nonsense"), 0);
	assert_true(options.help);
}

static void expect_complaint(int error, const char *about)
{
	assert_int_equal(error, -EINVAL);
	if (!strstr(message, about))
		fail_msg("\"%s\" does not speak of \"%s\"", message, about);
}

static void test_complaints(void **state)
{
	char *nothing[] = { "run", NULL };

	(void)state;
	expect_complaint(parse(nothing), "no kernel");
	expect_complaint(PARSE("--", "x"), "no kernel");
	expect_complaint(PARSE(""), "empty");
	expect_complaint(PARSE("a", "b"), "unexpected argument b");
	expect_complaint(PARSE("--nonsense", "a"), "--nonsense");
	expect_complaint(PARSE("-q", "a"), "-q");
	expect_complaint(PARSE("a", "--memory"), "--memory needs a value");
	expect_complaint(PARSE("a", "-m"), "-m needs a value");
	expect_complaint(PARSE("--verbose=3", "a"), "takes no value");
	expect_complaint(PARSE("--cpus", "65", "a"), "1 to 64");
	expect_complaint(PARSE("--cpus", "0", "a"), "not a number");
	expect_complaint(PARSE("--cpus", "1x", "a"), "not a number");
	expect_complaint(PARSE("--cpus", " 1", "a"), "not a number");
	expect_complaint(PARSE("--cpus", "+1", "a"), "not a number");
	expect_complaint(PARSE("--stop-timeout", "-1", "a"), "of seconds");
	expect_complaint(PARSE("--stop-timeout", "86401", "a"), "of seconds");
	expect_complaint(PARSE("--escape", "x", "a"), "control key");
	expect_complaint(PARSE("--memory", "16M", "a"), "too little");
	expect_complaint(PARSE("--memory", "0", "a"), "too little");
	expect_complaint(PARSE("--memory", "4096G", "a"), "more than");
	expect_complaint(PARSE("--memory", "lots", "a"), "not a size");
	expect_complaint(PARSE("--memory", "-5M", "a"), "not a size");
}

static void test_cpus(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--pin", "3,-,0", "a", "--cpus", "64"), 0);
	assert_int_equal(options.cpus, 64);
	assert_int_equal(options.pins[0], 3);
	assert_int_equal(options.pins[1], -1);
	assert_int_equal(options.pins[2], 0);
	assert_int_equal(options.pins[3], -1);
	assert_int_equal(PARSE("-c", "2", "--pin", "8191", "a"), 0);
	assert_int_equal(options.cpus, 2);
	assert_int_equal(options.pins[0], 8191);
	expect_complaint(PARSE("--pin", "0,1", "a"), "names 2 CPUs, and the guest has 1");
	expect_complaint(PARSE("--pin", "", "a"), "not a list");
	expect_complaint(PARSE("--pin", "0,", "-c", "2", "a"), "not a list");
	expect_complaint(PARSE("--pin", "8192", "a"), "not a list");
	expect_complaint(PARSE("--pin", "0-3", "a"), "not a list");
	expect_complaint(PARSE("--pin", "00000000000000000000", "a"), "not a list");
}

static void test_sizes(void **state)
{
	uint64_t bytes = 0;

	(void)state;
	assert_int_equal(words_size("512", &bytes), 0);
	assert_int_equal(bytes, 512ull << 20);
	assert_int_equal(words_size("512K", &bytes), 0);
	assert_int_equal(bytes, 512ull << 10);
	assert_int_equal(words_size("512m", &bytes), 0);
	assert_int_equal(bytes, 512ull << 20);
	assert_int_equal(words_size("3G", &bytes), 0);
	assert_int_equal(bytes, 3ull << 30);
	assert_int_equal(words_size("3GiB", &bytes), 0);
	assert_int_equal(words_size("3GB", &bytes), 0);
	assert_int_equal(words_size("", &bytes), -EINVAL);
	assert_int_equal(words_size("G", &bytes), -EINVAL);
	assert_int_equal(words_size(" 3G", &bytes), -EINVAL);
	assert_int_equal(words_size("+3G", &bytes), -EINVAL);
	assert_int_equal(words_size("3Gx", &bytes), -EINVAL);
	assert_int_equal(words_size("3 G", &bytes), -EINVAL);
	assert_int_equal(words_size("0x10M", &bytes), -EINVAL);
	assert_int_equal(words_size("17179869184G", &bytes), -ERANGE);
	assert_int_equal(words_size("99999999999999999999K", &bytes),
			 -ERANGE);
}

/* A comma in any word of any device is written twice. */
static void test_commas(void **state)
{
	struct words words = { .rest = "unix=/a,,b,name=x,,,plain,,y=,,,," };
	static const char *const said[] = {
		"unix=/a,b", "name=x,", "plain,y=,,",
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_true(words_next(&words));
		assert_string_equal(words.buffer, said[i]);
	}
	assert_string_equal(words.key, "plain,y");
	assert_string_equal(words.value, ",,");
	assert_false(words_next(&words));
	assert_false(words.too_long);
}

/* A guest's memory is made of pages. */
static void test_memory_is_aligned(void **state)
{
	(void)state;
	assert_int_equal(PARSE("-m", "100001K", "a"), 0);
	assert_int_equal(options.memory, 100000ull << 10);
}

/* --config with that text in its file. */
static int parse_file(const char *text, size_t size)
{
	char path[] = "/tmp/ringlet-config.XXXXXX";
	int fd = mkstemp(path), error;

	assert_int_equal(write(fd, text, size), size);
	close(fd);
	options_free(&options);
	error = PARSE("--config", path, "--escape", "none");
	unlink(path);
	return error;
}

#define FILE_SAYS(text) parse_file(text, strlen(text))

static void test_config(void **state)
{
	(void)state;
	assert_int_equal(FILE_SAYS("# a guest\n\n"
				   "kernel /boot/vm linuz \n"
				   "\t--memory = 1G\r\n"
				   "initrd=/i\n"
				   "append root=/dev/vda x=#1\n"
				   "disk /a b,readonly\n"
				   "balloon\n"
				   "no-rng\nverbose\n"
				   "escape ^]\n"
				   "stop-timeout 7"), 0);
	assert_string_equal(options.kernel, "/boot/vm linuz");
	assert_int_equal(options.memory, 1ull << 30);
	assert_string_equal(options.initrd, "/i");
	assert_string_equal(options.append, "root=/dev/vda x=#1");
	assert_int_equal(options.device_count, 2);
	assert_string_equal(options.devices[0].text, "/a b,readonly");
	assert_string_equal(options.devices[1].text, "");
	assert_int_equal(options.verbose, 1);
	assert_int_equal(options.stop_timeout, 7);
	/* What comes later on the command line counts. */
	assert_int_equal(options.escape, -1);
	assert_int_equal(FILE_SAYS("kernel k\nappend =\n"), 0);
	assert_string_equal(options.append, "");
	options_free(&options);
}

/* Each is told with file and line. */
static void test_config_complaints(void **state)
{
	static char big[70000];

	(void)state;
	expect_complaint(FILE_SAYS("\n#\nmemorie 1G\n"),
			 ":3: unknown option memorie");
	expect_complaint(FILE_SAYS("memory lots\n"), ":1: --memory lots");
	expect_complaint(FILE_SAYS("\nmemory\n"), ":2: option memory needs a");
	expect_complaint(FILE_SAYS("verbose 2"), ":1: option verbose takes no");
	expect_complaint(FILE_SAYS("config /x"), ":1: config is for the");
	expect_complaint(FILE_SAYS("help"), ":1: help is for the");
	expect_complaint(FILE_SAYS("kernel"), ":1: kernel needs a file");
	expect_complaint(FILE_SAYS("kernel a\nkernel b"), ":2: unexpected");
	expect_complaint(FILE_SAYS("stop-timeout 90s"), ":1: --stop-timeout");
	expect_complaint(FILE_SAYS("-m 1G"), ":1: unknown option -m");
	expect_complaint(FILE_SAYS(""), "no kernel");
	expect_complaint(parse_file("a\0b", 3), "no text file");
	memset(big, '\n', sizeof(big));
	expect_complaint(parse_file(big, sizeof(big)), "too long");
	options_free(&options);
	expect_complaint(PARSE("--config", "/nonexistent/f"),
			 "/nonexistent/f: No such file");
	expect_complaint(PARSE("--config", "/tmp"), "/tmp: Is a directory");
	expect_complaint(PARSE("--config", "/dev/null", "--config", "x"),
			 "one file");
	options_free(&options);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_dashes_as_value),
		cmocka_unit_test(test_no_state_between_calls),
		cmocka_unit_test(test_devices_and_sandbox),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_complaints),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_commas),
		cmocka_unit_test(test_memory_is_aligned),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_config_complaints),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
