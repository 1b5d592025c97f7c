// SPDX-License-Identifier: GPL-2.0-only
#include "journal.h"

/* The pages of a transaction are copied under a spinlock. */
#define PAGE_LIMIT 256U

/* A quarter also holds the page of zeros, and leaves one page at the end. */
static u32 page_limit(u32 room)
{
	u32 bytes = room / 4 - 2 * VHDX_PAGE;
	u32 pages = bytes / VHDX_PAGE;

	while (vhdx_log_entry_size(pages) > bytes)
		pages--;
	return min(pages, PAGE_LIMIT);
}

/**
 * vhdx_journal_init() - set up an empty journal
 * @journal: the journal; the caller ends it with vhdx_journal_exit(), also
 *	after a failure
 * @store: the file
 * @pool: pool of the pages to journal
 * @header: header that names the log, which is at least 1 MiB long
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
 * @journal: as vhdx_journal_init() left it; or zeroed. Pages in the journal
 *	stay pinned, and belong to their map.
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
 * vhdx_journal_flush() - flush the store and record its length
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

/* Append the entry in the buffer to the log and make it durable. */
static int write_entry(struct vhdx_journal *journal, u64 last_file_offset)
{
	struct vhdx_log_entry entry = {
		.offset = journal->head,
		.length = vhdx_log_entry_size(journal->closed),
		.tail = journal->tail,
		.descriptors = journal->closed,
		.sequence = journal->sequence,
		/* A block device may be longer than any image. */
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
 * @journal: an empty journal; vhdx_journal_flush() has flushed its store
 * @last_file_offset: end of the last byte in use
 *
 * Writes an empty entry under a new GUID. The headers must not name the GUID
 * before that: no reader opens a file whose log has no valid entry.
 *
 * Context: may sleep; the committer.
 * Return: 0 or an errno of the store.
 */
int vhdx_journal_start(struct vhdx_journal *journal, u64 last_file_offset)
{
	u32 random;

	/* Entries of older logs have other numbers. */
	get_random_bytes(&random, sizeof(random));
	journal->sequence = (u64)random + 1;
	guid_gen(&journal->guid);
	journal->head = 0;
	journal->tail = 0;
	journal->closed = 0;
	journal->cleared = false;
	return write_entry(journal, last_file_offset);
}

/**
 * vhdx_journal_touch_idly() - add a page for a change that no flush waits for
 * @journal: the journal
 * @page: a resident page that is about to change
 *
 * Context: as for vhdx_journal_touch().
 * Return: as vhdx_journal_touch().
 */
bool vhdx_journal_touch_idly(struct vhdx_journal *journal,
			     struct vhdx_page *page)
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

/**
 * vhdx_journal_touch() - add a page to the open transaction
 * @journal: the journal
 * @page: a resident page that is about to change
 *
 * Context: under the pool's lock, which the caller keeps until the page has
 * changed.
 * Return: true; false if the transaction is full and must be committed first.
 */
bool vhdx_journal_touch(struct vhdx_journal *journal, struct vhdx_page *page)
{
	if (!vhdx_journal_touch_idly(journal, page))
		return false;
	journal->urgent = true;
	return true;
}

/*
 * Return the oldest entry with a page that no later entry has and that is not
 * in place. The flush before the next entry makes completed writes to the
 * places of pages durable.
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
 * Copies the pages as they are now. The caller has made the checkpoint that was
 * due.
 *
 * Context: under the pool's lock; the committer.
 * Return: number of pages in the transaction; unless it is 0, the caller goes
 * on with vhdx_journal_commit().
 */
u32 vhdx_journal_close(struct vhdx_journal *journal)
{
	u32 count = journal->changed_count;
	u32 i;

	lockdep_assert_held(&journal->pool->lock);
	WARN_ON_ONCE(vhdx_journal_due(journal));
	if (vhdx_journal_wraps(journal)) {
		journal->head = 0;
		journal->cleared = false;
	}
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
	journal->urgent_closed = journal->urgent;
	journal->urgent = false;
	return count;
}

/**
 * vhdx_journal_commit() - make the closed transaction durable
 * @journal: the journal
 * @last_file_offset: end of the last byte in use when the transaction was
 *	closed, or a higher offset
 *
 * The first flush makes durable what the pages point to, and the pages of older
 * transactions in their places. The second flush makes the entry durable
 * ([MS-VHDX] 2.3).
 *
 * Context: may sleep; the committer.
 * Return: 0; or an errno of the store, after which nothing may be written to
 * the log.
 */
int vhdx_journal_commit(struct vhdx_journal *journal, u64 last_file_offset)
{
	int r = vhdx_journal_flush(journal);

	return r ? r : write_entry(journal, last_file_offset);
}

static int compare_places(const void *a, const void *b)
{
	u64 pos = (*(struct vhdx_page *const *)a)->pos;
	u64 other = (*(struct vhdx_page *const *)b)->pos;

	return pos < other ? -1 : pos > other;
}

/*
 * Copy logged pages to the buffer, which holds a transaction: pages may change
 * while they are written.
 */
static u32 next_logged(struct vhdx_journal *journal)
{
	u32 limit = min(journal->page_limit, VHDX_JOURNAL_BATCH);
	struct vhdx_page *page;
	u8 *copy = journal->buffer;
	u32 count = 0;
	u32 i;

	spin_lock(&journal->pool->lock);
	list_for_each_entry(page, &journal->logged, list) {
		if (count == limit)
			break;
		journal->batch[count++] = page;
	}
	sort(journal->batch, count, sizeof(*journal->batch), compare_places,
	     NULL);
	for (i = 0; i < count; i++, copy += VHDX_PAGE)
		memcpy(copy, journal->batch[i]->data, VHDX_PAGE);
	spin_unlock(&journal->pool->lock);
	return count;
}

/* Pages that are next to each other in the file are one piece. */
static u32 make_pieces(struct vhdx_journal *journal, u32 count)
{
	struct vhdx_piece *piece = NULL;
	u8 *copy = journal->buffer;
	u32 pieces = 0;
	u32 i;

	for (i = 0; i < count; i++) {
		u64 pos = journal->batch[i]->pos;

		if (!piece || pos != piece->pos + piece->len) {
			piece = &journal->pieces[pieces++];
			piece->pos = pos;
			piece->buf = copy + (u64)i * VHDX_PAGE;
			piece->len = 0;
		}
		piece->len += VHDX_PAGE;
	}
	return pieces;
}

/* A page that has changed meanwhile is in the next entry. */
static void now_in_place(struct vhdx_journal *journal, u32 count)
{
	u32 i;

	spin_lock(&journal->pool->lock);
	journal->pool->written += count;
	journal->checkpointed += count;
	for (i = 0; i < count; i++) {
		struct vhdx_page *page = journal->batch[i];

		if (page->changed)
			page->logged = false;
		else
			vhdx_page_unpin(page);
	}
	spin_unlock(&journal->pool->lock);
}

/*
 * An entry of the last lap must not follow the first one of the next lap, or QEMU
 * would replay it, even if a crash tears a write between its pages. Where the first
 * entry will end is not known yet. No replay needs what is cleared: the entries
 * that are in use begin past the middle of the ring.
 */
static int clear_start(struct vhdx_journal *journal)
{
	u32 length = vhdx_log_entry_size(journal->page_limit) + VHDX_PAGE;
	int r;

	if (!vhdx_journal_wraps(journal) || journal->cleared)
		return 0;
	if (WARN_ON_ONCE(journal->tail < length))
		return -EIO;
	memset(journal->buffer, 0, length);
	r = vhdx_store_write(journal->store, journal->base, journal->buffer,
			     length);
	journal->cleared = !r;
	return r;
}

/**
 * vhdx_journal_checkpoint() - write logged pages to their places
 * @journal: the journal, with no closed transaction
 *
 * Leaves out pages that the open transaction has changed: their committed
 * version is gone from memory, and the new one must not reach the disk before
 * its entry. The next flush makes the writes durable.
 *
 * Before a lap of the log, this also fills the start of the ring with zeros.
 *
 * A flush may wait for this, so the store gets many pages at once.
 *
 * Context: may sleep; the committer.
 * Return: 0 or an errno of the store.
 */
int vhdx_journal_checkpoint(struct vhdx_journal *journal)
{
	u32 count;
	int r;

	while ((count = next_logged(journal))) {
		r = vhdx_store_write_pieces(journal->store, journal->pieces,
					    make_pieces(journal, count));
		if (r)
			return r;
		now_in_place(journal, count);
		cond_resched();
	}
	return clear_start(journal);
}
