// SPDX-License-Identifier: GPL-2.0-only
#include "create.h"

/* Make space in steps, each of which reports progress and can be the last. */
#define SPACE_STEP	(256 * VHDX_MIB)
#define BAT_STEP	VHDX_MIB

/* For people; a reader must not interpret it ([MS-VHDX] 2.2.1). */
static const char creator[] = "dm-vhdx";

/**
 * struct maker - an image being made
 * @store: receives the image
 * @layout: places of its parts
 * @progress: called for progress, or NULL
 * @report: receives the findings
 */
struct maker {
	struct vhdx_store *store;
	const struct vhdx_layout *layout;
	struct vhdx_progress *progress;
	struct vhdx_report *report;
};

static int next_step(const struct maker *maker, u64 done)
{
	if (!maker->progress)
		return 0;
	return maker->progress->step(maker->progress, done,
				     maker->layout->end);
}

static int cannot_write(const struct maker *maker, const char *name, u64 pos,
			int err)
{
	return vhdx_refuse(maker->report, err, VHDX_AT(name, pos),
			   "cannot be written: %s (%d)",
			   vhdx_errno_words(err), -err);
}

static int flush_store(const struct maker *maker)
{
	int r = vhdx_store_flush(maker->store);

	if (r)
		vhdx_refuse(maker->report, r, VHDX_AT("file", 0),
			    "cannot be made durable: %s (%d)",
			    vhdx_errno_words(r), -r);
	return r;
}

static int no_room(const struct maker *maker)
{
	return vhdx_refuse(maker->report, -ENOSPC, VHDX_AT("file", 0),
			   "there is no room for its 0x%llx bytes",
			   maker->layout->end);
}

/* Extend a file. On a device, zero what is there. */
static int make_zeros(const struct maker *maker, u64 pos, u64 end)
{
	struct vhdx_store *store = maker->store;
	int r;

	if (end > store->size)
		r = store->ops->extend(store, end);
	else
		r = store->ops->zero(store, pos, end - pos);
	if (r == -ENOSPC)
		return no_room(maker);
	return r ? cannot_write(maker, "file", pos, r) : 0;
}

/*
 * Zero the header section first, and flush it: a device may hold an old image,
 * which must not open any more when its blocks are overwritten.
 */
static int make_space(const struct maker *maker)
{
	u64 pos = VHDX_HEADER_SECTION;
	int r = make_zeros(maker, 0, pos);

	if (!r)
		r = flush_store(maker);
	while (!r && pos < maker->layout->end) {
		u64 next = min(pos + SPACE_STEP, maker->layout->end);

		r = make_zeros(maker, pos, next);
		if (!r)
			r = next_step(maker, next);
		pos = next;
		cond_resched();
	}
	return r;
}

/* Write a part of the BAT, from entry @first on. */
static int write_bat_part(const struct maker *maker, __le64 *part, u64 first,
			  u64 count)
{
	const struct vhdx_layout *layout = maker->layout;
	u64 pos = layout->bat.offset + first * sizeof(*part);
	u64 i;
	int r;

	memset(part, 0, BAT_STEP);
	for (i = 0; i < count && first + i < layout->bat.entries; i++)
		part[i] = cpu_to_le64(vhdx_layout_entry(layout, first + i));
	r = vhdx_store_write(maker->store, pos, part, BAT_STEP);
	return r ? cannot_write(maker, "BAT region", pos, r) : 0;
}

static int write_bat(const struct maker *maker)
{
	u64 entries = maker->layout->bat.entries;
	u64 count = BAT_STEP / sizeof(__le64);
	__le64 *part;
	u64 first;
	int r = 0;

	if (!maker->layout->allocated)
		return 0;
	part = kvmalloc(BAT_STEP, GFP_KERNEL);
	if (!part)
		return -ENOMEM;
	for (first = 0; first < entries && !r; first += count) {
		r = write_bat_part(maker, part, first, count);
		if (!r)
			r = next_step(maker, maker->layout->end);
		cond_resched();
	}
	kvfree(part);
	return r;
}

static int write_metadata(const struct maker *maker)
{
	u64 pos = maker->layout->metadata_offset;
	u32 length = maker->layout->metadata_used;
	void *buf = kvzalloc(length, GFP_KERNEL);
	int r;

	if (!buf)
		return -ENOMEM;
	vhdx_layout_metadata(maker->layout, buf);
	r = vhdx_store_write(maker->store, pos, buf, length);
	kvfree(buf);
	return r ? cannot_write(maker, "metadata region", pos, r) : 0;
}

static int write_regions(const struct maker *maker)
{
	void *table = kvzalloc(VHDX_TABLE_SIZE, GFP_KERNEL);
	u64 pos = VHDX_REGION_TABLE_OFFSET(0);
	unsigned int copy;
	int r = 0;

	if (!table)
		return -ENOMEM;
	vhdx_layout_regions(maker->layout, table);
	for (copy = 0; copy < 2 && !r; copy++) {
		pos = VHDX_REGION_TABLE_OFFSET(copy);
		r = vhdx_store_write(maker->store, pos, table, VHDX_TABLE_SIZE);
	}
	kvfree(table);
	return r ? cannot_write(maker, "region table", pos, r) : 0;
}

static int write_headers(const struct maker *maker)
{
	const struct vhdx_fork *fork = maker->layout->fork;
	struct vhdx_headers none = { .current_slot = 1 };
	struct vhdx_header header = {
		.log_version = VHDX_LOG_VERSION,
		.version = VHDX_VERSION,
		.log_length = maker->layout->log_length,
		.log_offset = maker->layout->log_offset,
	};
	int r;

	guid_gen(&header.file_write_guid);
	if (fork && fork->replaces)
		header.data_write_guid = fork->identity;
	else
		guid_gen(&header.data_write_guid);
	r = vhdx_headers_update(maker->store, &none, &header);
	if (r)
		return cannot_write(maker, "header", VHDX_HEADER_OFFSET(0), r);
	return 0;
}

static int write_file_id(const struct maker *maker)
{
	struct vhdx_disk_file_id *id = kzalloc(VHDX_PAGE, GFP_KERNEL);
	unsigned int i;
	int r;

	if (!id)
		return -ENOMEM;
	id->signature = cpu_to_le64(VHDX_FILE_SIGNATURE);
	for (i = 0; creator[i]; i++)
		id->creator[i] = cpu_to_le16(creator[i]);
	r = vhdx_store_write(maker->store, VHDX_FILE_ID_OFFSET, id, VHDX_PAGE);
	kfree(id);
	if (r)
		return cannot_write(maker, "file identifier",
				    VHDX_FILE_ID_OFFSET, r);
	return flush_store(maker);
}

/**
 * vhdx_create() - make a new image
 * @store: an empty file, or a block device, whose contents are lost
 * @layout: from vhdx_layout_init()
 * @progress: called for progress, in bytes of the file, and may stop the
 *	creation; or NULL
 * @report: receives the findings
 *
 * Writes the headers when everything else is durable, and the file identifier
 * when the headers are. No reader accepts an image that is only half made.
 *
 * Context: may sleep.
 * Return: 0; a negative errno after a finding; or, without a finding, -ENOMEM
 * or what @progress returned.
 */
int vhdx_create(struct vhdx_store *store, const struct vhdx_layout *layout,
		struct vhdx_progress *progress, struct vhdx_report *report)
{
	struct maker maker = {
		.store = store,
		.layout = layout,
		.progress = progress,
		.report = report,
	};
	int r;

	if (store->size && store->size < layout->end)
		return no_room(&maker);
	r = make_space(&maker);
	if (!r)
		r = write_bat(&maker);
	if (!r)
		r = write_metadata(&maker);
	if (!r)
		r = write_regions(&maker);
	if (!r)
		r = flush_store(&maker);
	if (!r)
		r = write_headers(&maker);
	return r ? r : write_file_id(&maker);
}
