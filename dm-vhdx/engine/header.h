/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file identifier and the two headers ([MS-VHDX] 2.2.1, 2.2.2).
 *
 * A writer updates the header copy that is not current, so after a crash one
 * of the two may be torn; the valid one with the greater sequence number
 * counts.
 *
 * header.c APIs:
 *   vhdx_file_id_check()	is this a VHDX at all?
 *   vhdx_header_decode()	one copy, from a buffer
 *   vhdx_headers_read()	both copies, and which of them is current
 *   vhdx_checksum_ok()	the checksum that headers and region tables share
 *   vhdx_crc_begin()	the same, not complete: that of a log entry
 * header-write.c APIs:
 *   vhdx_headers_update()	replace both copies, safely
 *   vhdx_headers_replace()	the same, and say why it failed
 *   vhdx_header_encode()	one copy, into a buffer
 *   vhdx_checksum_set()	give a structure its checksum
 * header.h APIs:
 *   vhdx_header_current()	the header that counts
 *   vhdx_header_dirty()	is the log to be replayed?
 */
#ifndef VHDX_HEADER_H
#define VHDX_HEADER_H

#include "report.h"
#include "store.h"

/**
 * struct vhdx_header - a decoded header
 * @sequence: the copy with the greater one is current
 * @file_write_guid: changes whenever anything in the file does
 * @data_write_guid: changes whenever the virtual disk does; children name it
 * @log_guid: entries of the log that carry it count; null if the log is empty
 * @log_version: of the log's format, 0
 * @version: of the file's format, 1
 * @log_length: bytes
 * @log_offset: byte offset in the file
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
 * @copy: as decoded, where @valid
 * @valid: signature and checksum are right
 * @current_slot: index of the copy that counts
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
 * vhdx_header_current() - the header that counts
 * @headers: as vhdx_headers_read() left them
 *
 * Return: the header.
 */
static inline const struct vhdx_header *
vhdx_header_current(const struct vhdx_headers *headers)
{
	return &headers->copy[headers->current_slot];
}

/**
 * vhdx_header_dirty() - does the log hold what is not yet in its place?
 * @header: the current header
 *
 * Return: whether it does.
 */
static inline bool vhdx_header_dirty(const struct vhdx_header *header)
{
	return !guid_is_null(&header->log_guid);
}

#endif /* VHDX_HEADER_H */
