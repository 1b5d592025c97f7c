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
 * Room: a transaction is closed to new pages when its entry would fill a
 * quarter of the log. A checkpoint follows a commit that leaves the log more
 * than half full. What it has to leave out are pages that were changed again
 * meanwhile, and these are in the next entry; so that entry can always be
 * written, and names itself as the tail.
 *
 * journal.c APIs:
 *   vhdx_journal_init()	nothing logged
 *   vhdx_journal_exit()
 *   vhdx_journal_start()	begin a log: an empty entry under a new GUID
 *   vhdx_journal_touch()	a page is about to change
 *   vhdx_journal_commit()	make all changes durable
 *   vhdx_journal_checkpoint()	write logged pages to their places
 */
#ifndef VHDX_JOURNAL_H
#define VHDX_JOURNAL_H

#include "log.h"
#include "pages.h"

/**
 * struct vhdx_journal - the log of a session, and what waits for it
 * @store: the file
 * @pool: whose lock guards the lists and the state of pages
 * @base: byte offset of the log in the file
 * @length: of the log in bytes
 * @guid: LogGuid of this session
 * @sequence: of the next entry
 * @head: where the next entry goes, in bytes from @base
 * @used: bytes from the tail of the last durable entry to @head
 * @page_limit: how many pages a transaction may have
 * @changed: pages of the open transaction
 * @changed_count: how many
 * @logged: pages that are in an entry and not in place, oldest entry first
 * @logged_count: how many
 * @buffer: the entry that is being written, or pages on their way to their
 *	places
 * @stable: bytes of the file that are known to be durable: FlushedFileOffset
 * @entries: written so far
 * @checkpointed: pages written to their places so far
 */
struct vhdx_journal {
	struct vhdx_store *store;
	struct vhdx_pool *pool;
	u64 base;
	u32 length;
	guid_t guid;
	u64 sequence;
	u32 head;
	u32 used;
	u32 page_limit;
	struct list_head changed;
	u32 changed_count;
	struct list_head logged;
	u32 logged_count;
	void *buffer;
	u64 stable;
	u64 entries;
	u64 checkpointed;
};

int vhdx_journal_init(struct vhdx_journal *journal, struct vhdx_store *store,
		      struct vhdx_pool *pool, const struct vhdx_header *header);
void vhdx_journal_exit(struct vhdx_journal *journal);
int vhdx_journal_start(struct vhdx_journal *journal, u64 last_file_offset);
bool vhdx_journal_touch(struct vhdx_journal *journal, struct vhdx_page *page);
int vhdx_journal_commit(struct vhdx_journal *journal, u64 last_file_offset);
int vhdx_journal_checkpoint(struct vhdx_journal *journal);

/* Should a checkpoint follow? */
static inline bool vhdx_journal_half_full(const struct vhdx_journal *journal)
{
	return journal->used > journal->length / 2;
}

#endif /* VHDX_JOURNAL_H */
