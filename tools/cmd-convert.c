// SPDX-License-Identifier: GPL-2.0-only
/* convert: a disk image of another format, from VHDX or to it. */
#include "convert-mark.h"
#include "convert.h"
#include "document.h"
#include "message.h"
#include "progress.h"
#include "put-disk.h"
#include "tree.h"

static bool is_ours(enum image_format format)
{
	return format == FORMAT_VHDX || format == FORMAT_RAW;
}

static int convert(struct conversion *conversion)
{
	int err = is_ours(conversion->from) && is_ours(conversion->to) ?
			  convert_direct(conversion) :
			  convert_other(conversion);

	/* Nothing else tells that the disk on a device is not whole. */
	if (err && conversion->place.device && conversion->begun)
		convert_mark_spoil(conversion->place.path,
				   conversion->place.name);
	return err ? err : new_place_keep(&conversion->place);
}

static void announce(const struct conversion *conversion)
{
	char size[32];

	msg_info("%s: %s, a disk of %s, from %s, which is %s%s",
		 conversion->place.name, format_name(conversion->to),
		 tree_size_words(convert_size(conversion), size, sizeof(size)),
		 conversion->source, format_name(conversion->from),
		 conversion->options->verify ? "; compared, and alike" : "");
}

static int put(const struct conversion *conversion)
{
	document_put("source", tree_string(conversion->source));
	document_put("source_format",
		     tree_string(format_name(conversion->from)));
	document_put("image_format", tree_string(format_name(conversion->to)));
	document_put("virtual_size", tree_integer(convert_size(conversion)));
	document_put("verified",
		     tree_boolean(conversion->options->verify));
	if (conversion->to == FORMAT_VHDX)
		return put_disk(conversion->options, conversion->place.name);
	document_put("image", tree_string(conversion->place.name));
	return 0;
}

/**
 * cmd_convert() - the verb `convert`
 * @options: of the command line
 * @args: the source and the destination
 *
 * Return: 0 or a negative errno.
 */
int cmd_convert(const struct options *options, char **args)
{
	struct conversion conversion;
	struct progress progress;
	int err;

	/* A signal counts at any time, also between two pieces of long work. */
	progress_begin(&progress, "convert");
	err = convert_plan(&conversion, options, args);
	if (!err)
		err = convert(&conversion);
	if (!err)
		announce(&conversion);
	if (!err && options->json)
		err = put(&conversion);
	if (err == -EINTR)
		msg_err("interrupted: %s is not made", args[1]);
	convert_plan_end(&conversion);
	return err;
}
