/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A second reader of VHDX, slow and plain, written from [MS-VHDX] and sharing
 * nothing with the engine but constants and the layouts of format.h: where do
 * both say that a sector lies?
 *
 * It is asked about files that the engine has accepted, and refuses what must
 * be refused: then the engine should have done so too.
 *
 * reference-log.c APIs:
 *   reference_replay()		find the active sequence, list what it changes
 * reference-rules.c APIs:
 *   reference_places()		can objects be where they are?
 *   reference_rules()		is there a reason to refuse a file?
 * reference.c APIs:
 *   reference_open()		understand one file
 *   reference_close()
 *   reference_read()		its bytes after replay
 *   reference_changed()	does the log change a byte?
 *   reference_sector()		where a sector of a chain lies
 *   reference_entry()		an entry of the BAT
 *   reference_entry_bad()	is it one that cannot be used?
 *   reference_ratio()		payload blocks to a chunk
 */
#ifndef FUZZ_REFERENCE_H
#define FUZZ_REFERENCE_H

#include "format.h"
#include "input.h"

#define REFERENCE_PLACES_MAX	2049U

/* One descriptor of the log: the later one counts. */
struct reference_change {
	u64 start;
	u64 length;
	bool zero;
	u64 source;		/* of the data sector, in the file */
	u8 first[8];
	u8 last[4];
};

/**
 * struct reference - one file, understood
 * @file: its bytes
 * @log_base: byte offset of the log
 * @log_length: bytes; 0 if there is none
 * @log_guid: of the entries that count
 * @changes: of the log
 * @change_count: how many
 * @length: of the file after replay, in bytes
 * @places: header section, log and regions: start and length
 * @place_count: how many
 * @bat: byte offset of the BAT region
 * @disk_size: bytes
 * @block_size: bytes
 * @sector_size: bytes
 * @child: it has a parent
 */
struct reference {
	const struct fuzz_layer *file;
	u64 log_base;
	u64 log_length;
	u8 log_guid[16];
	struct reference_change *changes;
	u32 change_count;
	u64 length;
	u64 places[REFERENCE_PLACES_MAX][2];
	u32 place_count;
	u64 bat;
	u64 disk_size;
	u64 block_size;
	u64 sector_size;
	bool child;
};

/**
 * enum reference_kind - where a sector lies
 * @REFERENCE_ZERO: nowhere
 * @REFERENCE_HERE: in a file
 * @REFERENCE_BAD: a BAT entry cannot be
 */
enum reference_kind {
	REFERENCE_ZERO,
	REFERENCE_HERE,
	REFERENCE_BAD,
};

/**
 * struct reference_answer - where a sector lies
 * @kind: in general
 * @layer: in which file
 * @offset: at which byte of it
 */
struct reference_answer {
	enum reference_kind kind;
	u32 layer;
	u64 offset;
};

u32 reference_crc(u32 crc, const u8 *bytes, size_t len);
bool reference_replay(struct reference *ref);
bool reference_places(const struct reference *ref);
bool reference_rules(const struct reference *ref, const u64 metadata[2],
		     u64 bat_length);

bool reference_open(struct reference *ref, const struct fuzz_layer *file);
void reference_close(struct reference *ref);
void reference_read(const struct reference *ref, u64 pos, void *buf, u32 len);
bool reference_changed(const struct reference *ref, u64 pos);
struct reference_answer reference_sector(const struct reference *chain,
					 u32 depth, u64 pos);
bool reference_entry_bad(const struct reference *ref, u64 index, bool payload,
			 u64 number);
u64 reference_entry(const struct reference *ref, u64 index);
u64 reference_ratio(const struct reference *ref);

#endif /* FUZZ_REFERENCE_H */
