// SPDX-License-Identifier: GPL-2.0-only
/* replay: write the changes in an image's log in place. */
#include "document.h"
#include "findings.h"
#include "message.h"
#include "open-image.h"
#include "recover.h"

static void put_json(const struct layer *layer, bool replayed, u32 changes)
{
	document_put("image", tree_string(layer->path));
	document_put("replayed", tree_boolean(replayed));
	document_put("changed_ranges", tree_integer(changes));
}

static int replay_image(struct vhdx_image *image, const char *path)
{
	u32 entries = image->log.count, changes = image->replay.count;
	int err;

	if (!vhdx_header_dirty(vhdx_header_current(&image->headers))) {
		msg_info("%s: the log is empty: there is nothing to replay",
			 path);
		return 0;
	}
	err = vhdx_image_recover(image);
	if (!err)
		msg_info("%s: replayed: %u changes, of %u entries of the log",
			 path, changes, entries);
	return err;
}

/**
 * cmd_replay() - the verb `replay`
 * @options: of the command line
 * @args: the image
 *
 * Return: 0 or a negative errno.
 */
int cmd_replay(const struct options *options, char **args)
{
	const struct layer *layer;
	struct disk *disk;
	bool dirty;
	u32 changes;
	int err;

	err = open_image(options, args[0], OPEN_WRITABLE, sink_messages(),
			 &disk);
	if (err)
		return err;
	layer = disk->layer[0];
	dirty = vhdx_header_dirty(vhdx_header_current(&layer->image->headers));
	changes = layer->image->replay.count;
	err = replay_image(layer->image, args[0]);
	if (!err && options->json)
		put_json(layer, dirty, changes);
	disk_close(disk);
	return err;
}
