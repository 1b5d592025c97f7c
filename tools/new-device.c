// SPDX-License-Identifier: GPL-2.0-only
#include <linux/dm-ioctl.h>
#include <sys/stat.h>

#include "damage.h"
#include "dmdev.h"
#include "exit-codes.h"
#include "findings.h"
#include "holders.h"
#include "kmsg.h"
#include "message.h"
#include "new-device.h"
#include "partitions.h"
#include "session.h"
#include "share.h"
#include "signals.h"
#include "table-line.h"

#define NAME_BYTES_MAX	(DM_NAME_LEN - 1)
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

/**
 * new_device_name() - check that a device can have a name
 * @name: the name
 *
 * Return: 0; -EINVAL after a message; or -EEXIST, without one, if it is taken.
 */
int new_device_name(const char *name)
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
			 struct dmdev_spec *spec, char name[NEW_DEVICE_NAME])
{
	int err = -EEXIST;
	unsigned int i;

	spec->name = name;
	for (i = 0; i < PICKS_MAX && err == -EEXIST; i++) {
		snprintf(name, NEW_DEVICE_NAME, "vhdx%u", i);
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

static int check_share(const struct layer *child, const struct dmdev_spec *spec)
{
	struct stat st;

	if (spec->read_only || fstat(child->file.fd, &st))
		return 0;
	return share_check(st.st_dev, child->path);
}

/**
 * new_device() - make the device of an image
 * @disk: the image and its parents, from disk_follow(); module_ready() has been called
 * @options: of the command line: partitions, and what the table line takes
 * @name: of the device; if it is empty, set to the one that is chosen
 *
 * After a signal, removes the device again, with signals still held.
 *
 * Return: 0; or a negative errno after a message, but without one -EEXIST, if the
 * name is taken.
 */
int new_device(struct disk *disk, const struct options *options,
	       char name[NEW_DEVICE_NAME])
{
	struct dmdev_spec spec = {
		.name = name,
		.sectors = disk->chain->size >> 9,
		.read_only = options->readonly ||
			     !is_writable(disk->layer[0], options),
	};
	int err = check_share(disk->layer[0], &spec);

	if (err)
		return err;
	signals_hold();
	err = *name ? create(disk, options, &spec) :
		      create_picked(disk, options, &spec, name);
	if (!err)
		err = add_partitions(&spec, options);
	if (!err)
		signals_let();
	return err;
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

/**
 * new_device_twins() - warn of devices that have the same identity
 * @disk: the image of the new device
 * @name: of the new device
 *
 * A copy of an image has the identity of the other, by which udev finds it.
 */
void new_device_twins(const struct disk *disk, const char *name)
{
	char guid[VHDX_GUID_TEXT_SIZE], prefix[UUID_SIZE];
	struct twin twin = { .name = name, .prefix = prefix, .guid = guid };

	vhdx_guid_text(&disk->layer[0]->image->params.disk_id, guid);
	make_uuid(disk, DMDEV_USUAL, "", prefix);
	(void)dmdev_each(warn_of_twin, &twin);
}

