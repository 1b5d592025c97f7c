/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An image with all of its relatives: the chain that it needs, and the images in
 * the directories of that chain which lie over one of them. Of each, it is known
 * what is wrong between it and its parent.
 *
 * family.c APIs:
 *   family_find()	look for them
 *   family_free()
 * family-draw.c APIs:
 *   family_draw()	print the tree
 *   family_tree()	the same for JSON
 */
#ifndef FAMILY_H
#define FAMILY_H

#include <sys/types.h>

#include "open.h"
#include "parents.h"

struct json_object;

/* Of a member: it has no parent, or none was found. */
#define FAMILY_NONE	UINT_MAX

/**
 * enum family_fault - what is wrong between an image and its parent
 * @FAMILY_WELL: nothing
 * @FAMILY_RENAMED: the parent has another name than the image recorded
 * @FAMILY_ELSEWHERE: the user named the parent, which is not found otherwise
 * @FAMILY_MISSING: there is no parent
 * @FAMILY_OUTSIDE: it is where nothing is looked for
 * @FAMILY_TWICE: several files can be the parent
 * @FAMILY_CHANGED: the parent was written since
 * @FAMILY_OTHER: what has the parent's name is another disk
 * @FAMILY_SECTORS: the two have other sectors
 * @FAMILY_CYCLE: the parent is over the image
 * @FAMILY_UNREADABLE: the parent cannot be opened
 */
enum family_fault {
	FAMILY_WELL,
	FAMILY_RENAMED,
	FAMILY_ELSEWHERE,
	FAMILY_MISSING,
	FAMILY_OUTSIDE,
	FAMILY_TWICE,
	FAMILY_CHANGED,
	FAMILY_OTHER,
	FAMILY_SECTORS,
	FAMILY_CYCLE,
	FAMILY_UNREADABLE,
};

/**
 * struct family_member - one of the images
 * @path: of its file
 * @recorded: how it names its parent; NULL if it has none, or is not readable
 * @linkage: the identities that its parent may have
 * @identity: its own
 * @disk_id: of its disk
 * @size: bytes of its disk
 * @sector: bytes of a logical sector
 * @type: "dynamic" and so on; NULL if it cannot be read
 * @dev: where its file is
 * @ino: which file that is
 * @in_chain: the image that was given needs it
 * @dirty: its log must be replayed
 * @in_use: who is in the way of a reader; NULL if nobody is
 * @merely_named: it has the parent's name and is another image: nothing more is
 *	told of it, since an upload can name any file beside it
 * @fault: what is wrong between it and its parent
 * @parent: its number, or FAMILY_NONE
 */
struct family_member {
	char *path;
	char *recorded;
	guid_t linkage[2];
	guid_t identity;
	guid_t disk_id;
	u64 size;
	u32 sector;
	const char *type;
	dev_t dev;
	ino_t ino;
	bool in_chain;
	bool dirty;
	const char *in_use;
	bool merely_named;
	enum family_fault fault;
	u32 parent;
};

/**
 * struct family - an image and its relatives
 * @member: the images; the one that was given is the first
 * @count: how many
 * @more: there are others, which were not looked at
 */
struct family {
	struct family_member *member;
	u32 count;
	bool more;
};

int family_find(const struct disk *disk, struct family *family);
void family_free(struct family *family);

void family_draw(const struct family *family);
struct json_object *family_tree(const struct family *family);

#endif /* FAMILY_H */
