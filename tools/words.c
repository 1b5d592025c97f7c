// SPDX-License-Identifier: GPL-2.0-only
#include <sys/sysmacros.h>

#include "env.h"
#include "words.h"

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Return a byte of a word, unescaped, and move @in past it. */
static char next_byte(const char **in)
{
	const char *p = *in;

	if (*p == '\\' && is_octal(p[1]) && is_octal(p[2]) && is_octal(p[3])) {
		*in += 4;
		return (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 |
			      (p[3] - '0'));
	}
	*in += 1;
	return *p;
}

/* Take the next word off @text, unescaped. Return NULL at the end. */
static char *next_word(char **text)
{
	char *word = *text + strspn(*text, WORDS_OF_DM);
	const char *end = word + strcspn(word, WORDS_OF_DM);
	const char *in = word;
	char *out = word;

	if (!*word)
		return NULL;
	*text += end - *text + (*end != '\0');
	/* Unescaped text is never longer, so overwrite the input. */
	while (in < end)
		*out++ = next_byte(&in);
	*out = '\0';
	return word;
}

/**
 * words_split() - split a text into words
 * @text: the text
 * @words: set to the words, for words_free()
 *
 * Return: 0 or -ENOMEM.
 */
int words_split(const char *text, struct words *words)
{
	char *rest, *word;

	*words = (struct words){ .buffer = strdup(text) };
	/* At most every other byte begins a word. */
	words->word = calloc(strlen(text) / 2 + 1, sizeof(*words->word));
	if (!words->buffer || !words->word) {
		words_free(words);
		return -ENOMEM;
	}
	rest = words->buffer;
	while ((word = next_word(&rest)))
		words->word[words->count++] = word;
	return 0;
}

/**
 * words_free() - free the words of a text
 * @words: from words_split()
 */
void words_free(struct words *words)
{
	free(words->buffer);
	free(words->word);
}

/**
 * words_device() - parse a device number
 * @word: a word such as "254:0"
 * @device: set to the number
 *
 * Return: false if the word is no device number.
 */
bool words_device(const char *word, dev_t *device)
{
	unsigned int high, low;
	char end;

	if (sscanf(word, "%u:%u%c", &high, &low, &end) != 2)
		return false;
	*device = makedev(high, low);
	return true;
}
