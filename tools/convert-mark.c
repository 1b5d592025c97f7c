// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <unistd.h>

#include "convert-mark.h"
#include "message.h"
#include "wipe.h"

static struct vhdx_store *device_of(struct convert_end *end)
{
	struct user_store *file;

	if (!end->is_vhdx)
		return NULL;
	file = &end->served.disk->layer[0]->file;
	return file->device ? &file->store : NULL;
}

static int write_page(const struct convert_end *end, struct vhdx_store *store,
		      const void *page)
{
	int err = store->ops->write(store, VHDX_FILE_ID_OFFSET, page,
				    VHDX_PAGE);

	if (!err)
		err = store->ops->flush(store);
	if (err)
		msg_err("%s: the file identifier cannot be written: %s",
			end->name, strerror(-err));
	return err;
}

/**
 * convert_mark_hide() - keep the file identifier of a new image back
 * @mark: keeps it
 * @end: open for writing; only a VHDX image on a block device has one to hide
 *
 * Without it, no reader accepts the image. Who has it open does not need it.
 *
 * Return: 0, durably, or a negative errno after a message.
 */
int convert_mark_hide(struct convert_mark *mark, struct convert_end *end)
{
	static const u8 zeros[VHDX_PAGE];
	struct vhdx_store *store = device_of(end);
	int err;

	if (!store)
		return 0;
	err = user_store_read(store, VHDX_FILE_ID_OFFSET, mark->page,
			      sizeof(mark->page));
	if (err) {
		msg_err("%s: the file identifier cannot be read: %s", end->name,
			strerror(-err));
		return err;
	}
	return write_page(end, store, zeros);
}

/**
 * convert_mark_show() - write the file identifier
 * @mark: from convert_mark_hide()
 * @end: the same; all else of it is durable
 *
 * Return: 0, durably, or a negative errno after a message.
 */
int convert_mark_show(const struct convert_mark *mark, struct convert_end *end)
{
	struct vhdx_store *store = device_of(end);

	return store ? write_page(end, store, mark->page) : 0;
}

static int wipe_start(int fd)
{
	static const u8 zeros[VHDX_HEADER_SECTION];
	off_t size = lseek(fd, 0, SEEK_END);
	size_t done = 0, len;
	ssize_t n;

	if (size < 0)
		return -errno;
	len = (size_t)min_t(u64, (u64)size, sizeof(zeros));
	while (done < len) {
		n = pwrite(fd, zeros + done, len - done, (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return fsync(fd) ? -errno : 0;
}

/**
 * convert_mark_spoil() - wipe what identifies a disk that is not whole
 * @path: of a block device, which nobody has open
 * @name: what messages call it
 *
 * The first MiB has the headers of a VHDX image; a raw disk has its partition table
 * or the start of its file system there, and perhaps a copy at its end.
 */
void convert_mark_spoil(const char *path, const char *name)
{
	int fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC);
	int err = fd < 0 ? -errno : wipe_start(fd);

	if (!err)
		err = wipe_signatures(fd);
	if (!err && fsync(fd))
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err)
		msg_err("%s: is not whole, and cannot be wiped: %s; do not use what is on it",
			name, strerror(-err));
	else
		msg_err("%s: holds nothing usable: its start is wiped", name);
}
