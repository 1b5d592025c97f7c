/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work that goes on after the command has ended, in a process of its own. Its
 * messages go to the system's log.
 *
 * background.c APIs:
 *   background_begin()	go on in a process of its own
 *   background_ready()	let the command end
 *   background_error()	what went wrong there
 */
#ifndef BACKGROUND_H
#define BACKGROUND_H

#include <sys/types.h>

int background_begin(pid_t *process);
void background_ready(void);
const char *background_error(void);

#endif /* BACKGROUND_H */
