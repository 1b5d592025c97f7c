/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Growth of a disk, and what is told of it. A live device grows while it is in use:
 * the module does it between the suspend and the resume of a change of tables, see
 * Documentation/vhdx.rst.
 *
 * resize-live.c APIs:
 *   resize_live()	grow the disk of a device
 * cmd-resize.c APIs:
 *   resize_parse()	the size that is wanted
 */
#ifndef RESIZE_LIVE_H
#define RESIZE_LIVE_H

#include "dmdev.h"
#include "vhdxsetup.h"

/**
 * struct resized - a disk that gets, or has got, another size
 * @name: what messages call it: the device, or the image as it was given
 * @before: called when nothing stands in the way of a live device's growth, also of
 *	one that has its size already, before that begins; NULL for none
 * @context: for @before
 * @passing: its device is made for the resize alone; messages name the image
 * @image: path of the image, for free(); NULL before it is known
 * @from: bytes of the disk before
 * @to: bytes that it gets
 * @moves: its BAT needs a longer region
 * @gpt: it has a partition table of the GPT kind
 * @live: a device has grown
 * @nsecs: for so long I/O was held back then
 */
struct resized {
	const char *name;
	int (*before)(struct resized *r);
	void *context;
	bool passing;
	char *image;
	u64 from;
	u64 to;
	bool moves;
	bool gpt;
	bool live;
	u64 nsecs;
};

int resize_parse(struct resized *r, const char *text);
int resize_live(const struct options *options, struct dmdev *dev,
		const char *size, struct resized *r);

#endif /* RESIZE_LIVE_H */
