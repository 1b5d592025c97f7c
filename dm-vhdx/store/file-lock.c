// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file store: locks against other users of the image file. An image that we
 * read is locked against writers, one that we write against everybody.
 *
 *   deny_write_access()	makes each open for writing on this host fail
 *				with ETXTBSY; only for files that we read
 *   locks on single bytes	QEMU and qemu-img honour them
 *   flock()			some other programs honour it
 *
 * The byte locks and flock() end with the reference to the file at the latest.
 *
 * A file may be lent to one program, which merges into it while we read it: then
 * we lock it against everybody, and that program relies on it.
 */
#include <linux/err.h>
#include <linux/fs.h>

#include "../compat.h"
#include "../engine/lock-bytes.h"
#include "../reason.h"
#include "file.h"

static u32 lock_bytes(const struct file *filp)
{
	return vhdx_lock_bytes(filp->f_mode & FMODE_WRITE);
}

/* Make a lock of the open file, not of a process, as F_OFD_SETLK does. */
static void byte_lock_init(struct file_lock *lock, struct file *filp,
			   u32 byte, unsigned char type)
{
	lock->vhdx_fl(owner) = filp;
	lock->vhdx_fl(pid) = -1;
	lock->vhdx_fl(file) = filp;
	lock->vhdx_fl(flags) = FL_POSIX | FL_OFDLCK;
	lock->vhdx_fl(type) = type;
	lock->fl_start = byte;
	lock->fl_end = byte;
}

static int lock_byte(struct file *filp, u32 byte, unsigned char type)
{
	struct file_lock *lock = locks_alloc_lock();
	int err;

	if (!lock)
		return -ENOMEM;
	byte_lock_init(lock, filp, byte, type);
	err = vfs_lock_file(filp, F_SETLK, lock, NULL);
	locks_free_lock(lock);
	return err;
}

static int test_byte(struct file *filp, u32 byte)
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
 * Lock first, then test: of two users that do so, at least one sees the other.
 * A test does not report our own locks, which belong to the same open file.
 */
static int lock_qemu(struct file *filp)
{
	int err = 0;
	u32 i;

	for (i = 0; i < lock_bytes(filp) && !err; i++)
		err = lock_byte(filp, vhdx_lock_held[i], F_RDLCK);
	for (i = 0; i < lock_bytes(filp) && !err; i++)
		err = test_byte(filp, vhdx_lock_forbidden[i]);
	return err;
}

static int lock_flock(struct file *filp, unsigned char type)
{
	struct file_lock *lock = locks_alloc_lock();
	int err;

	if (!lock)
		return -ENOMEM;
	lock->vhdx_fl(owner) = filp;
	lock->vhdx_fl(file) = filp;
	lock->vhdx_fl(flags) = FL_FLOCK;
	lock->vhdx_fl(type) = type;
	lock->fl_end = OFFSET_MAX;
	if (filp->f_op->flock)
		err = filp->f_op->flock(filp, F_SETLK, lock);
	else
		err = locks_lock_inode_wait(file_inode(filp), lock);
	locks_free_lock(lock);
	return err;
}

/* Some network file systems have no locks. Use their files without. */
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
	if (vhdx_lock_bytes_only((u32)file_inode(filp)->i_sb->s_magic))
		return 0;
	err = lock_flock(filp, filp->f_mode & FMODE_WRITE ? F_WRLCK : F_RDLCK);
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
 * vhdx_file_lock() - lock an image file against other users
 * @filp: the file; if it is open for writing, the lock excludes readers, too
 * @reason: receives the error message
 *
 * Context: process context; does not wait for a lock.
 * Return: 0; -EBUSY if another program has a lock; or another negative errno.
 * After an error, the caller only has to close the file.
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
 * vhdx_file_unlock() - allow writers again
 * @filp: the file, as vhdx_file_lock() left it
 *
 * The byte locks and flock() end when the file is closed.
 *
 * Context: any.
 */
void vhdx_file_unlock(struct file *filp)
{
	if (!(filp->f_mode & FMODE_WRITE))
		allow_write_access(filp);
}

static bool has_flock(const struct file *filp)
{
	return !vhdx_lock_bytes_only((u32)file_inode(filp)->i_sb->s_magic);
}

/* The bytes of a writer, so that QEMU lets the file be. */
static int lock_bytes_alone(struct file *filp)
{
	int err = 0;
	u32 i;

	for (i = 0; i < vhdx_lock_bytes(true) && !err; i++)
		err = lock_byte(filp, vhdx_lock_held[i],
				vhdx_lock_held[i] == VHDX_LOCK_USED +
						     VHDX_LOCK_READ ?
				F_RDLCK : F_WRLCK);
	for (i = 0; i < vhdx_lock_bytes(true) && !err; i++)
		err = test_byte(filp, vhdx_lock_forbidden[i]);
	return err;
}

static int lock_alone(struct file *filp)
{
	int err = lock_bytes_alone(filp);

	if ((!err || no_locks_here(err)) && has_flock(filp))
		err = lock_flock(filp, F_WRLCK);
	return no_locks_here(err) ? 0 : err;
}

/* Nobody can be in the way: less is locked than before. */
static void lock_shared(struct file *filp)
{
	u32 i;

	for (i = 0; i < vhdx_lock_bytes(true); i++)
		lock_byte(filp, vhdx_lock_held[i],
			  i < lock_bytes(filp) ? F_RDLCK : F_UNLCK);
	if (has_flock(filp))
		lock_flock(filp, F_RDLCK);
}

/**
 * vhdx_file_lend() - let one program write the file that we read
 * @file: the store, started; it may be lent already
 *
 * Our locks become exclusive, so that nobody else reads or writes the file by
 * the rules. The program knows from its user that they are for its sake, takes
 * none and tests none. The file can be opened for writing now.
 *
 * Context: process context; does not wait for a lock.
 * Return: 0; -EAGAIN if somebody else has a lock, with ours as they were; or
 * another negative errno.
 */
int vhdx_file_lend(struct vhdx_file *file)
{
	struct file *filp = file->filp;
	int err = lock_alone(file->locker);

	if (err) {
		if (!vhdx_file_writable(file) && file->locked)
			lock_shared(filp);
		return err;
	}
	if (vhdx_file_writable(file))
		return 0;
	if (file->locked)
		allow_write_access(filp);
	file->locked = false;
	return 0;
}

/**
 * vhdx_file_recall() - keep all from writing the file again
 * @file: the store, which may be lent
 *
 * Context: process context.
 * Return: 0; -ETXTBSY if the file is open for writing, and remains lent.
 */
int vhdx_file_recall(struct vhdx_file *file)
{
	int err;

	if (vhdx_file_writable(file) || file->locked)
		return 0;
	err = deny_write_access(file->filp);
	if (err)
		return err;
	file->locked = true;
	lock_shared(file->filp);
	return 0;
}

static int count_writers(const struct vhdx_file *file)
{
	return vhdx_file_writable(file) +
	       (file->locker != file->filp &&
		file->locker->f_mode & FMODE_WRITE);
}

/**
 * vhdx_file_others_write() - do others have the file open for writing?
 * @file: a store of the file, not started
 * @before: another one
 *
 * Context: any.
 * Return: true if more open files than those of the two stores can write.
 */
bool vhdx_file_others_write(const struct vhdx_file *file,
			    const struct vhdx_file *before)
{
	return atomic_read(&file_inode(file->filp)->i_writecount) >
	       count_writers(file) + count_writers(before);
}
