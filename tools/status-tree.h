/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device as a tree, for `status` and `list`.
 *
 * status-tree.c APIs:
 *   status_device()	which device, and of which images
 *   status_add_target()	the target's own counters and flags
 *   status_add_mode()	does it write, and if not, why?
 *   status_has()	a flag
 *   status_unwritten()	was nothing of the device ever written?
 *   status_fault()	why it does not write any more
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
