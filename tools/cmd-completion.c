// SPDX-License-Identifier: GPL-2.0-only
/* completion: print a script with which a shell completes command lines. */
#include "completion.h"
#include "message.h"

/**
 * cmd_completion() - the verb `completion`
 * @options: of the command line
 * @args: the shell
 *
 * Return: 0 or a negative errno.
 */
int cmd_completion(const struct options *options, char **args)
{
	const struct completion_shell *shell;

	(void)options;
	for (shell = completion_shells; shell->name; shell++) {
		if (strcmp(shell->name, args[0]))
			continue;
		shell->print(stdout);
		return 0;
	}
	msg_err("%s: unknown shell; bash, zsh and fish are known", args[0]);
	return -EINVAL;
}
