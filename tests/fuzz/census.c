// SPDX-License-Identifier: GPL-2.0-only
#include "census.h"
#include "meter.h"
#include "verdict.h"

/* More than this is left to checks that are stopped: it only takes time. */
#define ENTRIES_MAX	24576ULL
/* And the reference compares each block with every other one. */
#define COUNTED_MAX	2048ULL

#define STOPPED		77

struct stopper {
	struct vhdx_progress progress;
	u64 at;
};

static int step(struct vhdx_progress *progress, u64 done, u64 total)
{
	struct stopper *stopper = container_of(progress, struct stopper,
					       progress);

	FUZZ_CHECK(done <= total, "%llu of %llu entries", done, total);
	return done >= stopper->at ? STOPPED : 0;
}

/* Counts one entry; returns the space that it takes, 0 for none. */
static u64 count_entry(const struct reference *ref, u64 index, u64 *start,
		       struct vhdx_census *want)
{
	u64 ratio = reference_ratio(ref);
	u64 blocks = (ref->disk_size + ref->block_size - 1) / ref->block_size;
	u64 block = index - index / (ratio + 1);
	bool payload = index % (ratio + 1) != ratio;
	u64 entry = reference_entry(ref, index);
	u64 bitmap = index / (ratio + 1) * (ratio + 1) + ratio;

	*start = entry >> 20 << 20;
	if (payload ? block >= blocks : !ref->child)
		return 0;
	if (payload)
		want->payload[entry & 7]++;
	if (reference_entry_bad(ref, index, payload, block)) {
		want->faulty++;
		return 0;
	}
	/* An anchor keeps the old space for the block. */
	if (payload && *start && ((entry & 7) == 1 || (entry & 7) == 3))
		return ref->block_size;
	if ((entry & 7) < 6)
		return 0;
	want->allocated += payload ? ref->block_size : 1 << 20;
	want->bitmaps += !payload;
	if (payload && (entry & 7) == 7 && ref->child &&
	    (reference_entry(ref, bitmap) & 7) != 6)
		want->faulty++;
	return payload ? ref->block_size : 1 << 20;
}

/* The reference's census: every block against every one before it. */
static void count(const struct reference *ref, u64 entries,
		  struct vhdx_census *want)
{
	static u64 spaces[COUNTED_MAX][2];
	u32 used = 0;
	u64 index;
	u32 i;

	memset(want, 0, sizeof(*want));
	for (index = 0; index < entries; index++) {
		u64 start;
		u64 length = count_entry(ref, index, &start, want);

		if (!length)
			continue;
		for (i = 0; i < used; i++)
			if (start < spaces[i][1] &&
			    spaces[i][0] < min(start + length, ref->length))
				break;
		want->overlaps += i < used;
		spaces[used][0] = start;
		spaces[used++][1] = min(start + length, ref->length);
	}
}

static void compare(const struct vhdx_census *got,
		    const struct vhdx_census *want)
{
	u32 state;

	for (state = 0; state < 8; state++)
		FUZZ_CHECK(got->payload[state] == want->payload[state],
			   "%llu blocks in state %u, should be %llu",
			   got->payload[state], state, want->payload[state]);
	FUZZ_CHECK(got->bitmaps == want->bitmaps &&
		   got->faulty == want->faulty &&
		   got->overlaps == want->overlaps &&
		   got->allocated == want->allocated,
		   "bitmaps %llu faulty %llu overlaps %llu allocated 0x%llx, should be %llu %llu %llu 0x%llx",
		   got->bitmaps, got->faulty, got->overlaps, got->allocated,
		   want->bitmaps, want->faulty, want->overlaps,
		   want->allocated);
}

/**
 * census_check() - run vhdx_check_blocks() and compare
 * @image: to check
 * @ref: what the reference makes of it, NULL if a failure was asked for
 * @log_length: bytes
 * @stop: stop it in the middle
 * @report: where findings go
 *
 * The BAT is to be read a small number of times over, however it looks.
 */
void census_check(struct vhdx_image *image, const struct reference *ref,
		  u64 log_length, bool stop, struct vhdx_report *report)
{
	u64 entries = image->bat.entries;
	struct stopper stopper = { .progress.step = step, .at = U64_MAX };
	u64 batches = min(entries, 2 * ENTRIES_MAX) / 8192 + 1;
	u64 chunks = (image->limits.file_size >> VHDX_ALIGN_SHIFT >>
		      VHDX_SPACE_CHUNK_SHIFT) + 1;
	struct meter_bound bound = {
		.memory = VHDX_MIB + chunks * sizeof(struct vhdx_space_chunk),
		.reads = 64 * batches * (64 * VHDX_KIB + log_length),
	};
	struct vhdx_census got, want;
	int r;

	bound.work = VHDX_MIB + 4 * bound.reads;
	if (stop)
		stopper.at = entries / 2;
	else if (entries > ENTRIES_MAX)
		stopper.at = ENTRIES_MAX;
	meter_begin("the whole-image check", &bound);
	r = vhdx_check_blocks(image, &got, &stopper.progress, report);
	meter_end();
	if (!ref) {
		FUZZ_CHECK(!r || r == STOPPED || r == -EIO || r == -ENOMEM,
			   "the check returns %d", r);
		return;
	}
	FUZZ_CHECK(r == (stopper.at == U64_MAX ? 0 : STOPPED),
		   "the check returns %d", r);
	if (r || entries > COUNTED_MAX)
		return;
	count(ref, entries, &want);
	compare(&got, &want);
}
