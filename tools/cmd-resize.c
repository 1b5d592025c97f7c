// SPDX-License-Identifier: GPL-2.0-only
/* resize: make the virtual disk of an image larger. */
#include "document.h"
#include "findings.h"
#include "message.h"
#include "open-image.h"
#include "progress.h"
#include "recover.h"
#include "resize.h"
#include "siblings.h"
#include "size-arg.h"

/**
 * struct resizing - a disk that is to get larger
 * @path: the image, as it was given
 * @disk: the image and its parents, open
 * @image: the image itself
 * @from: bytes of the disk as it is
 * @to: bytes that it gets
 * @moves: its BAT must move
 * @gpt: it has a partition table of the GPT kind
 */
struct resizing {
	const char *path;
	struct disk *disk;
	struct vhdx_image *image;
	u64 from;
	u64 to;
	bool moves;
	bool gpt;
};

/* "+10G" is so much more than there is. */
static int parse_size(struct resizing *r, const char *text)
{
	bool more = *text == '+';
	u64 size;
	int err = size_arg(NULL, text + more, &size);

	if (err)
		return err;
	r->from = r->image->params.size;
	r->to = size;
	if (more && __builtin_add_overflow(r->from, size, &r->to)) {
		msg_err("%s: too large", text);
		return -EINVAL;
	}
	return 0;
}

/* What is on the disk is hearsay here: it decides on a word of advice alone. */
static bool has_gpt(const struct resizing *r)
{
	static const char signature[] = "EFI PART";
	u32 sector = r->image->params.logical_sector;
	char *buf = malloc(sector);
	bool found = buf && r->from > 2 * sector &&
		     !vhdx_chain_read(r->disk->chain, sector, buf, sector) &&
		     !memcmp(buf, signature, sizeof(signature) - 1);

	free(buf);
	return found;
}

static int judge(const struct resizing *r)
{
	const struct disk *disk = r->disk;
	u64 parent = disk->depth > 1 ? disk->layer[1]->image->params.size : 0;
	const char *fault = vhdx_resize_fault(r->image, r->to, parent);
	char size[32];

	if (!fault)
		return 0;
	msg_err("%s: cannot get a size of %s: %s", r->path,
		tree_size_words(r->to, size, sizeof(size)), fault);
	return -EINVAL;
}

static int grow(struct resizing *r, struct vhdx_report *report)
{
	struct vhdx_session *session = vhdx_session_new(r->image, report);
	struct progress progress;
	int err;

	if (IS_ERR(session))
		return PTR_ERR(session);
	progress_begin(&progress, "resize");
	err = vhdx_resize(session, r->to, &progress.engine, report);
	progress_end(&progress);
	vhdx_session_free(session);
	if (err == -EINTR)
		msg_err("%s: interrupted: the disk has its old size", r->path);
	return err;
}

/* Neither a partition table nor a file system notices by itself. */
static void announce(const struct resizing *r)
{
	char from[32], to[32];

	msg_info("%s: grown from %s to %s", r->path,
		 tree_size_words(r->from, from, sizeof(from)),
		 tree_size_words(r->to, to, sizeof(to)));
	if (r->gpt)
		msg_info("%s: the backup of its GPT is still where the disk ended: open the image, then `sfdisk --relocate gpt-bak-std /dev/mapper/NAME' moves it",
			 r->path);
	msg_info("%s: what is on the disk does not know yet that there is more room: enlarge the last partition (growpart), then the file system (resize2fs, xfs_growfs, ntfsresize)",
		 r->path);
}

static void put_json(const struct resizing *r)
{
	document_put("image", tree_string(r->disk->layer[0]->path));
	document_put("old_size", tree_integer(r->from));
	document_put("new_size", tree_integer(r->to));
	document_put("bat_moved", tree_boolean(r->moves));
	document_put("has_gpt", tree_boolean(r->gpt));
}

static int resize_opened(struct resizing *r, const struct options *options,
			 const char *size)
{
	int err = vhdx_image_recover(r->image);

	if (!err)
		err = disk_follow(r->disk);
	if (!err)
		err = parse_size(r, size);
	if (!err)
		err = judge(r);
	if (err)
		return err;
	r->gpt = has_gpt(r);
	if (r->from == r->to) {
		msg_info("%s: has that size already", r->path);
		return 0;
	}
	r->moves = vhdx_resize_moves(r->image, r->to);
	/* The size is part of what children must find as it was. */
	err = siblings_guard(r->disk, r->path, options->force, "resizes");
	if (!err)
		err = grow(r, &r->disk->layer[0]->report);
	if (!err)
		announce(r);
	return err;
}

/**
 * cmd_resize() - the verb `resize`
 * @options: of the command line
 * @args: the image, and the size
 *
 * Return: 0 or a negative errno.
 */
int cmd_resize(const struct options *options, char **args)
{
	struct resizing r = { .path = args[0] };
	int err;

	err = open_image(options, args[0], OPEN_WRITABLE, sink_messages(),
			 &r.disk);
	if (err)
		return err;
	r.image = r.disk->layer[0]->image;
	err = resize_opened(&r, options, args[1]);
	if (!err && options->json)
		put_json(&r);
	disk_close(r.disk);
	return err;
}
