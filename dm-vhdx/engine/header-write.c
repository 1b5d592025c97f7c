// SPDX-License-Identifier: GPL-2.0-only
/* Writing headers: encode one, and update both copies. */
#include "header.h"

/**
 * vhdx_checksum_set() - compute and store the checksum of a structure
 * @buf: the structure; its checksum is at byte 4
 * @len: bytes that the checksum covers
 *
 * Source: [MS-VHDX] 2.2.2, 2.2.3.1.
 */
void vhdx_checksum_set(void *buf, size_t len)
{
	u32 stored, computed;

	vhdx_checksum_ok(buf, len, &stored, &computed);
	((__le32 *)buf)[1] = cpu_to_le32(computed);
}

/**
 * vhdx_header_encode() - encode a header
 * @buf: receives VHDX_HEADER_SIZE bytes
 * @header: the header
 *
 * Reserved fields become zero, as the format demands of a writer.
 *
 * Source: [MS-VHDX] 2.2.2.
 */
void vhdx_header_encode(void *buf, const struct vhdx_header *header)
{
	struct vhdx_disk_header *disk = buf;

	memset(disk, 0, sizeof(*disk));
	disk->signature = cpu_to_le32(VHDX_HEADER_SIGNATURE);
	disk->sequence = cpu_to_le64(header->sequence);
	disk->file_write_guid = header->file_write_guid;
	disk->data_write_guid = header->data_write_guid;
	disk->log_guid = header->log_guid;
	disk->log_version = cpu_to_le16(header->log_version);
	disk->version = cpu_to_le16(header->version);
	disk->log_length = cpu_to_le32(header->log_length);
	disk->log_offset = cpu_to_le64(header->log_offset);
	vhdx_checksum_set(disk, VHDX_HEADER_SIZE);
}

/*
 * Overwrite the copy that is not current and make it current. If the write
 * fails, the contents of that copy are unknown, and the current copy stays
 * current.
 */
static int update_one(struct vhdx_store *store, struct vhdx_headers *headers,
		      struct vhdx_header *next, void *buf)
{
	unsigned int slot = !headers->current_slot;
	int r;

	next->sequence = vhdx_header_current(headers)->sequence + 1;
	vhdx_header_encode(buf, next);
	headers->valid[slot] = false;
	r = vhdx_store_write(store, VHDX_HEADER_OFFSET(slot), buf,
			     VHDX_HEADER_SIZE);
	if (!r)
		r = vhdx_store_flush(store);
	if (r)
		return r;
	headers->copy[slot] = *next;
	headers->valid[slot] = true;
	headers->current_slot = slot;
	return 0;
}

/**
 * vhdx_headers_update() - replace both copies of the header, one by one
 * @store: the image's bytes
 * @headers: as vhdx_headers_read() left them; updated
 * @next: the new header; this function chooses its sequence number
 *
 * At each instant one valid copy is on disk. In the end both copies differ only
 * in their sequence numbers, so this also repairs a torn copy.
 *
 * Context: may sleep; does not start I/O to get memory; no lock held. One call
 * at a time.
 * Return: 0; -EOVERFLOW if the sequence numbers are used up; or an errno of the
 * store, after which either state may be on disk.
 * Source: [MS-VHDX] 2.2.2.1.
 */
int vhdx_headers_update(struct vhdx_store *store, struct vhdx_headers *headers,
			const struct vhdx_header *next)
{
	struct vhdx_header header = *next;
	void *buf;
	int r;

	if (vhdx_header_current(headers)->sequence > U64_MAX - 2)
		return -EOVERFLOW;
	/*
	 * A failure to allocate this page would end all writing to the image.
	 */
	buf = kmalloc(VHDX_HEADER_SIZE, GFP_NOIO | __GFP_NOFAIL);
	r = update_one(store, headers, &header, buf);
	if (!r)
		r = update_one(store, headers, &header, buf);
	kfree(buf);
	return r;
}

/**
 * vhdx_headers_replace() - vhdx_headers_update() that reports a failure
 * @store: the image's bytes
 * @headers: as for vhdx_headers_update()
 * @next: as for vhdx_headers_update()
 * @report: receives an error that says why the update failed
 *
 * Context: as vhdx_headers_update().
 * Return: as vhdx_headers_update().
 */
int vhdx_headers_replace(struct vhdx_store *store, struct vhdx_headers *headers,
			 const struct vhdx_header *next,
			 struct vhdx_report *report)
{
	struct vhdx_place at = VHDX_AT("header", VHDX_HEADER_OFFSET(0));
	int r = vhdx_headers_update(store, headers, next);

	if (r == -EOVERFLOW)
		return vhdx_refuse(report, r, at,
				   "the sequence numbers are used up; no writer can go on");
	if (r)
		return vhdx_refuse(report, r, at,
				   "cannot be updated: %s (%d)",
				   vhdx_errno_words(r), -r);
	return 0;
}
