// SPDX-License-Identifier: GPL-2.0-only
/* engine/chain.c: the bytes that a chain reads as. */
#include "fixture.h"
#include "suites.h"

#define MIB VHDX_MIB

/* Data of which every sector can be told from all others. */
static u8 stamp(u32 layer, u64 sector)
{
	return 1 + layer * 80 + sector % 79;
}

static void fill_block(struct builder *b, u32 layer, u64 block, u64 pos)
{
	u32 per_block = b->block_size / 512;
	u32 i;

	for (i = 0; i < per_block; i++)
		builder_fill(b, pos + 512 * i, 512,
			     stamp(layer, block * per_block + i));
}

/*
 * Three layers of 8 MiB with blocks of all kinds, read in pieces of many
 * lengths and compared with a model that knows who owns each sector.
 */
#define MODEL_SECTORS (8 * 2048U)

struct model {
	u8 want[MODEL_SECTORS]; /* the byte that fills each sector */
	u8 buf[65536];
};

static void model_put(struct model *m, u32 layer, u32 first, u32 count)
{
	u32 i;

	for (i = first; i < first + count; i++)
		m->want[i] = stamp(layer, i);
}

static void make_model(struct kunit *test, struct model *m)
{
	struct fixture *f = test->priv;
	u64 bitmap[2], pos;
	u32 layer, i;

	for (layer = 0; layer < 3; layer++)
		f->builder[layer].size = 8 * MIB;
	/* The base is short by a sector and a half MiB. */
	f->builder[2].size = 7 * MIB + MIB / 2 - 512;
	fixture_files(test, 3);
	for (i = 0; i < 8; i++) {
		pos = builder_block(&f->builder[2], 7 - i, 6);
		fill_block(&f->builder[2], 2, 7 - i, pos);
	}
	model_put(m, 2, 0, (7 * MIB + MIB / 2 - 512) / 512);
	for (layer = 0; layer < 2; layer++)
		bitmap[layer] = builder_bitmap(&f->builder[layer], 0);
	pos = builder_block(&f->builder[1], 1, 6);
	fill_block(&f->builder[1], 1, 1, pos);
	model_put(m, 1, 2048, 2048);
	pos = builder_block(&f->builder[1], 2, 7);
	fill_block(&f->builder[1], 1, 2, pos);
	for (i = 0; i < 2048; i += 64) {
		builder_present(&f->builder[1], bitmap[1], 4096 + i, 40);
		model_put(m, 1, 4096 + i, 40);
	}
	builder_entry(&f->builder[1], 3, 2);
	memset(m->want + 3 * 2048, 0, 2048);
	pos = builder_block(&f->builder[0], 2, 7);
	fill_block(&f->builder[0], 0, 2, pos);
	for (i = 7; i < 1900; i += 100) {
		builder_present(&f->builder[0], bitmap[0], 4096 + i, 17);
		model_put(m, 0, 4096 + i, 17);
	}
	pos = builder_block(&f->builder[0], 4, 6);
	fill_block(&f->builder[0], 0, 4, pos);
	model_put(m, 0, 4 * 2048, 2048);
	builder_entry(&f->builder[0], 5, 3);
	memset(m->want + 5 * 2048, 0, 2048);
}

static bool sectors_are(const struct model *m, u32 first, u32 count)
{
	u32 i;

	for (i = 0; i < count * 512; i++)
		if (m->buf[i] != m->want[first + i / 512])
			return false;
	return true;
}

static void read_against_model(struct kunit *test)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	struct fixture *f = test->priv;
	u32 first = 0, count, step = 0;

	KUNIT_ASSERT_NOT_NULL(test, m);
	make_model(test, m);
	/* A pool that cannot hold the pages of all maps. */
	f->pool_pages = 0;
	fixture_chain(test, 3);
	while (first < MODEL_SECTORS) {
		count = min_t(u32, 1 + step % 128, MODEL_SECTORS - first);
		memset(m->buf, 0xEE, sizeof(m->buf));
		KUNIT_ASSERT_EQ(test,
				vhdx_chain_read(f->chain, first * 512ULL,
						m->buf, count * 512),
				0);
		if (!sectors_are(m, first, count))
			KUNIT_FAIL(test, "%u sectors from %u on are wrong",
				   count, first);
		first += count;
		step += 37;
	}
	fixture_expect(test, "");
}

/* A dirty image reads as what its log says, here and there. */
static void read_replayed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct builder_desc desc = {};
	u8 *buf = kunit_kzalloc(test, 16384, GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	b->log_guid = builder_guid(0x10);
	fixture_files(test, 1);
	desc.target = builder_block(b, 0, 6) + 4096;
	desc.seed = 0x33;
	builder_fill(b, desc.target - 4096, 16384, 0x77);
	builder_log(b, &(struct builder_entry){
		.sequence = 1, .descs = &desc, .count = 1 });
	fixture_chain(test, 1);
	KUNIT_EXPECT_EQ(test, vhdx_chain_read(f->chain, 2048, buf, 10240), 0);
	for (i = 0; i < 10240; i++) {
		u32 at = 2048 + i;
		u8 want = at >= 4096 && at < 8192 ?
				  builder_log_byte(0x33, at - 4096) : 0x77;

		if (buf[i] != want)
			break;
	}
	KUNIT_EXPECT_EQ(test, i, 10240);
}

static void read_errors(struct kunit *test)
{
	struct fixture *f = test->priv;
	u8 *buf = kunit_kzalloc(test, 4096, GFP_KERNEL);
	u64 pos;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	fixture_files(test, 1);
	pos = builder_block(&f->builder[0], 0, 6);
	builder_entry(&f->builder[0], 1, 4);
	fixture_chain(test, 1);
	ram_store_break_range(&f->ram[0], 3 * MIB, 1, -ENODATA);
	KUNIT_EXPECT_EQ(test, vhdx_chain_read(f->chain, 0, buf, 512),
			-ENODATA);
	ram_store_break_range(&f->ram[0], pos, 1, -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_chain_read(f->chain, 0, buf, 512), -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_chain_read(f->chain, 4096, buf, 512), 0);
	KUNIT_EXPECT_EQ(test, vhdx_chain_read(f->chain, MIB, buf, 512), -EIO);
}

static struct kunit_case chain_read_cases[] = {
	KUNIT_CASE(read_against_model),
	KUNIT_CASE(read_replayed),
	KUNIT_CASE(read_errors),
	{}
};

struct kunit_suite vhdx_chain_read_suite = {
	.name = "vhdx_chain_read",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = chain_read_cases,
};
