/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the engine uses, and its bounds: memory, reads, bytes moved. And what
 * goes wrong around it: a read or an allocation that fails.
 *
 * A phase is a piece of work with one bound, such as the opening of one image.
 *
 * meter.c APIs:
 *   meter_store()	a store over one file of the input
 *   meter_read()	is this read as it should be?
 *   meter_reset()	a new input: forget all, set up the failures
 *   meter_fail()	other failures
 *   meter_begin()	a phase begins
 *   meter_end()	it has ended: was it within its bound?
 *   meter_pause()	what follows is the harness's own
 *   meter_spare()	nothing of what follows fails
 *   meter_leak()	is anything left behind?
 *   meter_failed()	did one of the failures happen?
 */
#ifndef FUZZ_METER_H
#define FUZZ_METER_H

#include "input.h"
#include "store.h"

/**
 * struct meter_store - a store over one file
 * @store: what the engine sees
 * @layer: the file
 */
struct meter_store {
	struct vhdx_store store;
	const struct fuzz_layer *layer;
};

/**
 * struct meter_bound - how much a phase may use, in bytes
 * @memory: held at once, above what was held before it
 * @reads: from the stores
 * @work: copied or cleared
 */
struct meter_bound {
	u64 memory;
	u64 reads;
	u64 work;
};

/* Which of the events from now on fails; 0 for none. */
struct meter_failures {
	u64 read;
	u64 alloc;
};

void meter_store(struct meter_store *store, const struct fuzz_layer *layer);
int meter_read(u64 pos, const void *buf, size_t len);
void meter_reset(const struct meter_failures *failures);
bool meter_fail(const struct meter_failures *failures);
void meter_begin(const char *phase, const struct meter_bound *bound);
void meter_end(void);
void meter_pause(bool pause);
void meter_spare(bool spare);
long long meter_leak(void);
bool meter_failed(void);

#endif /* FUZZ_METER_H */
