// SPDX-License-Identifier: GPL-2.0-only
#include "model.h"

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static void cell_add(struct cell *cell, const struct value *value)
{
	if (cell->count == cell->room) {
		cell->room = cell->room ? 2 * cell->room : 1;
		cell->value = must(realloc(cell->value,
					   cell->room * sizeof(*value)));
	}
	cell->value[cell->count++] = *value;
}

static void cell_copy(struct cell *cell, const struct cell *from)
{
	u32 i;

	for (i = 0; i < from->count; i++)
		cell_add(cell, &from->value[i]);
}

static void cells_free(struct cell *cells)
{
	u32 i;

	for (i = 0; cells && i < PAGE_SECTORS; i++)
		free(cells[i].value);
	free(cells);
}

static void block_init(struct model *model, struct model_block *block)
{
	static const struct value zeros;

	memset(block, 0, sizeof(*block));
	block->change = ++model->clock;
	cell_add(&block->rest, &zeros);
}

/* The blocks that there are stay as they are. */
static void make_blocks(struct model *model, u64 size)
{
	u64 blocks = (size + (1ULL << model->block_shift) - 1) >>
		     model->block_shift;
	u64 i;

	model->block = must(realloc(model->block,
				    blocks * sizeof(*model->block)));
	model->unsettled = must(realloc(model->unsettled,
					blocks * sizeof(u32)));
	for (i = model->blocks; i < blocks; i++)
		block_init(model, &model->block[i]);
	model->size = size;
	model->blocks = blocks;
}

/**
 * model_init() - a disk of zeros
 * @model: what to set up
 * @size: bytes
 * @block_shift: log2 of the block size
 */
void model_init(struct model *model, u64 size, u32 block_shift)
{
	memset(model, 0, sizeof(*model));
	model->block_shift = block_shift;
	model->clock = 1;
	model->flushed = 1;
	model->committed = 1;
	make_blocks(model, size);
}

static void forget_pages(const struct model *model, struct model_block *block)
{
	u32 i;

	for (i = 0; block->page && i < model_block_pages(model); i++)
		cells_free(block->page[i]);
	free(block->page);
	free(block->busy);
	block->page = NULL;
	block->busy = NULL;
}

static void block_exit(const struct model *model, struct model_block *block)
{
	forget_pages(model, block);
	free(block->rest.value);
}

void model_exit(struct model *model)
{
	u64 i;

	for (i = 0; i < model->blocks; i++)
		block_exit(model, &model->block[i]);
	free(model->block);
	free(model->unsettled);
}

static struct cell *cells_of(const struct model *model,
			     struct model_block *block, u32 page)
{
	u32 pages = model_block_pages(model);
	u32 i;

	if (!block->page) {
		block->page = must(calloc(pages, sizeof(*block->page)));
		block->busy = must(calloc(pages, sizeof(*block->busy)));
	}
	if (!block->page[page]) {
		block->page[page] =
			must(calloc(PAGE_SECTORS, sizeof(struct cell)));
		for (i = 0; i < PAGE_SECTORS; i++)
			cell_copy(&block->page[page][i], &block->rest);
	}
	block->busy[page] = true;
	return block->page[page];
}

/* Something of a block changed that may be read in more than one way now. */
static void unsettle(struct model *model, u64 number)
{
	struct model_block *block = &model->block[number];

	block->change = ++model->clock;
	if (!block->unsettled) {
		block->unsettled = true;
		model->unsettled[model->unsettled_count++] = number;
	}
}

typedef void (*cell_fn)(struct cell *cell, const struct value *value);

/* What @fn does to the cells of sectors @first to @end of a block. */
static void each_cell(const struct model *model, struct model_block *block,
		      u32 first, u32 end, cell_fn fn, const struct value *value)
{
	u32 sectors = model_block_pages(model) * PAGE_SECTORS;
	u32 i;

	if (!first && end == sectors) {
		fn(&block->rest, value);
		for (i = 0; block->page && i < sectors; i++) {
			if (!block->page[i / PAGE_SECTORS])
				i |= PAGE_SECTORS - 1;
			else
				fn(&cells_of(model, block, i / PAGE_SECTORS)
					   [i % PAGE_SECTORS], value);
		}
		return;
	}
	for (i = first; i < end; i++)
		fn(&cells_of(model, block, i / PAGE_SECTORS)[i % PAGE_SECTORS],
		   value);
}

/*
 * The last block may end past the end of the disk; what is there is never
 * read, so a write that reaches the end may count as one of the whole block.
 */
static void each_block(struct model *model, u64 pos, u64 len, u32 tag,
		       cell_fn fn, struct value *value)
{
	u64 block_size = 1ULL << model->block_shift;
	u64 start = pos;

	while (pos < start + len) {
		u64 number = pos >> model->block_shift;
		u32 first = (pos & (block_size - 1)) / SECTOR;
		u64 end = min(start + len, (number + 1) << model->block_shift);
		u32 last = first + (end - pos) / SECTOR;

		if (end == model->size)
			last = block_size / SECTOR;
		if (tag)
			value->base = tag + (pos - start) / SECTOR - first;
		each_cell(model, &model->block[number], first, last, fn, value);
		unsettle(model, number);
		pos = end;
	}
}

/**
 * model_begin() - a value is on its way
 * @model: the disk
 * @pos: byte offset
 * @len: bytes
 * @tag: of the first sector, the others follow; 0 for zeros
 * @id: for model_end()
 */
void model_begin(struct model *model, u64 pos, u64 len, u32 tag, u32 id)
{
	struct value value = {
		.id = id,
		.began = ++model->clock,
		.ended = NEVER,
	};

	each_block(model, pos, len, tag, cell_add, &value);
}

/**
 * model_discard() - whole blocks are discarded
 * @model: the disk
 * @pos: byte offset
 * @len: bytes
 * @id: of the discard
 */
void model_discard(struct model *model, u64 pos, u64 len, u32 id)
{
	struct value value = {
		.id = id,
		.began = ++model->clock,
		.ended = NEVER,
		.idle = true,
	};

	each_block(model, pos, len, 0, cell_add, &value);
	model_end(model, pos, len, id, false);
}

static void end_value(struct cell *cell, const struct value *value)
{
	u32 i;

	for (i = 0; i < cell->count; i++) {
		if (cell->value[i].id != value->id)
			continue;
		cell->value[i].ended = value->ended;
		cell->value[i].durable = value->durable;
	}
}

/**
 * model_end() - a value was acknowledged
 * @model: the disk
 * @pos: as in model_begin()
 * @len: likewise
 * @id: likewise
 * @durable: so was that it is durable
 */
void model_end(struct model *model, u64 pos, u64 len, u32 id, bool durable)
{
	struct value value = {
		.id = id,
		.ended = ++model->clock,
		.durable = durable,
	};

	each_block(model, pos, len, 0, end_value, &value);
}

/* Did one value end before the other one began? */
static bool follows(const struct value *later, const struct value *value)
{
	return later->began > value->ended;
}

static bool is_durable(const struct model *model, const struct value *value)
{
	return value->durable || value->ended <= model->committed ||
	       (!value->idle && value->ended <= model->flushed);
}

/*
 * May a value be read by a crash (@read is 0), or by a read that began at
 * @read?
 */
static bool is_possible(const struct model *model, const struct cell *cell,
			const struct value *value, u64 read)
{
	u32 i;

	for (i = 0; i < cell->count; i++) {
		const struct value *later = &cell->value[i];

		if (!follows(later, value))
			continue;
		if (read ? later->ended < read : is_durable(model, later))
			return false;
	}
	return true;
}

static bool may_hold(const struct model *model, const struct cell *cell,
		     u32 sector, u32 tag, u64 read)
{
	u32 i;

	for (i = 0; i < cell->count; i++) {
		const struct value *value = &cell->value[i];
		u32 wanted = value->base ? value->base + sector : TAG_ZERO;

		if (wanted == tag &&
		    (cell->count == 1 || is_possible(model, cell, value, read)))
			return true;
	}
	return false;
}

/**
 * model_check_page() - may a page of a block hold this?
 * @model: the disk
 * @block: number of the block
 * @page: number of the page in it
 * @found: what it holds; nothing is asked of it past the end of the disk
 * @mask: a bit for each sector that is asked for
 * @read: when the read began; 0: there was a crash
 *
 * Return: number of the first sector in the page that may not hold what it
 * does, or -1.
 */
int model_check_page(const struct model *model, u64 block, u32 page,
		     const struct page *found, u8 mask, u64 read)
{
	const struct model_block *b = &model->block[block];
	const struct cell *cells = b->page ? b->page[page] : NULL;
	u64 pos = (block << model->block_shift) + (u64)page * VHDX_PAGE;
	u32 i;

	/* Most of a block: zeros, and never anything else. */
	if (!found && !cells && b->rest.count == 1 && !b->rest.value->base)
		return -1;
	for (i = 0; i < PAGE_SECTORS && pos + i * SECTOR < model->size; i++)
		if ((mask >> i & 1) &&
		    !may_hold(model, cells ? &cells[i] : &b->rest,
			      page * PAGE_SECTORS + i, page_tag(found, i),
			      read))
			return i;
	return -1;
}

static void touch_unsettled(struct model *model)
{
	u32 i;

	for (i = 0; i < model->unsettled_count; i++)
		model->block[model->unsettled[i]].change = model->clock;
}

/**
 * model_flushed() - a flush was acknowledged
 * @model: the disk
 * @began: when it was sent
 */
void model_flushed(struct model *model, u64 began)
{
	if (began <= model->flushed)
		return;
	model->flushed = began;
	model->clock++;
	touch_unsettled(model);
}

/**
 * model_committed() - a commit was acknowledged
 * @model: the disk
 * @began: when it was asked for
 */
void model_committed(struct model *model, u64 began)
{
	model_flushed(model, began);
	if (began <= model->committed)
		return;
	model->committed = began;
	model->clock++;
	touch_unsettled(model);
}

/* Returns whether one value is left that has ended. */
static bool prune_cell(const struct model *model, struct cell *cell,
		       u64 oldest_read)
{
	u32 i, kept = 0;

	if (cell->count == 1)
		return cell->value->ended != NEVER;
	for (i = 0; i < cell->count; i++) {
		const struct value *value = &cell->value[i];
		bool gone = false;
		u32 k;

		/* From @kept to @i are those that are gone already. */
		for (k = 0; k < cell->count && !gone; k++) {
			const struct value *later = &cell->value[k];

			gone = (k < kept || k > i) && follows(later, value) &&
			       is_durable(model, later) &&
			       later->ended < oldest_read;
		}
		if (!gone)
			swap(cell->value[kept], cell->value[i]);
		kept += !gone;
	}
	cell->count = kept;
	return kept == 1 && cell->value->ended != NEVER;
}

static bool prune_block(const struct model *model, struct model_block *block,
			u64 oldest_read)
{
	bool settled = prune_cell(model, &block->rest, oldest_read);
	u32 i, k;

	for (i = 0; block->page && i < model_block_pages(model); i++) {
		bool busy = false;

		if (!block->busy[i])
			continue;
		for (k = 0; block->page[i] && k < PAGE_SECTORS; k++)
			busy |= !prune_cell(model, &block->page[i][k],
					    oldest_read);
		block->busy[i] = busy;
		settled &= !busy;
	}
	return settled;
}

/**
 * model_prune() - forget what can never be read again
 * @model: the disk
 * @oldest_read: when the oldest read that is under way began, or NEVER
 */
void model_prune(struct model *model, u64 oldest_read)
{
	u32 i, kept = 0;

	for (i = 0; i < model->unsettled_count; i++) {
		u32 number = model->unsettled[i];
		struct model_block *block = &model->block[number];

		if (prune_block(model, block, oldest_read))
			block->unsettled = false;
		else
			model->unsettled[kept++] = number;
	}
	model->unsettled_count = kept;
}

static void cell_be(struct cell *cell, u32 sector, u32 tag)
{
	cell->count = 0;
	cell_add(cell, &(struct value){
		.base = tag ? tag - sector : 0,
	});
}

static bool like_rest(const struct model_block *block, const struct page *found,
		      u32 page)
{
	u32 base = block->rest.value->base;
	u32 i;

	for (i = 0; i < PAGE_SECTORS; i++) {
		u32 wanted = base ? base + page * PAGE_SECTORS + i : TAG_ZERO;

		if (page_tag(found, i) != wanted)
			return false;
	}
	return true;
}

/**
 * model_learn() - a block holds just this
 * @model: the disk
 * @block: number of the block
 * @page: its pages
 */
void model_learn(struct model *model, u64 block, struct page *const *page)
{
	struct model_block *b = &model->block[block];
	u32 pages = model_block_pages(model);
	u32 i, k;

	forget_pages(model, b);
	b->change = ++model->clock;
	/* The page that is the least likely to have been written alone. */
	i = pages / 2 + 3;
	cell_be(&b->rest, i * PAGE_SECTORS, page_tag(page[i], 0));
	for (i = 0; i < pages; i++) {
		struct cell *cells;

		if (like_rest(b, page[i], i))
			continue;
		cells = cells_of(model, b, i);
		for (k = 0; k < PAGE_SECTORS; k++)
			cell_be(&cells[k], i * PAGE_SECTORS + k,
				page_tag(page[i], k));
	}
}

/**
 * model_fill() - a block holds the tags of one write, or zeros
 * @model: the disk
 * @block: number of the block
 * @tag: of its first sector; 0 for zeros
 */
void model_fill(struct model *model, u64 block, u32 tag)
{
	struct model_block *b = &model->block[block];

	forget_pages(model, b);
	b->change = ++model->clock;
	cell_be(&b->rest, 0, tag);
}

static void be_zero(struct cell *cell, const struct value *value)
{
	cell->count = 0;
	cell_add(cell, value);
}

/* What the last block has behind the end of the disk comes to be seen. */
static void zero_rest(struct model *model)
{
	static const struct value zeros;
	struct model_block *last = &model->block[model->blocks - 1];
	u64 end = model->blocks << model->block_shift;
	u32 sectors = model_block_pages(model) * PAGE_SECTORS;

	last->change = ++model->clock;
	each_cell(model, last, sectors - (end - model->size) / SECTOR, sectors,
		  be_zero, &zeros);
}

static void drop_blocks(struct model *model, u64 from)
{
	u32 i, kept = 0;

	for (i = 0; i < model->unsettled_count; i++)
		if (model->unsettled[i] < from)
			model->unsettled[kept++] = model->unsettled[i];
	model->unsettled_count = kept;
	while (model->blocks > from)
		block_exit(model, &model->block[--model->blocks]);
}

/**
 * model_resize() - the disk has another size
 * @model: the disk
 * @size: bytes; what comes to be seen is zeros, durably
 */
void model_resize(struct model *model, u64 size)
{
	u64 last = (size - 1) >> model->block_shift;

	if (size > model->size)
		zero_rest(model);
	else
		drop_blocks(model, last + 1);
	make_blocks(model, size);
}
