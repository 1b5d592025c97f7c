// SPDX-License-Identifier: GPL-2.0-only
#include <linux/device-mapper.h>
#include <linux/mutex.h>

#include "reason.h"
#include "registry.h"

static DEFINE_MUTEX(registry_lock);
static LIST_HEAD(registry);

static int refuse_sharing(const struct vhdx_backing *backing,
			  const struct vhdx_claim *claim,
			  struct vhdx_reason *reason)
{
	if (backing->writer && backing->writer != claim->md)
		return vhdx_reason_give(reason, -EBUSY,
					"is being written by another device");
	if (backing->table[!claim->write] == claim->table)
		return vhdx_reason_give(reason, -EBUSY,
					"is read and written by one table, whose device could not be both");
	if (backing->writer || !claim->write)
		return 0;
	return vhdx_reason_give(reason, -EBUSY,
				"is in use by a device that reads it, so that nothing may write to it");
}

/*
 * An overlay has an inode of its own for a file of the file system below, and a
 * lock on one of the two inodes does not conflict with a lock on the other.
 * Readers may share the file through both.
 */
static int refuse_other_inode(const struct vhdx_backing *backing,
			      const struct vhdx_claim *claim,
			      struct vhdx_reason *reason)
{
	if (!backing->writer && !claim->write)
		return 0;
	return vhdx_reason_give(reason, -EBUSY,
				"is in use as %s, which an overlay makes of the same file",
				backing->name);
}

/* What is known of an image that was lent does for readers above it only. */
static bool is_succeeded(const struct vhdx_backing *backing,
			 const struct vhdx_backing *fresh,
			 const struct vhdx_claim *claim)
{
	return backing->key == fresh->key && backing->lender == claim->md &&
	       backing->lender && claim->write;
}

static int refuse_entry(const struct vhdx_backing *backing,
			const struct vhdx_backing *fresh,
			const struct vhdx_claim *claim,
			struct vhdx_reason *reason)
{
	if (backing->real == fresh->real && backing->lender &&
	    backing->lender != claim->md)
		return vhdx_reason_give(reason, -EBUSY,
					"is being merged into by the device that reads it");
	if (is_succeeded(backing, fresh, claim))
		return 0;
	if (backing->key == fresh->key)
		return refuse_sharing(backing, claim, reason);
	if (backing->real == fresh->real)
		return refuse_other_inode(backing, claim, reason);
	return 0;
}

/**
 * vhdx_registry_enter() - find the backing of an image, or enter a new one
 * @fresh: a new backing, not open; its @before is set if it is entered as an heir
 * @claim: user of the image, and its purpose
 * @reason: receives the sentence if the call fails
 *
 * Context: process context.
 * Return: the backing that has the key of @fresh, with a reference for the
 * caller; @fresh if there was none; or an ERR_PTR: -EBUSY if the claim conflicts.
 */
struct vhdx_backing *vhdx_registry_enter(struct vhdx_backing *fresh,
					 const struct vhdx_claim *claim,
					 struct vhdx_reason *reason)
{
	struct vhdx_backing *backing, *found = NULL, *before = NULL;
	int err = 0;

	mutex_lock(&registry_lock);
	list_for_each_entry(backing, &registry, node) {
		err = refuse_entry(backing, fresh, claim, reason);
		if (err)
			break;
		if (is_succeeded(backing, fresh, claim))
			before = backing;
		else if (backing->key == fresh->key && !backing->heir)
			found = backing;
	}
	if (!err && found)
		refcount_inc(&found->users);
	if (!err && !found) {
		found = fresh;
		list_add(&fresh->node, &registry);
		fresh->before = before;
		if (before)
			refcount_inc(&before->users);
	}
	if (!err)
		found->table[claim->write] = claim->table;
	mutex_unlock(&registry_lock);
	return err ? ERR_PTR(err) : found;
}

/* An heir's table never became live: the image is as it was before it. */
static void give_back(const struct vhdx_backing *heir)
{
	struct vhdx_backing *backing;

	list_for_each_entry(backing, &registry, node) {
		if (backing->key != heir->key || !backing->heir)
			continue;
		backing->heir = false;
		if (backing->is_file)
			vhdx_file_mark(&backing->file);
	}
}

static void leave(struct vhdx_backing *backing)
{
	lockdep_assert_held(&registry_lock);
	list_del_init(&backing->node);
	if (backing->is_file)
		vhdx_file_unmark(&backing->file);
	give_back(backing);
}

/**
 * vhdx_registry_leave() - take a backing out that could not be opened
 * @backing: the backing
 *
 * Who waits for it must not find it again.
 *
 * Context: process context.
 */
void vhdx_registry_leave(struct vhdx_backing *backing)
{
	mutex_lock(&registry_lock);
	leave(backing);
	mutex_unlock(&registry_lock);
}

/* A later table may have the same address. */
static void forget_table(struct vhdx_backing *backing,
			 const struct dm_table *table)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(backing->table); i++)
		if (backing->table[i] == table)
			backing->table[i] = NULL;
}

/**
 * vhdx_registry_drop() - drop a table's reference
 * @backing: the backing
 * @table: the table of the claim
 *
 * Context: process context.
 * Return: true if it was the last one; the caller closes the image.
 */
bool vhdx_registry_drop(struct vhdx_backing *backing,
			const struct dm_table *table)
{
	bool last;

	mutex_lock(&registry_lock);
	forget_table(backing, table);
	last = refcount_dec_and_test(&backing->users);
	/* One that could not be opened has left already. */
	if (last && !list_empty(&backing->node))
		leave(backing);
	mutex_unlock(&registry_lock);
	return last;
}

/**
 * vhdx_registry_publish() - let the shrinker see an open image
 * @backing: the backing
 * @image: its image
 *
 * Context: process context.
 */
void vhdx_registry_publish(struct vhdx_backing *backing,
			   struct vhdx_image *image)
{
	mutex_lock(&registry_lock);
	backing->image = image;
	mutex_unlock(&registry_lock);
}

/**
 * vhdx_registry_succeed() - note that a backing has an heir
 * @before: the backing, which is lent
 *
 * The heir's store can start afterwards.
 *
 * Context: process context.
 */
void vhdx_registry_succeed(struct vhdx_backing *before)
{
	mutex_lock(&registry_lock);
	before->heir = true;
	if (before->is_file)
		vhdx_file_unmark(&before->file);
	mutex_unlock(&registry_lock);
}

/* An heir, or one that is to be. */
static bool has_heir(const struct vhdx_backing *backing)
{
	const struct vhdx_backing *other;

	list_for_each_entry(other, &registry, node)
		if (other != backing && other->key == backing->key)
			return true;
	return false;
}

/**
 * vhdx_registry_lend() - let no other device have an image
 * @backing: the image, which one device reads; it may be lent already
 * @md: the device
 *
 * Context: process context.
 * Return: 0, or -EBUSY if another table has it.
 */
int vhdx_registry_lend(struct vhdx_backing *backing,
		       const struct mapped_device *md)
{
	int err = 0;

	mutex_lock(&registry_lock);
	if (has_heir(backing) ||
	    (!backing->lender && refcount_read(&backing->users) > 1))
		err = -EBUSY;
	else
		backing->lender = md;
	mutex_unlock(&registry_lock);
	return err;
}

/**
 * vhdx_registry_unlend() - let other devices have an image again
 * @backing: the image, in which nothing was changed since vhdx_registry_lend()
 *
 * Context: process context.
 */
void vhdx_registry_unlend(struct vhdx_backing *backing)
{
	mutex_lock(&registry_lock);
	backing->lender = NULL;
	mutex_unlock(&registry_lock);
}

/**
 * vhdx_registry_resident() - count the metadata pages of all images
 *
 * Context: memory reclaim. Does not wait for the registry, because its holder
 * may be waiting for memory.
 * Return: number of pages; 0 if the registry is busy.
 */
unsigned long vhdx_registry_resident(void)
{
	struct vhdx_backing *backing;
	unsigned long pages = 0;

	if (!mutex_trylock(&registry_lock))
		return 0;
	list_for_each_entry(backing, &registry, node) {
		if (!backing->image)
			continue;
		/* An estimate: nobody relies on the exact number. */
		pages += data_race(backing->image->pool.resident);
	}
	mutex_unlock(&registry_lock);
	return pages;
}

/**
 * vhdx_registry_shrink() - free metadata pages
 * @count: number of pages to free at most
 *
 * Rotates the registry, so that the first image does not pay for all.
 *
 * Context: memory reclaim, see vhdx_registry_resident().
 * Return: number of pages freed.
 */
unsigned long vhdx_registry_shrink(unsigned long count)
{
	struct vhdx_backing *backing;
	unsigned long pages = 0;

	if (!mutex_trylock(&registry_lock))
		return 0;
	list_for_each_entry(backing, &registry, node) {
		if (backing->image)
			pages += vhdx_pool_shrink(&backing->image->pool,
						  count - pages);
		if (pages >= count)
			break;
	}
	list_rotate_left(&registry);
	mutex_unlock(&registry_lock);
	return pages;
}
