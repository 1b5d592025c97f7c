// SPDX-License-Identifier: GPL-2.0-only
#include "device-arg.h"
#include "message.h"

/**
 * device_arg() - find the device that a verb was given
 * @arg: its name, or its path in /dev/mapper
 * @dev: filled in, for dmdev_forget()
 *
 * Return: 0, or a negative errno after a message: -ENXIO if there is none,
 * -ENODEV if it is not made of VHDX images.
 */
int device_arg(const char *arg, struct dmdev *dev)
{
	/* People paste paths. */
	const char *name = dmdev_name_of(arg);
	int err = dmdev_begin();

	if (err)
		return err;
	err = dmdev_query(name, dev);
	if (err == -ENXIO)
		msg_err("%s: no device of this name", name);
	else if (err)
		msg_err("%s: %s", name, strerror(-err));
	if (err)
		return err;
	if (dmdev_is_vhdx(dev))
		return 0;
	msg_err("%s: not a device of VHDX images, but of type %s", name,
		dev->target ? dev->target : "none");
	dmdev_forget(dev);
	return -ENODEV;
}
