// SPDX-License-Identifier: GPL-2.0-only
#include "input.h"

#define SIZE_MASK	(U64_MAX >> 1)	/* off_t is signed */

struct disk_input {
	u8 magic[4];
	u8 repair;
	u8 run;
	u8 pool;
	u8 layers;
	__le32 seed;
} __packed;

struct disk_layer {
	__le64 size;
	__le32 count;
} __packed;

struct disk_extent {
	__le64 offset;
	__le32 length;
	__le32 stored;
} __packed;

/*
 * The pages that were read last: descriptors of a log, for one, are read a few
 * bytes at a time.
 */
#define PAGE		4096U
#define CACHE_SHIFT	11
#define CACHE_PAGES	2048U

static_assert(CACHE_PAGES == 1 << CACHE_SHIFT);

struct page {
	u64 generation;
	const struct fuzz_layer *layer;
	u64 number;
	u8 bytes[PAGE];
};

/* Pages of an older one are stale. */
static u64 generation = 1;

static const u8 magic[4] = { 'v', 'f', 'z', '1' };

/* What is left of the input, or of the room for it. */
struct cursor {
	const u8 *from;
	u8 *to;
	size_t left;
};

static bool take(struct cursor *c, void *buf, size_t len)
{
	if (len > c->left)
		return false;
	memcpy(buf, c->from, len);
	c->from += len;
	c->left -= len;
	return true;
}

static bool give(struct cursor *c, const void *buf, size_t len)
{
	if (len > c->left)
		return false;
	memcpy(c->to, buf, len);
	c->to += len;
	c->left -= len;
	return true;
}

static bool parse_extent(struct fuzz_input *input, struct fuzz_layer *layer,
			 struct cursor *c)
{
	struct disk_extent disk;
	u32 stored;
	bool added;

	if (!take(c, &disk, sizeof(disk)))
		return false;
	stored = min_t(u64, le32_to_cpu(disk.stored), c->left);
	added = fuzz_layer_add(input, layer, le64_to_cpu(disk.offset),
			       le32_to_cpu(disk.length), c->from, stored);
	c->from += stored;
	c->left -= stored;
	return added || !stored;
}

static bool parse_layer(struct fuzz_input *input, struct cursor *c)
{
	struct fuzz_layer *layer = &input->layer[input->layers];
	struct disk_layer disk;
	u32 count, i;

	if (!take(c, &disk, sizeof(disk)))
		return false;
	layer->size = le64_to_cpu(disk.size) & SIZE_MASK;
	layer->count = 0;
	input->layers++;
	count = min(le32_to_cpu(disk.count), FUZZ_EXTENTS_PARSED);
	for (i = 0; i < count; i++)
		if (!parse_extent(input, layer, c))
			return false;
	return true;
}

/**
 * fuzz_input_parse() - bytes -> chain
 * @input: where it goes
 * @data: the bytes
 * @size: how many
 *
 * Return: false if it does not begin as an input does, or has no layer.
 */
bool fuzz_input_parse(struct fuzz_input *input, const u8 *data, size_t size)
{
	struct cursor c = { .from = data, .left = size };
	struct disk_input disk;
	u32 layers;

	fuzz_layer_changed();
	input->layers = 0;
	input->used = 0;
	if (!take(&c, &disk, sizeof(disk)) ||
	    memcmp(disk.magic, magic, sizeof(magic)))
		return false;
	input->repair = disk.repair & FUZZ_REPAIR_ALL;
	input->run = disk.run;
	input->pool = disk.pool;
	input->seed = le32_to_cpu(disk.seed);
	layers = min_t(u32, disk.layers, FUZZ_LAYERS_MAX);
	while (input->layers < layers && parse_layer(input, &c))
		;
	return input->layers;
}

static bool write_layer(const struct fuzz_layer *layer, struct cursor *c)
{
	struct disk_layer head = {
		.size = cpu_to_le64(layer->size),
		.count = cpu_to_le32(layer->count),
	};
	u32 i;

	if (!give(c, &head, sizeof(head)))
		return false;
	for (i = 0; i < layer->count; i++) {
		const struct fuzz_extent *extent = &layer->extent[i];
		struct disk_extent disk = {
			.offset = cpu_to_le64(extent->offset),
			.length = cpu_to_le32(extent->length),
			.stored = cpu_to_le32(extent->stored),
		};

		if (!give(c, &disk, sizeof(disk)) ||
		    !give(c, extent->bytes, extent->stored))
			return false;
	}
	return true;
}

/**
 * fuzz_input_write() - chain -> bytes
 * @input: the chain
 * @data: where they go
 * @room: how many may
 *
 * Return: how many there are, or 0 if they are too many.
 */
size_t fuzz_input_write(const struct fuzz_input *input, u8 *data, size_t room)
{
	struct cursor c = { .to = data, .left = room };
	struct disk_input disk = {
		.repair = input->repair,
		.run = input->run,
		.pool = input->pool,
		.layers = input->layers,
		.seed = cpu_to_le32(input->seed),
	};
	u32 i;

	memcpy(disk.magic, magic, sizeof(magic));
	if (!give(&c, &disk, sizeof(disk)))
		return 0;
	for (i = 0; i < input->layers; i++)
		if (input->layer[i].count > FUZZ_EXTENTS_PARSED ||
		    !write_layer(&input->layer[i], &c))
			return 0;
	return room - c.left;
}

static void overlay(const struct fuzz_extent *extent, u64 start, u64 end,
		    u8 *to)
{
	u64 at = start - extent->offset;

	if (extent->stored == 1) {
		memset(to, extent->bytes[0], end - start);
		return;
	}
	while (at < end - extent->offset) {
		u32 from = at % extent->stored;
		u64 n = min_t(u64, extent->stored - from,
			      end - extent->offset - at);

		memcpy(to, extent->bytes + from, n);
		to += n;
		at += n;
	}
}

/* The bytes, from the extents. */
static void compose(const struct fuzz_layer *layer, u64 pos, u8 *buf,
		    size_t len)
{
	u64 stop = min(pos + len, layer->size);
	u32 i;

	memset(buf, 0, len);
	for (i = 0; i < layer->count; i++) {
		const struct fuzz_extent *extent = &layer->extent[i];
		u64 start = max(pos, extent->offset);
		u64 end = min(stop, extent->offset + extent->length);

		if (start < end)
			overlay(extent, start, end, buf + (start - pos));
	}
}

/* Where a page of a layer is kept. */
static struct page *slot_of(const struct fuzz_layer *layer, u64 number)
{
	static struct page pages[CACHE_PAGES];
	u64 hash = (number ^ (uintptr_t)layer << 20) * 0x9E3779B97F4A7C15ULL;

	return &pages[hash >> (64 - CACHE_SHIFT)];
}

static bool is_kept(const struct page *page, const struct fuzz_layer *layer,
		    u64 number)
{
	return page->generation == generation && page->layer == layer &&
	       page->number == number;
}

static const u8 *page_of(const struct fuzz_layer *layer, u64 number)
{
	struct page *page = slot_of(layer, number);

	if (!is_kept(page, layer, number)) {
		compose(layer, number * PAGE, page->bytes, PAGE);
		page->generation = generation;
		page->layer = layer;
		page->number = number;
	}
	return page->bytes;
}

static void forget(const struct fuzz_layer *layer, u64 pos, u64 len)
{
	u64 number = pos / PAGE;

	if (len > PAGE) {
		fuzz_layer_changed();
		return;
	}
	for (; number * PAGE < pos + len; number++) {
		struct page *page = slot_of(layer, number);

		if (is_kept(page, layer, number))
			page->generation = 0;
	}
}

/**
 * fuzz_layer_changed() - forget what has been read
 *
 * For who changes a file by its extents or its size.
 */
void fuzz_layer_changed(void)
{
	generation++;
}

/**
 * fuzz_layer_read() - the bytes of one file
 * @layer: the file
 * @pos: byte offset, at any alignment
 * @buf: where they go
 * @len: how many; zeros past the end of the file
 */
void fuzz_layer_read(const struct fuzz_layer *layer, u64 pos, void *buf,
		     size_t len)
{
	u8 *to = buf;

	while (len) {
		size_t at = pos % PAGE;
		size_t n = min_t(size_t, len, PAGE - at);

		if (pos < layer->size)
			memcpy(to, page_of(layer, pos / PAGE) + at, n);
		else
			memset(to, 0, n);
		to += n;
		pos += n;
		len -= n;
	}
}

/* The extent that holds these bytes as they are and on top, or NULL. */
static struct fuzz_extent *plain_extent(struct fuzz_layer *layer, u64 pos,
					u32 len)
{
	u32 i = layer->count;

	while (i--) {
		struct fuzz_extent *extent = &layer->extent[i];
		u64 end = extent->offset + extent->length;

		if (pos >= end || pos + len <= extent->offset)
			continue;
		if (pos >= extent->offset && pos + len <= end &&
		    extent->stored == extent->length)
			return extent;
		return NULL;
	}
	return NULL;
}

/**
 * fuzz_layer_write() - change bytes of a file
 * @input: that the file belongs to
 * @layer: the file; it does not become longer
 * @pos: byte offset, at any alignment
 * @bytes: what to write
 * @len: how many
 *
 * Return: false if there is no more room for it.
 */
bool fuzz_layer_write(struct fuzz_input *input, struct fuzz_layer *layer,
		      u64 pos, const void *bytes, u32 len)
{
	struct fuzz_extent *extent = plain_extent(layer, pos, len);

	if (!extent)
		return fuzz_layer_add(input, layer, pos, len, bytes, len);
	memcpy(extent->bytes + (pos - extent->offset), bytes, len);
	forget(layer, pos, len);
	return true;
}

/**
 * fuzz_layer_add() - put an extent over a file
 * @input: that the file belongs to
 * @layer: the file
 * @pos: byte offset
 * @length: bytes
 * @bytes: repeated over them
 * @stored: how many of these
 *
 * Return: false if there is no more room for it, or it is empty.
 */
bool fuzz_layer_add(struct fuzz_input *input, struct fuzz_layer *layer,
		    u64 pos, u32 length, const void *bytes, u32 stored)
{
	struct fuzz_extent *extent = &layer->extent[layer->count];

	stored = min(stored, min(length, FUZZ_EXTENT_LENGTH_MAX));
	if (layer->count == FUZZ_EXTENTS_MAX || !stored ||
	    stored > FUZZ_ARENA - input->used)
		return false;
	*extent = (struct fuzz_extent){
		.offset = pos & SIZE_MASK,
		.length = min(length, FUZZ_EXTENT_LENGTH_MAX),
		.stored = stored,
		.bytes = input->arena + input->used,
	};
	memcpy(extent->bytes, bytes, stored);
	input->used += stored;
	layer->count++;
	forget(layer, extent->offset, extent->length);
	return true;
}

/**
 * fuzz_layer_drop() - take an extent away
 * @layer: the file
 * @index: which extent
 */
void fuzz_layer_drop(struct fuzz_layer *layer, u32 index)
{
	layer->count--;
	memmove(&layer->extent[index], &layer->extent[index + 1],
		(layer->count - index) * sizeof(layer->extent[0]));
	fuzz_layer_changed();
}
