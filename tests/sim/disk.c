// SPDX-License-Identifier: GPL-2.0-only
#include "disk.h"

static struct page *junk_page;

static u64 last_id;

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static bool is_zero(const void *bytes, size_t len)
{
	const u8 *byte = bytes;

	return !*byte && !memcmp(byte, byte + 1, len - 1);
}

static struct page *page_new(bool raw, const void *from, size_t len)
{
	struct page *page = must(malloc(sizeof(*page) + len));

	page->refs = 1;
	page->raw = raw;
	memcpy(page->tag, from, len);
	return page;
}

/**
 * page_of_tags() - make a page of payload
 * @tag: one for each of its sectors
 *
 * Return: a page with one user, or NULL for zeros.
 */
struct page *page_of_tags(const u32 *tag)
{
	size_t len = PAGE_SECTORS * sizeof(*tag);

	return is_zero(tag, len) ? NULL : page_new(false, tag, len);
}

/* The engine copies payload, which reaches it as page_expand() made it. */
static bool is_payload(const void *bytes, u32 *tag)
{
	const u8 *sector = bytes;
	u32 i;

	for (i = 0; i < PAGE_SECTORS; i++, sector += SECTOR) {
		if (memcmp(sector, sector + sizeof(*tag),
			   SECTOR - sizeof(*tag)))
			return false;
		memcpy(&tag[i], sector, sizeof(*tag));
	}
	return true;
}

/**
 * page_of_bytes() - make a page of metadata, or of payload that was copied
 * @bytes: its 4096 bytes
 *
 * Return: a page with one user, or NULL for zeros.
 */
struct page *page_of_bytes(const void *bytes)
{
	u32 tag[PAGE_SECTORS];

	if (is_payload(bytes, tag))
		return page_of_tags(tag);
	return page_new(true, bytes, VHDX_PAGE);
}

/**
 * page_merge() - some sectors of one page over another one
 * @below: the page before, or NULL
 * @above: what is written, or NULL for zeros
 * @mask: a bit for each sector that is
 *
 * Return: a page with one user, or NULL for zeros.
 */
struct page *page_merge(const struct page *below, const struct page *above,
			u8 mask)
{
	u32 tag[PAGE_SECTORS];
	u32 i;

	for (i = 0; i < PAGE_SECTORS; i++)
		tag[i] = page_tag(mask >> i & 1 ? above : below, i);
	return page_of_tags(tag);
}

/**
 * page_junk() - what nobody may ever see
 */
struct page *page_junk(void)
{
	u32 tag[PAGE_SECTORS];

	if (!junk_page) {
		memset(tag, 0xff, sizeof(tag));
		junk_page = page_new(false, tag, sizeof(tag));
	}
	return junk_page;
}

struct page *page_get(struct page *page)
{
	if (page)
		page->refs++;
	return page;
}

void page_put(struct page *page)
{
	if (page && page != junk_page && !--page->refs)
		free(page);
}

/**
 * page_expand() - a page as bytes
 * @page: the page
 * @bytes: where its 4096 bytes go
 */
void page_expand(const struct page *page, u8 *bytes)
{
	u32 i;

	if (!page) {
		memset(bytes, 0, VHDX_PAGE);
		return;
	}
	if (page->raw) {
		memcpy(bytes, page->tag, VHDX_PAGE);
		return;
	}
	for (i = 0; i < VHDX_PAGE; i += sizeof(u32))
		memcpy(bytes + i, &page->tag[i / SECTOR], sizeof(u32));
}

/**
 * disk_init() - an empty disk
 * @disk: what to set up
 * @size: bytes
 * @junk: it holds junk rather than zeros
 */
void disk_init(struct disk *disk, u64 size, bool junk)
{
	memset(disk, 0, sizeof(*disk));
	disk->size = size;
	disk->junk = junk;
}

static void drop_unit(struct disk *disk, u32 number)
{
	struct disk_unit *unit = disk->unit[number];
	u32 i;

	if (!unit)
		return;
	for (i = 0; i < UNIT_PAGES; i++)
		page_put(unit->page[i]);
	free(unit);
	disk->unit[number] = NULL;
}

void disk_exit(struct disk *disk)
{
	u32 i;

	for (i = 0; i < DISK_UNITS; i++)
		drop_unit(disk, i);
}

static struct disk_unit *make_unit(struct disk *disk, u32 number)
{
	struct disk_unit *unit = must(calloc(1, sizeof(*unit)));
	u32 i;

	if (disk->junk)
		for (i = 0; i < UNIT_PAGES; i++)
			unit->page[i] = page_get(page_junk());
	disk->unit[number] = unit;
	return unit;
}

static void undo_note(struct undo *undo, u64 number,
		      const struct disk_unit *unit)
{
	struct undo_step *step;

	if (undo->count == undo->room) {
		undo->room = 2 * undo->room + 64;
		undo->step = must(realloc(undo->step,
					  undo->room * sizeof(*step)));
	}
	step = &undo->step[undo->count++];
	step->number = number;
	step->id = unit->id;
	step->page = unit->page[number % UNIT_PAGES];
}

u64 disk_last_id(void)
{
	return last_id;
}

/**
 * disk_set() - change a page
 * @disk: the disk
 * @number: of the page
 * @page: what it holds now; the disk becomes its user in the caller's place
 * @undo: where what it held goes, or NULL
 */
void disk_set(struct disk *disk, u64 number, struct page *page,
	      struct undo *undo)
{
	struct disk_unit *unit = disk->unit[number / UNIT_PAGES];
	u32 slot = number % UNIT_PAGES;

	if (!unit) {
		if (!page && !disk->junk)
			return;
		unit = make_unit(disk, number / UNIT_PAGES);
	}
	if (unit->page[slot] == page) {
		page_put(page);
		return;
	}
	if (undo)
		undo_note(undo, number, unit);
	else
		page_put(unit->page[slot]);
	unit->page[slot] = page;
	unit->id = ++last_id;
}

/* What lies past the end is gone. */
static void drop_end(struct disk *disk)
{
	u64 number = DIV_ROUND_UP_ULL(disk->size, VHDX_PAGE);

	for (; number < (u64)DISK_UNITS * UNIT_PAGES; number++) {
		if (!disk->unit[number / UNIT_PAGES])
			number |= UNIT_PAGES - 1;
		else
			disk_set(disk, number, NULL, NULL);
	}
}

/**
 * disk_copy() - make one disk like another
 * @disk: which has been set up
 * @from: the other one
 *
 * After a crash, pages may have been written where the file then ends before
 * them; they do not come back when it grows.
 */
void disk_copy(struct disk *disk, const struct disk *from)
{
	u32 i, k;

	disk_exit(disk);
	disk->size = from->size;
	disk->junk = from->junk;
	for (i = 0; i < DISK_UNITS; i++) {
		if (!from->unit[i])
			continue;
		disk->unit[i] = must(malloc(sizeof(*disk->unit[i])));
		*disk->unit[i] = *from->unit[i];
		for (k = 0; k < UNIT_PAGES; k++)
			page_get(disk->unit[i]->page[k]);
	}
	drop_end(disk);
}

/**
 * disk_resize() - change the length
 * @disk: the disk
 * @size: bytes from now on; what lies past it is lost
 * @undo: where that goes, or NULL
 */
void disk_resize(struct disk *disk, u64 size, struct undo *undo)
{
	u64 number = DIV_ROUND_UP_ULL(size, VHDX_PAGE);
	u64 end = DIV_ROUND_UP_ULL(disk->size, VHDX_PAGE);

	for (; number < end; number++) {
		if (!disk->unit[number / UNIT_PAGES])
			number |= UNIT_PAGES - 1;
		else
			disk_set(disk, number, NULL, undo);
	}
	disk->size = size;
}

/**
 * undo_all() - take changes back
 * @disk: that was changed
 * @undo: what it held; empty afterwards
 */
void undo_all(struct disk *disk, struct undo *undo)
{
	while (undo->count) {
		struct undo_step *step = &undo->step[--undo->count];
		struct disk_unit *unit = disk->unit[step->number / UNIT_PAGES];

		page_put(unit->page[step->number % UNIT_PAGES]);
		unit->page[step->number % UNIT_PAGES] = step->page;
		unit->id = step->id;
	}
	disk->size = undo->size;
}

/**
 * disk_read() - bytes of a range
 * @disk: the disk
 * @pos: byte offset, a multiple of 4 KiB
 * @buf: where they go
 * @len: a multiple of 4 KiB; zeros past the end of the disk
 */
void disk_read(const struct disk *disk, u64 pos, void *buf, size_t len)
{
	u64 end = pos + len;
	u8 *out = buf;

	for (; pos < end; pos += VHDX_PAGE, out += VHDX_PAGE) {
		page_expand(disk_page(disk, pos / VHDX_PAGE), out);
		if (pos < disk->size && disk->size - pos < VHDX_PAGE)
			memset(out + (disk->size - pos), 0,
			       VHDX_PAGE - (disk->size - pos));
	}
}
