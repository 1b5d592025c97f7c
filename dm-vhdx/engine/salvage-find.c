// SPDX-License-Identifier: GPL-2.0-only
#include "salvage-find.h"

/*
 * A BAT begins with a page of zeros if the first blocks of the disk were never
 * written. Within this range, where all writers put the BAT, the search reads
 * each MiB as a whole. Further on, it reads only the first page.
 */
#define THOROUGH	(1024 * VHDX_MIB)

#define CANDIDATES	16U

/**
 * struct candidate - a place that looks like the BAT
 * @offset: byte offset in the file
 * @inside: its entries that name space in the file
 */
struct candidate {
	u64 offset;
	u64 inside;
};

/**
 * struct search - the search for the BAT
 * @salvage: the damaged image
 * @buf: 1 MiB
 * @candidates: the best ones so far
 * @count: how many
 * @stop: what the progress returned, if it ends the search
 */
struct search {
	struct vhdx_salvage *salvage;
	u8 *buf;
	struct candidate candidates[CANDIDATES];
	u32 count;
	int stop;
};

/**
 * vhdx_judge_entries() - judge whether bytes are entries of a BAT
 * @entries: the bytes
 * @count: number of entries
 * @file_size: bytes of the file
 * @judgement: what was found is added to it
 */
void vhdx_judge_entries(const __le64 *entries, u32 count, u64 file_size,
			struct vhdx_judgement *judgement)
{
	u32 i;

	for (i = 0; i < count; i++) {
		u64 entry = le64_to_cpu(entries[i]);
		u64 offset = vhdx_entry_offset(entry);
		unsigned int state = vhdx_entry_state(entry);

		if (!entry)
			continue;
		if ((entry & VHDX_BAT_RESERVED_MASK) || state == 4 ||
		    state == 5 || offset >= VHDX_FILE_SIZE_MAX ||
		    (vhdx_entry_present(entry) &&
		     offset < VHDX_HEADER_SECTION))
			judgement->bad++;
		else if (vhdx_entry_present(entry) && offset < file_size)
			judgement->inside++;
		else if (vhdx_entry_present(entry))
			judgement->outside++;
	}
}

static int step(struct vhdx_salvage *salvage, u64 pos)
{
	struct vhdx_progress *progress = salvage->progress;

	if (!progress || pos % (256 * VHDX_MIB))
		return 0;
	cond_resched();
	return progress->step(progress, pos, salvage->mend.below->size);
}

/* Return true if the metadata at a place can be used as it is. */
static bool is_metadata(struct vhdx_salvage *salvage, u64 pos)
{
	struct vhdx_metadata metadata = {};
	void *table = kvmalloc(VHDX_TABLE_SIZE, GFP_KERNEL);
	bool sound = table &&
		     !vhdx_store_read(&salvage->mend.store, pos, table,
				      VHDX_TABLE_SIZE) &&
		     !vhdx_metadata_decode(table, pos, VHDX_MIB, &metadata,
					   &vhdx_report_silent);

	sound = sound && metadata.count >= 5;
	vhdx_metadata_free(&metadata);
	kvfree(table);
	return sound;
}

/**
 * vhdx_find_metadata() - find the metadata region
 * @salvage: the damaged image; the place of the metadata is set, or stays 0
 *
 * The first sound table counts: a disk may hold images, too, but its blocks lie
 * behind the metadata in the files of all writers. A damaged table counts if
 * there is no sound one.
 *
 * Context: may sleep.
 * Return: 0, also if nothing was found; -ENOMEM; or what the progress returned.
 */
int vhdx_find_metadata(struct vhdx_salvage *salvage)
{
	u64 pos, size = salvage->mend.below->size, damaged = 0;
	__le64 *page = kmalloc(VHDX_PAGE, GFP_KERNEL);
	int r = 0;

	if (!page)
		return -ENOMEM;
	for (pos = VHDX_HEADER_SECTION; pos < size && !r; pos += VHDX_ALIGN) {
		r = step(salvage, pos);
		if (r || vhdx_store_read(&salvage->mend.store, pos, page,
					 VHDX_PAGE) ||
		    le64_to_cpu(*page) != VHDX_METADATA_SIGNATURE)
			continue;
		if (is_metadata(salvage, pos))
			break;
		if (!damaged)
			damaged = pos;
	}
	kfree(page);
	if (r)
		return r;
	salvage->layout.metadata_offset = pos < size ? pos : damaged;
	salvage->layout.metadata_length = VHDX_MIB;
	if (salvage->layout.metadata_offset) {
		salvage->known++;
		vhdx_find(salvage->report, VHDX_WARN,
			  VHDX_AT("metadata region",
				  salvage->layout.metadata_offset),
			  "found here by its signature%s",
			  pos < size ? "" : "; it is damaged");
	}
	return 0;
}

/* Return the bytes that a BAT would have if it began at @pos. */
static u64 bat_bytes(const struct vhdx_salvage *salvage)
{
	const struct vhdx_bat *bat = &salvage->layout.bat;

	return bat->entries ? bat->pages * VHDX_PAGE : VHDX_MIB;
}

/* Between places. All of the file has been searched by then. */
static bool stopped(struct search *search)
{
	struct vhdx_progress *progress = search->salvage->progress;
	u64 size = search->salvage->mend.below->size;

	cond_resched();
	if (progress && !search->stop)
		search->stop = progress->step(progress, size, size);
	return search->stop;
}

/* Judge a whole BAT; its pages past the end of the file are missing. */
static void judge_bat(struct search *search, u64 pos,
		      struct vhdx_judgement *judgement)
{
	struct vhdx_store *store = &search->salvage->mend.store;
	u64 size = search->salvage->mend.below->size;
	u64 end = min(pos + bat_bytes(search->salvage), size);
	u64 at;

	*judgement = (struct vhdx_judgement){};
	for (at = pos; at < end && judgement->bad <= judgement->inside / 64 &&
	     !stopped(search); at += VHDX_MIB) {
		size_t len = min_t(u64, end - at, VHDX_MIB) & ~(VHDX_PAGE - 1);

		if (!vhdx_store_read(store, at, search->buf, len))
			vhdx_judge_entries((__le64 *)search->buf,
					   len / sizeof(__le64), size,
					   judgement);
	}
}

/* A BAT with a few bad entries is damaged; with more, it is not a BAT. */
static bool is_plausible(const struct vhdx_judgement *judgement)
{
	return judgement->inside &&
	       judgement->bad <= judgement->inside / 64;
}

/*
 * A MiB that goes on with a BAT counts for it. So the place where a long BAT
 * begins is a better candidate than those where it goes on.
 */
static void add_to_candidates(struct search *search, u64 pos, u64 inside)
{
	u64 length = bat_bytes(search->salvage);
	u32 i;

	for (i = 0; i < search->count; i++)
		if (pos - search->candidates[i].offset < length)
			search->candidates[i].inside += inside;
}

/* The weakest candidate makes room for a better one. */
static void add_candidate(struct search *search, u64 pos, u64 inside)
{
	struct candidate *weakest = search->candidates;
	u32 i;

	if (search->count < CANDIDATES) {
		search->candidates[search->count++] =
			(struct candidate){ pos, inside };
		return;
	}
	for (i = 1; i < CANDIDATES; i++)
		if (search->candidates[i].inside <= weakest->inside)
			weakest = &search->candidates[i];
	if (inside > weakest->inside)
		*weakest = (struct candidate){ pos, inside };
}

/*
 * Look at one MiB of the file, and no more: a hostile file may look like a BAT
 * everywhere.
 */
static void look_at(struct search *search, u64 pos)
{
	struct vhdx_salvage *salvage = search->salvage;
	u64 size = salvage->mend.below->size;
	u64 most = min(bat_bytes(salvage), VHDX_MIB);
	size_t len = pos < THOROUGH ? min(most, size - pos) : VHDX_PAGE;
	struct vhdx_judgement judgement = {};

	len &= ~(VHDX_PAGE - 1);
	if (!len || vhdx_store_read(&salvage->mend.store, pos, search->buf, len))
		return;
	vhdx_judge_entries((__le64 *)search->buf, VHDX_BAT_ENTRIES_PER_PAGE,
			   size, &judgement);
	if (judgement.bad > judgement.inside / 64)
		return;
	judgement = (struct vhdx_judgement){};
	vhdx_judge_entries((__le64 *)search->buf, len / sizeof(__le64), size,
			   &judgement);
	if (!is_plausible(&judgement))
		return;
	add_to_candidates(search, pos, judgement.inside);
	add_candidate(search, pos, judgement.inside);
}

/* Judge the candidates as a whole; those that are none after all go. */
static void judge_candidates(struct search *search)
{
	struct vhdx_judgement judgement;
	u32 i, kept = 0;

	for (i = 0; i < search->count && !search->stop; i++) {
		struct candidate *candidate = &search->candidates[i];

		judge_bat(search, candidate->offset, &judgement);
		if (is_plausible(&judgement))
			search->candidates[kept++] = (struct candidate){
				candidate->offset, judgement.inside
			};
	}
	search->count = kept;
}

/* Return true if the BAT at @pos gives the place @inner to a block. */
static bool covers(struct search *search, u64 pos, u64 inner)
{
	struct vhdx_store *store = &search->salvage->mend.store;
	u64 block = max_t(u64, search->salvage->layout.params.block_size,
			  VHDX_MIB);
	u64 end = min(pos + bat_bytes(search->salvage),
		      search->salvage->mend.below->size);
	const __le64 *entries = (__le64 *)search->buf;
	u64 at;
	u32 i;

	for (at = pos; at < end; at += VHDX_PAGE) {
		if (IS_ALIGNED(at, VHDX_MIB) && stopped(search))
			return false;
		if (vhdx_store_read(store, at, search->buf, VHDX_PAGE))
			continue;
		for (i = 0; i < VHDX_BAT_ENTRIES_PER_PAGE; i++) {
			u64 entry = le64_to_cpu(entries[i]);

			if (vhdx_entry_present(entry) &&
			    vhdx_entry_offset(entry) <= inner &&
			    inner - vhdx_entry_offset(entry) < block)
				return true;
		}
	}
	return false;
}

/*
 * Choose the candidate with the most blocks. A candidate that lies in a block
 * of another one belongs to an image that is stored on the disk.
 */
static const struct candidate *choose(struct search *search)
{
	const struct candidate *best = NULL;
	u32 i;

	judge_candidates(search);
	for (i = 0; i < search->count; i++)
		if (!best || search->candidates[i].inside > best->inside)
			best = &search->candidates[i];
	for (i = 0; i < search->count; i++) {
		const struct candidate *other = &search->candidates[i];

		if (other != best &&
		    covers(search, other->offset, best->offset) &&
		    !covers(search, best->offset, other->offset))
			best = other;
	}
	return best;
}

static int search_all(struct search *search)
{
	struct vhdx_salvage *salvage = search->salvage;
	u64 pos, size = salvage->mend.below->size;
	int r = 0;

	for (pos = VHDX_HEADER_SECTION; pos < size && !r; pos += VHDX_ALIGN) {
		r = step(salvage, pos);
		if (!r && pos != salvage->layout.metadata_offset)
			look_at(search, pos);
	}
	return r;
}

/**
 * vhdx_find_bat() - find the BAT region
 * @salvage: the damaged image; its layout has the geometry, as far as it is
 *	known. The place of the BAT is set, or stays 0.
 *
 * Context: may sleep.
 * Return: 0, also if nothing was found; -ENOMEM; or what the progress returned.
 */
int vhdx_find_bat(struct vhdx_salvage *salvage)
{
	struct search *search = kzalloc(sizeof(*search), GFP_KERNEL);
	const struct candidate *best = NULL;
	int r = -ENOMEM;

	if (!search)
		return r;
	search->salvage = salvage;
	search->buf = kvmalloc(VHDX_MIB, GFP_KERNEL);
	if (search->buf)
		r = search_all(search);
	if (!r)
		best = choose(search);
	if (!r)
		r = search->stop;
	if (!r && best) {
		salvage->layout.bat.offset = best->offset;
		salvage->layout.bat_length =
			ALIGN(bat_bytes(salvage), VHDX_ALIGN);
		vhdx_find(salvage->report, VHDX_WARN,
			  VHDX_AT("BAT region", best->offset),
			  "found here by its entries, which name %llu blocks in the file%s",
			  best->inside, search->count > 1 ?
			  "; there are places that are less likely" : "");
	}
	kvfree(search->buf);
	kfree(search);
	return r;
}
