/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Progress of long work on a terminal, and an orderly stop by a signal.
 *
 * progress.c APIs:
 *   progress_begin()	begin to show progress, and to catch signals
 *   progress_step()	report progress
 *   progress_end()	clear the line of progress
 *   progress_of_library()	report progress of the library
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "check.h"

/**
 * struct progress - long work
 * @engine: callback for the engine
 * @what: the work in one word
 * @shown: last percentage on the terminal, -1 for none
 * @terminal: standard error is a terminal
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
int progress_of_library(void *progress, uint64_t done, uint64_t total);

#endif /* PROGRESS_H */
