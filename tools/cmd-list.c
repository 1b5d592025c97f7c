// SPDX-License-Identifier: GPL-2.0-only
/* list: print the devices made of VHDX images. */
#include "dmdev.h"
#include "document.h"
#include "listing.h"
#include "message.h"
#include "signals.h"
#include "status-tree.h"
#include "verbs.h"

static const struct column columns[] = {
	{ "NAME", "name", false },
	{ "PATH", "path", false },
	{ "DEVICE", "device", true },
	{ "UUID", "uuid", false },
	{ "SIZE", "virtual_size", true },
	{ "MODE", "mode", false },
	{ "RO", "read_only", false },
	{ "SUSPENDED", "suspended", false },
	{ "OPEN", "open_count", true },
	{ "FAULT", "fault", false },
	{ "IMAGE", "image", false },
	{ "PARENTS", "parents", true },
};

/* The columns without -o. */
#define COLUMNS_USUAL	"NAME,DEVICE,SIZE,MODE,OPEN,PARENTS,IMAGE"

/**
 * struct collection - the devices found
 * @list: the devices as trees, or NULL to put each into the document
 * @listing: columns to print; none for all
 */
struct collection {
	struct json_object *list;
	const struct listing *listing;
};

/* Return all members of a device, or those of the columns. */
static struct json_object *device_tree(const struct listing *listing,
				       const struct dmdev *dev)
{
	struct json_object *object = status_device(dev), *picked;

	status_add_mode(object, dev);
	if (!listing->count)
		return object;
	picked = listing_pick(listing, object);
	tree_free(object);
	return picked;
}

static int add(const struct dmdev *dev, void *context)
{
	struct collection *collection = context;
	struct json_object *object;

	if (signals_held())
		return -EINTR;
	if (!dmdev_is_vhdx(dev))
		return 0;
	object = device_tree(collection->listing, dev);
	if (collection->list)
		tree_append(collection->list, object);
	else
		document_element(object);
	return 0;
}

static int each(struct collection *collection)
{
	int err = dmdev_each(add, collection);

	if (err == -EINTR)
		msg_err("interrupted: the list is not complete");
	return err;
}

static int choose(struct listing *listing, const struct options *options)
{
	const char *names = options->output;

	/* Without columns, JSON has all members. */
	if (!names && options->json)
		return 0;
	listing->no_headings = options->no_headings;
	return listing_choose(listing, columns, ARRAY_SIZE(columns),
			      names ? names : COLUMNS_USUAL);
}

static int print_json(struct collection *collection)
{
	int err;

	document_list("devices");
	err = each(collection);
	document_list_end(!err);
	return err;
}

static int print_text(struct collection *collection)
{
	int err;

	collection->list = tree_list();
	err = each(collection);
	if (!err)
		err = listing_print(collection->listing, collection->list);
	tree_free(collection->list);
	return err;
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
	/* A signal ends the list; what was printed is valid. */
	signals_hold();
	if (!err)
		err = dmdev_begin();
	if (err)
		return err;
	return options->json ? print_json(&collection) :
			       print_text(&collection);
}
