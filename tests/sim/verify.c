// SPDX-License-Identifier: GPL-2.0-only
#include "check.h"
#include "recorder.h"
#include "verify-state.h"

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

/**
 * verify_wrong() - something is not acceptable
 * @s: the state
 * @fmt: what, in a sentence
 *
 * Return: false.
 */
bool verify_wrong(struct state *s, const char *fmt, ...)
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
	verify_wrong(s, "the engine says: %s", sentence);
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
		return verify_wrong(s, "the file was changed, but FileWriteGuid was not");
	if (v->lax)
		return true;
	if (v->same_disk && !same)
		return verify_wrong(s, "DataWriteGuid has changed, and the virtual disk has not");
	if (!v->same_disk && same &&
	    ((touched & TOUCHED_BAT) || image->replay.count))
		return verify_wrong(s, "the virtual disk was changed, but DataWriteGuid was not");
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
		return verify_wrong(s, "the two copies of the header are not alike");
	if ((s->flags & VERIFY_CLEAN) &&
	    vhdx_header_dirty(vhdx_header_current(headers)))
		return verify_wrong(s, "LogGuid is not null after a clean end");
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
			return verify_wrong(s, "%s at 0x%llx lies in space that has another owner",
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
		return verify_wrong(s, "a block ends at 0x%llx, and LastFileOffset is 0x%llx",
			     end, last);
	return true;
}

static bool get_entry(struct state *s, struct vhdx_image *image, u64 index,
		      u64 *entry)
{
	return !vhdx_image_read_entry(image, index, entry) ||
	       verify_wrong(s, "BAT entry %llu is not good", index);
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
	       verify_wrong(s, "block %llu is partially present without a bitmap",
			    block);
}

/* A block that was unmapped may have kept its space: its anchor. */
static bool own_block(struct state *s, struct vhdx_image *image, u64 block)
{
	u64 index = vhdx_bat_payload_index(&image->bat, block);
	u64 size = vhdx_bat_block_size(&image->bat);
	u64 entry, offset, unit;

	if (!get_entry(s, image, index, &entry))
		return false;
	offset = vhdx_entry_offset(entry);
	if (!offset)
		return true;
	if (vhdx_entry_state(entry) == VHDX_BLOCK_PARTIALLY_PRESENT &&
	    (!image->bat.differencing || !has_bitmap(s, image, block)))
		return verify_wrong(s, "block %llu is partially present", block);
	if (vhdx_entry_present(entry) &&
	    !check_promise(s, image, offset + size))
		return false;
	for (unit = offset; unit < offset + size; unit += VHDX_MIB)
		if (unit >> VHDX_ALIGN_SHIFT < DISK_UNITS)
			s->verifier->payload[unit >> VHDX_ALIGN_SHIFT] =
				s->verifier->states;
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

	if (!(sector % bits) || s->verifier->bits_left)
		return true;
	if (vhdx_image_read(image, offset + sector / bits * VHDX_PAGE, page,
			    VHDX_PAGE))
		return verify_wrong(s, "a bitmap cannot be read");
	for (bit = sector % bits; bit < bits; bit++)
		if (byte[bit / 8] >> bit % 8 & 1)
			return verify_wrong(s,
					    "a bit is set for sector %llu, past the end of the disk",
					    (bat->size >> bat->sector_shift) +
						    bit - sector % bits);
	return true;
}

static bool own_bitmaps(struct state *s, struct vhdx_image *image)
{
	const struct vhdx_bat *bat = &image->bat;
	u64 count = DIV_ROUND_UP_ULL(bat->blocks, 1ULL << bat->ratio_shift);
	u64 chunk, entry, offset;

	for (chunk = 0; bat->differencing && chunk < count; chunk++) {
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

static bool check_payload(struct state *s, struct vhdx_image *image)
{
	bool good;
	u64 block;

	verify_find_absent(s, image);
	good = own_regions(s, image) && own_bitmaps(s, image) &&
	       verify_contents(s, image);

	for (block = 0; block < image->bat.blocks && good; block++)
		if (!verify_absent(s, image, block))
			good = own_block(s, image, block);
	if (good && !verify_log(s->verifier, s->disk,
				vhdx_header_current(&image->headers)))
		s->bad = true;
	return good;
}

/* A disk that gets another size has the one or the other at any time. */
static bool check_size(struct state *s, const struct vhdx_image *image)
{
	struct verifier *v = s->verifier;

	v->image_size = image->params.size;
	if (!v->model || v->image_size == v->size[0] ||
	    v->image_size == v->size[1])
		return true;
	return verify_wrong(s,
			    "the virtual disk has %llu bytes, and is to have %llu or %llu",
			    v->image_size, v->size[0], v->size[1]);
}

static bool check_blocks(struct state *s, struct vhdx_image *image)
{
	struct vhdx_census census;

	if (vhdx_check_blocks(image, &census, NULL, &s->report))
		return verify_wrong(s, "the BAT cannot be checked");
	if (census.faulty || census.overlaps)
		return verify_wrong(s, "%llu BAT entries are faulty, %llu overlap",
			     census.faulty, census.overlaps);
	return !s->bad;
}

/**
 * verify_open() - begin to look
 * @s: what to set up
 * @verifier: who looks
 * @disk: the disk
 *
 * Return: the image in it, or NULL if there is none.
 */
struct vhdx_image *verify_open(struct state *s, struct verifier *verifier,
			       const struct disk *disk)
{
	struct vhdx_image *image;

	memset(s, 0, sizeof(*s));
	s->store.ops = &state_ops;
	s->store.size = disk->size;
	s->report.emit = hear;
	s->disk = disk;
	s->verifier = verifier;
	image = vhdx_image_open(&s->store, VHDX_POOL_PAGES_DEFAULT, &s->report);
	if (!IS_ERR(image))
		return image;
	verify_wrong(s, "cannot be opened: error %ld", -PTR_ERR(image));
	return NULL;
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

	image = verify_open(&s, verifier, disk);
	if (!image)
		return false;
	s.lasting = lasting;
	s.flags = flags;
	expect_complete(&s, image);
	if (check_size(&s, image) && check_headers(&s, image, touched) &&
	    check_blocks(&s, image))
		check_payload(&s, image);
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

/**
 * verify_sizes() - the sizes that the virtual disk may have
 * @verifier: whose model has the larger one
 * @one: bytes
 * @other: bytes; the same, unless the size is about to change
 */
void verify_sizes(struct verifier *verifier, u64 one, u64 other)
{
	u64 blocks = verifier->model->blocks;
	struct seen *seen = verifier->seen;

	verifier->size[0] = one;
	verifier->size[1] = other;
	if (blocks <= verifier->seen_count)
		return;
	seen = realloc(seen, blocks * sizeof(*seen));
	if (!seen)
		abort();
	memset(seen + verifier->seen_count, 0,
	       (blocks - verifier->seen_count) * sizeof(*seen));
	verifier->seen = seen;
	verifier->seen_count = blocks;
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
 * @model: what may be read, or NULL
 */
void verify_init(struct verifier *verifier, struct model *model)
{
	memset(verifier, 0, sizeof(*verifier));
	verifier->model = model;
	verifier->report.emit = hear_below;
	if (model)
		verify_sizes(verifier, model->size, model->size);
}

/**
 * verify_over() - the image lies over a parent that nobody writes
 * @verifier: the verifier
 * @parent: the parent
 */
void verify_over(struct verifier *verifier, struct parent *parent)
{
	struct verify_lower *lower = verifier->lower;

	lower->disk = &parent->disk;
	lower->image = parent_open(parent, VHDX_POOL_PAGES_DEFAULT,
				   &verifier->report);
	if (IS_ERR(lower->image))
		abort();
	verifier->lower_count = 1;
	verifier->still = true;
}

/**
 * verify_exit() - forget a verifier, and close what verify_over() opened
 * @verifier: the verifier
 */
void verify_exit(struct verifier *verifier)
{
	if (verifier->still)
		vhdx_image_close(verifier->lower->image);
	free(verifier->seen);
	free(verifier->run);
}
