// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading one entry of the log, page by page.
 *
 * Each page of an entry has a signature, and only the first page has "loge". So
 * two walks share no page beyond the first, and to read a hostile log takes no
 * more than one pass over it.
 */
#include "log.h"

/**
 * struct walk - the state of reading an entry
 * @header: the current header
 * @entry: the entry, as far as it has been read
 * @left: descriptors not yet read
 * @data: data sectors of the descriptors that have been read
 * @crc: CRC of the pages that have been read
 * @checksum: checksum in the header of the entry
 */
struct walk {
	const struct vhdx_header *header;
	struct vhdx_log_entry *entry;
	u32 left;
	u32 data;
	u32 crc;
	u32 checksum;
};

static void decode_entry(struct walk *walk,
			 const struct vhdx_disk_log_entry *disk)
{
	struct vhdx_log_entry *entry = walk->entry;

	entry->length = le32_to_cpu(disk->entry_length);
	entry->tail = le32_to_cpu(disk->tail);
	entry->sequence = le64_to_cpu(disk->sequence);
	entry->descriptors = le32_to_cpu(disk->descriptor_count);
	entry->flushed_file_offset = le64_to_cpu(disk->flushed_file_offset);
	entry->last_file_offset = le64_to_cpu(disk->last_file_offset);
	walk->left = entry->descriptors;
	walk->data = 0;
	walk->checksum = le32_to_cpu(disk->checksum);
}

/* The checks below return a fault, in words, or NULL. */

/* Check those fields of an entry header that depend on no other page. */
static const char *header_fault(const struct walk *walk)
{
	const struct vhdx_log_entry *entry = walk->entry;
	u32 log_length = walk->header->log_length;
	u32 pages = entry->length >> VHDX_PAGE_SHIFT;

	if (!pages || !IS_ALIGNED(entry->length, VHDX_PAGE) ||
	    entry->length > log_length)
		return "its length is no multiple of 4 KiB that fits the log";
	if (!IS_ALIGNED(entry->tail, VHDX_PAGE) || entry->tail >= log_length)
		return "its tail is no multiple of 4 KiB inside the log";
	if (!entry->sequence)
		return "its sequence number is 0";
	if (vhdx_log_descriptor_pages(entry->descriptors) > pages)
		return "it has no room for its descriptors";
	return NULL;
}

/*
 * The log may change neither itself nor anything below the region tables
 * ([MS-VHDX] 2.3).
 */
static const char *target_fault(const struct vhdx_header *header, u64 start,
				u64 length)
{
	u64 log_end = header->log_offset + header->log_length;
	u64 end;

	if (!IS_ALIGNED(start, VHDX_PAGE) || !IS_ALIGNED(length, VHDX_PAGE))
		return "the target of a descriptor is no multiple of 4 KiB";
	if (check_add_overflow(start, length, &end) || end > VHDX_FILE_SIZE_MAX)
		return "the target of a descriptor is past any file's end";
	if (start < VHDX_REGION_TABLE_OFFSET(0))
		return "the target of a descriptor is a header";
	if (end > header->log_offset && start < log_end)
		return "the target of a descriptor is the log itself";
	return NULL;
}

static const char *descriptor_fault(struct walk *walk,
				    const struct vhdx_disk_log_desc *desc)
{
	u64 length = VHDX_PAGE;

	switch (le32_to_cpu(desc->signature)) {
	case VHDX_LOG_DESC_SIGNATURE:
		walk->data++;
		break;
	case VHDX_LOG_ZERO_SIGNATURE:
		length = le64_to_cpu(desc->zero_length);
		break;
	default:
		return "the signature of a descriptor is missing";
	}
	if (le64_to_cpu(desc->sequence) != walk->entry->sequence)
		return "a descriptor has another sequence number";
	return target_fault(walk->header, le64_to_cpu(desc->file_offset),
			    length);
}

/*
 * Check a page of descriptors; on the first page they follow the entry header.
 */
static const char *descriptors_fault(struct walk *walk, const void *page,
				     bool first)
{
	const struct vhdx_disk_log_desc *desc = page;
	u32 slot = first ? VHDX_LOG_DESCS_FIRST : 0;
	const char *fault = NULL;

	for (; slot < VHDX_LOG_DESCS_PAGE && walk->left && !fault; slot++) {
		fault = descriptor_fault(walk, &desc[slot]);
		walk->left--;
	}
	return fault;
}

static const char *data_fault(const struct walk *walk, const void *page)
{
	const struct vhdx_disk_log_data *data = page;
	u64 sequence = (u64)le32_to_cpu(data->sequence_high) << 32 |
		       le32_to_cpu(data->sequence_low);

	if (le32_to_cpu(data->signature) != VHDX_LOG_DATA_SIGNATURE)
		return "the signature of a data sector is missing";
	if (sequence != walk->entry->sequence)
		return "a data sector has another sequence number";
	return NULL;
}

/* Return an errno of the store, or 0 with *@fault set. */
static int walk_pages(struct walk *walk, struct vhdx_log_reader *reader,
		      u32 first, const char **fault)
{
	u32 described = vhdx_log_descriptor_pages(walk->entry->descriptors);
	u32 pages = walk->entry->length >> VHDX_PAGE_SHIFT;
	u32 i;

	for (i = 0; i < pages; i++) {
		const void *page = vhdx_log_page(reader, first + i);

		if (IS_ERR(page))
			return PTR_ERR(page);
		*fault = i < described ? descriptors_fault(walk, page, !i) :
					 data_fault(walk, page);
		if (*fault)
			return 0;
		walk->crc = i ? crc32c(walk->crc, page, VHDX_PAGE) :
				vhdx_crc_begin(page, VHDX_PAGE);
		cond_resched();
	}
	if (described + walk->data != pages)
		*fault = "its length is not that of its descriptors and data";
	else if (~walk->crc != walk->checksum)
		*fault = "its checksum is wrong";
	return 0;
}

/**
 * vhdx_log_entry_read() - read the entry that begins at a page
 * @reader: the reader of the log
 * @first: number of the page
 * @header: the current header
 * @entry: set to the entry if it is valid
 * @fault: set to the fault of an invalid entry of this log, in words; NULL if
 *	no entry of this log begins here
 *
 * Context: may sleep.
 * Return: 1 if the entry is valid, 0 if not, or an errno of the store.
 * Source: [MS-VHDX] 2.3.1, 2.3.2.
 */
int vhdx_log_entry_read(struct vhdx_log_reader *reader, u32 first,
			const struct vhdx_header *header,
			struct vhdx_log_entry *entry, const char **fault)
{
	struct walk walk = { .header = header, .entry = entry };
	const struct vhdx_disk_log_entry *disk;
	int r;

	*fault = NULL;
	disk = vhdx_log_page(reader, first);
	if (IS_ERR(disk))
		return PTR_ERR(disk);
	if (le32_to_cpu(disk->signature) != VHDX_LOG_ENTRY_SIGNATURE ||
	    !guid_equal(&disk->log_guid, &header->log_guid))
		return 0;
	entry->offset = first * VHDX_PAGE;
	decode_entry(&walk, disk);
	*fault = header_fault(&walk);
	if (*fault)
		return 0;
	r = walk_pages(&walk, reader, first, fault);
	if (r)
		return r;
	return !*fault;
}
