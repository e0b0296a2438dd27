// SPDX-License-Identifier: GPL-2.0
/*
 * Building the layer: where source and headers are looked for, what the hash is
 * made of, and what becomes of make's output, failure and end.
 *
 * The layer's makefile is one of the test's own; make(1) is the real one.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#include "capture_log.h"
#include "launcher/cache.h"
#include "launcher/layer.h"

#define RELEASE "9.8.7-fake"

static char folder[64], source[128], headers[128], out[128], make_log[128];

/* --- the system's folders are in `folder` (the Makefile wraps these) --- */

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
char *__real_realpath(const char *path, char *to);
char *__wrap_realpath(const char *path, char *to);

static const char *in_folder(const char *path, char *buffer, size_t size)
{
	if (strncmp(path, "/lib/modules/", 13) &&
	    strncmp(path, "/usr/src/", 9))
		return path;
	snprintf(buffer, size, "%s%s", folder, path);
	return buffer;
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	char buffer[512];

	return __real_fopen(in_folder(path, buffer, sizeof(buffer)), mode);
}

char *__wrap_realpath(const char *path, char *to)
{
	char buffer[512];

	return __real_realpath(in_folder(path, buffer, sizeof(buffer)), to);
}

/* --- files --- */

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		assert_true(!mkdir(path, 0777) || errno == EEXIST);
		*p = '/';
	}
	f = __real_fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static const char *read_file(const char *dir, const char *name)
{
	static char text[4096];
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s%s", dir, *name ? "/" : "", name);
	f = __real_fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static const char makefile[] =
	"$(OUT)/words:\n"
	"	@echo \"$(KDIR)|$(SYMS)|$$PWD\" >$@\n"
	"$(OUT)/surroundings:\n"
	"	@echo \"$$LC_ALL $$MAKELEVEL $$(wc -c)\" >$@\n"
	"	@sed -n 's/^SigBlk:.//p' /proc/self/status >>$@\n"
	"	@echo to-standard-output\n"
	"	@echo to-standard-error >&2\n"
	"$(OUT)/broken:\n"
	"	@echo what is wrong >&2; exit 3\n"
	"$(OUT)/killed:\n"
	"	@kill -TERM $$PPID; sleep 60\n";

static int set_up(void **state)
{
	(void)state;
	log_forget();
	strcpy(folder, "/tmp/ringlet-test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(source, sizeof(source), "%s/tree/guest_pv", folder);
	snprintf(headers, sizeof(headers), "%s/the headers", folder);
	snprintf(out, sizeof(out), "%s/out", folder);
	snprintf(make_log, sizeof(make_log), "%s/make.log", folder);
	put_file(source, "layer.mk", makefile);
	put_file(source, "start.c", "int start;\n");
	put_file(folder, "tree/abi/guest.h", "#define GUEST\n");
	put_file(headers, "include/generated/utsrelease.h",
		 "/* made */\n#define UTS_RELEASE \"" RELEASE "\"\n");
	return mkdir(out, 0777);
}

static int tear_down(void **state)
{
	(void)state;
	unsetenv("RINGLET_LAYER");
	cache_remove(folder);
	return access(folder, F_OK) ? 0 : -1;
}

/* --- where the source is --- */

static void test_source_named(void **state)
{
	char *found;

	(void)state;
	found = layer_find_source(source);
	assert_string_equal(found, source);
	free(found);
	assert_null(layer_find_source(folder));
	assert_null(layer_find_source("/nonexistent"));
	setenv("RINGLET_LAYER", source, 1);
	found = layer_find_source(NULL);
	assert_string_equal(found, source);
	free(found);
	/* Whom the user names wins, even where there is nothing. */
	assert_null(layer_find_source(folder));
	setenv("RINGLET_LAYER", folder, 1);
	assert_null(layer_find_source(NULL));
	assert_int_equal(log_lines, 0);
}

static void copy_program(const char *to)
{
	int in = open("/proc/self/exe", O_RDONLY);
	int copy = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	struct stat st;

	assert_true(in >= 0 && copy >= 0);
	assert_int_equal(fstat(in, &st), 0);
	while (st.st_size) {
		ssize_t n = sendfile(copy, in, NULL, st.st_size);

		assert_true(n > 0);
		st.st_size -= n;
	}
	assert_int_equal(close(copy), 0);
	close(in);
}

/* What layer_find_source(NULL) of this program, copied there, prints. */
static void assert_found_by(const char *program, const char *found)
{
	char command[512], text[512] = "";
	FILE *f;

	snprintf(command, sizeof(command), "'%s' --find-source", program);
	f = popen(command, "r");
	assert_non_null(f);
	if (!fgets(text, sizeof(text), f))
		*text = '\0';
	assert_int_equal(pclose(f), 0);
	assert_string_equal(text, found);
}

/* An installation has it in share/ringlet, a tree beside build/. */
static void test_source_near_program(void **state)
{
	char program[512], place[256];

	(void)state;
	snprintf(place, sizeof(place), "%s/tree/bin", folder);
	assert_int_equal(mkdir(place, 0777), 0);
	snprintf(program, sizeof(program), "%s/ringlet", place);
	copy_program(program);
	assert_found_by(program, source);
	snprintf(place, sizeof(place), "%s/tree/share/ringlet/guest_pv",
		 folder);
	put_file(place, "layer.mk", "");
	assert_found_by(program, place);
	/* A folder without the makefile is none. */
	snprintf(program, sizeof(program), "%s/layer.mk", place);
	assert_int_equal(unlink(program), 0);
	snprintf(program, sizeof(program), "%s/layer.mk", source);
	assert_int_equal(unlink(program), 0);
	snprintf(program, sizeof(program), "%s/tree/bin/ringlet", folder);
	assert_found_by(program, "");
}

/* --- the hash --- */

static void test_hash(void **state)
{
	char first[DIGEST_SIZE], key[DIGEST_SIZE], path[256], other[256];
	static const struct {
		const char *name, *text;
		bool counts;
	} changes[] = {
		{ "tree/guest_pv/start.c", "int star;\n", true },
		{ "tree/guest_pv/more.h", "", true },
		{ "tree/guest_pv/more.S", "", true },
		{ "tree/guest_pv/layer.lds", "", true },
		{ "tree/abi/guest.h", "#define GUESS\n", true },
		{ "tree/guest_pv/README", "", false },
		{ "tree/guest_pv/.c", "", false },
		{ "tree/guest_pv/start.c.o", "", false },
		{ "tree/start.c", "", false },
	};

	(void)state;
	assert_int_equal(layer_hash(source, first), 0);
	assert_int_equal(strlen(first), DIGEST_SIZE - 1);
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		put_file(folder, changes[i].name, changes[i].text);
		assert_int_equal(layer_hash(source, key), 0);
		if (changes[i].counts)
			assert_string_not_equal(key, first);
		else
			assert_string_equal(key, first);
		strcpy(first, key);
	}
	/* A name counts as the contents do. */
	snprintf(path, sizeof(path), "%s/start.c", source);
	snprintf(other, sizeof(other), "%s/stars.c", source);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(layer_hash(source, key), 0);
	assert_string_not_equal(key, first);
}

static void test_hash_unreadable(void **state)
{
	char key[DIGEST_SIZE], path[256];

	(void)state;
	/* An installed layer may have no abi folder beside it. */
	snprintf(path, sizeof(path), "%s/tree/abi", folder);
	cache_remove(path);
	assert_int_equal(layer_hash(source, key), 0);
	assert_int_equal(layer_hash("/nonexistent", key), -ENOENT);
	snprintf(path, sizeof(path), "%s/loop.c", source);
	assert_int_equal(symlink("loop.c", path), 0);
	assert_int_equal(layer_hash(source, key), -ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0777), 0);
	assert_int_equal(layer_hash(source, key), -EISDIR);
}

/* --- the headers --- */

static void test_headers_named(void **state)
{
	char *found = layer_find_headers(headers, RELEASE);

	(void)state;
	assert_string_equal(found, headers);
	free(found);
	assert_int_equal(log_lines, 0);
	assert_null(layer_find_headers(headers, "1.2.3"));
	assert_logged("are for kernel " RELEASE ", not 1.2.3: install the "
		      "package linux-headers-1.2.3");
	assert_null(layer_find_headers(source, RELEASE));
	assert_logged("holds no kernel headers: give the folder of the "
		      "package linux-headers-" RELEASE);
	assert_null(layer_find_headers("/nonexistent", RELEASE));
	assert_logged("/nonexistent holds no kernel headers");
	put_file(headers, "include/generated/utsrelease.h",
		 "#define UTS_RELEASE \"" RELEASE "\n");
	assert_null(layer_find_headers(headers, RELEASE));
	assert_logged("holds no kernel headers");
}

static void test_headers_installed(void **state)
{
	static const char text[] = "#define UTS_RELEASE \"" RELEASE "\"\n";
	char place[256], *found;

	(void)state;
	assert_null(layer_find_headers(NULL, RELEASE));
	assert_logged("the headers of kernel " RELEASE " are not installed: "
		      "install the package linux-headers-" RELEASE);
	snprintf(place, sizeof(place), "%s/usr/src/linux-headers-" RELEASE,
		 folder);
	put_file(place, "include/generated/utsrelease.h", text);
	found = layer_find_headers(NULL, RELEASE);
	assert_string_equal(found, place);
	free(found);
	snprintf(place, sizeof(place), "%s/lib/modules/" RELEASE "/build",
		 folder);
	put_file(place, "include/generated/utsrelease.h", text);
	found = layer_find_headers(NULL, RELEASE);
	assert_string_equal(found, place);
	free(found);
	/* Those of another kernel in its place are passed over. */
	put_file(place, "include/generated/utsrelease.h",
		 "#define UTS_RELEASE \"9.8.6\"\n");
	found = layer_find_headers(NULL, RELEASE);
	snprintf(place, sizeof(place), "%s/usr/src/linux-headers-" RELEASE,
		 folder);
	assert_string_equal(found, place);
	free(found);
	assert_int_equal(log_lines, 0);
}

/* --- make --- */

static int make(const char *target, bool verbose)
{
	struct layer_build build = {
		.source = source, .headers = headers, .plain = out, .out = out,
		.symbols = "/the/symbols", .log = make_log,
		.verbose = verbose,
	};

	return layer_make(&build, target);
}

static void test_make(void **state)
{
	char want[512];

	(void)state;
	assert_int_equal(make("words", false), 0);
	snprintf(want, sizeof(want), "%s|/the/symbols|%s\n", headers, out);
	assert_string_equal(read_file(out, "words"), want);
	assert_string_equal(read_file(make_log, ""), "");
	assert_int_equal(log_lines, 0);
}

/*
 * Nothing of a surrounding make, a blocked signal or a foreign language is in
 * make's way, and it does not eat the guest's input.
 */
static void test_make_is_alone(void **state)
{
	sigset_t block, old;
	int fds[2], input = dup(STDIN_FILENO);
	char rest[16];

	(void)state;
	setenv("MAKEFLAGS", "n", 1);
	setenv("MFLAGS", "-n", 1);
	setenv("MAKELEVEL", "7", 1);
	setenv("LC_ALL", "xx_XX", 1);
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, &old);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "for the guest", 13), 13);
	dup2(fds[0], STDIN_FILENO);
	assert_int_equal(make("surroundings", false), 0);
	assert_int_equal(read(STDIN_FILENO, rest, sizeof(rest)), 13);
	dup2(input, STDIN_FILENO);
	close(input);
	close(fds[0]);
	close(fds[1]);
	sigprocmask(SIG_SETMASK, &old, NULL);
	unsetenv("MAKEFLAGS");
	unsetenv("MFLAGS");
	unsetenv("MAKELEVEL");
	unsetenv("LC_ALL");
	assert_string_equal(read_file(out, "surroundings"),
			    "C 1 0\n0000000000000000\n");
	assert_string_equal(read_file(make_log, ""),
			    "to-standard-output\nto-standard-error\n");
}

static void test_make_fails(void **state)
{
	(void)state;
	assert_int_equal(make("broken", false), -EIO);
	assert_non_null(strstr(read_file(make_log, ""), "what is wrong\n"));
	assert_int_equal(make("nothing-of-that-name", false), -EIO);
	/* Behind what was there. */
	assert_non_null(strstr(read_file(make_log, ""), "what is wrong\n"));
	assert_non_null(strstr(read_file(make_log, ""), "No rule to make"));
	assert_int_equal(make("killed", false), -EIO);
	assert_int_equal(log_lines, 0);
}

/* Standard error, for all that it prints. */
static void test_make_verbose(void **state)
{
	int error = dup(STDERR_FILENO);
	int fd = open(make_log, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_true(fd >= 0);
	dup2(fd, STDERR_FILENO);
	assert_int_equal(make("surroundings", true), 0);
	dup2(error, STDERR_FILENO);
	close(error);
	close(fd);
	assert_string_equal(read_file(make_log, ""),
			    "to-standard-output\nto-standard-error\n");
}

static void test_no_make(void **state)
{
	char *path = strdup(getenv("PATH"));

	(void)state;
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(make("words", false), -ENOENT);
	assert_logged("make is not installed: install the packages make and "
		      "gcc");
	setenv("PATH", path, 1);
	free(path);
}

/* The log cannot be written: said, and not taken for make's own failure. */
static void test_no_log(void **state)
{
	(void)state;
	snprintf(make_log, sizeof(make_log), "%s/no/folder", folder);
	assert_int_equal(make("words", false), -ENOENT);
	assert_logged("cannot write to");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_source_named),
		T(test_source_near_program),
		T(test_hash),
		T(test_hash_unreadable),
		T(test_headers_named),
		T(test_headers_installed),
		T(test_make),
		T(test_make_is_alone),
		T(test_make_fails),
		T(test_make_verbose),
		T(test_no_make),
		T(test_no_log),
	};
	char *found;

	if (argc == 2 && !strcmp(argv[1], "--find-source")) {
		found = layer_find_source(NULL);
		fputs(found ? found : "", stdout);
		free(found);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
