// SPDX-License-Identifier: GPL-2.0-only
/*
 * compare: test whether two disks read alike.
 */
#include "contrast.h"
#include "document.h"
#include "exit-codes.h"
#include "map-faults.h"
#include "message.h"
#include "open-image.h"

/**
 * struct comparison - the search for a difference
 * @contrast: the disks
 * @first: byte offset of the first difference
 */
struct comparison {
	struct contrast contrast;
	u64 first;
};

static int found(struct contrast *contrast, u64 pos, u64 length)
{
	(void)length;
	container_of(contrast, struct comparison, contrast)->first = pos;
	return EXIT_DIFFER;
}

static void tell_alike(const struct contrast_side *a,
		       const struct contrast_side *b)
{
	u64 size_a = a->chain->size, size_b = b->chain->size;

	if (!msg_enabled(MSG_NORMAL))
		return;
	if (size_a == size_b)
		printf("alike\n");
	else
		printf("alike, but %s is %llu bytes longer, all of them zeros\n",
		       size_a > size_b ? "the first disk" : "the second disk",
		       size_a > size_b ? size_a - size_b : size_b - size_a);
}

static void tell_different(const struct contrast_side *a,
			   const struct contrast_side *b, u64 pos)
{
	const char *behind = "";

	if (!msg_enabled(MSG_NORMAL))
		return;
	if (pos >= a->chain->size)
		behind = ", past the end of the first disk";
	else if (pos >= b->chain->size)
		behind = ", past the end of the second disk";
	printf("differ first at byte %llu (0x%llx)%s\n", pos, pos, behind);
}

/* Print the result. */
static void tell(const struct comparison *comparison, bool differ, bool json)
{
	const struct contrast_side *side = comparison->contrast.side;

	if (json) {
		document_put("alike", tree_boolean(!differ));
		if (differ)
			document_put("virtual_offset",
				     tree_integer(comparison->first));
	} else if (differ) {
		tell_different(&side[0], &side[1], comparison->first);
	} else {
		tell_alike(&side[0], &side[1]);
	}
}

static int compare_disks(const struct disk *a, const struct disk *b,
			 const bool *heard, bool json)
{
	struct progress progress;
	struct comparison comparison = {
		.contrast = {
			.side = {
				{ a->chain, a->layer[0]->path, NULL },
				{ b->chain, b->layer[0]->path, NULL },
			},
			.heard = heard,
			.unit = 1,
			.total = max(a->chain->size, b->chain->size),
			.progress = &progress,
			.visit = found,
		},
	};
	struct contrast *contrast = &comparison.contrast;
	int err = contrast_begin(contrast);

	progress_begin(&progress, "compare");
	if (!err)
		err = contrast_walk(contrast, 0, contrast->total);
	progress_end(&progress);
	contrast_end(contrast);
	if (!err || err == EXIT_DIFFER)
		tell(&comparison, err, json);
	if (err == -EINTR)
		msg_err("interrupted: no difference was found so far");
	return err;
}

static int open_whole(const struct options *options, const char *path,
		      struct map_listener *listener, struct disk **opened)
{
	int err = open_image(options, path, options->force_share ?
			     OPEN_WHILE_WRITTEN : OPEN_IDLE, &listener->sink,
			     opened);

	return err ? err : disk_follow(*opened);
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
	struct disk *a = NULL, *b = NULL;
	struct map_listener listener;
	int err;

	map_listen(&listener);
	err = open_whole(options, args[0], &listener, &a);
	if (!err)
		err = open_whole(options, args[1], &listener, &b);
	if (!err)
		err = compare_disks(a, b, &listener.heard, options->json);
	disk_close(b);
	disk_close(a);
	return err;
}
