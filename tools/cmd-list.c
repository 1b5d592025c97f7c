// SPDX-License-Identifier: GPL-2.0-only
/* list: the devices made of VHDX images. */
#include "dmdev.h"
#include "message.h"
#include "status-tree.h"
#include "table-line.h"

static int add(const struct dmdev *dev, void *context)
{
	struct json_object *list = context;

	if (dmdev_is_vhdx(dev))
		tree_append(list, status_device(dev));
	return 0;
}

static int print(const struct dmdev *dev, void *context)
{
	struct words images;
	char name[PATH_MAX] = "-";
	char size[32];

	(void)context;
	if (!dmdev_is_vhdx(dev))
		return 0;
	if (table_line_images(dev->table, &images))
		return -ENOMEM;
	printf("%-16s %4u:%-4u %10s  ", dev->name, dev->major, dev->minor,
	       tree_size_words(dev->sectors << 9, size, sizeof(size)));
	if (images.count)
		status_image(images.word[0], name);
	msg_safe(stdout, name);
	if (images.count > 1)
		printf(" (+ %u parent%s)", images.count - 1,
		       images.count > 2 ? "s" : "");
	putchar('\n');
	words_free(&images);
	return 0;
}

/**
 * cmd_list() - the verb `list`
 * @options: of the command line
 * @args: none
 *
 * Return: 0 or a negative errno.
 */
int cmd_list(const struct options *options, char **args)
{
	struct json_object *object, *list;
	int err = dmdev_begin();

	(void)args;
	if (err)
		return err;
	if (!options->json)
		return dmdev_each(print, NULL);
	object = tree_new();
	list = tree_list();
	err = dmdev_each(add, list);
	tree_add(object, "devices", list);
	tree_print(object, true);
	tree_free(object);
	return err;
}
