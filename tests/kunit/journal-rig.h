/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A journal over the BAT pages of an image in RAM, which can be opened at any
 * time, as after a crash, and held against what was committed.
 *
 * journal-rig.c APIs:
 *   rig_init()		a suite's init
 *   rig_exit()		a suite's exit
 *   rig_setup()		an image and a journal
 *   rig_start()		likewise, and start the journal
 *   rig_place()		where a page is in the file
 *   rig_page()		a page in memory
 *   rig_change()		change a page
 *   rig_change_at()	change a page in the middle of an operation
 *   rig_close()		close the transaction
 *   rig_commit()		close it and make it durable
 *   rig_checkpoint()	write logged pages to their places
 *   rig_check_disk()	hold the disk against what was committed
 *   rig_check_before()	likewise, before each operation
 *   rig_entry()		a number of an entry of the log
 * journal-rig.h APIs:
 *   rig_of()			the test's rig
 */
#ifndef VHDX_TEST_JOURNAL_RIG_H
#define VHDX_TEST_JOURNAL_RIG_H

#include "fixture.h"
#include "journal.h"
#include "tracer.h"

#define RIG_LOG VHDX_MIB
#define RIG_BAT (3 * VHDX_MIB)
#define RIG_PAGES 128U
#define RIG_LAST (77 * VHDX_MIB)

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
	u8 memory[RIG_PAGES];
	u8 closed[RIG_PAGES];
	u8 durable[RIG_PAGES];
	enum ram_op hook_op;
	u64 hook_pos;
	u32 hook_page;
	u8 hook_byte;
	u32 checked;
	u8 *buf;
};

/* The struct is the fixture's own. */
static inline struct rig *rig_of(struct kunit *test)
{
	struct fixture *f = test->priv;

	return f->own;
}

u64 rig_place(u32 page);
struct vhdx_page *rig_page(struct kunit *test, u32 number);
bool rig_change(struct kunit *test, u32 number, u8 byte);
u32 rig_close(struct kunit *test);
void rig_commit(struct kunit *test);
void rig_checkpoint(struct kunit *test);
void rig_check_disk(struct kunit *test);
void rig_check_before(void *context, enum ram_op op, u64 pos);
void rig_change_at(struct kunit *test, enum ram_op op, u64 pos, u32 page,
		   u8 byte);
u64 rig_entry(struct kunit *test, u64 at, u32 field, u32 width);
struct rig *rig_setup(struct kunit *test);
struct rig *rig_start(struct kunit *test);
int rig_init(struct kunit *test);
void rig_exit(struct kunit *test);

/* Fields of an entry, by where it is in the log. */
#define ENTRY_LENGTH(test, at) rig_entry(test, at, 8, 4)
#define ENTRY_TAIL(test, at) rig_entry(test, at, 12, 4)
#define ENTRY_SEQUENCE(test, at) rig_entry(test, at, 16, 8)
#define ENTRY_FLUSHED(test, at) rig_entry(test, at, 48, 8)
#define ENTRY_LAST(test, at) rig_entry(test, at, 56, 8)

#endif /* VHDX_TEST_JOURNAL_RIG_H */
