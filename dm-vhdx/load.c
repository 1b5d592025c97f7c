// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that lookups missed.
 *
 * A burst of bios to one part of the disk misses one page as often as there are
 * bios. Each would read it, and all reads but one would be thrown away: the
 * engine allows that, but it costs reads of the store, and pages of a pool that
 * may be short of them.
 */
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "engine/image.h"
#include "load.h"

/**
 * struct load - a page that is being read; on the stack of who reads it
 * @node: among all
 * @map: of the page
 * @index: and its place there
 * @followers: tasks that wait for it; under the lock
 * @done: @err counts
 * @err: what the read returned
 */
struct load {
	struct list_head node;
	const struct vhdx_page_map *map;
	u64 index;
	unsigned int followers;
	bool done;
	int err;
};

/* No more than there are workers: they are looked through. */
static LIST_HEAD(loads);
static DEFINE_SPINLOCK(loads_lock);
/* Followers wait here, and who reads until the last of them has gone. */
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

/* An error is theirs, too: if each tried anew, they would fail one by one. */
static int follow(struct load *load)
{
	bool last;
	int err;

	/* Goes with lead(). */
	wait_event(loads_wait, smp_load_acquire(&load->done));
	err = load->err;
	spin_lock(&loads_lock);
	last = !--load->followers;
	spin_unlock(&loads_lock);
	/* From here on it may be gone. */
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
	/* Nobody can join any more. */
	if (is_left(load))
		return load->err;
	/* Followers look at the error. */
	smp_store_release(&load->done, true);
	wake_up_all(&loads_wait);
	wait_event(loads_wait, is_left(load));
	return load->err;
}

/**
 * vhdx_load() - bring a page in, or wait for who does
 * @miss: what a lookup missed
 *
 * As with vhdx_image_load(), the page may be gone again when this returns.
 *
 * Context: may sleep; no lock held. Not for the committer, on whom a load may
 * wait for memory.
 * Return: 0, or what the one read returned.
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
