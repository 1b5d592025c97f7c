/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stop the merge of a device, which another process carries out.
 *
 * merge-stop.c APIs:
 *   merge_stop()		the verb `merge --stop`
 *   merge_stop_first()	stop it, if there is one, before the device goes
 */
#ifndef MERGE_STOP_H
#define MERGE_STOP_H

#include "dmdev.h"
#include "vhdxsetup.h"

int merge_stop(const struct options *options, const char *name);
int merge_stop_first(const struct dmdev *dev);

#endif /* MERGE_STOP_H */
