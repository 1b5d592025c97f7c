// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/map.c: what ->map makes of a bio. In the kernel alone.
 *
 * map.c is compiled here once more, with its four ways out led into this file:
 * to device-mapper's core, whose view of a bio only dm can make, to the
 * provisioner, to the file store, and to the block device. The bios are made
 * by hand; the images, and all that finds their blocks, are real.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/device-mapper.h>

#include "store/file.h"
#include "suites.h"
#include "target-rig.h"

#define MIB VHDX_MIB
#define BEGIN 1000

/**
 * struct ways - what map.c did with a bio
 * @submitted: reads handed to the file store
 * @file: the last one's file
 * @pos: and its place there
 * @direct: and whether past the page cache
 * @io: with its way
 * @bio: and the bio
 * @redirected: bios sent to a block device
 */
static struct ways {
	unsigned int submitted;
	struct vhdx_file *file;
	u64 pos;
	bool direct;
	const struct vhdx_file_io *io;
	const struct bio *bio;
	unsigned int redirected;
} ways;

static void test_submit(struct vhdx_file *file, struct vhdx_file_io *io,
			struct bio *bio, u64 pos, bool direct)
{
	ways.submitted++;
	ways.file = file;
	ways.pos = pos;
	ways.direct = direct;
	ways.io = io;
	ways.bio = bio;
}

static void test_set_dev(struct bio *bio, struct block_device *bdev)
{
	ways.redirected++;
	bio->bi_bdev = bdev;
}

int test_vhdx_map(struct dm_target *ti, struct bio *bio);

#define vhdx_map test_vhdx_map
#define dm_accept_partial_bio target_rig_accept_partial
#define dm_per_bio_data target_rig_per_bio_data
#define vhdx_provision target_rig_provision
#define vhdx_file_submit test_submit
#define bio_set_dev test_set_dev
#include "../../dm-vhdx/map.c"

/*
 * The child's blocks of 1 MiB: 0 and 1 follow each other, 2 is zeros, 3 is the
 * parent's, 4 is not valid, 5 is partially present, of 6 the log changes a page.
 */
static u64 child_pos[7], parent_pos;

static void make_images(struct kunit *test)
{
	struct builder_desc desc = { 0, 0, 7 };
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u64 bitmap;

	b->log_guid = builder_guid(0x10);
	fixture_files(test, 2);
	child_pos[0] = builder_block(b, 0, 6);
	child_pos[1] = builder_block(b, 1, 6);
	builder_entry(b, 2, 2);
	builder_entry(b, 4, 5);
	child_pos[5] = builder_block(b, 5, 7);
	child_pos[6] = builder_block(b, 6, 6);
	bitmap = builder_bitmap(b, 0);
	builder_present(b, bitmap, 5 * 2048, 16);
	desc.target = child_pos[6] + 8192;
	builder_log(b, &(struct builder_entry){
		.sequence = 1, .descs = &desc, .count = 1 });
	builder_alloc(&f->builder[1], 3 * MIB);
	parent_pos = builder_block(&f->builder[1], 3, 6);
}

/* The child is on a block device, its parent in a file. */
static int map_init(struct kunit *test)
{
	struct target_rig *rig;
	struct vhdx_layer *parent;
	int r = fixture_init(test);

	if (r)
		return r;
	memset(&ways, 0, sizeof(ways));
	make_images(test);
	rig = target_rig_new(test, 2);
	rig->ti.begin = BEGIN;
	parent = &rig->t->layer[1];
	parent->file = kunit_kzalloc(test, sizeof(*parent->file), GFP_KERNEL);
	parent->direct = true;
	return parent->file ? 0 : -ENOMEM;
}

static void load_all(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_run run;
	struct vhdx_miss miss;
	u64 pos;

	for (pos = 0; pos < 8 * MIB; pos += MIB)
		while (vhdx_chain_map(f->chain, pos, 512, &run, &miss) ==
		       -EAGAIN)
			KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	/* Of the partially present block, whose first sectors are here. */
	while (vhdx_chain_map(f->chain, 5 * MIB + 8192, 512, &run, &miss) ==
	       -EAGAIN)
		KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	findings_init(&f->found);
}

enum way { KILLED, TO_BDEV, TO_FILE, TO_PROVISION, ZEROED };

/* Reads: what becomes of @size bytes at @pos, and how many are taken. */
struct read_case {
	const char *name;
	u64 pos;
	u32 size;
	enum way way;
	u32 taken;
	u64 in_block; /* of the block, where the data is */
	u32 block;
};

static const struct read_case read_cases[] = {
	{ "a block's data", 0, 4096, TO_BDEV, 4096, 0, 0 },
	{ "a sector of it", 1536, 512, TO_BDEV, 512, 1536, 0 },
	{ "over two blocks that follow each other", MIB - 4096, 8192, TO_BDEV,
	  8192, MIB - 4096, 0 },
	{ "all of both", 0, 2 * MIB, TO_BDEV, 2 * MIB, 0, 0 },
	{ "into zeros", 2 * MIB - 4096, 16384, TO_BDEV, 4096, MIB - 4096, 1 },
	{ "zeros", 2 * MIB, 8192, ZEROED, 8192 },
	{ "a sector of zeros", 2 * MIB + 512, 512, ZEROED, 512 },
	{ "zeros into the parent's", 3 * MIB - 4096, 16384, ZEROED, 4096 },
	{ "the parent's", 3 * MIB + 512, 1024, TO_FILE, 1024, 512, 3 },
	{ "the parent's, into what is not valid", 4 * MIB - 512, 1024,
	  TO_FILE, 512, MIB - 512, 3 },
	{ "not valid", 4 * MIB, 4096, KILLED, 4096 },
	{ "not valid, into what is", 5 * MIB - 512, 1024, KILLED, 1024 },
	{ "present sectors", 5 * MIB, 4096, TO_BDEV, 4096, 0, 5 },
	{ "present sectors, into others", 5 * MIB + 4096, 8192, TO_BDEV, 4096,
	  4096, 5 },
	{ "absent sectors, which no parent has", 5 * MIB + 8192, 4096, ZEROED,
	  4096 },
	{ "up to what the log changes", 6 * MIB, 16384, TO_BDEV, 8192, 0, 6 },
	{ "what the log changes", 6 * MIB + 8192, 8192, TO_PROVISION, 4096 },
	{ "behind what the log changes", 6 * MIB + 12288, 4096, TO_BDEV, 4096,
	  12288, 6 },
};

static void read_case_name(const struct read_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(read, read_cases, read_case_name);

static int returned(enum way way)
{
	switch (way) {
	case KILLED:
		return DM_MAPIO_KILL;
	case TO_BDEV:
		return DM_MAPIO_REMAPPED;
	default:
		return DM_MAPIO_SUBMITTED;
	}
}

/* One way was taken, once, and no other. */
static void expect_way(struct kunit *test, enum way way)
{
	const struct target_rig *rig = target_rig_of(test);

	KUNIT_EXPECT_EQ(test, ways.redirected, (unsigned int)(way == TO_BDEV));
	KUNIT_EXPECT_EQ(test, ways.submitted, (unsigned int)(way == TO_FILE));
	KUNIT_EXPECT_EQ(test, rig->provisioned,
			(unsigned int)(way == TO_PROVISION));
	KUNIT_EXPECT_EQ(test, rig->ended, (unsigned int)(way == ZEROED));
}

static void expect_buffer(struct kunit *test, u32 zeros)
{
	const struct target_rig *rig = target_rig_of(test);
	u32 i;

	for (i = 0; i < TARGET_RIG_BUFFER; i++)
		if (rig->buffer[i] != (i < zeros ? 0 : TARGET_RIG_BYTE))
			break;
	KUNIT_EXPECT_EQ(test, i, TARGET_RIG_BUFFER);
}

static void map_read(struct kunit *test)
{
	const struct read_case *c = test->param_value;
	struct target_rig *rig = target_rig_of(test);
	struct bio *bio = target_rig_bio(rig, REQ_OP_READ, c->pos, c->size);
	unsigned int partial = c->taken < c->size ? c->taken >> 9 : 0;

	load_all(test);
	KUNIT_EXPECT_EQ(test, test_vhdx_map(&rig->ti, bio), returned(c->way));
	expect_way(test, c->way);
	KUNIT_EXPECT_EQ(test, rig->partial, partial);
	expect_buffer(test, c->way == ZEROED ? c->taken : 0);
	if (c->way == TO_BDEV) {
		KUNIT_EXPECT_PTR_EQ(test, bio->bi_bdev, rig->t->layer[0].bdev);
		KUNIT_EXPECT_EQ(test, bio->bi_iter.bi_sector,
				(child_pos[c->block] + c->in_block) >> 9);
		KUNIT_EXPECT_EQ(test, bio->bi_iter.bi_size, c->taken);
	}
	if (c->way == TO_FILE) {
		KUNIT_EXPECT_PTR_EQ(test, ways.file, rig->t->layer[1].file);
		KUNIT_EXPECT_EQ(test, ways.pos, parent_pos + c->in_block);
		KUNIT_EXPECT_TRUE(test, ways.direct);
		KUNIT_EXPECT_PTR_EQ(test, ways.io, &rig->io.file);
		KUNIT_EXPECT_PTR_EQ(test, ways.bio, bio);
		KUNIT_EXPECT_PTR_EQ(test, rig->io.target, rig->t);
		KUNIT_EXPECT_PTR_EQ(test, rig->io.bio, bio);
	}
	if (c->way == ZEROED)
		KUNIT_EXPECT_TRUE(test, rig->status == BLK_STS_OK);
}

/* What is not resident is for the provisioner, whole. */
static void map_miss(struct kunit *test)
{
	struct target_rig *rig = target_rig_of(test);
	struct bio *bio = target_rig_bio(rig, REQ_OP_READ, 3 * MIB, 8192);

	KUNIT_EXPECT_EQ(test, test_vhdx_map(&rig->ti, bio), DM_MAPIO_SUBMITTED);
	expect_way(test, TO_PROVISION);
	KUNIT_EXPECT_EQ(test, rig->partial, 0);
	KUNIT_EXPECT_EQ(test, bio->bi_iter.bi_size, 8192);
	expect_buffer(test, 0);
}

/* A map waits for nothing: with the pages gone, no store is read. */
static void map_reads_nothing(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct target_rig *rig = target_rig_of(test);
	u64 before = f->ram[0].reads + f->ram[1].reads;
	u64 pos;

	for (pos = 0; pos < 8 * MIB; pos += MIB)
		test_vhdx_map(&rig->ti,
			      target_rig_bio(rig, REQ_OP_READ, pos, 512));
	KUNIT_EXPECT_EQ(test, f->ram[0].reads + f->ram[1].reads, before);
	KUNIT_EXPECT_EQ(test, rig->provisioned, 8);
}

/* A file that is read through the page cache says so to the file store. */
static void map_buffered(struct kunit *test)
{
	struct target_rig *rig = target_rig_of(test);

	load_all(test);
	rig->t->layer[1].direct = false;
	test_vhdx_map(&rig->ti, target_rig_bio(rig, REQ_OP_READ, 3 * MIB, 512));
	expect_way(test, TO_FILE);
	KUNIT_EXPECT_FALSE(test, ways.direct);
}

/* The device is read-only, whatever is sent to it. */
static const blk_opf_t write_ops[] = {
	REQ_OP_WRITE,
	REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA,
	REQ_OP_FLUSH,
	REQ_OP_DISCARD,
	REQ_OP_SECURE_ERASE,
	REQ_OP_WRITE_ZEROES,
};

static void write_op_name(const blk_opf_t *op, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "operation 0x%x",
		 (__force unsigned int)*op);
}

KUNIT_ARRAY_PARAM(write, write_ops, write_op_name);

static void map_write(struct kunit *test)
{
	const blk_opf_t *op = test->param_value;
	struct target_rig *rig = target_rig_of(test);
	u64 pos;

	load_all(test);
	for (pos = 0; pos < 8 * MIB; pos += MIB) {
		struct bio *bio = target_rig_bio(rig, *op, pos, 4096);

		KUNIT_EXPECT_EQ(test, test_vhdx_map(&rig->ti, bio),
				DM_MAPIO_KILL);
	}
	expect_way(test, KILLED);
	KUNIT_EXPECT_EQ(test, rig->partial, 0);
	expect_buffer(test, 0);
}

/* Flags do not change what a read is. */
static void map_read_flags(struct kunit *test)
{
	struct target_rig *rig = target_rig_of(test);
	struct bio *bio;

	load_all(test);
	bio = target_rig_bio(rig, REQ_OP_READ | REQ_RAHEAD | REQ_NOWAIT |
			     REQ_META, 512, 512);
	KUNIT_EXPECT_EQ(test, test_vhdx_map(&rig->ti, bio), DM_MAPIO_REMAPPED);
	expect_way(test, TO_BDEV);
}

static struct kunit_case map_cases[] = {
	KUNIT_CASE_PARAM(map_read, read_gen_params),
	KUNIT_CASE(map_miss),
	KUNIT_CASE(map_reads_nothing),
	KUNIT_CASE(map_buffered),
	KUNIT_CASE_PARAM(map_write, write_gen_params),
	KUNIT_CASE(map_read_flags),
	{}
};

struct kunit_suite vhdx_map_suite = {
	.name = "vhdx_map",
	.init = map_init,
	.exit = fixture_exit,
	.test_cases = map_cases,
};
