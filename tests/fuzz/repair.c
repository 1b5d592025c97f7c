// SPDX-License-Identifier: GPL-2.0-only
#include "format.h"
#include "repair.h"

/* An input says which log is meant; a broken one might say: all of 1 GiB. */
#define PAGES_MAX	2048U
/* Descriptors past these are as they are, or as one extent makes them all. */
#define DESCRIPTORS_MAX	256U

/* A file, and the log that one of its headers names. */
struct repair {
	struct fuzz_input *input;
	struct fuzz_layer *layer;
	guid_t guid;
	u64 base;
	u64 length;
};

static void repair_sum(struct fuzz_input *input, struct fuzz_layer *layer,
		       u64 pos, u32 len)
{
	static u8 buf[VHDX_TABLE_SIZE];

	fuzz_layer_read(layer, pos, buf, len);
	memset(buf + 4, 0, 4);
	fuzz_layer_put(input, layer, pos + 4, 4, ~crc32c(~0U, buf, len));
}

static u64 ring(const struct repair *repair, u64 offset)
{
	return repair->base + offset % repair->length;
}

static u64 descriptor_at(const struct repair *repair, u64 entry, u32 index)
{
	return ring(repair, entry + sizeof(struct vhdx_disk_log_entry) +
			    (u64)index * sizeof(struct vhdx_disk_log_desc));
}

/* Returns how many data sectors the descriptors ask for. */
static u32 repair_descriptors(struct repair *repair, u64 entry, u32 count,
			      u64 sequence)
{
	u32 data = 0;
	u32 i;

	for (i = 0; i < count; i++) {
		u64 pos = descriptor_at(repair, entry, i);
		u64 at = pos + offsetof(struct vhdx_disk_log_desc, sequence);

		data += fuzz_layer_get(repair->layer, pos, 4) ==
			VHDX_LOG_DESC_SIGNATURE;
		if (i < DESCRIPTORS_MAX &&
		    repair->input->repair & FUZZ_REPAIR_LOG_SEQ &&
		    fuzz_layer_get(repair->layer, at, 8) != sequence)
			fuzz_layer_put(repair->input, repair->layer, at, 8,
				       sequence);
	}
	return data;
}

static void repair_data(struct repair *repair, u64 sector, u64 sequence)
{
	u64 pos = ring(repair, sector);

	fuzz_layer_put(repair->input, repair->layer, pos, 4,
		       VHDX_LOG_DATA_SIGNATURE);
	fuzz_layer_put(repair->input, repair->layer, pos + 4, 4,
		       sequence >> 32);
	fuzz_layer_put(repair->input, repair->layer,
		       pos + offsetof(struct vhdx_disk_log_data, sequence_low),
		       4, sequence & U32_MAX);
}

static void repair_entry_sum(struct repair *repair, u64 entry)
{
	u64 length = fuzz_layer_get(repair->layer, ring(repair, entry) + 8, 4);
	static u8 page[VHDX_PAGE];
	u32 crc = ~0U;
	u64 done;

	if (length > repair->length || length > PAGES_MAX * VHDX_PAGE)
		return;
	for (done = 0; done < length; done += VHDX_PAGE) {
		fuzz_layer_read(repair->layer, ring(repair, entry + done), page,
				VHDX_PAGE);
		if (!done)
			memset(page + 4, 0, 4);
		crc = crc32c(crc, page, VHDX_PAGE);
	}
	fuzz_layer_put(repair->input, repair->layer, ring(repair, entry) + 4, 4,
		       ~crc);
}

static void repair_entry(struct repair *repair, u64 entry)
{
	struct fuzz_input *input = repair->input;
	struct fuzz_layer *layer = repair->layer;
	u64 pos = ring(repair, entry);
	u64 sequence = fuzz_layer_get(layer, pos + 16, 8);
	u32 count = fuzz_layer_get(layer, pos + 24, 4);
	u64 described = ALIGN((count + 2ULL) * 32, (u64)VHDX_PAGE);
	u32 data, i;

	if (input->repair & FUZZ_REPAIR_LOG_GUID)
		fuzz_layer_write(input, layer, pos + 32, &repair->guid, 16);
	if (described > min(repair->length, (u64)PAGES_MAX * VHDX_PAGE / 8))
		return;
	data = repair_descriptors(repair, entry, count, sequence);
	if (described + (u64)data * VHDX_PAGE > repair->length)
		return;
	if (input->repair & FUZZ_REPAIR_LOG_LENGTH)
		fuzz_layer_put(input, layer, pos + 8, 4,
			       described + data * VHDX_PAGE);
	if (input->repair & FUZZ_REPAIR_LOG_SEQ)
		for (i = 0; i < data; i++)
			repair_data(repair, entry + described + i * VHDX_PAGE,
				    sequence);
	if (input->repair & FUZZ_REPAIR_LOG_SUM)
		repair_entry_sum(repair, entry);
}

/* Entries are where extents are: a log of zeros is not searched. */
static void repair_log(struct repair *repair)
{
	u32 extents = repair->layer->count;
	u64 last = U64_MAX;
	u32 left = PAGES_MAX;
	u32 i;

	for (i = 0; i < extents; i++) {
		const struct fuzz_extent *extent = &repair->layer->extent[i];
		u64 end = min(extent->offset + extent->length,
			      repair->base + repair->length);
		u64 page = ALIGN_DOWN(max(extent->offset, repair->base),
				      (u64)VHDX_PAGE);

		for (; page < end && left; page += VHDX_PAGE) {
			if (page == last || fuzz_layer_get(repair->layer, page, 4) !=
					    VHDX_LOG_ENTRY_SIGNATURE)
				continue;
			last = page;
			left--;
			repair_entry(repair, page - repair->base);
		}
	}
}

static void repair_slot(struct fuzz_input *input, struct fuzz_layer *layer,
			u32 slot)
{
	struct repair repair = { .input = input, .layer = layer };
	u64 pos = VHDX_HEADER_OFFSET(slot);

	if (fuzz_layer_get(layer, pos, 4) != VHDX_HEADER_SIGNATURE)
		return;
	fuzz_layer_read(layer, pos + offsetof(struct vhdx_disk_header, log_guid),
			&repair.guid, sizeof(repair.guid));
	repair.length = fuzz_layer_get(layer, pos + 68, 4);
	repair.base = fuzz_layer_get(layer, pos + 72, 8);
	if (!guid_is_null(&repair.guid) && repair.length &&
	    IS_ALIGNED(repair.length | repair.base, (u64)VHDX_PAGE) &&
	    repair.base < layer->size)
		repair_log(&repair);
	if (input->repair & FUZZ_REPAIR_HEADERS)
		repair_sum(input, layer, pos, VHDX_HEADER_SIZE);
}

/**
 * fuzz_repair() - put one file right
 * @input: says what to put right
 * @layer: the file
 *
 * A structure whose signature is wrong is left alone. The log of the current
 * header is done last, for both copies may name the same one.
 */
void fuzz_repair(struct fuzz_input *input, struct fuzz_layer *layer)
{
	bool second = fuzz_layer_get(layer, VHDX_HEADER_OFFSET(1) + 8, 8) >
		      fuzz_layer_get(layer, VHDX_HEADER_OFFSET(0) + 8, 8);
	u32 copy;

	repair_slot(input, layer, !second);
	repair_slot(input, layer, second);
	if (!(input->repair & FUZZ_REPAIR_REGIONS))
		return;
	for (copy = 0; copy < 2; copy++)
		if (fuzz_layer_get(layer, VHDX_REGION_TABLE_OFFSET(copy), 4) ==
		    VHDX_REGION_SIGNATURE)
			repair_sum(input, layer,
				   VHDX_REGION_TABLE_OFFSET(copy),
				   VHDX_TABLE_SIZE);
}
