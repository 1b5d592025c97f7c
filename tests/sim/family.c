// SPDX-License-Identifier: GPL-2.0-only
#include "maker.h"

/* More than this are too many to be all of a kind that takes memory. */
#define SIZE_LARGE	(1024 * VHDX_MIB)

/* Near the end of a chunk, all there is to happen happens. */
#define CHUNK_EDGE	(8 * VHDX_MIB)

/* Sectors of a chunk: bits of its bitmap. */
#define CHUNK_SECTORS	8388608ULL

static u64 choose_blocks(const struct geometry *g, struct random *random)
{
	u64 chunk = geometry_chunk(g);

	if (chunk <= (g->sector == SECTOR ? 4096 : 1024) &&
	    random_once_in(random, 8))
		return chunk + 1 + random_below(random, 8);
	if (g->block_shift > 23)
		return 3 + random_below(random, 4);
	if (g->block_shift > 21)
		return 4 + random_below(random, 8);
	return 8 + random_below(random, 30);
}

static void choose_parent(struct geometry *g, struct random *random)
{
	u64 sectors = g->size / g->sector;

	g->parent_size = g->size;
	switch (random_below(random, 5)) {
	case 0:
		g->parent_size = (1 + random_below(random, sectors - 1)) *
				 g->sector;
		break;
	case 1:
		g->parent_size += (1 + random_below(random, 4096)) * g->sector;
		break;
	}
	g->parent_shift = g->block_shift;
	if (random_once_in(random, 3))
		g->parent_shift = 20 + random_below(random, 4);
	g->parent_filled = random_once_in(random, 3) ? 60 : 100;
	if (g->parent_size > SIZE_LARGE)
		g->parent_filled = g->sector == SECTOR ? 8 : 1;
}

/**
 * family_choose() - choose what an image with a parent looks like
 * @g: the choice so far, of an image without one
 * @random: where the choices come from
 * @many: it has more blocks than fit in two pages of the BAT, and goes on to
 */
void family_choose(struct geometry *g, struct random *random, bool many)
{
	static const u32 shifts[] = { 20, 20, 20, 20, 20, 20, 20, 20, 20, 21,
				      21, 21, 21, 22, 22, 23, 23, 25 };

	g->child = true;
	if (!many) {
		u32 end = g->size & (VHDX_MIB - 1);

		g->block_shift = shifts[random_below(random,
						     ARRAY_SIZE(shifts))];
		g->size = choose_blocks(g, random) << g->block_shift;
		if (end)
			g->size -= VHDX_MIB - end;
	}
	g->partial = random_once_in(random, 3) ? 0 : 40;
	g->filled = g->leave ? 20 : min(g->filled, 50U);
	g->leave = false;
	if (g->size > SIZE_LARGE) {
		g->filled = min(g->filled, 2U);
		g->anchors = 0;
	}
	choose_parent(g, random);
}

/**
 * family_print() - say what the parent looks like
 * @g: an image that has one
 */
void family_print(const struct geometry *g)
{
	printf("%u%% partially present; its parent: %llu bytes in blocks of %u MiB, %u%% present\n",
	       g->partial, g->parent_size, 1U << (g->parent_shift - VHDX_ALIGN_SHIFT),
	       g->parent_filled);
}

static bool is_edge(const struct geometry *g, u64 pos)
{
	u64 chunk = CHUNK_SECTORS * g->sector;

	return (pos + CHUNK_EDGE) % chunk < 2 * CHUNK_EDGE;
}

static void fill_parent(struct parent *parent, struct builder *b, u64 block)
{
	u64 pos = builder_block(b, block, VHDX_BLOCK_FULLY_PRESENT);
	u64 pages = 1ULL << (parent->block_shift - VHDX_PAGE_SHIFT);
	u64 i;
	u32 k;

	parent->present[block] = true;
	for (i = 0; i < pages; i++) {
		u32 tags[PAGE_SECTORS];

		for (k = 0; k < PAGE_SECTORS; k++)
			tags[k] = TAG_PARENT +
				  (block * pages + i) * PAGE_SECTORS + k;
		disk_set(&parent->disk, pos / VHDX_PAGE + i,
			 page_of_tags(tags), NULL);
	}
}

/* The child names it by the builder's usual DataWriteGuid. */
static void make_parent(struct maker *m)
{
	const struct geometry *g = m->geometry;
	struct parent *parent = m->parent;
	struct ram_store ram;
	struct builder b;
	u64 blocks, block, end;

	ram_store_init(&ram);
	builder_init(&b, &ram);
	b.size = g->parent_size;
	b.block_size = 1U << g->parent_shift;
	b.logical_sector = g->sector;
	builder_write(&b);
	end = b.end;
	parent->size = g->parent_size;
	parent->block_shift = g->parent_shift;
	blocks = (parent->size + b.block_size - 1) >> g->parent_shift;
	parent->present = calloc(blocks, sizeof(*parent->present));
	if (!parent->present)
		abort();
	disk_init(&parent->disk, DISK_UNITS * VHDX_MIB, false);
	for (block = 0; block < blocks; block++)
		if (random_below(&m->random, 100) < g->parent_filled ||
		    is_edge(g, block << g->parent_shift))
			fill_parent(parent, &b, block);
	maker_copy(&parent->disk, &b, end);
	parent->disk.size = b.end;
	ram_store_exit(&ram);
}

/**
 * family_begin() - make the parent, and bitmaps of the child
 * @m: the child, its metadata written
 *
 * Not each chunk has a bitmap. Those that have one may have it before or behind
 * the blocks.
 */
void family_begin(struct maker *m)
{
	u64 chunk = geometry_chunk(m->geometry);
	u32 i;

	make_parent(m);
	m->chunks = (m->model->blocks + chunk - 1) / chunk;
	if (m->chunks > CHUNKS_MAX)
		abort();
	for (i = 0; i < m->chunks; i++) {
		if (random_once_in(&m->random, 3))
			continue;
		m->bits[i] = calloc(1, VHDX_MIB);
		if (!m->bits[i])
			abort();
		if (random_once_in(&m->random, 2))
			m->place[i] = builder_bitmap(&m->builder, i);
	}
}

/**
 * struct block_bits - of a block
 * @byte: the first byte of them
 * @count: logical sectors of the block
 * @inside: of these, how many lie on the disk
 */
struct block_bits {
	u8 *byte;
	u32 count;
	u32 inside;
};

static struct block_bits bits_of(struct maker *m, u64 block)
{
	const struct geometry *g = m->geometry;
	u64 chunk = geometry_chunk(g);
	u32 count = (1U << g->block_shift) / g->sector;
	u64 left = (g->size - (block << g->block_shift)) / g->sector;

	return (struct block_bits){
		.byte = m->bits[block / chunk] + block % chunk * (count / 8),
		.count = count,
		.inside = min(left, (u64)count),
	};
}

static void set_bits(struct block_bits bits, u64 first, u64 count)
{
	for (; count && first < bits.inside; first++, count--)
		bits.byte[first / 8] |= 1U << first % 8;
}

/* Some of them where requests will go, and some elsewhere. */
static u64 choose_bit(const struct maker *m, struct block_bits bits,
		      struct random *random)
{
	static const u32 pages[] = { 0, 0, 1, 2, 100, 254, 255 };
	u32 per_page = VHDX_PAGE / m->geometry->sector;

	if (random_once_in(random, 3))
		return random_below(random, bits.inside);
	return pages[random_below(random, ARRAY_SIZE(pages))] * per_page +
	       random_below(random, per_page);
}

static void choose_bits(struct maker *m, u64 block)
{
	struct block_bits bits = bits_of(m, block);
	struct random *random = &m->random;
	u32 i, count;

	switch (random_below(random, 6)) {
	case 0:
		break;
	case 1:
		set_bits(bits, 0, bits.count);
		break;
	case 2:
		set_bits(bits, 0, random_below(random, bits.count));
		break;
	case 3:
		set_bits(bits, random_below(random, bits.count), bits.count);
		break;
	case 4:
		count = 1 + random_below(random, 8);
		for (i = 0; i < count; i++)
			set_bits(bits, choose_bit(m, bits, random), 1);
		break;
	default:
		count = 1 + random_below(random, 6);
		for (i = 0; i < count; i++)
			set_bits(bits, choose_bit(m, bits, random),
				 1 + random_below(random, 40));
	}
}

static bool has_bit(const struct maker *m, struct block_bits bits, u32 sector)
{
	u32 bit = sector / (m->geometry->sector / SECTOR);

	return bits.byte[bit / 8] >> bit % 8 & 1;
}

/* What the block shows, told to the model. */
static void learn(struct maker *m, u64 block, const u32 *tag)
{
	u32 pages = model_block_pages(m->model);
	u32 sectors = pages * PAGE_SECTORS;
	struct page **page;
	u32 i = 1;

	while (i < sectors && tag[i] == (tag[0] ? tag[0] + i : 0))
		i++;
	if (i == sectors) {
		model_fill(m->model, block, tag[0]);
		return;
	}
	page = calloc(pages, sizeof(struct page *));
	if (!page)
		abort();
	for (i = 0; i < pages; i++)
		page[i] = page_of_tags(&tag[i * PAGE_SECTORS]);
	model_learn(m->model, block, page);
	for (i = 0; i < pages; i++)
		page_put(page[i]);
	free(page);
}

static void show_parent(struct maker *m, u64 block, u32 *tag)
{
	u32 sectors = model_block_pages(m->model) * PAGE_SECTORS;
	u32 i;

	for (i = 0; i < sectors; i++)
		tag[i] = parent_tag(m->parent, block * sectors + i);
}

/* The sectors that the child has; its others are junk in the file. */
static void make_present(struct maker *m, u64 block, u32 state, u32 *tag)
{
	u64 pos = builder_block(&m->builder, block, state);
	u32 pages = model_block_pages(m->model);
	bool partly = state == VHDX_BLOCK_PARTIALLY_PRESENT;
	u32 i, k;

	for (i = 0; i < pages; i++) {
		u32 tags[PAGE_SECTORS];

		for (k = 0; k < PAGE_SECTORS; k++) {
			u32 sector = i * PAGE_SECTORS + k;

			tags[k] = TAG_JUNK;
			if (partly && !has_bit(m, bits_of(m, block), sector))
				continue;
			tags[k] = TAG_INITIAL +
				  block * pages * PAGE_SECTORS + sector;
			tag[sector] = tags[k];
		}
		disk_set(m->disk, pos / VHDX_PAGE + i, page_of_tags(tags),
			 NULL);
	}
}

static enum vhdx_block_state choose_state(struct maker *m, u64 block)
{
	const struct geometry *g = m->geometry;
	bool dense = g->size <= SIZE_LARGE || is_edge(g, block << g->block_shift);

	if (random_below(&m->random, 100) < g->filled)
		return VHDX_BLOCK_FULLY_PRESENT;
	if (m->bits[block / geometry_chunk(g)] &&
	    random_below(&m->random, 100) < (dense ? g->partial : 1))
		return VHDX_BLOCK_PARTIALLY_PRESENT;
	return random_once_in(&m->random, 3) ? VHDX_BLOCK_ZERO :
					       VHDX_BLOCK_NOT_PRESENT;
}

/* Of what is not partially present, other programs leave the bits behind. */
static void make_block(struct maker *m, u64 block, u32 *tag)
{
	enum vhdx_block_state state = choose_state(m, block);
	bool has_bits = m->bits[block / geometry_chunk(m->geometry)];
	u32 sectors = model_block_pages(m->model) * PAGE_SECTORS;

	if (has_bits && (state == VHDX_BLOCK_PARTIALLY_PRESENT ||
			 random_once_in(&m->random, 2)))
		choose_bits(m, block);
	show_parent(m, block, tag);
	if (state == VHDX_BLOCK_ZERO) {
		memset(tag, 0, sectors * sizeof(*tag));
		builder_entry(&m->builder, block, state);
		/* Or another that shows zeros, with an anchor or without. */
		maker_absent(m, block);
	} else if (state != VHDX_BLOCK_NOT_PRESENT) {
		make_present(m, block, state, tag);
	}
}

/**
 * family_block() - make a block of the child
 * @m: the child
 * @block: number of the block
 */
void family_block(struct maker *m, u64 block)
{
	u32 sectors = model_block_pages(m->model) * PAGE_SECTORS;
	u32 *tag = calloc(sectors, sizeof(*tag));

	if (!tag)
		abort();
	make_block(m, block, tag);
	learn(m, block, tag);
	free(tag);
}

/**
 * family_end() - put the bitmaps on the disk
 * @m: the child, its blocks made
 */
void family_end(struct maker *m)
{
	u32 i, k;

	for (i = 0; i < m->chunks; i++) {
		if (!m->bits[i])
			continue;
		if (!m->place[i]) {
			maker_hole(m);
			m->place[i] = builder_bitmap(&m->builder, i);
		}
		for (k = 0; k < UNIT_PAGES; k++)
			disk_set(m->disk, m->place[i] / VHDX_PAGE + k,
				 page_of_bytes(m->bits[i] + k * VHDX_PAGE),
				 NULL);
		free(m->bits[i]);
	}
}
