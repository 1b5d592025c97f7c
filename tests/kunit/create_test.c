// SPDX-License-Identifier: GPL-2.0-only
/* engine/layout.c, engine/create.c: new images. */
#include "create.h"
#include "fixture.h"
#include "suites.h"

#define MIB VHDX_MIB
#define TIB VHDX_TIB

/* What Windows would make, of 64 MiB. */
static struct vhdx_create usual(void)
{
	return (struct vhdx_create){
		.size = 64 * MIB,
		.block_size = 2 * MIB,
		.logical_sector = 512,
		.physical_sector = 4096,
		.log_length = MIB,
	};
}

static int create(struct kunit *test, u32 file, const struct vhdx_create *what)
{
	struct fixture *f = test->priv;
	struct vhdx_layout layout;
	const void *member;

	KUNIT_ASSERT_TRUE(test, !vhdx_layout_fault(what, &member));
	vhdx_layout_init(&layout, what);
	return vhdx_create(&f->ram[file].store, &layout, NULL,
			   &f->found.report);
}

/**
 * struct create_case - an image to make
 * @name: for the test's log
 * @what: it
 * @bat: bytes of the BAT region
 * @end: length of the file
 */
struct create_case {
	const char *name;
	struct vhdx_create what;
	u64 bat;
	u64 end;
};

#define IMAGE(_size, _block, _logical, _physical, _log, _mode) \
	{ .size = _size, .block_size = _block, .logical_sector = _logical, \
	  .physical_sector = _physical, .log_length = _log, _mode }
#define DYNAMIC .fixed = false
#define FIXED .fixed = true
#define FULL .allocated = true

static const struct create_case create_cases[] = {
	{ "1 MiB blocks, 512e",
	  IMAGE(64 * MIB, MIB, 512, 4096, MIB, DYNAMIC), MIB, 4 * MIB },
	{ "2 MiB blocks, 4Kn",
	  IMAGE(64 * MIB, 2 * MIB, 4096, 4096, MIB, DYNAMIC), MIB, 4 * MIB },
	{ "4 MiB blocks, 512",
	  IMAGE(64 * MIB, 4 * MIB, 512, 512, MIB, DYNAMIC), MIB, 4 * MIB },
	{ "8 MiB blocks, 4096 on 512",
	  IMAGE(64 * MIB, 8 * MIB, 4096, 512, MIB, DYNAMIC), MIB, 4 * MIB },
	{ "16 MiB blocks, a log of 2 MiB",
	  IMAGE(64 * MIB, 16 * MIB, 512, 4096, 2 * MIB, DYNAMIC), MIB,
	  5 * MIB },
	{ "32 MiB blocks, a log of 64 MiB",
	  IMAGE(TIB, 32 * MIB, 512, 4096, 64 * MIB, DYNAMIC), MIB, 67 * MIB },
	{ "64 MiB blocks", IMAGE(TIB, 64 * MIB, 512, 4096, MIB, DYNAMIC), MIB,
	  4 * MIB },
	{ "128 MiB blocks", IMAGE(TIB, 128 * MIB, 4096, 4096, MIB, DYNAMIC),
	  MIB, 4 * MIB },
	{ "256 MiB blocks", IMAGE(TIB, 256 * MIB, 512, 4096, MIB, DYNAMIC),
	  MIB, 4 * MIB },
	{ "one sector", IMAGE(512, MIB, 512, 512, MIB, DYNAMIC), MIB,
	  4 * MIB },
	{ "one sector of 4096, fixed",
	  IMAGE(4096, 256 * MIB, 4096, 4096, MIB, FIXED), MIB, 260 * MIB },
	/* 4096 MiB need 4096 entries and one of a bitmap between the chunks. */
	{ "one chunk", IMAGE(4096 * MIB, MIB, 512, 4096, MIB, DYNAMIC), MIB,
	  4 * MIB },
	{ "one chunk and a sector, fixed",
	  IMAGE(4096 * MIB + 512, MIB, 512, 4096, MIB, FIXED), MIB,
	  4101 * MIB },
	/* 131072 entries fill 1 MiB, but for those of the bitmaps. */
	{ "a BAT of 1 MiB", IMAGE(131041 * MIB, MIB, 512, 4096, MIB, DYNAMIC),
	  MIB, 4 * MIB },
	{ "a BAT above 1 MiB",
	  IMAGE(131042 * MIB, MIB, 512, 4096, MIB, DYNAMIC), 2 * MIB,
	  5 * MIB },
	{ "the largest, 1 MiB blocks",
	  IMAGE(64 * TIB, MIB, 512, 4096, MIB, DYNAMIC), 513 * MIB,
	  516 * MIB },
	{ "the largest, 256 MiB blocks",
	  IMAGE(64 * TIB, 256 * MIB, 4096, 4096, MIB, DYNAMIC), 3 * MIB,
	  6 * MIB },
	{ "fixed, off the block size",
	  IMAGE(65 * MIB + 512, 2 * MIB, 512, 4096, MIB, FIXED), MIB,
	  70 * MIB },
	{ "allocated", IMAGE(64 * MIB, 2 * MIB, 512, 4096, MIB, FULL), MIB,
	  68 * MIB },
	{ "fixed, with a BAT of several MiB",
	  IMAGE(300000 * MIB, MIB, 512, 4096, MIB, FIXED), 3 * MIB,
	  300006 * MIB },
};

static void create_case_name(const struct create_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(create, create_cases, create_case_name);

/* Blocks that have space have it in order, behind all else. */
static void expect_blocks(struct kunit *test, struct vhdx_image *image,
			  const struct create_case *c)
{
	bool full = c->what.fixed || c->what.allocated;
	struct fixture *f = test->priv;
	struct vhdx_census census = {};
	u64 blocks = image->bat.blocks;

	/* The check of an empty BAT of 512 MiB takes its time. */
	if (image->bat.pages > 1024)
		return;
	KUNIT_EXPECT_EQ(test,
			vhdx_check_blocks(image, &census, NULL,
					  &f->found.report),
			0);
	KUNIT_EXPECT_EQ(test, census.payload[full ? 6 : 0], blocks);
	KUNIT_EXPECT_EQ(test, census.allocated,
			full ? blocks * c->what.block_size : 0);
}

static void create_opens(struct kunit *test)
{
	const struct create_case *c = test->param_value;
	struct fixture *f = test->priv;
	struct vhdx_image *image;

	KUNIT_ASSERT_EQ(test, create(test, 0, &c->what), 0);
	image = fixture_open(test, 0);
	KUNIT_EXPECT_EQ(test, image->params.size, c->what.size);
	KUNIT_EXPECT_EQ(test, image->params.block_size, c->what.block_size);
	KUNIT_EXPECT_EQ(test, image->params.logical_sector,
			c->what.logical_sector);
	KUNIT_EXPECT_EQ(test, image->params.physical_sector,
			c->what.physical_sector);
	KUNIT_EXPECT_EQ(test, image->params.leave_allocated, c->what.fixed);
	KUNIT_EXPECT_FALSE(test, image->params.has_parent);
	KUNIT_EXPECT_FALSE(test, guid_is_null(&image->params.disk_id));
	KUNIT_EXPECT_EQ(test, image->regions.metadata.offset,
			MIB + c->what.log_length);
	KUNIT_EXPECT_EQ(test, image->regions.bat.offset,
			2 * MIB + c->what.log_length);
	KUNIT_EXPECT_EQ(test, image->regions.bat.length, c->bat);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, c->end);
	KUNIT_EXPECT_EQ(test, f->ram[0].flushed_changes, f->ram[0].changes);
	expect_blocks(test, image, c);
	fixture_expect(test, "");
}

/* By the bytes, from the specification and from what Windows writes. */
static void create_usual(struct kunit *test)
{
	struct vhdx_create dynamic = { .size = 64 * MIB };
	struct vhdx_create full = { .size = 64 * MIB, .allocated = true };
	struct vhdx_create fixed = { .size = 64 * MIB, .fixed = true };

	vhdx_layout_usual(&dynamic);
	KUNIT_EXPECT_EQ(test, dynamic.size, 64 * MIB);
	KUNIT_EXPECT_EQ(test, dynamic.block_size, 2 * MIB);
	KUNIT_EXPECT_EQ(test, dynamic.logical_sector, 512);
	KUNIT_EXPECT_EQ(test, dynamic.physical_sector, 4096);
	KUNIT_EXPECT_EQ(test, dynamic.log_length, MIB);
	vhdx_layout_usual(&full);
	KUNIT_EXPECT_EQ(test, full.block_size, 32 * MIB);
	vhdx_layout_usual(&fixed);
	KUNIT_EXPECT_EQ(test, fixed.block_size, 32 * MIB);
}

static void create_usual_given(struct kunit *test)
{
	const struct vhdx_create given = {
		.size = 64 * MIB,
		.block_size = MIB,
		.logical_sector = 4096,
		.physical_sector = 512,
		.log_length = 2 * MIB,
	};
	struct vhdx_create create = given;

	vhdx_layout_usual(&create);
	KUNIT_EXPECT_EQ(test, create.size, given.size);
	KUNIT_EXPECT_EQ(test, create.block_size, given.block_size);
	KUNIT_EXPECT_EQ(test, create.logical_sector, given.logical_sector);
	KUNIT_EXPECT_EQ(test, create.physical_sector, given.physical_sector);
	KUNIT_EXPECT_EQ(test, create.log_length, given.log_length);
}

static void create_bytes(struct kunit *test)
{
	static const u8 bat[] = { 0x66, 0x77, 0xC2, 0x2D, 0x23, 0xF6, 0x00,
				  0x42, 0x9D, 0x64, 0x11, 0x5E, 0x9B, 0xFD,
				  0x4A, 0x08 };
	struct vhdx_create what = usual();
	struct fixture *f = test->priv;
	struct ram_store *ram = &f->ram[0];
	u8 bytes[16];
	u64 copy;

	what.fixed = true;
	KUNIT_ASSERT_EQ(test, create(test, 0, &what), 0);
	ram_store_peek(ram, 0, bytes, 16);
	KUNIT_EXPECT_EQ(test, memcmp(bytes, "vhdxfiled\0m\0-\0v\0", 16), 0);
	for (copy = 0x30000; copy <= 0x40000; copy += 0x10000) {
		KUNIT_EXPECT_EQ(test, ram_store_get(ram, copy, 4), 0x69676572);
		KUNIT_EXPECT_EQ(test, ram_store_get(ram, copy + 8, 4), 2);
		ram_store_peek(ram, copy + 16, bytes, 16);
		KUNIT_EXPECT_EQ(test, memcmp(bytes, bat, 16), 0);
		KUNIT_EXPECT_EQ(test, ram_store_get(ram, copy + 32, 8),
				3 * MIB);
		KUNIT_EXPECT_EQ(test, ram_store_get(ram, copy + 44, 4), 1);
		KUNIT_EXPECT_EQ(test, ram_store_get(ram, copy + 76, 4), 1);
	}
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, 2 * MIB + 10, 2), 5);
	/* The first item: the file parameters, required. */
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, 2 * MIB + 48, 4), 0x10000);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, 2 * MIB + 52, 4), 8);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, 2 * MIB + 56, 4), 4);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, 2 * MIB + 88, 4), 6);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, 2 * MIB + 0x10000, 4),
			0x200000);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, 2 * MIB + 0x10004, 4), 1);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, 2 * MIB + 0x10008, 8),
			64 * MIB);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, 3 * MIB, 8), 4 * MIB | 6);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, 3 * MIB + 31 * 8, 8),
			66 * MIB | 6);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, 3 * MIB + 32 * 8, 8), 0);
}

/* Both headers say the same, and each image is another one. */
static void create_guids(struct kunit *test)
{
	struct vhdx_create what = usual();
	struct vhdx_image *one, *other;

	KUNIT_ASSERT_EQ(test, create(test, 0, &what), 0);
	KUNIT_ASSERT_EQ(test, create(test, 1, &what), 0);
	one = fixture_open(test, 0);
	other = fixture_open(test, 1);
	KUNIT_EXPECT_TRUE(test,
			  guid_equal(&one->headers.copy[0].data_write_guid,
				     &one->headers.copy[1].data_write_guid));
	KUNIT_EXPECT_TRUE(test,
			  guid_equal(&one->headers.copy[0].file_write_guid,
				     &one->headers.copy[1].file_write_guid));
	KUNIT_EXPECT_FALSE(test,
			   guid_equal(vhdx_image_identity(one),
				      &one->headers.copy[0].file_write_guid));
	KUNIT_EXPECT_FALSE(test, guid_equal(vhdx_image_identity(one),
					    vhdx_image_identity(other)));
	KUNIT_EXPECT_FALSE(test, guid_equal(&one->params.disk_id,
					    &other->params.disk_id));
	KUNIT_EXPECT_FALSE(test,
			   vhdx_header_dirty(vhdx_header_current(&one->headers)));
}

/* A device that holds junk, and an image that was valid. */
static void old_device(struct kunit *test, u64 size)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	ram_store_exit(&f->ram[0]);
	ram_store_init(&f->ram[0]);
	builder_fill(b, 0, 6 * MIB, 0xAA);
	builder_fill(b, 2 * MIB, MIB, 0);
	builder_write(b);
	f->ram[0].store.size = size;
}

static void create_on_device(struct kunit *test)
{
	struct vhdx_create what = usual();
	struct fixture *f = test->priv;
	u64 pos;

	what.fixed = true;
	old_device(test, 100 * MIB);
	KUNIT_ASSERT_EQ(test, create(test, 0, &what), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 100 * MIB);
	KUNIT_EXPECT_EQ(test, f->ram[0].calls[RAM_EXTEND], 0);
	fixture_open(test, 0);
	fixture_expect(test, "");
	/* The log, the rest of the BAT, and the blocks are zeros. */
	for (pos = MIB; pos < 2 * MIB; pos += 512)
		KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], pos, 8), 0);
	for (pos = 3 * MIB + 256; pos < 6 * MIB; pos += 512)
		KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], pos, 8), 0);
}

static void create_too_small(struct kunit *test)
{
	struct vhdx_create what = usual();
	struct fixture *f = test->priv;

	what.fixed = true;
	old_device(test, 68 * MIB - 512);
	KUNIT_EXPECT_EQ(test, create(test, 0, &what), -ENOSPC);
	fixture_expect(test,
		       "error: file at offset 0x0: there is no room for its 0x4400000 bytes\n");
	KUNIT_EXPECT_EQ(test, f->ram[0].changes, 0);
}

static void create_just_fits(struct kunit *test)
{
	struct vhdx_create what = usual();
	struct fixture *f = test->priv;

	what.fixed = true;
	old_device(test, 68 * MIB);
	KUNIT_EXPECT_EQ(test, create(test, 0, &what), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 68 * MIB);
	fixture_open(test, 0);
	fixture_expect(test, "");
}

/* Neither the old image nor half of the new one is ever taken for an image. */
static void create_crash(struct kunit *test)
{
	struct vhdx_create what = usual();
	struct fixture *f = test->priv;
	struct vhdx_image *image;
	u64 stop = 0;

	do {
		int r;

		old_device(test, 68 * MIB);
		ram_store_stop_after(&f->ram[0], ++stop);
		r = create(test, 0, &what);
		ram_store_mend(&f->ram[0]);
		findings_init(&f->found);
		image = vhdx_image_open(&f->ram[0].store, 16,
					&f->found.report);
		if (!IS_ERR(image)) {
			vhdx_image_close(image);
			break;
		}
		KUNIT_EXPECT_EQ(test, PTR_ERR(image), -EMEDIUMTYPE);
		KUNIT_EXPECT_EQ(test, r, -EIO);
	} while (stop < 100);
	/* Two of zeros, metadata, two tables, two headers, the identifier. */
	KUNIT_EXPECT_EQ(test, stop, 8);
}

/* What a flush covers: nothing that comes after may be durable before it. */
static void create_order(struct kunit *test)
{
	/* The header section; all else; the headers; the identifier. */
	static const u64 changes[] = { 1, 5, 6, 7, 8 };
	struct vhdx_create what = usual();
	struct fixture *f = test->priv;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		old_device(test, 68 * MIB);
		ram_store_break_op(&f->ram[0], RAM_FLUSH, i + 1, -EIO);
		KUNIT_EXPECT_EQ(test, create(test, 0, &what), -EIO);
		KUNIT_EXPECT_EQ(test, f->ram[0].changes, changes[i]);
	}
}

/**
 * struct create_fault - a call that fails, and what is said
 * @name: for the test's log
 * @op: which operation
 * @nth: which call of it
 * @error: what it returns
 * @lines: what is found
 */
struct create_fault {
	const char *name;
	enum ram_op op;
	u64 nth;
	int error;
	const char *lines;
};

static const struct create_fault create_faults[] = {
	{
		"no room at all", RAM_EXTEND, 1, -ENOSPC,
		"error: file at offset 0x0: there is no room for its 0x4400000 bytes\n"
	},
	{
		"no room for blocks", RAM_EXTEND, 2, -ENOSPC,
		"error: file at offset 0x0: there is no room for its 0x4400000 bytes\n"
	},
	{
		"extension", RAM_EXTEND, 2, -EIO,
		"error: file at offset 0x100000: cannot be written: I/O error (5)\n"
	},
	{
		"first flush", RAM_FLUSH, 1, -EIO,
		"error: file at offset 0x0: cannot be made durable: I/O error (5)\n"
	},
	{
		"BAT", RAM_WRITE, 1, -EIO,
		"error: BAT region at offset 0x300000: cannot be written: I/O error (5)\n"
	},
	{
		"metadata", RAM_WRITE, 2, -EIO,
		"error: metadata region at offset 0x200000: cannot be written: I/O error (5)\n"
	},
	{
		"second region table", RAM_WRITE, 4, -EIO,
		"error: region table at offset 0x40000: cannot be written: I/O error (5)\n"
	},
	{
		"headers", RAM_WRITE, 6, -EIO,
		"error: header at offset 0x10000: cannot be written: I/O error (5)\n"
	},
	{
		"file identifier", RAM_WRITE, 7, -EIO,
		"error: file identifier at offset 0x0: cannot be written: I/O error (5)\n"
	},
};

static void create_fault_name(const struct create_fault *fault, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", fault->name);
}

KUNIT_ARRAY_PARAM(create_fault, create_faults, create_fault_name);

static void create_fails(struct kunit *test)
{
	const struct create_fault *fault = test->param_value;
	struct vhdx_create what = usual();
	struct fixture *f = test->priv;

	what.fixed = true;
	ram_store_break_op(&f->ram[0], fault->op, fault->nth, fault->error);
	KUNIT_EXPECT_EQ(test, create(test, 0, &what), fault->error);
	fixture_expect(test, fault->lines);
}

/**
 * struct watch - a progress that stops what it watches
 * @progress: what the engine sees
 * @calls: so far
 * @stop_at: the call that says stop
 * @done: what was said last
 */
struct watch {
	struct vhdx_progress progress;
	u32 calls;
	u32 stop_at;
	u64 done;
};

static int watch_step(struct vhdx_progress *progress, u64 done, u64 total)
{
	struct watch *watch = container_of(progress, struct watch, progress);

	if (done < watch->done || done > total)
		return -ERANGE;
	watch->done = done;
	return ++watch->calls == watch->stop_at ? -EINTR : 0;
}

/* A fixed image of 1 GiB is made in some steps, each of which can be the last. */
static void create_watched(struct kunit *test)
{
	struct vhdx_create what = usual();
	struct fixture *f = test->priv;
	struct vhdx_layout layout;
	u32 stop;

	what.size = 1024 * MIB;
	what.fixed = true;
	vhdx_layout_init(&layout, &what);
	for (stop = 1; stop <= 7; stop++) {
		struct watch watch = { .progress.step = watch_step,
				       .stop_at = stop };

		ram_store_exit(&f->ram[0]);
		ram_store_init(&f->ram[0]);
		KUNIT_EXPECT_EQ(test,
				vhdx_create(&f->ram[0].store, &layout,
					    &watch.progress, &f->found.report),
				stop < 7 ? -EINTR : 0);
		if (stop == 7)
			KUNIT_EXPECT_EQ(test, watch.done, layout.end);
	}
	fixture_expect(test, "");
}

/**
 * struct create_refusal - what cannot be made
 * @name: for the test's log
 * @what: it
 * @fault: what is said; NULL: it can
 * @member: offset of what it is said of
 */
struct create_refusal {
	const char *name;
	struct vhdx_create what;
	const char *fault;
	size_t member;
};

#define FAULT_BLOCK \
	"the block size must be a power of two from 1 MiB to 256 MiB"
#define FAULT_SIZE \
	"the size must be above 0, and 64 TiB at the most"
#define FAULT_MULTIPLE \
	"the size must be a multiple of the logical sector size"
#define FAULT_LOG \
	"the size of the log must be a multiple of 1 MiB above 0"

#define MEMBER(name)	offsetof(struct vhdx_create, name)

static const struct create_refusal create_refusals[] = {
	{ "usual", IMAGE(MIB, MIB, 512, 4096, MIB, DYNAMIC), NULL },
	{ "no size", IMAGE(0, MIB, 512, 4096, MIB, DYNAMIC), FAULT_SIZE,
	  MEMBER(size) },
	{ "64 TiB", IMAGE(64 * TIB, MIB, 512, 4096, MIB, DYNAMIC), NULL },
	{ "too large", IMAGE(64 * TIB + 512, MIB, 512, 4096, MIB, DYNAMIC),
	  FAULT_SIZE,
	  MEMBER(size) },
	{ "off 512", IMAGE(MIB + 1, MIB, 512, 4096, MIB, DYNAMIC),
	  FAULT_MULTIPLE,
	  MEMBER(size) },
	{ "off 4096", IMAGE(MIB + 512, MIB, 4096, 4096, MIB, DYNAMIC),
	  FAULT_MULTIPLE,
	  MEMBER(size) },
	{ "no blocks", IMAGE(MIB, 0, 512, 4096, MIB, DYNAMIC), FAULT_BLOCK,
	  MEMBER(block_size) },
	{ "small blocks", IMAGE(MIB, MIB / 2, 512, 4096, MIB, DYNAMIC),
	  FAULT_BLOCK,
	  MEMBER(block_size) },
	{ "large blocks", IMAGE(MIB, 512 * MIB, 512, 4096, MIB, DYNAMIC),
	  FAULT_BLOCK,
	  MEMBER(block_size) },
	{ "odd blocks", IMAGE(MIB, 3 * MIB, 512, 4096, MIB, DYNAMIC),
	  FAULT_BLOCK,
	  MEMBER(block_size) },
	{ "logical sector", IMAGE(MIB, MIB, 1024, 4096, MIB, DYNAMIC),
	  "the logical sector size must be 512 or 4096 bytes",
	  MEMBER(logical_sector) },
	{ "physical sector", IMAGE(MIB, MIB, 512, 8192, MIB, DYNAMIC),
	  "the physical sector size must be 512 or 4096 bytes",
	  MEMBER(physical_sector) },
	{ "no log", IMAGE(MIB, MIB, 512, 4096, 0, DYNAMIC), FAULT_LOG,
	  MEMBER(log_length) },
	{ "odd log", IMAGE(MIB, MIB, 512, 4096, MIB + 4096, DYNAMIC),
	  FAULT_LOG,
	  MEMBER(log_length) },
	{ "log of 1 GiB", IMAGE(MIB, MIB, 512, 4096, 1024 * MIB, DYNAMIC),
	  NULL },
	{ "large log", IMAGE(MIB, MIB, 512, 4096, 1025 * MIB, DYNAMIC),
	  "the log can have 1 GiB at the most",
	  MEMBER(log_length) },
};

static void create_refusal_name(const struct create_refusal *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(create_refusal, create_refusals, create_refusal_name);

static void create_refuses(struct kunit *test)
{
	const struct create_refusal *c = test->param_value;
	const void *member;
	const char *fault = vhdx_layout_fault(&c->what, &member);

	KUNIT_EXPECT_STREQ(test, fault ? fault : "", c->fault ? c->fault : "");
	if (fault)
		KUNIT_EXPECT_PTR_EQ(test, member,
				    (const void *)((const char *)&c->what +
						   c->member));
}

static struct kunit_case create_tests[] = {
	KUNIT_CASE_PARAM(create_opens, create_gen_params),
	KUNIT_CASE(create_usual),
	KUNIT_CASE(create_usual_given),
	KUNIT_CASE(create_bytes),
	KUNIT_CASE(create_guids),
	KUNIT_CASE(create_on_device),
	KUNIT_CASE(create_too_small),
	KUNIT_CASE(create_just_fits),
	KUNIT_CASE(create_crash),
	KUNIT_CASE(create_order),
	KUNIT_CASE_PARAM(create_fails, create_fault_gen_params),
	KUNIT_CASE(create_watched),
	KUNIT_CASE_PARAM(create_refuses, create_refusal_gen_params),
	{}
};

struct kunit_suite vhdx_create_suite = {
	.name = "vhdx_create",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = create_tests,
};
