/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What device-mapper prints in words: \ooo in one is a byte, which would
 * separate words otherwise.
 *
 * words.c APIs:
 *   words_split()	text in words
 *   words_free()
 *   words_device()	the device that a word names by its number
 */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Device-mapper splits a line where the kernel's isspace() says so, which in
 * its Latin-1 counts byte 0xA0, although UTF-8 has it inside letters.
 */
#define WORDS_OF_DM	" \t\n\v\f\r\xa0"

/**
 * struct words - a text in words
 * @buffer: holds them
 * @word: each of them, unescaped
 * @count: how many
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
