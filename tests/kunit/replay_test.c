// SPDX-License-Identifier: GPL-2.0-only
/* engine/replay.c: a dirty file read as if its log had been replayed. */
#include "fixture.h"
#include "suites.h"

#define MIB VHDX_MIB
#define PAGES(n) ((n) * 4096ULL)

/* What a suite of replays needs: an image's log, found and planned. */
struct replay_test {
	struct vhdx_header header;
	struct vhdx_log log;
	struct vhdx_replay replay;
};

static int plan(struct kunit *test, struct replay_test *t)
{
	struct fixture *f = test->priv;
	struct vhdx_store *store = &f->ram[0].store;
	struct vhdx_headers headers = {};

	KUNIT_ASSERT_EQ(test,
			vhdx_headers_read(store, &headers, &f->found.report),
			0);
	t->header = *vhdx_header_current(&headers);
	KUNIT_ASSERT_EQ(test,
			vhdx_log_find(store, &t->header, &t->log,
				      &f->found.report),
			0);
	return vhdx_replay_plan(&t->replay, store, &t->header, &t->log);
}

static void unplan(struct replay_test *t)
{
	vhdx_replay_free(&t->replay);
	vhdx_log_free(&t->log);
}

static void plan_clean(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct replay_test t = {};
	bool patched = true;
	u8 byte = 0x55;

	builder_write(&f->builder[0]);
	KUNIT_EXPECT_EQ(test, plan(test, &t), 0);
	KUNIT_EXPECT_EQ(test, t.replay.count, 0);
	KUNIT_EXPECT_EQ(test, t.replay.file_size, 4 * MIB);
	KUNIT_EXPECT_EQ(test,
			vhdx_replay_apply(&t.replay, &f->ram[0].store, 0, &byte,
					  1),
			0);
	KUNIT_EXPECT_EQ(test, byte, 0x55);
	KUNIT_EXPECT_EQ(test, vhdx_replay_clip(&t.replay, 0, 77, &patched), 77);
	KUNIT_EXPECT_FALSE(test, patched);
	unplan(&t);
}

static void plan_patches(struct kunit *test)
{
	static const struct builder_desc first[] = {
		{ 3 * MIB, 0, 1 }, { 2 * MIB, 12288 }, { 3 * MIB + 8192, 0, 2 },
	};
	static const struct builder_desc second[] = {
		{ 0x30000, 0, 3 }, { 5 * MIB, 0, 0, true },
	};
	static const struct vhdx_patch want[] = {
		{ 0x30000, 4096, MIB + 2 * 4096 },
		{ 2 * MIB, 12288, 0 },
		{ 3 * MIB, 4096, MIB + 255 * 4096 },
		/* The first entry's last page is the ring's first. */
		{ 3 * MIB + 8192, 4096, MIB },
	};
	struct builder *b = fixture_dirty(test, 0);
	struct replay_test t = {};
	u32 i;

	builder_log(b, &(struct builder_entry){
		.at = PAGES(254), .tail = PAGES(254), .sequence = 5,
		.descs = first, .count = 3 });
	builder_log(b, &(struct builder_entry){
		.at = PAGES(1), .tail = PAGES(254), .sequence = 6,
		.descs = second, .count = 2 });
	KUNIT_ASSERT_EQ(test, plan(test, &t), 0);
	/* The range of no bytes has gone. */
	KUNIT_ASSERT_EQ(test, t.replay.count, ARRAY_SIZE(want));
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		const struct vhdx_patch *patch = &t.replay.patches[i];

		KUNIT_EXPECT_EQ(test, patch->target, want[i].target);
		KUNIT_EXPECT_EQ(test, patch->length, want[i].length);
		KUNIT_EXPECT_EQ(test, patch->source, want[i].source);
	}
	KUNIT_EXPECT_EQ(test, t.replay.start, 0x30000);
	KUNIT_EXPECT_EQ(test, t.replay.end, 3 * MIB + 12288);
	unplan(&t);
	KUNIT_EXPECT_EQ(test, t.replay.count, 0);
	KUNIT_EXPECT_NULL(test, t.replay.patches);
}

/* Descriptors on more than one page, data behind them. */
static void plan_many(struct kunit *test)
{
	struct builder *b = fixture_dirty(test, 0);
	struct builder_desc *descs;
	struct replay_test t = {};
	u32 i;

	descs = kunit_kzalloc(test, 200 * sizeof(*descs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, descs);
	for (i = 0; i < 200; i++)
		descs[i].target = 2 * MIB + PAGES(i);
	builder_log(b, &(struct builder_entry){
		.at = PAGES(100), .tail = PAGES(100), .sequence = 5,
		.descs = descs, .count = 200 });
	KUNIT_ASSERT_EQ(test, plan(test, &t), 0);
	KUNIT_ASSERT_EQ(test, t.replay.count, 200);
	for (i = 0; i < 200; i++) {
		KUNIT_EXPECT_EQ(test, t.replay.patches[i].target,
				2 * MIB + PAGES(i));
		KUNIT_EXPECT_EQ(test, t.replay.patches[i].source,
				MIB + PAGES((102 + i) % 256));
	}
	unplan(&t);
}

/* What a replay makes of the file's length: the greatest of three. */
struct length_case {
	const char *name;
	u64 file;
	u64 last;
	struct builder_desc desc;
	u64 want;
};

static const struct length_case length_cases[] = {
	{ "the file", 9 * MIB, 0, { 3 * MIB, 0, 1 }, 9 * MIB },
	{ "a file of odd length", 9 * MIB + 77, 9 * MIB, { 3 * MIB, 0, 1 },
	  9 * MIB + 77 },
	{ "the last file offset", 4 * MIB, 9 * MIB, { 3 * MIB, 0, 1 },
	  9 * MIB },
	{ "a page of data", 4 * MIB, 5 * MIB, { 8 * MIB, 0, 1 },
	  8 * MIB + 4096 },
	{ "zeros", 4 * MIB, 5 * MIB, { 8 * MIB, 2 * MIB }, 10 * MIB },
};

static void length_case_name(const struct length_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(length, length_cases, length_case_name);

static void plan_file_size(struct kunit *test)
{
	const struct length_case *c = test->param_value;
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, 0);
	struct replay_test t = {};

	builder_log(b, &(struct builder_entry){
		.sequence = 5, .descs = &c->desc, .count = 1,
		.last = c->last });
	f->ram[0].store.size = c->file;
	KUNIT_ASSERT_EQ(test, plan(test, &t), 0);
	KUNIT_EXPECT_EQ(test, t.replay.file_size, c->want);
	unplan(&t);
}

/* The head's last file offset counts, not that of an entry before it. */
static void plan_file_size_of_head(struct kunit *test)
{
	struct builder *b = fixture_dirty(test, 0);
	struct replay_test t = {};

	builder_log(b, &(struct builder_entry){
		.sequence = 5, .last = 20 * MIB });
	builder_log(b, &(struct builder_entry){
		.at = PAGES(1), .sequence = 6, .last = 6 * MIB });
	KUNIT_ASSERT_EQ(test, plan(test, &t), 0);
	KUNIT_EXPECT_EQ(test, t.replay.file_size, 6 * MIB);
	unplan(&t);
}

/* The empty entry that Windows begins a session with changes nothing. */
static void plan_empty_entry(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, 0);
	struct replay_test t = {};

	builder_log(b, &(struct builder_entry){
		.sequence = 5, .flushed = 4 * MIB, .last = 6 * MIB });
	KUNIT_ASSERT_EQ(test, plan(test, &t), 0);
	KUNIT_EXPECT_EQ(test, t.log.count, 1);
	KUNIT_EXPECT_EQ(test, t.replay.count, 0);
	KUNIT_EXPECT_EQ(test, t.replay.file_size, 6 * MIB);
	fixture_expect(test, "");
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 4 * MIB);
	unplan(&t);
}

/*
 * Zero descriptors are cheap for whoever writes them: their number is bounded.
 * Entries of 4096, as many as reach the limit and one more.
 */
static void plan_bounded(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct builder_desc *descs;
	struct replay_test t = {};
	u32 at = 0, i;

	descs = kunit_kzalloc(test, 4096 * sizeof(*descs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, descs);
	for (i = 0; i < 4096; i++)
		descs[i] = (struct builder_desc){ 32 * MIB + PAGES(2 * i),
						  4096 };
	b->log_length = 16 * MIB;
	b->metadata_offset = 17 * MIB;
	b->bat_offset = 18 * MIB;
	fixture_dirty(test, 0);
	for (i = 0; i < 64; i++)
		at += builder_log(b, &(struct builder_entry){
			.at = at, .sequence = 1 + i, .descs = descs,
			.count = 4096 });
	KUNIT_EXPECT_EQ(test, plan(test, &t), 0);
	/* Each entry changes the same pages. */
	KUNIT_EXPECT_EQ(test, t.replay.count, 4096);
	unplan(&t);
	builder_log(b, &(struct builder_entry){
		.at = at, .sequence = 65, .descs = descs, .count = 1 });
	KUNIT_EXPECT_EQ(test, plan(test, &t), -E2BIG);
	KUNIT_EXPECT_NULL(test, t.replay.patches);
	unplan(&t);
	fixture_refuse(test, 0, -EOPNOTSUPP,
		       "error: log at offset 0x100000: holds more than 262144 changes, too many to be replayed in memory\n");
}

static void plan_unreadable(struct kunit *test)
{
	static const struct builder_desc desc = { 3 * MIB, 0, 1 };
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, 0);
	struct replay_test t = {};

	builder_log(b, &(struct builder_entry){
		.sequence = 5, .descs = &desc, .count = 1 });
	KUNIT_ASSERT_EQ(test, plan(test, &t), 0);
	vhdx_replay_free(&t.replay);
	ram_store_break_range(&f->ram[0], MIB, 1, -EIO);
	KUNIT_EXPECT_EQ(test,
			vhdx_replay_plan(&t.replay, &f->ram[0].store, &t.header,
					 &t.log),
			-EIO);
	unplan(&t);
}

/* A page of data comes back whole: 8 bytes, 4084 bytes and 4 bytes. */
static void apply_page(struct kunit *test)
{
	static const struct builder_desc desc = { 3 * MIB, 0, 0x5A };
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, 0);
	struct replay_test t = {};
	u8 *buf = kunit_kzalloc(test, 4096, GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	builder_log(b, &(struct builder_entry){
		.sequence = 0x1122334455667788ULL, .descs = &desc,
		.count = 1 });
	KUNIT_ASSERT_EQ(test, plan(test, &t), 0);
	KUNIT_EXPECT_EQ(test,
			vhdx_replay_apply(&t.replay, &f->ram[0].store, 3 * MIB,
					  buf, 4096),
			0);
	for (i = 0; i < 4096; i++)
		if (buf[i] != builder_log_byte(0x5A, i))
			break;
	KUNIT_EXPECT_EQ(test, i, 4096);
	unplan(&t);
}

/* A buffer that has one byte of the patch, at either end. */
static void apply_edges(struct kunit *test)
{
	static const struct builder_desc desc = { 3 * MIB, 0, 0x5A };
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, 0);
	struct replay_test t = {};
	u8 bytes[2] = { 1, 2 };

	builder_log(b, &(struct builder_entry){
		.sequence = 5, .descs = &desc, .count = 1 });
	KUNIT_ASSERT_EQ(test, plan(test, &t), 0);
	KUNIT_EXPECT_EQ(test,
			vhdx_replay_apply(&t.replay, &f->ram[0].store,
					  3 * MIB - 1, bytes, 2),
			0);
	KUNIT_EXPECT_EQ(test, bytes[0], 1);
	KUNIT_EXPECT_EQ(test, bytes[1], builder_log_byte(0x5A, 0));
	bytes[1] = 2;
	KUNIT_EXPECT_EQ(test,
			vhdx_replay_apply(&t.replay, &f->ram[0].store,
					  3 * MIB + 4095, bytes, 2),
			0);
	KUNIT_EXPECT_EQ(test, bytes[0], builder_log_byte(0x5A, 4095));
	KUNIT_EXPECT_EQ(test, bytes[1], 2);
	unplan(&t);
}

static void apply_unreadable(struct kunit *test)
{
	static const struct builder_desc desc = { 3 * MIB, 0, 0x5A };
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, 0);
	struct replay_test t = {};
	u8 byte = 0;

	builder_log(b, &(struct builder_entry){
		.sequence = 5, .descs = &desc, .count = 1 });
	KUNIT_ASSERT_EQ(test, plan(test, &t), 0);
	ram_store_break_range(&f->ram[0], MIB + 4096, 1, -EIO);
	KUNIT_EXPECT_EQ(test,
			vhdx_replay_apply(&t.replay, &f->ram[0].store,
					  3 * MIB + 9, &byte, 1),
			-EIO);
	KUNIT_EXPECT_EQ(test, vhdx_replay_hold(&t.replay, &f->ram[0].store),
			-EIO);
	KUNIT_EXPECT_NULL(test, t.replay.held);
	/* Beside the patch, nothing is read. */
	KUNIT_EXPECT_EQ(test,
			vhdx_replay_apply(&t.replay, &f->ram[0].store,
					  3 * MIB - 1, &byte, 1),
			0);
	KUNIT_EXPECT_EQ(test,
			vhdx_replay_apply(&t.replay, &f->ram[0].store,
					  3 * MIB + 4096, &byte, 1),
			0);
	unplan(&t);
}

/* Once its pages are held, the log may be anything. Zeros take no memory. */
static void hold_pages(struct kunit *test)
{
	static const struct builder_desc descs[] = {
		{ 2 * MIB, MIB / 2, 0 }, { 3 * MIB, 0, 0x5A },
	};
	struct fixture *f = test->priv;
	struct builder *b = fixture_dirty(test, 0);
	struct vhdx_store *store = &f->ram[0].store;
	struct replay_test t = {};
	u8 byte = 0;

	builder_log(b, &(struct builder_entry){
		.sequence = 5, .descs = descs, .count = 2 });
	KUNIT_ASSERT_EQ(test, plan(test, &t), 0);
	KUNIT_EXPECT_EQ(test, t.replay.count, 2);
	KUNIT_EXPECT_EQ(test, t.replay.pages, 1);
	KUNIT_ASSERT_EQ(test, vhdx_replay_hold(&t.replay, store), 0);
	ram_store_break_range(&f->ram[0], MIB, MIB, -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_replay_hold(&t.replay, store), 0);
	KUNIT_EXPECT_EQ(test,
			vhdx_replay_apply(&t.replay, store, 3 * MIB + 9, &byte,
					  1),
			0);
	KUNIT_EXPECT_EQ(test, byte, builder_log_byte(0x5A, 9));
	unplan(&t);
	KUNIT_EXPECT_NULL(test, t.replay.held);
}

/*
 * A log of many changes that overlap, against a shadow to which they are made
 * one after the other. The shadow covers 32 pages from 3 MiB on.
 */
#define SHADOW_PAGES 32U
#define SHADOW_BYTES (SHADOW_PAGES * 4096U)
#define SHADOW_DESCS 40U

struct shadow_test {
	struct replay_test t;
	struct builder_desc descs[SHADOW_DESCS];
	u8 bytes[SHADOW_BYTES];
	bool patched[SHADOW_PAGES];
	u8 buf[SHADOW_BYTES];
	u32 random;
};

/* The same numbers on every run. */
static u32 draw(struct shadow_test *s, u32 below)
{
	s->random = s->random * 1664525 + 1013904223;
	return (s->random >> 8) % below;
}

static void shadow_change(struct shadow_test *s,
			  const struct builder_desc *desc)
{
	u32 first = desc->target - 3 * MIB;
	u32 length = desc->zero ? desc->zero : 4096;
	u32 i;

	for (i = 0; i < length; i++)
		s->bytes[first + i] =
			desc->zero ? 0 : builder_log_byte(desc->seed, i);
	for (i = 0; i < length / 4096; i++)
		s->patched[first / 4096 + i] = true;
}

/* In order, apart, of whole pages; and zeros that touch are one. */
static void expect_flat(struct kunit *test, const struct vhdx_replay *replay)
{
	const struct vhdx_patch *last = NULL, *patch = replay->patches;
	u32 i;

	for (i = 0; i < replay->count; i++, last = patch++) {
		u64 end = last ? last->target + last->length : 0;

		KUNIT_EXPECT_TRUE(test, patch->length &&
				  IS_ALIGNED(patch->length, 4096));
		KUNIT_EXPECT_TRUE(test, !patch->source ||
				  patch->length == 4096);
		KUNIT_EXPECT_LE(test, end, patch->target);
		KUNIT_EXPECT_FALSE(test, last && end == patch->target &&
				   !last->source && !patch->source);
	}
	if (replay->count) {
		KUNIT_EXPECT_EQ(test, replay->start, replay->patches->target);
		KUNIT_EXPECT_EQ(test, replay->end, last->target + last->length);
	}
}

static struct shadow_test *make_shadow(struct kunit *test)
{
	struct shadow_test *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	struct builder *b = fixture_dirty(test, 0);
	u32 at = PAGES(240);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->random = 4711;
	for (i = 0; i < SHADOW_BYTES; i++)
		s->bytes[i] = 0xC0 + i % 41;
	ram_store_write(b->ram, 3 * MIB, s->bytes, SHADOW_BYTES);
	for (i = 0; i < SHADOW_DESCS; i++) {
		struct builder_desc *desc = &s->descs[i];
		/* Leave some pages alone: one in four. */
		u32 page = draw(s, SHADOW_PAGES / 4) * 4;

		desc->target = 3 * MIB + PAGES(page);
		desc->seed = i;
		if (draw(s, 3) == 0)
			desc->zero = PAGES(1 + draw(s, 3));
		else
			desc->target += PAGES(draw(s, 3));
		shadow_change(s, desc);
	}
	for (i = 0; i < SHADOW_DESCS; i += 8)
		at += builder_log(b, &(struct builder_entry){
			.at = at % MIB, .tail = PAGES(240), .sequence = 5 + i / 8,
			.descs = &s->descs[i], .count = 8 });
	KUNIT_ASSERT_EQ(test, plan(test, &s->t), 0);
	expect_flat(test, &s->t.replay);
	KUNIT_ASSERT_LE(test, s->t.replay.count, SHADOW_PAGES);
	return s;
}

static void apply_against_shadow(struct kunit *test)
{
	struct shadow_test *s = make_shadow(test);
	struct fixture *f = test->priv;
	u32 round;

	for (round = 0; round < 300; round++) {
		u32 pos = draw(s, SHADOW_BYTES);
		u32 len = 1 + draw(s, min(SHADOW_BYTES - pos, 20000U));

		ram_store_peek(&f->ram[0], 3 * MIB + pos, s->buf, len);
		s->buf[len] = 0x99;
		KUNIT_EXPECT_EQ(test,
				vhdx_replay_apply(&s->t.replay,
						  &f->ram[0].store,
						  3 * MIB + pos, s->buf, len),
				0);
		if (memcmp(s->buf, s->bytes + pos, len))
			KUNIT_FAIL(test, "%u bytes at %u are wrong", len, pos);
		KUNIT_EXPECT_EQ(test, s->buf[len], 0x99);
	}
	unplan(&s->t);
}

/*
 * A clip may be shorter than it could be, but never wrong, and never empty; and
 * where nothing is patched it must be as long as can be.
 */
static void clip_against_shadow(struct kunit *test)
{
	struct shadow_test *s = make_shadow(test);
	u32 round, page;

	for (round = 0; round < 500; round++) {
		u32 pos = draw(s, SHADOW_BYTES / 512) * 512;
		u32 len = 512 + draw(s, (SHADOW_BYTES - pos) / 512) * 512;
		bool patched, want = s->patched[pos / 4096];
		u64 got = vhdx_replay_clip(&s->t.replay, 3 * MIB + pos, len,
					   &patched);

		KUNIT_EXPECT_EQ(test, patched, want);
		KUNIT_EXPECT_GT(test, got, 0);
		KUNIT_EXPECT_LE(test, got, len);
		for (page = pos / 4096; page * 4096 < pos + got; page++)
			KUNIT_EXPECT_EQ(test, s->patched[page], want);
		if (!want && got < len)
			KUNIT_EXPECT_TRUE(test, s->patched[(pos + got) / 4096]);
	}
	unplan(&s->t);
}

struct clip_case {
	u64 pos;
	u64 len;
	u64 want;
	bool patched;
};

/*
 * Three patches: a page at 3 MiB, 4 KiB of zeros behind it, which were 8 KiB
 * before the page came, and a page at 3 MiB + 16 KiB.
 */
static const struct clip_case clip_cases[] = {
	{ 0, 4096, 4096, false },
	{ 0, 3 * MIB, 3 * MIB, false },
	{ 0, 3 * MIB + 512, 3 * MIB, false },
	{ 3 * MIB - 512, 512, 512, false },
	{ 3 * MIB - 512, 1024, 512, false },
	{ 3 * MIB, 512, 512, true },
	{ 3 * MIB, MIB, 4096, true },
	{ 3 * MIB + 4096, MIB, 4096, true },
	{ 3 * MIB + 8191, 1, 1, true },
	{ 3 * MIB + 8192, MIB, 8192, false },
	{ 3 * MIB + 8192, 8192, 8192, false },
	{ 3 * MIB + 16384, 8192, 4096, true },
	{ 3 * MIB + 20480, MIB, MIB, false },
	{ 1ULL << 60, MIB, MIB, false },
};

static void clip_case_name(const struct clip_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%llu bytes at 0x%llx", c->len,
		 c->pos);
}

KUNIT_ARRAY_PARAM(clip, clip_cases, clip_case_name);

static void clip_exact(struct kunit *test)
{
	static const struct builder_desc descs[] = {
		{ 3 * MIB + 16384, 0, 1 }, { 3 * MIB, 8192 },
		{ 3 * MIB, 0, 2 },
	};
	const struct clip_case *c = test->param_value;
	struct builder *b = fixture_dirty(test, 0);
	struct replay_test t = {};
	bool patched;

	builder_log(b, &(struct builder_entry){
		.sequence = 5, .descs = descs, .count = 3 });
	KUNIT_ASSERT_EQ(test, plan(test, &t), 0);
	KUNIT_EXPECT_EQ(test,
			vhdx_replay_clip(&t.replay, c->pos, c->len, &patched),
			c->want);
	KUNIT_EXPECT_EQ(test, patched, c->patched);
	unplan(&t);
}

static struct kunit_case replay_cases[] = {
	KUNIT_CASE(plan_clean),
	KUNIT_CASE(plan_patches),
	KUNIT_CASE(plan_many),
	KUNIT_CASE_PARAM(plan_file_size, length_gen_params),
	KUNIT_CASE(plan_file_size_of_head),
	KUNIT_CASE(plan_empty_entry),
	KUNIT_CASE(plan_bounded),
	KUNIT_CASE(plan_unreadable),
	KUNIT_CASE(apply_page),
	KUNIT_CASE(apply_edges),
	KUNIT_CASE(apply_unreadable),
	KUNIT_CASE(hold_pages),
	KUNIT_CASE(apply_against_shadow),
	KUNIT_CASE(clip_against_shadow),
	KUNIT_CASE_PARAM(clip_exact, clip_gen_params),
	{}
};

struct kunit_suite vhdx_replay_suite = {
	.name = "vhdx_replay",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = replay_cases,
};
