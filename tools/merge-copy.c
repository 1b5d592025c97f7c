// SPDX-License-Identifier: GPL-2.0-only
#include "merge-copy.h"
#include "merge.h"
#include "message.h"
#include "rate.h"
#include "tree.h"

/* Read and written at once, and looked up at once. */
#define CHUNK	VHDX_MIB

/* A merge that is stopped loses the copying of at most this many bytes. */
#define COMMIT_EACH	(256 * VHDX_MIB)

/**
 * struct copy - a merge under way
 * @load: what is carried
 * @rate: its limit
 * @buffer: CHUNK bytes
 * @since: bytes since the last commit
 */
struct copy {
	struct merge_load *load;
	struct rate rate;
	u8 *buffer;
	u64 since;
};

/* Report an error for which the engine made no finding. */
static int cannot_read(const struct disk *disk, u64 pos, int err)
{
	msg_err("%s: byte %llu of the disk cannot be read: %s",
		disk->layer[0]->path, pos, strerror(-err));
	return err;
}

/**
 * merge_look_up() - look up what an image changes in a range
 * @disk: the image and its parents
 * @pos: byte offset on the disk
 * @len: bytes
 * @run: set to the first run; its layer is 0 if the image changes it
 *
 * Return: 0, or a negative errno after a message.
 */
int merge_look_up(const struct disk *disk, u64 pos, u64 len,
		  struct vhdx_run *run)
{
	struct vhdx_miss miss;
	int err;

	while ((err = vhdx_chain_change(disk->chain, 1, pos, len, run,
					&miss)) == -EAGAIN) {
		err = vhdx_image_load(&miss);
		if (err)
			break;
	}
	return err ? cannot_read(disk, pos, err) : 0;
}

static int copy_data(struct copy *copy, u64 pos, u64 len)
{
	const struct merge_load *load = copy->load;
	int err = vhdx_chain_read(load->disk->chain, pos, copy->buffer, len);

	if (err)
		return cannot_read(load->disk, pos, err);
	load->counts->data += len;
	return writer_write(load->writer, pos, copy->buffer, len);
}

static int copy_zeros(struct copy *copy, u64 pos, u64 len)
{
	copy->load->counts->zeros += len;
	return writer_zero(copy->load->writer, pos, len);
}

/* Copy the first run of a range; *@len is cut to the length of the run. */
static int copy_piece(struct copy *copy, u64 pos, u64 *len)
{
	struct vhdx_run run;
	int err = merge_look_up(copy->load->disk, pos, *len, &run);

	if (err)
		return err;
	*len = run.length;
	if (run.layer)
		return 0;
	copy->since += run.length;
	if (run.kind == VHDX_RUN_ZERO)
		return copy_zeros(copy, pos, run.length);
	err = copy_data(copy, pos, run.length);
	if (!err)
		rate_took(&copy->rate, run.length);
	return err;
}

/* Return -EINTR after a signal. */
static int tell(const struct copy *copy, u64 pos)
{
	const struct merge_load *load = copy->load;

	if (load->state) {
		load->state->done = load->counts->data;
		merge_state_tell(load->state, NULL);
	}
	return load->progress ? progress_step(load->progress, pos,
					      load->disk->chain->size) : 0;
}

static int copy_all(struct copy *copy)
{
	/* What is past the end of the image that gets it, nobody sees. */
	u64 size = min(copy->load->disk->chain->size, copy->load->size);
	u64 pos, len;
	int err = 0;

	for (pos = 0; pos < size && !err; pos += len) {
		len = min(size - pos, CHUNK);
		err = copy_piece(copy, pos, &len);
		if (!err && copy->since >= COMMIT_EACH) {
			err = writer_commit(copy->load->writer);
			copy->since = 0;
		}
		if (!err)
			err = tell(copy, pos);
	}
	return err;
}

/* Images above this one see zeros past its end, and must still do so. */
static int zero_rest(const struct merge_load *load)
{
	u64 pos, len;
	int err = 0;

	for (pos = load->disk->chain->size; pos < load->size && !err;
	     pos += len) {
		len = min(load->size - pos, COMMIT_EACH);
		load->counts->zeros += len;
		err = writer_zero(load->writer, pos, len);
		if (!err)
			err = writer_commit(load->writer);
		if (!err && load->progress)
			err = progress_step(load->progress, pos, load->size);
	}
	return err;
}

/**
 * merge_carry() - carry down what an image changes
 * @load: what, and where to
 *
 * What the other image has past its end becomes zeros. The image stays as it is. The
 * disk reads the same at any time, whatever of it the other image has so far.
 *
 * Return: 0: the writer has it all, and its commit makes it durable; or a
 * negative errno after a message, -EINTR after a signal: it has a part.
 */
int merge_carry(struct merge_load *load)
{
	struct copy copy = { .load = load };
	int err;

	copy.buffer = aligned_alloc(USER_STORE_ALIGNMENT, CHUNK);
	if (!copy.buffer)
		return -ENOMEM;
	user_store_bypass(&load->disk->layer[0]->file);
	user_store_bypass(&load->writer->layer->file);
	rate_begin(&copy.rate, load->rate);
	err = copy_all(&copy);
	if (!err)
		err = zero_rest(load);
	load->waited += copy.rate.waited;
	free(copy.buffer);
	return err;
}

/**
 * merge_copy() - carry down what a child changes, into its parent
 * @disk: the child and its parents; the parent is open for writing, and its log
 *	is empty
 * @identity: DataWriteGuid that the parent gets with the first change
 * @rate: bytes a second at most; 0 for no limit
 * @progress: shown meanwhile
 * @counts: set to what was carried down
 *
 * Return: 0: the parent has it all, durably, and is clean; or a negative errno
 * as merge_carry().
 */
int merge_copy(struct disk *disk, const guid_t *identity, u64 rate,
	       struct progress *progress, struct merge_counts *counts)
{
	struct writer writer;
	struct merge_load load = {
		.disk = disk,
		.writer = &writer,
		.size = disk->layer[1]->image->params.size,
		.progress = progress,
		.rate = rate,
		.counts = counts,
	};
	int err, end;

	*counts = (struct merge_counts){ 0 };
	err = writer_begin(&writer, disk->layer[1], identity);
	if (err)
		return err;
	err = merge_carry(&load);
	end = writer_end(&writer);
	return err ? err : end;
}

/**
 * merge_measure() - count what an image changes
 * @disk: the image and its parents
 * @data: set to the bytes of data; zeros take no time
 *
 * Return: 0, or a negative errno after a message.
 */
int merge_measure(const struct disk *disk, u64 *data)
{
	u64 size = disk->chain->size;
	struct vhdx_run run;
	u64 pos;
	int err = 0;

	*data = 0;
	for (pos = 0; pos < size && !err; pos += run.length) {
		err = merge_look_up(disk, pos, size - pos, &run);
		if (!err && !run.layer && run.kind != VHDX_RUN_ZERO)
			*data += run.length;
	}
	return err;
}

/**
 * merge_link() - have a child name the identity that its parent will get
 * @disk: the child and its parents
 * @identity: DataWriteGuid that the parent gets with its first change
 *
 * Return: 0, and it is durable; or a negative errno after a message.
 */
int merge_link(const struct disk *disk, const guid_t *identity)
{
	struct layer *child = disk->layer[0];
	int err = vhdx_merge_link(disk->chain, identity, &child->report);

	if (err == -ENOSPC)
		msg_err("%s: there is no room to write into it", child->path);
	return err;
}

/**
 * merge_fit() - give the parent the size of the child
 * @disk: images of the chain
 * @layer: index in it of the parent
 * @size: bytes of the child's disk
 * @identity: DataWriteGuid that the parent gets with its first change
 *
 * Return: 0, and it is durable; or a negative errno after a message.
 */
int merge_fit(const struct disk *disk, u32 layer, u64 size,
	      const guid_t *identity)
{
	struct layer *parent = disk->layer[layer];
	u64 before = parent->image->params.size;
	char from[32], to[32];
	int err = vhdx_merge_fit(disk->chain, layer, size, identity,
				 &parent->report);

	if (err == -ENOSPC)
		msg_err("%s: there is no room for a disk of another size",
			parent->path);
	else if (!err && size != before)
		msg_info("%s: its disk had %s, and now has %s, as that of the child",
			 parent->path,
			 tree_size_words(before, from, sizeof(from)),
			 tree_size_words(size, to, sizeof(to)));
	return err;
}
