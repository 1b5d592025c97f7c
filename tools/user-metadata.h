/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Metadata items of the user: bytes under a GUID, which mean nothing to VHDX.
 *
 * user-metadata.c APIs:
 *   user_metadata_set()	an item to set, from GUID=FILE
 *   user_metadata_remove()	an item to remove, from its GUID
 *   user_metadata_load()	read the files
 *   user_metadata_change()	make the changes
 *   user_metadata_print()	print the bytes of an item
 *   user_metadata_free()
 */
#ifndef USER_METADATA_H
#define USER_METADATA_H

#include "edit.h"
#include "open.h"
#include "vhdxsetup.h"

/**
 * struct user_item - a change of an item
 * @id: GUID of the item
 * @file: path of the file with its bytes, "-" for standard input; NULL to remove
 *	the item
 * @value: its bytes
 * @length: number of bytes
 */
struct user_item {
	guid_t id;
	const char *file;
	u8 *value;
	u32 length;
};

/**
 * struct user_metadata - the changes of a command line
 * @item: each of them
 * @count: how many
 */
struct user_metadata {
	struct user_item item[METADATA_CHANGES_MAX];
	u32 count;
};

int user_metadata_set(struct user_metadata *all, const char *text);
int user_metadata_remove(struct user_metadata *all, const char *text);
int user_metadata_load(struct user_metadata *all);
int user_metadata_change(const struct user_metadata *all,
			 struct vhdx_edit *edit);
int user_metadata_print(const struct layer *layer, const char *text);
void user_metadata_free(struct user_metadata *all);

#endif /* USER_METADATA_H */
