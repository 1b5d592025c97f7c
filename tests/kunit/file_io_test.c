// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/store/file-io.c: what a write becomes that took zeros along. In the
 * kernel alone.
 *
 * store/file-io.c is compiled here once more. There is no file: what a write of
 * it returned is made up, and what would go to a worker is counted.
 */
#include <linux/bio.h>
#include <linux/workqueue.h>

#include "suites.h"

#define vhdx_file_issue test_file_issue
#define vhdx_file_submit test_file_submit
#define vhdx_file_submit_later test_file_submit_later
#define vhdx_file_submit_flush test_file_submit_flush
#define vhdx_file_io_init test_file_io_init
#define vhdx_file_io_exit test_file_io_exit

#include "target-rig.h"

#define MIB VHDX_MIB
#define DATA 4096U

/* Bios that are to be tried again by a worker. */
static unsigned int queued;

static bool test_queue_work(struct workqueue_struct *queue,
			    struct work_struct *work)
{
	queued++;
	return true;
}

#define queue_work test_queue_work
#include "../../dm-vhdx/store/file-io.c"

/* Their file, in which a MiB is fresh. */
static struct vhdx_file_workers workers;
static struct vhdx_file file;
static struct file filp;
static struct inode inode;

static int file_io_init(struct kunit *test)
{
	int r = fixture_init(test);

	if (r)
		return r;
	queued = 0;
	fixture_files(test, 1);
	target_rig_new(test, 1);
	filp.f_inode = &inode;
	inode.i_size = 3 * MIB;
	file = (struct vhdx_file){
		.store.size = 3 * MIB,
		.filp = &filp,
		.workers = &workers,
		.fresh = vhdx_fresh_new(),
	};
	if (!file.fresh)
		return -ENOMEM;
	vhdx_fresh_add(file.fresh, MIB, 2 * MIB);
	return 0;
}

static void file_io_exit(struct kunit *test)
{
	vhdx_fresh_free(file.fresh);
	file.fresh = NULL;
	fixture_exit(test);
}

static struct vhdx_file_io *begin_io(struct kunit *test, blk_opf_t opf, u64 pos)
{
	struct target_rig *rig = target_rig_of(test);
	struct vhdx_file_io *io = &rig->io.file;

	io_init(io, &file, target_rig_bio(rig, opf, 0, DATA));
	io->pos = pos;
	return io;
}

/* The first write to a grain. */
static struct vhdx_file_io *begin_fill(struct kunit *test, blk_opf_t opf)
{
	struct vhdx_file_io *io = begin_io(test, REQ_OP_WRITE | opf, MIB);

	io->direct = true;
	KUNIT_ASSERT_TRUE(test, may_go_on(io));
	KUNIT_ASSERT_NOT_NULL(test, io->fill);
	return io;
}

struct fill_case {
	const char *name;
	blk_opf_t opf;
	long result;
	bool alone;
	blk_status_t status;
};

static const struct fill_case fill_cases[] = {
	{ "written", 0, VHDX_GRAIN, false, BLK_STS_OK },
	{ "written, durable", REQ_FUA, VHDX_GRAIN, false, BLK_STS_OK },
	{ "a part", REQ_FUA, DATA, true },
	{ "no room", REQ_FUA, -ENOSPC, true },
	{ "no room by quota", REQ_FUA, -EDQUOT, true },
	{ "broken", 0, -EIO, true },
	{ "broken, or not durable", REQ_FUA, -EIO, false, BLK_STS_IOERR },
};

static void fill_case_name(const struct fill_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(fill, fill_cases, fill_case_name);

/* Alone a write may succeed, but not if that hides that a flush did not. */
static void file_io_filled(struct kunit *test)
{
	const struct fill_case *c = test->param_value;
	const struct target_rig *rig = target_rig_of(test);
	struct vhdx_file_io *io = begin_fill(test, c->opf);

	io->result = c->result;
	io_done(io);
	KUNIT_EXPECT_NULL(test, io->fill);
	KUNIT_EXPECT_FALSE(test, vhdx_fresh_meets(file.fresh, MIB, DATA));
	KUNIT_EXPECT_EQ(test, queued, c->alone);
	KUNIT_EXPECT_EQ(test, rig->ended, !c->alone);
	KUNIT_EXPECT_TRUE(test, rig->status == c->status);
}

/* A write that the cut of its file was faster than, or slower; and a read. */
static void file_io_cut(struct kunit *test)
{
	struct target_rig *rig = target_rig_of(test);
	struct vhdx_file_io *io = begin_fill(test, 0);

	inode.i_size = 2 * MIB;
	/* Its grain was written; alone it is not tried. */
	io->result = VHDX_GRAIN;
	io_done(io);
	KUNIT_EXPECT_EQ(test, queued, 1);
	KUNIT_EXPECT_EQ(test, rig->ended, 0);
	KUNIT_EXPECT_TRUE(test, io_issue(io, 0));
	KUNIT_EXPECT_EQ(test, io->result, -EIO);
	io_done(io);
	KUNIT_EXPECT_EQ(test, rig->ended, 1);
	KUNIT_EXPECT_TRUE(test, rig->status == BLK_STS_IOERR);

	io = begin_io(test, REQ_OP_READ, 2 * MIB);
	io->result = 0;
	io_done(io);
	KUNIT_EXPECT_EQ(test, rig->ended, 2);
	KUNIT_EXPECT_TRUE(test, rig->status == BLK_STS_IOERR);
}

static struct kunit_case file_io_cases[] = {
	KUNIT_CASE_PARAM(file_io_filled, fill_gen_params),
	KUNIT_CASE(file_io_cut),
	{}
};

struct kunit_suite vhdx_file_io_suite = {
	.name = "vhdx_file_io",
	.init = file_io_init,
	.exit = file_io_exit,
	.test_cases = file_io_cases,
};
