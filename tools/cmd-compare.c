// SPDX-License-Identifier: GPL-2.0-only
/*
 * compare: test whether two disks read alike.
 */
#include "console.h"
#include "document.h"
#include "exit-codes.h"
#include "message.h"
#include "open-image.h"
#include "progress.h"
#include "tree.h"

static void tell_alike(const struct vhdx_disk *a, const struct vhdx_disk *b)
{
	u64 size_a = vhdx_disk_size(a), size_b = vhdx_disk_size(b);

	if (!console_says(CONSOLE_NORMAL))
		return;
	if (size_a == size_b)
		printf("alike\n");
	else
		printf("alike, but %s is %llu bytes longer, all of them zeros\n",
		       size_a > size_b ? "the first disk" : "the second disk",
		       size_a > size_b ? size_a - size_b : size_b - size_a);
}

static void tell_different(const struct vhdx_disk *a,
			   const struct vhdx_disk *b, u64 pos)
{
	const char *behind = "";

	if (!console_says(CONSOLE_NORMAL))
		return;
	if (pos >= vhdx_disk_size(a))
		behind = ", past the end of the first disk";
	else if (pos >= vhdx_disk_size(b))
		behind = ", past the end of the second disk";
	printf("differ first at byte %llu (0x%llx)%s\n", pos, pos, behind);
}

/* Print the result: where they differ first, or NULL. */
static void tell(const struct vhdx_disk *a, const struct vhdx_disk *b,
		 const u64 *first, bool json)
{
	if (json) {
		document_put("alike", tree_boolean(!first));
		if (first)
			document_put("virtual_offset", tree_integer(*first));
	} else if (first) {
		tell_different(a, b, *first);
	} else {
		tell_alike(a, b);
	}
}

static int stop(void *context, const struct vhdx_extent *extent)
{
	u64 *first = context;

	*first = extent->pos;
	return EXIT_DIFFER;
}

static int compare_disks(struct vhdx_disk *a, struct vhdx_disk *b, bool json)
{
	struct progress progress;
	u64 first;
	int err;

	progress_begin(&progress, "compare");
	vhdx_disk_on_progress(a, progress_of_library, &progress);
	err = vhdx_disk_compare(a, b, stop, &first);
	progress_end(&progress);
	if (!err || err == EXIT_DIFFER)
		tell(a, b, err ? &first : NULL, json);
	if (err == -EINTR)
		msg_err("interrupted: no difference was found so far");
	return err;
}

static int open_whole(const struct options *options, const char *path,
		      struct vhdx_disk **opened)
{
	int err = open_look(options, path, options->force_share ?
			    OPEN_WHILE_WRITTEN : OPEN_IDLE, NULL, NULL, opened);

	return err ? err : vhdx_disk_open_parents(*opened);
}

/**
 * cmd_compare() - the verb `compare`
 * @options: of the command line
 * @args: the two images
 *
 * Return: 0 if the disks read alike, EXIT_DIFFER if not, or a negative errno.
 */
int cmd_compare(const struct options *options, char **args)
{
	struct vhdx_disk *a = NULL, *b = NULL;
	int err = open_whole(options, args[0], &a);

	if (!err)
		err = open_whole(options, args[1], &b);
	if (!err)
		err = compare_disks(a, b, options->json);
	vhdx_disk_free(b);
	vhdx_disk_free(a);
	return err;
}
