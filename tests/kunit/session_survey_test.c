// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine/session-survey.c, vhdx_session_survey(): which images may be written at
 * all, and what is free in those that may.
 */
#include "suites.h"
#include "writer.h"

#define MIB VHDX_MIB

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

/* The file would grow over it, and the space get a second owner. */
static void anchor_past_end(struct builder *b, u64 value)
{
	builder_entry(b, 9, 77 * MIB | value);
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

/* That is no word of somebody who waits for an end. */
static void interrupted(struct builder *b, u64 value)
{
	ram_store_break_range(b->ram, 3 * MIB, 4096, -EINTR);
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
		"UNMAPPED past the end", anchor_past_end, 3, -EROFS,
		"BAT entry 9 at offset 0x300048: payload block 9 is UNMAPPED and keeps space at 0x4d00000 that ends past the end of the file at 0x600000"
	},
	{
		"UNDEFINED past the end", anchor_past_end, 1, -EROFS,
		"BAT entry 9 at offset 0x300048: payload block 9 is UNDEFINED and keeps space at 0x4d00000 that ends past the end of the file at 0x600000"
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
		"BAT entry 0 at offset 0x300000: cannot be read: no such device (6)"
	},
	{
		"interrupted by the store", interrupted, 0, -EIO,
		"BAT entry 0 at offset 0x300000: cannot be read: I/O error (5)"
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
	char line[VHDX_SENTENCE_MAX];
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
	snprintf(line, sizeof(line),
		 "error: %s; nothing more is written to the image\n",
		 image->reason);
	fixture_expect(test, line);
	KUNIT_EXPECT_EQ(test, writer_map(test, 0, 512, &run), -EROFS);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), -EROFS);
	writer_trace(test, "");
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
	KUNIT_EXPECT_EQ(test, writer_offset(test, 10), 4 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 11), 7 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 12), 9 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 13), 10 * MIB);
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
	writer_work(test, VHDX_WORK_COMMIT);
	writer_drain(test);
	writer_write(test, 9 * MIB, MIB, 0x13);
	/* 4 and 5 MiB are anchors; 6 MiB is nobody's: a zero block has none. */
	KUNIT_EXPECT_EQ(test, writer_offset(test, 8), 6 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 0), 7 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 9), 8 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);

	writer_crash(test);
	writer_open(test);
	writer_write(test, 10 * MIB, 2 * MIB, 0x14);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 10), 4 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 11), 9 * MIB);
}

/* The survey reads the BAT once, not again after each end. */
static void survey_once(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	u64 reads;

	session = writer_open_empty(test);
	writer_work(test, VHDX_WORK_BEGIN);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	reads = f->ram[0].reads;
	writer_work(test, VHDX_WORK_BEGIN);
	KUNIT_EXPECT_EQ(test, f->ram[0].reads, reads);
}

/* It can be broken off, and begins anew; nothing is held against the image. */
static void survey_broken_off(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);
	struct vhdx_run run;

	session->abort_survey = true;
	KUNIT_EXPECT_EQ(test, vhdx_session_work(session, 0), -EINTR);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
	KUNIT_EXPECT_FALSE(test, session->surveyed);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	session->abort_survey = false;
	KUNIT_EXPECT_EQ(test, writer_map(test, 0, 512, &run), 0);
	KUNIT_EXPECT_TRUE(test, session->live);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	/* To be asked to end later changes nothing. */
	session->abort_survey = true;
	KUNIT_EXPECT_EQ(test, vhdx_session_work(session, 0), 0);
}

static struct kunit_case session_survey_cases[] = {
	KUNIT_CASE_PARAM(survey_refuses, unsafe_gen_params),
	KUNIT_CASE(survey_tolerates),
	KUNIT_CASE(survey_anchor),
	KUNIT_CASE(survey_once),
	KUNIT_CASE(survey_broken_off),
	{}
};

struct kunit_suite vhdx_session_survey_suite = {
	.name = "vhdx_session_survey",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = session_survey_cases,
};
