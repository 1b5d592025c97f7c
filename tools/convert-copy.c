// SPDX-License-Identifier: GPL-2.0-only
#include <pthread.h>

#include "convert-copy.h"
#include "exit-codes.h"
#include "message.h"
#include "progress.h"

/* Bytes read and written at once: they fit into a cache of the processor. */
#define CHUNK		(256 * 1024ULL)

/* Looked up at once, where nothing is read. */
#define WINDOW		(256 * VHDX_MIB)

/* Zeros are found by whole pages, since holes consist of pages. */
#define GRAIN		4096ULL

/* Of a raw file. */
#define RAW_SECTOR	512U

/* One reads while another writes; a file takes one writer at a time anyway. */
#define THREADS		2U

/**
 * struct copy - the work that threads share
 * @source: what is read
 * @dest: what is written, or compared with
 * @against: look at what @dest has, and do what differs only
 * @write: write it; else a difference ends the work
 * @unit: bytes that differ together: a sector
 * @end: where the work ends
 * @lock: guards what follows
 * @progress: shown meanwhile
 * @next: byte offset on the disk of what no thread has taken yet
 * @copied: bytes that were written
 * @err: the first error; ends the work
 * @failed: the end that failed
 * @what: what could not be done to it
 * @pos: byte offset on the disk where
 */
struct copy {
	struct convert_end *source;
	struct convert_end *dest;
	bool against;
	bool write;
	u64 unit;
	u64 end;
	pthread_mutex_t lock;
	struct progress progress;
	u64 next;
	u64 copied;
	int err;
	const struct convert_end *failed;
	const char *what;
	u64 pos;
};

/**
 * struct piece - what a thread is at
 * @copy: the work
 * @pos: byte offset on the disk
 * @len: bytes
 * @is_zero: all ends that are looked at say that they are zeros
 * @source: CHUNK bytes, what was read
 * @dest: the same of the other end
 * @copied: bytes that were written
 */
struct piece {
	struct copy *copy;
	u64 pos;
	u64 len;
	bool is_zero;
	u8 *source;
	u8 *dest;
	u64 copied;
};

/* With the lock. The first error counts; others may follow from it. */
static int set_error(struct copy *copy, const struct convert_end *failed,
		     const char *what, u64 pos, int err)
{
	if (err && !copy->err) {
		copy->err = err;
		copy->failed = failed;
		copy->what = what;
		copy->pos = pos;
	}
	return err;
}

static int fail(struct copy *copy, const struct convert_end *failed,
		const char *what, u64 pos, int err)
{
	pthread_mutex_lock(&copy->lock);
	set_error(copy, failed, what, pos, err);
	pthread_mutex_unlock(&copy->lock);
	return err;
}

static bool is_zero(const u8 *buf, u64 len)
{
	return !*buf && !memcmp(buf, buf + 1, len - 1);
}

/* With the lock. Cuts the piece to what is alike by what an end says. */
static int look(struct piece *piece, struct convert_end *end)
{
	struct copy *copy = piece->copy;
	bool zero;
	int err = convert_end_look(end, piece->pos, &piece->len, &zero);

	/* A file may be of any length, and have its holes anywhere. */
	if (piece->len < copy->unit) {
		piece->len = copy->unit;
		zero = false;
	}
	piece->len = ALIGN_DOWN(piece->len, copy->unit);
	piece->is_zero = piece->is_zero && zero;
	return set_error(copy, end, "looked up", piece->pos, err);
}

/* With the lock. Return true if a piece of zeros needs any work. */
static bool skips(const struct piece *piece)
{
	const struct copy *copy = piece->copy;

	return piece->is_zero && (copy->against || !copy->dest->stale);
}

/* With the lock. Take what follows. Returns false at the end. */
static bool take(struct piece *piece)
{
	struct copy *copy = piece->copy;

	set_error(copy, NULL, NULL, 0,
		  progress_step(&copy->progress, copy->next, copy->end));
	if (copy->err || copy->next >= copy->end)
		return false;
	piece->pos = copy->next;
	piece->len = min(copy->end - copy->next, WINDOW);
	piece->is_zero = true;
	if (look(piece, copy->source) ||
	    (copy->against && look(piece, copy->dest)))
		return false;
	if (!piece->is_zero)
		piece->len = min(piece->len, CHUNK - piece->pos % CHUNK);
	copy->next += piece->len;
	return true;
}

/* The next piece that there is something to do for. */
static bool next_piece(struct piece *piece)
{
	struct copy *copy = piece->copy;
	bool taken;

	pthread_mutex_lock(&copy->lock);
	copy->copied += piece->copied;
	piece->copied = 0;
	do
		taken = take(piece);
	while (taken && skips(piece));
	pthread_mutex_unlock(&copy->lock);
	return taken;
}

/* A range of the piece that is to be written. */
static int put(struct piece *piece, u64 from, u64 len, bool zero)
{
	struct copy *copy = piece->copy;
	u64 pos = piece->pos + from;
	int err;

	if (!copy->write)
		return fail(copy, copy->dest, NULL, pos, EXIT_DIFFER);
	err = zero ? convert_end_zero(copy->dest, pos, len) :
		     convert_end_write(copy->dest, pos, piece->source + from,
				       len);
	piece->copied += len;
	return err ? fail(copy, copy->dest, "written", pos, err) : 0;
}

enum grain {
	GRAIN_SKIP,	/* it is there, or not wanted */
	GRAIN_ZERO,
	GRAIN_DATA,
};

static enum grain judge(const struct piece *piece, u64 from, u64 len)
{
	const struct copy *copy = piece->copy;
	const u8 *bytes = piece->source + from;

	if (copy->against && !memcmp(bytes, piece->dest + from, len))
		return GRAIN_SKIP;
	if (!is_zero(bytes, len))
		return GRAIN_DATA;
	return copy->against || copy->dest->stale ? GRAIN_ZERO : GRAIN_SKIP;
}

/* Handle consecutive grains of the same kind at once. */
static int put_grains(struct piece *piece)
{
	u64 size = piece->copy->against ? piece->copy->unit : GRAIN;
	enum grain now, before = GRAIN_SKIP;
	u64 at, from = 0;
	int err = 0;

	for (at = 0; !err && at < piece->len; at += size) {
		now = judge(piece, at, min(size, piece->len - at));
		if (now == before)
			continue;
		if (before != GRAIN_SKIP)
			err = put(piece, from, at - from, before == GRAIN_ZERO);
		before = now;
		from = at;
	}
	if (!err && before != GRAIN_SKIP)
		err = put(piece, from, piece->len - from, before == GRAIN_ZERO);
	return err;
}

static int fetch(struct piece *piece, struct convert_end *end, u8 *buf)
{
	int err = convert_end_read(end, piece->pos, buf, piece->len);

	return err ? fail(piece->copy, end, "read", piece->pos, err) : 0;
}

static int work_off(struct piece *piece)
{
	struct copy *copy = piece->copy;
	int err;

	if (piece->is_zero)
		return put(piece, 0, piece->len, true);
	err = fetch(piece, copy->source, piece->source);
	if (!err && copy->against)
		err = fetch(piece, copy->dest, piece->dest);
	return err ? err : put_grains(piece);
}

static void *work(void *data)
{
	struct copy *copy = data;
	struct piece piece = {
		.copy = copy,
		.source = malloc(CHUNK),
		.dest = malloc(CHUNK),
	};

	if (!piece.source || !piece.dest)
		fail(copy, NULL, NULL, 0, -ENOMEM);
	while (next_piece(&piece) && !work_off(&piece))
		;
	free(piece.source);
	free(piece.dest);
	return NULL;
}

/* This one works, too: with fewer threads it takes longer, and no more. */
static void work_together(struct copy *copy)
{
	pthread_t thread[THREADS - 1];
	unsigned int i, count = 0;

	while (count < THREADS - 1 &&
	       !pthread_create(&thread[count], NULL, work, copy))
		count++;
	work(copy);
	for (i = 0; i < count; i++)
		pthread_join(thread[i], NULL);
}

static u32 sector_of(const struct convert_end *end)
{
	return end->is_vhdx ?
	       end->served.disk->layer[0]->image->params.logical_sector :
	       RAW_SECTOR;
}

static void tell(const struct copy *copy)
{
	const char *name = copy->failed ? copy->failed->name : NULL;

	if (!name || copy->err == EXIT_DIFFER)
		return;
	if (vhdx_store_no_room(copy->err))
		msg_err("%s: there is no room for more of it: %s", name,
			strerror(-copy->err));
	else
		msg_err("%s: byte %llu of the disk cannot be %s: %s", name,
			copy->pos, copy->what, strerror(-copy->err));
}

static int run(struct copy *copy, const char *what)
{
	copy->unit = max(sector_of(copy->source), sector_of(copy->dest));
	copy->end = ALIGN(max(copy->source->size, copy->against ?
			      copy->dest->size : 0), copy->unit);
	pthread_mutex_init(&copy->lock, NULL);
	progress_begin(&copy->progress, what);
	work_together(copy);
	progress_end(&copy->progress);
	pthread_mutex_destroy(&copy->lock);
	tell(copy);
	return copy->err;
}

/**
 * convert_copy() - copy a disk
 * @source: open
 * @dest: open for writing, at least as large; its bytes are zeros if it is not
 *	stale
 * @differences: write what @dest does not read as already, and nothing else
 * @copied: set to the bytes that were written
 *
 * Nothing is durable before convert_end_finish().
 *
 * Return: 0, or a negative errno after a message; -EINTR after a signal, without.
 */
int convert_copy(struct convert_end *source, struct convert_end *dest,
		 bool differences, u64 *copied)
{
	struct copy copy = {
		.source = source,
		.dest = dest,
		.against = differences,
		.write = true,
	};
	int err = run(&copy, "convert");

	*copied = copy.copied;
	return err;
}

/**
 * convert_compare() - find a difference between two disks
 * @source: open
 * @dest: open; zeros stand for what is past the end of the smaller one
 *
 * Return: 0 if they read alike, -EIO after a message if they do not; or another
 * negative errno, as convert_copy().
 */
int convert_compare(struct convert_end *source, struct convert_end *dest)
{
	struct copy copy = {
		.source = source,
		.dest = dest,
		.against = true,
	};
	int err = run(&copy, "verify");

	if (err != EXIT_DIFFER)
		return err;
	msg_err("%s: reads otherwise than %s, at byte %llu of the disk",
		dest->name, source->name, copy.pos);
	return -EIO;
}
