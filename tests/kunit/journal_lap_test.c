// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine/journal.c: the ring, lap by lap: the log can be replayed before each
 * single operation on the store.
 */
#include "journal-rig.h"
#include "suites.h"

#define MIB VHDX_MIB
#define PAGES(n) ((n) * 4096U)

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

/* The page that a checkpoint writes first changes while it does. */
static void change_logged(struct kunit *test, u8 byte)
{
	struct vhdx_journal *journal = rig_of(test)->journal;
	struct vhdx_page *page, *first = NULL;
	u32 count = 0;

	if (journal->changed_count == journal->page_limit)
		return;
	list_for_each_entry(page, &journal->logged, list) {
		if (count++ == min(journal->page_limit, VHDX_JOURNAL_BATCH))
			break;
		if (!first || page->pos < first->pos)
			first = page;
	}
	if (first)
		rig_change_at(test, RAM_WRITE, first->pos, first->index, byte);
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
			rig_change(test, (i * 5 + journal->changed_count * 3) %
			       RIG_PAGES, 1 + i % 255);
		for (k = 0; change_meanwhile && k < 3; k++)
			rig_change(test, (i + k) % RIG_PAGES, 1 + i % 255);
		if (vhdx_journal_due(journal)) {
			if (change_meanwhile)
				change_logged(test, 1 + (i + 9) % 255);
			rig_checkpoint(test);
			KUNIT_EXPECT_EQ(test, rig->hook_byte, 0);
			rig_check_disk(test);
		}
		rig->tracer.hook = rig_check_before;
		tracer_forget(&rig->tracer);
		at = journal->head;
		rig_commit(test);
		if (journal->head <= at)
			at = 0;
		rig->tracer.hook = NULL;
		KUNIT_EXPECT_EQ(test, ENTRY_SEQUENCE(test, at), sequence);
		check_entry(test, at, journal->room, &lap);
		rig_check_disk(test);
	}
	KUNIT_EXPECT_GT(test, lap, 5);
}

static void laps(struct kunit *test)
{
	rig_start(test);
	run_laps(test, 120, false);
}

static void laps_changing(struct kunit *test)
{
	rig_start(test);
	run_laps(test, 120, true);
}

/* Commits with nothing in them move no tail that is not on disk. */
static void laps_idle(struct kunit *test)
{
	struct rig *rig = rig_start(test);
	struct vhdx_journal *journal = rig->journal;
	u32 lap = 0, i;

	for (i = 0; i < 200; i++) {
		u32 at;

		if (vhdx_journal_due(journal))
			rig_checkpoint(test);
		KUNIT_EXPECT_EQ(test, rig_close(test), 0);
		rig_change(test, i % 3, 1 + i % 255);
		rig_change(test, 3 + i % 40, 1 + i % 255);
		if (vhdx_journal_due(journal))
			rig_checkpoint(test);
		at = journal->head;
		rig_commit(test);
		if (journal->head <= at)
			at = 0;
		check_entry(test, at, journal->room, &lap);
		rig_check_disk(test);
	}
	KUNIT_EXPECT_GT(test, lap, 2);
}

/* A checkpoint is asked for before the ring could run out, and not all along. */
static void due_in_time(struct kunit *test)
{
	struct rig *rig = rig_start(test);
	struct vhdx_journal *journal = rig->journal;
	u32 dues = 0, i;

	for (i = 0; i < 300; i++) {
		rig_change(test, i % RIG_PAGES, 1 + i % 255);
		if (vhdx_journal_due(journal)) {
			dues++;
			rig_checkpoint(test);
		}
		rig_commit(test);
		/* The tail has passed the middle when the ring goes round. */
		if (journal->head > journal->room - journal->room / 4)
			KUNIT_EXPECT_GE(test, journal->tail,
					journal->room / 2);
	}
	/* Some 300 entries of 8 KiB: three laps, two a lap. */
	KUNIT_EXPECT_GE(test, dues, 4);
	KUNIT_EXPECT_LE(test, dues, 8);
}

/*
 * QEMU takes what follows the first entry of a lap for the second one, and the
 * pages of one write may come to the disk in any order. So the page behind the
 * first entry is zeros, durably, before that is written: the flush before an entry
 * makes it so.
 */
static void lap_order(struct kunit *test)
{
	struct rig *rig = rig_start(test);
	struct vhdx_journal *journal = rig->journal;
	char expected[64];
	u32 i;

	for (i = 0; i < 200; i++) {
		rig_change(test, 0, 1 + i);
		rig_change(test, 1, 1 + i);
		tracer_forget(&rig->tracer);
		rig_checkpoint(test);
		if (vhdx_journal_wraps(journal))
			break;
		rig_commit(test);
	}
	KUNIT_EXPECT_GT(test, i, 50);
	KUNIT_EXPECT_LT(test, i, 200);
	/* Wherever the first entry will end, what is behind it has been cleared. */
	snprintf(expected, sizeof(expected), "write log 0x0 +0x%x\n",
		 vhdx_log_entry_size(journal->page_limit) + 4096);
	tracer_expect(test, &rig->tracer, expected);
	rig_check_disk(test);
	/* Once is enough, and who waits for a commit does not wait for that. */
	rig_checkpoint(test);
	rig_commit(test);
	tracer_expect(test, &rig->tracer,
		      "flush\n"
		      "write log 0x0 +0x4000\n"
		      "flush\n");
	KUNIT_EXPECT_FALSE(test, journal->cleared);
	/* Behind the others there are zeros already. */
	rig_change(test, 0, 0xFF);
	rig_commit(test);
	tracer_expect(test, &rig->tracer,
		      "flush\n"
		      "write log 0x3000 +0x3000\n"
		      "flush\n");
	rig_check_disk(test);
}

/* Of a long log the start is in use; one entry of it holds many pages. */
static void long_log(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rig *rig;
	u32 i;

	f->builder[0].log_offset = 8 * MIB;
	f->builder[0].log_length = 200 * MIB;
	rig = rig_start(test);
	KUNIT_EXPECT_EQ(test, rig->journal->room, 64 * MIB);
	KUNIT_EXPECT_EQ(test, rig->journal->page_limit, 256);
	KUNIT_EXPECT_LE(test,
			vhdx_log_entry_size(rig->journal->page_limit) + 4096,
			16 * MIB);
	for (i = 0; i < RIG_PAGES; i++)
		KUNIT_EXPECT_TRUE(test, rig_change(test, i, 1 + i));
	rig_commit(test);
	rig_check_disk(test);
}

/* A session ended in the last quarter, with the start cleared; the next one fills it. */
static void start_again(struct kunit *test)
{
	struct rig *rig = rig_start(test);
	struct vhdx_journal *journal = rig->journal;
	char expected[64];
	u32 i;

	while (!vhdx_journal_wraps(journal)) {
		rig_change(test, 0, 1 + journal->sequence % 200);
		rig_checkpoint(test);
		rig_commit(test);
	}
	rig_checkpoint(test);
	KUNIT_ASSERT_EQ(test, vhdx_journal_start(journal, RIG_LAST), 0);
	rig->log_guid = journal->guid;
	KUNIT_EXPECT_FALSE(test, journal->cleared);
	for (i = 0; i < 400; i++) {
		rig_change(test, 0, 1 + i % 200);
		rig_change(test, 1, 1 + i % 200);
		tracer_forget(&rig->tracer);
		rig_checkpoint(test);
		if (vhdx_journal_wraps(journal))
			break;
		rig_commit(test);
	}
	KUNIT_EXPECT_LT(test, i, 400);
	snprintf(expected, sizeof(expected), "write log 0x0 +0x%x\n",
		 vhdx_log_entry_size(journal->page_limit) + 4096);
	tracer_expect(test, &rig->tracer, expected);
}

static struct kunit_case journal_lap_cases[] = {
	KUNIT_CASE(laps),
	KUNIT_CASE(laps_changing),
	KUNIT_CASE(laps_idle),
	KUNIT_CASE(due_in_time),
	KUNIT_CASE(lap_order),
	KUNIT_CASE(start_again),
	KUNIT_CASE(long_log),
	{}
};

struct kunit_suite vhdx_journal_lap_suite = {
	.name = "vhdx_journal_lap",
	.init = rig_init,
	.exit = rig_exit,
	.test_cases = journal_lap_cases,
};
