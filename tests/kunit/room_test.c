// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/commit-nospace.c, and what the committer does for it: writes that find
 * no room. In the kernel alone.
 *
 * Both are compiled here once more: a bio that is tried again ends up in this
 * file, which also says whether dm wants one back. The image is in RAM, in a
 * store that says whether there is room.
 */
#include <linux/delay.h>
#include <linux/device-mapper.h>

#include "suites.h"

#define vhdx_committer_event test_committer_event
#define vhdx_committer_lost test_committer_lost
#define vhdx_committer_work test_committer_work
#define vhdx_committer_again test_committer_again
#define vhdx_committer_ask test_committer_ask
#define vhdx_committer_defer test_committer_defer
#define vhdx_committer_flush test_committer_flush
#define vhdx_committer_flush_failed test_committer_flush_failed
#define vhdx_committer_cut test_committer_cut
#define vhdx_committer_new test_committer_new
#define vhdx_committer_free test_committer_free
#define vhdx_room_refuse test_room_refuse
#define vhdx_room_clear test_room_clear
#define vhdx_room_settle test_room_settle
#define vhdx_committer_refuses test_committer_refuses
#define vhdx_committer_start test_committer_start
#define vhdx_committer_stop test_committer_stop
#define vhdx_committer_preresume test_committer_preresume
#define vhdx_committer_presuspend test_committer_presuspend
#define vhdx_committer_presuspend_undo test_committer_presuspend_undo
#define vhdx_committer_postsuspend test_committer_postsuspend
#define vhdx_committer_grow test_committer_grow
#define vhdx_committer_seal test_committer_seal
#define vhdx_committer_drop_table test_committer_drop_table
#define vhdx_committer_run test_committer_run
#define vhdx_room_wait test_room_wait
#define vhdx_space_worker_start test_space_worker_start
#define vhdx_space_worker_stop test_space_worker_stop
#define vhdx_space_worker_rest test_space_worker_rest
#define vhdx_space_worker_go test_space_worker_go

#include "target-rig.h"

/* More than a second passes between two attempts. */
#define PATIENCE_MS 120000

/**
 * struct place - where the image lies, and the device above it
 * @ops: the store's, with one more
 * @full: there is no room
 * @asked: how often the store was asked for some
 * @again: bios that were tried again
 * @noflush: dm suspends the device, and takes bios back
 */
static struct place {
	struct vhdx_store_ops ops;
	bool full;
	unsigned int asked;
	unsigned int again;
	bool noflush;
} place;

static int test_reserve(struct vhdx_store *store, u64 pos, u64 len)
{
	WRITE_ONCE(place.asked, place.asked + 1);
	return READ_ONCE(place.full) ? -ENOSPC : 0;
}

static void test_go_on(struct vhdx_io *io)
{
	WRITE_ONCE(place.again, place.again + 1);
}

static int test_noflush_suspending(struct dm_target *ti)
{
	return READ_ONCE(place.noflush);
}

#define dm_noflush_suspending test_noflush_suspending
#define dm_per_bio_data target_rig_per_bio_data
#define vhdx_io_go_on test_go_on
#include "../../dm-vhdx/commit.c"
#include "../../dm-vhdx/commit-nospace.c"
#include "../../dm-vhdx/commit-prepare.c"
#include "../../dm-vhdx/commit-thread.c"
#include "../../dm-vhdx/commit-life.c"

static struct vhdx_committer *committer_of(struct kunit *test)
{
	return target_rig_of(test)->t->committer;
}

static int room_init(struct kunit *test)
{
	struct fixture *f;
	int r = fixture_init(test);

	if (r)
		return r;
	f = test->priv;
	fixture_files(test, 1);
	target_rig_new(test, 1);
	place = (struct place){ .ops = *f->ram[0].store.ops, .full = true };
	place.ops.reserve = test_reserve;
	f->ram[0].store.ops = &place.ops;
	return target_rig_commit(test);
}

/**
 * struct fate - what became of a bio, so far
 * @ended: how often it was completed
 * @status: with what
 * @again: how often it was tried again
 */
struct fate {
	unsigned int ended;
	blk_status_t status;
	unsigned int again;
};

static bool is_settled(struct kunit *test)
{
	/* Goes with the end of the bio. */
	return smp_load_acquire(&target_rig_of(test)->ended) ||
	       READ_ONCE(place.again) ||
	       READ_ONCE(committer_of(test)->room.lacking);
}

/* Sends the bio to wait for @err, and waits until something is known. */
static struct fate defer(struct kunit *test, int err)
{
	struct target_rig *rig = target_rig_of(test);
	struct vhdx_io *io = target_rig_io(rig, REQ_OP_WRITE, 0, VHDX_PAGE);
	unsigned int ms;

	rig->ended = 0;
	place.again = 0;
	vhdx_committer_defer(committer_of(test), io->bio, err);
	for (ms = 0; ms < PATIENCE_MS && !is_settled(test); ms += 20)
		msleep(20);
	return (struct fate){ rig->ended, rig->status, place.again };
}

static void expect_waits(struct kunit *test, struct fate fate)
{
	KUNIT_EXPECT_EQ(test, fate.ended, 0);
	KUNIT_EXPECT_EQ(test, fate.again, 0);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(committer_of(test)->room.lacking));
}

static void expect_again(struct kunit *test, struct fate fate)
{
	KUNIT_EXPECT_EQ(test, fate.ended, 0);
	KUNIT_EXPECT_EQ(test, fate.again, 1);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(committer_of(test)->room.lacking));
}

static void expect_refused(struct kunit *test, struct fate fate,
			   blk_status_t status)
{
	KUNIT_EXPECT_EQ(test, fate.ended, 1);
	KUNIT_EXPECT_TRUE(test, fate.status == status);
	KUNIT_EXPECT_EQ(test, fate.again, 0);
}

/* The session cannot begin for want of room, which the engine knows then. */
static void fill_up(struct kunit *test)
{
	expect_again(test, defer(test, -EBUSY));
	KUNIT_EXPECT_EQ(test, vhdx_session_ready(committer_of(test)->session),
			-ENOSPC);
}

/* A file system that is suspended cannot wait; but it is told after a look. */
static void room_suspend(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	unsigned int asked;

	fill_up(test);
	vhdx_committer_presuspend(c, BLK_STS_NOSPC);
	asked = READ_ONCE(place.asked);
	expect_refused(test, defer(test, -ENOSPC), BLK_STS_NOSPC);
	KUNIT_EXPECT_GT(test, READ_ONCE(place.asked), asked);
}

/*
 * There was no room at the last suspend, and nobody has looked for some since:
 * the next suspend's writes are not refused for that.
 */
static void room_suspend_again(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);

	fill_up(test);
	vhdx_committer_presuspend(c, BLK_STS_NOSPC);
	vhdx_committer_postsuspend(c);
	WRITE_ONCE(place.full, false);
	KUNIT_EXPECT_EQ(test, vhdx_committer_preresume(c, NULL, 0), 0);
	vhdx_committer_presuspend(c, BLK_STS_NOSPC);
	expect_again(test, defer(test, -ENOSPC));
	KUNIT_EXPECT_EQ(test, vhdx_session_ready(c->session), 0);
}

/* Likewise without a suspend: nobody is told that there is none. */
static void room_made(struct kunit *test)
{
	fill_up(test);
	WRITE_ONCE(place.full, false);
	expect_again(test, defer(test, -ENOSPC));
	KUNIT_EXPECT_EQ(test, vhdx_session_ready(committer_of(test)->session),
			0);
}

/* Until there is some. */
static void expect_goes_on(struct kunit *test)
{
	unsigned int ms;

	WRITE_ONCE(place.full, false);
	for (ms = 0; ms < PATIENCE_MS && !READ_ONCE(place.again); ms += 20)
		msleep(20);
	KUNIT_EXPECT_EQ(test, place.again, 1);
	KUNIT_EXPECT_EQ(test, target_rig_of(test)->ended, 0);
}

static void room_wait(struct kunit *test)
{
	fill_up(test);
	expect_waits(test, defer(test, -ENOSPC));
	expect_goes_on(test);
}

/* dm takes back what it wants, and that waits for nothing. */
static void room_noflush(struct kunit *test)
{
	fill_up(test);
	WRITE_ONCE(place.noflush, true);
	vhdx_committer_presuspend(committer_of(test), BLK_STS_DM_REQUEUE);
	expect_refused(test, defer(test, -ENOSPC), BLK_STS_DM_REQUEUE);
}

/* Such a suspend is interrupted: dm knows before the target is told. */
static void room_noflush_interrupted(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);

	fill_up(test);
	WRITE_ONCE(place.noflush, true);
	vhdx_committer_presuspend(c, BLK_STS_DM_REQUEUE);
	WRITE_ONCE(place.noflush, false);
	expect_waits(test, defer(test, -ENOSPC));
	vhdx_committer_presuspend_undo(c);
	expect_goes_on(test);
}

static struct kunit_case room_cases[] = {
	KUNIT_CASE(room_suspend),
	KUNIT_CASE(room_suspend_again),
	KUNIT_CASE(room_made),
	KUNIT_CASE(room_wait),
	KUNIT_CASE(room_noflush),
	KUNIT_CASE(room_noflush_interrupted),
	{}
};

struct kunit_suite vhdx_room_suite = {
	.name = "vhdx_room",
	.init = room_init,
	.exit = target_rig_exit,
	.test_cases = room_cases,
};
