// SPDX-License-Identifier: GPL-2.0-only
#include "meter.h"
#include "verdict.h"
#include "walk.h"

#define SMALL_DISK	(4 * VHDX_MIB)
#define READ_MAX	(256 * VHDX_KIB)

static u64 sector_size(const struct walk *walk)
{
	return 1ULL << walk->chain->layer[0]->bat.sector_shift;
}

/**
 * walk_begin() - a phase begins
 * @walk: the chain
 * @phase: its name
 * @len: bytes that will be read; 0 for a lookup
 *
 * A page that is missed costs its own read, and that of one page of the log,
 * however often the log changes it. Each sector may come from another layer
 * than its neighbours, and is then read by itself.
 */
void walk_begin(const struct walk *walk, const char *phase, u64 len)
{
	u64 pages = 16 * walk->chain->depth + 2 * len / sector_size(walk);
	struct meter_bound bound = {
		.memory = VHDX_MIB + 2 * len,
		.reads = 2 * pages * VHDX_PAGE,
		.work = VHDX_MIB + 4 * pages * VHDX_PAGE,
	};

	meter_begin(phase, &bound);
}

/* Maps, and brings in what is missed. A miss is not for ever. */
static int map(const struct walk *walk, u64 pos, u64 len, struct vhdx_run *run)
{
	u32 patience = 4 * walk->chain->depth;
	struct vhdx_miss miss;
	int r;

	walk_begin(walk, "a lookup", 0);
	while ((r = vhdx_chain_map(walk->chain, pos, len, run, &miss)) ==
	       -EAGAIN) {
		FUZZ_CHECK(patience--, "0x%llx misses for ever", pos);
		r = vhdx_image_load(&miss);
		if (r)
			break;
	}
	meter_end();
	return r;
}

/* What holds for every run, whatever the image says. */
static void check_form(const struct walk *walk, u64 pos, u64 len,
		       const struct vhdx_run *run)
{
	u64 sector = sector_size(walk);
	const struct vhdx_image *image;

	FUZZ_CHECK(run->length && run->length <= len &&
		   IS_ALIGNED(run->length, sector),
		   "0x%llx of 0x%llx bytes at 0x%llx", run->length, len, pos);
	if (run->kind == VHDX_RUN_ZERO)
		return;
	FUZZ_CHECK(run->layer < walk->chain->depth, "layer %u", run->layer);
	image = walk->chain->layer[run->layer];
	FUZZ_CHECK(IS_ALIGNED(run->offset, sector), "offset 0x%llx",
		   run->offset);
	FUZZ_CHECK(!vhdx_regions_hit(&image->regions, run->offset, run->length),
		   "0x%llx bytes at 0x%llx lie in a structure", run->length,
		   run->offset);
	FUZZ_CHECK(run->kind != VHDX_RUN_DATA ||
		   (run->offset < image->store->size &&
		    run->length <= image->store->size - run->offset),
		   "0x%llx bytes at 0x%llx of 0x%llx", run->length, run->offset,
		   image->store->size);
}

/* What kind of run the reference would make of a sector in a file. */
static enum vhdx_run_kind wanted_kind(const struct walk *walk,
				      const struct reference_answer *answer)
{
	const struct reference *ref = &walk->refs[answer->layer];

	if (reference_changed(ref, answer->offset))
		return VHDX_RUN_COPY;
	if (answer->offset >= ref->file->size)
		return VHDX_RUN_ZERO;
	return answer->offset + ref->sector_size > ref->file->size ?
	       VHDX_RUN_COPY : VHDX_RUN_DATA;
}

/* One sector of a run that begins at @pos. */
static void check_sector(const struct walk *walk, const struct vhdx_run *run,
			 u64 pos, u64 sector)
{
	enum vhdx_run_kind kind = VHDX_RUN_ZERO;
	struct reference_answer answer;

	answer = reference_sector(walk->refs, walk->chain->depth, sector);
	FUZZ_CHECK(answer.kind != REFERENCE_BAD,
		   "0x%llx is mapped, but its BAT entry is bad", sector);
	if (answer.kind == REFERENCE_HERE)
		kind = wanted_kind(walk, &answer);
	FUZZ_CHECK(run->kind == kind, "0x%llx is of kind %d, should be %d",
		   sector, run->kind, kind);
	if (kind == VHDX_RUN_ZERO)
		return;
	FUZZ_CHECK(run->layer == answer.layer &&
		   run->offset + (sector - pos) == answer.offset,
		   "0x%llx lies at 0x%llx of layer %u, should be 0x%llx of %u",
		   sector, run->offset + (sector - pos), run->layer,
		   answer.offset, answer.layer);
}

/* A run's first and last sector, and some between, or all of them. */
static void check_run(const struct walk *walk, u64 pos,
		      const struct vhdx_run *run, u32 most)
{
	u64 size = sector_size(walk);
	u64 sectors = run->length / size;
	u64 i;

	if (!walk->refs)
		return;
	if (sectors <= most) {
		for (i = 0; i < sectors; i++)
			check_sector(walk, run, pos, pos + i * size);
		return;
	}
	check_sector(walk, run, pos, pos);
	check_sector(walk, run, pos, pos + run->length - size);
	for (i = 2; i < most; i++)
		check_sector(walk, run, pos,
			     pos + size * random_below(walk->random, sectors));
}

static void check_failure(const struct walk *walk, u64 pos, int err)
{
	struct reference_answer answer;

	FUZZ_CHECK(err == -EIO || (!walk->refs && err == -ENOMEM),
		   "mapping 0x%llx fails with %d", pos, err);
	if (!walk->refs)
		return;
	answer = reference_sector(walk->refs, walk->chain->depth, pos);
	FUZZ_CHECK(answer.kind == REFERENCE_BAD,
		   "0x%llx cannot be mapped, though nothing is wrong with it",
		   pos);
}

/* Maps a range run by run; returns false if it meets a bad entry. */
static bool map_range(const struct walk *walk, u64 pos, u64 len, u32 runs,
		      u32 most)
{
	struct vhdx_run run;
	int r;

	while (len && runs--) {
		r = map(walk, pos, len, &run);
		if (r) {
			check_failure(walk, pos, r);
			return false;
		}
		check_form(walk, pos, len, &run);
		check_run(walk, pos, &run, most);
		pos += run.length;
		len -= run.length;
	}
	return true;
}

/* The reference's bytes of one sector. */
static void wanted_bytes(const struct walk *walk, u64 pos, u8 *buf)
{
	struct reference_answer answer;
	u32 size = sector_size(walk);

	answer = reference_sector(walk->refs, walk->chain->depth, pos);
	if (answer.kind == REFERENCE_HERE)
		reference_read(&walk->refs[answer.layer], answer.offset, buf,
			       size);
	else
		memset(buf, 0, size);
}

static void read_range(const struct walk *walk, u64 pos, u64 len, bool good)
{
	static u64 words[READ_MAX / 8 + 1];
	u8 *buf = (u8 *)words;
	u64 size = sector_size(walk);
	u8 wanted[4096];
	u64 done;
	int r;

	memset(buf, 0xa5, len + 8);
	walk_begin(walk, "a read", len);
	r = vhdx_chain_read(walk->chain, pos, buf, len);
	meter_end();
	FUZZ_CHECK(buf[len] == 0xa5, "a read wrote past its end");
	if (!walk->refs) {
		FUZZ_CHECK(!r || r == -EIO || r == -ENOMEM, "%d", r);
		return;
	}
	FUZZ_CHECK(r == (good ? 0 : -EIO), "reading 0x%llx bytes at 0x%llx: %d",
		   len, pos, r);
	for (done = 0; done < len && !r; done += size) {
		wanted_bytes(walk, pos + done, wanted);
		FUZZ_CHECK(!memcmp(buf + done, wanted, size),
			   "the sector at 0x%llx reads wrong", pos + done);
	}
}

/* The position that an extent over the BAT speaks of, or any. */
static u64 position_of_extent(const struct walk *walk, u32 layer)
{
	const struct fuzz_layer *file = &walk->files[layer];
	const struct vhdx_bat *bat = &walk->chain->layer[layer]->bat;
	const struct fuzz_extent *extent;
	u64 entry, number, span;

	if (!file->count)
		return 0;
	extent = &file->extent[random_below(walk->random, file->count)];
	if (extent->offset < bat->offset ||
	    extent->offset - bat->offset >= 8 * bat->entries)
		return random_next(walk->random);
	entry = (extent->offset - bat->offset) / 8 +
		random_below(walk->random, extent->length / 8);
	span = vhdx_bat_entry_at(bat, entry, &number) ?
	       bat->block_shift : bat->block_shift + bat->ratio_shift;
	return number << span;
}

static u64 choose_edge(const struct walk *walk)
{
	u32 layer = random_below(walk->random, walk->chain->depth);
	const struct vhdx_bat *bat = &walk->chain->layer[layer]->bat;
	u64 chunk = 1ULL << (bat->block_shift + bat->ratio_shift);

	switch (random_below(walk->random, 8)) {
	case 0:
		return 0;
	case 1:
		return bat->size;
	case 2:
		return walk->chain->size;
	case 3:
		return chunk * random_below(walk->random, bat->chunks + 1);
	case 4:
		return random_below(walk->random, walk->chain->size);
	case 5:
	case 6:
		return position_of_extent(walk, layer);
	default:
		return random_below(walk->random, bat->blocks + 1) <<
		       bat->block_shift;
	}
}

/**
 * walk_range() - choose a range near an edge of something
 * @walk: the chain
 * @most: sectors that it may have
 * @len: gets its bytes
 *
 * Return: where it begins on the virtual disk, inside which it is.
 */
u64 walk_range(const struct walk *walk, u64 most, u64 *len)
{
	u64 size = sector_size(walk);
	u64 sectors = walk->chain->size / size;
	u64 start = choose_edge(walk) / size;
	u64 back = random_below(walk->random, 12);

	*len = 1 + random_below(walk->random, most);
	start = start > back ? start - back : 0;
	start = min(start, sectors - 1);
	*len = min(*len, sectors - start) * size;
	return start * size;
}

static void disturb_pools(const struct walk *walk)
{
	u32 layer = random_below(walk->random, walk->chain->depth);
	struct vhdx_pool *pool = &walk->chain->layer[layer]->pool;
	unsigned long limit = 1 + random_below(walk->random, 12);

	meter_pause(false);
	if (random_once_in(walk->random, 2))
		vhdx_pool_shrink(pool, limit);
	else
		vhdx_pool_set_limit(pool, limit);
	meter_pause(true);
	FUZZ_CHECK(pool->resident <= pool->limit, "%lu pages of %lu",
		   pool->resident, pool->limit);
}

/**
 * walk_chain() - map and read ranges of a chain
 * @walk: the chain
 *
 * Short ranges are held against the reference sector by sector, long ones at
 * the edges of runs; small disks are now and then walked from end to end.
 */
void walk_chain(struct walk *walk)
{
	u64 size = walk->chain->size;
	u64 pos, len;
	bool good;
	u32 i;

	for (i = 0; i < 8; i++) {
		pos = walk_range(walk, 32, &len);
		good = map_range(walk, pos, len, U32_MAX, 32);
		if (random_once_in(walk->random, 2))
			read_range(walk, pos, len, good);
		if (random_once_in(walk->random, 4))
			disturb_pools(walk);
	}
	for (i = 0; i < 4; i++) {
		pos = walk_range(walk, 1 << 20, &len);
		map_range(walk, pos, len, 24, 3);
	}
	if (random_once_in(walk->random, 8)) {
		pos = walk_range(walk, READ_MAX / sector_size(walk), &len);
		good = map_range(walk, pos, len, U32_MAX, 4);
		read_range(walk, pos, len, good);
	}
	if (size <= SMALL_DISK && random_once_in(walk->random, 16))
		map_range(walk, 0, size, U32_MAX, 64);
}
