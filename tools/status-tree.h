/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device as a tree, for `status` and `list`.
 *
 * status-tree.c APIs:
 *   status_device()	describe a device and its images
 *   status_add_target()	add the target's counters and flags
 *   status_add_mode()	add whether a device writes, or why not
 *   status_has()	test whether the status has a flag
 *   status_unwritten()	test whether a device was never written
 *   status_fault()	find out why a device refuses writes
 */
#ifndef STATUS_TREE_H
#define STATUS_TREE_H

#include "dmdev.h"
#include "tree.h"

struct json_object *status_device(const struct dmdev *dev);
void status_add_target(struct json_object *object, const struct dmdev *dev);
char *status_fault(const struct dmdev *dev);
void status_add_mode(struct json_object *object, const struct dmdev *dev);
bool status_has(const struct dmdev *dev, const char *flag);
bool status_unwritten(const struct dmdev *dev);

#endif /* STATUS_TREE_H */
