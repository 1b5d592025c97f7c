// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <time.h>

#include "clock.h"
#include "compact-live.h"
#include "device-lock.h"
#include "live-image.h"
#include "message.h"
#include "progress.h"
#include "rate.h"
#include "siblings.h"
#include "signals.h"
#include "table-change.h"
#include "table-line.h"
#include "table-swap.h"

/* The target's version that has the messages "gain" and "move". */
#define MOVE_MINOR	6

/*
 * While blocks move, others get space, and what was freed becomes free. So there
 * is another look at what there is to gain, but not for ever.
 */
#define PASSES		8U

/* Attempts to move a block, if old I/O or a suspend is in the way. */
#define TRIES		10U

#define NSECS		1000000000ULL

/* Bytes of an answer to a message. */
#define ANSWER_SIZE	1024

/**
 * struct gain - what the module says that moving blocks would gain
 * @end: byte offset in the file from which on blocks have to move
 * @length: bytes of the file that are in use then
 * @moves: bytes that have to move
 */
struct gain {
	u64 end;
	u64 length;
	u64 moves;
};

/**
 * struct moving - a device that is compacted
 * @options: of the command line
 * @dev: the device
 * @disk: its image, as it is read beside the device
 * @done: what it has come to
 * @progress: follows it
 * @rate: bounds it
 * @left: bytes that are to move, as was said last
 */
struct moving {
	const struct options *options;
	struct dmdev *dev;
	struct disk *disk;
	struct compacted *done;
	struct progress progress;
	struct rate rate;
	u64 left;
};

static int send(const struct moving *m, const char *text, char *answer)
{
	return dmdev_message(m->dev->name, text, answer, ANSWER_SIZE);
}

static int failed(const struct moving *m, const char *what, int err)
{
	msg_err("%s: %s: %s", m->dev->name, what, strerror(-err));
	return err;
}

static int ask_gain(const struct moving *m, struct gain *gain)
{
	char answer[ANSWER_SIZE];
	int err = send(m, "gain", answer);

	if (!err && sscanf(answer, "end=%llu length=%llu moves=%llu",
			   &gain->end, &gain->length, &gain->moves) != 3)
		err = -EPROTO;
	return err ? failed(m, "what there is to gain cannot be found out", err) :
		     0;
}

/* The length of the file, or what the image uses of a block device. */
static int ask_length(const struct moving *m, u64 *length)
{
	char answer[ANSWER_SIZE];
	const char *size;
	int err = send(m, "stats", answer);

	size = err ? NULL : strstr(answer, " size=");
	if (!err && (!size || sscanf(size, " size=%llu", length) != 1))
		err = -EPROTO;
	return err ? failed(m, "the length of its file cannot be found out",
			    err) : 0;
}

static u64 block_size(const struct moving *m)
{
	return vhdx_bat_block_size(&m->disk->layer[0]->image->bat);
}

static void pause_for(u64 nsecs)
{
	const struct timespec pause = {
		.tv_sec = (time_t)(nsecs / NSECS),
		.tv_nsec = (long)(nsecs % NSECS),
	};

	/* A signal ends it. */
	(void)nanosleep(&pause, NULL);
}

/* Without a limit, half of the time is left to others. */
static void rest(struct moving *m, u64 began)
{
	if (m->options->rate)
		rate_took(&m->rate, block_size(m));
	else
		pause_for(clock_nsecs() - began);
}

static int tell(struct moving *m)
{
	u64 done = m->done->bytes;

	return progress_step(&m->progress, done, done + m->left);
}

static void count_block(struct moving *m, u64 began)
{
	m->done->blocks++;
	m->done->bytes += block_size(m);
	m->left -= min(m->left, block_size(m));
	rest(m, began);
}

/* Move the next block. Return 1 if there is more to look at, 0, or an errno. */
static int move_one(struct moving *m, u64 *index, u64 end)
{
	char text[64], answer[ANSWER_SIZE];
	u64 began = clock_nsecs();
	int err;

	snprintf(text, sizeof(text), "move %llu %llu",
		 (unsigned long long)*index, (unsigned long long)end);
	err = send(m, text, answer);
	if (err)
		return err;
	if (!strcmp(answer, "end"))
		return 0;
	if (sscanf(answer, "nothing next=%llu", index) == 1)
		return 1;
	if (sscanf(answer, "moved next=%llu", index) != 1)
		return -EPROTO;
	count_block(m, began);
	return 1;
}

/* Old I/O, a suspend, and hibernation pass. */
static int move_patiently(struct moving *m, u64 *index, u64 end)
{
	unsigned int tries;
	int err = -EBUSY;

	for (tries = 0; tries < TRIES && (err == -EBUSY || err == -EAGAIN);
	     tries++) {
		if (tries)
			pause_for(NSECS);
		if (tell(m))
			return -EINTR;
		err = move_one(m, index, end);
	}
	return err;
}

/* Go through the BAT once. */
static int make_pass(struct moving *m, const struct gain *gain)
{
	u64 index = 0;
	int r;

	m->left = gain->moves;
	do {
		r = move_patiently(m, &index, gain->end);
	} while (r > 0);
	if (r == -EINTR) {
		m->done->stopped = true;
		return 0;
	}
	if (r == -ENOSPC) {
		m->done->full = true;
		return 0;
	}
	return r ? failed(m, "a block cannot be moved", r) : 0;
}

/* What has moved is durable, and what it has left becomes free. */
static int commit(const struct moving *m)
{
	char answer[ANSWER_SIZE];
	int err = send(m, "commit", answer);

	return err ? failed(m, "what has moved cannot be made durable", err) : 0;
}

static int move_blocks(struct moving *m, struct gain *gain)
{
	struct compacted *done = m->done;
	unsigned int pass;
	int err = 0;

	for (pass = 0; pass < PASSES && gain->moves && !err; pass++) {
		u64 before = done->blocks;

		done->full = false;
		err = make_pass(m, gain);
		if (!err)
			err = commit(m);
		if (!err)
			err = ask_gain(m, gain);
		if (done->stopped || done->blocks == before)
			break;
	}
	return err;
}

/*
 * The log promises the length of the file, and is closed by a suspend. The kernel
 * suspends and resumes in one call, if there is a table to swap in.
 */
static int cut_file(const struct moving *m)
{
	struct table_swap swap = {
		.dev = m->dev,
		.child = -1,
		.renews = true,
	};
	int err = table_change_same(m->dev, false, false);

	if (err)
		return err;
	signals_hold();
	err = table_change_load(m->dev, m->dev->sectors, m->dev->table);
	if (!err)
		err = table_swap(&swap);
	signals_let();
	m->done->nsecs = swap.nsecs;
	return err;
}

static int read_image(struct moving *m)
{
	struct words images;
	int err = table_line_images(m->dev->table, &images);

	if (err)
		return err;
	err = live_peek(m->dev, images.word[0], &m->disk);
	words_free(&images);
	if (err)
		return err;
	m->done->device = m->disk->layer[0]->file.device;
	m->done->image = strdup(m->disk->layer[0]->path);
	return m->done->image ? 0 : -ENOMEM;
}

static void foresee(struct moving *m, const struct gain *gain)
{
	m->done->to = gain->length;
	m->done->bytes = gain->moves;
	m->done->blocks = gain->moves / block_size(m);
}

static int carry_out(struct moving *m, struct gain *gain)
{
	int err, cut = 0;

	/* A device that has written has orphaned them already. */
	err = siblings_guard(m->disk, m->dev->name, m->options->force,
			     "compacts");
	if (err)
		return err;
	rate_begin(&m->rate, m->options->rate);
	progress_begin(&m->progress, "compact");
	err = move_blocks(m, gain);
	progress_end(&m->progress);
	m->done->to = gain->length;
	if (!m->done->device)
		cut = cut_file(m);
	if (!err)
		err = cut;
	if (!err && !m->done->device)
		err = ask_length(m, &m->done->to);
	return err;
}

static int compact_locked(struct moving *m)
{
	struct gain gain = { 0 };
	int err = device_needs(MOVE_MINOR, "a compaction of a device in use");

	if (!err)
		err = table_change_check(m->dev, "is read-only, so nothing moves");
	if (!err)
		err = read_image(m);
	if (!err)
		err = ask_length(m, &m->done->from);
	if (!err)
		err = ask_gain(m, &gain);
	if (err)
		return err;
	if (m->options->dry_run) {
		foresee(m, &gain);
		return 0;
	}
	m->done->to = m->done->from;
	if (!gain.moves && (m->done->device || gain.length >= m->done->from))
		return 0;
	return carry_out(m, &gain);
}

/**
 * compact_live() - have blocks of a device move down, and its file get short
 * @options: of the command line
 * @dev: the device, from device_of(); learned anew
 * @done: filled in
 *
 * Users of the device notice nothing but a short pause. If this process is killed,
 * what has moved has moved, and the file gets short when the device is closed.
 *
 * Return: 0, or a negative errno after a message; -EINTR if a signal has ended it.
 */
int compact_live(const struct options *options, struct dmdev *dev,
		 struct compacted *done)
{
	struct moving m = { .options = options, .dev = dev, .done = done };
	int lock = device_lock(dev);
	int err;

	if (lock < 0)
		return lock;
	err = compact_locked(&m);
	device_unlock(lock);
	disk_close(m.disk);
	if (err || !done->stopped)
		return err;
	msg_err("%s: interrupted after %llu blocks: the disk is what it was; compact it again to go on",
		dev->name, (unsigned long long)done->blocks);
	return -EINTR;
}
