// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "completion.h"

const struct completion_shell completion_shells[] = {
	{ "bash", completion_bash },
	{ "zsh", completion_zsh },
	{ "fish", completion_fish },
	{ 0 },
};

/* The words of verbs.c for what arguments are. */
static enum completion_kind kind_of(const char *word, size_t length)
{
	static const struct {
		const char *word;
		enum completion_kind kind;
	} words[] = {
		{ "NAME|IMAGE", COMPLETE_DEVICE },
		{ "[NAME]", COMPLETE_NOTHING },
		{ "NAME", COMPLETE_DEVICE },
		{ "SHELL", COMPLETE_WORD },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i].word) == length &&
		    !strncmp(words[i].word, word, length))
			return words[i].kind;
	return COMPLETE_FILE;
}

/**
 * completion_arg() - what an argument of a verb may be
 * @verb: the verb
 * @n: number of the argument, from 0
 *
 * Words that stand for an argument in the verb's help are separated by blanks.
 * The last one stands for those behind it as well, if the verb takes more.
 *
 * Return: the kind; COMPLETE_NOTHING if the verb takes fewer arguments.
 */
enum completion_kind completion_arg(const struct verb *verb, unsigned int n)
{
	const char *word = verb->args;
	size_t length = strcspn(word, " ");

	if (n >= (unsigned int)verb->most)
		return COMPLETE_NOTHING;
	while (n-- && word[length]) {
		word += length + 1;
		length = strcspn(word, " ");
	}
	return kind_of(word, length);
}

/**
 * completion_option() - what the argument of an option may be
 * @spec: an option that takes one
 *
 * Return: the kind.
 */
enum completion_kind completion_option(const struct option_spec *spec)
{
	static const char *const texts[] = {
		"BYTES", "COLUMNS", "KiB", "SECONDS",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++)
		if (!strcmp(spec->arg, texts[i]))
			return COMPLETE_NOTHING;
	return COMPLETE_FILE;
}

/**
 * completion_words() - print the words that are a COMPLETE_WORD
 * @out: where
 */
void completion_words(FILE *out)
{
	const struct completion_shell *shell;

	for (shell = completion_shells; shell->name; shell++)
		fprintf(out, "%s%s", shell == completion_shells ? "" : " ",
			shell->name);
}

/**
 * completion_quoted() - print a text for between single quotes
 * @out: where
 * @text: the text
 * @special: characters that need a backslash there; a single quote that is not
 *	among them ends the quotes for itself, as shells have it
 */
void completion_quoted(FILE *out, const char *text, const char *special)
{
	for (; *text; text++) {
		if (strchr(special, *text))
			fputc('\\', out);
		else if (*text == '\'')
			fputs("'\\'", out);
		fputc(*text, out);
	}
}
