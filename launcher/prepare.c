// SPDX-License-Identifier: GPL-2.0
/* From a kernel file to a cache entry. Start reading at prepare_kernel(). */
#include "prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"
#include "budget.h"
#include "cache.h"
#include "compact.h"
#include "files.h"
#include "i386_kernel.h"
#include "image.h"
#include "kernel.h"
#include "layer.h"
#include "link.h"
#include "log.h"
#include "patch.h"

/*J: launcher.prepare
 * "Stock kernel" means that we change nothing when the kernel is built, so
 * what the old lguest compiled into its guests has to be added afterwards.
 * The steps are those of loading a module, done from outside and before the
 * kernel lives: fit to its types, link against its symbols, check that it is the
 * kernel we think it is. Nothing but the image is asked, no header and no compiler,
 * so any distribution's kernel will do that describes its types. Most of the time
 * goes into unpacking it, and the result depends on nothing but the kernel, the
 * layer and this program, so it is kept: the second start of a kernel only reads.
 :*/

/* Everything that one preparation has open. */
struct job {
	const char *cache;	/* the folders: cache, */
	const char *second;	/* and another one to look in, or NULL */
	uint8_t *layer;		/* the layer's file, or NULL: there is none; */
	size_t layer_size;	/* its bytes, and its hash */
	char layer_key[DIGEST_SIZE];
	struct elf_view elf;	/* of the layer, which becomes fitted to */
	struct kernel kernel;
	char *work;		/* the entry in the making */
};

static int write_layer(const struct job *job, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int ret = 0;

	if (fd < 0 || !files_write(fd, job->layer, job->layer_size))
		ret = -errno;
	if (fd >= 0 && close(fd) && !ret)
		ret = -errno;
	return ret;
}

/* Writes the layer to the entry and the kernel beside it. */
static int fill_entry(struct job *job)
{
	char *layer = NULL, *vmlinux = NULL;
	int ret = -ENOMEM;

	if (asprintf(&layer, "%s/layer.elf", job->work) < 0) {
		layer = NULL;
	} else if (asprintf(&vmlinux, "%s/vmlinux", job->work) < 0) {
		vmlinux = NULL;
	} else {
		ret = write_layer(job, layer);
		if (!ret)
			ret = compact_write(&job->kernel.elf, vmlinux);
	}
	free(layer);
	free(vmlinux);
	if (!ret || budget_check())
		return budget_check();
	errno = -ret;
	log_warn("cannot write to the cache folder %s", job->cache);
	return -EROFS;
}

/* Opens the layer, or the shim, as it was built. */
static int open_layer(struct job *job)
{
	const char *why = elf_open(&job->elf, job->layer, job->layer_size, ET_EXEC);

	if (why)
		log_warnx("the paravirt layer cannot be used, %s", why);
	return why ? -ENOEXEC : 0;
}

/* The shim gets to know this kernel, and the kernel gets its traps. */
static int fit_shim(struct image *image, struct job *job, struct prepared *prepared)
{
	int ret = i386_kernel_fit(&job->kernel, image, &job->elf, job->layer);

	if (!ret)
		ret = link_check_layer(&job->elf);
	prepared->entry = job->elf.header.e_entry;
	job->kernel.first_top = RL_I386_TOP_GPA;
	return ret;
}

/* The layer, as it was built, becomes this kernel's. */
static int fit_layer(struct job *job, struct prepared *prepared)
{
	const struct kernel *k = &job->kernel;
	struct rl_patch *patches = NULL;
	size_t count = 0;
	int ret = link_fit(&job->elf, job->layer, k);

	if (!ret)
		ret = link_check_layer(&job->elf);
	if (!ret)
		ret = patch_settle(&job->elf, job->layer, &k->elf, k->symbols);
	if (!ret)
		ret = patch_read(&job->elf, &patches, &count);
	if (!ret)
		ret = patch_check(patches, count, &k->elf, k->symbols, k->btf);
	if (!ret) {
		prepared->entry = job->elf.header.e_entry;
		log_info("layer linked, %zu patches checked", count);
	}
	free(patches);
	return ret;
}

static int make_entry(struct image *image, struct job *job, struct prepared *prepared)
{
	int ret = open_layer(job);

	if (!ret)
		ret = image->i386 ? fit_shim(image, job, prepared) :
				    fit_layer(job, prepared);
	if (ret)
		return ret;
	job->work = cache_begin(job->cache);
	if (!job->work)
		return -EROFS;
	ret = fill_entry(job);
	if (!ret)
		ret = budget_check();
	if (!ret) {
		strcpy(prepared->build_id, job->kernel.build_id);
		strcpy(prepared->release, job->kernel.release);
		prepared->cr3 = job->kernel.first_top;
		prepared->fixmap = job->kernel.fixmap;
		ret = cache_publish(job->cache, job->work, image->key,
				    job->layer_key, prepared) ? -EROFS : 0;
	}
	cache_remove(job->work);
	free(job->work);
	return ret;
}

/*
 * A signal that ends us would leave the work folder behind, so those wait until
 * all loops have seen it (budget_take()) and the folder is gone. Before there is
 * such a folder signals act as ever: reading an image can always be ended.
 */
static int make_uninterrupted(struct image *image, struct job *job,
			      struct prepared *prepared)
{
	sigset_t ends, old;
	int ret;

	budget_begin(image->file, BUDGET_STEPS);
	log_info("unpacking %s", image->file);
	ret = image_unpack(image);
	if (!ret)
		ret = image->i386 ? i386_kernel_open(&job->kernel, image) :
				    kernel_open(&job->kernel, image);
	if (ret)
		return ret;
	log_info("kernel %s, %zu symbols; fitting the layer",
		 job->kernel.release, kallsyms_count(job->kernel.symbols));
	budget_signals(&ends);
	pthread_sigmask(SIG_BLOCK, &ends, &old);
	ret = make_entry(image, job, prepared);
	elf_close(&job->elf);
	kernel_close(&job->kernel);
	log_info("%llu million steps of %llu were taken",
		 (BUDGET_STEPS - budget_left()) / 1000000,
		 BUDGET_STEPS / 1000000);
	/* The last moment to hear of one: the caller has things to remove, too. */
	if (!ret && budget_check()) {
		ret = budget_check();
		prepared_free(prepared);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ret;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size &&
	       !memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) &&
	       !memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim));
}

/*
 * In the system's cache first, as it may be the only one that is usable. 0, -ENOENT,
 * or another -errno after a message.
 */
static int find(const struct job *job, const char *image_key,
		struct prepared *prepared)
{
	const char *layer_key = job->layer ? job->layer_key : NULL;
	int ret;

	if (job->second &&
	    !cache_find(job->second, image_key, layer_key, prepared))
		return 0;
	ret = cache_check(job->cache);
	return ret ? ret : cache_find(job->cache, image_key, layer_key,
				      prepared);
}

/* As find(), for a file whose hash is remembered. */
static int find_known(const char *file, const struct job *job,
		      struct prepared *prepared)
{
	char image_key[DIGEST_SIZE];
	struct stat st;

	if (stat(file, &st) ||
	    (!cache_recall(job->cache, &st, image_key) &&
	     !(job->second && cache_recall(job->second, &st, image_key))))
		return -ENOENT;
	return find(job, image_key, prepared);
}

/* The image was not in a cache, or not known to be: it is read. */
static int read_and_make(const char *file, struct job *job,
			 struct prepared *prepared)
{
	struct stat before, after;
	bool there = !stat(file, &before);
	struct image image;
	int ret = image_read(&image, file);

	if (ret)
		return ret;
	ret = find(job, image.key, prepared);
	if (ret == -ENOENT && job->layer)
		ret = make_uninterrupted(&image, job, prepared);
	else if (ret == -ENOENT)
		log_warnx("%s is not in the cache %s, and the paravirt layer to "
			  "prepare it is not found: use --cache DIR or --layer FILE",
			  file, job->cache);
	if (!ret && there && !stat(file, &after) && same_file(&before, &after))
		cache_remember(job->cache, &before, image.key);
	image_free(&image);
	return ret;
}

static int find_or_make(const char *file, const char *layer, struct job *job,
			struct prepared *prepared)
{
	int ret = layer ? layer_read(layer, &job->layer, &job->layer_size,
				     job->layer_key) : 0;

	if (ret)
		return ret;
	ret = find_known(file, job, prepared);
	if (ret == -ENOENT)
		ret = read_and_make(file, job, prepared);
	free(job->layer);
	return ret;
}

int prepare_kernel(const char *kernel_file,
		   const struct prepare_options *options,
		   struct prepared *prepared)
{
	struct job job = { .second = cache_second(options->cache_dir) };
	const char *named = layer_named(options->layer);
	char *cache, *layer;
	int ret;

	memset(prepared, 0, sizeof(*prepared));
	layer = boot_is_i386(kernel_file) ? layer_find_shim(options->layer) :
					    layer_find(options->layer);
	if (named && !layer) {
		log_warn("cannot read the paravirt layer %s", named);
		return -ENOENT;
	}
	cache = cache_path(options->cache_dir);
	job.cache = cache;
	ret = cache ? find_or_make(kernel_file, layer, &job, prepared) : -EROFS;
	free(cache);
	free(layer);
	return ret;
}

int prepared_hold(struct prepared *prepared)
{
	int error;

	prepared->vmlinux_fd = open(prepared->vmlinux, O_RDONLY | O_CLOEXEC);
	prepared->layer_fd = open(prepared->layer, O_RDONLY | O_CLOEXEC);
	prepared->held = true;
	if (prepared->vmlinux_fd >= 0 && prepared->layer_fd >= 0)
		return 0;
	error = -errno;
	log_warn("cannot open the prepared kernel in %s", prepared->dir);
	return error;
}

void prepared_free(struct prepared *prepared)
{
	if (prepared->held) {
		close(prepared->vmlinux_fd);
		close(prepared->layer_fd);
	}
	free(prepared->dir);
	free(prepared->vmlinux);
	free(prepared->layer);
	memset(prepared, 0, sizeof(*prepared));
}
