// SPDX-License-Identifier: GPL-2.0-only
#include "recover.h"
#include "repair.h"

/* Pages of both copies of the region table. */
#define REGION_PAGES	(2 * VHDX_TABLE_SIZE / VHDX_PAGE)

/**
 * vhdx_repair_headers() - write the copy of the header that is bad
 * @image: an open image, over a store that can be written
 *
 * The next writer would do so by the way; until then the image has one copy
 * only, and is lost with it.
 *
 * Context: may sleep. Nobody else uses the image meanwhile.
 * Return: 1 if one was bad, 0 if both are good, or a negative errno after a
 * finding.
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

/* 1 if the copies of the region table are not both good and alike. */
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

/* One entry with @table as both copies, where the log begins. */
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

/* Only what the headers name is a log, so that comes last. */
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

/* From here on it is a dirty image as any other. */
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
 * vhdx_repair_regions() - write the copy of the region table that is bad
 * @image: an open image with a clean log, over a store that can be written
 *
 * Where both are good and differ, the one that readers use is what counts.
 * Both copies go through the log, in one entry ([MS-VHDX] 2.2.3).
 *
 * Context: may sleep. Nobody else uses the image meanwhile.
 * Return: 1 if they were not alike, 0 if they are, or a negative errno after a
 * finding.
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

/* 1 if the headers name a log that holds no valid sequence. */
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
 * vhdx_repair_log() - give a log up that cannot be replayed
 * @store: the image's bytes; can be written
 * @report: where findings go
 *
 * Headers that name a log which holds no valid sequence make an image that
 * nobody opens. QEMU leaves such ones when it is killed at the wrong time, with
 * nothing lost; but a log that was overwritten looks the same. What the disk
 * holds afterwards may not be what it held, so its identity changes, and
 * children must be told to take it.
 *
 * Context: may sleep. Nobody else uses the image meanwhile.
 * Return: 1 if it was given up, 0 if there is a log that is good or none, or a
 * negative errno after a finding.
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
