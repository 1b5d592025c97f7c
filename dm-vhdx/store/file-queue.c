// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file store: queueing bios to the workers that issue them.
 *
 * Each CPU has a list, and two workers that take all of it at once. If a task
 * waits for its bio, the near worker issues the bio on the task's own CPU: to
 * wake another CPU takes longer than the I/O of a fast disk. If a task
 * continues with its next bio, a worker on its CPU would preempt it for each
 * bio, or run only when the task sleeps. Then the far worker issues the bios on
 * any free CPU.
 *
 * A task that submits many bios under a plug keeps them until it unplugs, and
 * queues a worker once.
 */
#include <linux/blkdev.h>
#include <linux/llist.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "../compat.h"
#include "../scope.h"
#include "file.h"
#include "stream.h"

/*
 * The bios of one CPU that wait for a worker, and the state of its submitter.
 */
struct vhdx_file_cpu {
	struct llist_head pending;
	struct vhdx_stream stream;
	struct work_struct near;
	struct work_struct far;
};

/*
 * A task that finds the list empty queues a worker, so a worker is on its way
 * whenever the list is not empty. If that is the near worker, because of a bio
 * that had to wait, the next bios of a stream join that bio.
 */
static void hand_over(struct vhdx_file *file, struct llist_node *newest,
		      struct llist_node *oldest)
{
	struct vhdx_file_cpu *cpu = get_cpu_ptr(file->cpus);
	bool alone = llist_add_batch(newest, oldest, &cpu->pending);
	enum vhdx_stream_step step;

	step = vhdx_stream_note(&cpu->stream, current, current->nvcsw);
	if (step == VHDX_STREAM_BEGINS || (step == VHDX_STREAM_ON && alone))
		queue_work(file->workers->far, &cpu->far);
	else if (alone)
		queue_work(file->workers->near, &cpu->near);
	put_cpu_ptr(file->cpus);
}

/*
 * Take bios that arrive meanwhile, too: that is cheaper than another work item.
 */
static void issue_all(struct vhdx_file_cpu *cpu)
{
	struct vhdx_scope scope = vhdx_scope_enter();
	struct llist_node *batch;

	while ((batch = llist_del_all(&cpu->pending))) {
		vhdx_file_issue(llist_reverse_order(batch));
		cond_resched();
	}
	vhdx_scope_leave(scope);
}

static void near_work(struct work_struct *work)
{
	issue_all(container_of(work, struct vhdx_file_cpu, near));
}

static void far_work(struct work_struct *work)
{
	issue_all(container_of(work, struct vhdx_file_cpu, far));
}

/*
 * A task may unplug after ->map has returned, when dm holds no reference to the
 * table any more. Until the bios are on the list, they keep the table. From
 * then on a running worker may complete them, and the table may be destroyed.
 * RCU protects
 * @file for the rest of hand_over(): the destructor waits for a grace period
 *	before it closes files.
 */
static void file_unplug(struct blk_plug_cb *cb, bool from_schedule)
{
	struct vhdx_file_io *oldest = container_of(cb, struct vhdx_file_io, plug.cb);

	rcu_read_lock();
	hand_over(cb->data, oldest->plug.newest, &oldest->node);
	rcu_read_unlock();
}

/*
 * Keep a bio until the task unplugs, so that an I/O of many pieces, or a system
 * call with many I/Os, wakes the worker once. The first bio holds the list.
 * blk_check_plugged() would allocate memory for each plug, and many plugs cover
 * a single I/O: blkdev_write_iter() has its own on 6.1.
 *
 * Return true if the task has a plug, which took the bio.
 */
static bool hold_back(struct vhdx_file *file, struct vhdx_file_io *io)
{
	struct blk_plug *plug = current->plug;
	struct blk_plug_cb *cb;

	if (!plug)
		return false;
	list_for_each_entry(cb, &plug->cb_list, list) {
		struct vhdx_file_io *oldest;

		if (cb->callback != file_unplug || cb->data != file)
			continue;
		oldest = container_of(cb, struct vhdx_file_io, plug.cb);
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
 * vhdx_file_queue() - queue a bio to a worker
 * @file: the store
 * @io: state of the bio; the worker passes it to vhdx_file_issue()
 *
 * Context: any process context; does not wait.
 */
void vhdx_file_queue(struct vhdx_file *file, struct vhdx_file_io *io)
{
	if (!hold_back(file, io))
		hand_over(file, &io->node, &io->node);
}

/**
 * vhdx_file_queue_again() - queue a bio that had to wait
 * @file: the store
 * @io: state of the bio
 *
 * Context: any, interrupts too: the current task is not the submitter.
 */
void vhdx_file_queue_again(struct vhdx_file *file, struct vhdx_file_io *io)
{
	/* A migration to another CPU meanwhile is harmless. */
	struct vhdx_file_cpu *cpu = raw_cpu_ptr(file->cpus);

	if (llist_add(&io->node, &cpu->pending))
		queue_work(file->workers->near, &cpu->near);
}

/**
 * vhdx_file_queue_init() - create the lists of a store
 * @file: the store, with its workqueues; the caller ends with
 *	vhdx_file_queue_exit(), also after a failure
 *
 * The workers have normal priority. A worker that preempts the submitter finds
 * one bio each time, and 4 KiB reads at a depth of 32 then cost a sixth more
 * instructions.
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
		INIT_WORK(&self->near, near_work);
		INIT_WORK(&self->far, far_work);
	}
	return 0;
}

/**
 * vhdx_file_queue_exit() - free the lists of a store
 * @file: the store, with no bio under way, and a grace period of RCU after its
 *	last bio has ended; workers may still be returning
 *
 * Context: process context; sleeps until the workers have returned.
 */
void vhdx_file_queue_exit(struct vhdx_file *file)
{
	int cpu;

	if (!file->cpus)
		return;
	for_each_possible_cpu(cpu) {
		flush_work(&per_cpu_ptr(file->cpus, cpu)->near);
		flush_work(&per_cpu_ptr(file->cpus, cpu)->far);
	}
	free_percpu(file->cpus);
}
