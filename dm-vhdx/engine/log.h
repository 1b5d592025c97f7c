/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log: a ring of entries. Its active sequence must be replayed before the
 * rest of the file is valid ([MS-VHDX] 2.3).
 *
 * log-entry.c APIs:
 *   vhdx_log_entry_read()	read and check the entry at one place
 * log-write.c APIs:
 *   vhdx_log_entry_size()	size of an entry that logs a number of pages
 *   vhdx_log_encode_page()	put a page into an entry
 *   vhdx_log_encode()		complete an entry
 * log.c APIs:
 *   vhdx_log_find()	find the active sequence
 *   vhdx_log_free()	free it
 *   vhdx_log_open()	open a window on the log's pages
 *   vhdx_log_page()	one page of the log
 *   vhdx_log_close()	free the window
 * log.h APIs:
 *   vhdx_log_descriptor_pages()	pages of an entry before its data
 *   vhdx_log_head()		the newest entry of a log that is not empty
 */
#ifndef VHDX_LOG_H
#define VHDX_LOG_H

#include "header.h"

/* Descriptors per page; in the first page the entry header takes some slots. */
#define VHDX_LOG_DESCS_PAGE	(VHDX_PAGE / sizeof(struct vhdx_disk_log_desc))
#define VHDX_LOG_DESCS_FIRST	(sizeof(struct vhdx_disk_log_entry) / \
				 sizeof(struct vhdx_disk_log_desc))

/**
 * vhdx_log_descriptor_pages() - size of an entry's header and descriptors
 * @descriptors: number of descriptors
 *
 * Return: the number of 4 KiB pages.
 */
static inline u32 vhdx_log_descriptor_pages(u32 descriptors)
{
	return DIV_ROUND_UP_ULL((u64)VHDX_LOG_DESCS_FIRST + descriptors,
				VHDX_LOG_DESCS_PAGE);
}

/**
 * struct vhdx_log_entry - place and contents of a valid entry
 * @offset: offset of its first page from the start of the log, in bytes
 * @length: bytes, a multiple of 4 KiB; the entry may wrap around the end of the
 *	log
 * @tail: offset of the oldest entry that was not yet applied when this entry
 *	was written
 * @descriptors: number of descriptors
 * @sequence: its sequence number
 * @flushed_file_offset: minimum file length that was known to be durable
 * @last_file_offset: file length that holds everything that was allocated
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
 * @entries: from the entry that the head's tail names to the head itself
 * @count: number of entries; 0 if the log is empty
 * @valid: number of all valid entries of this log that were found
 * @lost: the headers name a log, but the whole ring was read and holds no valid
 *	sequence
 */
struct vhdx_log {
	struct vhdx_log_entry *entries;
	u32 count;
	u32 valid;
	bool lost;
};

/**
 * vhdx_log_head() - the newest entry of a log that is not empty
 * @log: a log with a count above 0
 *
 * Return: its last entry.
 */
static inline const struct vhdx_log_entry *
vhdx_log_head(const struct vhdx_log *log)
{
	return &log->entries[log->count - 1];
}

/**
 * struct vhdx_log_reader - sequential reader of the log with a small window
 * @store: the image's bytes
 * @base: byte offset of the log in the file
 * @pages: length of the log in 4 KiB pages
 * @window: the pages that were read last
 * @first: number of the log page at the start of the window
 * @filled: number of pages in the window
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
