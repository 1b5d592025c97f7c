/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signals that ask to stop, put off while stopping would leave things half done.
 *
 * signals.c APIs:
 *   signals_hold()	put them off
 *   signals_let()	let them come
 *   signals_before()	which were blocked before that
 *   signals_held()	has one come meanwhile?
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <signal.h>
#include <stdbool.h>

void signals_hold(void);
void signals_let(void);
void signals_before(sigset_t *before);
bool signals_held(void);

#endif /* SIGNALS_H */
