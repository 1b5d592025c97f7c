/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A store that remembers what may be lost: all that was done to it since the
 * last flush, so that any crash can be had from it, at any moment and as often
 * as wanted.
 *
 * It keeps two disks: the live one, which is what reads see, and the durable
 * one, which a crash leaves for sure. Between the two are the changes: under
 * way, or completed in an order that is kept. The engine's operations are
 * announced while they are under way; that is where the simulator lets other
 * things happen and tries crashes. Payload is written by the simulator itself,
 * in two steps, so that it can be under way for long.
 *
 * recorder.c APIs:
 *   recorder_init()	a store over a disk
 *   recorder_exit()
 *   recorder_write()	payload is on its way
 *   recorder_zero()	so are zeros
 *   recorder_complete()	it has arrived
 *   recorder_flush()	all that has completed becomes durable
 *   recorder_adopt()	the disk is another one now
 *   recorder_mark()	forget what was touched
 */
#ifndef SIM_RECORDER_H
#define SIM_RECORDER_H

#include "disk.h"
#include "store.h"

/* Pages of the two header copies. */
#define HEADER_PAGE(slot) (VHDX_HEADER_OFFSET(slot) / VHDX_PAGE)

enum change_kind {
	CHANGE_WRITE,
	CHANGE_ZERO,
	CHANGE_DISCARD,
	CHANGE_SIZE,
};

/**
 * struct change - something done to the store that may be lost
 * @kind: what
 * @user: payload, rather than something of the engine's
 * @forced: it is durable (FUA)
 * @number: counts the changes of a run
 * @first: its first page
 * @pages: how many
 * @head_mask: sectors of the first page that are written
 * @tail_mask: sectors of the last page that are
 * @size: the new size
 * @seed: what a discard leaves behind
 * @done: when it completed; 0 if it is under way
 * @page: what is written
 */
struct change {
	enum change_kind kind;
	bool user;
	bool forced;
	u32 number;
	u64 first;
	u32 pages;
	u8 head_mask;
	u8 tail_mask;
	u64 size;
	u32 seed;
	u64 done;
	struct page *page[];
};

enum recorder_event {
	EVENT_ISSUED,	/* a change of the engine's is under way */
	EVENT_FLUSHING,	/* a flush is */
	EVENT_FLUSHED,	/* it was */
	EVENT_READ,	/* something was read, and may be old when it is used */
};

/* What was changed since recorder_mark(). */
#define TOUCHED_HEADER	0x1U
#define TOUCHED_OTHER	0x2U
#define TOUCHED_BAT	0x4U	/* or payload: what the virtual disk shows */

/**
 * struct recorder - the store
 * @store: what the engine sees
 * @live: what reads see
 * @durable: what is left after a crash
 * @change: what may be lost: first, in this order, what has completed
 * @count: how many
 * @completed: how many of them have
 * @room: for how many @change has memory
 * @clock: rises with everything that happens
 * @changes: so far
 * @flushes: so far
 * @limit: bytes the store may have; 0: it is a device and stays as it is
 * @bat: first page of the BAT region
 * @bat_end: the page behind it
 * @by_sectors: payload comes through the store, too, in whole sectors
 * @touched: TOUCHED_*, durable
 * @seed: for what discards leave behind
 * @fault: what the engine must not do and did, or NULL
 * @fail_in: operations of the engine's until one fails; 0: none is to
 * @failed: one has
 * @event: told of what happens
 * @owner: for @event
 */
struct recorder {
	struct vhdx_store store;
	struct disk live;
	struct disk durable;
	struct change **change;
	u32 count;
	u32 completed;
	u32 room;
	u64 clock;
	u32 changes;
	u64 flushes;
	u64 limit;
	u64 bat;
	u64 bat_end;
	bool by_sectors;
	u32 touched;
	u64 seed;
	const char *fault;
	u32 fail_in;
	bool failed;
	void (*event)(struct recorder *rec, enum recorder_event event);
	void *owner;
};

void recorder_init(struct recorder *rec, const struct disk *disk, u64 limit,
		   u64 seed);
void recorder_exit(struct recorder *rec);
struct change *recorder_write(struct recorder *rec, u64 pos, u32 sectors,
			      u32 tag);
struct change *recorder_zero(struct recorder *rec, u64 pos, u32 sectors);
void recorder_complete(struct recorder *rec, struct change *change,
		       bool forced);
void recorder_flush(struct recorder *rec);
void recorder_adopt(struct recorder *rec, const struct disk *disk);
void recorder_mark(struct recorder *rec);

struct page *change_page(const struct change *change, u32 i,
			 struct page *before);
u32 change_touches(const struct recorder *rec, const struct change *change);

#endif /* SIM_RECORDER_H */
