// SPDX-License-Identifier: GPL-2.0-only
#include "copy.h"
#include "disk-rest.h"
#include "message.h"
#include "progress.h"

/* Bytes to read at a time. */
#define CHUNK	VHDX_MIB

/* Bytes to look up at a time, and to read again at most at the end. */
#define WINDOW	(64 * VHDX_MIB)

/**
 * struct search - a look at the rest
 * @disk: the disk
 * @needs: what of it is known
 * @rest: what is found
 * @sector: bytes of a logical sector
 * @buffer: CHUNK bytes of the disk
 * @progress: is shown
 * @done: bytes that were looked at
 * @total: bytes to look at
 */
struct search {
	struct disk *disk;
	const struct disk_needs *needs;
	struct disk_rest *rest;
	u32 sector;
	u8 *buffer;
	struct progress progress;
	u64 done;
	u64 total;
};

/* The backup of a GPT is written anew: its bytes count as zeros. */
static void hide_backup(const struct search *s, u64 pos, u64 len)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(s->needs->backup); i++) {
		u64 from = max(s->needs->backup[i].from, pos);
		u64 end = min(s->needs->backup[i].end, pos + len);

		if (from < end)
			memset(s->buffer + (from - pos), 0, end - from);
	}
}

static void note_sectors(const struct search *s, u64 pos, u64 len)
{
	struct disk_rest *rest = s->rest;
	u64 at;

	if (vhdx_zeros(s->buffer, len))
		return;
	for (at = 0; at < len; at += s->sector) {
		if (vhdx_zeros(s->buffer + at, s->sector))
			continue;
		if (!rest->end)
			rest->from = pos + at;
		rest->end = max(rest->end, pos + at + s->sector);
	}
}

static int look_at_data(const struct search *s, u64 pos, u64 len)
{
	int err = vhdx_chain_read(s->disk->chain, pos, s->buffer, len);

	if (err)
		return err;
	hide_backup(s, pos, len);
	note_sectors(s, pos, len);
	return 0;
}

/* Read what is allocated of a range; only up to the first find, if so asked. */
static int look_at_range(struct search *s, u64 pos, u64 end, bool only_first)
{
	struct vhdx_run run;
	int err = 0;

	while (pos < end && !err && !(only_first && s->rest->end)) {
		err = vhdx_chain_find(s->disk->chain, pos, end - pos, &run);
		if (!err && run.kind != VHDX_RUN_ZERO) {
			run.length = min(run.length, CHUNK);
			err = look_at_data(s, pos, run.length);
		}
		if (err)
			break;
		pos += run.length;
		s->done += run.length;
		err = progress_step(&s->progress, min(s->done, s->total),
				    s->total);
	}
	return err;
}

/* From the end of the disk backwards, a window at a time. */
static int look_for_last(struct search *s, u64 end)
{
	u64 found = s->rest->end;
	int err = 0;

	while (end > found && s->rest->end == found && !err) {
		u64 pos = max(ALIGN_DOWN(end - 1, WINDOW), found);

		err = look_at_range(s, pos, end, false);
		end = pos;
	}
	return err;
}

static int look(struct search *s, u64 from)
{
	u64 end = s->disk->chain->size;
	int err;

	s->total = end - from;
	progress_begin(&s->progress, "looking");
	err = look_at_range(s, from, end, true);
	if (!err && s->rest->end)
		err = look_for_last(s, end);
	progress_end(&s->progress);
	return err;
}

/**
 * disk_rest_look() - read the rest of a disk, and find what is not zero
 * @disk: the disk, from disk_follow()
 * @needs: of it, from disk_needs(); the backup of its GPT does not count
 * @from: where the rest begins, in bytes; whole sectors
 * @rest: filled in
 *
 * Reads blocks that an image of the chain holds, and no others: from @from on up to
 * the first find, and from the end of the disk down to the last one.
 *
 * Return: 0, or a negative errno after a message: -EINTR after a signal.
 */
int disk_rest_look(struct disk *disk, const struct disk_needs *needs, u64 from,
		   struct disk_rest *rest)
{
	struct search s = {
		.disk = disk,
		.needs = needs,
		.rest = rest,
		.sector = disk->layer[0]->image->params.logical_sector,
		.buffer = malloc(CHUNK),
	};
	int err = s.buffer ? 0 : -ENOMEM;

	*rest = (struct disk_rest){ 0 };
	if (!err)
		err = look(&s, from);
	if (err == -EINTR)
		msg_err("%s: interrupted: nothing has changed",
			disk->layer[0]->path);
	else if (err && err != -ENOMEM)
		msg_err("%s: what lies on the disk behind byte %llu cannot be read: %s",
			disk->layer[0]->path, (unsigned long long)from,
			strerror(-err));
	free(s.buffer);
	return err;
}

/**
 * disk_rest_unread() - count the bytes that disk_rest_look() would read
 * @disk: the disk, from disk_follow()
 * @from: where the rest begins, in bytes; whole sectors
 * @bytes: set to how many bytes behind @from an image of the chain holds
 *
 * Reads the BAT, and no data.
 *
 * Return: 0 or a negative errno.
 */
int disk_rest_unread(struct disk *disk, u64 from, u64 *bytes)
{
	u64 pos = from, end = disk->chain->size;
	struct vhdx_run run;
	int err = 0;

	*bytes = 0;
	while (pos < end && !err) {
		err = vhdx_chain_find(disk->chain, pos, end - pos, &run);
		if (err)
			break;
		if (run.kind != VHDX_RUN_ZERO)
			*bytes += run.length;
		pos += run.length;
	}
	return err;
}
