// SPDX-License-Identifier: GPL-2.0-only
/* engine/fork.c, and the children that engine/layout.c and create.c make. */
#include "create.h"
#include "fixture.h"
#include "suites.h"

#define MIB VHDX_MIB
#define PARENT_GUID 0xD1
#define ITEM_A 0x12000U
#define ITEM_B 0x13001U

static struct vhdx_create usual_child(void)
{
	return (struct vhdx_create){
		.size = 64 * MIB,
		.block_size = 2 * MIB,
		.logical_sector = 512,
		.physical_sector = 4096,
		.log_length = MIB,
	};
}

/* The parent is file 1, as in a chain; its GUID is the one that a child names. */
static struct builder *parent_builder(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[1];

	b->data_write_guid = builder_guid(PARENT_GUID);
	return b;
}

static int fork_parent(struct kunit *test, struct vhdx_fork *taken)
{
	struct fixture *f = test->priv;
	char relative[] = ".\\parent.vhdx";
	struct vhdx_locator locator = {
		.linkage = builder_guid(PARENT_GUID),
		.relative_path = relative,
	};

	return vhdx_fork_init(taken, f->image[1], &locator, &f->found.report);
}

/* Make the child, as file 0. */
static void create_from(struct kunit *test, const struct vhdx_create *what)
{
	struct fixture *f = test->priv;
	struct vhdx_layout layout;
	const void *member;

	ram_store_exit(&f->ram[0]);
	ram_store_init(&f->ram[0]);
	KUNIT_EXPECT_NULL(test, vhdx_layout_fault(what, &member));
	vhdx_layout_init(&layout, what);
	KUNIT_EXPECT_EQ(test,
			vhdx_create(&f->ram[0].store, &layout, NULL,
				    &f->found.report), 0);
}

/* The same, of the parent that file 1 holds. */
static void create_child(struct kunit *test, struct vhdx_create what)
{
	struct vhdx_fork taken;

	KUNIT_ASSERT_EQ(test, fork_parent(test, &taken), 0);
	what.fork = &taken;
	create_from(test, &what);
	vhdx_fork_exit(&taken);
}

/**
 * struct child_case - a child to make
 * @name: for the test's log
 * @size: bytes of its disk
 * @block_size: bytes
 * @sector: bytes of its logical sectors, and its parent's
 * @parent_size: bytes of the parent's disk
 * @bat: bytes of the BAT region
 * @entries: of the BAT
 */
struct child_case {
	const char *name;
	u64 size;
	u32 block_size;
	u32 sector;
	u64 parent_size;
	u64 bat;
	u64 entries;
};

/* A last chunk has its bitmap's entry, too: 2^23 sectors make a chunk. */
static const struct child_case child_cases[] = {
	{ "1 MiB blocks", 64 * MIB, MIB, 512, 64 * MIB, MIB, 4097 },
	{ "2 MiB blocks, 4Kn", 64 * MIB, 2 * MIB, 4096, 64 * MIB, MIB, 16385 },
	{ "256 MiB blocks", 64 * MIB, 256 * MIB, 512, 64 * MIB, MIB, 17 },
	{ "larger than its parent", 4097 * MIB, MIB, 512, 64 * MIB, MIB, 8194 },
	{ "smaller than its parent", 512, MIB, 512, 64 * MIB, MIB, 4097 },
	{ "a BAT that only a child's bitmaps make longer", 131041 * MIB, MIB,
	  512, 64 * MIB, 2 * MIB, 32 * 4097 },
};

static void child_case_name(const struct child_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(child, child_cases, child_case_name);

/* It opens, is a child of its parent and reads as that does. */
static void child_opens(struct kunit *test)
{
	const struct child_case *c = test->param_value;
	struct builder *b = parent_builder(test);
	struct vhdx_create what = usual_child();
	struct fixture *f = test->priv;
	struct vhdx_image *image;
	u8 buf[512];

	b->logical_sector = c->sector;
	b->size = c->parent_size;
	builder_write(b);
	builder_fill(b, builder_block(b, 0, 6), 512, 0x5A);
	fixture_open(test, 1);
	what.size = c->size;
	what.block_size = c->block_size;
	what.logical_sector = c->sector;
	create_child(test, what);

	image = fixture_open(test, 0);
	KUNIT_EXPECT_TRUE(test, image->params.has_parent);
	KUNIT_EXPECT_FALSE(test, image->params.leave_allocated);
	KUNIT_EXPECT_EQ(test, image->params.size, c->size);
	KUNIT_EXPECT_EQ(test, image->params.block_size, c->block_size);
	KUNIT_EXPECT_EQ(test, image->params.logical_sector, c->sector);
	KUNIT_EXPECT_TRUE(test, guid_equal(&image->params.disk_id,
					   &f->image[1]->params.disk_id));
	KUNIT_EXPECT_FALSE(test,
			   guid_equal(vhdx_image_identity(image),
				      vhdx_image_identity(f->image[1])));
	KUNIT_EXPECT_EQ(test, image->regions.bat.length, c->bat);
	KUNIT_EXPECT_EQ(test, image->bat.entries, c->entries);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size,
			image->regions.bat.offset + c->bat);
	KUNIT_EXPECT_EQ(test, f->ram[0].flushed_changes, f->ram[0].changes);
	fixture_chain(test, 2);
	if (c->sector == 512) {
		KUNIT_EXPECT_EQ(test,
				vhdx_chain_read(f->chain, 0, buf, 512), 0);
		KUNIT_EXPECT_EQ(test, buf[0], 0x5A);
		KUNIT_EXPECT_EQ(test, buf[511], 0x5A);
	}
	fixture_expect(test, "");
}

/* By the bytes: the parameters say so, and the sixth item is the locator. */
static void child_bytes(struct kunit *test)
{
	static const u8 locator[] = { 0x2D, 0x5F, 0xD3, 0xA8, 0x0B, 0xB3, 0x4D,
				      0x45, 0xAB, 0xF7, 0xD3, 0xD8, 0x48, 0x34,
				      0xAB, 0x0C };
	static const u8 type[] = { 0xB7, 0xEF, 0x4A, 0xB0, 0x9E, 0xD1, 0x81,
				   0x4A, 0xB7, 0x89, 0x25, 0xB8, 0xE9, 0x44,
				   0x59, 0x13, 0, 0, 2, 0 };
	struct fixture *f = test->priv;
	struct ram_store *ram = &f->ram[0];
	u8 bytes[20];
	u64 pos;

	builder_write(parent_builder(test));
	fixture_open(test, 1);
	create_child(test, usual_child());
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, 2 * MIB + 10, 2), 6);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, 2 * MIB + 0x10004, 4), 2);
	pos = 2 * MIB + 32 + 5 * 32;
	ram_store_peek(ram, pos, bytes, 16);
	KUNIT_EXPECT_EQ(test, memcmp(bytes, locator, 16), 0);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, pos + 16, 4), 0x10028);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, pos + 20, 4),
			20 + 2 * 12 + 28 + 76 + 26 + 26);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, pos + 24, 4), 4);
	ram_store_peek(ram, 2 * MIB + 0x10028, bytes, 20);
	KUNIT_EXPECT_EQ(test, memcmp(bytes, type, 20), 0);
	/* The whole BAT is absent, the bitmaps' entries too. */
	for (pos = 3 * MIB; pos < 4 * MIB; pos += 8)
		if (ram_store_get(ram, pos, 8))
			break;
	KUNIT_EXPECT_EQ(test, pos, 4 * MIB);
}

static void expect_item(struct kunit *test, u32 index, u8 guid_byte,
			u32 length, u32 flags, u8 value)
{
	const struct vhdx_metadata *metadata;
	struct fixture *f = test->priv;
	guid_t id = builder_guid(guid_byte);
	u32 i, j;

	metadata = &f->image[0]->metadata;
	for (i = 0; i < metadata->count; i++)
		if (metadata->items[i].index == index)
			break;
	KUNIT_ASSERT_TRUE(test, i < metadata->count);
	KUNIT_EXPECT_TRUE(test, guid_equal(&metadata->items[i].id, &id));
	KUNIT_EXPECT_EQ(test, metadata->items[i].length, length);
	KUNIT_EXPECT_EQ(test, metadata->items[i].flags, flags);
	for (j = 0; j < length; j += 13)
		KUNIT_EXPECT_EQ(test,
				ram_store_get(&f->ram[0], metadata->base +
					      metadata->items[i].offset + j,
					      1), value);
}

/*
 * What describes the disk travels, the user's and the system's; what describes
 * the file does not, and the parent's own locator neither.
 */
static void child_items(struct kunit *test)
{
	static const guid_t params = VHDX_GUID_FILE_PARAMETERS;
	struct builder *b = parent_builder(test);
	struct fixture *f = test->priv;

	builder_parent(b, 0xEE);
	builder_add_item(b, 0xA1, ITEM_A, 27, VHDX_ITEM_IS_VIRTUAL_DISK);
	builder_add_item(b, 0xA2, ITEM_A + 27, 8, VHDX_ITEM_IS_USER);
	builder_add_item(b, 0xA3, ITEM_B, 5000,
			 VHDX_ITEM_IS_VIRTUAL_DISK | VHDX_ITEM_IS_USER);
	builder_add_item(b, 0xA4, 0, 0, VHDX_ITEM_IS_VIRTUAL_DISK);
	/* The user's, with the GUID of one of the system's. */
	builder_add_item(b, 0xA5, ITEM_A + 100, 8,
			 VHDX_ITEM_IS_VIRTUAL_DISK | VHDX_ITEM_IS_USER);
	ram_store_write(b->ram, builder_item(b, 10), &params, 16);
	builder_fill(b, b->metadata_offset + ITEM_A, 27, 0x71);
	builder_fill(b, b->metadata_offset + ITEM_B, 5000, 0x72);
	fixture_open(test, 1);
	create_child(test, usual_child());
	fixture_open(test, 0);
	KUNIT_EXPECT_EQ(test, f->image[0]->metadata.count, 10);
	/* Items are listed by their place, and an empty one has none. */
	expect_item(test, 6, 0xA4, 0, VHDX_ITEM_IS_VIRTUAL_DISK, 0);
	expect_item(test, 7, 0xA1, 27, VHDX_ITEM_IS_VIRTUAL_DISK, 0x71);
	expect_item(test, 9, 0xA3, 5000,
		    VHDX_ITEM_IS_VIRTUAL_DISK | VHDX_ITEM_IS_USER, 0x72);
	KUNIT_EXPECT_TRUE(test,
			  guid_equal(&f->image[0]->locator->linkage,
				     vhdx_image_identity(f->image[1])));
	fixture_expect(test, "");
}

/* Items of a MiB: the region grows, and what follows it moves. */
static void child_large_items(struct kunit *test)
{
	struct builder *b = parent_builder(test);
	struct fixture *f = test->priv;

	b->metadata_offset = 8 * MIB;
	b->metadata_length = 3 * MIB;
	b->end = 12 * MIB;
	builder_write(b);
	builder_add_item(b, 0xA1, 0x20000, MIB, VHDX_ITEM_IS_VIRTUAL_DISK);
	builder_add_item(b, 0xA2, 0x120000, MIB, VHDX_ITEM_IS_VIRTUAL_DISK);
	builder_fill(b, b->metadata_offset + 0x120000, MIB, 0x73);
	f->ram[1].store.size = 12 * MIB;
	fixture_open(test, 1);
	create_child(test, usual_child());
	fixture_open(test, 0);
	KUNIT_EXPECT_EQ(test, f->image[0]->regions.metadata.length, 3 * MIB);
	KUNIT_EXPECT_EQ(test, f->image[0]->regions.bat.offset, 5 * MIB);
	expect_item(test, 7, 0xA2, MIB, VHDX_ITEM_IS_VIRTUAL_DISK, 0x73);
	fixture_expect(test, "");
}

/* What takes the place of a child has its identity, and the items of users. */
static void fork_same(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_create what = usual_child();
	char relative[] = ".\\base.vhdx";
	struct vhdx_locator locator = {
		.linkage = builder_guid(0x77),
		.relative_path = relative,
	};
	struct builder *b = parent_builder(test);
	struct vhdx_fork taken;
	guid_t identity;

	builder_write(b);
	builder_add_item(b, 0xA1, ITEM_A, 27, VHDX_ITEM_IS_USER);
	fixture_open(test, 1);
	identity = *vhdx_image_identity(f->image[1]);
	KUNIT_ASSERT_EQ(test,
			vhdx_fork_init_same(&taken, f->image[1], &locator,
					    &f->found.report), 0);
	KUNIT_EXPECT_EQ(test, taken.item_count, 1);
	what.fork = &taken;
	create_from(test, &what);
	fixture_open(test, 0);
	vhdx_fork_exit(&taken);
	KUNIT_EXPECT_TRUE(test, guid_equal(vhdx_image_identity(f->image[0]),
					   &identity));
	KUNIT_EXPECT_TRUE(test, vhdx_locator_matches(f->image[0]->locator,
						     &locator.linkage));
	fixture_expect(test, "");
}

/* A child has the size and the sectors of its parent. */
static void fork_usual(struct kunit *test)
{
	struct builder *b = parent_builder(test);
	struct vhdx_create create = { .fork = NULL };
	struct vhdx_fork taken;

	b->size = 96 * MIB;
	b->logical_sector = 4096;
	b->physical_sector = 4096;
	builder_write(b);
	fixture_open(test, 1);
	KUNIT_ASSERT_EQ(test, fork_parent(test, &taken), 0);
	create.fork = &taken;
	vhdx_layout_usual(&create);
	KUNIT_EXPECT_EQ(test, create.size, 96 * MIB);
	KUNIT_EXPECT_EQ(test, create.block_size, 2 * MIB);
	KUNIT_EXPECT_EQ(test, create.logical_sector, 4096);
	KUNIT_EXPECT_EQ(test, create.physical_sector, 4096);
	KUNIT_EXPECT_EQ(test, create.log_length, MIB);
	vhdx_fork_exit(&taken);
}

static void fork_too_much(struct kunit *test)
{
	struct builder *b = parent_builder(test);
	struct fixture *f = test->priv;
	struct vhdx_fork taken;
	u32 i;

	b->metadata_offset = 8 * MIB;
	b->metadata_length = 20 * MIB;
	builder_write(b);
	for (i = 0; i < 17; i++)
		builder_add_item(b, 0xA0 + i, 0x20000 + i * MIB, MIB,
				 VHDX_ITEM_IS_VIRTUAL_DISK);
	f->ram[1].store.size = 28 * MIB;
	fixture_open(test, 1);
	KUNIT_EXPECT_EQ(test, fork_parent(test, &taken), -EOPNOTSUPP);
	fixture_expect(test,
		       "error: metadata table at offset 0x800000: a child would need 17 items with 17825792 bytes of its parent's metadata, the limits are 2041 and 16777216\n");
	vhdx_fork_exit(&taken);
}

static void fork_unreadable(struct kunit *test)
{
	struct builder *b = parent_builder(test);
	struct fixture *f = test->priv;
	struct vhdx_fork taken;

	builder_write(b);
	builder_add_item(b, 0xA1, ITEM_A, 27, VHDX_ITEM_IS_VIRTUAL_DISK);
	fixture_open(test, 1);
	ram_store_break_range(&f->ram[1], b->metadata_offset + ITEM_A, 1, -EIO);
	KUNIT_EXPECT_EQ(test, fork_parent(test, &taken), -EIO);
	fixture_expect(test,
		       "error: metadata item at offset 0x212000: cannot be read: I/O error (5)\n");
	vhdx_fork_exit(&taken);
}

static void fork_bad_locator(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_locator locator = {};
	struct vhdx_fork taken;

	builder_write(parent_builder(test));
	fixture_open(test, 1);
	KUNIT_EXPECT_EQ(test,
			vhdx_fork_init(&taken, f->image[1], &locator,
				       &f->found.report), -EINVAL);
	fixture_expect(test,
		       "error: parent locator at offset 0x0: a null GUID cannot name a parent\n");
	vhdx_fork_exit(&taken);
}

static void expect_fault(struct kunit *test, const struct vhdx_create *what,
			 const void *at, const char *fault)
{
	const void *member = NULL;

	KUNIT_EXPECT_STREQ(test, vhdx_layout_fault(what, &member), fault);
	KUNIT_EXPECT_PTR_EQ(test, member, at);
}

static void child_faults(struct kunit *test)
{
	struct vhdx_fork taken = { .params.logical_sector = 512 };
	struct vhdx_create what = usual_child();
	const void *member;

	what.fork = &taken;
	KUNIT_EXPECT_NULL(test, vhdx_layout_fault(&what, &member));
	what.fixed = true;
	expect_fault(test, &what, &what.fixed, "a child cannot be a fixed disk");
	what.fixed = false;
	what.allocated = true;
	expect_fault(test, &what, &what.allocated,
		     "the blocks of a child get their space when they are written");
	what.allocated = false;
	what.logical_sector = 4096;
	expect_fault(test, &what, &what.logical_sector,
		     "a child has the logical sector size of its parent");
}

static struct kunit_case fork_cases[] = {
	KUNIT_CASE_PARAM(child_opens, child_gen_params),
	KUNIT_CASE(child_bytes),
	KUNIT_CASE(child_items),
	KUNIT_CASE(child_large_items),
	KUNIT_CASE(fork_same),
	KUNIT_CASE(fork_usual),
	KUNIT_CASE(fork_too_much),
	KUNIT_CASE(fork_unreadable),
	KUNIT_CASE(fork_bad_locator),
	KUNIT_CASE(child_faults),
	{}
};

struct kunit_suite vhdx_fork_suite = {
	.name = "vhdx_fork",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = fork_cases,
};
