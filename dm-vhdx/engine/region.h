/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The region table: names the places of the BAT and the metadata ([MS-VHDX]
 * 2.2.3).
 *
 * region.c APIs:
 *   vhdx_region_table_check()	check whether a copy of the table is valid
 *   vhdx_regions_decode()	find and check the regions of a valid table
 *   vhdx_regions_find_cut()	report the regions that a cut file lost
 *   vhdx_regions_hit()		find the structure that a range of the file
 *				touches
 *   vhdx_regions_move_bat()	take note that the BAT region is elsewhere
 *   vhdx_regions_free()
 */
#ifndef VHDX_REGION_H
#define VHDX_REGION_H

#include "header.h"

/**
 * struct vhdx_region - a structure at a fixed place in the file
 * @name: name for findings: "BAT region", "log", ...
 * @guid: GUID of the region; null for the header section and the log
 * @offset: byte offset in the file, a multiple of 1 MiB
 * @length: bytes, a multiple of 1 MiB
 * @required: a reader that does not know the region must refuse the file
 */
struct vhdx_region {
	const char *name;
	guid_t guid;
	u64 offset;
	u64 length;
	bool required;
};

/**
 * struct vhdx_regions - every structure of the file except blocks
 * @all: header section, log and regions, known or not, by ascending offset
 * @count: number of entries in @all
 * @bat: the BAT region
 * @metadata: the metadata region
 */
struct vhdx_regions {
	struct vhdx_region *all;
	u32 count;
	struct vhdx_region bat;
	struct vhdx_region metadata;
};

bool vhdx_region_table_check(const void *table, unsigned int copy,
			     struct vhdx_report *report);
int vhdx_regions_decode(const void *table, unsigned int copy,
			const struct vhdx_header *header, u64 file_size,
			struct vhdx_regions *regions,
			struct vhdx_report *report);
void vhdx_regions_find_cut(const void *table, u64 file_size,
			   struct vhdx_report *report);
const struct vhdx_region *vhdx_regions_hit(const struct vhdx_regions *regions,
					   u64 offset, u64 length);
void vhdx_regions_move_bat(struct vhdx_regions *regions, u64 offset,
			   u64 length);
void vhdx_regions_free(struct vhdx_regions *regions);

#endif /* VHDX_REGION_H */
