// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <stddef.h>

#include "env.h"
#include "signals.h"

static const int stopping[] = { SIGINT, SIGTERM, SIGHUP };

/* The signal mask before signals_hold(). */
static sigset_t mask;
static bool held;

/* How often signals_keep() has been called. */
static unsigned int kept;

/**
 * signals_hold() - block the signals that would end the process
 */
void signals_hold(void)
{
	sigset_t set;
	size_t i;

	if (held)
		return;
	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(stopping); i++)
		sigaddset(&set, stopping[i]);
	sigprocmask(SIG_BLOCK, &set, &mask);
	held = true;
}

/**
 * signals_let() - deliver held signals
 */
void signals_let(void)
{
	if (!held || kept)
		return;
	held = false;
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

/**
 * signals_keep() - hold signals for longer work
 *
 * Parts of the work may hold and let them as ever: they stay held.
 */
void signals_keep(void)
{
	signals_hold();
	kept++;
}

/**
 * signals_keep_end() - end signals_keep(), and deliver held signals
 */
void signals_keep_end(void)
{
	kept--;
	signals_let();
}

/**
 * signals_before() - find the signal mask before signals_hold()
 * @before: filled in
 */
void signals_before(sigset_t *before)
{
	if (held)
		*before = mask;
	else
		sigprocmask(SIG_BLOCK, NULL, before);
}

/**
 * signals_held() - test whether a held signal is pending
 *
 * Return: true if so; ignored signals, as under nohup(1), do not count.
 */
bool signals_held(void)
{
	struct sigaction action;
	sigset_t set;
	size_t i;

	sigpending(&set);
	for (i = 0; i < ARRAY_SIZE(stopping); i++)
		if (sigismember(&set, stopping[i]) &&
		    !sigaction(stopping[i], NULL, &action) &&
		    action.sa_handler != SIG_IGN)
			return true;
	return false;
}
