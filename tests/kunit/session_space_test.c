// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine/session-space.c: which images may be written at all, where blocks get
 * their space from, and when space that was given up is used again.
 */
#include "check.h"
#include "suites.h"
#include "writer.h"

#define MIB VHDX_MIB

static void expect_trace(struct kunit *test, const char *lines)
{
	tracer_expect(test, &writer_of(test)->tracer, lines);
}

static struct vhdx_session *open_default(struct kunit *test)
{
	struct fixture *f = test->priv;

	builder_write(&f->builder[0]);
	return writer_open(test);
}

static struct vhdx_session *begin_default(struct kunit *test)
{
	struct vhdx_session *session = open_default(test);

	writer_work(test, VHDX_WORK_BEGIN);
	tracer_forget(&writer_of(test)->tracer);
	return session;
}

static void commit(struct kunit *test)
{
	writer_work(test, VHDX_WORK_COMMIT);
	tracer_forget(&writer_of(test)->tracer);
}

/* FlushedFileOffset of the last entry of the log. */
static u64 flushed_offset(struct kunit *test)
{
	return writer_log_entry(test, 48, 8);
}

/* LastFileOffset. */
static u64 last_offset(struct kunit *test)
{
	return writer_log_entry(test, 56, 8);
}

static u64 offset_of(struct kunit *test, u64 block)
{
	u64 entry = writer_entry(test, block);

	KUNIT_EXPECT_EQ(test, entry & 0xFFFFF, 6);
	return entry & ~0xFFFFFULL;
}

/* How many pages of a block of 1 MiB read otherwise than as zeros. */
static u32 pages_not_zero(struct kunit *test, u64 block)
{
	u32 wrong = 0;
	u64 at;

	for (at = 0; at < MIB; at += 4096)
		wrong += writer_read(test, block * MIB + at) != 0;
	return wrong;
}

/* Images that must not be written: two blocks of 1 MiB, and one flaw. */
static void overlap(struct builder *b, u64 value)
{
	builder_entry(b, 9, 4 * MIB | 6);
}

static void overlap_anchor(struct builder *b, u64 value)
{
	builder_entry(b, 9, 4 * MIB | 3);
}

static void entry_9(struct builder *b, u64 value)
{
	builder_entry(b, 9, value);
}

static void short_last(struct builder *b, u64 value)
{
	b->size = 63 * MIB + 512;
	builder_write(b);
	builder_block(b, 63, 6);
	b->ram->store.size = 6 * MIB + 4096;
}

static void unreadable(struct builder *b, u64 value)
{
	ram_store_break_range(b->ram, 3 * MIB, 4096, -ENXIO);
}

/**
 * struct unsafe - an image that must not be written
 * @name: for the test's log
 * @alter: makes it so
 * @value: for @alter
 * @error: what the first write returns
 * @reason: what the session says
 */
struct unsafe {
	const char *name;
	void (*alter)(struct builder *b, u64 value);
	u64 value;
	int error;
	const char *reason;
};

static const struct unsafe unsafe_images[] = {
	{
		"overlap", overlap, 0, -EROFS,
		"BAT entry 9 at offset 0x300048: the space at 0x400000 also belongs to BAT entry 0"
	},
	{
		"overlap with an anchor", overlap_anchor, 0, -EROFS,
		"BAT entry 9 at offset 0x300048: the space at 0x400000 also belongs to BAT entry 0"
	},
	{
		"overlap with the log", entry_9, MIB | 6, -EROFS,
		"BAT entry 9 at offset 0x300048: payload block 9, state 6 (FULLY_PRESENT), at 0x100000: its space belongs to the header section, the log or a region"
	},
	{
		"past the end", entry_9, 6 * MIB | 6, -EROFS,
		"BAT entry 9 at offset 0x300048: payload block 9, state 6 (FULLY_PRESENT), at 0x600000: its space lies past the end of the file"
	},
	{
		"partially present", entry_9, 5 * MIB | 7, -EROFS,
		"BAT entry 9 at offset 0x300048: payload block 9 is partially present in an image without a parent; it is read as fully present"
	},
	{
		"state 4", entry_9, 4, -EROFS,
		"BAT entry 9 at offset 0x300048: payload block 9, state 4 (reserved), at 0x0: its state is reserved"
	},
	{
		"state 5", entry_9, 5, -EROFS,
		"BAT entry 9 at offset 0x300048: payload block 9, state 5 (reserved), at 0x0: its state is reserved"
	},
	{
		"reserved bits", entry_9, 5 * MIB | 0x8006, -EROFS,
		"BAT entry 9 at offset 0x300048: reserved bits are set: 0x8000"
	},
	{
		"short last block", short_last, 0, -EROFS,
		"BAT entry 63 at offset 0x3001f8: the last payload block ends at 0x700000, past the end of the file at 0x601000"
	},
	{
		"unreadable", unreadable, 0, -ENXIO,
		"BAT entry 0 at offset 0x300000: cannot be read (error 6)"
	},
};

static void unsafe_name(const struct unsafe *image, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", image->name);
}

KUNIT_ARRAY_PARAM(unsafe, unsafe_images, unsafe_name);

/* It can be read, it says why it cannot be written, and no byte changes. */
static void survey_refuses(struct kunit *test)
{
	const struct unsafe *image = test->param_value;
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_session *session;
	struct vhdx_run run;

	builder_write(b);
	builder_block(b, 0, 6);
	builder_alloc(b, MIB);
	image->alter(b, image->value);
	session = writer_open(test);
	findings_init(&f->found);
	KUNIT_EXPECT_EQ(test, writer_map(test, 0, 512, &run), image->error);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RO);
	KUNIT_EXPECT_FALSE(test, session->live);
	KUNIT_EXPECT_STREQ(test, (const char *)session->reason,
			   image->reason);
	KUNIT_EXPECT_EQ(test, f->found.count, 1);
	KUNIT_EXPECT_EQ(test, writer_map(test, 0, 512, &run), -EROFS);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), -EROFS);
	expect_trace(test, "");
}

/* What is odd and does no harm does not forbid to write. */
static void survey_tolerates(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_session *session;

	builder_write(b);
	builder_entry(b, 1, 77 * MIB);
	builder_entry(b, 2, 77 * MIB | 2);
	builder_entry(b, 3, 77 * MIB | 3);
	/* A region that nobody here knows, and that is not required. */
	ram_store_put(b->ram, 3 * 0x10000 + 8, 3, 4);
	ram_store_put(b->ram, 4 * 0x10000 + 8, 3, 4);
	builder_fill(b, builder_region(0, 2), 16, 0x99);
	builder_fill(b, builder_region(1, 2), 16, 0x99);
	ram_store_put(b->ram, builder_region(0, 2) + 16, 5 * MIB, 8);
	ram_store_put(b->ram, builder_region(1, 2) + 16, 5 * MIB, 8);
	ram_store_put(b->ram, builder_region(0, 2) + 24, 2 * MIB, 4);
	ram_store_put(b->ram, builder_region(1, 2) + 24, 2 * MIB, 4);
	builder_seal_regions(b, 0);
	builder_seal_regions(b, 1);
	b->end = 8 * MIB;
	builder_block(b, 0, 6);
	session = writer_open(test);
	writer_write(test, 10 * MIB, 4 * MIB, 0x11);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
	/* The holes around it are used, and it is left alone. */
	KUNIT_EXPECT_EQ(test, offset_of(test, 10), 4 * MIB);
	KUNIT_EXPECT_EQ(test, offset_of(test, 11), 7 * MIB);
	KUNIT_EXPECT_EQ(test, offset_of(test, 12), 9 * MIB);
	KUNIT_EXPECT_EQ(test, offset_of(test, 13), 10 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 11 * MIB);
}

/* The old place of an unmapped block stays its own until someone looks anew. */
static void survey_anchor(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_session *session;

	builder_write(b);
	builder_block(b, 0, 3);
	builder_block(b, 1, 1);
	builder_block(b, 2, 2);
	session = writer_open(test);
	writer_write(test, 8 * MIB, MIB, 0x11);
	writer_write(test, 0, MIB, 0x12);
	commit(test);
	writer_drain(test);
	writer_write(test, 9 * MIB, MIB, 0x13);
	/* 4 and 5 MiB are anchors; 6 MiB is nobody's: a zero block has none. */
	KUNIT_EXPECT_EQ(test, offset_of(test, 8), 6 * MIB);
	KUNIT_EXPECT_EQ(test, offset_of(test, 0), 7 * MIB);
	KUNIT_EXPECT_EQ(test, offset_of(test, 9), 8 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);

	writer_crash(test);
	writer_open(test);
	writer_write(test, 10 * MIB, 2 * MIB, 0x14);
	KUNIT_EXPECT_EQ(test, offset_of(test, 10), 4 * MIB);
	KUNIT_EXPECT_EQ(test, offset_of(test, 11), 9 * MIB);
}

/* The survey reads the BAT once, not again after each end. */
static void survey_once(struct kunit *test)
{
	struct vhdx_session *session = begin_default(test);
	struct fixture *f = test->priv;
	u64 reads;

	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	reads = f->ram[0].reads;
	writer_work(test, VHDX_WORK_BEGIN);
	KUNIT_EXPECT_EQ(test, f->ram[0].reads, reads);
}

/* Holes come first and are zeroed; then the end of the file, which is zeros. */
static void prepare_order(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	builder_write(b);
	builder_alloc(b, MIB);
	builder_block(b, 0, 6);
	builder_alloc(b, 2 * MIB);
	builder_block(b, 1, 6);
	builder_fill(b, 4 * MIB, 5 * MIB, 0xAB);
	writer_open(test);
	writer_work(test, VHDX_WORK_BEGIN);
	tracer_forget(&writer_of(test)->tracer);
	writer_write(test, 10 * MIB, 512, 1);
	expect_trace(test,
		     "zero 0x400000 +0x100000\n"
		     "zero 0x600000 +0x100000\n"
		     "zero 0x700000 +0x100000\n"
		     "extend 0xd00000\n");
	KUNIT_EXPECT_EQ(test, offset_of(test, 10), 4 * MIB);
	writer_write(test, 11 * MIB, 512, 1);
	writer_write(test, 12 * MIB, 512, 1);
	writer_write(test, 13 * MIB, 512, 1);
	KUNIT_EXPECT_EQ(test, offset_of(test, 11), 6 * MIB);
	KUNIT_EXPECT_EQ(test, offset_of(test, 12), 7 * MIB);
	KUNIT_EXPECT_EQ(test, offset_of(test, 13), 9 * MIB);
	KUNIT_EXPECT_EQ(test, writer_read(test, 10 * MIB), 1);
	KUNIT_EXPECT_EQ(test, writer_read(test, 10 * MIB + 512), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 12 * MIB + MIB - 1), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, MIB), 0xAB);
}

/* Blocks ahead of need: more of them the faster they go, up to 64 MiB. */
static void prepare_goal(struct kunit *test)
{
	static const u32 sizes[] = { 1, 32, 256 };
	static const u32 limits[] = { 64, 2, 2 };
	struct fixture *f = test->priv;
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct vhdx_session *session;
		u64 block = sizes[i] * MIB;
		u32 most = 0;

		ram_store_exit(&f->ram[0]);
		ram_store_init(&f->ram[0]);
		builder_init(&f->builder[0], &f->ram[0]);
		f->builder[0].block_size = block;
		f->builder[0].size = 500 * block;
		session = open_default(test);
		for (k = 0; k < 300; k++) {
			writer_write(test, k * block, 512, 1);
			most = max(most, session->prepared_count);
			KUNIT_EXPECT_LE(test, session->prepared_goal,
					limits[i]);
		}
		KUNIT_EXPECT_EQ(test, session->prepared_goal, limits[i]);
		KUNIT_EXPECT_EQ(test, most, limits[i] - 1);
		KUNIT_EXPECT_EQ(test, session->stats.allocated, 300);
		KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
		KUNIT_EXPECT_EQ(test, session->prepared_count, 0);
		KUNIT_EXPECT_EQ(test, f->ram[0].store.size,
				4 * MIB + 300 * block);
		writer_crash(test);
		vhdx_image_close(f->image[0]);
		f->image[0] = NULL;
	}
}

/* Nobody wants blocks, so none is prepared. */
static void prepare_nothing(struct kunit *test)
{
	struct vhdx_session *session = begin_default(test);

	writer_work(test, VHDX_WORK_COMMIT);
	writer_work(test, 0);
	KUNIT_EXPECT_EQ(test, session->prepared_count, 0);
	KUNIT_EXPECT_EQ(test, vhdx_session_prepare(session), 0);
	expect_trace(test, "flush\n");
}

/* A file that does not end at a whole MiB: the next block does not overlap. */
static void append_ragged(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;

	builder_write(&f->builder[0]);
	f->ram[0].store.size = 4 * MIB + 512;
	session = writer_open(test);
	writer_write(test, 0, MIB, 0x11);
	KUNIT_EXPECT_EQ(test, offset_of(test, 0), 5 * MIB);
	KUNIT_EXPECT_EQ(test, f->image[0]->file_size, f->ram[0].store.size);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 6 * MIB);
}

/*
 * A block device is as long as it is: all of it is there, none of it is zero,
 * and nothing is cut off at the end.
 */
static void append_never(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;

	builder_write(&f->builder[0]);
	f->ram[0].store.size = 12 * MIB;
	builder_fill(&f->builder[0], 4 * MIB, 8 * MIB, 0xCD);
	f->builder[0].param_flags = 1;
	builder_write(&f->builder[0]);
	session = writer_open(test);
	writer_write(test, 0, 512, 0x11);
	KUNIT_EXPECT_EQ(test, offset_of(test, 0), 4 * MIB);
	KUNIT_EXPECT_EQ(test, f->ram[0].calls[RAM_EXTEND], 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 512), 0);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 12 * MIB);
	KUNIT_EXPECT_EQ(test, f->ram[0].calls[RAM_TRUNCATE], 0);
	/* And goes on in the same way. */
	writer_write(test, MIB, 512, 0x12);
	KUNIT_EXPECT_EQ(test, offset_of(test, 1), 5 * MIB);
	KUNIT_EXPECT_EQ(test, writer_read(test, MIB + 512), 0);
}

/* The way of a block's space from one owner to the next, step by step. */
static void reuse_steps(struct kunit *test)
{
	struct vhdx_session *session = begin_default(test);
	struct writer *w = writer_of(test);
	struct fixture *f = test->priv;
	struct vhdx_run run;

	w->tracer.limit = 5 * MIB;
	w->tracer.limit_error = -ENOSPC;
	writer_write(test, 0, MIB, 0x11);
	commit(test);
	KUNIT_EXPECT_EQ(test, writer_map(test, MIB, 512, &run), -ENOSPC);
	tracer_forget(&w->tracer);

	/* Given up, not committed. */
	writer_discard(test, VHDX_ZERO_DISCARD, 0, MIB);
	KUNIT_EXPECT_FALSE(test, vhdx_session_drain(session));
	KUNIT_EXPECT_EQ(test, writer_map(test, MIB, 512, &run), -ENOSPC);
	/* Committed; I/O may be under way to it. */
	commit(test);
	KUNIT_EXPECT_EQ(test, writer_map(test, MIB, 512, &run), -ENOSPC);
	/* Waits for that to end. */
	KUNIT_EXPECT_TRUE(test, vhdx_session_drain(session));
	KUNIT_EXPECT_TRUE(test, vhdx_session_drain(session));
	KUNIT_EXPECT_EQ(test, writer_map(test, MIB, 512, &run), -ENOSPC);
	tracer_forget(&w->tracer);
	/* Has ended: the store may have it, and anyone else. */
	vhdx_session_drained(session);
	expect_trace(test, "discard 0x400000 +0x100000\n");
	KUNIT_EXPECT_FALSE(test, vhdx_session_drain(session));
	KUNIT_EXPECT_EQ(test, writer_map(test, MIB, 512, &run), 0);
	KUNIT_EXPECT_EQ(test, run.offset, 4 * MIB);
	KUNIT_EXPECT_EQ(test, pages_not_zero(test, 1), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].calls[RAM_ZERO], 1);
}

/* What is given up while other space drains waits for its own turn. */
static void reuse_queue(struct kunit *test)
{
	struct vhdx_session *session = begin_default(test);

	writer_write(test, 0, 4 * MIB, 0x11);
	commit(test);
	writer_discard(test, VHDX_ZERO_DISCARD, 0, MIB);
	commit(test);
	KUNIT_EXPECT_TRUE(test, vhdx_session_drain(session));
	writer_discard(test, VHDX_ZERO_DISCARD, 2 * MIB, 2 * MIB);
	commit(test);
	/* The I/O that the first call is about says nothing of the second. */
	KUNIT_EXPECT_TRUE(test, vhdx_session_drain(session));
	vhdx_session_drained(session);
	expect_trace(test, "discard 0x400000 +0x100000\n");
	KUNIT_EXPECT_TRUE(test, vhdx_session_drain(session));
	vhdx_session_drained(session);
	expect_trace(test, "discard 0x600000 +0x200000\n");
	KUNIT_EXPECT_FALSE(test, vhdx_session_drain(session));
	vhdx_session_drained(session);
	expect_trace(test, "");
}

/* While a transaction is being committed, a block gives its space up. */
static void discard_now(void *context, enum ram_op op, u64 pos)
{
	struct kunit *test = context;

	writer_of(test)->tracer.hook = NULL;
	writer_discard(test, VHDX_ZERO_DISCARD, MIB, MIB);
}

/* That is in the next transaction, so this one does not free it. */
static void reuse_not_of_next(struct kunit *test)
{
	struct vhdx_session *session = begin_default(test);
	struct writer *w = writer_of(test);

	writer_write(test, 0, 2 * MIB, 0x11);
	commit(test);
	writer_discard(test, VHDX_ZERO_DISCARD, 0, MIB);
	w->tracer.hook = discard_now;
	w->tracer.context = test;
	commit(test);
	KUNIT_EXPECT_PTR_EQ(test, w->tracer.hook, NULL);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 1), 3);
	writer_drain(test);
	expect_trace(test, "discard 0x400000 +0x100000\n");
	writer_drain(test);
	expect_trace(test, "");
	commit(test);
	writer_drain(test);
	expect_trace(test, "discard 0x500000 +0x100000\n");
	KUNIT_EXPECT_FALSE(test, vhdx_session_drain(session));
}

/* A commit that fails frees nothing. */
static void reuse_not_after_failure(struct kunit *test)
{
	struct vhdx_session *session = begin_default(test);
	struct fixture *f = test->priv;

	writer_write(test, 0, MIB, 0x11);
	commit(test);
	writer_discard(test, VHDX_ZERO_DISCARD, 0, MIB);
	ram_store_break_op(&f->ram[0], RAM_FLUSH, 2, -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_session_work(session, VHDX_WORK_COMMIT),
			-EIO);
	tracer_forget(&writer_of(test)->tracer);
	KUNIT_EXPECT_FALSE(test, vhdx_session_drain(session));
	vhdx_session_drained(session);
	expect_trace(test, "");
	KUNIT_EXPECT_EQ(test, session->space.freed[VHDX_FREED_WAITING], 0);
}

/* Ten rounds of filling and emptying a disk: the file does not get longer. */
static void reuse_stays_flat(struct kunit *test)
{
	struct vhdx_session *session = begin_default(test);
	struct fixture *f = test->priv;
	u64 longest = 0;
	u32 round, i;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < 32; i++) {
			writer_write(test, i * 2 * MIB, 4096, 1 + round);
			KUNIT_EXPECT_EQ(test,
					writer_read(test, i * 2 * MIB + 4096),
					0);
		}
		writer_work(test, VHDX_WORK_COMMIT);
		/* By the second round, 64 MiB are kept ready. */
		if (round < 2)
			longest = f->ram[0].store.size;
		KUNIT_EXPECT_LE(test, f->ram[0].store.size, longest);
		writer_discard(test, VHDX_ZERO_DISCARD, 0, 64 * MIB);
		writer_work(test, VHDX_WORK_COMMIT);
		writer_drain(test);
	}
	KUNIT_EXPECT_EQ(test, session->stats.allocated, 320);
	KUNIT_EXPECT_EQ(test, session->stats.freed, 320);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 4 * MIB);
}

/*
 * The one is the end of what the entry, or one before it, points to; the other
 * what a flush before the entry has found the file to have.
 */
static void entry_offsets(struct kunit *test)
{
	struct vhdx_session *session = begin_default(test);
	struct fixture *f = test->priv;
	u64 size;

	KUNIT_EXPECT_EQ(test, flushed_offset(test), 4 * MIB);
	KUNIT_EXPECT_EQ(test, last_offset(test), 4 * MIB);
	writer_write(test, 0, 512, 1);
	size = f->ram[0].store.size;
	KUNIT_EXPECT_GT(test, size, 5 * MIB);
	commit(test);
	/* The blocks that are only prepared do not count. */
	KUNIT_EXPECT_EQ(test, flushed_offset(test), size);
	KUNIT_EXPECT_EQ(test, last_offset(test), 5 * MIB);
	writer_write(test, MIB, 2 * MIB, 1);
	commit(test);
	KUNIT_EXPECT_EQ(test, last_offset(test), 7 * MIB);
	/* An older entry may be replayed with it, and names what is gone. */
	writer_discard(test, VHDX_ZERO_DISCARD, 2 * MIB, MIB);
	commit(test);
	KUNIT_EXPECT_EQ(test, last_offset(test), 7 * MIB);
	KUNIT_EXPECT_EQ(test, flushed_offset(test), f->ram[0].store.size);
	/* The next session looks anew. */
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	writer_work(test, VHDX_WORK_BEGIN);
	KUNIT_EXPECT_EQ(test, last_offset(test), 6 * MIB);
	KUNIT_EXPECT_EQ(test, flushed_offset(test), 6 * MIB);
}

/* While the entry is written, blocks behind all others are published. */
static void write_now(void *context, enum ram_op op, u64 pos)
{
	struct kunit *test = context;
	struct fixture *f = test->priv;

	if (op != RAM_WRITE || pos < f->builder[0].log_offset)
		return;
	writer_of(test)->tracer.hook = NULL;
	writer_write(test, 40 * MIB, 512, 2);
}

static void entry_offsets_race(struct kunit *test)
{
	struct writer *w = writer_of(test);

	begin_default(test);
	writer_write(test, 0, 512, 1);
	w->tracer.hook = write_now;
	w->tracer.context = test;
	commit(test);
	KUNIT_EXPECT_PTR_EQ(test, w->tracer.hook, NULL);
	KUNIT_EXPECT_EQ(test, last_offset(test), 5 * MIB);
	commit(test);
	KUNIT_EXPECT_EQ(test, last_offset(test), 6 * MIB);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, 40 * MIB), 2);
	KUNIT_EXPECT_EQ(test, writer_read(test, 40 * MIB + 512), 0);
}

/* The flush before an entry covers the growth that the entry needs. */
static void entry_offsets_growth(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 flushed, last, i;

	begin_default(test);
	for (i = 0; i < 40; i++) {
		writer_write(test, i * MIB, 512, 1);
		if (i % 3)
			continue;
		commit(test);
		flushed = flushed_offset(test);
		last = last_offset(test);
		KUNIT_EXPECT_EQ(test, flushed % MIB, 0);
		KUNIT_EXPECT_EQ(test, last, (5 + i) * MIB);
		KUNIT_EXPECT_LE(test, flushed, f->ram[0].store.size);
		KUNIT_EXPECT_LE(test, last, flushed);
	}
}

static const int no_room_errors[] = { ENOSPC, EDQUOT, EFBIG };

static void no_room_name(const int *error, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "errno %d", *error);
}

KUNIT_ARRAY_PARAM(no_room, no_room_errors, no_room_name);

/*
 * No room: whoever needs it is told, all others go on, what was written can be
 * committed; and when there is room again, so can the rest.
 */
static void no_space(struct kunit *test)
{
	const int *error = test->param_value;
	struct vhdx_session *session = begin_default(test);
	struct writer *w = writer_of(test);
	struct vhdx_run run;

	w->tracer.limit = 6 * MIB;
	w->tracer.limit_error = -*error;
	/* Not for as many blocks as it likes to have, but for two. */
	writer_write(test, 0, 2 * MIB, 0x11);
	KUNIT_EXPECT_EQ(test, writer_map(test, 2 * MIB, 512, &run), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, session->no_space);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
	writer_write(test, MIB, MIB, 0x12);
	writer_discard(test, VHDX_ZERO_WRITE, 5 * MIB, MIB);
	writer_work(test, VHDX_WORK_COMMIT);
	KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
	KUNIT_EXPECT_EQ(test, writer_map(test, 2 * MIB, 512, &run), -ENOSPC);

	/* Somebody makes room; the committer finds out when it works next. */
	w->tracer.limit = 8 * MIB;
	writer_work(test, 0);
	KUNIT_EXPECT_FALSE(test, session->no_space && !session->prepared_count);
	writer_write(test, 2 * MIB, 2 * MIB, 0x13);
	KUNIT_EXPECT_EQ(test, writer_map(test, 4 * MIB, 512, &run), -ENOSPC);
	/* So does a block that gives up its own. */
	writer_discard(test, VHDX_ZERO_DISCARD, 3 * MIB, MIB);
	writer_work(test, VHDX_WORK_COMMIT);
	writer_drain(test);
	writer_write(test, 4 * MIB, MIB, 0x14);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), 0x11);
	KUNIT_EXPECT_EQ(test, writer_read(test, MIB), 0x12);
	KUNIT_EXPECT_EQ(test, writer_read(test, 2 * MIB), 0x13);
	KUNIT_EXPECT_EQ(test, writer_read(test, 3 * MIB), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 4 * MIB), 0x14);
}

/*
 * A hole in the file has no space behind it, so that zeroing it may find none
 * either. It stays a hole, and is there when there is room again.
 */
static void no_space_in_hole(struct kunit *test)
{
	const int *error = test->param_value;
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_session *session;
	struct vhdx_run run;

	builder_write(b);
	builder_alloc(b, MIB);
	builder_block(b, 0, 6);
	session = writer_open(test);
	writer_of(test)->tracer.limit = 6 * MIB;
	writer_of(test)->tracer.limit_error = -*error;
	writer_work(test, VHDX_WORK_BEGIN);
	ram_store_break_op(&f->ram[0], RAM_ZERO, 1, -*error);
	KUNIT_EXPECT_EQ(test, writer_map(test, MIB, 512, &run), -ENOSPC);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
	writer_work(test, 0);
	KUNIT_EXPECT_EQ(test, writer_map(test, MIB, 512, &run), 0);
	KUNIT_EXPECT_EQ(test, run.offset, 4 * MIB);
}

/* An extension that fails for another reason is the end of writing. */
static void extend_fails(struct kunit *test)
{
	struct vhdx_session *session = begin_default(test);
	struct writer *w = writer_of(test);
	struct vhdx_run run;

	w->tracer.limit = 6 * MIB;
	w->tracer.limit_error = -EIO;
	KUNIT_EXPECT_EQ(test, writer_map(test, 0, 512, &run), -EIO);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RO);
	KUNIT_EXPECT_STREQ(test, (const char *)session->reason,
			   "space for new blocks cannot be prepared");
}

/* The file grows in steps of an eighth, of 256 MiB at the most. */
static void growth(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 size = 4 * MIB, steps = 0, i;

	f->builder[0].size = 8192 * MIB;
	begin_default(test);
	for (i = 0; i < 4096; i++) {
		u64 now;

		writer_write(test, i * MIB, 512, 1);
		now = f->ram[0].store.size;
		if (now == size)
			continue;
		KUNIT_EXPECT_LE(test, now - size, 256 * MIB);
		KUNIT_EXPECT_EQ(test, now % MIB, 0);
		size = now;
		steps++;
		commit(test);
	}
	KUNIT_EXPECT_LE(test, steps, 50);
	KUNIT_EXPECT_EQ(test, offset_of(test, 4095), 4099 * MIB);
}

/* A fixed image is not cut shorter than it was found, but what we added goes. */
static void trim_fixed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_session *session;

	b->param_flags = 1;
	builder_write(b);
	builder_alloc(b, 60 * MIB);
	session = writer_open(test);
	writer_write(test, 0, MIB, 1);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 64 * MIB);
	/* As QEMU makes them: all blocks are zero, and then they are not. */
	writer_write(test, 0, 62 * MIB, 1);
	KUNIT_EXPECT_GT(test, f->ram[0].store.size, 66 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 66 * MIB);
}

/* Blocks at the end of the file that were given up go with it. */
static void trim_freed(struct kunit *test)
{
	struct vhdx_session *session = begin_default(test);
	struct fixture *f = test->priv;

	writer_write(test, 0, 6 * MIB, 1);
	writer_work(test, VHDX_WORK_COMMIT);
	writer_discard(test, VHDX_ZERO_DISCARD, 5 * MIB, MIB);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 9 * MIB);
	/* What waits in two places at once goes, too. */
	writer_discard(test, VHDX_ZERO_DISCARD, 4 * MIB, MIB);
	writer_work(test, VHDX_WORK_COMMIT);
	KUNIT_EXPECT_TRUE(test, vhdx_session_drain(session));
	writer_discard(test, VHDX_ZERO_DISCARD, 3 * MIB, MIB);
	writer_work(test, VHDX_WORK_COMMIT);
	writer_discard(test, VHDX_ZERO_DISCARD, 0, MIB);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 7 * MIB);
	KUNIT_EXPECT_EQ(test, f->image[0]->limits.file_size, 7 * MIB);
	/* The hole is known, so the next session uses it. */
	writer_write(test, 10 * MIB, 2 * MIB, 2);
	KUNIT_EXPECT_EQ(test, offset_of(test, 10), 4 * MIB);
	KUNIT_EXPECT_EQ(test, offset_of(test, 11), 7 * MIB);
	KUNIT_EXPECT_EQ(test, pages_not_zero(test, 11), 256);
}

/* Past 4 GiB and past 32 GiB of the file, at a place that few have. */
static void far_away(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_session *session;

	builder_write(b);
	b->end = 32767 * MIB;
	builder_block(b, 0, 6);
	session = writer_open(test);
	/* There is a hole of nearly 32 GiB before it. */
	writer_write(test, MIB, 512, 1);
	KUNIT_EXPECT_EQ(test, offset_of(test, 1), 4 * MIB);
	writer_discard(test, VHDX_ZERO_DISCARD, 0, MIB);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 5 * MIB);

	writer_crash(test);
	vhdx_image_close(f->image[0]);
	f->image[0] = NULL;
	b->end = 32766 * MIB;
	builder_block(b, 2, 6);
	f->ram[0].store.size = 32768 * MIB;
	session = writer_open(test);
	vhdx_session_survey(session);
	/* All holes are taken, so that the file grows past the border. */
	while (vhdx_space_find(&session->space, MIB, 32768 * MIB) != U64_MAX)
		;
	writer_write(test, 10 * MIB, 2 * MIB, 3);
	KUNIT_EXPECT_EQ(test, offset_of(test, 10), 32768 * MIB);
	KUNIT_EXPECT_EQ(test, offset_of(test, 11), 32769 * MIB);
	writer_work(test, VHDX_WORK_COMMIT);
	KUNIT_EXPECT_EQ(test, last_offset(test), 32770 * MIB);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, 11 * MIB), 3);
}

static struct kunit_case session_space_cases[] = {
	KUNIT_CASE_PARAM(survey_refuses, unsafe_gen_params),
	KUNIT_CASE(survey_tolerates),
	KUNIT_CASE(survey_anchor),
	KUNIT_CASE(survey_once),
	KUNIT_CASE(prepare_order),
	KUNIT_CASE(prepare_goal),
	KUNIT_CASE(prepare_nothing),
	KUNIT_CASE(append_ragged),
	KUNIT_CASE(append_never),
	KUNIT_CASE(reuse_steps),
	KUNIT_CASE(reuse_queue),
	KUNIT_CASE(reuse_not_of_next),
	KUNIT_CASE(reuse_not_after_failure),
	KUNIT_CASE(reuse_stays_flat),
	KUNIT_CASE(entry_offsets),
	KUNIT_CASE(entry_offsets_race),
	KUNIT_CASE(entry_offsets_growth),
	KUNIT_CASE_PARAM(no_space, no_room_gen_params),
	KUNIT_CASE_PARAM(no_space_in_hole, no_room_gen_params),
	KUNIT_CASE(extend_fails),
	KUNIT_CASE(growth),
	KUNIT_CASE(trim_fixed),
	KUNIT_CASE(trim_freed),
	KUNIT_CASE(far_away),
	{}
};

struct kunit_suite vhdx_session_space_suite = {
	.name = "vhdx_session_space",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = session_space_cases,
};
