/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device that dm knows nothing of, over the first files of a fixture, and one
 * bio to it. In the kernel alone.
 *
 * target-rig.c APIs:
 *   target_rig_new()		make the device
 *   target_rig_bio()		make its bio
 *   target_rig_io()		likewise, as ->map would leave it
 * target-rig.h APIs:
 *   target_rig_of()		the test's device
 *   target_rig_commit()	give it a committer
 *   target_rig_exit()		a suite's exit
 *   target_rig_per_bio_data()	in place of dm_per_bio_data()
 *   target_rig_accept_partial()	in place of dm_accept_partial_bio()
 *   target_rig_provision()	in place of vhdx_provision()
 */
#ifndef VHDX_TEST_TARGET_RIG_H
#define VHDX_TEST_TARGET_RIG_H

#include <linux/bio.h>
#include <linux/device-mapper.h>

#include "commit-life.h"
#include "device.h"
#include "fixture.h"

#define TARGET_RIG_BUFFER 65536U
/* What is in the buffer before anything is read. */
#define TARGET_RIG_BYTE 0xEE

/**
 * struct target_rig - a device and a bio
 * @t: the device; the child is on a block device that is never looked into
 * @ti: dm's side of it
 * @bio: the bio
 * @io: and its way
 * @vec: its pages
 * @buffer: what they are
 * @ended: how often it was completed
 * @status: with what
 * @partial: sectors of it that ->map accepted; 0: it took all
 * @provisioned: how often it was handed to the provisioner
 */
struct target_rig {
	struct vhdx_target *t;
	struct dm_target ti;
	struct bio bio;
	struct vhdx_io io;
	struct bio_vec vec[TARGET_RIG_BUFFER / PAGE_SIZE];
	u8 *buffer;
	unsigned int ended;
	blk_status_t status;
	unsigned int partial;
	unsigned int provisioned;
};

/* The struct is the fixture's own; NULL if it was not made. */
static inline struct target_rig *target_rig_of(struct kunit *test)
{
	struct fixture *f = test->priv;

	return f ? f->own : NULL;
}

struct target_rig *target_rig_new(struct kunit *test, unsigned int layers);
struct bio *target_rig_bio(struct target_rig *rig, blk_opf_t opf, u64 pos,
			   u32 size);
struct vhdx_io *target_rig_io(struct target_rig *rig, blk_opf_t opf, u64 pos,
			      u32 size);

/**
 * target_rig_commit() - give the device a committer, and resume it
 * @test: the test
 *
 * Inline, for a suite may have compiled one of its own.
 *
 * Return: 0 or a negative errno.
 */
static inline int target_rig_commit(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_committer *c;

	c = vhdx_committer_new(f->image[0], &f->found.report, "image");
	if (IS_ERR(c))
		return PTR_ERR(c);
	target_rig_of(test)->t->committer = c;
	return vhdx_committer_preresume(c, NULL, 0);
}

/**
 * target_rig_exit() - a suite's exit
 * @test: the test, however far it got
 */
static inline void target_rig_exit(struct kunit *test)
{
	struct target_rig *rig = target_rig_of(test);

	if (rig && rig->t->committer) {
		vhdx_io_leave(&rig->io);
		vhdx_committer_free(rig->t->committer);
	}
	fixture_exit(test);
}

/**
 * target_rig_per_bio_data() - in place of dm_per_bio_data()
 * @bio: whose bi_private is its struct vhdx_io
 * @size: of that
 *
 * Return: the struct.
 */
static inline void *target_rig_per_bio_data(struct bio *bio, size_t size)
{
	return size == sizeof(struct vhdx_io) ? bio->bi_private : NULL;
}

/**
 * target_rig_accept_partial() - in place of dm_accept_partial_bio()
 * @bio: of a device
 * @sectors: how much of it ->map accepts
 */
static inline void target_rig_accept_partial(struct bio *bio,
					     unsigned int sectors)
{
	container_of(bio, struct target_rig, bio)->partial = sectors;
	bio->bi_iter.bi_size = sectors << SECTOR_SHIFT;
}

/**
 * target_rig_provision() - in place of vhdx_provision()
 * @io: of the device's bio
 */
static inline void target_rig_provision(struct vhdx_io *io)
{
	container_of(io->bio, struct target_rig, bio)->provisioned++;
}

#endif /* VHDX_TEST_TARGET_RIG_H */
