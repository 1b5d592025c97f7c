/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The committer: its thread does what needs I/O in the life of a session, and alone
 * writes metadata.
 *
 * It works when the session must begin, when a flush waits, and once a second if
 * something has changed.
 *
 * commit-thread.c APIs:
 *   vhdx_committer_start()	start the thread, which does nothing yet
 *   vhdx_committer_stop()
 *   vhdx_committer_ask()	have something done by the thread
 *   vhdx_committer_lost()	has a flush failed elsewhere?
 *   vhdx_committer_work()	do what there is to do
 */
#ifndef VHDX_COMMIT_THREAD_H
#define VHDX_COMMIT_THREAD_H

#include "commit.h"

int vhdx_committer_start(struct vhdx_committer *c);
void vhdx_committer_stop(struct vhdx_committer *c);
int vhdx_committer_ask(struct vhdx_committer *c,
		       int (*run)(struct vhdx_committer *c, unsigned int flags),
		       unsigned int flags);
int vhdx_committer_lost(struct vhdx_committer *c);
int vhdx_committer_work(struct vhdx_committer *c, unsigned int flags);

#endif /* VHDX_COMMIT_THREAD_H */
