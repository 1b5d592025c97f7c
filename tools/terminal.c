// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "terminal.h"

/**
 * terminal_moves() - test whether output may move the cursor
 * @fd: descriptor of the output
 *
 * Return: true if it is a terminal, and TERM is not "dumb".
 */
bool terminal_moves(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && !(term && !strcmp(term, "dumb"));
}

/**
 * terminal_colours() - test whether output may have colours
 * @fd: descriptor of the output
 *
 * NO_COLOR forbids them if it is set and not empty, see https://no-color.org.
 *
 * Return: true if it may.
 */
bool terminal_colours(int fd)
{
	const char *no_color = getenv("NO_COLOR");

	return terminal_moves(fd) && getenv("TERM") && !(no_color && *no_color);
}
