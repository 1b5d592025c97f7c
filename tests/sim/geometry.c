// SPDX-License-Identifier: GPL-2.0-only
#include "maker.h"

/* Blocks that do not fit in two pages of the BAT, and not in one chunk. */
#define BLOCKS_MANY	1100
#define BLOCKS_CHUNKS	4100

/* Entries of the shortest BAT region. */
#define REGION_ENTRIES	131072U

/* What a BAT region has behind the entries. */
#define REGION_JUNK	0xA7

/* Blocks at each end of a huge disk that may have data. */
#define BLOCKS_NEAR	40U

static u64 choose_blocks(struct random *random)
{
	switch (random_below(random, 16)) {
	case 0:
		return BLOCKS_CHUNKS;
	case 1:
	case 2:
		return BLOCKS_MANY;
	default:
		return 8 + random_below(random, 40);
	}
}

/**
 * geometry_choose() - choose what an image looks like
 * @geometry: the choice
 * @random: where it comes from
 * @many: it has more blocks than fit in two pages of the BAT
 * @parents: whether it may have a parent
 *
 * Its log and its parent have choices of their own: all else is as without.
 */
void geometry_choose(struct geometry *geometry, struct random *random,
		     bool many, enum parents parents)
{
	static const u32 filled[] = { 0, 0, 20, 50, 100 };
	struct geometry *g = geometry;
	u64 blocks = choose_blocks(random);
	struct random other;

	if (many && blocks < BLOCKS_MANY)
		blocks = BLOCKS_MANY;
	memset(g, 0, sizeof(*g));
	g->seed = random_next(random);
	g->sector = random_once_in(random, 3) ? 4096 : 512;
	g->block_shift = blocks < 64 && random_once_in(random, 6) ? 21 : 20;
	g->size = blocks << g->block_shift;
	if (random_once_in(random, 3))
		g->size -= g->sector * (1 + random_below(random, 200));
	g->pool_pages = random_once_in(random, 2) ? VHDX_POOL_RESERVE : 64;
	g->device = random_once_in(random, 4);
	g->room = random_once_in(random, 3) ? random_below(random, 16) : 8192;
	if (g->device)
		g->room = random_below(random, 64);
	g->leave = random_once_in(random, 12);
	g->filled = g->leave ? 100 : filled[random_below(random, 5)];
	if (blocks > BLOCKS_MANY)
		g->filled = g->leave ? 100 : 2;
	g->anchors = random_once_in(random, 3) ? 50 : 0;
	if (!g->device && random_once_in(random, 3))
		g->odd = 1 + random_below(random, 2047);
	g->bat_first = random_once_in(random, 3);
	other.state = g->seed ^ 0x5bd1e995;
	g->log = many || !random_once_in(&other, 4) ?
			 1 : 2 + random_below(&other, 2);
	if (parents == PARENTS_ALL ||
	    (parents == PARENTS_SOME && random_once_in(&other, 3)))
		family_choose(g, &other, many);
}

/**
 * geometry_enlarge() - choose a disk that nearly fills its BAT region
 * @geometry: the choice so far
 * @random: where the choices come from
 *
 * The BAT of a child has an entry for each block of a chunk, also of the last
 * one.
 */
void geometry_enlarge(struct geometry *geometry, struct random *random)
{
	struct geometry *g = geometry;
	u64 blocks = REGION_ENTRIES, chunk;

	if (g->child)
		g->sector = 4096;
	g->block_shift = 20;
	chunk = geometry_chunk(g);
	if (g->child)
		blocks = ALIGN_DOWN(blocks - blocks / chunk, chunk);
	else
		blocks -= blocks / chunk;
	blocks -= random_below(random, 12);
	g->size = blocks << g->block_shift;
	if (random_once_in(random, 3))
		g->size -= g->sector * (1 + random_below(random, 200));
	g->huge = true;
	g->leave = false;
	g->filled = min(g->filled, 50U);
	g->room = max(g->room, 1U);
	if (!g->child)
		return;
	g->parent_size = 40 * VHDX_MIB;
	g->parent_shift = 20 + random_below(random, 3);
	g->parent_filled = 60;
}

/**
 * geometry_chunk() - blocks of a chunk
 * @geometry: the image
 */
u64 geometry_chunk(const struct geometry *geometry)
{
	return (8388608ULL * geometry->sector) >> geometry->block_shift;
}

/**
 * maker_fill() - payload that is never to be seen
 * @m: the image
 * @pos: byte offset in the file, a multiple of 4 KiB
 * @length: bytes, likewise
 */
void maker_fill(struct maker *m, u64 pos, u64 length)
{
	u64 number = pos / VHDX_PAGE;

	for (; number < (pos + length) / VHDX_PAGE; number++)
		disk_set(m->disk, number, page_get(page_junk()), NULL);
}

/**
 * maker_hole() - leave space that nobody owns
 * @m: the image
 *
 * It is not empty: it was in use once.
 */
void maker_hole(struct maker *m)
{
	u64 pos;

	if (m->geometry->leave || !random_once_in(&m->random, 5))
		return;
	pos = builder_alloc(&m->builder, VHDX_MIB << random_below(&m->random, 3));
	maker_fill(m, pos, m->builder.end - pos);
}

static void make_present(struct maker *m, u64 block)
{
	u64 pos = builder_block(&m->builder, block, VHDX_BLOCK_FULLY_PRESENT);
	u32 pages = model_block_pages(m->model);
	u32 tag = TAG_INITIAL + block * pages * PAGE_SECTORS;
	struct page **page = calloc(pages, sizeof(struct page *));
	u32 i, k;

	if (!page)
		abort();
	for (i = 0; i < pages; i++) {
		u32 tags[PAGE_SECTORS];

		for (k = 0; k < PAGE_SECTORS; k++)
			tags[k] = tag + i * PAGE_SECTORS + k;
		page[i] = page_of_tags(tags);
		disk_set(m->disk, pos / VHDX_PAGE + i, page[i], NULL);
	}
	model_learn(m->model, block, page);
	free(page);
}

/**
 * maker_absent() - a block that is not present
 * @m: the image
 * @block: number of the block
 */
void maker_absent(struct maker *m, u64 block)
{
	static const u32 states[] = { VHDX_BLOCK_UNDEFINED,
				      VHDX_BLOCK_UNMAPPED };
	u32 state = states[random_below(&m->random, 2)];

	if (random_below(&m->random, 100) < m->geometry->anchors) {
		u64 pos = builder_block(&m->builder, block, state);

		maker_fill(m, pos, 1ULL << m->geometry->block_shift);
	} else if (random_once_in(&m->random, 4)) {
		builder_entry(&m->builder, block,
			      random_once_in(&m->random, 2) ?
				      state : VHDX_BLOCK_ZERO);
	}
}

/* Blocks lie in the file in another order than on the virtual disk. */
static void make_blocks(struct maker *m)
{
	u64 blocks = m->model->blocks;
	u32 *order = calloc(blocks, sizeof(*order));
	u64 i;

	if (!order)
		abort();
	for (i = 0; i < blocks; i++) {
		u64 k = random_below(&m->random, i + 1);

		order[i] = order[k];
		order[k] = i;
	}
	for (i = 0; i < blocks; i++) {
		if (m->geometry->huge && order[i] >= BLOCKS_NEAR &&
		    order[i] + BLOCKS_NEAR < blocks)
			continue;
		maker_hole(m);
		if (m->geometry->child)
			family_block(m, order[i]);
		else if (random_below(&m->random, 100) < m->geometry->filled)
			make_present(m, order[i]);
		else
			maker_absent(m, order[i]);
	}
	free(order);
}

static void place_regions(struct builder *b, const struct geometry *geometry)
{
	b->size = geometry->size;
	b->block_size = 1U << geometry->block_shift;
	b->logical_sector = geometry->sector;
	b->param_flags = geometry->leave ? VHDX_PARAM_LEAVE_ALLOCATED : 0;
	b->log_length = geometry->log * VHDX_MIB;
	b->metadata_offset = b->log_offset + b->log_length +
			     geometry->gap * VHDX_MIB;
	b->bat_offset = b->metadata_offset + VHDX_MIB;
	if (geometry->bat_first) {
		b->bat_offset = VHDX_MIB;
		b->metadata_offset = 2 * VHDX_MIB;
		b->log_offset = 3 * VHDX_MIB;
	}
	if (geometry->gap && geometry->bat_first)
		b->bat_offset = (3 + geometry->log + geometry->gap) * VHDX_MIB;
}

/* No reader looks at what lies behind the entries. */
static void fill_region_end(struct builder *b, const struct geometry *geometry)
{
	u64 last = (b->size - 1) / b->block_size;
	u64 index = builder_payload_index(b, last);
	u64 end;

	if (geometry->child)
		index = builder_bitmap_index(b, last / geometry_chunk(geometry));
	end = 8 * (index + 1);
	builder_fill(b, b->bat_offset + end, b->bat_length - end, REGION_JUNK);
}

/**
 * maker_copy() - put the builder's metadata on the disk
 * @disk: the disk
 * @builder: who wrote the metadata
 * @end: byte offset behind it
 */
void maker_copy(struct disk *disk, const struct builder *builder, u64 end)
{
	u8 bytes[VHDX_PAGE];
	u64 pos;

	for (pos = 0; pos < end; pos += VHDX_PAGE) {
		ram_store_peek(builder->ram, pos, bytes, VHDX_PAGE);
		disk_set(disk, pos / VHDX_PAGE, page_of_bytes(bytes), NULL);
	}
}

/**
 * geometry_make() - make an image
 * @geometry: what it looks like
 * @disk: set up here, to what it holds
 * @model: set up here, to what it shows
 * @made: where what is
 */
void geometry_make(const struct geometry *geometry, struct disk *disk,
		   struct model *model, struct made *made)
{
	struct maker m = {
		.geometry = geometry,
		.disk = disk,
		.model = model,
		.random = { .state = geometry->seed },
		.parent = &made->parent,
	};
	struct ram_store ram;
	u64 end;

	ram_store_init(&ram);
	builder_init(&m.builder, &ram);
	place_regions(&m.builder, geometry);
	disk_init(disk, DISK_UNITS * VHDX_MIB, geometry->device);
	model_init(model, geometry->size, geometry->block_shift);
	parent_init(&made->parent);
	if (geometry->child)
		builder_parent(&m.builder, 0xDA);
	else
		builder_write(&m.builder);
	fill_region_end(&m.builder, geometry);
	end = m.builder.end;
	if (geometry->child)
		family_begin(&m);
	make_blocks(&m);
	if (geometry->child)
		family_end(&m);
	maker_copy(disk, &m.builder, end);
	made->bat = m.builder.bat_offset;
	made->bat_length = m.builder.bat_length;
	made->limit = m.builder.end + (geometry->room + 1) * VHDX_MIB;
	maker_fill(&m, m.builder.end,
		   ALIGN_DOWN(geometry->odd * SECTOR, VHDX_PAGE));
	disk->size = geometry->device ? made->limit :
					m.builder.end + geometry->odd * SECTOR;
	if (geometry->device)
		made->limit = 0;
	ram_store_exit(&ram);
}

/**
 * geometry_print() - say what an image looks like
 * @geometry: the image
 */
void geometry_print(const struct geometry *geometry)
{
	const struct geometry *g = geometry;

	printf("image: %llu bytes in blocks of %u MiB, sectors of %u, %u%% present,\n",
	       g->size, 1U << (g->block_shift - VHDX_ALIGN_SHIFT), g->sector,
	       g->filled);
	printf("%u%% of the others anchored%s%s;\n", g->anchors,
	       g->leave ? ", LeaveBlockAllocated" : "",
	       g->bat_first ? ", the BAT before the log" : "");
	printf("on a %s with %u MiB more%s; %u pages of the BAT in memory\n",
	       g->device ? "device" : "file", g->room,
	       g->odd ? ", of odd length" : "", g->pool_pages);
	printf("a log of %u MiB", g->log);
	if (g->gap)
		printf(", and %u MiB of nobody's", g->gap);
	printf("\n");
	if (g->child)
		family_print(g);
}
