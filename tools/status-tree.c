// SPDX-License-Identifier: GPL-2.0-only
#include <limits.h>

#include "status-tree.h"
#include "table-line.h"

/* Return the name of an image for people: a table has numbers of devices. */
static void image_name(const char *word, char name[PATH_MAX])
{
	char block[NAME_MAX + 1];
	dev_t device;

	if (words_device(word, &device) &&
	    dmdev_block_name(device, block, sizeof(block)))
		snprintf(name, PATH_MAX, "/dev/%s", block);
	else
		snprintf(name, PATH_MAX, "%s", word);
}

static void add_images(struct json_object *object, const struct dmdev *dev)
{
	struct json_object *parents = tree_list();
	struct words images;
	char name[PATH_MAX];
	unsigned int i;

	if (!dev->table || table_line_images(dev->table, &images)) {
		tree_free(parents);
		return;
	}
	for (i = 0; i < images.count; i++) {
		image_name(images.word[i], name);
		if (!i)
			tree_text(object, "image", name);
		else
			tree_append(parents, tree_string(name));
	}
	tree_add(object, "parents", parents);
	words_free(&images);
}

/**
 * status_device() - describe a device and its images
 * @dev: from dmdev_query()
 *
 * Return: the tree, for tree_free().
 */
struct json_object *status_device(const struct dmdev *dev)
{
	struct json_object *object = tree_new();
	char text[PATH_MAX];

	tree_text(object, "name", dev->name);
	tree_text(object, "path", dmdev_path(dev->name, text));
	snprintf(text, sizeof(text), "%u:%u", dev->major, dev->minor);
	tree_text(object, "device", text);
	tree_text(object, "uuid", dev->uuid);
	tree_number(object, "virtual_size", dev->sectors << 9);
	tree_flag(object, "read_only", dev->read_only);
	tree_flag(object, "suspended", dev->suspended);
	tree_number(object, "open_count", (u64)dev->open_count);
	add_images(object, dev);
	return object;
}

/* Prefix of the flag with the fault. */
#define FAULT	"fault="

static bool is_fault(const char *flag)
{
	return !strncmp(flag, FAULT, strlen(FAULT));
}

/* In the order of the target's status line, after the mode. */
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

static struct json_object *flags_tree(const char *rest)
{
	struct json_object *flags = tree_list();
	struct words words;
	unsigned int i;

	if (words_split(rest, &words))
		return flags;
	/* The first word is their number. */
	for (i = 1; i < words.count; i++)
		if (!is_fault(words.word[i]))
			tree_append(flags, tree_string(words.word[i]));
	words_free(&words);
	return flags;
}

/**
 * status_fault() - find out why a device refuses writes
 * @dev: from dmdev_query()
 *
 * Return: a sentence, for free(), or NULL if there is no fault.
 */
char *status_fault(const struct dmdev *dev)
{
	char *fault = NULL;
	struct words words;
	unsigned int i;

	if (words_split(dev->status, &words))
		return NULL;
	for (i = 0; i < words.count && !fault; i++)
		if (is_fault(words.word[i]))
			fault = strdup(words.word[i] + strlen(FAULT));
	words_free(&words);
	return fault;
}

/**
 * status_add_mode() - add to an object whether a device writes, or why not
 * @object: receives the members
 * @dev: from dmdev_query()
 */
void status_add_mode(struct json_object *object, const struct dmdev *dev)
{
	char mode[8], *fault = status_fault(dev);

	if (sscanf(dev->status, "%7s", mode) == 1)
		tree_text(object, "mode", mode);
	if (fault)
		tree_text(object, "fault", fault);
	free(fault);
}

/**
 * status_has() - test whether the status of a device has a flag
 * @dev: from dmdev_query()
 * @flag: the flag
 *
 * Return: true if it does.
 */
bool status_has(const struct dmdev *dev, const char *flag)
{
	struct words words;
	bool found = false;
	unsigned int i;

	if (words_split(dev->status, &words))
		return false;
	for (i = 0; i < words.count; i++)
		found |= !strcmp(words.word[i], flag);
	words_free(&words);
	return found;
}

/**
 * status_unwritten() - test whether a device was never written
 * @dev: from dmdev_query(); it has a fault
 *
 * Return: true if the target found the fault before it permitted any write.
 */
bool status_unwritten(const struct dmdev *dev)
{
	return status_has(dev, "unwritten");
}

/**
 * status_add_target() - add the target's counters and flags to an object
 * @object: receives the members, unless the status has an unknown form
 * @dev: from dmdev_query()
 */
void status_add_target(struct json_object *object, const struct dmdev *dev)
{
	const char *rest = dev->status;
	unsigned long long number;
	int used = (int)strcspn(rest, " ");
	size_t i;

	if (!rest[used])
		return;
	status_add_mode(object, dev);
	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		rest += used;
		if (sscanf(rest, "%llu%n", &number, &used) != 1)
			return;
		tree_number(object, counters[i], number);
	}
	tree_add(object, "flags", flags_tree(rest + used));
}
