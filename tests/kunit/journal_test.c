// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine/journal.c: what reaches the disk and when, and that the log can be
 * replayed before each single operation on the store.
 */
#include "fixture.h"
#include "journal.h"
#include "suites.h"
#include "tracer.h"

#define MIB VHDX_MIB
#define KIB VHDX_KIB
#define LOG MIB
#define BAT (3 * MIB)
#define PAGES 128U
#define LAST (77 * MIB)

/**
 * struct rig - a journal over the BAT pages of an image
 * @tracer: between it and the store
 * @journal: the journal
 * @log_guid: what the headers name, of the last vhdx_journal_start()
 * @memory: what each page is filled with in memory; 0 as the file has it
 * @closed: likewise, in the transaction that was closed last
 * @durable: likewise, in the last one that was committed
 * @hook_op: operation that the hook waits for
 * @hook_pos: its place in the file
 * @hook_page: the page that it changes then
 * @hook_byte: to what; 0: the hook has nothing to do any more
 * @checked: how often a replay was tried
 * @buf: a page for that
 */
struct rig {
	struct tracer tracer;
	struct vhdx_journal *journal;
	guid_t log_guid;
	u8 memory[PAGES];
	u8 closed[PAGES];
	u8 durable[PAGES];
	enum ram_op hook_op;
	u64 hook_pos;
	u32 hook_page;
	u8 hook_byte;
	u32 checked;
	u8 *buf;
};

static struct rig *rig_of(struct kunit *test)
{
	struct fixture *f = test->priv;

	return f->own;
}

static u64 place(u32 page)
{
	return BAT + 4096ULL * page;
}

static struct vhdx_page *bat_page(struct kunit *test, u32 number)
{
	struct fixture *f = test->priv;
	struct vhdx_page_map *map = &f->image[0]->bat_pages;
	struct vhdx_miss miss = { f->image[0], map, number };
	struct vhdx_page *page;

	KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	rcu_read_lock();
	page = vhdx_map_find(map, number);
	rcu_read_unlock();
	KUNIT_ASSERT_NOT_NULL(test, page);
	return page;
}

/* Fills a page, as one change of the open transaction. */
static bool change(struct kunit *test, u32 number, u8 byte)
{
	struct fixture *f = test->priv;
	struct vhdx_page *page = bat_page(test, number);
	struct rig *rig = rig_of(test);
	bool done;

	spin_lock(&f->image[0]->pool.lock);
	done = vhdx_journal_touch(rig->journal, page);
	if (done)
		memset(page->data, byte, VHDX_PAGE);
	spin_unlock(&f->image[0]->pool.lock);
	if (done)
		rig->memory[number] = byte;
	return done;
}

static u32 close_transaction(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rig *rig = rig_of(test);
	u32 pages;

	spin_lock(&f->image[0]->pool.lock);
	pages = vhdx_journal_close(rig->journal);
	spin_unlock(&f->image[0]->pool.lock);
	memcpy(rig->closed, rig->memory, sizeof(rig->closed));
	return pages;
}

static void commit(struct kunit *test)
{
	struct rig *rig = rig_of(test);

	KUNIT_ASSERT_TRUE(test, close_transaction(test) > 0);
	KUNIT_ASSERT_EQ(test, vhdx_journal_commit(rig->journal, LAST), 0);
	memcpy(rig->durable, rig->closed, sizeof(rig->durable));
}

static void checkpoint(struct kunit *test)
{
	struct rig *rig = rig_of(test);

	KUNIT_ASSERT_EQ(test, vhdx_journal_checkpoint(rig->journal), 0);
}

/* Does a page of the reopened file hold a byte, all through? */
static bool page_is(struct vhdx_image *image, u32 number, u8 *buf, u8 byte)
{
	u32 i;

	if (vhdx_image_read(image, place(number), buf, VHDX_PAGE))
		return false;
	for (i = 0; i < VHDX_PAGE; i++)
		if (buf[i] != byte)
			return false;
	return true;
}

/* How many pages are not as @want says. */
static u32 wrong_pages(struct vhdx_image *image, u8 *buf, const u8 *want)
{
	u32 wrong = 0;
	u32 i;

	for (i = 0; i < PAGES; i++)
		wrong += !page_is(image, i, buf, want[i]);
	return wrong;
}

/*
 * Opens what is on disk now, as after a crash: it is what was committed last;
 * or, while a commit is under way, what that one brings, as a whole.
 */
static void check_disk(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rig *rig = rig_of(test);

	ram_store_copy(&f->ram[1], &f->ram[0]);
	f->builder[1] = f->builder[0];
	f->builder[1].ram = &f->ram[1];
	f->builder[1].log_guid = rig->log_guid;
	builder_write_header(&f->builder[1], 0, 100);
	fixture_open(test, 1);
	if (wrong_pages(f->image[1], rig->buf, rig->durable))
		KUNIT_EXPECT_EQ(test,
				wrong_pages(f->image[1], rig->buf, rig->closed), 0);
	vhdx_image_close(f->image[1]);
	f->image[1] = NULL;
	findings_init(&f->found);
	rig->checked++;
}

static void check_before(void *context, enum ram_op op, u64 pos)
{
	check_disk(context);
}

/* Changes a page in the middle of what the committer does, once. */
static void change_before(void *context, enum ram_op op, u64 pos)
{
	struct kunit *test = context;
	struct rig *rig = rig_of(test);
	u8 byte = rig->hook_byte;

	if (!byte || op != rig->hook_op || pos != rig->hook_pos)
		return;
	rig->hook_byte = 0;
	KUNIT_EXPECT_TRUE(test, change(test, rig->hook_page, byte));
}

static void change_at(struct kunit *test, enum ram_op op, u64 pos, u32 page,
		      u8 byte)
{
	struct rig *rig = rig_of(test);

	rig->hook_op = op;
	rig->hook_pos = pos;
	rig->hook_page = page;
	rig->hook_byte = byte;
	rig->tracer.hook = change_before;
}

/* Of the entry at a place in the log, a number by its place in the header. */
static u64 entry_get(struct kunit *test, u64 at, u32 field, u32 width)
{
	struct fixture *f = test->priv;
	u64 pos = f->builder[0].log_offset + at;

	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], pos, 4), 0x65676F6C);
	return ram_store_get(&f->ram[0], pos + field, width);
}

#define ENTRY_LENGTH(test, at) entry_get(test, at, 8, 4)
#define ENTRY_TAIL(test, at) entry_get(test, at, 12, 4)
#define ENTRY_SEQUENCE(test, at) entry_get(test, at, 16, 8)
#define ENTRY_FLUSHED(test, at) entry_get(test, at, 48, 8)
#define ENTRY_LAST(test, at) entry_get(test, at, 56, 8)

/* An image whose BAT has PAGES pages, and a journal that was not started. */
static struct rig *setup(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_image *image;
	struct rig *rig = rig_of(test);

	rig->buf = kunit_kzalloc(test, VHDX_PAGE, GFP_KERNEL);
	rig->journal = kzalloc(sizeof(*rig->journal), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, rig->buf && rig->journal);
	/* Each page but the last has 512 entries; 16 are of sector bitmaps. */
	b->size = (PAGES * 512 - 20) * MIB;
	builder_write(b);
	image = fixture_open(test, 0);
	KUNIT_ASSERT_EQ(test, image->bat.pages, PAGES);
	tracer_attach(&rig->tracer, b);
	rig->tracer.context = test;
	KUNIT_ASSERT_EQ(test,
			vhdx_journal_init(rig->journal, &f->ram[0].store,
					  &image->pool,
					  vhdx_header_current(&image->headers)),
			0);
	return rig;
}

static struct rig *start(struct kunit *test)
{
	struct rig *rig = setup(test);

	KUNIT_ASSERT_EQ(test, vhdx_journal_flush(rig->journal), 0);
	KUNIT_ASSERT_EQ(test, vhdx_journal_start(rig->journal, LAST), 0);
	rig->log_guid = rig->journal->guid;
	tracer_forget(&rig->tracer);
	return rig;
}

static int journal_init(struct kunit *test)
{
	struct fixture *f;
	int r = fixture_init(test);

	if (r)
		return r;
	f = test->priv;
	f->own = kunit_kzalloc(test, sizeof(struct rig), GFP_KERNEL);
	return f->own ? 0 : -ENOMEM;
}

/* As after a crash: the journal goes, with pages in it, and then the image. */
static void journal_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (f && f->own) {
		struct rig *rig = f->own;

		if (rig->journal)
			vhdx_journal_exit(rig->journal);
		kfree(rig->journal);
	}
	fixture_exit(test);
}

/* The empty entry, a page of zeros behind it, and one flush. */
static void start_empty(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rig *rig = setup(test);
	guid_t first;
	u32 i;

	builder_fill(&f->builder[0], LOG, 64 * KIB, 0x77);
	KUNIT_ASSERT_EQ(test, vhdx_journal_flush(rig->journal), 0);
	KUNIT_ASSERT_EQ(test, vhdx_journal_start(rig->journal, LAST), 0);
	tracer_expect(test, &rig->tracer,
		      "flush\n"
		      "write log 0x0 +0x2000\n"
		      "flush\n");
	KUNIT_EXPECT_EQ(test, ENTRY_LENGTH(test, 0), 4096);
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0), 0);
	KUNIT_EXPECT_NE(test, ENTRY_SEQUENCE(test, 0), 0);
	KUNIT_EXPECT_EQ(test, entry_get(test, 0, 24, 4), 0);
	KUNIT_EXPECT_EQ(test, ENTRY_FLUSHED(test, 0), 4 * MIB);
	KUNIT_EXPECT_EQ(test, ENTRY_LAST(test, 0), LAST);
	for (i = 4096; i < 8192; i++)
		KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], LOG + i, 1), 0);
	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], LOG + 8192, 1), 0x77);
	first = rig->journal->guid;
	KUNIT_EXPECT_FALSE(test, guid_is_null(&first));
	rig->log_guid = first;
	check_disk(test);

	/* The next log is another one, though it begins in the same place. */
	KUNIT_ASSERT_EQ(test, vhdx_journal_start(rig->journal, LAST), 0);
	KUNIT_EXPECT_FALSE(test, guid_equal(&first, &rig->journal->guid));
	rig->log_guid = rig->journal->guid;
	check_disk(test);
}

/* Two flushes and one write a commit, whatever the number of pages. */
static void commit_order(struct kunit *test)
{
	struct rig *rig = start(test);
	u32 i;

	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_TRUE(test, change(test, i, 0x11 + i));
	tracer_expect(test, &rig->tracer, "");
	commit(test);
	tracer_expect(test, &rig->tracer,
		      "flush\n"
		      "write log 0x1000 +0x7000\n"
		      "flush\n");
	KUNIT_EXPECT_EQ(test, ENTRY_LENGTH(test, 4096), 6 * 4096);
	KUNIT_EXPECT_EQ(test, ENTRY_SEQUENCE(test, 4096),
			ENTRY_SEQUENCE(test, 0) + 1);
	KUNIT_EXPECT_EQ(test, ENTRY_LAST(test, 4096), LAST);
	KUNIT_EXPECT_EQ(test, rig->journal->entries, 2);
	KUNIT_EXPECT_EQ(test, rig->journal->flushes, 4);
	check_disk(test);
}

/* A page that changes twice is logged once, as it is at the end. */
static void commit_once(struct kunit *test)
{
	struct rig *rig = start(test);

	change(test, 7, 1);
	change(test, 7, 2);
	KUNIT_EXPECT_EQ(test, rig->journal->changed_count, 1);
	commit(test);
	KUNIT_EXPECT_EQ(test, entry_get(test, 4096, 24, 4), 1);
	check_disk(test);
	KUNIT_EXPECT_EQ(test, close_transaction(test), 0);
}

/*
 * The tail moves past an entry by the one that comes after the flush that comes
 * after the pages' writes to their places.
 */
static void checkpoint_order(struct kunit *test)
{
	struct rig *rig = start(test);

	rig->tracer.hook = check_before;
	change(test, 3, 0x33);
	commit(test);
	change(test, 9, 0x99);
	commit(test);
	tracer_forget(&rig->tracer);
	checkpoint(test);
	tracer_expect(test, &rig->tracer,
		      "write bat 0x3000 +0x1000\n"
		      "write bat 0x9000 +0x1000\n");
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0x1000), 0x1000);
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0x3000), 0x1000);
	/* Nothing is left to do. */
	checkpoint(test);
	tracer_expect(test, &rig->tracer, "");
	KUNIT_EXPECT_EQ(test, rig->journal->checkpointed, 2);
	change(test, 3, 0x34);
	commit(test);
	tracer_expect(test, &rig->tracer,
		      "flush\n"
		      "write log 0x5000 +0x3000\n"
		      "flush\n");
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0x5000), 0x5000);
	KUNIT_EXPECT_EQ(test, rig->checked, 3 + 3 + 2 + 3);
	check_disk(test);
}

/* Of pages that are in no later entry, the oldest entry is the tail. */
static void tail_follows(struct kunit *test)
{
	struct rig *rig = start(test);

	change(test, 1, 1); /* 0x1000 */
	commit(test);
	change(test, 2, 2); /* 0x3000 */
	commit(test);
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0x3000), 0x1000);
	change(test, 1, 3); /* 0x5000 replaces the first */
	commit(test);
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0x5000), 0x3000);
	change(test, 2, 4); /* 0x7000 replaces the second */
	commit(test);
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0x7000), 0x5000);
	check_disk(test);
	change(test, 1, 5); /* 0x9000 replaces both that are left */
	change(test, 2, 6);
	commit(test);
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0x9000), 0x9000);
	KUNIT_EXPECT_EQ(test, rig->journal->tail, 0x9000);
	check_disk(test);
}

/* While the entry is being written, one of its pages changes again. */
static void changed_in_commit(struct kunit *test)
{
	struct rig *rig = start(test);

	change(test, 4, 0x41);
	change(test, 5, 0x51);
	change_at(test, RAM_WRITE, LOG + 0x1000, 4, 0x42);
	commit(test);
	KUNIT_EXPECT_EQ(test, rig->hook_byte, 0);
	KUNIT_EXPECT_EQ(test, rig->durable[4], 0x41);
	check_disk(test);
	/* It is left out: what was committed is gone from memory. */
	tracer_forget(&rig->tracer);
	checkpoint(test);
	tracer_expect(test, &rig->tracer, "write bat 0x5000 +0x1000\n");
	check_disk(test);
	commit(test);
	KUNIT_EXPECT_EQ(test, rig->durable[4], 0x42);
	check_disk(test);
	tracer_forget(&rig->tracer);
	checkpoint(test);
	tracer_expect(test, &rig->tracer, "write bat 0x4000 +0x1000\n");
	check_disk(test);
}

/* While a page is on its way to its place, it changes again. */
static void changed_in_checkpoint(struct kunit *test)
{
	struct rig *rig = start(test);
	struct fixture *f = test->priv;

	change(test, 4, 0x41);
	change(test, 5, 0x51);
	commit(test);
	change_at(test, RAM_WRITE, place(4), 4, 0x42);
	checkpoint(test);
	KUNIT_EXPECT_EQ(test, rig->hook_byte, 0);
	/* The change must not be on disk before the entry that has it. */
	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], place(4), 1), 0x41);
	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], place(5), 1), 0x51);
	check_disk(test);
	KUNIT_EXPECT_EQ(test, f->image[0]->pool.pinned, 1);
	commit(test);
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0x4000), 0x4000);
	check_disk(test);
	checkpoint(test);
	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], place(4), 1), 0x42);
	KUNIT_EXPECT_EQ(test, f->image[0]->pool.pinned, 0);
	check_disk(test);
}

/* Another page changes, and is in the way of nothing. */
static void other_changed_in_checkpoint(struct kunit *test)
{
	struct rig *rig = start(test);

	change(test, 4, 0x41);
	change(test, 5, 0x51);
	commit(test);
	change_at(test, RAM_WRITE, place(4), 5, 0x52);
	tracer_forget(&rig->tracer);
	checkpoint(test);
	tracer_expect(test, &rig->tracer, "write bat 0x4000 +0x1000\n");
	check_disk(test);
	commit(test);
	check_disk(test);
}

/* The limit is what keeps an entry inside a quarter of the ring. */
static void transaction_full(struct kunit *test)
{
	struct rig *rig = start(test);
	u32 limit = rig->journal->page_limit;
	u32 i;

	KUNIT_ASSERT_LE(test, limit, PAGES - 1);
	KUNIT_EXPECT_GT(test, limit, 32);
	KUNIT_EXPECT_LE(test, vhdx_log_entry_size(limit) + 4096, 256 * KIB);
	for (i = 0; i < limit; i++)
		KUNIT_EXPECT_TRUE(test, change(test, i, 1));
	KUNIT_EXPECT_FALSE(test, change(test, limit, 1));
	/* What is in it may change further. */
	KUNIT_EXPECT_TRUE(test, change(test, 0, 2));
	KUNIT_EXPECT_TRUE(test, change(test, limit - 1, 2));
	/* The next one is open while this one is being committed. */
	change_at(test, RAM_FLUSH, 0, limit, 3);
	commit(test);
	KUNIT_EXPECT_EQ(test, rig->journal->changed_count, 1);
	KUNIT_EXPECT_EQ(test, rig->durable[limit], 0);
	check_disk(test);
	commit(test);
	check_disk(test);
}

/* The rules of one entry that was just written; its offset and length. */
static void check_entry(struct kunit *test, u32 at, u32 room, u32 *lap)
{
	u32 length = ENTRY_LENGTH(test, at);
	u32 tail = ENTRY_TAIL(test, at);
	struct fixture *f = test->priv;
	u64 behind = f->builder[0].log_offset + at + length;
	u32 i;

	KUNIT_EXPECT_LE(test, at + length + 4096, room);
	KUNIT_EXPECT_LE(test, tail, at);
	if (at == 0) {
		KUNIT_EXPECT_EQ(test, tail, 0);
		++*lap;
	}
	for (i = 0; i < 4096; i += 8)
		if (ram_store_get(&f->ram[0], behind + i, 8))
			KUNIT_FAIL(test, "no zeros behind the entry at 0x%x",
				   at);
}

/*
 * Many transactions, small and large, with a checkpoint only when one is due.
 * The log of the one before is good until the next one is durable.
 */
static void run_laps(struct kunit *test, u32 transactions, bool change_meanwhile)
{
	struct rig *rig = rig_of(test);
	struct vhdx_journal *journal = rig->journal;
	u32 lap = 0, at = 0, i, k;

	for (i = 0; i < transactions; i++) {
		u32 pages = i % 7 == 3 ? journal->page_limit : 1 + i * i % 37;
		u64 sequence = journal->sequence;

		while (journal->changed_count < pages)
			change(test, (i * 5 + journal->changed_count * 3) %
			       PAGES, 1 + i % 255);
		for (k = 0; change_meanwhile && k < 3; k++)
			change(test, (i + k) % PAGES, 1 + i % 255);
		if (vhdx_journal_due(journal)) {
			if (change_meanwhile && journal->changed_count <
			    journal->page_limit)
				change_at(test, RAM_WRITE, place(i % PAGES),
					  i % PAGES, 1 + (i + 9) % 255);
			checkpoint(test);
			rig->hook_byte = 0;
			check_disk(test);
		}
		rig->tracer.hook = check_before;
		tracer_forget(&rig->tracer);
		at = journal->head;
		commit(test);
		if (journal->head <= at)
			at = 0;
		rig->tracer.hook = NULL;
		KUNIT_EXPECT_EQ(test, ENTRY_SEQUENCE(test, at), sequence);
		check_entry(test, at, journal->room, &lap);
		check_disk(test);
	}
	KUNIT_EXPECT_GT(test, lap, 5);
}

static void laps(struct kunit *test)
{
	start(test);
	run_laps(test, 120, false);
}

static void laps_changing(struct kunit *test)
{
	start(test);
	run_laps(test, 120, true);
}

/* Commits with nothing in them move no tail that is not on disk. */
static void laps_idle(struct kunit *test)
{
	struct rig *rig = start(test);
	struct vhdx_journal *journal = rig->journal;
	u32 lap = 0, i;

	for (i = 0; i < 200; i++) {
		u32 at;

		if (vhdx_journal_due(journal))
			checkpoint(test);
		KUNIT_EXPECT_EQ(test, close_transaction(test), 0);
		change(test, i % 3, 1 + i % 255);
		change(test, 3 + i % 40, 1 + i % 255);
		if (vhdx_journal_due(journal))
			checkpoint(test);
		at = journal->head;
		commit(test);
		if (journal->head <= at)
			at = 0;
		check_entry(test, at, journal->room, &lap);
		check_disk(test);
	}
	KUNIT_EXPECT_GT(test, lap, 2);
}

/* A checkpoint is asked for before the ring could run out, and not all along. */
static void due_in_time(struct kunit *test)
{
	struct rig *rig = start(test);
	struct vhdx_journal *journal = rig->journal;
	u32 dues = 0, i;

	for (i = 0; i < 300; i++) {
		change(test, i % PAGES, 1 + i % 255);
		if (vhdx_journal_due(journal)) {
			dues++;
			checkpoint(test);
		}
		commit(test);
		/* The tail has passed the middle when the ring goes round. */
		if (journal->head > journal->room - journal->room / 4)
			KUNIT_EXPECT_GE(test, journal->tail,
					journal->room / 2);
	}
	/* Some 300 entries of 8 KiB: three laps, two a lap. */
	KUNIT_EXPECT_GE(test, dues, 4);
	KUNIT_EXPECT_LE(test, dues, 8);
}

/* Of a long log the start is in use; one entry of it holds many pages. */
static void long_log(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rig *rig;
	u32 i;

	f->builder[0].log_offset = 8 * MIB;
	f->builder[0].log_length = 200 * MIB;
	rig = start(test);
	KUNIT_EXPECT_EQ(test, rig->journal->length, 200 * MIB);
	KUNIT_EXPECT_EQ(test, rig->journal->room, 64 * MIB);
	KUNIT_EXPECT_GT(test, rig->journal->page_limit, 4000);
	KUNIT_EXPECT_LE(test,
			vhdx_log_entry_size(rig->journal->page_limit) + 4096,
			16 * MIB);
	for (i = 0; i < PAGES; i++)
		KUNIT_EXPECT_TRUE(test, change(test, i, 1 + i));
	commit(test);
	check_disk(test);
}

/* What the file is known to have: whole MiB, as of the last flush. */
static void flushed_file_offset(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rig *rig = start(test);

	f->ram[0].store.size = 9 * MIB + 12345;
	change(test, 0, 1);
	commit(test);
	KUNIT_EXPECT_EQ(test, ENTRY_FLUSHED(test, 0x1000), 9 * MIB);
	KUNIT_EXPECT_EQ(test, ENTRY_LAST(test, 0x1000), LAST);
	/* Longer since the flush: that is not durable. */
	change(test, 0, 2);
	KUNIT_ASSERT_EQ(test, close_transaction(test), 1);
	ram_store_break_op(&f->ram[0], RAM_FLUSH, 1, -EIO);
	f->ram[0].store.size = 12 * MIB;
	KUNIT_EXPECT_EQ(test, vhdx_journal_flush(rig->journal), -EIO);
	KUNIT_EXPECT_EQ(test, rig->journal->stable, 9 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_journal_flush(rig->journal), 0);
	KUNIT_EXPECT_EQ(test, rig->journal->stable, 12 * MIB);
}

/**
 * struct journal_fault - an operation that fails
 * @name: for the test's log
 * @op: which
 * @nth: which call of it, from the commit on
 * @committed: the transaction is on disk all the same
 */
struct journal_fault {
	const char *name;
	enum ram_op op;
	u64 nth;
	bool committed;
};

static const struct journal_fault journal_faults[] = {
	{ "flush before the entry", RAM_FLUSH, 1, false },
	{ "entry", RAM_WRITE, 1, false },
	{ "flush after the entry", RAM_FLUSH, 2, true },
};

static void journal_fault_name(const struct journal_fault *fault, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", fault->name);
}

KUNIT_ARRAY_PARAM(journal_fault, journal_faults, journal_fault_name);

static void commit_fails(struct kunit *test)
{
	const struct journal_fault *fault = test->param_value;
	struct fixture *f = test->priv;
	struct rig *rig = start(test);

	change(test, 1, 1);
	commit(test);
	change(test, 1, 2);
	change(test, 2, 2);
	KUNIT_ASSERT_EQ(test, close_transaction(test), 2);
	ram_store_break_op(&f->ram[0], fault->op, fault->nth, -ENXIO);
	KUNIT_EXPECT_EQ(test, vhdx_journal_commit(rig->journal, LAST),
			-ENXIO);
	if (fault->committed)
		memcpy(rig->durable, rig->closed, sizeof(rig->durable));
	else
		memcpy(rig->closed, rig->durable, sizeof(rig->durable));
	check_disk(test);
}

/* The page that could not be written stays in the log, and in memory. */
static void checkpoint_fails(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rig *rig = start(test);

	change(test, 1, 1);
	change(test, 2, 2);
	commit(test);
	ram_store_break_op(&f->ram[0], RAM_WRITE, 2, -ENXIO);
	KUNIT_EXPECT_EQ(test, vhdx_journal_checkpoint(rig->journal), -ENXIO);
	KUNIT_EXPECT_EQ(test, f->image[0]->pool.pinned, 1);
	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], place(1), 1), 1);
	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], place(2), 1), 0);
	check_disk(test);
}

/* Logged pages are not given up, however short memory is. */
static void logged_stays(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_pool *pool;

	start(test);
	pool = &f->image[0]->pool;
	change(test, 1, 1);
	change(test, 2, 2);
	commit(test);
	change(test, 3, 3);
	KUNIT_EXPECT_EQ(test, pool->pinned, 3);
	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(pool, 100), 0);
	checkpoint(test);
	KUNIT_EXPECT_EQ(test, pool->pinned, 1);
	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(pool, 100), 2);
	KUNIT_EXPECT_EQ(test, pool->resident, 1);
	/* And come back as they were written. */
	KUNIT_EXPECT_EQ(test, *(u8 *)bat_page(test, 1)->data, 1);
	KUNIT_EXPECT_EQ(test, *(u8 *)bat_page(test, 2)->data, 2);
}

static struct kunit_case journal_cases[] = {
	KUNIT_CASE(start_empty),
	KUNIT_CASE(commit_order),
	KUNIT_CASE(commit_once),
	KUNIT_CASE(checkpoint_order),
	KUNIT_CASE(tail_follows),
	KUNIT_CASE(changed_in_commit),
	KUNIT_CASE(changed_in_checkpoint),
	KUNIT_CASE(other_changed_in_checkpoint),
	KUNIT_CASE(transaction_full),
	KUNIT_CASE(laps),
	KUNIT_CASE(laps_changing),
	KUNIT_CASE(laps_idle),
	KUNIT_CASE(due_in_time),
	KUNIT_CASE(long_log),
	KUNIT_CASE(flushed_file_offset),
	KUNIT_CASE_PARAM(commit_fails, journal_fault_gen_params),
	KUNIT_CASE(checkpoint_fails),
	KUNIT_CASE(logged_stays),
	{}
};

struct kunit_suite vhdx_journal_suite = {
	.name = "vhdx_journal",
	.init = journal_init,
	.exit = journal_exit,
	.test_cases = journal_cases,
};
