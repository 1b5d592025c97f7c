// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/wrote.c, dm-vhdx/write.c: the end of a write into sectors that a child
 * lacked, and of a flush. In the kernel alone.
 *
 * write.c is compiled here once more, for dm's view of a bio. The image is in
 * RAM, and its committer real.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/device-mapper.h>

#define vhdx_write_map test_vhdx_write_map
#define vhdx_write_fua test_vhdx_write_fua
#define vhdx_write_flush test_vhdx_write_flush
#define vhdx_end_io test_vhdx_end_io

#include "commit-life.h"
#include "committer-clock.h"
#include "suites.h"
#include "target-rig.h"
#include "write.h"
#include "wrote.h"

#define MIB VHDX_MIB
#define LENGTH 4096U
/* What is not done by then never will be. */
#define PATIENCE_MS 120000

#define dm_per_bio_data target_rig_per_bio_data
#include "../../dm-vhdx/write.c"

/* A child with a bitmap, and block 1 partially present without a bit set. */
static int wrote_init(struct kunit *test)
{
	struct target_rig *rig;
	struct fixture *f;
	int r = fixture_init(test);

	if (r)
		return r;
	f = test->priv;
	fixture_files(test, 2);
	builder_bitmap(&f->builder[0], 0);
	builder_block(&f->builder[0], 1, 7);
	rig = target_rig_new(test, 2);
	r = vhdx_wrote_init(rig->t) ?: target_rig_commit(test);
	return r ?: vhdx_committer_run(rig->t->committer, VHDX_WORK_BEGIN);
}

static void wrote_exit(struct kunit *test)
{
	struct target_rig *rig = target_rig_of(test);

	if (rig)
		vhdx_wrote_exit(rig->t);
	target_rig_exit(test);
}

/* As dm does when a clone ends. */
static void clone_end_io(struct bio *bio)
{
	struct target_rig *rig = container_of(bio, struct target_rig, bio);
	blk_status_t status = bio->bi_status;

	if (test_vhdx_end_io(&rig->ti, bio, &status) != DM_ENDIO_DONE)
		return;
	rig->status = status;
	/* Who waits for it looks at the rest. */
	smp_store_release(&rig->ended, rig->ended + 1);
}

static struct vhdx_run map_write(struct kunit *test)
{
	struct vhdx_target *t = target_rig_of(test)->t;
	struct vhdx_miss miss;
	struct vhdx_run run;
	int r;

	while ((r = test_vhdx_write_map(t, MIB, LENGTH, &run, &miss)) ==
	       -EAGAIN)
		KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	KUNIT_ASSERT_EQ(test, r, 0);
	KUNIT_ASSERT_EQ(test, run.length, LENGTH);
	return run;
}

/* A write that has been sent, and has not ended. */
static struct target_rig *send(struct kunit *test, blk_opf_t opf)
{
	struct target_rig *rig = target_rig_of(test);
	struct vhdx_run run = map_write(test);
	struct vhdx_io *io = target_rig_io(rig, opf, MIB, LENGTH);

	KUNIT_EXPECT_TRUE(test, run.absent);
	rig->bio.bi_end_io = clone_end_io;
	vhdx_wrote_note(io, MIB, &run);
	if (opf & REQ_FUA)
		test_vhdx_write_fua(io);
	return rig;
}

/* The bio ends with @status, and who waits for it is told another. */
static void end_as(struct kunit *test, blk_status_t status, blk_status_t told)
{
	struct target_rig *rig = target_rig_of(test);
	unsigned int ms;

	rig->bio.bi_status = status;
	bio_endio(&rig->bio);
	/* Goes with the bio's end. */
	for (ms = 0; !smp_load_acquire(&rig->ended) && ms < PATIENCE_MS;
	     ms += 20)
		msleep(20);
	KUNIT_EXPECT_EQ(test, READ_ONCE(rig->ended), 1);
	KUNIT_EXPECT_TRUE(test, rig->status == told);
}

static void end(struct kunit *test, blk_status_t status)
{
	end_as(test, status, status);
}

static void wrote_sets_bits(struct kunit *test)
{
	send(test, REQ_OP_WRITE);
	KUNIT_EXPECT_TRUE(test, map_write(test).absent);
	end(test, BLK_STS_OK);
	KUNIT_EXPECT_FALSE(test, map_write(test).absent);
}

/* Nobody knows what is in the store then. */
static void wrote_fails(struct kunit *test)
{
	struct target_rig *rig = send(test, REQ_OP_WRITE);

	end(test, BLK_STS_IOERR);
	KUNIT_EXPECT_TRUE(test, map_write(test).absent);
	KUNIT_EXPECT_TRUE(test,
			  vhdx_session_clean(rig->t->committer->session));
}

/* There is nothing to commit before, but the bits after. */
static void wrote_fua(struct kunit *test)
{
	struct target_rig *rig = target_rig_of(test);
	struct vhdx_session *session = rig->t->committer->session;
	u64 commits = session->stats.commits;

	KUNIT_ASSERT_TRUE(test, vhdx_session_clean(session));
	send(test, REQ_OP_WRITE | REQ_FUA);
	KUNIT_EXPECT_FALSE(test, rig->bio.bi_opf & REQ_FUA);
	KUNIT_EXPECT_TRUE(test, rig->io.durable);
	end(test, BLK_STS_OK);
	KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
	KUNIT_EXPECT_EQ(test, session->stats.commits, commits + 1);
	KUNIT_EXPECT_FALSE(test, map_write(test).absent);
}

/* A change that is not committed, and will not be by the clock; how many were. */
static u64 change(struct kunit *test)
{
	struct target_rig *rig = target_rig_of(test);
	struct vhdx_committer *c = rig->t->committer;
	u64 pos = MIB;

	do {
		KUNIT_ASSERT_LT(test, pos, 2 * MIB);
		KUNIT_ASSERT_EQ(test, vhdx_wrote_now(rig->t, pos, LENGTH), 0);
		pos += LENGTH;
	} while (!committer_clock_put_off(c));
	return READ_ONCE(c->session->stats.commits);
}

/* The end of a flush that went to the store alone. */
static void end_flush(struct kunit *test, blk_status_t status,
		      blk_status_t told)
{
	struct target_rig *rig = target_rig_of(test);
	struct vhdx_io *io = target_rig_io(rig, REQ_OP_WRITE | REQ_PREFLUSH, 0,
					   0);

	rig->bio.bi_end_io = clone_end_io;
	io->passes = true;
	end_as(test, status, told);
}

/* What it passes by is committed after it, though nobody waits for that. */
static void flush_passes(struct kunit *test)
{
	struct vhdx_committer *c = target_rig_of(test)->t->committer;
	u64 commits = change(test);

	end_flush(test, BLK_STS_OK, BLK_STS_OK);
	KUNIT_EXPECT_TRUE(test, committer_clock_await(c));
	KUNIT_EXPECT_EQ(test, READ_ONCE(c->session->stats.commits),
			commits + 1);
}

/* Nothing is written after a flush that has lost what was written before. */
static void flush_fails(struct kunit *test)
{
	struct vhdx_committer *c = target_rig_of(test)->t->committer;
	u64 commits = change(test);
	unsigned int ms;

	end_flush(test, BLK_STS_IOERR, BLK_STS_IOERR);
	for (ms = 0; ms < PATIENCE_MS; ms += 20) {
		if (READ_ONCE(c->session->mode) != VHDX_MODE_RW)
			break;
		msleep(20);
	}
	KUNIT_EXPECT_NE(test, READ_ONCE(c->session->mode), VHDX_MODE_RW);
	KUNIT_EXPECT_EQ(test, READ_ONCE(c->session->stats.commits), commits);
}

/* A flush of the committer that failed meanwhile had the error of this one, too. */
static void flush_robbed(struct kunit *test)
{
	struct vhdx_committer *c = target_rig_of(test)->t->committer;

	vhdx_store_lose(c->image->store, -EIO);
	end_flush(test, BLK_STS_OK, BLK_STS_IOERR);
}

static struct kunit_case wrote_cases[] = {
	KUNIT_CASE(wrote_sets_bits),
	KUNIT_CASE(wrote_fails),
	KUNIT_CASE(wrote_fua),
	KUNIT_CASE(flush_passes),
	KUNIT_CASE(flush_fails),
	KUNIT_CASE(flush_robbed),
	{}
};

struct kunit_suite vhdx_wrote_suite = {
	.name = "vhdx_wrote",
	.init = wrote_init,
	.exit = wrote_exit,
	.test_cases = wrote_cases,
};
