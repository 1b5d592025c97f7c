/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that work for us and do not outlive us: the kernel ends them if we are
 * killed, and signals from the terminal go to us alone.
 *
 * captive.c APIs:
 *   captive_find()	is a program installed?
 *   captive_start()	start one
 *   captive_wait()	wait for its end
 *   captive_stop()	ask it to end, and wait
 *   captive_drop()	the same, whatever comes of it
 */
#ifndef CAPTIVE_H
#define CAPTIVE_H

#include <sys/types.h>

#include "env.h"

/* Where a captive has the descriptor that is passed to it. */
#define CAPTIVE_PASSED_FD	10

/**
 * struct captive - a program that runs
 * @name: its name
 * @pid: 0 if it does not run
 * @said: what it prints on standard error, in memory
 */
struct captive {
	const char *name;
	pid_t pid;
	int said;
};

/**
 * struct captive_fds - descriptors for a program; -1 for none
 * @listening: a socket, by the protocol of systemd's socket activation
 * @passed: becomes CAPTIVE_PASSED_FD
 * @output: its standard output, in place of /dev/null
 * @errors: its standard error, in place of memory
 */
struct captive_fds {
	int listening;
	int passed;
	int output;
	int errors;
};

bool captive_find(const char *name);
int captive_start(struct captive *captive, const char *const *argv,
		  const struct captive_fds *fds);
int captive_wait(struct captive *captive);
int captive_stop(struct captive *captive);
void captive_drop(struct captive *captive, bool repeats);

#endif /* CAPTIVE_H */
