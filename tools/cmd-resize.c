// SPDX-License-Identifier: GPL-2.0-only
/*
 * resize: make the virtual disk of an image, or of a live device, larger; or that of
 * an image smaller, for which resize-shrink.c is.
 */
#include "device-arg.h"
#include "document.h"
#include "exit-codes.h"
#include "findings.h"
#include "grow-last.h"
#include "message.h"
#include "open-image.h"
#include "passing-device.h"
#include "progress.h"
#include "recover.h"
#include "resize-live.h"
#include "resize-shrink.h"
#include "resize.h"
#include "siblings.h"
#include "signals.h"
#include "size-arg.h"

/**
 * struct resizing - an image that nobody uses, and whose disk is to get larger
 * @r: what is told of it
 * @disk: the image and its parents, open
 * @image: the image itself
 */
struct resizing {
	struct resized *r;
	struct disk *disk;
	struct vhdx_image *image;
};

/**
 * resize_parse() - the size that is wanted
 * @r: its old size is known; the new one is set
 * @text: as the user writes it: "+10G" is so much more than there is
 *
 * Return: 0, or -EINVAL after a message.
 */
int resize_parse(struct resized *r, const char *text)
{
	bool more = *text == '+';
	u64 size;
	int err = size_arg(NULL, text + more, &size);

	if (err)
		return err;
	r->to = size;
	if (more && __builtin_add_overflow(r->from, size, &r->to)) {
		msg_err("%s: too large", text);
		return -EINVAL;
	}
	return 0;
}

/* The contents of the disk are untrusted; here they only decide on advice. */
static bool has_gpt(const struct resizing *resizing)
{
	static const char signature[] = "EFI PART";
	u32 sector = resizing->image->params.logical_sector;
	char *buf = malloc(sector);
	bool found = buf && resizing->r->from > 2 * sector &&
		     !vhdx_chain_read(resizing->disk->chain, sector, buf,
				      sector) &&
		     !memcmp(buf, signature, sizeof(signature) - 1);

	free(buf);
	return found;
}

static int judge(const struct resizing *resizing)
{
	const struct disk *disk = resizing->disk;
	u64 parent = disk->depth > 1 ? disk->layer[1]->image->params.size : 0;
	const struct resized *r = resizing->r;
	const char *fault = vhdx_resize_fault(resizing->image, r->to, parent);
	char size[32];

	if (!fault)
		return 0;
	msg_err("%s: cannot get a size of %s: %s", r->name,
		tree_size_words(r->to, size, sizeof(size)), fault);
	return -EINVAL;
}

static int grow(const struct resizing *resizing)
{
	struct vhdx_report *report = &resizing->disk->layer[0]->report;
	struct vhdx_session *session = vhdx_session_new(resizing->image,
							report);
	const struct resized *r = resizing->r;
	struct progress progress;
	int err;

	if (IS_ERR(session))
		return PTR_ERR(session);
	progress_begin(&progress, "resize");
	err = vhdx_resize(session, r->to, &progress.engine, report);
	progress_end(&progress);
	vhdx_session_free(session);
	if (err == -EINTR)
		msg_err("%s: interrupted: the disk has its old size", r->name);
	return err;
}

static void announce_pause(const struct resized *r)
{
	if (r->live)
		msg_info("%s: I/O was held back for %llu.%02llu ms%s", r->name,
			 (unsigned long long)r->nsecs / 1000000,
			 (unsigned long long)r->nsecs / 10000 % 100,
			 r->moves ? ", in which the BAT has moved" : "");
}

static void announce_less(const struct resized *r)
{
	char from[32], to[32];

	msg_info("%s: shrunk from %s to %s", r->name,
		 tree_size_words(r->from, from, sizeof(from)),
		 tree_size_words(r->to, to, sizeof(to)));
	if (r->gpt)
		msg_info("%s: the backup of its GPT is gone with the old end: open the image, then `sfdisk --relocate gpt-bak-std /dev/mapper/NAME' writes it anew",
			 r->name);
}

static void announce_more(const struct resized *r)
{
	char from[32], to[32];

	msg_info("%s: grown from %s to %s", r->name,
		 tree_size_words(r->from, from, sizeof(from)),
		 tree_size_words(r->to, to, sizeof(to)));
	announce_pause(r);
}

/* Neither a partition table nor a file system notices by itself. */
static void announce_rest(const struct resized *r)
{
	if (r->gpt)
		msg_info("%s: the backup of its GPT is still where the disk ended: %s`sfdisk --relocate gpt-bak-std /dev/mapper/%s' moves it",
			 r->name, r->live ? "" : "open the image, then ",
			 r->live ? r->name : "NAME");
	msg_info("%s: what is on the disk does not know yet that there is more room: enlarge the last partition (growpart), then the file system (resize2fs, xfs_growfs, ntfsresize)",
		 r->name);
}

static void announce(const struct options *options, const struct resized *r)
{
	if (r->from == r->to) {
		msg_info("%s: has that size already", r->name);
	} else if (r->to < r->from) {
		announce_less(r);
	} else {
		announce_more(r);
		if (!options->grow_last)
			announce_rest(r);
	}
}

static void put_json(const struct resized *r)
{
	if (r->live) {
		document_put("device", tree_string(r->name));
		document_put("pause_nanoseconds", tree_integer(r->nsecs));
	}
	document_put("image", tree_string(r->image));
	document_put("old_size", tree_integer(r->from));
	document_put("new_size", tree_integer(r->to));
	document_put("bat_moved", tree_boolean(r->moves));
	document_put("has_gpt", tree_boolean(r->gpt));
}

static int resize_opened(struct resizing *resizing,
			 const struct options *options, const char *size)
{
	struct resized *r = resizing->r;
	int err = vhdx_image_recover(resizing->image);

	if (!err)
		err = disk_follow(resizing->disk);
	r->from = resizing->image->params.size;
	if (!err && options->shrink)
		return resize_shrink(resizing->disk, options, size, r);
	if (!err)
		err = resize_parse(r, size);
	if (!err)
		err = judge(resizing);
	if (err)
		return err;
	r->gpt = has_gpt(resizing);
	if (r->from == r->to)
		return 0;
	r->moves = vhdx_resize_moves(resizing->image, r->to);
	/* The size is part of what children must find as it was. */
	err = siblings_guard(resizing->disk, r->name, options->force,
			     "resizes");
	return err ? err : grow(resizing);
}

static int resize_image(const struct options *options, const char *size,
			struct resized *r)
{
	struct resizing resizing = { .r = r };
	int err = open_image(options, r->name, OPEN_WRITABLE, sink_messages(),
			     &resizing.disk);

	if (err)
		return err;
	resizing.image = resizing.disk->layer[0]->image;
	r->image = strdup(resizing.disk->layer[0]->path);
	err = r->image ? resize_opened(&resizing, options, size) : -ENOMEM;
	disk_close(resizing.disk);
	return err;
}

static void tell(const struct options *options, const struct resized *r)
{
	announce(options, r);
	if (options->json)
		put_json(r);
}

static void put_grown(const struct grow_last *g)
{
	struct json_object *object = tree_new();

	if (g->part.number)
		tree_number(object, "number", g->part.number);
	tree_text(object, "file_system", g->part.type);
	tree_number(object, "old_length", g->part.length);
	tree_number(object, "new_length", g->length);
	document_put("grown", object);
}

static int check_last(struct resized *r)
{
	struct grow_last *g = r->context;

	/* The device has been learned anew. */
	g->name = r->name;
	return grow_contents_check(g);
}

/*
 * What cannot grow is refused before the disk does; a check may write, and comes when
 * nothing else stands in the way.
 */
static int resize_with_last(const struct options *options, struct dmdev *dev,
			    const char *size, struct resized *r)
{
	struct grow_last g;
	int err, ended;

	signals_keep();
	err = grow_last_plan(dev, r->name, &g);
	r->before = check_last;
	r->context = &g;
	if (!err)
		err = resize_live(options, dev, size, r);
	if (!err) {
		tell(options, r);
		err = grow_last_do(&g);
	}
	if (!err && options->json)
		put_grown(&g);
	ended = grow_last_end(&g);
	signals_keep_end();
	return err ? err : ended;
}

static int resize_device(const struct options *options, struct dmdev *dev,
			 const char *size, struct resized *r)
{
	int err;

	if (options->shrink) {
		msg_err("%s: a disk shrinks only while no device is made of it; close it first",
			dev->name);
		return -EBUSY;
	}
	r->name = dev->name;
	if (options->grow_last)
		return resize_with_last(options, dev, size, r);
	err = resize_live(options, dev, size, r);
	if (!err)
		tell(options, r);
	return err;
}

/* Programs that know partitions and file systems need a device. */
static int resize_passing(const struct options *options, const char *size,
			  struct resized *r)
{
	struct dmdev dev;
	int err = passing_device(options, r->name, &dev), ended;

	if (err == -ENOTARGET)
		msg_info("%s: --grow-last works on a device, which the module makes; without it, enlarge the disk alone, and what is on it where the disk is used: `sfdisk --relocate gpt-bak-std' for a GPT, growpart for the last partition, then resize2fs, xfs_growfs or ntfsresize",
			 r->name);
	if (err)
		return err;
	r->passing = true;
	err = resize_with_last(options, &dev, size, r);
	ended = passing_device_end(&dev);
	return err ? err : ended;
}

static int resize_image_alone(const struct options *options, const char *size,
			      struct resized *r)
{
	int err = resize_image(options, size, r);

	if (!err)
		tell(options, r);
	return err;
}

static int check_options(const struct options *options, const char *size)
{
	if (options->to_minimum && !options->shrink) {
		msg_err("--to-minimum goes with --shrink");
		return -EINVAL;
	}
	if (options->grow_last && options->shrink) {
		msg_err("--grow-last and --shrink exclude each other");
		return -EINVAL;
	}
	if (options->to_minimum && size) {
		msg_err("%s: --to-minimum takes no size", size);
		return -EINVAL;
	}
	if (options->to_minimum || size)
		return 0;
	msg_err("no size is given");
	return -EINVAL;
}

/**
 * cmd_resize() - the verb `resize`
 * @options: of the command line
 * @args: the device or the image, and the size, NULL with --to-minimum
 *
 * Return: 0 or a negative errno.
 */
int cmd_resize(const struct options *options, char **args)
{
	struct resized r = { .name = args[0] };
	struct dmdev dev = { 0 };
	int err = check_options(options, args[1]);

	if (err)
		return err;
	err = device_of(args[0], &dev);
	if (!err)
		err = resize_device(options, &dev, args[1], &r);
	else if (err == -ENXIO && options->grow_last)
		err = resize_passing(options, args[1], &r);
	else if (err == -ENXIO)
		err = resize_image_alone(options, args[1], &r);
	free(r.image);
	dmdev_forget(&dev);
	return err;
}
