// SPDX-License-Identifier: GPL-2.0-only
/* Salvage of the geometry: deduced from the BAT, and from what the disk holds. */
#include "salvage-find.h"

/* This many blocks are enough to find their least distance. */
#define SAMPLE		65536U

/* The partition table lies in this many bytes at the start of the disk. */
#define HEAD_SIZE	8192U

/**
 * struct sample - the first blocks that a BAT names
 * @offsets: their places, ascending once they are sorted
 * @count: how many
 * @last: index of the last entry that names a block or has a state
 * @partial: some are partially present
 */
struct sample {
	u64 *offsets;
	u32 count;
	u64 last;
	bool partial;
};

static int compare_offset(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void add_page(struct sample *sample, u64 index, const __le64 *entries)
{
	u32 i;

	for (i = 0; i < VHDX_BAT_ENTRIES_PER_PAGE; i++) {
		u64 entry = le64_to_cpu(entries[i]);

		if (!vhdx_entry_present(entry) ||
		    (entry & VHDX_BAT_RESERVED_MASK))
			continue;
		sample->last = index + i;
		sample->partial |= vhdx_entry_state(entry) ==
				   VHDX_BLOCK_PARTIALLY_PRESENT;
		if (sample->count < SAMPLE)
			sample->offsets[sample->count++] =
				vhdx_entry_offset(entry);
	}
}

static void take_sample(struct vhdx_salvage *salvage, struct sample *sample,
			__le64 *page)
{
	const struct vhdx_layout *layout = &salvage->layout;
	u64 pages = layout->bat_length / VHDX_PAGE, i;

	for (i = 0; i < pages; i++) {
		u64 pos = layout->bat.offset + i * VHDX_PAGE;

		cond_resched();
		if (!vhdx_store_read(&salvage->mend.store, pos, page, VHDX_PAGE))
			add_page(sample, i * VHDX_BAT_ENTRIES_PER_PAGE, page);
	}
	sort(sample->offsets, sample->count, sizeof(*sample->offsets),
	     compare_offset, NULL);
}

/* Two blocks do not overlap, so none is larger than their least distance. */
static u64 least_distance(const struct sample *sample, u64 file_size)
{
	u64 least = VHDX_BLOCK_SIZE_MAX, distance;
	u32 i;

	for (i = 0; i < sample->count; i++) {
		u64 next = i + 1 < sample->count ? sample->offsets[i + 1] :
						   file_size;

		distance = next > sample->offsets[i] ?
				   next - sample->offsets[i] : 0;
		if (distance >= VHDX_BLOCK_SIZE_MIN)
			least = min(least, distance);
	}
	return least;
}

static u64 entry_at(struct vhdx_salvage *salvage, u64 index, __le64 *page)
{
	u64 pos = salvage->layout.bat.offset +
		  ALIGN_DOWN(index, VHDX_BAT_ENTRIES_PER_PAGE) * sizeof(*page);

	if (vhdx_store_read(&salvage->mend.store, pos, page, VHDX_PAGE))
		return 0;
	return le64_to_cpu(page[index % VHDX_BAT_ENTRIES_PER_PAGE]);
}

/*
 * An image without a parent has no sector bitmaps. If the slot of a sector
 * bitmap names a block, the assumed block size is wrong.
 */
static bool bitmaps_fit(struct vhdx_salvage *salvage,
			const struct sample *sample, u64 block_size,
			__le64 *page)
{
	u64 ratio = ((u64)salvage->layout.params.logical_sector
		     << VHDX_CHUNK_SECTORS_SHIFT) / block_size;
	u64 index;

	if (sample->partial)
		return true;
	for (index = ratio; index <= sample->last; index += ratio + 1)
		if (vhdx_entry_present(entry_at(salvage, index, page)))
			return false;
	return true;
}

static void guess_block_size(struct vhdx_salvage *salvage,
			     const struct sample *sample, __le64 *page)
{
	u64 size = least_distance(sample, salvage->mend.below->size);

	size = 1ULL << ilog2(size);
	while (size > VHDX_BLOCK_SIZE_MIN &&
	       !bitmaps_fit(salvage, sample, size, page))
		size /= 2;
	salvage->layout.params.block_size = size;
	vhdx_find(salvage->report, VHDX_WARN,
		  VHDX_AT("BAT region", salvage->layout.bat.offset),
		  "the block size is taken for %llu MiB: no two of its %u blocks are closer together; --block-size says otherwise",
		  size / VHDX_MIB, sample->count);
}

/* Return the bytes of the disk that a GPT in its first sectors tells; or 0. */
static u64 size_of_gpt(const u8 *head, u32 sector)
{
	static const char signature[] = "EFI PART";
	u64 last;

	if (memcmp(head + sector, signature, 8))
		return 0;
	last = le64_to_cpu(*(const __le64 *)(head + sector + 32));
	return last < VHDX_DISK_SIZE_MAX / sector ? (last + 1) * sector : 0;
}

/* Return the end of the last partition that an MBR names, in bytes; or 0. */
static u64 size_of_mbr(const u8 *head, u32 sector)
{
	const u8 *entry = head + 446;
	u64 end = 0;
	u32 i;

	if (head[510] != 0x55 || head[511] != 0xAA)
		return 0;
	for (i = 0; i < 4; i++, entry += 16) {
		__le32 start, count;

		memcpy(&start, entry + 8, sizeof(start));
		memcpy(&count, entry + 12, sizeof(count));
		if (entry[4] && !(entry[0] & 0x7F))
			end = max(end, ((u64)le32_to_cpu(start) +
					le32_to_cpu(count)) * sector);
	}
	return end;
}

static bool read_head(struct vhdx_salvage *salvage, u8 *head, __le64 *page)
{
	u64 entry = entry_at(salvage, 0, page);

	return vhdx_entry_present(entry) &&
	       !vhdx_store_read(&salvage->mend.store, vhdx_entry_offset(entry),
				head, HEAD_SIZE);
}

static void guess_sector(struct vhdx_salvage *salvage, const u8 *head)
{
	u32 *sector = &salvage->layout.params.logical_sector;
	const char *why = "as is usual";

	if (*sector)
		return;
	*sector = 512;
	if (size_of_gpt(head, 512)) {
		why = "by the place of the GPT";
	} else if (size_of_gpt(head, 4096)) {
		*sector = 4096;
		why = "by the place of the GPT";
	}
	vhdx_find(salvage->report, VHDX_WARN, VHDX_AT("logical sector size",
						      salvage->layout.metadata_offset),
		  "is lost, and taken for %u, %s; --sector-size says otherwise",
		  *sector, why);
}

/* Bytes of the disk up to the end of the last block that the BAT names. */
static u64 size_of_blocks(const struct vhdx_salvage *salvage,
			  const struct sample *sample)
{
	const struct vhdx_params *params = &salvage->layout.params;
	u64 ratio = ((u64)params->logical_sector << VHDX_CHUNK_SECTORS_SHIFT) /
		    params->block_size;
	u64 blocks = sample->last - sample->last / (ratio + 1) + 1;

	return min(blocks, VHDX_DISK_SIZE_MAX / params->block_size) *
	       params->block_size;
}

static void guess_size(struct vhdx_salvage *salvage,
		       const struct sample *sample, const u8 *head)
{
	struct vhdx_params *params = &salvage->layout.params;
	u64 blocks = size_of_blocks(salvage, sample);
	u64 size = size_of_gpt(head, params->logical_sector);
	const char *why = "by its GPT";

	if (!size) {
		size = size_of_mbr(head, params->logical_sector);
		why = "by its partitions";
	}
	if (size + params->block_size <= blocks ||
	    size > VHDX_DISK_SIZE_MAX) {
		size = blocks;
		why = "by its last block";
	}
	params->size = size;
	vhdx_find(salvage->report, VHDX_WARN,
		  VHDX_AT("virtual disk size", salvage->layout.metadata_offset),
		  "is lost, and taken for %llu bytes, %s; --size says otherwise",
		  size, why);
}

static int guess(struct vhdx_salvage *salvage, struct sample *sample, u8 *buf)
{
	struct vhdx_params *params = &salvage->layout.params;
	__le64 *page = (__le64 *)(buf + HEAD_SIZE);

	take_sample(salvage, sample, page);
	if (!sample->count)
		return vhdx_refuse(salvage->report, -EUCLEAN,
				   VHDX_AT("BAT region",
					   salvage->layout.bat.offset),
				   "names no block, so nothing tells the size of the disk: give --size and --block-size");
	if (!read_head(salvage, buf, page))
		memset(buf, 0, HEAD_SIZE);
	guess_sector(salvage, buf);
	if (!params->block_size)
		guess_block_size(salvage, sample, page);
	if (!params->size)
		guess_size(salvage, sample, buf);
	if (sample->partial && !params->has_parent)
		vhdx_find(salvage->report, VHDX_WARN,
			  VHDX_AT("BAT region", salvage->layout.bat.offset),
			  "has partially present blocks, so the image had a parent, whose name is lost; of such blocks, all is taken");
	return 0;
}

/**
 * vhdx_guess_geometry() - deduce block, sector and disk size
 * @salvage: the damaged image; the place of the BAT is known. What is 0 in its
 *	parameters is set.
 *
 * Context: may sleep.
 * Return: 0; -EUCLEAN after a finding; -ENOMEM.
 */
int vhdx_guess_geometry(struct vhdx_salvage *salvage)
{
	struct sample sample = {};
	u8 *buf = kvmalloc(HEAD_SIZE + VHDX_PAGE, GFP_KERNEL);
	int r = -ENOMEM;

	sample.offsets = kvmalloc_array(SAMPLE, sizeof(*sample.offsets),
					GFP_KERNEL);
	if (buf && sample.offsets)
		r = guess(salvage, &sample, buf);
	kvfree(sample.offsets);
	kvfree(buf);
	return r;
}
