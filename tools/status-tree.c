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

/* In the order of the target's status, after the mode. */
static const char *const counters[] = {
	"images_in_chain",
	"metadata_pages",
	"metadata_pages_limit",
	"metadata_page_loads",
	"metadata_page_evictions",
	"deferred_requests",
	"blocks_allocated",
	"blocks_freed",
	"commits",
};

static struct json_object *flags_tree(const char *rest, char **fault)
{
	struct json_object *flags = tree_list();
	struct table_line line;
	unsigned int i;

	/* Words, escaped as in a table; the first is their number. */
	if (table_line_parse(rest, &line))
		return flags;
	for (i = 0; i < line.count; i++) {
		if (!strncmp(line.words[i], "fault=", 6))
			*fault = strdup(line.words[i] + 6);
		else
			tree_append(flags, tree_string(line.words[i]));
	}
	table_line_free(&line);
	return flags;
}

/**
 * status_fault() - why a device does not write any more
 * @dev: from dmdev_query()
 *
 * Return: a sentence, for free(), or NULL if it is well.
 */
char *status_fault(const struct dmdev *dev)
{
	char *fault = NULL;

	tree_free(flags_tree(dev->status, &fault));
	return fault;
}

/**
 * status_target() - the target's own counters and flags
 * @dev: from dmdev_query()
 *
 * Return: an empty tree if the status is not as this program knows it.
 */
struct json_object *status_target(const struct dmdev *dev)
{
	struct json_object *object = tree_new();
	const char *rest = dev->status;
	unsigned long long number;
	char mode[8], *fault = NULL;
	size_t i;
	int used;

	if (sscanf(rest, "%7s%n", mode, &used) != 1)
		return object;
	tree_text(object, "mode", mode);
	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		rest += used;
		if (sscanf(rest, "%llu%n", &number, &used) != 1)
			return object;
		tree_number(object, counters[i], number);
	}
	tree_add(object, "flag", flags_tree(rest + used, &fault));
	if (fault)
		tree_text(object, "fault", fault);
	free(fault);
	return object;
}
