/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store: the only way the engine reaches an image's bytes.
 *
 * The module has one over a file and one over a block device, userspace one
 * over pread(), the tests one in RAM. The engine moves metadata through it,
 * synchronously and in whole 4 KiB pages, and has space made. Payload does not
 * pass here: the module sends bios straight to where vhdx_chain_map() and
 * vhdx_session_map() point.
 *
 * store.h APIs:
 *   vhdx_store_read()		read metadata
 *   vhdx_store_write()		write metadata
 *   vhdx_store_flush()		make durable what was done
 *   vhdx_store_no_room()	does an errno say that the store is full?
 *   vhdx_store_answer()	an errno that is no verdict of the engine
 *   vhdx_store_is_cut()	has somebody made the store shorter?
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
 * @write: write @len bytes from @buf at @pos, as @read reads them; inside the
 *	store. Done when it returns, durable after @flush.
 * @flush: make durable all that was done to the store before: writes, payload
 *	that has completed, growth, zeroes.
 * @lengthen: make the store @size bytes long, which is more than it has. What
 *	is added reads as zeros and takes no space, if the store can have holes,
 *	and @size of the store is set. -ENOSPC if there is no room; then nothing
 *	has changed. For lengths that an image asks for.
 * @extend: the same, with space reserved for what is added if the store can do
 *	that. For space that is about to be used.
 * @truncate: make the store @size bytes long, which is less than it has. A
 *	block device stays as it is.
 * @zero: make a range inside the store read as zeros, and keep space reserved
 *	for it if the store can do that.
 * @reserve: give a range inside the store space, so that a write to it cannot
 *	lack any; what it holds stays. NULL if the store has no way to do so, or
 *	no need. -ENOSPC if there is no room; then nothing has changed that
 *	matters.
 * @discard: a range inside the store is no longer needed: give its space back.
 *	What it reads as afterwards is not known.
 * @length: how many bytes the store has now; never sleeps. NULL if nobody else
 *	can change that.
 *
 * A store that somebody else has made shorter than @size of struct vhdx_store
 * fails all that touches what is missing, and each change and flush, with -EIO.
 *
 * What the engine zeroes, reserves and discards are multiples of VHDX_PAGE; the
 * module's stores must zero any multiple of 512, see zero.c. A store that is
 * only read has nothing but @read.
 */
struct vhdx_store_ops {
	int (*read)(struct vhdx_store *store, u64 pos, void *buf, size_t len);
	int (*write)(struct vhdx_store *store, u64 pos, const void *buf,
		     size_t len);
	int (*flush)(struct vhdx_store *store);
	int (*lengthen)(struct vhdx_store *store, u64 size);
	int (*extend)(struct vhdx_store *store, u64 size);
	int (*truncate)(struct vhdx_store *store, u64 size);
	int (*zero)(struct vhdx_store *store, u64 pos, u64 len);
	int (*reserve)(struct vhdx_store *store, u64 pos, u64 len);
	int (*discard)(struct vhdx_store *store, u64 pos, u64 len);
	u64 (*length)(const struct vhdx_store *store);
};

/**
 * struct vhdx_store - one image's bytes
 * @ops: how to reach them
 * @size: length in bytes: of the file, or of the block device, which may be
 *	longer than the image on it. The store changes it, so that it is never
 *	more than the length: before that shrinks, and after that has grown.
 */
struct vhdx_store {
	const struct vhdx_store_ops *ops;
	u64 size;
};

/**
 * vhdx_store_answer() - an errno that is no verdict of the engine
 * @err: what an operation of the store returned
 *
 * File systems return -EUCLEAN for damage of their own, and network file systems
 * most of the others. The engine says with them that an image is corrupt, is
 * none, or names another parent, that a page must be loaded, or that somebody
 * asked to stop. What such an errno of a store means is that the bytes cannot
 * be had.
 *
 * Return: @err, or -EIO in place of an errno that the engine gives a meaning.
 */
static inline int vhdx_store_answer(int err)
{
	switch (err) {
	case -E2BIG:
	case -EAGAIN:
	case -EBUSY:
	case -EINTR:
	case -EINVAL:
	case -ELOOP:
	case -EMEDIUMTYPE:
	case -ENOENT:
	case -EOPNOTSUPP:
	case -EROFS:
	case -ESTALE:
	case -EUCLEAN:
		return -EIO;
	}
	return err;
}

/**
 * vhdx_store_read() - read metadata
 * @store: the image's bytes
 * @pos: byte offset, a multiple of VHDX_PAGE
 * @buf: destination, see struct vhdx_store_ops
 * @len: bytes, a multiple of VHDX_PAGE
 *
 * Context: may sleep; no lock held.
 * Return: 0 or a negative errno, see vhdx_store_answer().
 */
static inline int vhdx_store_read(struct vhdx_store *store, u64 pos, void *buf,
				  size_t len)
{
	return vhdx_store_answer(store->ops->read(store, pos, buf, len));
}

/**
 * vhdx_store_write() - write metadata
 * @store: the image's bytes
 * @pos: byte offset, a multiple of VHDX_PAGE
 * @buf: what to write, see struct vhdx_store_ops
 * @len: bytes, a multiple of VHDX_PAGE
 *
 * Context: may sleep; no lock held.
 * Return: 0 or a negative errno, see vhdx_store_answer().
 */
static inline int vhdx_store_write(struct vhdx_store *store, u64 pos,
				   const void *buf, size_t len)
{
	return vhdx_store_answer(store->ops->write(store, pos, buf, len));
}

/**
 * vhdx_store_flush() - make durable what was done to the store
 * @store: the image's bytes
 *
 * Context: may sleep; no lock held.
 * Return: 0 or a negative errno, after which nothing is known to be durable
 * that was done since the flush before.
 */
static inline int vhdx_store_flush(struct vhdx_store *store)
{
	return vhdx_store_answer(store->ops->flush(store));
}

/**
 * vhdx_store_no_room() - does an errno of a store say that it is full?
 * @err: negative errno, or 0
 *
 * A quota, and the longest file there can be, are limits as a disk's end is.
 *
 * Return: whether it does.
 */
static inline bool vhdx_store_no_room(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -EFBIG;
}

/**
 * vhdx_store_is_cut() - has somebody made the store shorter?
 * @store: the image's bytes
 * @length: how many bytes it has now, if so
 *
 * What we cut ourselves is not seen as such: @size changes before.
 *
 * Context: any.
 * Return: whether bytes are missing.
 */
static inline bool vhdx_store_is_cut(const struct vhdx_store *store,
				     u64 *length)
{
	/* Goes with the release that follows a change of the length. */
	u64 size = smp_load_acquire(&store->size);

	if (!store->ops->length)
		return false;
	*length = store->ops->length(store);
	/* Goes with the one that orders a change of the size before the cut. */
	smp_rmb();
	return *length < size && size == READ_ONCE(store->size);
}

#endif /* VHDX_STORE_H */
