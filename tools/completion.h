/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scripts with which shells complete command lines. They are made from the
 * tables of verbs.h, so each new verb and option is completed.
 *
 * completion.c APIs:
 *   completion_shells[]	the shells, and the functions that print scripts
 *   completion_arg()		find the kind of an argument of a verb
 *   completion_option()	find the kind of an option's argument
 *   completion_words()		print the words for COMPLETE_WORD
 *   completion_quoted()	print a text for use between single quotes
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
 * enum completion_kind - kind of a word of the command line
 * @COMPLETE_NOTHING: a number, or a new name
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
