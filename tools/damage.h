/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Damage that makes writing to an image unsafe, and that only its whole BAT
 * shows.
 *
 * damage.c APIs:
 *   damage_found()	check that the BAT permits writing
 */
#ifndef DAMAGE_H
#define DAMAGE_H

#include "open.h"

bool damage_found(const struct layer *layer);

#endif /* DAMAGE_H */
