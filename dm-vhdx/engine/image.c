// SPDX-License-Identifier: GPL-2.0-only
#include "gather.h"
#include "image.h"

static int read_bounced(struct vhdx_image *image, u64 pos, void *buf,
			size_t len)
{
	u64 start = ALIGN_DOWN(pos, (u64)VHDX_PAGE);
	size_t span = ALIGN(pos + len, (u64)VHDX_PAGE) - start;
	u8 *bounce = kvmalloc(span, GFP_NOIO);
	int r;

	if (!bounce)
		return -ENOMEM;
	r = vhdx_store_read(image->store, start, bounce, span);
	if (!r)
		memcpy(buf, bounce + (pos - start), len);
	kvfree(bounce);
	return r;
}

/**
 * vhdx_image_read() - read bytes of the file as they are after replay
 * @image: the image
 * @pos: byte offset in the file
 * @buf: destination, 8-byte aligned if @pos and @len are multiples of 4 KiB
 * @len: bytes
 *
 * Context: may sleep; does not start I/O to get memory.
 * Return: 0, -ENOMEM, or an errno of the store.
 */
int vhdx_image_read(struct vhdx_image *image, u64 pos, void *buf, size_t len)
{
	int r;

	if (IS_ALIGNED(pos, (u64)VHDX_PAGE) && IS_ALIGNED(len, VHDX_PAGE))
		r = vhdx_store_read(image->store, pos, buf, len);
	else
		r = read_bounced(image, pos, buf, len);
	return r ? r :
		   vhdx_replay_apply(&image->replay, image->store, pos, buf,
				     len);
}

static int open_log(struct vhdx_image *image)
{
	const struct vhdx_header *header = vhdx_header_current(&image->headers);
	struct vhdx_place at = VHDX_AT("log", header->log_offset);
	int r;

	r = vhdx_log_find(image->store, header, &image->log, image->report);
	if (r)
		return r;
	r = vhdx_replay_plan(&image->replay, image->store, header, &image->log);
	if (r == -E2BIG)
		return vhdx_refuse(image->report, -EOPNOTSUPP, at,
				   "holds more than %llu changes, too many to be replayed in memory",
				   VHDX_LOG_CHANGES_MAX);
	if (r)
		return vhdx_refuse(image->report, r, at,
				   "cannot be replayed in memory: %s (%d)",
				   vhdx_errno_words(r), -r);
	/*
	 * No structure can be past the limit: entries that point there are
	 * faulty.
	 */
	image->limits.file_size = min(image->replay.file_size,
				      VHDX_FILE_SIZE_MAX);
	if (image->log.count)
		vhdx_find(image->report, VHDX_INFO, at,
			  "holds %u entries with %u changes that are not in place yet; they are replayed in memory",
			  image->log.count, image->replay.count);
	return 0;
}

/**
 * vhdx_image_region_tables() - read both copies of the region table
 * @image: the image, its log read
 * @tables: receives both copies, twice VHDX_TABLE_SIZE
 * @valid: set to true for each valid copy
 * @report: receives the fault of an invalid copy
 *
 * Context: may sleep.
 * Return: 0, or an errno of the store after a finding for the image's report.
 */
int vhdx_image_region_tables(struct vhdx_image *image, u8 *tables,
			     bool valid[2], struct vhdx_report *report)
{
	unsigned int copy;
	int r;

	for (copy = 0; copy < 2; copy++) {
		u64 pos = VHDX_REGION_TABLE_OFFSET(copy);
		u8 *table = tables + copy * VHDX_TABLE_SIZE;

		r = vhdx_image_read(image, pos, table, VHDX_TABLE_SIZE);
		if (r)
			return vhdx_refuse(image->report, r,
					   VHDX_AT_INDEX("region table",
							 copy + 1, pos),
					   "cannot be read: %s (%d)",
					   vhdx_errno_words(r), -r);
		valid[copy] =
			vhdx_region_table_check(table, copy, report);
	}
	return 0;
}

static void compare_copies(struct vhdx_image *image, const u8 *tables,
			   const bool valid[2])
{
	image->region_copies_differ =
		valid[0] && valid[1] &&
		memcmp(tables, tables + VHDX_TABLE_SIZE, VHDX_TABLE_SIZE);
	if (image->region_copies_differ)
		vhdx_find(image->report, VHDX_WARN,
			  VHDX_AT("region table", VHDX_REGION_TABLE_OFFSET(0)),
			  "the two copies differ; the %s is used",
			  image->region_copy ? "second" : "first");
}

static int decode_copy(struct vhdx_image *image, const u8 *tables,
		       unsigned int copy, struct vhdx_report *report)
{
	vhdx_regions_free(&image->regions);
	image->region_copy = copy;
	return vhdx_regions_decode(tables + copy * VHDX_TABLE_SIZE, copy,
				   vhdx_header_current(&image->headers),
				   image->limits.file_size, &image->regions,
				   report);
}

/**
 * struct softener - a report that lowers errors to reasons not to write
 * @report: receives the findings
 * @to: report that they are passed on to
 */
struct softener {
	struct vhdx_report report;
	struct vhdx_report *to;
};

static void soften_finding(struct vhdx_report *report,
			   const struct vhdx_finding *finding)
{
	struct softener *softener =
		container_of(report, struct softener, report);
	struct vhdx_finding softer = *finding;

	if (softer.severity == VHDX_ERROR)
		softer.severity = VHDX_READONLY;
	softener->to->emit(softener->to, &softer);
}

/*
 * The specification does not rank the copies; the first one is preferred. If it
 * is faulty and the second one is sound, the second one serves for reading. An
 * unknown required region is not a fault of a copy.
 */
static int use_copies(struct vhdx_image *image, const u8 *tables,
		      const bool valid[2])
{
	struct softener softener = {
		.report.emit = soften_finding,
		.to = image->report,
	};
	bool second = !valid[0];
	int r;

	if (valid[0] && valid[1] &&
	    decode_copy(image, tables, 0, &vhdx_report_silent) == -EUCLEAN)
		second = !decode_copy(image, tables, 1, &vhdx_report_silent);
	image->region_copy = second;
	compare_copies(image, tables, valid);
	if (second && valid[0])
		decode_copy(image, tables, 0, &softener.report);
	r = decode_copy(image, tables, second, image->report);
	if (r == -EUCLEAN)
		vhdx_regions_find_cut(tables + second * VHDX_TABLE_SIZE,
				      image->limits.file_size, image->report);
	return r;
}

static int open_regions(struct vhdx_image *image)
{
	u8 *tables = kvmalloc(2 * VHDX_TABLE_SIZE, GFP_KERNEL);
	bool valid[2] = {};
	int r;

	if (!tables)
		return -ENOMEM;
	r = vhdx_image_region_tables(image, tables, valid, image->report);
	if (!r && !valid[0] && !valid[1])
		r = vhdx_refuse(image->report, -EUCLEAN,
				VHDX_AT("region table",
					VHDX_REGION_TABLE_OFFSET(0)),
				"neither copy is valid (the other is at 0x%llx)",
				VHDX_REGION_TABLE_OFFSET(1));
	if (!r)
		r = use_copies(image, tables, valid);
	kvfree(tables);
	return r;
}

static int read_item(void *context, u64 pos, void *buf, size_t len)
{
	return vhdx_image_read(context, pos, buf, len);
}

static int open_metadata(struct vhdx_image *image)
{
	const struct vhdx_region *region = &image->regions.metadata;
	void *table = kvmalloc(VHDX_TABLE_SIZE, GFP_KERNEL);
	int r;

	if (!table)
		return -ENOMEM;
	r = vhdx_image_read(image, region->offset, table, VHDX_TABLE_SIZE);
	if (r)
		vhdx_refuse(image->report, r,
			    VHDX_AT("metadata table", region->offset),
			    "cannot be read: %s (%d)", vhdx_errno_words(r), -r);
	else
		r = vhdx_metadata_decode(table, region->offset, region->length,
					 &image->metadata, image->report);
	kvfree(table);
	return r ? r :
		   vhdx_metadata_params(&image->metadata, read_item, image,
					&image->params, image->report);
}

static int read_locator(struct vhdx_image *image, const struct vhdx_item *item)
{
	u64 pos = image->metadata.base + item->offset;
	void *bytes = kvmalloc(item->length, GFP_KERNEL);
	int r;

	if (!bytes)
		return -ENOMEM;
	r = vhdx_image_read(image, pos, bytes, item->length);
	if (r) {
		vhdx_refuse(image->report, r, VHDX_AT("parent locator", pos),
			    "cannot be read: %s (%d)", vhdx_errno_words(r), -r);
	} else {
		image->locator = vhdx_locator_decode(bytes, item->length, pos,
						     image->report);
		if (IS_ERR(image->locator)) {
			r = PTR_ERR(image->locator);
			image->locator = NULL;
		}
	}
	kvfree(bytes);
	return r;
}

static int open_locator(struct vhdx_image *image)
{
	static const guid_t id = VHDX_GUID_PARENT_LOCATOR;
	const struct vhdx_item *item =
		vhdx_metadata_find(&image->metadata, &id);
	struct vhdx_place at = VHDX_AT("metadata table", image->metadata.base);

	if (!image->params.has_parent) {
		if (item)
			vhdx_find(image->report, VHDX_WARN, at,
				  "there is a parent locator, but the image has no parent; it is ignored");
		return 0;
	}
	if (!item || !item->length)
		return vhdx_refuse(image->report, -EUCLEAN, at,
				   "the image has a parent, but the parent locator is missing");
	return read_locator(image, item);
}

/* A log may name any length. Bound it by what the geometry can need. */
static void bound_length(struct vhdx_image *image)
{
	u64 limit = vhdx_bat_file_limit(&image->bat, &image->regions,
					image->store->size);

	if (image->limits.file_size <= limit)
		return;
	vhdx_find(image->report, VHDX_WARN, vhdx_image_log_place(image),
		  "makes the file 0x%llx bytes long, which is more than the virtual disk can need; it is taken for 0x%llx",
		  image->limits.file_size, limit);
	image->limits.file_size = limit;
}

static int open_bat(struct vhdx_image *image, unsigned long pool_pages)
{
	const struct vhdx_region *region = &image->regions.bat;
	struct vhdx_bat *bat = &image->bat;
	int r;

	vhdx_bat_init(bat, &image->params, region->offset);
	if (bat->entries > region->length / sizeof(__le64))
		return vhdx_refuse(image->report, -EUCLEAN,
				   VHDX_AT("BAT region", region->offset),
				   "has room for %llu entries, the virtual disk needs %llu",
				   region->length / sizeof(__le64),
				   bat->entries);
	image->limits.regions = &image->regions;
	bound_length(image);
	r = vhdx_pool_init(&image->pool, pool_pages);
	if (!r)
		r = vhdx_page_map_init(&image->bat_pages, &image->pool,
				       bat->pages);
	if (!r && bat->differencing)
		r = vhdx_page_map_init(&image->bitmap_pages, &image->pool,
				       bat->chunks << VHDX_BITMAP_PAGES_SHIFT);
	return r;
}

static int open_stages(struct vhdx_image *image, unsigned long pool_pages)
{
	int r;

	r = vhdx_file_id_check(image->store, image->report);
	if (!r)
		r = vhdx_headers_read(image->store, &image->headers,
				      image->report);
	if (!r)
		r = open_log(image);
	if (!r)
		r = open_regions(image);
	if (!r)
		r = open_metadata(image);
	if (!r)
		r = open_locator(image);
	if (!r)
		r = open_bat(image, pool_pages);
	return r;
}

/**
 * vhdx_image_open() - read and check the structures of an image
 * @store: the image's bytes; outlives the image
 * @pool_pages: limit for 4 KiB pages of the BAT and of bitmaps in memory
 * @report: receives the findings, now and later; outlives the image
 *
 * Does not write, and does not read the BAT.
 *
 * Context: may sleep.
 * Return: the image, to be closed by vhdx_image_close(), or an ERR_PTR:
 * -EMEDIUMTYPE if the store holds no VHDX, -EUCLEAN if it is corrupt,
 * -EOPNOTSUPP if it needs an unknown feature or its log exceeds the limits,
 * -ENOMEM, or an errno of the store. @report has received the reason, except
 * for -ENOMEM.
 */
struct vhdx_image *vhdx_image_open(struct vhdx_store *store,
				   unsigned long pool_pages,
				   struct vhdx_report *report)
{
	struct vhdx_image *image = kzalloc(sizeof(*image), GFP_KERNEL);
	int r;

	if (!image)
		return ERR_PTR(-ENOMEM);
	image->store = store;
	image->report = report;
	r = open_stages(image, pool_pages);
	if (r) {
		vhdx_image_close(image);
		return ERR_PTR(r);
	}
	return image;
}

/**
 * vhdx_image_close() - close an image
 * @image: that nobody uses any more, for a grace period of RCU; its store stays
 *	open
 *
 * Context: may sleep.
 */
void vhdx_image_close(struct vhdx_image *image)
{
	vhdx_page_map_exit(&image->bat_pages);
	vhdx_page_map_exit(&image->bitmap_pages);
	vhdx_pool_exit(&image->pool);
	vhdx_locator_free(image->locator);
	vhdx_metadata_free(&image->metadata);
	vhdx_regions_free(&image->regions);
	vhdx_replay_free(&image->replay);
	vhdx_log_free(&image->log);
	kfree(image);
}

/**
 * vhdx_image_bat_entry() - get a BAT entry if its page is resident
 * @image: the image
 * @index: into the BAT, below bat.entries
 * @entry: receives the entry
 *
 * Context: any; takes no lock.
 * Return: 0, -EAGAIN if its page must be loaded, -EIO if it failed its checks.
 */
int vhdx_image_bat_entry(const struct vhdx_image *image, u64 index, u64 *entry)
{
	u32 slot = index & (VHDX_BAT_ENTRIES_PER_PAGE - 1);
	const struct vhdx_page *page;
	int r = -EAGAIN;

	rcu_read_lock();
	page = vhdx_page_map_find(&image->bat_pages,
				  index >> VHDX_BAT_ENTRIES_PER_PAGE_SHIFT);
	if (page) {
		const __le64 *entries = page->data;

		*entry = le64_to_cpu(READ_ONCE(entries[slot]));
		r = unlikely(test_bit(slot, page->faulty)) ? -EIO : 0;
	}
	rcu_read_unlock();
	return r;
}

/*
 * Mark the unusable entries of a page. If the end of the file cuts a payload
 * block, the part in the file can be read; vhdx_chain_map() knows where it
 * ends.
 */
static void check_page(struct vhdx_image *image, u64 first,
		       struct vhdx_page *page)
{
	const struct vhdx_bat_limits limits = {
		.regions = image->limits.regions,
		.file_size = vhdx_image_limit(image),
	};
	const __le64 *entries = page->data;
	struct vhdx_gather gather;
	u64 number;
	u32 slot;

	vhdx_gather_init(&gather, &image->bat, &limits, image->report);
	for (slot = 0; slot < VHDX_BAT_ENTRIES_PER_PAGE; slot++) {
		u64 entry = le64_to_cpu(entries[slot]);
		enum vhdx_fault fault = vhdx_bat_fault(&image->bat, &limits,
						       first + slot, entry);

		if (!fault)
			continue;
		if (fault != VHDX_FAULT_CUT ||
		    !vhdx_bat_entry_at(&image->bat, first + slot, &number))
			__set_bit(slot, page->faulty);
		vhdx_gather_add(&gather, VHDX_WRONG_FAULT, first + slot, entry,
				fault);
	}
	vhdx_gather_end(&gather);
}

static int fill_bat(void *context, u64 index, struct vhdx_page *page)
{
	struct vhdx_image *image = context;
	int r;

	page->pos = image->bat.offset + index * VHDX_PAGE;
	r = vhdx_image_read(image, page->pos, page->data, VHDX_PAGE);
	if (!r)
		check_page(image, index << VHDX_BAT_ENTRIES_PER_PAGE_SHIFT,
			   page);
	return r;
}

/**
 * vhdx_image_read_entry() - get a BAT entry, and load its page if need be
 * @image: the image
 * @index: into the BAT, below bat.entries
 * @entry: receives the entry
 *
 * Context: may sleep; no lock held; does not start I/O to get memory.
 * Return: 0; -EIO if the entry failed its checks; or an errno of
 * vhdx_image_load().
 */
int vhdx_image_read_entry(struct vhdx_image *image, u64 index, u64 *entry)
{
	int r;

	while ((r = vhdx_image_bat_entry(image, index, entry)) == -EAGAIN) {
		r = vhdx_page_map_load(&image->bat_pages,
				       index >> VHDX_BAT_ENTRIES_PER_PAGE_SHIFT,
				       fill_bat, image);
		if (r)
			break;
	}
	return r;
}

/*
 * The bitmap's BAT entry may be in another page than the block's: load it here.
 * In an image that is lent, one of the two pages may be older than the other.
 * Set *@offset to 0 if there is no bitmap: all bits are clear.
 */
static int bitmap_block(struct vhdx_image *image, u64 chunk, u64 *offset)
{
	u64 index = vhdx_bat_bitmap_index(&image->bat, chunk);
	u64 entry;
	int r = vhdx_image_read_entry(image, index, &entry);

	if (r)
		return r;
	*offset = 0;
	if ((int)vhdx_entry_state(entry) != VHDX_BITMAP_PRESENT) {
		if (READ_ONCE(image->lent))
			return 0;
		vhdx_find(image->report, VHDX_ERROR,
			  vhdx_bat_place(&image->bat, index),
			  "the sector bitmap of chunk %llu is absent, but a block of the chunk is partially present",
			  chunk);
		return -EIO;
	}
	*offset = vhdx_entry_offset(entry);
	return 0;
}

static int fill_bitmap(void *context, u64 index, struct vhdx_page *page)
{
	struct vhdx_image *image = context;
	u64 in_block = index & ((1U << VHDX_BITMAP_PAGES_SHIFT) - 1);
	u64 offset;
	int r;

	r = bitmap_block(image, index >> VHDX_BITMAP_PAGES_SHIFT, &offset);
	if (r)
		return r;
	if (!offset) {
		memset(page->data, 0, VHDX_PAGE);
		return 0;
	}
	page->pos = offset + in_block * VHDX_PAGE;
	return vhdx_image_read(image, page->pos, page->data, VHDX_PAGE);
}

/**
 * vhdx_image_load() - load a page that a lookup missed
 * @miss: as the lookup set it
 *
 * Context: may sleep; no lock held; does not start I/O to get memory.
 * Return: 0: repeat the lookup; -ENOMEM: try again later; another errno: the
 * page cannot be read.
 */
int vhdx_image_load(const struct vhdx_miss *miss)
{
	bool bat = miss->map == &miss->image->bat_pages;

	return vhdx_page_map_load(miss->map, miss->index,
				  bat ? fill_bat : fill_bitmap, miss->image);
}

/**
 * vhdx_image_lend() - go on reading while another program merges into an image
 * @image: the image, a parent in all chains that it is in
 *
 * The program writes only what a child of the image covers in each chain. So a
 * lookup that no child answers finds the same in pages from before the merge and
 * in later ones, and may mix them. Two things become possible. The file grows:
 * what is past the end known here reads as zeros, which the range was before. A
 * block that is partially present has no bitmap yet: then no sector that is
 * looked up is in it. The program also uses the log anew: the caller has called
 * vhdx_replay_hold().
 *
 * This lasts until the image is closed.
 *
 * Context: any.
 */
void vhdx_image_lend(struct vhdx_image *image)
{
	WRITE_ONCE(image->lent, true);
}

/**
 * vhdx_image_is_cut() - test whether the store became shorter after the opening
 * @image: the image
 * @at: if so, set to the end of the store
 * @text: if so, set to a sentence about it
 * @size: bytes in @text
 *
 * Context: any.
 * Return: true if it did.
 */
bool vhdx_image_is_cut(const struct vhdx_image *image, struct vhdx_place *at,
		       char *text, size_t size)
{
	u64 length;

	if (!vhdx_store_is_cut(image->store, &length))
		return false;
	*at = VHDX_AT("file", length);
	snprintf(text, size,
		 "somebody has cut the file to %llu of %llu bytes while it is in use",
		 length, READ_ONCE(image->store->size));
	return true;
}
