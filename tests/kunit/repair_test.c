// SPDX-License-Identifier: GPL-2.0-only
/* engine/repair.c: what is mended, and that nothing else is touched. */
#include "fixture.h"
#include "recover.h"
#include "repair.h"
#include "session.h"
#include "suites.h"
#include "tracer.h"

#define MIB VHDX_MIB
#define HEADERS \
	"write header 1 +0x1000\nflush\nwrite header 2 +0x1000\nflush\n"
#define TABLE(copy) (0x30000ULL + (copy) * 0x10000)

static struct vhdx_image *open_again(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (f->image[0])
		vhdx_image_close(f->image[0]);
	f->image[0] = NULL;
	findings_init(&f->found);
	return fixture_open(test, 0);
}

/* Nothing is found any more, and the disk is whose it was. */
static void expect_sound(struct kunit *test)
{
	struct vhdx_image *image = open_again(test);
	guid_t identity = builder_guid(0xDA);

	fixture_expect(test, "");
	KUNIT_EXPECT_TRUE(test, image->headers.valid[0]);
	KUNIT_EXPECT_TRUE(test, image->headers.valid[1]);
	KUNIT_EXPECT_FALSE(test,
			   vhdx_header_dirty(vhdx_header_current(&image->headers)));
	KUNIT_EXPECT_TRUE(test, guid_equal(vhdx_image_identity(image),
					   &identity));
}

static bool file_write_changed(const struct vhdx_image *image)
{
	guid_t old = builder_guid(0xF1);

	return !guid_equal(&vhdx_header_current(&image->headers)->file_write_guid,
			   &old);
}

static void repair_nothing(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;

	builder_write(&f->builder[0]);
	image = fixture_open(test, 0);
	KUNIT_EXPECT_EQ(test, vhdx_repair_headers(image), 0);
	KUNIT_EXPECT_EQ(test, vhdx_repair_regions(image), 0);
	KUNIT_EXPECT_EQ(test,
			vhdx_repair_log(&f->ram[0].store, &f->found.report), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].changes, 0);
}

static void repair_header(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;
	unsigned int slot;

	for (slot = 0; slot < 2; slot++) {
		builder_write(&f->builder[0]);
		ram_store_put(&f->ram[0], (slot + 1) * 0x10000 + 40, 0, 1);
		image = open_again(test);
		KUNIT_EXPECT_EQ(test, vhdx_repair_headers(image), 1);
		KUNIT_EXPECT_TRUE(test, file_write_changed(image));
		KUNIT_EXPECT_EQ(test, vhdx_repair_headers(image), 0);
		expect_sound(test);
	}
}

static void repair_header_fails(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;

	builder_write(&f->builder[0]);
	ram_store_put(&f->ram[0], 0x10000, 0, 1);
	image = open_again(test);
	findings_init(&f->found);
	ram_store_break_op(&f->ram[0], RAM_WRITE, 1, -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_repair_headers(image), -EIO);
	fixture_expect(test,
		       "error: header at offset 0x10000: cannot be updated: I/O error (5)\n");
	KUNIT_EXPECT_EQ(test, vhdx_repair_headers(image), 1);
	expect_sound(test);
}

/* A third region, which is not required, in one copy alone. */
static void make_differ(struct builder *b, unsigned int copy)
{
	guid_t guid = builder_guid(0x77);
	u64 pos = builder_region(copy, 2);

	ram_store_put(b->ram, TABLE(copy) + 8, 3, 4);
	ram_store_write(b->ram, pos, &guid, 16);
	ram_store_put(b->ram, pos + 16, 4 * MIB, 8);
	ram_store_put(b->ram, pos + 24, MIB, 4);
	b->ram->store.size = 5 * MIB;
	builder_seal_regions(b, copy);
}

static void spoil(struct builder *b, unsigned int copy)
{
	ram_store_put(b->ram, TABLE(copy) + 0x5000, 1, 1);
}

/* A store may be longer than a log may say. */
static void spoil_endless(struct builder *b, unsigned int copy)
{
	spoil(b, copy);
	b->ram->store.size = VHDX_FILE_SIZE_MAX + 2 * MIB;
}

/* As long as the headers name no log, its version does not matter. */
static void spoil_other_log(struct builder *b, unsigned int copy)
{
	b->log_version = 1;
	builder_write(b);
	spoil(b, copy);
}

/**
 * struct region_case - what is wrong with the region tables
 * @name: for the test's log
 * @alter: makes it so
 * @copy: in which of them
 * @count: regions that both tables name after the repair
 */
struct region_case {
	const char *name;
	void (*alter)(struct builder *b, unsigned int copy);
	unsigned int copy;
	u32 count;
};

static const struct region_case region_cases[] = {
	{ "the first is bad", spoil, 0, 2 },
	{ "the second is bad", spoil, 1, 2 },
	{ "they differ, the first has more", make_differ, 0, 3 },
	{ "they differ, the first has less", make_differ, 1, 2 },
	{ "the second is bad in an endless file", spoil_endless, 1, 2 },
	{ "the first is bad, the log of another version", spoil_other_log, 0, 2 },
};

static void region_case_name(const struct region_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(region, region_cases, region_case_name);

static struct vhdx_image *spoiled(struct kunit *test)
{
	const struct region_case *c = test->param_value;
	struct fixture *f = test->priv;

	if (f->image[0])
		vhdx_image_close(f->image[0]);
	f->image[0] = NULL;
	ram_store_exit(&f->ram[0]);
	ram_store_init(&f->ram[0]);
	builder_write(&f->builder[0]);
	c->alter(&f->builder[0], c->copy);
	return open_again(test);
}

static void expect_regions(struct kunit *test)
{
	const struct region_case *c = test->param_value;
	struct fixture *f = test->priv;
	u32 i;

	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], TABLE(0) + 8, 4),
			c->count);
	for (i = 0; i < 0x10000; i += 8)
		KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], TABLE(0) + i, 8),
				ram_store_get(&f->ram[0], TABLE(1) + i, 8));
	expect_sound(test);
}

static void repair_regions(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image = spoiled(test);
	u64 size = f->ram[0].store.size;

	findings_init(&f->found);
	KUNIT_EXPECT_EQ(test, vhdx_repair_regions(image), 1);
	fixture_expect(test, "");
	KUNIT_EXPECT_TRUE(test, file_write_changed(image));
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, size);
	KUNIT_EXPECT_EQ(test, vhdx_repair_regions(image), 0);
	expect_regions(test);
}

/* After each number of changes it opens, and a repair of it ends well. */
static void repair_regions_crash(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;
	u64 stop = 0;
	int r;

	do {
		image = spoiled(test);
		ram_store_stop_after(&f->ram[0], stop);
		r = vhdx_repair_regions(image);
		ram_store_mend(&f->ram[0]);
		image = open_again(test);
		KUNIT_EXPECT_EQ(test, vhdx_image_recover(image), 0);
		image = open_again(test);
		KUNIT_EXPECT_GE(test, vhdx_repair_regions(image), 0);
		expect_regions(test);
		stop++;
	} while (r < 0 && stop < 100);
	KUNIT_EXPECT_EQ(test, r, 1);
	/* Headers four times, the entry, 32 pages; and a flush behind all. */
	KUNIT_EXPECT_EQ(test, stop - 1, 2 + 1 + 2 + 32 + 2 + 1 + 2);
}

/* A first copy that says what cannot be is written over, not spread. */
static void repair_regions_misplaced(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	struct vhdx_image *image;

	builder_write(&f->builder[0]);
	ram_store_put(&f->ram[0], builder_region(0, 0) + 16, 512 * MIB, 8);
	builder_seal_regions(&f->builder[0], 0);
	image = open_again(test);
	KUNIT_EXPECT_EQ(test, image->region_copy, 1);
	KUNIT_EXPECT_EQ(test, image->regions.bat.offset, 3 * MIB);
	session = vhdx_session_new(image, &f->found.report);
	KUNIT_ASSERT_TRUE(test, IS_ERR(session));
	KUNIT_EXPECT_EQ(test, PTR_ERR(session), -EROFS);
	KUNIT_EXPECT_EQ(test, vhdx_repair_regions(image), 1);
	expect_sound(test);
}

/* The entry is durable before the headers name it, and they before a table. */
static void repair_regions_order(struct kunit *test)
{
	struct tracer *tracer =
		kunit_kzalloc(test, sizeof(*tracer), GFP_KERNEL);
	struct fixture *f = test->priv;
	struct vhdx_image *image;

	KUNIT_ASSERT_NOT_NULL(test, tracer);
	builder_write(&f->builder[0]);
	spoil(&f->builder[0], 1);
	image = open_again(test);
	tracer_attach(tracer, &f->builder[0]);
	KUNIT_EXPECT_EQ(test, vhdx_repair_regions(image), 1);
	KUNIT_EXPECT_PTR_EQ(test,
			    strstr(tracer->text,
				   HEADERS "write log 0x0 +0x21000\nflush\n"
				   HEADERS HEADERS "write 0x30000 +0x1000\n"),
			    (char *)tracer->text);
}

static void repair_regions_fails(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;

	builder_write(&f->builder[0]);
	spoil(&f->builder[0], 1);
	image = open_again(test);
	findings_init(&f->found);
	ram_store_break_op(&f->ram[0], RAM_WRITE, 3, -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_repair_regions(image), -EIO);
	fixture_expect(test,
		       "error: log at offset 0x100000: cannot be written: I/O error (5)\n");
	findings_init(&f->found);
	/* The entry is durable before headers name it. */
	ram_store_break_op(&f->ram[0], RAM_FLUSH, 3, -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_repair_regions(image), -EIO);
	KUNIT_EXPECT_FALSE(test,
			   vhdx_header_dirty(vhdx_header_current(&image->headers)));
	findings_init(&f->found);
	ram_store_break_range(&f->ram[0], TABLE(1), 1, -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_repair_regions(image), -EIO);
	fixture_expect(test,
		       "error: region table 2 at offset 0x40000: cannot be read: I/O error (5)\n");
}

static void repair_regions_no_log(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;

	f->builder[0].log_length = 0;
	builder_write(&f->builder[0]);
	spoil(&f->builder[0], 0);
	image = open_again(test);
	findings_init(&f->found);
	KUNIT_EXPECT_EQ(test, vhdx_repair_regions(image), -EOPNOTSUPP);
	fixture_expect(test,
		       "error: log at offset 0x100000: has no room for the region tables\n");
	KUNIT_EXPECT_EQ(test, f->ram[0].changes, 0);
}

static int repair_log(struct kunit *test)
{
	struct fixture *f = test->priv;

	findings_init(&f->found);
	return vhdx_repair_log(&f->ram[0].store, &f->found.report);
}

/* A log that was never written, and one that was overwritten. */
static void repair_lost_log(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;
	guid_t identity = builder_guid(0xDA);
	struct builder *b = &f->builder[0];
	unsigned int torn;

	for (torn = 0; torn < 2; torn++) {
		fixture_dirty(test, 0);
		if (torn) {
			builder_log(b, &(struct builder_entry){ .sequence = 1 });
			ram_store_put(b->ram, MIB + 100, 1, 1);
		}
		KUNIT_EXPECT_EQ(test, repair_log(test), 1);
		image = open_again(test);
		fixture_expect(test, "");
		KUNIT_EXPECT_FALSE(test, vhdx_header_dirty(&image->headers.copy[0]));
		KUNIT_EXPECT_FALSE(test, vhdx_header_dirty(&image->headers.copy[1]));
		KUNIT_EXPECT_FALSE(test, guid_equal(vhdx_image_identity(image),
						    &identity));
		KUNIT_EXPECT_TRUE(test, file_write_changed(image));
		KUNIT_EXPECT_EQ(test, repair_log(test), 0);
	}
}

/* A log that can be replayed is left alone; so is one of a truncated file. */
static void repair_good_log(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, 0);

	builder_log(b, &(struct builder_entry){ .sequence = 1 });
	KUNIT_EXPECT_EQ(test, repair_log(test), 0);
	fixture_expect(test, "");
	builder_log(b, &(struct builder_entry){
		.sequence = 1, .flushed = 5 * MIB });
	KUNIT_EXPECT_EQ(test, repair_log(test), -EUCLEAN);
	fixture_expect(test,
		       "error: log entry at offset 0x100000: the file is truncated: it is 0x400000 bytes long and was at least 0x500000 when the log was written\n");
	ram_store_break_range(&f->ram[0], MIB, 1, -EIO);
	KUNIT_EXPECT_EQ(test, repair_log(test), -EIO);
	ram_store_mend(&f->ram[0]);
	/* A file system has damage of its own; what the log holds is not known. */
	builder_log(b, &(struct builder_entry){ .sequence = 1 });
	ram_store_break_range(&f->ram[0], MIB, 1, -EUCLEAN);
	KUNIT_EXPECT_EQ(test, repair_log(test), -EIO);
	fixture_expect(test,
		       "error: log at offset 0x100000: cannot be read: I/O error (5)\n");
	ram_store_mend(&f->ram[0]);
	ram_store_put(&f->ram[0], 0, 0, 1);
	KUNIT_EXPECT_EQ(test, repair_log(test), -EMEDIUMTYPE);
	KUNIT_EXPECT_EQ(test, f->ram[0].changes, 0);
}

static struct vhdx_image *open_cut(struct kunit *test, u64 *size)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	builder_write(b);
	builder_block(b, 0, VHDX_BLOCK_FULLY_PRESENT);
	*size = f->ram[0].store.size;
	f->ram[0].store.size -= MIB / 2;
	f->ram[0].changes = 0;
	return fixture_open(test, 0);
}

/* The identity changes first, and then the length. */
static void repair_length(struct kunit *test)
{
	struct fixture *f = test->priv;
	guid_t old = builder_guid(0xDA);
	struct vhdx_image *image;
	u64 size;

	image = open_cut(test, &size);
	KUNIT_EXPECT_EQ(test, vhdx_repair_length(image,
						 f->ram[0].store.size), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].changes, 0);
	KUNIT_EXPECT_EQ(test, vhdx_repair_length(image, size), 1);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, size);
	image = open_again(test);
	fixture_expect(test, "");
	KUNIT_EXPECT_FALSE(test, guid_equal(vhdx_image_identity(image), &old));
	KUNIT_EXPECT_TRUE(test, file_write_changed(image));
	KUNIT_EXPECT_EQ(test, fixture_check(test).faulty, 0);
}

static void repair_length_fails(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;
	u64 size;

	image = open_cut(test, &size);
	ram_store_break_op(&f->ram[0], RAM_LENGTHEN, 1, -ENOSPC);
	KUNIT_EXPECT_EQ(test, vhdx_repair_length(image, size), -ENOSPC);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, size - MIB / 2);
	ram_store_mend(&f->ram[0]);
	open_again(test);
	fixture_expect(test, "");
}

static struct kunit_case repair_cases[] = {
	KUNIT_CASE(repair_nothing),
	KUNIT_CASE(repair_header),
	KUNIT_CASE(repair_header_fails),
	KUNIT_CASE_PARAM(repair_regions, region_gen_params),
	KUNIT_CASE_PARAM(repair_regions_crash, region_gen_params),
	KUNIT_CASE(repair_regions_misplaced),
	KUNIT_CASE(repair_regions_order),
	KUNIT_CASE(repair_regions_fails),
	KUNIT_CASE(repair_regions_no_log),
	KUNIT_CASE(repair_length),
	KUNIT_CASE(repair_length_fails),
	KUNIT_CASE(repair_lost_log),
	KUNIT_CASE(repair_good_log),
	{}
};

struct kunit_suite vhdx_repair_suite = {
	.name = "vhdx_repair",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = repair_cases,
};
