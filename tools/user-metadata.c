// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <unistd.h>

#include "message.h"
#include "user-metadata.h"

/* Of a GUID's text without braces. */
#define GUID_TEXT	(VHDX_GUID_TEXT_SIZE - 1)

static int bad_guid(const char *option, const char *text)
{
	msg_err("--%s %s: not a GUID, as in 2b1d6a3c-0f5e-4d8b-9a77-c1e2f3a4b5d6",
		option, text);
	return -EINVAL;
}

/* Also in braces. Sets *@rest to what follows. */
static int parse_guid(const char *option, const char *text, guid_t *id,
		      const char **rest)
{
	bool braces = *text == '{';
	const char *digits = text + braces;

	/* The GUID of zeros marks an entry that is not used. */
	if (strlen(digits) < GUID_TEXT || guid_parse(digits, id) ||
	    guid_is_null(id) || (braces && digits[GUID_TEXT] != '}'))
		return bad_guid(option, text);
	*rest = digits + GUID_TEXT + braces;
	return 0;
}

static int add(struct user_metadata *all, const guid_t *id, const char *file)
{
	u32 i;

	for (i = 0; i < all->count; i++) {
		if (!guid_equal(&all->item[i].id, id))
			continue;
		msg_err("the same metadata item is named twice");
		return -EINVAL;
	}
	all->item[all->count++] = (struct user_item){
		.id = *id,
		.file = file,
	};
	return 0;
}

/**
 * user_metadata_set() - note an item to set
 * @all: where; no more than the command line has
 * @text: GUID=FILE, which stays the caller's
 *
 * Return: 0, or -EINVAL after a message.
 */
int user_metadata_set(struct user_metadata *all, const char *text)
{
	const char *rest;
	guid_t id;
	int err = parse_guid("metadata-set", text, &id, &rest);

	if (err)
		return err;
	if (*rest != '=' || !rest[1]) {
		msg_err("--metadata-set %s: the file is missing: GUID=FILE",
			text);
		return -EINVAL;
	}
	return add(all, &id, rest + 1);
}

/**
 * user_metadata_remove() - note an item to remove
 * @all: where
 * @text: its GUID
 *
 * Return: 0, or -EINVAL after a message.
 */
int user_metadata_remove(struct user_metadata *all, const char *text)
{
	const char *rest;
	guid_t id;
	int err = parse_guid("metadata-remove", text, &id, &rest);

	if (err)
		return err;
	return *rest ? bad_guid("metadata-remove", text) : add(all, &id, NULL);
}

/* One byte more than fits tells that there is more. */
static int read_all(struct user_item *item, int fd)
{
	ssize_t n;

	item->value = malloc(VHDX_ITEM_SIZE_MAX + 1);
	if (!item->value)
		return -ENOMEM;
	do {
		n = read(fd, item->value + item->length,
			 VHDX_ITEM_SIZE_MAX + 1 - item->length);
		if (n > 0)
			item->length += (u32)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

static int load(struct user_item *item)
{
	bool is_input = !strcmp(item->file, "-");
	int fd = is_input ? STDIN_FILENO :
			    open(item->file, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 ? -errno : read_all(item, fd);

	if (fd >= 0 && !is_input)
		close(fd);
	if (err && err != -ENOMEM)
		msg_err("%s: %s", item->file, strerror(-err));
	if (err || item->length <= VHDX_ITEM_SIZE_MAX)
		return err;
	msg_err("%s: a metadata item has 1 MiB at most", item->file);
	return -EFBIG;
}

/**
 * user_metadata_load() - read the files
 * @all: the changes
 *
 * Return: 0, or a negative errno after a message.
 */
int user_metadata_load(struct user_metadata *all)
{
	int err = 0;
	u32 i;

	for (i = 0; i < all->count && !err; i++)
		if (all->item[i].file)
			err = load(&all->item[i]);
	return err;
}

static int find_flags(const struct vhdx_metadata *metadata, const guid_t *id,
		      u32 *flags)
{
	u32 i;

	for (i = 0; i < metadata->count; i++) {
		*flags = metadata->items[i].flags;
		if (*flags & VHDX_ITEM_IS_USER &&
		    guid_equal(&metadata->items[i].id, id))
			return 0;
	}
	*flags = VHDX_ITEM_IS_USER;
	return -ENOENT;
}

static int no_item(const guid_t *id)
{
	char text[VHDX_GUID_TEXT_SIZE];

	msg_err("the image has no metadata item %s of a user; info --all lists them",
		vhdx_guid_text(id, text));
	return -ENOENT;
}

/**
 * user_metadata_change() - make the changes
 * @all: the changes, loaded
 * @edit: of the image; after an error it can only be freed
 *
 * An item that is there keeps its flags.
 *
 * Return: 0, or a negative errno after a message or a finding: -ENOENT if an item
 * to remove is not there.
 */
int user_metadata_change(const struct user_metadata *all,
			 struct vhdx_edit *edit)
{
	int err = 0, found;
	u32 i, flags;

	for (i = 0; i < all->count && !err; i++) {
		const struct user_item *item = &all->item[i];

		found = find_flags(&edit->metadata, &item->id, &flags);
		if (item->file)
			err = vhdx_edit_item(edit, &item->id, flags,
					     item->value, item->length);
		else if (found)
			err = no_item(&item->id);
		else
			err = vhdx_edit_remove(edit, &item->id, flags);
	}
	return err;
}

static int print_item(const struct layer *layer, const struct vhdx_item *item)
{
	u8 *value = malloc(item->length + 1);
	int err = value ? 0 : -ENOMEM;

	if (!err && item->length)
		err = vhdx_image_read(layer->image,
				      layer->image->metadata.base +
				      item->offset, value, item->length);
	if (err && err != -ENOMEM)
		msg_err("%s: the metadata item cannot be read: %s",
			layer->path, strerror(-err));
	/* main() says that the output failed. */
	if (!err && fwrite(value, 1, item->length, stdout) != item->length)
		err = -EIO;
	free(value);
	return err;
}

/**
 * user_metadata_print() - print the bytes of an item
 * @layer: the image, open
 * @text: GUID of the item
 *
 * Return: 0, or a negative errno after a message: -ENOENT if there is no such
 * item.
 */
int user_metadata_print(const struct layer *layer, const char *text)
{
	const struct vhdx_metadata *metadata = &layer->image->metadata;
	const char *rest;
	guid_t id;
	u32 i;
	int err = parse_guid("metadata-get", text, &id, &rest);

	if (err)
		return err;
	if (*rest)
		return bad_guid("metadata-get", text);
	for (i = 0; i < metadata->count; i++)
		if (metadata->items[i].flags & VHDX_ITEM_IS_USER &&
		    guid_equal(&metadata->items[i].id, &id))
			return print_item(layer, &metadata->items[i]);
	return no_item(&id);
}

/**
 * user_metadata_free() - free the bytes
 * @all: the changes
 */
void user_metadata_free(struct user_metadata *all)
{
	u32 i;

	for (i = 0; i < all->count; i++)
		free(all->item[i].value);
	all->count = 0;
}
