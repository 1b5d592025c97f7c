// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <unistd.h>

#include "device-lock.h"
#include "exit-codes.h"
#include "live-image.h"
#include "message.h"
#include "resize-live.h"
#include "resize.h"
#include "siblings.h"
#include "signals.h"
#include "table-change.h"
#include "table-line.h"
#include "table-swap.h"
#include "tree.h"

/* The target's version that has the feature "grow". */
#define GROW_MINOR	5

/**
 * struct growing - a device whose disk is to grow
 * @options: of the command line
 * @dev: the device as it is
 * @r: what is told of it
 * @disk: its image, as it is read beside the device; NULL before
 * @parent_size: bytes of the parent's disk; 0 if there is none
 */
struct growing {
	const struct options *options;
	struct dmdev *dev;
	struct resized *r;
	struct disk *disk;
	u64 parent_size;
};

static int read_parent(struct growing *g, const char *word)
{
	struct disk *parent;
	int err = live_peek(g->dev, word, &parent);

	if (err)
		return err;
	g->parent_size = parent->layer[0]->image->params.size;
	disk_close(parent);
	return 0;
}

static int read_images(struct growing *g)
{
	struct words images;
	int err = table_line_images(g->dev->table, &images);

	if (err)
		return err;
	err = live_peek(g->dev, images.word[0], &g->disk);
	if (!err && images.count > 1)
		err = read_parent(g, images.word[1]);
	words_free(&images);
	if (err)
		return err;
	g->r->image = strdup(g->disk->layer[0]->path);
	return g->r->image ? 0 : -ENOMEM;
}

static int judge(const struct growing *g)
{
	const struct vhdx_image *image = g->disk->layer[0]->image;
	const struct resized *r = g->r;
	const char *fault = vhdx_resize_fault(image, r->to, g->parent_size);
	char size[32];

	if (image->params.size != r->from)
		fault = "its image is not the file that is at the image's path";
	if (!fault)
		return 0;
	msg_err("%s: cannot get a size of %s: %s", r->name,
		tree_size_words(r->to, size, sizeof(size)), fault);
	return -EINVAL;
}

static bool has_gpt(const struct growing *g)
{
	static const char signature[] = "EFI PART";
	u32 sector = g->disk->layer[0]->image->params.logical_sector;
	char path[PATH_MAX], found[sizeof(signature) - 1];
	int fd = open(dmdev_path(g->dev->name, path), O_RDONLY | O_CLOEXEC);
	bool is;

	if (fd < 0)
		return false;
	is = pread(fd, found, sizeof(found), sector) == sizeof(found) &&
	     !memcmp(found, signature, sizeof(found));
	close(fd);
	return is;
}

/*
 * The BAT is read, and what was written is made durable and put in place, so that
 * little is left for the time in which I/O waits.
 */
static int prepare(const struct growing *g)
{
	char answer[8];
	int err = dmdev_message(g->dev->name, "begin", answer, sizeof(answer));

	if (!err)
		err = dmdev_message(g->dev->name, "checkpoint", answer,
				    sizeof(answer));
	if (err)
		msg_err("%s: cannot be made ready: %s", g->r->name,
			strerror(-err));
	return err;
}

static int swap_tables(const struct growing *g)
{
	struct table_swap swap = {
		.dev = g->dev,
		.child = -1,
		.grows = true,
	};
	int err = table_change_same(g->dev, false, true);

	if (!err && signals_held()) {
		msg_err("interrupted: %s goes on as before", g->r->name);
		err = -EINTR;
	}
	if (err) {
		(void)dmdev_clear(g->dev->name);
		return err;
	}
	err = table_swap(&swap);
	g->r->nsecs = swap.nsecs;
	return err;
}

static int grow(const struct growing *g)
{
	char *params = table_line_add(g->dev->table, "grow");
	int err;

	if (!params)
		return -ENOMEM;
	signals_hold();
	err = prepare(g);
	if (!err)
		err = table_change_load(g->dev, g->r->to >> 9, params);
	if (!err)
		err = swap_tables(g);
	if (!err)
		signals_let();
	free(params);
	return err;
}

static int resize_locked(struct growing *g, const char *size)
{
	struct resized *r = g->r;
	int err;

	if (!r->passing)
		r->name = g->dev->name;
	r->live = !r->passing;
	err = device_needs(GROW_MINOR, "a resize");
	if (!err)
		err = table_change_check(g->dev,
					 "is read-only, so its disk keeps its size");
	if (err)
		return err;
	r->from = g->dev->sectors << 9;
	err = resize_parse(r, size);
	if (!err)
		err = read_images(g);
	if (!err)
		err = judge(g);
	if (err)
		return err;
	r->gpt = has_gpt(g);
	if (r->from == r->to && !r->before)
		return 0;
	/* A device that has written has orphaned them already. */
	err = siblings_guard(g->disk, r->name, g->options->force, "resizes");
	if (!err && r->before)
		err = r->before(r);
	if (err || r->from == r->to)
		return err;
	r->moves = vhdx_resize_moves(g->disk->layer[0]->image, r->to);
	return grow(g);
}

/**
 * resize_live() - grow the disk of a device that is in use
 * @options: of the command line
 * @dev: the device, from device_of(); learned anew
 * @size: what is wanted, as the user writes it
 * @r: filled in, but for its name
 *
 * A failure leaves the device as it was. If this process is killed, the device
 * has grown, or may be left with an inactive table.
 *
 * Return: 0 or a negative errno after a message.
 */
int resize_live(const struct options *options, struct dmdev *dev,
		const char *size, struct resized *r)
{
	struct growing g = { .options = options, .dev = dev, .r = r };
	int lock = device_lock(dev);
	int err;

	if (lock < 0)
		return lock;
	err = resize_locked(&g, size);
	device_unlock(lock);
	disk_close(g.disk);
	return err;
}
