// SPDX-License-Identifier: GPL-2.0-only
/*
 * The committer: when there is no room for another block.
 */
#include <linux/device-mapper.h>
#include <linux/jiffies.h>

#include "commit-nospace.h"

#define DM_MSG_PREFIX "vhdx"

static void take_waiting(struct vhdx_committer *c, struct bio_list *bios)
{
	unsigned long flags;

	spin_lock_irqsave(&c->queue_lock, flags);
	*bios = c->room.waiting;
	bio_list_init(&c->room.waiting);
	spin_unlock_irqrestore(&c->queue_lock, flags);
}

/*
 * Return true if bios must not wait for room during a suspend. A suspend waits
 * for all bios, unless dm takes them back. If the writeback that a file system
 * does for the suspend fails, its data is lost, although a trim just before may
 * have made room for it. So bios wait as long as space is being freed, and not
 * otherwise. dm may cancel the suspend at any time.
 */
static bool suspend_refuses(const struct vhdx_committer *c)
{
	blk_status_t status = READ_ONCE(c->room.patience.suspend);

	return status == BLK_STS_NOSPC && !vhdx_session_reclaims(c->session);
}

/**
 * vhdx_room_refuse() - end all bios that wait for room
 * @c: the committer
 * @status: the status that they end with
 *
 * Context: process context, with no spinlock held; ends bios.
 */
void vhdx_room_refuse(struct vhdx_committer *c, blk_status_t status)
{
	struct bio_list bios;
	struct bio *bio;

	take_waiting(c, &bios);
	while ((bio = bio_list_pop(&bios))) {
		bio->bi_status = status;
		bio_endio(bio);
	}
}

/**
 * vhdx_room_clear() - leave the no-space state
 * @c: the committer, locked
 *
 * Context: process context, with the lock of @c held.
 */
void vhdx_room_clear(struct vhdx_committer *c)
{
	bool lacking = c->room.lacking;

	WRITE_ONCE(c->room.lacking, false);
	WRITE_ONCE(c->room.expired, false);
	if (lacking)
		vhdx_committer_event(c);
}

/**
 * vhdx_room_wait() - queue bios that found no room
 * @c: the committer
 * @bios: list of dm's clones, in no epoch; emptied
 *
 * Ends the bios instead if they must not wait.
 *
 * Context: the space worker, with no lock held; ends bios.
 */
void vhdx_room_wait(struct vhdx_committer *c, struct bio_list *bios)
{
	blk_status_t refused;
	struct bio *bio;

	while ((bio = bio_list_pop(bios))) {
		spin_lock_irq(&c->queue_lock);
		refused = vhdx_committer_refuses(c);
		if (!refused)
			bio_list_add(&c->room.waiting, bio);
		spin_unlock_irq(&c->queue_lock);
		if (!refused)
			continue;
		bio->bi_status = refused;
		bio_endio(bio);
	}
	wake_up(&c->wait);
}

static void room_again(struct vhdx_committer *c)
{
	struct bio_list bios;

	if (c->room.lacking && !c->room.expired)
		DMINFO("%s: there is room again", c->name);
	else if (c->room.lacking)
		DMINFO("%s: there is room again: writes to new blocks do not fail any more",
		       c->name);
	vhdx_room_clear(c);
	take_waiting(c, &bios);
	vhdx_committer_again(&bios);
}

static void room_ends(struct vhdx_committer *c)
{
	WRITE_ONCE(c->room.lacking, true);
	c->room.none = jiffies;
	DMWARN("%s: no room for another block: writes to new blocks wait for some",
	       c->name);
	vhdx_committer_event(c);
}

static bool waited_too_long(const struct vhdx_committer *c)
{
	return c->room.patience.timeout && !c->room.expired &&
	       time_after_eq(jiffies, c->room.none + c->room.patience.timeout * HZ);
}

/**
 * vhdx_room_settle() - decide about the bios that wait for room
 * @c: the committer, locked, with a session
 *
 * Resubmits, keeps or ends them. If they cannot be written for any reason but a
 * lack of room, such as a read-only session, this resubmits them, and they get
 * that error from the next lookup.
 *
 * The caller has just worked with VHDX_WORK_BEGIN for the bios that wait. The
 * space worker has looked for room for each of them before it queued it, so
 * this fails none that had no attempt.
 *
 * Context: process context, with the lock of @c held.
 */
void vhdx_room_settle(struct vhdx_committer *c)
{
	if (!vhdx_session_full(c->session)) {
		room_again(c);
	} else if (suspend_refuses(c)) {
		vhdx_room_refuse(c, BLK_STS_NOSPC);
	} else if (!c->room.lacking) {
		room_ends(c);
	} else if (c->room.expired) {
		vhdx_room_refuse(c, BLK_STS_NOSPC);
	} else if (waited_too_long(c)) {
		DMERR("%s: no room for %u seconds: writes to new blocks fail",
		      c->name, c->room.patience.timeout);
		WRITE_ONCE(c->room.expired, true);
		vhdx_room_refuse(c, BLK_STS_NOSPC);
		vhdx_committer_event(c);
	}
}
