// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/zero.c: what discards and zeroes change, and what if the store fails.
 * In the kernel alone.
 *
 * zero.c is compiled here once more, with what it defers led into this file. The
 * image is in RAM, and its committer real.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/device-mapper.h>

#include "commit-life.h"
#include "defer.h"
#include "store/file.h"
#include "suites.h"
#include "target-rig.h"
#include "writer.h"

#define MIB VHDX_MIB
#define PART 8192U

/**
 * struct fate - what became of a bio, beside its end
 * @failed: what it was handed to the committer with, if it was
 * @loads: pages that were asked for
 */
static struct fate {
	int failed;
	unsigned int loads;
} fate;

static void test_fail(struct vhdx_io *io, int err)
{
	fate.failed = err;
}

static int test_load(const struct vhdx_miss *miss)
{
	fate.loads++;
	return vhdx_image_load(miss);
}

#define vhdx_zero_work test_zero_work
#define vhdx_defer test_fail
#define vhdx_defer_load test_load
#include "../../dm-vhdx/zero.c"

/* Block 0 is there, block 1 is unmapped. The session has begun. */
static int zero_init(struct kunit *test)
{
	struct target_rig *rig;
	struct fixture *f;
	int r = fixture_init(test);

	if (r)
		return r;
	f = test->priv;
	memset(&fate, 0, sizeof(fate));
	fixture_files(test, 1);
	builder_block(&f->builder[0], 0, 6);
	builder_entry(&f->builder[0], 1, 3);
	rig = target_rig_new(test, 1);
	r = target_rig_commit(test);
	return r ?: vhdx_committer_run(rig->t->committer, VHDX_WORK_BEGIN);
}

/* A part of a block: of block 0, which stays where it is, if @pos is 0. */
static struct target_rig *do_zero(struct kunit *test, blk_opf_t opf, u64 pos)
{
	struct target_rig *rig = target_rig_of(test);

	zero_io(target_rig_io(rig, opf, pos + PART, PART));
	return rig;
}

struct zero_case {
	const char *name;
	blk_opf_t opf;
	enum ram_op op;
	int error;
	blk_status_t status;
};

static const struct zero_case zero_cases[] = {
	{ "nothing fails", REQ_OP_WRITE_ZEROES, RAM_ZERO, 0, BLK_STS_OK },
	{ "no room", REQ_OP_WRITE_ZEROES, RAM_ZERO, -ENOSPC, BLK_STS_NOSPC },
	{ "no room in place", REQ_OP_WRITE_ZEROES | REQ_NOUNMAP, RAM_ZERO,
	  -ENOSPC, BLK_STS_NOSPC },
	{ "busy", REQ_OP_WRITE_ZEROES, RAM_ZERO, -EBUSY,
	  BLK_STS_DEV_RESOURCE },
	{ "again", REQ_OP_WRITE_ZEROES, RAM_ZERO, -EAGAIN, BLK_STS_AGAIN },
	{ "broken", REQ_OP_WRITE_ZEROES, RAM_ZERO, -EIO, BLK_STS_IOERR },
	{ "no memory, once", REQ_OP_WRITE_ZEROES, RAM_ZERO, -ENOMEM,
	  BLK_STS_OK },
	{ "a discard", REQ_OP_DISCARD, RAM_DISCARD, -ENOSPC, BLK_STS_OK },
};

static void zero_case_name(const struct zero_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(zero, zero_cases, zero_case_name);

/*
 * The store's error is the bio's, whatever the engine means by the same number;
 * want of memory is nobody's.
 */
static void zero_store_fails(struct kunit *test)
{
	const struct zero_case *c = test->param_value;
	struct fixture *f = test->priv;
	struct target_rig *rig;

	if (c->error)
		ram_store_break_op(&f->ram[0], c->op, 1, c->error);
	rig = do_zero(test, c->opf, 0);
	KUNIT_EXPECT_EQ(test, rig->ended, 1);
	KUNIT_EXPECT_EQ(test, fate.failed, 0);
	KUNIT_EXPECT_EQ(test, fate.loads, 1);
	KUNIT_EXPECT_TRUE(test, rig->status == c->status);
}

/*
 * Other readers may show what an unmapped block held before, so that zeros must
 * be said, whether space is to be kept or not.
 */
static void zero_unmapped(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct target_rig *rig;

	rig = do_zero(test, REQ_OP_WRITE_ZEROES | REQ_NOUNMAP, MIB);
	KUNIT_EXPECT_EQ(test, rig->ended, 1);
	KUNIT_EXPECT_TRUE(test, rig->status == BLK_STS_OK);
	KUNIT_EXPECT_EQ(test, f->ram[0].calls[RAM_ZERO], 0);
	KUNIT_EXPECT_EQ(test,
			vhdx_committer_run(rig->t->committer,
					   VHDX_WORK_COMMIT |
					   VHDX_WORK_CHECKPOINT), 0);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 1), 2);
}

#define GRANULE	32768U

/* How often the store is called for a range of a block in a file. */
struct granule_case {
	const char *name;
	blk_opf_t opf;
	u32 pos;
	u32 len;
	unsigned int discards;
	unsigned int zeros;
	unsigned int writes;
};

static const struct granule_case granule_cases[] = {
	{ "discard of a page", REQ_OP_DISCARD, 0, 4096, 0, 0, 0 },
	{ "discard across an edge", REQ_OP_DISCARD, 4096, GRANULE, 0, 0, 0 },
	{ "discard of a granule", REQ_OP_DISCARD, 0, GRANULE, 1, 0, 0 },
	{ "discard of more", REQ_OP_DISCARD, 4096, 2 * GRANULE - 4096, 1, 0,
	  0 },
	{ "zeroes of two pages", REQ_OP_WRITE_ZEROES, 4096, 8192, 0, 0, 2 },
	{ "zeroes around a granule", REQ_OP_WRITE_ZEROES, GRANULE - 4096,
	  GRANULE + 8192, 0, 1, 2 },
};

static void granule_case_name(const struct granule_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(granule, granule_cases, granule_case_name);

/* Nothing smaller than a granule becomes an extent of the file. */
static void zero_granules(struct kunit *test)
{
	const struct granule_case *c = test->param_value;
	struct target_rig *rig = target_rig_of(test);
	struct fixture *f = test->priv;
	static struct vhdx_file file;
	u64 before[RAM_OPS];

	rig->t->options.discard_granularity = GRANULE;
	rig->t->layer[0].file = &file;
	memcpy(before, f->ram[0].calls, sizeof(before));
	zero_io(target_rig_io(rig, c->opf, c->pos, c->len));
	KUNIT_EXPECT_EQ(test, rig->ended, 1);
	KUNIT_EXPECT_TRUE(test, rig->status == BLK_STS_OK);
	KUNIT_EXPECT_EQ(test, rig->bio.bi_iter.bi_size, 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].calls[RAM_DISCARD] -
			before[RAM_DISCARD], c->discards);
	KUNIT_EXPECT_EQ(test, f->ram[0].calls[RAM_ZERO] - before[RAM_ZERO],
			c->zeros);
	KUNIT_EXPECT_EQ(test, f->ram[0].calls[RAM_WRITE] - before[RAM_WRITE],
			c->writes);
}

static struct kunit_case zero_test_cases[] = {
	KUNIT_CASE_PARAM(zero_store_fails, zero_gen_params),
	KUNIT_CASE(zero_unmapped),
	KUNIT_CASE_PARAM(zero_granules, granule_gen_params),
	{}
};

struct kunit_suite vhdx_zero_suite = {
	.name = "vhdx_zero",
	.init = zero_init,
	.exit = target_rig_exit,
	.test_cases = zero_test_cases,
};
