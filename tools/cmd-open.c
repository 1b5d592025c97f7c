// SPDX-License-Identifier: GPL-2.0-only
/*
 * open: make a block device of an image. The images are opened here first, so
 * that whatever is wrong with them is said in full before the kernel sees them.
 */
#include <libdevmapper.h>
#include <signal.h>

#include "dmdev.h"
#include "exit-codes.h"
#include "findings.h"
#include "kmsg.h"
#include "message.h"
#include "module.h"
#include "open-image.h"
#include "partitions.h"
#include "table-line.h"

#define NAME_BYTES_MAX	127	/* DM_NAME_LEN with its NUL */
#define UUID_SIZE	129	/* DM_UUID_LEN */

static int check_name(const char *name)
{
	struct dmdev dev;

	if (!*name || strchr(name, '/') || strlen(name) > NAME_BYTES_MAX ||
	    !strcmp(name, ".") || !strcmp(name, "..") ||
	    !strcmp(name, "control")) {
		msg_err("`%s' cannot name a device: 1 to %d bytes, no slash",
			name, NAME_BYTES_MAX);
		return -EINVAL;
	}
	if (dmdev_query(name, &dev))
		return 0;
	msg_err("%s: a device of this name exists", name);
	dmdev_forget(&dev);
	return -EEXIST;
}

/*
 * Which device it is, for udev rules and for people: what it shows, and the
 * name, for one image may be open under several.
 */
static void make_uuid(const struct disk *disk, const char *name,
		      char uuid[UUID_SIZE])
{
	char guid[VHDX_GUID_TEXT_SIZE];
	const char *from;
	char *to = guid;

	vhdx_guid_text(vhdx_image_identity(disk->layer[0]->image), guid);
	for (from = guid; *from; from++)
		if (*from != '-')
			*to++ = *from;
	*to = '\0';
	snprintf(uuid, UUID_SIZE, "VHDX-%s-%s", guid, name);
}

static void explain_refusal(int log, const char *name)
{
	char sentence[1024];

	if (kmsg_reason(log, sentence, sizeof(sentence)))
		msg_err("%s: the kernel refused the device: %s", name,
			sentence);
	else
		msg_err("%s: the kernel refused the device; the kernel log (dmesg) has the reason",
			name);
}

/* A signal between two steps would leave a device without a table. */
static int create_undisturbed(const struct dmdev_spec *spec)
{
	sigset_t block, before;
	int err;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGHUP);
	sigprocmask(SIG_BLOCK, &block, &before);
	err = dmdev_create(spec);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return err;
}

static int create(const struct disk *disk, const struct options *options,
		  const char *name)
{
	char *params = table_line_build(disk, options);
	char uuid[UUID_SIZE];
	struct dmdev_spec spec = {
		.name = name,
		.uuid = uuid,
		.sectors = disk->chain->size >> 9,
		.params = params,
	};
	int log, err;

	if (!params)
		return -ENOMEM;
	make_uuid(disk, name, uuid);
	msg_verbose("table: 0 %llu " TARGET_TYPE " %s", spec.sectors, params);
	log = kmsg_begin();
	err = create_undisturbed(&spec);
	if (err == -ENOTARGET)
		explain_refusal(log, name);
	kmsg_end(log);
	free(params);
	return err;
}

static int create_with_partitions(const struct disk *disk,
				  const struct options *options,
				  const char *name)
{
	int err = create(disk, options, name);

	if (err || !options->partitions)
		return err;
	err = partitions_add(name);
	if (err) {
		struct dmdev dev;

		/* Some of them may have been mapped. */
		if (!dmdev_query(name, &dev)) {
			(void)partitions_remove(&dev, false);
			dmdev_forget(&dev);
		}
		(void)dmdev_remove(name, false);
	}
	return err;
}

static int print_partition(const struct dmdev *part, void *context)
{
	(void)context;
	printf("%s/%s\n", dm_dir(), part->name);
	return 0;
}

static void announce(const struct options *options, const char *name)
{
	struct dmdev dev;

	printf("%s/%s\n", dm_dir(), name);
	if (options->partitions && !dmdev_query(name, &dev)) {
		(void)partitions_each(&dev, print_partition, NULL);
		dmdev_forget(&dev);
	}
	if (!options->readonly)
		msg_info("%s is read-only: this version cannot write yet",
			 name);
}

/**
 * cmd_open() - the verb `open`
 * @options: of the command line
 * @args: the image, and the device's name
 *
 * Return: 0 or a negative errno.
 */
int cmd_open(const struct options *options, char **args)
{
	struct disk *disk;
	int err;

	err = open_image(options, args[0], OPEN_IDLE, sink_messages(), &disk);
	if (err)
		return err;
	err = disk_follow(disk);
	if (!err)
		err = dmdev_begin();
	if (!err)
		err = check_name(args[1]);
	if (!err)
		err = module_ready();
	if (!err)
		err = create_with_partitions(disk, options, args[1]);
	if (!err)
		announce(options, args[1]);
	disk_close(disk);
	return err;
}
