// SPDX-License-Identifier: GPL-2.0-only
/* Salvage of what has a fixed place: headers and region tables. */
#include "salvage.h"

/**
 * struct candidate - a copy of a header, and how much is right with it
 * @header: its contents
 * @trust: 2 if it is valid; 1 if its checksum alone is wrong; 0 if it is lost
 */
struct candidate {
	struct vhdx_header header;
	unsigned int trust;
};

static bool log_place_fits(const struct vhdx_header *header, u64 size)
{
	return header->log_length && header->log_length <= VHDX_LOG_LENGTH_MAX &&
	       IS_ALIGNED(header->log_length, VHDX_ALIGN) &&
	       header->log_offset >= VHDX_HEADER_SECTION &&
	       IS_ALIGNED(header->log_offset, VHDX_ALIGN) &&
	       header->log_offset <= size &&
	       header->log_length <= size - header->log_offset;
}

/* A header with a few wrong bits may still name the log. */
static void judge_header(const struct vhdx_salvage *salvage, void *page,
			 unsigned int slot, struct candidate *candidate)
{
	struct vhdx_header *header = &candidate->header;
	struct vhdx_disk_header *disk = page;

	if (vhdx_header_decode(page, slot, header, &vhdx_report_silent)) {
		candidate->trust = 2;
		return;
	}
	if (le32_to_cpu(disk->signature) != VHDX_HEADER_SIGNATURE)
		return;
	vhdx_checksum_set(page, VHDX_HEADER_SIZE);
	if (vhdx_header_decode(page, slot, header, &vhdx_report_silent) &&
	    header->version == VHDX_VERSION &&
	    log_place_fits(header, salvage->mend.store.size))
		candidate->trust = 1;
}

static int read_candidates(struct vhdx_salvage *salvage,
			   struct candidate candidates[2])
{
	void *page = kmalloc(VHDX_HEADER_SIZE, GFP_KERNEL);
	unsigned int slot;

	if (!page)
		return -ENOMEM;
	for (slot = 0; slot < 2; slot++)
		if (!vhdx_store_read(&salvage->mend.store,
				     VHDX_HEADER_OFFSET(slot), page,
				     VHDX_HEADER_SIZE))
			judge_header(salvage, page, slot, &candidates[slot]);
	kfree(page);
	return 0;
}

static void tell_header(struct vhdx_salvage *salvage, unsigned int slot,
			unsigned int trust, bool same)
{
	struct vhdx_place at = VHDX_AT_INDEX("header", slot + 1,
					     VHDX_HEADER_OFFSET(slot));

	if (!trust)
		vhdx_find(salvage->report, VHDX_WARN,
			  VHDX_AT("header", VHDX_HEADER_OFFSET(0)),
			  "both copies are lost; whether the log holds changes is not known, so it is not used");
	else if (trust == 1)
		vhdx_find(salvage->report, VHDX_WARN, at,
			  "no copy has the right checksum; this one is used, since its contents are plausible");
	else if (same)
		vhdx_find(salvage->report, VHDX_WARN, at,
			  "both copies have sequence number %llu; this one is used",
			  salvage->header.sequence);
}

/*
 * If a header names an impossible place for the log, the log cannot be read.
 * The rest of the header is still used, without a log.
 */
static void check_log(struct vhdx_salvage *salvage, unsigned int slot)
{
	struct vhdx_header *header = &salvage->header;

	if (log_place_fits(header, salvage->mend.store.size))
		return;
	if (header->log_length || vhdx_header_dirty(header))
		vhdx_find(salvage->report, VHDX_WARN,
			  VHDX_AT_INDEX("header", slot + 1,
					VHDX_HEADER_OFFSET(slot)),
			  "the log at 0x%llx, %u bytes long, does not lie in the file; it is not used",
			  header->log_offset, header->log_length);
	header->log_length = 0;
	header->log_guid = (guid_t){};
}

/**
 * vhdx_salvage_headers() - choose or make up the header
 * @salvage: the damaged image; its header is set
 *
 * Context: may sleep.
 * Return: 0; -EOPNOTSUPP after a finding for an unknown version; -ENOMEM.
 */
int vhdx_salvage_headers(struct vhdx_salvage *salvage)
{
	struct candidate both[2] = {};
	unsigned int slot;
	bool same;
	int r = read_candidates(salvage, both);

	if (r)
		return r;
	same = both[0].header.sequence == both[1].header.sequence;
	slot = both[1].trust > both[0].trust ||
	       (both[1].trust == both[0].trust &&
		both[1].header.sequence > both[0].header.sequence);
	salvage->known += both[slot].trust;
	salvage->header = both[slot].header;
	tell_header(salvage, slot, both[slot].trust,
		    same && both[!slot].trust == both[slot].trust);
	if (!both[slot].trust) {
		salvage->header = (struct vhdx_header){
			.sequence = 1,
			.version = VHDX_VERSION,
		};
		guid_gen(&salvage->header.data_write_guid);
		return 0;
	}
	if (salvage->header.version != VHDX_VERSION)
		return vhdx_refuse(salvage->report, -EOPNOTSUPP,
				   VHDX_AT_INDEX("header", slot + 1,
						 VHDX_HEADER_OFFSET(slot)),
				   "format version %u; only version 1 is known",
				   salvage->header.version);
	check_log(salvage, slot);
	return 0;
}

static bool region_fits(const struct vhdx_disk_region_entry *entry)
{
	u64 offset = le64_to_cpu(entry->file_offset);
	u32 length = le32_to_cpu(entry->length);

	return offset >= VHDX_HEADER_SECTION && offset < VHDX_FILE_SIZE_MAX &&
	       IS_ALIGNED(offset, VHDX_ALIGN) && length &&
	       IS_ALIGNED(length, VHDX_ALIGN);
}

/* Take the places of BAT and metadata from a table. Return how many it names. */
static u32 take_regions(struct vhdx_salvage *salvage,
			const struct vhdx_disk_region_table *table)
{
	static const guid_t bat = VHDX_GUID_BAT, metadata = VHDX_GUID_METADATA;
	u32 count = min(le32_to_cpu(table->entry_count),
			VHDX_TABLE_ENTRIES_MAX);
	struct vhdx_layout *layout = &salvage->layout;
	u32 i;

	layout->bat.offset = 0;
	layout->metadata_offset = 0;
	for (i = 0; i < count; i++) {
		const struct vhdx_disk_region_entry *entry = &table->entry[i];

		if (!region_fits(entry))
			continue;
		if (guid_equal(&entry->guid, &bat)) {
			layout->bat.offset = le64_to_cpu(entry->file_offset);
			layout->bat_length = le32_to_cpu(entry->length);
		}
		if (guid_equal(&entry->guid, &metadata)) {
			layout->metadata_offset =
				le64_to_cpu(entry->file_offset);
			layout->metadata_length = le32_to_cpu(entry->length);
		}
	}
	if (layout->bat.offset == layout->metadata_offset)
		return 0;
	return !!layout->bat.offset + !!layout->metadata_offset;
}

/* Return true if the engine would open the image with this copy. */
static bool is_sound(struct vhdx_salvage *salvage, const void *table,
		     unsigned int copy)
{
	struct vhdx_regions regions = {};
	bool sound = vhdx_region_table_check(table, copy, &vhdx_report_silent) &&
		     !vhdx_regions_decode(table, copy, &salvage->header,
					  salvage->mend.store.size, &regions,
					  &vhdx_report_silent);

	vhdx_regions_free(&regions);
	return sound;
}

static bool has_signature(const struct vhdx_disk_region_table *table)
{
	return le32_to_cpu(table->signature) == VHDX_REGION_SIGNATURE;
}

/*
 * Try the copies in the order of trust: sound ones, those with a right checksum,
 * those with a signature. Return the copy, and how far it is trusted.
 */
static int choose_table(struct vhdx_salvage *salvage, const u8 *tables,
			unsigned int *trust)
{
	unsigned int copy;

	for (*trust = 3; *trust; --*trust) {
		for (copy = 0; copy < 2; copy++) {
			const void *table = tables + copy * VHDX_TABLE_SIZE;

			if (*trust == 3 && !is_sound(salvage, table, copy))
				continue;
			if (*trust == 2 &&
			    !vhdx_region_table_check(table, copy,
						     &vhdx_report_silent))
				continue;
			if (has_signature(table) &&
			    take_regions(salvage, table) == 2)
				return (int)copy;
		}
	}
	return -1;
}

static void tell_tables(struct vhdx_salvage *salvage, int copy,
			unsigned int trust)
{
	struct vhdx_place at = VHDX_AT("region table",
				       VHDX_REGION_TABLE_OFFSET(0));

	if (copy < 0) {
		vhdx_find(salvage->report, VHDX_WARN, at,
			  "both copies are lost; the BAT and the metadata are searched for");
		return;
	}
	at = VHDX_AT_INDEX("region table", copy + 1,
			   VHDX_REGION_TABLE_OFFSET(copy));
	if (trust == 1)
		vhdx_find(salvage->report, VHDX_WARN, at,
			  "no copy has the right checksum; this one is used, since its contents are plausible");
	if (trust == 2)
		vhdx_find(salvage->report, VHDX_WARN, at,
			  "no copy can be used as it is; the places of BAT (0x%llx) and metadata (0x%llx) are taken from this one",
			  salvage->layout.bat.offset,
			  salvage->layout.metadata_offset);
}

/*
 * A copy that cannot be read counts as one without a signature. It must be
 * replaced, since opening an image reads both copies.
 */
static void read_tables(struct vhdx_salvage *salvage, u8 *tables)
{
	unsigned int copy;

	for (copy = 0; copy < 2; copy++) {
		u8 *table = tables + copy * VHDX_TABLE_SIZE;

		if (!vhdx_store_read(&salvage->mend.store,
				     VHDX_REGION_TABLE_OFFSET(copy), table,
				     VHDX_TABLE_SIZE))
			continue;
		memset(table, 0, VHDX_TABLE_SIZE);
		salvage->tables_bad = true;
	}
}

/**
 * vhdx_salvage_regions() - choose or make up the region table
 * @salvage: the damaged image; the places of BAT and metadata are set, to 0 if
 *	no table names them
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int vhdx_salvage_regions(struct vhdx_salvage *salvage)
{
	u8 *tables = kvmalloc(2 * VHDX_TABLE_SIZE, GFP_KERNEL);
	unsigned int trust;
	int copy;

	if (!tables)
		return -ENOMEM;
	read_tables(salvage, tables);
	copy = choose_table(salvage, tables, &trust);
	tell_tables(salvage, copy, trust);
	salvage->known += trust;
	salvage->tables_bad |= trust != 3;
	if (copy < 0)
		take_regions(salvage, memset(tables, 0, VHDX_TABLE_SIZE));
	kvfree(tables);
	return 0;
}
