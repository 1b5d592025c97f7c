// SPDX-License-Identifier: GPL-2.0-only
/* engine/journal.c: what reaches the disk, and when. */
#include "journal-rig.h"
#include "suites.h"

#define MIB VHDX_MIB
#define KIB VHDX_KIB

/* The empty entry, a page of zeros behind it, and one flush. */
static void start_empty(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rig *rig = rig_setup(test);
	u64 sequence;
	guid_t first;
	u32 i;

	builder_fill(&f->builder[0], RIG_LOG, 64 * KIB, 0x77);
	KUNIT_ASSERT_EQ(test, vhdx_journal_flush(rig->journal), 0);
	KUNIT_ASSERT_EQ(test, vhdx_journal_start(rig->journal, RIG_LAST), 0);
	tracer_expect(test, &rig->tracer,
		      "flush\n"
		      "write log 0x0 +0x2000\n"
		      "flush\n");
	KUNIT_EXPECT_EQ(test, ENTRY_LENGTH(test, 0), 4096);
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0), 0);
	KUNIT_EXPECT_NE(test, ENTRY_SEQUENCE(test, 0), 0);
	KUNIT_EXPECT_EQ(test, rig_entry(test, 0, 24, 4), 0);
	KUNIT_EXPECT_EQ(test, ENTRY_FLUSHED(test, 0), 4 * MIB);
	KUNIT_EXPECT_EQ(test, ENTRY_LAST(test, 0), RIG_LAST);
	for (i = 4096; i < 8192; i++)
		KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], RIG_LOG + i, 1), 0);
	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], RIG_LOG + 8192, 1), 0x77);
	sequence = ENTRY_SEQUENCE(test, 0);
	first = rig->journal->guid;
	KUNIT_EXPECT_FALSE(test, guid_is_null(&first));
	rig->log_guid = first;
	rig_check_disk(test);

	/* The next log is another one, though it begins in the same place. */
	KUNIT_ASSERT_EQ(test, vhdx_journal_start(rig->journal, RIG_LAST), 0);
	KUNIT_EXPECT_FALSE(test, guid_equal(&first, &rig->journal->guid));
	KUNIT_EXPECT_NE(test, ENTRY_SEQUENCE(test, 0), sequence);
	rig->log_guid = rig->journal->guid;
	rig_check_disk(test);
}

/* Two flushes and one write a commit, whatever the number of pages. */
static void commit_order(struct kunit *test)
{
	struct rig *rig = rig_start(test);
	u32 i;

	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_TRUE(test, rig_change(test, i, 0x11 + i));
	tracer_expect(test, &rig->tracer, "");
	rig_commit(test);
	tracer_expect(test, &rig->tracer,
		      "flush\n"
		      "write log 0x1000 +0x7000\n"
		      "flush\n");
	KUNIT_EXPECT_EQ(test, ENTRY_LENGTH(test, 4096), 6 * 4096);
	KUNIT_EXPECT_EQ(test, ENTRY_SEQUENCE(test, 4096),
			ENTRY_SEQUENCE(test, 0) + 1);
	KUNIT_EXPECT_EQ(test, ENTRY_LAST(test, 4096), RIG_LAST);
	KUNIT_EXPECT_EQ(test, rig->journal->entries, 2);
	KUNIT_EXPECT_EQ(test, rig->journal->flushes, 4);
	rig_check_disk(test);
}

struct due_case {
	u32 head;
	u32 tail;
	bool due;
};

/* Of a ring of 1 MiB: past its middle, and where a quarter may not fit. */
static const struct due_case due_cases[] = {
	{ 0, 0, false },
	{ 508 * KIB, 0, false },
	{ 512 * KIB, 0, true },
	{ 512 * KIB, 508 * KIB, true },
	{ 512 * KIB, 512 * KIB, false },
	{ 768 * KIB, 512 * KIB, false },
	{ 772 * KIB, 512 * KIB, true },
};

static void due_case_name(const struct due_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "head 0x%x, tail 0x%x", c->head,
		 c->tail);
}

KUNIT_ARRAY_PARAM(due, due_cases, due_case_name);

static void due_exact(struct kunit *test)
{
	const struct due_case *c = test->param_value;
	struct vhdx_journal *journal;

	journal = kunit_kzalloc(test, sizeof(*journal), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, journal);
	INIT_LIST_HEAD(&journal->logged);
	journal->room = MIB;
	journal->head = c->head;
	journal->tail = c->tail;
	/* With the start of the ring cleared, a checkpoint is due for pages alone. */
	journal->cleared = true;
	KUNIT_EXPECT_FALSE(test, vhdx_journal_due(journal));
	list_add_tail(&journal->changed, &journal->logged);
	KUNIT_EXPECT_EQ(test, vhdx_journal_due(journal), c->due);
}

/* While a flush is under way, somebody makes the file longer. */
static void grow_now(void *context, enum ram_op op, u64 pos)
{
	struct rig *rig = rig_of(context);

	if (op != RAM_FLUSH)
		return;
	rig->tracer.hook = NULL;
	rig->journal->store->ops->extend(rig->journal->store, 6 * MIB);
}

/* That flush says nothing of a length that the file had not when it began. */
static void flushed_before(struct kunit *test)
{
	struct rig *rig = rig_start(test);

	rig->tracer.limit = U64_MAX;
	rig->tracer.hook = grow_now;
	rig->tracer.context = test;
	rig_change(test, 3, 0x33);
	rig_commit(test);
	KUNIT_EXPECT_NULL(test, rig->tracer.hook);
	KUNIT_EXPECT_EQ(test, ENTRY_FLUSHED(test, 0x1000), 4 * MIB);
	rig_change(test, 3, 0x34);
	rig_commit(test);
	KUNIT_EXPECT_EQ(test, ENTRY_FLUSHED(test, 0x3000), 6 * MIB);
}

/* A page that changes twice is logged once, as it is at the end. */
static void commit_once(struct kunit *test)
{
	struct rig *rig = rig_start(test);

	rig_change(test, 7, 1);
	rig_change(test, 7, 2);
	KUNIT_EXPECT_EQ(test, rig->journal->changed_count, 1);
	rig_commit(test);
	KUNIT_EXPECT_EQ(test, rig_entry(test, 4096, 24, 4), 1);
	rig_check_disk(test);
	KUNIT_EXPECT_EQ(test, rig_close(test), 0);
}

/*
 * The tail moves past an entry by the one that comes after the flush that comes
 * after the pages' writes to their places.
 */
static void checkpoint_order(struct kunit *test)
{
	struct rig *rig = rig_start(test);

	rig->tracer.hook = rig_check_before;
	rig_change(test, 3, 0x33);
	rig_commit(test);
	rig_change(test, 9, 0x99);
	rig_commit(test);
	tracer_forget(&rig->tracer);
	rig_checkpoint(test);
	tracer_expect(test, &rig->tracer,
		      "write bat 0x3000 +0x1000\n"
		      "write bat 0x9000 +0x1000\n");
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0x1000), 0x1000);
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0x3000), 0x1000);
	/* Nothing is left to do. */
	rig_checkpoint(test);
	tracer_expect(test, &rig->tracer, "");
	KUNIT_EXPECT_EQ(test, rig->journal->checkpointed, 2);
	rig_change(test, 3, 0x34);
	rig_commit(test);
	tracer_expect(test, &rig->tracer,
		      "flush\n"
		      "write log 0x5000 +0x3000\n"
		      "flush\n");
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0x5000), 0x5000);
	KUNIT_EXPECT_EQ(test, rig->checked, 3 + 3 + 2 + 3);
	rig_check_disk(test);
}

/* Of pages that are in no later entry, the oldest entry is the tail. */
static void tail_follows(struct kunit *test)
{
	struct rig *rig = rig_start(test);

	rig_change(test, 1, 1); /* 0x1000 */
	rig_commit(test);
	rig_change(test, 2, 2); /* 0x3000 */
	rig_commit(test);
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0x3000), 0x1000);
	rig_change(test, 1, 3); /* 0x5000 replaces the first */
	rig_commit(test);
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0x5000), 0x3000);
	rig_change(test, 2, 4); /* 0x7000 replaces the second */
	rig_commit(test);
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0x7000), 0x5000);
	rig_check_disk(test);
	rig_change(test, 1, 5); /* 0x9000 replaces both that are left */
	rig_change(test, 2, 6);
	rig_commit(test);
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0x9000), 0x9000);
	KUNIT_EXPECT_EQ(test, rig->journal->tail, 0x9000);
	rig_check_disk(test);
}

/* While the entry is being written, one of its pages changes again. */
static void changed_in_commit(struct kunit *test)
{
	struct rig *rig = rig_start(test);

	rig_change(test, 4, 0x41);
	rig_change(test, 5, 0x51);
	rig_change_at(test, RAM_WRITE, RIG_LOG + 0x1000, 4, 0x42);
	rig_commit(test);
	KUNIT_EXPECT_EQ(test, rig->hook_byte, 0);
	KUNIT_EXPECT_EQ(test, rig->durable[4], 0x41);
	rig_check_disk(test);
	/* It is left out: what was committed is gone from memory. */
	tracer_forget(&rig->tracer);
	rig_checkpoint(test);
	tracer_expect(test, &rig->tracer, "write bat 0x5000 +0x1000\n");
	rig_check_disk(test);
	rig_commit(test);
	KUNIT_EXPECT_EQ(test, rig->durable[4], 0x42);
	rig_check_disk(test);
	tracer_forget(&rig->tracer);
	rig_checkpoint(test);
	tracer_expect(test, &rig->tracer, "write bat 0x4000 +0x1000\n");
	rig_check_disk(test);
}

/* While a page is on its way to its place, it changes again. */
static void changed_in_checkpoint(struct kunit *test)
{
	struct rig *rig = rig_start(test);
	struct fixture *f = test->priv;

	rig_change(test, 4, 0x41);
	rig_change(test, 5, 0x51);
	rig_commit(test);
	rig_change_at(test, RAM_WRITE, rig_place(4), 4, 0x42);
	rig_checkpoint(test);
	KUNIT_EXPECT_EQ(test, rig->hook_byte, 0);
	/* The change must not be on disk before the entry that has it. */
	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], rig_place(4), 1), 0x41);
	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], rig_place(5), 1), 0x51);
	rig_check_disk(test);
	KUNIT_EXPECT_EQ(test, f->image[0]->pool.pinned, 1);
	rig_commit(test);
	KUNIT_EXPECT_EQ(test, ENTRY_TAIL(test, 0x4000), 0x4000);
	rig_check_disk(test);
	rig_checkpoint(test);
	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], rig_place(4), 1), 0x42);
	KUNIT_EXPECT_EQ(test, f->image[0]->pool.pinned, 0);
	rig_check_disk(test);
}

/* All are written at once, in the order of their places. */
static void checkpoint_pieces(struct kunit *test)
{
	struct rig *rig = rig_start(test);
	u32 i;

	rig_change(test, 24, 0x20);
	for (i = 21; i >= 4; i--)
		rig_change(test, i, 0x40 + i);
	rig_change(test, 2, 0x30);
	rig_commit(test);
	tracer_forget(&rig->tracer);
	rig_checkpoint(test);
	tracer_expect(test, &rig->tracer,
		      "write bat 0x2000 +0x1000\n"
		      "write bat 0x4000 +0x12000\n"
		      "write bat 0x18000 +0x1000\n");
	KUNIT_EXPECT_EQ(test, rig->journal->checkpointed, 20);
	rig_check_disk(test);
}

/* The buffer holds the pages of one transaction, and here are those of two. */
static void checkpoint_batches(struct kunit *test)
{
	struct rig *rig = rig_start(test);
	u32 limit = min(rig->journal->page_limit, VHDX_JOURNAL_BATCH);
	char expected[96];
	u32 i;

	for (i = 0; i < limit + 5; i++) {
		if (i == limit)
			rig_commit(test);
		rig_change(test, i, 0x40 + i);
	}
	rig_commit(test);
	tracer_forget(&rig->tracer);
	rig_checkpoint(test);
	snprintf(expected, sizeof(expected),
		 "write bat 0x0 +0x%x\nwrite bat 0x%x +0x5000\n",
		 limit * 4096, limit * 4096);
	tracer_expect(test, &rig->tracer, expected);
	rig_check_disk(test);
}

/* What is to be written after another piece is as it was committed. */
static void changed_between_pieces(struct kunit *test)
{
	struct fixture *f = test->priv;

	rig_start(test);
	rig_change(test, 4, 0x41);
	rig_change(test, 9, 0x91);
	rig_commit(test);
	rig_change_at(test, RAM_WRITE, rig_place(4), 9, 0x92);
	rig_checkpoint(test);
	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], rig_place(9), 1), 0x91);
	KUNIT_EXPECT_EQ(test, f->image[0]->pool.pinned, 1);
	rig_check_disk(test);
	rig_commit(test);
	rig_check_disk(test);
	rig_checkpoint(test);
	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], rig_place(9), 1), 0x92);
	KUNIT_EXPECT_EQ(test, f->image[0]->pool.pinned, 0);
}

/* One of those that are written at once changes meanwhile. */
static void changed_in_run(struct kunit *test)
{
	struct rig *rig = rig_start(test);
	struct fixture *f = test->priv;

	rig_change(test, 4, 0x41);
	rig_change(test, 5, 0x51);
	rig_change(test, 6, 0x61);
	rig_commit(test);
	rig_change_at(test, RAM_WRITE, rig_place(4), 5, 0x52);
	tracer_forget(&rig->tracer);
	rig_checkpoint(test);
	tracer_expect(test, &rig->tracer, "write bat 0x4000 +0x3000\n");
	/* The change must not be on disk before the entry that has it. */
	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], rig_place(5), 1), 0x51);
	KUNIT_EXPECT_EQ(test, f->image[0]->pool.pinned, 1);
	rig_check_disk(test);
	rig_commit(test);
	rig_check_disk(test);
	rig_checkpoint(test);
	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], rig_place(5), 1), 0x52);
	KUNIT_EXPECT_EQ(test, f->image[0]->pool.pinned, 0);
}

/* The limit is what keeps an entry inside a quarter of the ring. */
static void transaction_full(struct kunit *test)
{
	struct rig *rig = rig_start(test);
	u32 limit = rig->journal->page_limit;
	u32 i;

	KUNIT_ASSERT_LE(test, limit, RIG_PAGES - 1);
	KUNIT_EXPECT_GT(test, limit, 32);
	KUNIT_EXPECT_LE(test, vhdx_log_entry_size(limit) + 4096, 256 * KIB);
	for (i = 0; i < limit; i++)
		KUNIT_EXPECT_TRUE(test, rig_change(test, i, 1));
	KUNIT_EXPECT_FALSE(test, rig_change(test, limit, 1));
	/* What is in it may change further. */
	KUNIT_EXPECT_TRUE(test, rig_change(test, 0, 2));
	KUNIT_EXPECT_TRUE(test, rig_change(test, limit - 1, 2));
	/* The next one is open while this one is being committed. */
	rig_change_at(test, RAM_FLUSH, 0, limit, 3);
	rig_commit(test);
	KUNIT_EXPECT_EQ(test, rig->journal->changed_count, 1);
	KUNIT_EXPECT_EQ(test, rig->durable[limit], 0);
	rig_check_disk(test);
	rig_commit(test);
	rig_check_disk(test);
}

/* What the file is known to have: whole MiB, as of the last flush. */
static void flushed_file_offset(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rig *rig = rig_start(test);

	f->ram[0].store.size = 9 * MIB + 12345;
	rig_change(test, 0, 1);
	rig_commit(test);
	KUNIT_EXPECT_EQ(test, ENTRY_FLUSHED(test, 0x1000), 9 * MIB);
	KUNIT_EXPECT_EQ(test, ENTRY_LAST(test, 0x1000), RIG_LAST);
	/* Longer since the flush: that is not durable. */
	rig_change(test, 0, 2);
	KUNIT_ASSERT_EQ(test, rig_close(test), 1);
	ram_store_break_op(&f->ram[0], RAM_FLUSH, 1, -EIO);
	f->ram[0].store.size = 12 * MIB;
	KUNIT_EXPECT_EQ(test, vhdx_journal_flush(rig->journal), -EIO);
	KUNIT_EXPECT_EQ(test, rig->journal->stable, 9 * MIB);
	/* Nor is what was written before the flush that failed. */
	KUNIT_EXPECT_EQ(test, vhdx_journal_flush(rig->journal), -EIO);
	KUNIT_EXPECT_EQ(test, rig->journal->stable, 9 * MIB);
	ram_store_mend(&f->ram[0]);
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
	struct rig *rig = rig_start(test);

	rig_change(test, 1, 1);
	rig_commit(test);
	rig_change(test, 1, 2);
	rig_change(test, 2, 2);
	KUNIT_ASSERT_EQ(test, rig_close(test), 2);
	ram_store_break_op(&f->ram[0], fault->op, fault->nth, -ENXIO);
	KUNIT_EXPECT_EQ(test, vhdx_journal_commit(rig->journal, RIG_LAST),
			-ENXIO);
	if (fault->committed)
		memcpy(rig->durable, rig->closed, sizeof(rig->durable));
	else
		memcpy(rig->closed, rig->durable, sizeof(rig->durable));
	rig_check_disk(test);
}

/* If a piece cannot be written, all that went with it stays in the log, and in memory. */
static void checkpoint_fails(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rig *rig = rig_start(test);

	rig_change(test, 1, 1);
	rig_change(test, 3, 3);
	rig_commit(test);
	ram_store_break_op(&f->ram[0], RAM_WRITE, 2, -ENXIO);
	KUNIT_EXPECT_EQ(test, vhdx_journal_checkpoint(rig->journal), -ENXIO);
	KUNIT_EXPECT_EQ(test, f->image[0]->pool.pinned, 2);
	KUNIT_EXPECT_EQ(test, rig->journal->checkpointed, 0);
	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], rig_place(1), 1), 1);
	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], rig_place(3), 1), 0);
	rig_check_disk(test);
}

/* Logged pages are not given up, however short memory is. */
static void logged_stays(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_pool *pool;

	rig_start(test);
	pool = &f->image[0]->pool;
	rig_change(test, 1, 1);
	rig_change(test, 2, 2);
	rig_commit(test);
	rig_change(test, 3, 3);
	KUNIT_EXPECT_EQ(test, pool->pinned, 3);
	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(pool, 100), 0);
	rig_checkpoint(test);
	KUNIT_EXPECT_EQ(test, pool->pinned, 1);
	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(pool, 100), 2);
	KUNIT_EXPECT_EQ(test, pool->resident, 1);
	/* And come back as they were written. */
	KUNIT_EXPECT_EQ(test, *(u8 *)rig_page(test, 1)->data, 1);
	KUNIT_EXPECT_EQ(test, *(u8 *)rig_page(test, 2)->data, 2);
}

static struct kunit_case journal_cases[] = {
	KUNIT_CASE(start_empty),
	KUNIT_CASE(commit_order),
	KUNIT_CASE(commit_once),
	KUNIT_CASE(flushed_before),
	KUNIT_CASE_PARAM(due_exact, due_gen_params),
	KUNIT_CASE(checkpoint_order),
	KUNIT_CASE(tail_follows),
	KUNIT_CASE(changed_in_commit),
	KUNIT_CASE(changed_in_checkpoint),
	KUNIT_CASE(checkpoint_pieces),
	KUNIT_CASE(checkpoint_batches),
	KUNIT_CASE(changed_between_pieces),
	KUNIT_CASE(changed_in_run),
	KUNIT_CASE(transaction_full),
	KUNIT_CASE(flushed_file_offset),
	KUNIT_CASE_PARAM(commit_fails, journal_fault_gen_params),
	KUNIT_CASE(checkpoint_fails),
	KUNIT_CASE(logged_stays),
	{}
};

struct kunit_suite vhdx_journal_suite = {
	.name = "vhdx_journal",
	.init = rig_init,
	.exit = rig_exit,
	.test_cases = journal_cases,
};
