// SPDX-License-Identifier: GPL-2.0-only
/* engine/locator-write.c: the bytes of a locator, and what makes none. */
#include "fixture.h"
#include "suites.h"

#define GUID_A "{11111111-2222-3333-4455-66778899aabb}"
#define GUID_B "{01234567-89ab-cdef-fedc-ba9876543210}"

static const guid_t guid_a = GUID_INIT(0x11111111, 0x2222, 0x3333, 0x44, 0x55,
				       0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB);
static const guid_t guid_b = GUID_INIT(0x01234567, 0x89AB, 0xCDEF, 0xFE, 0xDC,
				       0xBA, 0x98, 0x76, 0x54, 0x32, 0x10);

static u8 *make_item(struct kunit *test)
{
	u8 *item = kvzalloc(VHDX_LOCATOR_SIZE_MAX, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, item);
	return item;
}

static int encode(struct kunit *test, const struct vhdx_locator *locator,
		  u8 *item, u32 *length)
{
	struct fixture *f = test->priv;

	return vhdx_locator_encode(locator, item, length, &f->found.report);
}

/* Byte for byte what the builder makes of the same pairs. */
static void expect_pairs(struct kunit *test, const struct vhdx_locator *locator,
			 const struct builder_pair *pairs, u32 count)
{
	u8 *item = make_item(test);
	u8 *want = make_item(test);
	u32 length = 0, bytes = builder_locator_bytes(want, pairs, count);

	KUNIT_EXPECT_EQ(test, encode(test, locator, item, &length), 0);
	KUNIT_EXPECT_EQ(test, length, bytes);
	KUNIT_EXPECT_EQ(test, memcmp(item, want, bytes), 0);
	kvfree(want);
	kvfree(item);
	fixture_expect(test, "");
}

static void encode_all_keys(struct kunit *test)
{
	static const struct builder_pair pairs[] = {
		{ "parent_linkage", GUID_A },
		{ "absolute_win32_path", "C:\\vm\\base.vhdx" },
		{ "relative_path", "..\\base.vhdx" },
		{ "volume_path",
		  "\\\\?\\Volume{26a21bda-a627-11d7-9931-806e6f6e6963}\\b" },
		{ "parent_linkage2", GUID_B },
	};
	char absolute[] = "C:\\vm\\base.vhdx", relative[] = "..\\base.vhdx";
	char volume[] = "\\\\?\\Volume{26a21bda-a627-11d7-9931-806e6f6e6963}\\b";
	struct vhdx_locator locator = {
		.linkage = guid_a,
		.linkage2 = guid_b,
		.relative_path = relative,
		.volume_path = volume,
		.absolute_path = absolute,
	};

	expect_pairs(test, &locator, pairs, 5);
}

static void encode_few_keys(struct kunit *test)
{
	static const struct builder_pair pairs[] = {
		{ "parent_linkage", GUID_B },
		{ "relative_path", ".\\p" },
	};
	char relative[] = ".\\p";
	struct vhdx_locator locator = { .linkage = guid_b,
					.relative_path = relative };

	expect_pairs(test, &locator, pairs, 2);
	locator.relative_path = NULL;
	expect_pairs(test, &locator, pairs, 1);
}

static void encode_no_parent(struct kunit *test)
{
	char relative[] = ".\\p";
	struct vhdx_locator locator = { .linkage2 = guid_b,
					.relative_path = relative };
	u8 *item = make_item(test);
	u32 length;

	KUNIT_EXPECT_EQ(test, encode(test, &locator, item, &length), -EINVAL);
	fixture_expect(test,
		       "error: parent locator at offset 0x0: a null GUID cannot name a parent\n");
	kvfree(item);
}

/* UTF-8, and the UTF-16 units that it makes; none: refused. */
struct encode_text_case {
	const char *name;
	char utf8[8];
	u16 unit[4];
};

static const struct encode_text_case encode_text_cases[] = {
	{ "one byte", "A", { 0x41 } },
	{ "the last of one byte", "\x7F", { 0x7F } },
	{ "the first of two bytes", "\xC2\x80", { 0x80 } },
	{ "a letter with an accent", "A\xC3\xA4", { 0x41, 0xE4 } },
	{ "the last of two bytes", "\xDF\xBF", { 0x7FF } },
	{ "the first of three bytes", "\xE0\xA0\x80", { 0x800 } },
	{ "before the surrogates", "\xED\x9F\xBF", { 0xD7FF } },
	{ "behind the surrogates", "\xEE\x80\x80", { 0xE000 } },
	{ "the last unit", "\xEF\xBF\xBF", { 0xFFFF } },
	{ "the first pair", "\xF0\x90\x80\x80", { 0xD800, 0xDC00 } },
	{ "the last pair", "\xF4\x8F\xBF\xBF", { 0xDBFF, 0xDFFF } },
	{ "a pair and more", "\xF0\x9F\x98\x80G", { 0xD83D, 0xDE00, 0x47 } },
	{ "nothing", "", {} },
	{ "a second byte alone", "\x80", {} },
	{ "the last second byte alone", "A\xBF", {} },
	{ "a letter in two bytes", "\xC1\x81", {} },
	{ "a letter with an accent in three bytes", "\xE0\x83\xA4", {} },
	{ "a unit in four bytes", "\xF0\x8F\xBF\xBF", {} },
	{ "a first half", "\xED\xA0\x80", {} },
	{ "a second half", "\xED\xBF\xBF", {} },
	{ "above the last character", "\xF4\x90\x80\x80", {} },
	{ "above four bytes", "\xF8\x88\x80\x80\x80", {} },
	{ "no byte of UTF-8", "\xFF", {} },
	{ "two bytes, cut off", "\xC3", {} },
	{ "three bytes, cut off", "\xE0\xA0", {} },
	{ "four bytes, cut off", "\xF0\x90\x80", {} },
	{ "a letter in place of a third byte", "\xE0\xA0z", {} },
	{ "a first byte in place of a second", "\xC3\xC3", {} },
};

static void encode_text_case_name(const struct encode_text_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(encode_text, encode_text_cases, encode_text_case_name);

/* The value is the last: 2 pairs, two keys and a GUID of 38 letters before. */
#define VALUE_AT (20 + 2 * 12 + 28 + 76 + 22)

static void encode_text(struct kunit *test)
{
	const struct encode_text_case *c = test->param_value;
	struct vhdx_locator locator = { .linkage = guid_a };
	u8 *item = make_item(test);
	u32 length, i;
	char utf8[8];
	int r;

	memcpy(utf8, c->utf8, sizeof(utf8));
	locator.volume_path = utf8;
	r = encode(test, &locator, item, &length);
	KUNIT_EXPECT_EQ(test, r, c->unit[0] ? 0 : -EINVAL);
	for (i = 0; i < 4 && c->unit[i]; i++)
		KUNIT_EXPECT_EQ(test,
				item[VALUE_AT + 2 * i] |
				item[VALUE_AT + 2 * i + 1] << 8, c->unit[i]);
	if (!r)
		KUNIT_EXPECT_EQ(test, length, VALUE_AT + 2 * i);
	if (c->unit[0])
		fixture_expect(test, "");
	else if (c->utf8[0])
		fixture_expect(test,
			       "error: parent locator at offset 0x0: the value of \"volume_path\" is not UTF-8\n");
	else
		fixture_expect(test,
			       "error: parent locator at offset 0x0: the value of \"volume_path\" is empty\n");
	kvfree(item);
}

/* The longest value that fits is read back; with one letter more, none does. */
static void encode_longest(struct kunit *test)
{
	u32 letters = (VHDX_LOCATOR_SIZE_MAX - VALUE_AT) / 2;
	char *path = kvzalloc(letters + 2, GFP_KERNEL);
	struct vhdx_locator locator = { .linkage = guid_a };
	struct fixture *f = test->priv;
	struct vhdx_locator *read;
	u8 *item = make_item(test);
	u32 length;

	KUNIT_ASSERT_NOT_NULL(test, path);
	memset(path, 'x', letters);
	locator.volume_path = path;
	KUNIT_EXPECT_EQ(test, encode(test, &locator, item, &length), 0);
	KUNIT_EXPECT_EQ(test, length, VALUE_AT + 2 * letters);
	read = vhdx_locator_decode(item, length, 0, &f->found.report);
	KUNIT_ASSERT_FALSE(test, IS_ERR(read));
	KUNIT_EXPECT_EQ(test, strcmp(read->volume_path, path), 0);
	vhdx_locator_free(read);
	fixture_expect(test, "");

	path[letters] = 'x';
	KUNIT_EXPECT_EQ(test, encode(test, &locator, item, &length), -E2BIG);
	fixture_expect(test,
		       "error: parent locator at offset 0x0: the value of \"volume_path\" does not fit: a locator has 65535 bytes at most\n");
	kvfree(item);
	kvfree(path);
}

static struct kunit_case locator_write_cases[] = {
	KUNIT_CASE(encode_all_keys),
	KUNIT_CASE(encode_few_keys),
	KUNIT_CASE(encode_no_parent),
	KUNIT_CASE_PARAM(encode_text, encode_text_gen_params),
	KUNIT_CASE(encode_longest),
	{}
};

struct kunit_suite vhdx_locator_write_suite = {
	.name = "vhdx_locator_write",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = locator_write_cases,
};
