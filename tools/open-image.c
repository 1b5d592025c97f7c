// SPDX-License-Identifier: GPL-2.0-only
#include <unistd.h>

#include "findings.h"
#include "foreign.h"
#include "holders.h"
#include "message.h"
#include "open-image.h"
#include "place.h"

static const char *option_about_parents(const struct options *options)
{
	if (options->parent_count)
		return "parent";
	if (options->parents_anywhere)
		return "parents-anywhere";
	return options->ignore_id ? "ignore-id-mismatch" : NULL;
}

/**
 * parents_suit() - check that the options about parents fit together
 * @options: of the command line
 * @follows: with these options, the verb opens the parents
 *
 * Return: 0, or -EINVAL after a message.
 */
int parents_suit(const struct options *options, bool follows)
{
	const char *option = option_about_parents(options);

	if (!option && options->chain)
		option = "chain";
	if (options->no_parents && option) {
		msg_err("--no-parents and --%s exclude each other", option);
		return -EINVAL;
	}
	if (option && !follows) {
		msg_err("--%s goes with --chain", option);
		return -EINVAL;
	}
	return 0;
}

/* After the message of the library, say more where we can. */
static void explain(int place, const char *path, int err)
{
	if (err == -EMEDIUMTYPE)
		foreign_explain(place, path);
	if (err == -ETXTBSY)
		holders_explain(place, path);
}

/**
 * open_image() - open the image of a verb, without its parents
 * @options: of the command line
 * @path: the image
 * @mode: whether others may write it, and whether we do
 * @sink: receives the findings
 * @opened: the disk, for disk_close()
 *
 * Return: as disk_open(), after a message that explains the failure.
 */
int open_image(const struct options *options, const char *path,
	       enum open_mode mode, struct disk_sink *sink,
	       struct disk **opened)
{
	struct disk_options disk_options = {
		.sink = sink,
		.parents = options->parents,
		.parent_count = options->parent_count,
		.parents_anywhere = options->parents_anywhere,
		.no_parents = options->no_parents,
		.ignore_id = options->ignore_id,
		.while_written = mode == OPEN_WHILE_WRITTEN,
		.writable = mode == OPEN_WRITABLE ? 1 :
			    mode == OPEN_MERGED ? 2 : 0,
	};
	int place, err = place_find(path, &place);

	if (err)
		return err;
	err = disk_open(place, path, &disk_options, opened);
	explain(place, path, err);
	close(place);
	return err;
}

static unsigned int look_flags(const struct options *options,
			       enum open_mode mode)
{
	unsigned int flags = 0;

	if (options->parents_anywhere)
		flags |= VHDX_OPEN_PARENTS_ANYWHERE;
	if (options->ignore_id)
		flags |= VHDX_OPEN_IGNORE_ID;
	if (mode == OPEN_WHILE_WRITTEN)
		flags |= VHDX_OPEN_WHILE_WRITTEN;
	return flags;
}

static int look(const struct options *options, const char *path,
		enum open_mode mode, struct vhdx_disk *handle)
{
	unsigned int i;
	int place, err;

	handle->no_parents = options->no_parents;
	err = vhdx_disk_set_flags(handle, look_flags(options, mode));
	for (i = 0; i < options->parent_count && !err; i++)
		err = vhdx_disk_add_parent(handle, options->parents[i]);
	if (!err)
		err = place_find(path, &place);
	if (err)
		return err;
	err = handle_open_place(handle, place, path);
	explain(place, path, err);
	close(place);
	return err;
}

/**
 * open_look() - open the image of a verb that only looks at it
 * @options: of the command line
 * @path: the image
 * @mode: OPEN_IDLE or OPEN_WHILE_WRITTEN
 * @hear: hears messages; NULL to have them printed
 * @context: for @hear
 * @opened: the handle, for vhdx_disk_free()
 *
 * Return: as vhdx_disk_open(), after a message that explains the failure.
 */
int open_look(const struct options *options, const char *path,
	      enum open_mode mode, vhdx_hear_t hear, void *context,
	      struct vhdx_disk **opened)
{
	struct vhdx_disk *handle = vhdx_disk_new();
	int err;

	if (!handle)
		return -ENOMEM;
	vhdx_disk_on_message(handle, hear ? hear : findings_hear, context);
	err = look(options, path, mode, handle);
	if (err)
		vhdx_disk_free(handle);
	else
		*opened = handle;
	return err;
}
