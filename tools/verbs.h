/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line as data: the verbs, and the options that each takes.
 * Parsing, help and completion use these tables.
 *
 * verbs.c APIs:
 *   verbs[], verb_count	the verbs
 *   option_specs[], option_count	the options
 *   verb_find()		find a verb by its name
 *   verb_takes()		test whether a verb takes an option
 *   option_is_common()		test whether every verb takes an option
 *   verb_help()		print the help of a verb
 *   general_help()		print the general help
 */
#ifndef VERBS_H
#define VERBS_H

#include <stdio.h>

#include "vhdxsetup.h"

/* In the order of option_specs[]. */
enum option_id {
	OPT_READONLY,
	OPT_PARTITIONS,
	OPT_PARENT,
	OPT_PARENTS_ANYWHERE,
	OPT_NO_PARENTS,
	OPT_IGNORE_ID,
	OPT_BAT_CACHE,
	OPT_BUFFERED,
	OPT_NO_SPACE_TIMEOUT,
	OPT_PRIVATE,
	OPT_NO_DISCARD,
	OPT_DISCARD_GRANULARITY,
	OPT_DEFERRED,
	OPT_WAIT,
	OPT_CHAIN,
	OPT_OUTPUT,
	OPT_NO_HEADINGS,
	OPT_PICTURE,
	OPT_SECTORS,
	OPT_ROWS,
	OPT_SIZE,
	OPT_BLOCK_SIZE,
	OPT_SECTOR_SIZE,
	OPT_PHYSICAL_SECTOR_SIZE,
	OPT_ABSOLUTE_PATH,
	OPT_VOLUME_PATH,
	OPT_LOG_SIZE,
	OPT_FIXED,
	OPT_PREALLOCATE,
	OPT_DRY_RUN,
	OPT_ZEROS,
	OPT_FILESYSTEM,
	OPT_NO_SPARSE,
	OPT_FORCE,
	OPT_REPAIR,
	OPT_CLEAR_LOG,
	OPT_EXTEND,
	OPT_YES,
	OPT_FORCE_SHARE,
	OPT_QUIESCE,
	OPT_PROMETHEUS,
	OPT_ALL,
	OPT_SINCE,
	OPT_INTO,
	OPT_KEEP,
	OPT_BACKGROUND,
	OPT_STOP,
	OPT_CHILD,
	OPT_RATE,
	OPT_MAX_PAUSE,
	OPT_COMPARE,
	OPT_COPY,
	OPT_RESET_ID,
	OPT_MAP,
	OPT_RETRIES,
	OPT_NO_LOG,
	OPT_METADATA_GET,
	OPT_METADATA_SET,
	OPT_METADATA_REMOVE,
	OPT_FORMAT,
	OPT_SOURCE_FORMAT,
	OPT_AZURE,
	OPT_VERIFY,
	OPT_SOCKET,
	OPT_SHRINK,
	OPT_TO_MINIMUM,
	OPT_GROW_LAST,
	OPT_JSON,
	OPT_VERBOSE,
	OPT_DEBUG,
	OPT_QUIET,
	OPT_HELP,
	OPT_VERSION,
};

/**
 * enum option_kind - how to set an option
 * @OPTION_OWN: call a function of its own
 * @OPTION_FLAG: set a bool to true
 * @OPTION_SIZE: set a u64 to a number of bytes
 */
enum option_kind {
	OPTION_OWN,
	OPTION_FLAG,
	OPTION_SIZE,
};

/**
 * struct option_spec - an option
 * @name: long name
 * @letter: short name, or 0; no two options of a verb have the same
 * @arg: name of its argument, NULL if it takes none
 * @kind: how to set it
 * @offset: offset of its member in struct options, for a flag or a size
 * @text: description
 */
struct option_spec {
	const char *name;
	char letter;
	const char *arg;
	enum option_kind kind;
	size_t offset;
	const char *text;
};

/**
 * struct verb - a verb
 * @name: the word
 * @run: function of the verb
 * @least: smallest number of arguments
 * @most: largest number of arguments
 * @args: names of the arguments
 * @text: description
 * @options: options beside the common ones
 * @option_count: number of @options
 */
struct verb {
	const char *name;
	int (*run)(const struct options *options, char **args);
	int least;
	int most;
	const char *args;
	const char *text;
	const enum option_id *options;
	unsigned int option_count;
};

extern const struct verb verbs[];
extern const unsigned int verb_count;
extern const struct option_spec option_specs[];
extern const unsigned int option_count;

const struct verb *verb_find(const char *name);
bool verb_takes(const struct verb *verb, enum option_id id);
bool option_is_common(enum option_id id);
void verb_help(FILE *out, const struct verb *verb);
void general_help(FILE *out);

#endif /* VERBS_H */
