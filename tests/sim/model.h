/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the virtual disk may hold: of each sector, the values that a crash or a
 * read may show, and no others.
 *
 * A value is what one write, zeroing or discard made of a sector. It is gone
 * for good when another one that began after it had ended is durable; a read
 * must not show it either, when the other one ended before the read began. A
 * flush makes durable what had ended before it began, but for discards of blocks,
 * which a commit makes durable.
 *
 * model.c APIs:
 *   model_init()	a disk of zeros
 *   model_exit()
 *   model_begin()	a value is on its way
 *   model_discard()	a block is discarded
 *   model_end()	it was acknowledged
 *   model_flushed()	a flush was acknowledged
 *   model_committed()	a commit was acknowledged
 *   model_prune()	forget what can never be read again
 *   model_check_page()	may a page of a block hold this?
 *   model_learn()	a block holds just this
 *   model_fill()	a block holds the tags of one write, or zeros
 *   model_resize()	the disk has another size
 */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include "disk.h"

#define NEVER U64_MAX

/**
 * struct value - what a write makes of the sectors of a block
 * @base: sector i of the block holds the tag base + i; 0: all hold zeros
 * @id: of the write
 * @began: when it was sent
 * @ended: when it was acknowledged, or NEVER
 * @durable: was it by itself (FUA)
 * @idle: only a commit makes it durable
 */
struct value {
	u32 base;
	u32 id;
	u64 began;
	u64 ended;
	bool durable;
	bool idle;
};

/**
 * struct cell - the values of a sector, or of all those alike
 * @value: them
 * @count: how many
 * @room: for how many there is memory
 */
struct cell {
	struct value *value;
	u32 count;
	u32 room;
};

/**
 * struct model_block - a block of the virtual disk
 * @change: rises when what may be read changes
 * @unsettled: listed as one that has cells of more than one value
 * @rest: the sectors of all pages that are NULL
 * @page: the others, a cell for each sector of 512 bytes; NULL: there are none
 * @busy: of each page, whether a cell of it may have more than one value; goes
 *	with @page
 */
struct model_block {
	u64 change;
	bool unsettled;
	struct cell rest;
	struct cell **page;
	bool *busy;
};

/**
 * struct model - the virtual disk
 * @size: bytes
 * @block_shift: log2 of the block size
 * @blocks: how many
 * @block: them
 * @clock: rises with everything that happens
 * @flushed: what had ended by then is durable, unless it is idle
 * @committed: what had ended by then is durable
 * @unsettled: blocks with cells of more than one value
 * @unsettled_count: how many
 */
struct model {
	u64 size;
	u32 block_shift;
	u64 blocks;
	struct model_block *block;
	u64 clock;
	u64 flushed;
	u64 committed;
	u32 *unsettled;
	u32 unsettled_count;
};

void model_init(struct model *model, u64 size, u32 block_shift);
void model_exit(struct model *model);
void model_begin(struct model *model, u64 pos, u64 len, u32 tag, u32 id);
void model_discard(struct model *model, u64 pos, u64 len, u32 id);
void model_end(struct model *model, u64 pos, u64 len, u32 id, bool durable);
void model_flushed(struct model *model, u64 began);
void model_committed(struct model *model, u64 began);
void model_prune(struct model *model, u64 oldest_read);
int model_check_page(const struct model *model, u64 block, u32 page,
		     const struct page *found, u8 mask, u64 read);
void model_learn(struct model *model, u64 block, struct page *const *page);
void model_fill(struct model *model, u64 block, u32 tag);
void model_resize(struct model *model, u64 size);

static inline u32 model_block_pages(const struct model *model)
{
	return 1U << (model->block_shift - VHDX_PAGE_SHIFT);
}

#endif /* SIM_MODEL_H */
