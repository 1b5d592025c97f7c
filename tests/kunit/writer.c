// SPDX-License-Identifier: GPL-2.0-only
#include "recover.h"
#include "writer.h"

/*
 * Loads, begins, commits: no request needs more rounds than this. A block of a
 * child needs up to 18 pages at the same time.
 */
#define ROUNDS 32

/**
 * writer_init() - a suite's init
 * @test: gets a fixture, and the fixture a struct writer
 */
int writer_init(struct kunit *test)
{
	struct fixture *f;
	int r = fixture_init(test);

	if (r)
		return r;
	f = test->priv;
	f->own = kunit_kzalloc(test, sizeof(struct writer), GFP_KERNEL);
	return f->own ? 0 : -ENOMEM;
}

static void forget_session(struct kunit *test)
{
	struct writer *w = writer_of(test);

	if (w->session)
		vhdx_session_free(w->session);
	w->session = NULL;
}

/**
 * writer_exit() - a suite's exit
 * @test: whose fixture to take down
 */
void writer_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (f && f->own)
		forget_session(test);
	fixture_exit(test);
}

static void make_session(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct writer *w = writer_of(test);
	struct vhdx_session *session;

	session = vhdx_session_new(f->image[0], &f->found.report);
	if (IS_ERR(session))
		findings_expect(test, &f->found, "");
	KUNIT_ASSERT_FALSE(test, IS_ERR(session));
	w->session = session;
}

/**
 * writer_open() - make a session over the first file
 * @test: the test; it ends here if that fails. The image has been built, and
 *	may be open; if its log is dirty, that is replayed first
 *
 * Return: the session, which writer_exit() frees.
 */
struct vhdx_session *writer_open(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct writer *w = writer_of(test);

	if (!f->image[0])
		fixture_open(test, 0);
	KUNIT_ASSERT_EQ(test, vhdx_image_recover(f->image[0]), 0);
	tracer_attach(&w->tracer, &f->builder[0]);
	make_session(test);
	return w->session;
}

/**
 * writer_open_empty() - make a session over an image with nothing in it
 * @test: the test; it ends here if that fails. The first file is empty, and is
 *	built as its builder's knobs say
 *
 * Return: as writer_open().
 */
struct vhdx_session *writer_open_empty(struct kunit *test)
{
	struct fixture *f = test->priv;

	builder_write(&f->builder[0]);
	return writer_open(test);
}

/**
 * writer_begin_empty() - likewise, and begin it
 * @test: likewise; the beginning is not traced
 *
 * Return: as writer_open().
 */
struct vhdx_session *writer_begin_empty(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);

	writer_work(test, VHDX_WORK_BEGIN);
	tracer_forget(&writer_of(test)->tracer);
	return session;
}

/**
 * writer_play() - let the committer work, and then the space worker
 * @session: the session
 * @flags: VHDX_WORK_*
 *
 * The committer works once more if the space worker asks for that.
 *
 * Return: as vhdx_session_work().
 */
int writer_play(struct vhdx_session *session, unsigned int flags)
{
	int r = vhdx_session_work(session, flags);

	if (r)
		return r;
	r = vhdx_session_prepare(session);
	if (session->reclaim || session->space_error)
		r = vhdx_session_work(session, 0);
	return r;
}

/**
 * writer_work() - let both work, which must succeed
 * @test: the test
 * @flags: VHDX_WORK_*
 */
void writer_work(struct kunit *test, unsigned int flags)
{
	KUNIT_ASSERT_EQ(test, writer_play(writer_of(test)->session, flags), 0);
}

/**
 * writer_commit() - commit, which must succeed
 * @test: the test; the trace begins anew
 */
void writer_commit(struct kunit *test)
{
	writer_work(test, VHDX_WORK_COMMIT);
	tracer_forget(&writer_of(test)->tracer);
}

/**
 * writer_trace() - what was done to the store since the last trace
 * @test: the test
 * @lines: see tracer_expect()
 */
void writer_trace(struct kunit *test, const char *lines)
{
	tracer_expect(test, &writer_of(test)->tracer, lines);
}

/*
 * Does what a request asks for that was turned away. Returns whether to try
 * again; if not, @r is what came of it.
 */
static bool again(struct kunit *test, int *r, const struct vhdx_miss *miss)
{
	if (*r == -EAGAIN)
		*r = vhdx_image_load(miss);
	else if (*r == -EBUSY || *r == -EINPROGRESS)
		*r = writer_play(writer_of(test)->session, VHDX_WORK_BEGIN);
	else
		return false;
	return !*r;
}

/**
 * writer_map() - where may bytes be written?
 * @test: the test
 * @pos: as for vhdx_session_map()
 * @len: likewise
 * @run: likewise
 *
 * Return: as vhdx_session_map() in the end; never -EAGAIN.
 */
int writer_map(struct kunit *test, u64 pos, u64 len, struct vhdx_run *run)
{
	struct vhdx_miss miss;
	int round, r;

	for (round = 0; round < ROUNDS; round++) {
		r = vhdx_session_map(writer_of(test)->session, pos, len, run,
				     &miss);
		if (!again(test, &r, &miss))
			return r;
	}
	return -EBUSY;
}

/**
 * writer_zero() - discard bytes, or have them zeroed
 * @test: the test
 * @why: as for vhdx_session_zero()
 * @pos: likewise
 * @len: likewise
 * @run: likewise
 *
 * Return: as vhdx_session_zero() in the end; never -EAGAIN.
 */
int writer_zero(struct kunit *test, enum vhdx_zero why, u64 pos, u64 len,
		struct vhdx_run *run)
{
	struct vhdx_miss miss;
	int round, r;

	for (round = 0; round < ROUNDS; round++) {
		r = vhdx_session_zero(writer_of(test)->session, why, pos, len,
				      run, &miss);
		if (!again(test, &r, &miss))
			return r;
	}
	return -EBUSY;
}

/**
 * writer_wrote() - bytes are in the store: have their bits set
 * @test: the test
 * @pos: as for vhdx_session_wrote()
 * @len: likewise
 *
 * Return: as vhdx_session_wrote() in the end; never -EAGAIN.
 */
int writer_wrote(struct kunit *test, u64 pos, u64 len)
{
	struct vhdx_miss miss;
	int round, r;

	for (round = 0; round < ROUNDS; round++) {
		r = vhdx_session_wrote(writer_of(test)->session, pos, len,
				       &miss);
		if (!again(test, &r, &miss))
			return r;
	}
	return -EBUSY;
}

/* What the caller of the engine does to a run of a write or of zeros. */
static void fill_run(struct kunit *test, u64 pos, const struct vhdx_run *run,
		     u8 byte)
{
	struct fixture *f = test->priv;

	builder_fill(&f->builder[0], run->offset, run->length, byte);
	if (run->absent)
		KUNIT_ASSERT_EQ(test, writer_wrote(test, pos, run->length), 0);
}

/**
 * writer_write() - write a range, which must succeed
 * @test: the test; it ends here if it does not
 * @pos: byte offset on the virtual disk
 * @len: bytes
 * @byte: what they become
 */
void writer_write(struct kunit *test, u64 pos, u64 len, u8 byte)
{
	struct vhdx_run run;

	for (; len; pos += run.length, len -= run.length) {
		KUNIT_ASSERT_EQ(test, writer_map(test, pos, len, &run), 0);
		KUNIT_ASSERT_EQ(test, run.kind, VHDX_RUN_DATA);
		KUNIT_ASSERT_TRUE(test, run.length && run.length <= len);
		fill_run(test, pos, &run, byte);
	}
}

/**
 * writer_discard() - discard a range, or write zeros; which must succeed
 * @test: the test; it ends here if it does not
 * @why: which of the two
 * @pos: byte offset on the virtual disk
 * @len: bytes
 */
void writer_discard(struct kunit *test, enum vhdx_zero why, u64 pos, u64 len)
{
	struct vhdx_run run;

	for (; len; pos += run.length, len -= run.length) {
		KUNIT_ASSERT_EQ(test, writer_zero(test, why, pos, len, &run),
				0);
		KUNIT_ASSERT_TRUE(test, run.length && run.length <= len);
		if (run.kind == VHDX_RUN_DATA)
			fill_run(test, pos, &run, 0);
	}
}

/**
 * writer_drain() - let freed space that is durable become free
 * @test: the test
 */
void writer_drain(struct kunit *test)
{
	struct vhdx_session *session = writer_of(test)->session;

	if (!vhdx_session_drain(session))
		return;
	while (vhdx_session_drained(session))
		;
}

/**
 * writer_crash() - forget what is in memory, and open the file anew
 * @test: the test; there is no session until the next writer_open()
 *
 * A dirty log is replayed in memory, by what reads the image from now on. The
 * store has its own operations again, and none of them fails any more.
 */
void writer_crash(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct writer *w = writer_of(test);

	forget_session(test);
	if (f->chain)
		vhdx_chain_free(f->chain);
	f->chain = NULL;
	if (f->image[0])
		vhdx_image_close(f->image[0]);
	f->image[0] = NULL;
	f->ram[0].store.ops = w->tracer.below;
	ram_store_mend(&f->ram[0]);
	findings_init(&f->found);
	fixture_open(test, 0);
}

/**
 * writer_restart() - begin again with an empty first file and default knobs
 * @test: the test; there may be a session and an open image
 */
void writer_restart(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (f->image[0]) {
		writer_crash(test);
		vhdx_image_close(f->image[0]);
		f->image[0] = NULL;
	}
	ram_store_exit(&f->ram[0]);
	ram_store_init(&f->ram[0]);
	builder_init(&f->builder[0], &f->ram[0]);
}

/**
 * writer_entry() - a payload block's BAT entry, as the image sees it
 * @test: the test; it ends here if the entry cannot be had
 * @block: number of the block
 */
u64 writer_entry(struct kunit *test, u64 block)
{
	struct fixture *f = test->priv;
	u64 index = builder_payload_index(&f->builder[0], block);
	struct vhdx_miss miss = { f->image[0], &f->image[0]->bat_pages,
				  index / 512 };
	u64 entry;

	KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	KUNIT_ASSERT_EQ(test, vhdx_image_bat_entry(f->image[0], index, &entry),
			0);
	return entry;
}

/**
 * writer_offset() - where a payload block lies, as the image sees it
 * @test: the test; it ends here if the entry cannot be had
 * @block: number of the block, which must be fully present
 *
 * Return: byte offset in the file.
 */
u64 writer_offset(struct kunit *test, u64 block)
{
	u64 entry = writer_entry(test, block);

	KUNIT_EXPECT_EQ(test, entry & 0xFFFFF, 6);
	return entry & ~0xFFFFFULL;
}

/**
 * writer_disk_entry() - a payload block's BAT entry, as the file has it
 * @test: the test
 * @block: number of the block
 */
u64 writer_disk_entry(struct kunit *test, u64 block)
{
	struct fixture *f = test->priv;
	const struct builder *b = &f->builder[0];

	return ram_store_get(&f->ram[0],
			     b->bat_offset + 8 * builder_payload_index(b, block),
			     8);
}

/**
 * writer_read() - a byte of the virtual disk, as a reader sees it
 * @test: the test; it ends here if there is no memory
 * @pos: byte offset; its sector is read
 *
 * Return: the byte, or a negative errno.
 */
int writer_read(struct kunit *test, u64 pos)
{
	struct fixture *f = test->priv;
	u64 size = f->builder[0].logical_sector;
	u8 *sector = kmalloc(size, GFP_KERNEL);
	int r;

	KUNIT_ASSERT_NOT_NULL(test, sector);
	if (!f->chain)
		fixture_chain(test, 1 + writer_of(test)->parents);
	r = vhdx_chain_read(f->chain, ALIGN_DOWN(pos, size), sector, size);
	if (!r)
		r = sector[pos % size];
	kfree(sector);
	return r;
}

/**
 * writer_not_zero() - how much of a block reads otherwise than as zeros
 * @test: the test
 * @block: number of the block, one of 1 MiB
 *
 * Return: how many of its pages begin with another byte.
 */
u32 writer_not_zero(struct kunit *test, u64 block)
{
	u32 wrong = 0;
	u64 at;

	for (at = 0; at < VHDX_MIB; at += 4096)
		wrong += writer_read(test, block * VHDX_MIB + at) != 0;
	return wrong;
}

/**
 * writer_log_entry() - a number of the last entry of the log
 * @test: the test
 * @field: byte offset in the header of the entry
 * @width: bytes
 *
 * Of all entries with the session's GUID, the one with the greatest sequence.
 */
u64 writer_log_entry(struct kunit *test, u32 field, u32 width)
{
	struct fixture *f = test->priv;
	const struct vhdx_journal *journal = &writer_of(test)->session->journal;
	const struct ram_store *ram = &f->ram[0];
	u64 found = 0, newest = 0, at;

	for (at = 0; at < f->builder[0].log_length; at += 4096) {
		u64 pos = f->builder[0].log_offset + at;
		guid_t guid;

		ram_store_peek(ram, pos + 32, &guid, 16);
		if (ram_store_get(ram, pos, 4) == 0x65676F6C &&
		    guid_equal(&guid, &journal->guid) &&
		    ram_store_get(ram, pos + 16, 8) > newest) {
			newest = ram_store_get(ram, pos + 16, 8);
			found = pos;
		}
	}
	KUNIT_ASSERT_TRUE(test, found);
	return ram_store_get(ram, found + field, width);
}
