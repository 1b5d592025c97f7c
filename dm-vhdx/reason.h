/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a table was refused: the sentence that ends up in ti->error.
 *
 * A constructor has one reason at hand. Both the engine, through the report in
 * it, and the target put their sentences there. The first one becomes the
 * table's error; what is not an error goes to the log.
 *
 * reason.c APIs:
 *   vhdx_reason_init()	before anything can fail
 *   vhdx_reason_give()	refuse, in words
 */
#ifndef VHDX_REASON_H
#define VHDX_REASON_H

#include "engine/report.h"

struct dm_target;

/**
 * struct vhdx_reason - where the sentences of one constructor go
 * @report: for the engine
 * @ti: the target under construction
 * @image: the image that is being looked at, as the table names it; NULL if
 *	the sentence is about the table
 * @given: ti->error has its sentence
 */
struct vhdx_reason {
	struct vhdx_report report;
	struct dm_target *ti;
	const char *image;
	bool given;
};

void vhdx_reason_init(struct vhdx_reason *reason, struct dm_target *ti);
__printf(3, 4)
int vhdx_reason_give(struct vhdx_reason *reason, int err, const char *fmt, ...);

#endif /* VHDX_REASON_H */
