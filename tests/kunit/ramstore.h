/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A store in RAM, for the suites: sparse, so that an image of 64 TiB costs a
 * few pages; strict, so that a read which breaks the rules of struct
 * vhdx_store_ops fails; and with faults that a test can place. A read that
 * fails leaves garbage behind.
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
 *   ram_store_mend()		no read fails any more
 */
#ifndef VHDX_TEST_RAMSTORE_H
#define VHDX_TEST_RAMSTORE_H

#include "store.h"

#define RAM_STORE_BUCKETS 256U

struct ram_page;

/**
 * struct ram_store - bytes in memory
 * @store: what the engine sees; a write extends its size
 * @bucket: pages that were written, by a hash of their number
 * @reads: reads by the engine so far
 * @bytes: that it read so far
 * @break_start: first byte of the range that cannot be read
 * @break_end: the byte behind it
 * @break_read: the value of @reads, after counting, at which a read fails
 * @error: what such a read returns
 * @broken: a negative errno if the store itself ran out of memory
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
void ram_store_mend(struct ram_store *ram);

#endif /* VHDX_TEST_RAMSTORE_H */
