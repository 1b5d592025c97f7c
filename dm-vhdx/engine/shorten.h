/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Make the virtual disk of an image that nobody uses smaller ([MS-VHDX] 2.5,
 * 2.6.2.2). What lies behind the new end is lost.
 *
 *	one entry of the log: the size; flush
 *	-> discard the blocks behind the end, clear their entries, and the bits of
 *	   sectors behind it
 *	-> empty the log
 *	-> cut the file behind its last block
 *
 * Until the size is durable nothing else changes, so a crash leaves the disk
 * with its old size and contents, or with the new size. No reader looks at
 * entries or bits behind the end of a disk; a later growth clears those that a
 * crash left.
 *
 * shorten.c APIs:
 *   vhdx_shorten_fault()	why a disk cannot get that size
 *   vhdx_shorten()		make the disk smaller, and end the session
 */
#ifndef VHDX_SHORTEN_H
#define VHDX_SHORTEN_H

#include "edit.h"

const char *vhdx_shorten_fault(const struct vhdx_image *image, u64 size);
int vhdx_shorten(struct vhdx_session *session, u64 size,
		 struct vhdx_report *report);

#endif /* VHDX_SHORTEN_H */
