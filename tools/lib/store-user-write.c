// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations of a store that can be written, for files and block devices.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store-user.h"

#define ZEROS_STEP	VHDX_MIB
#define RESERVE_STEP	(1024 * VHDX_MIB)

/* Threads may share a store, and one of them may extend the file. */
static u64 get_size(const struct vhdx_store *store)
{
	return __atomic_load_n(&store->size, __ATOMIC_RELAXED);
}

static void set_size(struct vhdx_store *store, u64 size)
{
	__atomic_store_n(&store->size, size, __ATOMIC_RELAXED);
}

/**
 * user_store_pwrite() - write all that is given
 * @user: a store that can be written; of one that is uncached, @pos, @buf and @len
 *	are aligned
 * @pos: byte offset
 * @buf: the bytes
 * @len: number of bytes
 *
 * Return: 0 or a negative errno.
 */
int user_store_pwrite(struct user_store *user, u64 pos, const void *buf,
		      size_t len)
{
	size_t done = 0;

	while (done < len) {
		const void *from = (const char *)buf + done;
		int fd = user_store_fd(user, pos + done, from, len - done);
		ssize_t n = pwrite(fd, from, len - done, (off_t)(pos + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && fd != user->fd) {
			user_store_no_bypass(user);
			continue;
		}
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

static int user_write(struct vhdx_store *store, u64 pos, const void *buf,
		      size_t len)
{
	struct user_store *user = container_of(store, struct user_store, store);
	int err;

	if (user->uncached)
		return user_store_write_past(user, pos, buf, len);
	err = user_store_pwrite(user, pos, buf, len);
	/* A write at the end of a file fills its last page. */
	if (!err && pos + len > get_size(store))
		set_size(store, pos + len);
	return err;
}

/* fdatasync() covers the data, and what of the inode is needed to find it. */
static int user_flush(struct vhdx_store *store)
{
	struct user_store *user = container_of(store, struct user_store, store);

	return fdatasync(user->fd) ? -errno : 0;
}

/* fallocate(), repeated after signals. */
static int allocate(const struct user_store *user, int mode, u64 pos, u64 len)
{
	int r;

	do
		r = fallocate(user->fd, mode, (off_t)pos, (off_t)len);
	while (r && errno == EINTR);
	return r ? -errno : 0;
}

static bool cannot(int err)
{
	return err == -EOPNOTSUPP || err == -ENOTTY;
}

/*
 * BLKZEROOUT or BLKDISCARD. The kernel refuses either while somebody else has pages
 * there in the page cache that it cannot drop.
 */
static int empty_range(const struct user_store *user, unsigned long request,
		       u64 pos, u64 len)
{
	u64 range[2] = { pos, len };

	if (!ioctl(user->fd, request, range))
		return 0;
	return errno == EBUSY ? -EOPNOTSUPP : -errno;
}

static int user_truncate(struct vhdx_store *store, u64 size)
{
	struct user_store *user = container_of(store, struct user_store, store);

	if (user->device)
		return 0;
	if (ftruncate(user->fd, (off_t)size))
		return -errno;
	set_size(store, size);
	return 0;
}

static int user_lengthen(struct vhdx_store *store, u64 size)
{
	const struct user_store *user =
		container_of(store, struct user_store, store);

	return user->device ? -ENOSPC : user_truncate(store, size);
}

static int write_zeros(struct vhdx_store *store, u64 pos, u64 len)
{
	char *zeros = calloc(1, ZEROS_STEP);
	int err = zeros ? 0 : -ENOMEM;

	while (len && !err) {
		size_t step = min_t(u64, len, ZEROS_STEP);

		err = user_write(store, pos, zeros, step);
		pos += step;
		len -= step;
	}
	free(zeros);
	return err;
}

/*
 * Return the bytes of a file that have space, as the file system reports them.
 */
static int allocated_bytes(const struct user_store *user, u64 *bytes)
{
	struct stat st;

	if (fstat(user->fd, &st))
		return -errno;
	*bytes = (u64)st.st_blocks * 512;
	return 0;
}

/*
 * Return the next hole from @pos on. A file system may report less space than
 * the file has bytes, and still no hole; then the hole may be anywhere.
 */
static void next_hole(const struct user_store *user, u64 pos, u64 *start,
		      u64 *end)
{
	off_t hole = lseek(user->fd, (off_t)pos, SEEK_HOLE);
	off_t data;

	*start = pos;
	*end = user->store.size;
	if (hole < 0 || (u64)hole >= user->store.size)
		return;
	*start = (u64)hole;
	data = lseek(user->fd, hole, SEEK_DATA);
	if (data > hole)
		*end = min(*end, (u64)data);
}

/*
 * Fill the holes from @pos on. That part was just added and reads as zeros.
 * Some file systems report success of fallocate() and leave holes, so test that
 * the file as a whole has its space.
 */
static int fill_holes(struct user_store *user, u64 pos)
{
	u64 bytes, start;
	int err;

	err = allocated_bytes(user, &bytes);
	while (!err && bytes < user->store.size && pos < user->store.size) {
		next_hole(user, pos, &start, &pos);
		err = write_zeros(&user->store, start, pos - start);
	}
	return err;
}

static int user_extend(struct vhdx_store *store, u64 size)
{
	struct user_store *user = container_of(store, struct user_store, store);
	u64 old = store->size;
	int err;

	if (user->device)
		return -ENOSPC;
	err = allocate(user, 0, old, size - old);
	if (cannot(err)) {
		err = user_truncate(store, size);
	} else if (err) {
		/*
		 * Cut off what was added. If that fails, the file is only too
		 * long.
		 */
		(void)!ftruncate(user->fd, (off_t)old);
	}
	if (err)
		return err;
	set_size(store, size);
	return user->no_holes ? fill_holes(user, old) : 0;
}

static int user_zero(struct vhdx_store *store, u64 pos, u64 len)
{
	struct user_store *user = container_of(store, struct user_store, store);
	int err;

	if (user->device)
		err = empty_range(user, BLKZEROOUT, pos, len);
	else
		err = allocate(user,
			       FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, pos,
			       len);
	return cannot(err) ? write_zeros(store, pos, len) : err;
}

/* A block device has all its space. */
static int user_reserve(struct vhdx_store *store, u64 pos, u64 len)
{
	struct user_store *user = container_of(store, struct user_store, store);
	int err = user->device ? 0 : allocate(user, FALLOC_FL_KEEP_SIZE, pos,
					      len);

	return cannot(err) ? 0 : err;
}

static int punch(const struct user_store *user, u64 pos, u64 len)
{
	return allocate(user, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pos,
			len);
}

/* A store that cannot free space keeps it. */
static int user_discard(struct vhdx_store *store, u64 pos, u64 len)
{
	struct user_store *user = container_of(store, struct user_store, store);
	int err;

	if (user->no_holes)
		return 0;
	if (user->device)
		err = empty_range(user, BLKDISCARD, pos, len);
	else
		err = punch(user, pos, len);
	return cannot(err) ? 0 : err;
}

/* A hole reads as zeros; what a device has discarded may read as anything. */
static int user_clear(struct vhdx_store *store, u64 pos, u64 len)
{
	struct user_store *user = container_of(store, struct user_store, store);
	int err = -EOPNOTSUPP;

	if (!user->device && !user->no_holes)
		err = punch(user, pos, len);
	return cannot(err) ? user_zero(store, pos, len) : err;
}

/*
 * Have the file system give a file all of its space, where it can without
 * writing: most can.
 */
static int fill_at_once(struct user_store *user,
			int (*step)(void *context, u64 done, u64 total),
			void *context)
{
	u64 pos, len, size = user->store.size;
	int err = 0;

	for (pos = 0; pos < size && !err; pos += len) {
		len = min(size - pos, RESERVE_STEP);
		err = step(context, pos, size);
		if (!err)
			err = allocate(user, FALLOC_FL_KEEP_SIZE, pos, len);
	}
	return cannot(err) ? 0 : err;
}

/**
 * user_store_fill() - give the holes of a file space of their own
 * @user: a file that is open for writing
 * @step: called before each step, with @context, the offset and the length of
 *	the file; what it returns ends the work, if it is not 0
 * @context: for @step
 *
 * What is written are zeros into holes, so the file reads the same at any time.
 *
 * Return: 0, though the file may be sparse nevertheless, if the file system keeps
 * holes, or compresses: see user_store_is_sparse(); a negative errno; or what
 * @step returned.
 */
int user_store_fill(struct user_store *user,
		    int (*step)(void *context, u64 done, u64 total),
		    void *context)
{
	u64 pos = 0, size = user->store.size, bytes;
	int err = fill_at_once(user, step, context);

	if (!err)
		err = allocated_bytes(user, &bytes);
	while (!err && bytes < size && pos < size) {
		off_t hole = lseek(user->fd, (off_t)pos, SEEK_HOLE);
		off_t data = hole < 0 ? -1 : lseek(user->fd, hole, SEEK_DATA);
		u64 end = data < 0 ? size : (u64)data;

		if (hole < 0 || (u64)hole >= size)
			break;
		for (pos = (u64)hole; pos < end && !err; pos += ZEROS_STEP) {
			err = step(context, pos, size);
			if (!err)
				err = write_zeros(&user->store, pos,
						  min_t(u64, end - pos,
							ZEROS_STEP));
		}
		pos = end;
	}
	return err ? err : user_flush(&user->store);
}

/**
 * user_store_is_sparse() - test whether a file has holes
 * @user: a file whose bytes are durable, the first ones written
 *
 * A file system that reports no space at all for such a file, as hostfs does,
 * has no answer.
 *
 * Return: 1 if it has holes, 0 if not or unknown, or a negative errno.
 */
int user_store_is_sparse(const struct user_store *user)
{
	u64 bytes;
	int err = allocated_bytes(user, &bytes);

	return err ? err : bytes && bytes < user->store.size;
}

const struct vhdx_store_ops user_store_write_ops = {
	.read = user_store_read,
	.write = user_write,
	.flush = user_flush,
	.lengthen = user_lengthen,
	.extend = user_extend,
	.truncate = user_truncate,
	.zero = user_zero,
	.reserve = user_reserve,
	.discard = user_discard,
	.clear = user_clear,
};
