// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/map.c: a write to an image in a file, in ->map and in the worker that
 * finds its place. In the kernel alone.
 *
 * map.c is compiled here once more, with its ways out led into this file. The
 * image is in RAM, and its committer real.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/device-mapper.h>

#include "commit-life.h"
#include "store/file.h"
#include "suites.h"
#include "target-rig.h"

#define MIB VHDX_MIB

/**
 * struct ways - what map.c did with a bio
 * @deferred: what the committer was to see to
 * @submitted: writes handed to the file store with their place
 * @queued: writes handed to it without
 * @pos: the place
 * @locate: finds it
 */
static struct ways {
	int deferred;
	unsigned int submitted;
	unsigned int queued;
	u64 pos;
	bool (*locate)(struct vhdx_file_io *io);
} ways;

static void test_defer(struct vhdx_committer *c, struct bio *bio, int err)
{
	ways.deferred = err;
}

static void test_submit(struct vhdx_file *file, struct vhdx_file_io *io,
			struct bio *bio, u64 pos, bool direct)
{
	ways.submitted++;
	ways.pos = pos;
}

static void test_submit_later(struct vhdx_file *file, struct vhdx_file_io *io,
			      struct bio *bio,
			      bool (*locate)(struct vhdx_file_io *io))
{
	ways.queued++;
	ways.locate = locate;
}

int test_vhdx_map_write(struct dm_target *ti, struct bio *bio);

#define vhdx_map test_vhdx_map_write
#define dm_accept_partial_bio target_rig_accept_partial
#define dm_per_bio_data target_rig_per_bio_data
#define vhdx_provision target_rig_provision
#define vhdx_committer_defer test_defer
#define vhdx_file_submit test_submit
#define vhdx_file_submit_later test_submit_later
#include "../../dm-vhdx/map.c"

static struct vhdx_file test_file;

/* Block 0 is there, block 1 is not. */
static u64 block_pos;

static int map_write_init(struct kunit *test)
{
	struct target_rig *rig;
	struct fixture *f;
	int r = fixture_init(test);

	if (r)
		return r;
	f = test->priv;
	memset(&ways, 0, sizeof(ways));
	fixture_files(test, 1);
	block_pos = builder_block(&f->builder[0], 0, 6);
	rig = target_rig_new(test, 1);
	test_file.nowait = true;
	rig->t->layer[0].bdev = NULL;
	rig->t->layer[0].file = &test_file;
	rig->t->layer[0].direct = true;
	return target_rig_commit(test);
}

static void load_bat(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_miss miss = { f->image[0], &f->image[0]->bat_pages, 0 };

	KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
}

static void begin(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test,
			vhdx_committer_run(target_rig_of(test)->t->committer,
					   VHDX_WORK_BEGIN), 0);
}

/* Has ->map queue a write, which is in no epoch yet. */
static struct target_rig *queue_write(struct kunit *test, blk_opf_t opf,
				      u64 pos, u32 size)
{
	struct target_rig *rig = target_rig_of(test);

	KUNIT_ASSERT_EQ(test,
			test_vhdx_map_write(&rig->ti,
					    target_rig_bio(rig, opf, pos,
							   size)),
			DM_MAPIO_SUBMITTED);
	KUNIT_ASSERT_EQ(test, ways.queued, 1);
	KUNIT_EXPECT_PTR_EQ(test, rig->io.epoch, NULL);
	KUNIT_EXPECT_EQ(test, ways.submitted + rig->provisioned, 0);
	return rig;
}

/* Where it lies is known by the worker, and the bio is then in an epoch. */
static void map_write_locates(struct kunit *test)
{
	struct target_rig *rig;

	load_bat(test);
	begin(test);
	rig = queue_write(test, REQ_OP_WRITE, 8192, 4096);
	KUNIT_EXPECT_EQ(test, rig->partial, 0);
	KUNIT_EXPECT_TRUE(test, ways.locate(&rig->io.file));
	KUNIT_EXPECT_EQ(test, rig->io.file.pos, block_pos + 8192);
	KUNIT_EXPECT_PTR_NE(test, rig->io.epoch, NULL);
	KUNIT_EXPECT_EQ(test, rig->ended, 0);
}

/* A worker cannot hand a part back to dm, so that it gets no more than a block. */
static void map_write_cut(struct kunit *test)
{
	struct target_rig *rig = queue_write(test, REQ_OP_WRITE, MIB - 4096,
					     16384);

	KUNIT_EXPECT_EQ(test, rig->partial, 8);
}

static void map_write_to_the_end(struct kunit *test)
{
	struct target_rig *rig = queue_write(test, REQ_OP_WRITE, MIB - 16384,
					     16384);

	KUNIT_EXPECT_EQ(test, rig->partial, 0);
}

static void prepare(struct kunit *test)
{
	struct vhdx_committer *c = target_rig_of(test)->t->committer;
	unsigned int ms;

	vhdx_space_worker_wake(c);
	for (ms = 0; ms < 60000; ms += 20) {
		if (READ_ONCE(c->session->prepared.count))
			return;
		msleep(20);
	}
	KUNIT_FAIL(test, "no block was made ready");
}

/*
 * A block that is not there gets a place, once the space worker has prepared one,
 * and a commit is due.
 */
static void map_write_allocates(struct kunit *test)
{
	struct target_rig *rig;

	load_bat(test);
	begin(test);
	rig = queue_write(test, REQ_OP_WRITE | REQ_FUA, MIB + 512, 512);
	if (!ways.locate(&rig->io.file)) {
		KUNIT_EXPECT_EQ(test, ways.deferred, -EINPROGRESS);
		prepare(test);
	}
	vhdx_io_leave(&rig->io);
	KUNIT_EXPECT_TRUE(test, ways.locate(&rig->io.file));
	KUNIT_EXPECT_EQ(test, rig->io.file.pos % MIB, 512);
	KUNIT_EXPECT_NE(test, rig->io.file.pos, block_pos + 512);
	KUNIT_EXPECT_TRUE(test, rig->io.durable);
	KUNIT_EXPECT_FALSE(test, rig->bio.bi_opf & REQ_FUA);
}

/* With nothing to commit, the disk makes it durable. */
static void map_write_fua(struct kunit *test)
{
	struct target_rig *rig;

	load_bat(test);
	begin(test);
	rig = queue_write(test, REQ_OP_WRITE | REQ_FUA, 0, 512);
	KUNIT_EXPECT_TRUE(test, ways.locate(&rig->io.file));
	KUNIT_EXPECT_FALSE(test, rig->io.durable);
	KUNIT_EXPECT_TRUE(test, rig->bio.bi_opf & REQ_FUA);
}

/* What must wait waits in no epoch, or it would wait for itself. */
static void map_write_missed(struct kunit *test)
{
	struct target_rig *rig = queue_write(test, REQ_OP_WRITE, 0, 512);

	begin(test);
	KUNIT_EXPECT_FALSE(test, ways.locate(&rig->io.file));
	KUNIT_EXPECT_EQ(test, rig->provisioned, 1);
	KUNIT_EXPECT_PTR_EQ(test, rig->io.epoch, NULL);
	KUNIT_EXPECT_EQ(test, rig->ended, 0);
}

static void map_write_not_begun(struct kunit *test)
{
	struct target_rig *rig;

	load_bat(test);
	rig = queue_write(test, REQ_OP_WRITE | REQ_NOWAIT, MIB, 512);
	KUNIT_EXPECT_FALSE(test, ways.locate(&rig->io.file));
	KUNIT_EXPECT_EQ(test, ways.deferred, -EBUSY);
	KUNIT_EXPECT_FALSE(test, rig->bio.bi_opf & REQ_NOWAIT);
	KUNIT_EXPECT_PTR_EQ(test, rig->io.epoch, NULL);
	KUNIT_EXPECT_EQ(test, rig->ended, 0);
}

/*
 * Nobody returns DM_MAPIO_KILL for it any more. What is refused has tried no flush,
 * so that none must seem to have failed.
 */
static void map_write_fails(struct kunit *test)
{
	struct target_rig *rig;

	load_bat(test);
	begin(test);
	rig = queue_write(test, REQ_OP_WRITE | REQ_FUA, 0, 512);
	vhdx_session_fail(rig->t->committer->session, VHDX_AT("test", 0),
			  "a test");
	KUNIT_EXPECT_FALSE(test, ways.locate(&rig->io.file));
	KUNIT_EXPECT_EQ(test, rig->ended, 1);
	KUNIT_EXPECT_TRUE(test, rig->status == BLK_STS_IOERR);
	KUNIT_EXPECT_FALSE(test, rig->bio.bi_opf & REQ_FUA);
	KUNIT_EXPECT_PTR_EQ(test, rig->io.epoch, NULL);
}

/* Of a file that is written through the page cache, each waits on its own. */
static void map_write_buffered(struct kunit *test)
{
	struct target_rig *rig = target_rig_of(test);

	load_bat(test);
	begin(test);
	rig->t->layer[0].direct = false;
	KUNIT_EXPECT_EQ(test,
			test_vhdx_map_write(&rig->ti,
					    target_rig_bio(rig, REQ_OP_WRITE,
							   512, 512)),
			DM_MAPIO_SUBMITTED);
	KUNIT_EXPECT_EQ(test, ways.queued, 0);
	KUNIT_EXPECT_EQ(test, ways.submitted, 1);
	KUNIT_EXPECT_EQ(test, ways.pos, block_pos + 512);
}

/* For zeros a read needs no worker. */
static void map_write_not_reads(struct kunit *test)
{
	struct target_rig *rig = target_rig_of(test);

	load_bat(test);
	KUNIT_EXPECT_EQ(test,
			test_vhdx_map_write(&rig->ti,
					    target_rig_bio(rig, REQ_OP_READ,
							   MIB, 512)),
			DM_MAPIO_SUBMITTED);
	KUNIT_EXPECT_EQ(test, rig->ended, 1);
	KUNIT_EXPECT_EQ(test, ways.queued, 0);
}

static struct kunit_case map_write_cases[] = {
	KUNIT_CASE(map_write_locates),
	KUNIT_CASE(map_write_cut),
	KUNIT_CASE(map_write_to_the_end),
	KUNIT_CASE(map_write_allocates),
	KUNIT_CASE(map_write_fua),
	KUNIT_CASE(map_write_missed),
	KUNIT_CASE(map_write_not_begun),
	KUNIT_CASE(map_write_fails),
	KUNIT_CASE(map_write_buffered),
	KUNIT_CASE(map_write_not_reads),
	{}
};

struct kunit_suite vhdx_map_write_suite = {
	.name = "vhdx_map_write",
	.init = map_write_init,
	.exit = target_rig_exit,
	.test_cases = map_write_cases,
};
