/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signatures of the old contents of a device.
 *
 * wipe.c APIs:
 *   wipe_signatures()	wipe all that libblkid finds
 */
#ifndef WIPE_H
#define WIPE_H

int wipe_signatures(int fd);

#endif /* WIPE_H */
