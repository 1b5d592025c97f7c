// SPDX-License-Identifier: GPL-2.0-only
#include <json-c/json.h>

#include "contents.h"
#include "partition-tree.h"
#include "partitions.h"

/**
 * struct mapping - merges mapped partitions into those of the table
 * @list: the partitions so far
 * @fd: the device, for probing
 */
struct mapping {
	struct json_object *list;
	int fd;
};

/* Return the partition that begins at an offset, or NULL. */
static struct json_object *find(struct json_object *list, u64 start)
{
	size_t i, count = json_object_array_length(list);

	for (i = 0; i < count; i++) {
		struct json_object *part = json_object_array_get_idx(list, i);
		struct json_object *value;

		if (json_object_object_get_ex(part, "virtual_offset", &value) &&
		    json_object_get_uint64(value) == start)
			return part;
	}
	return NULL;
}

/*
 * kpartx uses the linear target; its table has the device below, and the start.
 */
static int add_mapped(const struct dmdev *dev, void *context)
{
	const struct mapping *mapping = context;
	struct json_object *part;
	char path[PATH_MAX];
	u64 start;

	if (!dev->table || sscanf(dev->table, "%*s %llu", &start) != 1)
		return 0;
	part = find(mapping->list, start << 9);
	if (!part) {
		part = contents_partition(mapping->fd, start << 9,
					  dev->sectors << 9);
		tree_append(mapping->list, part);
	}
	tree_text(part, "name", dev->name);
	tree_text(part, "path", dmdev_path(dev->name, path));
	tree_number(part, "open_count", (u64)dev->open_count);
	return 0;
}

/**
 * partition_tree() - list the partitions of a device, with contents and names
 * @dev: the device
 * @fd: from contents_open(), or -1 if the device must not be read
 * @list: set to an array; a partition that is not mapped has no name
 *
 * kpartx accepts tables that libblkid refuses, such as one for a larger disk,
 * so the list includes all mapped partitions.
 *
 * Return: 0 or a negative errno.
 */
int partition_tree(const struct dmdev *dev, int fd, struct json_object **list)
{
	struct mapping mapping = {
		.list = contents_partitions(fd),
		.fd = fd,
	};

	*list = mapping.list;
	return partitions_each(dev, add_mapped, &mapping);
}
