// SPDX-License-Identifier: GPL-2.0-only
#include <libdevmapper.h>
#include <limits.h>

#include "status-tree.h"
#include "table-line.h"

/**
 * status_image() - an image's name for people
 * @word: as the table line has it
 * @name: where the name goes: PATH_MAX bytes
 *
 * Block devices are numbers in a table.
 */
void status_image(const char *word, char *name)
{
	unsigned int high, low;
	char device[NAME_MAX + 1];
	char end;

	if (sscanf(word, "%u:%u%c", &high, &low, &end) == 2 &&
	    dm_device_get_name(high, low, 1, device, sizeof(device)))
		snprintf(name, PATH_MAX, "/dev/%s", device);
	else
		snprintf(name, PATH_MAX, "%s", word);
}

static void add_images(struct json_object *object, const struct dmdev *dev)
{
	struct json_object *images = tree_list();
	struct table_line line;
	char name[PATH_MAX];
	unsigned int i;

	tree_add(object, "image", images);
	if (!dev->table || table_line_parse(dev->table, &line))
		return;
	for (i = 0; i < line.images; i++) {
		status_image(line.words[i], name);
		tree_append(images, tree_string(name));
	}
	table_line_free(&line);
}

/**
 * status_device() - which device, and of which images
 * @dev: from dmdev_query()
 *
 * Return: the tree, for tree_free().
 */
struct json_object *status_device(const struct dmdev *dev)
{
	struct json_object *object = tree_new();
	char text[PATH_MAX];

	tree_text(object, "name", dev->name);
	snprintf(text, sizeof(text), "%s/%s", dm_dir(), dev->name);
	tree_text(object, "path", text);
	snprintf(text, sizeof(text), "%u:%u", dev->major, dev->minor);
	tree_text(object, "device", text);
	tree_text(object, "uuid", dev->uuid);
	tree_number(object, "size", dev->sectors << 9);
	tree_flag(object, "read_only", dev->read_only);
	tree_flag(object, "suspended", dev->suspended);
	tree_number(object, "open_count", (u64)dev->open_count);
	add_images(object, dev);
	return object;
}

static struct json_object *flags_tree(const char *rest)
{
	struct json_object *flags = tree_list();
	char flag[64];
	int used;

	while (sscanf(rest, "%63s%n", flag, &used) == 1) {
		tree_append(flags, tree_string(flag));
		rest += used;
	}
	return flags;
}

/**
 * status_target() - the target's own counters and flags
 * @dev: from dmdev_query()
 *
 * Return: an empty tree if the status is not as this program knows it.
 */
struct json_object *status_target(const struct dmdev *dev)
{
	unsigned long long numbers[9];
	struct json_object *object = tree_new();
	char mode[8];
	int used = 0;

	if (sscanf(dev->status,
		   "%7s %llu %llu %llu %llu %llu %llu %llu %llu %llu %*u%n",
		   mode, &numbers[0], &numbers[1], &numbers[2], &numbers[3],
		   &numbers[4], &numbers[5], &numbers[6], &numbers[7],
		   &numbers[8], &used) < 10 || !used)
		return object;
	tree_text(object, "mode", mode);
	tree_number(object, "images_in_chain", numbers[0]);
	tree_number(object, "metadata_pages", numbers[1]);
	tree_number(object, "metadata_pages_limit", numbers[2]);
	tree_number(object, "metadata_page_loads", numbers[3]);
	tree_number(object, "metadata_page_evictions", numbers[4]);
	tree_number(object, "deferred_requests", numbers[5]);
	tree_number(object, "blocks_allocated", numbers[6]);
	tree_number(object, "blocks_freed", numbers[7]);
	tree_number(object, "commits", numbers[8]);
	tree_add(object, "flag", flags_tree(dev->status + used));
	return object;
}
