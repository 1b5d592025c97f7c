// SPDX-License-Identifier: GPL-2.0-only
/* engine/log-entry.c: which entries of the log are valid, rule by rule. */
#include "fixture.h"
#include "suites.h"

#define MIB VHDX_MIB
#define PAGES(n) ((n) * 4096U)

/* What vhdx_log_entry_read() says. */
#define LENGTH "its length is no multiple of 4 KiB that fits the log"
#define TAIL "its tail is no multiple of 4 KiB inside the log"
#define SEQUENCE "its sequence number is 0"
#define ROOM "it has no room for its descriptors"
#define COUNT "its length is not that of its descriptors and data"
#define CHECKSUM "its checksum is wrong"
#define DESC_SIGNATURE "the signature of a descriptor is missing"
#define DESC_SEQUENCE "a descriptor has another sequence number"
#define DATA_SIGNATURE "the signature of a data sector is missing"
#define DATA_SEQUENCE "a data sector has another sequence number"
#define ALIGNMENT "the target of a descriptor is no multiple of 4 KiB"
#define PAST "the target of a descriptor is past any file's end"
#define IN_HEADER "the target of a descriptor is a header"
#define IN_LOG "the target of a descriptor is the log itself"
/* No fault, for no entry of this log begins here. */
#define NO_ENTRY ""

/*
 * One rule each for an entry. It lies at page 250 of 256, so that one of more
 * than 6 pages wraps; the log is from 1 to 2 MiB, the file ends at 4 MiB.
 */
struct entry_case {
	const char *name;
	u32 field; /* a byte of the entry */
	u32 width; /* of the field in bytes; 0: nothing is changed */
	u64 value;
	const char *fault; /* NULL: the entry is valid */
	bool unsealed; /* do not mend the checksum */
};

/* Descriptors: 0 is a page of data, 1 clears 8 KiB. The data is at 0x1000. */
#define DESC(n) (64 + 32 * (n))
#define DATA 0x1000

static const struct entry_case entry_cases[] = {
	{ "unchanged", 0, 0, 0, NULL },
	{ "signature", 0, 1, 'L', NO_ENTRY },
	{ "checksum", 4, 4, 0x12345678, CHECKSUM, true },
	{ "a byte of the data", DATA + 2000, 1, 0xEE, CHECKSUM, true },
	{ "the reserved field", 28, 4, 0xFFFFFFFF, NULL },
	{ "length 0", 8, 4, 0, LENGTH },
	{ "length a page short", 8, 4, PAGES(1), COUNT },
	{ "length a page long", 8, 4, PAGES(3), DATA_SIGNATURE },
	{ "length off by 512", 8, 4, PAGES(2) + 512, LENGTH },
	{ "length of the whole log", 8, 4, MIB, DATA_SIGNATURE },
	{ "length beyond the log", 8, 4, MIB + 4096, LENGTH },
	{ "the greatest length", 8, 4, 0xFFFFF000, LENGTH },
	{ "tail off by 512", 12, 4, PAGES(250) + 512, TAIL },
	{ "tail at the log's end", 12, 4, MIB, TAIL },
	{ "the greatest tail", 12, 4, 0xFFFFF000, TAIL },
	{ "sequence 0", 16, 8, 0, SEQUENCE },
	{ "sequence unlike the descriptors'", 16, 8, 8, DESC_SEQUENCE },
	{ "no descriptors, but data", 24, 4, 0, COUNT },
	{ "one descriptor fewer", 24, 4, 1, NULL },
	{ "one descriptor more", 24, 4, 3, DESC_SIGNATURE },
	{ "descriptors beyond the entry", 24, 4, 127, DESC_SIGNATURE },
	{ "descriptors a page beyond the entry", 24, 4, 255, ROOM },
	{ "descriptors beyond the log", 24, 4, 32768, ROOM },
	{ "the most descriptors", 24, 4, 0xFFFFFFFF, ROOM },
	{ "descriptors that overflow", 24, 4, 0x08000000, ROOM },
	{ "a GUID of another log", 32, 1, 0x11, NO_ENTRY },
	{ "the last byte of the GUID", 47, 1, 0x11, NO_ENTRY },
	{ "descriptor signature", DESC(0), 1, 'D', DESC_SIGNATURE },
	{ "last descriptor's signature", DESC(1) + 3, 1, 'O', DESC_SIGNATURE },
	{ "descriptor of unknown kind", DESC(0), 4, VHDX_LOG_DATA_SIGNATURE,
	  DESC_SIGNATURE },
	{ "data sequence", DESC(0) + 24, 8, 6, DESC_SEQUENCE },
	{ "data sequence, high half", DESC(0) + 28, 4, 1, DESC_SEQUENCE },
	{ "zero sequence", DESC(1) + 24, 8, 8, DESC_SEQUENCE },
	{ "data target off by 512", DESC(0) + 16, 8, 3 * MIB + 512, ALIGNMENT },
	{ "data target in a header", DESC(0) + 16, 8, 0x20000, IN_HEADER },
	{ "data target below the region tables", DESC(0) + 16, 8, 0x2F000,
	  IN_HEADER },
	{ "data target at the region tables", DESC(0) + 16, 8, 0x30000, NULL },
	{ "data target before the log", DESC(0) + 16, 8, MIB - 4096, NULL },
	{ "data target at the log", DESC(0) + 16, 8, MIB, IN_LOG },
	{ "data target in the log's last page", DESC(0) + 16, 8, 2 * MIB - 4096,
	  IN_LOG },
	{ "data target behind the log", DESC(0) + 16, 8, 2 * MIB, NULL },
	{ "data target behind the file", DESC(0) + 16, 8, 64 * MIB, NULL },
	{ "data target ends at 256 TiB", DESC(0) + 16, 8, VHDX_FILE_SIZE_MAX - 4096,
	  NULL },
	{ "data target beyond 256 TiB", DESC(0) + 16, 8, VHDX_FILE_SIZE_MAX,
	  PAST },
	{ "data target overflows", DESC(0) + 16, 8, 0ULL - 4096, PAST },
	{ "zero target off by 512", DESC(1) + 16, 8, 3 * MIB + 512, ALIGNMENT },
	{ "zero target below the region tables", DESC(1) + 16, 8, 0x2F000,
	  IN_HEADER },
	{ "zeros up to the log", DESC(1) + 16, 8, MIB - 8192, NULL },
	{ "zeros into the log", DESC(1) + 16, 8, MIB - 4096, IN_LOG },
	{ "zeros for 1 TiB", DESC(1) + 8, 8, 1ULL << 40, NULL },
	{ "zeros at the region tables", DESC(1) + 16, 8, 0x30000, NULL },
	{ "zero length off by 512", DESC(1) + 8, 8, 512, ALIGNMENT },
	{ "zero length 0", DESC(1) + 8, 8, 0, NULL },
	{ "zeros to 256 TiB", DESC(1) + 8, 8, VHDX_FILE_SIZE_MAX - 3 * MIB,
	  NULL },
	{ "zeros beyond 256 TiB", DESC(1) + 8, 8, VHDX_FILE_SIZE_MAX - 3 * MIB + 4096,
	  PAST },
	{ "zeros that overflow", DESC(1) + 8, 8, 0ULL - 3 * MIB, PAST },
	{ "zeros that overflow by a page", DESC(1) + 8, 8, 0ULL - 3 * MIB + 4096,
	  PAST },
	{ "data sector signature", DATA, 1, 'D', DATA_SIGNATURE },
	{ "data sector sequence, high half", DATA + 4, 4, 1, DATA_SEQUENCE },
	{ "data sector sequence, low half", DATA + 4092, 4, 8, DATA_SEQUENCE },
};

static void entry_case_name(const struct entry_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(entry, entry_cases, entry_case_name);

/* Does a valid entry begin at byte @at of the ring? */
static int read_entry(struct kunit *test, u32 at, struct vhdx_log_entry *entry,
		      const char **fault)
{
	struct fixture *f = test->priv;
	struct vhdx_headers headers = {};
	const struct vhdx_header *header;
	struct vhdx_log_reader reader;
	int r;

	KUNIT_ASSERT_EQ(test,
			vhdx_headers_read(&f->ram[0].store, &headers,
					  &f->found.report),
			0);
	header = vhdx_header_current(&headers);
	KUNIT_ASSERT_EQ(test, vhdx_log_open(&reader, &f->ram[0].store, header),
			0);
	r = vhdx_log_entry_read(&reader, at / VHDX_PAGE, header, entry, fault);
	vhdx_log_close(&reader);
	return r;
}

static void expect_valid(struct kunit *test, u32 at, u32 length)
{
	struct vhdx_log_entry entry = {};
	const char *fault = "not set";

	KUNIT_EXPECT_EQ(test, read_entry(test, at, &entry, &fault), 1);
	KUNIT_EXPECT_STREQ(test, fault ? fault : "(none)", "(none)");
	KUNIT_EXPECT_EQ(test, entry.offset, at);
	KUNIT_EXPECT_EQ(test, entry.length, length);
}

static void expect_fault(struct kunit *test, u32 at, const char *wanted)
{
	struct vhdx_log_entry entry = {};
	const char *fault = "not set";

	KUNIT_EXPECT_EQ(test, read_entry(test, at, &entry, &fault), 0);
	KUNIT_EXPECT_STREQ(test, fault ? fault : NO_ENTRY, wanted);
}

static void entry_rule(struct kunit *test)
{
	static const struct builder_desc descs[] = {
		{ 3 * MIB + 4096, 0, 1 }, { 3 * MIB, 8192 },
	};
	const struct entry_case *c = test->param_value;
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, 0);

	builder_log(b, &(struct builder_entry){
		.at = PAGES(250), .tail = PAGES(250), .sequence = 7,
		.descs = descs, .count = 2 });
	if (c->width)
		ram_store_put(&f->ram[0],
			      builder_log_pos(b, PAGES(250) + c->field),
			      c->value, c->width);
	/* Not when a length of 4 GiB would have to be summed. */
	if (!c->unsealed && ram_store_get(&f->ram[0], MIB + PAGES(250) + 8, 4) <=
			    2 * MIB)
		builder_log_seal(b, PAGES(250));
	if (c->fault)
		expect_fault(test, PAGES(250), c->fault);
	else
		expect_valid(test, PAGES(250), PAGES(2));
}

static void entry_fields(struct kunit *test)
{
	static const struct builder_desc descs[] = {
		{ 3 * MIB, 0, 1 }, { 2 * MIB, 8192 }, { 3 * MIB + 4096, 0, 2 },
	};
	struct builder *b = fixture_dirty(test, 0);
	struct vhdx_log_entry entry = {};
	const char *fault;

	builder_log(b, &(struct builder_entry){
		.at = PAGES(5), .tail = PAGES(9),
		.sequence = 0xFEDCBA9876543210ULL, .descs = descs, .count = 3,
		.flushed = 4 * MIB, .last = 9 * MIB });
	KUNIT_ASSERT_EQ(test, read_entry(test, PAGES(5), &entry, &fault), 1);
	KUNIT_EXPECT_EQ(test, entry.offset, PAGES(5));
	KUNIT_EXPECT_EQ(test, entry.length, PAGES(3));
	KUNIT_EXPECT_EQ(test, entry.tail, PAGES(9));
	KUNIT_EXPECT_EQ(test, entry.descriptors, 3);
	KUNIT_EXPECT_EQ(test, entry.sequence, 0xFEDCBA9876543210ULL);
	KUNIT_EXPECT_EQ(test, entry.flushed_file_offset, 4 * MIB);
	KUNIT_EXPECT_EQ(test, entry.last_file_offset, 9 * MIB);
	/* The other pages of an entry begin none. */
	expect_fault(test, PAGES(6), NO_ENTRY);
	expect_fault(test, 0, NO_ENTRY);
}

/* A range of zeros that begins below the log must not reach over it. */
static void entry_zeros_over_log(struct kunit *test)
{
	static const u64 lengths[] = { MIB, MIB + 4096, 8 * MIB };
	struct builder *b = fixture_dirty(test, 0);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct builder_desc desc = { 0x30000, lengths[i] };

		builder_log(b, &(struct builder_entry){
			.sequence = 7, .descs = &desc, .count = 1 });
		expect_fault(test, 0, IN_LOG);
	}
}

/* Where the descriptors fill their pages: 126 in the first one, then 128. */
static const u32 count_cases[] = { 0, 1, 2, 125, 126, 127, 254, 255, 382, 383 };

static void count_case_name(const u32 *count, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%u descriptors", *count);
}

KUNIT_ARRAY_PARAM(count, count_cases, count_case_name);

static struct builder_desc *make_descs(struct kunit *test, u32 count)
{
	struct builder_desc *descs;
	u32 i;

	descs = kunit_kzalloc(test, (count + 1) * sizeof(*descs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, descs);
	for (i = 0; i < count; i++)
		descs[i].target = 3 * MIB + PAGES(i % 256);
	return descs;
}

/* One in three brings data; the entry wraps past the end of the ring. */
static void entry_many_descriptors(struct kunit *test)
{
	const u32 *count = test->param_value;
	struct builder_desc *descs = make_descs(test, *count);
	struct builder *b = fixture_dirty(test, 0);
	u32 i;

	for (i = 0; i < *count; i++)
		if (i % 3)
			descs[i].zero = 4096;
	builder_log(b, &(struct builder_entry){
		.at = PAGES(255), .tail = PAGES(255), .sequence = 1,
		.descs = descs, .count = *count });
	expect_valid(test, PAGES(255),
		     PAGES((2 + *count + 127) / 128 + (*count + 2) / 3));
}

/* The last descriptor is looked at like the first, on whatever page it is. */
static void entry_last_descriptor(struct kunit *test)
{
	const u32 *count = test->param_value;
	struct builder_desc *descs = make_descs(test, *count);
	struct builder *b = fixture_dirty(test, 0);
	u32 i;

	if (!*count)
		return;
	for (i = 0; i < *count; i++)
		descs[i].zero = 4096;
	descs[*count - 1].target = MIB;
	builder_log(b, &(struct builder_entry){
		.at = PAGES(255), .tail = PAGES(255), .sequence = 1,
		.descs = descs, .count = *count });
	expect_fault(test, PAGES(255), IN_LOG);
}

/* An entry as long as the ring, and one that is longer by a page. */
static void entry_as_long_as_log(struct kunit *test)
{
	struct builder_desc *descs = make_descs(test, 255);
	struct builder *b = fixture_dirty(test, 0);

	builder_log(b, &(struct builder_entry){
		.at = PAGES(9), .tail = PAGES(9), .sequence = 1,
		.descs = descs, .count = 253 });
	expect_valid(test, PAGES(9), PAGES(255));
	builder_log(b, &(struct builder_entry){
		.at = PAGES(9), .tail = PAGES(9), .sequence = 1,
		.descs = descs, .count = 254 });
	expect_valid(test, PAGES(9), PAGES(256));
	builder_log(b, &(struct builder_entry){
		.at = PAGES(9), .tail = PAGES(9), .sequence = 1,
		.descs = descs, .count = 255 });
	expect_fault(test, PAGES(9), LENGTH);
}

static void entry_unreadable(struct kunit *test)
{
	static const struct builder_desc desc = { 3 * MIB, 0, 1 };
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, 0);
	struct vhdx_log_entry entry;
	const char *fault = "not set";

	/* On both sides of the end of the ring, so read apart. */
	builder_log(b, &(struct builder_entry){
		.at = PAGES(255), .tail = PAGES(255), .sequence = 1,
		.descs = &desc, .count = 1 });
	ram_store_break_range(&f->ram[0], MIB + PAGES(255), 1, -EIO);
	KUNIT_EXPECT_EQ(test, read_entry(test, PAGES(255), &entry, &fault),
			-EIO);
	ram_store_break_range(&f->ram[0], MIB, 1, -EIO);
	KUNIT_EXPECT_EQ(test, read_entry(test, PAGES(255), &entry, &fault),
			-EIO);
	ram_store_mend(&f->ram[0]);
	expect_valid(test, PAGES(255), PAGES(2));
}

static struct kunit_case log_entry_cases[] = {
	KUNIT_CASE_PARAM(entry_rule, entry_gen_params),
	KUNIT_CASE(entry_fields),
	KUNIT_CASE(entry_zeros_over_log),
	KUNIT_CASE_PARAM(entry_many_descriptors, count_gen_params),
	KUNIT_CASE_PARAM(entry_last_descriptor, count_gen_params),
	KUNIT_CASE(entry_as_long_as_log),
	KUNIT_CASE(entry_unreadable),
	{}
};

struct kunit_suite vhdx_log_entry_suite = {
	.name = "vhdx_log_entry",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = log_entry_cases,
};
