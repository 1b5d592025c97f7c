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
	user->store.size = (u64)st.st_size;
	user->dev = st.st_dev;
	user->ino = st.st_ino;
	return 0;
}

/* What is mounted or below another device may not be written to. */
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

static int cannot_open(const char *path, int err)
{
	/* The module does so, for one, with what it reads. */
	if (err == -ETXTBSY)
		msg_err("%s: is in use by a device, or runs: nobody may write to it",
			path);
	else if (err == -ENOENT)
		msg_err("%s: cannot be opened without /proc; mount it", path);
	else
		msg_err("%s: %s", path, strerror(-err));
	return err;
}

/**
 * user_store_open_place() - open the bytes of an image that was found
 * @user: filled in
 * @place: of the image, from place.h; it stays the caller's
 * @name: of it, for messages
 * @access: what for
 *
 * Whether what is found in @user->in_use matters is the caller's to decide.
 *
 * Return: 0, or a negative errno after a message.
 */
int user_store_open_place(struct user_store *user, int place, const char *name,
			  enum user_access access)
{
	int err;

	*user = (struct user_store){
		.store.ops = access == USER_WRITE ? &user_store_write_ops :
						    &read_ops,
	};
	user->fd = place_open(place, access == USER_WRITE ? O_RDWR : O_RDONLY);
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
 * user_store_open() - find an image and open its bytes
 * @user: filled in
 * @path: of the image
 * @access: what for
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
 * user_store_unlock() - give the locks back, and keep hold of the file
 * @user: an open store; it can be neither read nor written any more
 *
 * Return: 0 or a negative errno.
 */
int user_store_unlock(struct user_store *user)
{
	int place = place_open(user->fd, O_PATH);

	if (place < 0)
		return place;
	close(user->fd);
	user->fd = place;
	return 0;
}

/**
 * user_store_read_only() - what keeps from writing, in words
 * @user: an open store
 *
 * Return: NULL if nothing does.
 */
const char *user_store_read_only(const struct user_store *user)
{
	char path[PLACE_PATH_SIZE];
	int read_only = 0;

	if (access(place_path(user->fd, path), W_OK))
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

/**
 * user_store_is() - test whether a store is the file that stat() tells of
 * @user: the store
 * @st: of a name or a descriptor
 *
 * Return: true if it is that file or block device.
 */
bool user_store_is(const struct user_store *user, const struct stat *st)
{
	if (user->device)
		return S_ISBLK(st->st_mode) && user->dev == st->st_rdev;
	return user->dev == st->st_dev && user->ino == st->st_ino;
}
