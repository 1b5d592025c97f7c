// SPDX-License-Identifier: GPL-2.0-only
#include "header.h"

/**
 * vhdx_file_id_check() - test whether a store holds a VHDX
 * @store: the image's bytes
 * @report: receives a refusal
 *
 * The creator string is for people; nothing depends on it ([MS-VHDX] 2.2.1).
 *
 * Context: may sleep.
 * Return: 0, -EMEDIUMTYPE if it does not, or an errno of the store.
 */
int vhdx_file_id_check(struct vhdx_store *store, struct vhdx_report *report)
{
	struct vhdx_place at = VHDX_AT("file identifier", VHDX_FILE_ID_OFFSET);
	struct vhdx_disk_file_id *id;
	int r;

	id = kmalloc(VHDX_PAGE, GFP_KERNEL);
	if (!id)
		return -ENOMEM;
	r = vhdx_store_read(store, VHDX_FILE_ID_OFFSET, id, VHDX_PAGE);
	if (r)
		vhdx_refuse(report, r, at, "cannot be read: %s (%d)",
			    vhdx_errno_words(r), -r);
	else if (le64_to_cpu(id->signature) != VHDX_FILE_SIGNATURE)
		r = vhdx_refuse(report, -EMEDIUMTYPE, at,
				"not a VHDX file: the signature \"vhdxfile\" is missing");
	kfree(id);
	return r;
}

/**
 * vhdx_crc_begin() - start the CRC of a structure with its checksum at byte 4
 * @buf: the structure; its checksum counts as zero
 * @len: bytes
 *
 * Context: any.
 * Return: the CRC-32C, which crc32c() can continue; inverted, it is the
 * checksum.
 */
u32 vhdx_crc_begin(const void *buf, size_t len)
{
	static const u8 zero[4];
	u32 crc = crc32c(~0U, buf, 4);

	crc = crc32c(crc, zero, sizeof(zero));
	return crc32c(crc, (const u8 *)buf + 8, len - 8);
}

/**
 * vhdx_checksum_ok() - verify the checksum of a header or a region table
 * @buf: the structure; its checksum is at byte 4
 * @len: bytes that the checksum covers
 * @stored: set to the stored checksum
 * @computed: set to the right checksum
 *
 * Return: true if they are equal.
 * Source: [MS-VHDX] 2.2.2, 2.2.3.1.
 */
bool vhdx_checksum_ok(const void *buf, size_t len, u32 *stored, u32 *computed)
{
	*stored = le32_to_cpu(((const __le32 *)buf)[1]);
	*computed = ~vhdx_crc_begin(buf, len);
	return *stored == *computed;
}

static void decode_header(const struct vhdx_disk_header *disk,
			  struct vhdx_header *header)
{
	header->sequence = le64_to_cpu(disk->sequence);
	header->file_write_guid = disk->file_write_guid;
	header->data_write_guid = disk->data_write_guid;
	header->log_guid = disk->log_guid;
	header->log_version = le16_to_cpu(disk->log_version);
	header->version = le16_to_cpu(disk->version);
	header->log_length = le32_to_cpu(disk->log_length);
	header->log_offset = le64_to_cpu(disk->log_offset);
}

/**
 * vhdx_header_decode() - decode one copy of the header
 * @buf: its VHDX_HEADER_SIZE bytes
 * @slot: 0 or 1, for findings
 * @header: receives the header
 * @report: receives a warning if the copy is invalid: one bad copy is normal
 *	after a crash
 *
 * A copy with the right signature and checksum is valid. A reader must refuse
 * an unknown version, and not fall back to an older copy ([MS-VHDX] 2.2.2).
 *
 * Return: true if the copy is valid.
 */
bool vhdx_header_decode(const void *buf, unsigned int slot,
			struct vhdx_header *header, struct vhdx_report *report)
{
	const struct vhdx_disk_header *disk = buf;
	struct vhdx_place at =
		VHDX_AT_INDEX("header", slot + 1, VHDX_HEADER_OFFSET(slot));
	u32 stored, computed;

	if (le32_to_cpu(disk->signature) != VHDX_HEADER_SIGNATURE) {
		vhdx_find(report, VHDX_WARN, at,
			  "the signature \"head\" is missing; this copy is ignored");
		return false;
	}
	if (!vhdx_checksum_ok(buf, VHDX_HEADER_SIZE, &stored, &computed)) {
		vhdx_find(report, VHDX_WARN, at,
			  "checksum is 0x%08x, should be 0x%08x; this copy is ignored",
			  stored, computed);
		return false;
	}
	decode_header(disk, header);
	return true;
}

/* Report what a cut file lost of the log, unless no file can hold such a log. */
static void report_cut(const struct vhdx_header *header, u64 file_size,
		       struct vhdx_report *report)
{
	u64 length = header->log_length, end;

	if (check_add_overflow(header->log_offset, length, &end) ||
	    end > VHDX_FILE_SIZE_MAX)
		return;
	vhdx_find_cut(report, file_size, end, "the log",
		      min(length, end - file_size));
}

/* Check the place of the log, which is read before any other structure. */
static int check_log_place(const struct vhdx_header *header, u64 file_size,
			   struct vhdx_place at, struct vhdx_report *report)
{
	bool dirty = vhdx_header_dirty(header);
	u64 end;

	if (dirty && header->log_version != VHDX_LOG_VERSION)
		return vhdx_refuse(report, -EOPNOTSUPP, at,
				   "the log must be replayed and has version %u; only version 0 is known",
				   header->log_version);
	if (!header->log_length && !dirty)
		return 0;
	if (!header->log_length || !IS_ALIGNED(header->log_length, VHDX_ALIGN))
		return vhdx_refuse(report, -EUCLEAN, at,
				   "log length %u is no multiple of 1 MiB above 0",
				   header->log_length);
	if (header->log_length > VHDX_LOG_LENGTH_MAX)
		return vhdx_refuse(report, -EOPNOTSUPP, at,
				   "log length %u is above the limit of 1 GiB",
				   header->log_length);
	if (header->log_offset < VHDX_HEADER_SECTION ||
	    !IS_ALIGNED(header->log_offset, VHDX_ALIGN))
		return vhdx_refuse(report, -EUCLEAN, at,
				   "log offset 0x%llx is no multiple of 1 MiB above 0",
				   header->log_offset);
	if (check_add_overflow(header->log_offset, (u64)header->log_length,
			       &end) ||
	    end > file_size) {
		vhdx_refuse(report, -EUCLEAN, at,
			    "the log at 0x%llx, %u bytes long, ends past the end of the file at 0x%llx",
			    header->log_offset, header->log_length, file_size);
		report_cut(header, file_size, report);
		return -EUCLEAN;
	}
	return 0;
}

/* Choose the current copy. @same: both have the same bytes. */
static int choose_header(struct vhdx_headers *headers, bool same,
			 struct vhdx_report *report)
{
	struct vhdx_place at = VHDX_AT("header", VHDX_HEADER_OFFSET(0));
	const struct vhdx_header *copy = headers->copy;

	if (!headers->valid[0] && !headers->valid[1])
		return vhdx_refuse(report, -EUCLEAN, at,
				   "neither copy is valid (the other is at 0x%llx)",
				   VHDX_HEADER_OFFSET(1));
	if (!headers->valid[0] || !headers->valid[1]) {
		headers->current_slot = headers->valid[1];
		return 0;
	}
	/* Disk2vhd writes two equal copies, which QEMU and 7-Zip accept. */
	if (copy[0].sequence == copy[1].sequence && !same)
		return vhdx_refuse(report, -EUCLEAN, at,
				   "both copies have sequence number %llu and differ, so neither is current",
				   copy[0].sequence);
	headers->current_slot = copy[1].sequence > copy[0].sequence;
	return 0;
}

static int read_copies(struct vhdx_store *store, struct vhdx_headers *headers,
		       u8 *buf, struct vhdx_report *report)
{
	unsigned int slot;
	bool same;
	int r;

	for (slot = 0; slot < 2; slot++) {
		u8 *copy = buf + slot * VHDX_HEADER_SIZE;
		u64 pos = VHDX_HEADER_OFFSET(slot);

		r = vhdx_store_read(store, pos, copy, VHDX_HEADER_SIZE);
		if (r)
			return vhdx_refuse(report, r,
					   VHDX_AT_INDEX("header", slot + 1,
							 pos),
					   "cannot be read: %s (%d)",
					   vhdx_errno_words(r), -r);
		headers->valid[slot] = vhdx_header_decode(copy, slot,
							  &headers->copy[slot],
							  report);
	}
	same = !memcmp(buf, buf + VHDX_HEADER_SIZE, VHDX_HEADER_SIZE);
	return choose_header(headers, same, report);
}

/**
 * vhdx_headers_read() - read both copies and choose the current one
 * @store: the image's bytes
 * @headers: receives both copies
 * @report: receives the findings
 *
 * Context: may sleep.
 * Return: 0, -EUCLEAN if there is no current header or it is wrong, -EOPNOTSUPP
 * if its version is unknown, or an errno of the store.
 * Source: [MS-VHDX] 2.2.2.
 */
int vhdx_headers_read(struct vhdx_store *store, struct vhdx_headers *headers,
		      struct vhdx_report *report)
{
	const struct vhdx_header *current_header;
	struct vhdx_place at;
	u8 *buf;
	int r;

	buf = kmalloc(2 * VHDX_HEADER_SIZE, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	r = read_copies(store, headers, buf, report);
	kfree(buf);
	if (r)
		return r;

	current_header = vhdx_header_current(headers);
	at = VHDX_AT_INDEX("header", headers->current_slot + 1,
			   VHDX_HEADER_OFFSET(headers->current_slot));
	if (current_header->version != VHDX_VERSION)
		return vhdx_refuse(report, -EOPNOTSUPP, at,
				   "format version %u; only version 1 is known",
				   current_header->version);
	return check_log_place(current_header, store->size, at, report);
}
