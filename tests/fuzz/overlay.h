/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A store that can be written, over one file of the input, which stays as it
 * is. It holds every operation to the contract in store.h, and can fail: once,
 * or from some operation on, as when the power goes. What it was told is there
 * at once and in order: what a crash can reorder is the simulator's subject.
 *
 * overlay.c APIs:
 *   overlay_init()	make one
 *   overlay_fail()	an operation to come fails
 *   overlay_mend()	nothing fails any more
 *   overlay_fill()	payload comes, past the engine
 *   overlay_get()	a few bytes, past all failures and bounds
 */
#ifndef FUZZ_OVERLAY_H
#define FUZZ_OVERLAY_H

#include "input.h"
#include "store.h"

#define OVERLAY_PAGES	4096U
#define OVERLAY_FILLS	1024U

/**
 * struct overlay_page - a page that was written
 * @used: it is in use
 * @number: of the page in the file
 * @when: it was written, in operations
 * @bytes: what it holds
 */
struct overlay_page {
	bool used;
	u64 number;
	u64 when;
	u8 bytes[VHDX_PAGE];
};

/**
 * struct overlay_fill - a range that was filled with one byte
 * @start: its first byte
 * @end: the byte behind it
 * @when: it was filled, in operations
 * @byte: what with
 */
struct overlay_fill {
	u64 start;
	u64 end;
	u64 when;
	u8 byte;
};

/**
 * struct overlay - the store
 * @store: what the engine sees
 * @below: the file
 * @now: operations so far
 * @fail_at: the one that fails; 0 for none
 * @dead: all of them fail
 * @stays: from @fail_at on, the store is dead
 * @full: it could not take any more, and had to fail for that
 * @fills: how many of @fill are in use
 * @pages: how many of @page are
 * @fill: in the order in which they came
 * @page: a hash
 */
struct overlay {
	struct vhdx_store store;
	const struct fuzz_layer *below;
	u64 now;
	u64 fail_at;
	bool dead;
	bool stays;
	bool full;
	u32 fills;
	u32 pages;
	struct overlay_fill fill[OVERLAY_FILLS];
	struct overlay_page page[OVERLAY_PAGES];
};

void overlay_init(struct overlay *overlay, const struct fuzz_layer *below);
void overlay_fail(struct overlay *overlay, u64 nth, bool stays);
bool overlay_mend(struct overlay *overlay);
bool overlay_fill(struct overlay *overlay, u64 pos, u64 len, u8 byte);
void overlay_get(const struct overlay *overlay, u64 pos, void *buf, size_t len);

#endif /* FUZZ_OVERLAY_H */
