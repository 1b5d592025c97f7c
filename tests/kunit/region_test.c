// SPDX-License-Identifier: GPL-2.0-only
/* engine/region.c: region tables, regions, what lies where. */
#include "fixture.h"
#include "suites.h"

#define MIB VHDX_MIB

/* A header, a table and what they decode to. */
struct regions_test {
	u8 table[VHDX_TABLE_SIZE];
	struct vhdx_header header;
	struct vhdx_regions regions;
};

static struct regions_test *setup(struct kunit *test)
{
	struct regions_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct fixture *f = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, t);
	builder_write(&f->builder[0]);
	t->header.log_offset = f->builder[0].log_offset;
	t->header.log_length = f->builder[0].log_length;
	return t;
}

static void take_table(struct kunit *test, struct regions_test *t,
		       unsigned int copy)
{
	struct fixture *f = test->priv;

	ram_store_peek(&f->ram[0], VHDX_REGION_TABLE_OFFSET(copy), t->table,
		       VHDX_TABLE_SIZE);
}

static int decode(struct kunit *test, struct regions_test *t, unsigned int copy)
{
	struct fixture *f = test->priv;

	return vhdx_regions_decode(t->table, copy, &t->header,
				   f->ram[0].store.size, &t->regions,
				   &f->found.report);
}

static void table_good(struct kunit *test)
{
	struct regions_test *t = setup(test);
	struct fixture *f = test->priv;

	take_table(test, t, 0);
	KUNIT_EXPECT_TRUE(test, vhdx_region_table_check(t->table, 0,
							&f->found.report));
	take_table(test, t, 1);
	KUNIT_EXPECT_TRUE(test, vhdx_region_table_check(t->table, 1,
							&f->found.report));
	fixture_expect(test, "");
}

static void table_signature(struct kunit *test)
{
	struct regions_test *t = setup(test);
	struct fixture *f = test->priv;

	take_table(test, t, 1);
	t->table[3] ^= 1;
	KUNIT_EXPECT_FALSE(test, vhdx_region_table_check(t->table, 1,
							 &f->found.report));
	fixture_expect(test,
		       "warning: region table 2 at offset 0x40000: the signature \"regi\" is missing; this copy is ignored\n");
}

/* The checksum covers all 64 KiB. */
static void table_checksum(struct kunit *test)
{
	struct regions_test *t = setup(test);
	struct fixture *f = test->priv;

	take_table(test, t, 0);
	t->table[VHDX_TABLE_SIZE - 1] ^= 0x80;
	KUNIT_EXPECT_FALSE(test, vhdx_region_table_check(t->table, 0,
							 &f->found.report));
	KUNIT_EXPECT_EQ(test, f->found.count, 1);
	KUNIT_EXPECT_NOT_NULL(test, strstr(f->found.text, "checksum is 0x"));
	t->table[VHDX_TABLE_SIZE - 1] ^= 0x80;
	memcpy(t->table + 4, "\x44\x33\x22\x11", 4);
	findings_init(&f->found);
	KUNIT_EXPECT_FALSE(test, vhdx_region_table_check(t->table, 0,
							 &f->found.report));
	KUNIT_EXPECT_EQ(test,
			memcmp(f->found.text,
			       "warning: region table 1 at offset 0x30000: checksum is 0x11223344, should be 0x",
			       78), 0);
}

static void table_count(struct kunit *test)
{
	struct regions_test *t = setup(test);
	struct fixture *f = test->priv;

	ram_store_put(&f->ram[0], VHDX_REGION_TABLE_OFFSET(0) + 8, 2047, 4);
	builder_seal_regions(&f->builder[0], 0);
	take_table(test, t, 0);
	KUNIT_EXPECT_TRUE(test, vhdx_region_table_check(t->table, 0,
							&f->found.report));
	fixture_expect(test, "");
	ram_store_put(&f->ram[0], VHDX_REGION_TABLE_OFFSET(0) + 8, 2048, 4);
	builder_seal_regions(&f->builder[0], 0);
	take_table(test, t, 0);
	KUNIT_EXPECT_FALSE(test, vhdx_region_table_check(t->table, 0,
							 &f->found.report));
	fixture_expect(test,
		       "warning: region table 1 at offset 0x30000: has 2048 entries, the limit is 2047; this copy is ignored\n");
}

static void decode_good(struct kunit *test)
{
	struct regions_test *t = setup(test);
	static const guid_t bat = VHDX_GUID_BAT;
	static const char *const names[] = { "header section", "log",
					     "metadata region", "BAT region" };
	u32 i;

	take_table(test, t, 0);
	KUNIT_EXPECT_EQ(test, decode(test, t, 0), 0);
	fixture_expect(test, "");
	KUNIT_EXPECT_EQ(test, t->regions.bat.offset, 3 * MIB);
	KUNIT_EXPECT_EQ(test, t->regions.bat.length, MIB);
	KUNIT_EXPECT_TRUE(test, guid_equal(&t->regions.bat.guid, &bat));
	KUNIT_EXPECT_TRUE(test, t->regions.bat.required);
	KUNIT_EXPECT_EQ(test, t->regions.metadata.offset, 2 * MIB);
	KUNIT_EXPECT_EQ(test, t->regions.metadata.length, MIB);
	KUNIT_ASSERT_EQ(test, t->regions.count, 4);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_STREQ(test, t->regions.all[i].name, names[i]);
		KUNIT_EXPECT_EQ(test, t->regions.all[i].offset, i * MIB);
		KUNIT_EXPECT_EQ(test, t->regions.all[i].length, MIB);
	}
	vhdx_regions_free(&t->regions);
	KUNIT_EXPECT_EQ(test, t->regions.count, 0);
	/* As the header says: freeing what was freed does no harm. */
	vhdx_regions_free(&t->regions);
}

static void decode_without_log(struct kunit *test)
{
	struct regions_test *t = setup(test);

	t->header.log_length = 0;
	take_table(test, t, 0);
	KUNIT_EXPECT_EQ(test, decode(test, t, 0), 0);
	KUNIT_EXPECT_EQ(test, t->regions.count, 3);
	vhdx_regions_free(&t->regions);
}

/* Changes to the table; the entry that is changed is the BAT's, the first. */
static void set_offset(struct builder *b, u64 value)
{
	ram_store_put(b->ram, builder_region(1, 0) + 16, value, 8);
}

static void set_length(struct builder *b, u64 value)
{
	ram_store_put(b->ram, builder_region(1, 0) + 24, value, 4);
}

static void set_flags(struct builder *b, u64 value)
{
	ram_store_put(b->ram, builder_region(1, 0) + 28, value, 4);
}

static void cut_file(struct builder *b, u64 value)
{
	b->ram->store.size = value;
}

static void set_count(struct builder *b, u64 value)
{
	ram_store_put(b->ram, VHDX_REGION_TABLE_OFFSET(1) + 8, value, 4);
}

static void rename_entry(struct builder *b, u64 index)
{
	guid_t guid = builder_guid(0x55);

	ram_store_write(b->ram, builder_region(1, index), &guid, 16);
	ram_store_put(b->ram, builder_region(1, index) + 28, 0, 4);
}

/* A third region, at 4 MiB. */
static void add_region(struct builder *b, u64 flags)
{
	guid_t guid = builder_guid(0x55);
	u64 pos = builder_region(1, 2);

	ram_store_write(b->ram, pos, &guid, 16);
	ram_store_put(b->ram, pos + 16, builder_alloc(b, MIB), 8);
	ram_store_put(b->ram, pos + 24, MIB, 4);
	ram_store_put(b->ram, pos + 28, flags, 4);
	set_count(b, 3);
}

static void repeat_bat(struct builder *b, u64 value)
{
	static const guid_t guid = VHDX_GUID_BAT;

	add_region(b, 1);
	ram_store_write(b->ram, builder_region(1, 2), &guid, 16);
}

static void repeat_metadata(struct builder *b, u64 value)
{
	static const guid_t guid = VHDX_GUID_METADATA;

	add_region(b, 1);
	ram_store_write(b->ram, builder_region(1, 2), &guid, 16);
}

#define ENTRY "region table entry 0 at offset 0x40010: "
#define TABLE "region table 2 at offset 0x40000: "

static const struct fixture_case region_decode_cases[] = {
	{ "length 0", set_length, 0, -EUCLEAN,
	  "error: " ENTRY "length 0x0 of the BAT region is no multiple of 1 MiB above 0\n" },
	{ "length off by a page", set_length, MIB + 4096, -EUCLEAN,
	  "error: " ENTRY "length 0x101000 of the BAT region is no multiple of 1 MiB above 0\n" },
	{ "in the header section", set_offset, 0, -EUCLEAN,
	  "error: " ENTRY "offset 0x0 of the BAT region is no multiple of 1 MiB above 0\n" },
	{ "offset off by a byte", set_offset, 3 * MIB + 1, -EUCLEAN,
	  "error: " ENTRY "offset 0x300001 of the BAT region is no multiple of 1 MiB above 0\n" },
	{ "a byte of it is missing", cut_file, 4 * MIB - 1, -EUCLEAN,
	  "error: " ENTRY
	  "the BAT region at 0x300000, 0x100000 bytes long, ends past the end of the file at 0x3fffff\n"
	},
	{ "starts at the end of the file", set_offset, 4 * MIB, -EUCLEAN,
	  "error: " ENTRY
	  "the BAT region at 0x400000, 0x100000 bytes long, ends past the end of the file at 0x400000\n"
	},
	{ "its end overflows", set_offset, 0ULL - MIB, -EUCLEAN,
	  "error: " ENTRY
	  "the BAT region at 0xfffffffffff00000, 0x100000 bytes long, ends past the end of the file at 0x400000\n"
	},
	{ "the greatest length", set_length, 0xFFF00000, -EUCLEAN,
	  "error: " ENTRY
	  "the BAT region at 0x300000, 0xfff00000 bytes long, ends past the end of the file at 0x400000\n"
	},
	{ "on the metadata region", set_offset, 2 * MIB, -EUCLEAN,
	  NULL },
	{ "on the log", set_offset, MIB, -EUCLEAN,
	  NULL },
	{ "QEMU: not marked as required", set_flags, 0, 0, "" },
	{ "reserved flags", set_flags, 0x80000003, 0,
	  "warning: " ENTRY "reserved bits are set: 0x80000002\n" },
	{ "one reserved flag", set_flags, 0x80000001, 0,
	  "warning: " ENTRY "reserved bits are set: 0x80000000\n" },
	{ "no regions", set_count, 0, -EUCLEAN,
	  "error: " TABLE "the BAT region is missing\n" },
	{ "no metadata region", set_count, 1, -EUCLEAN,
	  "error: " TABLE "the metadata region is missing\n" },
	{ "no BAT region", rename_entry, 0, -EUCLEAN,
	  "error: " TABLE "the BAT region is missing\n" },
	{ "an unknown region", add_region, 0, 0, "" },
	{ "an unknown region that is required", add_region, 1, -EOPNOTSUPP,
	  "error: region table entry 2 at offset 0x40050: region 55555555-5555-5555-5555-555555555555 is required and not known\n"
	},
	{ "the BAT region twice", repeat_bat, 0, -EUCLEAN,
	  "error: " TABLE "region 2dc27766-f623-4200-9d64-115e9bfd4a08 is listed twice\n" },
	{ "the metadata region twice", repeat_metadata, 0, -EUCLEAN,
	  "error: " TABLE "region 8b7ca206-4790-4b9a-b8fe-575f050f886e is listed twice\n" },
};

KUNIT_ARRAY_PARAM(region_decode, region_decode_cases, fixture_case_name);

static void decode_case(struct kunit *test)
{
	const struct fixture_case *c = test->param_value;
	struct regions_test *t = setup(test);
	struct fixture *f = test->priv;

	c->alter(&f->builder[0], c->value);
	take_table(test, t, 1);
	KUNIT_EXPECT_EQ(test, decode(test, t, 1), c->error);
	if (c->lines)
		fixture_expect(test, c->lines);
	vhdx_regions_free(&t->regions);
}

/* Which of two is first depends on the sort, if they begin together. */
static void decode_overlap(struct kunit *test)
{
	struct regions_test *t = setup(test);
	struct fixture *f = test->priv;

	builder_alloc(&f->builder[0], 4 * MIB);
	ram_store_put(&f->ram[0], builder_region(1, 1) + 24, 3 * MIB, 4);
	take_table(test, t, 1);
	KUNIT_EXPECT_EQ(test, decode(test, t, 1), -EUCLEAN);
	fixture_expect(test,
		       "error: " TABLE
		       "the metadata region at 0x200000 and the BAT region at 0x300000 overlap\n");
	vhdx_regions_free(&t->regions);

	ram_store_put(&f->ram[0], builder_region(1, 1) + 24, MIB, 4);
	take_table(test, t, 1);
	t->header.log_length = 2 * MIB;
	KUNIT_EXPECT_EQ(test, decode(test, t, 1), -EUCLEAN);
	fixture_expect(test,
		       "error: " TABLE
		       "the log at 0x100000 and the metadata region at 0x200000 overlap\n");
	vhdx_regions_free(&t->regions);
}

/* As many as the table holds: an eighth of them would be a hostile image. */
static void decode_full_table(struct kunit *test)
{
	struct regions_test *t = setup(test);
	struct fixture *f = test->priv;
	u32 i;

	for (i = 2; i < 2047; i++) {
		u64 pos = builder_region(1, i);

		ram_store_put(&f->ram[0], pos, i, 8);
		ram_store_put(&f->ram[0], pos + 16,
			      builder_alloc(&f->builder[0], MIB), 8);
		ram_store_put(&f->ram[0], pos + 24, MIB, 4);
	}
	set_count(&f->builder[0], 2047);
	take_table(test, t, 1);
	KUNIT_EXPECT_EQ(test, decode(test, t, 1), 0);
	fixture_expect(test, "");
	KUNIT_ASSERT_EQ(test, t->regions.count, 2049);
	for (i = 1; i < t->regions.count; i++)
		KUNIT_EXPECT_EQ(test, t->regions.all[i].offset, i * MIB);
	vhdx_regions_free(&t->regions);
}

static const struct vhdx_region *
naive_hit(const struct vhdx_regions *regions, u64 offset, u64 length)
{
	u32 i;

	for (i = 0; i < regions->count; i++) {
		const struct vhdx_region *r = &regions->all[i];

		if (offset < r->offset + r->length &&
		    r->offset < offset + length)
			return r;
	}
	return NULL;
}

/* Regions with gaps between them, against a plain search. */
static void hit_all_places(struct kunit *test)
{
	struct regions_test *t = setup(test);
	struct fixture *f = test->priv;
	static const u64 lengths[] = { 1, MIB - 1, MIB, MIB + 1, 4 * MIB };
	u64 pos;
	u32 i;

	builder_alloc(&f->builder[0], 16 * MIB);
	ram_store_put(&f->ram[0], builder_region(1, 0) + 16, 9 * MIB, 8);
	ram_store_put(&f->ram[0], builder_region(1, 1) + 16, 4 * MIB, 8);
	ram_store_put(&f->ram[0], builder_region(1, 1) + 24, 2 * MIB, 4);
	take_table(test, t, 1);
	KUNIT_ASSERT_EQ(test, decode(test, t, 1), 0);
	for (pos = 0; pos < 12 * MIB; pos += MIB / 2)
		for (i = 0; i < ARRAY_SIZE(lengths); i++)
			KUNIT_EXPECT_PTR_EQ(test,
					    vhdx_regions_hit(&t->regions, pos,
							     lengths[i]),
					    naive_hit(&t->regions, pos,
						      lengths[i]));
	KUNIT_EXPECT_STREQ(test,
			   vhdx_regions_hit(&t->regions, 3 * MIB + 1, MIB)->name,
			   "metadata region");
	KUNIT_EXPECT_NULL(test,
			  vhdx_regions_hit(&t->regions, 3 * MIB, MIB));
	KUNIT_EXPECT_NULL(test, vhdx_regions_hit(&t->regions, 0ULL - MIB, 1));
	vhdx_regions_free(&t->regions);
}

static struct kunit_case region_cases[] = {
	KUNIT_CASE(table_good),
	KUNIT_CASE(table_signature),
	KUNIT_CASE(table_checksum),
	KUNIT_CASE(table_count),
	KUNIT_CASE(decode_good),
	KUNIT_CASE(decode_without_log),
	KUNIT_CASE_PARAM(decode_case, region_decode_gen_params),
	KUNIT_CASE(decode_overlap),
	KUNIT_CASE(decode_full_table),
	KUNIT_CASE(hit_all_places),
	{}
};

struct kunit_suite vhdx_region_suite = {
	.name = "vhdx_region",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = region_cases,
};
