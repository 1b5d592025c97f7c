/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Damage that keeps an image from being written, and that only a look at its
 * whole BAT shows.
 *
 * damage.c APIs:
 *   damage_found()	look, and say what there is
 */
#ifndef DAMAGE_H
#define DAMAGE_H

#include "open.h"

bool damage_found(const struct layer *layer);

#endif /* DAMAGE_H */
