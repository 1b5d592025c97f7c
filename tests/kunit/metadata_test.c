// SPDX-License-Identifier: GPL-2.0-only
/* engine/metadata.c: the metadata table and the items of every image. */
#include "fixture.h"
#include "suites.h"

#define MIB VHDX_MIB

/* A table in memory and what it decodes to. */
struct metadata_test {
	u8 table[VHDX_TABLE_SIZE];
	struct vhdx_metadata metadata;
};

static struct metadata_test *setup(struct kunit *test)
{
	struct metadata_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct fixture *f = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, t);
	builder_write(&f->builder[0]);
	return t;
}

static int decode(struct kunit *test, struct metadata_test *t)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	ram_store_peek(b->ram, b->metadata_offset, t->table, VHDX_TABLE_SIZE);
	return vhdx_metadata_decode(t->table, b->metadata_offset,
				    b->metadata_length, &t->metadata,
				    &f->found.report);
}

static void decode_good(struct kunit *test)
{
	static const guid_t size = VHDX_GUID_VIRTUAL_DISK_SIZE;
	static const guid_t locator = VHDX_GUID_PARENT_LOCATOR;
	static const u32 offsets[] = { 0x10000, 0x10008, 0x10010, 0x10020,
				       0x10024 };
	struct metadata_test *t = setup(test);
	const struct vhdx_item *item;
	u32 i;

	KUNIT_ASSERT_EQ(test, decode(test, t), 0);
	fixture_expect(test, "");
	KUNIT_ASSERT_EQ(test, t->metadata.count, 5);
	KUNIT_EXPECT_EQ(test, t->metadata.base, 2 * MIB);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, t->metadata.items[i].offset, offsets[i]);
	item = vhdx_metadata_find(&t->metadata, &size);
	KUNIT_ASSERT_NOT_NULL(test, item);
	KUNIT_EXPECT_EQ(test, item->offset, 0x10008);
	KUNIT_EXPECT_EQ(test, item->length, 8);
	KUNIT_EXPECT_EQ(test, item->flags, 6);
	KUNIT_EXPECT_EQ(test, item->index, 1);
	KUNIT_EXPECT_NULL(test, vhdx_metadata_find(&t->metadata, &locator));
	vhdx_metadata_free(&t->metadata);
	KUNIT_EXPECT_NULL(test, vhdx_metadata_find(&t->metadata, &size));
	vhdx_metadata_free(&t->metadata);
}

/* Changes to the table: to one entry, or by adding entries. */
static void signature(struct builder *b, u64 value)
{
	ram_store_put(b->ram, b->metadata_offset + value, 'X', 1);
}

static void count(struct builder *b, u64 value)
{
	ram_store_put(b->ram, b->metadata_offset + 10, value, 2);
}

static void offset(struct builder *b, u64 value)
{
	ram_store_put(b->ram, builder_item(b, 2) + 16, value, 4);
}

static void length(struct builder *b, u64 value)
{
	ram_store_put(b->ram, builder_item(b, 2) + 20, value, 4);
}

static void flags(struct builder *b, u64 value)
{
	ram_store_put(b->ram, builder_item(b, 2) + 24, value, 4);
}

/* One more, of 16 bytes at 0x20000, with a GUID of 0x55. */
static void add_at(struct builder *b, u32 index, u64 flags_wanted)
{
	guid_t id = builder_guid(0x55);
	u64 pos = builder_item(b, index);

	ram_store_write(b->ram, pos, &id, 16);
	ram_store_put(b->ram, pos, index, 4);
	ram_store_put(b->ram, pos + 16, 0x20000 + 16 * index, 4);
	ram_store_put(b->ram, pos + 20, 16, 4);
	ram_store_put(b->ram, pos + 24, flags_wanted, 4);
	count(b, index + 1);
}

static void add(struct builder *b, u64 flags_wanted)
{
	add_at(b, 5, flags_wanted);
}

static void add_users(struct builder *b, u64 number)
{
	u32 i;

	for (i = 0; i < number; i++)
		add_at(b, 5 + i, VHDX_ITEM_IS_USER);
}

static void fill_table(struct builder *b, u64 number)
{
	u32 i;

	for (i = 5; i < number; i++)
		add_at(b, i, 0);
}

static void add_known(struct builder *b, const guid_t *id, u64 flags_wanted)
{
	add(b, flags_wanted);
	ram_store_write(b->ram, builder_item(b, 5), id, 16);
}

static void add_size(struct builder *b, u64 flags_wanted)
{
	static const guid_t id = VHDX_GUID_VIRTUAL_DISK_SIZE;

	add_known(b, &id, flags_wanted);
}

static void add_chs(struct builder *b, u64 flags_wanted)
{
	static const guid_t id = VHDX_GUID_CHS_PARAMETERS;

	add_known(b, &id, flags_wanted);
}

static void add_incomplete(struct builder *b, u64 flags_wanted)
{
	static const guid_t id = VHDX_GUID_INCOMPLETE_FILE;

	add_known(b, &id, flags_wanted);
}

static void add_empty(struct builder *b, u64 where)
{
	add(b, 0);
	ram_store_put(b->ram, builder_item(b, 5) + 16, where, 4);
	ram_store_put(b->ram, builder_item(b, 5) + 20, 0, 4);
}

static void add_largest(struct builder *b, u64 size)
{
	b->metadata_length = 4 * MIB;
	add(b, 0);
	ram_store_put(b->ram, builder_item(b, 5) + 16, MIB, 4);
	ram_store_put(b->ram, builder_item(b, 5) + 20, size, 4);
}

#define TABLE "error: metadata table at offset 0x200000: "
#define ENTRY_2 "metadata table entry 2 at offset 0x200060: "
#define ENTRY_5 "metadata table entry 5 at offset 0x2000c0: "

static const struct fixture_case decode_cases[] = {
	{ "signature", signature, 0, -EUCLEAN,
	  TABLE "the signature \"metadata\" is missing\n" },
	{ "the signature's last byte", signature, 7, -EUCLEAN,
	  TABLE "the signature \"metadata\" is missing\n" },
	{ "no entries", count, 0, 0, "" },
	{ "as many entries as there may be", fill_table, 2047, 0, "" },
	{ "one more", count, 2048, -EUCLEAN,
	  TABLE "has 2048 entries, the limit is 2047\n" },
	{ "the greatest count", count, 65535, -EUCLEAN,
	  TABLE "has 65535 entries, the limit is 2047\n" },
	{ "in the table", offset, 0xFFF0, -EUCLEAN,
	  "error: " ENTRY_2
	  "the item at 0xfff0, 16 bytes long, lies outside the metadata region's items (0x10000 to 0x100000)\n"
	},
	{ "at the region's end", offset, 0xFFFF0, 0, "" },
	{ "a byte over the region's end", offset, 0xFFFF1, -EUCLEAN,
	  "error: " ENTRY_2
	  "the item at 0xffff1, 16 bytes long, lies outside the metadata region's items (0x10000 to 0x100000)\n"
	},
	{ "the greatest offset", offset, 0xFFFFFFFF, -EUCLEAN,
	  "error: " ENTRY_2
	  "the item at 0xffffffff, 16 bytes long, lies outside the metadata region's items (0x10000 to 0x100000)\n"
	},
	{ "an end that overflows", offset, 0xFFFFFFF8, -EUCLEAN,
	  "error: " ENTRY_2
	  "the item at 0xfffffff8, 16 bytes long, lies outside the metadata region's items (0x10000 to 0x100000)\n"
	},
	{ "length of 1 MiB", add_largest, MIB, 0, "" },
	{ "length above 1 MiB", add_largest, MIB + 1, -EUCLEAN,
	  "error: " ENTRY_5 "item length 1048577 is above the limit of 1 MiB\n" },
	{ "the greatest length", length, 0xFFFFFFFF, -EUCLEAN,
	  "error: " ENTRY_2 "item length 4294967295 is above the limit of 1 MiB\n" },
	{ "touches its neighbour", offset, 0x10028, 0, "" },
	{ "overlaps its neighbour by a byte", offset, 0x10027, -EUCLEAN,
	  "error: " ENTRY_2 "the item at 0x10027 overlaps the one at 0x10024\n" },
	{ "overlaps the next", length, 17, -EUCLEAN,
	  "error: metadata table entry 3 at offset 0x200080: the item at 0x10020 overlaps the one at 0x10010\n"
	},
	{ "empty", add_empty, 0, 0, "" },
	{ "empty, with an offset", add_empty, 0x20000, -EUCLEAN,
	  "error: " ENTRY_5 "an empty item has offset 0x20000, should be 0\n" },
	{ "reserved flags", flags, 0xFFFFFFFE, 0,
	  "warning: " ENTRY_2 "reserved bits are set: 0xfffffff8\n" },
	{ "known, and not marked as required", flags, 0, 0, "" },
	{ "unknown", add, 0, 0, "" },
	{ "unknown and required", add, VHDX_ITEM_IS_REQUIRED, -EOPNOTSUPP,
	  "error: " ENTRY_5
	  "item 00000005-5555-5555-5555-555555555555 is required and not known\n"
	},
	{ "user item", add, VHDX_ITEM_IS_USER, 0, "" },
	{ "user item that is required", add,
	  VHDX_ITEM_IS_USER | VHDX_ITEM_IS_REQUIRED, -EOPNOTSUPP,
	  "error: " ENTRY_5
	  "item 00000005-5555-5555-5555-555555555555 is required and not known\n"
	},
	{ "1024 user items", add_users, 1024, 0, "" },
	{ "1025 user items", add_users, 1025, -EUCLEAN,
	  TABLE "1025 user items, the limit is 1024\n" },
	{ "twice", add_size, 6, -EUCLEAN,
	  "error: " ENTRY_5 "item 2fa54224-cd1b-4876-b211-5dbed83bf4b8 is listed twice\n" },
	{ "twice, once by a user", add_size, VHDX_ITEM_IS_USER, 0, "" },
	{ "a user's, required, with a known GUID", add_size,
	  VHDX_ITEM_IS_USER | VHDX_ITEM_IS_REQUIRED, -EOPNOTSUPP,
	  "error: " ENTRY_5
	  "item 2fa54224-cd1b-4876-b211-5dbed83bf4b8 is required and not known\n"
	},
	{ "Windows's CHS parameters, required", add_chs,
	  VHDX_ITEM_IS_REQUIRED, 0, "" },
	{ "the mark of an unfinished image", add_incomplete,
	  VHDX_ITEM_IS_REQUIRED, -EOPNOTSUPP,
	  "error: " ENTRY_5
	  "the image carries the mark of one that was never completely made; make it again\n"
	},
};

KUNIT_ARRAY_PARAM(decode, decode_cases, fixture_case_name);

static void decode_case(struct kunit *test)
{
	const struct fixture_case *c = test->param_value;
	struct metadata_test *t = setup(test);
	struct fixture *f = test->priv;

	c->alter(&f->builder[0], c->value);
	KUNIT_EXPECT_EQ(test, decode(test, t), c->error);
	fixture_expect(test, c->lines);
	vhdx_metadata_free(&t->metadata);
}

/* A user may use the GUID of a system item for what he likes. */
static void find_no_user_item(struct kunit *test)
{
	static const guid_t id = VHDX_GUID_CHS_PARAMETERS;
	struct metadata_test *t = setup(test);
	struct fixture *f = test->priv;

	add_chs(&f->builder[0], VHDX_ITEM_IS_USER);
	KUNIT_ASSERT_EQ(test, decode(test, t), 0);
	KUNIT_EXPECT_NULL(test, vhdx_metadata_find(&t->metadata, &id));
	vhdx_metadata_free(&t->metadata);
}

static int read_item(void *context, u64 pos, void *buf, size_t len)
{
	struct ram_store *ram = context;

	if (ram->break_end)
		return ram->error;
	ram_store_peek(ram, pos, buf, len);
	return 0;
}

static int params(struct kunit *test, struct vhdx_params *p)
{
	struct metadata_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct fixture *f = test->priv;
	int r;

	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_ASSERT_EQ(test, decode(test, t), 0);
	r = vhdx_metadata_params(&t->metadata, read_item, &f->ram[0], p,
				 &f->found.report);
	vhdx_metadata_free(&t->metadata);
	return r;
}

static void params_good(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	guid_t id = builder_guid(0x1D);
	struct vhdx_params p = {};

	b->size = 0x123456789000ULL;
	b->block_size = 32 * MIB;
	b->logical_sector = 4096;
	b->physical_sector = 512;
	builder_write(b);
	KUNIT_ASSERT_EQ(test, params(test, &p), 0);
	fixture_expect(test, "");
	KUNIT_EXPECT_EQ(test, p.size, 0x123456789000ULL);
	KUNIT_EXPECT_EQ(test, p.block_size, 32 * MIB);
	KUNIT_EXPECT_EQ(test, p.logical_sector, 4096);
	KUNIT_EXPECT_EQ(test, p.physical_sector, 512);
	KUNIT_EXPECT_TRUE(test, guid_equal(&p.disk_id, &id));
	KUNIT_EXPECT_FALSE(test, p.leave_allocated);
	KUNIT_EXPECT_FALSE(test, p.has_parent);
}

/* Changes to the items themselves. */
static void block_size(struct builder *b, u64 value)
{
	ram_store_put(b->ram, b->metadata_offset + BUILDER_PARAMS, value, 4);
}

static void param_flags(struct builder *b, u64 value)
{
	ram_store_put(b->ram, b->metadata_offset + BUILDER_PARAMS + 4, value,
		      4);
}

static void logical(struct builder *b, u64 value)
{
	ram_store_put(b->ram, b->metadata_offset + BUILDER_LOGICAL, value, 4);
}

static void physical(struct builder *b, u64 value)
{
	ram_store_put(b->ram, b->metadata_offset + BUILDER_PHYSICAL, value, 4);
}

static void disk_size(struct builder *b, u64 value)
{
	ram_store_put(b->ram, b->metadata_offset + BUILDER_SIZE, value, 8);
}

static void disk_size_4k(struct builder *b, u64 value)
{
	logical(b, 4096);
	disk_size(b, value);
}

/* Under another name. */
static void lose(struct builder *b, u64 index)
{
	ram_store_put(b->ram, builder_item(b, index), 0x77777777, 4);
	ram_store_put(b->ram, builder_item(b, index) + 24, 0, 4);
}

static void shorten(struct builder *b, u64 index)
{
	u64 pos = builder_item(b, index) + 20;

	ram_store_put(b->ram, pos, ram_store_get(b->ram, pos, 4) - 1, 4);
}

static void lengthen(struct builder *b, u64 index)
{
	u64 pos = builder_item(b, index) + 20;

	ram_store_put(b->ram, pos, ram_store_get(b->ram, pos, 4) + 1, 4);
	/* Out of the way of its neighbour. */
	ram_store_put(b->ram, pos - 4, 0x20000, 4);
}

static void make_unreadable(struct builder *b, u64 error)
{
	ram_store_break_range(b->ram, 0, U64_MAX, -EIO);
}

#define PARAMS "file parameters at offset 0x210000: "
#define SIZE "virtual disk size at offset 0x210008: "
#define MISSING \
	" at offset 0x200000: the item is missing from the metadata table\n"

static const struct fixture_case params_cases[] = {
	{ "blocks of 1 MiB", block_size, MIB, 0, "" },
	{ "blocks of 256 MiB", block_size, 256 * MIB, 0, "" },
	{ "blocks of 512 KiB", block_size, MIB / 2, -EUCLEAN,
	  "error: " PARAMS "block size 524288 is no power of two from 1 MiB to 256 MiB\n" },
	{ "blocks of 512 MiB", block_size, 512 * MIB, -EUCLEAN,
	  "error: " PARAMS "block size 536870912 is no power of two from 1 MiB to 256 MiB\n" },
	{ "blocks of 3 MiB", block_size, 3 * MIB, -EUCLEAN,
	  "error: " PARAMS "block size 3145728 is no power of two from 1 MiB to 256 MiB\n" },
	{ "blocks of 1 MiB and a byte", block_size, MIB + 1, -EUCLEAN,
	  "error: " PARAMS "block size 1048577 is no power of two from 1 MiB to 256 MiB\n" },
	{ "blocks of 0", block_size, 0, -EUCLEAN,
	  "error: " PARAMS "block size 0 is no power of two from 1 MiB to 256 MiB\n" },
	{ "reserved parameters", param_flags, 0xFFFFFFFC, 0,
	  "warning: " PARAMS "reserved bits are set: 0xfffffffc\n" },
	{ "logical sectors of 4096", logical, 4096, 0, "" },
	{ "logical sectors of 1024", logical, 1024, -EUCLEAN,
	  "error: logical sector size at offset 0x210020: sector size 1024 is neither 512 nor 4096\n"
	},
	{ "logical sectors of 0", logical, 0, -EUCLEAN,
	  "error: logical sector size at offset 0x210020: sector size 0 is neither 512 nor 4096\n"
	},
	{ "physical sectors of 512", physical, 512, 0, "" },
	{ "physical sectors of 8192", physical, 8192, -EUCLEAN,
	  "error: physical sector size at offset 0x210024: sector size 8192 is neither 512 nor 4096\n"
	},
	{ "one sector", disk_size, 512, 0, "" },
	{ "no sector", disk_size, 0, -EUCLEAN,
	  "error: " SIZE "virtual size 0 is not from 1 byte to 64 TiB\n" },
	{ "64 TiB", disk_size, 64 * VHDX_TIB, 0, "" },
	{ "64 TiB and a sector", disk_size, 64 * VHDX_TIB + 512, -EUCLEAN,
	  "error: " SIZE "virtual size 70368744178176 is not from 1 byte to 64 TiB\n" },
	{ "the greatest size", disk_size, U64_MAX, -EUCLEAN,
	  "error: " SIZE "virtual size 18446744073709551615 is not from 1 byte to 64 TiB\n" },
	{ "half a sector", disk_size, 256, -EUCLEAN,
	  "error: " SIZE "virtual size 256 is no multiple of the logical sector size 512\n" },
	{ "one sector of 4096", disk_size_4k, 4096, 0, "" },
	{ "an eighth of a sector of 4096", disk_size_4k, 512, -EUCLEAN,
	  "error: " SIZE "virtual size 512 is no multiple of the logical sector size 4096\n" },
	{ "no file parameters", lose, BUILDER_ITEM_PARAMS, -EUCLEAN,
	  "error: file parameters" MISSING },
	{ "no virtual disk size", lose, BUILDER_ITEM_SIZE, -EUCLEAN,
	  "error: virtual disk size" MISSING },
	{ "no virtual disk id", lose, BUILDER_ITEM_ID, -EUCLEAN,
	  "error: virtual disk id" MISSING },
	{ "no logical sector size", lose, BUILDER_ITEM_LOGICAL, -EUCLEAN,
	  "error: logical sector size" MISSING },
	{ "no physical sector size", lose, BUILDER_ITEM_PHYSICAL, -EUCLEAN,
	  "error: physical sector size" MISSING },
	{ "short file parameters", shorten, BUILDER_ITEM_PARAMS, -EUCLEAN,
	  "error: " PARAMS "the item is 7 bytes long, should be 8\n" },
	{ "short virtual disk size", shorten, BUILDER_ITEM_SIZE, -EUCLEAN,
	  "error: " SIZE "the item is 7 bytes long, should be 8\n" },
	{ "short virtual disk id", shorten, BUILDER_ITEM_ID, -EUCLEAN,
	  "error: virtual disk id at offset 0x210010: the item is 15 bytes long, should be 16\n" },
	{ "short logical sector size", shorten, BUILDER_ITEM_LOGICAL, -EUCLEAN,
	  "error: logical sector size at offset 0x210020: the item is 3 bytes long, should be 4\n"
	},
	{ "short physical sector size", shorten, BUILDER_ITEM_PHYSICAL,
	  -EUCLEAN,
	  "error: physical sector size at offset 0x210024: the item is 3 bytes long, should be 4\n"
	},
	{ "long file parameters", lengthen, BUILDER_ITEM_PARAMS, -EUCLEAN,
	  "error: file parameters at offset 0x220000: the item is 9 bytes long, should be 8\n" },
	{ "long virtual disk size", lengthen, BUILDER_ITEM_SIZE, -EUCLEAN,
	  "error: virtual disk size at offset 0x220000: the item is 9 bytes long, should be 8\n"
	},
	{ "long virtual disk id", lengthen, BUILDER_ITEM_ID, -EUCLEAN,
	  "error: virtual disk id at offset 0x220000: the item is 17 bytes long, should be 16\n"
	},
	{ "long logical sector size", lengthen, BUILDER_ITEM_LOGICAL, -EUCLEAN,
	  "error: logical sector size at offset 0x220000: the item is 5 bytes long, should be 4\n"
	},
	{ "unreadable", make_unreadable, 0, -EIO,
	  "error: " PARAMS "cannot be read: I/O error (5)\n" },
};

KUNIT_ARRAY_PARAM(params, params_cases, fixture_case_name);

static void params_case(struct kunit *test)
{
	const struct fixture_case *c = test->param_value;
	struct fixture *f = test->priv;
	struct vhdx_params p = {};

	builder_write(&f->builder[0]);
	c->alter(&f->builder[0], c->value);
	KUNIT_EXPECT_EQ(test, params(test, &p), c->error);
	fixture_expect(test, c->lines);
}

/* The two flags; the first means nothing beside the second. */
static void params_flags(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_params p = {};
	u32 set;

	for (set = 0; set < 4; set++) {
		builder_write(&f->builder[0]);
		param_flags(&f->builder[0], set);
		KUNIT_ASSERT_EQ(test, params(test, &p), 0);
		KUNIT_EXPECT_EQ(test, p.leave_allocated, set == 1);
		KUNIT_EXPECT_EQ(test, p.has_parent, set >= 2);
	}
	fixture_expect(test, "");
}

static struct kunit_case metadata_cases[] = {
	KUNIT_CASE(decode_good),
	KUNIT_CASE_PARAM(decode_case, decode_gen_params),
	KUNIT_CASE(find_no_user_item),
	KUNIT_CASE(params_good),
	KUNIT_CASE_PARAM(params_case, params_gen_params),
	KUNIT_CASE(params_flags),
	{}
};

struct kunit_suite vhdx_metadata_suite = {
	.name = "vhdx_metadata",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = metadata_cases,
};
