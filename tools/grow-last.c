// SPDX-License-Identifier: GPL-2.0-only
#include "captive.h"
#include "grow-last.h"
#include "message.h"
#include "run-tool.h"
#include "tree.h"

/* An MBR counts sectors in 32 bits. */
#define MBR_SECTORS	0x100000000ULL

/* Logical partitions of an MBR have the numbers from here on. */
#define FIRST_LOGICAL	5

static int judge_table(const struct grow_last *g)
{
	if (!g->part.number)
		return 0;
	if (g->table != DISK_TABLE_GPT && g->table != DISK_TABLE_MBR) {
		msg_err("%s: --grow-last: its partition table is neither a GPT nor an MBR: enlarge the disk without it, and use a program that knows the table",
			g->name);
		return -EINVAL;
	}
	if (g->part.extended || (g->table == DISK_TABLE_MBR &&
				 g->part.number >= FIRST_LOGICAL)) {
		msg_err("%s: --grow-last: what is last on it is an extended partition: enlarge the disk without it, then the extended partition and the logical one in it (sfdisk, parted), and then the file system",
			g->name);
		return -EINVAL;
	}
	if (g->part.recovery) {
		msg_err("%s: --grow-last: the last partition is the rescue system of Windows, behind the one that is to grow: enlarge the disk without it, and move or remove that partition (reagentc and diskpart of Windows)",
			g->name);
		return -EINVAL;
	}
	if (!captive_find("sfdisk")) {
		msg_err("%s: sfdisk is not installed, which --grow-last needs",
			g->name);
		return -ENOEXEC;
	}
	return 0;
}

static int find_last(struct grow_last *g)
{
	const struct inside_part *last;
	struct inside inside;
	char node[PATH_MAX];
	int err = inside_look(dmdev_path(g->dev->name, node), &inside);

	last = err ? NULL : inside_last(&inside);
	if (last) {
		g->part = *last;
		g->table = inside.table;
		g->sector = inside.sector;
	} else if (!err) {
		msg_err("%s: --grow-last: its partition table has no partition",
			g->name);
		err = -EINVAL;
	}
	inside_free(&inside);
	return err;
}

/**
 * grow_last_plan() - find out what is to grow, and whether it can
 * @dev: the device of the disk
 * @name: what messages call the disk
 * @g: filled in, for grow_last_end(), also after a failure
 *
 * Changes nothing; grow_contents_check() must follow.
 *
 * Return: 0, or a negative errno after a message.
 */
int grow_last_plan(const struct dmdev *dev, const char *name,
		   struct grow_last *g)
{
	int err;

	*g = (struct grow_last){ .dev = dev, .name = name };
	err = find_last(g);
	if (!err)
		err = judge_table(g);
	if (!err)
		err = part_device(dev, &g->part, &g->device);
	if (!err)
		err = grow_contents_plan(g);
	return err;
}

/* It need not tell the kernel: device-mapper makes no partitions. */
static int run_sfdisk(const struct grow_last *g)
{
	char node[PATH_MAX], number[16];
	const char *const relocate[] = {
		"sfdisk", "--quiet", "--no-tell-kernel", "--relocate",
		"gpt-bak-std", node, NULL
	};
	const char *const enlarge[] = {
		"sfdisk", "--quiet", "--no-reread", "--no-tell-kernel",
		"--wipe", "never", "--wipe-partitions", "never", "-N", number,
		node, NULL
	};
	int err = 0;

	dmdev_path(g->dev->name, node);
	snprintf(number, sizeof(number), "%u", g->part.number);
	if (g->table == DISK_TABLE_GPT)
		err = run_tool_or_say(relocate, NULL, 0);
	return err ? err : run_tool_or_say(enlarge, ", +\n", 0);
}

/* What the table says now. */
static int learn_length(struct grow_last *g)
{
	struct inside inside;
	char node[PATH_MAX];
	unsigned int i;
	int err = inside_look(dmdev_path(g->dev->name, node), &inside);

	g->length = 0;
	for (i = 0; i < inside.count && !err; i++)
		if (inside.part[i].start == g->part.start &&
		    inside.part[i].number == g->part.number)
			g->length = inside.part[i].length;
	inside_free(&inside);
	if (err || g->length >= g->part.length)
		return err;
	msg_err("%s: partition %u is not what it was: `sfdisk -d' of the device shows the table",
		g->name, g->part.number);
	return -EIO;
}

static int grow_part(struct grow_last *g)
{
	int err = g->part.number ? run_sfdisk(g) : 0;

	if (!err)
		err = learn_length(g);
	if (err)
		msg_err("%s: the disk has its new size, but its last partition is not enlarged: see above; then the same command with the same SIZE goes on, or sfdisk (growpart), then %s",
			g->name, grow_contents_hint(g));
	if (!err && g->part.number &&
	    (g->part.start + g->length) / g->sector >= MBR_SECTORS - 1 &&
	    g->table == DISK_TABLE_MBR)
		msg_warn("%s: an MBR reaches no farther than that; a GPT does (sgdisk --mbrtogpt)",
			 g->name);
	return err;
}

static void announce(const struct grow_last *g)
{
	char from[32], to[32], words[INSIDE_WORDS];

	inside_words(&g->part, words);
	if (g->length == g->part.length && g->part.number)
		msg_info("%s: %s has all the room already", g->name, words);
	else if (g->part.number)
		msg_info("%s: %s grown from %s to %s, with what is in it",
			 g->name, words,
			 tree_size_words(g->part.length, from, sizeof(from)),
			 tree_size_words(g->length, to, sizeof(to)));
	else
		msg_info("%s: %s grown to %s", g->name, words,
			 tree_size_words(g->length, to, sizeof(to)));
}

/**
 * grow_last_do() - have it grow, when the disk has grown
 * @g: from grow_last_plan()
 *
 * Can be done again.
 *
 * Return: 0, or a negative errno after messages, which say what is done and what is not.
 */
int grow_last_do(struct grow_last *g)
{
	int err = grow_part(g);

	if (err)
		return err;
	err = part_device_grow(&g->device, g->length);
	if (!err)
		err = grow_contents(g);
	if (err && g->part.number)
		msg_err("%s: the disk and its partition have grown, but the file system in it not: see above; then the same command with the same SIZE goes on, or %s",
			g->name, grow_contents_hint(g));
	else if (err)
		msg_err("%s: the disk has grown, but the file system on it not: see above; then the same command with the same SIZE goes on, or %s",
			g->name, grow_contents_hint(g));
	else
		announce(g);
	return err;
}

/**
 * grow_last_end() - end the plan
 * @g: from grow_last_plan()
 *
 * Return: 0, or a negative errno after a message.
 */
int grow_last_end(struct grow_last *g)
{
	free(g->mount);
	g->mount = NULL;
	return part_device_end(&g->device);
}
