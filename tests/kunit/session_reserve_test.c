// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine/session-space.c, vhdx_session_reserve(): a session does not begin
 * before there is room for what it writes in place.
 */
#include "child-rig.h"
#include "suites.h"

#define MIB VHDX_MIB

#define CALLS_MAX 4

/**
 * struct reserve - what the store is asked for, and what it answers
 * @calls: how often
 * @pos: where, each time
 * @len: how much
 * @fail_at: the call that fails
 * @error: with this
 */
struct reserve {
	u32 calls;
	u64 pos[CALLS_MAX];
	u64 len[CALLS_MAX];
	u32 fail_at;
	int error;
};

/* A store has no room for a test's own. */
static struct reserve asked;

static int take_note(struct vhdx_store *store, u64 pos, u64 len)
{
	if (asked.calls < CALLS_MAX) {
		asked.pos[asked.calls] = pos;
		asked.len[asked.calls] = len;
	}
	return asked.calls++ == asked.fail_at ? asked.error : 0;
}

static struct vhdx_session *open_reserving(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);

	asked = (struct reserve){ .fail_at = U32_MAX };
	writer_of(test)->tracer.ops.reserve = take_note;
	tracer_forget(&writer_of(test)->tracer);
	return session;
}

/* All that is written in place; a block needs nothing more later. */
static void reserve_what(struct kunit *test)
{
	struct vhdx_session *session = open_reserving(test);
	const struct vhdx_image *image = session->image;

	writer_write(test, 0, 512, 1);
	writer_write(test, 5 * MIB, 512, 1);
	writer_commit(test);
	KUNIT_ASSERT_EQ(test, asked.calls, 3);
	KUNIT_EXPECT_EQ(test, asked.pos[0], 0);
	KUNIT_EXPECT_EQ(test, asked.len[0], MIB);
	KUNIT_EXPECT_EQ(test, asked.pos[1],
			vhdx_header_current(&image->headers)->log_offset);
	KUNIT_EXPECT_EQ(test, asked.len[1],
			vhdx_header_current(&image->headers)->log_length);
	KUNIT_EXPECT_EQ(test, asked.pos[2], image->regions.bat.offset);
	KUNIT_EXPECT_EQ(test, asked.len[2], image->regions.bat.length);
}

/* Nothing is written, and nothing is lost: it begins when there is room. */
static void reserve_no_room(struct kunit *test)
{
	static const int errors[] = { -ENOSPC, -EDQUOT };
	struct vhdx_session *session = open_reserving(test);
	struct vhdx_miss miss;
	struct vhdx_run run;
	u32 i;

	for (i = 0; i < 6; i++) {
		asked.calls = 0;
		asked.fail_at = i % 3;
		asked.error = errors[i / 3];
		writer_work(test, VHDX_WORK_BEGIN);
		KUNIT_EXPECT_EQ(test, asked.calls, i % 3 + 1);
		KUNIT_EXPECT_FALSE(test, session->live);
		KUNIT_EXPECT_EQ(test, vhdx_session_map(session, 0, 512, &run,
						       &miss), -ENOSPC);
		KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
	}
	writer_trace(test, "");
	asked.fail_at = U32_MAX;
	writer_work(test, VHDX_WORK_BEGIN);
	KUNIT_EXPECT_TRUE(test, session->live);
	writer_write(test, 0, 512, 1);
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), 1);
}

static void reserve_fails(struct kunit *test)
{
	struct vhdx_session *session = open_reserving(test);

	asked.fail_at = 1;
	asked.error = -EIO;
	KUNIT_EXPECT_EQ(test, vhdx_session_work(session, VHDX_WORK_BEGIN),
			-EIO);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RO);
	writer_trace(test, "");
}

/* It is asked again when there is memory. */
static void reserve_no_memory(struct kunit *test)
{
	struct vhdx_session *session = open_reserving(test);

	asked.fail_at = 2;
	asked.error = -ENOMEM;
	KUNIT_EXPECT_EQ(test, vhdx_session_work(session, VHDX_WORK_BEGIN),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
	writer_trace(test, "");
	writer_work(test, VHDX_WORK_BEGIN);
	KUNIT_EXPECT_TRUE(test, session->live);
}

/* Of a disk of many TiB it would be more than most images hold. */
static void reserve_long_bat(struct kunit *test)
{
	struct vhdx_session *session = open_reserving(test);

	session->image->regions.bat.length = 65 * MIB;
	writer_work(test, VHDX_WORK_BEGIN);
	KUNIT_EXPECT_EQ(test, asked.calls, 2);
	KUNIT_EXPECT_TRUE(test, session->live);
}

/* A bitmap that is there is written in place, too. */
static void reserve_bitmap(struct kunit *test)
{
	struct vhdx_session *session;
	u64 bitmap;

	builder_bitmap(child_rig_files(test), 0);
	session = writer_open(test);
	asked = (struct reserve){ .fail_at = 3, .error = -ENOSPC };
	writer_of(test)->tracer.ops.reserve = take_note;
	writer_work(test, VHDX_WORK_BEGIN);
	bitmap = child_rig_bitmap(test, 0);
	KUNIT_ASSERT_EQ(test, asked.calls, 4);
	KUNIT_EXPECT_EQ(test, asked.pos[3], vhdx_entry_offset(bitmap));
	KUNIT_EXPECT_EQ(test, asked.len[3], MIB);
	KUNIT_EXPECT_FALSE(test, session->live);
	asked = (struct reserve){ .fail_at = U32_MAX };
	writer_work(test, VHDX_WORK_BEGIN);
	KUNIT_EXPECT_TRUE(test, session->live);
}

/* A session that ended for want of room may find some when it begins anew. */
static void reserve_after_end(struct kunit *test)
{
	struct vhdx_session *session = open_reserving(test);
	struct tracer *tracer = &writer_of(test)->tracer;
	struct vhdx_miss miss;
	struct vhdx_run run;

	writer_work(test, VHDX_WORK_BEGIN);
	tracer->limit = session->image->store->size;
	tracer->limit_error = -ENOSPC;
	KUNIT_EXPECT_EQ(test, writer_map(test, 0, 512, &run), -ENOSPC);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, vhdx_session_map(session, 0, 512, &run, &miss),
			-EBUSY);
}

static struct kunit_case session_reserve_cases[] = {
	KUNIT_CASE(reserve_what),
	KUNIT_CASE(reserve_no_room),
	KUNIT_CASE(reserve_fails),
	KUNIT_CASE(reserve_no_memory),
	KUNIT_CASE(reserve_long_bat),
	KUNIT_CASE(reserve_bitmap),
	KUNIT_CASE(reserve_after_end),
	{}
};

struct kunit_suite vhdx_session_reserve_suite = {
	.name = "vhdx_session_reserve",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = session_reserve_cases,
};
