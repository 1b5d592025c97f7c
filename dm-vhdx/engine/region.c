// SPDX-License-Identifier: GPL-2.0-only
#include "region.h"

static struct vhdx_place entry_place(unsigned int copy, u32 index)
{
	u64 pos = VHDX_REGION_TABLE_OFFSET(copy) +
		  offsetof(struct vhdx_disk_region_table, entry) +
		  index * sizeof(struct vhdx_disk_region_entry);

	return VHDX_AT_INDEX("region table entry", index, pos);
}

/**
 * vhdx_region_table_check() - test whether a copy of the region table is valid
 * @table: its VHDX_TABLE_SIZE bytes
 * @copy: 0 or 1, for findings
 * @report: receives a warning if the copy is invalid: one bad copy is normal
 *	after a crash
 *
 * Return: true if it is valid.
 * Source: [MS-VHDX] 2.2.3.1.
 */
bool vhdx_region_table_check(const void *table, unsigned int copy,
			     struct vhdx_report *report)
{
	const struct vhdx_disk_region_table *disk = table;
	struct vhdx_place at = VHDX_AT_INDEX("region table", copy + 1,
					     VHDX_REGION_TABLE_OFFSET(copy));
	u32 stored, computed;

	if (le32_to_cpu(disk->signature) != VHDX_REGION_SIGNATURE) {
		vhdx_find(report, VHDX_WARN, at,
			  "the signature \"regi\" is missing; this copy is ignored");
		return false;
	}
	if (!vhdx_checksum_ok(table, VHDX_TABLE_SIZE, &stored, &computed)) {
		vhdx_find(report, VHDX_WARN, at,
			  "checksum is 0x%08x, should be 0x%08x; this copy is ignored",
			  stored, computed);
		return false;
	}
	if (le32_to_cpu(disk->entry_count) > VHDX_TABLE_ENTRIES_MAX) {
		vhdx_find(report, VHDX_WARN, at,
			  "has %u entries, the limit is %u; this copy is ignored",
			  le32_to_cpu(disk->entry_count),
			  VHDX_TABLE_ENTRIES_MAX);
		return false;
	}
	return true;
}

static const char *region_name(const guid_t *guid)
{
	static const guid_t bat = VHDX_GUID_BAT;
	static const guid_t metadata = VHDX_GUID_METADATA;

	if (guid_equal(guid, &bat))
		return "BAT region";
	if (guid_equal(guid, &metadata))
		return "metadata region";
	return "unknown region";
}

static int check_place(const struct vhdx_region *region, u64 file_size,
		       struct vhdx_place at, struct vhdx_report *report)
{
	if (!region->length || !IS_ALIGNED(region->length, VHDX_ALIGN))
		return vhdx_refuse(report, -EUCLEAN, at,
				   "length 0x%llx of the %s is no multiple of 1 MiB above 0",
				   region->length, region->name);
	if (region->offset < VHDX_HEADER_SECTION ||
	    !IS_ALIGNED(region->offset, VHDX_ALIGN))
		return vhdx_refuse(report, -EUCLEAN, at,
				   "offset 0x%llx of the %s is no multiple of 1 MiB above 0",
				   region->offset, region->name);
	if (region->offset > file_size ||
	    region->length > file_size - region->offset)
		return vhdx_refuse(report, -EUCLEAN, at,
				   "the %s at 0x%llx, 0x%llx bytes long, ends past the end of the file at 0x%llx",
				   region->name, region->offset, region->length,
				   file_size);
	return 0;
}

static int decode_entry(const struct vhdx_disk_region_entry *disk,
			struct vhdx_region *region, u64 file_size,
			struct vhdx_place at, struct vhdx_report *report)
{
	char guid[VHDX_GUID_TEXT_SIZE];
	u32 flags = le32_to_cpu(disk->flags);
	static const char unknown[] = "unknown region";

	region->guid = disk->guid;
	region->name = region_name(&region->guid);
	region->offset = le64_to_cpu(disk->file_offset);
	region->length = le32_to_cpu(disk->length);
	region->required = flags & VHDX_REGION_REQUIRED;
	if (flags & ~VHDX_REGION_REQUIRED)
		vhdx_find(report, VHDX_WARN, at, "reserved bits are set: 0x%x",
			  flags & ~VHDX_REGION_REQUIRED);
	if (region->required && !strcmp(region->name, unknown))
		return vhdx_refuse(report, -EOPNOTSUPP, at,
				   "region %s is required and not known",
				   vhdx_guid_text(&region->guid, guid));
	return check_place(region, file_size, at, report);
}

static int compare_guid(const void *a, const void *b)
{
	const struct vhdx_region *x = a, *y = b;

	return memcmp(&x->guid, &y->guid, sizeof(x->guid));
}

/*
 * Of equal offsets, the log and the header section, which have no GUID, come
 * last.
 */
static int compare_offset(const void *a, const void *b)
{
	const struct vhdx_region *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	if (guid_is_null(&x->guid) != guid_is_null(&y->guid))
		return guid_is_null(&x->guid) ? 1 : -1;
	return compare_guid(a, b);
}

static int check_unique(struct vhdx_regions *regions, struct vhdx_place at,
			struct vhdx_report *report)
{
	char guid[VHDX_GUID_TEXT_SIZE];
	u32 i;

	sort(regions->all, regions->count, sizeof(*regions->all), compare_guid,
	     NULL);
	for (i = 1; i < regions->count; i++)
		if (!compare_guid(&regions->all[i - 1], &regions->all[i]))
			return vhdx_refuse(report, -EUCLEAN, at,
					   "region %s is listed twice",
					   vhdx_guid_text(&regions->all[i].guid,
							  guid));
	return 0;
}

static int find_known(struct vhdx_regions *regions, struct vhdx_place at,
		      struct vhdx_report *report)
{
	static const guid_t bat = VHDX_GUID_BAT;
	static const guid_t metadata = VHDX_GUID_METADATA;
	u32 i;

	for (i = 0; i < regions->count; i++) {
		if (guid_equal(&regions->all[i].guid, &bat))
			regions->bat = regions->all[i];
		if (guid_equal(&regions->all[i].guid, &metadata))
			regions->metadata = regions->all[i];
	}
	if (!regions->bat.length)
		return vhdx_refuse(report, -EUCLEAN, at,
				   "the BAT region is missing");
	if (!regions->metadata.length)
		return vhdx_refuse(report, -EUCLEAN, at,
				   "the metadata region is missing");
	return 0;
}

/*
 * Add the header section and the log, which are no regions, and sort by offset.
 */
static int check_overlap(struct vhdx_regions *regions,
			 const struct vhdx_header *header, struct vhdx_place at,
			 struct vhdx_report *report)
{
	struct vhdx_region *all = regions->all;
	u32 i;

	all[regions->count++] = (struct vhdx_region){
		.name = "header section",
		.length = VHDX_HEADER_SECTION,
	};
	if (header->log_length)
		all[regions->count++] = (struct vhdx_region){
			.name = "log",
			.offset = header->log_offset,
			.length = header->log_length,
		};
	sort(all, regions->count, sizeof(*all), compare_offset, NULL);
	for (i = 1; i < regions->count; i++)
		if (all[i - 1].offset + all[i - 1].length > all[i].offset)
			return vhdx_refuse(report, -EUCLEAN, at,
					   "the %s at 0x%llx and the %s at 0x%llx overlap",
					   all[i - 1].name, all[i - 1].offset,
					   all[i].name, all[i].offset);
	return 0;
}

static int decode_entries(const struct vhdx_disk_region_table *disk,
			  unsigned int copy, u64 file_size,
			  struct vhdx_regions *regions,
			  struct vhdx_report *report)
{
	u32 count = le32_to_cpu(disk->entry_count);
	u32 i;
	int r;

	for (i = 0; i < count; i++) {
		r = decode_entry(&disk->entry[i], &regions->all[i], file_size,
				 entry_place(copy, i), report);
		if (r)
			return r;
	}
	regions->count = count;
	return 0;
}

/**
 * vhdx_regions_decode() - find and check the regions of a valid table
 * @table: a copy that passed vhdx_region_table_check()
 * @copy: 0 or 1, for findings
 * @header: the current header; names the log
 * @file_size: bytes of the file, after replay
 * @regions: receives the regions; the caller frees them with
 *	vhdx_regions_free(), also after a failure
 * @report: receives the findings
 *
 * QEMU does not set the required flag of the BAT and of the metadata region, so
 * this does not demand it.
 *
 * Context: may sleep.
 * Return: 0, -EUCLEAN, -EOPNOTSUPP or -ENOMEM.
 * Source: [MS-VHDX] 2.2.3.2.
 */
int vhdx_regions_decode(const void *table, unsigned int copy,
			const struct vhdx_header *header, u64 file_size,
			struct vhdx_regions *regions,
			struct vhdx_report *report)
{
	const struct vhdx_disk_region_table *disk = table;
	struct vhdx_place at = VHDX_AT_INDEX("region table", copy + 1,
					     VHDX_REGION_TABLE_OFFSET(copy));
	int r;

	/* Room for the header section and the log as well. */
	regions->all = kvcalloc(le32_to_cpu(disk->entry_count) + 2,
				sizeof(*regions->all), GFP_KERNEL);
	if (!regions->all)
		return -ENOMEM;
	r = decode_entries(disk, copy, file_size, regions, report);
	if (!r)
		r = check_unique(regions, at, report);
	if (!r)
		r = find_known(regions, at, report);
	if (!r)
		r = check_overlap(regions, header, at, report);
	return r;
}

/*
 * Return the bytes of a region that lie past the end of the file, or 0 if no
 * file can hold the region.
 */
static u64 region_lost(const struct vhdx_disk_region_entry *disk, u64 file_size,
		       u64 *end)
{
	u64 length = le32_to_cpu(disk->length);

	if (check_add_overflow(le64_to_cpu(disk->file_offset), length, end) ||
	    *end > VHDX_FILE_SIZE_MAX || *end <= file_size)
		return 0;
	return min(length, *end - file_size);
}

/**
 * vhdx_regions_find_cut() - report the regions that a cut file lost
 * @table: a copy that passed vhdx_region_table_check()
 * @file_size: bytes of the file, after replay
 * @report: receives the finding, if there is any
 *
 * vhdx_regions_decode() reports the first region that the file does not hold.
 * This function reports all of them in one finding, with the number of bytes
 * that are lost.
 */
void vhdx_regions_find_cut(const void *table, u64 file_size,
			   struct vhdx_report *report)
{
	const struct vhdx_disk_region_table *disk = table;
	u32 count = le32_to_cpu(disk->entry_count), cut = 0, i;
	u64 lost = 0, last = 0, bytes, end;
	const char *name = NULL;
	char what[48];

	for (i = 0; i < count; i++) {
		bytes = region_lost(&disk->entry[i], file_size, &end);
		if (!bytes)
			continue;
		name = region_name(&disk->entry[i].guid);
		lost += bytes;
		last = max(last, end);
		cut++;
	}
	if (!cut)
		return;
	if (cut == 1)
		snprintf(what, sizeof(what), "the %s", name);
	else
		snprintf(what, sizeof(what), "%u regions", cut);
	vhdx_find_cut(report, file_size, last, what, lost);
}

/**
 * vhdx_regions_hit() - find a structure that a range of the file overlaps
 * @regions: regions of the file
 * @offset: byte offset
 * @length: bytes
 *
 * The regions are sorted and do not overlap, so only the first one that ends
 * after
 * @offset can contain it.
 *
 * Return: the first structure that the range overlaps, or NULL.
 */
const struct vhdx_region *vhdx_regions_hit(const struct vhdx_regions *regions,
					   u64 offset, u64 length)
{
	const struct vhdx_region *all = regions->all;
	u32 low = 0, high = regions->count;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (all[mid].offset + all[mid].length <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	/* No overflow: a region that ends after @offset bounds it. */
	if (low < regions->count && all[low].offset < offset + length)
		return &all[low];
	return NULL;
}

/**
 * vhdx_regions_move_bat() - take note that the BAT region is elsewhere
 * @regions: regions of the file
 * @offset: its new byte offset; nothing else is there
 * @length: its new length in bytes
 *
 * Context: any; nobody looks at the regions meanwhile.
 */
void vhdx_regions_move_bat(struct vhdx_regions *regions, u64 offset,
			   u64 length)
{
	struct vhdx_region *region = regions->all;

	while (!guid_equal(&region->guid, &VHDX_GUID_BAT))
		region++;
	region->offset = offset;
	region->length = length;
	regions->bat = *region;
	sort(regions->all, regions->count, sizeof(*region), compare_offset,
	     NULL);
}

/**
 * vhdx_regions_free() - free the regions
 * @regions: as vhdx_regions_decode() left them, or zeroed
 */
void vhdx_regions_free(struct vhdx_regions *regions)
{
	kvfree(regions->all);
	memset(regions, 0, sizeof(*regions));
}
