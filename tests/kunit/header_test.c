// SPDX-License-Identifier: GPL-2.0-only
/* engine/header.c: file identifier, headers, which of them counts. */
#include "fixture.h"
#include "suites.h"

#define HEADER(slot) (((slot) + 1) * 0x10000ULL)

static void file_id_good(struct kunit *test)
{
	struct fixture *f = test->priv;

	builder_write(&f->builder[0]);
	/* The creator is for people: whatever it says is right. */
	builder_fill(&f->builder[0], 8, 512, 0xFF);
	KUNIT_EXPECT_EQ(test,
			vhdx_file_id_check(&f->ram[0].store, &f->found.report),
			0);
	fixture_expect(test, "");
}

static void file_id_bad(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 byte;

	for (byte = 0; byte < 8; byte++) {
		builder_write(&f->builder[0]);
		ram_store_put(&f->ram[0], byte,
			      ram_store_get(&f->ram[0], byte, 1) ^ 0x20, 1);
		KUNIT_EXPECT_EQ(test,
				vhdx_file_id_check(&f->ram[0].store,
						   &f->found.report),
				-EMEDIUMTYPE);
		fixture_expect(test,
			       "error: file identifier at offset 0x0: not a VHDX file: the signature \"vhdxfile\" is missing\n");
	}
}

static void file_id_unreadable(struct kunit *test)
{
	struct fixture *f = test->priv;

	builder_write(&f->builder[0]);
	ram_store_break_range(&f->ram[0], 0, 1, -EIO);
	KUNIT_EXPECT_EQ(test,
			vhdx_file_id_check(&f->ram[0].store, &f->found.report),
			-EIO);
	fixture_expect(test,
		       "error: file identifier at offset 0x0: cannot be read: I/O error (5)\n");
}

/* An empty file is one more thing that is no VHDX. */
static void file_id_empty(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test,
			vhdx_file_id_check(&f->ram[0].store, &f->found.report),
			-EMEDIUMTYPE);
}

/* Values of another implementation of CRC-32C. */
static void checksum_known(struct kunit *test)
{
	u8 *buf = kunit_kzalloc(test, VHDX_TABLE_SIZE, GFP_KERNEL);
	u32 stored, computed, i;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	memset(buf + 4, 0xFF, 4);
	KUNIT_EXPECT_FALSE(test, vhdx_checksum_ok(buf, VHDX_HEADER_SIZE,
						  &stored, &computed));
	KUNIT_EXPECT_EQ(test, stored, 0xFFFFFFFFU);
	KUNIT_EXPECT_EQ(test, computed, 0x98F94189U);

	for (i = 0; i < VHDX_TABLE_SIZE; i++)
		buf[i] = i * 7 + (i >> 8);
	buf[4] = 0x69;
	buf[5] = 0x0F;
	buf[6] = 0xC7;
	buf[7] = 0xCD;
	KUNIT_EXPECT_TRUE(test, vhdx_checksum_ok(buf, VHDX_TABLE_SIZE, &stored,
						 &computed));
	KUNIT_EXPECT_EQ(test, stored, 0xCDC70F69U);
	KUNIT_EXPECT_EQ(test, computed, 0xCDC70F69U);
}

static void decode_fields(struct kunit *test)
{
	struct fixture *f = test->priv;
	u8 *buf = kunit_kzalloc(test, VHDX_HEADER_SIZE, GFP_KERNEL);
	struct vhdx_header header;
	guid_t guid;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	f->builder[0].data_write_guid = builder_guid(0xD0);
	f->builder[0].log_guid = builder_guid(0x10);
	f->builder[0].log_version = 0x1234;
	f->builder[0].version = 0x5678;
	f->builder[0].log_length = 0x9ABCDEF0;
	f->builder[0].log_offset = 0x0123456789ABCDEFULL;
	builder_write_header(&f->builder[0], 0, 0xFEDCBA9876543210ULL);
	ram_store_peek(&f->ram[0], HEADER(0), buf, VHDX_HEADER_SIZE);

	KUNIT_ASSERT_TRUE(test, vhdx_header_decode(buf, 0, &header,
						   &f->found.report));
	KUNIT_EXPECT_EQ(test, header.sequence, 0xFEDCBA9876543210ULL);
	guid = builder_guid(0xF1);
	KUNIT_EXPECT_TRUE(test, guid_equal(&header.file_write_guid, &guid));
	guid = builder_guid(0xD0);
	KUNIT_EXPECT_TRUE(test, guid_equal(&header.data_write_guid, &guid));
	guid = builder_guid(0x10);
	KUNIT_EXPECT_TRUE(test, guid_equal(&header.log_guid, &guid));
	KUNIT_EXPECT_EQ(test, header.log_version, 0x1234);
	KUNIT_EXPECT_EQ(test, header.version, 0x5678);
	KUNIT_EXPECT_EQ(test, header.log_length, 0x9ABCDEF0);
	KUNIT_EXPECT_EQ(test, header.log_offset, 0x0123456789ABCDEFULL);
	KUNIT_EXPECT_TRUE(test, vhdx_header_dirty(&header));
	header.log_guid = builder_guid(0);
	KUNIT_EXPECT_FALSE(test, vhdx_header_dirty(&header));
	fixture_expect(test, "");
}

/* The checksum covers the whole 4 KiB, the reserved part too, and no more. */
static void decode_every_byte(struct kunit *test)
{
	struct fixture *f = test->priv;
	u8 *buf = kunit_kzalloc(test, VHDX_HEADER_SIZE, GFP_KERNEL);
	struct vhdx_header header;
	u32 byte;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	builder_write(&f->builder[0]);
	ram_store_peek(&f->ram[0], HEADER(1), buf, VHDX_HEADER_SIZE);
	for (byte = 0; byte < VHDX_HEADER_SIZE; byte += byte < 80 ? 1 : 61) {
		buf[byte] ^= 1;
		if (vhdx_header_decode(buf, 1, &header, &f->found.report))
			KUNIT_FAIL(test, "a change of byte %u is not seen",
				   byte);
		buf[byte] ^= 1;
	}
	findings_init(&f->found);
	KUNIT_EXPECT_TRUE(test, vhdx_header_decode(buf, 1, &header,
						   &f->found.report));
	fixture_expect(test, "");
}

static void decode_says_why(struct kunit *test)
{
	struct fixture *f = test->priv;
	u8 *buf = kunit_kzalloc(test, VHDX_HEADER_SIZE, GFP_KERNEL);
	struct vhdx_header header;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_EXPECT_FALSE(test, vhdx_header_decode(buf, 0, &header,
						    &f->found.report));
	fixture_expect(test,
		       "warning: header 1 at offset 0x10000: the signature \"head\" is missing; this copy is ignored\n");
	memcpy(buf, "head\x04\x03\x02\x01", 8);
	KUNIT_EXPECT_FALSE(test, vhdx_header_decode(buf, 1, &header,
						    &f->found.report));
	KUNIT_EXPECT_EQ(test,
			memcmp(f->found.text,
			       "warning: header 2 at offset 0x20000: checksum is 0x01020304, should be 0x",
			       72), 0);
}

/* What becomes of two copies. */
struct copies_case {
	const char *name;
	u64 sequence[2];
	bool spoiled[2];
	bool differ;
	int error;
	unsigned int current_slot;
	const char *lines;
};

#define SPOILED_1 \
	"warning: header 1 at offset 0x10000: the signature \"head\" is missing; this copy is ignored\n"
#define SPOILED_2 \
	"warning: header 2 at offset 0x20000: the signature \"head\" is missing; this copy is ignored\n"

static const struct copies_case copies_cases[] = {
	{ .name = "the second is newer", .sequence = { 7, 8 },
	  .current_slot = 1, .lines = "" },
	{ .name = "the first is newer", .sequence = { 8, 7 },
	  .current_slot = 0, .lines = "" },
	{ .name = "far apart", .sequence = { U64_MAX, 0 },
	  .current_slot = 0, .lines = "" },
	{ .name = "numbers are unsigned",
	  .sequence = { 0x7FFFFFFFFFFFFFFFULL, 0x8000000000000000ULL },
	  .current_slot = 1, .lines = "" },
	{ .name = "alike to the byte", .sequence = { 5, 5 },
	  .current_slot = 0, .lines = "" },
	{ .name = "equal numbers, but they differ", .sequence = { 5, 5 },
	  .differ = true, .error = -EUCLEAN,
	  .lines =
	  "error: header at offset 0x10000: both copies have sequence number 5 and differ, so neither is current\n"
	},
	{ .name = "the newer one is spoiled", .sequence = { 7, 8 },
	  .spoiled = { false, true }, .current_slot = 0, .lines = SPOILED_2 },
	{ .name = "the older one is spoiled", .sequence = { 7, 8 },
	  .spoiled = { true, false }, .current_slot = 1, .lines = SPOILED_1 },
	{ .name = "both are spoiled", .sequence = { 7, 8 },
	  .spoiled = { true, true }, .error = -EUCLEAN,
	  .lines = SPOILED_1 SPOILED_2
		   "error: header at offset 0x10000: neither copy is valid (the other is at 0x20000)\n"
	},
};

static void copies_case_name(const struct copies_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(copies, copies_cases, copies_case_name);

static void headers_choose(struct kunit *test)
{
	const struct copies_case *c = test->param_value;
	struct fixture *f = test->priv;
	struct vhdx_headers headers = {};
	unsigned int slot;
	int r;

	builder_write(&f->builder[0]);
	for (slot = 0; slot < 2; slot++)
		builder_write_header(&f->builder[0], slot, c->sequence[slot]);
	if (c->differ) {
		ram_store_put(&f->ram[0], HEADER(1) + 4000, 1, 1);
		builder_seal_header(&f->builder[0], 1);
	}
	for (slot = 0; slot < 2; slot++)
		if (c->spoiled[slot])
			ram_store_put(&f->ram[0], HEADER(slot), 0, 1);

	r = vhdx_headers_read(&f->ram[0].store, &headers, &f->found.report);
	KUNIT_EXPECT_EQ(test, r, c->error);
	fixture_expect(test, c->lines);
	KUNIT_EXPECT_EQ(test, headers.valid[0], !c->spoiled[0]);
	KUNIT_EXPECT_EQ(test, headers.valid[1], !c->spoiled[1]);
	if (!c->error)
		KUNIT_EXPECT_EQ(test, vhdx_header_current(&headers)->sequence,
				c->sequence[c->current_slot]);
}

/* A version that is not known is not a reason to take the older copy. */
static void headers_version(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_headers headers = {};

	builder_write(&f->builder[0]);
	f->builder[0].version = 2;
	builder_write_header(&f->builder[0], 1, 8);
	KUNIT_EXPECT_EQ(test,
			vhdx_headers_read(&f->ram[0].store, &headers,
					  &f->found.report),
			-EOPNOTSUPP);
	fixture_expect(test,
		       "error: header 2 at offset 0x20000: format version 2; only version 1 is known\n");

	builder_write_header(&f->builder[0], 1, 6);
	KUNIT_EXPECT_EQ(test,
			vhdx_headers_read(&f->ram[0].store, &headers,
					  &f->found.report),
			0);
	KUNIT_EXPECT_EQ(test, headers.current_slot, 0);
	fixture_expect(test, "");
}

static void headers_unreadable(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_headers headers = {};

	builder_write(&f->builder[0]);
	ram_store_break_range(&f->ram[0], HEADER(0), 1, -EIO);
	KUNIT_EXPECT_EQ(test,
			vhdx_headers_read(&f->ram[0].store, &headers,
					  &f->found.report),
			-EIO);
	fixture_expect(test,
		       "error: header 1 at offset 0x10000: cannot be read: I/O error (5)\n");
	ram_store_break_range(&f->ram[0], HEADER(1), 1, -ENODATA);
	KUNIT_EXPECT_EQ(test,
			vhdx_headers_read(&f->ram[0].store, &headers,
					  &f->found.report),
			-ENODATA);
	fixture_expect(test,
		       "error: header 2 at offset 0x20000: cannot be read: no data (61)\n");
}

/* The log's place, as the current header names it. */
struct log_case {
	const char *name;
	bool dirty;
	u16 version;
	u32 length;
	u64 offset;
	u64 file_size;
	int error;
	const char *what;
};

#define MIB VHDX_MIB
#define GIB (1024 * VHDX_MIB)

static const struct log_case log_cases[] = {
	{ "clean", false, 0, MIB, MIB, 4 * MIB },
	{ "dirty", true, 0, MIB, MIB, 4 * MIB },
	{ "clean, a version that is not known", false, 1, MIB, MIB, 4 * MIB },
	{ "dirty, a version that is not known", true, 1, MIB, MIB, 4 * MIB,
	  -EOPNOTSUPP,
	  "the log must be replayed and has version 1; only version 0 is known" },
	{ "clean, no log", false, 0, 0, 77, 4 * MIB },
	{ "dirty, no log", true, 0, 0, MIB, 4 * MIB, -EUCLEAN,
	  "log length 0 is no multiple of 1 MiB above 0" },
	{ "length off by a page", false, 0, MIB + 4096, MIB, 4 * MIB, -EUCLEAN,
	  "log length 1052672 is no multiple of 1 MiB above 0" },
	{ "length half a MiB", true, 0, MIB / 2, MIB, 4 * MIB, -EUCLEAN,
	  "log length 524288 is no multiple of 1 MiB above 0" },
	{ "length 1 GiB", true, 0, GIB, MIB, GIB + MIB },
	{ "length above 1 GiB", true, 0, GIB + MIB, MIB, 2 * GIB, -EOPNOTSUPP,
	  "log length 1074790400 is above the limit of 1 GiB" },
	/* Our own log in it could not be replayed by anybody. */
	{ "length above 1 GiB, clean", false, 0, GIB + MIB, MIB, 2 * GIB,
	  -EOPNOTSUPP, "log length 1074790400 is above the limit of 1 GiB" },
	{ "length 1 GiB, clean", false, 0, GIB, MIB, GIB + MIB },
	{ "length 4095 MiB", false, 0, 0xFFF00000, MIB, 8 * GIB, -EOPNOTSUPP,
	  "log length 4293918720 is above the limit of 1 GiB" },
	{ "in the header section", true, 0, MIB, 0, 4 * MIB, -EUCLEAN,
	  "log offset 0x0 is no multiple of 1 MiB above 0" },
	{ "offset off by a page", false, 0, MIB, MIB + 4096, 4 * MIB, -EUCLEAN,
	  "log offset 0x101000 is no multiple of 1 MiB above 0" },
	{ "ends with the file", true, 0, MIB, 3 * MIB, 4 * MIB },
	{ "ends a byte behind the file", true, 0, MIB, 3 * MIB, 4 * MIB - 1,
	  -EUCLEAN,
	  "the log at 0x300000, 1048576 bytes long, ends past the end of the file at 0x3fffff\n"
	  "error: file at offset 0x3fffff: was cut short: it ends here, is 4194303 bytes long and should be 4194304 or longer; of the log, 1 byte are lost"
	},
	{ "far behind the file", false, 0, MIB, 1ULL << 50, 4 * MIB, -EUCLEAN,
	  "the log at 0x4000000000000, 1048576 bytes long, ends past the end of the file at 0x400000"
	},
	{ "its end overflows to 0", true, 0, MIB, 0ULL - MIB, 4 * MIB,
	  -EUCLEAN,
	  "the log at 0xfffffffffff00000, 1048576 bytes long, ends past the end of the file at 0x400000"
	},
	{ "its end overflows beyond 0", true, 0, 3 * MIB, 0ULL - MIB, 4 * MIB,
	  -EUCLEAN,
	  "the log at 0xfffffffffff00000, 3145728 bytes long, ends past the end of the file at 0x400000"
	},
};

static void log_case_name(const struct log_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(log, log_cases, log_case_name);

static void headers_log_place(struct kunit *test)
{
	const struct log_case *c = test->param_value;
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_headers headers = {};
	char *lines = kunit_kzalloc(test, 512, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, lines);
	builder_write(b);
	b->log_guid = builder_guid(c->dirty ? 0x10 : 0);
	b->log_version = c->version;
	b->log_length = c->length;
	b->log_offset = c->offset;
	builder_write_header(b, 0, 9);
	f->ram[0].store.size = c->file_size;

	KUNIT_EXPECT_EQ(test,
			vhdx_headers_read(&f->ram[0].store, &headers,
					  &f->found.report),
			c->error);
	if (c->error)
		snprintf(lines, 512, "error: header 1 at offset 0x10000: %s\n",
			 c->what);
	fixture_expect(test, lines);
}

static struct kunit_case header_cases[] = {
	KUNIT_CASE(file_id_good),
	KUNIT_CASE(file_id_bad),
	KUNIT_CASE(file_id_unreadable),
	KUNIT_CASE(file_id_empty),
	KUNIT_CASE(checksum_known),
	KUNIT_CASE(decode_fields),
	KUNIT_CASE(decode_every_byte),
	KUNIT_CASE(decode_says_why),
	KUNIT_CASE_PARAM(headers_choose, copies_gen_params),
	KUNIT_CASE(headers_version),
	KUNIT_CASE(headers_unreadable),
	KUNIT_CASE_PARAM(headers_log_place, log_gen_params),
	{}
};

struct kunit_suite vhdx_header_suite = {
	.name = "vhdx_header",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = header_cases,
};
