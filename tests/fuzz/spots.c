// SPDX-License-Identifier: GPL-2.0-only
#include "meter.h"
#include "spots.h"
#include "verdict.h"

#define SECTOR_MAX	4096U

static u32 sector_size(const struct walk *walk)
{
	return 1U << walk->chain->layer[0]->bat.sector_shift;
}

static struct spot read_spot(const struct walk *walk, u64 pos)
{
	static u64 words[SECTOR_MAX / 8];
	struct spot spot = { .pos = pos };
	u32 size = sector_size(walk);
	int r;

	meter_spare(true);
	walk_begin(walk, "a read", size);
	r = vhdx_chain_read(walk->chain, pos, words, size);
	meter_end();
	meter_spare(false);
	FUZZ_CHECK(!r || r == -EIO, "the sector at 0x%llx: %d", pos, r);
	spot.bad = r;
	spot.sum = r ? 0 : crc32c(~0U, words, size);
	return spot;
}

static void add(struct spots *spots, const struct spot *spot)
{
	if (spots->count < SPOTS_MAX)
		spots->spot[spots->count++] = *spot;
}

/**
 * spots_learn_at() - what one sector reads as
 * @spots: gets it, if there is room; as not durable
 * @walk: the chain
 * @pos: byte offset on the virtual disk, inside it
 */
void spots_learn_at(struct spots *spots, const struct walk *walk, u64 pos)
{
	struct spot spot;
	u32 i;

	pos = ALIGN_DOWN(pos, (u64)sector_size(walk));
	for (i = 0; i < spots->count; i++)
		if (spots->spot[i].pos == pos)
			return;
	spot = read_spot(walk, pos);
	add(spots, &spot);
}

/**
 * spots_learn() - what sectors near edges read as
 * @spots: gets them
 * @walk: the chain
 * @count: how many are chosen
 */
void spots_learn(struct spots *spots, const struct walk *walk, u32 count)
{
	u64 pos, len;

	while (count--) {
		pos = walk_range(walk, 1, &len);
		spots_learn_at(spots, walk, pos);
	}
}

/**
 * spots_unknown() - a range may be anything now
 * @spots: lose what lies in it
 * @pos: byte offset on the virtual disk
 * @len: bytes
 */
void spots_unknown(struct spots *spots, u64 pos, u64 len)
{
	u32 i = 0;

	while (i < spots->count) {
		if (spots->spot[i].pos >= pos && spots->spot[i].pos - pos < len)
			spots->spot[i] = spots->spot[--spots->count];
		else
			i++;
	}
}

/**
 * spots_write() - a range was written with one byte
 * @spots: get its first sector and its last one, if there is room
 * @pos: byte offset on the virtual disk
 * @len: bytes
 * @sector: bytes of a sector
 * @byte: the byte
 */
void spots_write(struct spots *spots, u64 pos, u64 len, u32 sector, u8 byte)
{
	struct spot spot = { .pos = pos };
	u8 bytes[SECTOR_MAX];

	spots_unknown(spots, pos, len);
	memset(bytes, byte, sector);
	spot.sum = crc32c(~0U, bytes, sector);
	add(spots, &spot);
	spot.pos = pos + len - sector;
	if (spot.pos != pos)
		add(spots, &spot);
}

/**
 * spots_durable() - what is known is durable
 * @spots: all of them
 */
void spots_durable(struct spots *spots)
{
	u32 i;

	for (i = 0; i < spots->count; i++)
		spots->spot[i].durable = true;
}

/**
 * spots_crash() - what is not durable is not known
 * @spots: lose it
 */
void spots_crash(struct spots *spots)
{
	u32 i = 0;

	while (i < spots->count) {
		if (!spots->spot[i].durable)
			spots->spot[i] = spots->spot[--spots->count];
		else
			i++;
	}
}

/**
 * spots_check() - does each still read as it should?
 * @spots: what is known
 * @walk: the chain as it is now
 * @when: what was done to it, for who reads the verdict
 */
void spots_check(const struct spots *spots, const struct walk *walk,
		 const char *when)
{
	u32 i;

	for (i = 0; i < spots->count; i++) {
		const struct spot *want = &spots->spot[i];
		struct spot spot = read_spot(walk, want->pos);

		FUZZ_CHECK(spot.bad == want->bad && spot.sum == want->sum,
			   "after %s, the sector at 0x%llx is %08x%s, should be %08x%s",
			   when, spot.pos, spot.sum, spot.bad ? " (bad)" : "",
			   want->sum, want->bad ? " (bad)" : "");
	}
}
