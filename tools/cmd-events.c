// SPDX-License-Identifier: GPL-2.0-only
/*
 * events: report what happens to devices, as it happens. An event of
 * device-mapper only says that something happened. The verb compares the status
 * before and after, so it misses a state that ends before the next look.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "device-arg.h"
#include "message.h"
#include "status-tree.h"
#include "verbs.h"
#include "watch.h"

/**
 * struct watched - a device at the last look
 * @next: another one
 * @name: its name
 * @number: by which it is known again
 * @room: what its status says of room, as in rooms[]
 * @fault: why it does not write any more, NULL if it is well
 * @seen: it was there at this look
 */
struct watched {
	struct watched *next;
	char *name;
	u64 number;
	unsigned int room;
	char *fault;
	bool seen;
};

/**
 * struct watcher - who looks
 * @devices: all that were there
 * @number: of the one device that matters, 0 for all
 * @first: this is the first look
 */
struct watcher {
	struct watched *devices;
	u64 number;
	bool first;
};

/* What a device may say of room, and in which words it is told. */
static const struct {
	const char *flag;
	const char *event;
	const char *text;
} rooms[] = {
	{ NULL, "space", "there is room again" },
	{ "no_space", "no-space", "writes wait for room" },
	{ "no_space_failing", "no-space-failing",
	  "writes have waited for room too long, and fail" },
};

__printf(3, 4)
static void say(const char *name, const char *event, const char *format, ...)
{
	char stamp[32], text[1024];
	time_t now = time(NULL);
	struct tm tm;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S%z",
		 localtime_r(&now, &tm));
	printf("%s ", stamp);
	msg_safe(stdout, name);
	printf(" %s: ", event);
	msg_safe(stdout, text);
	putchar('\n');
}

static unsigned int room_of(const struct dmdev *dev)
{
	unsigned int i;

	for (i = ARRAY_SIZE(rooms) - 1; i; i--)
		if (status_has(dev, rooms[i].flag))
			break;
	return i;
}

static struct watched *find(struct watcher *watcher, const struct dmdev *dev)
{
	struct watched *watched;

	for (watched = watcher->devices; watched; watched = watched->next)
		if (watched->number == dmdev_number(dev) &&
		    !strcmp(watched->name, dev->name))
			return watched;
	watched = calloc(1, sizeof(*watched));
	if (!watched)
		return NULL;
	watched->name = strdup(dev->name);
	if (!watched->name) {
		free(watched);
		return NULL;
	}
	watched->number = dmdev_number(dev);
	watched->next = watcher->devices;
	watcher->devices = watched;
	if (!watcher->first)
		say(dev->name, "opened", "the device is there");
	return watched;
}

static void compare(struct watched *watched, const struct dmdev *dev)
{
	char *fault = status_fault(dev);
	unsigned int room = room_of(dev);

	if (room != watched->room)
		say(dev->name, rooms[room].event, "%s", rooms[room].text);
	watched->room = room;
	if (fault && (!watched->fault || strcmp(fault, watched->fault)))
		say(dev->name, "fault", "nothing is written any more: %s",
		    fault);
	free(watched->fault);
	watched->fault = fault;
	watched->seen = true;
}

static int look_at(const struct dmdev *dev, void *context)
{
	struct watcher *watcher = context;
	struct watched *watched;

	if (!dmdev_is_vhdx(dev) ||
	    (watcher->number && watcher->number != dmdev_number(dev)))
		return 0;
	watched = find(watcher, dev);
	if (!watched)
		return -ENOMEM;
	compare(watched, dev);
	return 0;
}

static void forget(struct watched *watched)
{
	free(watched->name);
	free(watched->fault);
	free(watched);
}

/* Those that were not seen are gone. */
static void sweep(struct watcher *watcher)
{
	struct watched **link = &watcher->devices, *watched;

	while ((watched = *link)) {
		if (watched->seen) {
			watched->seen = false;
			link = &watched->next;
			continue;
		}
		say(watched->name, "closed", "the device is gone");
		*link = watched->next;
		forget(watched);
	}
}

static int look(struct watcher *watcher)
{
	int err = dmdev_each(look_at, watcher);

	if (err)
		return err;
	sweep(watcher);
	if (watcher->first)
		msg_verbose("the devices are watched from now on");
	watcher->first = false;
	/* A reader of a pipe must get the line now. */
	return fflush(stdout) ? -EIO : 0;
}

/* Arm first, so that no event between the look and the wait is missed. */
static int watch(struct watcher *watcher, int fd)
{
	int err;

	do {
		err = watch_arm(fd) ?: look(watcher);
		if (!err && watcher->number && !watcher->devices)
			return 0;
		if (!err)
			err = watch_wait(fd);
	} while (!err);
	return err;
}

/**
 * cmd_events() - the verb `events`
 * @options: of the command line
 * @args: a device's name, or its image; without it, all devices
 *
 * Return: a negative errno; 0 once the one device is gone.
 */
int cmd_events(const struct options *options, char **args)
{
	struct watcher watcher = { .first = true };
	struct watched *watched;
	struct dmdev dev;
	int fd, err;

	(void)options;
	err = args[0] ? device_arg(args[0], &dev) : dmdev_begin();
	if (err)
		return err;
	if (args[0]) {
		watcher.number = dmdev_number(&dev);
		dmdev_forget(&dev);
	}
	fd = watch_open();
	if (fd < 0)
		return fd;
	err = watch(&watcher, fd);
	close(fd);
	while ((watched = watcher.devices)) {
		watcher.devices = watched->next;
		forget(watched);
	}
	return err;
}
