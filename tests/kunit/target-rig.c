// SPDX-License-Identifier: GPL-2.0-only
#include <linux/blkdev.h>

#include "target-rig.h"

/**
 * target_rig_new() - make a device
 * @test: the test, whose files are written; it ends here if that fails
 * @layers: how many of them, child first
 *
 * Return: what the fixture has as its own from now on; it goes with the test.
 */
struct target_rig *target_rig_new(struct kunit *test, unsigned int layers)
{
	struct fixture *f = test->priv;
	struct target_rig *rig;
	struct vhdx_target *t;

	rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);
	t = kunit_kzalloc(test, struct_size(t, layer, layers), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, rig);
	KUNIT_ASSERT_NOT_NULL(test, t);
	/* Whole pages: its size is a power of two. */
	rig->buffer = kunit_kzalloc(test, TARGET_RIG_BUFFER, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, rig->buffer);
	t->layer[0].bdev = kunit_kzalloc(test, sizeof(*t->layer[0].bdev),
					 GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->layer[0].bdev);
	t->chain = fixture_chain(test, layers);
	t->ti = &rig->ti;
	t->layers = layers;
	rig->ti.private = t;
	rig->t = t;
	f->own = rig;
	return rig;
}

static void rig_end_io(struct bio *bio)
{
	struct target_rig *rig = container_of(bio, struct target_rig, bio);

	rig->status = bio->bi_status;
	/* Who waits for it looks at the rest. */
	smp_store_release(&rig->ended, rig->ended + 1);
}

/**
 * target_rig_bio() - make the bio, anew each time
 * @rig: the device
 * @opf: its operation
 * @pos: byte offset on the device
 * @size: bytes; what is done with its data may touch only as many as the buffer
 *	has
 *
 * Return: the bio.
 */
struct bio *target_rig_bio(struct target_rig *rig, blk_opf_t opf, u64 pos,
			   u32 size)
{
	struct bio *bio = &rig->bio;
	u32 i;

	memset(rig->buffer, TARGET_RIG_BYTE, TARGET_RIG_BUFFER);
	bio_init(bio, NULL, rig->vec, ARRAY_SIZE(rig->vec), opf);
	for (i = 0; i < TARGET_RIG_BUFFER; i += PAGE_SIZE)
		__bio_add_page(bio, virt_to_page(rig->buffer + i), PAGE_SIZE,
			       0);
	bio->bi_iter.bi_sector = rig->ti.begin + (pos >> SECTOR_SHIFT);
	bio->bi_iter.bi_size = size;
	bio->bi_end_io = rig_end_io;
	memset(&rig->io, 0, sizeof(rig->io));
	bio->bi_private = &rig->io;
	return bio;
}

/**
 * target_rig_io() - make the bio, and its way as vhdx_map() would leave it
 * @rig: the device
 * @opf: see target_rig_bio(), also for what follows
 * @pos: likewise
 * @size: likewise
 *
 * Return: the way.
 */
struct vhdx_io *target_rig_io(struct target_rig *rig, blk_opf_t opf, u64 pos,
			      u32 size)
{
	rig->io.bio = target_rig_bio(rig, opf, pos, size);
	rig->io.target = rig->t;
	return &rig->io;
}
