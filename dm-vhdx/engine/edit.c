// SPDX-License-Identifier: GPL-2.0-only
#include "edit.h"

static bool is_in(u64 pos, u64 len, u64 start, u64 length)
{
	return pos >= start && pos - start < length &&
	       len <= length - (pos - start);
}

/* The bytes of the page at @pos, read when it is first changed, or an ERR_PTR. */
static u8 *edit_page(struct vhdx_edit *edit, u64 pos)
{
	struct vhdx_edit_page *page = edit->pages;
	int r;

	for (; page < edit->pages + edit->count; page++)
		if (page->pos == pos)
			return page->data;
	if (edit->count == edit->limit) {
		vhdx_refuse(edit->report, -E2BIG,
			    vhdx_image_log_place(edit->session->image),
			    "an entry holds %u pages, and the change of the metadata needs more",
			    edit->limit);
		return ERR_PTR(-E2BIG);
	}
	page->pos = pos;
	page->data = kmalloc(VHDX_PAGE, GFP_NOIO);
	if (!page->data)
		return ERR_PTR(-ENOMEM);
	edit->count++;
	r = vhdx_image_read(edit->session->image, pos, page->data, VHDX_PAGE);
	if (!r)
		return page->data;
	vhdx_refuse(edit->report, r, VHDX_AT("metadata", pos),
		    "cannot be read: %s (%d)", vhdx_errno_words(r), -r);
	return ERR_PTR(r);
}

/**
 * vhdx_edit_write() - change bytes
 * @edit: the edit; after an error it can only be freed
 * @pos: byte offset in the file. The range lies in the metadata region, or in
 *	one copy of the region table.
 * @buf: the new bytes
 * @len: number of bytes
 *
 * Nothing is written before vhdx_edit_commit().
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for another range; -ENOMEM; or after a finding: -E2BIG if
 * the changes do not fit in one entry of the log, or an errno of the store.
 */
int vhdx_edit_write(struct vhdx_edit *edit, u64 pos, const void *buf, u32 len)
{
	const struct vhdx_metadata *metadata = &edit->metadata;
	const u8 *bytes = buf;

	if (!is_in(pos, len, metadata->base, metadata->length) &&
	    !is_in(pos, len, VHDX_REGION_TABLE_OFFSET(0), VHDX_TABLE_SIZE) &&
	    !is_in(pos, len, VHDX_REGION_TABLE_OFFSET(1), VHDX_TABLE_SIZE))
		return -EINVAL;
	while (len) {
		u32 skip = pos & (VHDX_PAGE - 1);
		u32 part = min(len, VHDX_PAGE - skip);
		u8 *data = edit_page(edit, pos - skip);

		if (IS_ERR(data))
			return PTR_ERR(data);
		memcpy(data + skip, bytes, part);
		bytes += part;
		pos += part;
		len -= part;
	}
	return 0;
}

static int fill_edited(void *context, u64 index, struct vhdx_page *page)
{
	const struct vhdx_edit *edit = context;

	page->pos = edit->pages[index].pos;
	memcpy(page->data, edit->pages[index].data, VHDX_PAGE);
	return 0;
}

static int load_pages(struct vhdx_edit *edit)
{
	int r = 0;
	u32 i;

	for (i = 0; i < edit->count && !r; i++)
		r = vhdx_page_map_load(&edit->map, i, fill_edited, edit);
	return r;
}

/*
 * All pages or none of them go into the open transaction. Returns -EAGAIN if a
 * page was evicted, or if the transaction has no room.
 */
static int touch_pages(struct vhdx_edit *edit)
{
	struct vhdx_journal *journal = &edit->session->journal;
	struct vhdx_page *page;
	u32 i;

	if (!vhdx_journal_fits(journal, edit->count))
		return -EAGAIN;
	for (i = 0; i < edit->count; i++)
		if (!vhdx_page_map_find(&edit->map, i))
			return -EAGAIN;
	for (i = 0; i < edit->count; i++) {
		page = vhdx_page_map_find(&edit->map, i);
		WARN_ON_ONCE(!vhdx_journal_touch(journal, page));
	}
	return 0;
}

static int enter_journal(struct vhdx_edit *edit)
{
	struct vhdx_session *session = edit->session;
	spinlock_t *lock = &session->image->pool.lock;
	int r;

	vhdx_pool_need(&session->image->pool, edit->count);
	r = vhdx_page_map_init(&edit->map, &session->image->pool, edit->count);
	if (r)
		return r;
	for (;;) {
		r = load_pages(edit);
		if (r)
			return r;
		spin_lock(lock);
		r = touch_pages(edit);
		spin_unlock(lock);
		if (r != -EAGAIN)
			return r;
		r = vhdx_session_work(session, VHDX_WORK_COMMIT);
		if (r)
			return r;
	}
}

/**
 * vhdx_edit_commit() - make all changes durable at once
 * @edit: the edit; it can only be freed afterwards
 *
 * Begins the session if it is not live, see vhdx_session_begin_under(). On
 * return the changes are in the log and have been written in place, too, which
 * vhdx_session_end() makes durable.
 *
 * Context: may sleep; the committer, with no lock held.
 * Return: 0; -ENOSPC if there is no room to begin the session, -ENOMEM or
 * -EINTR, and nothing has changed; or the errno with which the session failed:
 * the old metadata is valid or the new, and the log says which.
 */
int vhdx_edit_commit(struct vhdx_edit *edit)
{
	struct vhdx_session *session = edit->session;
	int r;

	if (!edit->count)
		return 0;
	r = vhdx_session_work(session, VHDX_WORK_BEGIN);
	if (!r)
		r = vhdx_session_ready(session);
	if (!r)
		r = enter_journal(edit);
	if (r)
		return r;
	return vhdx_session_work(session,
				 VHDX_WORK_COMMIT | VHDX_WORK_CHECKPOINT);
}

static int copy_table(struct vhdx_edit *edit)
{
	const struct vhdx_metadata *from = &edit->session->image->metadata;
	struct vhdx_metadata *to = &edit->metadata;

	*to = *from;
	to->items = kvcalloc(from->count + 1, sizeof(*to->items), GFP_KERNEL);
	if (!to->items)
		return -ENOMEM;
	memcpy(to->items, from->items, from->count * sizeof(*to->items));
	return 0;
}

/**
 * vhdx_edit_new() - begin to collect changes
 * @session: writes them; its image has no changes by another edit
 * @report: receives findings; outlives the edit
 *
 * Context: may sleep.
 * Return: the edit for vhdx_edit_free(), or an ERR_PTR of -ENOMEM.
 */
struct vhdx_edit *vhdx_edit_new(struct vhdx_session *session,
				struct vhdx_report *report)
{
	struct vhdx_edit *edit = kzalloc(sizeof(*edit), GFP_KERNEL);

	if (!edit)
		return ERR_PTR(-ENOMEM);
	edit->session = session;
	edit->report = report;
	edit->limit = session->journal.page_limit;
	edit->pages = kvcalloc(edit->limit, sizeof(*edit->pages), GFP_KERNEL);
	if (!edit->pages || copy_table(edit)) {
		vhdx_edit_free(edit);
		return ERR_PTR(-ENOMEM);
	}
	return edit;
}

/**
 * vhdx_edit_free() - free an edit
 * @edit: an edit that was not committed; or one whose session has ended or
 *	failed, and may be freed already. The image is still open.
 *
 * Context: may sleep.
 */
void vhdx_edit_free(struct vhdx_edit *edit)
{
	u32 i;

	vhdx_page_map_exit(&edit->map);
	for (i = 0; i < edit->count; i++)
		kfree(edit->pages[i].data);
	kvfree(edit->pages);
	vhdx_metadata_free(&edit->metadata);
	kfree(edit);
}
