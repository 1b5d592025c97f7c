/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much of a disk is needed by what is on it: partitions, a file system, LVM, or
 * data of no known kind. libblkid says what there is.
 *
 * disk-needs.c APIs:
 *   disk_needs()	find it out
 * disk-probe.c APIs:
 *   disk_probe_open()	the ends of a disk as a file, for libblkid
 *   disk_probe_end()	where the last partition ends
 *   disk_probe_type()	what the disk holds as a whole
 *   disk_probe_close()
 */
#ifndef DISK_NEEDS_H
#define DISK_NEEDS_H

#include "open.h"

/* What libblkid looks at lies within so much of either end. */
#define DISK_PROBE_END	(1024 * 1024)

/* Kinds of partition tables. Libblkid takes other data for some of the rare ones. */
enum disk_table {
	DISK_TABLE_NONE,
	DISK_TABLE_GPT,
	DISK_TABLE_MBR,
	DISK_TABLE_OTHER,
};

/**
 * struct disk_span - a range of a disk
 * @from: byte offset
 * @end: byte behind it; not above @from if there is none
 */
struct disk_span {
	u64 from;
	u64 end;
};

/**
 * struct disk_needs - the smallest size that a disk can have
 * @bytes: that size, a multiple of the sector size; what lies behind is not looked at
 * @what: what needs it, in words
 * @gpt: it has a partition table of the GPT kind, whose backup goes to the end
 * @gpt_end: where its last partition ends, if that lies before the last sector that
 *	the GPT calls usable; otherwise 0
 * @gpt_backup: bytes of the backup
 * @backup: where the backup lies: its header, and its entries
 */
struct disk_needs {
	u64 bytes;
	char what[96];
	bool gpt;
	u64 gpt_end;
	u64 gpt_backup;
	struct disk_span backup[2];
};

/**
 * struct disk_probe - a disk as libblkid sees it
 * @fd: a file in memory with its first and last MiB, and zeros in between
 * @size: bytes of the disk
 * @sector: bytes of a logical sector
 */
struct disk_probe {
	int fd;
	u64 size;
	u32 sector;
};

int disk_needs(struct disk *disk, struct disk_needs *needs);

int disk_probe_open(struct disk_probe *probe, struct disk *disk, u64 size,
		    u64 hidden);
int disk_probe_end(const struct disk_probe *probe, u64 *end);
int disk_probe_type(const struct disk_probe *probe, char *type, size_t size);
void disk_probe_close(struct disk_probe *probe);

#endif /* DISK_NEEDS_H */
