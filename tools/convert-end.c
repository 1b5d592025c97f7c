// SPDX-License-Identifier: GPL-2.0-only
#include <unistd.h>

#include "convert-end.h"
#include "foreign.h"
#include "holders.h"
#include "message.h"
#include "place.h"

/**
 * convert_end_raw() - open a raw file or block device
 * @end: filled in
 * @path: of it
 * @name: what messages call it
 * @access: USER_READ or USER_WRITE; others are kept away as this says
 *
 * Return: 0, or a negative errno after a message.
 */
int convert_end_raw(struct convert_end *end, const char *path,
		    const char *name, enum user_access access)
{
	int place, err = place_find(path, &place);

	if (err)
		return err;
	*end = (struct convert_end){ .name = name };
	err = user_store_open_place(&end->raw, place, name, access);
	if (!err && end->raw.in_use) {
		msg_err("%s: %s", name, end->raw.in_use);
		holders_explain(place, name);
		user_store_close(&end->raw);
		err = -ETXTBSY;
	}
	close(place);
	if (err)
		return err;
	end->size = end->raw.store.size;
	end->stale = end->raw.device;
	return 0;
}

static int size_file(struct user_store *raw, u64 size, bool no_sparse)
{
	struct vhdx_store *store = &raw->store;
	int err;

	raw->no_holes = no_sparse;
	if (!size)
		return 0;
	err = no_sparse ? store->ops->extend(store, size) :
			  store->ops->truncate(store, size);
	if (err)
		msg_err("no file of %llu bytes can be made: %s", size,
			strerror(-err));
	return err;
}

/**
 * convert_end_new_raw() - make a raw file
 * @end: filled in
 * @path: of the file, which must not be there
 * @name: what messages call it
 * @size: bytes, all of them zeros
 * @no_sparse: it has space for all of them
 *
 * Return: 0, or a negative errno after a message.
 */
int convert_end_new_raw(struct convert_end *end, const char *path,
			const char *name, u64 size, bool no_sparse)
{
	int err;

	*end = (struct convert_end){ .name = name };
	err = user_store_create(&end->raw, path);
	if (err)
		return err;
	err = size_file(&end->raw, size, no_sparse);
	if (err)
		user_store_close(&end->raw);
	end->size = end->raw.store.size;
	return err;
}

/**
 * convert_end_vhdx() - open a VHDX image and its parents
 * @end: filled in
 * @path: of the image
 * @name: what messages call it
 * @options: as for disk_open(); they outlive the end
 *
 * Return: as disk_open() and disk_follow(), after a message.
 */
int convert_end_vhdx(struct convert_end *end, const char *path,
		     const char *name, const struct disk_options *options)
{
	int place, err = place_find(path, &place);

	if (err)
		return err;
	*end = (struct convert_end){ .name = name, .is_vhdx = true };
	err = served_open(&end->served, place, path, options);
	if (err == -EMEDIUMTYPE)
		foreign_explain(place, name);
	if (err == -ETXTBSY)
		holders_explain(place, name);
	close(place);
	if (!err)
		end->size = end->served.disk->chain->size;
	return err;
}

/*
 * A file system without holes reports the whole file as data. Finding the end
 * of data may take time in proportion to the data, so the result is kept.
 */
static void find_data(struct convert_end *end, u64 pos)
{
	off_t data = lseek(end->raw.fd, (off_t)pos, SEEK_DATA);
	off_t hole;

	end->data_start = data < 0 && errno == ENXIO ? end->size : pos;
	end->data_end = end->size;
	if (data < 0)
		return;
	end->data_start = (u64)data;
	hole = lseek(end->raw.fd, data, SEEK_HOLE);
	if (hole > data)
		end->data_end = (u64)hole;
}

static void look_raw(struct convert_end *end, u64 pos, u64 *len,
		     bool *is_zero)
{
	if (pos >= end->data_end || pos < end->data_start)
		find_data(end, pos);
	*is_zero = pos < end->data_start;
	*len = min(*len, (*is_zero ? end->data_start : end->data_end) - pos);
}

/**
 * convert_end_look() - is what follows zeros, by what the image says?
 * @end: the end
 * @pos: byte offset on the disk, sector-aligned; also past its end
 * @len: how many bytes to look at, sector-aligned; cut to those that are alike
 * @is_zero: set if they are zeros without a look at them
 *
 * Context: any thread, one at a time.
 * Return: 0 or a negative errno.
 */
int convert_end_look(struct convert_end *end, u64 pos, u64 *len,
		     bool *is_zero)
{
	struct vhdx_run run;
	int err;

	*is_zero = true;
	if (pos >= end->size)
		return 0;
	*len = min(*len, end->size - pos);
	if (!end->is_vhdx) {
		look_raw(end, pos, len, is_zero);
		return 0;
	}
	err = served_piece(&end->served, pos, *len, &run);
	if (err)
		return err;
	*is_zero = run.kind == VHDX_RUN_ZERO;
	*len = run.length;
	return 0;
}

/**
 * convert_end_read() - read bytes
 * @end: the end
 * @pos: byte offset on the disk, sector-aligned
 * @buf: where they go, 8-byte aligned; zeros stand for those past its end
 * @len: how many, sector-aligned
 *
 * Context: any thread.
 * Return: 0 or a negative errno.
 */
int convert_end_read(struct convert_end *end, u64 pos, void *buf, u64 len)
{
	u64 there = pos < end->size ? min(len, end->size - pos) : 0;

	memset((u8 *)buf + there, 0, len - there);
	if (!there)
		return 0;
	return end->is_vhdx ? served_read(&end->served, pos, buf, there) :
			      user_store_read(&end->raw.store, pos, buf, there);
}

/**
 * convert_end_write() - write bytes
 * @end: the end, open for writing
 * @pos: byte offset on the disk, sector-aligned
 * @buf: the bytes
 * @len: how many, sector-aligned
 *
 * Context: any thread.
 * Return: 0 or a negative errno.
 */
int convert_end_write(struct convert_end *end, u64 pos, const void *buf,
		      u64 len)
{
	struct vhdx_store *raw = &end->raw.store;

	return end->is_vhdx ? served_write(&end->served, pos, buf, len) :
			      raw->ops->write(raw, pos, buf, len);
}

/**
 * convert_end_zero() - zero bytes
 * @end: the end, open for writing
 * @pos: byte offset on the disk, sector-aligned
 * @len: how many, sector-aligned
 *
 * Context: any thread.
 * Return: 0 or a negative errno.
 */
int convert_end_zero(struct convert_end *end, u64 pos, u64 len)
{
	struct vhdx_store *raw = &end->raw.store;

	return end->is_vhdx ?
		       served_zero(&end->served, VHDX_ZERO_WRITE, pos, len) :
		       raw->ops->zero(raw, pos, len);
}

/**
 * convert_end_finish() - make durable what was written
 * @end: the end, open for writing; nobody uses it meanwhile
 *
 * A VHDX image is clean then.
 *
 * Return: 0 or a negative errno.
 */
int convert_end_finish(struct convert_end *end)
{
	struct vhdx_store *raw = &end->raw.store;

	return end->is_vhdx ? served_settle(&end->served) :
			      raw->ops->flush(raw);
}

/**
 * convert_end_close() - close, whatever is not durable yet
 * @end: an open end
 */
void convert_end_close(struct convert_end *end)
{
	if (end->is_vhdx)
		served_close(&end->served);
	else
		user_store_close(&end->raw);
}
