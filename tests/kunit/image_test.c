// SPDX-License-Identifier: GPL-2.0-only
/* engine/image.c: opening an image, reading it as it is after replay. */
#include "fixture.h"
#include "suites.h"

#define MIB VHDX_MIB

static void open_good(struct kunit *test)
{
	struct fixture *f = test->priv;
	guid_t id = builder_guid(0xDA);
	struct vhdx_image *image;

	builder_write(&f->builder[0]);
	image = fixture_open(test, 0);
	KUNIT_EXPECT_EQ(test, image->limits.file_size, 4 * MIB);
	KUNIT_EXPECT_EQ(test, image->params.size, 64 * MIB);
	KUNIT_EXPECT_EQ(test, image->bat.blocks, 64);
	KUNIT_EXPECT_EQ(test, image->bat.offset, 3 * MIB);
	KUNIT_EXPECT_EQ(test, image->regions.count, 4);
	KUNIT_EXPECT_EQ(test, image->log.count, 0);
	KUNIT_EXPECT_EQ(test, image->replay.count, 0);
	KUNIT_EXPECT_EQ(test, image->region_copy, 0);
	KUNIT_EXPECT_NULL(test, image->locator);
	KUNIT_EXPECT_TRUE(test, guid_equal(vhdx_image_identity(image), &id));
	fixture_expect(test, "");
}

static void open_child(struct kunit *test)
{
	struct fixture *f = test->priv;
	guid_t linkage = builder_guid(0xDA);
	struct vhdx_image *image;

	builder_parent(&f->builder[0], 0xDA);
	image = fixture_open(test, 0);
	KUNIT_ASSERT_NOT_NULL(test, image->locator);
	KUNIT_EXPECT_TRUE(test, guid_equal(&image->locator->linkage, &linkage));
	KUNIT_EXPECT_STREQ(test, (const char *)image->locator->relative_path,
			   ".\\parent.vhdx");
	KUNIT_EXPECT_EQ(test, image->bitmap_pages.count, 256);
	fixture_expect(test, "");
}

/* The current header's identity counts, whatever the other one says. */
static void open_identity(struct kunit *test)
{
	struct fixture *f = test->priv;
	guid_t id = builder_guid(0xBB);

	builder_write(&f->builder[0]);
	f->builder[0].data_write_guid = id;
	builder_write_header(&f->builder[0], 0, 100);
	fixture_open(test, 0);
	KUNIT_EXPECT_TRUE(test,
			  guid_equal(vhdx_image_identity(f->image[0]), &id));
}

/* Changes to an image, and what an open makes of them. */
static void cut(struct builder *b, u64 value)
{
	b->ram->store.size = value;
}

static void poke(struct builder *b, u64 pos)
{
	ram_store_put(b->ram, pos, ram_store_get(b->ram, pos, 1) ^ 0xFF, 1);
}

static void poke_both_tables(struct builder *b, u64 value)
{
	poke(b, 0x30000);
	poke(b, 0x40000);
}

static void differ(struct builder *b, u64 value)
{
	ram_store_put(b->ram, builder_region(1, 1) + 28, 0, 4);
	builder_seal_regions(b, 1);
}

static void disk(struct builder *b, u64 size)
{
	b->size = size;
	builder_write(b);
}

static void needless_locator(struct builder *b, u64 value)
{
	builder_parent(b, 0xDA);
	b->param_flags = 0;
	ram_store_put(b->ram, b->metadata_offset + BUILDER_PARAMS + 4, 0, 4);
}

static void no_locator(struct builder *b, u64 value)
{
	b->param_flags = 2;
	builder_write(b);
}

static void empty_locator(struct builder *b, u64 value)
{
	builder_parent(b, 0xDA);
	ram_store_put(b->ram, builder_item(b, BUILDER_ITEM_LOCATOR) + 16, 0, 8);
}

static void bad_locator(struct builder *b, u64 value)
{
	builder_parent(b, 0xDA);
	poke(b, b->metadata_offset + BUILDER_LOCATOR);
}

static void log_without_entries(struct builder *b, u64 value)
{
	b->log_guid = builder_guid(0x10);
	builder_write(b);
}

static void break_at(struct builder *b, u64 pos)
{
	ram_store_break_range(b->ram, pos, 1, -EIO);
}

static void break_locator(struct builder *b, u64 value)
{
	builder_parent(b, 0xDA);
	break_at(b, b->metadata_offset + BUILDER_LOCATOR);
}

static void overlap(struct builder *b, u64 value)
{
	ram_store_put(b->ram, builder_region(0, 0) + 16, 2 * MIB, 8);
	ram_store_put(b->ram, builder_region(0, 0) + 24, 2 * MIB, 4);
	ram_store_put(b->ram, builder_region(0, 1) + 16, 3 * MIB, 8);
	builder_seal_regions(b, 0);
}

static void overlap_both(struct builder *b, u64 value)
{
	u32 i;

	overlap(b, value);
	for (i = 0; i < VHDX_TABLE_SIZE; i++)
		ram_store_put(b->ram, 0x40000 + i,
			      ram_store_get(b->ram, 0x30000 + i, 1), 1);
}

/* A place that cannot be, in a copy whose checksum is right. */
static void misplaced(struct builder *b, u64 copy)
{
	ram_store_put(b->ram, builder_region(copy, 0) + 16, 512 * MIB, 8);
	builder_seal_regions(b, copy);
}

/* A region that must be known is not passed over for the other copy. */
static void required(struct builder *b, u64 copy)
{
	ram_store_put(b->ram, builder_region(copy, 2), 0x55, 1);
	ram_store_put(b->ram, builder_region(copy, 2) + 28, 1, 4);
	ram_store_put(b->ram, VHDX_REGION_TABLE_OFFSET(copy) + 8, 3, 4);
	builder_seal_regions(b, copy);
}

static const struct fixture_case open_cases[] = {
	{ "an empty file", cut, 0, -EMEDIUMTYPE,
	  "error: file identifier at offset 0x0: not a VHDX file: the signature \"vhdxfile\" is missing\n"
	},
	{ "cut behind the file identifier", cut, 0x10000, -EUCLEAN,
	  "warning: header 1 at offset 0x10000: the signature \"head\" is missing; this copy is ignored\n"
	  "warning: header 2 at offset 0x20000: the signature \"head\" is missing; this copy is ignored\n"
	  "error: header at offset 0x10000: neither copy is valid (the other is at 0x20000)\n" },
	{ "cut behind the headers", cut, 0x30000, -EUCLEAN,
	  "error: header 2 at offset 0x20000: the log at 0x100000, 1048576 bytes long, ends past the end of the file at 0x30000\n"
	  "error: file at offset 0x30000: was cut short: it ends here, is 196608 bytes long and should be 2097152 or longer; of the log, 1 MiB are lost\n"
	},
	{ "cut before the metadata", cut, 2 * MIB, -EUCLEAN,
	  "error: region table entry 0 at offset 0x30010: the BAT region at 0x300000, 0x100000 bytes long, ends past the end of the file at 0x200000\n"
	  "error: file at offset 0x200000: was cut short: it ends here, is 2097152 bytes long and should be 4194304 or longer; of 2 regions, 2 MiB are lost\n"
	},
	{ "cut in the BAT", cut, 4 * MIB - 1, -EUCLEAN,
	  "error: region table entry 0 at offset 0x30010: the BAT region at 0x300000, 0x100000 bytes long, ends past the end of the file at 0x3fffff\n"
	  "error: file at offset 0x3fffff: was cut short: it ends here, is 4194303 bytes long and should be 4194304 or longer; of the BAT region, 1 byte are lost\n"
	},
	{ "the first region table is spoiled", poke, 0x30000, 0,
	  "warning: region table 1 at offset 0x30000: the signature \"regi\" is missing; this copy is ignored\n"
	},
	{ "the second region table is spoiled", poke, 0x40000, 0,
	  "warning: region table 2 at offset 0x40000: the signature \"regi\" is missing; this copy is ignored\n"
	},
	{ "both region tables are spoiled", poke_both_tables, 0, -EUCLEAN,
	  "warning: region table 1 at offset 0x30000: the signature \"regi\" is missing; this copy is ignored\n"
	  "warning: region table 2 at offset 0x40000: the signature \"regi\" is missing; this copy is ignored\n"
	  "error: region table at offset 0x30000: neither copy is valid (the other is at 0x40000)\n"
	},
	{ "the region tables differ", differ, 0, 0,
	  "warning: region table at offset 0x30000: the two copies differ; the first is used\n" },
	{ "regions overlap in the first copy", overlap, 0, 0,
	  "warning: region table at offset 0x30000: the two copies differ; the second is used\n"
	  "read-only: region table 1 at offset 0x30000: the BAT region at 0x200000 and the metadata region at 0x300000 overlap\n"
	},
	{ "a region of the first copy cannot be there", misplaced, 0, 0,
	  "warning: region table at offset 0x30000: the two copies differ; the second is used\n"
	  "read-only: region table entry 0 at offset 0x30010: the BAT region at 0x20000000, 0x100000 bytes long, ends past the end of the file at 0x400000\n"
	},
	{ "a region of the second copy cannot be there", misplaced, 1, 0,
	  "warning: region table at offset 0x30000: the two copies differ; the first is used\n"
	},
	{ "a region of the first copy is not known", required, 0, -EOPNOTSUPP,
	  "warning: region table at offset 0x30000: the two copies differ; the first is used\n"
	  "error: region table entry 2 at offset 0x30050: region 00000055-0000-0000-0000-000000000000 is required and not known\n"
	},
	{ "regions overlap in both copies", overlap_both, 0, -EUCLEAN,
	  "error: region table 1 at offset 0x30000: the BAT region at 0x200000 and the metadata region at 0x300000 overlap\n"
	},
	{ "no metadata table", poke, 2 * MIB, -EUCLEAN,
	  "error: metadata table at offset 0x200000: the signature \"metadata\" is missing\n" },
	{ "a BAT that is just large enough", disk, 131041 * MIB, 0, "" },
	{ "a BAT that is too small by one entry", disk, 131042 * MIB, -EUCLEAN,
	  "error: BAT region at offset 0x300000: has room for 131072 entries, the virtual disk needs 131073\n"
	},
	{ "a BAT that is far too small", disk, 64 * VHDX_TIB, -EUCLEAN,
	  "error: BAT region at offset 0x300000: has room for 131072 entries, the virtual disk needs 67125247\n"
	},
	{ "a locator without a parent", needless_locator, 0, 0,
	  "warning: metadata table at offset 0x200000: there is a parent locator, but the image has no parent; it is ignored\n"
	},
	{ "a parent without a locator", no_locator, 0, -EUCLEAN,
	  "error: metadata table at offset 0x200000: the image has a parent, but the parent locator is missing\n"
	},
	{ "an empty locator", empty_locator, 0, -EUCLEAN,
	  "error: metadata table at offset 0x200000: the image has a parent, but the parent locator is missing\n"
	},
	{ "a locator of unknown type", bad_locator, 0, -EOPNOTSUPP,
	  "error: parent locator at offset 0x211000: locator type b04aef48-d19e-4a81-b789-25b8e9445913 is not known\n"
	},
	{ "a dirty log without entries", log_without_entries, 0, -EUCLEAN,
	  "error: log at offset 0x100000: must be replayed, but holds no entry\n" },
	{ "file identifier unreadable", break_at, 0, -EIO,
	  "error: file identifier at offset 0x0: cannot be read: I/O error (5)\n" },
	{ "header unreadable", break_at, 0x20000, -EIO,
	  "error: header 2 at offset 0x20000: cannot be read: I/O error (5)\n" },
	{ "first region table unreadable", break_at, 0x3FFFF, -EIO,
	  "error: region table 1 at offset 0x30000: cannot be read: I/O error (5)\n" },
	{ "second region table unreadable", break_at, 0x40000, -EIO,
	  "error: region table 2 at offset 0x40000: cannot be read: I/O error (5)\n" },
	{ "metadata table unreadable", break_at, 2 * MIB, -EIO,
	  "error: metadata table at offset 0x200000: cannot be read: I/O error (5)\n" },
	{ "metadata items unreadable", break_at, 2 * MIB + 0x10000, -EIO,
	  "error: file parameters at offset 0x210000: cannot be read: I/O error (5)\n" },
	{ "locator unreadable", break_locator, 0, -EIO,
	  "error: parent locator at offset 0x211000: cannot be read: I/O error (5)\n" },
	{ "BAT unreadable", break_at, 3 * MIB, 0, "" },
};

KUNIT_ARRAY_PARAM(open, open_cases, fixture_case_name);

static void open_case(struct kunit *test)
{
	const struct fixture_case *c = test->param_value;
	struct fixture *f = test->priv;

	builder_write(&f->builder[0]);
	c->alter(&f->builder[0], c->value);
	fixture_refuse(test, 0, c->error, c->lines);
}

/* A differencing image needs room for the last chunk's bitmap entry, too. */
static void open_child_bat(struct kunit *test)
{
	struct fixture *f = test->priv;

	/* 131072 entries: 31 chunks of 4097, and 4065 of the 32nd. */
	f->builder[0].size = 31ULL * 4096 * MIB;
	builder_parent(&f->builder[0], 0xDA);
	fixture_refuse(test, 0, 0, "");
	f->builder[1].size = 31ULL * 4096 * MIB + 512;
	builder_parent(&f->builder[1], 0xDA);
	fixture_refuse(test, 1, -EUCLEAN,
		       "error: BAT region at offset 0x300000: has room for 131072 entries, the virtual disk needs 131104\n");
}

/* Sizes beyond what the format can name do no harm: a device may be long. */
static void open_far_too_long(struct kunit *test)
{
	struct fixture *f = test->priv;

	builder_write(&f->builder[0]);
	f->ram[0].store.size = 300 * VHDX_TIB;
	fixture_open(test, 0);
	KUNIT_EXPECT_EQ(test, f->image[0]->limits.file_size,
			VHDX_FILE_SIZE_MAX);
	fixture_expect(test, "");
}

/* Whatever its size, an open reads the same few pages, and not the BAT. */
static void open_reads_little(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	b->size = 64 * VHDX_TIB;
	b->bat_length = 513 * MIB;
	builder_write(b);
	fixture_open(test, 0);
	KUNIT_EXPECT_EQ(test, f->image[0]->bat.pages, 131104);
	KUNIT_EXPECT_LE(test, f->ram[0].reads, 12);
	KUNIT_EXPECT_LE(test, f->ram[0].bytes, MIB / 4);
	KUNIT_EXPECT_EQ(test, f->image[0]->pool.resident, 0);
}

static int load_bat(struct kunit *test, u64 page)
{
	struct fixture *f = test->priv;
	struct vhdx_miss miss = {
		.image = f->image[0],
		.map = &f->image[0]->bat_pages,
		.index = page,
	};

	return vhdx_image_load(&miss);
}

static int load_bitmap(struct kunit *test, u64 page)
{
	struct fixture *f = test->priv;
	struct vhdx_miss miss = {
		.image = f->image[0],
		.map = &f->image[0]->bitmap_pages,
		.index = page,
	};

	return vhdx_image_load(&miss);
}

static void bat_entries(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_image *image;
	u64 entry = 0, pos;

	b->size = 1024 * MIB;
	builder_write(b);
	pos = builder_block(b, 511, 6);
	builder_entry(b, 512, 3 | 7 * MIB);
	builder_entry(b, 600, 5);
	image = fixture_open(test, 0);

	KUNIT_EXPECT_EQ(test, vhdx_image_bat_entry(image, 511, &entry),
			-EAGAIN);
	KUNIT_ASSERT_EQ(test, load_bat(test, 0), 0);
	KUNIT_EXPECT_EQ(test, vhdx_image_bat_entry(image, 511, &entry), 0);
	KUNIT_EXPECT_EQ(test, entry, pos | 6);
	KUNIT_EXPECT_EQ(test, vhdx_image_bat_entry(image, 512, &entry),
			-EAGAIN);
	fixture_expect(test, "");
	KUNIT_ASSERT_EQ(test, load_bat(test, 1), 0);
	fixture_expect(test,
		       "error: BAT entry 600 at offset 0x3012c0: payload block 600, state 5 (reserved), at 0x0: its state is reserved\n");
	KUNIT_EXPECT_EQ(test, vhdx_image_bat_entry(image, 512, &entry), 0);
	KUNIT_EXPECT_EQ(test, entry, 7 * MIB | 3);
	/* One bad entry does not spoil its neighbours. */
	KUNIT_EXPECT_EQ(test, vhdx_image_bat_entry(image, 600, &entry), -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_image_bat_entry(image, 599, &entry), 0);
	KUNIT_EXPECT_EQ(test, vhdx_image_bat_entry(image, 601, &entry), 0);
	KUNIT_EXPECT_EQ(test, image->pool.resident, 2);
}

static void bat_unreadable(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 entry;

	builder_write(&f->builder[0]);
	fixture_open(test, 0);
	ram_store_break_range(&f->ram[0], 3 * MIB, 1, -EIO);
	KUNIT_EXPECT_EQ(test, load_bat(test, 0), -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_image_bat_entry(f->image[0], 0, &entry),
			-EAGAIN);
	ram_store_mend(&f->ram[0]);
	KUNIT_EXPECT_EQ(test, load_bat(test, 0), 0);
	KUNIT_EXPECT_EQ(test, vhdx_image_bat_entry(f->image[0], 0, &entry), 0);
}

static void read_entry(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_image *image;
	u64 entry = 0, pos, reads;

	b->size = 1024 * MIB;
	builder_write(b);
	pos = builder_block(b, 511, 6);
	builder_entry(b, 600, 5);
	image = fixture_open(test, 0);
	ram_store_break_range(&f->ram[0], 3 * MIB, 1, -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_image_read_entry(image, 511, &entry), -EIO);
	ram_store_mend(&f->ram[0]);
	reads = f->ram[0].reads;
	KUNIT_EXPECT_EQ(test, vhdx_image_read_entry(image, 511, &entry), 0);
	KUNIT_EXPECT_EQ(test, entry, pos | 6);
	KUNIT_EXPECT_EQ(test, vhdx_image_read_entry(image, 510, &entry), 0);
	KUNIT_EXPECT_EQ(test, entry, 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].reads, reads + 1);
	KUNIT_EXPECT_EQ(test, vhdx_image_read_entry(image, 600, &entry), -EIO);
	KUNIT_EXPECT_EQ(test, image->pool.resident, 2);
}

/* The bitmap of chunk 1, whose BAT entry lies pages away from the blocks'. */
static void bitmap_load(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_page *page;
	u64 pos;

	b->size = 5000 * MIB;
	builder_parent(b, 0xDA);
	pos = builder_bitmap(b, 1);
	ram_store_put(&f->ram[0], pos + 200 * 4096 + 5, 0xA5, 1);
	fixture_open(test, 0);
	KUNIT_ASSERT_EQ(test, load_bitmap(test, 256 + 200), 0);
	rcu_read_lock();
	page = vhdx_page_map_find(&f->image[0]->bitmap_pages, 256 + 200);
	KUNIT_EXPECT_NOT_NULL(test, page);
	if (page)
		KUNIT_EXPECT_EQ(test, ((const u8 *)page->data)[5], 0xA5);
	rcu_read_unlock();
	/* The BAT's page came along. */
	KUNIT_EXPECT_EQ(test, f->image[0]->pool.resident, 2);
	fixture_expect(test, "");
}

static void bitmap_absent(struct kunit *test)
{
	struct fixture *f = test->priv;

	builder_parent(&f->builder[0], 0xDA);
	fixture_open(test, 0);
	KUNIT_EXPECT_EQ(test, load_bitmap(test, 0), -EIO);
	fixture_expect(test,
		       "error: BAT entry 4096 at offset 0x308000: the sector bitmap of chunk 0 is absent, but a block of the chunk is partially present\n");
}

static void bitmap_faulty(struct kunit *test)
{
	struct fixture *f = test->priv;

	builder_parent(&f->builder[0], 0xDA);
	ram_store_put(&f->ram[0], 0x308000, 2 * MIB | 6, 8);
	fixture_open(test, 0);
	KUNIT_EXPECT_EQ(test, load_bitmap(test, 0), -EIO);
	fixture_expect(test,
		       "error: BAT entry 4096 at offset 0x308000: sector bitmap block 0, state 6 (FULLY_PRESENT), at 0x200000: its space belongs to the header section, the log or a region\n");
}

static void bitmap_unreadable(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 pos;

	builder_parent(&f->builder[0], 0xDA);
	pos = builder_bitmap(&f->builder[0], 0);
	fixture_open(test, 0);
	ram_store_break_range(&f->ram[0], pos, 1, -EIO);
	KUNIT_EXPECT_EQ(test, load_bitmap(test, 0), -EIO);
	ram_store_break_range(&f->ram[0], 0x308000, 1, -ENOLINK);
	vhdx_pool_shrink(&f->image[0]->pool, 100);
	KUNIT_EXPECT_EQ(test, load_bitmap(test, 0), -ENOLINK);
}

/* A log that changes every structure which may be logged. */
static void replay_everything(struct kunit *test)
{
	static const u32 items[] = { BUILDER_SIZE, BUILDER_ID };
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct builder_desc descs[] = {
		{ 3 * MIB, 0, 1 }, { 0x40000, 65536 }, { 4 * MIB, 0, 2 },
	};
	u64 entry;
	u8 bytes[16];
	u32 i;

	fixture_dirty(test, 0);
	builder_log(b, &(struct builder_entry){
		.sequence = 5, .descs = descs, .count = 3, .last = 9 * MIB });
	fixture_open(test, 0);
	fixture_expect(test,
		       "info: log at offset 0x100000: holds 1 entries with 3 changes that are not in place yet; they are replayed in memory\n"
		       "warning: region table 2 at offset 0x40000: the signature \"regi\" is missing; this copy is ignored\n");
	KUNIT_EXPECT_EQ(test, f->image[0]->limits.file_size, 9 * MIB);
	/* The BAT's first page is the one in the log. */
	KUNIT_ASSERT_EQ(test, load_bat(test, 0), 0);
	if (vhdx_image_bat_entry(f->image[0], 2, &entry) != -EAGAIN)
		for (i = 0; i < 8; i++)
			KUNIT_EXPECT_EQ(test, (u8)(entry >> 8 * i),
					builder_log_byte(1, 16 + i));
	/* What is not in the log is as it was; nothing was written. */
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		KUNIT_EXPECT_EQ(test,
				vhdx_image_read(f->image[0],
						2 * MIB + items[i], bytes, 8),
				0);
		KUNIT_EXPECT_EQ(test, bytes[0],
				ram_store_get(&f->ram[0], 2 * MIB + items[i],
					      1));
	}
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 4 * MIB);
}

/* Metadata that is in the log only. */
static void replay_metadata(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct builder_desc desc = { 2 * MIB + 0x10000, 4096 };

	fixture_dirty(test, 0);
	builder_log(b, &(struct builder_entry){
		.sequence = 5, .descs = &desc, .count = 1 });
	fixture_refuse(test, 0, -EUCLEAN,
		       "info: log at offset 0x100000: holds 1 entries with 1 changes that are not in place yet; they are replayed in memory\n"
		       "error: file parameters at offset 0x210000: block size 0 is no power of two from 1 MiB to 256 MiB\n");
}

/* A header may be torn and the log dirty at once: that is what crashes do. */
static void replay_after_torn_header(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	fixture_dirty(test, 0);
	builder_log(b, &(struct builder_entry){ .sequence = 5 });
	poke(b, 0x20000 + 100);
	fixture_open(test, 0);
	KUNIT_EXPECT_EQ(test, f->image[0]->headers.current_slot, 0);
	KUNIT_EXPECT_EQ(test, f->image[0]->log.count, 1);
}

static const u64 read_cases[][2] = {
	{ 4 * MIB, 4096 },	    { 4 * MIB, 1 },
	{ 4 * MIB + 1, 4095 },	    { 4 * MIB + 4095, 2 },
	{ 4 * MIB + 512, 512 },	    { 4 * MIB + 100, 10000 },
	{ 4 * MIB + 4096, 8192 },   { 5 * MIB - 10, 10 },
	{ 5 * MIB - 4096, 4096 },   { 5 * MIB - 100, 200 },
	{ 5 * MIB - 4096, 3 * 4096 }, { 9 * MIB, 512 },
};

static void read_case_name(const u64 (*c)[2], char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%llu bytes at 0x%llx", (*c)[1],
		 (*c)[0]);
}

KUNIT_ARRAY_PARAM(read, read_cases, read_case_name);

/* At any alignment, and zeros past the end of the file. */
static void read_aligned_or_not(struct kunit *test)
{
	const u64 *c = test->param_value;
	struct fixture *f = test->priv;
	u8 *buf = kunit_kzalloc(test, 16384, GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	builder_write(&f->builder[0]);
	builder_alloc(&f->builder[0], MIB);
	for (i = 0; i < MIB; i += 4)
		if (i < 65536 || i >= MIB - 65536)
			ram_store_put(&f->ram[0], 4 * MIB + i, i * 2654435761U,
				      4);
	fixture_open(test, 0);
	memset(buf, 0xEE, 16384);
	KUNIT_EXPECT_EQ(test, vhdx_image_read(f->image[0], c[0], buf, c[1]), 0);
	for (i = 0; i < c[1]; i++)
		if (buf[i] != (c[0] + i < 5 * MIB ?
			       ram_store_get(&f->ram[0], c[0] + i, 1) : 0))
			break;
	KUNIT_EXPECT_EQ(test, i, c[1]);
	KUNIT_EXPECT_EQ(test, buf[c[1]], 0xEE);
}

static void read_errors(struct kunit *test)
{
	struct fixture *f = test->priv;
	u8 *buf = kunit_kzalloc(test, 4096, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	builder_write(&f->builder[0]);
	fixture_open(test, 0);
	ram_store_break_range(&f->ram[0], MIB, 1, -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_image_read(f->image[0], MIB, buf, 4096),
			-EIO);
	KUNIT_EXPECT_EQ(test, vhdx_image_read(f->image[0], MIB + 1, buf, 1),
			-EIO);
	KUNIT_EXPECT_EQ(test, vhdx_image_read(f->image[0], MIB + 4096, buf, 1),
			0);
}

static struct kunit_case image_cases[] = {
	KUNIT_CASE(open_good),
	KUNIT_CASE(open_child),
	KUNIT_CASE(open_identity),
	KUNIT_CASE_PARAM(open_case, open_gen_params),
	KUNIT_CASE(open_child_bat),
	KUNIT_CASE(open_far_too_long),
	KUNIT_CASE(open_reads_little),
	KUNIT_CASE(bat_entries),
	KUNIT_CASE(bat_unreadable),
	KUNIT_CASE(read_entry),
	KUNIT_CASE(bitmap_load),
	KUNIT_CASE(bitmap_absent),
	KUNIT_CASE(bitmap_faulty),
	KUNIT_CASE(bitmap_unreadable),
	KUNIT_CASE(replay_everything),
	KUNIT_CASE(replay_metadata),
	KUNIT_CASE(replay_after_torn_header),
	KUNIT_CASE_PARAM(read_aligned_or_not, read_gen_params),
	KUNIT_CASE(read_errors),
	{}
};

struct kunit_suite vhdx_image_suite = {
	.name = "vhdx_image",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = image_cases,
};
