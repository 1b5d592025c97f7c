// SPDX-License-Identifier: GPL-2.0-only
#include "locator.h"

/* The state of decoding the pairs. */
struct decoder {
	const u8 *item;
	u32 length;
	u64 offset;
	struct vhdx_report *report;
	struct vhdx_locator *locator;
	/* A GUID of zeros is a valid value, so these flags are needed. */
	bool linkage_seen;
	bool linkage2_seen;
};

static struct vhdx_place pair_place(const struct decoder *d, u32 index)
{
	u64 pos = d->offset + sizeof(struct vhdx_disk_locator_header) +
		  index * sizeof(struct vhdx_disk_locator_pair);

	return VHDX_AT_INDEX("parent locator pair", index, pos);
}

static u8 *put_utf8(u8 *out, u32 c)
{
	if (c < 0x80) {
		*out++ = c;
	} else if (c < 0x800) {
		*out++ = 0xC0 | c >> 6;
		*out++ = 0x80 | (c & 0x3F);
	} else if (c < 0x10000) {
		*out++ = 0xE0 | c >> 12;
		*out++ = 0x80 | (c >> 6 & 0x3F);
		*out++ = 0x80 | (c & 0x3F);
	} else {
		*out++ = 0xF0 | c >> 18;
		*out++ = 0x80 | (c >> 12 & 0x3F);
		*out++ = 0x80 | (c >> 6 & 0x3F);
		*out++ = 0x80 | (c & 0x3F);
	}
	return out;
}

static u32 unit_at(const u8 *text, u32 index)
{
	return text[2 * index] | text[2 * index + 1] << 8;
}

/*
 * Convert @units UTF-16LE code units at any alignment to UTF-8. The kernel's
 * utf16s_to_utf8s() skips malformed units and depends on NLS, but a locator
 * with an unpaired surrogate or a NUL must be refused.
 */
static char *to_utf8(const u8 *text, u32 units)
{
	/* A unit takes at most three bytes, and a surrogate pair four. */
	u8 *utf8 = kvmalloc(3 * units + 1, GFP_KERNEL);
	u8 *out = utf8;
	u32 i;

	if (!utf8)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < units; i++) {
		u32 c = unit_at(text, i);

		if (c >= 0xD800 && c < 0xDC00 && i + 1 < units) {
			u32 low = unit_at(text, ++i);

			if (low < 0xDC00 || low > 0xDFFF)
				goto malformed;
			c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
		} else if ((c >= 0xD800 && c <= 0xDFFF) || !c) {
			goto malformed;
		}
		out = put_utf8(out, c);
	}
	*out = 0;
	return (char *)utf8;

malformed:
	kvfree(utf8);
	return ERR_PTR(-EUCLEAN);
}

static char *decode_string(const struct decoder *d, const char *what, u32 pos,
			   u32 length, struct vhdx_place at)
{
	char *text;

	if (!pos || !length || length % 2 || (u64)pos + length > d->length) {
		vhdx_refuse(d->report, -EUCLEAN, at,
			    "the %s at 0x%x, %u bytes long, is empty, odd or outside the locator of %u bytes",
			    what, pos, length, d->length);
		return ERR_PTR(-EUCLEAN);
	}
	text = to_utf8(d->item + pos, length / 2);
	if (text == ERR_PTR(-EUCLEAN))
		vhdx_refuse(d->report, -EUCLEAN, at,
			    "the %s is not valid UTF-16, or holds a NUL", what);
	return text;
}

/* "{8-4-4-4-12}" in either case: the specification's own example is upper. */
static bool parse_guid(const char *text, guid_t *guid)
{
	return strlen(text) == 38 && text[0] == '{' && text[37] == '}' &&
	       !guid_parse(text + 1, guid);
}

static int take_linkage(struct decoder *d, const char *key, const char *value,
			guid_t *linkage, bool *seen, struct vhdx_place at)
{
	if (*seen)
		return vhdx_refuse(d->report, -EUCLEAN, at,
				   "the key \"%s\" is there twice", key);
	*seen = true;
	if (!parse_guid(value, linkage))
		return vhdx_refuse(d->report, -EUCLEAN, at,
				   "\"%s\" is \"%.48s\", which is no GUID in braces",
				   key, value);
	return 0;
}

/* Takes ownership of *@value. */
static int take_path(struct decoder *d, const char *key, char **value,
		     char **path, struct vhdx_place at)
{
	if (*path)
		return vhdx_refuse(d->report, -EUCLEAN, at,
				   "the key \"%s\" is there twice", key);
	swap(*path, *value);
	return 0;
}

static int take_pair(struct decoder *d, const char *key, char **value,
		     struct vhdx_place at)
{
	struct vhdx_locator *locator = d->locator;

	if (!strcmp(key, "parent_linkage"))
		return take_linkage(d, key, *value, &locator->linkage,
				    &d->linkage_seen, at);
	if (!strcmp(key, "parent_linkage2"))
		return take_linkage(d, key, *value, &locator->linkage2,
				    &d->linkage2_seen, at);
	if (!strcmp(key, "relative_path"))
		return take_path(d, key, value, &locator->relative_path, at);
	if (!strcmp(key, "volume_path"))
		return take_path(d, key, value, &locator->volume_path, at);
	if (!strcmp(key, "absolute_win32_path"))
		return take_path(d, key, value, &locator->absolute_path, at);
	vhdx_find(d->report, VHDX_INFO, at, "the key \"%.48s\" is not known",
		  key);
	return 0;
}

static int decode_pair(struct decoder *d, u32 index)
{
	struct vhdx_disk_locator_pair pair;
	struct vhdx_place at = pair_place(d, index);
	char *key, *value;
	int r;

	memcpy(&pair,
	       d->item + sizeof(struct vhdx_disk_locator_header) +
		       index * sizeof(pair),
	       sizeof(pair));
	key = decode_string(d, "key", le32_to_cpu(pair.key_offset),
			    le16_to_cpu(pair.key_length), at);
	if (IS_ERR(key))
		return PTR_ERR(key);
	value = decode_string(d, "value", le32_to_cpu(pair.value_offset),
			      le16_to_cpu(pair.value_length), at);
	if (IS_ERR(value)) {
		kvfree(key);
		return PTR_ERR(value);
	}
	r = take_pair(d, key, &value, at);
	kvfree(value);
	kvfree(key);
	return r;
}

static int decode_header(const struct decoder *d, u32 *count)
{
	static const guid_t type = VHDX_GUID_LOCATOR_TYPE;
	struct vhdx_place at = VHDX_AT("parent locator", d->offset);
	struct vhdx_disk_locator_header header;
	char text[VHDX_GUID_TEXT_SIZE];

	if (d->length < sizeof(header))
		return vhdx_refuse(d->report, -EUCLEAN, at,
				   "%u bytes are too few for a locator",
				   d->length);
	memcpy(&header, d->item, sizeof(header));
	if (!guid_equal(&header.type, &type))
		return vhdx_refuse(d->report, -EOPNOTSUPP, at,
				   "locator type %s is not known",
				   vhdx_guid_text(&header.type, text));
	*count = le16_to_cpu(header.pair_count);
	if (!*count || *count > VHDX_LOCATOR_PAIRS_MAX)
		return vhdx_refuse(d->report, -EUCLEAN, at,
				   "has %u pairs, should have 1 to %u", *count,
				   VHDX_LOCATOR_PAIRS_MAX);
	if (sizeof(header) + *count * sizeof(struct vhdx_disk_locator_pair) >
	    d->length)
		return vhdx_refuse(d->report, -EUCLEAN, at,
				   "%u pairs do not fit in its %u bytes",
				   *count, d->length);
	return 0;
}

static int check_complete(const struct decoder *d)
{
	struct vhdx_place at = VHDX_AT("parent locator", d->offset);
	const struct vhdx_locator *locator = d->locator;

	if (guid_is_null(&locator->linkage))
		return vhdx_refuse(d->report, -EUCLEAN, at,
				   "the key \"parent_linkage\" is missing or null, so no parent can be told from another");
	if (!locator->relative_path && !locator->volume_path &&
	    !locator->absolute_path)
		vhdx_find(d->report, VHDX_WARN, at,
			  "names no path, so the parent must be given by hand");
	return 0;
}

static int decode_pairs(struct decoder *d)
{
	u32 count = 0, i;
	int r;

	r = decode_header(d, &count);
	for (i = 0; !r && i < count; i++)
		r = decode_pair(d, i);
	return r ? r : check_complete(d);
}

/**
 * vhdx_locator_decode() - decode a parent locator
 * @item: the bytes of the metadata item
 * @length: number of bytes
 * @offset: byte offset of the item in the file, for findings
 * @report: receives the findings
 *
 * Context: may sleep.
 * Return: the locator, to be freed by vhdx_locator_free(), or an ERR_PTR:
 * -EUCLEAN, -EOPNOTSUPP, -ENOMEM.
 * Source: [MS-VHDX] 2.6.2.6.
 */
struct vhdx_locator *vhdx_locator_decode(const void *item, u32 length,
					 u64 offset, struct vhdx_report *report)
{
	struct decoder d = {
		.item = item,
		.length = length,
		.offset = offset,
		.report = report,
	};
	int r;

	d.locator = kzalloc(sizeof(*d.locator), GFP_KERNEL);
	if (!d.locator)
		return ERR_PTR(-ENOMEM);
	r = decode_pairs(&d);
	if (r) {
		vhdx_locator_free(d.locator);
		return ERR_PTR(r);
	}
	return d.locator;
}

/**
 * vhdx_locator_matches() - test whether an image is the parent
 * @locator: locator of the child
 * @data_write_guid: DataWriteGuid in the current header of the image
 *
 * Hyper-V leaves a parent_linkage2 of zeros behind, which matches no image.
 *
 * Return: true if it is.
 */
bool vhdx_locator_matches(const struct vhdx_locator *locator,
			  const guid_t *data_write_guid)
{
	if (guid_equal(&locator->linkage, data_write_guid))
		return true;
	return !guid_is_null(&locator->linkage2) &&
	       guid_equal(&locator->linkage2, data_write_guid);
}

/**
 * vhdx_locator_free() - free a locator
 * @locator: the locator, or NULL
 */
void vhdx_locator_free(struct vhdx_locator *locator)
{
	if (!locator)
		return;
	kvfree(locator->relative_path);
	kvfree(locator->volume_path);
	kvfree(locator->absolute_path);
	kfree(locator);
}
