// SPDX-License-Identifier: GPL-2.0-only
/*
 * Epochs of I/O.
 */
#include <linux/delay.h>

#include "epoch.h"

static void epoch_empty(struct percpu_ref *ref)
{
	struct vhdx_epoch *epoch = container_of(ref, struct vhdx_epoch, ref);
	struct vhdx_epochs *epochs = epoch->set;

	/* Pairs with the acquire in vhdx_epochs_settled(). */
	smp_store_release(&epochs->empty, true);
	epochs->notify(epochs);
}

/**
 * vhdx_epochs_init() - initialize both epochs, empty
 * @epochs: the epochs; the caller undoes this with vhdx_epochs_exit()
 * @notify: called from any context when the old epoch is empty
 *
 * Context: process context.
 * Return: 0; or -ENOMEM, with nothing to undo.
 */
int vhdx_epochs_init(struct vhdx_epochs *epochs,
		     void (*notify)(struct vhdx_epochs *epochs))
{
	unsigned int i;
	int err;

	*epochs = (struct vhdx_epochs){
		.present = &epochs->epoch[0],
		.notify = notify,
	};
	for (i = 0; i < 2; i++) {
		epochs->epoch[i].set = epochs;
		err = percpu_ref_init(&epochs->epoch[i].ref, epoch_empty,
				      PERCPU_REF_ALLOW_REINIT, GFP_KERNEL);
		if (err) {
			if (i)
				percpu_ref_exit(&epochs->epoch[0].ref);
			return err;
		}
	}
	return 0;
}

/**
 * vhdx_epochs_exit() - destroy both epochs
 * @epochs: the epochs, both empty, which no I/O enters any more
 *
 * Context: sleeps for a grace period of RCU if the old epoch has not settled.
 */
void vhdx_epochs_exit(struct vhdx_epochs *epochs)
{
	while (epochs->switched && !vhdx_epochs_settled(epochs))
		msleep(20);
	percpu_ref_exit(&epochs->epoch[0].ref);
	percpu_ref_exit(&epochs->epoch[1].ref);
}

static struct vhdx_epoch *other_epoch(struct vhdx_epochs *epochs)
{
	return &epochs->epoch[epochs->present == &epochs->epoch[0]];
}

/**
 * vhdx_epochs_switch() - begin a new epoch
 * @epochs: the epochs, with the old one settled; one task at a time
 *
 * Context: any.
 */
void vhdx_epochs_switch(struct vhdx_epochs *epochs)
{
	struct vhdx_epoch *old = epochs->present;

	epochs->empty = false;
	epochs->switched = true;
	/* Pairs with the acquire in vhdx_epoch_enter(). */
	smp_store_release(&epochs->present, other_epoch(epochs));
	percpu_ref_kill(&old->ref);
}

/**
 * vhdx_epochs_settled() - has all I/O left the old epoch?
 * @epochs: the epochs; one task at a time
 *
 * Context: any.
 * Return: true once for each switch, when the old epoch is empty.
 */
bool vhdx_epochs_settled(struct vhdx_epochs *epochs)
{
	/* Pairs with the release in epoch_empty(). */
	if (!epochs->switched || !smp_load_acquire(&epochs->empty))
		return false;
	percpu_ref_reinit(&other_epoch(epochs)->ref);
	epochs->switched = false;
	return true;
}
