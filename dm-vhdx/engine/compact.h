/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compact an image that nobody uses: blocks move down into holes, and the file
 * gets short.
 *
 *	space that holds nothing:  entries -> commit -> the space is free
 *	blocks:   copy -> flush -> entries, in the log -> flush -> the old place is
 *		  given back
 *	session ends: the log is empty, and the file is cut
 *	regions:  copy -> flush -> both region tables, in the log -> flush -> the log
 *		  is empty, and the file is cut
 *
 * A crash at any instant leaves each block and each region at its old place or
 * at its new one, and both hold the same. Blocks move to space that was free
 * from the start, and no old place is used again before the end. So only the
 * order of the copy, its entry and the discard of the old place matters, and
 * one flush serves many blocks.
 *
 * No page of a sector bitmap passes through the log, and the BAT moves in a
 * session that logs none of its pages. So a replay never writes to a place that
 * has another owner by then.
 *
 * The virtual disk reads the same at any time, so the image keeps its
 * DataWriteGuid and its children.
 *
 * compact.c APIs:
 *   vhdx_compact()	carry out a plan
 */
#ifndef VHDX_COMPACT_H
#define VHDX_COMPACT_H

#include "compact-plan.h"
#include "session.h"

int vhdx_compact(struct vhdx_session *session, const struct vhdx_plan *plan,
		 struct vhdx_progress *progress, struct vhdx_report *report);

#endif /* VHDX_COMPACT_H */
