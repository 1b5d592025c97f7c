/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a disk holds, cheaply: 4 KiB pages that are shared wherever they are
 * equal by origin, and of which payload takes 32 bytes instead of 4096.
 *
 * Payload is never more than a tag a sector: who wrote it, and which sector of
 * that write it was. Metadata is bytes. Each MiB has an identity that is new
 * whenever something in it changes and comes back when the change is undone,
 * so that what was found to be right about a MiB need not be looked at again.
 *
 * disk.c APIs:
 *   page_of_bytes()	a page of metadata, or of payload that was copied
 *   page_of_tags()	a page of payload
 *   page_merge()	some sectors of one page over another one
 *   page_junk()	what nobody may ever see
 *   page_get()		one more user
 *   page_put()		one less
 *   page_tag()		a sector's tag
 *   page_expand()	a page as bytes
 *   page_mask()	the sectors of a page that lie in a range
 *   disk_init()	zeros, or junk
 *   disk_exit()
 *   disk_copy()	make one disk like another
 *   disk_page()	look at a page
 *   disk_set()		change a page
 *   disk_unit_id()	the identity of a MiB
 *   disk_last_id()	the newest of all
 *   disk_resize()	change the length
 *   disk_read()	bytes of a range
 *   undo_all()		take changes back
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "format.h"

#define SECTOR 512U
#define PAGE_SECTORS (VHDX_PAGE / SECTOR)
#define UNIT_PAGES ((u32)(VHDX_MIB / VHDX_PAGE))
#define DISK_UNITS 8192U

#define TAG_ZERO 0U
#define TAG_JUNK (~0U)

/**
 * struct page - 4 KiB; NULL stands for zeros
 * @refs: users; those of the junk page do not matter
 * @raw: metadata
 * @tag: of each sector; if @raw, there are the 4096 bytes instead
 */
struct page {
	u32 refs;
	bool raw;
	u32 tag[];
};

/**
 * struct disk_unit - a MiB
 * @id: its identity
 * @page: its pages
 */
struct disk_unit {
	u64 id;
	struct page *page[UNIT_PAGES];
};

/**
 * struct disk - what it holds
 * @size: bytes; past it are zeros
 * @junk: what was never written is junk rather than zeros
 * @unit: the MiB; NULL where nothing was written
 */
struct disk {
	u64 size;
	bool junk;
	struct disk_unit *unit[DISK_UNITS];
};

/**
 * struct undo - what a disk held before it was changed
 * @step: pages, in the order of the changes
 * @count: how many
 * @room: for how many @step has memory
 * @size: bytes of the disk before
 */
struct undo {
	struct undo_step {
		u64 number;
		u64 id;
		struct page *page;
	} *step;
	u32 count;
	u32 room;
	u64 size;
};

struct page *page_of_bytes(const void *bytes);
struct page *page_of_tags(const u32 *tag);
struct page *page_merge(const struct page *below, const struct page *above,
			u8 mask);
struct page *page_junk(void);
struct page *page_get(struct page *page);
void page_put(struct page *page);
void page_expand(const struct page *page, u8 *bytes);

/* Metadata where payload should be is junk to whoever reads it. */
static inline u32 page_tag(const struct page *page, u32 sector)
{
	if (!page)
		return TAG_ZERO;
	return page->raw ? TAG_JUNK : page->tag[sector];
}

void disk_init(struct disk *disk, u64 size, bool junk);
void disk_exit(struct disk *disk);
void disk_copy(struct disk *disk, const struct disk *from);
void disk_set(struct disk *disk, u64 number, struct page *page,
	      struct undo *undo);
void disk_resize(struct disk *disk, u64 size, struct undo *undo);
void disk_read(const struct disk *disk, u64 pos, void *buf, size_t len);
void undo_all(struct disk *disk, struct undo *undo);

static inline struct page *disk_page(const struct disk *disk, u64 number)
{
	const struct disk_unit *unit;

	if (number * VHDX_PAGE >= disk->size)
		return NULL;
	unit = disk->unit[number / UNIT_PAGES];
	if (!unit)
		return disk->junk ? page_junk() : NULL;
	return unit->page[number % UNIT_PAGES];
}

/* What is changed from now on has identities above this one. */
u64 disk_last_id(void);

/* The sectors of a page that lie in a range: of the page that @pos is in. */
static inline u8 page_mask(u64 pos, u64 end)
{
	u64 start = pos & ~(u64)(VHDX_PAGE - 1);
	u32 first = (pos - start) / SECTOR;
	u32 last = end - start < VHDX_PAGE ? (end - start) / SECTOR :
					     PAGE_SECTORS;

	return (0xff << first) & (0xff >> (PAGE_SECTORS - last));
}

static inline u64 disk_unit_id(const struct disk *disk, u64 pos)
{
	const struct disk_unit *unit = disk->unit[pos >> VHDX_ALIGN_SHIFT];

	return unit ? unit->id : 0;
}

#endif /* SIM_DISK_H */
