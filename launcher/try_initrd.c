// SPDX-License-Identifier: GPL-2.0
/*
 * The initrd of `ringlet try`. What is the same in each run of a kernel, the init
 * program and the modules, is made once and kept as .try.RELEASE.HASH in the cache
 * folder, the hash being over all that it was made of. As what runs in a guest comes
 * from there, the cache's rules of trust hold for it, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../abi/try.h"
#include "cache.h"
#include "cpio.h"
#include "digest.h"
#include "files.h"
#include "layer.h"
#include "log.h"
#include "modules.h"
#include "try.h"

#define INIT_NAME	"try-init"

/* Without the first ones there is no view; the others are for comfort. */
static const struct {
	const char *name;
	bool needed;
} wanted[] = {
	{ "virtio_mmio", true },
	{ "virtio_console", true },
	{ "9pnet_virtio", true },
	{ "9p", true },
	{ "overlay", true },
	{ "virtio_net", false },
	{ "virtio_rng", false },
};

static int choose_modules(struct modules *modules, const char *release)
{
	int error = modules_open(modules, release);

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]) && !error;
	     i++) {
		error = modules_add(modules, wanted[i].name);
		if (error == -ENOENT && !wanted[i].needed)
			error = 0;
		else if (error == -ENOENT)
			log_warnx("the kernel %s has no module %s, which a "
				  "guest needs to see this machine's files: "
				  "use another kernel by --kernel FILE, such "
				  "as that of Debian's package "
				  "linux-image-amd64", release, wanted[i].name);
		else if (error && error != -ENOMEM)
			log_warnx("%s/modules.dep is damaged: run `sudo depmod "
				  "%s`", modules->folder, release);
		if (error)
			modules_close(modules);
	}
	return error;
}

static char *module_path(const struct modules *modules, size_t i)
{
	return files_join(modules->folder, modules->files[i]);
}

/* Its name in the archive: without folders, and not how it was packed. */
static void module_name(const struct modules *modules, size_t i, char *name,
			size_t size)
{
	const char *slash = strrchr(modules->files[i], '/');
	const char *base = slash ? slash + 1 : modules->files[i];

	snprintf(name, size, "%s/%.*s", &RL_TRY_MODULES[1],
		 (int)(strstr(base, ".ko") + 3 - base), base);
}

/* The hash of init and of what the modules' files are known by. */
static int hash_parts(const struct modules *modules, const void *init,
		      size_t init_size, char key[DIGEST_SIZE])
{
	struct sha256_ctx ctx;
	struct stat st;
	char text[128], *path;
	int error = 0;

	sha256_init(&ctx);
	sha256_update(&ctx, init_size, init);
	for (size_t i = 0; i < modules->count && !error; i++) {
		path = module_path(modules, i);
		if (!path || stat(path, &st)) {
			error = path ? -errno : -ENOMEM;
			if (path)
				log_warn("cannot read the module %s",
					 modules->files[i]);
			free(path);
			break;
		}
		snprintf(text, sizeof(text), "%jd %jd.%09ld ",
			 (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec,
			 st.st_mtim.tv_nsec);
		sha256_update(&ctx, strlen(path) + 1, (uint8_t *)path);
		sha256_update(&ctx, strlen(text) + 1, (uint8_t *)text);
		free(path);
	}
	digest_end(&ctx, key);
	return error;
}

/* Init, the modules, and the order to load them in. */
static int make_archive(const struct modules *modules, const void *init,
			size_t init_size, struct cpio *cpio)
{
	char name[PATH_MAX], *order, *path;
	size_t size, order_size;
	uint8_t *data;
	FILE *list = open_memstream(&order, &order_size);
	int error = list ? 0 : -ENOMEM;

	if (error)
		return error;
	cpio_add(cpio, "init", S_IFREG | 0755, init, init_size);
	cpio_add(cpio, &RL_TRY_MODULES[1], S_IFDIR | 0755, NULL, 0);
	for (size_t i = 0; i < modules->count && !error; i++) {
		path = module_path(modules, i);
		data = path ? modules_read(path, &size) : NULL;
		error = !path ? -ENOMEM : !data ? -EINVAL : 0;
		free(path);
		if (error)
			break;
		module_name(modules, i, name, sizeof(name));
		cpio_add(cpio, name, S_IFREG | 0644, data, size);
		fprintf(list, "%c/%s%c", RL_TRY_MODULE, name, 0);
		free(data);
	}
	if (fclose(list) && !error)
		error = -ENOMEM;
	if (!error)
		cpio_add(cpio, &RL_TRY_ORDER[1], S_IFREG | 0644, order,
			 order_size);
	free(order);
	return error ? error : cpio_end(cpio);
}

/* A file without a name with the cached archive in it; -1: there is none. */
static int open_cached(const char *path)
{
	int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), to = -1;
	struct stat st;

	if (from < 0)
		return -1;
	if (!fstat(from, &st) && S_ISREG(st.st_mode) && cache_trusts(&st))
		to = memfd_create("initrd", MFD_CLOEXEC);
	if (to >= 0 && (!files_copy(from, to) ||
			lseek(to, 0, SEEK_END) != st.st_size)) {
		close(to);
		to = -1;
	}
	close(from);
	return to;
}

/*
 * For the next time. Where the cache cannot be written, there is none. A user whose
 * kernels are all in the system's cache has no folder of their own before this.
 */
static void keep(const char *cache, const char *path, const struct cpio *cpio)
{
	char *new;
	int fd;

	if (cache_make(cache) || asprintf(&new, "%s.%d", path, getpid()) < 0)
		return;
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		bool done = files_write(fd, cpio->data, cpio->size);

		if (close(fd) || !done || rename(new, path))
			unlink(new);
		else
			log_info("the initrd is kept as %s", path);
	}
	free(new);
}

/* The part that is the same in each run: from the cache, or made and kept. */
static int open_parts(const struct modules *modules, const char *release,
		      const char *cache, const void *init, size_t init_size)
{
	char key[DIGEST_SIZE], *path = NULL;
	struct cpio cpio = { 0 };
	int fd = -1, error = hash_parts(modules, init, init_size, key);

	if (error || asprintf(&path, "%s/.try.%s.%s", cache, release, key) < 0)
		return error ? error : -ENOMEM;
	fd = open_cached(path);
	if (fd < 0) {
		error = make_archive(modules, init, init_size, &cpio);
		if (!error)
			fd = memfd_create("initrd", MFD_CLOEXEC);
		if (fd >= 0 && files_write(fd, cpio.data, cpio.size))
			keep(cache, path, &cpio);
		else if (!error)
			error = -ENOMEM;
		free(cpio.data);
	}
	free(path);
	if (error && fd >= 0)
		close(fd);
	return error ? error : fd;
}

/* The static program that the build puts beside the layer's source. */
static void *read_init(size_t *size)
{
	static const char *const places[] = {
		"../lib/ringlet/" INIT_NAME, INIT_NAME,
	};
	uint8_t *init;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char *path = layer_near_program(places[i]);

		init = path && !access(path, R_OK) ?
			       modules_read(path, size) : NULL;
		free(path);
		if (init)
			return init;
	}
	log_warnx("the guest's init program (lib/ringlet/" INIT_NAME ") is not "
		  "installed beside this program: install ringlet whole");
	return NULL;
}

int try_initrd_open(const char *release, const char *cache,
		    const void *request, size_t request_size)
{
	struct modules modules;
	struct cpio cpio = { 0 };
	size_t init_size;
	void *init = read_init(&init_size);
	int fd = init ? choose_modules(&modules, release) : -ENOENT;

	if (!fd) {
		fd = open_parts(&modules, release, cache, init, init_size);
		modules_close(&modules);
	}
	free(init);
	if (fd >= 0) {
		cpio_add(&cpio, &RL_TRY_REQUEST[1], S_IFREG | 0600, request,
			 request_size);
		if (cpio_end(&cpio) ||
		    !files_write(fd, cpio.data, cpio.size)) {
			close(fd);
			fd = -ENOMEM;
		}
		free(cpio.data);
	}
	if (fd == -ENOMEM)
		log_warnx("there is not enough memory for the initrd");
	return fd;
}
