/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store: the only way the engine reaches an image's bytes.
 *
 * The module has one over a file and one over a block device, userspace one
 * over pread(), the tests one in RAM. The engine reads metadata through it,
 * synchronously and in whole 4 KiB pages. Payload does not pass here: the
 * module sends bios straight to where vhdx_chain_map() points.
 */
#ifndef VHDX_STORE_H
#define VHDX_STORE_H

#include "format.h"

struct vhdx_store;

/**
 * struct vhdx_store_ops - what a store can do
 * @read: read @len bytes at @pos into @buf. @pos and @len are multiples of
 *	VHDX_PAGE, @buf is at least 8-byte aligned (kmalloc or vmalloc memory,
 *	never the stack); bytes past the end of the store read as zeros. May
 *	sleep. Returns 0 or a negative errno; a short read is an error of the
 *	store, not of the caller.
 */
struct vhdx_store_ops {
	int (*read)(struct vhdx_store *store, u64 pos, void *buf, size_t len);
};

/**
 * struct vhdx_store - one image's bytes
 * @ops: how to reach them
 * @size: length in bytes: of the file, or of the block device, which may be
 *	longer than the image on it
 */
struct vhdx_store {
	const struct vhdx_store_ops *ops;
	u64 size;
};

/**
 * vhdx_store_read() - read metadata
 * @store: the image's bytes
 * @pos: byte offset, a multiple of VHDX_PAGE
 * @buf: destination, see struct vhdx_store_ops
 * @len: bytes, a multiple of VHDX_PAGE
 *
 * Context: may sleep; no lock held.
 * Return: 0 or a negative errno.
 */
static inline int vhdx_store_read(struct vhdx_store *store, u64 pos, void *buf,
				  size_t len)
{
	return store->ops->read(store, pos, buf, len);
}

#endif /* VHDX_STORE_H */
