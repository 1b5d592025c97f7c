// SPDX-License-Identifier: GPL-2.0-only
/*
 * How bios come to the worker that issues them: many at a time.
 *
 * Each CPU has a list and a worker, which takes all that is there. A task that
 * submits many bios in a row keeps them until it is done, and calls the worker
 * once.
 */
#include <linux/blkdev.h>
#include <linux/llist.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "scope.h"
#include "store-file.h"
#include "target.h"

/* Bios that wait for the worker of one CPU. */
struct vhdx_file_cpu {
	struct llist_head pending;
	struct work_struct work;
};

static void hand_over(struct vhdx_file *file, struct llist_node *newest,
		      struct llist_node *oldest)
{
	/* To move to another CPU meanwhile would be harmless. */
	struct vhdx_file_cpu *cpu = raw_cpu_ptr(file->cpus);

	if (llist_add_batch(newest, oldest, &cpu->pending))
		queue_work(file->submitters, &cpu->work);
}

/* What comes while it runs is taken, too: cheaper than to be called for it. */
static void submit_work(struct work_struct *work)
{
	struct vhdx_file_cpu *cpu =
		container_of(work, struct vhdx_file_cpu, work);
	struct vhdx_scope scope = vhdx_scope_enter();
	struct llist_node *batch;

	while ((batch = llist_del_all(&cpu->pending))) {
		vhdx_file_issue(llist_reverse_order(batch));
		cond_resched();
	}
	vhdx_scope_leave(scope);
}

/*
 * A task may unplug after ->map has returned, when dm does not keep the table any
 * more. Until the bios are on the list they keep it. From then on a worker that
 * is running may complete them, and the table and @file may go: RCU keeps @file
 * for the rest of hand_over(), since vhdx_file_queue_exit() waits for that.
 */
static void file_unplug(struct blk_plug_cb *cb, bool from_schedule)
{
	struct vhdx_io *oldest = container_of(cb, struct vhdx_io, plug.cb);

	rcu_read_lock();
	hand_over(cb->data, oldest->plug.newest, &oldest->node);
	rcu_read_unlock();
}

/*
 * A task keeps its bios until it unplugs: an I/O of many pieces, or a system
 * call with many I/Os, then wakes the worker once. The first bio keeps them.
 * blk_check_plugged() would allocate a keeper for each plug, and many a plug is
 * there for one I/O alone: blkdev_write_iter() has its own on 6.1.
 *
 * Returns whether the task has a plug that took the bio.
 */
static bool hold_back(struct vhdx_file *file, struct vhdx_io *io)
{
	struct blk_plug *plug = current->plug;
	struct blk_plug_cb *cb;

	if (!plug)
		return false;
	list_for_each_entry(cb, &plug->cb_list, list) {
		struct vhdx_io *oldest;

		if (cb->callback != file_unplug || cb->data != file)
			continue;
		oldest = container_of(cb, struct vhdx_io, plug.cb);
		io->node.next = oldest->plug.newest;
		oldest->plug.newest = &io->node;
		return true;
	}
	io->plug = (struct vhdx_file_plug){
		.cb.callback = file_unplug,
		.cb.data = file,
		.newest = &io->node,
	};
	list_add(&io->plug.cb.list, &plug->cb_list);
	return true;
}

/**
 * vhdx_file_queue() - have a bio issued by the worker of this CPU
 * @file: the store
 * @io: of the bio; comes to vhdx_file_issue()
 *
 * Context: any process context; does not wait.
 */
void vhdx_file_queue(struct vhdx_file *file, struct vhdx_io *io)
{
	if (!hold_back(file, io))
		hand_over(file, &io->node, &io->node);
}

/**
 * vhdx_file_queue_again() - the same for a bio that had to wait
 * @file: the store
 * @io: of the bio
 *
 * Context: any, interrupts too: what plug the task has is not the bio's.
 */
void vhdx_file_queue_again(struct vhdx_file *file, struct vhdx_io *io)
{
	hand_over(file, &io->node, &io->node);
}

/**
 * vhdx_file_queue_init() - make the lists and workers of a store
 * @file: the store; to be undone by vhdx_file_queue_exit(), also after a failure
 *
 * The submitting worker has no priority over who fills its list: one that
 * preempts that task finds one bio each time, and 4 KiB reads at a depth of 32
 * then cost a sixth more instructions.
 *
 * Return: 0 or -ENOMEM.
 */
int vhdx_file_queue_init(struct vhdx_file *file)
{
	int cpu;

	file->cpus = alloc_percpu(struct vhdx_file_cpu);
	if (!file->cpus)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct vhdx_file_cpu *self = per_cpu_ptr(file->cpus, cpu);

		init_llist_head(&self->pending);
		INIT_WORK(&self->work, submit_work);
	}
	file->submitters = alloc_workqueue("vhdx_submit", WQ_MEM_RECLAIM, 0);
	return file->submitters ? 0 : -ENOMEM;
}

/**
 * vhdx_file_queue_exit() - dismiss them
 * @file: the store, with no bio under way; workers may still be on their way
 *	out
 */
void vhdx_file_queue_exit(struct vhdx_file *file)
{
	/* For file_unplug(). */
	synchronize_rcu();
	if (file->submitters)
		destroy_workqueue(file->submitters);
	free_percpu(file->cpus);
}
