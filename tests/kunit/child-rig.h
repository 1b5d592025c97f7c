/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A child that is written, over a parent that has one block: what the suites of
 * children add to a writer.
 *
 * child-rig.c APIs:
 *   child_rig_geometry()	blocks and sectors of both files
 *   child_rig_files()		write the two files
 *   child_rig_begin()		make a session over the child, and begin it
 *   child_rig_start()		where the block of the tests begins
 *   child_rig_state()		a block's state, as the image sees it
 *   child_rig_bitmap()		the entry of a bitmap, as the file has it
 *   child_rig_bits()		how many bits are set, likewise
 *   child_rig_commit()		commit, and write all pages in place
 *   child_rig_expect_entry()	what the last entry of the log changes
 */
#ifndef VHDX_TEST_CHILD_RIG_H
#define VHDX_TEST_CHILD_RIG_H

#include "writer.h"

/* The block of most tests; the parent holds the first 64 KiB of it. */
#define CHILD_RIG_BLOCK		3U
#define CHILD_RIG_HELD		(64 * VHDX_KIB)
#define CHILD_RIG_PARENT	0x50

void child_rig_geometry(struct kunit *test, u32 block_size, u32 sector);
struct builder *child_rig_files(struct kunit *test);
struct vhdx_session *child_rig_begin(struct kunit *test);
u64 child_rig_start(struct kunit *test);
u32 child_rig_state(struct kunit *test, u64 block);
u64 child_rig_bitmap(struct kunit *test, u64 chunk);
u32 child_rig_bits(struct kunit *test, u64 chunk);
void child_rig_commit(struct kunit *test);
void child_rig_expect_entry(struct kunit *test, const u64 *pages, u32 count);

#endif /* VHDX_TEST_CHILD_RIG_H */
