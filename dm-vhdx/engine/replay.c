// SPDX-License-Identifier: GPL-2.0-only
#include "replay.h"

/*
 * A log of data sectors cannot hold more changes than the limit. A log of zero
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

/* Patches are in the order of the log until vhdx_flatten() sorts them. */
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

static void number_pages(struct vhdx_replay *replay)
{
	u32 i;

	for (i = 0; i < replay->count; i++)
		if (replay->patches[i].source)
			replay->patches[i].slot = replay->pages++;
}

/**
 * vhdx_replay_plan() - turn an active sequence into patches
 * @replay: the plan; the caller frees it with vhdx_replay_free(), also after a
 *	failure
 * @store: the image's bytes
 * @header: the current header
 * @log: the active sequence; may be empty
 *
 * The planned length of the file is that of the head entry, so that a block
 * whose last extension was lost still lies inside the file.
 *
 * Context: may sleep.
 * Return: 0, -E2BIG if the log holds more than VHDX_LOG_CHANGES_MAX changes,
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
		kvcalloc(count + 1, sizeof(*replay->patches),
			 GFP_KERNEL_ACCOUNT);
	if (!replay->patches)
		return -ENOMEM;
	r = vhdx_log_open(&reader, store, header);
	if (r)
		return r;
	for (i = 0; i < log->count && !r; i++)
		r = plan_entry(replay, &reader, &log->entries[i]);
	vhdx_log_close(&reader);
	if (!r)
		r = vhdx_flatten(&replay->patches, &replay->count);
	number_pages(replay);
	replay->file_size =
		max(replay->file_size,
		    max(vhdx_log_head(log)->last_file_offset, replay->end));
	return r;
}

/**
 * vhdx_replay_fetch() - read the page that a patch puts in place
 * @patch: the patch; not one of zeros
 * @store: the image's bytes
 * @page: receives 4 KiB
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

/* Return the first patch that ends after @pos, or NULL. */
static const struct vhdx_patch *patch_from(const struct vhdx_replay *replay,
					   u64 pos)
{
	u32 low = 0, high = replay->count;

	while (low < high) {
		u32 mid = low + (high - low) / 2;
		const struct vhdx_patch *patch = &replay->patches[mid];

		if (patch->target + patch->length <= pos)
			low = mid + 1;
		else
			high = mid;
	}
	return low < replay->count ? &replay->patches[low] : NULL;
}

/*
 * Fetch a page. If the pages are held by the time that it has been read, the log may
 * have changed meanwhile.
 */
static int fetch_page(const struct vhdx_replay *replay,
		      const struct vhdx_patch *patch, struct vhdx_store *store,
		      u8 *page)
{
	/* Pairs with the release in vhdx_replay_hold(). */
	const u8 *held = smp_load_acquire(&replay->held);
	int r = 0;

	if (!held) {
		r = vhdx_replay_fetch(patch, store, page);
		/* Pairs with the same. */
		held = smp_load_acquire(&replay->held);
	}
	if (!held)
		return r;
	memcpy(page, held + (size_t)patch->slot * VHDX_PAGE, VHDX_PAGE);
	return 0;
}

/*
 * Apply a patch to the part that it covers of a buffer of @len bytes at @pos. @page
 * has its page, unless it is one of zeros.
 */
static void apply_patch(const struct vhdx_patch *patch, u64 pos, u8 *buf,
			size_t len, const u8 *page)
{
	u64 start = max(pos, patch->target);
	u64 end = min(pos + len, patch->target + patch->length);

	if (patch->source)
		memcpy(buf + (start - pos), page + (start - patch->target),
		       end - start);
	else
		memset(buf + (start - pos), 0, end - start);
}

/**
 * vhdx_replay_apply() - patch a buffer that was read from the file
 * @replay: the plan
 * @store: the image's bytes, for the data in the log
 * @pos: byte offset in the file of the buffer, at any alignment
 * @buf: the buffer
 * @len: bytes in the buffer
 *
 * Reads one page of the log for each patched page, however often the log
 * changes it.
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, or an errno of the store.
 */
int vhdx_replay_apply(const struct vhdx_replay *replay,
		      struct vhdx_store *store, u64 pos, void *buf, size_t len)
{
	const struct vhdx_patch *patch, *end;
	u8 *page;
	int r = 0;

	if (pos >= replay->end || pos + len <= replay->start)
		return 0;
	patch = patch_from(replay, pos);
	if (!patch || patch->target >= pos + len)
		return 0;
	page = kmalloc(VHDX_PAGE, GFP_NOIO);
	if (!page)
		return -ENOMEM;
	end = replay->patches + replay->count;
	for (; patch < end && patch->target < pos + len && !r; patch++) {
		if (patch->source)
			r = fetch_page(replay, patch, store, page);
		if (!r)
			apply_patch(patch, pos, buf, len, page);
	}
	kfree(page);
	return r;
}

/**
 * vhdx_replay_clip() - test whether a range of the file is patched
 * @replay: the plan
 * @pos: byte offset in the file
 * @len: bytes, above 0
 * @patched: set to true if the byte at @pos is patched
 *
 * Context: any; takes no lock. The time grows with the logarithm of the number
 * of patches.
 * Return: number of bytes from @pos on, up to @len, for which @patched holds.
 * It may hold for more bytes that follow.
 */
u64 vhdx_replay_clip(const struct vhdx_replay *replay, u64 pos, u64 len,
		     bool *patched)
{
	const struct vhdx_patch *patch;

	*patched = false;
	if (pos >= replay->end || pos + len <= replay->start)
		return len;
	patch = patch_from(replay, pos);
	if (!patch)
		return len;
	if (patch->target > pos)
		return min(len, patch->target - pos);
	*patched = true;
	return min(len, patch->target + patch->length - pos);
}

/**
 * vhdx_replay_hold() - copy the pages of the log, which may change then
 * @replay: the plan; others may apply it meanwhile
 * @store: the image's bytes
 *
 * Takes the memory of the data sectors alone: zeros need none. Nobody may change the
 * log before this has returned.
 *
 * Context: may sleep; any number of tasks.
 * Return: 0; -ENOMEM or an errno of the store, with the plan as it was.
 */
int vhdx_replay_hold(struct vhdx_replay *replay, struct vhdx_store *store)
{
	u8 *pages;
	u32 i;
	int r = 0;

	if (!replay->pages || READ_ONCE(replay->held))
		return 0;
	pages = kvcalloc(replay->pages, VHDX_PAGE, GFP_KERNEL_ACCOUNT);
	if (!pages)
		return -ENOMEM;
	for (i = 0; i < replay->count && !r; i++) {
		const struct vhdx_patch *patch = &replay->patches[i];

		if (patch->source)
			r = vhdx_replay_fetch(patch, store,
					      pages +
					      (size_t)patch->slot * VHDX_PAGE);
	}
	if (r) {
		kvfree(pages);
		return r;
	}
	/* Pairs with the acquire in fetch_page(). */
	if (cmpxchg_release(&replay->held, NULL, pages))
		kvfree(pages);
	return 0;
}

/**
 * vhdx_replay_free() - free a plan
 * @replay: as vhdx_replay_plan() left it
 */
void vhdx_replay_free(struct vhdx_replay *replay)
{
	kvfree(replay->patches);
	kvfree(replay->held);
	memset(replay, 0, sizeof(*replay));
}
