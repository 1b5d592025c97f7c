/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log: a ring of entries, of which the active sequence must be replayed
 * before anything else in the file means anything ([MS-VHDX] 2.3).
 *
 * log-entry.c APIs:
 *   vhdx_log_entry_read()	is there a valid entry at this place?
 * log-write.c APIs:
 *   vhdx_log_entry_size()	how long an entry for so many pages is
 *   vhdx_log_encode_page()	put a page into an entry
 *   vhdx_log_encode()		complete an entry
 * log.c APIs:
 *   vhdx_log_find()	find the active sequence
 *   vhdx_log_free()	forget it
 *   vhdx_log_open()	read the log's pages through a window
 *   vhdx_log_page()	one page of the log
 *   vhdx_log_close()	give the window back
 * log.h APIs:
 *   vhdx_log_descriptor_pages()	how long an entry is before its data
 *   vhdx_log_head()		the newest entry of a log that has any
 */
#ifndef VHDX_LOG_H
#define VHDX_LOG_H

#include "header.h"

/* Descriptors to a page; in the first page the header takes the first places. */
#define VHDX_LOG_DESCS_PAGE	(VHDX_PAGE / sizeof(struct vhdx_disk_log_desc))
#define VHDX_LOG_DESCS_FIRST	(sizeof(struct vhdx_disk_log_entry) / \
				 sizeof(struct vhdx_disk_log_desc))

/**
 * vhdx_log_descriptor_pages() - how long are header and descriptors of an entry?
 * @descriptors: how many it has
 *
 * Return: 4 KiB pages.
 */
static inline u32 vhdx_log_descriptor_pages(u32 descriptors)
{
	return DIV_ROUND_UP_ULL((u64)VHDX_LOG_DESCS_FIRST + descriptors,
				VHDX_LOG_DESCS_PAGE);
}

/**
 * struct vhdx_log_entry - where a valid entry lies, and what it promises
 * @offset: of its first page from the start of the log, in bytes
 * @length: bytes, a multiple of 4 KiB; it may run past the end of the log to
 *	its start
 * @tail: offset of the oldest entry that was not yet applied when this one was
 *	written
 * @descriptors: how many it holds
 * @sequence: its number
 * @flushed_file_offset: the file was known to be at least this long
 * @last_file_offset: all that was allocated fits in a file this long
 */
struct vhdx_log_entry {
	u32 offset;
	u32 length;
	u32 tail;
	u32 descriptors;
	u64 sequence;
	u64 flushed_file_offset;
	u64 last_file_offset;
};

/**
 * struct vhdx_log - the entries to replay, oldest first
 * @entries: from the one that the head's tail names to the head itself
 * @count: how many; 0 if the log is empty
 * @valid: how many valid entries of this log were seen in all
 * @lost: all of the log was read, and it holds no valid sequence although the
 *	headers say that there is one
 */
struct vhdx_log {
	struct vhdx_log_entry *entries;
	u32 count;
	u32 valid;
	bool lost;
};

/**
 * vhdx_log_head() - the newest entry of a log that has any
 * @log: with a count above 0
 *
 * Return: its last entry.
 */
static inline const struct vhdx_log_entry *
vhdx_log_head(const struct vhdx_log *log)
{
	return &log->entries[log->count - 1];
}

/**
 * struct vhdx_log_reader - the log, read in order through a small window
 * @store: the file
 * @base: byte offset of the log in it
 * @pages: length of the log in 4 KiB pages
 * @window: what was read last
 * @first: the log page at the window's start
 * @filled: pages in the window
 */
struct vhdx_log_reader {
	struct vhdx_store *store;
	u64 base;
	u32 pages;
	void *window;
	u32 first;
	u32 filled;
};

int vhdx_log_open(struct vhdx_log_reader *reader, struct vhdx_store *store,
		  const struct vhdx_header *header);
const void *vhdx_log_page(struct vhdx_log_reader *reader, u32 index);
void vhdx_log_close(struct vhdx_log_reader *reader);

int vhdx_log_entry_read(struct vhdx_log_reader *reader, u32 first,
			const struct vhdx_header *header,
			struct vhdx_log_entry *entry, const char **fault);

u32 vhdx_log_entry_size(u32 pages);
void vhdx_log_encode_page(void *buf, u32 pages, u32 index, u64 sequence,
			  u64 target, const void *data);
void vhdx_log_encode(void *buf, const struct vhdx_log_entry *entry,
		     const guid_t *guid);

int vhdx_log_find(struct vhdx_store *store, const struct vhdx_header *header,
		  struct vhdx_log *log, struct vhdx_report *report);
void vhdx_log_free(struct vhdx_log *log);

#endif /* VHDX_LOG_H */
