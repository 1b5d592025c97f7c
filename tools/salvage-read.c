// SPDX-License-Identifier: GPL-2.0-only
#include "salvage-read.h"
#include "salvage.h"

#define PIECE	VHDX_MIB

/* How many runs without data between two looks at the progress. */
#define RUNS_A_STEP	4096U

/**
 * struct piece - bytes of the disk that lie together in one file
 * @image: the layer that has them
 * @layer: its number
 * @copy: they are not in its file as they are
 * @pos: byte offset on the disk
 * @offset: byte offset in the file
 * @length: bytes
 */
struct piece {
	struct vhdx_image *image;
	u32 layer;
	bool copy;
	u64 pos;
	u64 offset;
	u64 length;
};

static enum vhdx_lost why_lost(const struct salvage_reader *reader, u32 layer,
			       u64 pos)
{
	const struct layer *of = reader->disk->layer[layer];

	/* Of the damaged image, its file and not the mended store. */
	return vhdx_salvage_why(of->image, of->file.store.size, pos);
}

static int read_piece(const struct piece *piece, void *buf)
{
	struct vhdx_store *store = piece->image->store;

	if (piece->copy)
		return vhdx_image_read(piece->image, piece->offset, buf,
				       piece->length);
	return store->ops->read(store, piece->offset, buf, piece->length);
}

static int read_again(const struct salvage_reader *reader,
		      const struct piece *piece)
{
	unsigned long i;
	int err = -EIO;

	for (i = 0; i < reader->retries && err && err != -ENOMEM; i++)
		err = read_piece(piece, reader->buf);
	return err;
}

static int give_up(struct salvage_reader *reader, const struct piece *piece)
{
	return reader->lost(reader, piece->pos, piece->length,
			    why_lost(reader, piece->layer, piece->pos),
			    piece->layer);
}

static int take_piece(struct salvage_reader *reader, const struct piece *piece);

static int take_halves(struct salvage_reader *reader,
		       const struct piece *piece)
{
	u64 sector = piece->image->params.logical_sector;
	u64 first = ALIGN(piece->length / 2, sector);
	struct piece half = *piece;
	int err;

	half.length = first;
	err = take_piece(reader, &half);
	if (err)
		return err;
	half.pos += first;
	half.offset += first;
	half.length = piece->length - first;
	return take_piece(reader, &half);
}

/* Take at most 1 MiB; the recursion is at most eleven calls deep. */
static int take_piece(struct salvage_reader *reader, const struct piece *piece)
{
	int err = read_piece(piece, reader->buf);

	if (err && err != -ENOMEM) {
		int step = progress_step(reader->progress, piece->pos,
					 reader->disk->chain->size);

		if (step)
			return step;
		if (piece->length > piece->image->params.logical_sector)
			return take_halves(reader, piece);
		err = read_again(reader, piece);
		if (err && err != -ENOMEM)
			return give_up(reader, piece);
	}
	return err ? err : reader->data(reader, piece->pos, reader->buf,
					piece->length);
}

/*
 * Bytes past the end of the file are not tried sector by sector. For the
 * damaged image, only the mended store knows where they begin.
 */
static bool is_cut(const struct salvage_reader *reader, struct piece *piece)
{
	bool lost = false;

	if (!piece->layer)
		piece->length = vhdx_mend_clip(reader->mend, piece->offset,
					       piece->length,
					       piece->image->params.logical_sector,
					       &lost);
	return lost;
}

/*
 * Return the bytes at the start of a piece that are a hole of the file. What a
 * log changes is not seen there.
 */
static u64 hole_length(struct salvage_reader *reader, const struct piece *piece)
{
	u64 length;

	if (piece->copy || (!piece->layer && reader->mend->replay))
		return 0;
	if (piece->layer != reader->hole_layer ||
	    piece->offset < reader->hole_start ||
	    piece->offset >= reader->hole_end) {
		reader->hole_layer = piece->layer;
		reader->hole_start = piece->offset;
		reader->hole_end =
			user_store_data(&reader->disk->layer[piece->layer]->file,
					piece->offset);
	}
	length = min(piece->length, reader->hole_end - piece->offset);
	return ALIGN_DOWN(length, (u64)piece->image->params.logical_sector);
}

static int take_run(struct salvage_reader *reader, u64 pos,
		    const struct vhdx_run *run)
{
	struct piece piece = {
		.image = reader->disk->layer[run->layer]->image,
		.layer = run->layer,
		.copy = run->kind == VHDX_RUN_COPY,
	};
	u64 done, hole;
	int err = 0;

	for (done = 0; done < run->length && !err; done += piece.length) {
		err = progress_step(reader->progress, pos + done,
				    reader->disk->chain->size);
		if (err)
			break;
		piece.pos = pos + done;
		piece.offset = run->offset + done;
		piece.length = run->length - done;
		if (is_cut(reader, &piece)) {
			err = give_up(reader, &piece);
			continue;
		}
		hole = hole_length(reader, &piece);
		if (hole) {
			piece.length = hole;
			continue;
		}
		piece.length = min(piece.length, PIECE - piece.pos % PIECE);
		err = take_piece(reader, &piece);
	}
	return err;
}

/* A page of a bitmap that cannot be loaded costs the sectors that it is for. */
static u64 page_length(const struct vhdx_miss *miss, u64 pos, u64 length)
{
	const struct vhdx_bat *bat = &miss->image->bat;
	u64 span = 1ULL << bat->block_shift;

	if (miss->map == &miss->image->bitmap_pages)
		span = min(span, 1ULL << (VHDX_BITS_PER_PAGE_SHIFT +
					  bat->sector_shift));
	return min(length, span - pos % span);
}

static u32 layer_of(const struct disk *disk, const struct vhdx_image *image)
{
	u32 i = 0;

	while (disk->layer[i]->image != image)
		i++;
	return i;
}

/*
 * Find the next run. Return 1 if it is lost: its length and layer are set all the
 * same.
 */
static int next_run(struct salvage_reader *reader, u64 pos,
		    struct vhdx_run *run)
{
	const struct vhdx_chain *chain = reader->disk->chain;
	u64 left = chain->size - pos;
	struct vhdx_miss miss;
	int err;

	while ((err = vhdx_chain_piece(chain, pos, left, run, &miss)) ==
	       -EAGAIN) {
		err = vhdx_image_load(&miss);
		if (!err)
			continue;
		run->length = page_length(&miss, pos, left);
		run->layer = layer_of(reader->disk, miss.image);
		break;
	}
	return err && err != -ENOMEM ? 1 : err;
}

static int take_next(struct salvage_reader *reader, u64 pos,
		     struct vhdx_run *run)
{
	int err = next_run(reader, pos, run);

	if (err < 0)
		return err;
	if (err)
		return reader->lost(reader, pos, run->length,
				    why_lost(reader, run->layer, pos),
				    run->layer);
	if (run->kind != VHDX_RUN_ZERO)
		return take_run(reader, pos, run);
	if (run->layer >= reader->disk->depth)
		return reader->lost(reader, pos, run->length, VHDX_LOST_PARENT,
				    run->layer);
	return 0;
}

/**
 * salvage_read() - read a disk as far as it can be read
 * @reader: what to read, and who takes it
 *
 * Return: 0; -EINTR if a signal came; -ENOMEM; or what a taker returned.
 */
int salvage_read(struct salvage_reader *reader)
{
	u64 pos, size = reader->disk->chain->size, count = 0;
	struct vhdx_run run;
	int err = 0;

	for (pos = 0; pos < size && !err; pos += run.length) {
		if (!(count++ % RUNS_A_STEP))
			err = progress_step(reader->progress, pos, size);
		if (!err)
			err = take_next(reader, pos, &run);
	}
	return err;
}
