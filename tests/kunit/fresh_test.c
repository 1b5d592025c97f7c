// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/store/fresh.c: which writes take zeros along, and who waits for them. In the
 * kernel alone, for it works on bios. There is no file: what would be written is
 * looked at.
 */
#include <linux/bio.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "fixture.h"
#include "store/fresh.h"
#include "suites.h"

#define MIB VHDX_MIB
#define PIECES 16U
#define WINDOW ((u64)VHDX_FRESH_GRAINS * VHDX_GRAIN)

/**
 * struct writer - one who writes
 * @bio: what
 * @vec: its data
 * @node: for the time when it waits
 * @fill: what it writes instead
 */
struct writer {
	struct bio bio;
	struct bio_vec vec[PIECES];
	struct llist_node node;
	struct vhdx_fill *fill;
};

static struct vhdx_fresh *fresh_of(struct kunit *test)
{
	return test->priv;
}

static int fresh_init(struct kunit *test)
{
	test->priv = vhdx_fresh_new();
	return test->priv ? 0 : -ENOMEM;
}

static void fresh_exit(struct kunit *test)
{
	vhdx_fresh_free(test->priv);
}

/* Data in so many pieces of the same length; where they lie does not matter. */
static enum vhdx_fresh_result claim(struct kunit *test, struct writer *w,
				    u64 pos, unsigned int len,
				    unsigned int pieces)
{
	unsigned int i;

	bio_init(&w->bio, NULL, w->vec, PIECES, REQ_OP_WRITE);
	for (i = 0; i < pieces; i++)
		bvec_set_page(&w->vec[i], virt_to_page(w), len / pieces, 0);
	w->bio.bi_vcnt = pieces;
	w->bio.bi_iter.bi_size = len;
	w->fill = NULL;
	return vhdx_fresh_claim(fresh_of(test), pos, &w->bio, &w->node,
				&w->fill);
}

static struct writer *writer_new(struct kunit *test)
{
	struct writer *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	return w;
}

static void expect_claim(struct kunit *test, u64 pos, unsigned int len,
			 enum vhdx_fresh_result answer)
{
	struct writer *w = writer_new(test);

	KUNIT_EXPECT_EQ(test, claim(test, w, pos, len, 1), answer);
}

static bool meets(struct kunit *test, u64 pos, u64 len)
{
	return vhdx_fresh_meets(fresh_of(test), pos, len);
}

static void fresh_nothing(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, meets(test, 0, 64 * MIB));
	KUNIT_EXPECT_FALSE(test, meets(test, 1ULL << 45, 4096));
	expect_claim(test, 5 * MIB, 4096, VHDX_FRESH_GO);
}

/* Zeros, the data and zeros, all of the grain, and nothing but zeros. */
static void expect_whole(struct kunit *test, const struct vhdx_fill *fill,
			 unsigned int before, unsigned int len)
{
	unsigned int pos = 0, i;

	for (i = 0; i < fill->count; i++) {
		const struct bio_vec *vec = &fill->vec[i];
		bool data = pos >= before && pos < before + len;

		KUNIT_EXPECT_EQ(test, vec->bv_page == ZERO_PAGE(0), !data);
		pos += vec->bv_len;
		if (data)
			continue;
		KUNIT_EXPECT_LE(test, vec->bv_len, PAGE_SIZE);
		KUNIT_EXPECT_TRUE(test, pos <= before || pos >= before + len);
	}
	KUNIT_EXPECT_EQ(test, pos, VHDX_GRAIN);
}

static void fresh_fill(struct kunit *test)
{
	static const struct {
		unsigned int before, len, pieces;
	} part[] = {
		{ 0, 4096, 1 },
		{ VHDX_GRAIN - 4096, 4096, 1 },
		{ 512, 512, 1 },
		{ 12288 + 512, 8192, 2 },
		{ 0, VHDX_GRAIN - 512, VHDX_FILL_PIECES - 1 },
		{ 512, VHDX_GRAIN - 512, VHDX_FILL_PIECES - 1 },
		{ 4096, 8 * 512, 8 },
	};
	struct writer *w = writer_new(test);
	unsigned int i;
	u64 pos = MIB;

	vhdx_fresh_add(fresh_of(test), MIB, 2 * MIB);
	for (i = 0; i < ARRAY_SIZE(part); i++, pos += VHDX_GRAIN) {
		KUNIT_EXPECT_TRUE(test, meets(test, pos + part[i].before, 512));
		KUNIT_ASSERT_EQ(test, claim(test, w, pos + part[i].before,
					    part[i].len, part[i].pieces),
				VHDX_FRESH_FILL);
		KUNIT_EXPECT_EQ(test, (u64)w->fill->grain,
				pos >> VHDX_GRAIN_SHIFT);
		expect_whole(test, w->fill, part[i].before, part[i].len);
		KUNIT_EXPECT_NULL(test, vhdx_fresh_done(fresh_of(test),
							w->fill));
		KUNIT_EXPECT_FALSE(test, meets(test, pos, VHDX_GRAIN));
		expect_claim(test, pos, 4096, VHDX_FRESH_GO);
	}
}

static void fresh_wait(struct kunit *test)
{
	struct writer *first = writer_new(test), *second = writer_new(test);
	struct writer *third = writer_new(test);
	struct llist_node *waiting;

	vhdx_fresh_add(fresh_of(test), MIB, 2 * MIB);
	KUNIT_ASSERT_EQ(test, claim(test, first, MIB, 4096, 1),
			VHDX_FRESH_FILL);
	/* The rest of the grain, and a long write that ends in it. */
	KUNIT_EXPECT_TRUE(test, meets(test, MIB + VHDX_GRAIN - 512, 512));
	KUNIT_EXPECT_EQ(test, claim(test, second, MIB + 4096, 4096, 1),
			VHDX_FRESH_WAIT);
	KUNIT_EXPECT_TRUE(test, meets(test, MIB - 65536, 65536 + 512));
	KUNIT_EXPECT_EQ(test, claim(test, third, MIB - 65536, 65536 + 512, 1),
			VHDX_FRESH_WAIT);
	/* Its neighbours have nothing to do with it. */
	expect_claim(test, MIB - 65536, 65536, VHDX_FRESH_GO);
	expect_claim(test, MIB + VHDX_GRAIN, 4096, VHDX_FRESH_FILL);

	waiting = vhdx_fresh_done(fresh_of(test), first->fill);
	KUNIT_EXPECT_PTR_EQ(test, waiting, &third->node);
	KUNIT_EXPECT_PTR_EQ(test, waiting->next, &second->node);
	KUNIT_EXPECT_NULL(test, second->node.next);
	KUNIT_EXPECT_EQ(test, claim(test, second, MIB + 4096, 4096, 1),
			VHDX_FRESH_GO);
}

/* What is written as a whole, or cannot take zeros along, is not fresh either. */
static void fresh_as_it_is(struct kunit *test)
{
	struct writer *w = writer_new(test);

	vhdx_fresh_add(fresh_of(test), MIB, 2 * MIB);
	expect_claim(test, MIB, VHDX_GRAIN, VHDX_FRESH_GO);
	expect_claim(test, MIB, 4096, VHDX_FRESH_GO);
	/* Half of a grain, one, and half of the next. */
	expect_claim(test, MIB + 3 * VHDX_GRAIN / 2, 2 * VHDX_GRAIN,
		     VHDX_FRESH_GO);
	KUNIT_EXPECT_FALSE(test, meets(test, MIB, 4 * VHDX_GRAIN));
	KUNIT_EXPECT_TRUE(test, meets(test, MIB, 4 * VHDX_GRAIN + 512));
	KUNIT_EXPECT_EQ(test, claim(test, w, MIB + 4 * VHDX_GRAIN,
				    512 * (VHDX_FILL_PIECES + 1),
				    VHDX_FILL_PIECES + 1), VHDX_FRESH_GO);
	expect_claim(test, MIB + 4 * VHDX_GRAIN, 512, VHDX_FRESH_GO);
	vhdx_fresh_touch(fresh_of(test), MIB + 6 * VHDX_GRAIN - 512, 1024);
	expect_claim(test, MIB + 5 * VHDX_GRAIN, 512, VHDX_FRESH_GO);
	expect_claim(test, MIB + 6 * VHDX_GRAIN, 512, VHDX_FRESH_GO);
	expect_claim(test, MIB + 7 * VHDX_GRAIN, 512, VHDX_FRESH_FILL);
}

/* Zeros that the engine writes for others do not make room for them. */
static void fresh_touch_busy(struct kunit *test)
{
	struct writer *w = writer_new(test);

	vhdx_fresh_add(fresh_of(test), MIB, 2 * MIB);
	KUNIT_ASSERT_EQ(test, claim(test, w, MIB, 4096, 1), VHDX_FRESH_FILL);
	vhdx_fresh_touch(fresh_of(test), MIB + 16384, 2 * VHDX_GRAIN);
	KUNIT_EXPECT_TRUE(test, meets(test, MIB + 8192, 4096));
	expect_claim(test, MIB + 8192, 4096, VHDX_FRESH_WAIT);
	expect_claim(test, MIB + VHDX_GRAIN, 4096, VHDX_FRESH_GO);
	KUNIT_EXPECT_NOT_NULL(test, vhdx_fresh_done(fresh_of(test), w->fill));
	KUNIT_EXPECT_FALSE(test, meets(test, MIB, VHDX_GRAIN));
}

/* Who goes through the page cache waits like others, and has no use for zeros. */
static void fresh_no_zeros(struct kunit *test)
{
	struct vhdx_fresh *fresh = fresh_of(test);
	struct writer *w = writer_new(test), *other = writer_new(test);

	vhdx_fresh_add(fresh, MIB, 2 * MIB);
	KUNIT_ASSERT_EQ(test, claim(test, w, MIB, 4096, 1), VHDX_FRESH_FILL);
	other->bio = w->bio;
	KUNIT_EXPECT_EQ(test, vhdx_fresh_claim(fresh, MIB + 4096, &other->bio,
					       &other->node, NULL),
			VHDX_FRESH_WAIT);
	KUNIT_EXPECT_EQ(test, vhdx_fresh_claim(fresh, MIB + VHDX_GRAIN,
					       &other->bio, &other->node,
					       NULL),
			VHDX_FRESH_GO);
	expect_claim(test, MIB + VHDX_GRAIN, 4096, VHDX_FRESH_GO);
}

static void fresh_fills_short(struct kunit *test)
{
	unsigned int i;

	vhdx_fresh_add(fresh_of(test), 0, 4 * MIB);
	for (i = 0; i < VHDX_FILLS; i++)
		expect_claim(test, i * VHDX_GRAIN, 512, VHDX_FRESH_FILL);
	expect_claim(test, i * VHDX_GRAIN, 512, VHDX_FRESH_GO);
	vhdx_fresh_done(fresh_of(test), &fresh_of(test)->fill[7]);
	/* Something is in it. */
	expect_claim(test, i * VHDX_GRAIN, 512, VHDX_FRESH_GO);
	expect_claim(test, (i + 1) * VHDX_GRAIN, 512, VHDX_FRESH_FILL);
}

static void fresh_ends(struct kunit *test)
{
	struct vhdx_fresh *fresh = fresh_of(test);

	/* Grains that lie in the new space as a whole. */
	vhdx_fresh_add(fresh, MIB + 512, 2 * MIB - 512);
	KUNIT_EXPECT_FALSE(test, meets(test, MIB, VHDX_GRAIN));
	KUNIT_EXPECT_TRUE(test, meets(test, MIB + VHDX_GRAIN, 512));
	KUNIT_EXPECT_FALSE(test, meets(test, 2 * MIB - VHDX_GRAIN, 64 * MIB));
	vhdx_fresh_add(fresh, 2 * MIB - 512, 3 * MIB);
	KUNIT_EXPECT_FALSE(test, meets(test, 2 * MIB - VHDX_GRAIN, VHDX_GRAIN));
	KUNIT_EXPECT_TRUE(test, meets(test, 2 * MIB, 512));
	/* Too little to hold one. */
	vhdx_fresh_add(fresh, 3 * MIB + 512, 3 * MIB + 1024);
	KUNIT_EXPECT_FALSE(test, meets(test, 3 * MIB, MIB));

	/* What is cut off and comes back is fresh, whatever it was before. */
	expect_claim(test, 2 * MIB, VHDX_GRAIN, VHDX_FRESH_GO);
	vhdx_fresh_cut(fresh, 2 * MIB);
	KUNIT_EXPECT_FALSE(test, meets(test, 2 * MIB, MIB));
	vhdx_fresh_add(fresh, 2 * MIB, 3 * MIB);
	expect_claim(test, 2 * MIB, 512, VHDX_FRESH_FILL);
	/* In the middle of a grain: it keeps a part. */
	vhdx_fresh_cut(fresh, MIB + 4 * VHDX_GRAIN + 512);
	vhdx_fresh_add(fresh, MIB + 4 * VHDX_GRAIN + 512, 2 * MIB);
	expect_claim(test, MIB + 3 * VHDX_GRAIN, 512, VHDX_FRESH_FILL);
	expect_claim(test, MIB + 4 * VHDX_GRAIN, 512, VHDX_FRESH_GO);
	expect_claim(test, MIB + 5 * VHDX_GRAIN, 512, VHDX_FRESH_FILL);
	/* All of it, and the start of the window with it. */
	vhdx_fresh_cut(fresh, 0);
	vhdx_fresh_add(fresh, 512 * MIB, 513 * MIB);
	KUNIT_EXPECT_FALSE(test, meets(test, 0, 512 * MIB));
	expect_claim(test, 512 * MIB, 512, VHDX_FRESH_FILL);
}

static void fresh_window(struct kunit *test)
{
	struct vhdx_fresh *fresh = fresh_of(test);
	struct writer *w = writer_new(test);
	u64 end = MIB + WINDOW;

	vhdx_fresh_add(fresh, MIB, end);
	KUNIT_ASSERT_EQ(test, claim(test, w, 3 * MIB, 512, 1),
			VHDX_FRESH_FILL);
	/* It goes as far as the grain that is being filled, and no further. */
	vhdx_fresh_add(fresh, end, end + 4 * MIB);
	KUNIT_EXPECT_FALSE(test, meets(test, MIB, 2 * MIB));
	KUNIT_EXPECT_TRUE(test, meets(test, end + 2 * MIB - 512, 512));
	KUNIT_EXPECT_FALSE(test, meets(test, end + 2 * MIB, 2 * MIB));
	expect_claim(test, 3 * MIB + 4096, 512, VHDX_FRESH_WAIT);
	KUNIT_EXPECT_NOT_NULL(test, vhdx_fresh_done(fresh, w->fill));
	/* What was left out stays out. */
	vhdx_fresh_add(fresh, end + 4 * MIB, end + 8 * MIB);
	KUNIT_EXPECT_FALSE(test, meets(test, end + 2 * MIB, 2 * MIB));
	KUNIT_EXPECT_TRUE(test, meets(test, end + 4 * MIB, 512));
	KUNIT_EXPECT_FALSE(test, meets(test, 3 * MIB, 6 * MIB));
	expect_claim(test, 9 * MIB, 512, VHDX_FRESH_FILL);
	/* Further than the window is long. */
	vhdx_fresh_add(fresh, end + 8 * MIB, end + 9 * MIB + 2 * WINDOW);
	KUNIT_EXPECT_TRUE(test, meets(test, 9 * MIB, 512));
}

/* Grains that the window has at the most, and a file that has more. */
#define GRAINS (3 * VHDX_FRESH_GRAINS)
#define STEPS 200000

/**
 * struct model - what is known of a file, told without windows
 * @written: grains that somebody wrote to
 * @size: grains
 * @busy: who fills; their number
 * @fills: and their writers
 * @filled: fills so far, which the test is about
 */
struct model {
	DECLARE_BITMAP(written, GRAINS);
	u64 size;
	unsigned int busy;
	struct writer fills[VHDX_FILLS];
	unsigned int filled;
};

static void model_grow(struct kunit *test, struct model *m, u32 random)
{
	u64 to = min_t(u64, m->size + 1 + random % 4096, GRAINS);

	bitmap_clear(m->written, m->size, to - m->size);
	vhdx_fresh_add(fresh_of(test), m->size << VHDX_GRAIN_SHIFT,
		       to << VHDX_GRAIN_SHIFT);
	m->size = to;
}

static bool model_fills(const struct model *m, u64 from, u64 to)
{
	unsigned int i;

	for (i = 0; i < m->busy; i++)
		if (m->fills[i].fill->grain >= from &&
		    m->fills[i].fill->grain < to)
			return true;
	return false;
}

/* Near the end, most of the time, where it is fresh. */
static void model_write(struct kunit *test, struct model *m, u32 random)
{
	u64 back = random % 8 ? 1 + (random >> 8) % 2048 : 1 + random % m->size;
	u64 grain = m->size - min(m->size, back);
	u64 pos = (grain << VHDX_GRAIN_SHIFT) + (random >> 5) % 64 * 512;
	unsigned int len = 512 << (random >> 20) % 9;
	u64 end = (pos + len + VHDX_GRAIN - 1) >> VHDX_GRAIN_SHIFT;
	struct writer single, *w = m->busy < VHDX_FILLS ? &m->fills[m->busy] :
							  &single;
	bool met = meets(test, pos, len), busy = model_fills(m, grain, end);

	switch (met ? claim(test, w, pos, len, 1) : VHDX_FRESH_GO) {
	case VHDX_FRESH_WAIT:
		KUNIT_ASSERT_TRUE(test, busy);
		return;
	case VHDX_FRESH_FILL:
		KUNIT_ASSERT_FALSE(test, busy);
		KUNIT_ASSERT_EQ(test, end, grain + 1);
		KUNIT_ASSERT_FALSE(test, test_bit(grain, m->written));
		m->filled++;
		m->busy++;
		break;
	case VHDX_FRESH_GO:
		KUNIT_ASSERT_FALSE(test, busy);
		break;
	}
	bitmap_set(m->written, grain, min_t(u64, end, GRAINS) - grain);
}

/* Like what the engine writes, also where fills are under way. */
static void model_touch(struct kunit *test, struct model *m, u32 random)
{
	u64 grain = m->size - min_t(u64, m->size, 1 + random % 512);
	u64 end = min_t(u64, grain + 1 + (random >> 9) % 4, m->size);

	vhdx_fresh_touch(fresh_of(test), grain << VHDX_GRAIN_SHIFT,
			 (end - grain) << VHDX_GRAIN_SHIFT);
	bitmap_set(m->written, grain, end - grain);
}

static void model_done(struct kunit *test, struct model *m, u32 random)
{
	unsigned int which = random % VHDX_FILLS;

	if (which >= m->busy)
		return;
	vhdx_fresh_done(fresh_of(test), m->fills[which].fill);
	m->fills[which] = m->fills[--m->busy];
}

static void model_cut(struct kunit *test, struct model *m, u32 random)
{
	while (m->busy)
		model_done(test, m, m->busy - 1);
	m->size -= min_t(u64, random % 6000, m->size - 1);
	vhdx_fresh_cut(fresh_of(test), m->size << VHDX_GRAIN_SHIFT);
}

/* Never are zeros written to where something is, whatever came before. */
static void fresh_random(struct kunit *test)
{
	struct model *m = kvzalloc(sizeof(*m), GFP_KERNEL);
	struct rnd_state rnd;
	unsigned int step;

	KUNIT_ASSERT_NOT_NULL(test, m);
	prandom_seed_state(&rnd, 20261122);
	model_grow(test, m, 4000);
	for (step = 0; step < STEPS; step++) {
		u32 random = prandom_u32_state(&rnd);
		u32 what = prandom_u32_state(&rnd) % 1000;

		if (what < 4)
			model_grow(test, m, random);
		else if (what < 5)
			model_cut(test, m, random);
		else if (what < 20)
			model_touch(test, m, random);
		else if (what < 400)
			model_done(test, m, random);
		else
			model_write(test, m, random);
	}
	KUNIT_EXPECT_GT(test, m->filled, 10000U);
	kvfree(m);
}

static struct kunit_case fresh_cases[] = {
	KUNIT_CASE(fresh_nothing),
	KUNIT_CASE(fresh_fill),
	KUNIT_CASE(fresh_wait),
	KUNIT_CASE(fresh_as_it_is),
	KUNIT_CASE(fresh_touch_busy),
	KUNIT_CASE(fresh_no_zeros),
	KUNIT_CASE(fresh_fills_short),
	KUNIT_CASE(fresh_ends),
	KUNIT_CASE(fresh_window),
	KUNIT_CASE(fresh_random),
	{}
};

struct kunit_suite vhdx_fresh_suite = {
	.name = "vhdx_fresh",
	.init = fresh_init,
	.exit = fresh_exit,
	.test_cases = fresh_cases,
};
