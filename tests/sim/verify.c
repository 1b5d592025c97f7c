// SPDX-License-Identifier: GPL-2.0-only
#include "check.h"
#include "recorder.h"
#include "verify.h"

/**
 * struct seen - what was found right about a block
 * @runs: where it lay: of all its runs, mixed
 * @id: of the MiB there
 * @change: of what it may hold
 */
struct seen {
	u64 runs;
	u64 id;
	u64 change;
};

/**
 * struct state - a disk that is looked at
 * @store: the disk, for the engine
 * @report: what the engine says of it
 * @disk: the disk
 * @lasting: what has a greater identity will be undone
 * @verifier: who looks
 * @bad: what was said or found is not acceptable
 * @flags: VERIFY_*
 */
struct state {
	struct vhdx_store store;
	struct vhdx_report report;
	const struct disk *disk;
	u64 lasting;
	struct verifier *verifier;
	bool bad;
	unsigned int flags;
};

static int state_read(struct vhdx_store *store, u64 pos, void *buf, size_t len)
{
	disk_read(container_of(store, struct state, store)->disk, pos, buf,
		  len);
	return 0;
}

static const struct vhdx_store_ops state_ops = { .read = state_read };

/**
 * verify_may_say() - may this be said of an image of ours?
 * @finding: by the engine
 *
 * That there is something to replay may; and that a copy of the header is
 * torn, since the other one is there for that.
 *
 * Return: true if it may.
 */
bool verify_may_say(const struct vhdx_finding *finding)
{
	return finding->severity == VHDX_INFO ||
	       (finding->severity == VHDX_WARN &&
		!strcmp(finding->at.name, "header"));
}

__printf(2, 3) static bool wrong(struct state *s, const char *fmt, ...)
{
	va_list args;

	if (!s->bad) {
		va_start(args, fmt);
		vsnprintf(s->verifier->text, sizeof(s->verifier->text), fmt,
			  args);
		va_end(args);
	}
	s->bad = true;
	return false;
}

static void hear(struct vhdx_report *report, const struct vhdx_finding *finding)
{
	struct state *s = container_of(report, struct state, report);
	char sentence[VHDX_SENTENCE_MAX];

	if (verify_may_say(finding))
		return;
	vhdx_sentence(finding, sentence, sizeof(sentence));
	wrong(s, "the engine says: %s", sentence);
}

static bool same_but_sequence(const struct vhdx_header *a,
			      const struct vhdx_header *b)
{
	struct vhdx_header other = *b;

	other.sequence = a->sequence;
	return !memcmp(a, &other, sizeof(other));
}

/* FileWriteGuid and DataWriteGuid change before anything else does. */
static bool check_guids(struct state *s, const struct vhdx_image *image,
			u32 touched)
{
	const struct vhdx_header *header = vhdx_header_current(&image->headers);
	const struct verifier *v = s->verifier;
	bool same = guid_equal(&header->data_write_guid, &v->data_guid);

	if ((touched & TOUCHED_OTHER) &&
	    guid_equal(&header->file_write_guid, &v->file_guid))
		return wrong(s, "the file was changed, but FileWriteGuid was not");
	if (v->recovery && !same)
		return wrong(s, "a replay changed DataWriteGuid");
	if (!v->recovery && same &&
	    ((touched & TOUCHED_BAT) || image->replay.count))
		return wrong(s, "the virtual disk was changed, but DataWriteGuid was not");
	return true;
}

/* A child that names it is whole by now, and reads through it. */
static void expect_complete(struct state *s, const struct vhdx_image *image)
{
	struct verifier *v = s->verifier;

	if (guid_is_null(&v->seal) ||
	    !guid_equal(vhdx_image_identity(image), &v->seal))
		return;
	s->flags |= VERIFY_CLEAN | VERIFY_LIVE;
	v->sealed++;
}

static bool check_headers(struct state *s, const struct vhdx_image *image,
			  u32 touched)
{
	const struct vhdx_headers *headers = &image->headers;

	if ((s->flags & VERIFY_ALIKE) &&
	    (!headers->valid[0] || !headers->valid[1] ||
	     !same_but_sequence(&headers->copy[0], &headers->copy[1])))
		return wrong(s, "the two copies of the header are not alike");
	if ((s->flags & VERIFY_CLEAN) &&
	    vhdx_header_dirty(vhdx_header_current(headers)))
		return wrong(s, "LogGuid is not null after a clean end");
	return check_guids(s, image, touched);
}

/* The engine has a check of its own for this; it might forget the same. */
static bool own(struct state *s, const char *what, u64 offset, u64 length)
{
	struct verifier *v = s->verifier;
	u64 unit = offset >> VHDX_ALIGN_SHIFT;
	u64 end = (offset + length) >> VHDX_ALIGN_SHIFT;

	v->end = max(v->end, offset + length);
	for (; unit < end; unit++) {
		if (unit >= DISK_UNITS || v->owned[unit] == v->states)
			return wrong(s, "%s at 0x%llx lies in space that has another owner",
				     what, offset);
		v->owned[unit] = v->states;
	}
	return true;
}

static bool own_regions(struct state *s, const struct vhdx_image *image)
{
	const struct vhdx_region *region = image->regions.all;
	u32 i;

	s->verifier->end = 0;
	s->verifier->states++;
	for (i = 0; i < image->regions.count; i++, region++)
		if (!own(s, region->name, region->offset, region->length))
			return false;
	return true;
}

/* LastFileOffset holds all that is allocated, or replay would not save it. */
static bool check_promise(struct state *s, const struct vhdx_image *image,
			  u64 end)
{
	u64 last;

	if (!image->log.count)
		return true;
	last = vhdx_log_head(&image->log)->last_file_offset;
	if (end > last)
		return wrong(s, "a block ends at 0x%llx, and LastFileOffset is 0x%llx",
			     end, last);
	return true;
}

static bool get_entry(struct state *s, struct vhdx_image *image, u64 index,
		      u64 *entry)
{
	return !vhdx_image_read_entry(image, index, entry) ||
	       wrong(s, "BAT entry %llu is not good", index);
}

/* State 7 needs a bitmap, in the last chunk too. */
static bool has_bitmap(struct state *s, struct vhdx_image *image, u64 block)
{
	u64 chunk = block >> image->bat.ratio_shift;
	u64 entry;

	if (!get_entry(s, image, vhdx_bat_bitmap_index(&image->bat, chunk),
		       &entry))
		return false;
	return (int)vhdx_entry_state(entry) == VHDX_BITMAP_PRESENT ||
	       wrong(s, "block %llu is partially present without a bitmap",
		     block);
}

/* A block that was unmapped may have kept its space: its anchor. */
static bool own_block(struct state *s, struct vhdx_image *image, u64 block)
{
	u64 index = vhdx_bat_payload_index(&image->bat, block);
	u64 size = vhdx_bat_block_size(&image->bat);
	u64 entry, offset;

	if (!get_entry(s, image, index, &entry))
		return false;
	offset = vhdx_entry_offset(entry);
	if (!offset)
		return true;
	if (vhdx_entry_state(entry) == VHDX_BLOCK_PARTIALLY_PRESENT &&
	    (!s->verifier->below || !has_bitmap(s, image, block)))
		return wrong(s, "block %llu is partially present", block);
	if (vhdx_entry_present(entry) &&
	    !check_promise(s, image, offset + size))
		return false;
	return own(s, "a block", offset, size);
}

/* Bits of sectors that the disk does not have, in the page with its last ones. */
static bool check_tail(struct state *s, struct vhdx_image *image, u64 offset)
{
	const struct vhdx_bat *bat = &image->bat;
	u32 bits = VHDX_PAGE * 8;
	u64 sector = (bat->size >> bat->sector_shift) % (8 * VHDX_MIB);
	__le64 page[VHDX_PAGE / sizeof(__le64)];
	const u8 *byte = (const u8 *)page;
	u32 bit;

	if (!(sector % bits))
		return true;
	if (vhdx_image_read(image, offset + sector / bits * VHDX_PAGE, page,
			    VHDX_PAGE))
		return wrong(s, "a bitmap cannot be read");
	for (bit = sector % bits; bit < bits; bit++)
		if (byte[bit / 8] >> bit % 8 & 1)
			return wrong(s, "a bit is set for sector %llu, past the end of the disk",
				     (bat->size >> bat->sector_shift) + bit -
					     sector % bits);
	return true;
}

static bool own_bitmaps(struct state *s, struct vhdx_image *image)
{
	const struct vhdx_bat *bat = &image->bat;
	u64 count = DIV_ROUND_UP_ULL(bat->blocks, 1ULL << bat->ratio_shift);
	u64 chunk, entry, offset;

	for (chunk = 0; s->verifier->below && chunk < count; chunk++) {
		if (!get_entry(s, image, vhdx_bat_bitmap_index(bat, chunk),
			       &entry))
			return false;
		offset = vhdx_entry_offset(entry);
		if ((int)vhdx_entry_state(entry) != VHDX_BITMAP_PRESENT)
			continue;
		if (!own(s, "a bitmap", offset, VHDX_BITMAP_BLOCK_SIZE) ||
		    !check_promise(s, image, offset + VHDX_BITMAP_BLOCK_SIZE))
			return false;
		if (chunk + 1 == count && !check_tail(s, image, offset))
			return false;
	}
	return true;
}

/* The disk that a run lies on. */
static const struct disk *disk_of(const struct state *s,
				  const struct vhdx_run *run)
{
	return run->layer ? &s->verifier->parent->disk : s->disk;
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
			return wrong(s,
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

/* Of the MiB that a run lies in; false if they will not be the same again. */
static bool identify(const struct state *s, const struct vhdx_run *run,
		     u64 *id)
{
	u64 offset = ALIGN_DOWN(run->offset, VHDX_MIB);
	u64 end = run->offset + run->length;

	/* Zeros, and what the parent has, are the same for ever. */
	if (run->kind != VHDX_RUN_DATA || run->layer)
		return true;
	for (; offset < end; offset += VHDX_MIB) {
		u64 unit = disk_unit_id(s->disk, offset);

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

static bool check_block(struct state *s, const struct vhdx_chain *chain,
			u64 block)
{
	struct model *model = s->verifier->model;
	u64 start = block << model->block_shift;
	u64 end = min(start + (1ULL << model->block_shift), model->size);
	struct vhdx_run run;
	u64 pos;

	s->verifier->run_count = 0;
	for (pos = start; pos < end; pos += run.length) {
		if (vhdx_chain_find(chain, pos, end - pos, &run))
			return wrong(s, "block %llu cannot be mapped", block);
		if (run.kind == VHDX_RUN_COPY)
			return wrong(s, "the log changes payload of block %llu",
				     block);
		if (run.layer > 1)
			return wrong(s, "block %llu is mapped to layer %u",
				     block, run.layer);
		add_run(s->verifier, &run);
	}
	return check_runs(s, block);
}

/* The image and its parent, if it has one. */
static struct vhdx_chain *open_chain(struct state *s, struct vhdx_image *image)
{
	struct vhdx_image *images[2] = { image, s->verifier->below };

	return vhdx_chain_new(images, images[1] ? 2 : 1, 0, &s->report);
}

static bool check_payload(struct state *s, struct vhdx_image *image)
{
	struct vhdx_chain *chain = open_chain(s, image);
	u64 block;
	bool good;

	if (IS_ERR(chain))
		return wrong(s, "the image makes no chain");
	good = own_regions(s, image) && own_bitmaps(s, image);
	for (block = 0; block < image->bat.blocks && good; block++)
		good = check_block(s, chain, block) &&
		       own_block(s, image, block);
	vhdx_chain_free(chain);
	return good;
}

static bool check_blocks(struct state *s, struct vhdx_image *image)
{
	struct vhdx_census census;

	if (vhdx_check_blocks(image, &census, NULL, &s->report))
		return wrong(s, "the BAT cannot be checked");
	if (census.faulty || census.overlaps)
		return wrong(s, "%llu BAT entries are faulty, %llu overlap",
			     census.faulty, census.overlaps);
	return !s->bad;
}

static struct vhdx_image *open_state(struct state *s)
{
	struct vhdx_image *image =
		vhdx_image_open(&s->store, VHDX_POOL_PAGES_DEFAULT, &s->report);

	if (!IS_ERR(image))
		return image;
	wrong(s, "cannot be opened: error %ld", -PTR_ERR(image));
	return NULL;
}

static void state_init(struct state *s, struct verifier *verifier,
		       const struct disk *disk)
{
	memset(s, 0, sizeof(*s));
	s->store.ops = &state_ops;
	s->store.size = disk->size;
	s->report.emit = hear;
	s->disk = disk;
	s->verifier = verifier;
}

/**
 * verify_state() - is a disk a state that may be?
 * @verifier: what to compare it with
 * @disk: the disk
 * @lasting: what has a greater identity will be undone
 * @touched: TOUCHED_*, since the mark
 * @flags: VERIFY_*
 *
 * Return: true if it is; else the verifier has a sentence.
 */
bool verify_state(struct verifier *verifier, const struct disk *disk,
		  u64 lasting, u32 touched, unsigned int flags)
{
	struct vhdx_image *image;
	struct state s;

	state_init(&s, verifier, disk);
	s.lasting = lasting;
	s.flags = flags;
	image = open_state(&s);
	if (!image)
		return false;
	expect_complete(&s, image);
	if (check_headers(&s, image, touched) && check_blocks(&s, image))
		check_payload(&s, image);
	vhdx_image_close(image);
	return !s.bad;
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
 * @disk: that was found right
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

	state_init(&s, verifier, disk);
	image = open_state(&s);
	if (!image)
		return false;
	chain = open_chain(&s, image);
	page = calloc(model_block_pages(model), sizeof(struct page *));
	if (IS_ERR(chain) || !page)
		abort();
	for (block = 0; block < image->bat.blocks; block++) {
		gather(&s, chain, block, page);
		model_learn(model, block, page);
		forget(page, model_block_pages(model));
	}
	free(page);
	vhdx_chain_free(chain);
	vhdx_image_close(image);
	return !s.bad;
}

/**
 * verify_mark() - what has happened so far does not count
 * @verifier: for which nothing has changed yet
 * @header: the current one
 */
void verify_mark(struct verifier *verifier, const struct vhdx_header *header)
{
	verifier->file_guid = header->file_write_guid;
	verifier->data_guid = header->data_write_guid;
}

/* Of the parent nothing is to be said. */
static void hear_below(struct vhdx_report *report,
		       const struct vhdx_finding *finding)
{
	(void)report;
	(void)finding;
}

/**
 * verify_init() - a verifier of a model
 * @verifier: what to set up
 * @model: what may be read
 * @parent: the parent of the image, if it has a size
 */
void verify_init(struct verifier *verifier, struct model *model,
		 struct parent *parent)
{
	memset(verifier, 0, sizeof(*verifier));
	verifier->model = model;
	verifier->seen = calloc(model->blocks, sizeof(*verifier->seen));
	if (!verifier->seen)
		abort();
	verifier->report.emit = hear_below;
	if (!parent->size)
		return;
	verifier->parent = parent;
	verifier->below = parent_open(parent, VHDX_POOL_PAGES_DEFAULT,
				      &verifier->report);
	if (IS_ERR(verifier->below))
		abort();
}

void verify_exit(struct verifier *verifier)
{
	if (verifier->below)
		vhdx_image_close(verifier->below);
	free(verifier->seen);
	free(verifier->run);
}
