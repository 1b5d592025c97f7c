/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waiting until something happens to a device of device-mapper, or to the merge of one.
 *
 * watch.c APIs:
 *   watch_open()	begin
 *   watch_arm()	what happens from now on ends the next wait
 *   watch_wait()	wait for it
 *   watch_close()	end
 */
#ifndef WATCH_H
#define WATCH_H

/**
 * struct watch - what is watched
 * @devices: descriptor of device-mapper
 * @merges: descriptor of inotify
 */
struct watch {
	int devices;
	int merges;
};

int watch_open(struct watch *watch);
int watch_arm(const struct watch *watch);
int watch_wait(const struct watch *watch, int msecs);
void watch_close(const struct watch *watch);

#endif /* WATCH_H */
