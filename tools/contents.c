// SPDX-License-Identifier: GPL-2.0-only
#include <blkid/blkid.h>
#include <fcntl.h>
#include <unistd.h>

#include "contents.h"

/* More partitions than tables have in practice. */
#define PARTITIONS_MAX	256

static void add_value(struct json_object *object, blkid_probe probe,
		      const char *name, const char *key)
{
	const char *value;

	if (!blkid_probe_lookup_value(probe, name, &value, NULL))
		tree_text(object, key, value);
}

/* Probe the @size bytes at @start. */
static void add_file_system(struct json_object *object, int fd, u64 start,
			    u64 size)
{
	blkid_probe probe = blkid_new_probe();

	if (probe && !blkid_probe_set_device(probe, fd, (blkid_loff_t)start,
					     (blkid_loff_t)size)) {
		blkid_probe_enable_superblocks(probe, 1);
		blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE |
						  BLKID_SUBLKS_LABEL |
						  BLKID_SUBLKS_UUID);
		blkid_probe_enable_partitions(probe, 1);
		if (!blkid_do_safeprobe(probe)) {
			add_value(object, probe, "PTTYPE", "partition_table");
			add_value(object, probe, "TYPE", "file_system");
			add_value(object, probe, "LABEL", "label");
			add_value(object, probe, "UUID", "uuid");
		}
	}
	blkid_free_probe(probe);
}

/**
 * contents_partition() - find out what a partition holds
 * @fd: the whole device, from contents_open(), or -1
 * @start: byte offset of the partition
 * @size: bytes of the partition
 *
 * Return: a tree.
 */
struct json_object *contents_partition(int fd, u64 start, u64 size)
{
	struct json_object *object = tree_new();

	tree_number(object, "virtual_offset", start);
	tree_number(object, "length", size);
	if (fd >= 0)
		add_file_system(object, fd, start, size);
	return object;
}

static struct json_object *tree_of(int fd, blkid_partition part)
{
	struct json_object *object =
		contents_partition(blkid_partition_is_extended(part) ? -1 : fd,
				   (u64)blkid_partition_get_start(part) << 9,
				   (u64)blkid_partition_get_size(part) << 9);

	tree_number(object, "number", (u64)blkid_partition_get_partno(part));
	return object;
}

static void add_partitions(struct json_object *list, int fd)
{
	blkid_probe probe = blkid_new_probe();
	blkid_partlist parts = NULL;
	int i, count = 0;

	if (probe && !blkid_probe_set_device(probe, fd, 0, 0)) {
		blkid_probe_enable_partitions(probe, 1);
		parts = blkid_probe_get_partitions(probe);
	}
	if (parts)
		count = blkid_partlist_numof_partitions(parts);
	for (i = 0; i < count && i < PARTITIONS_MAX; i++)
		tree_append(list,
			    tree_of(fd, blkid_partlist_get_partition(parts, i)));
	blkid_free_probe(probe);
}

/**
 * contents_open() - open a device to probe its contents
 * @path: path of the device
 *
 * Return: a descriptor for close(), or -1, which the other functions accept.
 */
int contents_open(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/**
 * contents_tree() - find out what a device holds
 * @fd: from contents_open()
 *
 * Return: a tree for a file system or a partition table; without members if
 * nothing is known, or if the device cannot be read.
 */
struct json_object *contents_tree(int fd)
{
	struct json_object *object = tree_new();

	if (fd >= 0)
		add_file_system(object, fd, 0, 0);
	return object;
}

/**
 * contents_partitions() - list the partitions of a device, mapped or not
 * @fd: from contents_open()
 *
 * Return: a list, without elements if there are none or they cannot be read.
 */
struct json_object *contents_partitions(int fd)
{
	struct json_object *list = tree_list();

	if (fd >= 0)
		add_partitions(list, fd);
	return list;
}
