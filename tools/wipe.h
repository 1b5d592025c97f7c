/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signatures of what was on a device, taken off it.
 *
 * wipe.c APIs:
 *   wipe_signatures()	wipe all that libblkid knows
 */
#ifndef WIPE_H
#define WIPE_H

int wipe_signatures(int fd);

#endif /* WIPE_H */
