// SPDX-License-Identifier: GPL-2.0-only
/* The write side of locator.h: encode a locator. */
#include "locator.h"

#define PAIRS_MAX 5U

/**
 * struct encoder - a locator that is being written
 * @item: its bytes
 * @pairs: number of pairs that it will have
 * @index: index of the next pair
 * @end: bytes that are in use
 * @report: receives the fault, if there is one
 */
struct encoder {
	u8 *item;
	u32 pairs;
	u32 index;
	u32 end;
	struct vhdx_report *report;
};

/*
 * One character of UTF-8. Returns 0 if it is malformed: overlong, cut off, half
 * a surrogate pair, or above U+10FFFF.
 */
static u32 next_character(const u8 **text)
{
	static const u32 least[] = { 0, 0x80, 0x800, 0x10000 };
	const u8 *p = *text;
	u32 more = *p < 0x80 ? 0 : *p < 0xE0 ? 1 : *p < 0xF0 ? 2 : 3;
	u32 c = more ? *p & (0x3F >> more) : *p;
	u32 i;

	if ((*p >= 0x80 && *p < 0xC0) || *p > 0xF7)
		return 0;
	for (i = 0; i < more; i++) {
		if ((*++p & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (*p & 0x3F);
	}
	*text = p + 1;
	if (c < least[more] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return 0;
	return c;
}

static bool put_unit(struct encoder *e, u32 unit)
{
	if (e->end + 2 > VHDX_LOCATOR_SIZE_MAX)
		return false;
	e->item[e->end++] = unit;
	e->item[e->end++] = unit >> 8;
	return true;
}

static bool put_character(struct encoder *e, u32 c)
{
	if (c < 0x10000)
		return put_unit(e, c);
	c -= 0x10000;
	return put_unit(e, 0xD800 | c >> 10) &&
	       put_unit(e, 0xDC00 | (c & 0x3FF));
}

/* Returns 0 or a negative errno; the length of a text is above 0. */
static int put_text(struct encoder *e, const char *key, const char *text)
{
	struct vhdx_place at = VHDX_AT("parent locator", 0);
	const u8 *p = (const u8 *)text;

	if (!*p)
		return vhdx_refuse(e->report, -EINVAL, at,
				   "the value of \"%s\" is empty", key);
	while (*p) {
		u32 c = next_character(&p);

		if (!c)
			return vhdx_refuse(e->report, -EINVAL, at,
					   "the value of \"%s\" is not UTF-8",
					   key);
		if (!put_character(e, c))
			return vhdx_refuse(e->report, -E2BIG, at,
					   "the value of \"%s\" does not fit: a locator has %u bytes at most",
					   key, VHDX_LOCATOR_SIZE_MAX);
	}
	return 0;
}

static int put_pair(struct encoder *e, const char *key, const char *value)
{
	struct vhdx_disk_locator_pair pair = {
		.key_offset = cpu_to_le32(e->end),
	};
	u32 start = e->end, middle;
	int r = put_text(e, key, key);

	middle = e->end;
	if (!r)
		r = put_text(e, key, value);
	if (r)
		return r;
	pair.value_offset = cpu_to_le32(middle);
	pair.key_length = cpu_to_le16(middle - start);
	pair.value_length = cpu_to_le16(e->end - middle);
	memcpy(e->item + sizeof(struct vhdx_disk_locator_header) +
		       e->index++ * sizeof(pair),
	       &pair, sizeof(pair));
	return 0;
}

static int put_path(struct encoder *e, const char *key, const char *path)
{
	return path ? put_pair(e, key, path) : 0;
}

static int put_guid(struct encoder *e, const char *key, const guid_t *guid)
{
	char digits[VHDX_GUID_TEXT_SIZE];
	char text[VHDX_GUID_TEXT_SIZE + 2];

	snprintf(text, sizeof(text), "{%s}", vhdx_guid_text(guid, digits));
	return put_pair(e, key, text);
}

static void put_header(struct encoder *e, const struct vhdx_locator *locator)
{
	struct vhdx_disk_locator_header header = {
		.type = VHDX_GUID_LOCATOR_TYPE,
	};

	e->pairs = 1 + !guid_is_null(&locator->linkage2) +
		   !!locator->absolute_path + !!locator->relative_path +
		   !!locator->volume_path;
	header.pair_count = cpu_to_le16(e->pairs);
	memcpy(e->item, &header, sizeof(header));
	e->end = sizeof(header) +
		 e->pairs * sizeof(struct vhdx_disk_locator_pair);
}

/**
 * vhdx_locator_encode() - encode a parent locator
 * @locator: its contents; keys whose value is NULL or a null GUID are left out
 * @item: destination, VHDX_LOCATOR_SIZE_MAX bytes
 * @length: set to the number of bytes that are used
 * @report: told what cannot be encoded
 *
 * The pairs have the order in which Windows writes them. Whether a path makes
 * sense to Windows is for the caller to check.
 *
 * Context: any that @report allows.
 * Return: 0, or after a finding: -EINVAL if a path is empty or not UTF-8 or
 * @locator names no parent, -E2BIG if the locator does not fit.
 * Source: [MS-VHDX] 2.6.2.6.
 */
int vhdx_locator_encode(const struct vhdx_locator *locator, void *item,
			u32 *length, struct vhdx_report *report)
{
	struct encoder e = { .item = item, .report = report };
	int r;

	if (guid_is_null(&locator->linkage))
		return vhdx_refuse(report, -EINVAL, VHDX_AT("parent locator", 0),
				   "a null GUID cannot name a parent");
	put_header(&e, locator);
	r = put_guid(&e, "parent_linkage", &locator->linkage);
	if (!r)
		r = put_path(&e, "absolute_win32_path", locator->absolute_path);
	if (!r)
		r = put_path(&e, "relative_path", locator->relative_path);
	if (!r)
		r = put_path(&e, "volume_path", locator->volume_path);
	if (!r && !guid_is_null(&locator->linkage2))
		r = put_guid(&e, "parent_linkage2", &locator->linkage2);
	*length = e.end;
	return r;
}
