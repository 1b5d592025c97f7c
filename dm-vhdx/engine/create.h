/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Create a new image on an empty store.
 *
 * create.c APIs:
 *   vhdx_create()	write a complete image
 */
#ifndef VHDX_CREATE_H
#define VHDX_CREATE_H

#include "check.h"
#include "layout.h"

int vhdx_create(struct vhdx_store *store, const struct vhdx_layout *layout,
		struct vhdx_progress *progress, struct vhdx_report *report);

#endif /* VHDX_CREATE_H */
