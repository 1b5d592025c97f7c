/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scripts that have shells complete the command line, made of the tables in
 * verbs.h, so that a verb or an option that is added is completed.
 *
 * completion.c APIs:
 *   completion_shells[]	the shells, and what prints the script of each
 *   completion_arg()		what an argument of a verb may be
 *   completion_option()	what the argument of an option may be
 *   completion_words()		the words that are such an argument
 *   completion_quoted()	print a text for between single quotes
 * completion-bash.c APIs:
 *   completion_bash()		print the script of bash
 * completion-zsh.c APIs:
 *   completion_zsh()		print the script of zsh
 * completion-fish.c APIs:
 *   completion_fish()		print the script of fish
 */
#ifndef COMPLETION_H
#define COMPLETION_H

#include "verbs.h"

/**
 * enum completion_kind - what a word of the command line may be
 * @COMPLETE_NOTHING: a number, or a name that is new
 * @COMPLETE_FILE: a file
 * @COMPLETE_DEVICE: the name of a device, or a file
 * @COMPLETE_WORD: one of completion_words()
 */
enum completion_kind {
	COMPLETE_NOTHING,
	COMPLETE_FILE,
	COMPLETE_DEVICE,
	COMPLETE_WORD,
};

/**
 * struct completion_shell - a shell
 * @name: its name
 * @print: prints its script
 */
struct completion_shell {
	const char *name;
	void (*print)(FILE *out);
};

/* Ends with an entry that has no name. */
extern const struct completion_shell completion_shells[];

enum completion_kind completion_arg(const struct verb *verb, unsigned int n);
enum completion_kind completion_option(const struct option_spec *spec);
void completion_words(FILE *out);
void completion_quoted(FILE *out, const char *text, const char *special);

void completion_bash(FILE *out);
void completion_zsh(FILE *out);
void completion_fish(FILE *out);

#endif /* COMPLETION_H */
