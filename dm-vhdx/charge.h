/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control groups: I/O that a worker does for a bio is charged to the group that
 * the bio comes from.
 *
 * A clone of dm's is associated with no group until a target sets its device, and
 * the group is then that of the task that does so.  ->map runs in the task that
 * submits the bio, so ->map notes the group; a worker that acts for the bio takes
 * it on.  What serves all who use an image is charged to the root: metadata, and
 * blocks that are prepared ahead.  A group that is throttled would hold up others
 * that wait for the same page.
 *
 * charge.h APIs:
 *   vhdx_charge_is_root()		is the current task of the root group?
 *   vhdx_charge_note()		remember the group of the current task
 *   vhdx_charge_switch()	take on a bio's group, for one of several bios
 *   vhdx_charge_memory()	charge memory to the same group
 *   vhdx_charge_enter()	take on a bio's group, and charge memory to it
 *   vhdx_charge_leave()	end it
 */
#ifndef VHDX_CHARGE_H
#define VHDX_CHARGE_H

#include <linux/bio.h>
#include <linux/blk-cgroup.h>
#include <linux/cgroup.h>
#include <linux/kthread.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>

/**
 * struct vhdx_charge - what a worker took on
 * @blkcg: the group that I/O is charged to, NULL if that is the root
 * @memcg: the group that memory is charged to, a reference; NULL if none
 * @before: the memory group before
 */
struct vhdx_charge {
	struct cgroup_subsys_state *blkcg;
	struct cgroup_subsys_state *memcg;
	struct mem_cgroup *before;
};

/**
 * vhdx_charge_is_root() - is the current task of the root group?
 *
 * Return: false also if that is not known.
 */
static inline bool vhdx_charge_is_root(void)
{
	bool root = true;

#ifdef CONFIG_BLK_CGROUP
	/* A kernel thread may act for a group, as ours do. */
	if (current->flags & PF_KTHREAD)
		return false;
	rcu_read_lock();
	root = task_css(current, io_cgrp_id) == blkcg_root_css;
	rcu_read_unlock();
#endif
	return root;
}

/**
 * vhdx_charge_note() - remember the group of the current task
 * @bio: a clone of dm's; a group that it has already stays
 *
 * A bio without a group is charged to the root, which most bios come from.
 *
 * Context: ->map; or a worker, with a bio that ->map has seen.
 */
static inline void vhdx_charge_note(struct bio *bio)
{
	if (!vhdx_charge_is_root())
		bio_associate_blkg(bio);
}

/**
 * vhdx_charge_switch() - take on a bio's group, for one of several bios
 * @bio: that vhdx_charge_note() has seen, or that was split off such a one
 * @last: the group that the worker has taken on
 *
 * Bios in a row are mostly from one group.
 *
 * Context: a worker.
 * Return: the group, for the next call; NULL if it is the root.  If the last one
 * of a row is not NULL, kthread_associate_blkcg(NULL) ends it.
 */
static inline struct cgroup_subsys_state *
vhdx_charge_switch(struct bio *bio, struct cgroup_subsys_state *last)
{
	struct cgroup_subsys_state *css = bio_blkcg_css(bio);

	if (css == blkcg_root_css)
		css = NULL;
	if (css != last)
		kthread_associate_blkcg(css);
	return css;
}

/**
 * vhdx_charge_memory() - charge memory to the same group
 * @charge: its @blkcg is set; vhdx_charge_leave() ends it
 *
 * Context: a worker.
 */
static inline void vhdx_charge_memory(struct vhdx_charge *charge)
{
#if defined(CONFIG_BLK_CGROUP) && defined(CONFIG_MEMCG)
	charge->memcg = cgroup_get_e_css(charge->blkcg->cgroup,
					 &memory_cgrp_subsys);
	if (charge->memcg)
		charge->before =
			set_active_memcg(mem_cgroup_from_css(charge->memcg));
#endif
}

/**
 * vhdx_charge_enter() - take on a bio's group, and charge memory to it
 * @bio: see vhdx_charge_switch()
 * @memory: charge memory, too.  A group at its limit may wait for this very I/O:
 *	an attempt that follows a lack of memory must not charge it.
 *
 * Context: a worker.
 * Return: for vhdx_charge_leave(), by the same task.
 */
static inline struct vhdx_charge vhdx_charge_enter(struct bio *bio, bool memory)
{
	struct vhdx_charge charge = {
		.blkcg = vhdx_charge_switch(bio, NULL),
	};

	if (charge.blkcg && memory)
		vhdx_charge_memory(&charge);
	return charge;
}

/**
 * vhdx_charge_leave() - end what vhdx_charge_enter() began
 * @charge: as it returned that
 */
static inline void vhdx_charge_leave(struct vhdx_charge charge)
{
	if (charge.memcg) {
		set_active_memcg(charge.before);
		css_put(charge.memcg);
	}
	if (charge.blkcg)
		kthread_associate_blkcg(NULL);
}

#endif /* VHDX_CHARGE_H */
