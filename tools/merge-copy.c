// SPDX-License-Identifier: GPL-2.0-only
#include "merge-copy.h"
#include "message.h"
#include "writer.h"

/* Read and written at once, and looked up at once. */
#define CHUNK	VHDX_MIB

/* So much is lost at most if a merge is stopped, and done again. */
#define COMMIT_EACH	(256 * VHDX_MIB)

/**
 * struct copy - a merge under way
 * @disk: the child and its parents
 * @writer: writes the parent
 * @buffer: CHUNK bytes
 * @since: bytes since the last commit
 * @counts: what was carried down so far
 */
struct copy {
	struct disk *disk;
	struct writer writer;
	u8 *buffer;
	u64 since;
	struct merge_counts *counts;
};

/* Of an error that was no finding, for which the engine has no words. */
static int cannot_read(const struct copy *copy, u64 pos, int err)
{
	msg_err("%s: byte %llu of the disk cannot be read: %s",
		copy->disk->layer[0]->path, pos, strerror(-err));
	return err;
}

static int look_up(const struct copy *copy, u64 pos, u64 len,
		   struct vhdx_run *run)
{
	struct vhdx_miss miss;
	int err;

	while ((err = vhdx_chain_change(copy->disk->chain, 1, pos, len, run,
					&miss)) == -EAGAIN) {
		err = vhdx_image_load(&miss);
		if (err)
			break;
	}
	return err ? cannot_read(copy, pos, err) : 0;
}

static int copy_data(struct copy *copy, u64 pos, u64 len)
{
	int err = vhdx_chain_read(copy->disk->chain, pos, copy->buffer, len);

	if (err)
		return cannot_read(copy, pos, err);
	copy->counts->data += len;
	return writer_write(&copy->writer, pos, copy->buffer, len);
}

static int copy_zeros(struct copy *copy, u64 pos, u64 len)
{
	copy->counts->zeros += len;
	return writer_zero(&copy->writer, pos, len);
}

/* The first of these bytes; cuts *@len to them. */
static int copy_piece(struct copy *copy, u64 pos, u64 *len)
{
	struct vhdx_run run;
	int err = look_up(copy, pos, *len, &run);

	if (err)
		return err;
	*len = run.length;
	if (run.layer)
		return 0;
	copy->since += run.length;
	return run.kind == VHDX_RUN_ZERO ? copy_zeros(copy, pos, run.length) :
					   copy_data(copy, pos, run.length);
}

static int copy_all(struct copy *copy, struct progress *progress)
{
	u64 size = copy->disk->chain->size;
	u64 pos, len;
	int err = 0;

	for (pos = 0; pos < size && !err; pos += len) {
		len = min(size - pos, CHUNK);
		err = copy_piece(copy, pos, &len);
		if (!err && copy->since >= COMMIT_EACH) {
			err = writer_commit(&copy->writer);
			copy->since = 0;
		}
		if (!err)
			err = progress_step(progress, pos, size);
	}
	return err;
}

/* Those above the child see zeros past its end, and must not see the parent. */
static int zero_rest(struct copy *copy, struct progress *progress)
{
	u64 end = copy->disk->layer[1]->image->params.size;
	u64 pos, len;
	int err = 0;

	for (pos = copy->disk->chain->size; pos < end && !err; pos += len) {
		len = min(end - pos, COMMIT_EACH);
		err = copy_zeros(copy, pos, len);
		if (!err)
			err = writer_commit(&copy->writer);
		if (!err)
			err = progress_step(progress, pos, end);
	}
	return err;
}

/**
 * merge_copy() - carry down what a child changes, into its parent
 * @disk: the child and its parents; the parent is open for writing, and its log
 *	is empty
 * @identity: DataWriteGuid that the parent gets with the first change
 * @progress: shown meanwhile
 * @counts: set to what was carried down
 *
 * The child stays as it is. What the parent has past the end of the child becomes
 * zeros. The disk reads the same at any time, whatever of it
 * the parent has so far.
 *
 * Return: 0: the parent has it all, durably, and is clean; or a negative errno
 * after a message, -EINTR after a signal: a part may be in the parent.
 */
int merge_copy(struct disk *disk, const guid_t *identity,
	       struct progress *progress, struct merge_counts *counts)
{
	struct copy copy = { .disk = disk, .counts = counts };
	int err, end;

	*counts = (struct merge_counts){ 0 };
	copy.buffer = malloc(CHUNK);
	if (!copy.buffer)
		return -ENOMEM;
	err = writer_begin(&copy.writer, disk->layer[1], identity);
	if (!err) {
		err = copy_all(&copy, progress);
		if (!err)
			err = zero_rest(&copy, progress);
		end = writer_end(&copy.writer);
		err = err ? err : end;
	}
	free(copy.buffer);
	return err;
}
