/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What must be so before an image is opened, whatever we were started with.
 *
 * startup.c APIs:
 *   startup()	make it so
 */
#ifndef STARTUP_H
#define STARTUP_H

int startup(void);

#endif /* STARTUP_H */
