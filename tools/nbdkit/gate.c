// SPDX-License-Identifier: GPL-2.0-only
#include "gate.h"

static struct gate *leave(struct vhdx_store *store)
{
	struct gate *gate = container_of(store, struct gate, store);

	pthread_mutex_unlock(gate->lock);
	return gate;
}

/* The engine reads the length under the mutex, so change it there. */
static int come_back(struct gate *gate, int err)
{
	pthread_mutex_lock(gate->lock);
	gate->store.size = __atomic_load_n(&gate->below->size,
					   __ATOMIC_RELAXED);
	return err;
}

static int gate_read(struct vhdx_store *store, u64 pos, void *buf, size_t len)
{
	struct gate *gate = leave(store);

	return come_back(gate, gate->below->ops->read(gate->below, pos, buf,
						      len));
}

static int gate_write(struct vhdx_store *store, u64 pos, const void *buf,
		      size_t len)
{
	struct gate *gate = leave(store);

	return come_back(gate, gate->below->ops->write(gate->below, pos, buf,
						       len));
}

static int gate_flush(struct vhdx_store *store)
{
	struct gate *gate = leave(store);

	return come_back(gate, gate->below->ops->flush(gate->below));
}

static int gate_lengthen(struct vhdx_store *store, u64 size)
{
	struct gate *gate = leave(store);

	return come_back(gate, gate->below->ops->lengthen(gate->below, size));
}

static int gate_extend(struct vhdx_store *store, u64 size)
{
	struct gate *gate = leave(store);

	return come_back(gate, gate->below->ops->extend(gate->below, size));
}

/* Shorten first: a lookup meanwhile must not find bytes that are cut off. */
static int gate_truncate(struct vhdx_store *store, u64 size)
{
	struct gate *gate = container_of(store, struct gate, store);

	store->size = min(store->size, size);
	leave(store);
	return come_back(gate, gate->below->ops->truncate(gate->below, size));
}

static int gate_zero(struct vhdx_store *store, u64 pos, u64 len)
{
	struct gate *gate = leave(store);

	return come_back(gate, gate->below->ops->zero(gate->below, pos, len));
}

static int gate_reserve(struct vhdx_store *store, u64 pos, u64 len)
{
	struct gate *gate = leave(store);

	return come_back(gate, gate->below->ops->reserve(gate->below, pos,
							 len));
}

static int gate_discard(struct vhdx_store *store, u64 pos, u64 len)
{
	struct gate *gate = leave(store);

	return come_back(gate, gate->below->ops->discard(gate->below, pos,
							 len));
}

static const struct vhdx_store_ops gate_ops = {
	.read = gate_read,
	.write = gate_write,
	.flush = gate_flush,
	.lengthen = gate_lengthen,
	.extend = gate_extend,
	.truncate = gate_truncate,
	.zero = gate_zero,
	.reserve = gate_reserve,
	.discard = gate_discard,
};

/**
 * gate_stand_before() - put the gate in front of an image's store
 * @gate: filled in; outlives the image
 * @image: the open image, which one thread has used so far
 * @lock: mutex that each caller of the engine holds from now on
 */
void gate_stand_before(struct gate *gate, struct vhdx_image *image,
		       pthread_mutex_t *lock)
{
	*gate = (struct gate){
		.store = { .ops = &gate->ops, .size = image->store->size },
		.ops = gate_ops,
		.below = image->store,
		.lock = lock,
	};
	/*
	 * The engine tests whether this pointer is set before it reserves
	 * space.
	 */
	if (!gate->below->ops->reserve)
		gate->ops.reserve = NULL;
	image->store = &gate->store;
}
