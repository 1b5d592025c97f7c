// SPDX-License-Identifier: GPL-2.0-only
/* engine/chain.c: which layer a range of the virtual disk lies in. */
#include "fixture.h"
#include "suites.h"

#define MIB VHDX_MIB

/* Maps, bringing in what is missed. */
static int map(struct kunit *test, u64 pos, u64 len, struct vhdx_run *run)
{
	struct fixture *f = test->priv;
	struct vhdx_miss miss;
	int tries = 10;
	int r;

	while ((r = vhdx_chain_map(f->chain, pos, len, run, &miss)) == -EAGAIN) {
		KUNIT_ASSERT_TRUE(test, tries-- > 0);
		r = vhdx_image_load(&miss);
		if (r)
			return r;
	}
	return r;
}

/* All BAT pages of all layers, so that no run ends for want of one. */
static void warm_up(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_run run;
	u64 pos;

	for (pos = 0; pos < f->chain->size; pos += f->builder[0].block_size)
		map(test, pos, f->builder[0].logical_sector, &run);
}

static void expect_run(struct kunit *test, u64 pos, u64 len,
		       const struct vhdx_run *want)
{
	struct vhdx_run run = {};

	KUNIT_EXPECT_EQ(test, map(test, pos, len, &run), 0);
	KUNIT_EXPECT_EQ(test, run.kind, want->kind);
	KUNIT_EXPECT_EQ(test, run.length, want->length);
	if (want->kind != VHDX_RUN_ZERO) {
		KUNIT_EXPECT_EQ(test, run.layer, want->layer);
		KUNIT_EXPECT_EQ(test, run.offset, want->offset);
	}
}

#define RUN(k, where, pos, len) \
	(&(struct vhdx_run){ .kind = (k), .layer = (where), .offset = (pos), \
			     .length = (len) })
#define ZERO(len) RUN(VHDX_RUN_ZERO, 0, 0, len)
#define DATA(layer, pos, len) RUN(VHDX_RUN_DATA, layer, pos, len)
#define COPY(layer, pos, len) RUN(VHDX_RUN_COPY, layer, pos, len)

/* One layer: every state of a block, asked for its second half. */
struct state_case {
	const char *name;
	u64 entry;
	enum vhdx_run_kind kind;
	int error;
};

static const struct state_case state_cases[] = {
	{ "NOT_PRESENT", 0, VHDX_RUN_ZERO },
	{ "NOT_PRESENT with an offset", 4 * MIB | 0, VHDX_RUN_ZERO },
	{ "UNDEFINED", 1, VHDX_RUN_ZERO },
	{ "UNDEFINED with an offset", 4 * MIB | 1, VHDX_RUN_ZERO },
	{ "ZERO", 2, VHDX_RUN_ZERO },
	{ "UNMAPPED", 3, VHDX_RUN_ZERO },
	{ "UNMAPPED with an offset", 4 * MIB | 3, VHDX_RUN_ZERO },
	{ "state 4", 4 * MIB | 4, VHDX_RUN_ZERO, -EIO },
	{ "state 5", 5, VHDX_RUN_ZERO, -EIO },
	{ "FULLY_PRESENT", 4 * MIB | 6, VHDX_RUN_DATA },
	{ "FULLY_PRESENT with reserved bits", 4 * MIB | 0xFFFF8 | 6,
	  VHDX_RUN_DATA },
	{ "FULLY_PRESENT past the end", 40 * MIB | 6, VHDX_RUN_DATA, -EIO },
	{ "PARTIALLY_PRESENT without a parent", 4 * MIB | 7, VHDX_RUN_DATA },
};

static void state_case_name(const struct state_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(state, state_cases, state_case_name);

static void map_state(struct kunit *test)
{
	const struct state_case *c = test->param_value;
	struct fixture *f = test->priv;
	struct vhdx_run run = {};

	fixture_files(test, 1);
	builder_alloc(&f->builder[0], MIB);
	builder_entry(&f->builder[0], 3, c->entry);
	/* A neighbour that does not continue it. */
	builder_block(&f->builder[0], 9, 6);
	builder_block(&f->builder[0], 4, c->kind == VHDX_RUN_ZERO ? 6 : 0);
	fixture_chain(test, 1);
	KUNIT_EXPECT_EQ(test,
			map(test, 3 * MIB + MIB / 2, 4 * MIB, &run), c->error);
	if (c->error)
		return;
	KUNIT_EXPECT_EQ(test, run.kind, c->kind);
	KUNIT_EXPECT_EQ(test, run.length, MIB / 2);
	if (c->kind == VHDX_RUN_DATA)
		KUNIT_EXPECT_EQ(test, run.offset, 4 * MIB + MIB / 2);
}

/*
 * Two layers: what the child's state does to the parent, which has the block.
 * Only NOT_PRESENT may show it.
 */
static const struct state_case child_cases[] = {
	{ "NOT_PRESENT", 0, VHDX_RUN_DATA },
	{ "UNDEFINED", 1, VHDX_RUN_ZERO },
	{ "ZERO", 2, VHDX_RUN_ZERO },
	{ "UNMAPPED", 3, VHDX_RUN_ZERO },
	{ "UNMAPPED with an offset", 4 * MIB | 3, VHDX_RUN_ZERO },
	{ "state 5", 5, VHDX_RUN_ZERO, -EIO },
};

KUNIT_ARRAY_PARAM(child, child_cases, state_case_name);

static void map_child_state(struct kunit *test)
{
	const struct state_case *c = test->param_value;
	struct fixture *f = test->priv;
	struct vhdx_run run = {};
	u64 pos;

	fixture_files(test, 2);
	builder_alloc(&f->builder[0], MIB);
	builder_entry(&f->builder[0], 3, c->entry);
	pos = builder_block(&f->builder[1], 3, 6);
	fixture_chain(test, 2);
	KUNIT_EXPECT_EQ(test, map(test, 3 * MIB, MIB, &run), c->error);
	if (c->error)
		return;
	KUNIT_EXPECT_EQ(test, run.kind, c->kind);
	KUNIT_EXPECT_EQ(test, run.length, MIB);
	if (c->kind == VHDX_RUN_DATA) {
		KUNIT_EXPECT_EQ(test, run.layer, 1);
		KUNIT_EXPECT_EQ(test, run.offset, pos);
	}
}

/* The child's data hides the parent's, and its bitmap is not asked. */
static void map_child_hides_parent(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 pos;

	fixture_files(test, 2);
	pos = builder_block(&f->builder[0], 3, 6);
	builder_block(&f->builder[1], 3, 6);
	fixture_chain(test, 2);
	expect_run(test, 3 * MIB, MIB, DATA(0, pos, MIB));
	KUNIT_EXPECT_EQ(test, f->image[0]->pool.resident, 1);
	KUNIT_EXPECT_EQ(test, f->image[1]->pool.resident, 0);
}

/* Blocks that follow each other in the file are one run, others are not. */
static void map_joins_blocks(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u64 pos;

	fixture_files(test, 1);
	pos = builder_block(b, 0, 6);
	builder_block(b, 1, 6);
	builder_block(b, 2, 6);
	/* 3 and 4 the wrong way round, 5 and 6 zeros of two kinds. */
	builder_block(b, 4, 6);
	builder_block(b, 3, 6);
	builder_entry(b, 5, 2);
	builder_entry(b, 6, 3);
	builder_block(b, 7, 6);
	fixture_chain(test, 1);
	expect_run(test, 0, 64 * MIB, DATA(0, pos, 3 * MIB));
	expect_run(test, 512, 64 * MIB - 512, DATA(0, pos + 512, 3 * MIB - 512));
	expect_run(test, MIB - 512, 1024, DATA(0, pos + MIB - 512, 1024));
	expect_run(test, MIB - 512, 2 * MIB,
		   DATA(0, pos + MIB - 512, 2 * MIB));
	expect_run(test, 3 * MIB, 8 * MIB, DATA(0, pos + 4 * MIB, MIB));
	expect_run(test, 4 * MIB, 8 * MIB, DATA(0, pos + 3 * MIB, MIB));
	expect_run(test, 5 * MIB, 8 * MIB, ZERO(2 * MIB));
	expect_run(test, 5 * MIB, MIB, ZERO(MIB));
	expect_run(test, 7 * MIB, 8 * MIB, DATA(0, pos + 5 * MIB, MIB));
	/* To the end of the disk, and not beyond. */
	expect_run(test, 8 * MIB, 56 * MIB, ZERO(56 * MIB));
}

/* Two layers' blocks do not join, even if their offsets do. */
static void map_joins_within_layer(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 pos;

	fixture_files(test, 2);
	pos = builder_block(&f->builder[0], 0, 6);
	builder_alloc(&f->builder[1], MIB);
	KUNIT_ASSERT_EQ(test, builder_block(&f->builder[1], 1, 6), pos + MIB);
	builder_block(&f->builder[1], 2, 6);
	fixture_chain(test, 2);
	warm_up(test);
	expect_run(test, 0, 4 * MIB, DATA(0, pos, MIB));
	expect_run(test, MIB, 4 * MIB, DATA(1, pos + MIB, 2 * MIB));
	/* Nor do the child's zeros and what is in no layer. */
	expect_run(test, 3 * MIB, 61 * MIB, ZERO(61 * MIB));
}

/* A run goes over the end of a chunk, where a bitmap's entry intervenes. */
static void map_joins_chunks(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u64 pos;

	b->size = 8192 * MIB;
	fixture_files(test, 1);
	pos = builder_block(b, 4094, 6);
	builder_block(b, 4095, 6);
	builder_block(b, 4096, 6);
	builder_block(b, 4097, 6);
	fixture_chain(test, 1);
	warm_up(test);
	expect_run(test, 4094 * MIB, 10 * MIB, DATA(0, pos, 4 * MIB));
	expect_run(test, 4096 * MIB, 10 * MIB, DATA(0, pos + 2 * MIB, 2 * MIB));
}

/* A run ends before a block that cannot be mapped, and the next one fails. */
static void map_stops_before_fault(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_run run;
	u64 pos;

	fixture_files(test, 1);
	pos = builder_block(&f->builder[0], 0, 6);
	builder_entry(&f->builder[0], 1, 5);
	fixture_chain(test, 1);
	expect_run(test, 0, 4 * MIB, DATA(0, pos, MIB));
	KUNIT_EXPECT_EQ(test, map(test, MIB, MIB, &run), -EIO);
	expect_run(test, 2 * MIB, MIB, ZERO(MIB));
}

/* What is missed is named, and nothing is read by a map. */
static void map_misses(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_miss miss = {};
	struct vhdx_run run;
	u64 pos, before;

	f->builder[0].size = 1024 * MIB;
	f->builder[1].size = 1024 * MIB;
	fixture_files(test, 2);
	pos = builder_block(&f->builder[0], 511, 6);
	builder_block(&f->builder[0], 512, 7);
	builder_bitmap(&f->builder[0], 0);
	fixture_chain(test, 2);
	before = f->ram[0].reads;

	KUNIT_EXPECT_EQ(test,
			vhdx_chain_map(f->chain, 511 * MIB, 2 * MIB, &run,
				       &miss),
			-EAGAIN);
	KUNIT_EXPECT_PTR_EQ(test, miss.image, f->image[0]);
	KUNIT_EXPECT_PTR_EQ(test, miss.map, &f->image[0]->bat_pages);
	KUNIT_EXPECT_EQ(test, miss.index, 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].reads, before);
	KUNIT_EXPECT_EQ(test, vhdx_image_load(&miss), 0);
	/* The next block's page is missing, so the run ends before it. */
	KUNIT_EXPECT_EQ(test,
			vhdx_chain_map(f->chain, 511 * MIB, 2 * MIB, &run,
				       &miss),
			0);
	KUNIT_EXPECT_EQ(test, run.offset, pos);
	KUNIT_EXPECT_EQ(test, run.length, MIB);

	KUNIT_EXPECT_EQ(test,
			vhdx_chain_map(f->chain, 512 * MIB, MIB, &run, &miss),
			-EAGAIN);
	KUNIT_EXPECT_EQ(test, miss.index, 1);
	KUNIT_EXPECT_EQ(test, vhdx_image_load(&miss), 0);
	KUNIT_EXPECT_EQ(test,
			vhdx_chain_map(f->chain, 512 * MIB, MIB, &run, &miss),
			-EAGAIN);
	KUNIT_EXPECT_PTR_EQ(test, miss.map, &f->image[0]->bitmap_pages);
	KUNIT_EXPECT_EQ(test, miss.index, 32);
	KUNIT_EXPECT_EQ(test, vhdx_image_load(&miss), 0);
	/* The bits are 0, so the parent is next. */
	KUNIT_EXPECT_EQ(test,
			vhdx_chain_map(f->chain, 512 * MIB, MIB, &run, &miss),
			-EAGAIN);
	KUNIT_EXPECT_PTR_EQ(test, miss.image, f->image[1]);
	KUNIT_EXPECT_EQ(test, miss.index, 1);
	KUNIT_EXPECT_EQ(test, vhdx_image_load(&miss), 0);
	KUNIT_EXPECT_EQ(test,
			vhdx_chain_map(f->chain, 512 * MIB, MIB, &run, &miss),
			0);
	KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_ZERO);
	KUNIT_EXPECT_EQ(test, run.length, MIB);
}

/* It loads the entry, the bitmap, and the entry of the parent. */
static void find_loads(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_run run;
	u64 pos;

	fixture_files(test, 2);
	builder_block(&f->builder[0], 2, VHDX_BLOCK_PARTIALLY_PRESENT);
	builder_bitmap(&f->builder[0], 0);
	pos = builder_block(&f->builder[1], 2, VHDX_BLOCK_FULLY_PRESENT);
	fixture_chain(test, 2);
	ram_store_break_range(&f->ram[1], f->builder[1].bat_offset, 1, -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_chain_find(f->chain, 2 * MIB, 512, &run),
			-EIO);
	ram_store_mend(&f->ram[1]);
	KUNIT_EXPECT_EQ(test,
			vhdx_chain_find(f->chain, 2 * MIB + 512, 1024, &run),
			0);
	KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_DATA);
	KUNIT_EXPECT_EQ(test, run.layer, 1);
	KUNIT_EXPECT_EQ(test, run.offset, pos + 512);
	KUNIT_EXPECT_EQ(test, run.length, 1024);
	KUNIT_EXPECT_EQ(test, vhdx_chain_find(f->chain, 64 * MIB, 512, &run),
			-EINVAL);
}

/* A partially present block, whose sectors 8 to 23 are the child's. */
static void map_partial(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 child, parent, bitmap;

	fixture_files(test, 2);
	child = builder_block(&f->builder[0], 3, 7);
	bitmap = builder_bitmap(&f->builder[0], 0);
	builder_present(&f->builder[0], bitmap, 3 * 2048 + 8, 16);
	parent = builder_block(&f->builder[1], 3, 6);
	fixture_chain(test, 2);
	warm_up(test);
	expect_run(test, 3 * MIB, MIB, DATA(1, parent, 4096));
	expect_run(test, 3 * MIB + 512, 512, DATA(1, parent + 512, 512));
	expect_run(test, 3 * MIB + 4096, MIB - 4096,
		   DATA(0, child + 4096, 8192));
	expect_run(test, 3 * MIB + 8192, 2048, DATA(0, child + 8192, 2048));
	expect_run(test, 3 * MIB + 12288, 2 * MIB,
		   DATA(1, parent + 12288, MIB - 12288));
}

/* A bitmap page covers 16 MiB: a block of 32 MiB needs two, and joins them. */
static void map_partial_over_pages(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_run run;
	u64 child, bitmap;

	f->builder[0].block_size = 32 * MIB;
	fixture_files(test, 2);
	child = builder_block(&f->builder[0], 1, 7);
	bitmap = builder_bitmap(&f->builder[0], 0);
	builder_present(&f->builder[0], bitmap, 65536 + 32768 - 8, 16);
	fixture_chain(test, 2);
	warm_up(test);
	map(test, 48 * MIB, 512, &run);
	expect_run(test, 48 * MIB - 4096, 8192,
		   DATA(0, child + 16 * MIB - 4096, 8192));
	expect_run(test, 48 * MIB + 4096, 8192, ZERO(8192));
}

/* Without its bitmap a partially present block cannot be read. */
static void map_partial_without_bitmap(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_run run;

	fixture_files(test, 2);
	builder_block(&f->builder[0], 3, 7);
	fixture_chain(test, 2);
	KUNIT_EXPECT_EQ(test, map(test, 3 * MIB, MIB, &run), -EIO);
	fixture_expect(test,
		       "error: BAT entry 4096 at offset 0x308000: the sector bitmap of chunk 0 is absent, but a block of the chunk is partially present\n");
	/* Its neighbours can. */
	expect_run(test, 2 * MIB, MIB, ZERO(MIB));
}

static void map_depth_three(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 pos[3], bitmap;

	/* Blocks of different sizes: only the sectors must be alike. */
	f->builder[1].block_size = 2 * MIB;
	f->builder[2].block_size = 4 * MIB;
	fixture_files(test, 3);
	pos[2] = builder_block(&f->builder[2], 0, 6);
	pos[1] = builder_block(&f->builder[1], 0, 7);
	bitmap = builder_bitmap(&f->builder[1], 0);
	builder_present(&f->builder[1], bitmap, 2048 - 8, 16);
	pos[0] = builder_block(&f->builder[0], 3, 6);
	fixture_chain(test, 3);
	warm_up(test);
	expect_run(test, 0, 8 * MIB, DATA(2, pos[2], MIB - 4096));
	/* In one block of the middle, over two of the child. */
	expect_run(test, MIB - 4096, 8 * MIB,
		   DATA(1, pos[1] + MIB - 4096, 8192));
	expect_run(test, MIB + 4096, 8 * MIB,
		   DATA(2, pos[2] + MIB + 4096, 2 * MIB - 4096));
	expect_run(test, 3 * MIB, 8 * MIB, DATA(0, pos[0], MIB));
	expect_run(test, 4 * MIB, 8 * MIB, ZERO(8 * MIB));
}

/* A middle layer's zeros hide what is below it. */
static void map_depth_three_zero(struct kunit *test)
{
	struct fixture *f = test->priv;

	fixture_files(test, 3);
	builder_block(&f->builder[2], 0, 6);
	builder_entry(&f->builder[1], 0, 2);
	fixture_chain(test, 3);
	expect_run(test, 0, MIB, ZERO(MIB));
	KUNIT_EXPECT_EQ(test, f->image[2]->pool.resident, 0);
}

/* A parent that ends earlier reads as zeros from there on. */
static void map_smaller_parent(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 pos;

	f->builder[1].size = 2 * MIB - 1024;
	fixture_files(test, 2);
	builder_block(&f->builder[1], 0, 6);
	pos = builder_block(&f->builder[1], 1, 6);
	fixture_chain(test, 2);
	KUNIT_EXPECT_EQ(test, f->chain->size, 64 * MIB);
	warm_up(test);
	expect_run(test, MIB, 8 * MIB, DATA(1, pos, MIB - 1024));
	expect_run(test, 2 * MIB - 1024, 8 * MIB, ZERO(8 * MIB));
	expect_run(test, 2 * MIB - 512, 512, ZERO(512));
	expect_run(test, 63 * MIB, MIB, ZERO(MIB));
}

/* Which layer decides of zeros is told piece by piece. */
static void map_piece_of_zeros(struct kunit *test)
{
	static const u32 layers[] = { 0, 1, 2, 2, 0, 1 };
	struct fixture *f = test->priv;
	struct vhdx_miss miss;
	struct vhdx_run run;
	u32 i;

	f->builder[1].size = 6 * MIB;
	f->builder[2].size = 4 * MIB;
	fixture_files(test, 3);
	builder_entry(&f->builder[0], 0, 2);
	builder_entry(&f->builder[1], 1, 3);
	builder_entry(&f->builder[2], 2, 1);
	builder_entry(&f->builder[0], 4, 3);
	fixture_chain(test, 3);
	warm_up(test);
	for (i = 0; i < ARRAY_SIZE(layers); i++) {
		KUNIT_EXPECT_EQ(test,
				vhdx_chain_piece(f->chain, i * MIB, 64 * MIB -
						 i * MIB, &run, &miss), 0);
		KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_ZERO);
		KUNIT_EXPECT_EQ(test, run.length, MIB);
		KUNIT_EXPECT_EQ(test, run.layer, layers[i]);
	}
	/* Behind its parents' ends the child is alone. */
	KUNIT_EXPECT_EQ(test, vhdx_chain_piece(f->chain, 6 * MIB, 4 * MIB, &run,
					       &miss), 0);
	KUNIT_EXPECT_EQ(test, run.layer, 0);
	expect_run(test, 0, 64 * MIB, ZERO(64 * MIB));
}

/* A parent that goes on behind its child does not make the disk longer. */
static void map_larger_parent(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 pos;

	f->builder[0].size = 2 * MIB + 512;
	fixture_files(test, 2);
	pos = builder_block(&f->builder[1], 2, 6);
	fixture_chain(test, 2);
	KUNIT_EXPECT_EQ(test, f->chain->size, 2 * MIB + 512);
	expect_run(test, 2 * MIB, 512, DATA(1, pos, 512));
}

static const u32 sector_sizes[] = { 512, 4096 };

static void sector_size_name(const u32 *sector, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "sectors of %u", *sector);
}

KUNIT_ARRAY_PARAM(sector_size, sector_sizes, sector_size_name);

/* Parts of a sector, nothing at all, and what is past the end: by every way in. */
static void map_no_sectors(struct kunit *test)
{
	u32 sector = *(const u32 *)test->param_value;
	struct fixture *f = test->priv;
	u64 size = f->builder[0].size;
	struct vhdx_run run = {};
	u64 bitmap;

	f->builder[0].logical_sector = sector;
	f->builder[1].logical_sector = sector;
	fixture_files(test, 2);
	builder_block(&f->builder[0], 3, 7);
	bitmap = builder_bitmap(&f->builder[0], 0);
	builder_present(&f->builder[0], bitmap, 3 * MIB / sector, 1);
	builder_block(&f->builder[1], 3, 6);
	fixture_chain(test, 2);
	warm_up(test);
	KUNIT_EXPECT_EQ(test, map(test, 3 * MIB, 0, &run), -EINVAL);
	KUNIT_EXPECT_EQ(test, map(test, 3 * MIB, sector / 2, &run), -EINVAL);
	KUNIT_EXPECT_EQ(test, map(test, 3 * MIB + sector / 2, sector / 2, &run),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, map(test, 3 * MIB + sector / 2, sector, &run),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, map(test, 3 * MIB, sector + sector / 2, &run),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, map(test, size, sector, &run), -EINVAL);
	KUNIT_EXPECT_EQ(test, map(test, size - sector, 2 * sector, &run),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, map(test, -(u64)sector, 2 * sector, &run),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, map(test, 3 * MIB, sector, &run), 0);
	KUNIT_EXPECT_EQ(test, run.length, sector);
	KUNIT_EXPECT_EQ(test, run.layer, 0);
	KUNIT_EXPECT_EQ(test, map(test, size - sector, sector, &run), 0);
}

/*
 * The log names a file that is longer than it is: its last extension was lost.
 * Block 1 of two ends with what there is; returns where it begins.
 */
static u64 short_file(struct kunit *test, u32 sector, u64 there)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct builder_entry entry = { .sequence = 1 };
	u64 pos;

	b->size = 2 * MIB;
	b->logical_sector = sector;
	b->log_guid = builder_guid(0x10);
	fixture_files(test, 1);
	pos = builder_block(b, 1, 6);
	entry.last = pos + MIB;
	builder_log(b, &entry);
	f->ram[0].store.size = pos + there;
	fixture_chain(test, 1);
	return pos;
}

static void map_short_file(struct kunit *test)
{
	const u32 *sector = test->param_value;
	u64 behind = 8192 + *sector;
	u64 pos;

	/* It ends with 100 bytes of a sector. */
	pos = short_file(test, *sector, 8192 + 100);
	expect_run(test, MIB, *sector, DATA(0, pos, *sector));
	expect_run(test, MIB, MIB, DATA(0, pos, 8192));
	expect_run(test, MIB + 8192, MIB - 8192, COPY(0, pos + 8192, *sector));
	expect_run(test, MIB + behind, MIB - behind, ZERO(MIB - behind));
	expect_run(test, 2 * MIB - *sector, *sector, ZERO(*sector));
}

/* As above, and the file ends with a whole sector: nothing is to be copied. */
static void map_short_by_sectors(struct kunit *test)
{
	const u32 *sector = test->param_value;
	u64 pos, last = MIB - *sector;

	pos = short_file(test, *sector, last);
	expect_run(test, MIB, MIB, DATA(0, pos, last));
	expect_run(test, MIB + last - *sector, 2 * *sector,
		   DATA(0, pos + last - *sector, *sector));
	expect_run(test, MIB + last, *sector, ZERO(*sector));
}

/* A disk that ends 8 KiB into its last block, in a file of @there of these. */
static u64 short_disk(struct kunit *test, u32 sector, u64 there)
{
	struct fixture *f = test->priv;
	u64 pos;

	f->builder[0].size = MIB + 8192;
	f->builder[0].logical_sector = sector;
	fixture_files(test, 1);
	pos = builder_block(&f->builder[0], 1, 6);
	f->ram[0].store.size = pos + there;
	fixture_chain(test, 1);
	return pos;
}

/* Old QEMU: the last block is no longer than the disk needs. */
static void map_short_last_block(struct kunit *test)
{
	const u32 *sector = test->param_value;
	u64 pos = short_disk(test, *sector, 8192);

	expect_run(test, MIB, 8192, DATA(0, pos, 8192));
}

/*
 * A byte of the disk itself is missing: nothing may be made up for it. What is
 * there is not lost with it.
 */
static void map_cut_last_block(struct kunit *test)
{
	const u32 *sector = test->param_value;
	u64 pos = short_disk(test, *sector, 8191);
	u64 last = 8192 - *sector;
	struct vhdx_run run;

	expect_run(test, MIB, *sector, DATA(0, pos, *sector));
	expect_run(test, MIB, 8192, DATA(0, pos, last));
	KUNIT_EXPECT_EQ(test, map(test, MIB + last, *sector, &run), -EIO);
}

/* A child's block that is cut: what is below needs none of it. */
static void map_cut_partial(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_run run;
	u64 bitmap, pos;

	fixture_files(test, 2);
	bitmap = builder_bitmap(b, 0);
	pos = builder_block(b, 3, 7);
	builder_present(b, bitmap, 3 * 2048, 24);
	builder_present(b, bitmap, 3 * 2048 + 100, 4);
	f->ram[0].store.size = pos + 8192;
	fixture_chain(test, 2);
	warm_up(test);
	expect_run(test, 3 * MIB, MIB, DATA(0, pos, 8192));
	KUNIT_EXPECT_EQ(test, map(test, 3 * MIB + 8192, 512, &run), -EIO);
	expect_run(test, 3 * MIB + 12288, MIB - 12288, ZERO(76 * 512));
	KUNIT_EXPECT_EQ(test, map(test, 3 * MIB + 51200, 512, &run), -EIO);
}

/* One bit is one sector, however large. */
static void map_partial_sectors(struct kunit *test)
{
	const u32 *sector = test->param_value;
	struct fixture *f = test->priv;
	u64 child, bitmap;
	u32 i;

	for (i = 0; i < 2; i++)
		f->builder[i].logical_sector = *sector;
	fixture_files(test, 2);
	child = builder_block(&f->builder[0], 3, 7);
	bitmap = builder_bitmap(&f->builder[0], 0);
	builder_present(&f->builder[0], bitmap, 3 * MIB / *sector + 5, 3);
	fixture_chain(test, 2);
	warm_up(test);
	expect_run(test, 3 * MIB, MIB, ZERO(5 * *sector));
	expect_run(test, 3 * MIB + 5 * *sector, MIB - 5 * *sector,
		   DATA(0, child + 5 * *sector, 3 * *sector));
	expect_run(test, 3 * MIB + 8 * *sector, 8 * *sector,
		   ZERO(8 * *sector));
}

/* What the log changes, and what it adds to the file. */
static void map_replayed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct builder_desc descs[2] = {};
	u64 pos;

	b->log_guid = builder_guid(0x10);
	fixture_files(test, 1);
	pos = builder_block(b, 0, 6);
	builder_block(b, 1, 6);
	descs[0].target = pos + MIB - 4096;
	descs[0].zero = 8192;
	descs[1].target = pos + 65536;
	descs[1].seed = 9;
	builder_log(b, &(struct builder_entry){
		.sequence = 1, .descs = descs, .count = 2,
		.last = pos + 2 * MIB });
	/* The second block was never written out. */
	f->ram[0].store.size = pos + MIB + 16384;
	fixture_chain(test, 1);
	expect_run(test, 0, 2 * MIB, DATA(0, pos, 65536));
	expect_run(test, 65536, 2 * MIB - 65536, COPY(0, pos + 65536, 4096));
	expect_run(test, 65536 + 512, 1024, COPY(0, pos + 65536 + 512, 1024));
	expect_run(test, 69632, MIB, DATA(0, pos + 69632, MIB - 4096 - 69632));
	/* Copies join over the blocks' edge, as data does. */
	expect_run(test, MIB - 4096, MIB, COPY(0, pos + MIB - 4096, 8192));
	expect_run(test, MIB + 4096, MIB - 4096,
		   DATA(0, pos + MIB + 4096, 12288));
	expect_run(test, MIB + 16384, MIB - 16384, ZERO(MIB - 16384));
}

/* What a write may overwrite is the child's alone, whatever the parent has. */
static void map_own(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_miss miss;
	struct vhdx_run run;
	u64 pos, bitmap;

	fixture_files(test, 2);
	pos = builder_block(&f->builder[0], 3, 7);
	bitmap = builder_bitmap(&f->builder[0], 0);
	builder_present(&f->builder[0], bitmap, 3 * 2048 + 8, 8);
	builder_block(&f->builder[1], 3, 6);
	builder_block(&f->builder[1], 5, 6);
	fixture_chain(test, 2);
	while (vhdx_chain_map_own(f->chain, 3 * MIB, MIB, &run, &miss) ==
	       -EAGAIN) {
		KUNIT_EXPECT_PTR_EQ(test, miss.image, f->image[0]);
		KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	}
	KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_ZERO);
	KUNIT_EXPECT_EQ(test, run.length, 4096);
	KUNIT_EXPECT_EQ(test, vhdx_chain_map_own(f->chain, 3 * MIB + 4096, MIB,
						 &run, &miss), 0);
	KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_DATA);
	KUNIT_EXPECT_EQ(test, run.layer, 0);
	KUNIT_EXPECT_EQ(test, run.offset, pos + 4096);
	KUNIT_EXPECT_EQ(test, run.length, 4096);
	KUNIT_EXPECT_FALSE(test, run.absent);
	KUNIT_EXPECT_EQ(test, vhdx_chain_map_own(f->chain, 5 * MIB, MIB, &run,
						 &miss), 0);
	KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_ZERO);
	KUNIT_EXPECT_EQ(test, run.length, MIB);
	/* Nothing of the parent was looked at. */
	KUNIT_EXPECT_EQ(test, f->image[1]->pool.resident, 0);
	KUNIT_EXPECT_EQ(test, vhdx_chain_map_own(f->chain, 64 * MIB, 512, &run,
						 &miss), -EINVAL);
}

static struct kunit_case chain_cases[] = {
	KUNIT_CASE(map_own),
	KUNIT_CASE_PARAM(map_state, state_gen_params),
	KUNIT_CASE_PARAM(map_child_state, child_gen_params),
	KUNIT_CASE(map_child_hides_parent),
	KUNIT_CASE(map_joins_blocks),
	KUNIT_CASE(map_joins_within_layer),
	KUNIT_CASE(map_joins_chunks),
	KUNIT_CASE(map_stops_before_fault),
	KUNIT_CASE(map_misses),
	KUNIT_CASE(find_loads),
	KUNIT_CASE_PARAM(map_no_sectors, sector_size_gen_params),
	KUNIT_CASE(map_partial),
	KUNIT_CASE(map_partial_over_pages),
	KUNIT_CASE(map_partial_without_bitmap),
	KUNIT_CASE(map_depth_three),
	KUNIT_CASE(map_depth_three_zero),
	KUNIT_CASE(map_piece_of_zeros),
	KUNIT_CASE(map_smaller_parent),
	KUNIT_CASE(map_larger_parent),
	KUNIT_CASE_PARAM(map_short_file, sector_size_gen_params),
	KUNIT_CASE_PARAM(map_short_by_sectors, sector_size_gen_params),
	KUNIT_CASE_PARAM(map_short_last_block, sector_size_gen_params),
	KUNIT_CASE_PARAM(map_cut_last_block, sector_size_gen_params),
	KUNIT_CASE(map_cut_partial),
	KUNIT_CASE_PARAM(map_partial_sectors, sector_size_gen_params),
	KUNIT_CASE(map_replayed),
	{}
};

struct kunit_suite vhdx_chain_suite = {
	.name = "vhdx_chain",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = chain_cases,
};
