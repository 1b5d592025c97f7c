/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store: the only way the engine reaches an image's bytes.
 *
 * The module has a store over a file and one over a block device, userspace has
 * one over pread(), and the tests have one in RAM. The engine reads and writes
 * metadata through the store, synchronously and in whole 4 KiB pages, and asks
 * it for space. Payload bypasses the store: the module sends bios straight to
 * the ranges that vhdx_chain_map() and vhdx_session_map() return.
 *
 * store.h APIs:
 *   vhdx_store_read()		read metadata
 *   vhdx_store_write()		write metadata
 *   vhdx_store_write_pieces()	write several pieces of metadata at once
 *   vhdx_store_flush()		make all earlier changes durable
 *   vhdx_store_lose()		have every later flush fail
 *   vhdx_store_clear()		make a range read as zeros, in less space
 *   vhdx_store_no_room()	test whether an errno means that the store is
 *				full
 *   vhdx_store_answer()	map a store's errno to one the engine gives no
 *				meaning
 *   vhdx_store_is_cut()	test whether somebody else made the store
 *				shorter
 */
#ifndef VHDX_STORE_H
#define VHDX_STORE_H

#include "format.h"

struct vhdx_store;

/**
 * struct vhdx_piece - a part of what is written at once
 * @pos: byte offset, a multiple of VHDX_PAGE
 * @buf: what to write, see struct vhdx_store_ops
 * @len: bytes, a multiple of VHDX_PAGE
 */
struct vhdx_piece {
	u64 pos;
	const void *buf;
	size_t len;
};

/**
 * struct vhdx_store_ops - operations of a store
 * @read: read @len bytes at @pos into @buf. @pos and @len are multiples of
 *	VHDX_PAGE. @buf is at least 8-byte aligned: kmalloc or vmalloc memory,
 *	never the stack. Bytes past the end of the store read as zeros. May
 *	sleep. Returns 0 or a negative errno; a short read is an error of the
 *	store, not of the caller.
 * @write: write @len bytes from @buf at @pos, under the rules of @read; the
 *	range lies inside the store. The write is complete on return, and
 *	durable after @flush.
 * @write_pieces: write pieces that do not overlap, all at once and in any order,
 *	under the rules of @write. NULL if the store would do that one after the
 *	other.
 * @flush: make durable everything done to the store before the call: writes,
 *	completed payload, growth and zeroing.
 * @lengthen: grow the store to @size bytes, which is more than its length. The
 *	added bytes read as zeros and take no space if the store supports holes.
 *	The call sets @size of the store. Returns -ENOSPC if there is no room;
 *	nothing has changed then. Used for lengths that an image asks for.
 * @extend: like @lengthen, but reserve space for the added bytes if the store
 *	can. Used for space that is about to be written.
 * @truncate: shrink the store to @size bytes, which is less than its length. A
 *	block device keeps its length.
 * @zero: make a range inside the store read as zeros, and keep its space
 *	reserved if the store can.
 * @reserve: allocate space for a range inside the store, so that a write to it
 *	cannot fail for lack of space; its contents stay. NULL if the store
 *	cannot do that or has no need to. Returns -ENOSPC if there is no room;
 *	nothing that matters has changed then.
 * @discard: release the space of a range inside the store that is no longer
 *	needed. Its contents are undefined afterwards.
 * @clear: make a range inside the store read as zeros, and release its space if
 *	the store can. NULL if it can do no more than @zero.
 * @length: return the current length in bytes; never sleeps. NULL if nobody
 *	else can change the length.
 * @refresh: raise @size of the store, up to a limit in bytes, if what it lies on
 *	has become longer; the added bytes may be anything. Returns true if it
 *	has. NULL if only the store makes itself longer.
 *
 * If somebody else makes a store shorter than @size of struct vhdx_store, every
 * access to the missing range, every change and every flush fails with -EIO.
 *
 * The ranges that the engine zeroes, reserves, discards and clears are multiples of
 * VHDX_PAGE. The module's stores must zero any multiple of 512, see zero.c. A
 * read-only store provides nothing but @read.
 */
struct vhdx_store_ops {
	int (*read)(struct vhdx_store *store, u64 pos, void *buf, size_t len);
	int (*write)(struct vhdx_store *store, u64 pos, const void *buf,
		     size_t len);
	int (*write_pieces)(struct vhdx_store *store,
			    const struct vhdx_piece *pieces, u32 count);
	int (*flush)(struct vhdx_store *store);
	int (*lengthen)(struct vhdx_store *store, u64 size);
	int (*extend)(struct vhdx_store *store, u64 size);
	int (*truncate)(struct vhdx_store *store, u64 size);
	int (*zero)(struct vhdx_store *store, u64 pos, u64 len);
	int (*reserve)(struct vhdx_store *store, u64 pos, u64 len);
	int (*discard)(struct vhdx_store *store, u64 pos, u64 len);
	int (*clear)(struct vhdx_store *store, u64 pos, u64 len);
	u64 (*length)(const struct vhdx_store *store);
	bool (*refresh)(struct vhdx_store *store, u64 limit);
};

/**
 * struct vhdx_store - one image's bytes
 * @ops: how to reach them
 * @size: length in bytes of the file, or of the block device, which may be
 *	longer than the image on it. The store keeps @size at or below the real
 *	length: it lowers @size before it shrinks and raises it after it has
 *	grown.
 * @lost: errno of a flush that failed, after which no flush succeeds, or 0
 */
struct vhdx_store {
	const struct vhdx_store_ops *ops;
	u64 size;
	int lost;
};

/**
 * vhdx_store_answer() - map a store's errno to one the engine gives no meaning
 * @err: what an operation of the store returned
 *
 * A file system returns -EUCLEAN for its own damage, and network file systems
 * return most of the other errnos below. In the engine these errnos mean that
 * an image is corrupt, is no VHDX or names another parent, that a page must be
 * loaded, that a block moves, or that somebody asked to stop. Such an errno from a
 * store only means that the bytes are not accessible.
 *
 * Return: @err, or -EIO if the engine gives @err a meaning of its own.
 */
static inline int vhdx_store_answer(int err)
{
	switch (err) {
	case -E2BIG:
	case -EAGAIN:
	case -EALREADY:
	case -EBUSY:
	case -ECANCELED:
	case -EINPROGRESS:
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
 * vhdx_store_write_pieces() - write several pieces of metadata at once
 * @store: the image's bytes
 * @pieces: pieces that do not overlap
 * @count: number of them
 *
 * A slow disk takes as long for all of them as for one.
 *
 * Context: may sleep; no lock held.
 * Return: 0 or a negative errno, see vhdx_store_answer(), after which any of the
 * pieces may have been written.
 */
static inline int vhdx_store_write_pieces(struct vhdx_store *store,
					  const struct vhdx_piece *pieces,
					  u32 count)
{
	const struct vhdx_store_ops *ops = store->ops;
	int r = 0;
	u32 i;

	if (ops->write_pieces)
		return vhdx_store_answer(ops->write_pieces(store, pieces,
							   count));
	for (i = 0; i < count && !r; i++)
		r = vhdx_store_write(store, pieces[i].pos, pieces[i].buf,
				     pieces[i].len);
	return r;
}

/**
 * vhdx_store_lose() - have every later flush of the store fail
 * @store: the image's bytes
 * @err: errno of a flush, or of a write that was to be durable at once
 *
 * What lies below reports lost writes only once, to one of several flushes, and does
 * not name them. If another flush then succeeded, or one that is under way,
 * its caller would take its own writes for durable. -ENOMEM is kept as -EIO: nobody
 * may try again.
 *
 * Context: any.
 */
static inline void vhdx_store_lose(struct vhdx_store *store, int err)
{
	cmpxchg(&store->lost, 0, err == -ENOMEM ? -EIO : err);
}

/**
 * vhdx_store_flush() - make all earlier changes to the store durable
 * @store: the image's bytes
 *
 * Context: may sleep; no lock held.
 * Return: 0 or a negative errno, as any later call then returns, too: nothing done
 * since the previous flush is known to be durable.
 */
static inline int vhdx_store_flush(struct vhdx_store *store)
{
	int r = store->ops->flush(store);

	if (r)
		vhdx_store_lose(store, r);
	/* One elsewhere may have got the error of what this one is for. */
	return vhdx_store_answer(READ_ONCE(store->lost));
}

/**
 * vhdx_store_clear() - make a range read as zeros, and release its space
 * @store: the image's bytes
 * @pos: byte offset, a multiple of VHDX_PAGE
 * @len: bytes, a multiple of VHDX_PAGE; the range lies inside the store
 *
 * Context: may sleep; no lock held.
 * Return: 0 or a negative errno, see vhdx_store_answer().
 */
static inline int vhdx_store_clear(struct vhdx_store *store, u64 pos, u64 len)
{
	const struct vhdx_store_ops *ops = store->ops;

	return vhdx_store_answer(ops->clear ? ops->clear(store, pos, len) :
					      ops->zero(store, pos, len));
}

/**
 * vhdx_store_no_room() - test whether an errno means that the store is full
 * @err: negative errno, or 0
 *
 * Running into a quota or the maximum file size counts as a full store, like
 * the end of the disk does.
 *
 * Return: true if the store is full.
 */
static inline bool vhdx_store_no_room(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -EFBIG;
}

/**
 * vhdx_store_is_cut() - test whether somebody else made the store shorter
 * @store: the image's bytes
 * @length: set to the current length in bytes if so
 *
 * Our own truncation does not count: the store lowers @size before it.
 *
 * Context: any.
 * Return: true if bytes are missing.
 */
static inline bool vhdx_store_is_cut(const struct vhdx_store *store,
				     u64 *length)
{
	/* Pairs with smp_store_release() after the length has changed. */
	u64 size = smp_load_acquire(&store->size);

	if (!store->ops->length)
		return false;
	*length = store->ops->length(store);
	/* Pairs with smp_wmb() between lowering @size and the cut. */
	smp_rmb();
	return *length < size && size == READ_ONCE(store->size);
}

#endif /* VHDX_STORE_H */
