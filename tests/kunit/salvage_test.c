// SPDX-License-Identifier: GPL-2.0-only
/* engine/mend.c, engine/salvage*.c: a damaged image is made one that opens. */
#include "fixture.h"
#include "salvage-claims.h"
#include "salvage-find.h"
#include "suites.h"

#define MIB VHDX_MIB
#define KIB VHDX_KIB

static struct ram_store *ram(struct kunit *test)
{
	return &((struct fixture *)test->priv)->ram[0];
}

/* An image with four blocks, of which each has its number in each byte. */
static struct builder *build(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u64 block;

	builder_write(b);
	for (block = 0; block < 4; block++)
		builder_fill(b, builder_block(b, block,
					      VHDX_BLOCK_FULLY_PRESENT),
			     MIB, block + 1);
	return b;
}

static void junk(struct kunit *test, u64 pos, u64 length)
{
	static const u8 bytes[512] = { [0 ... 511] = 0xA5 };
	u64 done;

	for (done = 0; done < length; done += sizeof(bytes))
		ram_store_write(ram(test), pos + done, bytes, sizeof(bytes));
}

static int begin(struct kunit *test, struct vhdx_salvage *salvage,
		 const struct vhdx_salvage_hints *hints)
{
	static const struct vhdx_salvage_hints none;
	struct fixture *f = test->priv;

	return vhdx_salvage_begin(salvage, &ram(test)->store,
				  hints ? hints : &none, NULL,
				  &f->found.report);
}

/* Opens on the mended store, and each block has its number. */
static void expect_blocks(struct kunit *test, struct vhdx_salvage *salvage)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;
	struct vhdx_chain *chain;
	u64 block;
	u8 *sector = kunit_kzalloc(test, 512, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, sector);
	image = vhdx_image_open(&salvage->mend.store, 64, &f->found.report);
	KUNIT_ASSERT_FALSE(test, IS_ERR(image));
	chain = vhdx_chain_new(&image, 1, 0, &f->found.report);
	KUNIT_ASSERT_FALSE(test, IS_ERR(chain));
	for (block = 0; block < 4; block++) {
		KUNIT_EXPECT_EQ(test, vhdx_chain_read(chain, block * MIB, sector,
						      512), 0);
		KUNIT_EXPECT_EQ(test, sector[511], (u8)(block + 1));
	}
	vhdx_chain_free(chain);
	vhdx_image_close(image);
	KUNIT_EXPECT_EQ(test, ram(test)->changes, 0);
}

/**
 * struct salvage_case - damage, and what is said of it
 * @name: for the test's log
 * @pos: byte offset in the file of what is lost
 * @length: its bytes
 * @lines: all that is guessed
 * @opened: all that opening finds then
 */
struct salvage_case {
	const char *name;
	u64 pos;
	u64 length;
	const char *lines;
	const char *opened;
};

/* Each a line, which checkpatch lets be as long as it must. */
#define HEADERS "warning: header at offset 0x10000: both copies are lost; whether the log holds changes is not known, so it is not used\n"
#define TABLES "warning: region table at offset 0x30000: both copies are lost; the BAT and the metadata are searched for\n"
#define TABLE_IGNORED "warning: region table 1 at offset 0x30000: the signature \"regi\" is missing; this copy is ignored\n"
#define METADATA_FOUND "warning: metadata region at offset 0x200000: found here by its signature\n"
#define BAT_FOUND "warning: BAT region at offset 0x300000: found here by its entries, which name 4 blocks in the file\n"
#define METADATA "warning: metadata region at offset 0x200000: is lost\n"
#define SECTOR "warning: logical sector size at offset 0x200000: is lost, and taken for 512, as is usual; --sector-size says otherwise\n"
#define BLOCK "warning: BAT region at offset 0x300000: the block size is taken for 1 MiB: no two of its 4 blocks are closer together; --block-size says otherwise\n"
#define SIZE "warning: virtual disk size at offset 0x200000: is lost, and taken for 4194304 bytes, by its last block; --size says otherwise\n"
#define FILE_ID "warning: file identifier at offset 0x0: the signature \"vhdxfile\" is lost; what follows is that of a VHDX\n"

static const struct salvage_case salvage_cases[] = {
	{ "nothing", 0, 0, "", "" },
	{ "a header", 64 * KIB, 4 * KIB, "", "" },
	{ "both headers", 64 * KIB, 128 * KIB, HEADERS, "" },
	{ "a region table", 192 * KIB, 64 * KIB, "",
	  TABLE_IGNORED },
	{ "both region tables", 192 * KIB, 128 * KIB, TABLES METADATA_FOUND BAT_FOUND,
	  "" },
	{ "the metadata", 2 * MIB, 128 * KIB, METADATA SECTOR BLOCK SIZE,
	  "" },
	{ "the first MiB", 0, MIB, HEADERS TABLES METADATA_FOUND BAT_FOUND FILE_ID,
	  "" },
};

static void salvage_case_name(const struct salvage_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(salvage, salvage_cases, salvage_case_name);

static void salvage_structures(struct kunit *test)
{
	const struct salvage_case *c = test->param_value;
	struct fixture *f = test->priv;
	struct vhdx_salvage *salvage =
		kunit_kzalloc(test, sizeof(*salvage), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, salvage);
	build(test);
	junk(test, c->pos, c->length);
	ram(test)->changes = 0;
	KUNIT_EXPECT_EQ(test, begin(test, salvage, NULL), 0);
	fixture_expect(test, c->lines);
	findings_init(&f->found);
	expect_blocks(test, salvage);
	fixture_expect(test, c->opened);
	vhdx_salvage_end(salvage);
}

/* What the user knows needs no guess. */
static void salvage_hints(struct kunit *test)
{
	const struct vhdx_salvage_hints hints = {
		.size = 64 * MIB,
		.block_size = MIB,
		.logical_sector = 512,
	};
	struct vhdx_salvage *salvage =
		kunit_kzalloc(test, sizeof(*salvage), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, salvage);
	build(test);
	junk(test, 2 * MIB, 128 * KIB);
	ram(test)->changes = 0;
	KUNIT_EXPECT_EQ(test, begin(test, salvage, &hints), 0);
	KUNIT_EXPECT_EQ(test, salvage->layout.params.size, 64 * MIB);
	fixture_expect(test,
		       "warning: metadata region at offset 0x200000: is lost\n");
	expect_blocks(test, salvage);
	vhdx_salvage_end(salvage);
}

static void salvage_nothing(struct kunit *test)
{
	struct vhdx_salvage *salvage =
		kunit_kzalloc(test, sizeof(*salvage), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, salvage);
	junk(test, 0, 3 * MIB);
	KUNIT_EXPECT_EQ(test, begin(test, salvage, NULL), -EMEDIUMTYPE);
	vhdx_salvage_end(salvage);
}

static void judge_entries(struct kunit *test)
{
	const struct {
		u64 entry;
		u64 inside, outside, bad;
	} all[] = {
		{ 0, 0, 0, 0 },
		{ 4 * MIB | 6, 1, 0, 0 },
		{ 4 * MIB | 7, 1, 0, 0 },
		{ 64 * MIB | 6, 0, 1, 0 },
		{ 4 * MIB | 2, 0, 0, 0 },
		{ 6, 0, 0, 1 },
		{ 4 * MIB | 4, 0, 0, 1 },
		{ 4 * MIB | 5, 0, 0, 1 },
		{ 4 * MIB | 0x10 | 6, 0, 0, 1 },
		{ VHDX_FILE_SIZE_MAX | 6, 0, 0, 1 },
		{ 0x6867666564636261ULL, 0, 0, 1 },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		struct vhdx_judgement judgement = {};
		__le64 entry = cpu_to_le64(all[i].entry);

		vhdx_judge_entries(&entry, 1, 64 * MIB, &judgement);
		KUNIT_EXPECT_EQ(test, judgement.inside, all[i].inside);
		KUNIT_EXPECT_EQ(test, judgement.outside, all[i].outside);
		KUNIT_EXPECT_EQ(test, judgement.bad, all[i].bad);
	}
}

/* An entry that is lost is one that no reader takes, and tells why. */
static void lost_entries(struct kunit *test)
{
	u64 entry;
	int lost;

	for (lost = VHDX_LOST_NOT + 1; lost < VHDX_LOSTS; lost++) {
		entry = vhdx_lost_entry((enum vhdx_lost)lost);
		KUNIT_EXPECT_FALSE(test, vhdx_entry_present(entry));
		KUNIT_EXPECT_EQ(test, (int)vhdx_entry_state(entry), 4);
		KUNIT_EXPECT_EQ(test, (int)vhdx_lost_reason(entry), lost);
	}
	KUNIT_EXPECT_EQ(test, (int)vhdx_lost_reason(5), VHDX_LOST_STATE);
	KUNIT_EXPECT_EQ(test, (int)vhdx_lost_reason(4), VHDX_LOST_STATE);
	KUNIT_EXPECT_EQ(test, (int)vhdx_lost_reason(U64_MAX - 3),
			VHDX_LOST_STATE);
}

/* A page of the BAT that the file lacks becomes entries that are lost. */
static void mend_bat(struct kunit *test)
{
	struct vhdx_mend mend;
	__le64 *page = kunit_kzalloc(test, VHDX_PAGE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	junk(test, 0, 3 * MIB + 4096 + 16);
	ram(test)->store.size = 3 * MIB + 4096 + 16;
	vhdx_mend_init(&mend, &ram(test)->store);
	mend.bat_start = 3 * MIB;
	mend.bat_end = 3 * MIB + 3 * VHDX_PAGE;
	KUNIT_EXPECT_EQ(test, mend.store.ops->read(&mend.store,
						   3 * MIB + 4096, page,
						   VHDX_PAGE), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(page[1]), 0xA5A5A5A5A5A5A5A5ULL);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(page[2]),
			vhdx_lost_entry(VHDX_LOST_ENTRY_END));
	ram_store_break_range(ram(test), 3 * MIB, 1, -EIO);
	KUNIT_EXPECT_EQ(test, mend.store.ops->read(&mend.store, 3 * MIB, page,
						   VHDX_PAGE), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(page[0]),
			vhdx_lost_entry(VHDX_LOST_ENTRY));
	/* What is no BAT fails as before. */
	KUNIT_EXPECT_EQ(test, mend.store.ops->read(&mend.store, 4 * MIB, page,
						   VHDX_PAGE), -EIO);
	vhdx_mend_exit(&mend);
}

static void mend_clip(struct kunit *test)
{
	struct vhdx_mend mend;
	bool lost;

	ram(test)->store.size = 10 * MIB + 700;
	vhdx_mend_init(&mend, &ram(test)->store);
	KUNIT_EXPECT_EQ(test, vhdx_mend_clip(&mend, 9 * MIB, 2 * MIB, 512,
					     &lost), MIB + 512);
	KUNIT_EXPECT_FALSE(test, lost);
	KUNIT_EXPECT_EQ(test, vhdx_mend_clip(&mend, 10 * MIB + 512, MIB, 512,
					     &lost), MIB);
	KUNIT_EXPECT_TRUE(test, lost);
	/* What a log says to be zeros is not lost. */
	mend.lost_end = 11 * MIB;
	KUNIT_EXPECT_EQ(test, vhdx_mend_clip(&mend, 10 * MIB + 4096, 8 * MIB,
					     512, &lost), MIB - 4096);
	KUNIT_EXPECT_TRUE(test, lost);
	KUNIT_EXPECT_EQ(test, vhdx_mend_clip(&mend, 11 * MIB, MIB, 512, &lost),
			MIB);
	KUNIT_EXPECT_FALSE(test, lost);
	vhdx_mend_exit(&mend);
}

#define AT(mib) ((u64)(mib) * MIB | VHDX_BLOCK_FULLY_PRESENT)

/* Older entries than the first move back; younger ones stay. */
static void claims_move_back(struct kunit *test)
{
	const struct vhdx_params params = {
		.size = 320 * 16 * MIB,
		.block_size = 16 * MIB,
		.logical_sector = 512,
	};
	__le64 *page = kunit_kzalloc(test, VHDX_PAGE, GFP_KERNEL);
	struct vhdx_bat bat;

	KUNIT_ASSERT_NOT_NULL(test, page);
	vhdx_bat_init(&bat, &params, MIB);
	page[0] = cpu_to_le64(AT(100));
	page[2] = cpu_to_le64(AT(20));
	page[3] = cpu_to_le64(AT(36));
	page[4] = cpu_to_le64(AT(120));
	page[256] = cpu_to_le64(AT(52));
	KUNIT_EXPECT_EQ(test, vhdx_claims_move_back(&bat, 0, page, false), 3);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(page[0]), AT(100));
	KUNIT_EXPECT_EQ(test, le64_to_cpu(page[1]), AT(20));
	KUNIT_EXPECT_EQ(test, le64_to_cpu(page[2]), AT(36));
	KUNIT_EXPECT_EQ(test, le64_to_cpu(page[3]), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(page[4]), AT(120));
	KUNIT_EXPECT_EQ(test, le64_to_cpu(page[255]), AT(52));
	KUNIT_EXPECT_EQ(test, le64_to_cpu(page[256]), 0);
	/* A page whose first block is the oldest is as it should be. */
	page[0] = cpu_to_le64(AT(4));
	KUNIT_EXPECT_EQ(test, vhdx_claims_move_back(&bat, 0, page, true), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(page[255]), AT(52));
	page[0] = 0;
	KUNIT_EXPECT_EQ(test, vhdx_claims_move_back(&bat, 0, page, true), 0);
}

/* Where an entry may have been overwritten, the block is lost. */
static void claims_overwritten(struct kunit *test)
{
	const struct vhdx_params params = {
		.size = 64 * MIB,
		.block_size = MIB,
		.logical_sector = 512,
	};
	__le64 *page = kunit_kzalloc(test, VHDX_PAGE, GFP_KERNEL);
	struct vhdx_bat bat;

	KUNIT_ASSERT_NOT_NULL(test, page);
	vhdx_bat_init(&bat, &params, MIB);
	page[0] = cpu_to_le64(AT(100));
	page[2] = cpu_to_le64(AT(20));
	page[8] = cpu_to_le64(AT(120));
	KUNIT_EXPECT_EQ(test, vhdx_claims_move_back(&bat, 0, page, true), 1);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(page[1]), AT(20));
	KUNIT_EXPECT_EQ(test, le64_to_cpu(page[7]),
			vhdx_lost_entry(VHDX_LOST_OWNER));
	KUNIT_EXPECT_EQ(test, le64_to_cpu(page[8]), AT(120));
}

/* Of two blocks at one place, that between its neighbours is the owner. */
static void claims_owner(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_salvage *salvage =
		kunit_kzalloc(test, sizeof(*salvage), GFP_KERNEL);
	struct vhdx_image *image;
	struct builder *b;
	u64 second;

	KUNIT_ASSERT_NOT_NULL(test, salvage);
	b = build(test);
	second = ram_store_get(ram(test), b->bat_offset + 8, 8);
	builder_entry(b, 9, second);
	KUNIT_EXPECT_EQ(test, begin(test, salvage, NULL), 0);
	image = vhdx_image_open(&salvage->mend.store, 64, &f->found.report);
	KUNIT_ASSERT_FALSE(test, IS_ERR(image));
	KUNIT_EXPECT_EQ(test, vhdx_salvage_claims(salvage, image), 0);
	KUNIT_EXPECT_EQ(test, salvage->loser_count, 1U);
	KUNIT_EXPECT_EQ(test, salvage->losers[0], 9ULL);
	KUNIT_EXPECT_EQ(test, (int)vhdx_salvage_why(image,
						    ram(test)->store.size,
						    9 * MIB),
			VHDX_LOST_OWNER);
	vhdx_image_close(image);
	vhdx_salvage_end(salvage);
}

static u64 entry_of(struct vhdx_image *image, struct builder *b, u64 block)
{
	u64 index = builder_payload_index(b, block);
	__le64 disk;

	if (vhdx_image_read(image, b->bat_offset + index * sizeof(disk), &disk,
			    sizeof(disk)))
		return 0;
	return le64_to_cpu(disk);
}

/* More blocks at one place than are compared: one has it, the rest is lost. */
static void claims_many(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_salvage *salvage =
		kunit_kzalloc(test, sizeof(*salvage), GFP_KERNEL);
	struct builder *b = &f->builder[0];
	struct vhdx_image *image;
	u64 file, block, blocks = 70000, kept = 0, lost = 0;

	KUNIT_ASSERT_NOT_NULL(test, salvage);
	b->size = (blocks + 1) * MIB;
	builder_write(b);
	file = builder_block(b, 0, VHDX_BLOCK_FULLY_PRESENT);
	for (block = 1; block < blocks; block++)
		builder_entry(b, block, file | VHDX_BLOCK_FULLY_PRESENT);
	builder_block(b, blocks, VHDX_BLOCK_FULLY_PRESENT);
	KUNIT_EXPECT_EQ(test, begin(test, salvage, NULL), 0);
	image = vhdx_image_open(&salvage->mend.store, 64, &f->found.report);
	KUNIT_ASSERT_FALSE(test, IS_ERR(image));
	KUNIT_EXPECT_EQ(test, vhdx_salvage_claims(salvage, image), 0);
	for (block = 0; block < blocks; block++) {
		u64 entry = entry_of(image, b, block);

		kept += vhdx_entry_present(entry);
		lost += entry == vhdx_lost_entry(VHDX_LOST_OWNER);
	}
	KUNIT_EXPECT_EQ(test, kept, 1ULL);
	KUNIT_EXPECT_EQ(test, lost, blocks - 1);
	/* A block alone at its place is there, wherever its entry is. */
	KUNIT_EXPECT_TRUE(test, vhdx_entry_present(entry_of(image, b, blocks)));
	vhdx_image_close(image);
	vhdx_salvage_end(salvage);
}

/* A BAT of 32 MiB, whose place no table tells. */
static struct builder *build_long(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	b->size = 16 * 1024 * 1024 * MIB;
	b->block_size = 4 * MIB;
	b->bat_length = 33 * MIB;
	builder_write(b);
	junk(test, 192 * KIB, 128 * KIB);
	return b;
}

/* The disk holds what looks like BATs. The search reads all of it once. */
static void search_is_linear(struct kunit *test)
{
	struct vhdx_salvage *salvage =
		kunit_kzalloc(test, sizeof(*salvage), GFP_KERNEL);
	struct builder *b = build_long(test);
	u64 block, bait, pos;

	KUNIT_ASSERT_NOT_NULL(test, salvage);
	for (block = 0; block < 100; block++) {
		bait = builder_block(b, block, VHDX_BLOCK_FULLY_PRESENT);
		for (pos = bait; pos < bait + 4 * MIB; pos += MIB)
			ram_store_put(ram(test), pos, AT(40), 8);
	}
	ram(test)->bytes = 0;
	KUNIT_EXPECT_EQ(test, begin(test, salvage, NULL), 0);
	KUNIT_EXPECT_EQ(test, salvage->layout.bat.offset, b->bat_offset);
	/* And each of the 16 best three times. */
	KUNIT_EXPECT_LT(test, ram(test)->bytes,
			ram(test)->store.size + 50 * 33 * MIB);
	vhdx_salvage_end(salvage);
}

/* A BAT begins where it does, and not where it gets dense. */
static void search_long(struct kunit *test)
{
	struct vhdx_salvage *salvage =
		kunit_kzalloc(test, sizeof(*salvage), GFP_KERNEL);
	struct builder *b = build_long(test);
	u64 part;

	KUNIT_ASSERT_NOT_NULL(test, salvage);
	builder_block(b, 0, VHDX_BLOCK_FULLY_PRESENT);
	for (part = 1; part < 32; part++) {
		builder_block(b, part * 131072, VHDX_BLOCK_FULLY_PRESENT);
		builder_block(b, part * 131072 + 1, VHDX_BLOCK_FULLY_PRESENT);
	}
	KUNIT_EXPECT_EQ(test, begin(test, salvage, NULL), 0);
	KUNIT_EXPECT_EQ(test, salvage->layout.bat.offset, b->bat_offset);
	vhdx_salvage_end(salvage);
}

/* While places are judged, too. */
static void search_stops(struct kunit *test)
{
	static const struct vhdx_salvage_hints none;
	struct fixture *f = test->priv;
	struct vhdx_salvage *salvage =
		kunit_kzalloc(test, sizeof(*salvage), GFP_KERNEL);
	struct fixture_watcher watcher;
	u32 steps, stop;

	KUNIT_ASSERT_NOT_NULL(test, salvage);
	build(test);
	junk(test, 192 * KIB, 128 * KIB);
	fixture_watcher_init(&watcher, 0);
	KUNIT_EXPECT_EQ(test, vhdx_salvage_begin(salvage, &ram(test)->store,
						 &none, &watcher.progress,
						 &f->found.report), 0);
	vhdx_salvage_end(salvage);
	steps = watcher.steps;
	KUNIT_EXPECT_GT(test, steps, 0U);
	for (stop = 1; stop <= steps; stop++) {
		memset(salvage, 0, sizeof(*salvage));
		fixture_watcher_init(&watcher, stop);
		KUNIT_EXPECT_EQ(test,
				vhdx_salvage_begin(salvage, &ram(test)->store,
						   &none, &watcher.progress,
						   &f->found.report), -EINTR);
		vhdx_salvage_end(salvage);
	}
}

static struct kunit_case salvage_test_cases[] = {
	KUNIT_CASE_PARAM(salvage_structures, salvage_gen_params),
	KUNIT_CASE(salvage_hints),
	KUNIT_CASE(salvage_nothing),
	KUNIT_CASE(judge_entries),
	KUNIT_CASE(lost_entries),
	KUNIT_CASE(mend_bat),
	KUNIT_CASE(mend_clip),
	KUNIT_CASE(claims_move_back),
	KUNIT_CASE(claims_overwritten),
	KUNIT_CASE(claims_owner),
	KUNIT_CASE(claims_many),
	KUNIT_CASE(search_is_linear),
	KUNIT_CASE(search_long),
	KUNIT_CASE(search_stops),
	{}
};

struct kunit_suite vhdx_salvage_suite = {
	.name = "vhdx_salvage",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = salvage_test_cases,
};
