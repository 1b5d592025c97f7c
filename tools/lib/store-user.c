// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file-lock.h"
#include "message.h"
#include "place.h"
#include "store-user.h"

/**
 * user_store_pread() - read all that is asked for
 * @user: an open store; of one that is uncached, @pos, @buf and @len are aligned
 * @pos: byte offset
 * @buf: receives the bytes, and zeros past the end of the store
 * @len: number of bytes
 *
 * Return: 0 or a negative errno.
 */
int user_store_pread(struct user_store *user, u64 pos, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		void *to = (char *)buf + done;
		int fd = user_store_fd(user, pos + done, to, len - done);
		ssize_t n = pread(fd, to, len - done, (off_t)(pos + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && fd != user->fd) {
			user_store_no_bypass(user);
			continue;
		}
		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += (size_t)n;
	}
	memset((char *)buf + done, 0, len - done);
	return 0;
}

/**
 * user_store_read() - the read operation of both kinds of store
 * @store: the store in a struct user_store
 * @pos: byte offset
 * @buf: receives the bytes, and zeros past the end of the store
 * @len: number of bytes
 *
 * Return: 0 or a negative errno.
 */
int user_store_read(struct vhdx_store *store, u64 pos, void *buf, size_t len)
{
	struct user_store *user = container_of(store, struct user_store, store);

	if (user->uncached)
		return user_store_read_past(user, pos, buf, len);
	return user_store_pread(user, pos, buf, len);
}

static const struct vhdx_store_ops read_ops = { .read = user_store_read };

static int learn_device(struct user_store *user, const char *path,
			const struct stat *st)
{
	u64 size;

	if (ioctl(user->fd, BLKGETSIZE64, &size)) {
		msg_err("%s: size unknown: %s", path, strerror(errno));
		return -errno;
	}
	user->store.size = size;
	user->dev = st->st_rdev;
	user->device = true;
	/* A device of the target may have written it since it was cached. */
	if (!user->uncached)
		(void)posix_fadvise(user->fd, 0, 0, POSIX_FADV_DONTNEED);
	return 0;
}

static int learn(struct user_store *user, const char *path)
{
	struct stat st;

	if (fstat(user->fd, &st)) {
		msg_err("%s: %s", path, strerror(errno));
		return -errno;
	}
	if (S_ISBLK(st.st_mode))
		return learn_device(user, path, &st);
	user->store.size = (u64)st.st_size;
	user->dev = st.st_dev;
	user->ino = st.st_ino;
	return 0;
}

/* Refuse to write a device that is mounted, or below another device. */
static int claim_device(struct user_store *user, const char *path)
{
	int fd = place_open(user->fd, O_RDWR | O_EXCL);

	if (fd == -EBUSY) {
		user->in_use = "is mounted or used by another device";
		return 0;
	}
	if (fd < 0) {
		msg_err("%s: %s", path, strerror(-fd));
		return fd;
	}
	close(user->fd);
	user->fd = fd;
	return 0;
}

/* Take the locks that @access needs, and look for other users. */
static int claim(struct user_store *user, const char *path,
		 enum user_access access)
{
	if (access == USER_PEEK || access == USER_LENT)
		return 0;
	if (user->device)
		return access == USER_WRITE ? claim_device(user, path) : 0;
	if (access == USER_LOOK)
		user->in_use = file_in_use(user->fd);
	else
		user->in_use = file_lock(user->fd, access == USER_WRITE);
	return 0;
}

static int cannot_open(const char *path, int err)
{
	/* The module, for one, denies writing to files that it reads. */
	if (err == -ETXTBSY)
		msg_err("%s: is in use by a device, or runs: nobody may write to it",
			path);
	else if (err == -ENOENT)
		msg_err("%s: cannot be opened without /proc; mount it", path);
	else
		msg_err("%s: %s", path, strerror(-err));
	return err;
}

/*
 * Whoever locks nothing may look at what the kernel writes meanwhile, or write what
 * the kernel reads.
 */
static bool shares_device(int place, enum user_access access)
{
	struct stat st;

	if (access == USER_READ || access == USER_WRITE)
		return false;
	return !fstat(place, &st) && S_ISBLK(st.st_mode);
}

/**
 * user_store_open_place() - open the store of a file or device
 * @user: filled in
 * @place: descriptor from place_find(), which the caller closes
 * @name: name for messages
 * @access: purpose of the opening
 *
 * The caller decides whether a conflict in @user->in_use matters.
 *
 * Return: 0, or a negative errno after a message.
 */
int user_store_open_place(struct user_store *user, int place, const char *name,
			  enum user_access access)
{
	bool writes = access == USER_WRITE || access == USER_LENT;
	int err;

	*user = (struct user_store){
		.store.ops = writes ? &user_store_write_ops : &read_ops,
		.direct = -1,
		.uncached = shares_device(place, access),
	};
	user->fd = place_open(place, (writes ? O_RDWR : O_RDONLY) |
				     (user->uncached ? O_DIRECT : 0));
	if (user->fd < 0)
		return cannot_open(name, user->fd);
	err = learn(user, name);
	if (!err)
		err = claim(user, name, access);
	if (err)
		user_store_close(user);
	return err;
}

/**
 * user_store_open() - look a name up, and open the store
 * @user: filled in
 * @path: path of the image
 * @access: purpose of the opening
 *
 * Return: as user_store_open_place(), and as place_find().
 */
int user_store_open(struct user_store *user, const char *path,
		    enum user_access access)
{
	int place, err = place_find(path, &place);

	if (err)
		return err;
	err = user_store_open_place(user, place, path, access);
	close(place);
	return err;
}

/**
 * user_store_create() - make a new, empty file for an image
 * @user: filled in
 * @path: path of the file, which must not exist
 *
 * Return: 0, or a negative errno after a message.
 */
int user_store_create(struct user_store *user, const char *path)
{
	int err;

	*user = (struct user_store){
		.store.ops = &user_store_write_ops,
		.direct = -1,
	};
	/* A disk may hold secrets, so only its owner may read it at first. */
	user->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (user->fd < 0) {
		err = -errno;
		msg_err("%s: %s", path, strerror(-err));
		return err;
	}
	err = learn(user, path);
	if (!err)
		err = claim(user, path, USER_WRITE);
	if (err)
		user_store_close(user);
	else
		msg_debug("%s: is made, and locked against all others", path);
	return err;
}

/**
 * user_store_close() - close a store, which also drops the locks
 * @user: an open store
 */
void user_store_close(struct user_store *user)
{
	user_store_no_bypass(user);
	close(user->fd);
	user->fd = -1;
}

/**
 * user_store_unlock() - drop the locks, and keep the file identified
 * @user: an open store; afterwards it can be neither read nor written
 *
 * Return: 0 or a negative errno.
 */
int user_store_unlock(struct user_store *user)
{
	int place = place_open(user->fd, O_PATH);

	if (place < 0)
		return place;
	user_store_no_bypass(user);
	close(user->fd);
	user->fd = place;
	return 0;
}

/**
 * user_store_read_only() - find out why a store cannot be written
 * @user: an open store
 *
 * Return: the reason in words, or NULL if it can.
 */
const char *user_store_read_only(const struct user_store *user)
{
	char path[PLACE_PATH_SIZE];
	int read_only = 0;

	if (access(place_path(user->fd, path), W_OK))
		return strerror(errno);
	/* Root can open a read-only device for writing, but not write to it. */
	if (user->device && !ioctl(user->fd, BLKROGET, &read_only) && read_only)
		return "the device is read-only";
	return NULL;
}

/**
 * user_store_same() - test whether two stores are one file or device
 * @a: a store
 * @b: another one
 *
 * Return: true if they are.
 */
bool user_store_same(const struct user_store *a, const struct user_store *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

/**
 * user_store_is() - test whether a store is the file of a stat()
 * @user: the store
 * @st: result of stat() for a name or a descriptor
 *
 * Return: true if it is that file or block device.
 */
bool user_store_is(const struct user_store *user, const struct stat *st)
{
	if (user->device)
		return S_ISBLK(st->st_mode) && user->dev == st->st_rdev;
	return user->dev == st->st_dev && user->ino == st->st_ino;
}

/**
 * user_store_data() - find the next data of a file
 * @user: an open store
 * @pos: byte offset
 *
 * Return: byte offset of the first data at @pos or after it; U64_MAX if only a
 * hole follows; @pos if the store cannot tell.
 */
u64 user_store_data(const struct user_store *user, u64 pos)
{
	off_t data;

	if (user->device || pos > INT64_MAX)
		return pos;
	data = lseek(user->fd, (off_t)pos, SEEK_DATA);
	if (data >= 0)
		return (u64)data;
	return errno == ENXIO ? U64_MAX : pos;
}
