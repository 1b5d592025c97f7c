// SPDX-License-Identifier: GPL-2.0-only
#include "ancestor.h"
#include "exit-codes.h"
#include "message.h"

/**
 * ancestor_find() - find an image among the parents of another one
 * @disk: the other image and its parents, from disk_follow()
 * @path: path of the ancestor; NULL for the parent
 * @nr: set to its index in the chain, 1 for the parent
 *
 * Return: 0, or a negative errno after a message: -ENOPARENT if the image has
 * no such ancestor.
 */
int ancestor_find(const struct disk *disk, const char *path, u32 *nr)
{
	struct user_store file;
	bool found = false;
	u32 i;
	int err;

	*nr = 1;
	if (disk->depth == 1) {
		msg_err("%s: has no parent", disk->layer[0]->path);
		return -ENOPARENT;
	}
	if (!path)
		return 0;
	err = user_store_open(&file, path, USER_PEEK);
	if (err)
		return err;
	for (i = 1; i < disk->depth && !found; i++) {
		found = user_store_same(&disk->layer[i]->file, &file);
		*nr = i;
	}
	user_store_close(&file);
	if (found)
		return 0;
	msg_err("%s: is no ancestor of %s; `vhdxsetup info --chain %s' lists them",
		path, disk->layer[0]->path, disk->layer[0]->path);
	return -ENOPARENT;
}
