// SPDX-License-Identifier: GPL-2.0
/*
 * A whole preparation with a layer whose makefile only copies, or never ends, and
 * signals that come meanwhile: it ends at once, with their status, and leaves nothing.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

#include "abi/guest.h"
#include "fake_image.h"
#include "files.h"
#include "launcher/cache.h"
#include "launcher/exit.h"
#include "launcher/prepare.h"

#define WAIT_MS 60000

static char folder[64], kernel[128], cache[128], source[128], headers[128];
static char temporary[128];

static void put_text(const char *dir, const char *name, const char *text)
{
	put_file(dir, name, text, strlen(text));
}

static char *make_folder(char *path, size_t size, const char *below)
{
	snprintf(path, size, "%s/%s", folder, below);
	assert_int_equal(mkdir(path, 0700), 0);
	return path;
}

static int set_up(void **state)
{
	const struct fake_section none[] = {
		{ ".symtab", SHT_SYMTAB, 2, "", 0 },
		{ ".strtab", SHT_STRTAB, 0, "", 1 },
	};
	struct fake_kernel how = { 0 };
	uint8_t *data;
	char path[160];
	size_t size;

	(void)state;
	strcpy(folder, "/tmp/ringlet-test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	make_folder(cache, sizeof(cache), "cache");
	make_folder(temporary, sizeof(temporary), "temporary");
	setenv("TMPDIR", temporary, 1);
	make_folder(source, sizeof(source), "source");
	make_folder(headers, sizeof(headers), "headers");
	make_folder(path, sizeof(path), "headers/include");
	make_folder(path, sizeof(path), "headers/include/generated");
	put_text(path, "utsrelease.h",
		 "#define UTS_RELEASE \"" FAKE_RELEASE "\"\n");
	data = fake_kernel(&how, &size);
	put_file(folder, "kernel", data, size);
	free(data);
	snprintf(kernel, sizeof(kernel), "%s/kernel", folder);
	data = fake_elf(ET_REL, 0, NULL, 0, none, 2, &size);
	put_file(source, "layer.o", data, size);
	free(data);
	data = fake_layer(NULL, 0, NULL, 0, &size);
	put_file(source, "layer.elf", data, size);
	free(data);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cache_remove(folder);
	return access(folder, F_OK) ? 0 : -1;
}

/* `ringlet prepare`, in a process of its own. */
static pid_t start_preparing(void)
{
	const struct prepare_options options = {
		.cache_dir = cache, .layer_dir = source, .headers_dir = headers,
	};
	struct prepared prepared;
	pid_t child = fork();
	int ret;

	assert_true(child >= 0);
	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* A shell has what it puts into the background ignore SIGINT. */
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	ret = prepare_kernel(kernel, &options, &prepared);
	_exit(ret ? prepare_status(ret) : STATUS_OK);
}

static void pause_ms(int ms)
{
	const struct timespec t = { .tv_nsec = ms * 1000000l };

	nanosleep(&t, NULL);
}

/* The status of the child's end, as a shell tells it. */
static int wait_for(pid_t child)
{
	int status;

	for (int i = 0; i < WAIT_MS / 10; i++) {
		if (waitpid(child, &status, WNOHANG) == child)
			return WIFEXITED(status) ? WEXITSTATUS(status) :
						   128 + WTERMSIG(status);
		pause_ms(10);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	fail_msg("it does not end");
	return -1;
}

/* Does it live, and is not only waiting to be buried? */
static bool lives(pid_t pid)
{
	char path[64], state = 'Z';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 'Z';
	if (f)
		fclose(f);
	return state != 'Z';
}

/* What the makefile's endless program says that it is. */
static pid_t wait_for_program(void)
{
	char path[160];
	int pid = 0;

	snprintf(path, sizeof(path), "%s/pid", folder);
	for (int i = 0; i < WAIT_MS / 10 && !pid; i++) {
		FILE *f = fopen(path, "r");

		if (f && fscanf(f, "%d", &pid) != 1)
			pid = 0;
		if (f)
			fclose(f);
		pause_ms(10);
	}
	assert_int_not_equal(pid, 0);
	return pid;
}

static int count_files(const char *dir)
{
	struct dirent *entry;
	DIR *d = opendir(dir);
	int count = 0;

	assert_non_null(d);
	while ((entry = readdir(d)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			count++;
	closedir(d);
	return count;
}

static void write_makefile(const char *object, const char *linked)
{
	char text[1024];

	snprintf(text, sizeof(text), "$(OUT)/layer.o:\n\t%s\n"
		 "$(OUT)/layer.elf:\n\t%s\n", object, linked);
	put_text(source, "layer.mk", text);
}

#define COPY "cp guest_pv/$(@F) $@"
/* Renamed, so that whoever reads the number gets all of it. */
#define ENDLESS "touch $(OUT)/mess; echo $$$$ >$(OUT)/pid; " \
		"mv $(OUT)/pid guest_pv/../pid; exec sleep 1000"

/* Without a signal it succeeds: what the others do not do is their signal's work. */
static void test_whole(void **state)
{
	(void)state;
	write_makefile(COPY, COPY);
	assert_int_equal(wait_for(start_preparing()), STATUS_OK);
	assert_int_equal(count_files(cache), 1);
	/* And again, now that it is there. */
	assert_int_equal(wait_for(start_preparing()), STATUS_OK);
}

/*
 * A compiler that goes on for ever, and a signal to the launcher alone, as kill(1)
 * sends it: make and what it started end too.
 */
static void test_signals_while_making(void **state)
{
	static const int numbers[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
	char path[160];

	(void)state;
	snprintf(path, sizeof(path), "%s/pid", folder);
	for (int i = 0; i < 8; i++) {
		pid_t child, program;
		int status;

		write_makefile(i % 2 ? COPY : ENDLESS, i % 2 ? ENDLESS : COPY);
		child = start_preparing();
		program = wait_for_program();
		assert_true(lives(program));
		kill(child, numbers[i / 2]);
		status = wait_for(child);
		for (int j = 0; j < WAIT_MS / 10 && lives(program); j++)
			pause_ms(10);
		if (lives(program)) {
			kill(program, SIGKILL);
			fail_msg("its program lives on");
		}
		assert_int_equal(status, 128 + numbers[i / 2]);
		assert_int_equal(count_files(cache), 0);
		assert_int_equal(count_files(temporary), 0);
		unlink(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_whole),
		T(test_signals_while_making),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
