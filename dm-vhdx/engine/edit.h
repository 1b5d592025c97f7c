/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Change an image's metadata through the log ([MS-VHDX] 2.3, 2.6).
 *
 * An edit collects changes in memory: of metadata items, and of bytes of the
 * metadata region and the region tables. Its commit puts all of them into one
 * entry of the log, so a crash leaves the old metadata or the new. The metadata
 * table has no checksum; without the log, a torn page of it would go unseen.
 *
 *	vhdx_session_new() -> vhdx_edit_new() -> vhdx_edit_item() ...
 *	-> vhdx_edit_commit() -> vhdx_session_end() -> vhdx_edit_free()
 *
 * The struct vhdx_image that is open describes the old metadata until it is
 * closed and opened again. The BAT has its own way into the log: see session.h.
 *
 * edit.c APIs:
 *   vhdx_edit_new()	begin to collect changes
 *   vhdx_edit_write()	change bytes
 *   vhdx_edit_commit()	make all changes durable at once
 *   vhdx_edit_free()
 * edit-item.c APIs:
 *   vhdx_edit_item()	replace or add a metadata item
 *   vhdx_edit_value()	give a system item of the image another value
 *   vhdx_edit_locator()	give a child another parent locator
 *   vhdx_edit_remove()	remove a metadata item
 *   vhdx_edit_size()	replace the size of the virtual disk
 * edit-region.c APIs:
 *   vhdx_edit_regions()	give regions other places
 */
#ifndef VHDX_EDIT_H
#define VHDX_EDIT_H

#include "session.h"

/**
 * struct vhdx_edit_page - a page with its changes
 * @pos: byte offset in the file
 * @data: its 4 KiB as they are to be
 */
struct vhdx_edit_page {
	u64 pos;
	void *data;
};

/**
 * struct vhdx_edit - changes that are not committed yet
 * @session: writes them; outlives the edit
 * @report: receives findings
 * @metadata: the metadata table with the changes, its items in no order
 * @pages: the changed pages
 * @count: number of changed pages
 * @limit: number of pages that an entry of the log can hold
 * @map: holds the changed pages while they are in the journal
 */
struct vhdx_edit {
	struct vhdx_session *session;
	struct vhdx_report *report;
	struct vhdx_metadata metadata;
	struct vhdx_edit_page *pages;
	u32 count;
	u32 limit;
	struct vhdx_page_map map;
};

/**
 * struct vhdx_region_place - where a region is to lie
 * @guid: which region
 * @offset: byte offset in the file
 * @length: bytes
 */
struct vhdx_region_place {
	const guid_t *guid;
	u64 offset;
	u32 length;
};

struct vhdx_edit *vhdx_edit_new(struct vhdx_session *session,
				struct vhdx_report *report);
int vhdx_edit_write(struct vhdx_edit *edit, u64 pos, const void *buf, u32 len);
int vhdx_edit_commit(struct vhdx_edit *edit);
void vhdx_edit_free(struct vhdx_edit *edit);

int vhdx_edit_item(struct vhdx_edit *edit, const guid_t *id, u32 flags,
		   const void *value, u32 length);
int vhdx_edit_value(struct vhdx_edit *edit, const guid_t *id,
		    const void *value, u32 length);
int vhdx_edit_locator(struct vhdx_edit *edit,
		      const struct vhdx_locator *locator);
int vhdx_edit_remove(struct vhdx_edit *edit, const guid_t *id, u32 flags);
int vhdx_edit_size(struct vhdx_edit *edit, u64 size);

int vhdx_edit_regions(struct vhdx_edit *edit,
		      const struct vhdx_region_place *to, u32 count);

#endif /* VHDX_EDIT_H */
