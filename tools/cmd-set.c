// SPDX-License-Identifier: GPL-2.0-only
/* set: change properties of the disk in an image. */
#include "edit-image.h"
#include "findings.h"
#include "message.h"
#include "open-image.h"
#include "put-disk.h"
#include "siblings.h"
#include "verbs.h"

/**
 * struct setting - the new properties
 * @options: of the command line
 * @id: the new disk identity, with --reset-id
 */
struct setting {
	const struct options *options;
	guid_t id;
};

static bool sets_sector(const struct options *options)
{
	return options->given[OPT_PHYSICAL_SECTOR_SIZE];
}

static int suits(const struct options *options)
{
	u64 sector = options->physical_sector_size;

	if (!options->reset_id && !sets_sector(options)) {
		msg_err("--reset-id or --physical-sector-size is required");
		return -EINVAL;
	}
	if (!sets_sector(options) || vhdx_is_sector_size(sector))
		return 0;
	msg_err("--physical-sector-size %llu: must be 512 or 4096", sector);
	return -EINVAL;
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
	return err;
}

/* All images of a chain must have the same values ([MS-VHDX] 2.6.2). */
static int check_chain(const struct options *options, const char *path,
		       struct disk *disk)
{
	if (disk->layer[0]->image->params.has_parent) {
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
	if (sets_sector(setting->options))
		msg_info("%s: the physical sectors have %llu bytes", path,
			 setting->options->physical_sector_size);
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
	struct disk *disk;
	int err = suits(options);

	if (!err)
		err = open_image(options, args[0], OPEN_WRITABLE,
				 sink_messages(), &disk);
	if (err)
		return err;
	guid_gen(&setting.id);
	err = check_chain(options, args[0], disk);
	if (!err)
		err = edit_image(disk->layer[0], false, change, &setting);
	disk_close(disk);
	if (err)
		return err;
	announce(&setting, args[0]);
	return options->json ? put_disk(options, args[0]) : 0;
}
