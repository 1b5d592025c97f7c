/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gate: it admits one thread at a time to the engine.
 *
 * kernel-shim.h gives the engine no locks, so each caller of the engine holds
 * the gate's mutex. The gate is a store in front of the image's own. It drops
 * the mutex while it reads, writes or flushes. The engine permits that: in the
 * kernel, too, it holds no lock there, and other tasks call it meanwhile.
 *
 * gate.c APIs:
 *   gate_stand_before()	put the gate in front of an image's store
 */
#ifndef GATE_H
#define GATE_H

#include <pthread.h>

#include "image.h"

/**
 * struct gate - the gate of one image
 * @store: the store that the engine uses
 * @ops: operations of @store: those that @below has
 * @below: the image's own store
 * @lock: mutex of the thread in the engine; all images of a chain share it
 */
struct gate {
	struct vhdx_store store;
	struct vhdx_store_ops ops;
	struct vhdx_store *below;
	pthread_mutex_t *lock;
};

void gate_stand_before(struct gate *gate, struct vhdx_image *image,
		       pthread_mutex_t *lock);

#endif /* GATE_H */
