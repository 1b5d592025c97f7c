// SPDX-License-Identifier: GPL-2.0-only
#include <libdevmapper.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "clock.h"
#include "dmdev.h"
#include "exit-codes.h"
#include "hurry.h"
#include "message.h"
#include "signals.h"

/* Pause between tests whether udev has made a node. */
#define UDEV_USECS	2000

/*
 * Show libdevmapper's many messages with -v only, and each of its ioctls with
 * --debug; errors have ours.
 */
__printf(5, 6)
static void dm_says(int level, const char *file, int line, int err,
		    const char *fmt, ...)
{
	char text[1024];
	va_list args;

	(void)file;
	(void)line;
	(void)err;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if ((level & 7) > 4)
		msg_debug("libdevmapper: %s", text);
	else
		msg_verbose("libdevmapper: %s", text);
}

/**
 * dmdev_works() - check for permission and for device-mapper, without a message
 *
 * Return: true if this process may use device-mapper.
 */
bool dmdev_works(void)
{
	char version[32];

	dm_log_with_errno_init(dm_says);
	return !geteuid() && dm_driver_version(version, sizeof(version));
}

/**
 * dmdev_begin() - check for permission and for device-mapper
 *
 * Return: 0, or -EPERM or -ENOTARGET after a message.
 */
int dmdev_begin(void)
{
	if (dmdev_works()) {
		hurry_mend();
		return 0;
	}
	if (geteuid()) {
		msg_err("only root may work with devices");
		return -EPERM;
	}
	msg_err("this kernel has no device-mapper: load dm-mod");
	return -ENOTARGET;
}

static void end_task(struct dm_task *task)
{
	if (task)
		dm_task_destroy(task);
}

/**
 * dmdev_target() - find the version of a target
 * @type: type of the target
 * @version: set to major, minor, patch
 *
 * Return: 0, or -ENOTARGET if the kernel does not have the target now.
 */
int dmdev_target(const char *type, u32 version[3])
{
	struct dm_task *task = dm_task_create(DM_DEVICE_LIST_VERSIONS);
	struct dm_versions *entry;
	int err = -ENOTARGET;

	if (!task || !dm_task_run(task))
		goto out;
	entry = dm_task_get_versions(task);
	while (entry && err) {
		if (!strcmp(entry->name, type)) {
			memcpy(version, entry->version, 3 * sizeof(*version));
			err = 0;
		}
		entry = entry->next ? (void *)((char *)entry + entry->next) :
				      NULL;
	}
out:
	end_task(task);
	return err;
}

static struct dm_task *new_task(int type, const char *name)
{
	struct dm_task *task = dm_task_create(type);

	if (task && !dm_task_set_name(task, name)) {
		dm_task_destroy(task);
		task = NULL;
	}
	return task;
}

static int run_task(struct dm_task *task)
{
	int err;

	if (dm_task_run(task))
		return 0;
	err = dm_task_get_errno(task);
	return err ? -err : -EIO;
}

/* udev may hang for minutes; a held signal ends the wait. */
static void wait_for_udev(u32 cookie)
{
	int ready = 0;

	/* Without udev, libdevmapper makes the nodes here. */
	if (!cookie || !dm_udev_get_sync_support()) {
		(void)dm_udev_wait(cookie);
		return;
	}
	while (dm_udev_wait_immediate(cookie, &ready) && !ready) {
		if (signals_held())
			(void)dm_udev_complete(cookie);
		else
			usleep(UDEV_USECS);
	}
}

/*
 * Run a task that makes or removes nodes in /dev. If udev runs, it does that,
 * and we wait for it. Otherwise libdevmapper does.
 */
static int run_with_udev(struct dm_task *task, u16 flags)
{
	u32 cookie = 0;
	int err = -EIO;

	if (dm_task_set_cookie(task, &cookie, flags))
		err = run_task(task);
	/* Also after a failure, because the cookie would be left over. */
	wait_for_udev(cookie);
	return err;
}

static int create_empty(const struct dmdev_spec *spec)
{
	struct dm_task *task = new_task(DM_DEVICE_CREATE, spec->name);
	int err = -ENOMEM;

	if (task && dm_task_set_uuid(task, spec->uuid))
		err = run_task(task);
	end_task(task);
	/* Device-mapper returns EBUSY here only if the name is taken. */
	if (err == -EBUSY)
		return -EEXIST;
	if (err)
		msg_err("%s: device-mapper cannot create the device: %s",
			spec->name, strerror(-err));
	return err;
}

/**
 * dmdev_load() - load a table beside the live one
 * @spec: the device; its UUID does not change
 *
 * Return: 0 or a negative errno.
 */
int dmdev_load(const struct dmdev_spec *spec)
{
	struct dm_task *task = new_task(DM_DEVICE_RELOAD, spec->name);
	int err = -ENOMEM;

	msg_debug("%s: loading a table%s: 0 %llu " TARGET_TYPE " %s",
		  spec->name, spec->read_only ? ", read-only" : "",
		  spec->sectors, spec->params);
	if (task && (!spec->read_only || dm_task_set_ro(task)) &&
	    dm_task_add_target(task, 0, spec->sectors,
			       spec->target ? spec->target : TARGET_TYPE,
			       spec->params))
		err = run_task(task);
	end_task(task);
	return err;
}

/**
 * dmdev_clear() - drop the table that is loaded and not live
 * @name: name of the device
 *
 * Return: 0, also if there is none, or a negative errno.
 */
int dmdev_clear(const char *name)
{
	struct dm_task *task = new_task(DM_DEVICE_CLEAR, name);
	int err = task ? run_task(task) : -ENOMEM;

	end_task(task);
	return err;
}

static int suspend(const char *name, bool freeze, bool flush)
{
	struct dm_task *task = new_task(DM_DEVICE_SUSPEND, name);
	int err = -ENOMEM;

	if (task && (freeze || dm_task_skip_lockfs(task)) &&
	    (flush || dm_task_no_flush(task)))
		err = run_task(task);
	end_task(task);
	return err;
}

/**
 * dmdev_freeze() - suspend a device, with its file system frozen
 * @name: name of the device
 *
 * Return: 0 or a negative errno.
 */
int dmdev_freeze(const char *name)
{
	return suspend(name, true, true);
}

/**
 * dmdev_suspend() - suspend a device
 * @name: name of the device, which nobody should have open
 *
 * Makes earlier writes durable first.
 *
 * Return: 0, also if it is suspended already, or a negative errno.
 */
int dmdev_suspend(const char *name)
{
	/* A device that nobody has open has no file system to freeze. */
	int err = suspend(name, false, true);

	/* Another process was suspending it, too, and has finished. */
	return err == -EINVAL ? 0 : err;
}

/**
 * dmdev_pause() - suspend a device that is in use
 * @name: name of the device
 *
 * Leaves file systems as they are. Makes earlier writes durable; bios that wait for
 * room wait on.
 *
 * Return: 0 or a negative errno.
 */
int dmdev_pause(const char *name)
{
	int hurry = hurry_begin();
	int err = suspend(name, false, false);

	hurry_end(hurry);
	return err;
}

/*
 * After each resume udev looks at the device again, with the flags of that
 * resume. So the UUID records whether the device is private.
 */
static u16 udev_flags(const char *name)
{
	struct dm_task *task = new_task(DM_DEVICE_INFO, name);
	const char *uuid = NULL;
	u16 flags = 0;

	if (task && dm_task_run(task))
		uuid = dm_task_get_uuid(task);
	if (uuid && !strncmp(uuid, DMDEV_PRIVATE, strlen(DMDEV_PRIVATE)))
		flags = DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG |
			DM_UDEV_DISABLE_DISK_RULES_FLAG |
			DM_UDEV_DISABLE_OTHER_RULES_FLAG;
	end_task(task);
	return flags;
}

/**
 * dmdev_resume() - resume a device, or make its first table live
 * @name: name of the device
 *
 * udev's rules skip a private device.
 *
 * Return: 0 or a negative errno.
 */
int dmdev_resume(const char *name)
{
	struct dm_task *task = new_task(DM_DEVICE_RESUME, name);
	int err = -ENOMEM;

	if (task && dm_task_set_add_node(task, DM_ADD_NODE_ON_RESUME))
		err = run_with_udev(task, udev_flags(name));
	end_task(task);
	return err;
}

/**
 * dmdev_swap() - make the loaded table the live one
 * @name: name of the device; a suspended one is resumed
 * @swap: how to swap; dmdev_settle() must follow, also after a failure
 *
 * One ioctl suspends the device, swaps the tables and resumes it, so that
 * nothing is left half done if this process dies.
 *
 * Return: 0; or a negative errno, after which the device is suspended if the
 * new table is live and does not start, and else goes on as before.
 */
int dmdev_swap(const char *name, struct dmdev_swap *swap)
{
	struct dm_task *task = new_task(DM_DEVICE_RESUME, name);
	u16 flags = udev_flags(name);
	int hurry, err = -ENOMEM;
	u64 began;

	swap->cookie = 0;
	if (task && (swap->freeze || (dm_task_skip_lockfs(task) &&
				      dm_task_no_flush(task))) &&
	    dm_task_set_add_node(task, DM_ADD_NODE_ON_RESUME) &&
	    dm_task_set_cookie(task, &swap->cookie, flags)) {
		/* A file system that is frozen is written out, which takes time. */
		hurry = swap->freeze ? -1 : hurry_begin();
		began = clock_nsecs();
		err = run_task(task);
		swap->nsecs = clock_nsecs() - began;
		hurry_end(hurry);
	}
	end_task(task);
	return err;
}

/**
 * dmdev_settle() - wait for udev after a swap
 * @swap: the swap, which may have failed
 */
void dmdev_settle(const struct dmdev_swap *swap)
{
	wait_for_udev(swap->cookie);
}

/**
 * dmdev_message() - send a message to the target
 * @name: name of the device
 * @text: the message
 * @answer: filled in
 * @size: bytes in @answer
 *
 * Return: 0 or a negative errno.
 */
int dmdev_message(const char *name, const char *text, char *answer, size_t size)
{
	struct dm_task *task = new_task(DM_DEVICE_TARGET_MSG, name);
	const char *response = NULL;
	int err = -ENOMEM;

	if (task && dm_task_set_message(task, text) &&
	    dm_task_set_sector(task, 0)) {
		err = run_task(task);
		if (!err)
			response = dm_task_get_message_response(task);
	}
	snprintf(answer, size, "%s", response ? response : "");
	msg_debug("%s: message `%s': %s, answer `%s'", name, text,
		  err ? strerror(-err) : "sent", answer);
	end_task(task);
	return err;
}

static int start_device(const struct dmdev_spec *spec)
{
	char path[PATH_MAX];
	int err = dmdev_resume(spec->name);

	if (err) {
		msg_err("%s: the device does not start: %s", spec->name,
			strerror(-err));
		return err;
	}
	if (access(dmdev_path(spec->name, path), F_OK))
		(void)dm_mknodes(spec->name);
	return 0;
}

/**
 * dmdev_create() - make a device of one target
 * @spec: the device
 *
 * Claims the name first, so that one of several processes gets it.
 *
 * Return: 0, or a negative errno with nothing left behind. Without a message:
 * -EEXIST if the name is taken, -ENOTARGET if the kernel refused the table, or
 * -ETXTBSY if it did because something is in use. The kernel log has the reason
 * of the last two.
 */
int dmdev_create(const struct dmdev_spec *spec)
{
	int err = create_empty(spec);

	if (err)
		return err;
	err = dmdev_load(spec);
	if (err) {
		msg_verbose("table load: %s", strerror(-err));
		err = err == -EBUSY || err == -ETXTBSY ? -ETXTBSY : -ENOTARGET;
	} else {
		err = start_device(spec);
	}
	if (err)
		(void)dmdev_remove(spec->name, DMDEV_REMOVE_RETRY);
	return err;
}

/**
 * dmdev_remove() - remove a device
 * @name: name of the device
 * @how: what to do if it is in use
 *
 * Return: 0 or a negative errno, -EBUSY if it is in use.
 */
int dmdev_remove(const char *name, enum dmdev_removal how)
{
	bool deferred = how == DMDEV_REMOVE_DEFERRED;
	struct dm_task *task = new_task(DM_DEVICE_REMOVE, name);
	int err = -ENOMEM;

	if (!task)
		return err;
	/* The library would take the node of a device away that still goes on. */
	if (how == DMDEV_REMOVE_AT_ONCE ||
	    (deferred ? dm_task_deferred_remove(task) :
			dm_task_retry_remove(task)))
		err = run_with_udev(task, deferred ?
				    DM_UDEV_DISABLE_LIBRARY_FALLBACK : 0);
	dm_task_destroy(task);
	/* Without udev, nobody else does so of one that does not. */
	if (!err && deferred)
		(void)dm_mknodes(name);
	return err;
}

static void take_info(struct dm_task *task, const struct dm_info *info,
		      struct dmdev *dev)
{
	const char *uuid = dm_task_get_uuid(task);
	char *target = NULL, *params = NULL;
	uintmax_t start, length = 0;

	*dev = (struct dmdev){
		.name = strdup(dm_task_get_name(task)),
		.uuid = strdup(uuid ? uuid : ""),
		.major = info->major,
		.minor = info->minor,
		.open_count = info->open_count,
		.read_only = info->read_only,
		.suspended = info->suspended,
		.inactive = info->inactive_table,
	};
	(void)dm_get_next_target(task, NULL, &start, &length, &target, &params);
	dev->sectors = length;
	if (target) {
		dev->target = strdup(target);
		dev->table = strdup(params);
	}
}

static void take_status(struct dmdev *dev)
{
	struct dm_task *task = new_task(DM_DEVICE_STATUS, dev->name);
	char *target = NULL, *params = NULL;
	uintmax_t start, length;

	if (task && dm_task_no_flush(task) && dm_task_run(task))
		(void)dm_get_next_target(task, NULL, &start, &length, &target,
					 &params);
	dev->status = strdup(params ? params : "");
	end_task(task);
}

static void take_parent(struct dmdev *dev)
{
	struct dm_task *task = new_task(DM_DEVICE_DEPS, dev->name);
	struct dm_deps *deps = NULL;

	if (task && dm_task_run(task))
		deps = dm_task_get_deps(task);
	if (deps && deps->count)
		dev->parent = (u64)major(deps->device[0]) << 32 |
			      minor(deps->device[0]);
	end_task(task);
}

/**
 * dmdev_query() - query the state of a device
 * @name: name of the device
 * @dev: filled in, for dmdev_forget()
 *
 * Return: 0, -ENXIO if there is no such device, or another negative errno.
 */
int dmdev_query(const char *name, struct dmdev *dev)
{
	struct dm_task *task = new_task(DM_DEVICE_TABLE, name);
	struct dm_info info;
	int err = -ENOMEM;

	*dev = (struct dmdev){ 0 };
	if (!task)
		return err;
	err = run_task(task);
	if (!err && (!dm_task_get_info(task, &info) || !info.exists))
		err = -ENXIO;
	if (!err) {
		take_info(task, &info, dev);
		take_status(dev);
		take_parent(dev);
	}
	dm_task_destroy(task);
	return err;
}

/**
 * dmdev_forget() - free the result of dmdev_query()
 * @dev: the device
 */
void dmdev_forget(struct dmdev *dev)
{
	free(dev->name);
	free(dev->uuid);
	free(dev->target);
	free(dev->table);
	free(dev->status);
	*dev = (struct dmdev){ 0 };
}

/**
 * dmdev_each() - visit all devices
 * @visit: called for each device; nonzero ends the walk
 * @context: for @visit
 *
 * Return: 0, what @visit returned, or a negative errno.
 */
int dmdev_each(int (*visit)(const struct dmdev *dev, void *context),
	       void *context)
{
	struct dm_task *task = dm_task_create(DM_DEVICE_LIST);
	struct dm_names *entry = NULL;
	struct dmdev dev;
	int err = -EIO;

	if (task && dm_task_run(task)) {
		entry = dm_task_get_names(task);
		err = 0;
	}
	/* An empty list has one entry, with device number 0. */
	while (entry && entry->dev && !err) {
		/* A device may have been removed meanwhile. */
		if (!dmdev_query(entry->name, &dev)) {
			err = visit(&dev, context);
			dmdev_forget(&dev);
		}
		entry = entry->next ? (void *)((char *)entry + entry->next) :
				      NULL;
	}
	end_task(task);
	return err;
}
