// SPDX-License-Identifier: GPL-2.0-only
#include "check.h"
#include "recorder.h"
#include "verify.h"

/* Nothing is kept on a disk for a block. */
#define NOWHERE U64_MAX

/**
 * struct seen - what was found right about a block
 * @offset: where it lay, or NOWHERE
 * @id: of the MiB there
 * @change: of what it may hold
 */
struct seen {
	u64 offset;
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

/* A block that was unmapped may have kept its space: its anchor. */
static bool own_block(struct state *s, const struct vhdx_image *image,
		      u64 block)
{
	u64 index = vhdx_bat_payload_index(&image->bat, block);
	u64 entry;

	if (vhdx_image_bat_entry(image, index, &entry))
		return wrong(s, "block %llu has no good BAT entry", block);
	if (!vhdx_entry_offset(entry))
		return true;
	return own(s, "a block", vhdx_entry_offset(entry),
		   vhdx_bat_block_size(&image->bat));
}

/* LastFileOffset holds all that is allocated, or replay would not save it. */
static bool check_promise(struct state *s, const struct vhdx_image *image,
			  u64 offset)
{
	u64 end = offset + vhdx_bat_block_size(&image->bat);
	u64 last;

	if (!image->log.count)
		return true;
	last = vhdx_log_head(&image->log)->last_file_offset;
	if (end > last)
		return wrong(s, "a block ends at 0x%llx, and LastFileOffset is 0x%llx",
			     end, last);
	return true;
}

static bool check_piece(struct state *s, u64 pos, const struct vhdx_run *run)
{
	struct model *model = s->verifier->model;
	u64 read = s->flags & VERIFY_LIVE ? model->clock + 1 : 0;
	u64 block = pos >> model->block_shift;
	u32 mask = model_block_pages(model) - 1;
	u64 end = pos + run->length;
	u64 at = run->offset;

	for (; pos < end; pos += VHDX_PAGE, at += VHDX_PAGE) {
		const struct page *page = NULL;
		u32 in_block = pos / VHDX_PAGE & mask;
		int sector;

		if (run->kind == VHDX_RUN_DATA)
			page = disk_page(s->disk, at / VHDX_PAGE);
		sector = model_check_page(model, block, in_block, page, read);
		if (sector >= 0)
			return wrong(s,
				     "block %llu, sector %u, at 0x%llx in the file, holds tag %x%s",
				     block, in_block * PAGE_SECTORS + sector,
				     run->kind == VHDX_RUN_DATA ? at : 0,
				     page_tag(page, sector),
				     page_tag(page, sector) == TAG_JUNK ?
					     " (junk)" : "");
	}
	return true;
}

/* Of the MiB that a block lies in; U64_MAX if it will not be the same again. */
static u64 identity(const struct state *s, u64 offset, u64 length)
{
	u64 id = 0, end = offset + length;

	for (; offset < end; offset += VHDX_MIB) {
		u64 unit = disk_unit_id(s->disk, offset);

		if (unit > s->lasting)
			return U64_MAX;
		id = id * 0x9E3779B97F4A7C15ULL + unit;
	}
	return id;
}

/* The block lies in one piece. */
static bool check_whole(struct state *s, u64 block, const struct vhdx_run *run)
{
	struct verifier *v = s->verifier;
	struct seen now = {
		.offset = NOWHERE,
		.change = v->model->block[block].change,
	};
	struct seen *seen = &v->seen[block];

	if (run->kind == VHDX_RUN_DATA) {
		now.offset = run->offset;
		now.id = identity(s, run->offset, run->length);
	}
	if (!(s->flags & VERIFY_LIVE) && seen->offset == now.offset &&
	    seen->id == now.id && seen->change == now.change)
		return true;
	if (!check_piece(s, block << v->model->block_shift, run))
		return false;
	if (now.id != U64_MAX && !(s->flags & VERIFY_LIVE))
		*seen = now;
	return true;
}

static int map(const struct vhdx_chain *chain, u64 pos, u64 len,
	       struct vhdx_run *run)
{
	struct vhdx_miss miss;
	int r;

	while ((r = vhdx_chain_map(chain, pos, len, run, &miss)) == -EAGAIN) {
		r = vhdx_image_load(&miss);
		if (r)
			break;
	}
	return r;
}

static bool check_block(struct state *s, const struct vhdx_chain *chain,
			u64 block)
{
	struct model *model = s->verifier->model;
	u64 start = block << model->block_shift;
	u64 end = min(start + (1ULL << model->block_shift), model->size);
	struct vhdx_run run;
	u64 pos;

	for (pos = start; pos < end; pos += run.length) {
		if (map(chain, pos, end - pos, &run))
			return wrong(s, "block %llu cannot be mapped", block);
		if (run.kind == VHDX_RUN_COPY)
			return wrong(s, "the log changes payload of block %llu",
				     block);
		if (run.kind == VHDX_RUN_DATA &&
		    !check_promise(s, chain->layer[0],
				   run.offset - (pos - start)))
			return false;
		if (run.length == end - start)
			return check_whole(s, block, &run);
		if (!check_piece(s, pos, &run))
			return false;
	}
	return true;
}

static bool check_payload(struct state *s, struct vhdx_image *image)
{
	struct vhdx_chain *chain = vhdx_chain_new(&image, 1, 0, &s->report);
	u64 block;
	bool good;

	if (IS_ERR(chain))
		return wrong(s, "the image makes no chain");
	good = own_regions(s, image);
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
	if (check_headers(&s, image, touched) && check_blocks(&s, image))
		check_payload(&s, image);
	vhdx_image_close(image);
	return !s.bad;
}

/* What a block shows, page by page. */
static void gather(const struct state *s, const struct vhdx_chain *chain,
		   u64 block, struct page **page)
{
	struct model *model = s->verifier->model;
	u64 pos = block << model->block_shift;
	u64 end = min(pos + (1ULL << model->block_shift), model->size);
	struct vhdx_run run;
	u64 i = 0, at;

	memset(page, 0, model_block_pages(model) * sizeof(*page));
	for (; pos < end; pos += run.length) {
		if (map(chain, pos, end - pos, &run))
			abort();
		if (run.kind != VHDX_RUN_DATA)
			continue;
		i = (pos & ((1ULL << model->block_shift) - 1)) / VHDX_PAGE;
		for (at = 0; at < run.length; at += VHDX_PAGE, i++)
			page[i] = disk_page(s->disk,
					    (run.offset + at) / VHDX_PAGE);
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
	chain = vhdx_chain_new(&image, 1, 0, &s.report);
	page = calloc(model_block_pages(model), sizeof(struct page *));
	if (IS_ERR(chain) || !page)
		abort();
	for (block = 0; block < image->bat.blocks; block++) {
		gather(&s, chain, block, page);
		model_learn(model, block, page);
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

void verify_init(struct verifier *verifier, struct model *model)
{
	memset(verifier, 0, sizeof(*verifier));
	verifier->model = model;
	verifier->seen = calloc(model->blocks, sizeof(*verifier->seen));
	if (!verifier->seen)
		abort();
}

void verify_exit(struct verifier *verifier)
{
	free(verifier->seen);
}
