/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Progress of long work, on a terminal, and a way to stop it by a signal.
 *
 * progress.c APIs:
 *   progress_begin()	start to show, and to catch signals
 *   progress_step()	how far it is
 *   progress_end()	take the line away
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "check.h"

/**
 * struct progress - one piece of long work
 * @engine: for the engine to call
 * @what: the work, in a word
 * @shown: last percentage on the terminal, -1 for none
 * @terminal: there is one to show it on
 */
struct progress {
	struct vhdx_progress engine;
	const char *what;
	int shown;
	bool terminal;
};

void progress_begin(struct progress *progress, const char *what);
int progress_step(struct progress *progress, u64 done, u64 total);
void progress_end(struct progress *progress);

#endif /* PROGRESS_H */
