// SPDX-License-Identifier: GPL-2.0-only
/* engine/log-write.c: what it encodes is what a reader of the log accepts. */
#include "fixture.h"
#include "suites.h"

#define MIB VHDX_MIB
#define SEQUENCE 0xFEDCBA9876543210ULL
#define LOG_AT (64 * 4096ULL)

/*
 * The descriptors' pages are full at 126 and at 254 pages: the first one begins
 * with the header, which takes the room of two.
 */
static const u32 page_counts[] = { 0, 1, 61, 62, 126, 127, 254, 255, 1000 };

static void page_count_name(const u32 *count, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%u pages", *count);
}

KUNIT_ARRAY_PARAM(page_count, page_counts, page_count_name);

/* From the specification: 64 + 32 * n bytes, rounded up, and a page each. */
static u32 size_of_entry(u32 pages)
{
	return ALIGN(64 + 32 * pages, 4096U) + 4096 * pages;
}

/* No two pages are alike, and none of their bytes is like its neighbour. */
static u8 byte_of(u32 page, u32 i)
{
	return builder_log_byte(3 + 31 * page + (page >> 8), i);
}

static u64 target_of(u32 page)
{
	return 256 * MIB + 4096ULL * (page * 3);
}

/* The entry in memory; what was there before is not zero. */
static u8 *encode(struct kunit *test, u32 pages, struct vhdx_log_entry *entry,
		  const guid_t *guid)
{
	u32 size = vhdx_log_entry_size(pages);
	u8 *buf, *page;
	u32 i, k;

	KUNIT_ASSERT_EQ(test, size, size_of_entry(pages));
	buf = kunit_kzalloc(test, size + 4096, GFP_KERNEL);
	page = kunit_kzalloc(test, 4096, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, buf && page);
	memset(buf, 0xEE, size + 4096);
	for (i = 0; i < pages; i++) {
		for (k = 0; k < 4096; k++)
			page[k] = byte_of(i, k);
		vhdx_log_encode_page(buf, pages, i, SEQUENCE, target_of(i),
				     page);
	}
	*entry = (struct vhdx_log_entry){
		.offset = LOG_AT,
		.length = size,
		.tail = LOG_AT,
		.descriptors = pages,
		.sequence = SEQUENCE,
		.flushed_file_offset = 0x123400000ULL,
		.last_file_offset = 0x567800000ULL,
	};
	vhdx_log_encode(buf, entry, guid);
	return buf;
}

static u64 number(const u8 *buf, u64 at, u32 width)
{
	__le64 disk = 0;

	memcpy(&disk, buf + at, width);
	return le64_to_cpu(disk);
}

/* Each field at its place, from the specification. */
static void encode_bytes(struct kunit *test)
{
	const u32 *pages = test->param_value;
	struct vhdx_log_entry entry;
	guid_t guid = builder_guid(0x5A);
	u8 *buf = encode(test, *pages, &entry, &guid);
	u32 data = ALIGN(64 + 32 * *pages, 4096U);
	u32 i;

	KUNIT_EXPECT_FALSE(test, memcmp(buf, "loge", 4));
	KUNIT_EXPECT_EQ(test, number(buf, 8, 4), size_of_entry(*pages));
	KUNIT_EXPECT_EQ(test, number(buf, 12, 4), LOG_AT);
	KUNIT_EXPECT_TRUE(test, number(buf, 16, 8) == SEQUENCE);
	KUNIT_EXPECT_EQ(test, number(buf, 24, 4), *pages);
	KUNIT_EXPECT_EQ(test, number(buf, 28, 4), 0);
	KUNIT_EXPECT_FALSE(test, memcmp(buf + 32, &guid, 16));
	KUNIT_EXPECT_EQ(test, number(buf, 48, 8), 0x123400000ULL);
	KUNIT_EXPECT_EQ(test, number(buf, 56, 8), 0x567800000ULL);
	for (i = 0; i < *pages; i++) {
		const u8 *desc = buf + 64 + 32 * i;
		const u8 *sector = buf + data + 4096 * i;

		KUNIT_EXPECT_FALSE(test, memcmp(desc, "desc", 4));
		KUNIT_EXPECT_EQ(test, desc[4], byte_of(i, 4092));
		KUNIT_EXPECT_EQ(test, desc[7], byte_of(i, 4095));
		KUNIT_EXPECT_EQ(test, desc[8], byte_of(i, 0));
		KUNIT_EXPECT_EQ(test, desc[15], byte_of(i, 7));
		KUNIT_EXPECT_EQ(test, number(desc, 16, 8), target_of(i));
		KUNIT_EXPECT_TRUE(test, number(desc, 24, 8) == SEQUENCE);
		KUNIT_EXPECT_FALSE(test, memcmp(sector, "data", 4));
		KUNIT_EXPECT_EQ(test, number(sector, 4, 4), 0xFEDCBA98);
		KUNIT_EXPECT_EQ(test, sector[8], byte_of(i, 8));
		KUNIT_EXPECT_EQ(test, sector[4091], byte_of(i, 4091));
		KUNIT_EXPECT_EQ(test, number(sector, 4092, 4), 0x76543210);
	}
	for (i = 64 + 32 * *pages; i < data; i++)
		KUNIT_EXPECT_EQ(test, buf[i], 0);
	/* Not a byte behind it. */
	for (i = 0; i < 4096; i++)
		KUNIT_EXPECT_EQ(test, buf[size_of_entry(*pages) + i], 0xEE);
}

/* Puts an entry into an image's log and has the log found. */
static struct vhdx_header put_entry(struct kunit *test, const u8 *buf,
				    u32 length, struct vhdx_log *log)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_headers headers;

	/* Behind all else, and long enough for the greatest. */
	b->log_offset = 8 * MIB;
	b->log_length = 8 * MIB;
	fixture_dirty(test, 0);
	ram_store_write(&f->ram[0], b->log_offset + LOG_AT, buf, length);
	/* As long as the entry promises. */
	f->ram[0].store.size = 0x123400000ULL;
	KUNIT_ASSERT_EQ(test,
			vhdx_headers_read(&f->ram[0].store, &headers,
					  &f->found.report),
			0);
	KUNIT_ASSERT_EQ(test,
			vhdx_log_find(&f->ram[0].store,
				      vhdx_header_current(&headers), log,
				      &f->found.report),
			0);
	return *vhdx_header_current(&headers);
}

/* The reader's view of an entry, and each page, byte by byte, as replayed. */
static void encode_accepted(struct kunit *test)
{
	const u32 *pages = test->param_value;
	struct fixture *f = test->priv;
	guid_t guid = builder_guid(0x10);
	u8 *page = kunit_kzalloc(test, 4096, GFP_KERNEL);
	struct vhdx_log_entry entry;
	struct vhdx_replay replay;
	struct vhdx_header header;
	struct vhdx_log log;
	u32 i, k;

	KUNIT_ASSERT_NOT_NULL(test, page);
	header = put_entry(test, encode(test, *pages, &entry, &guid),
			   size_of_entry(*pages), &log);
	KUNIT_ASSERT_EQ(test, log.count, 1);
	KUNIT_EXPECT_FALSE(test,
			   memcmp(&log.entries[0], &entry, sizeof(entry)));
	KUNIT_ASSERT_EQ(test,
			vhdx_replay_plan(&replay, &f->ram[0].store, &header,
					 &log),
			0);
	KUNIT_EXPECT_EQ(test, replay.file_size, 0x567800000ULL);
	KUNIT_EXPECT_EQ(test, replay.count, *pages);
	for (i = 0; i < replay.count; i++) {
		u32 wrong = 0;

		KUNIT_EXPECT_EQ(test, replay.patches[i].target, target_of(i));
		KUNIT_EXPECT_EQ(test, replay.patches[i].length, 4096);
		KUNIT_EXPECT_EQ(test,
				vhdx_replay_fetch(&replay.patches[i],
						  &f->ram[0].store, page),
				0);
		for (k = 0; k < 4096; k++)
			wrong += page[k] != byte_of(i, k);
		KUNIT_EXPECT_EQ(test, wrong, 0);
	}
	vhdx_replay_free(&replay);
	vhdx_log_free(&log);
}

/* The GUID is the one that was given, so another log does not have it. */
static void encode_guid(struct kunit *test)
{
	struct fixture *f = test->priv;
	guid_t guid = builder_guid(0x11);
	struct vhdx_log_reader reader;
	struct vhdx_headers headers;
	struct vhdx_log_entry entry;
	const char *fault;
	u8 *buf = encode(test, 1, &entry, &guid);

	fixture_dirty(test, 0);
	ram_store_write(&f->ram[0], MIB, buf, entry.length);
	KUNIT_ASSERT_EQ(test,
			vhdx_headers_read(&f->ram[0].store, &headers,
					  &f->found.report),
			0);
	KUNIT_ASSERT_EQ(test,
			vhdx_log_open(&reader, &f->ram[0].store,
				      vhdx_header_current(&headers)),
			0);
	KUNIT_EXPECT_EQ(test,
			vhdx_log_entry_read(&reader, 0,
					    vhdx_header_current(&headers),
					    &entry, &fault),
			0);
	vhdx_log_close(&reader);
}

static struct kunit_case log_write_cases[] = {
	KUNIT_CASE_PARAM(encode_bytes, page_count_gen_params),
	KUNIT_CASE_PARAM(encode_accepted, page_count_gen_params),
	KUNIT_CASE(encode_guid),
	{}
};

struct kunit_suite vhdx_log_write_suite = {
	.name = "vhdx_log_write",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = log_write_cases,
};
