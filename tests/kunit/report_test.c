// SPDX-License-Identifier: GPL-2.0-only
/* engine/report.c: findings and how they read. */
#include <kunit/test.h>

#include "builder.h"
#include "report.h"
#include "suites.h"

/* The last finding, taken apart. */
struct witness {
	struct vhdx_report report;
	unsigned int count;
	enum vhdx_severity severity;
	const char *name;
	u64 index;
	u64 offset;
	char text[VHDX_TEXT_MAX];
};

static void take(struct vhdx_report *report, const struct vhdx_finding *finding)
{
	struct witness *w = container_of(report, struct witness, report);

	w->count++;
	w->severity = finding->severity;
	w->name = finding->at.name;
	w->index = finding->at.index;
	w->offset = finding->at.offset;
	snprintf(w->text, sizeof(w->text), "%s", finding->text);
}

static struct witness *make_witness(struct kunit *test)
{
	struct witness *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->report.emit = take;
	return w;
}

static const enum vhdx_severity severities[] = {
	VHDX_INFO,
	VHDX_WARN,
	VHDX_READONLY,
	VHDX_ERROR,
};

static void severity_name(const enum vhdx_severity *severity, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "severity %d", *severity);
}

KUNIT_ARRAY_PARAM(severity, severities, severity_name);

static void report_find(struct kunit *test)
{
	const enum vhdx_severity *severity = test->param_value;
	struct witness *w = make_witness(test);

	vhdx_find(&w->report, *severity, VHDX_AT_INDEX("BAT entry", 5, 0x1234),
		  "number %u, \"%s\", 0x%llx", 7U, "word", 0x123456789ABCULL);
	KUNIT_EXPECT_EQ(test, w->count, 1);
	KUNIT_EXPECT_EQ(test, w->severity, *severity);
	KUNIT_EXPECT_STREQ(test, w->name, "BAT entry");
	KUNIT_EXPECT_EQ(test, w->index, 5);
	KUNIT_EXPECT_EQ(test, w->offset, 0x1234);
	KUNIT_EXPECT_STREQ(test, (const char *)w->text,
			   "number 7, \"word\", 0x123456789abc");
}

static void report_refuse(struct kunit *test)
{
	struct witness *w = make_witness(test);
	int r;

	r = vhdx_refuse(&w->report, -EOPNOTSUPP, VHDX_AT("log", 0x100000),
			"%d of them", 3);
	KUNIT_EXPECT_EQ(test, r, -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, w->count, 1);
	KUNIT_EXPECT_EQ(test, w->severity, VHDX_ERROR);
	KUNIT_EXPECT_STREQ(test, w->name, "log");
	KUNIT_EXPECT_EQ(test, w->index, VHDX_NO_INDEX);
	KUNIT_EXPECT_EQ(test, w->offset, 0x100000);
	KUNIT_EXPECT_STREQ(test, (const char *)w->text, "3 of them");
}

/* A text that is too long is cut, and nothing behind it is touched. */
static void report_long_text(struct kunit *test)
{
	struct witness *w = make_witness(test);
	char *text = kunit_kzalloc(test, 1000, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	memset(text, 'x', 999);
	vhdx_find(&w->report, VHDX_WARN, VHDX_AT("log", 0), "%s", text);
	KUNIT_EXPECT_EQ(test, strlen(w->text), VHDX_TEXT_MAX - 1);
	text[VHDX_TEXT_MAX - 1] = 0;
	KUNIT_EXPECT_STREQ(test, (const char *)w->text, (const char *)text);
}

/* What an image says must not control a terminal, nor begin a line of a log. */
struct disarm_case {
	const char *name;
	const char *said;
	const char *shown;
};

static const struct disarm_case disarm_cases[] = {
	{ "controls below a space", "a\x1b[2J\nb\tc\r\x01\x1f~",
	  "a?[2J?b?c???~" },
	{ "delete", "a\x7fz", "a?z" },
	{ "what need not be changed", "a ~\\%s\"", "a ~\\%s\"" },
	{ "two bytes", "\xc2\xa0\xc3\xa4\xdf\xbf", "\xc2\xa0\xc3\xa4\xdf\xbf" },
	{ "three bytes", "\xe0\xa0\x80\xe2\x82\xac\xed\x9f\xbf\xee\x80\x80",
	  "\xe0\xa0\x80\xe2\x82\xac\xed\x9f\xbf\xee\x80\x80" },
	{ "four bytes", "\xf0\x90\x80\x80\xf0\x9f\x92\xbe\xf4\x8f\xbf\xbf",
	  "\xf0\x90\x80\x80\xf0\x9f\x92\xbe\xf4\x8f\xbf\xbf" },
	/* U+0080 is one, U+009B begins a sequence as ESC [ does, U+009F too. */
	{ "C1 controls", "\xc2\x80 \xc2\x9bJ\xc2\x9f", "?? ??J??" },
	{ "C1 controls as single bytes", "a\x9bJ\x85z", "a?J?z" },
	{ "marks of direction", "\xe2\x80\x8e \xe2\x80\x8f\xd8\x9c",
	  "??? ?????" },
	{ "overrides of direction", "\xe2\x80\xaa \xe2\x80\xae",
	  "??? ???" },
	{ "isolates of direction", "\xe2\x81\xa6 \xe2\x81\xa9",
	  "??? ???" },
	{ "beside those of direction",
	  "\xe2\x80\x8d\xe2\x80\x90\xe2\x80\xa9\xe2\x80\xaf\xd8\x9b",
	  "\xe2\x80\x8d\xe2\x80\x90\xe2\x80\xa9\xe2\x80\xaf\xd8\x9b" },
	{ "more of them",
	  "\xe2\x81\xa5\xe2\x81\xaa\xe2\x82\xa6\xd9\x9c\xe1\x80\xae",
	  "\xe2\x81\xa5\xe2\x81\xaa\xe2\x82\xa6\xd9\x9c\xe1\x80\xae" },
	{ "a character cut at the end", "a\xc3", "a?" },
	{ "three bytes cut to two", "a\xe2\x82", "a??" },
	{ "four bytes cut to three", "a\xf0\x9f\x92", "a???" },
	{ "a character cut by another", "\xe2\x82z\xc3\xc3\xa4",
	  "??z?\xc3\xa4" },
	{ "bytes that only continue", "\x80z\xbf\xbf", "?z??" },
	{ "two bytes for ASCII", "\xc0\x80\xc1\x9b\xc1\xbf", "??????" },
	{ "three bytes for less", "\xe0\x80\x9b\xe0\x82\x9b\xe0\x9f\xbf",
	  "?????????" },
	{ "four bytes for less", "\xf0\x80\x80\x9b\xf0\x8f\xbf\xbf",
	  "????????" },
	{ "halves of surrogate pairs", "\xed\xa0\x80\xed\xbf\xbf", "??????" },
	{ "beyond the last character", "\xf4\x90\x80\x80\xf5\x80\x80\x80",
	  "????????" },
	{ "bytes that UTF-8 lacks", "\xf8\x88\x80\x80\x80\xfe\xff", "???????" },
};

static void disarm_case_name(const struct disarm_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(disarm, disarm_cases, disarm_case_name);

static void report_disarms(struct kunit *test)
{
	const struct disarm_case *c = test->param_value;
	struct witness *w = make_witness(test);

	vhdx_find(&w->report, VHDX_WARN, VHDX_AT("log", 0), "%s", c->said);
	KUNIT_EXPECT_STREQ(test, (const char *)w->text, c->shown);
	vhdx_refuse(&w->report, -EUCLEAN, VHDX_AT("log", 0), "%s", c->said);
	KUNIT_EXPECT_STREQ(test, (const char *)w->text, c->shown);
}

/* Cut to VHDX_TEXT_MAX, a text may end inside a character. */
static void report_cut_character(struct kunit *test)
{
	struct witness *w = make_witness(test);
	char *text = kunit_kzalloc(test, VHDX_TEXT_MAX + 2, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	memset(text, 'x', VHDX_TEXT_MAX - 3);
	memcpy(text + VHDX_TEXT_MAX - 3, "\xe2\x82\xac", 4);
	vhdx_find(&w->report, VHDX_WARN, VHDX_AT("log", 0), "%s", text);
	memcpy(text + VHDX_TEXT_MAX - 3, "??", 3);
	KUNIT_EXPECT_STREQ(test, (const char *)w->text, (const char *)text);
}

struct sentence_case {
	struct vhdx_place at;
	const char *text;
	const char *sentence;
};

static const struct sentence_case sentence_cases[] = {
	{ { "header", 1, 0x10000 }, "is wrong",
	  "header 1 at offset 0x10000: is wrong" },
	{ { "log", VHDX_NO_INDEX, 0x100000 }, "must be replayed",
	  "log at offset 0x100000: must be replayed" },
	{ { "BAT entry", 0, 0 }, "x", "BAT entry 0 at offset 0x0: x" },
	{ { "BAT entry", 5, 0x28, 12, 7 }, "x",
	  "BAT entries 5 to 12 at offset 0x28: x" },
	{ { "header", 1, 0x10000, 2, 2 }, "x",
	  "headers 1 to 2 at offset 0x10000: x" },
	{ { "BAT entry", U64_MAX - 1, U64_MAX }, "x",
	  "BAT entry 18446744073709551614 at offset 0xffffffffffffffff: x" },
};

static void sentence_case_name(const struct sentence_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->sentence);
}

KUNIT_ARRAY_PARAM(sentence, sentence_cases, sentence_case_name);

static void report_sentence(struct kunit *test)
{
	const struct sentence_case *c = test->param_value;
	struct vhdx_finding finding = { .at = c->at, .text = c->text };
	char line[VHDX_SENTENCE_MAX];
	char small[8];
	int whole = strlen(c->sentence);

	KUNIT_EXPECT_EQ(test, vhdx_sentence(&finding, line, sizeof(line)),
			whole);
	KUNIT_EXPECT_STREQ(test, (const char *)line, c->sentence);
	/* As snprintf(): cut, ended, and the whole length returned. */
	KUNIT_EXPECT_EQ(test, vhdx_sentence(&finding, small, sizeof(small)),
			whole);
	KUNIT_EXPECT_EQ(test, strlen(small), sizeof(small) - 1);
	KUNIT_EXPECT_EQ(test, memcmp(small, c->sentence, sizeof(small) - 1), 0);
}

/* The longest that the engine can say still fits. */
static void report_longest_sentence(struct kunit *test)
{
	char *text = kunit_kzalloc(test, VHDX_TEXT_MAX, GFP_KERNEL);
	struct vhdx_finding finding = {
		.at = { "metadata table entry", U64_MAX - 2, U64_MAX,
			U64_MAX - 1, 2 },
		.text = text,
	};
	char line[VHDX_SENTENCE_MAX];

	KUNIT_ASSERT_NOT_NULL(test, text);
	memset(text, 'x', VHDX_TEXT_MAX - 1);
	KUNIT_EXPECT_LT(test, vhdx_sentence(&finding, line, sizeof(line)),
			(int)sizeof(line));
}

struct size_case {
	u64 bytes;
	const char *text;
};

static const struct size_case size_cases[] = {
	{ 0, "0 bytes" },
	{ 1, "1 byte" },
	{ 1023, "1023 bytes" },
	{ 1024, "1 KiB" },
	{ 1024 + 102, "1 KiB" },
	{ 1024 + 103, "1.1 KiB" },
	{ VHDX_MIB - 1, "1023.9 KiB" },
	{ 51 * VHDX_MIB + VHDX_MIB / 2, "51.5 MiB" },
	{ 30 * VHDX_TIB, "30 TiB" },
	{ U64_MAX, "16777215.9 TiB" },
};

static void size_case_name(const struct size_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->text);
}

KUNIT_ARRAY_PARAM(size, size_cases, size_case_name);

static void report_size_text(struct kunit *test)
{
	const struct size_case *c = test->param_value;
	char text[VHDX_SIZE_TEXT_SIZE];

	KUNIT_EXPECT_STREQ(test, vhdx_size_text(c->bytes, text), c->text);
}

struct guid_case {
	guid_t guid;
	const char *text;
};

static const struct guid_case guid_cases[] = {
	{ VHDX_GUID_BAT, "2dc27766-f623-4200-9d64-115e9bfd4a08" },
	{ VHDX_GUID_METADATA, "8b7ca206-4790-4b9a-b8fe-575f050f886e" },
	{ GUID_INIT(0x01020304, 0x0506, 0x0708, 0x09, 0x0A, 0x0B, 0x0C, 0x0D,
		    0x0E, 0x0F, 0x10),
	  "01020304-0506-0708-090a-0b0c0d0e0f10" },
	{ GUID_INIT(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	  "00000000-0000-0000-0000-000000000000" },
	{ GUID_INIT(0xFFFFFFFF, 0xFFFF, 0xFFFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
		    0xFF, 0xFF, 0xFF),
	  "ffffffff-ffff-ffff-ffff-ffffffffffff" },
};

static void guid_case_name(const struct guid_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->text);
}

KUNIT_ARRAY_PARAM(guid, guid_cases, guid_case_name);

static void report_guid_text(struct kunit *test)
{
	const struct guid_case *c = test->param_value;
	char text[VHDX_GUID_TEXT_SIZE];

	KUNIT_EXPECT_PTR_EQ(test, vhdx_guid_text(&c->guid, text),
			    (const char *)text);
	KUNIT_EXPECT_STREQ(test, (const char *)text, c->text);
}

/* The bytes that stand in real files: [MS-VHDX] prints the GUIDs only. */
static void report_guid_bytes(struct kunit *test)
{
	static const u8 bat[16] = { 0x66, 0x77, 0xC2, 0x2D, 0x23, 0xF6,
				    0x00, 0x42, 0x9D, 0x64, 0x11, 0x5E,
				    0x9B, 0xFD, 0x4A, 0x08 };
	static const guid_t guid = VHDX_GUID_BAT;

	KUNIT_EXPECT_EQ(test, memcmp(&guid, bat, sizeof(bat)), 0);
}

static void report_errno_words(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, vhdx_errno_words(-EIO), "I/O error");
	KUNIT_EXPECT_STREQ(test, vhdx_errno_words(-ENOSPC), "no space left");
	KUNIT_EXPECT_STREQ(test, vhdx_errno_words(-EINVAL),
			   "not possible in this way");
	KUNIT_EXPECT_STREQ(test, vhdx_errno_words(-EMLINK), "unexpected error");
	/* It takes negative ones only. */
	KUNIT_EXPECT_STREQ(test, vhdx_errno_words(EIO), "unexpected error");
}

static struct kunit_case report_cases[] = {
	KUNIT_CASE_PARAM(report_find, severity_gen_params),
	KUNIT_CASE(report_refuse),
	KUNIT_CASE(report_long_text),
	KUNIT_CASE_PARAM(report_disarms, disarm_gen_params),
	KUNIT_CASE(report_cut_character),
	KUNIT_CASE_PARAM(report_sentence, sentence_gen_params),
	KUNIT_CASE(report_longest_sentence),
	KUNIT_CASE_PARAM(report_size_text, size_gen_params),
	KUNIT_CASE_PARAM(report_guid_text, guid_gen_params),
	KUNIT_CASE(report_guid_bytes),
	KUNIT_CASE(report_errno_words),
	{}
};

struct kunit_suite vhdx_report_suite = {
	.name = "vhdx_report",
	.test_cases = report_cases,
};
