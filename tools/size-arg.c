// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>

#include "message.h"
#include "size-arg.h"

/* Return the shift of a suffix, or -1; "" stands for bytes. */
static int suffix_shift(const char *suffix)
{
	static const char letters[] = "KMGT";
	const char *letter;

	if (!*suffix)
		return 0;
	letter = strchr(letters, toupper((unsigned char)*suffix));
	if (!letter || (suffix[1] && strcmp(suffix + 1, "iB")))
		return -1;
	return 10 * (int)(letter - letters + 1);
}

/**
 * size_arg() - parse a size
 * @option: option with this argument, for the message; NULL for an argument of
 *	the verb
 * @text: a number, optionally with K, M, G or T for powers of 1024, and iB
 * @bytes: set to the size
 *
 * Return: 0 with a size above 0, or -EINVAL after a message.
 */
int size_arg(const char *option, const char *text, u64 *bytes)
{
	unsigned long long number;
	char *end;
	const char *dashes = option ? "--" : "";
	const char *space = option ? " " : "";
	int shift;

	option = option ? option : "";
	errno = 0;
	number = strtoull(text, &end, 10);
	shift = suffix_shift(end);
	if (!isdigit((unsigned char)*text) || shift < 0) {
		msg_err("%s%s%s%s: not a size; write a number of bytes, or one with K, M, G or T, as in 300M",
			dashes, option, space, text);
		return -EINVAL;
	}
	if (!number) {
		msg_err("%s%s%s%s: must be above 0", dashes, option, space,
			text);
		return -EINVAL;
	}
	if (errno || number > U64_MAX >> shift) {
		msg_err("%s%s%s%s: too large", dashes, option, space, text);
		return -EINVAL;
	}
	*bytes = number << shift;
	return 0;
}
