/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An image in the making: what geometry.c and family.c share.
 *
 * geometry.c APIs:
 *   maker_hole()	leave space that nobody owns
 *   maker_absent()	a block that is not present
 *   maker_fill()	payload that is never to be seen
 *   maker_copy()	put the builder's metadata on the disk
 * family.c APIs:
 *   family_choose()	what an image with a parent looks like
 *   family_print()	in words
 *   family_begin()	make the parent, and bitmaps of the child
 *   family_block()	make a block of the child
 *   family_end()	put the bitmaps on the disk
 */
#ifndef SIM_MAKER_H
#define SIM_MAKER_H

#include "builder.h"
#include "geometry.h"

/* Chunks of the largest child. */
#define CHUNKS_MAX 4U

/**
 * struct maker - an image in the making
 * @geometry: what it looks like
 * @builder: of its metadata
 * @disk: where it goes
 * @model: what it shows
 * @random: for what lies where
 * @parent: its parent, if it has one
 * @chunks: how many chunks it has, if it is a child
 * @bits: of each chunk, the bytes of its bitmap; NULL: it has none
 * @place: of each chunk, byte offset of its bitmap; 0: it gets one later
 */
struct maker {
	const struct geometry *geometry;
	struct builder builder;
	struct disk *disk;
	struct model *model;
	struct random random;
	struct parent *parent;
	u32 chunks;
	u8 *bits[CHUNKS_MAX];
	u64 place[CHUNKS_MAX];
};

void maker_hole(struct maker *maker);
void maker_absent(struct maker *maker, u64 block);
void maker_fill(struct maker *maker, u64 pos, u64 length);
void maker_copy(struct disk *disk, const struct builder *builder, u64 end);

void family_choose(struct geometry *geometry, struct random *random, bool many);
void family_print(const struct geometry *geometry);
void family_begin(struct maker *maker);
void family_block(struct maker *maker, u64 block);
void family_end(struct maker *maker);

#endif /* SIM_MAKER_H */
