// SPDX-License-Identifier: GPL-2.0-only
/*
 * The images in use.
 */
#include <linux/dcache.h>
#include <linux/device-mapper.h>
#include <linux/file.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "backing.h"
#include "commit-life.h"
#include "printable.h"
#include "reason.h"
#include "scope.h"

#define DM_MSG_PREFIX "vhdx"

/* Taken before the registry's; the locks of files change under it. */
static DEFINE_MUTEX(lend_lock);

/* Limit the rate: every bio that needs a bad block of metadata reports it. */
static void backing_emit(struct vhdx_report *report,
			 const struct vhdx_finding *finding)
{
	struct vhdx_backing *backing =
		container_of(report, struct vhdx_backing, report);
	char text[VHDX_SENTENCE_MAX];

	vhdx_sentence(finding, text, sizeof(text));
	if (finding->severity == VHDX_ERROR)
		DMERR_LIMIT("%s: %s", backing->name, text);
	else
		DMWARN_LIMIT("%s: %s", backing->name, text);
}

static struct vhdx_backing *backing_alloc(const void *key,
					  const struct vhdx_claim *claim)
{
	struct vhdx_backing *backing = kzalloc(sizeof(*backing), GFP_KERNEL);

	if (!backing)
		return NULL;
	backing->name = vhdx_printable_dup(claim->name, GFP_KERNEL);
	if (!backing->name) {
		kfree(backing);
		return NULL;
	}
	backing->key = key;
	backing->real = key;
	backing->writer = claim->write ? claim->md : NULL;
	backing->report.emit = backing_emit;
	INIT_LIST_HEAD(&backing->node);
	refcount_set(&backing->users, 1);
	init_completion(&backing->opened);
	return backing;
}

static void backing_free(struct vhdx_backing *backing)
{
	kfree(backing->name);
	kfree(backing);
}

static struct vhdx_store *backing_store(struct vhdx_backing *backing)
{
	return backing->is_file ? &backing->file.store : &backing->bdev.store;
}

static int backing_commits(struct vhdx_backing *backing)
{
	struct vhdx_committer *committer;

	committer = vhdx_committer_new(backing->image, &backing->report,
				       backing->name);
	if (IS_ERR(committer))
		return PTR_ERR(committer);
	backing->committer = committer;
	if (backing->is_file)
		backing->file.patience = &committer->room.patience;
	return 0;
}

static int backing_start(struct vhdx_backing *backing,
			 const struct vhdx_claim *claim,
			 struct vhdx_reason *reason)
{
	if (!backing->is_file)
		return vhdx_bdev_start(&backing->bdev);
	return vhdx_file_start(&backing->file, claim->workers, reason);
}

/* Nobody counts who writes a device, so the program says when it has ended. */
static bool others_write(const struct vhdx_backing *backing)
{
	const struct vhdx_backing *before = backing->before;

	lockdep_assert_held(&lend_lock);
	if (!backing->is_file)
		return before->on_loan;
	return vhdx_file_others_write(&backing->file, &before->file);
}

/*
 * Two stores of a file would be in each other's way: the old one is only read from
 * here on, until its table is gone. Both share the locks. So the file is locked
 * all the time, whichever of them is closed first.
 */
static int backing_inherit(struct vhdx_backing *backing,
			   const struct vhdx_claim *claim,
			   struct vhdx_reason *reason)
{
	struct vhdx_backing *before = backing->before;
	int err;

	mutex_lock(&lend_lock);
	if (others_write(backing)) {
		err = vhdx_reason_give(reason, -EBUSY,
				       "is still being merged into");
	} else {
		vhdx_registry_succeed(before);
		if (backing->is_file)
			vhdx_file_inherit(&backing->file, &before->file);
		err = backing_start(backing, claim, reason);
	}
	mutex_unlock(&lend_lock);
	backing->before = NULL;
	vhdx_backing_put(before, NULL);
	return err;
}

static int backing_open(struct vhdx_backing *backing,
			const struct vhdx_claim *claim,
			struct vhdx_reason *reason)
{
	struct vhdx_image *image;
	int err;

	if (backing->before)
		err = backing_inherit(backing, claim, reason);
	else
		err = backing_start(backing, claim, reason);
	if (err)
		return err;
	image = vhdx_image_open(backing_store(backing),
				VHDX_POOL_PAGES_DEFAULT, &reason->report);
	if (IS_ERR(image))
		return PTR_ERR(image);
	/* The constructor's report does not outlive the constructor. */
	image->report = &backing->report;
	vhdx_registry_publish(backing, image);
	return backing->writer ? backing_commits(backing) : 0;
}

static void backing_close(struct vhdx_backing *backing)
{
	if (backing->committer)
		vhdx_committer_free(backing->committer);
	if (backing->image)
		vhdx_image_close(backing->image);
	if (backing->is_file)
		vhdx_file_stop(&backing->file);
	else
		vhdx_bdev_stop(&backing->bdev);
	backing_free(backing);
}

/* Those who wait for a backing that failed to open must not find it again. */
static void backing_opened(struct vhdx_backing *backing, int err)
{
	if (err)
		vhdx_registry_leave(backing);
	backing->error = err;
	complete_all(&backing->opened);
}

static struct vhdx_backing *backing_open_first(struct vhdx_backing *backing,
					       const struct vhdx_claim *claim,
					       struct vhdx_reason *reason)
{
	int err = backing_open(backing, claim, reason);

	backing_opened(backing, err);
	if (!err)
		return backing;
	vhdx_backing_put(backing, claim->table);
	return ERR_PTR(err);
}

/*
 * If another table fails to open the same image, try to open it for this one:
 * its constructor needs a reason of its own.
 */
static struct vhdx_backing *backing_get(struct vhdx_backing *fresh,
					const struct vhdx_claim *claim,
					struct vhdx_reason *reason)
{
	struct vhdx_backing *backing;
	int err;

	for (;;) {
		backing = vhdx_registry_enter(fresh, claim, reason);
		if (backing == fresh)
			return backing_open_first(fresh, claim, reason);
		if (IS_ERR(backing)) {
			backing_close(fresh);
			return backing;
		}
		err = wait_for_completion_killable(&backing->opened);
		if (!err && !backing->error) {
			backing_close(fresh);
			return backing;
		}
		vhdx_backing_put(backing, claim->table);
		if (err) {
			backing_close(fresh);
			return ERR_PTR(err);
		}
	}
}

/**
 * vhdx_backing_get_file() - find or open the image in a file
 * @filp: a regular file, open as @claim needs it; the call consumes the
 *	reference, also if it fails
 * @claim: user of the image, and its purpose
 * @reason: receives the sentence if the call fails
 *
 * Context: process context, no lock held; does I/O if the image is not open.
 * Return: the backing, to be given back by vhdx_backing_put(), or an ERR_PTR.
 */
struct vhdx_backing *vhdx_backing_get_file(struct file *filp,
					   const struct vhdx_claim *claim,
					   struct vhdx_reason *reason)
{
	struct vhdx_backing *fresh = backing_alloc(file_inode(filp), claim);

	if (!fresh) {
		fput(filp);
		return ERR_PTR(-ENOMEM);
	}
	fresh->real = d_real_inode(filp->f_path.dentry);
	fresh->is_file = true;
	vhdx_file_init(&fresh->file, filp);
	return backing_get(fresh, claim, reason);
}

/**
 * vhdx_backing_get_bdev() - find or open the image on a block device
 * @bdev: the device, open as @claim needs it; the caller keeps it open until it
 *	has called vhdx_backing_put()
 * @claim: user of the image, and its purpose
 * @reason: receives the sentence if the call fails
 *
 * Context: process context, no lock held; does I/O if the image is not open.
 * Return: the backing, to be given back by vhdx_backing_put(), or an ERR_PTR.
 */
struct vhdx_backing *vhdx_backing_get_bdev(struct block_device *bdev,
					   const struct vhdx_claim *claim,
					   struct vhdx_reason *reason)
{
	struct vhdx_backing *fresh = backing_alloc(bdev, claim);

	if (!fresh)
		return ERR_PTR(-ENOMEM);
	vhdx_bdev_init(&fresh->bdev, bdev);
	return backing_get(fresh, claim, reason);
}

/*
 * A device has no locks. Its holder, which is device-mapper, keeps away whoever asks
 * for the device alone, as mount and vhdxsetup do; the program does not ask.
 */
static int lend_store(struct vhdx_backing *backing)
{
	lockdep_assert_held(&lend_lock);
	if (backing->is_file)
		return vhdx_file_lend(&backing->file);
	backing->on_loan = true;
	return 0;
}

static int recall_store(struct vhdx_backing *backing)
{
	lockdep_assert_held(&lend_lock);
	if (backing->is_file)
		return vhdx_file_recall(&backing->file);
	backing->on_loan = false;
	return 0;
}

/* The log is read before anybody can use it anew, and under no lock. */
static int hold_log(struct vhdx_backing *backing)
{
	struct vhdx_image *image = backing->image;
	struct vhdx_scope scope = vhdx_scope_enter();
	int err = vhdx_replay_hold(&image->replay, image->store);

	vhdx_scope_leave(scope);
	return err;
}

/**
 * vhdx_backing_lend() - let a program merge into an image
 * @backing: the image, a parent in the live table of @md, and in no other table
 *	unless it is lent already
 * @md: the device
 *
 * From now on, no other device gets the image, whose locks keep everybody away
 * who asks for one. The program must write only what a child covers. To a block
 * device, it writes past the page cache, which no bio of the image's readers sees.
 *
 * Context: process context.
 * Return: 0; -EBUSY if another table has the image, -EAGAIN if another program
 * has it locked; -ENOMEM, or another negative errno of a lock or of the store.
 */
int vhdx_backing_lend(struct vhdx_backing *backing,
		      const struct mapped_device *md)
{
	int err = hold_log(backing);

	if (err)
		return err;
	mutex_lock(&lend_lock);
	err = vhdx_registry_lend(backing, md);
	if (!err) {
		err = lend_store(backing);
		if (!err)
			vhdx_image_lend(backing->image);
		else if (!READ_ONCE(backing->image->lent))
			vhdx_registry_unlend(backing);
	}
	mutex_unlock(&lend_lock);
	return err;
}

/**
 * vhdx_backing_recall() - keep everybody from writing an image that was lent
 * @backing: the image
 *
 * Of a block device, the program has closed it. A table that writes the device is
 * refused until then.
 *
 * Other devices still do not get it: what is known of it is old.
 *
 * Context: process context.
 * Return: 0, also if it was not lent; -ETXTBSY if a program has it open for
 * writing.
 */
int vhdx_backing_recall(struct vhdx_backing *backing)
{
	int err = 0;

	mutex_lock(&lend_lock);
	if (backing->lender && !backing->heir)
		err = recall_store(backing);
	mutex_unlock(&lend_lock);
	return err;
}

/**
 * vhdx_backing_put() - drop a reference to an image, and close an unused image
 * @backing: from vhdx_backing_get_file() or vhdx_backing_get_bdev()
 * @table: the table of the claim
 *
 * Context: process context; all I/O through the caller's layer has ended, and
 * an RCU grace period has passed since then.
 */
void vhdx_backing_put(struct vhdx_backing *backing,
		      const struct dm_table *table)
{
	if (vhdx_registry_drop(backing, table))
		backing_close(backing);
}

/**
 * vhdx_backing_set_cache() - bound an image's metadata in memory
 * @backing: the image; if tables share it, the one that was resumed last
 *	decides
 * @kib: KiB, or 0 for the default
 *
 * Frees the pages above the bound at once.
 *
 * Context: may sleep.
 */
void vhdx_backing_set_cache(struct vhdx_backing *backing, unsigned int kib)
{
	unsigned long pages = kib / (VHDX_PAGE / VHDX_KIB);

	vhdx_pool_set_limit(&backing->image->pool,
			    pages ?: VHDX_POOL_PAGES_DEFAULT);
}

/**
 * vhdx_backing_failed() - find out why I/O to an image may have failed
 * @backing: the image
 *
 * If somebody has cut the file, reports that once, and ends all writing.
 *
 * Context: any, interrupts too.
 */
void vhdx_backing_failed(struct vhdx_backing *backing)
{
	char text[VHDX_TEXT_MAX];
	struct vhdx_place at;

	if (READ_ONCE(backing->cut) ||
	    !vhdx_image_is_cut(backing->image, &at, text, sizeof(text)) ||
	    xchg(&backing->cut, true))
		return;
	if (backing->committer)
		vhdx_committer_cut(backing->committer);
	else
		vhdx_find(&backing->report, VHDX_ERROR, at, "%s", text);
}
