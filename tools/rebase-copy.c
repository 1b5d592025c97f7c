// SPDX-License-Identifier: GPL-2.0-only
#include "contrast.h"
#include "message.h"
#include "progress.h"
#include "rebase-copy.h"
#include "writer.h"
#include "zeros.h"

/* Bytes between commits: the most to copy again after a stop. */
#define COMMIT_EACH	(256 * VHDX_MIB)

/**
 * struct copy - a copy under way
 * @contrast: the disk over its old parents, and over the new ones
 * @progress: shown during the copy
 * @writer: writes the child
 * @since: bytes copied since the last commit
 * @copied: bytes copied so far
 */
struct copy {
	struct contrast contrast;
	struct progress progress;
	struct writer writer;
	u64 since;
	u64 *copied;
};

/* From now on, both disks read the same here. */
static int copy_range(struct contrast *contrast, u64 pos, u64 length)
{
	struct copy *copy = container_of(contrast, struct copy, contrast);
	u8 *buf = malloc(length);
	int err;

	if (!buf)
		return -ENOMEM;
	err = vhdx_chain_read(contrast->side[0].chain, pos, buf, length);
	if (err)
		msg_err("%s: byte %llu of the disk cannot be read: %s",
			contrast->side[0].name, pos, strerror(-err));
	else if (all_zeros(buf, length))
		err = writer_zero(&copy->writer, pos, length);
	else
		err = writer_write(&copy->writer, pos, buf, length);
	free(buf);
	*copy->copied += length;
	copy->since += length;
	if (err || copy->since < COMMIT_EACH)
		return err;
	copy->since = 0;
	return writer_commit(&copy->writer);
}

static struct vhdx_chain *new_chain(const struct disk *child,
				    const struct disk *parent)
{
	struct vhdx_image *images[VHDX_CHAIN_MAX];
	u32 i;

	images[0] = child->layer[0]->image;
	for (i = 0; i < parent->depth; i++)
		images[1 + i] = parent->layer[i]->image;
	/* The chain was joined before, and its faults were reported. */
	return vhdx_chain_new(images, 1 + parent->depth, VHDX_CHAIN_IGNORE_ID,
			      &vhdx_report_silent);
}

static int copy_all(struct copy *copy)
{
	struct layer *child = copy->writer.layer;
	int err, end;

	/* The disk reads the same all the time, so keep its identity. */
	err = writer_begin(&copy->writer, child,
			   vhdx_image_identity(child->image));
	if (err)
		return err;
	progress_begin(&copy->progress, "rebase");
	err = contrast_walk(&copy->contrast, 0, copy->contrast.total);
	progress_end(&copy->progress);
	end = writer_end(&copy->writer);
	return err ? err : end;
}

/**
 * rebase_copy() - copy into the child what its new parents lack
 * @child: the child with its old parents, joined; the child is open for
 *	writing, and its log is empty
 * @parent: the new parent and its ancestors
 * @copied: set to the bytes copied
 *
 * All the time, the child reads the same over its old parents, which it still
 * names. Afterwards it reads the same over the new ones, too.
 *
 * Return: 0, and the copies are durable; or a negative errno after a message.
 */
int rebase_copy(struct disk *child, const struct disk *parent, u64 *copied)
{
	struct vhdx_chain *chain = new_chain(child, parent);
	const bool heard = false;
	struct copy copy = {
		.writer.layer = child->layer[0],
		.copied = copied,
	};
	int err;

	*copied = 0;
	if (IS_ERR(chain))
		return (int)PTR_ERR(chain);
	copy.contrast = (struct contrast){
		.side = {
			{ .chain = child->chain, .heard = &heard,
			  .name = child->layer[0]->path },
			{ .chain = chain, .heard = &heard,
			  .name = parent->layer[0]->path },
		},
		.unit = child->layer[0]->image->params.logical_sector,
		.total = child->chain->size,
		.progress = &copy.progress.engine,
		.visit = copy_range,
	};
	err = contrast_begin(&copy.contrast);
	if (!err)
		err = copy_all(&copy);
	contrast_end(&copy.contrast);
	vhdx_chain_free(chain);
	if (err == -EINTR)
		msg_err("%s: interrupted: it keeps its old parent, and reads as before",
			child->layer[0]->path);
	return err;
}
