// SPDX-License-Identifier: GPL-2.0
/*
 * From a kernel file to a cache entry. Start reading at prepare_kernel().
 */
#include "prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "budget.h"
#include "cache.h"
#include "compact.h"
#include "files.h"
#include "image.h"
#include "kernel.h"
#include "layer.h"
#include "link.h"
#include "log.h"
#include "patch.h"
#include "plain.h"

/*J: launcher.prepare
 * "Stock kernel" means that we change nothing when the kernel is built, so
 * what the old lguest compiled into its guests has to be added afterwards.
 * The steps are those of loading a module, done from outside and before the
 * kernel lives: compile against its headers, link against its symbols, check
 * that it is the kernel we think it is. They take some seconds and a
 * compiler, and their result depends on nothing but the kernel and the
 * layer's source, so it is kept: the second start of a kernel only reads.
 :*/

/* A whole small file. An ELF view needs it until the end. */
struct file {
	uint8_t *data;
	struct elf_view elf;
};

/* Everything that one preparation has open. */
struct job {
	const struct prepare_options *options;
	const char *cache;	/* the folders: cache, */
	const char *second;	/* another one to look in, or NULL, */
	const char *source;	/* the layer's, */
	char *headers;		/* the kernel's */
	char *work;		/* the entry in the making, */
	char *log;		/* and what make prints */
	/* In a folder of a plain name, see plain.h: */
	char *plain;
	char *source_link, *headers_link;
	char *out;		/* the compiler's output */
	char *symbols;		/* linker script */
	struct kernel kernel;
};

static int open_elf(struct file *f, const char *dir, const char *name,
		    uint16_t type)
{
	char *path;
	const char *why = "it is empty, or too large";
	struct stat st;
	int fd;

	memset(f, 0, sizeof(*f));
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		why = strerror(errno);
	} else if (st.st_size > 0 && st.st_size < (64 << 20)) {
		f->data = malloc(st.st_size);
		if (f->data && read(fd, f->data, st.st_size) == st.st_size)
			why = elf_open(&f->elf, f->data, st.st_size, type);
		else
			why = strerror(errno);
	}
	if (fd >= 0)
		close(fd);
	if (why)
		log_warnx("the layer's %s cannot be used, %s", path, why);
	free(path);
	return why ? -ENOEXEC : 0;
}

static void close_elf(struct file *f)
{
	elf_close(&f->elf);
	free(f->data);
}

/* Where the log of a failure is kept. */
static char *kept_log(const struct job *job)
{
	char *path;

	return asprintf(&path, "%s/failed-%s.log", job->cache,
			job->kernel.release) < 0 ? NULL : path;
}

/*
 * Did the disk fill up under make? Its log says so, unless there was no space for
 * that either. (Make and the compiler speak as in the C locale: layer.c.)
 */
static bool was_full(const struct job *job)
{
	struct statvfs fs;
	char line[512];
	bool found = !statvfs(job->out, &fs) &&
		     (!fs.f_bavail || (fs.f_files && !fs.f_favail));
	FILE *f = fopen(job->log, "re");

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, "No space left on device");
	if (f)
		fclose(f);
	return found;
}

/* One step of the layer's makefile; a failure keeps the log in the cache. */
static int make_step(struct job *job, const char *target)
{
	struct layer_build build = {
		.source = job->source_link,
		.headers = job->headers_link,
		.plain = job->plain,
		.out = job->out,
		.symbols = job->symbols,
		.log = job->log,
		.verbose = job->options->verbose,
	};
	char *kept;
	int ret = budget_check();

	if (!ret)
		ret = layer_make(&build, target);
	/* What was interrupted fails in ways of its own. */
	if (ret && budget_check())
		ret = budget_check();
	if (ret != -EIO)
		return ret;
	kept = job->options->verbose ? NULL : kept_log(job);
	if (was_full(job)) {
		log_warnx("the paravirt layer cannot be built for kernel %s: "
			  "there is no space left for %s", job->kernel.release,
			  job->out);
		ret = -EROFS;
	} else if (kept && !rename(job->log, kept)) {
		log_warnx("the paravirt layer cannot be built for kernel %s: "
			  "see %s", job->kernel.release, kept);
	} else {
		log_warnx("the paravirt layer cannot be built for kernel %s",
			  job->kernel.release);
	}
	free(kept);
	return ret;
}

static int link_layer(struct job *job)
{
	struct file object;
	int ret = make_step(job, "layer.o");

	if (ret)
		return ret;
	ret = open_elf(&object, job->out, "layer.o", ET_REL);
	if (!ret)
		ret = link_write_symbols(&object.elf, job->kernel.symbols,
					 job->symbols);
	close_elf(&object);
	/* Whatever else hinders it is of the folder that it writes to. */
	if (ret && ret != -ENOEXEC)
		ret = -EROFS;
	if (!ret)
		ret = make_step(job, "layer.elf");
	return ret;
}

static int check_layer(struct job *job, struct prepared *prepared)
{
	const struct kernel *k = &job->kernel;
	struct rl_patch *patches = NULL;
	struct file layer;
	size_t count = 0;
	int ret = open_elf(&layer, job->out, "layer.elf", ET_EXEC);

	if (!ret)
		ret = link_check_layer(&layer.elf);
	if (!ret)
		ret = link_check_layouts(&layer.elf, k->btf);
	if (!ret)
		ret = patch_read(&layer.elf, &patches, &count);
	if (!ret)
		ret = patch_check(patches, count, &k->elf, k->symbols, k->btf);
	if (!ret) {
		prepared->entry = layer.elf.header.e_entry;
		log_info("layer linked, %zu patches checked", count);
	}
	free(patches);
	close_elf(&layer);
	return ret;
}

/* The compiler's folder may be on another file system, so this is no rename. */
static int copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1, ret = 0;

	if (in >= 0)
		out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (in < 0 || out < 0 || !files_copy(in, out))
		ret = -errno;
	if (in >= 0)
		close(in);
	if (out >= 0 && close(out) && !ret)
		ret = -errno;
	return ret;
}

/* Copies the layer to the entry and writes the kernel beside it. */
static int fill_entry(struct job *job)
{
	char *from = NULL, *to = NULL, *vmlinux = NULL, *old_log;
	int ret = -ENOMEM;

	if (asprintf(&from, "%s/layer.elf", job->out) < 0 ||
	    asprintf(&to, "%s/layer.elf", job->work) < 0 ||
	    asprintf(&vmlinux, "%s/vmlinux", job->work) < 0)
		goto out;
	ret = copy_file(from, to);
	if (!ret)
		ret = compact_write(&job->kernel.elf, vmlinux);
	unlink(job->log);
	old_log = kept_log(job);
	if (!ret && old_log)
		unlink(old_log);
	free(old_log);
out:
	free(from);
	free(to);
	free(vmlinux);
	if (!ret || budget_check())
		return budget_check();
	errno = -ret;
	log_warn("cannot write to the cache folder %s", job->cache);
	return -EROFS;
}

/* What make is told of: nothing there has a name that it could misread. */
static int open_plain(struct job *job)
{
	job->plain = plain_folder();
	if (!job->plain)
		return -EACCES;
	if (asprintf(&job->source_link, "%s/guest_pv", job->plain) < 0 ||
	    asprintf(&job->headers_link, "%s/headers", job->plain) < 0 ||
	    asprintf(&job->out, "%s/build", job->plain) < 0 ||
	    asprintf(&job->symbols, "%s/kernel.lds", job->out) < 0)
		return -ENOMEM;
	if (!symlink(job->source, job->source_link) &&
	    !symlink(job->headers, job->headers_link) && !mkdir(job->out, 0777))
		return 0;
	log_warn("cannot write to %s", job->plain);
	return -EACCES;
}

static int open_job(struct job *job)
{
	job->headers = layer_find_headers(job->options->headers_dir,
					  job->kernel.release);
	if (!job->headers)
		return -ENOENT;
	job->work = cache_begin(job->cache);
	if (!job->work)
		return -EROFS;
	if (asprintf(&job->log, "%s/make.log", job->work) < 0)
		return -ENOMEM;
	return open_plain(job);
}

static void close_job(struct job *job)
{
	if (job->plain)
		cache_remove(job->plain);
	if (job->work)
		cache_remove(job->work);
	free(job->plain);
	free(job->source_link);
	free(job->headers_link);
	free(job->out);
	free(job->symbols);
	free(job->work);
	free(job->log);
	free(job->headers);
	kernel_close(&job->kernel);
}

static int make_entry(struct image *image, struct job *job,
		      const char *layer_key, struct prepared *prepared)
{
	int ret = open_job(job);

	if (!ret)
		ret = link_layer(job);
	if (!ret)
		ret = check_layer(job, prepared);
	if (!ret)
		ret = fill_entry(job);
	if (!ret)
		ret = budget_check();
	if (!ret) {
		strcpy(prepared->build_id, job->kernel.build_id);
		strcpy(prepared->release, job->kernel.release);
		prepared->cr3 = job->kernel.init_top_pgt;
		prepared->fixmap = job->kernel.fixmap;
		ret = cache_publish(job->cache, job->work, image->key,
				    layer_key, prepared) ? -EROFS : 0;
	}
	close_job(job);
	return ret;
}

/*
 * A signal that ends us would leave the work folders behind, so those wait until
 * all loops have seen it (budget_take()) and the folders are gone. Before there are
 * such folders signals act as ever: reading an image can always be ended.
 */
static int make_uninterrupted(struct image *image, struct job *job,
			      const char *layer_key, struct prepared *prepared)
{
	sigset_t ends, old;
	int ret;

	budget_begin(image->file, BUDGET_STEPS);
	log_info("unpacking %s", image->file);
	ret = image_unpack(image);
	if (!ret)
		ret = kernel_open(&job->kernel, image);
	if (ret)
		return ret;
	log_info("kernel %s, %zu symbols; building the layer",
		 job->kernel.release, kallsyms_count(job->kernel.symbols));
	budget_signals(&ends);
	pthread_sigmask(SIG_BLOCK, &ends, &old);
	ret = make_entry(image, job, layer_key, prepared);
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
		const char *layer_key, struct prepared *prepared)
{
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
		      const char *layer_key, struct prepared *prepared)
{
	char image_key[DIGEST_SIZE];
	struct stat st;

	if (stat(file, &st) ||
	    (!cache_recall(job->cache, &st, image_key) &&
	     !(job->second && cache_recall(job->second, &st, image_key))))
		return -ENOENT;
	return find(job, image_key, layer_key, prepared);
}

/* The image was not in a cache, or not known to be: it is read. */
static int read_and_make(const char *file, struct job *job,
			 const char *layer_key, struct prepared *prepared)
{
	struct stat before, after;
	bool there = !stat(file, &before);
	struct image image;
	int ret = image_read(&image, file);

	if (ret)
		return ret;
	ret = find(job, image.key, layer_key, prepared);
	if (ret == -ENOENT && job->source)
		ret = make_uninterrupted(&image, job, layer_key, prepared);
	else if (ret == -ENOENT)
		log_warnx("%s is not in the cache %s, and the paravirt layer's "
			  "source to prepare it is not found: use --cache or "
			  "--layer DIR", file, job->cache);
	if (!ret && there && !stat(file, &after) && same_file(&before, &after))
		cache_remember(job->cache, &before, image.key);
	image_free(&image);
	return ret;
}

static int find_or_make(const char *file, struct job *job,
			struct prepared *prepared)
{
	char layer_key[DIGEST_SIZE];
	int ret = job->source ? layer_hash(job->source, layer_key) : 0;
	const char *key = job->source ? layer_key : NULL;

	if (ret) {
		errno = -ret;
		log_warn("cannot read the layer's source in %s", job->source);
		return ret;
	}
	ret = find_known(file, job, key, prepared);
	return ret == -ENOENT ? read_and_make(file, job, key, prepared) : ret;
}

int prepare_kernel(const char *kernel_file,
		   const struct prepare_options *options,
		   struct prepared *prepared)
{
	struct job job = {
		.options = options,
		.second = cache_second(options->cache_dir),
	};
	char *cache, *source;
	int ret;

	memset(prepared, 0, sizeof(*prepared));
	source = layer_find_source(options->layer_dir);
	if (options->layer_dir && !source) {
		log_warnx("%s is not the source of the paravirt layer (it has "
			  "no layer.mk)", options->layer_dir);
		return -ENOENT;
	}
	cache = cache_path(options->cache_dir);
	job.source = source;
	job.cache = cache;
	ret = cache ? find_or_make(kernel_file, &job, prepared) : -EROFS;
	free(cache);
	free(source);
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
