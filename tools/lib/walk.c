// SPDX-License-Identifier: GPL-2.0-only
#include "walk.h"

/* Number of pieces between two reports of progress. */
#define PIECES_A_STEP	4096U

/**
 * piece_has_data() - test whether a piece is stored in a file
 * @piece: from a walk
 *
 * Return: true if @piece->offset means something.
 */
bool piece_has_data(const struct piece *piece)
{
	switch (piece->state) {
	case VHDX_BLOCK_FULLY_PRESENT:
	case VHDX_BLOCK_PARTIALLY_PRESENT:
	case STATE_DATA:
	case STATE_LOGGED:
		return true;
	default:
		return false;
	}
}

/**
 * piece_state() - convert the state of a piece to words
 * @piece: from a walk
 *
 * Return: a constant.
 */
const char *piece_state(const struct piece *piece)
{
	switch (piece->state) {
	case STATE_FAULTY:
		return "faulty";
	case STATE_DATA:
		return "data";
	case STATE_LOGGED:
		return "data, in the log";
	case STATE_NO_DATA:
		return "zeros";
	default:
		return vhdx_state_name((enum vhdx_block_state)piece->state);
	}
}

/* If the end of the file cuts a block, the missing part is faulty. */
static void cut_at_end(const struct vhdx_image *image, struct piece *piece)
{
	u64 size = image->limits.file_size;
	u64 there = piece->offset < size ? size - piece->offset : 0;

	there = ALIGN_DOWN(there, (u64)image->params.logical_sector);
	if (!there)
		piece->state = STATE_FAULTY;
	else
		piece->length = min(piece->length, there);
}

/* Look a piece up in one layer's BAT, and end it with the block. */
static int look_at_layer(struct vhdx_image *image, struct piece *piece)
{
	const struct vhdx_bat *bat = &image->bat;
	u64 in_block = piece->pos & (vhdx_bat_block_size(bat) - 1);
	u64 block = piece->pos >> bat->block_shift;
	u64 entry;
	int err;

	piece->length = min(piece->length,
			    vhdx_bat_block_size(bat) - in_block);
	piece->length = min(piece->length, bat->size - piece->pos);
	err = vhdx_image_read_entry(image, vhdx_bat_payload_index(bat, block),
				    &entry);
	if (err == -EIO) {
		piece->state = STATE_FAULTY;
		return 0;
	}
	if (err)
		return err;
	piece->state = vhdx_entry_state(entry);
	piece->offset = vhdx_entry_offset(entry) + in_block;
	if (vhdx_entry_present(entry))
		cut_at_end(image, piece);
	return 0;
}

/* The first layer whose block is not NOT_PRESENT decides. */
static int piece_of_blocks(struct disk *disk, struct piece *piece)
{
	int err = 0;
	u32 i;

	for (i = 0; i < disk->depth; i++) {
		struct vhdx_image *image = disk->layer[i]->image;

		if (piece->pos >= image->bat.size)
			break;
		piece->layer = i;
		err = look_at_layer(image, piece);
		if (err || piece->state != VHDX_BLOCK_NOT_PRESENT)
			break;
	}
	return err;
}

/* Return the range of the disk that a faulty entry affects at least. */
static u64 smallest_block(const struct disk *disk)
{
	u64 size = VHDX_BLOCK_SIZE_MAX;
	u32 i;

	for (i = 0; i < disk->depth; i++)
		size = min(size,
			   vhdx_bat_block_size(&disk->layer[i]->image->bat));
	return size;
}

static unsigned int state_of_run(enum vhdx_run_kind kind)
{
	switch (kind) {
	case VHDX_RUN_DATA:
		return STATE_DATA;
	case VHDX_RUN_COPY:
		return STATE_LOGGED;
	default:
		return STATE_NO_DATA;
	}
}

static int piece_of_sectors(struct disk *disk, struct piece *piece)
{
	u64 block = smallest_block(disk);
	struct vhdx_miss miss;
	struct vhdx_run run = { 0 };
	int err;

	piece->length = min(piece->length, block - piece->pos % block);
	do {
		err = vhdx_chain_piece(disk->chain, piece->pos, piece->length,
				       &run, &miss);
		if (err == -EAGAIN)
			err = vhdx_image_load(&miss) ? -EIO : -EAGAIN;
	} while (err == -EAGAIN);
	piece->layer = run.layer;
	if (err == -EIO) {
		piece->state = STATE_FAULTY;
		return 0;
	}
	if (err)
		return err;
	piece->state = state_of_run(run.kind);
	piece->length = run.length;
	piece->offset = run.offset;
	return 0;
}

static int step(struct vhdx_progress *progress, u64 done, u64 total)
{
	return progress ? progress->step(progress, done, total) : 0;
}

/**
 * walk_range() - visit the pieces of a range of the disk in order
 * @disk: from disk_follow(), or with WALK_BLOCKS from disk_open()
 * @walk: the range, and the unit of the walk
 * @visitor: receives the pieces
 *
 * The block of a faulty BAT entry is a piece with a state of its own. Its
 * finding goes to the disk's sink, and the walk continues.
 *
 * Return: 0, what the visitor or the progress returned, or an errno of the
 * store.
 */
int walk_range(struct disk *disk, const struct walk *walk,
	       struct walk_visitor *visitor)
{
	u64 pos = walk->pos, end = walk->pos + walk->length;
	unsigned int count = 0;
	struct piece piece;
	int err;

	for (; pos < end; pos += piece.length) {
		piece = (struct piece){ .pos = pos, .length = end - pos };
		err = walk->unit == WALK_BLOCKS ?
			      piece_of_blocks(disk, &piece) :
			      piece_of_sectors(disk, &piece);
		if (!err)
			err = visitor->visit(visitor, &piece);
		if (!err && !(count++ % PIECES_A_STEP))
			err = step(walk->progress, pos - walk->pos,
				   walk->length);
		if (err)
			return err;
	}
	return step(walk->progress, walk->length, walk->length);
}
