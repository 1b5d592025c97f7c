// SPDX-License-Identifier: GPL-2.0-only
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "device-arg.h"
#include "message.h"
#include "table-line.h"

/**
 * struct search - the search for the devices of an image
 * @st: stat() of the image
 * @names: names of the devices found, with a comma before each
 * @name: name of the last one, for free()
 * @count: number of devices found
 * @child: name of a device that has the image as a parent, for free()
 */
struct search {
	struct stat st;
	FILE *names;
	char *name;
	unsigned int count;
	char *child;
};

static int match(const struct dmdev *dev, void *context)
{
	struct search *search = context;
	struct words images;
	unsigned int i;

	if (!dmdev_is_vhdx(dev))
		return 0;
	if (table_line_images(dev->table, &images))
		return -ENOMEM;
	for (i = 0; i < images.count; i++) {
		if (!table_line_is_of(images.word[i], &search->st))
			continue;
		if (i) {
			free(search->child);
			search->child = strdup(dev->name);
			continue;
		}
		fprintf(search->names, ", %s", dev->name);
		free(search->name);
		search->name = strdup(dev->name);
		search->count++;
	}
	words_free(&images);
	return 0;
}

/* Find the device of an image, if there is exactly one. */
static int choose(const char *path, const struct search *search,
		  const char *names, struct dmdev *dev)
{
	if (search->count > 1) {
		msg_err("%s: is the image of several devices: %s; name one of them",
			path, names + 2);
		return -EINVAL;
	}
	if (search->count)
		return search->name ? dmdev_query(search->name, dev) : -ENOMEM;
	return -ENXIO;
}

static int find_by_image(const char *path, struct search *search,
			 struct dmdev *dev)
{
	char *names = NULL;
	size_t size;
	int err;

	search->names = open_memstream(&names, &size);
	if (!search->names)
		return -ENOMEM;
	err = dmdev_each(match, search);
	if (fclose(search->names))
		err = -ENOMEM;
	if (!err)
		err = choose(path, search, names, dev);
	free(names);
	return err;
}

static int is_node(const struct dmdev *dev, void *context)
{
	struct search *search = context;

	if (makedev(dev->major, dev->minor) != search->st.st_rdev)
		return 0;
	search->name = strdup(dev->name);
	return 1;
}

/* Find a device by its name, or by any path of its node. */
static int find_device(const char *arg, struct dmdev *dev)
{
	struct search search = { 0 };
	const char *name = dmdev_name_of(arg);
	int err = -ENXIO;

	if (!strchr(name, '/'))
		return dmdev_query(name, dev);
	if (stat(arg, &search.st) || !S_ISBLK(search.st.st_mode))
		return err;
	(void)dmdev_each(is_node, &search);
	if (search.name)
		err = dmdev_query(search.name, dev);
	free(search.name);
	return err;
}

/* Return the message for what is neither a vhdx device nor an image of one. */
static int refuse(const char *arg, const struct dmdev *other)
{
	if (!other->name) {
		msg_err("%s: no device of this name, nor of this image", arg);
		return -ENXIO;
	}
	msg_err("%s: not a device of VHDX images, but of type %s", other->name,
		other->target ? other->target : "none");
	return -ENODEV;
}

/**
 * device_arg() - find the device that an argument names
 * @arg: name of the device, path of its node, or path of its image
 * @dev: filled in, for dmdev_forget()
 *
 * Return: 0, or a negative errno after a message: -ENXIO if there is none,
 * -ENODEV if it is not made of VHDX images, -EINVAL if several are.
 */
int device_arg(const char *arg, struct dmdev *dev)
{
	struct search search = { 0 };
	struct dmdev other = { 0 };
	int err = dmdev_begin();

	if (err)
		return err;
	err = find_device(arg, &other);
	if (!err && dmdev_is_vhdx(&other)) {
		*dev = other;
		return 0;
	}
	/* A block device may be the image of a vhdx device. */
	if ((!err || err == -ENXIO) && !stat(arg, &search.st))
		err = find_by_image(arg, &search, dev);
	else if (!err)
		err = -ENXIO;
	if (err == -ENXIO && search.child)
		msg_err("%s: no device is made of this image; %s has it as a parent",
			arg, search.child);
	else if (err == -ENXIO)
		err = refuse(arg, &other);
	else if (err && err != -ENXIO && err != -EINVAL)
		msg_err("%s: %s", arg, strerror(-err));
	dmdev_forget(&other);
	free(search.name);
	free(search.child);
	return err;
}

/**
 * device_of() - find a device of ours, if an argument stands for one
 * @arg: its name, a path of its node, or the path of its image; or of an image that
 *	is in no use
 * @dev: filled in, for dmdev_forget()
 *
 * Who is not root sees no devices, and can work with images all the same.
 *
 * Return: 0; -ENXIO, without a message, if there is none; or -EINVAL after a
 * message if there are several.
 */
int device_of(const char *arg, struct dmdev *dev)
{
	struct search search = { 0 };
	struct dmdev other = { 0 };
	int err;

	if (!dmdev_works())
		return -ENXIO;
	err = find_device(arg, &other);
	if (!err && dmdev_is_vhdx(&other)) {
		*dev = other;
		return 0;
	}
	dmdev_forget(&other);
	err = -ENXIO;
	if (!stat(arg, &search.st))
		err = find_by_image(arg, &search, dev);
	free(search.name);
	free(search.child);
	return err == -EINVAL ? err : err ? -ENXIO : 0;
}
