/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Epochs tell when all I/O has ended that may have seen an older mapping.
 *
 * An I/O enters the present epoch before it looks up where to go, and leaves
 * that epoch when it has ended. Space that a block gave up may go to another
 * block when all I/O has left the epoch in which a lookup could find the old
 * place. Two epochs alternate: while one drains, new I/O enters the other.
 *
 * No function here waits for an epoch to drain, except at the end. Work that
 * waits for space may hold up I/O, so that work must not wait for I/O.
 *
 * epoch.c APIs:
 *   vhdx_epochs_init()		initialize both epochs
 *   vhdx_epochs_exit()
 *   vhdx_epochs_switch()	begin a new epoch
 *   vhdx_epochs_settled()	has all I/O left the old epoch?
 * epoch.h APIs:
 *   vhdx_epoch_enter()		enter the present epoch, before a lookup
 *   vhdx_epoch_leave()		leave it, when the I/O has ended
 */
#ifndef VHDX_EPOCH_H
#define VHDX_EPOCH_H

#include <linux/percpu-refcount.h>
#include <linux/rcupdate.h>

struct vhdx_epochs;

/**
 * struct vhdx_epoch - one of the two epochs
 * @ref: a reference for each I/O in the epoch
 * @set: the pair that the epoch belongs to
 */
struct vhdx_epoch {
	struct percpu_ref ref;
	struct vhdx_epochs *set;
};

/**
 * struct vhdx_epochs - a pair of epochs
 * @epoch: the epochs, which alternate
 * @present: the epoch that new I/O enters
 * @switched: the old epoch has not settled yet
 * @empty: all I/O has left the old epoch
 * @notify: called from any context when @empty becomes true
 */
struct vhdx_epochs {
	struct vhdx_epoch epoch[2];
	struct vhdx_epoch *present;
	bool switched;
	bool empty;
	void (*notify)(struct vhdx_epochs *epochs);
};

int vhdx_epochs_init(struct vhdx_epochs *epochs,
		     void (*notify)(struct vhdx_epochs *epochs));
void vhdx_epochs_exit(struct vhdx_epochs *epochs);
void vhdx_epochs_switch(struct vhdx_epochs *epochs);
bool vhdx_epochs_settled(struct vhdx_epochs *epochs);

/**
 * vhdx_epoch_enter() - enter the present epoch, before a lookup
 * @epochs: the epochs of the image
 *
 * percpu_ref_kill() waits for a grace period of RCU before it counts
 * references. So a task that has read @present here holds its reference before
 * the epoch can be found empty. A task that enters the new epoch sees the
 * mapping as it was changed before the switch. An epoch that is being left
 * gives no references; by then @present is the other epoch.
 *
 * Context: any.
 * Return: the epoch, for vhdx_epoch_leave().
 */
static inline struct vhdx_epoch *vhdx_epoch_enter(struct vhdx_epochs *epochs)
{
	struct vhdx_epoch *epoch;

	rcu_read_lock();
	/* Pairs with the release in vhdx_epochs_switch(). */
	epoch = smp_load_acquire(&epochs->present);
	while (unlikely(!percpu_ref_tryget_live_rcu(&epoch->ref))) {
		smp_rmb();	/* Read @present after the dead flag of ref. */
		epoch = smp_load_acquire(&epochs->present);
	}
	rcu_read_unlock();
	return epoch;
}

/**
 * vhdx_epoch_leave() - leave an epoch, when the I/O has ended
 * @epoch: the epoch that vhdx_epoch_enter() returned
 *
 * Context: any, interrupts too.
 */
static inline void vhdx_epoch_leave(struct vhdx_epoch *epoch)
{
	percpu_ref_put(&epoch->ref);
}

#endif /* VHDX_EPOCH_H */
