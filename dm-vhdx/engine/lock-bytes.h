/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Byte-range locks on an image file, by which the module, vhdxsetup and QEMU
 * exclude each other.
 *
 * QEMU holds a shared lock on byte 100 + n while it uses permission n, and a
 * shared lock on byte 200 + n while it does not let others use it. To find out
 * whether anybody holds a lock, a program tests for an exclusive one. Our
 * readers use the consistent-read permission and share it, but share neither
 * write nor resize. Our writers use write and resize as well; qemu-img then
 * refuses even to inspect the image, because it would not see a consistent
 * state.
 *
 * lock-bytes.h APIs:
 *   vhdx_lock_held[]		bytes to lock
 *   vhdx_lock_forbidden[]	bytes that nobody else may have locked
 *   vhdx_lock_bytes()		how many entries of each array to use
 *   vhdx_lock_bytes_only()	test whether flock() and leases must not be used
 */
#ifndef VHDX_LOCK_BYTES_H
#define VHDX_LOCK_BYTES_H

#include <linux/magic.h>

#include "env.h"

#define VHDX_LOCK_USED		100
#define VHDX_LOCK_UNSHARED	200

#define VHDX_LOCK_READ		0
#define VHDX_LOCK_WRITE		1
#define VHDX_LOCK_RESIZE	3

/* The last entries of both arrays are for writers only. */
#define VHDX_LOCKS_TO_WRITE	2

static const u32 vhdx_lock_held[] = {
	VHDX_LOCK_USED + VHDX_LOCK_READ,
	VHDX_LOCK_UNSHARED + VHDX_LOCK_WRITE,
	VHDX_LOCK_UNSHARED + VHDX_LOCK_RESIZE,
	VHDX_LOCK_USED + VHDX_LOCK_WRITE,
	VHDX_LOCK_USED + VHDX_LOCK_RESIZE,
};

static const u32 vhdx_lock_forbidden[] = {
	VHDX_LOCK_UNSHARED + VHDX_LOCK_READ,
	VHDX_LOCK_USED + VHDX_LOCK_WRITE,
	VHDX_LOCK_USED + VHDX_LOCK_RESIZE,
	VHDX_LOCK_UNSHARED + VHDX_LOCK_WRITE,
	VHDX_LOCK_UNSHARED + VHDX_LOCK_RESIZE,
};

static_assert(ARRAY_SIZE(vhdx_lock_held) == ARRAY_SIZE(vhdx_lock_forbidden));

/**
 * vhdx_lock_bytes() - number of bytes to lock and to test
 * @write: true if the image will be written
 *
 * Return: the number of entries of vhdx_lock_held[] and vhdx_lock_forbidden[]
 * to use.
 */
static inline u32 vhdx_lock_bytes(bool write)
{
	return ARRAY_SIZE(vhdx_lock_held) - (write ? 0 : VHDX_LOCKS_TO_WRITE);
}

/**
 * vhdx_lock_bytes_only() - test whether flock() and leases must not be used
 * @magic: magic number of the file system, from statfs()
 *
 * SMB and NFS clients implement flock() by locking the whole byte range on the
 * server. On SMB, that lock conflicts with byte-range locks of the same open
 * file; only F_OFD_SETLK locks are compatible with each other. On NFS, it looks
 * to other clients as if each byte were locked. Leases do not help on these
 * file systems either: a client gets none unless the server has granted it
 * caching.
 *
 * Return: true if only byte-range locks may be used.
 */
static inline bool vhdx_lock_bytes_only(u32 magic)
{
	return magic == CIFS_SUPER_MAGIC || magic == SMB2_SUPER_MAGIC ||
	       magic == NFS_SUPER_MAGIC;
}

#endif /* VHDX_LOCK_BYTES_H */
