// SPDX-License-Identifier: GPL-2.0-only
/* engine/locator.c: how a child names its parent. */
#include "fixture.h"
#include "suites.h"

#define ROOM 16384U
#define GUID_A "{11111111-2222-3333-4455-66778899aabb}"
#define GUID_B "{01234567-89AB-CDEF-FEDC-BA9876543210}"

static const guid_t guid_a = GUID_INIT(0x11111111, 0x2222, 0x3333, 0x44, 0x55,
				       0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB);
static const guid_t guid_b = GUID_INIT(0x01234567, 0x89AB, 0xCDEF, 0xFE, 0xDC,
				       0xBA, 0x98, 0x76, 0x54, 0x32, 0x10);

static u8 *make_bytes(struct kunit *test)
{
	u8 *bytes = kunit_kzalloc(test, ROOM, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	return bytes;
}

/* As if the item were at 2 MiB + 0x11000. */
static struct vhdx_locator *decode(struct kunit *test, const u8 *bytes,
				   u32 length)
{
	struct fixture *f = test->priv;

	return vhdx_locator_decode(bytes, length, 0x211000, &f->found.report);
}

/* From memory that ends with the item: a read past it does not go unseen. */
static struct vhdx_locator *decode_exactly(struct kunit *test, const u8 *bytes,
					   u32 length)
{
	u8 *exact = kmalloc(length, GFP_KERNEL);
	struct vhdx_locator *l;

	KUNIT_ASSERT_NOT_NULL(test, exact);
	memcpy(exact, bytes, length);
	l = decode(test, exact, length);
	kfree(exact);
	return l;
}

static void decode_all_keys(struct kunit *test)
{
	static const struct builder_pair pairs[] = {
		{ "absolute_win32_path", "\\\\?\\C:\\vm\\base.vhdx" },
		{ "parent_linkage2", GUID_B },
		{ "relative_path", "..\\base.vhdx" },
		{ "volume_path", "\\\\?\\Volume{26A21BDA-A627-11D7-9931-806E6F6E6963}\\base.vhdx" },
		{ "parent_linkage", GUID_A },
	};
	u8 *bytes = make_bytes(test);
	struct vhdx_locator *l;

	l = decode(test, bytes, builder_locator_bytes(bytes, pairs, 5));
	KUNIT_ASSERT_FALSE(test, IS_ERR(l));
	KUNIT_EXPECT_TRUE(test, guid_equal(&l->linkage, &guid_a));
	KUNIT_EXPECT_TRUE(test, guid_equal(&l->linkage2, &guid_b));
	KUNIT_EXPECT_STREQ(test, (const char *)l->absolute_path,
			   pairs[0].value);
	KUNIT_EXPECT_STREQ(test, (const char *)l->relative_path,
			   pairs[2].value);
	KUNIT_EXPECT_STREQ(test, (const char *)l->volume_path, pairs[3].value);
	fixture_expect(test, "");
	vhdx_locator_free(l);
}

static void decode_few_keys(struct kunit *test)
{
	static const struct builder_pair pairs[] = {
		{ "parent_linkage", GUID_A },
	};
	u8 *bytes = make_bytes(test);
	struct vhdx_locator *l;

	l = decode(test, bytes, builder_locator_bytes(bytes, pairs, 1));
	KUNIT_ASSERT_FALSE(test, IS_ERR(l));
	KUNIT_EXPECT_TRUE(test, guid_is_null(&l->linkage2));
	KUNIT_EXPECT_NULL(test, l->relative_path);
	KUNIT_EXPECT_NULL(test, l->volume_path);
	KUNIT_EXPECT_NULL(test, l->absolute_path);
	fixture_expect(test,
		       "warning: parent locator at offset 0x211000: names no path, so the parent must be given by hand\n");
	vhdx_locator_free(l);
}

/* Two pairs: what is said of them. Where @error is 0, the first is linkage A. */
struct pairs_case {
	const char *name;
	struct builder_pair pairs[2];
	int error;
	const char *lines;
};

#define PAIR_0 "parent locator pair 0 at offset 0x211014: "
#define PAIR_1 "parent locator pair 1 at offset 0x211020: "
#define WHOLE "parent locator at offset 0x211000: "
#define PATH { "relative_path", "p" }

static const struct pairs_case pairs_cases[] = {
	{ "usual", { { "parent_linkage", GUID_A }, PATH }, 0, "" },
	{ "upper case",
	  { { "parent_linkage", "{11111111-2222-3333-4455-66778899AABB}" },
	    PATH }, 0, "" },
	{ "no braces",
	  { { "parent_linkage", "11111111-2222-3333-4455-66778899aabb" },
	    PATH }, -EUCLEAN,
	  "error: " PAIR_0
	  "\"parent_linkage\" is \"11111111-2222-3333-4455-66778899aabb\", which is no GUID in braces\n"
	},
	{ "the opening brace is another",
	  { { "parent_linkage", "(11111111-2222-3333-4455-66778899aabb}" },
	    PATH }, -EUCLEAN,
	  "error: " PAIR_0
	  "\"parent_linkage\" is \"(11111111-2222-3333-4455-66778899aabb}\", which is no GUID in braces\n"
	},
	{ "the closing brace is another",
	  { { "parent_linkage", "{11111111-2222-3333-4455-66778899aabb)" },
	    PATH }, -EUCLEAN,
	  "error: " PAIR_0
	  "\"parent_linkage\" is \"{11111111-2222-3333-4455-66778899aabb)\", which is no GUID in braces\n"
	},
	{ "a dash in another place",
	  { { "parent_linkage", "{1111111-12222-3333-4455-66778899aabb}" },
	    PATH }, -EUCLEAN,
	  "error: " PAIR_0
	  "\"parent_linkage\" is \"{1111111-12222-3333-4455-66778899aabb}\", which is no GUID in braces\n"
	},
	{ "a digit that is none",
	  { { "parent_linkage", "{1111111g-2222-3333-4455-66778899aabb}" },
	    PATH }, -EUCLEAN,
	  "error: " PAIR_0
	  "\"parent_linkage\" is \"{1111111g-2222-3333-4455-66778899aabb}\", which is no GUID in braces\n"
	},
	{ "an upper case digit that is none",
	  { { "parent_linkage", "{1111111G-2222-3333-4455-66778899aabb}" },
	    PATH }, -EUCLEAN,
	  "error: " PAIR_0
	  "\"parent_linkage\" is \"{1111111G-2222-3333-4455-66778899aabb}\", which is no GUID in braces\n"
	},
	{ "a digit too few",
	  { { "parent_linkage", "{11111111-2222-3333-4455-66778899aab}" },
	    PATH }, -EUCLEAN,
	  "error: " PAIR_0
	  "\"parent_linkage\" is \"{11111111-2222-3333-4455-66778899aab}\", which is no GUID in braces\n"
	},
	{ "a value that is far too long",
	  { { "parent_linkage",
	      "{11111111-2222-3333-4455-66778899aabb}-and-then-some-more-of-it" },
	    PATH }, -EUCLEAN,
	  "error: " PAIR_0
	  "\"parent_linkage\" is \"{11111111-2222-3333-4455-66778899aabb}-and-then-\", which is no GUID in braces\n"
	},
	{ "null linkage",
	  { { "parent_linkage", "{00000000-0000-0000-0000-000000000000}" },
	    PATH }, -EUCLEAN,
	  "error: " WHOLE
	  "the key \"parent_linkage\" is missing or null, so no parent can be told from another\n"
	},
	{ "no linkage",
	  { { "parent_linkage2", GUID_A }, PATH }, -EUCLEAN,
	  "error: " WHOLE
	  "the key \"parent_linkage\" is missing or null, so no parent can be told from another\n"
	},
	{ "keys are case-sensitive",
	  { { "Parent_linkage", GUID_A }, PATH }, -EUCLEAN,
	  "info: " PAIR_0 "the key \"Parent_linkage\" is not known\n"
	  "error: " WHOLE
	  "the key \"parent_linkage\" is missing or null, so no parent can be told from another\n"
	},
	{ "linkage twice",
	  { { "parent_linkage", GUID_A }, { "parent_linkage", GUID_A } },
	  -EUCLEAN,
	  "error: " PAIR_1 "the key \"parent_linkage\" is there twice\n" },
	{ "linkage twice, of zeros first",
	  { { "parent_linkage", "{00000000-0000-0000-0000-000000000000}" },
	    { "parent_linkage", GUID_A } },
	  -EUCLEAN,
	  "error: " PAIR_1 "the key \"parent_linkage\" is there twice\n" },
	{ "linkage2 twice",
	  { { "parent_linkage2", GUID_A }, { "parent_linkage2", GUID_B } },
	  -EUCLEAN,
	  "error: " PAIR_1 "the key \"parent_linkage2\" is there twice\n" },
	{ "relative path twice", { PATH, PATH }, -EUCLEAN,
	  "error: " PAIR_1 "the key \"relative_path\" is there twice\n" },
	{ "volume path twice",
	  { { "volume_path", "p" }, { "volume_path", "q" } }, -EUCLEAN,
	  "error: " PAIR_1 "the key \"volume_path\" is there twice\n" },
	{ "absolute path twice",
	  { { "absolute_win32_path", "p" }, { "absolute_win32_path", "q" } },
	  -EUCLEAN,
	  "error: " PAIR_1 "the key \"absolute_win32_path\" is there twice\n" },
	{ "unknown key", { { "parent_linkage", GUID_A }, { "colour", "red" } },
	  0,
	  "info: " PAIR_1 "the key \"colour\" is not known\n"
	  "warning: " WHOLE "names no path, so the parent must be given by hand\n" },
	{ "empty value", { { "parent_linkage", GUID_A }, { "x", "" } },
	  -EUCLEAN,
	  "error: " PAIR_1
	  "the value at 0x96, 0 bytes long, is empty, odd or outside the locator of 150 bytes\n"
	},
};

static void pairs_case_name(const struct pairs_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(pairs, pairs_cases, pairs_case_name);

static void decode_pairs(struct kunit *test)
{
	const struct pairs_case *c = test->param_value;
	u8 *bytes = make_bytes(test);
	struct vhdx_locator *l;

	l = decode(test, bytes, builder_locator_bytes(bytes, c->pairs, 2));
	fixture_expect(test, c->lines);
	if (IS_ERR(l)) {
		KUNIT_EXPECT_EQ(test, PTR_ERR(l), (long)c->error);
		return;
	}
	KUNIT_EXPECT_EQ(test, 0, c->error);
	KUNIT_EXPECT_TRUE(test, guid_equal(&l->linkage, &guid_a));
	vhdx_locator_free(l);
}

/*
 * One field changed in the bytes of a usual locator: 150 bytes, the first key
 * at 0x2C, its value at 0x48, the second key at 0x94.
 */
struct bytes_case {
	const char *name;
	u32 field;
	u32 width;
	u32 value;
	u32 length; /* of the whole, if not 0 */
	int error;
	const char *lines;
};

#define RANGE(what, at, len) \
	"error: " PAIR_0 "the " what " at " at ", " len \
	" bytes long, is empty, odd or outside the locator of 180 bytes\n"

static const struct bytes_case bytes_cases[] = {
	{ "another type", 0, 1, 0, 0, -EOPNOTSUPP,
	  "error: " WHOLE "locator type b04aef00-d19e-4a81-b789-25b8e9445913 is not known\n" },
	{ "the reserved field", 16, 2, 0xFFFF, 0, 0, "" },
	{ "no pairs", 18, 2, 0, 0, -EUCLEAN,
	  "error: " WHOLE "has 0 pairs, should have 1 to 256\n" },
	{ "257 pairs", 18, 2, 257, 0, -EUCLEAN,
	  "error: " WHOLE "has 257 pairs, should have 1 to 256\n" },
	{ "the most pairs", 18, 2, 65535, 0, -EUCLEAN,
	  "error: " WHOLE "has 65535 pairs, should have 1 to 256\n" },
	{ "pairs beyond the item", 18, 2, 14, 0, -EUCLEAN,
	  "error: " WHOLE "14 pairs do not fit in its 180 bytes\n" },
	{ "19 bytes", 18, 0, 0, 19, -EUCLEAN,
	  "error: " WHOLE "19 bytes are too few for a locator\n" },
	{ "20 bytes", 18, 0, 0, 20, -EUCLEAN,
	  "error: " WHOLE "2 pairs do not fit in its 20 bytes\n" },
	{ "a byte too few for the pairs", 18, 0, 0, 43, -EUCLEAN,
	  "error: " WHOLE "2 pairs do not fit in its 43 bytes\n" },
	{ "bytes for the pairs alone", 18, 0, 0, 44, -EUCLEAN,
	  "error: " PAIR_0
	  "the key at 0x2c, 28 bytes long, is empty, odd or outside the locator of 44 bytes\n"
	},
	{ "the last byte is missing", 18, 0, 0, 179, -EUCLEAN,
	  "error: " PAIR_1
	  "the value at 0xb2, 2 bytes long, is empty, odd or outside the locator of 179 bytes\n"
	},
	{ "key offset 0", 20, 4, 0, 0, -EUCLEAN, RANGE("key", "0x0", "28") },
	{ "key offset at the end", 20, 4, 180, 0, -EUCLEAN,
	  RANGE("key", "0xb4", "28") },
	{ "key offset that overflows", 20, 4, 0xFFFFFFF0, 0, -EUCLEAN,
	  RANGE("key", "0xfffffff0", "28") },
	{ "value offset 0", 24, 4, 0, 0, -EUCLEAN,
	  RANGE("value", "0x0", "76") },
	{ "value offset that overflows", 24, 4, 0xFFFFFFFF, 0, -EUCLEAN,
	  RANGE("value", "0xffffffff", "76") },
	{ "key length 0", 28, 2, 0, 0, -EUCLEAN, RANGE("key", "0x2c", "0") },
	{ "odd key length", 28, 2, 27, 0, -EUCLEAN,
	  RANGE("key", "0x2c", "27") },
	{ "the greatest key length", 28, 2, 0xFFFF, 0, -EUCLEAN,
	  RANGE("key", "0x2c", "65535") },
	{ "odd value length", 30, 2, 75, 0, -EUCLEAN,
	  RANGE("value", "0x48", "75") },
	{ "a NUL in the key", 0x2C + 4, 1, 0, 0, -EUCLEAN,
	  "error: " PAIR_0 "the key is not valid UTF-16, or holds a NUL\n" },
	{ "a NUL at the end of the value", 0x48 + 74, 1, 0, 0, -EUCLEAN,
	  "error: " PAIR_0 "the value is not valid UTF-16, or holds a NUL\n" },
};

static void bytes_case_name(const struct bytes_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(bytes, bytes_cases, bytes_case_name);

static void decode_bytes(struct kunit *test)
{
	static const struct builder_pair pairs[] = {
		{ "parent_linkage", GUID_A }, { "relative_path", "p.." },
	};
	const struct bytes_case *c = test->param_value;
	u8 *bytes = make_bytes(test);
	struct vhdx_locator *l;
	u32 length, i;

	length = builder_locator_bytes(bytes, pairs, 2);
	KUNIT_ASSERT_EQ(test, length, 180);
	/* A path of one letter: its value is the last two bytes. */
	bytes[42] = 2;
	bytes[36] = 178;
	for (i = 0; i < c->width; i++)
		bytes[c->field + i] = c->value >> (8 * i);
	if (c->length)
		length = c->length;
	l = decode_exactly(test, bytes, length);
	fixture_expect(test, c->lines);
	KUNIT_EXPECT_EQ(test, IS_ERR(l) ? PTR_ERR(l) : 0, (long)c->error);
	if (!IS_ERR(l))
		vhdx_locator_free(l);
}

/* UTF-16 units, and the UTF-8 that they make; NULL: refused. */
struct text_case {
	const char *name;
	u16 unit[4];
	const char *utf8;
};

static const struct text_case text_cases[] = {
	{ "one byte", { 0x41 }, "A" },
	{ "the last of one byte", { 0x7F }, "\x7F" },
	{ "the first of two bytes", { 0x80 }, "\xC2\x80" },
	{ "a letter with an accent", { 0x41, 0xE4 }, "A\xC3\xA4" },
	{ "the last of two bytes", { 0x7FF }, "\xDF\xBF" },
	{ "the first of three bytes", { 0x800 }, "\xE0\xA0\x80" },
	{ "before the surrogates", { 0xD7FF }, "\xED\x9F\xBF" },
	{ "behind the surrogates", { 0xE000 }, "\xEE\x80\x80" },
	{ "the last unit", { 0xFFFF }, "\xEF\xBF\xBF" },
	{ "the first pair", { 0xD800, 0xDC00 }, "\xF0\x90\x80\x80" },
	{ "the last pair", { 0xDBFF, 0xDFFF }, "\xF4\x8F\xBF\xBF" },
	{ "a pair and more", { 0xD83D, 0xDE00, 0x47 }, "\xF0\x9F\x98\x80G" },
	{ "half a pair at the end", { 0x41, 0xD800 }, NULL },
	{ "half a pair before a letter", { 0xD800, 0x41 }, NULL },
	{ "two first halves", { 0xD800, 0xD800 }, NULL },
	{ "a first half and what follows the second ones", { 0xD800, 0xE000 },
	  NULL },
	{ "a second half", { 0xDC00 }, NULL },
	{ "a second half that is the last", { 0xDFFF, 0x41 }, NULL },
	{ "a pair the wrong way round", { 0xDC00, 0xD800 }, NULL },
};

static void text_case_name(const struct text_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(text, text_cases, text_case_name);

static void decode_text(struct kunit *test)
{
	static const struct builder_pair pairs[] = {
		{ "parent_linkage", GUID_A }, { "volume_path", "xxxx" },
	};
	const struct text_case *c = test->param_value;
	u8 *bytes = make_bytes(test);
	struct vhdx_locator *l;
	u32 length, i;

	length = builder_locator_bytes(bytes, pairs, 2);
	for (i = 0; i < 4 && c->unit[i]; i++) {
		bytes[length - 8 + 2 * i] = c->unit[i];
		bytes[length - 8 + 2 * i + 1] = c->unit[i] >> 8;
	}
	bytes[20 + 12 + 10] = 2 * i;
	l = decode_exactly(test, bytes, length - 8 + 2 * i);
	if (c->utf8) {
		KUNIT_ASSERT_FALSE(test, IS_ERR(l));
		KUNIT_EXPECT_STREQ(test, (const char *)l->volume_path, c->utf8);
		vhdx_locator_free(l);
		fixture_expect(test, "");
	} else {
		KUNIT_EXPECT_EQ(test, PTR_ERR(l), (long)-EUCLEAN);
		fixture_expect(test,
			       "error: " PAIR_1 "the value is not valid UTF-16, or holds a NUL\n");
	}
}

/* As many pairs as there may be. */
static void decode_most_pairs(struct kunit *test)
{
	struct builder_pair *pairs;
	struct fixture *f = test->priv;
	u8 *bytes = make_bytes(test);
	struct vhdx_locator *l;
	u32 i;

	pairs = kunit_kzalloc(test, 256 * sizeof(*pairs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pairs);
	for (i = 0; i < 256; i++)
		pairs[i] = (struct builder_pair){ "k", "v" };
	pairs[254] = (struct builder_pair){ "parent_linkage", GUID_A };
	pairs[255] = (struct builder_pair){ "relative_path", "p" };
	l = decode(test, bytes, builder_locator_bytes(bytes, pairs, 256));
	KUNIT_ASSERT_FALSE(test, IS_ERR(l));
	KUNIT_EXPECT_STREQ(test, (const char *)l->relative_path, "p");
	KUNIT_EXPECT_EQ(test, f->found.count, 254);
	vhdx_locator_free(l);
}

struct match_case {
	const char *name;
	u8 linkage, linkage2, parent;
	bool matches;
};

static const struct match_case match_cases[] = {
	{ "linkage", 1, 0, 1, true },
	{ "linkage, with a second one", 1, 2, 1, true },
	{ "linkage2", 1, 2, 2, true },
	{ "neither", 1, 2, 3, false },
	{ "no linkage2", 1, 0, 2, false },
	{ "a null linkage2 is no linkage2", 1, 0, 0, false },
};

static void match_case_name(const struct match_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(match, match_cases, match_case_name);

static void matches(struct kunit *test)
{
	const struct match_case *c = test->param_value;
	struct vhdx_locator l = {
		.linkage = builder_guid(c->linkage),
		.linkage2 = builder_guid(c->linkage2),
	};
	guid_t parent = builder_guid(c->parent);

	KUNIT_EXPECT_EQ(test, vhdx_locator_matches(&l, &parent), c->matches);
}

static void free_nothing(struct kunit *test)
{
	vhdx_locator_free(NULL);
}

static struct kunit_case locator_cases[] = {
	KUNIT_CASE(decode_all_keys),
	KUNIT_CASE(decode_few_keys),
	KUNIT_CASE_PARAM(decode_pairs, pairs_gen_params),
	KUNIT_CASE_PARAM(decode_bytes, bytes_gen_params),
	KUNIT_CASE_PARAM(decode_text, text_gen_params),
	KUNIT_CASE(decode_most_pairs),
	KUNIT_CASE_PARAM(matches, match_gen_params),
	KUNIT_CASE(free_nothing),
	{}
};

struct kunit_suite vhdx_locator_suite = {
	.name = "vhdx_locator",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = locator_cases,
};
