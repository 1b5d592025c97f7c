// SPDX-License-Identifier: GPL-2.0-only
#include "completion.h"

/* Only root may ask device-mapper; everybody may read sysfs. */
static const char devices[] =
	"# bash completion for vhdxsetup, printed by `vhdxsetup completion bash'.\n"
	"\n"
	"_vhdxsetup_devices()\n"
	"{\n"
	"	local dir uuid name\n"
	"\n"
	"	for dir in \"${VHDXSETUP_SYSFS-/sys}\"/block/dm-*/dm; do\n"
	"		{ read -r uuid <\"$dir/uuid\"; } 2>/dev/null || continue\n"
	"		[[ $uuid == VHDX-* || $uuid == VHDXPRIVATE-* ]] || continue\n"
	"		read -r name <\"$dir/name\" && printf '%s\\n' \"$name\"\n"
	"	done\n"
	"}\n";

/*
 * If `=' breaks words, it is a word of its own. Readline completes file names
 * itself, because it knows how they are quoted.
 */
static const char function[] =
	"\n"
	"_vhdxsetup()\n"
	"{\n"
	"	local cur=${COMP_WORDS[COMP_CWORD]} verb='' kind='' i count=0\n"
	"	local options='' kinds=() more='' value words=''\n"
	"\n"
	"	[ \"$cur\" != '=' ] || cur=''\n"
	"	for ((i = 1; i < COMP_CWORD; i++)); do\n"
	"		_vhdxsetup_value \"${COMP_WORDS[i]}\"\n"
	"		if [ -n \"$value\" ]; then\n"
	"			[ \"${COMP_WORDS[i + 1]}\" != '=' ] || ((++i))\n"
	"			((++i < COMP_CWORD)) || kind=$value\n"
	"		elif [[ ${COMP_WORDS[i]} == [-=]* ]]; then\n"
	"			:\n"
	"		elif [ -z \"$verb\" ]; then\n"
	"			verb=${COMP_WORDS[i]}\n"
	"		else\n"
	"			((++count))\n"
	"		fi\n"
	"	done\n"
	"	_vhdxsetup_verb \"$verb\"\n"
	"	if [ -z \"$kind\" ] && [[ $cur == -* ]]; then\n"
	"		words=$options\n"
	"	else\n"
	"		: \"${kind:=${kinds[count]-$more}}\"\n"
	"	fi\n"
	"	case $kind in\n"
	"	device) words=$(_vhdxsetup_devices) ;;\n"
	"	verb) words=$verbs ;;\n"
	"	word) words=$shells ;;\n"
	"	esac\n"
	"	mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	"	case $kind in\n"
	"	device | file) compopt -o default 2>/dev/null ;;\n"
	"	esac\n"
	"}\n"
	"\n"
	"complete -F _vhdxsetup vhdxsetup\n";

static const char *word_of(enum completion_kind kind)
{
	static const char *const words[] = {
		[COMPLETE_NOTHING] = "nothing",
		[COMPLETE_FILE] = "file",
		[COMPLETE_DEVICE] = "device",
		[COMPLETE_WORD] = "word",
	};

	return words[kind];
}

/* Include the options of every verb; print only those without @verb. */
static void print_options(FILE *out, const struct verb *verb)
{
	const struct option_spec *spec;
	unsigned int i;

	fputs("		options='", out);
	for (i = 0; i < option_count; i++) {
		spec = &option_specs[i];
		if (!option_is_common(i) && !(verb && verb_takes(verb, i)))
			continue;
		if (spec->letter)
			fprintf(out, "-%c ", spec->letter);
		fprintf(out, "--%s ", spec->name);
	}
	fputs("'\n", out);
}

static void print_verb(FILE *out, const struct verb *verb)
{
	bool more = verb->most == INT_MAX;
	unsigned int n = more ? (unsigned int)verb->least :
				(unsigned int)verb->most;
	unsigned int i;

	fprintf(out, "	%s)\n", verb->name);
	print_options(out, verb);
	fputs("		kinds=(", out);
	for (i = 0; i < n; i++)
		fprintf(out, "%s%s", i ? " " : "",
			word_of(completion_arg(verb, i)));
	fprintf(out, ") more=%s\n		;;\n",
		word_of(completion_arg(verb, n)));
}

static void print_verbs(FILE *out)
{
	unsigned int i;

	fputs("\n_vhdxsetup_verb()\n{\n	verbs='", out);
	for (i = 0; i < verb_count; i++)
		fprintf(out, "%s ", verbs[i].name);
	fputs("help'\n	shells='", out);
	completion_words(out);
	fputs("'\n	case $1 in\n	'')\n", out);
	print_options(out, NULL);
	fputs("		kinds=(verb)\n		;;\n"
	      "	help) kinds=(verb) more=nothing ;;\n", out);
	for (i = 0; i < verb_count; i++)
		print_verb(out, &verbs[i]);
	fputs("	esac\n}\n", out);
}

static void print_values(FILE *out)
{
	const struct option_spec *spec;
	unsigned int i;

	fputs("\n_vhdxsetup_value()\n{\n	value=\n	case $1 in\n", out);
	for (i = 0; i < option_count; i++) {
		spec = &option_specs[i];
		if (!spec->arg)
			continue;
		fputc('\t', out);
		if (spec->letter)
			fprintf(out, "-%c | ", spec->letter);
		fprintf(out, "--%s) value=%s ;;\n", spec->name,
			word_of(completion_option(spec)));
	}
	fputs("	esac\n}\n", out);
}

/**
 * completion_bash() - print the script of bash
 * @out: the output
 */
void completion_bash(FILE *out)
{
	fputs(devices, out);
	print_verbs(out);
	print_values(out);
	fputs(function, out);
}
