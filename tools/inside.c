// SPDX-License-Identifier: GPL-2.0-only
#include <blkid/blkid.h>
#include <fcntl.h>
#include <unistd.h>

#include "inside.h"
#include "message.h"

/* More partitions than tables have in practice. */
#define PARTS_MAX	256

/* Types of partitions that hold Windows' rescue system. */
#define GPT_RECOVERY	"de94bba4-06d1-4d40-a16a-bfd50179d6ac"
#define MBR_RECOVERY	0x27

static void take_value(blkid_probe probe, const char *name, char *value,
		       size_t size)
{
	const char *text;

	if (!blkid_probe_lookup_value(probe, name, &text, NULL))
		snprintf(value, size, "%s", text);
}

static int look_at_part(int fd, struct inside_part *part)
{
	blkid_probe probe = blkid_new_probe();
	int found = -1;

	if (!probe)
		return -ENOMEM;
	if (!blkid_probe_set_device(probe, fd, (blkid_loff_t)part->start,
				    (blkid_loff_t)part->length)) {
		blkid_probe_enable_superblocks(probe, 1);
		blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE |
						  BLKID_SUBLKS_UUID);
		found = blkid_do_safeprobe(probe);
	}
	if (!found) {
		take_value(probe, "TYPE", part->type, sizeof(part->type));
		take_value(probe, "UUID", part->uuid, sizeof(part->uuid));
	} else if (found < 0) {
		snprintf(part->type, sizeof(part->type), "?");
	}
	blkid_free_probe(probe);
	return 0;
}

static bool is_recovery(blkid_partition part)
{
	const char *guid = blkid_partition_get_type_string(part);

	if (guid)
		return !strcasecmp(guid, GPT_RECOVERY);
	return blkid_partition_get_type(part) == MBR_RECOVERY;
}

static enum disk_table table_of(blkid_partlist parts)
{
	blkid_parttable table = blkid_partlist_get_table(parts);
	const char *type = table ? blkid_parttable_get_type(table) : "";

	if (!type || !*type)
		return DISK_TABLE_NONE;
	if (!strcmp(type, "gpt"))
		return DISK_TABLE_GPT;
	return strcmp(type, "dos") ? DISK_TABLE_OTHER : DISK_TABLE_MBR;
}

static int take_parts(int fd, blkid_partlist parts, struct inside *inside)
{
	int i, err = 0, count = blkid_partlist_numof_partitions(parts);

	inside->table = table_of(parts);
	for (i = 0; i < count && i < PARTS_MAX && !err; i++) {
		blkid_partition from = blkid_partlist_get_partition(parts, i);
		struct inside_part *part = &inside->part[i];

		*part = (struct inside_part){
			.number = (unsigned int)blkid_partition_get_partno(from),
			.start = (u64)blkid_partition_get_start(from) << 9,
			.length = (u64)blkid_partition_get_size(from) << 9,
			.extended = blkid_partition_is_extended(from),
			.recovery = is_recovery(from),
		};
		if (!part->extended)
			err = look_at_part(fd, part);
		inside->count++;
	}
	return err;
}

static int take_whole(int fd, struct inside *inside)
{
	inside->part[0] = (struct inside_part){ .length = inside->size };
	inside->count = 1;
	return look_at_part(fd, &inside->part[0]);
}

static int look(int fd, struct inside *inside)
{
	blkid_probe probe = blkid_new_probe();
	blkid_partlist parts = NULL;
	int err = 0;

	inside->part = calloc(PARTS_MAX, sizeof(*inside->part));
	if (!probe || !inside->part ||
	    blkid_probe_set_device(probe, fd, 0, 0)) {
		blkid_free_probe(probe);
		return -ENOMEM;
	}
	inside->size = (u64)blkid_probe_get_size(probe);
	inside->sector = blkid_probe_get_sectorsize(probe);
	blkid_probe_enable_partitions(probe, 1);
	parts = blkid_probe_get_partitions(probe);
	if (parts)
		err = take_parts(fd, parts, inside);
	if (!err && !inside->count && inside->table == DISK_TABLE_NONE)
		err = take_whole(fd, inside);
	blkid_free_probe(probe);
	return err;
}

/**
 * inside_look() - look at a device
 * @path: path of its node
 * @inside: filled in, for inside_free(), also after a failure
 *
 * A partition table without partitions has no part.
 *
 * Return: 0, or a negative errno after a message.
 */
int inside_look(const char *path, struct inside *inside)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 ? -errno : 0;

	*inside = (struct inside){ 0 };
	if (!err)
		err = look(fd, inside);
	if (fd >= 0)
		close(fd);
	if (err && err != -ENOMEM)
		msg_err("%s: cannot be read: %s", path, strerror(-err));
	return err;
}

/**
 * inside_free() - free what inside_look() has found
 * @inside: it
 */
void inside_free(struct inside *inside)
{
	free(inside->part);
	*inside = (struct inside){ 0 };
}

/**
 * inside_last() - the partition that ends last
 * @inside: from inside_look()
 *
 * A logical partition comes before the extended one that holds it.
 *
 * Return: it, or all of a device without partitions; NULL if there is none.
 */
const struct inside_part *inside_last(const struct inside *inside)
{
	const struct inside_part *last = NULL;
	unsigned int i;

	for (i = 0; i < inside->count; i++) {
		const struct inside_part *part = &inside->part[i];
		u64 end = part->start + part->length;

		if (!last || end > last->start + last->length ||
		    (end == last->start + last->length && last->extended))
			last = part;
	}
	return last;
}

/**
 * inside_words() - name a part in words
 * @part: from inside_look()
 * @words: filled in
 *
 * Return: @words, as in "partition 2 (ext4)".
 */
const char *inside_words(const struct inside_part *part,
			 char words[INSIDE_WORDS])
{
	const char *type = *part->type ? part->type : "nothing known";

	if (!strcmp(type, "?"))
		type = "could be several things";
	if (part->extended)
		type = "extended";
	if (part->number)
		snprintf(words, INSIDE_WORDS, "partition %u (%s)", part->number,
			 type);
	else
		snprintf(words, INSIDE_WORDS, "the whole disk (%s)", type);
	return words;
}
