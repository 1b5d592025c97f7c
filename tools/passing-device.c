// SPDX-License-Identifier: GPL-2.0-only
#include "end-device.h"
#include "findings.h"
#include "message.h"
#include "module.h"
#include "new-device.h"
#include "open-image.h"
#include "passing-device.h"
#include "signals.h"

/* After a signal, new_device() has removed it. */
static int make(struct disk *disk, const struct options *options,
		struct dmdev *dev)
{
	struct options own = *options;
	char name[NEW_DEVICE_NAME] = "";
	int err = module_ready();

	if (err)
		return err;
	own.private = true;
	own.partitions = false;
	own.readonly = false;
	signals_keep();
	err = new_device(disk, &own, name);
	if (err) {
		signals_keep_end();
		return err;
	}
	err = dmdev_query(name, dev);
	if (!err && dev->read_only)
		err = -EROFS;
	if (err)
		msg_err("%s: its device %s cannot be used: %s",
			disk->layer[0]->path, name, strerror(-err));
	if (err && dev->name)
		(void)passing_device_end(dev);
	else if (err)
		signals_keep_end();
	return err;
}

/**
 * passing_device() - make a device of an image for a while
 * @options: of the command line
 * @image: path of the image
 * @dev: filled in, for passing_device_end()
 *
 * Signals are held until passing_device_end(). If this process is killed, the device is
 * left over.
 *
 * Return: 0, or a negative errno after a message.
 */
int passing_device(const struct options *options, const char *image,
		   struct dmdev *dev)
{
	struct disk *disk;
	int err = dmdev_begin();

	*dev = (struct dmdev){ 0 };
	if (!err)
		err = open_image(options, image, OPEN_IDLE, sink_messages(),
				 &disk);
	if (err)
		return err;
	err = disk_follow(disk);
	if (!err)
		err = make(disk, options, dev);
	disk_close(disk);
	return err;
}

/**
 * passing_device_end() - remove the device
 * @dev: from passing_device()
 *
 * Return: 0; or a negative errno after a message: -EIO if not all that was written is
 * in the image.
 */
int passing_device_end(struct dmdev *dev)
{
	int err = end_device(dev);

	dmdev_forget(dev);
	signals_keep_end();
	return err;
}
