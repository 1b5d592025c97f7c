// SPDX-License-Identifier: GPL-2.0-only
#include "verify.h"

static bool names_payload(const struct verifier *v, u64 pos, u64 length)
{
	u64 unit = pos >> VHDX_ALIGN_SHIFT;

	for (; unit < DISK_UNITS && unit << VHDX_ALIGN_SHIFT < pos + length;
	     unit++)
		if (v->payload[unit] == v->states)
			return true;
	return false;
}

/* Of an entry that is torn, some descriptors are of another one. */
static bool check_descriptor(struct verifier *v, u64 pos,
			     const struct vhdx_disk_log_desc *desc, u64 sequence)
{
	u32 signature = le32_to_cpu(desc->signature);
	u64 target = le64_to_cpu(desc->file_offset);
	u64 length = VHDX_PAGE;

	if (le64_to_cpu(desc->sequence) != sequence)
		return true;
	if (signature == VHDX_LOG_ZERO_SIGNATURE)
		length = le64_to_cpu(desc->zero_length);
	else if (signature != VHDX_LOG_DESC_SIGNATURE)
		return true;
	if (!names_payload(v, target, length))
		return true;
	snprintf(v->text, sizeof(v->text),
		 "an entry of the log at 0x%llx changes 0x%llx, which is payload by now",
		 pos, target);
	return false;
}

static bool check_entry(struct verifier *v, const struct disk *disk,
			u64 pos, const struct vhdx_disk_log_entry *entry)
{
	u32 count = le32_to_cpu(entry->descriptor_count);
	u64 bytes = ALIGN(sizeof(*entry) +
			  (u64)count * sizeof(struct vhdx_disk_log_desc),
			  (u64)VHDX_PAGE);
	u64 sequence = le64_to_cpu(entry->sequence);
	struct vhdx_disk_log_desc *desc;
	u8 *sectors = malloc(bytes);
	bool good = true;
	u32 i;

	if (!sectors)
		abort();
	disk_read(disk, pos, sectors, bytes);
	desc = (void *)(sectors + sizeof(*entry));
	for (i = 0; i < count && good; i++)
		good = check_descriptor(v, pos, &desc[i], sequence);
	free(sectors);
	return good;
}

/**
 * verify_log() - does the log leave payload alone?
 * @verifier: has looked at the blocks of the state
 * @disk: the state
 * @header: its header
 *
 * Every entry under the GUID of the log counts, whether it is to be replayed or
 * has gone: QEMU ignores the tail, and replays what is older.
 *
 * Return: true if it does; else the verifier has a sentence.
 */
bool verify_log(struct verifier *verifier, const struct disk *disk,
		const struct vhdx_header *header)
{
	u64 pos = header->log_offset, end = pos + header->log_length;

	if (!vhdx_header_dirty(header))
		return true;
	for (; pos < end; pos += VHDX_PAGE) {
		const struct page *page = disk_page(disk, pos / VHDX_PAGE);
		const struct vhdx_disk_log_entry *entry;

		if (!page || !page->raw)
			continue;
		entry = (const void *)page->tag;
		if (le32_to_cpu(entry->signature) != VHDX_LOG_ENTRY_SIGNATURE ||
		    !guid_equal(&entry->log_guid, &header->log_guid))
			continue;
		if (!check_entry(verifier, disk, pos, entry))
			return false;
	}
	return true;
}
