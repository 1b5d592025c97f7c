// SPDX-License-Identifier: GPL-2.0-only
#include <sys/sysmacros.h>
#include <unistd.h>

#include "message.h"
#include "open.h"
#include "parents.h"
#include "place.h"

static void layer_emit(struct vhdx_report *report,
		       const struct vhdx_finding *finding)
{
	struct layer *layer = container_of(report, struct layer, report);

	layer->sink->finding(layer->sink, layer->path, finding);
}

static void layer_close(struct layer *layer)
{
	if (layer->image)
		vhdx_image_close(layer->image);
	if (layer->file.fd >= 0)
		user_store_close(&layer->file);
	free(layer->path);
	free(layer);
}

/*
 * While another program writes, a read may see neither the old nor the new
 * state.
 */
static int layer_in_use(const struct layer *layer, bool while_written)
{
	const char *in_use = layer->file.in_use;

	if (!in_use)
		return 0;
	if (while_written) {
		msg_warn("%s: %s: what follows may be neither old nor new",
			 layer->path, in_use);
		return 0;
	}
	msg_err("%s: %s; close it there first", layer->path, in_use);
	return -ETXTBSY;
}

/* A chain that returns to an open layer would never end. */
static int layer_cycle(const struct disk *disk, const struct layer *layer)
{
	u32 i;

	for (i = 0; i < disk->depth; i++) {
		if (!user_store_same(&disk->layer[i]->file, &layer->file))
			continue;
		msg_err("%s: is its own ancestor: the parents form a cycle",
			layer->path);
		return -ELOOP;
	}
	return 0;
}

/* The engine would report a missing structure; say that the file was cut. */
static void explain_cut(const struct layer *layer)
{
	const struct user_store *file = &layer->file;

	if (!file->device && file->store.size < VHDX_HEADER_SECTION)
		msg_err("%s: was cut short: it is %llu bytes long, and what an image begins with is 1 MiB",
			layer->path, file->store.size);
}

static void say_opened(const struct layer *layer, enum user_access access)
{
	const struct user_store *user = &layer->file;
	static const char *const words[] = {
		[USER_PEEK] = "to read, without locks",
		[USER_LOOK] = "to read, without locks, and looked at for writers",
		[USER_READ] = "to read, and locked against writers",
		[USER_WRITE] = "to write, and locked against all others",
		[USER_LENT] = "to write what the kernel has lent",
	};

	msg_debug("%s: descriptor %d is opened %s: %s of %llu bytes, device %x:%x, inode %llu%s%s",
		  layer->path, user->fd, words[access],
		  user->device ? "a block device" : "a file",
		  user->store.size, major(user->dev), minor(user->dev),
		  (u64)user->ino, user->in_use ? "; it " : "",
		  user->in_use ? user->in_use : "");
}

static void say_understood(const struct layer *layer)
{
	const struct vhdx_image *image = layer->image;
	const struct vhdx_header *header = vhdx_header_current(&image->headers);
	char id[VHDX_GUID_TEXT_SIZE], identity[VHDX_GUID_TEXT_SIZE];

	msg_debug("%s: header %llu is current, log at 0x%llx%s, BAT at 0x%llx; a disk of %llu bytes in blocks of %u, sectors of %u, %s; id %s, DataWriteGuid %s",
		  layer->path, header->sequence, header->log_offset,
		  vhdx_header_dirty(header) ? " to be replayed" : "",
		  image->bat.offset, image->params.size,
		  image->params.block_size, image->params.logical_sector,
		  image->params.has_parent ? "differencing" : "without parent",
		  vhdx_guid_text(&image->params.disk_id, id),
		  vhdx_guid_text(vhdx_image_identity(image), identity));
}

static int layer_understand(const struct disk *disk, struct layer *layer)
{
	const struct disk_options *options = &disk->options;
	struct vhdx_image *image;

	if (options->understand && !disk->depth)
		image = options->understand(layer, options->context);
	else
		image = vhdx_image_open(&layer->file.store,
					VHDX_POOL_PAGES_DEFAULT,
					&layer->report);
	if (PTR_ERR(image) == -EUCLEAN)
		explain_cut(layer);
	if (IS_ERR(image))
		return (int)PTR_ERR(image);
	layer->image = image;
	say_understood(layer);
	return 0;
}

static struct layer *layer_new(struct disk_sink *sink, int place,
			       const char *path)
{
	struct layer *layer = calloc(1, sizeof(*layer));

	if (!layer)
		return NULL;
	layer->report.emit = layer_emit;
	layer->sink = sink;
	layer->file.fd = -1;
	layer->path = place_name(place, path);
	if (layer->path)
		return layer;
	free(layer);
	return NULL;
}

/* Return the access that the next layer needs. */
static enum user_access layer_access(const struct disk *disk)
{
	bool lent = disk->options.lent;

	if (disk->options.while_written)
		return USER_LOOK;
	if (lent)
		return disk->depth < disk->options.writable ? USER_LENT :
							      USER_PEEK;
	return disk->depth < disk->options.writable ? USER_WRITE : USER_READ;
}

/* Open an image and append it to the disk's layers. */
static int disk_add(struct disk *disk, int place, const char *path)
{
	struct layer *layer = layer_new(disk->options.sink, place, path);
	enum user_access access;
	int err;

	if (!layer)
		return -ENOMEM;
	access = layer_access(disk);
	msg_verbose("opening %s", layer->path);
	err = user_store_open_place(&layer->file, place, layer->path, access);
	if (!err)
		say_opened(layer, access);
	if (!err)
		err = layer_cycle(disk, layer);
	if (!err)
		err = layer_in_use(layer, disk->options.while_written);
	if (!err)
		err = layer_understand(disk, layer);
	if (err) {
		layer_close(layer);
		return err;
	}
	disk->layer[disk->depth++] = layer;
	return 0;
}

/**
 * disk_open() - open an image, without its parents
 * @place: descriptor of the file or block device from place_find(), which the
 *	caller closes
 * @path: the user's name for it
 * @options: how to open it; copied, but what it points to must outlive the disk
 * @opened: set to the disk, for disk_close()
 *
 * Return: 0, or a negative errno after a message or a finding: -EMEDIUMTYPE if
 * it is no VHDX, -ETXTBSY if somebody writes it, -EUCLEAN or -EOPNOTSUPP if the
 * engine refuses it.
 */
int disk_open(int place, const char *path, const struct disk_options *options,
	      struct disk **opened)
{
	struct disk *disk = calloc(1, sizeof(*disk));
	int err;

	if (!disk)
		return -ENOMEM;
	disk->options = *options;
	err = disk_add(disk, place, path);
	if (err) {
		disk_close(disk);
		return err;
	}
	*opened = disk;
	return 0;
}

static int disk_add_path(struct disk *disk, const char *path)
{
	int place, err = place_find(path, &place);

	if (err)
		return err;
	err = disk_add(disk, place, path);
	close(place);
	return err;
}

/* Open the parent of the last layer. */
static int disk_add_parent(struct disk *disk)
{
	const struct disk_options *options = &disk->options;
	const struct layer *child = disk->layer[disk->depth - 1];
	const struct parent_wanted wanted = {
		.locator = child->image->locator,
		.child = &child->file,
		.path = child->path,
		.any_identity = options->ignore_id,
		.anywhere = options->parents_anywhere,
	};
	u32 nr = disk->depth - 1;
	int place, err;

	if (nr < options->parent_count) {
		err = disk_add_path(disk, options->parents[nr]);
		return err == -ENOENT ? -ENOLINK : err;
	}
	err = parent_find(&wanted, &place);
	if (err)
		return err;
	err = disk_add(disk, place, "the parent");
	close(place);
	return err;
}

static int disk_join(struct disk *disk)
{
	struct vhdx_image *images[VHDX_CHAIN_MAX];
	struct vhdx_chain *chain;
	u32 i;

	for (i = 0; i < disk->depth; i++)
		images[i] = disk->layer[i]->image;
	chain = vhdx_chain_new(images, disk->depth,
			       (disk->options.ignore_id ?
				VHDX_CHAIN_IGNORE_ID : 0) |
			       (disk->options.alone ? VHDX_CHAIN_ALONE : 0),
			       &disk->layer[0]->report);
	/*
	 * Each image is sound by itself, so the fault is in the link to a
	 * parent.
	 */
	if (IS_ERR(chain))
		return PTR_ERR(chain) == -EUCLEAN ? -ESTALE :
						    (int)PTR_ERR(chain);
	disk->chain = chain;
	return 0;
}

/**
 * disk_follow() - open the parents and join all layers into a chain
 * @disk: from disk_open()
 *
 * Return: 0, or a negative errno after a message or a finding: -ENOLINK if a
 * parent is missing, -ESTALE if a parent has changed or is another image,
 * -ELOOP for a cycle, -EINVAL for more --parent options than parents.
 */
int disk_follow(struct disk *disk)
{
	int err;

	if (disk->options.no_parents && disk->options.alone)
		return disk_join(disk);
	if (disk->options.no_parents &&
	    disk->layer[0]->image->params.has_parent) {
		msg_err("%s: is a differencing image, and --no-parents keeps its parent from being looked for",
			disk->layer[0]->path);
		return -ENOLINK;
	}
	while (disk->layer[disk->depth - 1]->image->params.has_parent) {
		if (disk->depth == VHDX_CHAIN_MAX) {
			msg_err("%s: more than %u images in the chain",
				disk->layer[0]->path, VHDX_CHAIN_MAX);
			return -ELOOP;
		}
		err = disk_add_parent(disk);
		if (err)
			return err;
	}
	if (disk->options.parent_count > disk->depth - 1) {
		msg_err("%s: more --parent options (%u) than parents in the chain (%u)",
			disk->layer[0]->path, disk->options.parent_count,
			disk->depth - 1);
		return -EINVAL;
	}
	return disk_join(disk);
}

/**
 * disk_unlock() - drop the locks of the child, so that others may write it
 * @disk: an open disk; afterwards the child's file cannot be read any more,
 *	only identified
 *
 * Return: 0 or a negative errno.
 */
int disk_unlock(struct disk *disk)
{
	return user_store_unlock(&disk->layer[0]->file);
}

/**
 * disk_close() - close all layers and free the disk
 * @disk: from disk_open(), or NULL
 */
void disk_close(struct disk *disk)
{
	if (!disk)
		return;
	if (disk->chain)
		vhdx_chain_free(disk->chain);
	while (disk->depth)
		layer_close(disk->layer[--disk->depth]);
	free(disk);
}
