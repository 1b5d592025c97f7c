/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal: how changed pages of the BAT come to the disk ([MS-VHDX] 2.3).
 *
 * A transaction is the set of pages that were changed since the last one was
 * closed. Committing it writes one log entry with all of them, whole. The pages
 * stay where they were on disk until a checkpoint writes them there; the tail
 * of the log moves past an entry when each of its pages is in place, durably,
 * or is in a later entry.
 *
 *	changed --commit--> logged --checkpoint--> in place
 *	   ^                  |  ^
 *	   +---- changed -----+  +--- and committed again
 *
 * The log is a ring, and is used in laps: an entry never runs past its end, and
 * the first entry of a lap names itself as the tail. QEMU asks for this. It
 * replays the run of entries whose first one is the newest, from that first
 * one on, whatever the tail is; and takes any entry that follows the first one
 * directly for the second. So each lap has to hold all that a replay needs,
 * and behind each entry lies a page of zeros, which the next one overwrites.
 *
 * Room: an entry takes up to a quarter of the ring. A checkpoint is due when
 * entries pass the middle, so that the tail does too, and when the next one may
 * not fit. What a checkpoint has to leave out are pages that were changed again
 * meanwhile, and these are in the next entry. So that one names itself as the
 * tail: there is always room for it, and none of the entries that a replay
 * needs until it is durable is in its way. Of a very long log only the start is
 * in use, for logged pages are kept in memory.
 *
 * journal.c APIs:
 *   vhdx_journal_init()	nothing logged
 *   vhdx_journal_exit()
 *   vhdx_journal_start()	begin a log: an empty entry under a new GUID
 *   vhdx_journal_touch()	a page is about to change
 *   vhdx_journal_close()	close the transaction, open the next
 *   vhdx_journal_commit()	make the closed transaction durable
 *   vhdx_journal_checkpoint()	write logged pages to their places
 *   vhdx_journal_flush()	flush the store, and remember how long it is
 * journal.h APIs:
 *   vhdx_journal_due()	must a checkpoint come before the next commit?
 */
#ifndef VHDX_JOURNAL_H
#define VHDX_JOURNAL_H

#include "log.h"
#include "pages.h"

/* More of a log than this is not in use at a time, in bytes. */
#define VHDX_JOURNAL_ROOM_MAX	(64 * VHDX_MIB)

/**
 * struct vhdx_journal - the log of a session, and what waits for it
 * @store: the file
 * @pool: whose lock guards the lists and the state of pages
 * @base: byte offset of the log in the file
 * @room: bytes of the log that are in use
 * @guid: LogGuid of this session
 * @sequence: of the next entry
 * @head: where the next entry goes, in bytes from @base
 * @page_limit: how many pages a transaction may have
 * @changed: pages of the open transaction
 * @changed_count: how many
 * @logged: pages that are in an entry and not in place, oldest entry first
 * @buffer: the entry that is being written, or a page on its way to its place
 * @closed: pages in @buffer
 * @tail: of the entry in @buffer, or that was in it last
 * @stable: bytes of the file that are known to be durable: FlushedFileOffset
 * @entries: written so far
 * @flushes: of the store, so far
 * @checkpointed: pages written to their places so far
 */
struct vhdx_journal {
	struct vhdx_store *store;
	struct vhdx_pool *pool;
	u64 base;
	u32 room;
	guid_t guid;
	u64 sequence;
	u32 head;
	u32 page_limit;
	struct list_head changed;
	u32 changed_count;
	struct list_head logged;
	void *buffer;
	u32 closed;
	u32 tail;
	u64 stable;
	u64 entries;
	u64 flushes;
	u64 checkpointed;
};

int vhdx_journal_init(struct vhdx_journal *journal, struct vhdx_store *store,
		      struct vhdx_pool *pool, const struct vhdx_header *header);
void vhdx_journal_exit(struct vhdx_journal *journal);
int vhdx_journal_start(struct vhdx_journal *journal, u64 last_file_offset);
bool vhdx_journal_touch(struct vhdx_journal *journal, struct vhdx_page *page);
u32 vhdx_journal_close(struct vhdx_journal *journal);
int vhdx_journal_commit(struct vhdx_journal *journal, u64 last_file_offset);
int vhdx_journal_checkpoint(struct vhdx_journal *journal);
int vhdx_journal_flush(struct vhdx_journal *journal);

/**
 * vhdx_journal_due() - must a checkpoint come before the next commit?
 * @journal: the journal
 *
 * Return: whether it must.
 */
static inline bool vhdx_journal_due(const struct vhdx_journal *journal)
{
	u32 middle = journal->room / 2;

	return (journal->head >= middle && journal->tail < middle) ||
	       journal->head + journal->room / 4 > journal->room;
}

#endif /* VHDX_JOURNAL_H */
