/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The committer: the space worker, which prepares blocks and returns freed
 * space.
 *
 * It works when a bio needs a block, when prepared blocks run low, and when the
 * I/O of the old epoch has ended.
 *
 * commit-prepare.c APIs:
 *   vhdx_space_worker_start()	start the space worker
 *   vhdx_space_worker_stop()
 *   vhdx_space_worker_rest()	pause it
 *   vhdx_space_worker_go()	let it continue
 */
#ifndef VHDX_COMMIT_PREPARE_H
#define VHDX_COMMIT_PREPARE_H

#include "commit.h"

int vhdx_space_worker_start(struct vhdx_committer *c);
void vhdx_space_worker_stop(struct vhdx_committer *c);
void vhdx_space_worker_rest(struct vhdx_committer *c);
void vhdx_space_worker_go(struct vhdx_committer *c);

#endif /* VHDX_COMMIT_PREPARE_H */
