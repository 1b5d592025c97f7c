// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine/session.c: an image ends under a DataWriteGuid that was chosen, as the
 * parent of a child that names it already.
 */
#include "suites.h"
#include "writer.h"

#define MIB VHDX_MIB

/* As builder.c gives it to each image. */
#define FIRST 0xDA
#define CHOSEN 0x5E

/* Chooses, and expects this answer. */
static void seal(struct kunit *test, u8 chosen, u8 holds)
{
	guid_t guid = builder_guid(chosen), want = builder_guid(holds), got;

	KUNIT_EXPECT_EQ(test,
			vhdx_session_seal(writer_of(test)->session, &guid,
					  &got), 0);
	KUNIT_EXPECT_TRUE(test, guid_equal(&got, &want));
}

static void refuse_seal(struct kunit *test, const guid_t *guid, int error)
{
	struct vhdx_session *session = writer_of(test)->session;
	guid_t before = session->seal.next, got;

	KUNIT_EXPECT_EQ(test, vhdx_session_seal(session, guid, &got), error);
	KUNIT_EXPECT_TRUE(test, guid_equal(&session->seal.next, &before));
}

static bool has_guid(struct kunit *test, u8 byte)
{
	struct fixture *f = test->priv;
	guid_t guid = builder_guid(byte);

	return guid_equal(vhdx_image_identity(f->image[0]), &guid);
}

/* In both copies of the header, on disk. */
static void expect_on_disk(struct kunit *test, u8 byte)
{
	struct fixture *f = test->priv;
	guid_t want = builder_guid(byte), guid;
	u32 copy;

	for (copy = 0; copy < 2; copy++) {
		ram_store_peek(&f->ram[0], (copy + 1) * 0x10000 + 32, &guid,
			       sizeof(guid));
		KUNIT_EXPECT_TRUE(test, guid_equal(&guid, &want));
	}
}

/* No session begins, whoever asks, and nothing is written. */
static void expect_sealed(struct kunit *test)
{
	struct vhdx_session *session = writer_of(test)->session;
	struct vhdx_miss miss;
	struct vhdx_run run;

	tracer_forget(&writer_of(test)->tracer);
	KUNIT_EXPECT_EQ(test, vhdx_session_map(session, 0, 512, &run, &miss),
			-EBUSY);
	KUNIT_EXPECT_EQ(test, vhdx_session_work(session, VHDX_WORK_BEGIN),
			-EBUSY);
	KUNIT_EXPECT_EQ(test, vhdx_session_work(session, VHDX_WORK_COMMIT), 0);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_FALSE(test, session->live);
	writer_trace(test, "");
}

/* The GUID comes with the last header that an end writes anyway. */
static void seal_live(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);

	writer_write(test, 3 * MIB, 4096, 0x11);
	tracer_forget(&writer_of(test)->tracer);
	seal(test, CHOSEN, CHOSEN);
	writer_trace(test, "");
	writer_write(test, 3 * MIB, 4096, 0x12);
	KUNIT_EXPECT_FALSE(test, has_guid(test, CHOSEN));
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	writer_trace(test,
		     "flush\n"
		     "write log 0x1000 +0x3000\n"
		     "flush\n"
		     "write bat 0x0 +0x1000\n"
		     "flush\n"
		     "write header 1 +0x1000\n"
		     "flush\n"
		     "write header 2 +0x1000\n"
		     "flush\n"
		     "truncate 0x500000\n");
	KUNIT_EXPECT_TRUE(test, has_guid(test, CHOSEN));
	expect_on_disk(test, CHOSEN);
	expect_sealed(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, 3 * MIB), 0x12);
}

/* Children that exist name the GUID that the image has. */
static void seal_idle(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);

	writer_work(test, 0);
	seal(test, CHOSEN, FIRST);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	writer_trace(test, "");
	expect_on_disk(test, FIRST);
	expect_sealed(test);
}

/* Somebody wrote after the answer: to ask again tells. */
static void seal_overtaken(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);

	seal(test, CHOSEN, FIRST);
	writer_write(test, 0, 4096, 0x11);
	seal(test, CHOSEN, CHOSEN);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	expect_on_disk(test, CHOSEN);
	expect_sealed(test);
}

/* Even if nobody asks. */
static void seal_overtaken_unseen(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);

	seal(test, CHOSEN, FIRST);
	writer_write(test, 0, 4096, 0x11);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	expect_on_disk(test, CHOSEN);
}

/* A GUID stands for one state of the disk. */
static void seal_once(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);
	guid_t chosen = builder_guid(CHOSEN);

	writer_write(test, 0, 4096, 0x11);
	seal(test, CHOSEN, CHOSEN);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	vhdx_session_unseal(session);
	writer_write(test, 0, 4096, 0x12);
	KUNIT_EXPECT_TRUE(test, session->live);
	KUNIT_EXPECT_FALSE(test, has_guid(test, CHOSEN));
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_FALSE(test, has_guid(test, CHOSEN));
	/* Nor does this end keep others from beginning. */
	writer_write(test, 0, 4096, 0x13);
	KUNIT_EXPECT_FALSE(test,
			   guid_equal(vhdx_image_identity(session->image),
				      &chosen));
}

/* The choice ends with the suspend that it was made for. */
static void unseal_before(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);

	writer_write(test, 0, 4096, 0x11);
	seal(test, CHOSEN, CHOSEN);
	vhdx_session_unseal(session);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_FALSE(test, has_guid(test, CHOSEN));
	writer_write(test, 0, 4096, 0x12);
}

static void seal_refused(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);
	guid_t null = {}, first = builder_guid(FIRST), chosen;

	refuse_seal(test, &null, -EINVAL);
	refuse_seal(test, &first, -EINVAL);
	seal(test, CHOSEN, FIRST);
	refuse_seal(test, &first, -EINVAL);
	writer_write(test, 0, 4096, 0x11);
	chosen = *vhdx_image_identity(session->image);
	refuse_seal(test, &chosen, -EINVAL);
	vhdx_session_fail(session, VHDX_AT("file", 0), "a test");
	chosen = builder_guid(CHOSEN + 1);
	refuse_seal(test, &chosen, -EROFS);
}

/*
 * A copy of the image as it was then has the GUID. What is written since must
 * not get it, too.
 */
static void seal_used_up(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);
	guid_t chosen = builder_guid(CHOSEN);

	writer_write(test, 0, 4096, 0x11);
	seal(test, CHOSEN, CHOSEN);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	vhdx_session_unseal(session);
	writer_write(test, 0, 4096, 0x12);
	refuse_seal(test, &chosen, -EINVAL);
	seal(test, CHOSEN + 1, CHOSEN + 1);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_TRUE(test, has_guid(test, CHOSEN + 1));
}

/* An image whose store goes away in the middle of the end. */
static u64 end_until(struct kunit *test, u64 stop)
{
	struct fixture *f = test->priv;
	u64 before;

	writer_restart(test);
	writer_open_empty(test);
	writer_write(test, 0, 4096, 0x11);
	writer_commit(test);
	writer_write(test, 3 * MIB, 4096, 0x12);
	seal(test, CHOSEN, CHOSEN);
	before = f->ram[0].changes;
	if (stop != U64_MAX)
		ram_store_stop_after(&f->ram[0], stop);
	(void)vhdx_session_end(writer_of(test)->session);
	return f->ram[0].changes - before;
}

/*
 * At each change of an end the power goes: under the chosen GUID the image is
 * clean and complete; under another one its log has what was committed.
 */
static void seal_crashes(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 changes = end_until(test, U64_MAX);
	u32 sealed = 0;
	u64 stop;

	/* The entry, the BAT, two headers, and the file gets shorter. */
	KUNIT_ASSERT_EQ(test, changes, 5);
	for (stop = 0; stop < changes; stop++) {
		end_until(test, stop);
		writer_crash(test);
		KUNIT_EXPECT_EQ(test, writer_read(test, 0), 0x11);
		if (!has_guid(test, CHOSEN)) {
			KUNIT_EXPECT_GT(test, f->image[0]->log.count, 0);
			continue;
		}
		sealed++;
		KUNIT_EXPECT_EQ(test, f->image[0]->log.count, 0);
		KUNIT_EXPECT_EQ(test, writer_read(test, 3 * MIB), 0x12);
	}
	/* After one header, and after both. */
	KUNIT_EXPECT_EQ(test, sealed, 2);
}

static struct kunit_case session_seal_cases[] = {
	KUNIT_CASE(seal_live),
	KUNIT_CASE(seal_idle),
	KUNIT_CASE(seal_overtaken),
	KUNIT_CASE(seal_overtaken_unseen),
	KUNIT_CASE(seal_once),
	KUNIT_CASE(unseal_before),
	KUNIT_CASE(seal_refused),
	KUNIT_CASE(seal_used_up),
	KUNIT_CASE(seal_crashes),
	{}
};

struct kunit_suite vhdx_session_seal_suite = {
	.name = "vhdx_session_seal",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = session_seal_cases,
};
