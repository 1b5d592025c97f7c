// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <stddef.h>

#include "env.h"
#include "signals.h"

static const int stopping[] = { SIGINT, SIGTERM, SIGHUP };

/* As it was before they were held. */
static sigset_t mask;
static bool held;

/**
 * signals_hold() - put off what would stop us
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
 * signals_let() - let come what was held
 */
void signals_let(void)
{
	if (!held)
		return;
	held = false;
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

/**
 * signals_before() - which signals were blocked before any was put off
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
 * signals_held() - has anything come that would have stopped us?
 *
 * Return: true if so; a signal that is ignored, as nohup(1) has it, is none.
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
