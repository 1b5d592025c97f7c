// SPDX-License-Identifier: GPL-2.0-only
#include "exit-codes.h"
#include "message.h"
#include "partitions.h"
#include "run-tool.h"
#include "signals.h"
#include "users.h"

/* Size of a name with its NUL; see parse_listed(). */
#define LISTED_NAME_SIZE	128
#define END_SIZE		96

/* A walk over the partitions of a device. */
struct search {
	u64 parent;
	int (*visit)(const struct dmdev *part, void *context);
	void *context;
};

static int visit_if_partition(const struct dmdev *dev, void *context)
{
	const struct search *search = context;

	if (dev->parent != search->parent || strncmp(dev->uuid, "part", 4))
		return 0;
	return search->visit(dev, search->context);
}

/**
 * partitions_each() - visit the mapped partitions of a device
 * @dev: the device
 * @visit: called for each partition; nonzero ends the walk
 * @context: for @visit
 *
 * Return: 0, what @visit returned, or a negative errno.
 */
int partitions_each(const struct dmdev *dev,
		    int (*visit)(const struct dmdev *part, void *context),
		    void *context)
{
	struct search search = { dmdev_number(dev), visit, context };

	return dmdev_each(visit_if_partition, &search);
}

/* Print the messages of kpartx, after a failure or with -v. */
static void say_words(char *words, bool failed)
{
	char *line, *rest = words;

	while (rest && (line = strsep(&rest, "\n"))) {
		if (*line && failed)
			msg_err("kpartx: %s", line);
		else if (*line)
			msg_verbose("kpartx: %s", line);
	}
	free(words);
}

/**
 * struct kpartx - a run of kpartx
 * @end: how it ended
 * @out: its output, for free()
 * @words: its messages, for free()
 */
struct kpartx {
	struct tool_end end;
	char *out;
	char *words;
};

/* Return 0, -ETOOL if it failed, or another negative errno after a message. */
static int run_kpartx(const char *const *argv, struct kpartx *run)
{
	int err = run_tool(argv, &run->end, &run->out, &run->words);

	if (!err && (run->end.signal || run->end.status))
		return -ETOOL;
	if (err == -ENOENT)
		msg_err("kpartx is not installed, so partitions cannot be mapped");
	else if (err)
		msg_err("kpartx cannot be run: %s", strerror(-err));
	return err == -ENOENT ? -ENOEXEC : err;
}

/* Return how a run ended, in words that follow "kpartx". */
static const char *end_words(const struct tool_end *end, char words[END_SIZE])
{
	if (end->signal)
		snprintf(words, END_SIZE, "was ended by signal %d (%s)",
			 end->signal, strsignal(end->signal));
	else
		snprintf(words, END_SIZE, "exited with status %d", end->status);
	return words;
}

/* A line of `kpartx -l': name, start in the device, length, device, start. */
static bool parse_listed(const char *line, char name[LISTED_NAME_SIZE],
			 u64 *start, u64 *sectors)
{
	return sscanf(line, "%127s : 0 %llu %*s %llu", name, sectors,
		      start) == 3;
}

/* Check that a partition is mapped. Warn if it cannot be. */
static int look_at_listed(const char *line, u64 disk_sectors,
			  const struct tool_end *end)
{
	char name[LISTED_NAME_SIZE], words[END_SIZE];
	struct dmdev part;
	u64 start, sectors;

	if (!parse_listed(line, name, &start, &sectors))
		return 0;
	if (!dmdev_query(name, &part)) {
		dmdev_forget(&part);
		return 0;
	}
	if (start <= disk_sectors && sectors <= disk_sectors - start) {
		msg_err("%s: is not mapped: kpartx %s", name,
			end_words(end, words));
		return -ETOOL;
	}
	msg_warn("%s: is not mapped: it lies past the end of the disk, at sectors %llu to %llu of %llu",
		 name, start, start + sectors - 1, disk_sectors);
	return 0;
}

/* Check each partition of kpartx's list. Modifies @list. */
static int look_at_all(char *list, u64 disk_sectors, const struct tool_end *end)
{
	char *line;
	int err = 0;

	while ((line = strsep(&list, "\n")))
		if (look_at_listed(line, disk_sectors, end))
			err = -ETOOL;
	return err;
}

/* A held signal, such as Ctrl-C, went to kpartx as well. */
static bool stopped(const struct kpartx *run)
{
	return run->end.signal && signals_held();
}

static int kpartx_list(const char *path, struct kpartx *run)
{
	const char *const argv[] = { "kpartx", "-l", "-p", "p", path, NULL };
	char words[END_SIZE];
	int err = run_kpartx(argv, run);

	if (err == -ETOOL && stopped(run))
		err = -EINTR;
	if (err == -ETOOL)
		msg_err("%s: kpartx cannot list the partitions: it %s", path,
			end_words(&run->end, words));
	return err;
}

/* kpartx also fails if it could not map some partitions. */
static int kpartx_map(const char *path, bool read_only, char *listed,
		      u64 sectors, struct kpartx *run)
{
	const char *const argv[] = { "kpartx", "-a", "-s", "-p", "p",
				     read_only ? "-r" : path,
				     read_only ? path : NULL, NULL };
	char words[END_SIZE];
	int err = run_kpartx(argv, run);

	if (err == -ETOOL && stopped(run))
		return -EINTR;
	if (listed && *listed && (!err || err == -ETOOL))
		return look_at_all(listed, sectors, &run->end);
	if (err == -ETOOL)
		msg_err("%s: kpartx cannot map the partitions: it %s", path,
			end_words(&run->end, words));
	return err;
}

/**
 * partitions_add() - map the partitions of a device
 * @name: name of the device
 * @sectors: length of the device, in units of 512 bytes
 * @read_only: the device is read-only
 *
 * Only warns of partitions past the end of the device, which a disk has after
 * it was made smaller, and maps the others.
 *
 * Return: 0, also if there are none; or a negative errno after a message:
 * -ETOOL if kpartx failed. -EINTR, without a message, if a held signal has
 * ended kpartx.
 */
int partitions_add(const char *name, u64 sectors, bool read_only)
{
	struct kpartx listing = { .out = NULL }, mapping = { .out = NULL };
	char path[PATH_MAX];
	int err;

	dmdev_path(name, path);
	err = kpartx_list(path, &listing);
	say_words(listing.words, err);
	if (!err) {
		err = kpartx_map(path, read_only, listing.out, sectors,
				 &mapping);
		say_words(mapping.words, err);
	}
	free(listing.out);
	free(mapping.out);
	return err;
}

static int count_one(const struct dmdev *part, void *context)
{
	int *count = context;

	(void)part;
	++*count;
	return 0;
}

/**
 * partitions_count() - count the mapped partitions of a device
 * @dev: the device, which each mapped partition opens once
 *
 * Return: their number.
 */
int partitions_count(const struct dmdev *dev)
{
	int count = 0;

	(void)partitions_each(dev, count_one, &count);
	return count;
}

static int refuse_used(const struct dmdev *part, void *context)
{
	(void)context;
	return users_refuse(part->name, 0);
}

static int remove_one(const struct dmdev *part, void *context)
{
	const bool *deferred = context;
	int err = dmdev_remove(part->name, *deferred ? DMDEV_REMOVE_DEFERRED :
						       DMDEV_REMOVE_RETRY);

	if (err)
		msg_err("%s: not removed: %s", part->name, strerror(-err));
	return err;
}

/**
 * partitions_remove() - remove the mapped partitions of a device
 * @dev: the device
 * @deferred: partitions in use go with their last close; otherwise nothing is
 *	removed if one is in use
 *
 * Return: 0, or a negative errno after a message; -EBUSY if one is in use.
 */
int partitions_remove(const struct dmdev *dev, bool deferred)
{
	int err = 0;

	if (!deferred)
		err = partitions_each(dev, refuse_used, NULL);
	if (!err)
		err = partitions_each(dev, remove_one, &deferred);
	return err;
}
