// SPDX-License-Identifier: GPL-2.0-only
#include "random.h"
#include "recorder.h"

static struct recorder *recorder_of(struct vhdx_store *store)
{
	return container_of(store, struct recorder, store);
}

static struct change *change_new(struct recorder *rec, enum change_kind kind,
				 u64 first, u32 pages)
{
	struct change *change;
	u32 data = kind == CHANGE_WRITE ? pages : 0;

	change = calloc(1, struct_size(change, page, data));
	if (!change)
		abort();
	change->kind = kind;
	change->number = rec->changes++;
	change->first = first;
	change->pages = pages;
	change->head_mask = 0xff;
	change->tail_mask = 0xff;
	return change;
}

static void change_free(struct change *change)
{
	u32 i;

	if (change->kind == CHANGE_WRITE)
		for (i = 0; i < change->pages; i++)
			page_put(change->page[i]);
	free(change);
}

/* Under way from now on. */
static struct change *change_issue(struct recorder *rec, struct change *change)
{
	if (rec->count == rec->room) {
		rec->room = 2 * rec->room + 16;
		rec->change = realloc(rec->change,
				      rec->room * sizeof(*rec->change));
		if (!rec->change)
			abort();
	}
	rec->change[rec->count++] = change;
	rec->clock++;
	return change;
}

static u8 mask_of(const struct change *change, u32 i)
{
	u8 mask = 0xff;

	if (!i)
		mask &= change->head_mask;
	if (i + 1 == change->pages)
		mask &= change->tail_mask;
	return mask;
}

/* The specification of a discard leaves it open what is read afterwards. */
static struct page *discarded(const struct change *change, u32 i,
			      struct page *before)
{
	struct random random = { .state = ((u64)change->seed << 32) + i };

	switch (random_below(&random, 3)) {
	case 0:
		return NULL;
	case 1:
		return page_get(page_junk());
	default:
		return page_get(before);
	}
}

/**
 * change_page() - what a change makes of a page
 * @change: not one of size
 * @i: which of its pages
 * @before: what the page held
 *
 * Return: what it holds then, with a user more; NULL for zeros.
 */
struct page *change_page(const struct change *change, u32 i,
			 struct page *before)
{
	u8 mask = mask_of(change, i);

	if (change->kind == CHANGE_DISCARD)
		return discarded(change, i, before);
	if (change->kind == CHANGE_ZERO)
		return mask == 0xff ? NULL : page_merge(before, NULL, mask);
	if (mask == 0xff)
		return page_get(change->page[i]);
	return page_merge(before, change->page[i], mask);
}

/**
 * change_touches() - what part of the file does a change touch?
 * @rec: the store
 * @change: the change
 *
 * Return: TOUCHED_* bits.
 */
u32 change_touches(const struct recorder *rec, const struct change *change)
{
	u64 end = change->first + change->pages;

	if (change->user)
		return TOUCHED_OTHER | TOUCHED_BAT;
	if (change->kind == CHANGE_SIZE)
		return TOUCHED_OTHER;
	if (!change->pages)
		return 0;
	if (change->pages == 1 && (change->first == HEADER_PAGE(0) ||
				   change->first == HEADER_PAGE(1)))
		return TOUCHED_HEADER;
	if (change->first < rec->bat_end && rec->bat < end)
		return TOUCHED_OTHER | TOUCHED_BAT;
	return TOUCHED_OTHER;
}

static void apply(struct disk *disk, const struct change *change)
{
	u32 i;

	if (change->kind == CHANGE_SIZE) {
		disk_resize(disk, change->size, NULL);
		return;
	}
	for (i = 0; i < change->pages; i++) {
		u64 number = change->first + i;

		disk_set(disk, number,
			 change_page(change, i, disk_page(disk, number)),
			 NULL);
	}
}

/**
 * recorder_complete() - a change has arrived
 * @rec: the store
 * @change: that was under way
 * @forced: it is durable at once
 */
void recorder_complete(struct recorder *rec, struct change *change, bool forced)
{
	u32 i = rec->completed;

	while (rec->change[i] != change)
		i++;
	memmove(&rec->change[rec->completed + 1], &rec->change[rec->completed],
		(i - rec->completed) * sizeof(*rec->change));
	rec->change[rec->completed++] = change;
	change->done = ++rec->clock;
	change->forced = forced;
	apply(&rec->live, change);
}

/* Of its first and its last page, a change may leave some sectors as they are. */
static struct change *change_bytes(struct recorder *rec, enum change_kind kind,
				   u64 pos, u64 len)
{
	u64 first = pos / VHDX_PAGE, last = (pos + len - 1) / VHDX_PAGE;
	struct change *change = change_new(rec, kind, first, last - first + 1);

	change->head_mask = 0xff << pos % VHDX_PAGE / SECTOR;
	change->tail_mask = 0xff >> (PAGE_SECTORS - 1 -
				     (pos + len - 1) % VHDX_PAGE / SECTOR);
	return change;
}

static struct change *payload_new(struct recorder *rec, enum change_kind kind,
				  u64 pos, u32 sectors)
{
	u64 len = (u64)sectors * SECTOR;
	struct change *change;

	if (pos + len > rec->live.size && !rec->fault)
		rec->fault = "payload was sent past the end of the store";
	change = change_bytes(rec, kind, pos, len);
	change->user = true;
	return change;
}

/**
 * recorder_write() - payload is on its way
 * @rec: the store
 * @pos: byte offset, a multiple of SECTOR
 * @sectors: how many
 * @tag: of the first one; those behind have the next ones
 *
 * Return: the change, for recorder_complete().
 */
struct change *recorder_write(struct recorder *rec, u64 pos, u32 sectors,
			      u32 tag)
{
	struct change *change = payload_new(rec, CHANGE_WRITE, pos, sectors);
	u32 head = pos % VHDX_PAGE / SECTOR;
	u32 i, k;

	for (i = 0; i < change->pages; i++) {
		u32 tags[PAGE_SECTORS];

		for (k = 0; k < PAGE_SECTORS; k++)
			tags[k] = tag + i * PAGE_SECTORS + k - head;
		change->page[i] = page_of_tags(tags);
	}
	return change_issue(rec, change);
}

/**
 * recorder_zero() - zeros for payload are on their way
 * @rec: the store
 * @pos: byte offset, a multiple of SECTOR
 * @sectors: how many
 *
 * Return: the change, for recorder_complete().
 */
struct change *recorder_zero(struct recorder *rec, u64 pos, u32 sectors)
{
	return change_issue(rec,
			    payload_new(rec, CHANGE_ZERO, pos, sectors));
}

/**
 * recorder_flush() - all that has completed becomes durable
 * @rec: the store
 *
 * Not what completes while the flush is under way.
 */
void recorder_flush(struct recorder *rec)
{
	u64 since = ++rec->clock;
	u32 i, kept = 0;

	if (rec->event)
		rec->event(rec, EVENT_FLUSHING);
	for (i = 0; i < rec->count; i++) {
		struct change *change = rec->change[i];

		if (i >= rec->completed || change->done > since) {
			rec->change[kept++] = change;
			continue;
		}
		rec->touched |= change_touches(rec, change);
		apply(&rec->durable, change);
		change_free(change);
	}
	rec->completed -= rec->count - kept;
	rec->count = kept;
	rec->flushes++;
	rec->clock++;
	if (rec->event)
		rec->event(rec, EVENT_FLUSHED);
}

static bool range_bad(struct recorder *rec, u64 pos, u64 len, const void *buf)
{
	u32 unit = rec->by_sectors ? SECTOR : VHDX_PAGE;

	if (!len || !IS_ALIGNED(pos | len, (u64)unit) ||
	    !IS_ALIGNED((unsigned long)buf, 8UL))
		rec->fault = "an operation of the store is not aligned";
	else if (pos + len > rec->live.size)
		rec->fault = "an operation of the store reaches past its end";
	return rec->fault;
}

static bool fails(struct recorder *rec)
{
	if (!rec->fail_in || --rec->fail_in)
		return false;
	rec->failed = true;
	return true;
}

static int op_read(struct vhdx_store *store, u64 pos, void *buf, size_t len)
{
	struct recorder *rec = recorder_of(store);

	if (fails(rec))
		return -EIO;
	disk_read(&rec->live, pos, buf, len);
	if (rec->event)
		rec->event(rec, EVENT_READ);
	return 0;
}

/* Of what fails, a part has been done. */
static void do_part(struct recorder *rec, struct change *change)
{
	struct random random = { .state = rec->seed + rec->clock };
	u32 done = random_below(&random, change->pages + 1);
	u32 i;

	for (i = done; change->kind == CHANGE_WRITE && i < change->pages; i++)
		page_put(change->page[i]);
	change->pages = done;
	recorder_complete(rec, change, false);
}

/* One of the engine's: it waits for it, and others need not. */
static int engine_does(struct recorder *rec, struct change *change)
{
	change_issue(rec, change);
	if (rec->event)
		rec->event(rec, EVENT_ISSUED);
	if (fails(rec)) {
		/* A file is longer, or it is not. */
		if (change->kind == CHANGE_SIZE)
			change->size = rec->live.size;
		do_part(rec, change);
		return -EIO;
	}
	recorder_complete(rec, change, false);
	return 0;
}

/* The bytes of a range that lie in one page, the others zeros. */
static struct page *page_of_range(u64 number, u64 pos, const u8 *buf, u64 len)
{
	u64 start = max(number * VHDX_PAGE, pos);
	u64 end = min((number + 1) * VHDX_PAGE, pos + len);
	u8 bytes[VHDX_PAGE] = {};

	memcpy(bytes + start % VHDX_PAGE, buf + (start - pos), end - start);
	return page_of_bytes(bytes);
}

static int op_write(struct vhdx_store *store, u64 pos, const void *buf,
		    size_t len)
{
	struct recorder *rec = recorder_of(store);
	struct change *change;
	bool payload = true;
	u32 i;

	if (range_bad(rec, pos, len, buf))
		return -EIO;
	change = change_bytes(rec, CHANGE_WRITE, pos, len);
	for (i = 0; i < change->pages; i++) {
		change->page[i] = page_of_range(change->first + i, pos, buf,
						len);
		payload &= !change->page[i] || !change->page[i]->raw;
	}
	change->user = rec->by_sectors && payload;
	return engine_does(rec, change);
}

static int op_flush(struct vhdx_store *store)
{
	if (fails(recorder_of(store)))
		return -EIO;
	recorder_flush(recorder_of(store));
	return 0;
}

static int resize(struct recorder *rec, u64 size)
{
	struct change *change = change_new(rec, CHANGE_SIZE, 0, 0);
	int r;

	change->size = size;
	r = engine_does(rec, change);
	if (!r)
		rec->store.size = size;
	return r;
}

static int op_extend(struct vhdx_store *store, u64 size)
{
	struct recorder *rec = recorder_of(store);

	if (size <= store->size)
		rec->fault = "the store is extended to less than it has";
	if (rec->fault)
		return -EIO;
	if (size > rec->limit || size > DISK_UNITS * VHDX_MIB)
		return -ENOSPC;
	return resize(rec, size);
}

static int op_truncate(struct vhdx_store *store, u64 size)
{
	struct recorder *rec = recorder_of(store);

	if (size >= store->size)
		rec->fault = "the store is truncated to more than it has";
	if (rec->fault)
		return -EIO;
	/* A device stays as it is. */
	return rec->limit ? resize(rec, size) : 0;
}

static int clear(struct vhdx_store *store, enum change_kind kind, u64 pos,
		 u64 len)
{
	struct recorder *rec = recorder_of(store);
	struct random random = { .state = rec->seed + rec->changes };
	struct change *change;

	if (range_bad(rec, pos, len, NULL))
		return -EIO;
	change = change_bytes(rec, kind, pos, len);
	change->seed = random_next(&random);
	return engine_does(rec, change);
}

static int op_zero(struct vhdx_store *store, u64 pos, u64 len)
{
	return clear(store, CHANGE_ZERO, pos, len);
}

static int op_discard(struct vhdx_store *store, u64 pos, u64 len)
{
	return clear(store, CHANGE_DISCARD, pos, len);
}

static const struct vhdx_store_ops recorder_ops = {
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.lengthen = op_extend,
	.extend = op_extend,
	.truncate = op_truncate,
	.zero = op_zero,
	.discard = op_discard,
};

/**
 * recorder_init() - make a store
 * @rec: what to set up
 * @disk: what it holds, durably
 * @limit: bytes it may have; 0 for a device
 * @seed: for what discards leave behind
 */
void recorder_init(struct recorder *rec, const struct disk *disk, u64 limit,
		   u64 seed)
{
	memset(rec, 0, sizeof(*rec));
	rec->store.ops = &recorder_ops;
	rec->limit = limit;
	rec->seed = seed;
	disk_init(&rec->live, 0, disk->junk);
	disk_init(&rec->durable, 0, disk->junk);
	recorder_adopt(rec, disk);
}

static void drop_changes(struct recorder *rec)
{
	while (rec->count)
		change_free(rec->change[--rec->count]);
	rec->completed = 0;
}

void recorder_exit(struct recorder *rec)
{
	drop_changes(rec);
	free(rec->change);
	disk_exit(&rec->live);
	disk_exit(&rec->durable);
}

/**
 * recorder_adopt() - the disk is another one now, as after a crash
 * @rec: the store; nothing is under way any more
 * @disk: what it holds, durably; not one of its own
 */
void recorder_adopt(struct recorder *rec, const struct disk *disk)
{
	drop_changes(rec);
	rec->fail_in = 0;
	rec->failed = false;
	disk_copy(&rec->live, disk);
	disk_copy(&rec->durable, disk);
	rec->store.size = disk->size;
	rec->store.lost = 0;
}

/**
 * recorder_mark() - forget what was touched
 * @rec: the store
 */
void recorder_mark(struct recorder *rec)
{
	rec->touched = 0;
}
