// SPDX-License-Identifier: GPL-2.0-only
/*
 * events: report what happens to devices, as it happens. An event of
 * device-mapper only says that something happened. The verb compares the status
 * before and after, so it misses a state that ends before the next look.
 */
#include <json-c/json.h>
#include <string.h>
#include <time.h>

#include "device-arg.h"
#include "merge-state.h"
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
 * @merge: what was told of its merge, NULL if none is under way
 * @seen: it was there at this look
 */
struct watched {
	struct watched *next;
	char *name;
	u64 number;
	unsigned int room;
	char *fault;
	char *merge;
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

static const char *text_of(struct json_object *tree, const char *key)
{
	return json_object_get_string(json_object_object_get(tree, key));
}

static u64 number_of(struct json_object *tree, const char *key)
{
	return json_object_get_uint64(json_object_object_get(tree, key));
}

/* A tenth is worth a line; for free(), or NULL. */
static char *describe_merge(struct json_object *tree)
{
	u64 done = number_of(tree, "done_bytes");
	u64 total = number_of(tree, "total_bytes");
	char *text, words[32];
	int n;

	n = asprintf(&text, "%s, into %s: %llu %% of %s",
		     text_of(tree, "phase"), text_of(tree, "into"),
		     total ? done * 10 / total * 10 : 0,
		     tree_size_words(total, words, sizeof(words)));
	return n < 0 ? NULL : text;
}

/* Of an old end nothing is told. */
static void compare_merge(struct watched *watched, const struct dmdev *dev)
{
	struct merge_seen seen;
	char *merge = NULL;

	merge_state_look(dev, &seen);
	if (seen.process)
		merge = describe_merge(seen.tree);
	if (merge && (!watched->merge || strcmp(merge, watched->merge)))
		say(dev->name, "merge", "%s", merge);
	else if (!merge && watched->merge && seen.tree)
		say(dev->name, "merge-stopped", "%s", text_of(seen.tree, "why"));
	else if (!merge && watched->merge)
		say(dev->name, "merge-done", "all of it is merged");
	free(watched->merge);
	watched->merge = merge;
	tree_free(seen.tree);
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
	compare_merge(watched, dev);
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
	free(watched->merge);
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

/* A process that is killed while it merges may be gone only after the event. */
#define MERGE_MSECS	1000

static int patience(const struct watcher *watcher)
{
	const struct watched *watched;

	for (watched = watcher->devices; watched; watched = watched->next)
		if (watched->merge)
			return MERGE_MSECS;
	return -1;
}

/* Arm first, so that no event between the look and the wait is missed. */
static int follow(struct watcher *watcher, const struct watch *watch)
{
	int err;

	do {
		err = watch_arm(watch) ?: look(watcher);
		if (!err && watcher->number && !watcher->devices)
			return 0;
		if (!err)
			err = watch_wait(watch, patience(watcher));
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
	struct watch watch;
	struct dmdev dev;
	int err;

	(void)options;
	err = args[0] ? device_arg(args[0], &dev) : dmdev_begin();
	if (err)
		return err;
	if (args[0]) {
		watcher.number = dmdev_number(&dev);
		dmdev_forget(&dev);
	}
	err = watch_open(&watch);
	if (err)
		return err;
	err = follow(&watcher, &watch);
	watch_close(&watch);
	while ((watched = watcher.devices)) {
		watcher.devices = watched->next;
		forget(watched);
	}
	return err;
}
