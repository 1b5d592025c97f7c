// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file store: opening and closing.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/stat.h>
#include <linux/string.h>

#include "../compat.h"
#include "../reason.h"
#include "file.h"
#include "fresh.h"

static void cannot_open(struct vhdx_reason *reason, bool write, int err)
{
	if (!write)
		vhdx_reason_give(reason, err, "cannot be opened: %s (%d)",
				 vhdx_errno_words(err), err);
	else if (err == -ETXTBSY)
		vhdx_reason_give(reason, err,
				 "is in use by a device that reads it, so that nothing may write to it");
	else
		vhdx_reason_give(reason, err,
				 "cannot be opened for writing: %s (%d); load the table read-only",
				 vhdx_errno_words(err), err);
}

static bool can_be_used(const struct file *filp, bool write)
{
	return S_ISREG(file_inode(filp)->i_mode) && filp->f_op->read_iter &&
	       (!write || filp->f_op->write_iter);
}

/**
 * vhdx_file_open() - open an image file
 * @path: path of the file itself
 * @write: open for writing, too
 * @reason: receives the error message
 *
 * Looks no name up, and checks all that open(2) checks of the file itself, as
 * open_by_handle_at(2) does.
 *
 * Opens the file with O_NOATIME if that is permitted. An update of the access
 * time would write to the image's inode, in a transaction in the middle of a
 * read.
 *
 * Context: process context, with the credentials of the caller.
 * Return: the file, or an ERR_PTR.
 */
struct file *vhdx_file_open(const struct path *path, bool write,
			    struct vhdx_reason *reason)
{
	int flags = (write ? O_RDWR : O_RDONLY) | O_LARGEFILE;
	struct file *filp;
	int err;

	filp = file_open_root(path, "", flags | O_NOATIME, 0);
	/* Only the owner and the superuser may ask for O_NOATIME. */
	if (filp == ERR_PTR(-EPERM))
		filp = file_open_root(path, "", flags, 0);
	if (IS_ERR(filp)) {
		cannot_open(reason, write, PTR_ERR(filp));
		return filp;
	}
	if (can_be_used(filp, write))
		return filp;
	fput(filp);
	err = vhdx_reason_give(reason, -EINVAL,
			       "is not a file that the kernel can %s",
			       write ? "write to" : "read");
	return ERR_PTR(err);
}

/**
 * vhdx_file_init() - make a store of an open file, not yet usable
 * @file: the store, zeroed; the caller undoes this with vhdx_file_stop()
 * @filp: the file; the store takes over the reference
 *
 * Context: any.
 */
void vhdx_file_init(struct vhdx_file *file, struct file *filp)
{
	file->store.ops = &vhdx_file_ops;
	file->filp = filp;
	file->locker = filp;
}

/**
 * vhdx_file_inherit() - share the locks of another store of the same file
 * @file: the store, not started yet
 * @before: the other one, which is lent
 *
 * A lock belongs to an open file. Both stores refer to the one that has them, so
 * the locks stay until both are closed.
 *
 * Context: process context.
 */
void vhdx_file_inherit(struct vhdx_file *file, const struct vhdx_file *before)
{
	file->locker = get_file(before->locker);
}

static void learn_direct_io(struct vhdx_file *file)
{
	struct kstat stat;

	if (!(file->filp->f_mode & FMODE_CAN_ODIRECT))
		return;
	if (vfs_getattr(&file->filp->f_path, &stat, STATX_DIOALIGN,
			AT_STATX_SYNC_AS_STAT))
		return;
	if (!(stat.result_mask & STATX_DIOALIGN) || !stat.dio_mem_align ||
	    !is_power_of_2(stat.dio_offset_align))
		return;
	file->offset_align = stat.dio_offset_align;
	file->mem_align = stat.dio_mem_align;
}

/**
 * vhdx_file_mark() - forbid allocations for the page cache that wait for I/O
 * @file: the store, of whose file no other store is marked
 *
 * The I/O may be a write to the device made of the file. Our workers run in a NOIO
 * scope anyway; this covers the threads that a file system delegates reads to.
 *
 * Context: any.
 */
void vhdx_file_mark(struct vhdx_file *file)
{
	struct address_space *mapping = file->filp->f_mapping;

	file->gfp = mapping_gfp_mask(mapping);
	mapping_set_gfp_mask(mapping, file->gfp & ~(__GFP_IO | __GFP_FS));
	file->marked = true;
}

/**
 * vhdx_file_start() - lock the file, unless it is, and make the store usable
 * @file: the store, as vhdx_file_init() left it
 * @shared: workqueues of the table, see vhdx_file_workers_get()
 * @reason: receives the message if the file cannot be locked
 *
 * Context: process context. No other store of the file is started, see
 * vhdx_file_unmark().
 * Return: 0 or a negative errno; vhdx_file_stop() undoes this in either case.
 */
int vhdx_file_start(struct vhdx_file *file, struct vhdx_file_workers **shared,
		    struct vhdx_reason *reason)
{
	struct file *filp = file->filp;
	int err = 0;

	if (file->locker == filp)
		err = vhdx_file_lock(filp, reason);
	if (err)
		return err;
	file->locked = true;
	err = vhdx_file_io_init(file, shared);
	if (err)
		return err;
	if (vhdx_file_writable(file)) {
		file->fresh = vhdx_fresh_new();
		if (!file->fresh)
			return -ENOMEM;
	}
	vhdx_file_time_init(file);
	file->since = filemap_sample_wb_err(filp->f_mapping);
	file->store.size = i_size_read(file_inode(filp));
	file->nowait = filp->f_mode & FMODE_NOWAIT;
	learn_direct_io(file);
	/*
	 * Read-ahead around a page of the BAT would read data that nobody
	 * needs. store/file-time.c updates the time of modification.
	 */
	spin_lock(&filp->f_lock);
	filp->f_mode |= FMODE_RANDOM | FMODE_NOCMTIME;
	spin_unlock(&filp->f_lock);
	vhdx_file_mark(file);
	return 0;
}

/**
 * vhdx_file_unmark() - restore the allocation flags of the file
 * @file: the store, with no I/O under way; may be called twice
 *
 * The registry calls this before another store of the same file can start. That
 * store would otherwise take our allocation flags for the file's own.
 *
 * Context: any.
 */
void vhdx_file_unmark(struct vhdx_file *file)
{
	if (file->marked)
		mapping_set_gfp_mask(file->filp->f_mapping, file->gfp);
	file->marked = false;
}

/**
 * vhdx_file_stop() - close the file
 * @file: the store, started or not, with no I/O under way, and a grace period of
 *	RCU after its last I/O has ended
 *
 * Context: process context.
 */
void vhdx_file_stop(struct vhdx_file *file)
{
	vhdx_file_time_exit(file);
	vhdx_file_io_exit(file);
	vhdx_fresh_free(file->fresh);
	if (file->locked)
		vhdx_file_unlock(file->filp);
	if (file->locker != file->filp)
		fput(file->locker);
	fput(file->filp);
}

/**
 * vhdx_file_direct() - does the file support direct I/O?
 * @file: the store, started
 *
 * Context: any.
 * Return: true if it does, for ranges for which vhdx_file_aligned() is true.
 */
bool vhdx_file_direct(const struct vhdx_file *file)
{
	return file->offset_align;
}

/**
 * vhdx_file_set_sector() - set the size of the smallest I/O
 * @file: the store, started, with no write under way unless an earlier call set
 *	the same size
 * @sector: the smallest I/O, in bytes
 *
 * Context: process context.
 */
void vhdx_file_set_sector(struct vhdx_file *file, u32 sector)
{
	if (file->mixed || file->offset_align <= sector)
		return;
	vhdx_overlap_init(&file->overlap, file->offset_align);
	file->mixed = true;
}

/**
 * vhdx_file_wants_stable() - must pages not change during a write?
 * @file: the store, started
 *
 * Direct I/O uses the pages of the task that writes to the device. If the disk
 * or the file system computes checksums over them or keeps two copies, a page
 * that changes during the write leads to an error later.
 *
 * Context: process context.
 * Return: true if pages must not change during direct I/O.
 */
bool vhdx_file_wants_stable(const struct vhdx_file *file)
{
	/* A file of overlayfs has its data in another inode. */
	struct inode *inode = d_real_inode(file->filp->f_path.dentry);
	struct super_block *sb = inode->i_sb;

	return sb->s_iflags & SB_I_STABLE_WRITES ||
	       vhdx_mapping_stable(inode->i_mapping) ||
	       (sb->s_bdev && bdev_stable_writes(sb->s_bdev));
}
