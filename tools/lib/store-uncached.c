// SPDX-License-Identifier: GPL-2.0-only
/*
 * Direct I/O of any length and from any memory, for a block device that the kernel's
 * target has as well.
 *
 * The target reads and writes such a device by bios. What a program has written into
 * the page cache, a bio finds only after some writeback, in any order; and pages that
 * were cached stay as they are when a bio writes. Direct I/O is on the device when the
 * call returns, so both see each write of the other, in the order of the writes, as
 * they do in a file.
 */
#include <unistd.h>

#include "store-user.h"

/* The largest piece that is copied. */
#define PIECE	VHDX_MIB

/* Return memory for the pages of a piece, for free(), or NULL. */
static char *alloc_pages(u64 pos, size_t len)
{
	size_t size = ALIGN(pos % USER_STORE_ALIGNMENT + len,
			    (size_t)USER_STORE_ALIGNMENT);

	return aligned_alloc(USER_STORE_ALIGNMENT, min_t(size_t, size, PIECE));
}

static bool is_aligned(u64 pos, const void *buf, size_t len)
{
	return !((pos | (uintptr_t)buf | len) % USER_STORE_ALIGNMENT);
}

/* Read the pages around each piece, and copy it from there. */
static int read_pieces(struct user_store *user, u64 pos, void *buf,
		       size_t len, char *pages)
{
	size_t done = 0;
	int err = 0;

	while (done < len && !err) {
		size_t before = (pos + done) % USER_STORE_ALIGNMENT;
		size_t step = min_t(size_t, len - done, PIECE - before);

		err = user_store_pread(user, pos + done - before, pages,
				       ALIGN(before + step,
					     (size_t)USER_STORE_ALIGNMENT));
		if (!err)
			memcpy((char *)buf + done, pages + before, step);
		done += step;
	}
	return err;
}

/**
 * user_store_read_past() - read a device past the page cache
 * @user: a store that is uncached
 * @pos: byte offset, of any alignment
 * @buf: receives the bytes, and zeros past the end of the device
 * @len: number of bytes
 *
 * Return: 0 or a negative errno.
 */
int user_store_read_past(struct user_store *user, u64 pos, void *buf,
			 size_t len)
{
	char *pages;
	int err;

	if (is_aligned(pos, buf, len))
		return user_store_pread(user, pos, buf, len);
	pages = alloc_pages(pos, len);
	if (!pages)
		return -ENOMEM;
	err = read_pieces(user, pos, buf, len, pages);
	free(pages);
	return err;
}

/**
 * user_store_write_past() - write a device past the page cache
 * @user: a store that is uncached and can be written
 * @pos: byte offset, a multiple of the device's sector, as is @len: the engine writes
 *	pages, and sectors of a disk, which are no smaller than those of the device
 * @buf: the bytes, at any address
 * @len: number of bytes
 *
 * Return: 0, and who reads the device sees them; or a negative errno.
 */
int user_store_write_past(struct user_store *user, u64 pos, const void *buf,
			  size_t len)
{
	size_t done, step;
	char *piece;
	int err = 0;

	if (!((uintptr_t)buf % USER_STORE_ALIGNMENT))
		return user_store_pwrite(user, pos, buf, len);
	piece = alloc_pages(0, len);
	if (!piece)
		return -ENOMEM;
	for (done = 0; done < len && !err; done += step) {
		step = min_t(size_t, len - done, PIECE);
		memcpy(piece, (const char *)buf + done, step);
		err = user_store_pwrite(user, pos + done, piece, step);
	}
	free(piece);
	return err;
}
