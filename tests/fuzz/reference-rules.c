// SPDX-License-Identifier: GPL-2.0-only
#include "reference.h"

/* Pairs are compared each with each other; more than this takes too long. */
#define COMPARED_MAX	160U

/* The first four bytes of the system items that a reader may require. */
static const u32 known_items[] = {
	0xCAA16737, 0x2FA54224, 0xBECA12AB, 0x8141BF1D,
	0xCDA348C7, 0xA8D35F2D, 0xDA02D7BC, 0x10E1AE8A,
};

struct item {
	u8 id[16];
	u64 start;
	u64 length;
	u32 flags;
};

static bool meet(u64 a, u64 a_length, u64 b, u64 b_length)
{
	return a < b + b_length && b < a + a_length;
}

/**
 * reference_places() - is every object aligned, in the file, and alone there?
 * @ref: the file, with the places that are known
 *
 * Return: whether it is.
 * Source: [MS-VHDX] 2.1.
 */
bool reference_places(const struct reference *ref)
{
	u32 i, j;

	for (i = 0; i < ref->place_count; i++) {
		u64 start = ref->places[i][0], length = ref->places[i][1];

		if (start % (1 << 20) || length % (1 << 20) || !length ||
		    start > ref->length || length > ref->length - start)
			return false;
		for (j = 0; j < i && ref->place_count <= COMPARED_MAX; j++)
			if (meet(start, length, ref->places[j][0],
				 ref->places[j][1]))
				return false;
	}
	return true;
}

/* [MS-VHDX] 2.6.1.2. */
static bool item_right(const struct item *item, u64 region_length)
{
	bool known = false;
	u32 first, i;

	if (!item->length && item->start)
		return false;
	if (item->length && (item->start < 65536 || item->length > 1 << 20 ||
			     item->start + item->length > region_length))
		return false;
	memcpy(&first, item->id, 4);
	for (i = 0; i < ARRAY_SIZE(known_items); i++)
		known |= le32_to_cpu(first) == known_items[i];
	return !(item->flags & VHDX_ITEM_IS_REQUIRED) ||
	       (known && !(item->flags & VHDX_ITEM_IS_USER));
}

static bool items_apart(const struct item *a, const struct item *b)
{
	if (a->length && b->length &&
	    meet(a->start, a->length, b->start, b->length))
		return false;
	return memcmp(a->id, b->id, 16) || ((a->flags ^ b->flags) & 1);
}

/* [MS-VHDX] 2.6.1. */
static bool items_right(const struct reference *ref, u64 table, u64 length)
{
	static struct item items[COMPARED_MAX];
	__le16 disk_count;
	u32 i, j, count;
	__le32 disk[4];

	reference_read(ref, table + 10, &disk_count, 2);
	count = le16_to_cpu(disk_count);
	for (i = 0; i < count && count <= COMPARED_MAX; i++) {
		struct item *item = &items[i];

		reference_read(ref, table + 32 + 32 * i, item->id, 16);
		reference_read(ref, table + 48 + 32 * i, disk, 16);
		item->start = le32_to_cpu(disk[0]);
		item->length = le32_to_cpu(disk[1]);
		item->flags = le32_to_cpu(disk[2]);
		if (!item_right(item, length))
			return false;
		for (j = 0; j < i; j++)
			if (!items_apart(item, &items[j]))
				return false;
	}
	return count <= 2047;
}

/* [MS-VHDX] 2.6.2. */
static bool disk_right(const struct reference *ref)
{
	u64 block = ref->block_size;

	return block >= 1 << 20 && block <= 256 << 20 && !(block & (block - 1)) &&
	       (ref->sector_size == 512 || ref->sector_size == 4096) &&
	       ref->disk_size && ref->disk_size <= 64ULL << 40 &&
	       ref->disk_size % ref->sector_size == 0;
}

/* [MS-VHDX] 2.5: how many entries the BAT has. */
static u64 entry_count(const struct reference *ref)
{
	u64 blocks = (ref->disk_size + ref->block_size - 1) / ref->block_size;
	u64 ratio = reference_ratio(ref);

	if (ref->child)
		return (blocks + ratio - 1) / ratio * (ratio + 1);
	return blocks + (blocks - 1) / ratio;
}

/**
 * reference_rules() - is there a reason to refuse a file?
 * @ref: the file, understood
 * @metadata: byte offset of the metadata region, and its length
 * @bat_length: bytes of the BAT region
 *
 * What the engine lets pass must pass here: so a check that it loses is
 * noticed, though nothing else may come of it.
 *
 * Return: false if there is.
 */
bool reference_rules(const struct reference *ref, const u64 metadata[2],
		     u64 bat_length)
{
	return reference_places(ref) &&
	       items_right(ref, metadata[0], metadata[1]) && disk_right(ref) &&
	       entry_count(ref) * 8 <= bat_length;
}
