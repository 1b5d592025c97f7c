// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/provision.c: a bio of several runs, of which some fail, and who waits
 * behind whom. In the kernel alone.
 *
 * provision.c is compiled here once more. What it sends to the block device ends
 * in this file, at once; what the engine puts together comes from an image in RAM.
 * Discards and zeroes come here, too, and wait.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/device-mapper.h>

#include "builder-log.h"
#include "suites.h"
#include "target-rig.h"

/* From within a block, two pages in place, and one that the log has. */
#define START 4096U
#define DATA 8192U
#define LENGTH (DATA + VHDX_PAGE)

#define SEED 7

/* KiB, so that there are as few workers as there can be. */
#define CACHE 64
/* What is not done by then never will be. */
#define PATIENCE_MS 120000

/**
 * struct below - the block device
 * @status: what it ends a part of the bio with
 * @sent: parts that it was sent
 * @sector: where the last of them went
 * @size: and its bytes
 * @wanted: where it should have gone
 */
static struct below {
	blk_status_t status;
	unsigned int sent;
	sector_t sector;
	u32 size;
	sector_t wanted;
} below;

static void test_set_dev(struct bio *bio, struct block_device *bdev)
{
}

static void test_remap(struct bio *clone, struct bio *bio)
{
	below.sent++;
	below.sector = bio->bi_iter.bi_sector;
	below.size = bio->bi_iter.bi_size;
	bio->bi_status = below.status;
	bio_endio(bio);
}

/* As those do that meet a frozen file system. */
static DECLARE_COMPLETION(thawed);

static void test_zero(struct work_struct *work)
{
	wait_for_completion(&thawed);
}

#define vhdx_zero_work test_zero
#define dm_per_bio_data target_rig_per_bio_data
#define vhdx_provision(io) test_vhdx_provision(io)
#define vhdx_provision_prepare test_vhdx_provision_prepare
#define vhdx_provision_pages test_vhdx_provision_pages
#define vhdx_provision_init test_vhdx_provision_init
#define vhdx_provision_exit test_vhdx_provision_exit
#define bio_set_dev test_set_dev
#define dm_submit_bio_remap test_remap
#include "../../dm-vhdx/provision.c"

static void make_image(struct kunit *test)
{
	struct builder_desc desc = { .seed = SEED };
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	b->log_guid = builder_guid(0x10);
	fixture_files(test, 1);
	desc.target = builder_block(b, 0, 6) + START + DATA;
	below.wanted = (desc.target - DATA) >> SECTOR_SHIFT;
	builder_log(b, &(struct builder_entry){
		.sequence = 1, .descs = &desc, .count = 1 });
}

static int provision_init(struct kunit *test)
{
	struct target_rig *rig;
	int r = fixture_init(test);

	if (r)
		return r;
	memset(&below, 0, sizeof(below));
	reinit_completion(&thawed);
	make_image(test);
	rig = target_rig_new(test, 1);
	rig->t->options.bat_cache = CACHE;
	return test_vhdx_provision_init(rig->t);
}

static void provision_exit(struct kunit *test)
{
	struct target_rig *rig = target_rig_of(test);

	complete_all(&thawed);
	if (rig)
		test_vhdx_provision_exit(rig->t);
	fixture_exit(test);
}

static struct target_rig *read_all(struct kunit *test)
{
	struct target_rig *rig = target_rig_of(test);
	struct vhdx_io *io = target_rig_io(rig, REQ_OP_READ, START, LENGTH);

	while (provision_run(io))
		;
	return rig;
}

/*
 * What is in place was asked of the device; the log's page is there, whatever
 * became of what is before it.
 */
static void expect_parts(struct kunit *test, const struct target_rig *rig)
{
	u32 i;

	KUNIT_EXPECT_EQ(test, below.sent, 1);
	KUNIT_EXPECT_EQ(test, below.sector, below.wanted);
	KUNIT_EXPECT_EQ(test, below.size, DATA);
	KUNIT_EXPECT_EQ(test, rig->buffer[DATA - 1], TARGET_RIG_BYTE);
	for (i = 0; i < VHDX_PAGE; i++)
		if (rig->buffer[DATA + i] != builder_log_byte(SEED, i))
			break;
	KUNIT_EXPECT_EQ(test, i, VHDX_PAGE);
	KUNIT_EXPECT_EQ(test, rig->buffer[LENGTH], TARGET_RIG_BYTE);
}

static void provision_runs(struct kunit *test)
{
	struct target_rig *rig = read_all(test);

	KUNIT_EXPECT_EQ(test, rig->ended, 1);
	KUNIT_EXPECT_TRUE(test, rig->status == BLK_STS_OK);
	expect_parts(test, rig);
}

/* An error is not forgotten over a later run that goes well. */
static void provision_first_fails(struct kunit *test)
{
	struct target_rig *rig;

	below.status = BLK_STS_MEDIUM;
	rig = read_all(test);
	KUNIT_EXPECT_EQ(test, rig->ended, 1);
	KUNIT_EXPECT_TRUE(test, rig->status == BLK_STS_MEDIUM);
	expect_parts(test, rig);
}

/* As many discards and zeroes as there are workers. */
static void hold_zeroes(struct kunit *test, struct vhdx_target *t)
{
	struct vhdx_part *held;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, worker_limit(t), WORKERS_MIN);
	held = kunit_kcalloc(test, WORKERS_MIN, sizeof(*held), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, held);
	for (i = 0; i < WORKERS_MIN; i++) {
		bio_init(&held[i].bio, NULL, NULL, 0,
			 i % 2 ? REQ_OP_DISCARD : REQ_OP_WRITE_ZEROES);
		held[i].bio.bi_private = &held[i].io;
		held[i].io.bio = &held[i].bio;
		held[i].io.target = t;
		test_vhdx_provision(&held[i].io);
	}
}

/* A read that needs a page of the BAT does not wait behind what is held. */
static void provision_zeroes_held(struct kunit *test)
{
	struct target_rig *rig = target_rig_of(test);
	struct vhdx_io *io = target_rig_io(rig, REQ_OP_READ, START, LENGTH);
	unsigned int ms;

	hold_zeroes(test, rig->t);
	test_vhdx_provision(io);
	/* Goes with the bio's end. */
	for (ms = 0; !smp_load_acquire(&rig->ended) && ms < PATIENCE_MS;
	     ms += 20)
		msleep(20);
	KUNIT_EXPECT_EQ(test, READ_ONCE(rig->ended), 1);
	KUNIT_EXPECT_TRUE(test, rig->status == BLK_STS_OK);
	expect_parts(test, rig);
}

static struct kunit_case provision_cases[] = {
	KUNIT_CASE(provision_runs),
	KUNIT_CASE(provision_first_fails),
	KUNIT_CASE(provision_zeroes_held),
	{}
};

struct kunit_suite vhdx_provision_suite = {
	.name = "vhdx_provision",
	.init = provision_init,
	.exit = provision_exit,
	.test_cases = provision_cases,
};
