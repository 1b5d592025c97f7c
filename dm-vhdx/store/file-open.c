// SPDX-License-Identifier: GPL-2.0-only
/*
 * An image in a file: opening and closing.
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
#include "fresh.h"
#include "../reason.h"
#include "file.h"

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
 * @path: absolute, or relative to the caller's working directory
 * @write: for writing, too
 * @reason: takes the sentence if it fails
 *
 * Access times are not updated: that would be a write to the image's inode,
 * and a transaction in the middle of a read.
 *
 * Context: process context, with the credentials of the caller.
 * Return: the file, or an ERR_PTR.
 */
struct file *vhdx_file_open(const char *path, bool write,
			    struct vhdx_reason *reason)
{
	int flags = (write ? O_RDWR : O_RDONLY) | O_LARGEFILE;
	struct file *filp;
	int err;

	filp = filp_open(path, flags | O_NOATIME, 0);
	/* Only the owner and the superuser may ask for O_NOATIME. */
	if (filp == ERR_PTR(-EPERM))
		filp = filp_open(path, flags, 0);
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
 * vhdx_file_init() - make a store of a file
 * @file: the store, all zeros before; to be undone by vhdx_file_stop()
 * @filp: the file, which the store owns from now on
 */
void vhdx_file_init(struct vhdx_file *file, struct file *filp)
{
	file->store.ops = &vhdx_file_ops;
	file->filp = filp;
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

/*
 * Pages that are read for us must not be allocated in a way that could wait
 * for a write to the device that is made from the file. The workers see to
 * that for themselves; this does for threads that file systems delegate to.
 */
static void file_mark(struct vhdx_file *file)
{
	struct address_space *mapping = file->filp->f_mapping;

	file->gfp = mapping_gfp_mask(mapping);
	mapping_set_gfp_mask(mapping, file->gfp & ~(__GFP_IO | __GFP_FS));
	file->marked = true;
}

/**
 * vhdx_file_start() - lock the file and make the store usable
 * @file: as vhdx_file_init() left it
 * @reason: takes the sentence if it fails
 *
 * Context: process context; the file's only store, see vhdx_file_unmark().
 * Return: 0 or a negative errno; then, too, vhdx_file_stop() undoes it.
 */
int vhdx_file_start(struct vhdx_file *file, struct vhdx_reason *reason)
{
	struct file *filp = file->filp;
	int err;

	err = vhdx_file_lock(filp, reason);
	if (err)
		return err;
	file->locked = true;
	err = vhdx_file_io_init(file);
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
	 * Read-ahead around a page of the BAT would read what no one needs. The
	 * time of a change is seen to in store/file-time.c.
	 */
	spin_lock(&filp->f_lock);
	filp->f_mode |= FMODE_RANDOM | FMODE_NOCMTIME;
	spin_unlock(&filp->f_lock);
	file_mark(file);
	return 0;
}

/**
 * vhdx_file_unmark() - undo what others can see of our use of the file
 * @file: the store, with no I/O under way; may be called twice
 *
 * The registry calls this before another store of the same file can start,
 * which would take our allocation flags for the file's own.
 */
void vhdx_file_unmark(struct vhdx_file *file)
{
	if (file->marked)
		mapping_set_gfp_mask(file->filp->f_mapping, file->gfp);
	file->marked = false;
}

/**
 * vhdx_file_stop() - close the file
 * @file: the store, started or not, with no I/O under way
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
	fput(file->filp);
}

/**
 * vhdx_file_direct() - can the page cache be bypassed?
 * @file: the store, started
 *
 * Return: true if the file takes direct I/O; vhdx_file_aligned() says of which
 * ranges.
 */
bool vhdx_file_direct(const struct vhdx_file *file)
{
	return file->offset_align;
}

/**
 * vhdx_file_set_sector() - tell how small I/O may be
 * @file: the store, started, with no write under way unless it was told the same
 *	before
 * @sector: the smallest I/O, in bytes
 */
void vhdx_file_set_sector(struct vhdx_file *file, u32 sector)
{
	if (file->mixed || file->offset_align <= sector)
		return;
	vhdx_overlap_init(&file->overlap, file->offset_align);
	file->mixed = true;
}

/**
 * vhdx_file_wants_stable() - must what is being written stay as it is?
 * @file: the store, started
 *
 * Direct I/O takes the pages of whoever writes to the device.  If the disk or the
 * file system computes checksums over them, or keeps two copies, a page that
 * changes meanwhile is an error, sooner or later.
 *
 * Return: true if pages under direct I/O must not change.
 */
bool vhdx_file_wants_stable(const struct vhdx_file *file)
{
	/* An overlay's file is another one's. */
	struct inode *inode = d_real_inode(file->filp->f_path.dentry);
	struct super_block *sb = inode->i_sb;

	return sb->s_iflags & SB_I_STABLE_WRITES ||
	       vhdx_mapping_stable(inode->i_mapping) ||
	       (sb->s_bdev && bdev_stable_writes(sb->s_bdev));
}
