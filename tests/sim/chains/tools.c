// SPDX-License-Identifier: GPL-2.0-only
/*
 * In the place of what reaches files and signals for the tools: their stores are
 * recorders, and a run says when they are stopped.
 */
#include <fcntl.h>
#include <unistd.h>

#include "directory.h"
#include "files.h"
#include "place.h"
#include "progress.h"
#include "store-user.h"
#include "tools.h"

u32 tools_stop_in;

static struct recorder *recorder_of(struct vhdx_store *store)
{
	struct user_store *user = container_of(store, struct user_store, store);

	return &files_of(files_now, user->dev, user->ino)->rec;
}

static int user_read(struct vhdx_store *store, u64 pos, void *buf, size_t len)
{
	struct vhdx_store *below = &recorder_of(store)->store;

	return below->ops->read(below, pos, buf, len);
}

/* The same size below, whoever has changed it. */
static int done(struct vhdx_store *store, int r)
{
	store->size = recorder_of(store)->store.size;
	return r;
}

static int user_write(struct vhdx_store *store, u64 pos, const void *buf,
		      size_t len)
{
	struct vhdx_store *below = &recorder_of(store)->store;

	return done(store, below->ops->write(below, pos, buf, len));
}

static int user_flush(struct vhdx_store *store)
{
	struct vhdx_store *below = &recorder_of(store)->store;

	return below->ops->flush(below);
}

static int user_extend(struct vhdx_store *store, u64 size)
{
	struct vhdx_store *below = &recorder_of(store)->store;

	return done(store, below->ops->extend(below, size));
}

static int user_truncate(struct vhdx_store *store, u64 size)
{
	struct vhdx_store *below = &recorder_of(store)->store;

	return done(store, below->ops->truncate(below, size));
}

static int user_zero(struct vhdx_store *store, u64 pos, u64 len)
{
	struct vhdx_store *below = &recorder_of(store)->store;

	return below->ops->zero(below, pos, len);
}

static int user_discard(struct vhdx_store *store, u64 pos, u64 len)
{
	struct vhdx_store *below = &recorder_of(store)->store;

	return below->ops->discard(below, pos, len);
}

const struct vhdx_store_ops user_store_write_ops = {
	.read = user_read,
	.write = user_write,
	.flush = user_flush,
	.lengthen = user_extend,
	.extend = user_extend,
	.truncate = user_truncate,
	.zero = user_zero,
	.discard = user_discard,
};

static const struct vhdx_store_ops read_ops = { .read = user_read };

static int store_over(struct user_store *user, int fd, bool writes)
{
	struct file *file;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -ENOENT;
	file = files_of(files_now, st.st_dev, st.st_ino);
	if (!file) {
		close(fd);
		return -EMEDIUMTYPE;
	}
	*user = (struct user_store){
		.store.ops = writes ? &user_store_write_ops : &read_ops,
		.store.size = file->rec.store.size,
		.fd = fd,
		.dev = st.st_dev,
		.ino = st.st_ino,
	};
	return 0;
}

int user_store_open_place(struct user_store *user, int place, const char *name,
			  enum user_access access)
{
	(void)name;
	return store_over(user, place_open(place, O_RDONLY),
			  access == USER_WRITE || access == USER_LENT);
}

int user_store_open(struct user_store *user, const char *path,
		    enum user_access access)
{
	return store_over(user, open(path, O_RDONLY | O_CLOEXEC),
			  access == USER_WRITE || access == USER_LENT);
}

int user_store_create(struct user_store *user, const char *path)
{
	if (!access(path, F_OK))
		return -EEXIST;
	files_made(files_now, path);
	return store_over(user, open(path, O_RDWR | O_CLOEXEC), true);
}

void user_store_close(struct user_store *user)
{
	close(user->fd);
	user->fd = -1;
}

void user_store_bypass(struct user_store *user)
{
	(void)user;
}

int user_store_unlock(struct user_store *user)
{
	(void)user;
	return 0;
}

const char *user_store_read_only(const struct user_store *user)
{
	(void)user;
	return NULL;
}

bool user_store_same(const struct user_store *a, const struct user_store *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

bool user_store_is(const struct user_store *user, const struct stat *st)
{
	return user->dev == st->st_dev && user->ino == st->st_ino;
}

int user_store_read(struct vhdx_store *store, u64 pos, void *buf, size_t len)
{
	return user_read(store, pos, buf, len);
}

u64 user_store_data(const struct user_store *user, u64 pos)
{
	(void)user;
	return pos;
}

int user_store_is_sparse(const struct user_store *user)
{
	(void)user;
	return 0;
}

int user_store_fill(struct user_store *user,
		    int (*step)(void *context, u64 done, u64 total),
		    void *context)
{
	(void)user;
	(void)step;
	(void)context;
	return 0;
}

int directory_sync(const char *path)
{
	(void)path;
	files_synced(files_now);
	return 0;
}

int directory_keep(const char *path)
{
	return directory_sync(path);
}

int directory_check(const char *path)
{
	(void)path;
	return 0;
}

static int step(struct vhdx_progress *progress, u64 at, u64 total)
{
	(void)progress;
	(void)at;
	(void)total;
	return tools_stop_in && !--tools_stop_in ? -EINTR : 0;
}

void progress_begin(struct progress *progress, const char *what)
{
	*progress = (struct progress){ .engine.step = step, .what = what };
}

int progress_step(struct progress *progress, u64 at, u64 total)
{
	return step(&progress->engine, at, total);
}

void progress_end(struct progress *progress)
{
	(void)progress;
}

int progress_of_library(void *progress, uint64_t at, uint64_t total)
{
	return progress_step(progress, at, total);
}
