// SPDX-License-Identifier: GPL-2.0-only
#include <blkid/blkid.h>

#include "contents.h"

static void add_value(struct json_object *object, blkid_probe probe,
		      const char *name, const char *key)
{
	const char *value;

	if (!blkid_probe_lookup_value(probe, name, &value, NULL))
		tree_text(object, key, value);
}

static struct json_object *probed(blkid_probe probe)
{
	struct json_object *object = tree_new();

	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE |
					  BLKID_SUBLKS_LABEL |
					  BLKID_SUBLKS_UUID);
	blkid_probe_enable_partitions(probe, 1);
	if (blkid_do_safeprobe(probe))
		return object;
	add_value(object, probe, "PTTYPE", "partition_table");
	add_value(object, probe, "TYPE", "file_system");
	add_value(object, probe, "LABEL", "label");
	add_value(object, probe, "UUID", "uuid");
	return object;
}

/**
 * contents_tree() - what is on a device
 * @path: of the device
 *
 * Return: a tree without members if nothing is known or it cannot be read.
 */
struct json_object *contents_tree(const char *path)
{
	blkid_probe probe = blkid_new_probe_from_filename(path);
	struct json_object *object;

	if (!probe)
		return tree_new();
	object = probed(probe);
	blkid_free_probe(probe);
	return object;
}
