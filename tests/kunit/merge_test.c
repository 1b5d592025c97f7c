// SPDX-License-Identifier: GPL-2.0-only
/* engine/merge.c, and what engine/chain.c tells a merge. */
#include "fixture.h"
#include "merge.h"
#include "suites.h"

#define MIB VHDX_MIB
#define NEXT_GUID 0xA7

static int change(struct kunit *test, u32 depth, u64 pos, u64 len,
		  struct vhdx_run *run)
{
	struct fixture *f = test->priv;
	struct vhdx_miss miss;
	int tries = 10;
	int r;

	while ((r = vhdx_chain_change(f->chain, depth, pos, len, run, &miss)) ==
	       -EAGAIN) {
		KUNIT_ASSERT_TRUE(test, tries-- > 0);
		KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	}
	return r;
}

static void expect_change(struct kunit *test, u32 depth, u64 pos, u64 len,
			  const struct vhdx_run *want)
{
	struct vhdx_run run = {};

	KUNIT_EXPECT_EQ(test, change(test, depth, pos, len, &run), 0);
	KUNIT_EXPECT_EQ(test, run.layer, want->layer);
	KUNIT_EXPECT_EQ(test, run.length, want->length);
	KUNIT_EXPECT_EQ(test, run.kind, want->kind);
	if (want->kind != VHDX_RUN_ZERO)
		KUNIT_EXPECT_EQ(test, run.offset, want->offset);
}

#define RUN(k, where, pos, len) \
	(&(struct vhdx_run){ .kind = (k), .layer = (where), .offset = (pos), \
			     .length = (len) })
#define ZERO(layer, len) RUN(VHDX_RUN_ZERO, layer, 0, len)
#define DATA(layer, pos, len) RUN(VHDX_RUN_DATA, layer, pos, len)

/* The states 1, 2 and 3 are zeros; only 0, and clear bits of 7, show below. */
static void change_states(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 whole, part, bitmap;

	fixture_files(test, 2);
	builder_block(&f->builder[1], 0, 6);
	builder_entry(&f->builder[0], 1, 1);
	builder_entry(&f->builder[0], 2, 2);
	builder_entry(&f->builder[0], 3, 3);
	whole = builder_block(&f->builder[0], 4, 6);
	part = builder_block(&f->builder[0], 5, 7);
	bitmap = builder_bitmap(&f->builder[0], 0);
	builder_present(&f->builder[0], bitmap, 5 * 2048 + 8, 16);
	fixture_chain(test, 2);
	expect_change(test, 1, 0, 2 * MIB, ZERO(1, MIB));
	expect_change(test, 1, MIB, 2 * MIB, ZERO(0, MIB));
	expect_change(test, 1, 2 * MIB, MIB, ZERO(0, MIB));
	expect_change(test, 1, 3 * MIB + 512, MIB, ZERO(0, MIB - 512));
	expect_change(test, 1, 4 * MIB, 512, DATA(0, whole, 512));
	expect_change(test, 1, 5 * MIB, MIB, ZERO(1, 4096));
	expect_change(test, 1, 5 * MIB + 4096, MIB,
		      DATA(0, part + 4096, 8192));
	fixture_expect(test, "");
}

/* Past the end of the image below, its upper image decides on zeros. */
static void change_ends(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_run run;
	u64 pos;

	f->builder[0].size = 8 * MIB;
	f->builder[1].size = 6 * MIB;
	f->builder[2].size = 3 * MIB + 512;
	fixture_files(test, 3);
	pos = builder_block(&f->builder[1], 4, 6);
	fixture_chain(test, 3);
	expect_change(test, 1, 5 * MIB, 3 * MIB, ZERO(1, MIB));
	expect_change(test, 1, 6 * MIB, 2 * MIB, ZERO(0, MIB));
	expect_change(test, 2, 3 * MIB, MIB, ZERO(2, 512));
	expect_change(test, 2, 3 * MIB + 512, MIB, ZERO(1, MIB - 512));
	expect_change(test, 2, 4 * MIB, MIB, DATA(1, pos, MIB));
	expect_change(test, 2, 7 * MIB, MIB, ZERO(0, MIB));
	KUNIT_EXPECT_EQ(test, change(test, 1, 8 * MIB, 512, &run), -EINVAL);
}

static void check_alike(struct kunit *test)
{
	struct fixture *f = test->priv;

	fixture_files(test, 3);
	fixture_chain(test, 3);
	KUNIT_EXPECT_EQ(test, vhdx_merge_check(f->chain, 0, &f->found.report),
			0);
	KUNIT_EXPECT_EQ(test, vhdx_merge_check(f->chain, 1, &f->found.report),
			0);
	fixture_expect(test, "");
}

/* A parent grows or shrinks, unless its own parent would show through. */
static void check_sizes(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->builder[0].size = 8 * MIB;
	f->builder[1].size = 4 * MIB;
	f->builder[2].size = 6 * MIB;
	fixture_files(test, 3);
	fixture_chain(test, 3);
	KUNIT_EXPECT_EQ(test, vhdx_merge_check(f->chain, 0, &f->found.report),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, f->found.count, 1);
	KUNIT_EXPECT_EQ(test, vhdx_merge_check(f->chain, 1, &f->found.report),
			0);
	KUNIT_EXPECT_EQ(test, f->found.count, 1);
}

static void check_smaller(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->builder[0].size = 3 * MIB + 512;
	fixture_files(test, 2);
	fixture_chain(test, 2);
	KUNIT_EXPECT_EQ(test, vhdx_merge_check(f->chain, 0, &f->found.report),
			0);
	fixture_expect(test, "");
}

/* Under other images, only a parent that cannot grow is refused. */
static void check_middle(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->builder[0].size = 8 * MIB;
	f->builder[1].size = 4 * MIB;
	f->builder[2].size = 6 * MIB;
	fixture_files(test, 3);
	fixture_chain(test, 3);
	KUNIT_EXPECT_EQ(test,
			vhdx_merge_check_middle(f->chain, 0, &f->found.report),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, f->found.count, 1);
	KUNIT_EXPECT_EQ(test,
			vhdx_merge_check_middle(f->chain, 1, &f->found.report),
			0);
	KUNIT_EXPECT_EQ(test, f->found.count, 1);
}

/* Of either image, an item that describes the disk. */
static void check_items(struct kunit *test)
{
	struct fixture *f = test->priv;

	fixture_files(test, 2);
	ram_store_put(&f->ram[0], f->builder[0].metadata_offset + BUILDER_ID, 1,
		      8);
	fixture_chain(test, 2);
	KUNIT_EXPECT_EQ(test, vhdx_merge_check(f->chain, 0, &f->found.report),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, f->found.count, 1);
}

/* Bits of a block that is absent, which would show in a page from before. */
static void check_leftovers(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 bitmap;

	fixture_files(test, 3);
	builder_block(&f->builder[1], 0, 7);
	builder_entry(&f->builder[1], 2, 2);
	bitmap = builder_bitmap(&f->builder[1], 0);
	builder_present(&f->builder[1], bitmap, 16, 8);
	builder_present(&f->builder[1], bitmap, 2 * 2048, 8);
	fixture_chain(test, 3);
	KUNIT_EXPECT_EQ(test, vhdx_merge_check_lent(f->chain, 1,
						    &f->found.report), 0);
	KUNIT_EXPECT_EQ(test, vhdx_merge_check_lent(f->chain, 2,
						    &f->found.report), 0);
	fixture_expect(test, "");
}

static void check_leftovers_found(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 bitmap;

	fixture_files(test, 3);
	builder_block(&f->builder[1], 0, 7);
	bitmap = builder_bitmap(&f->builder[1], 0);
	builder_present(&f->builder[1], bitmap, 3 * 2048 + 2047, 1);
	fixture_chain(test, 3);
	KUNIT_EXPECT_EQ(test, vhdx_merge_check_lent(f->chain, 1,
						    &f->found.report),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, f->found.count, 1);
}

static void check_lent_sizes(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->builder[0].size = 8 * MIB;
	f->builder[1].size = 4 * MIB;
	f->builder[2].size = 6 * MIB;
	fixture_files(test, 3);
	fixture_chain(test, 3);
	/* What is between is not written, so that its size does not matter. */
	KUNIT_EXPECT_EQ(test, vhdx_merge_check_lent(f->chain, 2,
						    &f->found.report), 0);
	fixture_expect(test, "");
	KUNIT_EXPECT_EQ(test, vhdx_merge_check_lent(f->chain, 1,
						    &f->found.report),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, f->found.count, 1);
}

/* Readers have the old BAT. */
static void check_lent_bat(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->builder[0].size = 200000 * MIB;
	f->builder[0].bat_length = 2 * MIB;
	fixture_files(test, 2);
	fixture_chain(test, 2);
	KUNIT_EXPECT_EQ(test, vhdx_merge_check(f->chain, 0, &f->found.report),
			0);
	KUNIT_EXPECT_EQ(test, vhdx_merge_check_lent(f->chain, 1,
						    &f->found.report),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, f->found.count, 1);
}

static int map(struct kunit *test, u64 pos, struct vhdx_run *run)
{
	struct fixture *f = test->priv;
	struct vhdx_miss miss;
	int r;

	while ((r = vhdx_chain_map(f->chain, pos, 4096, run, &miss)) ==
	       -EAGAIN) {
		r = vhdx_image_load(&miss);
		if (r)
			break;
	}
	return r;
}

/* Pages of one image, some from before a merge and some from after. */
static void lend_mixed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_run run;
	u64 below;

	fixture_files(test, 3);
	builder_block(&f->builder[1], 0, 7);
	builder_entry(&f->builder[1], 1, 1ULL << 30 | 6);
	below = builder_block(&f->builder[2], 0, 6);
	fixture_chain(test, 3);
	vhdx_image_lend(f->image[1]);
	/* Another store of the file has made it longer by 2 GiB. */
	f->ram[1].missing = -(2ULL << 30);
	KUNIT_ASSERT_EQ(test, map(test, 8192, &run), 0);
	KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_DATA);
	KUNIT_EXPECT_EQ(test, run.layer, 2);
	KUNIT_EXPECT_EQ(test, run.offset, below + 8192);
	KUNIT_ASSERT_EQ(test, map(test, MIB, &run), 0);
	KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_ZERO);
	fixture_expect(test, "");
}

/* What is missing at the end is no more there for a merge. */
static void lend_short(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_run run;

	fixture_files(test, 2);
	builder_entry(&f->builder[1], 1, 1ULL << 30 | 6);
	fixture_chain(test, 2);
	vhdx_image_lend(f->image[1]);
	KUNIT_EXPECT_EQ(test, map(test, MIB, &run), -EIO);
}

/* In an image that is not lent, these are faults. */
static void lend_none(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_run run;

	fixture_files(test, 3);
	builder_block(&f->builder[1], 0, 7);
	builder_entry(&f->builder[1], 1, 1ULL << 30 | 6);
	fixture_chain(test, 3);
	KUNIT_EXPECT_EQ(test, map(test, 8192, &run), -EIO);
	KUNIT_EXPECT_EQ(test, map(test, MIB, &run), -EIO);
}

/* Names the next identity, and keeps its own. */
static void link_child(struct kunit *test)
{
	struct fixture *f = test->priv;
	guid_t next = builder_guid(NEXT_GUID), other = builder_guid(0x11);
	guid_t own, parent;
	struct vhdx_image *image;

	fixture_files(test, 2);
	fixture_chain(test, 2);
	own = *vhdx_image_identity(f->image[0]);
	parent = *vhdx_image_identity(f->image[1]);
	KUNIT_EXPECT_EQ(test,
			vhdx_merge_link(f->chain, &next, &f->found.report), 0);
	vhdx_chain_free(f->chain);
	f->chain = NULL;
	vhdx_image_close(f->image[0]);
	f->image[0] = NULL;
	image = fixture_open(test, 0);
	KUNIT_EXPECT_TRUE(test, vhdx_locator_matches(image->locator, &next));
	KUNIT_EXPECT_TRUE(test, vhdx_locator_matches(image->locator, &parent));
	KUNIT_EXPECT_FALSE(test, vhdx_locator_matches(image->locator, &other));
	KUNIT_EXPECT_TRUE(test, guid_equal(vhdx_image_identity(image), &own));
	KUNIT_EXPECT_FALSE(test,
			   vhdx_header_dirty(vhdx_header_current(&image->headers)));
	fixture_expect(test, "");
}

/* A child that cannot be written is not linked, and says why. */
static void link_read_only(struct kunit *test)
{
	struct fixture *f = test->priv;
	guid_t next = builder_guid(NEXT_GUID);

	fixture_files(test, 2);
	fixture_chain(test, 2);
	ram_store_break_op(&f->ram[0], RAM_WRITE, 1, -EIO);
	KUNIT_EXPECT_NE(test,
			vhdx_merge_link(f->chain, &next, &f->found.report), 0);
	ram_store_mend(&f->ram[0]);
	KUNIT_EXPECT_EQ(test, f->found.count, 1);
}

/* A smaller parent grows, under the identity that the child names. */
static void grow_parent(struct kunit *test)
{
	struct fixture *f = test->priv;
	guid_t next = builder_guid(NEXT_GUID);
	struct vhdx_image *image;

	f->builder[0].size = 8 * MIB;
	f->builder[1].size = 3 * MIB + 512;
	fixture_files(test, 2);
	fixture_chain(test, 2);
	KUNIT_EXPECT_EQ(test, vhdx_merge_check(f->chain, 0, &f->found.report),
			0);
	KUNIT_EXPECT_EQ(test,
			vhdx_merge_fit(f->chain, 1, 8 * MIB, &next,
				       &f->found.report), 0);
	vhdx_chain_free(f->chain);
	f->chain = NULL;
	vhdx_image_close(f->image[1]);
	f->image[1] = NULL;
	image = fixture_open(test, 1);
	KUNIT_EXPECT_EQ(test, image->params.size, 8 * MIB);
	KUNIT_EXPECT_TRUE(test, guid_equal(vhdx_image_identity(image), &next));
	fixture_expect(test, "");
}

/* A larger one shrinks, and its file with it. */
static void shrink_parent(struct kunit *test)
{
	struct fixture *f = test->priv;
	guid_t next = builder_guid(NEXT_GUID);
	struct vhdx_image *image;
	u64 size;

	f->builder[0].size = 3 * MIB + 512;
	fixture_files(test, 2);
	builder_block(&f->builder[1], 0, 6);
	builder_block(&f->builder[1], 5, 6);
	fixture_chain(test, 2);
	size = f->ram[1].store.size;
	KUNIT_EXPECT_EQ(test,
			vhdx_merge_fit(f->chain, 1, 3 * MIB + 512, &next,
				       &f->found.report), 0);
	KUNIT_EXPECT_EQ(test, f->ram[1].store.size, size - MIB);
	vhdx_chain_free(f->chain);
	f->chain = NULL;
	vhdx_image_close(f->image[1]);
	f->image[1] = NULL;
	image = fixture_open(test, 1);
	KUNIT_EXPECT_EQ(test, image->params.size, 3 * MIB + 512);
	KUNIT_EXPECT_TRUE(test, guid_equal(vhdx_image_identity(image), &next));
	fixture_expect(test, "");
}

static struct kunit_case merge_cases[] = {
	KUNIT_CASE(change_states),
	KUNIT_CASE(change_ends),
	KUNIT_CASE(check_alike),
	KUNIT_CASE(check_sizes),
	KUNIT_CASE(check_smaller),
	KUNIT_CASE(check_middle),
	KUNIT_CASE(check_items),
	KUNIT_CASE(check_leftovers),
	KUNIT_CASE(check_leftovers_found),
	KUNIT_CASE(check_lent_sizes),
	KUNIT_CASE(check_lent_bat),
	KUNIT_CASE(lend_mixed),
	KUNIT_CASE(lend_short),
	KUNIT_CASE(lend_none),
	KUNIT_CASE(link_child),
	KUNIT_CASE(link_read_only),
	KUNIT_CASE(grow_parent),
	KUNIT_CASE(shrink_parent),
	{}
};

struct kunit_suite vhdx_merge_suite = {
	.name = "vhdx_merge",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = merge_cases,
};
