// SPDX-License-Identifier: GPL-2.0-only
#include <unistd.h>

#include "ask.h"
#include "message.h"

static int hear_answer(void)
{
	char line[16];

	if (!fgets(line, sizeof(line), stdin))
		return 0;
	return !strcasecmp(line, "y\n") || !strcasecmp(line, "yes\n");
}

/**
 * ask_yes() - ask for a yes
 * @question: ends without a question mark
 * @yes: the answer was given on the command line
 *
 * Return: 1 for yes, 0 for no; or -EINVAL after a message if there is nobody to
 * ask.
 */
int ask_yes(const char *question, bool yes)
{
	if (yes)
		return 1;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		msg_err("%s? There is nobody to ask: --yes says so", question);
		return -EINVAL;
	}
	fputs("vhdxsetup: ", stderr);
	msg_safe(stderr, question);
	fputs("? [y/N] ", stderr);
	fflush(stderr);
	return hear_answer();
}
