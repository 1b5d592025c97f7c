// SPDX-License-Identifier: GPL-2.0-only
#include "document.h"
#include "findings.h"
#include "info-tree.h"
#include "open-image.h"
#include "put-disk.h"

/**
 * put_disk() - print the members "image" and "disk"
 * @options: of the command line
 * @path: path of the image
 *
 * Opens the image again, to print what it has, not what was requested.
 *
 * Return: 0, or a negative errno after a message.
 */
int put_disk(const struct options *options, const char *path)
{
	struct disk *disk;
	int err = open_image(options, path, OPEN_WHILE_WRITTEN,
			     sink_messages(), &disk);

	if (err)
		return err;
	document_put("image", tree_string(disk->layer[0]->path));
	document_put("disk", info_disk(&disk->layer[0]->image->params));
	disk_close(disk);
	return 0;
}
