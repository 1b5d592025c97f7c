// SPDX-License-Identifier: GPL-2.0-only
/*
 * open: attach an image as a block device. The helper opens the images before
 * the kernel does, because it can report their faults in full.
 */
#include <linux/dm-ioctl.h>

#include "damage.h"
#include "dmdev.h"
#include "document.h"
#include "exit-codes.h"
#include "findings.h"
#include "holders.h"
#include "kmsg.h"
#include "message.h"
#include "module.h"
#include "open-image.h"
#include "partition-tree.h"
#include "partitions.h"
#include "session.h"
#include "signals.h"
#include "status-tree.h"
#include "table-line.h"

#define NAME_BYTES_MAX	(DM_NAME_LEN - 1)
#define NAME_SIZE	DM_NAME_LEN
/* Number of names to try if the user gave none. */
#define PICKS_MAX	65536
/*
 * udev escapes other characters in /dev, where users would not find the name.
 */
#define NAME_CHARS	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
			"0123456789#+-.:=@_"
/* kpartx puts "part128-" before it. */
#define UUID_SIZE	(DM_UUID_LEN - 8)

static bool is_taken(const char *name)
{
	struct dmdev dev;

	if (dmdev_query(name, &dev))
		return false;
	dmdev_forget(&dev);
	return true;
}

static int check_name(const char *name)
{
	if (!*name || name[strspn(name, NAME_CHARS)] ||
	    strlen(name) > NAME_BYTES_MAX || !strcmp(name, ".") ||
	    !strcmp(name, "..") || !strcmp(name, "control")) {
		msg_err("`%s' cannot name a device: 1 to %d letters of ASCII, digits, and any of #+-.:=@_",
			name, NAME_BYTES_MAX);
		return -EINVAL;
	}
	return is_taken(name) ? -EEXIST : 0;
}

/*
 * Make the UUID of the device, for udev rules and for people. It has the
 * identity of the disk, which writes do not change, and the name, because an
 * image may be open under several names. A long name is cut, with a checksum at
 * the end.
 */
static void make_uuid(const struct disk *disk, const char *prefix,
		      const char *name, char uuid[UUID_SIZE])
{
	char guid[VHDX_GUID_TEXT_SIZE];
	const char *from;
	char *to = guid;
	int length;

	vhdx_guid_text(&disk->layer[0]->image->params.disk_id, guid);
	for (from = guid; *from; from++)
		if (*from != '-')
			*to++ = *from;
	*to = '\0';
	length = snprintf(uuid, UUID_SIZE, "%s%s-%s", prefix, guid, name);
	if (length >= UUID_SIZE)
		sprintf(uuid + UUID_SIZE - sizeof("-01234567"), "-%08x",
			crc32c(~0U, name, strlen(name)));
}

/**
 * struct warning - prints why an image is opened read-only
 * @report: receives the findings
 * @path: path of the image
 */
struct warning {
	struct vhdx_report report;
	const char *path;
};

static void warn(struct vhdx_report *report, const struct vhdx_finding *finding)
{
	const struct warning *warning =
		container_of(report, struct warning, report);
	char sentence[VHDX_SENTENCE_MAX];

	vhdx_sentence(finding, sentence, sizeof(sentence));
	msg_warn("%s: %s; so the device is read-only", warning->path, sentence);
}

static bool is_writable(const struct layer *layer,
			const struct options *options)
{
	struct warning warning = { .report.emit = warn, .path = layer->path };
	const char *reason;

	/*
	 * With another parent than it was made over, the child must not be
	 * written.
	 */
	if (options->ignore_id && layer->image->params.has_parent) {
		msg_warn("%s: may lie over another parent than it was made over; so the device is read-only",
			 layer->path);
		return false;
	}
	reason = user_store_read_only(&layer->file);
	if (reason)
		msg_warn("%s: cannot be written: %s; so the device is read-only",
			 layer->path, reason);
	return !reason && !vhdx_session_check(layer->image, &warning.report) &&
	       !damage_found(layer);
}

static int create_explained(const struct dmdev_spec *spec,
			    const struct layer *child)
{
	int log = kmsg_begin();
	int err = dmdev_create(spec);

	if (err)
		kmsg_explain(log, spec->name,
			     err == -ENOTARGET || err == -ETXTBSY);
	kmsg_end(log);
	if (err == -ETXTBSY)
		holders_explain(child->file.fd, child->path);
	return err;
}

static int create(struct disk *disk, const struct options *options,
		  struct dmdev_spec *spec)
{
	char *params;
	char uuid[UUID_SIZE];
	int err = 0;

	make_uuid(disk, options->private ? DMDEV_PRIVATE : DMDEV_USUAL,
		  spec->name, uuid);
	spec->uuid = uuid;
	/* The kernel takes the same locks, which conflict with ours. */
	if (!spec->read_only)
		err = disk_unlock(disk);
	if (err) {
		msg_err("%s: %s", disk->layer[0]->path, strerror(-err));
		return err;
	}
	params = table_line_build(disk, options);
	if (!params)
		return -ENOMEM;
	spec->params = params;
	msg_verbose("table: 0 %llu " TARGET_TYPE " %s, %s", spec->sectors,
		    params, spec->read_only ? "read-only" : "read-write");
	err = create_explained(spec, disk->layer[0]);
	free(params);
	return err;
}

static void undo(const char *name)
{
	struct dmdev dev;

	/* Some partitions may have been mapped. */
	if (!dmdev_query(name, &dev)) {
		(void)partitions_remove(&dev, false);
		dmdev_forget(&dev);
	}
	(void)dmdev_remove(name, DMDEV_REMOVE_RETRY);
}

/*
 * Create the device under the first free name. Another program may be faster.
 */
static int create_picked(struct disk *disk, const struct options *options,
			 struct dmdev_spec *spec, char name[NAME_SIZE])
{
	int err = -EEXIST;
	unsigned int i;

	spec->name = name;
	for (i = 0; i < PICKS_MAX && err == -EEXIST; i++) {
		snprintf(name, NAME_SIZE, "vhdx%u", i);
		if (!is_taken(name))
			err = create(disk, options, spec);
	}
	return err;
}

static int add_partitions(const struct dmdev_spec *spec,
			  const struct options *options)
{
	int err = 0;

	if (options->partitions && !signals_held())
		err = partitions_add(spec->name, spec->sectors,
				     spec->read_only);
	if (!err && signals_held())
		err = -EINTR;
	if (err == -EINTR)
		msg_err("interrupted: %s is not made", spec->name);
	if (err)
		undo(spec->name);
	return err;
}

/*
 * Create the device. After a signal, remove it again, with signals still held.
 * If @name is empty, choose one.
 */
static int create_with_partitions(struct disk *disk,
				  const struct options *options,
				  char name[NAME_SIZE])
{
	struct dmdev_spec spec = {
		.name = name,
		.sectors = disk->chain->size >> 9,
		.read_only = options->readonly ||
			     !is_writable(disk->layer[0], options),
	};
	int err;

	signals_hold();
	err = *name ? create(disk, options, &spec) :
		      create_picked(disk, options, &spec, name);
	if (!err)
		err = add_partitions(&spec, options);
	if (!err)
		signals_let();
	return err;
}

static int print_partition(const struct dmdev *part, void *context)
{
	char path[PATH_MAX];

	(void)context;
	puts(dmdev_path(part->name, path));
	return 0;
}

/* As `status', without the members that need reads of the device. */
static void put_json(const char *name)
{
	struct json_object *partitions;
	struct dmdev dev;

	/* Another program may have removed it since. */
	if (dmdev_query(name, &dev)) {
		document_put("name", tree_string(name));
		return;
	}
	document_take(status_device(&dev), true);
	(void)partition_tree(&dev, -1, &partitions);
	document_put("partitions", partitions);
	dmdev_forget(&dev);
}

static void announce(const struct options *options, const char *name)
{
	char path[PATH_MAX];
	struct dmdev dev;

	if (options->json) {
		put_json(name);
		return;
	}
	puts(dmdev_path(name, path));
	if (options->partitions && !dmdev_query(name, &dev)) {
		(void)partitions_each(&dev, print_partition, NULL);
		dmdev_forget(&dev);
	}
}

/**
 * struct twin - the search for devices of the same disk
 * @name: the one that is new
 * @prefix: how their UUIDs begin
 * @guid: the identity, for messages
 */
struct twin {
	const char *name;
	const char *prefix;
	const char *guid;
};

static int warn_of_twin(const struct dmdev *dev, void *context)
{
	const struct twin *twin = context;

	if (strcmp(dev->name, twin->name) &&
	    !strncmp(dev->uuid, twin->prefix, strlen(twin->prefix)))
		msg_warn("%s: has the virtual disk ID of %s, which is open, too, so that either may be /dev/disk/by-id/vhdx-%s; `vhdxsetup set --reset-id' gives a copy an identity of its own",
			 twin->name, dev->name, twin->guid);
	return 0;
}

/* A copy of an image has the identity of the other, by which udev finds it. */
static void look_for_twins(const struct disk *disk, const char *name)
{
	char guid[VHDX_GUID_TEXT_SIZE], prefix[UUID_SIZE];
	struct twin twin = { .name = name, .prefix = prefix, .guid = guid };

	vhdx_guid_text(&disk->layer[0]->image->params.disk_id, guid);
	make_uuid(disk, DMDEV_USUAL, "", prefix);
	(void)dmdev_each(warn_of_twin, &twin);
}

static int open_device(struct disk *disk, const struct options *options,
		       const char *arg)
{
	char name[NAME_SIZE] = "";
	int err;

	err = dmdev_begin();
	if (!err && arg)
		err = check_name(arg);
	if (!err)
		err = module_ready();
	if (!err) {
		snprintf(name, sizeof(name), "%s", arg ? arg : "");
		err = create_with_partitions(disk, options, name);
	}
	if (err == -EEXIST)
		msg_err("%s: a device of this name exists", arg ? arg : name);
	if (!err && !options->private)
		look_for_twins(disk, name);
	if (!err)
		announce(options, name);
	return err;
}

/**
 * cmd_open() - the verb `open`
 * @options: of the command line
 * @args: the image, and the name of the device, or NULL to choose one
 *
 * Return: 0 or a negative errno.
 */
int cmd_open(const struct options *options, char **args)
{
	struct disk *disk;
	int err;

	if (options->no_discard && options->discard_granularity) {
		msg_err("--no-discard and --discard-granularity exclude each other");
		return -EINVAL;
	}
	if (options->private && options->partitions) {
		msg_err("--private and --partitions exclude each other: kpartx makes devices that the rules of udev look at");
		return -EINVAL;
	}
	err = parents_suit(options, true);
	if (err)
		return err;
	err = open_image(options, args[0], OPEN_IDLE, sink_messages(), &disk);
	if (err)
		return err;
	err = disk_follow(disk);
	if (!err)
		err = open_device(disk, options, args[1]);
	disk_close(disk);
	return err;
}
