/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file identifier and the two headers ([MS-VHDX] 2.2.1, 2.2.2).
 *
 * A writer updates the header copy that is not current, so a crash may tear one
 * of the two. The valid copy with the greater sequence number is current.
 *
 * header.c APIs:
 *   vhdx_file_id_check()	check that the store holds a VHDX
 *   vhdx_header_decode()	decode one copy from a buffer
 *   vhdx_headers_read()	read both copies and choose the current one
 *   vhdx_checksum_ok()	verify the checksum of a header or region table
 *   vhdx_crc_begin()	start the checksum of a log entry
 * header-write.c APIs:
 *   vhdx_headers_update()	replace both copies, crash-safe
 *   vhdx_headers_replace()	the same, and report a failure
 *   vhdx_header_encode()	encode one copy into a buffer
 *   vhdx_checksum_set()	store a structure's checksum
 * header.h APIs:
 *   vhdx_header_current()	the current header
 *   vhdx_header_dirty()	test whether the log must be replayed
 */
#ifndef VHDX_HEADER_H
#define VHDX_HEADER_H

#include "report.h"
#include "store.h"

/**
 * struct vhdx_header - a decoded header
 * @sequence: the copy with the greater one is current
 * @file_write_guid: changes whenever a writer changes anything in the file
 * @data_write_guid: changes whenever the virtual disk does; children refer to
 *	it
 * @log_guid: only log entries that carry it are valid; null if the log is empty
 * @log_version: version of the log's format, 0
 * @version: version of the file's format, 1
 * @log_length: length of the log in bytes
 * @log_offset: byte offset of the log in the file
 */
struct vhdx_header {
	u64 sequence;
	guid_t file_write_guid;
	guid_t data_write_guid;
	guid_t log_guid;
	u16 log_version;
	u16 version;
	u32 log_length;
	u64 log_offset;
};

/**
 * struct vhdx_headers - both copies
 * @copy: the decoded copies; meaningful where @valid is set
 * @valid: the copy's signature and checksum are right
 * @current_slot: index of the current copy
 */
struct vhdx_headers {
	struct vhdx_header copy[2];
	bool valid[2];
	unsigned int current_slot;
};

u32 vhdx_crc_begin(const void *buf, size_t len);
bool vhdx_checksum_ok(const void *buf, size_t len, u32 *stored, u32 *computed);
int vhdx_file_id_check(struct vhdx_store *store, struct vhdx_report *report);
bool vhdx_header_decode(const void *buf, unsigned int slot,
			struct vhdx_header *header,
			struct vhdx_report *report);
int vhdx_headers_read(struct vhdx_store *store, struct vhdx_headers *headers,
		      struct vhdx_report *report);

void vhdx_checksum_set(void *buf, size_t len);
void vhdx_header_encode(void *buf, const struct vhdx_header *header);
int vhdx_headers_update(struct vhdx_store *store, struct vhdx_headers *headers,
			const struct vhdx_header *next);
int vhdx_headers_replace(struct vhdx_store *store, struct vhdx_headers *headers,
			 const struct vhdx_header *next,
			 struct vhdx_report *report);

/**
 * vhdx_header_current() - the current header
 * @headers: filled in by vhdx_headers_read()
 *
 * Return: the header.
 */
static inline const struct vhdx_header *
vhdx_header_current(const struct vhdx_headers *headers)
{
	return &headers->copy[headers->current_slot];
}

/**
 * vhdx_header_dirty() - test whether the log must be replayed
 * @header: the current header
 *
 * Return: true if the log holds changes that are not in place yet.
 */
static inline bool vhdx_header_dirty(const struct vhdx_header *header)
{
	return !guid_is_null(&header->log_guid);
}

#endif /* VHDX_HEADER_H */
