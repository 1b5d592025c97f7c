/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A store in RAM, for the suites: sparse, so that an image of 64 TiB costs a
 * few pages; strict, so that a call which breaks the rules of struct
 * vhdx_store_ops fails; and with faults that a test can place. A read that
 * fails leaves garbage behind; so does a discard. What is done to the store is
 * there at once: what a crash can undo is the simulator's subject.
 *
 * ramstore.c APIs:
 *   ram_store_init()		make an empty store
 *   ram_store_exit()		free its pages
 *   ram_store_write()		change bytes, at any alignment
 *   ram_store_peek()		look at bytes past all faults and counters
 *   ram_store_put()		change a little-endian number
 *   ram_store_get()		look at one
 *   ram_store_break_range()	reads that touch a range fail from now on
 *   ram_store_break_read()	the nth read from now on fails
 *   ram_store_break_op()	the nth call of an operation fails
 *   ram_store_stop_after()	power goes after so many changes
 *   ram_store_mend()		nothing fails any more
 *   ram_store_copy()		make another store alike
 *   ram_store_differs()	where two stores differ first
 *   ram_store_change()	make some of the changes between two stores
 */
#ifndef VHDX_TEST_RAMSTORE_H
#define VHDX_TEST_RAMSTORE_H

#include "store.h"

#define RAM_STORE_BUCKETS 256U

struct ram_page;

/* Operations that change the store, or wait for that. */
enum ram_op {
	RAM_WRITE,
	RAM_FLUSH,
	RAM_LENGTHEN,
	RAM_EXTEND,
	RAM_TRUNCATE,
	RAM_ZERO,
	RAM_DISCARD,
	RAM_OPS,
};

/**
 * struct ram_store - bytes in memory
 * @store: what the engine sees; a write extends its size
 * @bucket: pages that were written, by a hash of their number
 * @reads: reads by the engine so far
 * @bytes: that it read so far
 * @break_start: first byte of the range that cannot be read or zeroed
 * @break_end: the byte behind it
 * @break_read: the value of @reads, after counting, at which a read fails
 * @error: what such a read returns
 * @broken: a negative errno if the store itself ran out of memory
 * @calls: of each operation so far
 * @break_call: the value of @calls, after counting, at which one fails
 * @op_error: what it returns
 * @changes: all of @calls but flushes
 * @stop_at: value of @changes from which on all calls fail; 0 for never
 * @flushed_changes: @changes at the last flush
 * @missing: how many bytes somebody has cut off
 */
struct ram_store {
	struct vhdx_store store;
	struct ram_page *bucket[RAM_STORE_BUCKETS];
	u64 reads;
	u64 bytes;
	u64 break_start;
	u64 break_end;
	u64 break_read;
	int error;
	int broken;
	u64 calls[RAM_OPS];
	u64 break_call[RAM_OPS];
	int op_error[RAM_OPS];
	u64 changes;
	u64 stop_at;
	u64 flushed_changes;
	u64 missing;
};

void ram_store_init(struct ram_store *ram);
void ram_store_exit(struct ram_store *ram);
void ram_store_write(struct ram_store *ram, u64 pos, const void *buf,
		     size_t len);
void ram_store_peek(const struct ram_store *ram, u64 pos, void *buf,
		    size_t len);
void ram_store_put(struct ram_store *ram, u64 pos, u64 value,
		   unsigned int width);
u64 ram_store_get(const struct ram_store *ram, u64 pos, unsigned int width);
void ram_store_break_range(struct ram_store *ram, u64 pos, u64 len, int error);
void ram_store_break_read(struct ram_store *ram, u64 nth, int error);
void ram_store_break_op(struct ram_store *ram, enum ram_op op, u64 nth,
			int error);
void ram_store_stop_after(struct ram_store *ram, u64 changes);
void ram_store_mend(struct ram_store *ram);
void ram_store_copy(struct ram_store *to, const struct ram_store *from);
void ram_store_change(struct ram_store *to, const struct ram_store *before,
		      const struct ram_store *after, u64 keep);
u64 ram_store_differs(const struct ram_store *a, const struct ram_store *b);

#endif /* VHDX_TEST_RAMSTORE_H */
