// SPDX-License-Identifier: GPL-2.0-only
/*
 * The handlers of messages.
 */
#include <linux/device-mapper.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/string.h>

#include "backing.h"
#include "commit-life.h"
#include "defer.h"
#include "device.h"
#include "engine/move.h"
#include "message.h"
#include "moving.h"
#include "printable.h"
#include "scope.h"

#define DM_MSG_PREFIX "vhdx"

/* Tells dm that @result holds an answer. */
#define ANSWERED	1

/**
 * struct message - a message that devices understand
 * @name: its first word
 * @args: number of words that follow
 * @handle: returns ANSWERED, 0 or a negative errno
 */
struct message {
	const char *name;
	unsigned int args;
	int (*handle)(struct vhdx_target *t, char **argv, char *result,
		      unsigned int maxlen);
};

/* Size of the part of a wrong word that the log shows. */
#define WORD_SIZE	33

/* Bytes for the names of all messages. */
#define NAMES_SIZE	128

static const char *device_name(const struct dm_target *ti)
{
	return dm_device_name(dm_table_get_md(ti->table));
}

static int read_only(const struct vhdx_target *t)
{
	DMWARN("%s: message: the device is read-only", device_name(t->ti));
	return -EROFS;
}

static u64 read_counter(const u64 *counter)
{
	/* The committer may update the counter at any time, without a lock. */
	return data_race(*counter);
}

static int message_stats(struct vhdx_target *t, char **argv, char *result,
			 unsigned int maxlen)
{
	const struct vhdx_journal *journal;
	struct vhdx_session_stats stats;
	struct vhdx_session *session;
	unsigned int changed, ready;
	unsigned int sz = 0;
	u64 freeing;

	if (!t->committer)
		return read_only(t);
	session = vhdx_committer_session(t->committer);
	if (!session)
		return -EAGAIN;
	spin_lock(&session->image->pool.lock);
	stats = session->stats;
	changed = session->journal.changed_count;
	ready = session->prepared.count;
	freeing = vhdx_session_reclaims(session);
	spin_unlock(&session->image->pool.lock);
	DMEMIT("begun=%llu allocated=%llu freed=%llu prepared=%llu",
	       stats.begun, stats.allocated, stats.freed, stats.prepared);
	DMEMIT(" commits=%llu checkpoints=%llu", stats.commits,
	       stats.checkpoints);
	journal = &session->journal;
	DMEMIT(" entries=%llu flushes=%llu pages_in_place=%llu",
	       read_counter(&journal->entries), read_counter(&journal->flushes),
	       read_counter(&journal->checkpointed));
	DMEMIT(" pages_changed=%u ready=%u size=%llu freeing=%llu moved=%llu",
	       changed, ready, READ_ONCE(session->image->store->size), freeing,
	       stats.moved);
	return ANSWERED;
}

static int find_run(struct vhdx_target *t, u64 pos, struct vhdx_run *run)
{
	struct vhdx_scope scope = vhdx_scope_enter();
	struct vhdx_miss miss;
	int err;

	do {
		err = vhdx_chain_map(t->chain, pos, t->chain->size - pos, run,
				     &miss);
		if (err != -EAGAIN)
			break;
		err = vhdx_defer_load(&miss) ?: -EAGAIN;
	} while (err == -EAGAIN);
	vhdx_scope_leave(scope);
	return err;
}

static int message_where(struct vhdx_target *t, char **argv, char *result,
			 unsigned int maxlen)
{
	static const char * const kinds[] = {
		[VHDX_RUN_ZERO] = "zeros",
		[VHDX_RUN_DATA] = "data",
		[VHDX_RUN_COPY] = "copy",
	};
	unsigned int sz = 0;
	char word[WORD_SIZE];
	struct vhdx_run run;
	u64 sector;
	int err;

	if (kstrtou64(argv[1], 10, &sector) || sector >= t->ti->len) {
		vhdx_printable(word, sizeof(word), argv[1]);
		DMWARN("%s: message: where %s: not a sector of the device",
		       device_name(t->ti), word);
		return -EINVAL;
	}
	if (t->committer && !vhdx_committer_session(t->committer))
		return -EAGAIN;
	sector = round_down(sector, t->chain->layer[0]->params.logical_sector >>
			    SECTOR_SHIFT);
	if (t->committer)
		mutex_lock(&t->committer->asking);
	err = find_run(t, sector << SECTOR_SHIFT, &run);
	if (t->committer)
		mutex_unlock(&t->committer->asking);
	if (err)
		return err;
	DMEMIT("%s sectors=%llu", kinds[run.kind], run.length >> SECTOR_SHIFT);
	if (run.kind != VHDX_RUN_ZERO)
		DMEMIT(" image=%u offset=%llu", run.layer, run.offset);
	return ANSWERED;
}

static int message_commit(struct vhdx_target *t, char **argv, char *result,
			  unsigned int maxlen)
{
	if (!t->committer)
		return read_only(t);
	return vhdx_committer_run(t->committer, VHDX_WORK_COMMIT);
}

static int message_checkpoint(struct vhdx_target *t, char **argv, char *result,
			      unsigned int maxlen)
{
	if (!t->committer)
		return read_only(t);
	return vhdx_committer_run(t->committer, VHDX_WORK_COMMIT |
				  VHDX_WORK_CHECKPOINT);
}

static int message_begin(struct vhdx_target *t, char **argv, char *result,
			 unsigned int maxlen)
{
	if (!t->committer)
		return read_only(t);
	return vhdx_committer_run(t->committer, VHDX_WORK_BEGIN);
}

/* The length is checked here: guid_parse() ignores what follows the GUID. */
static int message_seal(struct vhdx_target *t, char **argv, char *result,
			unsigned int maxlen)
{
	guid_t guid, holds;
	unsigned int sz = 0;
	char word[WORD_SIZE];
	int err;

	if (!t->committer)
		return read_only(t);
	if (strlen(argv[1]) != VHDX_GUID_TEXT_SIZE - 1 ||
	    guid_parse(argv[1], &guid)) {
		vhdx_printable(word, sizeof(word), argv[1]);
		DMWARN("%s: message: seal %s: not a GUID", device_name(t->ti),
		       word);
		return -EINVAL;
	}
	err = vhdx_committer_seal(t->committer, &guid, &holds);
	if (err == -EINVAL)
		DMWARN("%s: message: seal: the image has this GUID, or it is null",
		       device_name(t->ti));
	if (err)
		return err;
	DMEMIT("%pUl", &holds);
	return ANSWERED;
}

/* Returns the image of a table that is not its first, or NULL after a warning. */
static struct vhdx_backing *find_parent(struct vhdx_target *t, const char *word)
{
	char printable[WORD_SIZE];
	unsigned int image;

	if (!kstrtouint(word, 10, &image) && image && image < t->layers)
		return t->layer[image].backing;
	vhdx_printable(printable, sizeof(printable), word);
	DMWARN("%s: message: %s: not the number of a parent",
	       device_name(t->ti), printable);
	return NULL;
}

static int message_lend(struct vhdx_target *t, char **argv, char *result,
			unsigned int maxlen)
{
	struct vhdx_backing *backing = find_parent(t, argv[1]);
	int err;

	if (!backing)
		return -EINVAL;
	err = vhdx_backing_lend(backing, dm_table_get_md(t->ti->table));
	if (err == -EBUSY)
		DMWARN("%s: message: lend: %s is in use by another device or table",
		       device_name(t->ti), backing->name);
	else if (err == -EAGAIN)
		DMWARN("%s: message: lend: %s is locked by another program",
		       device_name(t->ti), backing->name);
	return err;
}

static int message_recall(struct vhdx_target *t, char **argv, char *result,
			  unsigned int maxlen)
{
	struct vhdx_backing *backing = find_parent(t, argv[1]);

	return backing ? vhdx_backing_recall(backing) : -EINVAL;
}

static int message_gain(struct vhdx_target *t, char **argv, char *result,
			unsigned int maxlen)
{
	struct vhdx_move_goal goal = {};
	unsigned int sz = 0;
	int err;

	if (!t->committer)
		return read_only(t);
	err = vhdx_move_gain(t->committer, &goal);
	if (err)
		return err;
	DMEMIT("end=%llu length=%llu moves=%llu", goal.end, goal.length,
	       goal.moves);
	return ANSWERED;
}

static int parse_number(const struct vhdx_target *t, const char *word,
			u64 *number)
{
	char printable[WORD_SIZE];

	if (!kstrtou64(word, 10, number))
		return 0;
	vhdx_printable(printable, sizeof(printable), word);
	DMWARN("%s: message: %s: not a number", device_name(t->ti), printable);
	return -EINVAL;
}

static int message_move(struct vhdx_target *t, char **argv, char *result,
			unsigned int maxlen)
{
	unsigned int sz = 0;
	u64 index, end;
	int err;

	if (!t->committer)
		return read_only(t);
	if (parse_number(t, argv[1], &index) || parse_number(t, argv[2], &end))
		return -EINVAL;
	err = vhdx_move_one(t->committer, &index, end);
	switch (err) {
	case 0:
		DMEMIT("moved next=%llu", index);
		return ANSWERED;
	case -EINPROGRESS:
		DMEMIT("nothing next=%llu", index);
		return ANSWERED;
	case -ENOENT:
		DMEMIT("end");
		return ANSWERED;
	default:
		return err;
	}
}

static const struct message messages[] = {
	{ "stats", 0, message_stats },
	{ "where", 1, message_where },
	{ "commit", 0, message_commit },
	{ "checkpoint", 0, message_checkpoint },
	{ "begin", 0, message_begin },
	{ "seal", 1, message_seal },
	{ "lend", 1, message_lend },
	{ "recall", 1, message_recall },
	{ "gain", 0, message_gain },
	{ "move", 2, message_move },
};

static void refuse_unknown(const struct dm_target *ti, const char *name)
{
	char known[NAMES_SIZE], word[WORD_SIZE];
	unsigned int i, length = 0;

	for (i = 0; i < ARRAY_SIZE(messages); i++)
		length += scnprintf(known + length, sizeof(known) - length,
				    "%s%s", i ? ", " : "", messages[i].name);
	vhdx_printable(word, sizeof(word), name);
	DMWARN("%s: message: %s is unknown; the messages are %s",
	       device_name(ti), word, known);
}

/**
 * vhdx_message() - dm's ->message
 * @ti: the target
 * @argc: number of words
 * @argv: the words
 * @result: receives the answer
 * @maxlen: bytes in @result
 *
 * Context: process context; the device may be suspended.
 * Return: 0; 1 if @result holds an answer; or a negative errno.
 */
int vhdx_message(struct dm_target *ti, unsigned int argc, char **argv,
		 char *result, unsigned int maxlen)
{
	const struct message *message;

	for (message = messages; message < messages + ARRAY_SIZE(messages);
	     message++) {
		if (strcasecmp(argv[0], message->name))
			continue;
		if (argc == message->args + 1)
			return message->handle(ti->private, argv, result,
					       maxlen);
		DMWARN("%s: message: %s takes %u arguments", device_name(ti),
		       message->name, message->args);
		return -EINVAL;
	}
	refuse_unknown(ti, argv[0]);
	return -EINVAL;
}
