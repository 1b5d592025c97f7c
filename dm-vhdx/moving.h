/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blocks of a device in use move down into holes: what the messages `gain` and
 * `move` do, but for their words.
 *
 * moving.c APIs:
 *   vhdx_move_gain()		find out what there is to gain
 *   vhdx_move_one()		move a block
 */
#ifndef VHDX_MOVING_H
#define VHDX_MOVING_H

#include <linux/types.h>

struct vhdx_committer;
struct vhdx_move_goal;

int vhdx_move_gain(struct vhdx_committer *c, struct vhdx_move_goal *goal);
int vhdx_move_one(struct vhdx_committer *c, u64 *index, u64 end);

#endif /* VHDX_MOVING_H */
