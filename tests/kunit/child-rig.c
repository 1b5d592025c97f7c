// SPDX-License-Identifier: GPL-2.0-only
#include "child-rig.h"

/**
 * child_rig_geometry() - blocks and sectors of both files
 * @test: the test
 * @block_size: bytes
 * @sector: bytes
 */
void child_rig_geometry(struct kunit *test, u32 block_size, u32 sector)
{
	struct fixture *f = test->priv;
	u32 i;

	for (i = 0; i < 2; i++) {
		f->builder[i].block_size = block_size;
		f->builder[i].logical_sector = sector;
		f->builder[i].size = 64ULL * block_size;
	}
}

/**
 * child_rig_files() - write the child, without blocks, and its parent
 * @test: the test
 *
 * Return: the child's builder.
 */
struct builder *child_rig_files(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 pos;

	writer_of(test)->parents = 1;
	fixture_files(test, 2);
	pos = builder_block(&f->builder[1], CHILD_RIG_BLOCK, 6);
	builder_fill(&f->builder[1], pos, CHILD_RIG_HELD,
		     CHILD_RIG_PARENT);
	return &f->builder[0];
}

/**
 * child_rig_begin() - make a session over the child, and begin it
 * @test: the test
 *
 * Return: as writer_open().
 */
struct vhdx_session *child_rig_begin(struct kunit *test)
{
	struct vhdx_session *session = writer_open(test);

	writer_work(test, VHDX_WORK_BEGIN);
	tracer_forget(&writer_of(test)->tracer);
	return session;
}

/**
 * child_rig_start() - where the block of the tests begins
 * @test: the test
 *
 * Return: byte offset on the virtual disk.
 */
u64 child_rig_start(struct kunit *test)
{
	struct fixture *f = test->priv;

	return (u64)CHILD_RIG_BLOCK * f->builder[0].block_size;
}

/**
 * child_rig_state() - a block's state, as the image sees it
 * @test: the test
 * @block: number of the block
 */
u32 child_rig_state(struct kunit *test, u64 block)
{
	return writer_entry(test, block) & 7;
}

/**
 * child_rig_bitmap() - the entry of a chunk's sector bitmap, as the file has it
 * @test: the test
 * @chunk: number of the chunk
 */
u64 child_rig_bitmap(struct kunit *test, u64 chunk)
{
	struct fixture *f = test->priv;
	const struct builder *b = &f->builder[0];

	return ram_store_get(&f->ram[0], b->bat_offset +
			     8 * builder_bitmap_index(b, chunk), 8);
}

/**
 * child_rig_bits() - how many bits of a chunk's bitmap are set, in the file
 * @test: the test; it ends here if there is no bitmap
 * @chunk: number of the chunk
 */
u32 child_rig_bits(struct kunit *test, u64 chunk)
{
	struct fixture *f = test->priv;
	u64 base = child_rig_bitmap(test, chunk) & ~0xFFFFFULL;
	u32 count = 0, i;
	u64 bits;

	KUNIT_ASSERT_TRUE(test, base);
	for (i = 0; i < VHDX_MIB; i += 8)
		for (bits = ram_store_get(&f->ram[0], base + i, 8); bits;
		     bits &= bits - 1)
			count++;
	return count;
}

/**
 * child_rig_commit() - commit, and write all pages in place
 * @test: the test
 */
void child_rig_commit(struct kunit *test)
{
	writer_work(test, VHDX_WORK_COMMIT | VHDX_WORK_CHECKPOINT);
}

/**
 * child_rig_expect_entry() - what the last entry of the log changes, and no more
 * @test: the test
 * @pages: byte offsets in the file
 * @count: of those
 */
void child_rig_expect_entry(struct kunit *test, const u64 *pages, u32 count)
{
	u64 found;
	u32 i, k;

	KUNIT_ASSERT_EQ(test, writer_log_entry(test, 24, 4), count);
	for (i = 0; i < count; i++) {
		for (k = 0; k < count; k++) {
			found = writer_log_entry(test, 64 + 32 * k + 16, 8);
			if (found == pages[i])
				break;
		}
		if (k == count)
			KUNIT_FAIL(test, "no page at 0x%llx", pages[i]);
	}
}
