/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The locks by which programs keep each other from an image file; the module
 * and vhdxsetup take the same.
 *
 * QEMU holds a shared lock on byte 100 + n while it uses permission n, and one
 * on byte 200 + n while it does not want others to use it. Whether anybody does
 * is found by testing for an exclusive lock. We read consistently, share that,
 * and share neither writing nor resizing. Who writes uses these as well;
 * qemu-img then refuses even to look, for what it saw would not be consistent.
 *
 * lock-bytes.h APIs:
 *   vhdx_lock_held[]		bytes to hold
 *   vhdx_lock_forbidden[]	bytes that nobody else may hold
 *   vhdx_lock_bytes()		how many of each
 *   vhdx_lock_bytes_only()	is that all that may be locked?
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

/* Those for writers are last. */
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
 * vhdx_lock_bytes() - how many bytes to hold, and to test
 * @write: the image is to be written
 *
 * Return: how many of vhdx_lock_held[] and vhdx_lock_forbidden[] count.
 */
static inline u32 vhdx_lock_bytes(bool write)
{
	return ARRAY_SIZE(vhdx_lock_held) - (write ? 0 : VHDX_LOCKS_TO_WRITE);
}

/**
 * vhdx_lock_bytes_only() - is there but one kind of locks?
 * @magic: of the file system, as statfs() has it
 *
 * Clients of SMB and NFS lock the whole range of bytes on the server for
 * flock(). On SMB, that meets the bytes that the same open file has locked:
 * only those of F_OFD_SETLK get along with each other. On NFS, it looks to
 * other clients as if each byte were locked. Leases do not tell there either:
 * they are refused to whom the server has granted no caching.
 *
 * Return: true if flock() and leases are to be left alone.
 */
static inline bool vhdx_lock_bytes_only(u32 magic)
{
	return magic == CIFS_SUPER_MAGIC || magic == SMB2_SUPER_MAGIC ||
	       magic == NFS_SUPER_MAGIC;
}

#endif /* VHDX_LOCK_BYTES_H */
