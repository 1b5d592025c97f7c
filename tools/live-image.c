// SPDX-License-Identifier: GPL-2.0-only
#include <unistd.h>

#include "findings.h"
#include "live-image.h"
#include "message.h"
#include "place.h"
#include "table-line.h"

/* The kernel may be writing a header of the image that is read. */
#define READ_TRIES	10
#define READ_USECS	50000

/**
 * live_path() - find a path of an image of a device
 * @word: the image, as its table has it
 * @path: filled in if the image is on a block device, which a table has by number
 *
 * Return: the path, which is @word or @path.
 */
const char *live_path(const char *word, char path[PATH_MAX])
{
	char name[256];
	dev_t device;

	if (!words_device(word, &device))
		return word;
	/* Udev links by number. */
	snprintf(path, PATH_MAX, "/dev/block/%s", word);
	if (access(path, F_OK) &&
	    dmdev_block_name(device, name, sizeof(name)))
		snprintf(path, PATH_MAX, "/dev/%s", name);
	return path;
}

static int peek_once(const struct dmdev *dev, const char *path, bool loud,
		     struct disk **disk)
{
	const struct disk_options options = {
		.sink = loud ? sink_messages() : sink_silent(),
		.lent = true,
	};
	int place, err = place_find(path, &place);

	if (err) {
		msg_err("%s: its image is not at its place any more",
			dev->name);
		return err;
	}
	err = disk_open(place, path, &options, disk);
	close(place);
	return err;
}

/**
 * live_peek() - open an image of a device, to be read
 * @dev: the device
 * @word: the image, as its table has it
 * @disk: set to the image, for disk_close(); its parents are not opened
 *
 * A device that writes changes neither the metadata of the disk nor its parent.
 *
 * Return: 0, or a negative errno after a message.
 */
int live_peek(const struct dmdev *dev, const char *word, struct disk **disk)
{
	char path[PATH_MAX];
	int tries = 0, err;

	for (;;) {
		tries++;
		err = peek_once(dev, live_path(word, path), tries == READ_TRIES,
				disk);
		if (!err || err == -ENOENT || tries == READ_TRIES)
			return err;
		usleep(READ_USECS);
	}
}
