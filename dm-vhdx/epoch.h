/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Epochs: when has all I/O ended that may have seen the mapping as it was?
 *
 * An I/O enters the present epoch before it looks up where to go and leaves it
 * when it has ended. Space that a block gave up may be used for another block
 * when the epoch in which the old place could be seen has been left by all.
 * There are two epochs in turns: while one is waited for, the other is entered.
 *
 * Nobody waits here. Work that is held up for want of space may hold up I/O,
 * and that must not hold up the work.
 *
 * epoch.c APIs:
 *   vhdx_epochs_init()		nobody is in
 *   vhdx_epochs_exit()
 *   vhdx_epochs_switch()	begin a new epoch
 *   vhdx_epochs_settled()	has the old one been left by all?
 * epoch.h APIs:
 *   vhdx_epoch_enter()		before a lookup
 *   vhdx_epoch_leave()		when what followed from it has ended
 */
#ifndef VHDX_EPOCH_H
#define VHDX_EPOCH_H

#include <linux/percpu-refcount.h>
#include <linux/rcupdate.h>

struct vhdx_epochs;

/**
 * struct vhdx_epoch - one of the two
 * @ref: who is in it
 * @set: both of them
 */
struct vhdx_epoch {
	struct percpu_ref ref;
	struct vhdx_epochs *set;
};

/**
 * struct vhdx_epochs - both of them
 * @epoch: in turns
 * @present: the one that is entered
 * @switched: the other one is being left
 * @empty: it has been left by all
 * @notify: called then; from any context
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
 * vhdx_epoch_enter() - say that a lookup is about to be done
 * @epochs: of the image
 *
 * A switch waits for a grace period of RCU before it counts, so that who has
 * read @present here is in that epoch before it can be found empty. Who enters
 * the new epoch sees what the mapping had become before. An epoch that is being
 * left takes nobody in; by then the other one is the present one.
 *
 * Context: any.
 * Return: the epoch, for vhdx_epoch_leave().
 */
static inline struct vhdx_epoch *vhdx_epoch_enter(struct vhdx_epochs *epochs)
{
	struct vhdx_epoch *epoch;

	rcu_read_lock();
	/* Goes with the release in vhdx_epochs_switch(). */
	epoch = smp_load_acquire(&epochs->present);
	while (unlikely(!percpu_ref_tryget_live_rcu(&epoch->ref))) {
		smp_rmb();	/* That it is dead was read before this. */
		epoch = smp_load_acquire(&epochs->present);
	}
	rcu_read_unlock();
	return epoch;
}

/**
 * vhdx_epoch_leave() - say that what followed from a lookup has ended
 * @epoch: as vhdx_epoch_enter() returned it
 *
 * Context: any, interrupts too.
 */
static inline void vhdx_epoch_leave(struct vhdx_epoch *epoch)
{
	percpu_ref_put(&epoch->ref);
}

#endif /* VHDX_EPOCH_H */
