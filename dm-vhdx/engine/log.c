// SPDX-License-Identifier: GPL-2.0-only
#include "log.h"

#define WINDOW_PAGES 16U

/**
 * vhdx_log_open() - start to read the pages of the log
 * @reader: the reader, which reads ahead into a window
 * @store: the image's bytes
 * @header: the current header; the place of the log has been checked
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM; after 0 the caller ends with vhdx_log_close().
 */
int vhdx_log_open(struct vhdx_log_reader *reader, struct vhdx_store *store,
		  const struct vhdx_header *header)
{
	*reader = (struct vhdx_log_reader){
		.store = store,
		.base = header->log_offset,
		.pages = header->log_length >> VHDX_PAGE_SHIFT,
	};
	reader->window = kvmalloc(WINDOW_PAGES * VHDX_PAGE, GFP_KERNEL);
	return reader->window ? 0 : -ENOMEM;
}

/**
 * vhdx_log_page() - read one page of the log
 * @reader: the reader
 * @index: number of the page, taken modulo the length of the ring
 *
 * Context: may sleep.
 * Return: the page, valid until the next call, or an ERR_PTR of the store.
 */
const void *vhdx_log_page(struct vhdx_log_reader *reader, u32 index)
{
	u32 page = index % reader->pages;
	u32 count;
	int r;

	if (page - reader->first >= reader->filled) {
		count = min(WINDOW_PAGES, reader->pages - page);
		reader->filled = 0;
		r = vhdx_store_read(reader->store,
				    reader->base + (u64)page * VHDX_PAGE,
				    reader->window, count * VHDX_PAGE);
		if (r)
			return ERR_PTR(r);
		reader->first = page;
		reader->filled = count;
	}
	return (u8 *)reader->window + (page - reader->first) * VHDX_PAGE;
}

/**
 * vhdx_log_close() - end a reader
 * @reader: as vhdx_log_open() made it
 */
void vhdx_log_close(struct vhdx_log_reader *reader)
{
	kvfree(reader->window);
}

/**
 * struct catalogue - all valid entries of the ring, sorted by offset
 * @entries: the entries
 * @count: number of entries
 * @room: number of entries that @entries has memory for
 * @fault: fault of the first invalid entry, in words, or NULL
 * @fault_at: offset of that entry in the ring
 */
struct catalogue {
	struct vhdx_log_entry *entries;
	u32 count;
	u32 room;
	const char *fault;
	u32 fault_at;
};

static int catalogue_add(struct catalogue *cat,
			 const struct vhdx_log_entry *entry)
{
	struct vhdx_log_entry *grown;
	u32 room;

	if (cat->count == cat->room) {
		room = max(64U, cat->room * 2);
		grown = kvmalloc_array(room, sizeof(*grown),
				       GFP_KERNEL_ACCOUNT);
		if (!grown)
			return -ENOMEM;
		if (cat->count)
			memcpy(grown, cat->entries,
			       cat->count * sizeof(*grown));
		kvfree(cat->entries);
		cat->entries = grown;
		cat->room = room;
	}
	cat->entries[cat->count++] = *entry;
	return 0;
}

static int catalogue_fill(struct catalogue *cat, struct vhdx_store *store,
			  const struct vhdx_header *header)
{
	struct vhdx_log_reader reader;
	struct vhdx_log_entry entry;
	const char *fault;
	u32 page = 0;
	int r;

	r = vhdx_log_open(&reader, store, header);
	if (r)
		return r;
	while (page < reader.pages) {
		r = vhdx_log_entry_read(&reader, page, header, &entry, &fault);
		if (r < 0)
			break;
		if (fault && !cat->fault) {
			cat->fault = fault;
			cat->fault_at = page * VHDX_PAGE;
		}
		if (r > 0) {
			r = catalogue_add(cat, &entry);
			if (r)
				break;
			page += entry.length >> VHDX_PAGE_SHIFT;
		} else {
			page++;
		}
	}
	vhdx_log_close(&reader);
	return r < 0 ? r : 0;
}

/* Return the entry at byte @offset of the ring, or NULL. */
static const struct vhdx_log_entry *catalogue_at(const struct catalogue *cat,
						 u32 offset)
{
	u32 low = 0, high = cat->count;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (cat->entries[mid].offset < offset)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < cat->count && cat->entries[low].offset == offset)
		return &cat->entries[low];
	return NULL;
}

/*
 * Return the entry that continues the sequence of @entry, or NULL. Entries
 * share no page, so this can only be the next one in the catalogue.
 */
static const struct vhdx_log_entry *
next_entry(const struct catalogue *cat, const struct vhdx_log_entry *entry,
	   u32 log_length)
{
	const struct vhdx_log_entry *next = entry + 1;

	if (next == cat->entries + cat->count)
		next = cat->entries;
	if (next->offset != (entry->offset + (u64)entry->length) % log_length ||
	    next->sequence != entry->sequence + 1)
		return NULL;
	return next;
}

static const struct vhdx_log_entry *
previous_entry(const struct catalogue *cat, const struct vhdx_log_entry *entry,
	       u32 log_length)
{
	const struct vhdx_log_entry *previous = entry;

	if (previous == cat->entries)
		previous += cat->count;
	previous--;
	return next_entry(cat, previous, log_length) == entry ? previous : NULL;
}

/*
 * A sequence that ends with @head is valid if it contains the entry that the
 * head's tail names ([MS-VHDX] 2.3.2). Entries before that one are in place.
 * The search goes back from the head, so that a hostile tail cannot lead it
 * into another sequence. Return the number of entries from the tail to the
 * head, or 0.
 */
static u32 sequence_length(const struct catalogue *cat,
			   const struct vhdx_log_entry *head, u32 log_length)
{
	const struct vhdx_log_entry *tail = catalogue_at(cat, head->tail);
	const struct vhdx_log_entry *entry = head;
	u32 count = 1;

	while (entry && entry != tail) {
		entry = previous_entry(cat, entry, log_length);
		count++;
	}
	return entry ? count : 0;
}

/*
 * The active sequence is the valid one whose head has the greatest sequence
 * number. A head is an entry that no entry continues. The sequences of
 * different heads share no entry, so this is one pass over the catalogue.
 */
static const struct vhdx_log_entry *find_head(const struct catalogue *cat,
					      u32 log_length, u32 *count)
{
	const struct vhdx_log_entry *best = NULL;
	u32 i, length;

	for (i = 0; i < cat->count; i++) {
		const struct vhdx_log_entry *head = &cat->entries[i];

		if (next_entry(cat, head, log_length) ||
		    (best && best->sequence >= head->sequence))
			continue;
		length = sequence_length(cat, head, log_length);
		if (length) {
			best = head;
			*count = length;
		}
	}
	return best;
}

static int take_sequence(const struct catalogue *cat,
			 const struct vhdx_log_entry *head, u32 log_length,
			 struct vhdx_log *log)
{
	const struct vhdx_log_entry *entry = catalogue_at(cat, head->tail);
	u32 i;

	log->entries = kvmalloc_array(log->count, sizeof(*entry),
				      GFP_KERNEL_ACCOUNT);
	if (!log->entries)
		return -ENOMEM;
	for (i = 0; i < log->count; i++) {
		log->entries[i] = *entry;
		entry = next_entry(cat, entry, log_length);
	}
	return 0;
}

static int check_head(const struct vhdx_log_entry *head,
		      const struct vhdx_header *header, u64 file_size,
		      struct vhdx_report *report)
{
	struct vhdx_place at =
		VHDX_AT("log entry", header->log_offset + head->offset);

	/* Older entries may name a length from before a truncation. */
	if (file_size < head->flushed_file_offset)
		return vhdx_refuse(report, -EUCLEAN, at,
				   "the file is truncated: it is 0x%llx bytes long and was at least 0x%llx when the log was written",
				   file_size, head->flushed_file_offset);
	if (head->last_file_offset > VHDX_FILE_SIZE_MAX)
		return vhdx_refuse(report, -EUCLEAN, at,
				   "last file offset 0x%llx is above the limit of 256 TiB",
				   head->last_file_offset);
	return 0;
}

/* Report the likely reason: a torn entry, or a tail outside the sequence. */
static int refuse_empty(const struct catalogue *cat,
			const struct vhdx_header *header,
			struct vhdx_report *report)
{
	struct vhdx_place at = VHDX_AT("log", header->log_offset);

	if (cat->fault)
		return vhdx_refuse(report, -EUCLEAN, at,
				   "must be replayed, but holds no valid sequence; the entry at 0x%llx is not valid: %s",
				   header->log_offset + cat->fault_at,
				   cat->fault);
	if (cat->count)
		return vhdx_refuse(report, -EUCLEAN, at,
				   "must be replayed, but holds no valid sequence; %u entries are valid, but no sequence of them holds the one that its head's tail names",
				   cat->count);
	return vhdx_refuse(report, -EUCLEAN, at,
			   "must be replayed, but holds no entry");
}

/**
 * vhdx_log_find() - find the active sequence
 * @store: the image's bytes
 * @header: the current header; the place of the log has been checked
 * @log: receives the sequence; empty if the header says that the log is. The
 *	caller frees it with vhdx_log_free(), also after a failure.
 * @report: receives the findings
 *
 * Context: may sleep; reads the log once.
 * Return: 0; -EUCLEAN if the header names a log without a valid sequence;
 * -ENOMEM; or an errno of the store.
 * Source: [MS-VHDX] 2.3.2, 2.3.3.
 */
int vhdx_log_find(struct vhdx_store *store, const struct vhdx_header *header,
		  struct vhdx_log *log, struct vhdx_report *report)
{
	struct vhdx_place at = VHDX_AT("log", header->log_offset);
	const struct vhdx_log_entry *head;
	struct catalogue cat = {};
	int r;

	memset(log, 0, sizeof(*log));
	if (!vhdx_header_dirty(header))
		return 0;
	r = catalogue_fill(&cat, store, header);
	if (r) {
		vhdx_refuse(report, r, at, "cannot be read: %s (%d)",
			    vhdx_errno_words(r), -r);
		goto out;
	}
	log->valid = cat.count;
	head = find_head(&cat, header->log_length, &log->count);
	if (!head) {
		log->lost = true;
		r = refuse_empty(&cat, header, report);
		goto out;
	}
	r = check_head(head, header, store->size, report);
	if (!r)
		r = take_sequence(&cat, head, header->log_length, log);
out:
	kvfree(cat.entries);
	return r;
}

/**
 * vhdx_log_free() - free the active sequence
 * @log: as vhdx_log_find() left it
 */
void vhdx_log_free(struct vhdx_log *log)
{
	kvfree(log->entries);
	memset(log, 0, sizeof(*log));
}
