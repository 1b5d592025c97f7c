// SPDX-License-Identifier: GPL-2.0-only
#include "verify-state.h"

/* The disk that a run lies on. */
static const struct disk *disk_of(const struct state *s,
				  const struct vhdx_run *run)
{
	return run->layer ? s->verifier->lower[run->layer - 1].disk : s->disk;
}

static bool check_piece(struct state *s, u64 pos, const struct vhdx_run *run)
{
	struct model *model = s->verifier->model;
	u64 read = s->flags & VERIFY_LIVE ? model->clock + 1 : 0;
	u64 block = pos >> model->block_shift;
	u32 mask = model_block_pages(model) - 1;
	u64 at = ALIGN_DOWN(run->offset, VHDX_PAGE);
	u64 end = pos + run->length;
	u64 start;

	for (start = pos; start < end;
	     start = ALIGN_DOWN(start, VHDX_PAGE) + VHDX_PAGE, at += VHDX_PAGE) {
		const struct page *page = NULL;
		u32 in_block = start / VHDX_PAGE & mask;
		int sector;

		if (run->kind == VHDX_RUN_DATA)
			page = disk_page(disk_of(s, run), at / VHDX_PAGE);
		sector = model_check_page(model, block, in_block, page,
					  page_mask(start, end), read);
		if (sector >= 0)
			return verify_wrong(s,
				     "block %llu, sector %u, at 0x%llx in the %s, holds tag %x%s",
				     block, in_block * PAGE_SECTORS + sector,
				     run->kind == VHDX_RUN_DATA ? at : 0,
				     run->layer ? "parent" : "file",
				     page_tag(page, sector),
				     page_tag(page, sector) == TAG_JUNK ?
					     " (junk)" : "");
	}
	return true;
}

static u64 mix(u64 sum, u64 value)
{
	sum = (sum ^ value) * 0x9E3779B97F4A7C15ULL;
	return sum ^ sum >> 32;
}

/**
 * verify_find_absent() - find pages of the BAT that have no entry
 * @s: the state
 * @image: the disk, as the engine sees it
 *
 * For disks that have more blocks than can be looked at each time.
 */
void verify_find_absent(struct state *s, struct vhdx_image *image)
{
	u64 pos = image->bat.offset, page;
	__le64 entries[VHDX_BAT_ENTRIES_PER_PAGE];

	if (image->bat.pages > PAGES_MAX || image->bat.pages < PAGES_MANY)
		return;
	for (page = 0; page < image->bat.pages; page++, pos += VHDX_PAGE)
		s->absent[page] = !vhdx_image_read(image, pos, entries,
						   VHDX_PAGE) &&
				  !entries[0] &&
				  !memcmp(entries, entries + 1,
					  VHDX_PAGE - sizeof(*entries));
}

/* Of the MiB that a run lies in; false if they will not be the same again. */
static bool identify(const struct state *s, const struct vhdx_run *run,
		     u64 *id)
{
	u64 offset = ALIGN_DOWN(run->offset, VHDX_MIB);
	u64 end = run->offset + run->length;

	/* Zeros, and what nobody writes, are the same for ever. */
	if (run->kind != VHDX_RUN_DATA || (run->layer && s->verifier->still))
		return true;
	for (; offset < end; offset += VHDX_MIB) {
		u64 unit = disk_unit_id(disk_of(s, run), offset);

		if (unit > s->lasting)
			return false;
		*id = mix(*id, unit);
	}
	return true;
}

/* A block lies in these runs. */
static bool check_runs(struct state *s, u64 block)
{
	struct verifier *v = s->verifier;
	struct seen now = { .change = v->model->block[block].change };
	u64 pos = block << v->model->block_shift;
	bool lasts = !(s->flags & VERIFY_LIVE);
	u32 i;

	for (i = 0; i < v->run_count; i++) {
		const struct vhdx_run *run = &v->run[i];

		now.runs = mix(now.runs, run->kind | run->layer << 8);
		if (run->kind == VHDX_RUN_DATA)
			now.runs = mix(now.runs, run->offset);
		now.runs = mix(now.runs, run->length);
		lasts = lasts && identify(s, run, &now.id);
	}
	if (lasts && !memcmp(&v->seen[block], &now, sizeof(now)))
		return true;
	for (i = 0; i < v->run_count; pos += v->run[i++].length)
		if (!check_piece(s, pos, &v->run[i]))
			return false;
	if (lasts)
		v->seen[block] = now;
	return true;
}

static void add_run(struct verifier *v, const struct vhdx_run *run)
{
	if (v->run_count == v->run_room) {
		v->run_room = 2 * v->run_room + 16;
		v->run = realloc(v->run, v->run_room * sizeof(*v->run));
		if (!v->run)
			abort();
	}
	v->run[v->run_count++] = *run;
}

/* It shows zeros, and may show nothing else. */
static bool is_blank(const struct state *s, const struct vhdx_image *image,
		     u64 block)
{
	const struct verifier *v = s->verifier;
	const struct model_block *b = &v->model->block[block];
	u64 pos = block << v->model->block_shift;
	u32 i;

	if (b->page || b->rest.count != 1 || b->rest.value->base ||
	    image->bat.block_shift != v->model->block_shift ||
	    !verify_absent(s, image, block))
		return false;
	for (i = 0; i < v->lower_count; i++)
		if (v->lower[i].image->params.size > pos)
			return false;
	return true;
}

static bool check_block(struct state *s, const struct vhdx_chain *chain,
			u64 block)
{
	struct model *model = s->verifier->model;
	u64 start = block << model->block_shift;
	u64 end = min(start + (1ULL << model->block_shift), chain->size);
	struct vhdx_run run;
	u64 pos;

	s->verifier->run_count = 0;
	for (pos = start; pos < end; pos += run.length) {
		if (vhdx_chain_find(chain, pos, end - pos, &run))
			return verify_wrong(s, "block %llu cannot be mapped", block);
		if (run.kind == VHDX_RUN_COPY)
			return verify_wrong(s, "the log changes payload of block %llu",
				     block);
		if (run.layer > s->verifier->lower_count)
			return verify_wrong(s, "block %llu is mapped to layer %u",
				     block, run.layer);
		add_run(s->verifier, &run);
	}
	return check_runs(s, block);
}

/* The image, and those below it. */
static struct vhdx_chain *open_chain(struct state *s, struct vhdx_image *image)
{
	struct vhdx_image *images[1 + VERIFY_LOWER_MAX] = { image };
	u32 count = s->verifier->lower_count;
	u32 i;

	for (i = 0; i < count; i++)
		images[1 + i] = s->verifier->lower[i].image;
	return vhdx_chain_new(images, 1 + count, 0, &s->report);
}

/**
 * verify_contents() - may the disk show what it does?
 * @s: the state
 * @image: the disk, as the engine sees it
 *
 * Return: true if it may, or if nobody asks.
 */
bool verify_contents(struct state *s, struct vhdx_image *image)
{
	const struct model *model = s->verifier->model;
	struct vhdx_chain *chain;
	bool good = true;
	u64 block;

	if (!model)
		return true;
	chain = open_chain(s, image);
	if (IS_ERR(chain))
		return verify_wrong(s, "the image makes no chain");
	/* The blocks of the model need not be those of the image. */
	for (block = 0; block << model->block_shift < chain->size && good;
	     block++)
		good = is_blank(s, image, block) ||
		       check_block(s, chain, block);
	vhdx_chain_free(chain);
	return good;
}

/* Some sectors of a page, over what is known of it. */
static void put_sectors(struct page **page, struct page *found, u8 mask)
{
	struct page *before = *page;

	*page = mask == 0xff ? page_get(found) :
			       page_merge(before, found, mask);
	page_put(before);
}

/* What a block shows, page by page. */
static void gather(const struct state *s, const struct vhdx_chain *chain,
		   u64 block, struct page **page)
{
	struct model *model = s->verifier->model;
	u64 start = block << model->block_shift;
	u64 end = min(start + (1ULL << model->block_shift), model->size);
	struct vhdx_run run;
	u64 pos, i, at;

	for (pos = start; pos < end; pos += run.length) {
		if (vhdx_chain_find(chain, pos, end - pos, &run))
			abort();
		if (run.kind != VHDX_RUN_DATA)
			continue;
		at = run.offset / VHDX_PAGE;
		for (i = pos / VHDX_PAGE; i * VHDX_PAGE < pos + run.length; i++)
			put_sectors(&page[i - start / VHDX_PAGE],
				    disk_page(disk_of(s, &run), at++),
				    page_mask(max(pos, i * VHDX_PAGE),
					      pos + run.length));
	}
}

static void forget(struct page **page, u32 count)
{
	while (count--) {
		page_put(page[count]);
		page[count] = NULL;
	}
}

/**
 * verify_learn() - what a disk shows is all that it may show
 * @verifier: whose model is to say so
 * @disk: that was found right; its size is now that of the model
 *
 * Return: false if it cannot be opened after all.
 */
bool verify_learn(struct verifier *verifier, const struct disk *disk)
{
	struct model *model = verifier->model;
	struct vhdx_image *image;
	struct vhdx_chain *chain;
	struct page **page;
	struct state s;
	u64 block;

	image = verify_open(&s, verifier, disk);
	if (!image)
		return false;
	model_resize(model, image->params.size);
	verify_sizes(verifier, model->size, model->size);
	chain = open_chain(&s, image);
	page = calloc(model_block_pages(model), sizeof(struct page *));
	if (IS_ERR(chain) || !page)
		abort();
	verify_find_absent(&s, image);
	for (block = 0; block < model->blocks; block++) {
		if (is_blank(&s, image, block))
			continue;
		gather(&s, chain, block, page);
		model_learn(model, block, page);
		forget(page, model_block_pages(model));
	}
	free(page);
	vhdx_chain_free(chain);
	vhdx_image_close(image);
	return !s.bad;
}
