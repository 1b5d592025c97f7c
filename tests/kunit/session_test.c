// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine/session.c: the life of a session, and what is done in which order.
 */
#include "suites.h"
#include "writer.h"

#define MIB VHDX_MIB

#define HEADERS \
	"write header 1 +0x1000\n" \
	"flush\n" \
	"write header 2 +0x1000\n" \
	"flush\n"

/* How every session begins. */
#define BEGINNING \
	HEADERS \
	"flush\n" \
	"write log 0x0 +0x2000\n" \
	"flush\n" \
	HEADERS

/* A GUID of a header copy, from the file. */
static guid_t disk_guid(struct kunit *test, u32 copy, u32 field)
{
	struct fixture *f = test->priv;
	guid_t guid;

	ram_store_peek(&f->ram[0], (copy + 1) * 0x10000 + field, &guid, 16);
	return guid;
}

#define FILE_WRITE 16
#define DATA_WRITE 32
#define LOG_GUID 48

static bool copies_agree(struct kunit *test, u32 field)
{
	guid_t first = disk_guid(test, 0, field);
	guid_t second = disk_guid(test, 1, field);

	return guid_equal(&first, &second);
}

static void refuse_session(struct kunit *test, const char *lines)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;

	fixture_open(test, 0);
	findings_init(&f->found);
	session = vhdx_session_new(f->image[0], &f->found.report);
	KUNIT_ASSERT_TRUE(test, IS_ERR(session));
	KUNIT_EXPECT_EQ(test, PTR_ERR(session), -EROFS);
	fixture_expect(test, lines);
	KUNIT_EXPECT_EQ(test, f->ram[0].changes, 0);
}

static void new_on_read_only_store(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_store_ops ops = { .read = f->ram[0].store.ops->read };

	builder_write(&f->builder[0]);
	f->ram[0].store.ops = &ops;
	refuse_session(test,
		       "error: file at offset 0x0: is open for reading only\n");
}

/* A change may concern more pages than any other use of the pool. */
static void new_on_child(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->pool_pages = 1;
	f->builder[0].block_size = 256 * MIB;
	builder_parent(&f->builder[0], 0xDA);
	writer_open(test);
	KUNIT_EXPECT_EQ(test, f->ram[0].changes, 0);
	KUNIT_EXPECT_GE(test, f->image[0]->pool.limit, 18);
	vhdx_pool_set_limit(&f->image[0]->pool, 1);
	KUNIT_EXPECT_GE(test, f->image[0]->pool.limit, 18);
}

static void new_without_log(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->builder[0].log_length = 0;
	builder_write(&f->builder[0]);
	refuse_session(test,
		       "error: log at offset 0x100000: the image has no log, so it can only be read\n");
}

/*
 * What one of the tables names, and the other does not, would be free to the
 * first and a region to whoever reads the second.
 */
static void new_on_differing_tables(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	builder_write(b);
	ram_store_put(b->ram, 4 * 0x10000 + 8, 3, 4);
	builder_fill(b, builder_region(1, 2), 16, 0x99);
	ram_store_put(b->ram, builder_region(1, 2) + 16, 5 * MIB, 8);
	ram_store_put(b->ram, builder_region(1, 2) + 24, MIB, 4);
	builder_seal_regions(b, 1);
	refuse_session(test,
		       "error: region table at offset 0x30000: the two copies differ, so the image can only be read; vhdxsetup check --repair makes them alike\n");
}

/* The map of such a file takes more memory than anyone's disk is worth. */
static void new_on_endless_file(struct kunit *test)
{
	struct fixture *f = test->priv;

	builder_write(&f->builder[0]);
	f->ram[0].store.size = VHDX_SPACE_MAX;
	writer_open(test);
	writer_crash(test);
	vhdx_image_close(f->image[0]);
	f->ram[0].store.size += MIB;
	refuse_session(test,
		       "error: file at offset 0x0: is longer than any virtual disk needs, so it can only be read\n");
}

/* Who only reads leaves no trace. */
static void idle(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);

	writer_work(test, 0);
	writer_work(test, VHDX_WORK_COMMIT);
	writer_work(test, VHDX_WORK_CHECKPOINT | VHDX_WORK_COMMIT);
	KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_FALSE(test, session->live);
	KUNIT_EXPECT_EQ(test, session->stats.begun, 0);
	writer_trace(test, "");
}

/* What the file must be at each point of a beginning. */
static void watch_beginning(void *context, enum ram_op op, u64 pos)
{
	struct kunit *test = context;
	struct fixture *f = test->priv;
	guid_t old_file = builder_guid(0xF1), old_data = builder_guid(0xDA);
	guid_t null = {}, guid;
	u32 copy;

	if (op != RAM_WRITE || pos != f->builder[0].log_offset)
		return;
	/* Before the log is touched, all but it has been announced. */
	for (copy = 0; copy < 2; copy++) {
		guid = disk_guid(test, copy, FILE_WRITE);
		KUNIT_EXPECT_FALSE(test, guid_equal(&guid, &old_file));
		KUNIT_EXPECT_FALSE(test, guid_equal(&guid, &null));
		guid = disk_guid(test, copy, DATA_WRITE);
		KUNIT_EXPECT_FALSE(test, guid_equal(&guid, &old_data));
		KUNIT_EXPECT_FALSE(test, guid_equal(&guid, &null));
		guid = disk_guid(test, copy, LOG_GUID);
		KUNIT_EXPECT_TRUE(test, guid_equal(&guid, &null));
	}
	KUNIT_EXPECT_EQ(test, f->ram[0].flushed_changes, 2);
}

static void begin_order(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);
	struct writer *w = writer_of(test);
	guid_t guid;

	w->tracer.hook = watch_beginning;
	w->tracer.context = test;
	writer_work(test, VHDX_WORK_BEGIN);
	writer_trace(test, BEGINNING);
	KUNIT_EXPECT_TRUE(test, session->live);
	KUNIT_EXPECT_EQ(test, session->stats.begun, 1);
	KUNIT_EXPECT_TRUE(test, copies_agree(test, FILE_WRITE));
	KUNIT_EXPECT_TRUE(test, copies_agree(test, DATA_WRITE));
	KUNIT_EXPECT_TRUE(test, copies_agree(test, LOG_GUID));
	guid = disk_guid(test, 0, LOG_GUID);
	KUNIT_EXPECT_TRUE(test, guid_equal(&guid, &session->journal.guid));
	/* Once is enough. */
	writer_work(test, VHDX_WORK_BEGIN);
	writer_trace(test, "");
	KUNIT_EXPECT_EQ(test, session->stats.begun, 1);
}

/* Every session has GUIDs of its own, and the log is named in between only. */
static void guids(struct kunit *test)
{
	static const u32 fields[] = { FILE_WRITE, DATA_WRITE, LOG_GUID };
	struct vhdx_session *session = writer_open_empty(test);
	guid_t seen[3][3], null = {}, guid;
	u32 round, i, k;

	for (round = 0; round < 3; round++) {
		writer_work(test, VHDX_WORK_BEGIN);
		for (i = 0; i < 3; i++) {
			KUNIT_EXPECT_TRUE(test, copies_agree(test, fields[i]));
			seen[round][i] = disk_guid(test, 0, fields[i]);
			for (k = 0; k < round; k++)
				KUNIT_EXPECT_FALSE(test,
						   guid_equal(&seen[k][i],
							      &seen[round][i]));
		}
		KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
		guid = disk_guid(test, 0, LOG_GUID);
		KUNIT_EXPECT_TRUE(test, guid_equal(&guid, &null));
		KUNIT_EXPECT_TRUE(test, copies_agree(test, LOG_GUID));
		/* The end changes neither of the others. */
		for (i = 0; i < 2; i++) {
			guid = disk_guid(test, 0, fields[i]);
			KUNIT_EXPECT_TRUE(test,
					  guid_equal(&guid, &seen[round][i]));
			KUNIT_EXPECT_TRUE(test, copies_agree(test, fields[i]));
		}
	}
	KUNIT_EXPECT_EQ(test, session->stats.begun, 3);
}

/* Two flushes a commit; a flush alone where nothing changed. */
static void commit_order(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);

	writer_work(test, VHDX_WORK_BEGIN);
	writer_trace(test, BEGINNING);
	writer_write(test, 0, 4096, 0x11);
	/* Space ahead of need, by one operation. */
	writer_trace(test, "extend 0x800000\n");
	KUNIT_EXPECT_FALSE(test, vhdx_session_clean(session));
	/* Neither asked for nor needed. */
	writer_work(test, 0);
	writer_trace(test, "");
	writer_work(test, VHDX_WORK_COMMIT);
	writer_trace(test,
		     "flush\n"
		     "write log 0x1000 +0x3000\n"
		     "flush\n");
	KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
	KUNIT_EXPECT_EQ(test, session->stats.commits, 1);

	writer_write(test, 0, MIB, 0x12);
	KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
	writer_work(test, VHDX_WORK_COMMIT);
	writer_trace(test, "flush\n");
	KUNIT_EXPECT_EQ(test, session->stats.commits, 1);

	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 0), 0);
	writer_work(test, VHDX_WORK_CHECKPOINT);
	writer_trace(test, "write bat 0x0 +0x1000\n");
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 0), 4 * MIB | 6);
}

/* A flush does not wait for the commit of a discard; one of zeros, it does. */
static void discard_idle(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);

	writer_write(test, 0, 3 * MIB, 0x11);
	writer_work(test, VHDX_WORK_COMMIT);
	KUNIT_EXPECT_FALSE(test, vhdx_session_changed(session));
	writer_discard(test, VHDX_ZERO_DISCARD, 0, MIB);
	KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
	KUNIT_EXPECT_TRUE(test, vhdx_session_changed(session));
	writer_discard(test, VHDX_ZERO_WRITE, MIB, MIB);
	KUNIT_EXPECT_FALSE(test, vhdx_session_clean(session));
	writer_work(test, VHDX_WORK_COMMIT);
	KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
	KUNIT_EXPECT_FALSE(test, vhdx_session_changed(session));
	/* Both are in the same page, and the commit has them both. */
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, MIB), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 2 * MIB), 0x11);
}

/* In the middle of a commit there is something for a flush to wait for. */
static void not_clean(void *context, enum ram_op op, u64 pos)
{
	struct kunit *test = context;

	KUNIT_EXPECT_FALSE(test, vhdx_session_clean(writer_of(test)->session));
}

static void clean_after_commit(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);
	struct writer *w = writer_of(test);

	writer_write(test, 0, 4096, 0x11);
	w->tracer.hook = not_clean;
	w->tracer.context = test;
	writer_work(test, VHDX_WORK_COMMIT);
	KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
}

/* A clean file: it can be copied, and opens without a log. */
static void end_order(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);
	struct fixture *f = test->priv;

	writer_write(test, 3 * MIB, 4096, 0x11);
	tracer_forget(&writer_of(test)->tracer);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	writer_trace(test,
		     "flush\n"
		     "write log 0x1000 +0x3000\n"
		     "flush\n"
		     "write bat 0x0 +0x1000\n"
		     "flush\n"
		     HEADERS
		     "truncate 0x500000\n");
	KUNIT_EXPECT_FALSE(test, session->live);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 5 * MIB);
	KUNIT_EXPECT_EQ(test, f->image[0]->limits.file_size, 5 * MIB);
	/* Again is nothing to do. */
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	writer_trace(test, "");
	KUNIT_EXPECT_EQ(test, writer_read(test, 3 * MIB), 0x11);

	writer_crash(test);
	fixture_expect(test, "");
	KUNIT_EXPECT_EQ(test, f->image[0]->log.count, 0);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 3), 4 * MIB | 6);
	KUNIT_EXPECT_EQ(test, writer_read(test, 3 * MIB), 0x11);
	KUNIT_EXPECT_EQ(test, writer_read(test, 3 * MIB + 4096), 0);
}

/* In the middle of an end, writes wait for what begins after it. */
static void map_now(void *context, enum ram_op op, u64 pos)
{
	struct kunit *test = context;
	struct vhdx_session *session = writer_of(test)->session;
	struct vhdx_miss miss;
	struct vhdx_run run;

	KUNIT_EXPECT_EQ(test, vhdx_session_map(session, MIB, 512, &run, &miss),
			-EBUSY);
	KUNIT_EXPECT_EQ(test,
			vhdx_session_zero(session, VHDX_ZERO_WRITE, 0, MIB,
					  &run, &miss),
			-EBUSY);
}

/*
 * What came between the commit of the end and the end of the log would be in
 * neither, and a flush that came after it would find a clean session.
 */
static void end_turns_away(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);
	struct writer *w = writer_of(test);

	writer_write(test, 0, MIB, 0x11);
	w->tracer.hook = map_now;
	w->tracer.context = test;
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	w->tracer.hook = NULL;
	KUNIT_EXPECT_EQ(test, writer_entry(test, 0), 4 * MIB | 6);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 1), 0);
	writer_write(test, MIB, MIB, 0x12);
	KUNIT_EXPECT_EQ(test, session->stats.begun, 2);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), 0x11);
	KUNIT_EXPECT_EQ(test, writer_read(test, MIB), 0x12);
}

/* After an end, the next write begins all anew. */
static void begin_again(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);
	struct vhdx_run run;
	struct vhdx_miss miss;

	writer_write(test, 0, 4096, 0x11);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, vhdx_session_map(session, 0, 4096, &run, &miss),
			-EBUSY);
	tracer_forget(&writer_of(test)->tracer);
	writer_write(test, MIB, 4096, 0x22);
	writer_trace(test, BEGINNING "extend 0x900000\n");
	writer_work(test, VHDX_WORK_COMMIT);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), 0x11);
	KUNIT_EXPECT_EQ(test, writer_read(test, MIB), 0x22);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 0), 4 * MIB | 6);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 1), 5 * MIB | 6);
}

/*
 * One block for each page of the BAT: when the transaction is full, a write has
 * to wait for a commit, and the committer makes one without being asked for it.
 */
static void transaction_full(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	u64 limit, i;

	f->builder[0].size = 100ULL * 512 * MIB;
	session = writer_open_empty(test);
	limit = session->journal.page_limit;
	for (i = 0; i < limit; i++)
		writer_write(test, i * 512 * MIB, 4096, 0x40 + i);
	KUNIT_EXPECT_EQ(test, session->journal.changed_count, limit);
	KUNIT_EXPECT_EQ(test, session->stats.commits, 0);
	/* In a page that is part of it, there is room. */
	writer_write(test, MIB, 4096, 0x99);
	KUNIT_EXPECT_EQ(test, session->stats.commits, 0);
	writer_write(test, limit * 512 * MIB, 4096, 0x98);
	KUNIT_EXPECT_EQ(test, session->stats.commits, 1);
	KUNIT_EXPECT_EQ(test, session->journal.changed_count, 1);
	writer_crash(test);
	for (i = 0; i < limit; i++)
		KUNIT_EXPECT_EQ(test, writer_read(test, i * 512 * MIB),
				0x40 + i);
	KUNIT_EXPECT_EQ(test, writer_read(test, MIB), 0x99);
	KUNIT_EXPECT_EQ(test, writer_read(test, limit * 512 * MIB), 0);
}

/* Discards are changes as well. */
static void transaction_full_of_discards(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	u64 limit, i;

	f->builder[0].size = 100ULL * 512 * MIB;
	builder_write(&f->builder[0]);
	for (i = 0; i < 100; i++)
		builder_block(&f->builder[0], i * 512, 6);
	session = writer_open(test);
	limit = session->journal.page_limit;
	writer_discard(test, VHDX_ZERO_DISCARD, 0, 100ULL * 512 * MIB);
	KUNIT_EXPECT_EQ(test, session->stats.commits, 99 / limit);
	KUNIT_EXPECT_EQ(test, session->stats.freed, 100);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_EQ(test, writer_disk_entry(test, i * 512), 3);
}

/* The log is checkpointed before it runs out, without being asked to. */
static void log_goes_round(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);
	u32 i;

	for (i = 0; i < 400; i++) {
		writer_discard(test, VHDX_ZERO_DISCARD, 0, MIB);
		writer_write(test, 0, 4096, 1 + i % 250);
		writer_work(test, VHDX_WORK_COMMIT);
		writer_drain(test);
	}
	KUNIT_EXPECT_EQ(test, session->stats.commits, 400);
	/* A lap is some 125 entries of 8 KiB, with two checkpoints each. */
	KUNIT_EXPECT_GE(test, session->stats.checkpoints, 4);
	KUNIT_EXPECT_LE(test, session->stats.checkpoints, 20);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), 1 + 399 % 250);
}

/* Who waits for a commit does not wait for a checkpoint after it. */
static void commit_alone(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);
	u32 i;

	for (i = 0; i < 200 && !vhdx_journal_due(&session->journal); i++) {
		writer_discard(test, VHDX_ZERO_DISCARD, 0, MIB);
		writer_write(test, 0, 4096, 1 + i);
		writer_work(test, VHDX_WORK_COMMIT);
	}
	KUNIT_ASSERT_TRUE(test, vhdx_journal_due(&session->journal));
	KUNIT_EXPECT_EQ(test, session->stats.checkpoints, 0);
	/* It is for the caller to say when nobody waits. */
	writer_work(test, 0);
	KUNIT_EXPECT_EQ(test, session->stats.checkpoints, 0);
	writer_work(test, VHDX_WORK_CHECKPOINT);
	KUNIT_EXPECT_EQ(test, session->stats.checkpoints, 1);
	KUNIT_EXPECT_EQ(test, session->image->pool.pinned, 0);
}

/* A load that finds all pages in the journal cannot go on until some leave. */
static void starved(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);
	struct vhdx_pool *pool = &session->image->pool;

	writer_write(test, 0, 4096, 0x11);
	tracer_forget(&writer_of(test)->tracer);
	KUNIT_EXPECT_EQ(test, pool->pinned, 1);
	pool->starved = true;
	writer_work(test, 0);
	writer_trace(test,
		     "flush\n"
		     "write log 0x1000 +0x3000\n"
		     "flush\n"
		     "write bat 0x0 +0x1000\n");
	KUNIT_EXPECT_EQ(test, pool->pinned, 0);
	KUNIT_EXPECT_FALSE(test, pool->starved);
	writer_work(test, 0);
	writer_trace(test, "");
}

static void fail_modes(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);
	struct fixture *f = test->priv;
	struct vhdx_run run;
	struct vhdx_miss miss;

	writer_write(test, 0, 4096, 0x11);
	findings_init(&f->found);
	tracer_forget(&writer_of(test)->tracer);
	vhdx_session_fail(session, VHDX_AT("BAT entry", 8),
			  "the first reason");
	fixture_expect(test,
		       "error: BAT entry at offset 0x8: the first reason; nothing more is written to the image\n");
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RO);
	vhdx_session_fail(session, VHDX_AT("log", 0), "the second reason");
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RO);
	KUNIT_EXPECT_STREQ(test, (const char *)session->reason,
			   "BAT entry at offset 0x8: the first reason");
	fixture_expect(test, "");

	KUNIT_EXPECT_EQ(test, vhdx_session_map(session, 0, 512, &run, &miss),
			-EROFS);
	KUNIT_EXPECT_EQ(test,
			vhdx_session_zero(session, VHDX_ZERO_WRITE, 0, 512,
					  &run, &miss),
			-EROFS);
	KUNIT_EXPECT_EQ(test,
			vhdx_session_work(session, VHDX_WORK_BEGIN |
					  VHDX_WORK_COMMIT |
					  VHDX_WORK_CHECKPOINT),
			-EROFS);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), -EROFS);
	writer_trace(test, "");
	/* What was not committed is gone, as in a crash. */
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), 0);
}

/* Nobody begins what could not be ended for want of sequence numbers. */
static void header_overflow(struct kunit *test)
{
	struct fixture *f = test->priv;
	static const u64 lefts[] = { 1, 8, 15, 16, 17 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(lefts); i++) {
		struct vhdx_session *session;
		u64 left = lefts[i];

		ram_store_exit(&f->ram[0]);
		ram_store_init(&f->ram[0]);
		builder_write(&f->builder[0]);
		builder_write_header(&f->builder[0], 1, U64_MAX - left);
		fixture_open(test, 0);
		session = vhdx_session_new(f->image[0], &f->found.report);
		KUNIT_EXPECT_EQ(test, IS_ERR(session), left < 16);
		if (!IS_ERR(session)) {
			KUNIT_EXPECT_EQ(test,
					vhdx_session_work(session,
							  VHDX_WORK_BEGIN), 0);
			KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
			vhdx_session_free(session);
		}
		vhdx_image_close(f->image[0]);
		f->image[0] = NULL;
	}
}

/* What a clean image says of its log's version is not true of our log. */
static void begin_log_version(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->builder[0].log_version = 1;
	writer_begin_empty(test);
	writer_write(test, 0, 512, 0x11);
	writer_commit(test);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), 0x11);
}

/* Memory that is short while a session begins is short once. */
static void begin_no_memory(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);
	struct fixture *f = test->priv;
	u32 nth;

	/* Either copy of the header, twice; the log between them. */
	for (nth = 1; nth <= 5; nth++) {
		ram_store_break_op(&f->ram[0], RAM_WRITE, nth, -ENOMEM);
		KUNIT_EXPECT_EQ(test,
				vhdx_session_work(session, VHDX_WORK_BEGIN),
				-ENOMEM);
		KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
		KUNIT_EXPECT_FALSE(test, session->live);
	}
	writer_write(test, 0, 512, 0x11);
	writer_commit(test);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
}

/* A commit for the sake of freed space is made once, not ever after. */
static void reclaim_once(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);
	u64 commits;
	u32 i;

	writer_write(test, 0, 2 * MIB, 0x11);
	writer_commit(test);
	commits = session->stats.commits;
	writer_discard(test, VHDX_ZERO_DISCARD, 0, MIB);
	for (i = 10; i < 50; i++)
		writer_write(test, i * MIB, 512, 0x12);
	KUNIT_EXPECT_GT(test, session->stats.commits, commits);
	writer_drain(test);
	while (session->prepared.more || session->prepared.wanted)
		writer_work(test, 0);
	tracer_forget(&writer_of(test)->tracer);
	writer_work(test, 0);
	writer_trace(test, "");
}

static struct kunit_case session_cases[] = {
	KUNIT_CASE(new_on_read_only_store),
	KUNIT_CASE(new_on_child),
	KUNIT_CASE(new_without_log),
	KUNIT_CASE(new_on_differing_tables),
	KUNIT_CASE(new_on_endless_file),
	KUNIT_CASE(idle),
	KUNIT_CASE(begin_order),
	KUNIT_CASE(guids),
	KUNIT_CASE(commit_order),
	KUNIT_CASE(clean_after_commit),
	KUNIT_CASE(end_order),
	KUNIT_CASE(end_turns_away),
	KUNIT_CASE(begin_again),
	KUNIT_CASE(transaction_full),
	KUNIT_CASE(transaction_full_of_discards),
	KUNIT_CASE(discard_idle),
	KUNIT_CASE(log_goes_round),
	KUNIT_CASE(commit_alone),
	KUNIT_CASE(starved),
	KUNIT_CASE(fail_modes),
	KUNIT_CASE(header_overflow),
	KUNIT_CASE(begin_log_version),
	KUNIT_CASE(begin_no_memory),
	KUNIT_CASE(reclaim_once),
	{}
};

struct kunit_suite vhdx_session_suite = {
	.name = "vhdx_session",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = session_cases,
};
