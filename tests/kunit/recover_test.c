// SPDX-License-Identifier: GPL-2.0-only
/* engine/recover.c: replay on disk, whatever interrupts it. */
#include "fixture.h"
#include "recover.h"
#include "suites.h"
#include "tracer.h"

#define MIB VHDX_MIB
#define PAGES(n) ((n) * 4096ULL)
#define BAT (3 * MIB)
#define END (9 * MIB)

/*
 * A log that wraps, with all that a log can hold: a page twice, zeros over a
 * change of before, a change over zeros, and a page behind the end of the
 * file; and an older entry that must not be replayed.
 */
static struct builder *dirty_image(struct kunit *test, u32 file)
{
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, file);
	struct builder_desc old[] = { { BAT + PAGES(7), 0, 70 } };
	struct builder_desc first[] = { { BAT + PAGES(1), 0, 1 },
					{ BAT + PAGES(2), 0, 2 },
					{ BAT + PAGES(5), PAGES(3) } };
	struct builder_desc second[] = { { BAT + PAGES(1), 0, 3 },
					 { BAT + PAGES(2), PAGES(1) },
					 { BAT + PAGES(6), 0, 4 },
					 { 8 * MIB, 0, 5 } };

	/* The BAT has room behind its one entry page, which stays absent. */
	builder_fill(b, BAT + PAGES(5), PAGES(3), 0x99);
	builder_log(b, &(struct builder_entry){
		.at = MIB - PAGES(4), .tail = MIB - PAGES(4), .sequence = 90,
		.descs = old, .count = 1 });
	builder_log(b, &(struct builder_entry){
		.at = MIB - PAGES(2), .tail = MIB - PAGES(2), .sequence = 91,
		.descs = first, .count = 3 });
	builder_log(b, &(struct builder_entry){
		.at = PAGES(1), .tail = MIB - PAGES(2), .sequence = 92,
		.descs = second, .count = 4, .last = END });
	KUNIT_ASSERT_EQ(test, f->ram[file].broken, 0);
	return b;
}

/* Findings of an open are the business of other suites. */
static struct vhdx_image *open_again(struct kunit *test, u32 file)
{
	struct fixture *f = test->priv;

	if (f->image[file])
		vhdx_image_close(f->image[file]);
	f->image[file] = NULL;
	return fixture_open(test, file);
}

static u8 byte_at(struct kunit *test, u64 pos)
{
	struct fixture *f = test->priv;

	return ram_store_get(&f->ram[0], pos, 1);
}

/* By hand, from what dirty_image() logs. */
static void expect_replayed(struct kunit *test)
{
	u32 i;

	for (i = 0; i < 4096; i += 13) {
		KUNIT_EXPECT_EQ(test, byte_at(test, BAT + PAGES(1) + i),
				builder_log_byte(3, i));
		KUNIT_EXPECT_EQ(test, byte_at(test, BAT + PAGES(2) + i), 0);
		KUNIT_EXPECT_EQ(test, byte_at(test, BAT + PAGES(5) + i), 0);
		KUNIT_EXPECT_EQ(test, byte_at(test, BAT + PAGES(6) + i),
				builder_log_byte(4, i));
		KUNIT_EXPECT_EQ(test, byte_at(test, BAT + PAGES(7) + i), 0);
		KUNIT_EXPECT_EQ(test, byte_at(test, 8 * MIB + i),
				builder_log_byte(5, i));
	}
}

static void recover_clean(struct kunit *test)
{
	struct fixture *f = test->priv;

	builder_write(&f->builder[0]);
	KUNIT_EXPECT_EQ(test, vhdx_image_recover(fixture_open(test, 0)), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].changes, 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].calls[RAM_FLUSH], 0);
}

static void recover_dirty(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;
	guid_t data_write = builder_guid(0xDA);
	struct vhdx_header before;
	unsigned int slot;

	dirty_image(test, 0);
	image = fixture_open(test, 0);
	before = *vhdx_header_current(&image->headers);
	KUNIT_ASSERT_EQ(test, vhdx_image_recover(image), 0);

	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, END);
	KUNIT_EXPECT_EQ(test, image->limits.file_size, END);
	KUNIT_EXPECT_EQ(test, image->log.count, 0);
	KUNIT_EXPECT_EQ(test, image->replay.count, 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].flushed_changes, f->ram[0].changes);
	expect_replayed(test);

	findings_init(&f->found);
	image = open_again(test, 0);
	fixture_expect(test, "");
	for (slot = 0; slot < 2; slot++) {
		const struct vhdx_header *copy = &image->headers.copy[slot];

		KUNIT_EXPECT_TRUE(test, guid_is_null(&copy->log_guid));
		KUNIT_EXPECT_TRUE(test, guid_equal(&copy->data_write_guid,
						   &data_write));
		KUNIT_EXPECT_FALSE(test,
				   guid_equal(&copy->file_write_guid,
					      &before.file_write_guid));
		KUNIT_EXPECT_FALSE(test, guid_is_null(&copy->file_write_guid));
		KUNIT_EXPECT_GT(test, copy->sequence, before.sequence);
		KUNIT_EXPECT_EQ(test, copy->log_offset, before.log_offset);
		KUNIT_EXPECT_EQ(test, copy->log_length, before.log_length);
	}
}

static void recover_twice(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;

	dirty_image(test, 0);
	image = fixture_open(test, 0);
	KUNIT_ASSERT_EQ(test, vhdx_image_recover(image), 0);
	ram_store_copy(&f->ram[1], &f->ram[0]);
	KUNIT_EXPECT_EQ(test, vhdx_image_recover(image), 0);
	KUNIT_EXPECT_EQ(test, vhdx_image_recover(open_again(test, 0)), 0);
	KUNIT_EXPECT_TRUE(test,
			  ram_store_differs(&f->ram[0], &f->ram[1]) == U64_MAX);
}

/* What both images hold outside their headers. */
static void expect_same(struct kunit *test, u32 a, u32 b)
{
	struct fixture *f = test->priv;
	u32 file;

	for (file = a;; file = b) {
		builder_fill(&f->builder[file], 0x10000, 4096, 0);
		builder_fill(&f->builder[file], 0x20000, 4096, 0);
		if (file == b)
			break;
	}
	KUNIT_EXPECT_TRUE(test,
			  ram_store_differs(&f->ram[a], &f->ram[b]) == U64_MAX);
}

/*
 * The power goes after each number of changes. The image opens again and
 * reads as before, and another recovery brings what an undisturbed one does.
 */
static void recover_crash(struct kunit *test)
{
	struct fixture *f = test->priv;
	guid_t data_write = builder_guid(0xDA);
	struct vhdx_image *image;
	u64 changes, stop;

	dirty_image(test, 1);
	ram_store_copy(&f->ram[0], &f->ram[1]);
	KUNIT_ASSERT_EQ(test, vhdx_image_recover(fixture_open(test, 1)), 0);
	/* Headers twice, the new length, six changes. */
	changes = f->ram[1].changes;
	KUNIT_EXPECT_EQ(test, changes, 2 + 1 + 6 + 2);
	ram_store_copy(&f->ram[2], &f->ram[0]);

	for (stop = 0; stop < changes; stop++) {
		ram_store_copy(&f->ram[0], &f->ram[2]);
		image = open_again(test, 0);
		ram_store_stop_after(&f->ram[0], stop);
		KUNIT_EXPECT_EQ(test, vhdx_image_recover(image), -EIO);
		ram_store_mend(&f->ram[0]);
		image = open_again(test, 0);
		KUNIT_EXPECT_TRUE(test, guid_equal(vhdx_image_identity(image),
						   &data_write));
		KUNIT_EXPECT_EQ(test, image->limits.file_size, END);
		/* What comes last empties the log; before, it is all there. */
		KUNIT_EXPECT_EQ(test, image->log.count, stop < changes - 1 ?
							2 : 0);
		KUNIT_EXPECT_EQ(test, vhdx_image_recover(image), 0);
		expect_replayed(test);
	}
	expect_same(test, 0, 1);
}

/* The new FileWriteGuid is durable before the first byte elsewhere changes. */
static void recover_order(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;
	guid_t old = builder_guid(0xF1);
	u64 nth;

	/* Flushes: after each header; after the changes; after each header. */
	for (nth = 1; nth <= 3; nth++) {
		ram_store_exit(&f->ram[0]);
		ram_store_init(&f->ram[0]);
		dirty_image(test, 0);
		image = open_again(test, 0);
		ram_store_break_op(&f->ram[0], RAM_FLUSH, nth, -EIO);
		KUNIT_EXPECT_EQ(test, vhdx_image_recover(image), -EIO);
		KUNIT_EXPECT_EQ(test, f->ram[0].changes, nth < 3 ? nth : 9);
		image = open_again(test, 0);
		KUNIT_EXPECT_EQ(test, image->log.count, 2);
		KUNIT_EXPECT_FALSE(test,
				   guid_equal(&vhdx_header_current(&image->headers)
					      ->file_write_guid, &old));
	}
}

/**
 * struct recover_fault - a call that fails, and what is said
 * @name: for the test's log
 * @op: which operation
 * @nth: which call of it
 * @error: what it returns
 * @lines: what is found
 */
struct recover_fault {
	const char *name;
	enum ram_op op;
	u64 nth;
	int error;
	const char *lines;
};

static const struct recover_fault recover_faults[] = {
	{
		"header", RAM_WRITE, 1, -EIO,
		"error: header at offset 0x10000: cannot be updated: I/O error (5)\n"
	},
	{
		"no room", RAM_LENGTHEN, 1, -ENOSPC,
		"error: log at offset 0x100000: cannot be replayed: the file must grow to 0x900000 bytes, and there is no room\n"
	},
	{
		"length", RAM_LENGTHEN, 1, -EIO,
		"error: log at offset 0x100000: cannot be replayed: the file cannot grow to 0x900000 bytes: I/O error (5)\n"
	},
	{
		"data", RAM_WRITE, 4, -EIO,
		"error: log at offset 0x100000: cannot be replayed: the change at 0x306000 failed: I/O error (5)\n"
	},
	{
		"zeros", RAM_ZERO, 2, -EIO,
		"error: log at offset 0x100000: cannot be replayed: the change at 0x305000 failed: I/O error (5)\n"
	},
	{
		"flush", RAM_FLUSH, 3, -EIO,
		"error: log at offset 0x100000: cannot be replayed: what it held cannot be made durable: I/O error (5)\n"
	},
	{
		"header at the end", RAM_WRITE, 6, -EIO,
		"error: header at offset 0x10000: cannot be updated: I/O error (5)\n"
	},
	{
		"last header", RAM_WRITE, 7, -EIO,
		"error: header at offset 0x10000: cannot be updated: I/O error (5)\n"
	},
	{
		"last flush", RAM_FLUSH, 5, -EIO,
		"error: header at offset 0x10000: cannot be updated: I/O error (5)\n"
	},
};

static void recover_fault_name(const struct recover_fault *fault, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", fault->name);
}

KUNIT_ARRAY_PARAM(recover_fault, recover_faults, recover_fault_name);

/* The sentence, the error, and on a store opened anew an attempt that succeeds. */
static void recover_fails(struct kunit *test)
{
	const struct recover_fault *fault = test->param_value;
	struct fixture *f = test->priv;
	struct vhdx_image *image;

	dirty_image(test, 0);
	image = fixture_open(test, 0);
	findings_init(&f->found);
	ram_store_break_op(&f->ram[0], fault->op, fault->nth, fault->error);
	KUNIT_EXPECT_EQ(test, vhdx_image_recover(image), fault->error);
	fixture_expect(test, fault->lines);
	KUNIT_EXPECT_EQ(test, image->log.count, 2);
	ram_store_mend(&f->ram[0]);
	KUNIT_EXPECT_EQ(test, vhdx_image_recover(image), 0);
	KUNIT_EXPECT_EQ(test, image->log.count, 0);
	KUNIT_EXPECT_EQ(test, image->replay.count, 0);
	KUNIT_EXPECT_EQ(test, image->limits.file_size, END);
	expect_replayed(test);
}

static void recover_unreadable(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;

	dirty_image(test, 0);
	image = fixture_open(test, 0);
	findings_init(&f->found);
	/* The data sector of the first change, the third page of the ring. */
	ram_store_break_range(&f->ram[0], MIB + PAGES(2), 1, -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_image_recover(image), -EIO);
	fixture_expect(test,
		       "error: log at offset 0x100000: cannot be replayed: the change at 0x301000 failed: I/O error (5)\n");
	KUNIT_EXPECT_EQ(test, byte_at(test, BAT + PAGES(1)), 0);
}

static void recover_read_only(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_store_ops ops = { .read = f->ram[0].store.ops->read };
	struct vhdx_image *image;

	dirty_image(test, 0);
	image = fixture_open(test, 0);
	f->ram[0].store.ops = &ops;
	KUNIT_EXPECT_EQ(test, vhdx_image_recover(image), -EROFS);
	KUNIT_EXPECT_EQ(test, image->log.count, 2);
}

static void recover_overflow(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;

	dirty_image(test, 0);
	builder_write_header(&f->builder[0], 1, U64_MAX - 1);
	image = fixture_open(test, 0);
	findings_init(&f->found);
	KUNIT_EXPECT_EQ(test, vhdx_image_recover(image), -EOVERFLOW);
	fixture_expect(test,
		       "error: header at offset 0x10000: the sequence numbers are used up; no writer can go on\n");
	KUNIT_EXPECT_EQ(test, f->ram[0].changes, 0);
}

/* An empty log, as every writer begins one, and a file of an odd length. */
static void recover_empty(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, 0);
	struct vhdx_image *image;

	ram_store_put(&f->ram[0], 5 * MIB + 511, 0, 1);
	builder_log(b, &(struct builder_entry){ .sequence = 1 });
	image = fixture_open(test, 0);
	KUNIT_EXPECT_EQ(test, vhdx_image_recover(image), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 5 * MIB + 512);
	KUNIT_EXPECT_EQ(test, f->ram[0].changes, 4);
	image = open_again(test, 0);
	KUNIT_EXPECT_TRUE(test, guid_is_null(&image->headers.copy[0].log_guid));
	KUNIT_EXPECT_TRUE(test, guid_is_null(&image->headers.copy[1].log_guid));
}

/**
 * struct zeros - a log that zeroes much
 * @name: for the test's log
 * @size: bytes of the file
 * @target: where zeros go
 * @zero: how many bytes each of its descriptors zeroes
 * @count: how many there are, each at the same place
 * @lines: what that makes of the file
 */
struct zeros {
	const char *name;
	u64 size;
	u64 target;
	u64 zero;
	u32 count;
	const char *lines;
};

#define BEGINS \
	"write header 1 +0x1000\nflush\nwrite header 2 +0x1000\nflush\n"
#define ENDS "flush\n" BEGINS

static const struct zeros zeros[] = {
	{ "a long file's end, many times", 512 * MIB, 256 * MIB, 256 * MIB, 17,
	  BEGINS "zero 0x10000000 +0x10000000\n" ENDS },
	{ "over the end of the file", 5 * MIB, 4 * MIB, 64 * MIB, 2,
	  BEGINS "lengthen 0x4400000\nzero 0x400000 +0x100000\n" ENDS },
	{ "behind the end of the file", 5 * MIB, 5 * MIB, 64 * MIB, 2,
	  BEGINS "lengthen 0x4500000\n" ENDS },
	{ "far behind it", 5 * MIB, 200 * VHDX_TIB, 8 * VHDX_TIB, 1,
	  BEGINS "lengthen 0x44400000\n" ENDS },
};

static void zeros_name(const struct zeros *zeros, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", zeros->name);
}

KUNIT_ARRAY_PARAM(zeros, zeros, zeros_name);

static struct tracer *trace(struct kunit *test)
{
	struct tracer *tracer =
		kunit_kzalloc(test, sizeof(*tracer), GFP_KERNEL);
	struct fixture *f = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, tracer);
	tracer_attach(tracer, &f->builder[0]);
	tracer->limit = U64_MAX;
	return tracer;
}

/*
 * A log of one page can ask for more zeros than a disk can write in a day. Each
 * byte of the file is zeroed once, and what is added to it is zeros anyway.
 */
static void recover_zeros(struct kunit *test)
{
	const struct zeros *zeros = test->param_value;
	struct builder_desc descs[17] = {};
	struct fixture *f = test->priv;
	struct vhdx_image *image;
	struct tracer *tracer;
	u32 i;

	for (i = 0; i < zeros->count; i++) {
		descs[i].target = zeros->target;
		descs[i].zero = zeros->zero;
	}
	ram_store_put(&f->ram[0], zeros->size - 1, 0, 1);
	builder_log(fixture_dirty(test, 0), &(struct builder_entry){
		.sequence = 1, .descs = descs, .count = zeros->count });
	image = fixture_open(test, 0);
	tracer = trace(test);
	KUNIT_EXPECT_EQ(test, vhdx_image_recover(image), 0);
	tracer_expect(test, tracer, zeros->lines);
}

/*
 * A log that makes the file longer than any block can need: it becomes as long
 * as makes sense, takes no space for that, and what the log changes behind it is
 * left out.
 */
static void recover_too_long(struct kunit *test)
{
	struct builder_desc desc = { 19000 * MIB, 0, 1 };
	struct vhdx_image *image;
	struct tracer *tracer;

	builder_log(fixture_dirty(test, 0), &(struct builder_entry){
		.sequence = 1, .descs = &desc, .count = 1,
		.last = 20480 * MIB });
	image = fixture_open(test, 0);
	fixture_expect(test,
		       "info: log at offset 0x100000: holds 1 entries with 1 changes that are not in place yet; they are replayed in memory\n"
		       "warning: log at offset 0x100000: makes the file 0x500000000 bytes long, which is more than the virtual disk can need; it is taken for 0x44400000\n");
	KUNIT_EXPECT_EQ(test, image->limits.file_size, 0x44400000);
	tracer = trace(test);
	KUNIT_EXPECT_EQ(test, vhdx_image_recover(image), 0);
	tracer_expect(test, tracer, BEGINS "lengthen 0x44400000\n" ENDS);
	KUNIT_EXPECT_EQ(test, image->limits.file_size, 0x44400000);
}

static struct kunit_case recover_cases[] = {
	KUNIT_CASE(recover_clean),
	KUNIT_CASE(recover_dirty),
	KUNIT_CASE(recover_twice),
	KUNIT_CASE(recover_crash),
	KUNIT_CASE(recover_order),
	KUNIT_CASE_PARAM(recover_fails, recover_fault_gen_params),
	KUNIT_CASE(recover_unreadable),
	KUNIT_CASE(recover_read_only),
	KUNIT_CASE(recover_overflow),
	KUNIT_CASE(recover_empty),
	KUNIT_CASE_PARAM(recover_zeros, zeros_gen_params),
	KUNIT_CASE(recover_too_long),
	{}
};

struct kunit_suite vhdx_recover_suite = {
	.name = "vhdx_recover",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = recover_cases,
};
