/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Words of device-mapper's output, in which \ooo is a byte that would otherwise
 * separate words.
 *
 * words.c APIs:
 *   words_split()	split a text into words
 *   words_free()
 *   words_device()	parse a device number
 */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Device-mapper splits a line at the kernel's isspace(), which counts byte 0xA0
 * of Latin-1, although UTF-8 has it inside letters.
 */
#define WORDS_OF_DM	" \t\n\v\f\r\xa0"

/**
 * struct words - a text, split into words
 * @buffer: holds the words
 * @word: the words, unescaped
 * @count: number of words
 */
struct words {
	char *buffer;
	char **word;
	unsigned int count;
};

int words_split(const char *text, struct words *words);
void words_free(struct words *words);
bool words_device(const char *word, dev_t *device);

#endif /* WORDS_H */
