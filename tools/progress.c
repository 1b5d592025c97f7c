// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <unistd.h>

#include "console.h"
#include "progress.h"
#include "terminal.h"

/* Set by the handler, which may access only atomic variables. */
static int interrupted;

static void interrupt(int nr)
{
	(void)nr;
	__atomic_store_n(&interrupted, 1, __ATOMIC_RELAXED);
}

static int engine_step(struct vhdx_progress *engine, u64 done, u64 total)
{
	return progress_step(container_of(engine, struct progress, engine),
			     done, total);
}

/* nohup(1) ignores SIGHUP; keep that. */
static void catch_signal(int nr)
{
	/* The first signal stops in order; a second one kills. */
	struct sigaction action = {
		.sa_handler = interrupt,
		.sa_flags = SA_RESTART | (int)SA_RESETHAND,
	};
	struct sigaction before;

	if (!sigaction(nr, NULL, &before) &&
	    (nr != SIGHUP || before.sa_handler != SIG_IGN))
		sigaction(nr, &action, NULL);
}

/**
 * progress_begin() - begin to show progress, and to catch signals
 * @progress: filled in
 * @what: the work in one word; a constant
 */
void progress_begin(struct progress *progress, const char *what)
{
	*progress = (struct progress){
		.engine.step = engine_step,
		.what = what,
		.shown = -1,
		.terminal = terminal_moves(STDERR_FILENO) && console_says(CONSOLE_NORMAL),
	};
	catch_signal(SIGINT);
	catch_signal(SIGTERM);
	catch_signal(SIGHUP);
}

/**
 * progress_step() - report progress
 * @progress: the work
 * @done: work done, in any unit
 * @total: all work, in the same unit
 *
 * Return: 0 to continue, or -EINTR after a SIGINT, SIGTERM or SIGHUP.
 */
int progress_step(struct progress *progress, u64 done, u64 total)
{
	int percent = total ? (int)(done * 100 / total) : 100;

	if (__atomic_load_n(&interrupted, __ATOMIC_RELAXED))
		return -EINTR;
	if (!progress->terminal || percent == progress->shown)
		return 0;
	fprintf(stderr, "\r%s: %d%%\033[K", progress->what, percent);
	fflush(stderr);
	progress->shown = percent;
	return 0;
}

/**
 * progress_end() - clear the line of progress
 * @progress: the work
 */
void progress_end(struct progress *progress)
{
	if (progress->terminal && progress->shown >= 0)
		fprintf(stderr, "\r\033[K");
	fflush(stderr);
	progress->shown = -1;
}

/**
 * progress_of_library() - report progress of the library
 * @progress: the work, as the context of vhdx_disk_on_progress()
 * @done: work done, in any unit
 * @total: all work, in the same unit
 *
 * Return: as progress_step().
 */
int progress_of_library(void *progress, uint64_t done, uint64_t total)
{
	return progress_step(progress, done, total);
}
