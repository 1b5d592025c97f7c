// SPDX-License-Identifier: GPL-2.0-only
#include <blkid/blkid.h>
#include <sys/mman.h>
#include <unistd.h>

#include "disk-needs.h"
#include "message.h"

#define STEP	(64 * 1024)

static int copy_range(const struct disk_probe *probe, struct disk *disk,
		      u64 from, u64 to)
{
	u8 *buf = malloc(STEP);
	u64 len;
	int err = buf ? 0 : -ENOMEM;

	for (; from < to && !err; from += len) {
		len = min_t(u64, to - from, STEP);
		err = vhdx_chain_read(disk->chain, from, buf, len);
		if (!err && pwrite(probe->fd, buf, len, (off_t)from) !=
			    (ssize_t)len)
			err = errno ? -errno : -EIO;
	}
	free(buf);
	return err;
}

/* Without the header of one copy of a GPT, libblkid reads the other copy. */
static int hide(const struct disk_probe *probe, u64 pos)
{
	char zeros[4096] = { 0 };

	return pwrite(probe->fd, zeros, probe->sector, (off_t)pos) ==
	       (ssize_t)probe->sector ? 0 : -EIO;
}

/**
 * disk_probe_open() - the ends of a disk as a file, for libblkid
 * @probe: filled in, for disk_probe_close()
 * @disk: the disk, from disk_follow()
 * @size: where it is taken to end, in bytes; whole sectors
 * @hidden: byte offset of a sector that reads as zeros; 0 for none
 *
 * Return: 0 or a negative errno.
 */
int disk_probe_open(struct disk_probe *probe, struct disk *disk, u64 size,
		    u64 hidden)
{
	u64 end = size > DISK_PROBE_END ? size - DISK_PROBE_END : 0;
	int err;

	*probe = (struct disk_probe){
		.fd = memfd_create("disk", MFD_CLOEXEC),
		.size = size,
		.sector = disk->layer[0]->image->params.logical_sector,
	};
	if (probe->fd < 0)
		return -errno;
	err = ftruncate(probe->fd, (off_t)size) ? -errno : 0;
	if (!err)
		err = copy_range(probe, disk, 0,
				 min_t(u64, size, DISK_PROBE_END));
	if (!err)
		err = copy_range(probe, disk, max_t(u64, end, DISK_PROBE_END),
				 size);
	if (!err && hidden)
		err = hide(probe, hidden);
	if (err)
		disk_probe_close(probe);
	return err;
}

static blkid_probe begin(const struct disk_probe *probe)
{
	blkid_probe blkid = blkid_new_probe();

	if (blkid && (blkid_probe_set_device(blkid, probe->fd, 0, 0) ||
		      blkid_probe_set_sectorsize(blkid, probe->sector))) {
		blkid_free_probe(blkid);
		blkid = NULL;
	}
	return blkid;
}

/* Windows keeps a database of its dynamic disks, as a rule in the last MiB. */
static bool is_dynamic(blkid_partition part)
{
	static const char * const guids[] = {
		"5808c8aa-7e8f-42e0-85d2-e1e90434cfb3",
		"af9b60a0-1431-4f62-bc68-3311714a69ad",
	};
	const char *guid = blkid_partition_get_type_string(part);

	if (guid)
		return !strcasecmp(guid, guids[0]) ||
		       !strcasecmp(guid, guids[1]);
	return blkid_partition_get_type(part) == 0x42;
}

static u64 end_of(const struct disk_probe *probe, blkid_partlist parts)
{
	int i, count = blkid_partlist_numof_partitions(parts);
	u64 end = 0;

	for (i = 0; i < count; i++) {
		blkid_partition part = blkid_partlist_get_partition(parts, i);

		if (is_dynamic(part))
			return probe->size;
		/* An extended one holds what it has inside. */
		end = max(end, (u64)blkid_partition_get_start(part) +
			       (u64)blkid_partition_get_size(part));
	}
	return end << 9;
}

static enum disk_table kind_of(const char *type)
{
	if (!strcmp(type, "gpt"))
		return DISK_TABLE_GPT;
	return strcmp(type, "dos") ? DISK_TABLE_OTHER : DISK_TABLE_MBR;
}

/**
 * disk_probe_end() - where the last partition ends
 * @probe: the disk
 * @end: set to the byte behind it; 0 without a partition; the end of the disk if
 *	one belongs to a dynamic disk of Windows
 *
 * Return: an enum disk_table, or a negative errno.
 */
int disk_probe_end(const struct disk_probe *probe, u64 *end)
{
	blkid_probe blkid = begin(probe);
	blkid_partlist parts = NULL;
	blkid_parttable table = NULL;
	int found = DISK_TABLE_NONE;

	*end = 0;
	if (!blkid)
		return -ENOMEM;
	blkid_probe_enable_partitions(blkid, 1);
	parts = blkid_probe_get_partitions(blkid);
	if (parts)
		table = blkid_partlist_get_table(parts);
	if (table) {
		*end = end_of(probe, parts);
		found = kind_of(blkid_parttable_get_type(table));
	}
	blkid_free_probe(blkid);
	return found;
}

/**
 * disk_probe_type() - what the disk holds as a whole
 * @probe: the disk
 * @type: set to the name that libblkid has for it, "" for nothing known, "?" for
 *	what could be several things
 * @size: of @type, in bytes
 *
 * Return: 0 or -ENOMEM.
 */
int disk_probe_type(const struct disk_probe *probe, char *type, size_t size)
{
	blkid_probe blkid = begin(probe);
	const char *value = "";
	int found;

	if (!blkid)
		return -ENOMEM;
	blkid_probe_enable_superblocks(blkid, 1);
	blkid_probe_set_superblocks_flags(blkid, BLKID_SUBLKS_TYPE);
	found = blkid_do_safeprobe(blkid);
	if (!found)
		(void)blkid_probe_lookup_value(blkid, "TYPE", &value, NULL);
	snprintf(type, size, "%s", found == 0 || found == 1 ? value : "?");
	blkid_free_probe(blkid);
	return 0;
}

/**
 * disk_probe_close() - free the file
 * @probe: from disk_probe_open()
 */
void disk_probe_close(struct disk_probe *probe)
{
	close(probe->fd);
}
