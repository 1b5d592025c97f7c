// SPDX-License-Identifier: GPL-2.0-only
#include <unistd.h>

#include "message.h"
#include "served.h"

/* A chain gets the pages of one image; each layer gets this many at least. */
#define LAYER_PAGES_MIN	64UL

static void share_pages(struct disk *disk)
{
	unsigned long pages = max(VHDX_POOL_PAGES_DEFAULT / disk->depth,
				  LAYER_PAGES_MIN);
	u32 i;

	for (i = 0; i < disk->depth; i++)
		vhdx_pool_set_limit(&disk->layer[i]->image->pool, pages);
}

static int start_committer(struct served *served)
{
	struct layer *layer = served->disk->layer[0];
	struct committer *c;

	pthread_mutex_lock(&served->lock);
	c = committer_new(layer->image, &layer->report, &served->lock);
	pthread_mutex_unlock(&served->lock);
	if (!IS_ERR(c)) {
		served->committer = c;
		return 0;
	}
	/* A finding has said why the image cannot be written. */
	if (PTR_ERR(c) != -EROFS)
		msg_err("%s: cannot be written: %s", layer->path,
			vhdx_errno_words((int)PTR_ERR(c)));
	return (int)PTR_ERR(c);
}

/**
 * served_open() - open the image and its parents
 * @served: filled in
 * @place: descriptor of the image from place_find(), which the caller closes
 * @path: absolute path of the image
 * @options: as for disk_open(); with its member writable, the image can be
 *	written
 *
 * Return: as disk_open() and disk_follow(), after a message; -EROFS if the
 * image can only be read.
 */
int served_open(struct served *served, int place, const char *path,
		const struct disk_options *options)
{
	int err = disk_open(place, path, options, &served->disk);
	u32 i;

	if (err)
		return err;
	err = disk_follow(served->disk);
	if (err) {
		disk_close(served->disk);
		return err;
	}
	share_pages(served->disk);
	pthread_mutex_init(&served->lock, NULL);
	served->committer = NULL;
	for (i = 0; i < served->disk->depth; i++)
		gate_stand_before(&served->gate[i],
				  served->disk->layer[i]->image,
				  &served->lock);
	err = options->writable ? start_committer(served) : 0;
	if (err)
		served_close(served);
	return err;
}

/**
 * served_close() - close all images
 * @served: an open disk that no thread uses any more; writes since the last
 *	served_settle() or commit are lost
 */
void served_close(struct served *served)
{
	if (served->committer)
		committer_free(served->committer);
	disk_close(served->disk);
	pthread_mutex_destroy(&served->lock);
}

/* The file ends inside a run: somebody has cut it since it was opened. */
static int file_is_cut(const struct layer *layer, u64 pos)
{
	msg_err("%s: somebody has cut the file: the bytes at offset 0x%llx are missing",
		layer->path, pos);
	return -EIO;
}

static int read_file(const struct layer *layer, u64 pos, void *buf, u64 len)
{
	while (len) {
		ssize_t n = pread(layer->file.fd, buf, len, (off_t)pos);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return file_is_cut(layer, pos);
		buf = (char *)buf + n;
		pos += (u64)n;
		len -= (u64)n;
	}
	return 0;
}

static unsigned int enter(struct served *served)
{
	unsigned int epoch = 0;

	pthread_mutex_lock(&served->lock);
	if (served->committer)
		epoch = committer_enter(served->committer);
	return epoch;
}

static void leave(struct served *served, unsigned int epoch)
{
	if (!served->committer)
		return;
	pthread_mutex_lock(&served->lock);
	committer_leave(served->committer, epoch);
	pthread_mutex_unlock(&served->lock);
}

/* Read one run. Hold the mutex for the lookup, and for reads by the engine. */
static int read_run(struct served *served, u64 pos, void *buf, u64 len,
		    struct vhdx_run *run)
{
	unsigned int epoch = enter(served);
	struct layer *layer;
	int r;

	r = vhdx_chain_find(served->disk->chain, pos, len, run);
	layer = served->disk->layer[run->layer];
	if (!r && run->kind == VHDX_RUN_COPY)
		r = vhdx_image_read(layer->image, run->offset, buf,
				    run->length);
	pthread_mutex_unlock(&served->lock);
	if (!r && run->kind == VHDX_RUN_ZERO)
		memset(buf, 0, run->length);
	else if (!r && run->kind == VHDX_RUN_DATA)
		r = read_file(layer, run->offset, buf, run->length);
	leave(served, epoch);
	return r;
}

/**
 * served_read() - read bytes of the virtual disk
 * @served: the disk
 * @pos: byte offset, sector-aligned
 * @buf: destination, 8-byte aligned
 * @len: bytes, sector-aligned; ends inside the virtual disk
 *
 * Context: any thread; without the mutex.
 * Return: 0 or a negative errno.
 */
int served_read(struct served *served, u64 pos, void *buf, u64 len)
{
	struct vhdx_run run;
	int r = 0;

	for (; len && !r; len -= run.length) {
		run = (struct vhdx_run){};
		r = read_run(served, pos, buf, len, &run);
		buf = (char *)buf + run.length;
		pos += run.length;
	}
	return r;
}

/**
 * served_piece() - find the extent at a byte of the virtual disk
 * @served: the disk
 * @pos: byte offset, sector-aligned
 * @len: bytes, sector-aligned, above 0; ends inside the virtual disk
 * @run: as from vhdx_chain_map()
 *
 * A faulty block counts as data, so that a client that copies the disk reads it
 * and gets the error.
 *
 * Context: any thread; without the mutex.
 * Return: 0, or a negative errno if the map cannot be read.
 */
int served_piece(struct served *served, u64 pos, u64 len,
		 struct vhdx_run *run)
{
	u64 block = vhdx_bat_block_size(&served->disk->layer[0]->image->bat);
	int r;

	pthread_mutex_lock(&served->lock);
	r = vhdx_chain_find(served->disk->chain, pos, len, run);
	pthread_mutex_unlock(&served->lock);
	if (r != -EIO)
		return r;
	*run = (struct vhdx_run){
		.kind = VHDX_RUN_COPY,
		.length = min(len, block - (pos & (block - 1))),
	};
	return 0;
}
