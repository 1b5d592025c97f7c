// SPDX-License-Identifier: GPL-2.0-only
/* list: the devices made of VHDX images. */
#include "dmdev.h"
#include "listing.h"
#include "status-tree.h"
#include "verbs.h"

static const struct column columns[] = {
	{ "NAME", "name", false },
	{ "PATH", "path", false },
	{ "DEVICE", "device", true },
	{ "UUID", "uuid", false },
	{ "SIZE", "size", true },
	{ "MODE", "mode", false },
	{ "RO", "read_only", false },
	{ "SUSPENDED", "suspended", false },
	{ "OPEN", "open_count", true },
	{ "FAULT", "fault", false },
	{ "IMAGE", "image", false },
	{ "PARENTS", "parents", true },
};

/* Without -o. */
#define COLUMNS_USUAL	"NAME,DEVICE,SIZE,MODE,OPEN,PARENTS,IMAGE"

/**
 * struct collection - the devices found
 * @list: as trees
 * @listing: the columns asked for, none for all
 */
struct collection {
	struct json_object *list;
	const struct listing *listing;
};

static int add(const struct dmdev *dev, void *context)
{
	struct collection *collection = context;
	struct json_object *object;

	if (!dmdev_is_vhdx(dev))
		return 0;
	object = status_device(dev);
	status_add_mode(object, dev);
	if (collection->listing->count) {
		tree_append(collection->list,
			    listing_pick(collection->listing, object));
		tree_free(object);
	} else {
		tree_append(collection->list, object);
	}
	return 0;
}

static int choose(struct listing *listing, const struct options *options)
{
	const char *names = options->output;

	/* All that is known is in JSON, if no columns are asked for. */
	if (!names && options->json)
		return 0;
	listing->no_headings = options->no_headings;
	return listing_choose(listing, columns, ARRAY_SIZE(columns),
			      names ? names : COLUMNS_USUAL);
}

static void print_json(struct json_object *list)
{
	struct json_object *object = tree_new();

	tree_add(object, "devices", list);
	tree_print(object, true);
	tree_free(object);
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
	struct listing listing = { .count = 0 };
	struct collection collection = { .listing = &listing };
	int err = choose(&listing, options);

	(void)args;
	if (!err)
		err = dmdev_begin();
	if (err)
		return err;
	collection.list = tree_list();
	err = dmdev_each(add, &collection);
	if (options->json) {
		print_json(collection.list);
		return err;
	}
	if (!err)
		err = listing_print(&listing, collection.list);
	tree_free(collection.list);
	return err;
}
