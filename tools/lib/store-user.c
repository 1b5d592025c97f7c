// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file-lock.h"
#include "message.h"
#include "store-user.h"

/**
 * user_store_read() - the read operation of both kinds of store
 * @store: of a struct user_store
 * @pos: byte offset
 * @buf: where the bytes go; zeros stand for those behind the end
 * @len: how many
 *
 * Return: 0 or a negative errno.
 */
int user_store_read(struct vhdx_store *store, u64 pos, void *buf, size_t len)
{
	struct user_store *user = container_of(store, struct user_store, store);
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(user->fd, (char *)buf + done, len - done,
				  (off_t)(pos + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += (size_t)n;
	}
	memset((char *)buf + done, 0, len - done);
	return 0;
}

static const struct vhdx_store_ops read_ops = { .read = user_store_read };

/* Only the owner may leave the access time alone. */
static int open_quietly(const char *path, int flags)
{
	int fd = open(path, flags | O_NOATIME);

	return fd < 0 && errno == EPERM ? open(path, flags) : fd;
}

/*
 * O_NONBLOCK, for a FIFO must be refused, not waited for. A lease is another
 * matter, and only files have any: the kernel sees to it that it is given back,
 * and who looks at the file as file_lock() does holds it for an instant.
 */
static int open_promptly(const char *path, enum user_access access)
{
	int flags = O_CLOEXEC | O_NOCTTY |
		    (access == USER_WRITE ? O_RDWR : O_RDONLY);
	int fd = open_quietly(path, flags | O_NONBLOCK);

	return fd < 0 && errno == EWOULDBLOCK ? open_quietly(path, flags) : fd;
}

static int wrong_kind(const char *path, mode_t mode)
{
	const char *kind = S_ISDIR(mode) ? "a directory" :
			   S_ISCHR(mode) ? "a character device" :
			   S_ISFIFO(mode) ? "a pipe" : "a socket";

	msg_err("%s: is %s, not an image file or block device", path, kind);
	return -EISDIR;
}

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
	if (!S_ISREG(st.st_mode))
		return wrong_kind(path, st.st_mode);
	user->store.size = (u64)st.st_size;
	user->dev = st.st_dev;
	user->ino = st.st_ino;
	return 0;
}

/* What is mounted or below another device may not be written to. */
static int claim_device(struct user_store *user, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_EXCL);

	if (fd < 0 && errno == EBUSY) {
		user->in_use = "is mounted or used by another device";
		return 0;
	}
	if (fd < 0) {
		msg_err("%s: %s", path, strerror(errno));
		return -errno;
	}
	close(user->fd);
	user->fd = fd;
	return 0;
}

/* Keep others away, as far as they would harm us, or we them. */
static int claim(struct user_store *user, const char *path,
		 enum user_access access)
{
	if (access == USER_PEEK)
		return 0;
	if (user->device)
		return access == USER_WRITE ? claim_device(user, path) : 0;
	if (access == USER_LOOK)
		user->in_use = file_in_use(user->fd);
	else
		user->in_use = file_lock(user->fd, access == USER_WRITE);
	return 0;
}

static int cannot_open(const char *path)
{
	int err = -errno;

	/* The module does so, for one, with what it reads. */
	if (err == -ETXTBSY)
		msg_err("%s: is in use by a device, or runs: nobody may write to it",
			path);
	else
		msg_err("%s: %s", path, strerror(-err));
	/* Of symbolic links; parents that form a circle are another matter. */
	return err == -ELOOP ? -ENOENT : err;
}

/**
 * user_store_open() - open an image's bytes
 * @user: filled in
 * @path: a regular file or a block device; anything else is refused
 * @access: what for
 *
 * Whether what is found in @user->in_use matters is the caller's to decide.
 *
 * Return: 0, or a negative errno after a message.
 */
int user_store_open(struct user_store *user, const char *path,
		    enum user_access access)
{
	int err;

	*user = (struct user_store){
		.store.ops = access == USER_WRITE ? &user_store_write_ops :
						    &read_ops,
	};
	user->fd = open_promptly(path, access);
	if (user->fd < 0)
		return cannot_open(path);
	err = learn(user, path);
	if (!err)
		err = claim(user, path, access);
	if (err)
		user_store_close(user);
	return err;
}

/**
 * user_store_create() - make a new, empty file for an image
 * @user: filled in
 * @path: of the file, which must not be there
 *
 * Return: 0, or a negative errno after a message.
 */
int user_store_create(struct user_store *user, const char *path)
{
	int err;

	*user = (struct user_store){ .store.ops = &user_store_write_ops };
	/* A disk holds what only some may read; who else may, its owner says. */
	user->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (user->fd < 0)
		return cannot_open(path);
	err = learn(user, path);
	if (!err)
		err = claim(user, path, USER_WRITE);
	if (err)
		user_store_close(user);
	return err;
}

/**
 * user_store_close() - close, which also gives the locks back
 * @user: an open store
 */
void user_store_close(struct user_store *user)
{
	close(user->fd);
	user->fd = -1;
}

/**
 * user_store_read_only() - what keeps from writing, in words
 * @user: an open store
 * @path: its path
 *
 * Return: NULL if nothing does.
 */
const char *user_store_read_only(const struct user_store *user,
				 const char *path)
{
	int read_only = 0;

	if (access(path, W_OK))
		return strerror(errno);
	/* Root may open such a device for writing, and not write. */
	if (user->device && !ioctl(user->fd, BLKROGET, &read_only) && read_only)
		return "the device is read-only";
	return NULL;
}

/**
 * user_store_same() - are two stores the same file or device?
 * @a: one
 * @b: the other
 *
 * Return: true if they are.
 */
bool user_store_same(const struct user_store *a, const struct user_store *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}
