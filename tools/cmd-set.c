// SPDX-License-Identifier: GPL-2.0-only
/* set: change properties of the disk in an image. */
#include <unistd.h>

#include "edit-image.h"
#include "findings.h"
#include "message.h"
#include "open-image.h"
#include "put-disk.h"
#include "siblings.h"
#include "user-metadata.h"
#include "verbs.h"

/**
 * struct setting - the new properties
 * @options: of the command line
 * @id: the new disk identity, with --reset-id
 * @metadata: changes of the user's items
 */
struct setting {
	const struct options *options;
	guid_t id;
	struct user_metadata metadata;
};

static bool sets_sector(const struct options *options)
{
	return options->given[OPT_PHYSICAL_SECTOR_SIZE];
}

static int suits(const struct options *options)
{
	u64 sector = options->physical_sector_size;

	if (!options->reset_id && !sets_sector(options) &&
	    !options->metadata_change_count) {
		msg_err("--reset-id, --physical-sector-size, --metadata-set, --metadata-remove or --metadata-get is required");
		return -EINVAL;
	}
	if (!sets_sector(options) || vhdx_is_sector_size(sector))
		return 0;
	msg_err("--physical-sector-size %llu: must be 512 or 4096", sector);
	return -EINVAL;
}

static int note_metadata(struct setting *setting)
{
	const struct options *options = setting->options;
	unsigned int i;
	int err = 0;

	for (i = 0; i < options->metadata_change_count && !err; i++)
		err = options->metadata_changes[i].removes ?
		      user_metadata_remove(&setting->metadata,
					   options->metadata_changes[i].text) :
		      user_metadata_set(&setting->metadata,
					options->metadata_changes[i].text);
	return err ? err : user_metadata_load(&setting->metadata);
}

static int change(struct vhdx_edit *edit, const void *context)
{
	static const guid_t physical = VHDX_GUID_PHYSICAL_SECTOR_SIZE;
	static const guid_t disk_id = VHDX_GUID_VIRTUAL_DISK_ID;
	const struct setting *setting = context;
	__le32 sector = cpu_to_le32(setting->options->physical_sector_size);
	int err = 0;

	if (setting->options->reset_id)
		err = vhdx_edit_value(edit, &disk_id, &setting->id,
				      sizeof(setting->id));
	if (!err && sets_sector(setting->options))
		err = vhdx_edit_value(edit, &physical, &sector,
				      sizeof(sector));
	return err ? err : user_metadata_change(&setting->metadata, edit);
}

/*
 * All images of a chain must have the same values ([MS-VHDX] 2.6.2), but for the
 * user's, of which each has its own. Any change gives the image another identity.
 */
static int check_chain(const struct options *options, const char *path,
		       struct disk *disk)
{
	if (disk->layer[0]->image->params.has_parent &&
	    (options->reset_id || sets_sector(options))) {
		msg_err("%s: is a child and must match its parent: merge it first",
			path);
		return -EINVAL;
	}
	return siblings_guard(disk, path, options->force, "changes it");
}

static void announce(const struct setting *setting, const char *path)
{
	char text[VHDX_GUID_TEXT_SIZE];

	if (setting->options->reset_id)
		msg_info("%s: the identity of the disk is %s", path,
			 vhdx_guid_text(&setting->id, text));
	if (setting->metadata.count)
		msg_info("%s: metadata items changed: %u", path,
			 setting->metadata.count);
	if (sets_sector(setting->options))
		msg_info("%s: the physical sectors have %llu bytes", path,
			 setting->options->physical_sector_size);
}

static int set(struct setting *setting, const char *path)
{
	const struct options *options = setting->options;
	struct disk *disk;
	int err = open_image(options, path, OPEN_WRITABLE, sink_messages(),
			     &disk);

	if (err)
		return err;
	guid_gen(&setting->id);
	err = check_chain(options, path, disk);
	if (!err)
		err = edit_image(disk->layer[0], false, change, setting);
	disk_close(disk);
	return err;
}

/* Changes nothing. */
static int print_metadata(const struct options *options, const char *path)
{
	struct disk *disk;
	int err;

	if (options->reset_id || sets_sector(options) ||
	    options->metadata_change_count || options->json) {
		msg_err("--metadata-get goes alone: it prints bytes as they are");
		return -EINVAL;
	}
	/* Its bytes are anybody's, and a terminal would obey them. */
	if (isatty(STDOUT_FILENO)) {
		msg_err("--metadata-get prints bytes as they are, which can change the terminal: redirect it to a file");
		return -EINVAL;
	}
	err = open_image(options, path, OPEN_WHILE_WRITTEN, sink_messages(),
			 &disk);
	if (err)
		return err;
	err = user_metadata_print(disk->layer[0], options->metadata_get);
	disk_close(disk);
	return err;
}

/**
 * cmd_set() - the verb `set`
 * @options: of the command line
 * @args: the image
 *
 * Return: 0 or a negative errno.
 */
int cmd_set(const struct options *options, char **args)
{
	struct setting setting = { .options = options };
	int err;

	if (options->metadata_get)
		return print_metadata(options, args[0]);
	err = suits(options);
	if (!err)
		err = note_metadata(&setting);
	if (!err)
		err = set(&setting, args[0]);
	if (!err)
		announce(&setting, args[0]);
	user_metadata_free(&setting.metadata);
	return !err && options->json ? put_disk(options, args[0]) : err;
}
