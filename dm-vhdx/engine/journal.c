// SPDX-License-Identifier: GPL-2.0-only
#include "journal.h"

/* They are copied under a spinlock. */
#define PAGE_LIMIT 256U

/* A quarter also takes the page of zeros, and leaves one page at the end. */
static u32 page_limit(u32 room)
{
	u32 bytes = room / 4 - 2 * VHDX_PAGE;
	u32 pages = bytes / VHDX_PAGE;

	while (vhdx_log_entry_size(pages) > bytes)
		pages--;
	return min(pages, PAGE_LIMIT);
}

/**
 * vhdx_journal_init() - a journal with nothing in it
 * @journal: what to set up; vhdx_journal_exit() in any case
 * @store: the file
 * @pool: of the pages that will be journaled
 * @header: names the log, which is at least 1 MiB long
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int vhdx_journal_init(struct vhdx_journal *journal, struct vhdx_store *store,
		      struct vhdx_pool *pool, const struct vhdx_header *header)
{
	*journal = (struct vhdx_journal){
		.store = store,
		.pool = pool,
		.base = header->log_offset,
		.room = min_t(u64, header->log_length, VHDX_JOURNAL_ROOM_MAX),
	};
	INIT_LIST_HEAD(&journal->changed);
	INIT_LIST_HEAD(&journal->logged);
	journal->page_limit = page_limit(journal->room);
	journal->buffer = kvzalloc(vhdx_log_entry_size(journal->page_limit) +
				   VHDX_PAGE, GFP_NOIO);
	return journal->buffer ? 0 : -ENOMEM;
}

/**
 * vhdx_journal_exit() - end a journal
 * @journal: as vhdx_journal_init() left it; or zeroed. Pages that are still in
 *	it stay pinned, and belong to their map.
 *
 * Context: may sleep.
 */
void vhdx_journal_exit(struct vhdx_journal *journal)
{
	if (!journal->buffer)
		return;
	/* The pages outlive the heads of these lists. */
	spin_lock(&journal->pool->lock);
	list_del_init(&journal->changed);
	list_del_init(&journal->logged);
	spin_unlock(&journal->pool->lock);
	kvfree(journal->buffer);
	journal->buffer = NULL;
}

/**
 * vhdx_journal_flush() - flush the store, and remember how long it is
 * @journal: the journal
 *
 * Context: may sleep; the committer.
 * Return: 0 or an errno of the store.
 */
int vhdx_journal_flush(struct vhdx_journal *journal)
{
	u64 size = ALIGN_DOWN(READ_ONCE(journal->store->size), VHDX_ALIGN);
	int r = vhdx_store_flush(journal->store);

	journal->flushes++;
	if (!r)
		journal->stable = size;
	return r;
}

/* Writes the entry in the buffer behind the others, and makes it durable. */
static int write_entry(struct vhdx_journal *journal, u64 last_file_offset)
{
	struct vhdx_log_entry entry = {
		.offset = journal->head,
		.length = vhdx_log_entry_size(journal->closed),
		.tail = journal->tail,
		.descriptors = journal->closed,
		.sequence = journal->sequence,
		/* A block device is longer than the image may ever be. */
		.flushed_file_offset = min(journal->stable, last_file_offset),
		.last_file_offset = last_file_offset,
	};
	int r;

	vhdx_log_encode(journal->buffer, &entry, &journal->guid);
	memset((u8 *)journal->buffer + entry.length, 0, VHDX_PAGE);
	r = vhdx_store_write(journal->store, journal->base + entry.offset,
			     journal->buffer, entry.length + VHDX_PAGE);
	if (!r)
		r = vhdx_journal_flush(journal);
	if (r)
		return r;
	journal->head += entry.length;
	journal->sequence++;
	journal->entries++;
	journal->closed = 0;
	return 0;
}

/**
 * vhdx_journal_start() - begin a log
 * @journal: with no page in it, on a store that was flushed through it
 * @last_file_offset: where the last byte that is in use ends
 *
 * Writes an empty entry under a new GUID. The headers must not name the GUID
 * before that: a log without a valid entry makes a file unreadable.
 *
 * Context: may sleep; the committer.
 * Return: 0 or an errno of the store.
 */
int vhdx_journal_start(struct vhdx_journal *journal, u64 last_file_offset)
{
	u32 random;

	/* Unlike those of the entries that older logs left behind. */
	get_random_bytes(&random, sizeof(random));
	journal->sequence = (u64)random + 1;
	guid_gen(&journal->guid);
	journal->head = 0;
	journal->tail = 0;
	journal->closed = 0;
	return write_entry(journal, last_file_offset);
}

/**
 * vhdx_journal_touch() - a page is about to change
 * @journal: the journal
 * @page: resident
 *
 * Context: under the pool's lock, which is kept until the page has changed.
 * Return: false if the transaction is full and must be committed before.
 */
bool vhdx_journal_touch(struct vhdx_journal *journal, struct vhdx_page *page)
{
	lockdep_assert_held(&journal->pool->lock);
	if (page->changed)
		return true;
	if (journal->changed_count == journal->page_limit)
		return false;
	vhdx_page_pin(page, &journal->changed);
	page->changed = true;
	journal->changed_count++;
	return true;
}

/*
 * Of the pages that are in no later entry and not in place, the oldest entry.
 * Their writes to their places, if complete, become durable by the flush that
 * comes before this entry.
 */
static u32 oldest_entry(const struct vhdx_journal *journal)
{
	if (list_empty(&journal->logged))
		return journal->head;
	return list_first_entry(&journal->logged, struct vhdx_page, list)
		->log_offset;
}

/**
 * vhdx_journal_close() - close the open transaction, and open the next
 * @journal: the journal, with no closed transaction
 *
 * The pages are copied as they are now. If a checkpoint is due, it has been
 * made.
 *
 * Context: under the pool's lock; the committer.
 * Return: how many pages the transaction has; if any, vhdx_journal_commit()
 * must follow.
 */
u32 vhdx_journal_close(struct vhdx_journal *journal)
{
	u32 count = journal->changed_count;
	u32 i;

	lockdep_assert_held(&journal->pool->lock);
	WARN_ON_ONCE(vhdx_journal_due(journal) && !list_empty(&journal->logged));
	if (journal->head + journal->room / 4 > journal->room)
		journal->head = 0;
	journal->tail = oldest_entry(journal);
	for (i = 0; i < count; i++) {
		struct vhdx_page *page = list_first_entry(&journal->changed,
							  struct vhdx_page,
							  list);

		vhdx_log_encode_page(journal->buffer, count, i,
				     journal->sequence, page->pos, page->data);
		page->logged = true;
		page->log_offset = journal->head;
		vhdx_page_pin(page, &journal->logged);
		page->changed = false;
	}
	journal->changed_count = 0;
	journal->closed = count;
	return count;
}

/**
 * vhdx_journal_commit() - make the closed transaction durable
 * @journal: the journal
 * @last_file_offset: where the last byte that was in use when the transaction
 *	was closed ends, or later
 *
 * One flush makes durable what the pages of the transaction point to, and the
 * pages of older ones in their places; another one makes the entry durable
 * ([MS-VHDX] 2.3).
 *
 * Context: may sleep; the committer.
 * Return: 0 or an errno of the store, after which the log must not be written
 * any more.
 */
int vhdx_journal_commit(struct vhdx_journal *journal, u64 last_file_offset)
{
	u32 length = vhdx_log_entry_size(journal->closed);
	u8 *behind = (u8 *)journal->buffer + length;
	int r = 0;

	/*
	 * QEMU must not find an entry of the last lap behind the first one of
	 * this, not even if a crash comes between the pages of one write.
	 */
	if (!journal->head) {
		memset(behind, 0, VHDX_PAGE);
		r = vhdx_store_write(journal->store, journal->base + length,
				     behind, VHDX_PAGE);
	}
	if (!r)
		r = vhdx_journal_flush(journal);
	return r ? r : write_entry(journal, last_file_offset);
}

/* The buffer holds a copy, for the page may change while it is written. */
static struct vhdx_page *next_logged(struct vhdx_journal *journal)
{
	struct vhdx_page *page = NULL;

	spin_lock(&journal->pool->lock);
	if (!list_empty(&journal->logged)) {
		page = list_first_entry(&journal->logged, struct vhdx_page,
					list);
		memcpy(journal->buffer, page->data, VHDX_PAGE);
	}
	spin_unlock(&journal->pool->lock);
	return page;
}

/* If the page was changed meanwhile, it is in the next entry anyway. */
static void now_in_place(struct vhdx_journal *journal, struct vhdx_page *page)
{
	spin_lock(&journal->pool->lock);
	journal->pool->written++;
	journal->checkpointed++;
	if (page->changed)
		page->logged = false;
	else
		vhdx_page_unpin(page);
	spin_unlock(&journal->pool->lock);
}

/**
 * vhdx_journal_checkpoint() - write logged pages to their places
 * @journal: the journal, with no closed transaction
 *
 * Pages that the open transaction has changed are left out: the version that
 * was committed is gone from memory, and the other must not be on disk before
 * its entry is. The next flush makes the writes durable.
 *
 * Context: may sleep; the committer.
 * Return: 0 or an errno of the store.
 */
int vhdx_journal_checkpoint(struct vhdx_journal *journal)
{
	struct vhdx_page *page;
	int r;

	while ((page = next_logged(journal))) {
		r = vhdx_store_write(journal->store, page->pos, journal->buffer,
				     VHDX_PAGE);
		if (r)
			return r;
		now_in_place(journal, page);
		cond_resched();
	}
	return 0;
}
