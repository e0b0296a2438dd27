// SPDX-License-Identifier: GPL-2.0
/* What a guest of `ringlet try` is told. Its streams are tested by devices/try. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "capture_log.h"
#include "launcher/try.h"

static void test_views(void **state)
{
	static const char text[] =
		"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
		"2 1 0:5 / /proc rw shared:5 - proc proc rw\n"
		"3 1 0:6 / /tmp rw - tmpfs tmpfs rw\n"
		"4 1 8:2 / /usr rw,noatime shared:1 master:2 - xfs /dev/sdb rw\n"
		"5 1 8:2 / /usr rw - ext4 /dev/sdc rw\n"
		/* Not there, not a folder, the guest's own, a server of one user. */
		"6 1 8:3 / /no\\040such rw - ext4 /dev/sdd rw\n"
		"7 1 8:3 / /etc/passwd rw - ext4 /dev/sdd rw\n"
		"8 1 8:3 / /dev/shm rw - ext4 /dev/sdd rw\n"
		"9 1 8:3 / /var rw - fuse.sshfs x rw\n"
		/* Damaged. */
		"\n - \n - ext4\nx - ext4 y\n1 2 3 4 relative - ext4 x\n"
		"1 2 3 / /opt rw ext4\n10 1 8:4 / /etc rw - nfs4 x";
	struct try_shares shares = { .view_count = 0 };
	char *option;

	(void)state;
	try_add_views(&shares, text);
	assert_int_equal(shares.view_count, 3);
	assert_string_equal(shares.views[0].path, "/");
	assert_string_equal(shares.views[1].path, "/usr");
	assert_string_equal(shares.views[2].path, "/etc");
	assert_string_not_equal(shares.views[1].tag, shares.views[2].tag);
	option = try_share_option(&shares.views[1], true);
	assert_string_equal(option, "/usr,tag=v1,readonly");
	free(option);
	try_free_shares(&shares);
	assert_int_equal(shares.view_count, 0);
}

static void test_folders(void **state)
{
	char folder[] = "/tmp/try a,b\\040.XXXXXX", name[64], mounted[128];
	struct try_shares shares = { .view_count = 0 };
	char *option;

	(void)state;
	log_forget();
	assert_non_null(mkdtemp(folder));
	assert_int_equal(try_add_folder(&shares, folder), 0);
	assert_int_equal(try_add_folder(&shares, folder), 0);
	assert_int_equal(shares.folder_count, 1);
	option = try_share_option(&shares.folders[0], false);
	/* The comma twice; and what reads --share finds the same name. */
	assert_int_equal(strncmp(option, "/tmp/try a,,b\\040.", 18), 0);
	assert_string_equal(option + strlen(folder) + 1, ",tag=w0");
	free(option);
	assert_int_equal(try_add_folder(&shares, "/"), -EPERM);
	assert_logged("the root folder itself");
	assert_int_equal(try_add_folder(&shares, "/no/such"), -ENOENT);
	assert_logged("/no/such: No such file");
	assert_int_equal(try_add_folder(&shares, "/etc/passwd"), -ENOTDIR);
	assert_logged("Not a directory");
	for (int i = 1; i < TRY_FOLDERS_MAX; i++) {
		snprintf(name, sizeof(name), "%s/%d", folder, i);
		mkdir(name, 0700);
		assert_int_equal(try_add_folder(&shares, name), 0);
		rmdir(name);
	}
	assert_int_equal(try_add_folder(&shares, "/usr"), -E2BIG);
	assert_logged("at most");
	try_free_shares(&shares);
	rmdir(folder);
	/* A blank, as the kernel writes it in mountinfo. */
	snprintf(folder, sizeof(folder), "/tmp/try a.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(mounted, sizeof(mounted),
		 "1 2 3 / /tmp/try\\040a%s rw - ext4 x rw\n", folder + 10);
	try_add_views(&shares, mounted);
	assert_int_equal(shares.view_count, 2);
	assert_string_equal(shares.views[1].path, folder);
	try_free_shares(&shares);
	rmdir(folder);
}

/* The records behind one another, a line each. */
static char *lines(const struct try_job *job)
{
	size_t size;
	char *request = try_request(job, &size);

	for (size_t i = 0; i < size; i++)
		if (!request[i])
			request[i] = '\n';
	return request;
}

static void test_request(void **state)
{
	char *words[] = { "a b", "", "c\nd" }, *text, *at;
	struct try_shares shares = {
		.views = { { "/", "v0" } }, .view_count = 1,
		.folders = { { "/x y", "w0" } }, .folder_count = 1,
	};
	struct try_network network = { "10.0.0.2", "255.0.0.0", "10.0.0.1" };
	struct try_job job = {
		.shares = &shares, .network = &network, .folder = "/x y",
		.terminal = "01", .words = words, .count = 3,
	};
	size_t size;
	char user[32];

	(void)state;
	clearenv();
	setenv("HOME", "/h\"'$ ", 1);
	setenv("SECRET", "s", 1);
	text = try_request(&job, &size);
	assert_memory_equal(text + size - 12, "aa b\0a\0ac\nd\0", 12);
	free(text);
	text = lines(&job);
	/* The root's view comes first, then what the kernel has, then folders. */
	at = strstr(text, "\nmv0\n/lower/v0\n9p\n1\ntrans=virtio,");
	assert_non_null(at);
	at = strstr(at, "\nmmemory\n/new/\noverlay\n0\nlowerdir=/lower/v0,"
		    "upperdir=/memory/v0,workdir=/memory/v0.work\n");
	assert_non_null(at);
	at = strstr(at, "\nmproc\n/new/proc\nproc\n6\n\n");
	assert_non_null(at);
	at = strstr(at, "\nd/new\nd/new/x y\nmw0\n/new/x y\n9p\n0\n");
	assert_non_null(at);
	snprintf(user, sizeof(user), "\nu%u %u", getuid(), getgid());
	at = strstr(at, user);
	assert_non_null(at);
	at = strstr(at, "\nnlo\n127.0.0.1\n255.0.0.0\n\n"
		    "neth0\n10.0.0.2\n255.0.0.0\n10.0.0.1\n"
		    "f/new/etc/resolv.conf\n");
	assert_non_null(at);
	assert_non_null(strstr(text, "\nc/x y\nt01\neHOME=/h\"'$ \naa b\n"));
	assert_null(strstr(text, "SECRET"));
	free(text);
	/* No command: a shell, and only one with a whole name. */
	job.count = 0;
	job.network = NULL;
	setenv("SHELL", "/bin/zsh", 1);
	text = lines(&job);
	assert_non_null(strstr(text, "\na/bin/zsh\n"));
	assert_null(strstr(text, "eth0"));
	assert_null(strstr(text, "resolv"));
	free(text);
	setenv("SHELL", "zsh", 1);
	text = lines(&job);
	assert_non_null(strstr(text, "\na/bin/sh\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
