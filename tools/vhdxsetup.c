// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhdxsetup: VHDX images as block devices. This file parses the command line;
 * the verbs are in cmd-*.c.
 */
#include <getopt.h>
#include <locale.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "console.h"
#include "document.h"
#include "exit-codes.h"
#include "intl.h"
#include "message.h"
#include "size-arg.h"
#include "startup.h"
#include "table-limits.h"
#include "verbs.h"

/* A day, in seconds. */
#define WAIT_MAX	86400

/* More does not help a medium, and would never end on a bad one. */
#define RETRIES_MAX	1000U

/* Of --max-pause; who waits longer than a day needs no device. */
#define MAX_PAUSE_MS	86400000U

/**
 * struct command - a parsed command line
 * @options: options for the verb
 * @verb: the verb; NULL if there was none
 * @args: arguments of the verb
 * @arg_count: number of arguments
 */
struct command {
	struct options options;
	const struct verb *verb;
	char **args;
	int arg_count;
};

static int usage(const struct verb *verb)
{
	fprintf(stderr, _("Try `vhdxsetup help%s%s'.\n"), verb ? " " : "",
		verb ? verb->name : "");
	return -EINVAL;
}

static bool number_arg(const char *text, unsigned long low, unsigned long high,
		       unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(text, &end, 10);
	return !errno && end != text && !*end && *text != '-' &&
	       *number >= low && *number <= high;
}

static int set_bat_cache(struct options *options, const char *text)
{
	if (number_arg(text, VHDX_BAT_CACHE_KIB_MIN, VHDX_BAT_CACHE_KIB_MAX,
		       &options->bat_cache))
		return 0;
	msg_err("--bat-cache %s: not a number of KiB from %u to %u", text,
		VHDX_BAT_CACHE_KIB_MIN, VHDX_BAT_CACHE_KIB_MAX);
	return -EINVAL;
}

static int set_no_space_timeout(struct options *options, const char *text)
{
	if (number_arg(text, 0, VHDX_NO_SPACE_TIMEOUT_MAX,
		       &options->no_space_timeout))
		return 0;
	msg_err("--no-space-timeout %s: not a number of seconds up to %u",
		text, VHDX_NO_SPACE_TIMEOUT_MAX);
	return -EINVAL;
}

static int set_discard_granularity(struct options *options, const char *text)
{
	u64 *bytes = &options->discard_granularity;
	int err = size_arg("discard-granularity", text, bytes);

	if (err)
		return err;
	if (*bytes >= VHDX_DISCARD_GRANULARITY_MIN &&
	    *bytes <= VHDX_DISCARD_GRANULARITY_MAX && !(*bytes & (*bytes - 1)))
		return 0;
	msg_err("--discard-granularity %s: not a power of two from %u to %u",
		text, VHDX_DISCARD_GRANULARITY_MIN,
		VHDX_DISCARD_GRANULARITY_MAX);
	return -EINVAL;
}

static int add_parent(struct options *options, const char *path)
{
	if (options->parent_count == VHDX_CHAIN_MAX - 1) {
		msg_err("--parent %s: is one more than a chain can have, which is %u",
			path, VHDX_CHAIN_MAX - 1);
		return -EINVAL;
	}
	options->parents[options->parent_count++] = path;
	return 0;
}

static int add_child(struct options *options, const char *path)
{
	if (options->child_count == CHILDREN_MAX) {
		msg_err("--child %s: is one more than %u", path, CHILDREN_MAX);
		return -EINVAL;
	}
	options->children[options->child_count++] = path;
	return 0;
}

static int add_metadata(struct options *options, const char *text, bool removes)
{
	unsigned int *count = &options->metadata_change_count;

	if (*count == METADATA_CHANGES_MAX) {
		msg_err("more than %u metadata items at once",
			METADATA_CHANGES_MAX);
		return -EINVAL;
	}
	options->metadata_changes[(*count)++] = (struct metadata_change){
		.text = text,
		.removes = removes,
	};
	return 0;
}

static int set_rows(struct options *options, const char *text)
{
	if (number_arg(text, 0, ULONG_MAX, &options->rows))
		return 0;
	msg_err("--rows %s: not a number of rows", text);
	return -EINVAL;
}

static int set_wait(struct options *options, const char *text)
{
	if (number_arg(text, 0, WAIT_MAX, &options->wait))
		return 0;
	msg_err("--wait %s: not a number of seconds up to %u", text, WAIT_MAX);
	return -EINVAL;
}

static int set_retries(struct options *options, const char *text)
{
	if (number_arg(text, 0, RETRIES_MAX, &options->retries))
		return 0;
	msg_err("--retries %s: not a number up to %u", text, RETRIES_MAX);
	return -EINVAL;
}

static int set_max_pause(struct options *options, const char *text)
{
	if (number_arg(text, 1, MAX_PAUSE_MS, &options->max_pause))
		return 0;
	msg_err("--max-pause %s: not a number of milliseconds from 1 to %u",
		text, MAX_PAUSE_MS);
	return -EINVAL;
}

static int set_own(struct options *options, enum option_id id, const char *arg)
{
	if (id == OPT_PARENT)
		return add_parent(options, arg);
	if (id == OPT_CHILD)
		return add_child(options, arg);
	if (id == OPT_METADATA_SET || id == OPT_METADATA_REMOVE)
		return add_metadata(options, arg, id == OPT_METADATA_REMOVE);
	if (id == OPT_BAT_CACHE)
		return set_bat_cache(options, arg);
	if (id == OPT_NO_SPACE_TIMEOUT)
		return set_no_space_timeout(options, arg);
	if (id == OPT_DISCARD_GRANULARITY)
		return set_discard_granularity(options, arg);
	if (id == OPT_ROWS)
		return set_rows(options, arg);
	if (id == OPT_WAIT)
		return set_wait(options, arg);
	if (id == OPT_RETRIES)
		return set_retries(options, arg);
	if (id == OPT_MAX_PAUSE)
		return set_max_pause(options, arg);
	if (id == OPT_OUTPUT)
		options->output = arg;
	else if (id == OPT_ABSOLUTE_PATH)
		options->absolute_path = arg;
	else if (id == OPT_VOLUME_PATH)
		options->volume_path = arg;
	else if (id == OPT_MAP)
		options->map = arg;
	else if (id == OPT_SINCE)
		options->since = arg;
	else if (id == OPT_INTO)
		options->into = arg;
	else if (id == OPT_FORMAT)
		options->format = arg;
	else if (id == OPT_SOURCE_FORMAT)
		options->source_format = arg;
	else if (id == OPT_METADATA_GET)
		options->metadata_get = arg;
	else if (id == OPT_SOCKET)
		options->socket = arg;
	else if (id == OPT_VERBOSE)
		console_set_level(CONSOLE_VERBOSE);
	else if (id == OPT_DEBUG)
		console_set_level(CONSOLE_DEBUG);
	else if (id == OPT_QUIET)
		console_set_level(CONSOLE_QUIET);
	return 0;
}

static int set_option(struct options *options, enum option_id id,
		      const char *arg)
{
	const struct option_spec *spec = &option_specs[id];
	void *member = (char *)options + spec->offset;

	options->given[id] = true;
	switch (spec->kind) {
	case OPTION_FLAG:
		*(bool *)member = true;
		return 0;
	case OPTION_SIZE:
		return size_arg(spec->name, arg, member);
	case OPTION_OWN:
		break;
	}
	return set_own(options, id, arg);
}

/**
 * struct grammar - the options in the form of getopt_long()
 * @longs: the long names
 * @shorts: the letters, after the colon that makes getopt report a missing
 *	argument
 */
struct grammar {
	struct option longs[OPTIONS_MAX + 1];
	char shorts[2 * OPTIONS_MAX + 2];
};

/* Make getopt's two descriptions of the options from our table. */
static void describe(struct grammar *grammar)
{
	struct option *longs = grammar->longs;
	char *shorts = grammar->shorts;
	unsigned int i;

	*shorts++ = ':';
	for (i = 0; i < option_count; i++) {
		longs[i] = (struct option){
			.name = option_specs[i].name,
			.has_arg = option_specs[i].arg ? required_argument :
							 no_argument,
			.val = 256 + (int)i,
		};
		if (!option_specs[i].letter)
			continue;
		*shorts++ = option_specs[i].letter;
		if (option_specs[i].arg)
			*shorts++ = ':';
	}
	longs[option_count] = (struct option){ 0 };
	*shorts = '\0';
}

static int find_verb(struct command *command, const char *word)
{
	command->verb = verb_find(word);
	if (command->verb) {
		console_set_verb(command->verb->name);
		return 0;
	}
	msg_err("unknown verb `%s'", word);
	return usage(NULL);
}

/* A letter may stand for one option of one verb, and for another of another. */
static int id_of(const struct verb *verb, int c)
{
	int id = -1;
	unsigned int i;

	if (c >= 256)
		return c - 256;
	for (i = 0; i < option_count; i++)
		if (option_specs[i].letter == c &&
		    (id < 0 || (verb && verb_takes(verb, (enum option_id)i))))
			id = (int)i;
	return id;
}

/*
 * Return the first word that is neither an option nor an argument of one, or
 * NULL. Options may precede the verb, and messages about them name the verb, so
 * this pass comes before the options are parsed. It also records which ones are
 * there.
 */
static const char *first_word(const struct grammar *grammar, int argc,
			      char **argv, bool *seen)
{
	/*
	 * getopt permutes the words, and after an error not as the next pass
	 * does.
	 */
	char **words = calloc((size_t)argc + 1, sizeof(*words));
	const char *word;
	int c;

	if (!words)
		return NULL;
	memcpy(words, argv, (size_t)argc * sizeof(*words));
	while ((c = getopt_long(argc, words, grammar->shorts, grammar->longs,
				NULL)) != -1)
		if (id_of(NULL, c) >= 0)
			seen[id_of(NULL, c)] = true;
	word = words[optind];
	free(words);
	/* Let the next pass begin anew. */
	optind = 0;
	return word;
}

/*
 * Report what getopt did not understand: it returned @c, and stopped at @word.
 */
static int refuse_option(const struct command *command, int c, const char *word)
{
	int id = id_of(command->verb, optopt);

	if (c == ':')
		msg_err("--%s needs an argument: %s", option_specs[id].name,
			option_specs[id].arg);
	else if (id >= 0 && optopt)
		msg_err("--%s takes no argument", option_specs[id].name);
	else if (optopt)
		msg_err("unknown option -%c", optopt);
	else
		msg_err("unknown or ambiguous option %s", word);
	return usage(command->verb);
}

static int parse_options(struct command *command,
			 const struct grammar *grammar, int argc, char **argv)
{
	int c, err = 0;

	while (!err && (c = getopt_long(argc, argv, grammar->shorts,
					grammar->longs, NULL)) != -1) {
		if (c == ':' || c == '?')
			err = refuse_option(command, c, argv[optind - 1]);
		else
			err = set_option(&command->options,
					 (enum option_id)id_of(command->verb, c),
					 optarg);
	}
	return err;
}

/* `help VERB' is `VERB --help'. */
static int parse_help(struct command *command)
{
	command->options.given[OPT_HELP] = true;
	if (command->arg_count > 1) {
		msg_err("`help' takes one verb");
		return usage(NULL);
	}
	return command->arg_count ? find_verb(command, command->args[0]) : 0;
}

/* A document is read by programs, and so are the messages that it repeats. */
static void begin_language(const bool *seen)
{
	const char *catalogues = secure_getenv("TEXTDOMAINDIR");

	if (seen[OPT_JSON])
		return;
	setlocale(LC_MESSAGES, "");
	bindtextdomain(INTL_DOMAIN, catalogues ? catalogues : LOCALEDIR);
}

/* Begin the document early, so that errors of the command line are in it. */
static void begin_document(const char *word, const bool *seen)
{
	const struct verb *verb = word ? verb_find(word) : NULL;

	if (!seen[OPT_JSON] || seen[OPT_HELP] || seen[OPT_VERSION] ||
	    (word && !strcmp(word, "help")))
		return;
	document_begin(verb ? verb->name : NULL);
}

static int parse(struct command *command, int argc, char **argv)
{
	struct grammar grammar;
	const char *word;
	bool seen[OPTIONS_MAX] = { false };
	int err = 0;

	describe(&grammar);
	opterr = 0;
	word = first_word(&grammar, argc, argv, seen);
	begin_language(seen);
	begin_document(word, seen);
	if (word && strcmp(word, "help"))
		err = find_verb(command, word);
	if (!err)
		err = parse_options(command, &grammar, argc, argv);
	if (err || !word)
		return err;
	command->args = argv + optind + 1;
	command->arg_count = argc - optind - 1;
	return command->verb ? 0 : parse_help(command);
}

/* Check that the verb takes these options and this number of arguments. */
static int suits(const struct command *command)
{
	const struct verb *verb = command->verb;
	unsigned int i;

	for (i = 0; i < option_count; i++) {
		if (!command->options.given[i] || option_is_common(i) ||
		    verb_takes(verb, i))
			continue;
		msg_err("takes no --%s", option_specs[i].name);
		return usage(verb);
	}
	if (command->arg_count >= verb->least &&
	    command->arg_count <= verb->most)
		return 0;
	if (command->arg_count > verb->most)
		msg_err("takes %s; `%s' is too much",
			verb->most ? verb->args : "no arguments",
			command->args[verb->most]);
	else
		msg_err("takes %s", verb->args);
	return usage(verb);
}

/* What a report of a bug needs first. */
static void say_system(const struct command *command)
{
	struct utsname system = { 0 };
	int i;

	(void)uname(&system);
	msg_debug("vhdxsetup %s, uid %u, %s %s %s", VHDXSETUP_VERSION,
		  geteuid(), system.sysname, system.release, system.machine);
	for (i = 0; i < command->arg_count; i++)
		msg_debug("argument %d: %s", i + 1, command->args[i]);
}

static int run(struct command *command)
{
	int err;

	if (command->options.given[OPT_VERSION]) {
		printf("vhdxsetup %s\n", VHDXSETUP_VERSION);
		return 0;
	}
	if (command->options.given[OPT_HELP]) {
		if (command->verb)
			verb_help(stdout, command->verb);
		else
			general_help(stdout);
		return 0;
	}
	if (!command->verb) {
		msg_err("a verb is required");
		return usage(NULL);
	}
	say_system(command);
	err = suits(command);
	return err ? err : command->verb->run(&command->options, command->args);
}

/* Report failed output, as to a file on a full disk. */
static int output_done(int code)
{
	if (!fflush(stdout) && !ferror(stdout))
		return code;
	msg_err("cannot write the output");
	return code ? code : EXIT_IO;
}

int main(int argc, char **argv)
{
	struct command command = { 0 };
	int err;

	setlocale(LC_CTYPE, "");
	err = startup();
	if (!err)
		err = parse(&command, argc, argv);
	if (!err)
		err = run(&command);
	if (err == -ENOMEM)
		msg_err("out of memory");
	document_end(err);
	msg_debug("exit code %d", exit_code(err));
	return output_done(exit_code(err));
}
