// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/store/bdev.c: the bios of zeroes, of discards and of pieces. In the
 * kernel alone.
 *
 * store/bdev.c is compiled here once more. There is no device: what it is sent is
 * looked at, and ends at once.
 */
#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/mm.h>

#include "suites.h"

#define vhdx_bdev_init test_bdev_init
#define vhdx_bdev_start test_bdev_start
#define vhdx_bdev_stop test_bdev_stop

#include "store/bdev.h"

#define MIB VHDX_MIB
#define GIB (1024 * MIB)
#define START (7 * MIB)
#define OPS 2

/**
 * struct below - the device, and what it was sent
 * @test: the test
 * @store: under which it is
 * @limit: sectors that it zeroes at once; 0 if it cannot
 * @error: what it answers to each operation: zeroes or discards, and writes
 * @good: but to so many of the former, which end well
 * @sent: bios, of each
 * @longest: bytes of the longest of the former
 * @end: the byte after the last that was sent
 * @under_way: bios of pieces, none of which ends before the last is sent
 * @pieces: how many are still to be sent
 * @bad: byte offset of the one that fails
 */
static struct below {
	struct kunit *test;
	struct vhdx_bdev store;
	unsigned int limit;
	int error[OPS];
	unsigned int good;
	unsigned int sent[OPS];
	u64 longest;
	u64 end;
	struct bio_list under_way;
	unsigned int pieces;
	u64 bad;
} below;

static void expect_zeros(const struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bvec;

	bio_for_each_segment(bvec, bio, iter)
		KUNIT_EXPECT_PTR_EQ(below.test, bvec.bv_page, ZERO_PAGE(0));
}

/* What the block layer's own functions take is all that waiting bios may hold. */
static int test_submit_wait(struct bio *bio)
{
	bool write = bio_op(bio) == REQ_OP_WRITE;
	u64 pos = bio->bi_iter.bi_sector << SECTOR_SHIFT;

	KUNIT_EXPECT_PTR_EQ(below.test, bio->bi_pool, &below.store.bios);
	KUNIT_EXPECT_GT(below.test, bio->bi_iter.bi_size, 0U);
	if (below.end != pos)
		KUNIT_EXPECT_EQ(below.test, pos, START);
	below.end = pos + bio->bi_iter.bi_size;
	below.sent[write]++;
	if (write)
		expect_zeros(bio);
	else
		below.longest = max_t(u64, below.longest, bio->bi_iter.bi_size);
	if (bio_op(bio) == REQ_OP_WRITE_ZEROES)
		KUNIT_EXPECT_TRUE(below.test, bio->bi_opf & REQ_NOUNMAP);
	if (!write && below.sent[write] <= below.good)
		return 0;
	return below.error[write];
}

static void test_submit(struct bio *bio)
{
	KUNIT_EXPECT_PTR_EQ(below.test, bio->bi_pool, &below.store.bios);
	KUNIT_EXPECT_EQ(below.test, bio_op(bio), REQ_OP_WRITE);
	below.longest += bio->bi_iter.bi_size;
	bio_list_add(&below.under_way, bio);
	if (--below.pieces)
		return;
	while ((bio = bio_list_pop(&below.under_way))) {
		if (bio->bi_iter.bi_sector << SECTOR_SHIFT == below.bad)
			bio->bi_status = BLK_STS_MEDIUM;
		bio_endio(bio);
	}
}

static unsigned int test_write_zeroes_sectors(struct block_device *bdev)
{
	return below.limit;
}

#define submit_bio test_submit
#define submit_bio_wait test_submit_wait
#define bdev_write_zeroes_sectors test_write_zeroes_sectors
#include "../../dm-vhdx/store/bdev.c"

static int bdev_test_init(struct kunit *test)
{
	below = (struct below){ .test = test };
	return test_bdev_start(&below.store);
}

static void bdev_test_exit(struct kunit *test)
{
	test_bdev_stop(&below.store);
}

struct bdev_case {
	const char *name;
	u64 len;
	unsigned int limit;
	unsigned int good;
	int error[OPS];
	int result;
	unsigned int sent[OPS];
	u64 longest;
};

static void bdev_case_name(const struct bdev_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

static void expect_sent(struct kunit *test, const struct bdev_case *c, int err)
{
	KUNIT_EXPECT_EQ(test, err, c->result);
	KUNIT_EXPECT_EQ(test, below.sent[false], c->sent[false]);
	KUNIT_EXPECT_EQ(test, below.sent[true], c->sent[true]);
	KUNIT_EXPECT_EQ(test, below.longest, c->longest);
	if (!err && (below.sent[true] || !c->error[false]))
		KUNIT_EXPECT_EQ(test, below.end, START + c->len);
}

static void begin(const struct bdev_case *c)
{
	below.limit = c->limit;
	below.good = c->good;
	memcpy(below.error, c->error, sizeof(below.error));
}

static const struct bdev_case zero_cases[] = {
	{ "by pages", 3 * MIB, .sent = { 0, 3 } },
	{ "a sector", 512, .sent = { 0, 1 } },
	{ "a part of the last page", MIB + 512, .sent = { 0, 2 } },
	{ "at once", 3 * MIB, UINT_MAX, .sent = { 1, 0 }, .longest = 3 * MIB },
	{ "in steps", 3 * MIB, 4096, .sent = { 2, 0 }, .longest = 2 * MIB },
	{ "more than a bio counts", 5 * GIB / 2, UINT_MAX, .sent = { 3, 0 },
	  .longest = GIB },
	{ "not known", 2 * MIB, UINT_MAX, .error = { -EREMOTEIO },
	  .sent = { 1, 2 }, .longest = 2 * MIB },
	{ "not known, late", 2 * MIB, 2048, 1, .error = { -EOPNOTSUPP },
	  .sent = { 2, 2 }, .longest = MIB },
	{ "broken", 2 * MIB, UINT_MAX, .error = { -EIO, -EIO }, .result = -EIO,
	  .sent = { 1, 1 }, .longest = 2 * MIB },
	{ "no room", 2 * MIB, .error = { 0, -ENOSPC }, .result = -ENOSPC,
	  .sent = { 0, 1 } },
};

KUNIT_ARRAY_PARAM(zero, zero_cases, bdev_case_name);

static void bdev_zeroes(struct kunit *test)
{
	const struct bdev_case *c = test->param_value;

	begin(c);
	expect_sent(test, c, bdev_zero(&below.store.store, START, c->len));
}

static const struct bdev_case discard_cases[] = {
	{ "a block", MIB, .sent = { 1, 0 }, .longest = MIB },
	{ "more than a bio counts", 5 * GIB, .sent = { 5, 0 }, .longest = GIB },
	{ "not known", 5 * GIB, .error = { -EOPNOTSUPP }, .sent = { 1, 0 },
	  .longest = GIB },
	{ "broken", 5 * GIB, .good = 1, .error = { -EIO }, .result = -EIO,
	  .sent = { 2, 0 }, .longest = GIB },
};

KUNIT_ARRAY_PARAM(discard, discard_cases, bdev_case_name);

static void bdev_discards(struct kunit *test)
{
	const struct bdev_case *c = test->param_value;

	begin(c);
	expect_sent(test, c, bdev_discard(&below.store.store, START, c->len));
}

/* All are under way at once, and one that fails is not forgotten. */
static void bdev_pieces(struct kunit *test)
{
	const u64 at[] = { START, 3 * START, 2 * START };
	struct vhdx_piece pieces[ARRAY_SIZE(at)];
	struct vhdx_store *store = &below.store.store;
	u8 *buf = kunit_kzalloc(test, 6 * VHDX_PAGE, GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	for (i = 0; i < ARRAY_SIZE(at); i++)
		pieces[i] = (struct vhdx_piece){
			.pos = at[i],
			.buf = buf + i * VHDX_PAGE,
			.len = (i + 1) * VHDX_PAGE,
		};
	below.pieces = ARRAY_SIZE(at);
	KUNIT_EXPECT_EQ(test, bdev_write_pieces(store, pieces, 3), 0);
	KUNIT_EXPECT_EQ(test, below.longest, 6 * VHDX_PAGE);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		below.pieces = ARRAY_SIZE(at);
		below.bad = at[i];
		KUNIT_EXPECT_EQ(test, bdev_write_pieces(store, pieces, 3),
				-ENODATA);
	}
}

static struct kunit_case bdev_cases[] = {
	KUNIT_CASE_PARAM(bdev_zeroes, zero_gen_params),
	KUNIT_CASE_PARAM(bdev_discards, discard_gen_params),
	KUNIT_CASE(bdev_pieces),
	{}
};

struct kunit_suite vhdx_bdev_suite = {
	.name = "vhdx_bdev",
	.init = bdev_test_init,
	.exit = bdev_test_exit,
	.test_cases = bdev_cases,
};
