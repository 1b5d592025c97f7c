// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parsing the table line.
 */
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/string.h>
#include <linux/string_helpers.h>

#include "engine/chain.h"
#include "engine/table-limits.h"
#include "reason.h"
#include "table.h"

/* The arguments of the features that have not been parsed yet. */
struct args {
	unsigned int count;
	char **next;
};

static bool all_digits(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

/* A feature with a number: its name and its bounds. */
struct number {
	const char *name;
	const char *unit;
	unsigned int min;
	unsigned int max;
};

static int parse_number(struct args *args, const struct number *number,
			bool given, unsigned int *value,
			struct vhdx_reason *reason)
{
	if (given)
		return vhdx_reason_give(reason, -EINVAL,
					"feature %s is given twice",
					number->name);
	if (!args->count)
		return vhdx_reason_give(reason, -EINVAL,
					"feature %s lacks its %s",
					number->name, number->unit);
	if (!all_digits(*args->next) || kstrtouint(*args->next, 10, value) ||
	    *value < number->min || *value > number->max)
		return vhdx_reason_give(reason, -EINVAL,
					"%s %.32s is not a number of %s from %u to %u",
					number->name, *args->next, number->unit,
					number->min, number->max);
	args->count--;
	args->next++;
	return 0;
}

static int parse_bat_cache(struct args *args, struct vhdx_options *options,
			   struct vhdx_reason *reason)
{
	static const struct number number = {
		"bat_cache", "KiB",
		VHDX_BAT_CACHE_KIB_MIN, VHDX_BAT_CACHE_KIB_MAX,
	};

	return parse_number(args, &number, options->bat_cache,
			    &options->bat_cache, reason);
}

static int parse_no_space(struct args *args, struct vhdx_options *options,
			  struct vhdx_reason *reason)
{
	static const struct number number = {
		"no_space_timeout", "seconds", 0, VHDX_NO_SPACE_TIMEOUT_MAX,
	};
	int err;

	err = parse_number(args, &number, options->no_space_given,
			   &options->no_space_timeout, reason);
	options->no_space_given = true;
	return err;
}

static int parse_granularity(struct args *args, struct vhdx_options *options,
			     struct vhdx_reason *reason)
{
	static const struct number number = {
		"discard_granularity", "bytes",
		VHDX_DISCARD_GRANULARITY_MIN, VHDX_DISCARD_GRANULARITY_MAX,
	};
	int err;

	err = parse_number(args, &number, options->discard_granularity,
			   &options->discard_granularity, reason);
	if (!err && !is_power_of_2(options->discard_granularity))
		return vhdx_reason_give(reason, -EINVAL,
					"discard_granularity %u is no power of two",
					options->discard_granularity);
	return err;
}

static bool *find_flag(struct vhdx_options *options, const char *name)
{
	if (!strcmp(name, "ignore_id_mismatch"))
		return &options->ignore_id_mismatch;
	if (!strcmp(name, "buffered"))
		return &options->buffered;
	if (!strcmp(name, "read_only"))
		return &options->read_only;
	if (!strcmp(name, "no_discard"))
		return &options->no_discard;
	if (!strcmp(name, "grow"))
		return &options->grow;
	return NULL;
}

static int parse_feature(struct args *args, struct vhdx_options *options,
			 struct vhdx_reason *reason)
{
	const char *name = *args->next++;
	bool *flag;

	args->count--;
	if (!strcmp(name, "bat_cache"))
		return parse_bat_cache(args, options, reason);
	if (!strcmp(name, "no_space_timeout"))
		return parse_no_space(args, options, reason);
	if (!strcmp(name, "discard_granularity"))
		return parse_granularity(args, options, reason);
	flag = find_flag(options, name);
	if (!flag)
		return vhdx_reason_give(reason, -EINVAL,
					"unknown feature %.64s", name);
	if (*flag)
		return vhdx_reason_give(reason, -EINVAL,
					"feature %s is given twice", name);
	*flag = true;
	return 0;
}

static int parse_features(unsigned int argc, char **argv,
			  struct vhdx_options *options,
			  struct vhdx_reason *reason)
{
	struct args args = { .next = argv + 1 };
	int err;

	if (kstrtouint(argv[0], 10, &args.count) || args.count > argc - 1)
		return vhdx_reason_give(reason, -EINVAL,
					"%.16s feature arguments are announced, but %u follow",
					argv[0], argc - 1);
	if (args.count < argc - 1)
		return vhdx_reason_give(reason, -EINVAL,
					"junk after %u feature arguments: %.64s",
					args.count, argv[1 + args.count]);
	while (args.count) {
		err = parse_feature(&args, options, reason);
		if (err)
			return err;
	}
	if (options->no_discard && options->discard_granularity)
		return vhdx_reason_give(reason, -EINVAL,
					"features no_discard and discard_granularity exclude each other");
	return 0;
}

/**
 * vhdx_table_parse() - parse the arguments of the target
 * @argc: number of arguments
 * @argv: the arguments; they outlive @table
 * @table: receives the result
 * @reason: receives the error message
 *
 * Return: 0 or -EINVAL.
 */
int vhdx_table_parse(unsigned int argc, char **argv, struct vhdx_table *table,
		     struct vhdx_reason *reason)
{
	unsigned int count = 0;

	*table = (struct vhdx_table){
		.images = argv,
		.options.no_space_timeout = VHDX_NO_SPACE_TIMEOUT_DEFAULT,
	};
	while (count < argc && !all_digits(argv[count])) {
		if (!*argv[count])
			return vhdx_reason_give(reason, -EINVAL,
						"an image's name is empty");
		string_unescape_inplace(argv[count], UNESCAPE_OCTAL);
		count++;
	}
	if (!count)
		return vhdx_reason_give(reason, -EINVAL,
					"no image is named; write <image> [<parent>...] [<#features> <feature>...]");
	if (count > VHDX_CHAIN_MAX)
		return vhdx_reason_give(reason, -EINVAL,
					"%u images are named, but a chain has at most %u",
					count, VHDX_CHAIN_MAX);
	table->count = count;
	if (count == argc)
		return 0;
	return parse_features(argc - count, argv + count, &table->options,
			      reason);
}
