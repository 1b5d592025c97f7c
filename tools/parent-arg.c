// SPDX-License-Identifier: GPL-2.0-only
#include "child-link.h"
#include "exit-codes.h"
#include "findings.h"
#include "open-image.h"
#include "parent-arg.h"

/**
 * parent_arg_open() - open the image that becomes a parent, and its chain
 * @options: of the command line, with at least one --parent: the first is the
 *	new parent, the next one the parent of that, and so on
 * @opened: set to the new parent, for disk_close(), also after an error; or
 *	NULL
 *
 * Locks writers out of all images.
 *
 * Return: 0, or a negative errno after a message: as disk_open() and
 * disk_follow(); -ENOPARENT if the file does not exist; -ESTALE if its log is
 * not empty.
 */
int parent_arg_open(const struct options *options, struct disk **opened)
{
	struct options of_parent = *options;
	int err;

	*opened = NULL;
	memmove(of_parent.parents, of_parent.parents + 1,
		--of_parent.parent_count * sizeof(*of_parent.parents));
	of_parent.ignore_id = false;
	err = open_image(&of_parent, options->parents[0], OPEN_IDLE,
			 sink_messages(), opened);
	if (err == -ENOENT)
		return -ENOPARENT;
	if (!err)
		err = disk_follow(*opened);
	return err ? err : child_link_suits(*opened);
}
