// SPDX-License-Identifier: GPL-2.0-only
#include "salvage-claims.h"

/*
 * More claims than this are not compared: each of them counts as lost. The claims
 * that are compared are those of the first entries.
 */
#define CLAIMS_MAX	65536U

/* A sector bitmap has no neighbours that show which entry owns its space. */
#define SCORE_BITMAP	100U

#define CLAIMS_NAMED	16U

/**
 * struct claim - an entry that names the same space as another entry
 * @index: of the entry
 * @offset: byte offset of the space
 * @length: its bytes
 * @score: how likely it is the owner
 */
struct claim {
	u64 index;
	u64 offset;
	u64 length;
	unsigned int score;
};

/**
 * struct survey - a pass over the BAT
 * @salvage: the damaged image
 * @image: the same, open
 * @page: entries that were read last
 * @index: index of the first one; U64_MAX for none
 * @units: MiB of the file that are looked at
 * @owned: a bit for each MiB that an entry names
 * @shared: a bit for each MiB that several name
 * @taken: MiB that are owned
 * @claims: entries that name a shared MiB
 * @count: number of claims
 * @dropped: claims that were not kept
 * @dropped_from: index of the first of their entries
 */
struct survey {
	struct vhdx_salvage *salvage;
	struct vhdx_image *image;
	__le64 *page;
	u64 index;
	u64 units;
	unsigned long *owned;
	unsigned long *shared;
	u64 taken;
	struct claim *claims;
	u32 count;
	u64 dropped;
	u64 dropped_from;
};

static int entry_at(struct survey *s, u64 index, u64 *entry)
{
	u64 first = ALIGN_DOWN(index, (u64)VHDX_BAT_ENTRIES_PER_PAGE);
	int r = 0;

	if (first != s->index) {
		cond_resched();
		r = vhdx_image_read(s->image,
				    vhdx_bat_file_offset(&s->image->bat, first),
				    s->page, VHDX_PAGE);
		s->index = r ? U64_MAX : first;
	}
	*entry = r ? 0 : le64_to_cpu(s->page[index - first]);
	return r;
}

/* Return true if an entry is in a slot that only a child uses. */
static bool is_stray(const struct vhdx_bat *bat, u64 index, u64 entry)
{
	u64 number;

	if (!vhdx_entry_present(entry) || bat->differencing)
		return false;
	return !vhdx_bat_entry_at(bat, index, &number) ||
	       number >= bat->blocks;
}

/* Return true if an entry of a page that moved up by one is not in its place. */
static bool has_moved(u64 entry, u64 first)
{
	return vhdx_entry_present(entry) &&
	       vhdx_entry_offset(entry) < vhdx_entry_offset(first);
}

/**
 * vhdx_claims_move_back() - correct a page that QEMU spoiled
 * @bat: the geometry
 * @index: of the page's first entry
 * @entries: a page of entries
 * @orphans: the file has space that no entry names, so entries were overwritten:
 *	one that may have been becomes a lost one
 *
 * If the entry that belongs where an entry moves back to was written later, it
 * stays.
 *
 * Context: any.
 * Return: number of entries that moved.
 */
u32 vhdx_claims_move_back(const struct vhdx_bat *bat, u64 index,
			  __le64 *entries, bool orphans)
{
	u64 first = le64_to_cpu(entries[0]), number;
	u32 moved = 0, i;

	if (!vhdx_entry_present(first) ||
	    !vhdx_bat_entry_at(bat, index, &number))
		return 0;
	for (i = 1; i < VHDX_BAT_ENTRIES_PER_PAGE; i++) {
		u64 entry = le64_to_cpu(entries[i]);

		if (!has_moved(entry, first))
			continue;
		entries[i] = 0;
		moved++;
		if (i > 1 && !vhdx_entry_present(le64_to_cpu(entries[i - 1])))
			entries[i - 1] = cpu_to_le64(entry);
	}
	for (i = 1; moved && orphans && i + 1 < VHDX_BAT_ENTRIES_PER_PAGE; i++)
		if (!entries[i] &&
		    vhdx_entry_present(le64_to_cpu(entries[i + 1])) &&
		    !has_moved(le64_to_cpu(entries[i + 1]), first) &&
		    vhdx_bat_entry_at(bat, index + i, &number))
			entries[i] = cpu_to_le64(vhdx_lost_entry(VHDX_LOST_OWNER));
	return moved;
}

static int compare_index(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* Return the number of losers before an index. */
static u32 losers_before(const struct vhdx_salvage *salvage, u64 index)
{
	u32 low = 0, high = salvage->loser_count;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (salvage->losers[mid] < index)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Return the bytes of the file that an entry names, if it names any. */
static u64 space_of(const struct vhdx_bat *bat, u64 index)
{
	u64 number;

	if (!vhdx_bat_entry_at(bat, index, &number))
		return bat->differencing && number < bat->chunks ?
			       VHDX_BITMAP_BLOCK_SIZE : 0;
	return number < bat->blocks ? vhdx_bat_block_size(bat) : 0;
}

/* Does an entry name a MiB that several name? */
static bool names_contested(const struct vhdx_salvage *salvage, u64 index,
			    u64 entry)
{
	u64 first = vhdx_entry_offset(entry) >> VHDX_ALIGN_SHIFT;
	u64 length = space_of(&salvage->layout.bat, index);
	u64 end = min(first + (length >> VHDX_ALIGN_SHIFT),
		      salvage->contested_units);

	return vhdx_entry_present(entry) && first < end &&
	       find_next_bit(salvage->contested, end, first) < end;
}

static void lose_contested(const struct vhdx_salvage *salvage, u64 index,
			   __le64 *entries, u32 count)
{
	u64 from = max(index, salvage->contested_from), i;

	for (i = from; i < index + count; i++)
		if (names_contested(salvage, i, le64_to_cpu(entries[i - index])))
			entries[i - index] =
				cpu_to_le64(vhdx_lost_entry(VHDX_LOST_OWNER));
}

static void revise(void *context, u64 index, __le64 *entries, u32 count)
{
	const struct vhdx_salvage *salvage = context;
	u32 i;

	if (salvage->moved)
		vhdx_claims_move_back(&salvage->layout.bat, index, entries,
				      salvage->orphans);
	for (i = losers_before(salvage, index);
	     i < salvage->loser_count && salvage->losers[i] < index + count;
	     i++)
		entries[salvage->losers[i] - index] =
			cpu_to_le64(vhdx_lost_entry(VHDX_LOST_OWNER));
	if (salvage->contested)
		lose_contested(salvage, index, entries, count);
}

/* Call @look for each entry of the BAT's pages, its padding as well. */
static int for_entries(struct survey *s,
		       void (*look)(struct survey *s, u64 index, u64 entry))
{
	struct vhdx_progress *progress = s->salvage->progress;
	u64 total = s->image->bat.pages * VHDX_BAT_ENTRIES_PER_PAGE;
	u64 index, entry;
	int r = 0;

	for (index = 0; index < total && !r; index++) {
		if (progress && !(index % (1 << 16)))
			r = progress->step(progress, index, total);
		if (!r)
			r = entry_at(s, index, &entry);
		if (!r && vhdx_entry_present(entry))
			look(s, index, entry);
	}
	return r;
}

static void look_for_stray(struct survey *s, u64 index, u64 entry)
{
	if (is_stray(&s->image->bat, index, entry) && !s->salvage->moved) {
		s->salvage->moved = true;
		vhdx_find(s->salvage->report, VHDX_WARN,
			  vhdx_bat_place(&s->image->bat, index),
			  "names a block where an image without a parent has none: QEMU before 7.2.2 has moved entries up; those that are older than the first of their page are moved back");
	}
}

/* Faulty entries claim nothing: their blocks are lost anyway. */
static u64 claimed(const struct survey *s, u64 index, u64 entry)
{
	enum vhdx_fault fault = vhdx_bat_fault(&s->image->bat,
					       &s->image->limits, index, entry);

	if (fault && fault != VHDX_FAULT_CUT)
		return 0;
	return space_of(&s->image->bat, index);
}

static void mark(struct survey *s, u64 index, u64 entry)
{
	u64 first = vhdx_entry_offset(entry) >> VHDX_ALIGN_SHIFT;
	u64 unit, end = first + (claimed(s, index, entry) >> VHDX_ALIGN_SHIFT);

	for (unit = first; unit < min(end, s->units); unit++) {
		if (test_bit(unit, s->owned))
			__set_bit(unit, s->shared);
		else
			s->taken++;
		__set_bit(unit, s->owned);
	}
}

static void collect(struct survey *s, u64 index, u64 entry)
{
	u64 offset = vhdx_entry_offset(entry);
	u64 length = claimed(s, index, entry);
	u64 first = offset >> VHDX_ALIGN_SHIFT;
	u64 end = min(first + (length >> VHDX_ALIGN_SHIFT), s->units);

	if (first >= end ||
	    find_next_bit(s->shared, end, first) >= end)
		return;
	if (s->count == CLAIMS_MAX) {
		if (!s->dropped++)
			s->dropped_from = index;
		return;
	}
	s->claims[s->count++] = (struct claim){
		.index = index,
		.offset = offset,
		.length = length,
	};
}

/* Writers place consecutive blocks of the disk side by side in the file. */
static int score(struct survey *s, struct claim *claim)
{
	u64 before = 0, after = 0;
	u64 number;
	int r = 0;

	if (!vhdx_bat_entry_at(&s->image->bat, claim->index, &number)) {
		claim->score = SCORE_BITMAP;
		return 0;
	}
	if (claim->index)
		r = entry_at(s, claim->index - 1, &before);
	if (!r && claim->index + 1 < s->image->bat.entries)
		r = entry_at(s, claim->index + 1, &after);
	if (vhdx_entry_present(before))
		claim->score +=
			vhdx_entry_offset(before) + claim->length ==
				claim->offset ? 2 :
			vhdx_entry_offset(before) < claim->offset;
	if (vhdx_entry_present(after))
		claim->score +=
			claim->offset + claim->length ==
				vhdx_entry_offset(after) ? 2 :
			claim->offset < vhdx_entry_offset(after);
	return r;
}

static int compare_claim(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void tell(struct survey *s, const struct claim *owner,
		 const struct claim *loser)
{
	struct vhdx_salvage *salvage = s->salvage;

	if (salvage->loser_count <= CLAIMS_NAMED)
		vhdx_find(salvage->report, VHDX_WARN,
			  vhdx_bat_place(&s->image->bat, loser->index),
			  "names the space at 0x%llx, as does BAT entry %llu, which is taken for its owner",
			  loser->offset, owner->index);
}

/*
 * Claims that begin before the end of the first one's space. If two claims are
 * equally likely, the first wins: QEMU repeats an entry behind its place.
 */
static u32 settle_group(struct survey *s, u32 first)
{
	struct claim *claims = s->claims;
	u64 end = claims[first].offset + claims[first].length;
	u32 last = first, owner = first, i;

	for (; last < s->count && claims[last].offset < end; last++)
		if (claims[last].score > claims[owner].score)
			owner = last;
	for (i = first; i < last; i++) {
		if (i == owner)
			continue;
		s->salvage->losers[s->salvage->loser_count++] =
			claims[i].index;
		tell(s, &claims[owner], &claims[i]);
	}
	return last;
}

static int settle(struct survey *s)
{
	struct vhdx_salvage *salvage = s->salvage;
	u32 i;
	int r = 0;

	for (i = 0; i < s->count && !r; i++)
		r = score(s, &s->claims[i]);
	if (r)
		return r;
	salvage->losers = kvmalloc_array(s->count, sizeof(*salvage->losers),
					 GFP_KERNEL);
	if (!salvage->losers)
		return -ENOMEM;
	sort(s->claims, s->count, sizeof(*s->claims), compare_claim, NULL);
	for (i = 0; i < s->count;)
		i = settle_group(s, i);
	sort(salvage->losers, salvage->loser_count, sizeof(*salvage->losers),
	     compare_index, NULL);
	if (salvage->loser_count > CLAIMS_NAMED || s->dropped)
		vhdx_find(salvage->report, VHDX_WARN,
			  VHDX_AT("BAT region", s->image->bat.offset),
			  "%llu blocks name the space of another one and are lost",
			  salvage->loser_count + s->dropped);
	if (s->dropped) {
		salvage->contested = s->shared;
		salvage->contested_units = s->units;
		salvage->contested_from = s->dropped_from;
		s->shared = NULL;
	}
	return 0;
}

/* Does the file have space for a block that no entry names? */
static bool has_orphans(const struct survey *s)
{
	const struct vhdx_regions *regions = &s->image->regions;
	u64 known = s->taken << VHDX_ALIGN_SHIFT;
	u32 i;

	for (i = 0; i < regions->count; i++)
		known += regions->all[i].length;
	return known + vhdx_bat_block_size(&s->image->bat) <=
	       s->salvage->mend.below->size;
}

static int survey(struct survey *s)
{
	int r = 0;

	if (!s->image->bat.differencing)
		r = for_entries(s, look_for_stray);
	s->salvage->mend.context = s->salvage;
	s->salvage->mend.revise = revise;
	s->index = U64_MAX;
	if (!r)
		r = for_entries(s, mark);
	s->salvage->orphans = has_orphans(s);
	s->index = U64_MAX;
	if (!r && find_next_bit(s->shared, s->units, 0) < s->units)
		r = for_entries(s, collect);
	return r || !s->count ? r : settle(s);
}

/**
 * vhdx_salvage_claims() - find the owners of space that several blocks claim
 * @salvage: the damaged image, mended; its BAT reads corrected from now on
 * @image: the same, open, of which no page has been loaded
 *
 * Memory is bounded by the length of the file, a bit for each MiB, and by
 * CLAIMS_MAX.
 *
 * Context: may sleep.
 * Return: 0; -ENOMEM; or what the progress returned.
 */
int vhdx_salvage_claims(struct vhdx_salvage *salvage, struct vhdx_image *image)
{
	struct survey s = {
		.salvage = salvage,
		.image = image,
		.index = U64_MAX,
		.units = DIV_ROUND_UP_ULL(image->limits.file_size, VHDX_MIB),
	};
	size_t words = BITS_TO_LONGS(s.units);
	int r = -ENOMEM;

	s.page = kmalloc(VHDX_PAGE, GFP_KERNEL);
	s.owned = kvcalloc(words, sizeof(long), GFP_KERNEL);
	s.shared = kvcalloc(words, sizeof(long), GFP_KERNEL);
	s.claims = kvmalloc_array(CLAIMS_MAX, sizeof(*s.claims), GFP_KERNEL);
	if (s.page && s.owned && s.shared && s.claims)
		r = survey(&s);
	kvfree(s.claims);
	kvfree(s.shared);
	kvfree(s.owned);
	kfree(s.page);
	return r;
}
