/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A chain of images, and the engine's central lookup: where does a range of the
 * virtual disk lie?
 *
 * chain.c APIs:
 *   vhdx_chain_bound_logs()	bound the memory that the logs of a chain take
 *   vhdx_chain_new()	join a child and its parents; check that each parent is
 *			the one its child names
 *   vhdx_chain_check_late()	check this of parents that were written then
 *   vhdx_chain_free()
 *   vhdx_chain_map()	virtual range -> run, without I/O or a lock
 *   vhdx_chain_find()	the same, with the I/O that the lookup needs
 *   vhdx_chain_piece()	vhdx_chain_map() within one block, with the layer that
 *			decides for zeros too
 *   vhdx_chain_map_own()	vhdx_chain_map() of what the child has
 *   vhdx_chain_change()	find what the upper images of a chain say of a range
 *   vhdx_chain_read()	read the virtual disk, synchronously
 */
#ifndef VHDX_CHAIN_H
#define VHDX_CHAIN_H

#include "image.h"

/* Other readers follow chains this deep; Windows warns much earlier. */
#define VHDX_CHAIN_MAX	256U

/* Flags of vhdx_chain_new(). */
#define VHDX_CHAIN_IGNORE_ID	0x1U	/* a changed parent is only a warning */
#define VHDX_CHAIN_LATE_ID	0x2U	/* vhdx_chain_check_late() follows */
#define VHDX_CHAIN_ALONE	0x4U	/* the last image may lack its parent */

/**
 * enum vhdx_run_kind - how to read a range of the virtual disk
 * @VHDX_RUN_ZERO: zeros, without I/O
 * @VHDX_RUN_DATA: bytes of a layer's store
 * @VHDX_RUN_COPY: bytes of a layer that only vhdx_chain_read() can read: the
 *	log changes them, or the file ends inside a sector
 */
enum vhdx_run_kind {
	VHDX_RUN_ZERO,
	VHDX_RUN_DATA,
	VHDX_RUN_COPY,
};

/**
 * struct vhdx_run - a contiguous range of the virtual disk
 * @kind: how to read it
 * @absent: of a range to write: not all of it is in the child so far, so that
 *	vhdx_session_wrote() must follow
 * @layer: the layer that holds it, 0 for the child; for zeros, only
 *	vhdx_chain_piece() and vhdx_chain_change() set it. A layer past the last
 *	one is a parent that the chain lacks, see VHDX_CHAIN_ALONE.
 * @offset: byte offset in that layer's store; meaningless for zeros
 * @length: bytes, a multiple of the logical sector size, at least one sector
 */
struct vhdx_run {
	enum vhdx_run_kind kind;
	bool absent;
	u32 layer;
	u64 offset;
	u64 length;
};

/**
 * struct vhdx_chain - images, child first
 * @size: bytes of the virtual disk, as the child defines it
 * @depth: number of images
 * @layer: the images; the caller owns them, and they outlive the chain
 */
struct vhdx_chain {
	u64 size;
	u32 depth;
	struct vhdx_image *layer[];
};

int vhdx_chain_bound_logs(u64 *held, const struct vhdx_image *image,
			  struct vhdx_report *report);
struct vhdx_chain *vhdx_chain_new(struct vhdx_image **images, u32 depth,
				  unsigned int flags,
				  struct vhdx_report *report);
int vhdx_chain_check_late(const struct vhdx_chain *chain,
			  struct vhdx_report *report);
void vhdx_chain_free(struct vhdx_chain *chain);
int vhdx_chain_map(const struct vhdx_chain *chain, u64 pos, u64 len,
		   struct vhdx_run *run, struct vhdx_miss *miss);
int vhdx_chain_find(const struct vhdx_chain *chain, u64 pos, u64 len,
		    struct vhdx_run *run);
int vhdx_chain_piece(const struct vhdx_chain *chain, u64 pos, u64 len,
		     struct vhdx_run *run, struct vhdx_miss *miss);
int vhdx_chain_change(const struct vhdx_chain *chain, u32 depth, u64 pos,
		      u64 len, struct vhdx_run *run, struct vhdx_miss *miss);
int vhdx_chain_map_own(const struct vhdx_chain *chain, u64 pos, u64 len,
		       struct vhdx_run *run, struct vhdx_miss *miss);
int vhdx_chain_read(const struct vhdx_chain *chain, u64 pos, void *buf,
		    size_t len);

#endif /* VHDX_CHAIN_H */
