// SPDX-License-Identifier: GPL-2.0-only
#include <sys/sysmacros.h>
#include <unistd.h>

#include "message.h"
#include "part-device.h"
#include "partitions.h"
#include "users.h"

#define TARGET_LINEAR	"linear"
#define PARAMS_SIZE	64
#define UUID_SIZE	128

/* A mapped partition has the disk, by number, and its start in its table. */
static int match(const struct dmdev *part, void *context)
{
	struct part_device *device = context;
	u64 start;

	if (!part->table || sscanf(part->table, "%*s %llu", &start) != 1 ||
	    start << 9 != device->start)
		return 0;
	device->name = strdup(part->name);
	return device->name ? 1 : -ENOMEM;
}

static const char *linear(const struct part_device *device,
			  char params[PARAMS_SIZE])
{
	snprintf(params, PARAMS_SIZE, "%u:%u %llu", major(device->disk),
		 minor(device->disk), (unsigned long long)(device->start >> 9));
	return params;
}

static int make(const struct dmdev *disk, u64 length, struct part_device *device)
{
	char params[PARAMS_SIZE], uuid[UUID_SIZE];
	struct dmdev_spec spec = {
		.uuid = uuid,
		.sectors = length >> 9,
		.params = linear(device, params),
		.target = TARGET_LINEAR,
	};
	int err;

	snprintf(uuid, sizeof(uuid), DMDEV_PRIVATE "%u:%u-%llu-%d", disk->major,
		 disk->minor, (unsigned long long)device->start, getpid());
	if (asprintf(&device->name, "vhdxsetup-%d-%llu", getpid(),
		     (unsigned long long)(device->start >> 9)) < 0)
		return -ENOMEM;
	spec.name = device->name;
	err = dmdev_create(&spec);
	device->made = !err;
	if (err)
		msg_err("%s: no device can be made of the partition at byte %llu: %s",
			disk->name, (unsigned long long)device->start,
			strerror(-err));
	return err;
}

/**
 * part_device() - find or make the device of a part
 * @disk: the device that the part is on
 * @part: from inside_look()
 * @device: filled in, for part_device_end(), also after a failure
 *
 * Return: 0, or a negative errno after a message.
 */
int part_device(const struct dmdev *disk, const struct inside_part *part,
		struct part_device *device)
{
	int err;

	*device = (struct part_device){
		.start = part->start,
		.whole = !part->number,
		.disk = makedev(disk->major, disk->minor),
	};
	if (device->whole) {
		device->name = strdup(disk->name);
		return device->name ? 0 : -ENOMEM;
	}
	err = partitions_each(disk, match, device);
	if (err)
		return err < 0 ? err : 0;
	return make(disk, part->length, device);
}

/**
 * part_device_grow() - give a device the length that the part has now
 * @device: from part_device()
 * @length: bytes
 *
 * It may be in use meanwhile.
 *
 * Return: 0, or a negative errno after a message.
 */
int part_device_grow(const struct part_device *device, u64 length)
{
	char params[PARAMS_SIZE];
	struct dmdev_spec spec = {
		.name = device->name,
		.sectors = length >> 9,
		.params = linear(device, params),
		.target = TARGET_LINEAR,
	};
	struct dmdev_swap swap = { .freeze = false };
	int err;

	if (device->whole)
		return 0;
	err = dmdev_load(&spec);
	if (!err) {
		err = dmdev_swap(device->name, &swap);
		dmdev_settle(&swap);
	}
	if (err)
		msg_err("%s: cannot get the length that the partition has now: %s",
			device->name, strerror(-err));
	return err;
}

/**
 * part_device_end() - remove the device of a part, if it was made
 * @device: from part_device()
 *
 * Return: 0, or a negative errno after a message.
 */
int part_device_end(struct part_device *device)
{
	int err = 0;

	if (device->made) {
		err = users_refuse(device->name, 0);
		if (!err)
			err = dmdev_remove(device->name, DMDEV_REMOVE_RETRY);
		if (err)
			msg_err("%s: not removed: %s", device->name,
				strerror(-err));
	}
	free(device->name);
	*device = (struct part_device){ 0 };
	return err;
}
