/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer's input: a chain of VHDX files in a few KiB.
 *
 * A real image is tens of MB of which a reader looks at a few pages, so an
 * input lists only what is not zero. All numbers are little-endian:
 *
 *	"vfz1", u8 repair, u8 run, u8 pool, u8 layers, u32 seed
 *	a layer, child first:	u64 file length, u32 number of extents
 *	an extent:		u64 file offset, u32 length, u32 stored,
 *				then that many bytes, repeated over its length
 *
 * Later extents lie over earlier ones; all else is zeros. What cannot be is
 * cut to what can, so that every input that begins right means something.
 *
 * input.c APIs:
 *   fuzz_input_parse()		bytes -> chain
 *   fuzz_input_write()		chain -> bytes
 *   fuzz_layer_read()		the bytes of one file
 *   fuzz_layer_write()		change them
 *   fuzz_layer_add()		put an extent over them
 *   fuzz_layer_drop()		take an extent away
 *   fuzz_layer_changed()	it was changed in another way
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include "kernel-shim.h"

#define FUZZ_LAYERS_MAX		3U
#define FUZZ_EXTENTS_MAX	2048U
#define FUZZ_EXTENTS_PARSED	1024U
#define FUZZ_EXTENT_LENGTH_MAX	(4U << 20)
#define FUZZ_ARENA		(512U << 10)

/* What the harness puts right before the engine sees the files. */
#define FUZZ_REPAIR_HEADERS	0x01U
#define FUZZ_REPAIR_REGIONS	0x02U
#define FUZZ_REPAIR_LOG_SUM	0x04U	/* checksums of log entries */
#define FUZZ_REPAIR_LOG_GUID	0x08U	/* entries belong to the header's log */
#define FUZZ_REPAIR_LOG_LENGTH	0x10U	/* of entries, from their descriptors */
#define FUZZ_REPAIR_LOG_SEQ	0x20U	/* sequence numbers inside an entry */
#define FUZZ_REPAIR_ALL		0x3fU

/* What the harness does with them. */
#define FUZZ_RUN_STRICT_ID	0x01U	/* parents must be the right ones */
#define FUZZ_RUN_READ_FAILS	0x02U	/* one read of a store fails */
#define FUZZ_RUN_ALLOC_FAILS	0x04U	/* one allocation fails */
#define FUZZ_RUN_CHECK_STOPS	0x08U	/* the whole-image check is stopped */
#define FUZZ_RUN_ONLY_READS	0x10U	/* nothing is written */

/**
 * struct fuzz_extent - a part of a file that is not zero
 * @offset: byte offset in the file
 * @length: bytes
 * @stored: how many of them are stored; they repeat
 * @bytes: these, in the input's arena
 */
struct fuzz_extent {
	u64 offset;
	u32 length;
	u32 stored;
	u8 *bytes;
};

/**
 * struct fuzz_layer - one file
 * @size: its length in bytes
 * @count: how many extents
 * @extent: later ones lie over earlier ones
 */
struct fuzz_layer {
	u64 size;
	u32 count;
	struct fuzz_extent extent[FUZZ_EXTENTS_MAX];
};

/**
 * struct fuzz_input - a chain, and how to treat it
 * @repair: FUZZ_REPAIR_*
 * @run: FUZZ_RUN_*
 * @pool: pages of the pools
 * @seed: of all choices that the harness makes
 * @layers: how many files
 * @layer: these, child first
 * @used: bytes of the arena in use
 * @arena: what the extents store
 */
struct fuzz_input {
	u8 repair;
	u8 run;
	u8 pool;
	u32 seed;
	u32 layers;
	struct fuzz_layer layer[FUZZ_LAYERS_MAX];
	u32 used;
	u8 arena[FUZZ_ARENA];
};

bool fuzz_input_parse(struct fuzz_input *input, const u8 *data, size_t size);
size_t fuzz_input_write(const struct fuzz_input *input, u8 *data, size_t room);

void fuzz_layer_read(const struct fuzz_layer *layer, u64 pos, void *buf,
		     size_t len);
bool fuzz_layer_write(struct fuzz_input *input, struct fuzz_layer *layer,
		      u64 pos, const void *bytes, u32 len);
bool fuzz_layer_add(struct fuzz_input *input, struct fuzz_layer *layer,
		    u64 pos, u32 length, const void *bytes, u32 stored);
void fuzz_layer_drop(struct fuzz_layer *layer, u32 index);
void fuzz_layer_changed(void);

/* Little-endian numbers of 1 to 8 bytes in a file. */
static inline u64 fuzz_layer_get(const struct fuzz_layer *layer, u64 pos,
				 u32 width)
{
	__le64 value = 0;

	fuzz_layer_read(layer, pos, &value, width);
	return le64_to_cpu(value);
}

static inline bool fuzz_layer_put(struct fuzz_input *input,
				  struct fuzz_layer *layer, u64 pos, u32 width,
				  u64 value)
{
	__le64 disk = cpu_to_le64(value);

	return fuzz_layer_write(input, layer, pos, &disk, width);
}

#endif /* FUZZ_INPUT_H */
