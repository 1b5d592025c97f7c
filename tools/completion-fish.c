// SPDX-License-Identifier: GPL-2.0-only
#include "completion.h"

/* Characters that need a backslash between single quotes. */
#define SPECIAL	"\\'"

/* Only root may ask device-mapper; everybody may read sysfs. */
static const char head[] =
	"# fish completion for vhdxsetup, printed by `vhdxsetup completion fish'.\n"
	"\n"
	"function __vhdxsetup_devices\n"
	"	set -q VHDXSETUP_SYSFS; or set -l VHDXSETUP_SYSFS /sys\n"
	"	for dir in $VHDXSETUP_SYSFS/block/dm-*/dm\n"
	"		if string match -qr '^VHDX(PRIVATE)?-' <$dir/uuid\n"
	"			cat $dir/name\n"
	"		end\n"
	"	end\n"
	"end\n"
	"\n"
	"# Is this the verb, and as many arguments given?\n"
	"function __vhdxsetup_at\n"
	"	set -l words (commandline -poc)\n"
	"	set -e words[1]\n"
	"	set -l given\n"
	"	set -l skip 0\n"
	"	for word in $words\n"
	"		if test $skip = 1\n"
	"			set skip 0\n"
	"		else if contains -- $word $__vhdxsetup_values\n"
	"			set skip 1\n"
	"		else if not string match -q -- '-*' $word\n"
	"			set -a given $word\n"
	"		end\n"
	"	end\n"
	"	test (count $given) -ge 1; or return 1\n"
	"	test $given[1] = $argv[1]; or return 1\n"
	"	set -q argv[2]; or return 0\n"
	"	test (math (count $given) - 1) -ge $argv[2]; or return 1\n"
	"	set -q argv[3]; or return 0\n"
	"	test (math (count $given) - 1) -le $argv[3]\n"
	"end\n"
	"\n"
	"function __vhdxsetup_no_verb\n"
	"	not __fish_seen_subcommand_from $__vhdxsetup_verbs\n"
	"end\n"
	"\n"
	"complete -c vhdxsetup -f\n";

/* `help' is not in the table of verbs. */
static const char help[] =
	"complete -c vhdxsetup -n __vhdxsetup_no_verb -a help \\\n"
	"	-d 'show the options of a verb'\n"
	"complete -c vhdxsetup -n '__vhdxsetup_at help 0 0' \\\n"
	"	-a '$__vhdxsetup_verbs'\n";

static void print_lists(FILE *out)
{
	const struct option_spec *spec;
	unsigned int i;

	fputs("\nset -g __vhdxsetup_verbs", out);
	for (i = 0; i < verb_count; i++)
		fprintf(out, " %s", verbs[i].name);
	fputs(" help\nset -g __vhdxsetup_values", out);
	for (i = 0; i < option_count; i++) {
		spec = &option_specs[i];
		if (!spec->arg)
			continue;
		if (spec->letter)
			fprintf(out, " -%c", spec->letter);
		fprintf(out, " --%s", spec->name);
	}
	fputs("\n\n", out);
}

/* -F offers files, and -x offers nothing. */
static void print_option(FILE *out, const char *condition, unsigned int id)
{
	const struct option_spec *spec = &option_specs[id];

	fprintf(out, "complete -c vhdxsetup%s -l %s", condition, spec->name);
	if (spec->letter)
		fprintf(out, " -s %c", spec->letter);
	if (spec->arg)
		fputs(completion_option(spec) == COMPLETE_FILE ? " -rF" : " -x",
		      out);
	fputs(" -d '", out);
	completion_quoted(out, spec->text, SPECIAL);
	fputs("'\n", out);
}

/* Print the options of @verb, or without it those of every verb. */
static void print_options(FILE *out, const char *condition,
			  const struct verb *verb)
{
	unsigned int i;

	for (i = 0; i < option_count; i++)
		if (verb ? verb_takes(verb, i) : option_is_common(i))
			print_option(out, condition, i);
}

static void print_arg(FILE *out, const struct verb *verb, unsigned int n)
{
	enum completion_kind kind = completion_arg(verb, n);
	unsigned int last = n;

	if (kind == COMPLETE_NOTHING)
		return;
	if (verb->most == INT_MAX && n + 1 == (unsigned int)verb->least)
		last = INT_MAX;
	fprintf(out, "complete -c vhdxsetup -n '__vhdxsetup_at %s %u %u'",
		verb->name, n, last);
	if (kind == COMPLETE_DEVICE)
		fputs(" -a '(__vhdxsetup_devices)'", out);
	if (kind == COMPLETE_WORD) {
		fputs(" -a '", out);
		completion_words(out);
		fputc('\'', out);
	} else {
		fputs(" -F", out);
	}
	fputc('\n', out);
}

static void print_verb(FILE *out, const struct verb *verb)
{
	unsigned int n = verb->most == INT_MAX ? (unsigned int)verb->least :
						 (unsigned int)verb->most;
	char condition[64];
	unsigned int i;

	fprintf(out, "complete -c vhdxsetup -n __vhdxsetup_no_verb -a %s -d '",
		verb->name);
	completion_quoted(out, verb->text, SPECIAL);
	fputs("'\n", out);
	for (i = 0; i < n; i++)
		print_arg(out, verb, i);
	snprintf(condition, sizeof(condition), " -n '__vhdxsetup_at %s'",
		 verb->name);
	print_options(out, condition, verb);
}

/**
 * completion_fish() - print the script of fish
 * @out: the output
 */
void completion_fish(FILE *out)
{
	unsigned int i;

	fputs(head, out);
	print_lists(out);
	print_options(out, "", NULL);
	fputs(help, out);
	for (i = 0; i < verb_count; i++)
		print_verb(out, &verbs[i]);
}
