/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Merging a child into its parent: which two images can be merged, and how the
 * child names its parent meanwhile.
 *
 * The two images have two logs, which no order joins. A merge is safe because it
 * does not change what the child says: while the child covers a range, nobody
 * reads what the parent has there, so that any part of it may be written at any
 * time. Only when all of it is durable in the parent, the child goes.
 *
 * The parent gets a new DataWriteGuid with its first change, and the child must
 * be able to open before and after. So the child names the new one as
 * parent_linkage2, durably, before the parent changes ([MS-VHDX] 2.6.2.6.3).
 * The parent gets the size of the child before anything is copied, under its new
 * identity: what the child shows past the end of its parent is zeros, and so is what
 * grows; and what a larger parent has past the end of the child, nobody sees.
 * An image with children is merged in the same way. When all of it is durable in
 * the parent, each child gets a locator that names the parent, in place of the
 * image: it reads the same over either. Only then the image goes.
 *
 * A merge that was stopped is begun again in the same way: the child then names
 * the identity that the parent has by now, and the next one.
 *
 * A merge may go on while a device reads the chain, if what it knows of the parent
 * from before reads the same as what the parent becomes: see vhdx_image_lend().
 * Bits that an absent block of the parent has left over would count for one who
 * sees the block present before he sees them clear.
 *
 * merge.c APIs:
 *   vhdx_merge_check()	check that a child can be merged into its parent
 *   vhdx_merge_check_middle()	check that an image with children can be merged
 *   vhdx_merge_check_lent()	check that images can be merged while they are read
 *   vhdx_merge_link()	have the child name the identity that its parent will
 *			get
 *   vhdx_merge_fit()	give the parent's disk the size of the child's
 */
#ifndef VHDX_MERGE_H
#define VHDX_MERGE_H

#include "chain.h"

int vhdx_merge_check(const struct vhdx_chain *chain, u32 layer,
		     struct vhdx_report *report);
int vhdx_merge_check_middle(const struct vhdx_chain *chain, u32 layer,
			    struct vhdx_report *report);
int vhdx_merge_check_lent(const struct vhdx_chain *chain, u32 into,
			  struct vhdx_report *report);
int vhdx_merge_link(const struct vhdx_chain *chain, const guid_t *next,
		    struct vhdx_report *report);
int vhdx_merge_fit(const struct vhdx_chain *chain, u32 layer, u64 size,
		   const guid_t *next, struct vhdx_report *report);

#endif /* VHDX_MERGE_H */
