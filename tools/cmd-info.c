// SPDX-License-Identifier: GPL-2.0-only
/* info: print the properties of an image. */
#include "check.h"
#include "disk-rest.h"
#include "document.h"
#include "family.h"
#include "info-tree.h"
#include "message.h"
#include "open-image.h"
#include "progress.h"

/* `info' counts faulty blocks and returns 0; `check' judges them. */
static int count_blocks(struct vhdx_image *image, struct vhdx_census *census)
{
	struct progress progress;
	int err;

	progress_begin(&progress, "counting blocks");
	err = vhdx_check_blocks(image, census, &progress.engine,
				&vhdx_report_silent);
	progress_end(&progress);
	if (err == -EINTR)
		msg_err("interrupted");
	return err;
}

/* Describe the image even if its parents cannot be opened. */
static int follow(struct vhdx_disk *handle)
{
	int err = vhdx_disk_open_parents(handle);

	if (err)
		msg_warn("%s: the chain cannot be opened: see above",
			 vhdx_disk_path(handle, 0));
	return err;
}

/* An image and what lies over and under it, in @object or as a picture. */
static int add_family(const struct disk *disk, struct json_object *object)
{
	struct family family;
	int err = family_find(disk, &family);

	if (!err && object)
		tree_add(object, "relatives", family_tree(&family));
	else if (!err)
		family_draw(&family);
	family_free(&family);
	return err;
}

static bool has_parent(const struct vhdx_disk *handle)
{
	return vhdx_disk_traits(handle) & VHDX_TRAIT_HAS_PARENT;
}

static void add_chain(struct json_object *object, struct vhdx_disk *handle)
{
	int err;

	if (!has_parent(handle))
		return;
	err = follow(handle);
	tree_add(object, "chain", info_chain(handle->disk));
	tree_flag(object, "chain_complete", !err);
}

/* Of a child, the parents are needed, too. No data is read. */
static void add_minimum(struct json_object *object, struct vhdx_disk *handle)
{
	struct disk_needs needs;
	u64 unread;

	if (!handle->disk->chain && has_parent(handle))
		return;
	if (vhdx_disk_open_parents(handle) || disk_needs(handle->disk, &needs))
		return;
	tree_number(object, "minimum_size", needs.bytes);
	tree_text(object, "needed_by", needs.what);
	if (!disk_rest_unread(handle->disk, needs.bytes, &unread))
		tree_number(object, "unread_rest_bytes", unread);
}

static int print_all(struct vhdx_disk *handle, const struct options *options)
{
	struct disk *disk = handle->disk;
	struct vhdx_census census = { 0 };
	struct json_object *object;
	int err = 0;

	if (options->all)
		err = count_blocks(disk->layer[0]->image, &census);
	if (err)
		return err;
	object = info_image(disk->layer[0]);
	if (options->all)
		tree_add(object, "blocks", info_blocks(&census));
	if (options->chain) {
		add_chain(object, handle);
		if (options->json)
			err = add_family(disk, object);
	}
	if (options->all)
		add_minimum(object, handle);
	document_take(object, options->json);
	if (options->chain && !options->json)
		err = add_family(disk, NULL);
	return err;
}

/* Return "parent.vhdx, over grandparent.vhdx", for free(), or NULL. */
static char *parents_text(const struct disk *disk, bool complete)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	u32 i;

	if (!out)
		return NULL;
	for (i = 1; i < disk->depth; i++)
		fprintf(out, "%s%s", i > 1 ? ", over " : "",
			disk->layer[i]->path);
	if (disk->depth == 1)
		fprintf(out, "cannot be opened");
	else if (!complete)
		fprintf(out, "; the chain is not complete");
	fclose(out);
	return text;
}

static void add_parents(struct json_object *object, struct vhdx_disk *handle,
			const struct options *options)
{
	char *text;

	if (!options->chain) {
		tree_text(object, "parent", "was not looked for (--chain)");
		return;
	}
	text = parents_text(handle->disk, !follow(handle));
	tree_text(object, "parent", text ? text : "no memory to say which");
	free(text);
}

static int print_brief(struct vhdx_disk *handle, const struct options *options)
{
	struct json_object *object = info_brief(handle->disk->layer[0]);

	if (has_parent(handle))
		add_parents(object, handle, options);
	document_take(object, false);
	return options->chain ? add_family(handle->disk, NULL) : 0;
}

/**
 * cmd_info() - the verb `info`
 * @options: of the command line
 * @args: the image
 *
 * Reads the BAT with --all only, because it may be long. Looks for parents,
 * which a stranger's image may name, with --chain only.
 *
 * Return: 0 or a negative errno.
 */
int cmd_info(const struct options *options, char **args)
{
	struct vhdx_disk *handle;
	int err;

	err = parents_suit(options, options->chain);
	if (err)
		return err;
	err = open_look(options, args[0], OPEN_WHILE_WRITTEN, NULL, NULL,
			&handle);
	if (err)
		return err;
	if (options->all || options->json)
		err = print_all(handle, options);
	else
		err = print_brief(handle, options);
	vhdx_disk_free(handle);
	return err;
}
