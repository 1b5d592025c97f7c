// SPDX-License-Identifier: GPL-2.0-only
/* engine/log.c: the ring, and which sequence of its entries is active. */
#include "fixture.h"
#include "suites.h"

#define MIB VHDX_MIB
#define PAGES(n) ((n) * 4096U)

static const struct builder_desc one_desc[] = { { 3 * MIB, 0, 1 } };

static void read_header(struct kunit *test, struct vhdx_header *header)
{
	struct fixture *f = test->priv;
	struct vhdx_headers headers = {};

	KUNIT_ASSERT_EQ(test,
			vhdx_headers_read(&f->ram[0].store, &headers,
					  &f->found.report),
			0);
	*header = *vhdx_header_current(&headers);
}

static int find(struct kunit *test, struct vhdx_log *log)
{
	struct fixture *f = test->priv;
	struct vhdx_header header;

	read_header(test, &header);
	return vhdx_log_find(&f->ram[0].store, &header, log, &f->found.report);
}

static void find_clean(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, 0);
	struct vhdx_log log;

	builder_log(b, &(struct builder_entry){ .sequence = 1 });
	b->log_guid = builder_guid(0);
	builder_write(b);
	KUNIT_EXPECT_EQ(test, find(test, &log), 0);
	KUNIT_EXPECT_EQ(test, log.count, 0);
	KUNIT_EXPECT_NULL(test, log.entries);
	/* Two headers, and not a byte of the log. */
	KUNIT_EXPECT_EQ(test, f->ram[0].reads, 2);
	fixture_expect(test, "");
	vhdx_log_free(&log);
}

static void find_nothing(struct kunit *test)
{
	struct vhdx_log log;

	fixture_dirty(test, 0);
	KUNIT_EXPECT_EQ(test, find(test, &log), -EUCLEAN);
	KUNIT_EXPECT_EQ(test, log.count, 0);
	fixture_expect(test,
		       "error: log at offset 0x100000: must be replayed, but holds no entry\n");
	vhdx_log_free(&log);
}

/* If nothing can be replayed, the first thing that is wrong is said. */
static void find_says_why(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, 0);
	struct vhdx_log log;

	builder_log(b, &(struct builder_entry){
		.at = PAGES(3), .tail = PAGES(7), .sequence = 1 });
	builder_log(b, &(struct builder_entry){
		.at = PAGES(9), .tail = PAGES(8), .sequence = 1 });
	KUNIT_EXPECT_EQ(test, find(test, &log), -EUCLEAN);
	KUNIT_EXPECT_EQ(test, log.valid, 2);
	fixture_expect(test,
		       "error: log at offset 0x100000: must be replayed, but holds no valid sequence; 2 entries are valid, but no sequence of them holds the one that its head's tail names\n");
	vhdx_log_free(&log);

	ram_store_put(&f->ram[0], MIB + PAGES(9) + 100, 1, 1);
	ram_store_put(&f->ram[0], MIB + PAGES(3) + 16, 0, 8);
	KUNIT_EXPECT_EQ(test, find(test, &log), -EUCLEAN);
	KUNIT_EXPECT_EQ(test, log.valid, 0);
	fixture_expect(test,
		       "error: log at offset 0x100000: must be replayed, but holds no valid sequence; the entry at 0x103000 is not valid: its sequence number is 0\n");
	vhdx_log_free(&log);
}

/* A torn entry is normal, as long as there is something to replay. */
static void find_passes_torn_entry(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, 0);
	struct vhdx_log log;

	builder_log(b, &(struct builder_entry){ .sequence = 1 });
	builder_log(b, &(struct builder_entry){ .at = PAGES(1), .sequence = 2 });
	ram_store_put(&f->ram[0], MIB + PAGES(1) + 100, 1, 1);
	KUNIT_EXPECT_EQ(test, find(test, &log), 0);
	KUNIT_EXPECT_EQ(test, log.count, 1);
	KUNIT_EXPECT_EQ(test, vhdx_log_head(&log)->sequence, 1);
	fixture_expect(test, "");
	vhdx_log_free(&log);
	KUNIT_EXPECT_EQ(test, log.count, 0);
}

/*
 * Up to eight entries of two pages each, and the sequence that must come of
 * them. An entry with sequence 0 is left out.
 */
struct sequence_case {
	const char *name;
	u32 first; /* page of the first entry */
	struct {
		u64 sequence;
		u32 tail; /* page, from the first entry */
		u8 guid_byte;
	} entry[8];
	u32 count; /* 0: refused */
	u64 oldest;
	u64 newest;
	u32 valid;
};

static const struct sequence_case sequence_cases[] = {
	{ "one entry", 0, { { 5, 0 } }, 1, 5, 5, 1 },
	{ "three, tail at the first", 0, { { 5, 0 }, { 6, 0 }, { 7, 0 } },
	  3, 5, 7, 3 },
	{ "three, tail in the middle", 0, { { 5, 0 }, { 6, 0 }, { 7, 2 } },
	  2, 6, 7, 3 },
	{ "three, tail at the head", 0, { { 5, 0 }, { 6, 0 }, { 7, 4 } },
	  1, 7, 7, 3 },
	{ "tail inside an entry", 0, { { 5, 0 }, { 6, 0 }, { 7, 3 } },
	  0, 0, 0, 3 },
	{ "tail behind the head", 0, { { 5, 0 }, { 6, 0 }, { 7, 6 } },
	  0, 0, 0, 3 },
	{ "tail before the sequence", 4, { { 5, 0 }, { 6, 0 }, { 7, 250 } },
	  0, 0, 0, 3 },
	{ "only the head's tail counts", 0, { { 5, 99 }, { 6, 77 }, { 7, 0 } },
	  3, 5, 7, 3 },
	{ "a gap in the numbers", 0, { { 5, 0 }, { 7, 2 }, { 8, 2 } },
	  2, 7, 8, 3 },
	{ "a gap, tail before it", 0, { { 5, 0 }, { 7, 0 }, { 8, 0 } },
	  1, 5, 5, 3 },
	{ "a gap of one page", 0, { { 5, 0 }, {}, { 6, 4 }, { 7, 4 } },
	  2, 6, 7, 3 },
	{ "a hole does not join", 0, { { 5, 0 }, {}, { 6, 0 } },
	  1, 5, 5, 2 },
	{ "numbers that go down", 0, { { 7, 0 }, { 6, 0 }, { 5, 0 } },
	  1, 7, 7, 3 },
	{ "equal numbers", 0, { { 7, 0 }, { 7, 2 } }, 1, 7, 7, 2 },
	{ "the newer sequence is first", 0,
	  { { 9, 0 }, { 10, 0 }, {}, { 3, 6 }, { 4, 6 }, { 5, 6 } },
	  2, 9, 10, 5 },
	{ "the newer sequence is last", 0,
	  { { 3, 0 }, { 4, 0 }, { 5, 0 }, {}, { 9, 8 }, { 10, 8 } },
	  2, 9, 10, 5 },
	{ "the newer one is not valid", 0,
	  { { 3, 0 }, { 4, 0 }, { 5, 0 }, {}, { 9, 7 }, { 10, 7 } },
	  3, 3, 5, 5 },
	{ "a tail into another sequence", 0,
	  { { 3, 0 }, { 4, 0 }, {}, { 9, 0 }, { 10, 0 } },
	  2, 3, 4, 4 },
	{ "another log's entries are no part of it", 0,
	  { { 5, 0 }, { 6, 0 }, { 7, 0, 0x99 } }, 2, 5, 6, 2 },
	{ "only another log's entries", 0, { { 5, 0, 0x99 } }, 0, 0, 0, 0 },
	{ "over the end of the ring", 250,
	  { { 1, 0 }, { 2, 0 }, { 3, 0 }, { 4, 0 }, { 5, 0 } },
	  5, 1, 5, 5 },
	{ "over the end of the ring, in an entry", 251,
	  { { 1, 0 }, { 2, 0 }, { 3, 0 }, { 4, 2 }, { 5, 2 } },
	  4, 2, 5, 5 },
	{ "over the end, tail behind it", 250,
	  { { 1, 0 }, { 2, 0 }, { 3, 0 }, { 4, 0 }, { 5, 6 } },
	  2, 4, 5, 5 },
	{ "the greatest numbers", 0,
	  { { U64_MAX - 1, 0 }, { U64_MAX, 0 } }, 2, U64_MAX - 1, U64_MAX, 2 },
	{ "numbers do not go on past the greatest", 0,
	  { { U64_MAX, 0 }, { 1, 0 } }, 1, U64_MAX, U64_MAX, 2 },
};

static void sequence_case_name(const struct sequence_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(sequence, sequence_cases, sequence_case_name);

static void write_sequence(struct builder *b, const struct sequence_case *c)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(c->entry); i++)
		if (c->entry[i].sequence)
			builder_log(b, &(struct builder_entry){
				.at = PAGES((c->first + 2 * i) % 256),
				.tail = PAGES((c->first + c->entry[i].tail) % 256),
				.sequence = c->entry[i].sequence,
				.descs = one_desc, .count = 1,
				.guid_byte = c->entry[i].guid_byte });
}

static void find_sequence(struct kunit *test)
{
	const struct sequence_case *c = test->param_value;
	struct fixture *f = test->priv;
	struct vhdx_log log;
	u32 i;
	int r;

	write_sequence(fixture_dirty(test, 0), c);
	r = find(test, &log);
	KUNIT_EXPECT_EQ(test, r, c->count ? 0 : -EUCLEAN);
	KUNIT_EXPECT_EQ(test, log.valid, c->valid);
	KUNIT_EXPECT_EQ(test, log.count, c->count);
	if (!r && log.count) {
		KUNIT_EXPECT_EQ(test, log.entries[0].sequence, c->oldest);
		KUNIT_EXPECT_EQ(test, vhdx_log_head(&log)->sequence, c->newest);
	}
	for (i = 1; i < log.count && log.entries; i++)
		KUNIT_EXPECT_EQ(test, log.entries[i].offset,
				(log.entries[i - 1].offset + PAGES(2)) % MIB);
	KUNIT_EXPECT_EQ(test, f->found.count, !c->count);
	vhdx_log_free(&log);
}

/* More entries than the catalogue has room for at first. */
static void find_full_ring(struct kunit *test)
{
	struct builder *b = fixture_dirty(test, 0);
	struct vhdx_log log;
	u32 i;

	for (i = 0; i < 256; i++)
		builder_log(b, &(struct builder_entry){
			.at = PAGES((100 + i) % 256), .tail = PAGES(100),
			.sequence = 1000 + i });
	KUNIT_ASSERT_EQ(test, find(test, &log), 0);
	KUNIT_EXPECT_EQ(test, log.valid, 256);
	KUNIT_ASSERT_EQ(test, log.count, 256);
	for (i = 0; i < 256; i++) {
		KUNIT_EXPECT_EQ(test, log.entries[i].sequence, 1000 + i);
		KUNIT_EXPECT_EQ(test, log.entries[i].offset,
				PAGES((100 + i) % 256));
	}
	vhdx_log_free(&log);
}

/* What the head promises of the file; what older entries do is forgotten. */
struct promise_case {
	const char *name;
	u64 older_flushed;
	u64 flushed;
	u64 last;
	int error;
	const char *lines;
};

#define HEAD "error: log entry at offset 0x102000: "

static const struct promise_case promise_cases[] = {
	{ "nothing", 0, 0, 0, 0, "" },
	{ "as long as it is", 0, 4 * MIB, 4 * MIB, 0, "" },
	{ "a byte longer", 0, 4 * MIB + 1, 4 * MIB, -EUCLEAN,
	  HEAD
	  "the file is truncated: it is 0x400000 bytes long and was at least 0x400001 when the log was written\n"
	},
	{ "much longer", 0, U64_MAX, 0, -EUCLEAN,
	  HEAD
	  "the file is truncated: it is 0x400000 bytes long and was at least 0xffffffffffffffff when the log was written\n"
	},
	{ "an older entry's promise", 64 * MIB, 4 * MIB, 4 * MIB, 0, "" },
	{ "to grow", 0, 4 * MIB, 64 * MIB, 0, "" },
	{ "to grow to the limit", 0, 0, VHDX_FILE_SIZE_MAX, 0, "" },
	{ "to grow beyond it", 0, 0, VHDX_FILE_SIZE_MAX + 1, -EUCLEAN,
	  HEAD "last file offset 0x1000000000001 is above the limit of 256 TiB\n" },
};

static void promise_case_name(const struct promise_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(promise, promise_cases, promise_case_name);

static void find_promise(struct kunit *test)
{
	const struct promise_case *c = test->param_value;
	struct builder *b = fixture_dirty(test, 0);
	struct vhdx_log log;

	builder_log(b, &(struct builder_entry){
		.at = 0, .tail = 0, .sequence = 5, .descs = one_desc,
		.count = 1, .flushed = c->older_flushed, .last = U64_MAX });
	builder_log(b, &(struct builder_entry){
		.at = PAGES(2), .tail = 0, .sequence = 6, .descs = one_desc,
		.count = 1, .flushed = c->flushed, .last = c->last });
	KUNIT_EXPECT_EQ(test, find(test, &log), c->error);
	fixture_expect(test, c->lines);
	vhdx_log_free(&log);
}

static void find_unreadable(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, 0);
	struct vhdx_log log;

	builder_log(b, &(struct builder_entry){ .sequence = 1 });
	ram_store_break_range(&f->ram[0], MIB + PAGES(200), 1, -EIO);
	KUNIT_EXPECT_EQ(test, find(test, &log), -EIO);
	fixture_expect(test,
		       "error: log at offset 0x100000: cannot be read: I/O error (5)\n");
	vhdx_log_free(&log);
}

/*
 * Every page claims to be an entry as long as the ring, so each is believed
 * until its second page. The log must not be read over and over.
 */
static void find_hostile_lengths(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, 0);
	struct vhdx_log log;
	u32 i;

	for (i = 0; i < 256; i++) {
		builder_log(b, &(struct builder_entry){
			.at = PAGES(i), .tail = PAGES(i), .sequence = 1 });
		ram_store_put(&f->ram[0], MIB + PAGES(i) + 8, MIB, 4);
		ram_store_put(&f->ram[0], MIB + PAGES(i) + 24, 32000, 4);
	}
	KUNIT_EXPECT_EQ(test, find(test, &log), -EUCLEAN);
	KUNIT_EXPECT_LE(test, f->ram[0].bytes, 3 * MIB);
	vhdx_log_free(&log);
}

/* The window over the log's pages. */
static void reader_pages(struct kunit *test)
{
	static const u32 order[] = { 0,	 1,   15, 16, 255, 256, 3,   250,
				     251, 255, 511, 512, 0,   17,  100 };
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, 0);
	struct vhdx_log_reader reader;
	struct vhdx_header header;
	u64 before;
	u32 i;

	for (i = 0; i < 256; i++)
		ram_store_put(&f->ram[0], MIB + PAGES(i) + 4088, i + 1, 8);
	b->log_length = MIB;
	read_header(test, &header);
	KUNIT_ASSERT_EQ(test,
			vhdx_log_open(&reader, &f->ram[0].store, &header), 0);
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		const u8 *page = vhdx_log_page(&reader, order[i]);

		KUNIT_EXPECT_FALSE(test, IS_ERR(page));
		KUNIT_EXPECT_EQ(test, page[4088] | page[4089] << 8,
				order[i] % 256 + 1);
	}
	before = f->ram[0].reads;
	for (i = 0; i < 256; i++)
		vhdx_log_page(&reader, i);
	KUNIT_EXPECT_EQ(test, f->ram[0].reads - before, 16);
	vhdx_log_close(&reader);
}

/* After an error the window is empty, not stale. */
static void reader_error(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_log_reader reader;
	struct vhdx_header header;
	const u8 *page;

	fixture_dirty(test, 0);
	ram_store_put(&f->ram[0], MIB, 0x77, 1);
	read_header(test, &header);
	KUNIT_ASSERT_EQ(test,
			vhdx_log_open(&reader, &f->ram[0].store, &header), 0);
	page = vhdx_log_page(&reader, 0);
	KUNIT_EXPECT_EQ(test, page[0], 0x77);
	ram_store_break_read(&f->ram[0], 1, -EIO);
	KUNIT_EXPECT_EQ(test, PTR_ERR(vhdx_log_page(&reader, 100)), (long)-EIO);
	page = vhdx_log_page(&reader, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(page));
	KUNIT_EXPECT_EQ(test, page[0], 0x77);
	vhdx_log_close(&reader);
}

static struct kunit_case log_cases[] = {
	KUNIT_CASE(find_clean),
	KUNIT_CASE(find_nothing),
	KUNIT_CASE(find_says_why),
	KUNIT_CASE(find_passes_torn_entry),
	KUNIT_CASE_PARAM(find_sequence, sequence_gen_params),
	KUNIT_CASE(find_full_ring),
	KUNIT_CASE_PARAM(find_promise, promise_gen_params),
	KUNIT_CASE(find_unreadable),
	KUNIT_CASE(find_hostile_lengths),
	KUNIT_CASE(reader_pages),
	KUNIT_CASE(reader_error),
	{}
};

struct kunit_suite vhdx_log_suite = {
	.name = "vhdx_log",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = log_cases,
};
