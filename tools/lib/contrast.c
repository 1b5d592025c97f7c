// SPDX-License-Identifier: GPL-2.0-only
#include "contrast.h"
#include "lookup.h"
#include "message.h"

/* Bytes to read at a time. */
#define CHUNK	VHDX_MIB

/* Bytes to look up at a time, without reading. */
#define WINDOW	(64 * VHDX_MIB)

static u8 zeros[CHUNK];

static u32 sector_of(const struct contrast_side *side)
{
	return side->chain->layer[0]->params.logical_sector;
}

/**
 * contrast_begin() - prepare to read two disks
 * @contrast: the disks, with all members but the buffers set
 *
 * Return: 0 or -ENOMEM; contrast_end() must follow in either case.
 */
int contrast_begin(struct contrast *contrast)
{
	int i, err = 0;

	for (i = 0; i < 2; i++) {
		contrast->side[i].buffer = malloc(CHUNK);
		if (!contrast->side[i].buffer)
			err = -ENOMEM;
	}
	return err;
}

/**
 * contrast_end() - free the buffers
 * @contrast: from contrast_begin()
 */
void contrast_end(struct contrast *contrast)
{
	free(contrast->side[0].buffer);
	free(contrast->side[1].buffer);
}

/*
 * Findings have reported faults of the image; an error of the store needs this.
 */
static int cannot_read(const struct contrast_side *side, u64 pos, int err)
{
	if (err == -EIO && *side->heard)
		err = -EUCLEAN;
	msg_err("%s: byte %llu of the disk cannot be read: %s", side->name, pos,
		err == -EUCLEAN ? "the image is damaged" : strerror(-err));
	return err;
}

/*
 * Find out whether the images have the first of these bytes as zeros. Reduces
 * *@len, but to whole sectors of both disks.
 */
static int look(const struct contrast *contrast,
		const struct contrast_side *side, u64 pos, u64 *len,
		bool *is_zero)
{
	u64 sector = max(sector_of(&contrast->side[0]),
			 sector_of(&contrast->side[1]));
	struct vhdx_run run;
	u64 left;
	int err;

	*is_zero = true;
	if (pos >= side->chain->size)
		return 0;
	left = side->chain->size - pos;
	err = lookup_run(side->chain, pos, min(*len, left), &run);
	if (err)
		return cannot_read(side, pos, err);
	*is_zero = run.kind == VHDX_RUN_ZERO;
	if (run.length == left) {
		/* Past the end of a disk, there are zeros. */
		*len = min(*len, ALIGN(left, sector));
	} else if (run.length < sector) {
		*len = sector;
		*is_zero = false;
	} else {
		*len = ALIGN_DOWN(run.length, sector);
	}
	return 0;
}

static int fetch(const struct contrast_side *side, u64 pos, u64 len,
		 bool is_zero, const u8 **bytes)
{
	u64 left = side->chain->size - pos;
	int err;

	*bytes = zeros;
	if (is_zero)
		return 0;
	*bytes = side->buffer;
	if (left < len)
		memset(side->buffer + left, 0, len - left);
	err = vhdx_chain_read(side->chain, pos, side->buffer, min(len, left));
	return err ? cannot_read(side, pos, err) : 0;
}

/* Visit the ranges of whole units that differ. */
static int visit_ranges(struct contrast *contrast, u64 pos, u64 len,
			const u8 *a, const u8 *b)
{
	u64 unit = contrast->unit;
	u64 at, from = 0;
	bool before = false, differs;
	int err = 0;

	if (!memcmp(a, b, len))
		return 0;
	for (at = 0; at <= len && !err; at += unit) {
		differs = at < len && memcmp(a + at, b + at, unit);
		if (differs && !before)
			from = at;
		else if (!differs && before)
			err = contrast->visit(contrast, pos + from, at - from);
		before = differs;
	}
	return err;
}

/* Compare the first of these bytes. Reduces *@len to the bytes compared. */
static int step(struct contrast *contrast, u64 pos, u64 *len)
{
	const u8 *bytes[2];
	bool is_zero[2];
	int i, err = 0;

	for (i = 0; i < 2 && !err; i++)
		err = look(contrast, &contrast->side[i], pos, len, &is_zero[i]);
	if (err || (is_zero[0] && is_zero[1]))
		return err;
	*len = min(*len, CHUNK);
	for (i = 0; i < 2 && !err; i++)
		err = fetch(&contrast->side[i], pos, *len, is_zero[i],
			    &bytes[i]);
	return err ? err : visit_ranges(contrast, pos, *len, bytes[0],
					bytes[1]);
}

/**
 * contrast_walk() - visit the ranges that differ
 * @contrast: from contrast_begin()
 * @pos: byte offset on both disks, aligned to their sectors
 * @length: bytes; ends at an end of a disk, or aligned
 *
 * Does not read ranges that both disks have as zeros.
 *
 * Return: 0, what the visitor or the progress returned, or a negative errno after
 * a message: -EUCLEAN for a fault of an image.
 */
int contrast_walk(struct contrast *contrast, u64 pos, u64 length)
{
	u64 end = pos + length;
	u64 len;
	int err = 0;

	for (; pos < end && !err; pos += len) {
		len = min(end - pos, WINDOW);
		err = step(contrast, pos, &len);
		if (!err && contrast->progress)
			err = contrast->progress->step(contrast->progress, pos,
						       contrast->total);
	}
	return err;
}
