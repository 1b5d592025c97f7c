/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parent locator: how a differencing image names its parent
 * ([MS-VHDX] 2.6.2.6).
 *
 * locator.c APIs:
 *   vhdx_locator_decode()	decode a locator from the item's bytes
 *   vhdx_locator_matches()	test whether an image is the named parent
 *   vhdx_locator_free()
 * locator-write.c APIs:
 *   vhdx_locator_encode()	encode a locator into the item's bytes
 */
#ifndef VHDX_LOCATOR_H
#define VHDX_LOCATOR_H

#include "report.h"
#include "store.h"

/*
 * Bytes of a locator that is written. The format allows an item of 1 MiB; the
 * lengths of keys and values have 16 bits.
 */
#define VHDX_LOCATOR_SIZE_MAX	65535U

/**
 * struct vhdx_locator - what a child knows about its parent
 * @linkage: DataWriteGuid of the parent when the child was made
 * @linkage2: a second GUID that is valid during a merge; null if there is none
 * @relative_path: UTF-8, as written, with backslashes; NULL if absent
 * @volume_path: UTF-8 likewise; NULL if absent
 * @absolute_path: UTF-8 likewise, the value of absolute_win32_path; NULL if
 *	absent
 */
struct vhdx_locator {
	guid_t linkage;
	guid_t linkage2;
	char *relative_path;
	char *volume_path;
	char *absolute_path;
};

struct vhdx_locator *vhdx_locator_decode(const void *item, u32 length,
					 u64 offset,
					 struct vhdx_report *report);
bool vhdx_locator_matches(const struct vhdx_locator *locator,
			  const guid_t *data_write_guid);
void vhdx_locator_free(struct vhdx_locator *locator);
int vhdx_locator_encode(const struct vhdx_locator *locator, void *item,
			u32 *length, struct vhdx_report *report);

#endif /* VHDX_LOCATOR_H */
