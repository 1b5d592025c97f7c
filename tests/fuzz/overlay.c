// SPDX-License-Identifier: GPL-2.0-only
#include "meter.h"
#include "overlay.h"
#include "verdict.h"

/* An engine that does not come to an end is to be told from one that works. */
#define OPERATIONS_MAX	262144U

static struct overlay *overlay_of(struct vhdx_store *store)
{
	return container_of(store, struct overlay, store);
}

/* Where a page is, or where it would go. */
static struct overlay_page *slot_of(const struct overlay *overlay, u64 number)
{
	u32 i = (number * 0x9E3779B97F4A7C15ULL) >> 40;

	for (;; i++) {
		const struct overlay_page *page =
			&overlay->page[i % OVERLAY_PAGES];

		if (!page->used || page->number == number)
			return (struct overlay_page *)page;
	}
}

static void read_page(const struct overlay *overlay, u64 number, u8 *buf)
{
	const struct overlay_page *page = slot_of(overlay, number);
	u64 start = number * VHDX_PAGE, end = start + VHDX_PAGE;
	u32 i;

	if (page->used)
		memcpy(buf, page->bytes, VHDX_PAGE);
	else
		fuzz_layer_read(overlay->below, start, buf, VHDX_PAGE);
	for (i = 0; i < overlay->fills; i++) {
		const struct overlay_fill *fill = &overlay->fill[i];
		u64 from = max(fill->start, start);
		u64 to = min(fill->end, end);

		if (from < to && (!page->used || fill->when > page->when))
			memset(buf + (from - start), fill->byte, to - from);
	}
}

static int op_read(struct vhdx_store *store, u64 pos, void *buf, size_t len)
{
	struct overlay *overlay = overlay_of(store);
	size_t done;
	int r = meter_read(pos, buf, len);

	if (r)
		return r;
	for (done = 0; done < len; done += VHDX_PAGE)
		read_page(overlay, (pos + done) / VHDX_PAGE, (u8 *)buf + done);
	if (pos + len > store->size) {
		u64 inside = store->size > pos ? store->size - pos : 0;

		memset((u8 *)buf + inside, 0, len - inside);
	}
	return 0;
}

/* Each operation that changes the store or waits for that passes here. */
static int operation(struct overlay *overlay)
{
	FUZZ_CHECK(++overlay->now <= OPERATIONS_MAX, "there is no end to it");
	if (overlay->now == overlay->fail_at) {
		overlay->dead = overlay->stays;
		return -EIO;
	}
	return overlay->dead ? -EIO : 0;
}

static int full(struct overlay *overlay)
{
	overlay->full = true;
	return -EIO;
}

static int add_fill(struct overlay *overlay, u64 start, u64 end, u8 byte)
{
	if (overlay->fills == OVERLAY_FILLS)
		return full(overlay);
	overlay->fill[overlay->fills++] = (struct overlay_fill){
		.start = start,
		.end = end,
		.when = overlay->now,
		.byte = byte,
	};
	return 0;
}

static void check_range(const struct overlay *overlay, const char *what,
			u64 pos, u64 len)
{
	FUZZ_CHECK(len && IS_ALIGNED(pos | len, (u64)VHDX_PAGE) &&
		   pos + len > pos && pos + len <= overlay->store.size,
		   "%s of 0x%llx bytes at 0x%llx of 0x%llx", what, len, pos,
		   overlay->store.size);
}

static int op_write(struct vhdx_store *store, u64 pos, const void *buf,
		    size_t len)
{
	struct overlay *overlay = overlay_of(store);
	int r = operation(overlay);
	size_t done;

	check_range(overlay, "a write", pos, len);
	FUZZ_CHECK(IS_ALIGNED((uintptr_t)buf, 8), "a write from %p", buf);
	for (done = 0; done < len && !r; done += VHDX_PAGE) {
		u64 number = (pos + done) / VHDX_PAGE;
		struct overlay_page *page = slot_of(overlay, number);

		/* There is always a free one, where a search ends. */
		if (!page->used && overlay->pages == OVERLAY_PAGES - 1)
			return full(overlay);
		overlay->pages += !page->used;
		page->used = true;
		page->number = number;
		page->when = overlay->now;
		memcpy(page->bytes, (const u8 *)buf + done, VHDX_PAGE);
	}
	return r;
}

static int op_flush(struct vhdx_store *store)
{
	return operation(overlay_of(store));
}

static int op_extend(struct vhdx_store *store, u64 size)
{
	int r = operation(overlay_of(store));

	FUZZ_CHECK(size > store->size, "extension from 0x%llx to 0x%llx",
		   store->size, size);
	FUZZ_CHECK(size <= VHDX_FILE_SIZE_MAX, "extension to 0x%llx", size);
	if (!r)
		store->size = size;
	return r;
}

static int op_truncate(struct vhdx_store *store, u64 size)
{
	struct overlay *overlay = overlay_of(store);
	int r = operation(overlay);

	FUZZ_CHECK(size < store->size, "truncation from 0x%llx to 0x%llx",
		   store->size, size);
	if (!r)
		r = add_fill(overlay, size, U64_MAX, 0);
	if (!r)
		store->size = size;
	return r;
}

static int op_zero(struct vhdx_store *store, u64 pos, u64 len)
{
	struct overlay *overlay = overlay_of(store);
	int r = operation(overlay);

	check_range(overlay, "zeros", pos, len);
	return r ? r : add_fill(overlay, pos, pos + len, 0);
}

static int op_reserve(struct vhdx_store *store, u64 pos, u64 len)
{
	struct overlay *overlay = overlay_of(store);

	check_range(overlay, "a reservation", pos, len);
	return operation(overlay);
}

static int op_discard(struct vhdx_store *store, u64 pos, u64 len)
{
	struct overlay *overlay = overlay_of(store);
	int r = operation(overlay);

	check_range(overlay, "a discard", pos, len);
	return r ? r : add_fill(overlay, pos, pos + len, 0xE7);
}

/**
 * overlay_init() - make a store that can be written
 * @overlay: what to set up
 * @below: the file
 */
void overlay_init(struct overlay *overlay, const struct fuzz_layer *below)
{
	static const struct vhdx_store_ops ops = {
		.read = op_read,
		.write = op_write,
		.flush = op_flush,
		.lengthen = op_extend,
		.extend = op_extend,
		.truncate = op_truncate,
		.zero = op_zero,
		.reserve = op_reserve,
		.discard = op_discard,
	};
	u32 i;

	for (i = 0; overlay->pages && i < OVERLAY_PAGES; i++)
		overlay->page[i].used = false;
	overlay->pages = 0;
	overlay->fills = 0;
	overlay->now = 0;
	overlay->full = false;
	overlay->below = below;
	overlay->store.ops = &ops;
	overlay->store.size = below->size;
	overlay_mend(overlay);
}

/**
 * overlay_fail() - an operation to come fails
 * @overlay: the store
 * @nth: which; reads do not count
 * @stays: all after it fail, too
 */
void overlay_fail(struct overlay *overlay, u64 nth, bool stays)
{
	overlay->fail_at = overlay->now + nth;
	overlay->stays = stays;
}

/**
 * overlay_mend() - nothing fails any more
 * @overlay: the store
 *
 * An open store keeps the error of a flush, see vhdx_store_lose(). This one forgets
 * it, as if it was opened anew.
 *
 * Return: whether something had failed since overlay_fail().
 */
bool overlay_mend(struct overlay *overlay)
{
	bool failed = overlay->fail_at && overlay->now >= overlay->fail_at;

	overlay->fail_at = 0;
	overlay->dead = false;
	overlay->store.lost = 0;
	return failed;
}

/**
 * overlay_fill() - payload comes, past the engine
 * @overlay: the store
 * @pos: byte offset, at any alignment
 * @len: bytes
 * @byte: what they become
 *
 * Return: false if the store is dead, or can take no more.
 */
bool overlay_fill(struct overlay *overlay, u64 pos, u64 len, u8 byte)
{
	overlay->now++;
	return !overlay->dead && !add_fill(overlay, pos, pos + len, byte);
}

/**
 * overlay_get() - a few bytes, past all failures and bounds
 * @overlay: the store
 * @pos: byte offset; they lie in one page
 * @buf: where they go
 * @len: how many
 */
void overlay_get(const struct overlay *overlay, u64 pos, void *buf, size_t len)
{
	u8 page[VHDX_PAGE];

	read_page(overlay, pos / VHDX_PAGE, page);
	memcpy(buf, page + pos % VHDX_PAGE, len);
}
