// SPDX-License-Identifier: GPL-2.0-only
#include "recover.h"
#include "repair.h"

/* Number of 4 KiB pages in both copies of the region table. */
#define REGION_PAGES	(2 * VHDX_TABLE_SIZE / VHDX_PAGE)

/**
 * vhdx_repair_headers() - rewrite an invalid copy of the header
 * @image: an open image over a writable store
 *
 * The next writer would do this as well. Until then the image depends on a
 * single copy.
 *
 * Context: may sleep. Nobody else uses the image meanwhile.
 * Return: 1 if a copy was invalid, 0 if both are valid, or a negative errno
 * after a finding.
 */
int vhdx_repair_headers(struct vhdx_image *image)
{
	struct vhdx_headers *headers = &image->headers;
	struct vhdx_header next = *vhdx_header_current(headers);
	int r;

	if (headers->valid[0] && headers->valid[1])
		return 0;
	guid_gen(&next.file_write_guid);
	r = vhdx_headers_replace(image->store, headers, &next, image->report);
	return r ? r : 1;
}

/* Return 1 unless both copies of the region table are valid and equal. */
static int regions_differ(struct vhdx_image *image, u8 *tables)
{
	bool valid[2];
	int r;

	r = vhdx_image_region_tables(image, tables, valid, &vhdx_report_silent);
	if (r)
		return r;
	return !valid[0] || !valid[1] ||
	       memcmp(tables, tables + VHDX_TABLE_SIZE, VHDX_TABLE_SIZE);
}

/*
 * Write one entry that puts @table into both copies, at the start of the log.
 */
static void encode_regions(const struct vhdx_image *image, void *buf,
			   const u8 *table, const guid_t *guid)
{
	u64 size = ALIGN_DOWN(image->limits.file_size, VHDX_ALIGN);
	struct vhdx_log_entry entry = {
		.length = vhdx_log_entry_size(REGION_PAGES),
		.descriptors = REGION_PAGES,
		.sequence = 1,
		.flushed_file_offset = size,
		.last_file_offset = size,
	};
	u32 i;

	for (i = 0; i < REGION_PAGES; i++) {
		u64 in_tables = (u64)i * VHDX_PAGE;

		vhdx_log_encode_page(buf, REGION_PAGES, i, entry.sequence,
				     VHDX_REGION_TABLE_OFFSET(0) + in_tables,
				     table + in_tables % VHDX_TABLE_SIZE);
	}
	vhdx_log_encode(buf, &entry, guid);
}

static int write_entry(struct vhdx_image *image, u64 pos, const void *buf,
		       u32 size)
{
	int r = vhdx_store_write(image->store, pos, buf, size);

	if (!r)
		r = vhdx_store_flush(image->store);
	if (r)
		vhdx_refuse(image->report, r, VHDX_AT("log", pos),
			    "cannot be written: %s (%d)",
			    vhdx_errno_words(r), -r);
	return r;
}

/* The log takes effect when the headers name it, so that comes last. */
static int log_regions(struct vhdx_image *image, const u8 *table)
{
	struct vhdx_header next = *vhdx_header_current(&image->headers);
	u32 size = vhdx_log_entry_size(REGION_PAGES);
	guid_t guid;
	void *buf;
	int r;

	if (next.log_length < size)
		return vhdx_refuse(image->report, -EOPNOTSUPP,
				   VHDX_AT("log", next.log_offset),
				   "has no room for the region tables");
	buf = kvzalloc(size, GFP_NOIO);
	if (!buf)
		return -ENOMEM;
	guid_gen(&next.file_write_guid);
	guid_gen(&guid);
	encode_regions(image, buf, table, &guid);
	r = vhdx_headers_replace(image->store, &image->headers, &next,
				 image->report);
	if (!r)
		r = write_entry(image, next.log_offset, buf, size);
	next.log_guid = guid;
	next.log_version = VHDX_LOG_VERSION;
	if (!r)
		r = vhdx_headers_replace(image->store, &image->headers, &next,
					 image->report);
	kvfree(buf);
	return r;
}

/* From here on, this is an ordinary dirty image. */
static int replay_regions(struct vhdx_image *image)
{
	const struct vhdx_header *header = vhdx_header_current(&image->headers);
	int r;

	r = vhdx_log_find(image->store, header, &image->log, image->report);
	if (!r)
		r = vhdx_replay_plan(&image->replay, image->store, header,
				     &image->log);
	return r ? r : vhdx_image_recover(image);
}

/**
 * vhdx_repair_regions() - make both copies of the region table valid and equal
 * @image: an open image with a clean log, over a writable store
 *
 * If both copies are valid and differ, the one that readers use counts. One
 * entry of the log changes both copies ([MS-VHDX] 2.2.3).
 *
 * Context: may sleep. Nobody else uses the image meanwhile.
 * Return: 1 if they were not, 0 if nothing was to do, or a negative errno after
 * a finding.
 */
int vhdx_repair_regions(struct vhdx_image *image)
{
	u8 *tables = kvmalloc(2 * VHDX_TABLE_SIZE, GFP_KERNEL);
	int r;

	if (!tables)
		return -ENOMEM;
	r = regions_differ(image, tables);
	if (r > 0) {
		r = log_regions(image,
				tables + image->region_copy * VHDX_TABLE_SIZE);
		if (!r)
			r = replay_regions(image);
		if (!r)
			r = 1;
	}
	kvfree(tables);
	return r;
}

static int lengthen(struct vhdx_image *image, u64 size)
{
	struct vhdx_store *store = image->store;
	int r = vhdx_store_answer(store->ops->lengthen(store, size));

	if (!r)
		r = vhdx_store_flush(store);
	if (r)
		vhdx_refuse(image->report, r, VHDX_AT("file", image->store->size),
			    "cannot be extended to %llu bytes: %s (%d)", size,
			    vhdx_errno_words(r), -r);
	return r;
}

/**
 * vhdx_repair_length() - extend a file that was cut short
 * @image: an open image with a clean log, over a writable store
 * @size: bytes that the file should have, see struct vhdx_cut
 *
 * What was lost reads as zeros from then on. So the disk is not what it was,
 * its identity changes, and children of the image do not accept it. A crash on
 * the way leaves an image that is cut, or one that was extended.
 *
 * Context: may sleep. Nobody else uses the image meanwhile; it must be opened
 * again.
 * Return: 1 if it was extended, 0 if it is long enough, or a negative errno
 * after a finding.
 */
int vhdx_repair_length(struct vhdx_image *image, u64 size)
{
	struct vhdx_header next = *vhdx_header_current(&image->headers);
	int r;

	if (size <= image->store->size)
		return 0;
	guid_gen(&next.file_write_guid);
	guid_gen(&next.data_write_guid);
	r = vhdx_headers_replace(image->store, &image->headers, &next,
				 image->report);
	if (!r)
		r = lengthen(image, size);
	return r ? r : 1;
}

/* Return 1 if the headers name a log without a valid sequence. */
static int log_is_lost(struct vhdx_store *store,
		       const struct vhdx_header *header,
		       struct vhdx_report *report)
{
	struct vhdx_log log;
	int r = vhdx_log_find(store, header, &log, report);
	bool lost = log.lost;

	vhdx_log_free(&log);
	return lost ? 1 : r;
}

/**
 * vhdx_repair_log() - discard a log that cannot be replayed
 * @store: the image's bytes; writable
 * @report: receives the findings
 *
 * No reader opens an image whose headers name a log without a valid sequence.
 * QEMU leaves such images if it is killed at the wrong moment, and then nothing
 * is lost. A log that was overwritten looks the same. The contents of the disk
 * may have changed, so its identity changes, and children of the image do not
 * accept it.
 *
 * Context: may sleep. Nobody else uses the image meanwhile.
 * Return: 1 if the log was discarded, 0 if it is valid or empty, or a negative
 * errno after a finding.
 */
int vhdx_repair_log(struct vhdx_store *store, struct vhdx_report *report)
{
	struct vhdx_headers headers;
	struct vhdx_header next;
	int r;

	r = vhdx_file_id_check(store, report);
	if (!r)
		r = vhdx_headers_read(store, &headers, report);
	if (r)
		return r;
	next = *vhdx_header_current(&headers);
	r = log_is_lost(store, &next, report);
	if (r != 1)
		return r;
	guid_gen(&next.file_write_guid);
	guid_gen(&next.data_write_guid);
	next.log_guid = (guid_t){};
	r = vhdx_headers_replace(store, &headers, &next, report);
	return r ? r : 1;
}
