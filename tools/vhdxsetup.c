// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhdxsetup: VHDX images as block devices. This file is the command line; the
 * verbs are in cmd-*.c.
 */
#include <getopt.h>
#include <locale.h>

#include "exit-codes.h"
#include "message.h"
#include "size-arg.h"
#include "startup.h"
#include "table-limits.h"
#include "verbs.h"

/**
 * struct command - a parsed command line
 * @options: for the verb
 * @verb: NULL if there was none
 * @args: its arguments
 * @arg_count: how many
 */
struct command {
	struct options options;
	const struct verb *verb;
	char **args;
	int arg_count;
};

static int usage(const char *remedy)
{
	fprintf(stderr, "Try `vhdxsetup %s--help'.\n", remedy);
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

static int set_own(struct options *options, enum option_id id, const char *arg)
{
	if (id == OPT_PARENT)
		return add_parent(options, arg);
	if (id == OPT_BAT_CACHE)
		return set_bat_cache(options, arg);
	if (id == OPT_NO_SPACE_TIMEOUT)
		return set_no_space_timeout(options, arg);
	if (id == OPT_VERBOSE)
		msg_set_level(MSG_VERBOSE);
	else if (id == OPT_QUIET)
		msg_set_level(MSG_QUIET);
	return 0;
}

static int set_option(struct options *options, enum option_id id,
		      const char *arg)
{
	const struct option_spec *spec = &option_specs[id];
	void *member = (char *)options + spec->offset;

	options->given |= 1U << id;
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

/* getopt's two descriptions of the options, from ours. */
static void describe(struct option *longs, char *shorts)
{
	unsigned int i;

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

static int id_of(int c)
{
	unsigned int i;

	if (c >= 256)
		return c - 256;
	for (i = 0; i < option_count; i++)
		if (option_specs[i].letter == c)
			return (int)i;
	return -1;
}

static int parse(struct command *command, int argc, char **argv)
{
	struct option longs[48];
	char shorts[48];
	int c, id, err;

	describe(longs, shorts);
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		id = id_of(c);
		if (id < 0)
			return usage("");
		err = set_option(&command->options, (enum option_id)id, optarg);
		if (err)
			return err;
	}
	if (optind == argc)
		return 0;
	command->verb = verb_find(argv[optind]);
	if (!command->verb && strcmp(argv[optind], "help")) {
		msg_err("no verb is called `%s'", argv[optind]);
		return usage("");
	}
	if (!command->verb)
		command->options.given |= OPT(HELP);
	command->args = argv + optind + 1;
	command->arg_count = argc - optind - 1;
	return 0;
}

/* Are these options and this many arguments what the verb takes? */
static int suits(const struct command *command)
{
	const struct verb *verb = command->verb;
	unsigned int known = verb->options | OPT_COMMON;
	unsigned int extra = command->options.given & ~known;
	char remedy[32];

	snprintf(remedy, sizeof(remedy), "%s ", verb->name);
	if (extra) {
		msg_err("`%s' takes no --%s", verb->name,
			option_specs[__builtin_ctz(extra)].name);
		return usage(remedy);
	}
	if (verb->arg_count < 0 ? command->arg_count >= -verb->arg_count :
				  command->arg_count == verb->arg_count)
		return 0;
	if (verb->arg_count)
		msg_err("`%s' takes %s", verb->name, verb->args);
	else
		msg_err("`%s' takes no arguments", verb->name);
	return usage(remedy);
}

static int run(struct command *command)
{
	int err;

	if (command->options.given & OPT(VERSION)) {
		printf("vhdxsetup %s\n", VHDXSETUP_VERSION);
		return 0;
	}
	if (command->options.given & OPT(HELP)) {
		if (command->verb)
			verb_help(stdout, command->verb);
		else
			general_help(stdout);
		return 0;
	}
	if (!command->verb) {
		msg_err("what is to be done?");
		return usage("");
	}
	msg_set_verb(command->verb->name);
	err = suits(command);
	return err ? err : command->verb->run(&command->options, command->args);
}

/* A full disk must not pass for success when output goes to a file. */
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
	/* Where else it stands is known only when all options are. */
	if (argc > 1 && verb_find(argv[1]))
		msg_set_verb(argv[1]);
	if (!err)
		err = parse(&command, argc, argv);
	if (!err)
		err = run(&command);
	if (err == -ENOMEM)
		msg_err("out of memory");
	return output_done(exit_code(err));
}
