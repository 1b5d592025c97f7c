/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal: writes changed BAT pages to disk through the log ([MS-VHDX]
 * 2.3).
 *
 * A transaction is the set of pages changed since the previous transaction was
 * closed. Committing it writes one log entry with all of these pages, whole. On
 * disk, the pages keep their old contents until a checkpoint writes them in
 * place. The tail of the log moves past an entry once each of its pages is
 * durably in place or is in a later entry.
 *
 *	changed --commit--> logged --checkpoint--> in place
 *	   ^                  |  ^
 *	   +---- changed -----+  +--- and committed again
 *
 * The log is a ring that is used in laps: an entry never runs past the end of
 * the ring, and the first entry of a lap names itself as the tail. QEMU
 * requires this. It selects the run of entries whose first entry is the newest,
 * and replays it from that entry on, whatever the tail is. It also takes any
 * entry that directly follows the first one for the second. So each lap must
 * hold everything that a replay needs, and a page of zeros follows each entry
 * until the next entry overwrites it. The start of the ring is filled with zeros
 * before a lap begins, because a crash may tear the write of an entry.
 *
 * Room: an entry takes up to a quarter of the ring. A checkpoint is due when
 * entries pass the middle, so that the tail passes it too, and when the next
 * entry may not fit. A checkpoint leaves out pages that were changed again in
 * the meantime; the next entry holds all of them. So the next entry names
 * itself as the tail: there is always room for it, and until it is durable, it
 * overwrites no entry that a replay needs. Only the start of a very long log is
 * in use, because logged pages stay in memory.
 *
 * journal.c APIs:
 *   vhdx_journal_init()	set up a journal with nothing logged
 *   vhdx_journal_exit()
 *   vhdx_journal_start()	begin a log with an empty entry under a new GUID
 *   vhdx_journal_touch()	add a page to the transaction before changing it
 *   vhdx_journal_touch_idly()	likewise, for what no flush has to make durable
 *   vhdx_journal_close()	close the transaction, open the next
 *   vhdx_journal_commit()	make the closed transaction durable
 *   vhdx_journal_checkpoint()	write logged pages in place
 *   vhdx_journal_flush()	flush the store and note the durable file length
 * journal.h APIs:
 *   vhdx_journal_wraps()	test whether the next entry is the first of a lap
 *   vhdx_journal_due()	test whether a checkpoint must precede a commit
 *   vhdx_journal_fits()	test whether pages fit in the open transaction
 *   vhdx_journal_hurry()	have a flush make all changes durable
 */
#ifndef VHDX_JOURNAL_H
#define VHDX_JOURNAL_H

#include "log.h"
#include "pages.h"

/* Bytes of a log in use at a time, at most. */
#define VHDX_JOURNAL_ROOM_MAX	(64 * VHDX_MIB)

/* Pages that are written in place at once, at most; copied under a spinlock. */
#define VHDX_JOURNAL_BATCH	64U

/**
 * struct vhdx_journal - the log of a session
 * @store: the image's bytes
 * @pool: its lock guards the lists and the state of pages
 * @base: byte offset of the log in the file
 * @room: bytes of the log that are in use
 * @guid: LogGuid of this session
 * @sequence: sequence number of the next entry
 * @head: place of the next entry, in bytes from @base
 * @page_limit: maximum number of pages in a transaction
 * @changed: pages of the open transaction
 * @changed_count: number of pages in @changed
 * @urgent: a flush has to make the open transaction durable
 * @urgent_closed: likewise, the closed transaction
 * @logged: pages that are in an entry and not yet in place, oldest entry first
 * @buffer: the entry that is being written, or pages that are being written in
 *	place
 * @batch: the pages that are being written in place
 * @pieces: the same as what the store is to write
 * @closed: number of pages of the closed transaction in @buffer
 * @tail: tail of the entry in @buffer, or of the last one that was in it
 * @cleared: the start of the ring has zeros for the first entry of the next lap
 * @stable: file length in bytes that is known to be durable: FlushedFileOffset
 * @entries: number of entries written so far
 * @flushes: number of flushes of the store so far
 * @checkpointed: number of pages written in place so far
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
	bool urgent;
	bool urgent_closed;
	struct list_head logged;
	void *buffer;
	struct vhdx_page *batch[VHDX_JOURNAL_BATCH];
	struct vhdx_piece pieces[VHDX_JOURNAL_BATCH];
	u32 closed;
	u32 tail;
	bool cleared;
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
bool vhdx_journal_touch_idly(struct vhdx_journal *journal,
			     struct vhdx_page *page);
u32 vhdx_journal_close(struct vhdx_journal *journal);
int vhdx_journal_commit(struct vhdx_journal *journal, u64 last_file_offset);
int vhdx_journal_checkpoint(struct vhdx_journal *journal);
int vhdx_journal_flush(struct vhdx_journal *journal);

/**
 * vhdx_journal_wraps() - test whether the next entry is the first of a lap
 * @journal: the journal
 *
 * Context: the committer.
 * Return: true if it is.
 */
static inline bool vhdx_journal_wraps(const struct vhdx_journal *journal)
{
	return journal->head + journal->room / 4 > journal->room;
}

/**
 * vhdx_journal_due() - test whether a checkpoint must precede the next commit
 * @journal: the journal
 *
 * Return: true if a checkpoint must come first.
 */
static inline bool vhdx_journal_due(const struct vhdx_journal *journal)
{
	u32 middle = journal->room / 2;

	if (vhdx_journal_wraps(journal) && !journal->cleared)
		return true;
	return !list_empty(&journal->logged) &&
	       (vhdx_journal_wraps(journal) ||
		(journal->head >= middle && journal->tail < middle));
}

/**
 * vhdx_journal_fits() - test whether pages fit in the open transaction
 * @journal: the journal
 * @pages: number of pages that it does not hold yet
 *
 * Context: under the pool's lock.
 * Return: true if vhdx_journal_touch() will take that many.
 */
static inline bool vhdx_journal_fits(const struct vhdx_journal *journal,
				     u32 pages)
{
	return journal->changed_count + pages <= journal->page_limit;
}

/**
 * vhdx_journal_hurry() - have a flush make durable all that has changed so far
 * @journal: the journal
 *
 * Context: under the pool's lock.
 */
static inline void vhdx_journal_hurry(struct vhdx_journal *journal)
{
	if (journal->changed_count)
		journal->urgent = true;
	/* Of no account unless the closed transaction is being committed. */
	journal->urgent_closed = true;
}

#endif /* VHDX_JOURNAL_H */
