/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The committer: its thread, which does the I/O of a session and alone writes
 * metadata.
 *
 * The thread works when the session must begin, when a flush waits, and once a
 * second if something has changed.
 *
 * commit-thread.c APIs:
 *   vhdx_committer_start()	start the thread, idle
 *   vhdx_committer_stop()
 *   vhdx_committer_ask()	run a function in the thread
 *   vhdx_committer_lost()	fail the session if the store lost writes
 *   vhdx_committer_work()	do the work that is due
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
