// SPDX-License-Identifier: GPL-2.0-only
#include "salvage.h"

/**
 * vhdx_lost_words() - why something is lost, in words
 * @lost: the reason
 *
 * Return: a constant, which goes on after "lost:".
 */
const char *vhdx_lost_words(enum vhdx_lost lost)
{
	static const char *const words[VHDX_LOSTS] = {
		[VHDX_LOST_NOT] = "not lost",
		[VHDX_LOST_END] = "past the end of the file",
		[VHDX_LOST_MEDIUM] = "cannot be read",
		[VHDX_LOST_ENTRY] = "its BAT entry cannot be read",
		[VHDX_LOST_ENTRY_END] =
			"its BAT entry is past the end of the file",
		[VHDX_LOST_STATE] = "its BAT entry has a reserved state",
		[VHDX_LOST_TAKEN] =
			"its BAT entry names the place of another structure",
		[VHDX_LOST_OWNER] =
			"its BAT entry names the place of another block",
		[VHDX_LOST_BITMAP] = "its sector bitmap cannot be read",
		[VHDX_LOST_PARENT] = "the parent is missing",
	};

	return words[lost];
}

/*
 * The file had at least FlushedFileOffset bytes. If it is shorter now, the
 * bytes up to there are lost, but the log is still good. The bytes from there
 * up to LastFileOffset are zeros that a crash kept from being added.
 */
static int find_sequence(struct vhdx_salvage *salvage)
{
	struct vhdx_mend *mend = &salvage->mend;
	u64 size = mend->below->size;
	u64 flushed;
	int r;

	r = vhdx_log_find(&mend->store, &salvage->header, &salvage->log,
			  &vhdx_report_silent);
	if (r != -EUCLEAN || salvage->log.lost || !salvage->log.count)
		return r;
	vhdx_log_free(&salvage->log);
	mend->store.size = VHDX_FILE_SIZE_MAX;
	r = vhdx_log_find(&mend->store, &salvage->header, &salvage->log,
			  &vhdx_report_silent);
	mend->store.size = size;
	if (r)
		return r;
	flushed = vhdx_log_head(&salvage->log)->flushed_file_offset;
	vhdx_find(salvage->report, VHDX_WARN,
		  VHDX_AT("log", salvage->header.log_offset),
		  "the file was at least 0x%llx bytes long when the log was written, and has 0x%llx now",
		  flushed, size);
	mend->lost_end = flushed;
	return 0;
}

static int use_log(struct vhdx_salvage *salvage)
{
	struct vhdx_mend *mend = &salvage->mend;
	int r = find_sequence(salvage);

	if (!r)
		r = vhdx_replay_plan(&salvage->replay, &mend->store,
				     &salvage->header, &salvage->log);
	if (r)
		return r;
	if (mend->lost_end == U64_MAX)
		mend->lost_end = mend->below->size;
	mend->store.size = min(max(salvage->replay.file_size, mend->lost_end),
			       VHDX_FILE_SIZE_MAX);
	mend->replay = &salvage->replay;
	vhdx_find(salvage->report, VHDX_INFO,
		  VHDX_AT("log", salvage->header.log_offset),
		  "holds %u entries with %u changes; they are replayed in memory",
		  salvage->log.count, salvage->replay.count);
	return 0;
}

/* Use the log if possible, or ignore it. */
static int try_log(struct vhdx_salvage *salvage)
{
	struct vhdx_place at = VHDX_AT("log", salvage->header.log_offset);
	int r;

	if (!vhdx_header_dirty(&salvage->header))
		return 0;
	if (salvage->hints.no_log) {
		vhdx_find(salvage->report, VHDX_WARN, at,
			  "holds changes that are not in place; they are left out, as was asked for");
		return 0;
	}
	r = use_log(salvage);
	if (!r || r == -ENOMEM)
		return r;
	vhdx_replay_free(&salvage->replay);
	vhdx_log_free(&salvage->log);
	salvage->mend.lost_end = U64_MAX;
	vhdx_find(salvage->report, VHDX_WARN, at,
		  "must be replayed and cannot be: %s; what was written last may be missing",
		  r == -EUCLEAN ? "it holds no valid sequence" :
				  vhdx_errno_words(r));
	return 0;
}

/*
 * Write both copies of the header with an empty log: the mended store applies
 * the log already.
 */
static int put_headers(struct vhdx_salvage *salvage)
{
	struct vhdx_header header = salvage->header;
	unsigned int slot;

	header.log_guid = (guid_t){};
	header.sequence = min_t(u64, header.sequence, U64_MAX - 1);
	for (slot = 0; slot < 2; slot++, header.sequence++) {
		void *page = kvzalloc(VHDX_HEADER_SIZE, GFP_KERNEL);

		if (!page)
			return -ENOMEM;
		vhdx_header_encode(page, &header);
		vhdx_mend_put(&salvage->mend, VHDX_HEADER_OFFSET(slot), page,
			      VHDX_HEADER_SIZE);
	}
	return 0;
}

static int put_tables(struct vhdx_salvage *salvage)
{
	unsigned int copy;

	for (copy = 0; copy < 2; copy++) {
		void *table = kvzalloc(VHDX_TABLE_SIZE, GFP_KERNEL);

		if (!table)
			return -ENOMEM;
		vhdx_layout_regions(&salvage->layout, table);
		vhdx_mend_put(&salvage->mend, VHDX_REGION_TABLE_OFFSET(copy),
			      table, VHDX_TABLE_SIZE);
	}
	return 0;
}

static int put_metadata(struct vhdx_salvage *salvage)
{
	const struct vhdx_layout *layout = &salvage->layout;
	void *buf = kvzalloc(layout->metadata_used, GFP_KERNEL);

	if (!buf)
		return -ENOMEM;
	vhdx_layout_metadata(layout, buf);
	vhdx_mend_put(&salvage->mend, layout->metadata_offset, buf,
		      layout->metadata_used);
	salvage->mend.store.size =
		max(salvage->mend.store.size,
		    layout->metadata_offset + layout->metadata_length);
	return 0;
}

/* The BAT is read page by page from here on, even if the file lacks it. */
static void set_bat(struct vhdx_salvage *salvage)
{
	const struct vhdx_bat *bat = &salvage->layout.bat;
	struct vhdx_mend *mend = &salvage->mend;

	mend->bat_start = bat->offset;
	mend->bat_end = bat->offset + bat->pages * VHDX_PAGE;
	mend->store.size = max(mend->store.size,
			       bat->offset + salvage->layout.bat_length);
	if (mend->bat_end > mend->below->size &&
	    mend->below->size < mend->lost_end)
		vhdx_find(salvage->report, VHDX_WARN,
			  VHDX_AT("BAT region", bat->offset),
			  "ends past the end of the file at 0x%llx; the blocks of the entries past it are lost",
			  mend->below->size);
}

static int put_file_id(struct vhdx_salvage *salvage)
{
	struct vhdx_disk_file_id *id;

	if (!vhdx_file_id_check(&salvage->mend.store, &vhdx_report_silent))
		return 0;
	id = kvzalloc(VHDX_PAGE, GFP_KERNEL);
	if (!id)
		return -ENOMEM;
	vhdx_find(salvage->report, VHDX_WARN,
		  VHDX_AT("file identifier", VHDX_FILE_ID_OFFSET),
		  "the signature \"vhdxfile\" is lost; what follows is that of a VHDX");
	id->signature = cpu_to_le64(VHDX_FILE_SIGNATURE);
	vhdx_mend_put(&salvage->mend, VHDX_FILE_ID_OFFSET, id, VHDX_PAGE);
	return 0;
}

static int put_all(struct vhdx_salvage *salvage)
{
	int r = put_file_id(salvage);

	if (!r)
		r = put_headers(salvage);
	if (!r && salvage->tables_bad)
		r = put_tables(salvage);
	if (!r && salvage->metadata_bad)
		r = put_metadata(salvage);
	if (!r)
		set_bat(salvage);
	return r;
}

/**
 * vhdx_salvage_begin() - mend what keeps an image from being opened
 * @salvage: set; the caller ends it with vhdx_salvage_end(), also after a failure
 * @store: the damaged image, which outlives @salvage. It must read any multiple
 *	of 512 bytes.
 * @hints: what the user knows
 * @progress: called during a search, or NULL
 * @report: receives what was guessed, as warnings, and why there is nothing to
 *	salvage
 *
 * Afterwards, the mended store can be opened, unless it is that of a child
 * whose parent locator is bad.
 *
 * Context: may sleep.
 * Return: 0; -EMEDIUMTYPE if there is nothing of a VHDX; -EUCLEAN if too much
 * is lost, after a finding that says what would help; -EOPNOTSUPP; -ENOMEM; or
 * what @progress returned.
 */
int vhdx_salvage_begin(struct vhdx_salvage *salvage, struct vhdx_store *store,
		       const struct vhdx_salvage_hints *hints,
		       struct vhdx_progress *progress,
		       struct vhdx_report *report)
{
	int r;

	*salvage = (struct vhdx_salvage){
		.hints = *hints,
		.progress = progress,
		.report = report,
	};
	vhdx_mend_init(&salvage->mend, store);
	if (!vhdx_file_id_check(store, &vhdx_report_silent))
		salvage->known++;
	r = vhdx_salvage_headers(salvage);
	if (!r)
		r = try_log(salvage);
	if (!r)
		r = vhdx_salvage_regions(salvage);
	if (!r)
		r = vhdx_salvage_disk(salvage);
	return r ? r : put_all(salvage);
}

/**
 * vhdx_salvage_end() - free what a salvage made up
 * @salvage: as vhdx_salvage_begin() left it; no image uses its store any more
 */
void vhdx_salvage_end(struct vhdx_salvage *salvage)
{
	kvfree(salvage->fork.locator);
	kvfree(salvage->losers);
	kvfree(salvage->contested);
	vhdx_replay_free(&salvage->replay);
	vhdx_log_free(&salvage->log);
	vhdx_mend_exit(&salvage->mend);
}

static int read_entry(struct vhdx_image *image, u64 index, u64 *entry)
{
	__le64 disk;
	int r = vhdx_image_read(image, vhdx_bat_file_offset(&image->bat, index),
				&disk, sizeof(disk));

	*entry = le64_to_cpu(disk);
	return r;
}

/**
 * vhdx_salvage_why() - why a part of a layer's disk cannot be read
 * @image: the layer
 * @size: bytes of its file
 * @pos: byte offset on the disk that cannot be looked up, or whose data cannot
 *	be read
 *
 * Context: may sleep.
 * Return: the reason.
 */
enum vhdx_lost vhdx_salvage_why(struct vhdx_image *image, u64 size, u64 pos)
{
	const struct vhdx_bat *bat = &image->bat;
	u64 index = vhdx_bat_payload_index(bat, pos >> bat->block_shift);
	u64 in_block = pos & (vhdx_bat_block_size(bat) - 1);
	u64 entry;

	if (read_entry(image, index, &entry))
		return VHDX_LOST_ENTRY;
	switch (vhdx_bat_fault(bat, &image->limits, index, entry)) {
	case VHDX_FAULT_STATE:
		return vhdx_lost_reason(entry);
	case VHDX_FAULT_TAKEN:
		return VHDX_LOST_TAKEN;
	case VHDX_FAULT_BEYOND:
		return VHDX_LOST_END;
	case VHDX_FAULT_CUT:
	case VHDX_FAULT_NONE:
		break;
	}
	if (vhdx_entry_offset(entry) + in_block + image->params.logical_sector >
	    size)
		return VHDX_LOST_END;
	if (vhdx_entry_state(entry) == VHDX_BLOCK_PARTIALLY_PRESENT &&
	    bat->differencing)
		return VHDX_LOST_BITMAP;
	return VHDX_LOST_MEDIUM;
}
