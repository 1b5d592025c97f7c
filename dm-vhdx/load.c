// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that lookups missed.
 *
 * Many bios to one part of the disk miss the same page. If each read it, all
 * copies but one would be dropped. The engine allows that, but it costs reads of
 * the store, and pages of a pool that may be short of them. So one task reads the
 * page, and the others wait for it.
 */
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "engine/image.h"
#include "load.h"

/**
 * struct load - a page that is being read, on the stack of the task that reads it
 * @node: on the list of loads
 * @map: map of the page
 * @index: index of the page in @map
 * @followers: number of tasks that wait for it; under the lock
 * @done: the read has ended, and @err is valid
 * @err: result of the read
 */
struct load {
	struct list_head node;
	const struct vhdx_page_map *map;
	u64 index;
	unsigned int followers;
	bool done;
	int err;
};

/* Searched one by one: it has at most one entry a worker. */
static LIST_HEAD(loads);
static DEFINE_SPINLOCK(loads_lock);
/* Followers wait here for the read, and the reader for the last follower. */
static DECLARE_WAIT_QUEUE_HEAD(loads_wait);

static struct load *find_load(const struct vhdx_miss *miss)
{
	struct load *load;

	lockdep_assert_held(&loads_lock);
	list_for_each_entry(load, &loads, node)
		if (load->map == miss->map && load->index == miss->index)
			return load;
	return NULL;
}

/* Followers share an error: if each read again, they would fail one by one. */
static int follow(struct load *load)
{
	bool last;
	int err;

	/* Pairs with the release in lead(). */
	wait_event(loads_wait, smp_load_acquire(&load->done));
	err = load->err;
	spin_lock(&loads_lock);
	last = !--load->followers;
	spin_unlock(&loads_lock);
	/* The reader may have returned, and *load be gone. */
	if (last)
		wake_up_all(&loads_wait);
	return err;
}

static bool is_left(const struct load *load)
{
	bool left;

	spin_lock(&loads_lock);
	left = !load->followers;
	spin_unlock(&loads_lock);
	return left;
}

static int lead(struct load *load, const struct vhdx_miss *miss)
{
	load->err = vhdx_image_load(miss);
	spin_lock(&loads_lock);
	list_del(&load->node);
	spin_unlock(&loads_lock);
	/* It is off the list, so no task can join. */
	if (is_left(load))
		return load->err;
	/* Pairs with the acquire in follow(): @err is set before. */
	smp_store_release(&load->done, true);
	wake_up_all(&loads_wait);
	wait_event(loads_wait, is_left(load));
	return load->err;
}

/**
 * vhdx_load() - load a page, or wait for the task that loads it
 * @miss: what a lookup missed
 *
 * As with vhdx_image_load(), the page may be gone again when this returns.
 *
 * Context: may sleep; no lock held. The committer must not call this, because a
 * load may wait until the committer frees memory.
 * Return: 0, or the error of the read.
 */
int vhdx_load(const struct vhdx_miss *miss)
{
	struct load own = { .map = miss->map, .index = miss->index };
	struct load *other;

	spin_lock(&loads_lock);
	other = find_load(miss);
	if (other)
		other->followers++;
	else
		list_add_tail(&own.node, &loads);
	spin_unlock(&loads_lock);
	return other ? follow(other) : lead(&own, miss);
}
