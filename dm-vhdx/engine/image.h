/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One open image: the checked and decoded metadata of a store.
 *
 * Opening reads the file identifier, headers, log, region tables, metadata and
 * parent locator, in this order, because each step needs the one before. It
 * does not read the BAT, whose pages are loaded on demand. Opening and loading
 * never write.
 *
 * image.c APIs:
 *   vhdx_image_open()		check and decode a store
 *   vhdx_image_close()
 *   vhdx_image_read()		read metadata as it is after replay
 *   vhdx_image_region_tables()	read both copies of the region table
 *   vhdx_image_bat_entry()	get one BAT entry if its page is resident
 *   vhdx_image_load()		load a page of the BAT or of a bitmap
 *   vhdx_image_read_entry()	get one BAT entry, and load its page if need be
 *   vhdx_image_lend()		go on reading while another program merges into it
 *   vhdx_image_is_cut()	test whether the store became shorter, and say
 *				so
 * image.h APIs:
 *   vhdx_image_log_place()	the log as the place of a finding
 *   vhdx_image_identity()	the GUID that children of an image must name
 *   vhdx_image_limit()		where the space of blocks must end
 *   vhdx_image_has_range()	check that a range is whole sectors of the
 *				virtual disk
 *   vhdx_image_missed()	name the page that a lookup missed
 *   vhdx_image_least()	the least length of the file of a fixed image
 */
#ifndef VHDX_IMAGE_H
#define VHDX_IMAGE_H

#include "bat.h"
#include "bitmap.h"
#include "locator.h"
#include "log.h"
#include "pages.h"
#include "replay.h"

/* Enough for the whole BAT of 64 TiB in 32 MiB blocks. */
#define VHDX_POOL_PAGES_DEFAULT	4096UL

/**
 * struct vhdx_image - an image that passed its checks
 * @store: the image's bytes; the caller owns it, and it outlives the image
 * @report: receives findings, also later ones, as pages are loaded
 * @headers: both copies of the header
 * @log: the entries that must be replayed
 * @replay: the changes that they make
 * @region_copy: the copy of the region table that is in use
 * @region_copies_differ: the other copy is valid too, but differs
 * @regions: the structures at fixed places
 * @metadata: the metadata table
 * @params: properties of the virtual disk
 * @locator: names the parent; NULL if the image has none
 * @bat: the geometry of the BAT
 * @limits: limits that BAT entries must respect
 * @pool: bounds the number of pages in the two maps below
 * @bat_pages: pages of the BAT
 * @bitmap_pages: pages of the sector bitmaps; used for differencing images only
 * @written: a device has it open for writing, so its DataWriteGuid may change;
 *	set once, before others see the image
 * @lent: see vhdx_image_lend()
 */
struct vhdx_image {
	struct vhdx_store *store;
	struct vhdx_report *report;
	struct vhdx_headers headers;
	struct vhdx_log log;
	struct vhdx_replay replay;
	unsigned int region_copy;
	bool region_copies_differ;
	struct vhdx_regions regions;
	struct vhdx_metadata metadata;
	struct vhdx_params params;
	struct vhdx_locator *locator;
	struct vhdx_bat bat;
	struct vhdx_bat_limits limits;
	struct vhdx_pool pool;
	struct vhdx_page_map bat_pages;
	struct vhdx_page_map bitmap_pages;
	bool written;
	bool lent;
};

struct vhdx_image *vhdx_image_open(struct vhdx_store *store,
				   unsigned long pool_pages,
				   struct vhdx_report *report);
void vhdx_image_close(struct vhdx_image *image);
int vhdx_image_read(struct vhdx_image *image, u64 pos, void *buf, size_t len);
int vhdx_image_region_tables(struct vhdx_image *image, u8 *tables,
			     bool valid[2], struct vhdx_report *report);
int vhdx_image_bat_entry(const struct vhdx_image *image, u64 index, u64 *entry);

/**
 * struct vhdx_miss - a page that must be loaded before a lookup can continue
 * @image: the image that the page belongs to
 * @map: the image's map of BAT or bitmap pages
 * @index: index of the page in @map
 */
struct vhdx_miss {
	struct vhdx_image *image;
	struct vhdx_page_map *map;
	u64 index;
};

/**
 * vhdx_image_missed() - name the page that a lookup missed
 * @image: the image
 * @map: its map of BAT or bitmap pages
 * @index: index of the page in @map
 * @miss: set for vhdx_image_load()
 *
 * Context: any.
 * Return: -EAGAIN, for the lookup to return.
 */
static inline int vhdx_image_missed(struct vhdx_image *image,
				    struct vhdx_page_map *map, u64 index,
				    struct vhdx_miss *miss)
{
	*miss = (struct vhdx_miss){
		.image = image,
		.map = map,
		.index = index,
	};
	return -EAGAIN;
}

int vhdx_image_load(const struct vhdx_miss *miss);
int vhdx_image_read_entry(struct vhdx_image *image, u64 index, u64 *entry);
void vhdx_image_lend(struct vhdx_image *image);
bool vhdx_image_is_cut(const struct vhdx_image *image, struct vhdx_place *at,
		       char *text, size_t size);

/**
 * vhdx_image_log_place() - the log as the place of a finding
 * @image: the image, its headers read
 *
 * Return: the place.
 */
static inline struct vhdx_place
vhdx_image_log_place(const struct vhdx_image *image)
{
	return VHDX_AT("log",
		       vhdx_header_current(&image->headers)->log_offset);
}

/**
 * vhdx_image_identity() - the GUID that children of an image must name
 * @image: the image, its headers read
 *
 * Return: its DataWriteGuid.
 */
static inline const guid_t *vhdx_image_identity(const struct vhdx_image *image)
{
	return &vhdx_header_current(&image->headers)->data_write_guid;
}

/**
 * vhdx_image_limit() - get the end of the space that blocks may have
 * @image: the image
 *
 * The file of an image that is lent grows at any time, before a block there is in the
 * BAT. Its size stays as it is in memory, for a reader of 32 bits might see half of a
 * change. Nobody lengthens a block device for that: what an image there lacks at its
 * end must not read as zeros.
 *
 * Context: any.
 * Return: byte offset in the file.
 */
static inline u64 vhdx_image_limit(const struct vhdx_image *image)
{
	const struct vhdx_store *store = image->store;
	u64 known = READ_ONCE(image->limits.file_size);

	if (!READ_ONCE(image->lent) || !store->ops->length)
		return known;
	return max(known, store->ops->length(store));
}

/**
 * vhdx_image_has_range() - check that a range is whole sectors of the disk
 * @image: the image
 * @pos: byte offset on the virtual disk
 * @len: bytes
 *
 * Lookups work in whole sectors. For part of a sector they would return another
 * sector's place or a run of no bytes.
 *
 * Context: any.
 * Return: true if the range is one or more whole sectors and ends inside the
 * virtual disk.
 */
static inline bool vhdx_image_has_range(const struct vhdx_image *image, u64 pos,
					u64 len)
{
	const struct vhdx_params *params = &image->params;

	return len && !((pos | len) & (params->logical_sector - 1)) &&
	       pos < params->size && len <= params->size - pos;
}

/**
 * vhdx_image_least() - find the least length of the file of a fixed image
 * @image: the image
 *
 * It is at least as long as all of its blocks make it.
 *
 * Context: any.
 * Return: the length in bytes; 0 if the image is not fixed.
 */
static inline u64 vhdx_image_least(const struct vhdx_image *image)
{
	u64 bytes = image->bat.blocks << image->bat.block_shift;
	u32 i;

	if (!image->params.leave_allocated)
		return 0;
	for (i = 0; i < image->regions.count; i++)
		bytes += image->regions.all[i].length;
	return bytes;
}

#endif /* VHDX_IMAGE_H */
