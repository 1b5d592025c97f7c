/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control groups: a worker charges I/O to the group that submitted the bio.
 *
 * dm's clone has no group until a target sets its device, and then gets the
 * group of the task that does so. ->map runs in the task that submits the bio,
 * so ->map records the group. A worker that acts for the bio adopts that group.
 * A block that is prepared for a bio is charged to the bio's group, unless bios
 * of several groups wait; it may be 256 MiB for a write of a sector. Metadata
 * and blocks that are prepared ahead serve all users of an image, and are
 * charged to the root: a throttled group would hold up others that wait for the
 * same page.
 *
 * charge.h APIs:
 *   vhdx_charge_is_root()		is the current task in the root group?
 *   vhdx_charge_note()		record the group of the current task
 *   vhdx_charge_switch()	adopt a bio's group, for one of several bios
 *   vhdx_charge_memory()	charge memory to the same group
 *   vhdx_charge_enter()	adopt a bio's group, for I/O and memory
 *   vhdx_charge_leave()	end vhdx_charge_enter()
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
 * struct vhdx_charge - the groups that a worker has adopted
 * @blkcg: the group that I/O is charged to, NULL for the root
 * @memcg: a reference to the group that memory is charged to, or NULL
 * @before: the active memory group to restore
 */
struct vhdx_charge {
	struct cgroup_subsys_state *blkcg;
	struct cgroup_subsys_state *memcg;
	struct mem_cgroup *before;
};

/**
 * vhdx_charge_is_root() - is the current task in the root group?
 *
 * Context: any task.
 * Return: true if it is; false if it is not, or if that is not known.
 */
static inline bool vhdx_charge_is_root(void)
{
	bool root = true;

#ifdef CONFIG_BLK_CGROUP
	/* A kernel thread may act for a group, as our workers do. */
	if (current->flags & PF_KTHREAD)
		return false;
	rcu_read_lock();
	root = task_css(current, io_cgrp_id) == blkcg_root_css;
	rcu_read_unlock();
#endif
	return root;
}

/**
 * vhdx_charge_note() - record the group of the current task in a bio
 * @bio: dm's clone; it keeps a group that it already has
 *
 * Most bios come from the root group. They need no record: a bio without a
 * group is charged to the root.
 *
 * Context: ->map; or a worker, with a bio that ->map has seen.
 */
static inline void vhdx_charge_note(struct bio *bio)
{
	if (!vhdx_charge_is_root())
		bio_associate_blkg(bio);
}

/**
 * vhdx_charge_switch() - adopt a bio's group, for one of several bios
 * @bio: a bio that vhdx_charge_note() has seen, or a split of such a bio
 * @last: the group that the worker has adopted, or NULL
 *
 * Does nothing if @last is the bio's group: successive bios mostly have the
 * same.
 *
 * Context: a worker.
 * Return: the group, to pass to the next call as @last; NULL for the root. If
 * the last call does not return NULL, the worker ends with
 * kthread_associate_blkcg(NULL).
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
 * @charge: the charge, with @blkcg set; vhdx_charge_leave() ends it
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
 * vhdx_charge_enter() - adopt a bio's group, for I/O and memory
 * @bio: see vhdx_charge_switch()
 * @memory: charge memory, too. A group at its limit may wait for this very I/O,
 *	so a retry after -ENOMEM must not charge memory to it.
 *
 * Context: a worker.
 * Return: the value for vhdx_charge_leave(), in the same task.
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
 * vhdx_charge_leave() - return to the groups of before vhdx_charge_enter()
 * @charge: value that vhdx_charge_enter() returned
 *
 * Context: a worker.
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
