// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/provision.c: a bio of several runs, of which some fail. In the kernel
 * alone.
 *
 * provision.c is compiled here once more. What it sends to the block device ends
 * in this file, at once; what the engine puts together comes from an image in RAM.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/gfp.h>

#include "fixture.h"
#include "suites.h"
#include "target.h"

/* Two pages in place, and one that the log has. */
#define DATA 8192U
#define LENGTH (DATA + VHDX_PAGE)

/**
 * struct fate - what became of the bio
 * @below: what the block device ends its part with
 * @sent: parts that it was sent
 * @ended: how often the bio was completed
 * @status: with what
 */
static struct fate {
	blk_status_t below;
	unsigned int sent;
	unsigned int ended;
	blk_status_t status;
} fate;

static void test_set_dev(struct bio *bio, struct block_device *bdev)
{
}

static void test_remap(struct bio *clone, struct bio *bio)
{
	fate.sent++;
	bio->bi_status = fate.below;
	bio_endio(bio);
}

static void test_ended(struct bio *bio)
{
	fate.ended++;
	fate.status = bio->bi_status;
}

#define vhdx_provision(t, bio) test_vhdx_provision(t, bio)
#define vhdx_provision_load test_vhdx_provision_load
#define vhdx_provision_fail test_vhdx_provision_fail
#define vhdx_provision_init test_vhdx_provision_init
#define vhdx_provision_exit test_vhdx_provision_exit
#define bio_set_dev test_set_dev
#define dm_submit_bio_remap test_remap
#include "../../dm-vhdx/provision.c"

/**
 * struct provision_test - a device and a bio
 * @t: the device
 * @ti: dm's side of it
 * @bdev: never looked into
 * @bio: the bio
 * @io: and its way
 * @vec: its buffer
 * @buffer: what that is
 */
struct provision_test {
	struct vhdx_target *t;
	struct dm_target ti;
	struct block_device *bdev;
	struct bio bio;
	struct vhdx_io io;
	struct bio_vec vec;
	unsigned long buffer;
};

static void make_image(struct kunit *test)
{
	struct builder_desc desc = { 0, 0, 7 };
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	b->log_guid = builder_guid(0x10);
	fixture_files(test, 1);
	desc.target = builder_block(b, 0, 6) + DATA;
	builder_log(b, &(struct builder_entry){
		.sequence = 1, .descs = &desc, .count = 1 });
}

static int provision_init(struct kunit *test)
{
	struct provision_test *p;
	struct fixture *f;
	int r = fixture_init(test);

	if (r)
		return r;
	f = test->priv;
	memset(&fate, 0, sizeof(fate));
	p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	p->t = kunit_kzalloc(test, struct_size(p->t, layer, 1), GFP_KERNEL);
	p->bdev = kunit_kzalloc(test, sizeof(*p->bdev), GFP_KERNEL);
	if (!p->t || !p->bdev)
		return -ENOMEM;
	make_image(test);
	p->t->chain = fixture_chain(test, 1);
	p->t->ti = &p->ti;
	p->t->layers = 1;
	p->t->layer[0].bdev = p->bdev;
	f->own = p;
	p->buffer = __get_free_pages(GFP_KERNEL, get_order(LENGTH));
	return p->buffer ? test_vhdx_provision_init(p->t) : -ENOMEM;
}

static void provision_exit(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct provision_test *p = f ? f->own : NULL;

	if (p) {
		test_vhdx_provision_exit(p->t);
		free_pages(p->buffer, get_order(LENGTH));
	}
	fixture_exit(test);
}

static void read_all(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct provision_test *p = f->own;

	memset((void *)p->buffer, 0xEE, LENGTH);
	bio_init(&p->bio, NULL, &p->vec, 1, REQ_OP_READ);
	__bio_add_page(&p->bio, virt_to_page((void *)p->buffer), LENGTH, 0);
	p->bio.bi_end_io = test_ended;
	p->io.target = p->t;
	p->io.bio = &p->bio;
	while (provision_run(&p->io))
		;
}

/* The log's page is there, whatever became of what is before it. */
static void expect_copied(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct provision_test *p = f->own;

	KUNIT_EXPECT_NE(test, *(u8 *)(p->buffer + DATA), 0xEE);
	KUNIT_EXPECT_NE(test, *(u8 *)(p->buffer + LENGTH - 1), 0xEE);
}

static void provision_runs(struct kunit *test)
{
	read_all(test);
	KUNIT_EXPECT_EQ(test, fate.sent, 1);
	KUNIT_EXPECT_EQ(test, fate.ended, 1);
	KUNIT_EXPECT_TRUE(test, fate.status == BLK_STS_OK);
	expect_copied(test);
}

/* An error is not forgotten over a later run that goes well. */
static void provision_first_fails(struct kunit *test)
{
	fate.below = BLK_STS_MEDIUM;
	read_all(test);
	KUNIT_EXPECT_EQ(test, fate.ended, 1);
	KUNIT_EXPECT_TRUE(test, fate.status == BLK_STS_MEDIUM);
	expect_copied(test);
}

static struct kunit_case provision_cases[] = {
	KUNIT_CASE(provision_runs),
	KUNIT_CASE(provision_first_fails),
	{}
};

struct kunit_suite vhdx_provision_suite = {
	.name = "vhdx_provision",
	.init = provision_init,
	.exit = provision_exit,
	.test_cases = provision_cases,
};
