// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keeping others away from an image file, in each way that they heed: from an
 * image that we read, writers, and from one that we write, everybody.
 *
 *   opening for writing	fails with ETXTBSY, whoever tries; on this host,
 *				and only if we do not write ourselves
 *   QEMU and qemu-img		heed locks on single bytes of the file
 *   others			at best heed flock()
 *
 * All of these locks vanish with the file reference, if need be.
 */
#include <linux/err.h>
#include <linux/fs.h>

#include "compat.h"
#include "reason.h"
#include "store-file.h"

/*
 * QEMU holds a shared lock on byte 100 + n while it uses permission n, and one
 * on byte 200 + n while it does not want others to use it. Whether anybody
 * does is found by testing for an exclusive lock. We read consistently, share
 * that, and share neither writing nor resizing. Who writes uses these as well;
 * qemu-img then refuses even to look, for what it saw would not be consistent.
 */
#define QEMU_USED	100
#define QEMU_UNSHARED	200
#define QEMU_PERM_CONSISTENT_READ	0
#define QEMU_PERM_WRITE			1
#define QEMU_PERM_RESIZE		3

/* Those for writers are last. */
#define QEMU_BYTES_TO_WRITE		2

static const unsigned int qemu_held[] = {
	QEMU_USED + QEMU_PERM_CONSISTENT_READ,
	QEMU_UNSHARED + QEMU_PERM_WRITE,
	QEMU_UNSHARED + QEMU_PERM_RESIZE,
	QEMU_USED + QEMU_PERM_WRITE,
	QEMU_USED + QEMU_PERM_RESIZE,
};

static const unsigned int qemu_forbidden[] = {
	QEMU_UNSHARED + QEMU_PERM_CONSISTENT_READ,
	QEMU_USED + QEMU_PERM_WRITE,
	QEMU_USED + QEMU_PERM_RESIZE,
	QEMU_UNSHARED + QEMU_PERM_WRITE,
	QEMU_UNSHARED + QEMU_PERM_RESIZE,
};

static_assert(ARRAY_SIZE(qemu_held) == ARRAY_SIZE(qemu_forbidden));

static unsigned int qemu_bytes(const struct file *filp)
{
	bool write = filp->f_mode & FMODE_WRITE;

	return ARRAY_SIZE(qemu_held) - (write ? 0 : QEMU_BYTES_TO_WRITE);
}

/* A lock of the open file, not of a process, as F_OFD_SETLK makes. */
static void byte_lock_init(struct file_lock *lock, struct file *filp,
			   unsigned int byte, unsigned char type)
{
	lock->vhdx_fl(owner) = filp;
	lock->vhdx_fl(pid) = -1;
	lock->vhdx_fl(file) = filp;
	lock->vhdx_fl(flags) = FL_POSIX | FL_OFDLCK;
	lock->vhdx_fl(type) = type;
	lock->fl_start = byte;
	lock->fl_end = byte;
}

static int lock_byte(struct file *filp, unsigned int byte)
{
	struct file_lock *lock = locks_alloc_lock();
	int err;

	if (!lock)
		return -ENOMEM;
	byte_lock_init(lock, filp, byte, F_RDLCK);
	err = vfs_lock_file(filp, F_SETLK, lock, NULL);
	locks_free_lock(lock);
	return err;
}

static int test_byte(struct file *filp, unsigned int byte)
{
	struct file_lock *lock = locks_alloc_lock();
	int err;

	if (!lock)
		return -ENOMEM;
	byte_lock_init(lock, filp, byte, F_WRLCK);
	err = vfs_test_lock(filp, lock);
	if (!err && lock->vhdx_fl(type) != F_UNLCK)
		err = -EAGAIN;
	locks_free_lock(lock);
	return err;
}

/*
 * First hold, then test: of two that do so, at least one sees the other. Our
 * own locks do not show, for they belong to the same open file.
 */
static int lock_qemu(struct file *filp)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < qemu_bytes(filp) && !err; i++)
		err = lock_byte(filp, qemu_held[i]);
	for (i = 0; i < qemu_bytes(filp) && !err; i++)
		err = test_byte(filp, qemu_forbidden[i]);
	return err;
}

static int lock_flock(struct file *filp)
{
	struct file_lock *lock = locks_alloc_lock();
	int err;

	if (!lock)
		return -ENOMEM;
	lock->vhdx_fl(owner) = filp;
	lock->vhdx_fl(file) = filp;
	lock->vhdx_fl(flags) = FL_FLOCK;
	lock->vhdx_fl(type) = filp->f_mode & FMODE_WRITE ? F_WRLCK : F_RDLCK;
	lock->fl_end = OFFSET_MAX;
	if (filp->f_op->flock)
		err = filp->f_op->flock(filp, F_SETLK, lock);
	else
		err = locks_lock_inode_wait(file_inode(filp), lock);
	locks_free_lock(lock);
	return err;
}

/* Some network file systems have no locks; their files can be read still. */
static bool no_locks_here(int err)
{
	return err == -EOPNOTSUPP || err == -ENOLCK;
}

static int lock_advisory(struct file *filp, struct vhdx_reason *reason)
{
	int err;

	err = lock_qemu(filp);
	if (err == -EAGAIN || err == -EACCES)
		return vhdx_reason_give(reason, -EBUSY,
					"is locked by QEMU or another program that %s it",
					filp->f_mode & FMODE_WRITE ? "uses" :
					"writes to");
	if (err && !no_locks_here(err))
		return vhdx_reason_give(reason, err,
					"cannot be locked by byte ranges: %s (%d)",
					vhdx_errno_words(err), err);
	err = lock_flock(filp);
	if (err == -EAGAIN)
		return vhdx_reason_give(reason, -EBUSY,
					"is locked%s (flock) by another program",
					filp->f_mode & FMODE_WRITE ? "" :
					" exclusively");
	if (err && !no_locks_here(err))
		return vhdx_reason_give(reason, err,
					"cannot be locked by flock: %s (%d)",
					vhdx_errno_words(err), err);
	return 0;
}

/**
 * vhdx_file_lock() - keep others away from an image file
 * @filp: the file; if it is open for writing, readers are kept away, too
 * @reason: takes the sentence if it fails
 *
 * Context: process context; does not wait for a lock.
 * Return: 0 or a negative errno, with nothing left to undo but to close the
 * file.
 */
int vhdx_file_lock(struct file *filp, struct vhdx_reason *reason)
{
	int err;

	if (filp->f_mode & FMODE_WRITE)
		return lock_advisory(filp, reason);
	err = deny_write_access(filp);
	if (err)
		return vhdx_reason_give(reason, err,
					"is open for writing elsewhere; nothing may write to an image in use");
	err = lock_advisory(filp, reason);
	if (err)
		allow_write_access(filp);
	return err;
}

/**
 * vhdx_file_unlock() - let others in again
 * @filp: as vhdx_file_lock() left it; the locks go when it is closed
 */
void vhdx_file_unlock(struct file *filp)
{
	if (!(filp->f_mode & FMODE_WRITE))
		allow_write_access(filp);
}
