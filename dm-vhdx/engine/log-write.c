// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing one entry of the log.
 */
#include "log.h"

/**
 * vhdx_log_entry_size() - compute the length of an entry
 * @pages: number of 4 KiB pages that it logs
 *
 * Return: bytes, a multiple of 4 KiB.
 */
u32 vhdx_log_entry_size(u32 pages)
{
	return (vhdx_log_descriptor_pages(pages) + pages) * VHDX_PAGE;
}

/**
 * vhdx_log_encode_page() - put a page into an entry
 * @buf: the entry, vhdx_log_entry_size() bytes
 * @pages: number of pages in the entry
 * @index: index of this page among them
 * @sequence: sequence number of the entry
 * @target: byte offset of the page's place in the file
 * @data: the 4 KiB of the page
 *
 * The first eight and the last four bytes of the page go into its descriptor.
 * The sector has the sequence number in their place, at both ends, so that a
 * reader detects a torn write ([MS-VHDX] 2.3.1.3, 2.3.1.4).
 *
 * Context: any.
 */
void vhdx_log_encode_page(void *buf, u32 pages, u32 index, u64 sequence,
			  u64 target, const void *data)
{
	struct vhdx_disk_log_desc *desc = buf;
	struct vhdx_disk_log_data *sector = buf;
	const u8 *bytes = data;

	desc += VHDX_LOG_DESCS_FIRST + index;
	desc->signature = cpu_to_le32(VHDX_LOG_DESC_SIGNATURE);
	memcpy(&desc->leading_bytes, bytes, VHDX_LOG_LEADING);
	memcpy(&desc->trailing_bytes, bytes + VHDX_PAGE - VHDX_LOG_TRAILING,
	       VHDX_LOG_TRAILING);
	desc->file_offset = cpu_to_le64(target);
	desc->sequence = cpu_to_le64(sequence);

	sector += vhdx_log_descriptor_pages(pages) + index;
	sector->signature = cpu_to_le32(VHDX_LOG_DATA_SIGNATURE);
	sector->sequence_high = cpu_to_le32(sequence >> 32);
	memcpy(sector->data, bytes + VHDX_LOG_LEADING, sizeof(sector->data));
	sector->sequence_low = cpu_to_le32((u32)sequence);
}

/**
 * vhdx_log_encode() - complete an entry
 * @buf: the entry, with all of its pages; @entry->length bytes
 * @entry: fields of its header
 * @guid: LogGuid of the log
 *
 * Context: any; computes a checksum over the whole entry.
 */
void vhdx_log_encode(void *buf, const struct vhdx_log_entry *entry,
		     const guid_t *guid)
{
	struct vhdx_disk_log_entry *disk = buf;
	struct vhdx_disk_log_desc *desc = buf;
	u32 used = VHDX_LOG_DESCS_FIRST + entry->descriptors;
	u32 room = vhdx_log_descriptor_pages(entry->descriptors) *
		   VHDX_LOG_DESCS_PAGE;

	*disk = (struct vhdx_disk_log_entry){
		.signature = cpu_to_le32(VHDX_LOG_ENTRY_SIGNATURE),
		.entry_length = cpu_to_le32(entry->length),
		.tail = cpu_to_le32(entry->tail),
		.sequence = cpu_to_le64(entry->sequence),
		.descriptor_count = cpu_to_le32(entry->descriptors),
		.log_guid = *guid,
		.flushed_file_offset = cpu_to_le64(entry->flushed_file_offset),
		.last_file_offset = cpu_to_le64(entry->last_file_offset),
	};
	memset(desc + used, 0, (room - used) * sizeof(*desc));
	disk->checksum = cpu_to_le32(~crc32c(~0U, buf, entry->length));
}
