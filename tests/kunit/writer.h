/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session over the first file of a fixture, for the suites of the write side:
 * it does what the module does with one, but for the data, which goes straight
 * into the store in RAM.
 *
 * writer.c APIs:
 *   writer_init()		a suite's init
 *   writer_exit()		a suite's exit
 *   writer_open()		make a session, if need be after a recovery
 *   writer_open_empty()	likewise, over an image with nothing in it
 *   writer_begin_empty()	likewise, and begin it
 *   writer_play()		let the committer and the space worker work
 *   writer_work()		likewise, which must succeed
 *   writer_commit()		commit, which must succeed, and is not traced
 *   writer_trace()		what was done to the store since the last trace
 *   writer_map()		where to write; load and work as long as it asks
 *   writer_zero()		what to zero; likewise
 *   writer_wrote()		bits of what was written; likewise
 *   writer_write()		write a range, which must succeed
 *   writer_discard()		discard a range, or write zeros; likewise
 *   writer_drain()		let freed space become free
 *   writer_crash()		forget the session, and open the file anew
 *   writer_restart()		begin again with an empty file
 *   writer_entry()		a BAT entry, as the image sees it
 *   writer_offset()		where a block lies, likewise
 *   writer_disk_entry()	a BAT entry, as the file has it
 *   writer_read()		a byte of the virtual disk, as a reader sees it
 *   writer_not_zero()		how much of a block reads otherwise than as zero
 *   writer_log_entry()		a number of the last entry of the log
 * writer.h APIs:
 *   writer_of()		the test's image
 */
#ifndef VHDX_TEST_WRITER_H
#define VHDX_TEST_WRITER_H

#include "fixture.h"
#include "session.h"
#include "tracer.h"

/**
 * struct writer - what a test of the write side works with
 * @session: over the first file
 * @tracer: between it and the store
 * @parents: how many of the files behind the first one are its parents
 */
struct writer {
	struct vhdx_session *session;
	struct tracer tracer;
	u32 parents;
};

/* The struct is the fixture's own. */
static inline struct writer *writer_of(struct kunit *test)
{
	struct fixture *f = test->priv;

	return f->own;
}

int writer_init(struct kunit *test);
void writer_exit(struct kunit *test);
struct vhdx_session *writer_open(struct kunit *test);
struct vhdx_session *writer_open_empty(struct kunit *test);
struct vhdx_session *writer_begin_empty(struct kunit *test);
int writer_play(struct vhdx_session *session, unsigned int flags);
void writer_work(struct kunit *test, unsigned int flags);
void writer_commit(struct kunit *test);
void writer_trace(struct kunit *test, const char *lines);
int writer_map(struct kunit *test, u64 pos, u64 len, struct vhdx_run *run);
int writer_zero(struct kunit *test, enum vhdx_zero why, u64 pos, u64 len,
		struct vhdx_run *run);
int writer_wrote(struct kunit *test, u64 pos, u64 len);
void writer_write(struct kunit *test, u64 pos, u64 len, u8 byte);
void writer_discard(struct kunit *test, enum vhdx_zero why, u64 pos, u64 len);
void writer_drain(struct kunit *test);
void writer_crash(struct kunit *test);
void writer_restart(struct kunit *test);
u64 writer_entry(struct kunit *test, u64 block);
u64 writer_offset(struct kunit *test, u64 block);
u64 writer_disk_entry(struct kunit *test, u64 block);
int writer_read(struct kunit *test, u64 pos);
u32 writer_not_zero(struct kunit *test, u64 block);
u64 writer_log_entry(struct kunit *test, u32 field, u32 width);

#endif /* VHDX_TEST_WRITER_H */
