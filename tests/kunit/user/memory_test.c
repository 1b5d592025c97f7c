// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine when memory is short. In userspace alone: the linker leads
 * shim_alloc() here (--wrap), and the nth allocation of a test fails. Whatever
 * an attempt leaves behind is found by LeakSanitizer at the end.
 */
#include "check.h"
#include "create.h"
#include "fixture.h"
#include "recover.h"
#include "repair.h"
#include "suites.h"
#include "writer.h"

/* Allocations until one fails, counted down from where a test sets it. */
static u32 fail_in;

void *__real_shim_alloc(size_t n, size_t size);
void *__wrap_shim_alloc(size_t n, size_t size);

void *__wrap_shim_alloc(size_t n, size_t size)
{
	if (fail_in && !--fail_in)
		return NULL;
	return __real_shim_alloc(n, size);
}

/* A child whose log is dirty: every allocation of an open is in it. */
static void make_image(struct kunit *test)
{
	struct builder_desc descs[] = { { 2 * VHDX_MIB + 0x30000, 0, 1 },
					{ 0x3F000, 4096 } };
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	b->log_guid = builder_guid(0x10);
	builder_parent(b, 0xD1);
	builder_block(b, 0, 7);
	builder_bitmap(b, 0);
	builder_log(b, &(struct builder_entry){
		.sequence = 1, .descs = descs, .count = 2 });
	f->builder[1].data_write_guid = builder_guid(0xD1);
	builder_write(&f->builder[1]);
	builder_block(&f->builder[1], 0, 6);
}

/* Fails the first allocation, then the second, until an open needs no more. */
static void memory_open(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;
	u32 nth = 0;

	make_image(test);
	do {
		fail_in = ++nth;
		image = vhdx_image_open(&f->ram[0].store, 16,
					&f->found.report);
		if (IS_ERR(image))
			KUNIT_EXPECT_EQ(test, PTR_ERR(image), -ENOMEM);
		else
			vhdx_image_close(image);
	} while (!fail_in && nth < 1000);
	KUNIT_EXPECT_FALSE(test, IS_ERR(image));
	/* Headers, log, plan, tables, locator, pool and maps, at the least. */
	KUNIT_EXPECT_GT(test, nth, 20);
	KUNIT_EXPECT_LT(test, nth, 1000);
	fail_in = 0;
}

static void memory_chain(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_chain *chain;

	make_image(test);
	fixture_open(test, 0);
	fixture_open(test, 1);
	fail_in = 1;
	chain = vhdx_chain_new(f->image, 2, 0, &f->found.report);
	KUNIT_EXPECT_EQ(test, PTR_ERR(chain), -ENOMEM);
}

/*
 * A read fails with -ENOMEM, which is worth another try, or not at all: pages
 * of metadata are given up for those that are needed.
 */
static void memory_read(struct kunit *test)
{
	struct fixture *f = test->priv;
	u8 *buf = kunit_kzalloc(test, 4096, GFP_KERNEL);
	u32 nth = 0;
	int r;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	make_image(test);
	fixture_chain(test, 2);
	do {
		vhdx_pool_shrink(&f->image[0]->pool, 100);
		vhdx_pool_shrink(&f->image[1]->pool, 100);
		fail_in = ++nth;
		r = vhdx_chain_read(f->chain, 512, buf, 512);
		if (r)
			KUNIT_EXPECT_EQ(test, r, -ENOMEM);
	} while (!fail_in && nth < 1000);
	KUNIT_EXPECT_EQ(test, r, 0);
	/* Three pages of two parts each, three leaves, and two bounces. */
	KUNIT_EXPECT_GT(test, nth, 8);
	KUNIT_EXPECT_LT(test, nth, 1000);
	fail_in = 0;
}

static void memory_check(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_census census;
	u32 nth;

	builder_write(&f->builder[0]);
	fixture_open(test, 0);
	for (nth = 1; nth <= 2; nth++) {
		fail_in = nth;
		KUNIT_EXPECT_EQ(test,
				vhdx_check_blocks(f->image[0], &census, NULL,
						  &f->found.report),
				-ENOMEM);
	}
	fail_in = 0;
}

/* However often memory is short, the next attempt begins anew. */
static void memory_recover(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;
	u32 nth = 0;
	int r;

	make_image(test);
	image = fixture_open(test, 0);
	do {
		fail_in = ++nth;
		/* The store in RAM is short of it, too. */
		f->ram[0].broken = 0;
		r = vhdx_image_recover(image);
		if (r)
			KUNIT_EXPECT_EQ(test, r, -ENOMEM);
	} while (!fail_in && nth < 100);
	fail_in = 0;
	KUNIT_EXPECT_EQ(test, r, 0);
	/* The headers twice, and a page. */
	KUNIT_EXPECT_GT(test, nth, 3);
	KUNIT_EXPECT_EQ(test, image->log.count, 0);
}

static void memory_create(struct kunit *test)
{
	struct vhdx_create what = {
		.size = VHDX_MIB,
		.block_size = VHDX_MIB,
		.logical_sector = 512,
		.physical_sector = 512,
		.log_length = VHDX_MIB,
		.fixed = true,
	};
	struct fixture *f = test->priv;
	struct vhdx_layout layout;
	u32 nth = 0;
	int r;

	vhdx_layout_init(&layout, &what);
	do {
		ram_store_exit(&f->ram[0]);
		ram_store_init(&f->ram[0]);
		fail_in = ++nth;
		r = vhdx_create(&f->ram[0].store, &layout, NULL,
				&f->found.report);
		if (r)
			KUNIT_EXPECT_EQ(test, r, -ENOMEM);
	} while (!fail_in && nth < 100);
	fail_in = 0;
	KUNIT_EXPECT_EQ(test, r, 0);
	/* BAT, metadata, region table, headers, identifier. */
	KUNIT_EXPECT_GT(test, nth, 5);
	fixture_open(test, 0);
}

static void memory_fork(struct kunit *test)
{
	char relative[] = ".\\p";
	struct vhdx_locator locator = {
		.linkage = builder_guid(0xD1),
		.relative_path = relative,
	};
	struct fixture *f = test->priv;
	struct vhdx_fork taken;
	u32 nth = 0;
	int r;

	builder_write(&f->builder[0]);
	fixture_open(test, 0);
	do {
		fail_in = ++nth;
		r = vhdx_fork_init(&taken, f->image[0], &locator,
				   &f->found.report);
		vhdx_fork_exit(&taken);
		if (r)
			KUNIT_EXPECT_EQ(test, r, -ENOMEM);
	} while (!fail_in && nth < 100);
	fail_in = 0;
	KUNIT_EXPECT_EQ(test, r, 0);
	/* The locator, the items and their values. */
	KUNIT_EXPECT_EQ(test, nth, 4);
	fixture_expect(test, "");
}

/* The pages of the RAM store are there, so that only the engine is short. */
static void memory_repair(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;
	u32 nth = 0;
	int r;

	builder_write(&f->builder[0]);
	builder_fill(&f->builder[0], VHDX_MIB, VHDX_MIB, 1);
	ram_store_put(&f->ram[0], 0x30000 + 0x5000, 1, 1);
	image = fixture_open(test, 0);
	do {
		/* What was begun is a dirty log, for the next opening. */
		KUNIT_EXPECT_EQ(test, vhdx_image_recover(image), 0);
		fail_in = ++nth;
		f->ram[0].broken = 0;
		r = vhdx_repair_regions(image);
		if (r <= 0)
			KUNIT_EXPECT_EQ(test, r, -ENOMEM);
		if (fail_in || r > 0)
			break;
		fail_in = 0;
		vhdx_image_close(image);
		f->image[0] = NULL;
		image = fixture_open(test, 0);
		if (image->log.count)
			break;
	} while (nth < 100);
	fail_in = 0;
	/* The tables, an entry, and what a replay is planned in. */
	KUNIT_EXPECT_GT(test, nth, 2);
	KUNIT_EXPECT_LT(test, nth, 100);
	KUNIT_EXPECT_EQ(test, vhdx_image_recover(image), 0);
	KUNIT_EXPECT_EQ(test, vhdx_repair_regions(image), 0);
}

/* Fails the nth allocation of what follows, and then none. */
static void fail_nth(struct kunit *test, u32 nth)
{
	struct fixture *f = test->priv;

	/* The store in RAM is short of it, too. */
	f->ram[0].broken = 0;
	fail_in = nth;
}

/* A write to a new block, up to its commit, and a clean end. */
static int write_and_end(struct kunit *test, struct vhdx_session *session)
{
	struct vhdx_miss miss;
	struct vhdx_run run;
	int r;

	while ((r = vhdx_session_map(session, 0, 512, &run, &miss))) {
		if (r == -EAGAIN)
			r = vhdx_image_load(&miss);
		else if (r == -EBUSY || r == -EINPROGRESS)
			r = writer_play(session, VHDX_WORK_BEGIN);
		if (r)
			return r;
	}
	r = writer_play(session, VHDX_WORK_COMMIT);
	return r ? r : vhdx_session_end(session);
}

/*
 * A session that is short of memory says so and stays what it is, but at its
 * end: there, the log is left for a replay.
 */
static void memory_session(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	u32 nth = 0, ended = 0;
	bool done = false;
	int r;

	builder_write(&f->builder[0]);
	while (!done && ++nth < 100) {
		fixture_open(test, 0);
		KUNIT_ASSERT_EQ(test, vhdx_image_recover(f->image[0]), 0);
		fail_nth(test, nth);
		session = vhdx_session_new(f->image[0], &f->found.report);
		if (IS_ERR(session)) {
			KUNIT_EXPECT_EQ(test, PTR_ERR(session), -ENOMEM);
		} else {
			r = write_and_end(test, session);
			done = fail_in;
			fail_nth(test, 0);
			if (r)
				KUNIT_EXPECT_EQ(test, r, -ENOMEM);
			if (r && session->mode == VHDX_MODE_RW)
				KUNIT_EXPECT_EQ(test,
						write_and_end(test, session),
						0);
			ended += session->mode != VHDX_MODE_RW;
			vhdx_session_free(session);
		}
		vhdx_image_close(f->image[0]);
		f->image[0] = NULL;
	}
	fail_nth(test, 0);
	KUNIT_EXPECT_TRUE(test, done);
	/* The session, its map and its buffer; a page; headers, the survey. */
	KUNIT_EXPECT_GT(test, nth, 8);
	/* The last update of the headers is what cannot be tried again. */
	KUNIT_EXPECT_LE(test, ended, 1);
}

static u32 fed;

static void count_feed(struct vhdx_supply *supply)
{
	fed++;
}

/*
 * There is no memory for a page, and all that could be given up is in the
 * journal: the committer hears of it, and puts the pages in their places.
 */
static void memory_starved(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_supply supply = { count_feed };
	struct vhdx_session *session;
	struct vhdx_miss miss = {};
	struct vhdx_pool *pool;

	f->builder[0].size = 1024 * VHDX_MIB;
	session = writer_begin_empty(test);
	pool = &f->image[0]->pool;
	pool->supply = &supply;
	fed = 0;
	miss.image = f->image[0];
	miss.map = &f->image[0]->bat_pages;
	KUNIT_EXPECT_EQ(test, vhdx_image_load(&miss), 0);
	miss.index = 1;
	fail_nth(test, 1);
	KUNIT_EXPECT_EQ(test, vhdx_image_load(&miss), 0);
	KUNIT_EXPECT_EQ(test, pool->evictions, 1);
	KUNIT_EXPECT_FALSE(test, pool->starved);
	KUNIT_EXPECT_EQ(test, fed, 0);

	writer_write(test, 0, 512, 0x11);
	vhdx_pool_shrink(pool, 100);
	KUNIT_EXPECT_EQ(test, pool->pinned, 1);
	KUNIT_EXPECT_EQ(test, pool->resident, 1);
	fail_nth(test, 1);
	KUNIT_EXPECT_EQ(test, vhdx_image_load(&miss), 0);
	KUNIT_EXPECT_EQ(test, fail_in, 0);
	KUNIT_EXPECT_TRUE(test, pool->starved);
	KUNIT_EXPECT_EQ(test, fed, 1);
	pool->supply = NULL;
	writer_work(test, 0);
	KUNIT_EXPECT_FALSE(test, pool->starved);
	KUNIT_EXPECT_EQ(test, pool->pinned, 0);
	KUNIT_EXPECT_EQ(test, session->stats.commits, 1);
	KUNIT_EXPECT_EQ(test, session->stats.checkpoints, 1);
}

static struct kunit_case memory_cases[] = {
	KUNIT_CASE(memory_open),
	KUNIT_CASE(memory_chain),
	KUNIT_CASE(memory_read),
	KUNIT_CASE(memory_check),
	KUNIT_CASE(memory_recover),
	KUNIT_CASE(memory_session),
	KUNIT_CASE(memory_starved),
	KUNIT_CASE(memory_create),
	KUNIT_CASE(memory_fork),
	KUNIT_CASE(memory_repair),
	{}
};

struct kunit_suite vhdx_memory_suite = {
	.name = "vhdx_memory",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = memory_cases,
};
