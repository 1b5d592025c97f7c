// SPDX-License-Identifier: GPL-2.0-only
#include "completion.h"

/* Characters with a meaning to _arguments and _describe. */
#define SPECIAL	"\\:[]"

/* Only root may ask device-mapper; everybody may read sysfs. */
static const char head[] =
	"#compdef vhdxsetup\n"
	"# zsh completion for vhdxsetup, printed by `vhdxsetup completion zsh'.\n"
	"\n"
	"_vhdxsetup_device() {\n"
	"	local dir uuid\n"
	"	local -a names\n"
	"\n"
	"	for dir in ${VHDXSETUP_SYSFS-/sys}/block/dm-*/dm(N); do\n"
	"		uuid=$(<$dir/uuid)\n"
	"		[[ $uuid == (VHDX|VHDXPRIVATE)-* ]] || continue\n"
	"		names+=(\"$(<$dir/name)\")\n"
	"	done\n"
	"	_alternative 'devices:device:compadd -a names' 'files:image:_files'\n"
	"}\n";

static const char tail[] =
	"	esac\n"
	"}\n"
	"\n"
	"if [[ ${funcstack[1]} == _vhdxsetup ]]; then\n"
	"	_vhdxsetup \"$@\"\n"
	"else\n"
	"	compdef _vhdxsetup vhdxsetup\n"
	"fi\n";

static void print_action(FILE *out, enum completion_kind kind)
{
	switch (kind) {
	case COMPLETE_NOTHING:
		fputs("( )", out);
		break;
	case COMPLETE_FILE:
		fputs("_files", out);
		break;
	case COMPLETE_DEVICE:
		fputs("_vhdxsetup_device", out);
		break;
	case COMPLETE_WORD:
		fputc('(', out);
		completion_words(out);
		fputc(')', out);
		break;
	}
}

/* The two names of an option exclude each other, unless it can be repeated. */
static void print_option(FILE *out, const struct option_spec *spec)
{
	bool again = spec->arg && completion_option(spec) == COMPLETE_FILE;

	fputs("			", out);
	if (again)
		fputs("'*'", out);
	else if (spec->letter)
		fprintf(out, "'(-%c --%s)'", spec->letter, spec->name);
	if (spec->letter)
		fprintf(out, "{-%c%s,--%s%s}", spec->letter,
			spec->arg ? "+" : "", spec->name, spec->arg ? "=" : "");
	else
		fprintf(out, "--%s%s", spec->name, spec->arg ? "=" : "");
	fputs("'[", out);
	completion_quoted(out, spec->text, SPECIAL);
	fputc(']', out);
	if (spec->arg) {
		fprintf(out, ":%s:", spec->arg);
		print_action(out, completion_option(spec));
	}
	fputs("' \\\n", out);
}

/* Include the options of every verb; print only those without @verb. */
static void print_options(FILE *out, const struct verb *verb)
{
	unsigned int i;

	for (i = 0; i < option_count; i++)
		if (option_is_common(i) || (verb && verb_takes(verb, i)))
			print_option(out, &option_specs[i]);
}

static void print_verb(FILE *out, const struct verb *verb)
{
	bool more = verb->most == INT_MAX;
	unsigned int n = more ? (unsigned int)verb->least :
				(unsigned int)verb->most;
	unsigned int i;

	fprintf(out, "	%s)\n		_arguments -s -S \\\n", verb->name);
	print_options(out, verb);
	for (i = 0; i < n; i++) {
		fprintf(out, "			'%u:argument:", i + 1);
		print_action(out, completion_arg(verb, i));
		fputs("' \\\n", out);
	}
	if (more) {
		fputs("			'*:argument:", out);
		print_action(out, completion_arg(verb, n));
		fputs("' \\\n", out);
	}
	fputs("			&& return\n		;;\n", out);
}

static void print_verb_list(FILE *out)
{
	unsigned int i;

	fputs("	verbs=(\n", out);
	for (i = 0; i < verb_count; i++) {
		fprintf(out, "		'%s:", verbs[i].name);
		completion_quoted(out, verbs[i].text, "\\:");
		fputs("'\n", out);
	}
	fputs("		'help:show the options of a verb'\n	)\n", out);
}

/**
 * completion_zsh() - print the script of zsh
 * @out: the output
 */
void completion_zsh(FILE *out)
{
	unsigned int i;

	fputs(head, out);
	fputs("\n_vhdxsetup() {\n	local curcontext=$curcontext state line\n"
	      "	local -a verbs\n\n", out);
	print_verb_list(out);
	fputs("	_arguments -C -S \\\n", out);
	print_options(out, NULL);
	fputs("			':verb:->verb' \\\n"
	      "			'*::argument:->argument' && return\n"
	      "	if [[ $state == verb ]]; then\n"
	      "		_describe verb verbs\n"
	      "		return\n"
	      "	fi\n"
	      "	case ${line[1]} in\n"
	      "	help) _describe verb verbs ;;\n", out);
	for (i = 0; i < verb_count; i++)
		print_verb(out, &verbs[i]);
	fputs(tail, out);
}
