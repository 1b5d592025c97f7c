// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "device-lock.h"
#include "merge-state.h"
#include "message.h"

#define NSECS	1000000000ULL

/* What is written more often than that nobody reads. */
#define TELL_NSECS	(NSECS / 2)

/* Of the file; a path has at most PATH_MAX bytes, and each may become four. */
#define TEXT_MAX	32768

/* A read may come between two writes. */
#define READ_TRIES	10

static struct flock whole_file(short type)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET };
}

/* 0 if the kernel does not tell, as before 5.15. */
static u64 disk_of(const struct dmdev *dev)
{
	unsigned long long number = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/diskseq", dev->major,
		 dev->minor);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &number) != 1)
		number = 0;
	fclose(file);
	return number;
}

static u64 rate_of(const struct merge_state *state, u64 now)
{
	u64 bytes = state->done - state->before;

	return now > state->began ?
		       (u64)((double)bytes * (double)NSECS /
			     (double)(now - state->began)) : 0;
}

static struct json_object *make_tree(const struct merge_state *state,
				     const char *why)
{
	struct json_object *tree = tree_new();

	tree_number(tree, "disk", state->disk);
	tree_text(tree, "phase", state->phase);
	if (why)
		tree_text(tree, "why", why);
	tree_text(tree, "into", state->into);
	tree_number(tree, "process", (u64)getpid());
	tree_number(tree, "children", state->round);
	tree_number(tree, "done_bytes", state->done);
	tree_number(tree, "total_bytes", max(state->total, state->done));
	tree_number(tree, "bytes_per_second", rate_of(state, clock_nsecs()));
	return tree;
}

/* A merge does not fail because nobody can see it. */
static void put(const struct merge_state *state, const char *text)
{
	size_t size = strlen(text);

	if (pwrite(state->lock, text, size, 0) != (ssize_t)size ||
	    ftruncate(state->lock, (off_t)size))
		msg_verbose("what is done cannot be told: %s", strerror(errno));
}

static void put_tree(const struct merge_state *state, const char *why)
{
	struct json_object *tree = make_tree(state, why);

	put(state, json_object_to_json_string(tree));
	tree_free(tree);
}

/**
 * merge_state_begin() - let others see a merge
 * @state: @lock and @into are set
 * @dev: the device
 *
 * Return: 0, or a negative errno after a message.
 */
int merge_state_begin(struct merge_state *state, const struct dmdev *dev)
{
	struct flock lock = whole_file(F_WRLCK);
	int err;

	if (fcntl(state->lock, F_OFD_SETLK, &lock)) {
		err = -errno;
		msg_err("%s: its merge cannot be marked as under way: %s",
			dev->name, strerror(-err));
		return err;
	}
	state->disk = disk_of(dev);
	merge_state_tell(state, "starting");
	return 0;
}

/**
 * merge_state_tell() - let others see how far a merge is
 * @state: the merge
 * @phase: what begins now; NULL if it goes on. Then the file may remain as it is,
 *	if it was written a moment ago.
 */
void merge_state_tell(struct merge_state *state, const char *phase)
{
	u64 now = clock_nsecs();

	if (phase) {
		state->phase = phase;
		state->began = now;
		state->before = state->done;
	} else if (now - state->told < TELL_NSECS) {
		return;
	}
	state->told = now;
	put_tree(state, NULL);
}

/**
 * merge_state_end() - let others see that a merge has ended
 * @state: the merge
 * @why: a sentence, or NULL if all is merged
 */
void merge_state_end(struct merge_state *state, const char *why)
{
	struct flock lock = whole_file(F_UNLCK);

	if (why) {
		state->phase = "stopped";
		put_tree(state, why);
	} else {
		put(state, "");
	}
	(void)fcntl(state->lock, F_OFD_SETLK, &lock);
}

static bool is_going_on(int fd)
{
	struct flock lock = whole_file(F_WRLCK);

	return !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}

static ssize_t get(int fd, char *text)
{
	ssize_t size = pread(fd, text, TEXT_MAX - 1, 0);

	text[max_t(ssize_t, size, 0)] = '\0';
	return size;
}

/* The same text twice was not changed in the middle of a read. */
static struct json_object *read_tree(int fd)
{
	struct json_object *tree = NULL;
	char *text = malloc(2 * TEXT_MAX);
	char *again = text + TEXT_MAX;
	int tries;

	for (tries = 0; text && tries < READ_TRIES; tries++) {
		if (get(fd, text) != get(fd, again) || strcmp(text, again))
			continue;
		if (*text)
			tree = json_tokener_parse(text);
		if (tree || !*text)
			break;
	}
	free(text);
	return tree;
}

static u64 number_of(const struct json_object *tree, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(tree, key, &value) ?
		       json_object_get_uint64(value) : 0;
}

/* Nobody goes on with it. */
static void judge(struct json_object *tree)
{
	struct json_object *why;

	json_object_object_del(tree, "process");
	json_object_object_del(tree, "bytes_per_second");
	if (json_object_object_get_ex(tree, "why", &why))
		return;
	tree_text(tree, "phase", "stopped");
	tree_text(tree, "why", "the process that merged was killed; merge it again to go on");
}

/**
 * merge_state_look() - find out about the merge of a device
 * @dev: the device
 * @seen: filled in
 */
void merge_state_look(const struct dmdev *dev, struct merge_seen *seen)
{
	char path[DEVICE_LOCK_PATH_MAX];
	bool going_on;
	u64 disk;
	int fd;

	*seen = (struct merge_seen){ 0 };
	fd = open(device_lock_path(dev, path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	/* Asked first, so that what one leaves as it ends is not taken for a rest. */
	going_on = is_going_on(fd);
	seen->tree = read_tree(fd);
	if (going_on && !is_going_on(fd)) {
		going_on = false;
		tree_free(seen->tree);
		seen->tree = read_tree(fd);
	}
	close(fd);
	disk = seen->tree ? number_of(seen->tree, "disk") : 0;
	if (!seen->tree || (!going_on && (!disk || disk != disk_of(dev)))) {
		tree_free(seen->tree);
		seen->tree = NULL;
		return;
	}
	if (going_on)
		seen->process = (pid_t)number_of(seen->tree, "process");
	else
		judge(seen->tree);
	json_object_object_del(seen->tree, "disk");
}
