/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waiting until something happens to a device of device-mapper.
 *
 * watch.c APIs:
 *   watch_open()	begin
 *   watch_arm()	what happens from now on ends the next wait
 *   watch_wait()	wait for it
 */
#ifndef WATCH_H
#define WATCH_H

int watch_open(void);
int watch_arm(int fd);
int watch_wait(int fd);

#endif /* WATCH_H */
