// SPDX-License-Identifier: GPL-2.0-only
/* The write side of header.h: encode a header, and update both copies. */
#include "header.h"

/**
 * vhdx_checksum_set() - give a structure its checksum
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
 * vhdx_header_encode() - make the bytes of a header
 * @buf: VHDX_HEADER_SIZE bytes
 * @header: what they are to say
 *
 * What is reserved becomes zero, as a writer must leave it.
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
 * Overwrite the copy that is not current, which then is. While that is under
 * way, and if it fails, nothing is known of the copy but that it does not count
 * yet: the one that was current stays.
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
 * @headers: as vhdx_headers_read() left them; brought up to date
 * @next: what both copies shall say; its sequence number is chosen here
 *
 * At each instant one valid copy is on disk. Both copies end up alike but for
 * their sequence numbers; so a copy that was torn is mended by the way.
 *
 * Context: may sleep; does not start I/O to get memory; no lock held. One at a
 * time.
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
	/* A page; to fail for want of it would end all writing to the image. */
	buf = kmalloc(VHDX_HEADER_SIZE, GFP_NOIO | __GFP_NOFAIL);
	r = update_one(store, headers, &header, buf);
	if (!r)
		r = update_one(store, headers, &header, buf);
	kfree(buf);
	return r;
}

/**
 * vhdx_headers_replace() - vhdx_headers_update(), with a word about a failure
 * @store: the image's bytes
 * @headers: likewise
 * @next: likewise
 * @report: told, as an error, why it failed
 *
 * Context: as vhdx_headers_update().
 * Return: likewise.
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
