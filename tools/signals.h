/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signals such as SIGINT, held while an end would leave things half done.
 *
 * signals.c APIs:
 *   signals_hold()	block the signals that would end the process
 *   signals_let()	deliver held signals
 *   signals_keep()	hold signals for longer work, of which these are parts
 *   signals_keep_end()	end that
 *   signals_before()	find the signal mask before signals_hold()
 *   signals_held()	test whether a held signal is pending
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <signal.h>
#include <stdbool.h>

void signals_hold(void);
void signals_let(void);
void signals_keep(void);
void signals_keep_end(void);
void signals_before(sigset_t *before);
bool signals_held(void);

#endif /* SIGNALS_H */
