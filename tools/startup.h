/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of the process before it opens an image, however it was started.
 *
 * startup.c APIs:
 *   startup()	prepare standard streams, signals and environment
 */
#ifndef STARTUP_H
#define STARTUP_H

int startup(void);

#endif /* STARTUP_H */
