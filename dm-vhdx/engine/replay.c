// SPDX-License-Identifier: GPL-2.0-only
#include "replay.h"

/*
 * A log of data sectors cannot hold more than the limit; one of zero
 * descriptors could name a hundred times as many.
 */
static int count_patches(const struct vhdx_log *log, u32 *count)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < log->count; i++)
		sum += log->entries[i].descriptors;
	*count = sum;
	return sum > VHDX_LOG_CHANGES_MAX ? -E2BIG : 0;
}

static void add_patch(struct vhdx_replay *replay,
		      const struct vhdx_disk_log_desc *desc, u64 source)
{
	struct vhdx_patch *patch = &replay->patches[replay->count];

	patch->target = le64_to_cpu(desc->file_offset);
	if (le32_to_cpu(desc->signature) == VHDX_LOG_ZERO_SIGNATURE) {
		patch->length = le64_to_cpu(desc->zero_length);
		patch->source = 0;
	} else {
		patch->length = VHDX_PAGE;
		patch->source = source;
		patch->leading = desc->leading_bytes;
		patch->trailing = desc->trailing_bytes;
	}
	if (!patch->length)
		return;
	replay->start = min(replay->start, patch->target);
	replay->end = max(replay->end, patch->target + patch->length);
	replay->count++;
}

static int plan_entry(struct vhdx_replay *replay,
		      struct vhdx_log_reader *reader,
		      const struct vhdx_log_entry *entry)
{
	u32 first = entry->offset >> VHDX_PAGE_SHIFT;
	u32 data = first + vhdx_log_descriptor_pages(entry->descriptors);
	u32 i;

	for (i = VHDX_LOG_DESCS_FIRST;
	     i < VHDX_LOG_DESCS_FIRST + entry->descriptors; i++) {
		const struct vhdx_disk_log_desc *desc;
		u64 source =
			reader->base + (u64)(data % reader->pages) * VHDX_PAGE;

		desc = vhdx_log_page(reader, first + i / VHDX_LOG_DESCS_PAGE);
		if (IS_ERR(desc))
			return PTR_ERR(desc);
		desc += i % VHDX_LOG_DESCS_PAGE;
		if (le32_to_cpu(desc->signature) == VHDX_LOG_DESC_SIGNATURE)
			data++;
		add_patch(replay, desc, source);
	}
	return 0;
}

/**
 * vhdx_replay_plan() - turn an active sequence into patches
 * @replay: the plan to make; vhdx_replay_free() in any case
 * @store: the image's bytes
 * @header: the current header
 * @log: the active sequence, perhaps empty
 *
 * The file is extended to what the head entry names, so that a block whose
 * last extension was lost still counts as inside the file.
 *
 * Context: may sleep.
 * Return: 0, -E2BIG if it holds more than VHDX_LOG_CHANGES_MAX changes,
 * -ENOMEM, or an errno of the store.
 * Source: [MS-VHDX] 2.3.3.
 */
int vhdx_replay_plan(struct vhdx_replay *replay, struct vhdx_store *store,
		     const struct vhdx_header *header,
		     const struct vhdx_log *log)
{
	struct vhdx_log_reader reader;
	u32 count, i;
	int r;

	*replay = (struct vhdx_replay){
		.start = U64_MAX,
		.file_size = store->size,
	};
	if (!log->count)
		return 0;
	r = count_patches(log, &count);
	if (r)
		return r;
	replay->patches =
		kvcalloc(count + 1, sizeof(*replay->patches), GFP_KERNEL);
	if (!replay->patches)
		return -ENOMEM;
	r = vhdx_log_open(&reader, store, header);
	if (r)
		return r;
	for (i = 0; i < log->count && !r; i++)
		r = plan_entry(replay, &reader, &log->entries[i]);
	vhdx_log_close(&reader);
	replay->file_size =
		max(replay->file_size,
		    max(vhdx_log_head(log)->last_file_offset, replay->end));
	return r;
}

/* The part of [@pos, @pos + @len) that a patch covers. */
static bool overlap(const struct vhdx_patch *patch, u64 pos, u64 len,
		    u64 *start, u64 *end)
{
	*start = max(pos, patch->target);
	*end = min(pos + len, patch->target + patch->length);
	return *start < *end;
}

/**
 * vhdx_replay_fetch() - the page that a patch puts in place
 * @patch: one that is not of zeros
 * @store: the image's bytes
 * @page: where its 4 KiB go
 *
 * Context: may sleep.
 * Return: 0 or an errno of the store.
 */
int vhdx_replay_fetch(const struct vhdx_patch *patch, struct vhdx_store *store,
		      u8 *page)
{
	int r = vhdx_store_read(store, patch->source, page, VHDX_PAGE);

	if (r)
		return r;
	memcpy(page, &patch->leading, VHDX_LOG_LEADING);
	memcpy(page + VHDX_PAGE - VHDX_LOG_TRAILING, &patch->trailing,
	       VHDX_LOG_TRAILING);
	return 0;
}

/*
 * The last patch that covers a page is what the page holds; those before it
 * need not be fetched. Patches are made of whole pages.
 */
static const struct vhdx_patch *last_patch(const struct vhdx_replay *replay,
					   u64 pos)
{
	u32 i;

	for (i = replay->count; i-- > 0;) {
		const struct vhdx_patch *patch = &replay->patches[i];

		if (pos >= patch->target && pos - patch->target < patch->length)
			return patch;
	}
	return NULL;
}

/**
 * vhdx_replay_apply() - patch a buffer that was read from the file
 * @replay: the plan
 * @store: the image's bytes, for the data in the log
 * @pos: byte offset in the file that the buffer was read from, at any alignment
 * @buf: the buffer
 * @len: bytes in it
 *
 * Fetches one page from the log for a page that is patched, however often the
 * log changes it.
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, or an errno of the store.
 */
int vhdx_replay_apply(const struct vhdx_replay *replay,
		      struct vhdx_store *store, u64 pos, void *buf, size_t len)
{
	u64 page_pos = ALIGN_DOWN(pos, (u64)VHDX_PAGE);
	u8 *page;
	int r = 0;

	if (pos >= replay->end || pos + len <= replay->start)
		return 0;
	page = kmalloc(VHDX_PAGE, GFP_NOIO);
	if (!page)
		return -ENOMEM;
	for (; page_pos < pos + len && !r; page_pos += VHDX_PAGE) {
		const struct vhdx_patch *patch = last_patch(replay, page_pos);
		u64 start = max(pos, page_pos);
		u64 end = min(pos + len, page_pos + VHDX_PAGE);

		if (!patch)
			continue;
		if (patch->source)
			r = vhdx_replay_fetch(patch, store, page);
		else
			memset(page, 0, VHDX_PAGE);
		if (!r)
			memcpy((u8 *)buf + (start - pos),
			       page + (start - page_pos), end - start);
	}
	kfree(page);
	return r;
}

/**
 * vhdx_replay_clip() - is a range of the file patched?
 * @replay: the plan
 * @pos: byte offset in the file
 * @len: bytes, above 0
 * @patched: set to whether the byte at @pos is
 *
 * Context: any; takes no lock.
 * Return: how many bytes from @pos on are as @patched says.
 */
u64 vhdx_replay_clip(const struct vhdx_replay *replay, u64 pos, u64 len,
		     bool *patched)
{
	u64 covered = pos, next = pos + len;
	u64 start, end;
	u32 i;

	*patched = false;
	if (pos >= replay->end || pos + len <= replay->start)
		return len;
	for (i = 0; i < replay->count; i++) {
		if (!overlap(&replay->patches[i], pos, len, &start, &end))
			continue;
		if (start > pos) {
			next = min(next, start);
		} else {
			*patched = true;
			covered = max(covered, end);
		}
	}
	return *patched ? covered - pos : next - pos;
}

/**
 * vhdx_replay_free() - forget the plan
 * @replay: as vhdx_replay_plan() left it
 */
void vhdx_replay_free(struct vhdx_replay *replay)
{
	kvfree(replay->patches);
	memset(replay, 0, sizeof(*replay));
}
