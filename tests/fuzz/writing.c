// SPDX-License-Identifier: GPL-2.0-only
#include "meter.h"
#include "recover.h"
/* The engine's: the harness has one of its own, for inputs. */
#include <repair.h>
#include "verdict.h"
#include "writing.h"

/*
 * The check of a larger BAT, or the map of a longer file, takes its time, and
 * so does a session's survey.
 */
#define ENTRIES_MAX	24576ULL
#define FILE_MAX	(4 * VHDX_TIB)

#define SPOTS_AT_FIRST	16U

/* The parents, which are only read. */
static struct {
	struct opened opened;
	struct meter_store store;
} parents[FUZZ_LAYERS_MAX];

/**
 * writing_begin() - the engine gets to work
 * @w: the image
 * @phase: what it does; meter_end() comes behind it
 *
 * It may take some memory for the map of the file and for the log, and read
 * and copy as much as a few passes over these and over a short BAT take.
 */
void writing_begin(const struct writing *w, const char *phase)
{
	u64 log = opened_log_length(&w->input->layer[0]);
	u64 size = !w->child.image || IS_ERR(w->child.image) ?
		   0 : w->child.image->limits.file_size;
	/* A session may make the file longer. */
	u64 chunks = (size >> VHDX_ALIGN_SHIFT >> VHDX_SPACE_CHUNK_SHIFT) + 3;
	struct meter_bound bound = {
		.memory = 16 * VHDX_MIB + 4 * log +
			  chunks * sizeof(struct vhdx_space_chunk),
		.reads = 64 * VHDX_MIB + 16 * log,
		.work = 256 * VHDX_MIB + 64 * log,
	};

	meter_begin(phase, &bound);
}

/**
 * writing_arm() - perhaps something will fail
 * @w: the image
 * @operations: of the store, among which one may be chosen
 */
void writing_arm(struct writing *w, u32 operations)
{
	struct meter_failures failures = {};
	u32 choice = random_below(w->random, 8);

	w->armed = choice < 4;
	if (choice < 2)
		overlay_fail(&w->disk, 1 + random_below(w->random, operations),
			     choice);
	else if (choice == 2)
		failures.alloc = 1 + random_below(w->random, 24);
	else if (choice == 3)
		failures.read = 1 + random_below(w->random, 24);
	meter_fail(&failures);
}

/**
 * writing_disarm() - nothing fails any more
 * @w: the image
 *
 * Return: whether something has failed, or the store could take no more.
 */
bool writing_disarm(struct writing *w)
{
	struct meter_failures none = {};
	bool failed = overlay_mend(&w->disk);

	failed |= meter_fail(&none);
	w->armed = false;
	return failed || w->disk.full;
}

static void join(struct writing *w)
{
	unsigned int flags = w->input->run & FUZZ_RUN_STRICT_ID ?
			     0 : VHDX_CHAIN_IGNORE_ID;
	struct opened *list[FUZZ_LAYERS_MAX] = { &w->child };
	u32 depth = w->child.image->params.has_parent ? w->input->layers : 1;
	u32 i;

	for (i = 1; i < depth; i++) {
		list[i] = &parents[i].opened;
		meter_store(&parents[i].store, &w->input->layer[i]);
		opened_open(list[i], &parents[i].store.store,
			    &w->input->layer[i], 4);
		if (IS_ERR(list[i]->image))
			return;
	}
	w->chain = opened_join(list, depth, flags);
	w->walk.chain = w->chain;
}

static void close_all(struct writing *w)
{
	u32 i;

	writing_begin(w, "closing");
	if (w->chain)
		vhdx_chain_free(w->chain);
	meter_end();
	w->chain = NULL;
	opened_close(&w->child);
	for (i = 1; i < w->input->layers; i++)
		opened_close(&parents[i].opened);
}

static bool open_all(struct writing *w)
{
	opened_open(&w->child, &w->disk.store, &w->input->layer[0],
		    1 + w->input->pool % 16);
	if (IS_ERR(w->child.image))
		return false;
	join(w);
	return true;
}

/**
 * writing_count() - have the whole-image check count
 * @w: the image, whose BAT is short
 * @census: gets the counts
 */
void writing_count(struct writing *w, struct vhdx_census *census)
{
	int r;

	writing_begin(w, "the whole-image check");
	r = vhdx_check_blocks(w->child.image, census, NULL, &w->child.report);
	meter_end();
	FUZZ_CHECK(!r, "the check returns %d", r);
}

/**
 * writing_reopen() - the image opens, and holds what it should
 * @w: the image, as it was left
 * @when: what was done to it
 *
 * Return: false if it cannot be gone on with: the store is full.
 */
bool writing_reopen(struct writing *w, const char *when)
{
	struct vhdx_census census;
	bool joined = w->chain;

	close_all(w);
	FUZZ_CHECK(open_all(w), "after %s, it does not open: %ld", when,
		   PTR_ERR(w->child.image));
	FUZZ_CHECK(joined == !!w->chain, "after %s, its parents do not fit",
		   when);
	if (w->chain)
		spots_check(&w->spots, &w->walk, when);
	if (w->counted) {
		writing_count(w, &census);
		FUZZ_CHECK(!memcmp(&census, &w->census, sizeof(census)),
			   "after %s, the check counts otherwise", when);
	}
	return !w->disk.full;
}

static bool is_dirty(const struct writing *w)
{
	return vhdx_header_dirty(vhdx_header_current(&w->child.image->headers));
}

/**
 * writing_recover() - replay on disk
 * @w: the image; nothing fails
 *
 * Return: 0, or why it cannot be: that was told.
 */
int writing_recover(struct writing *w)
{
	u32 errors = w->child.errors;
	int r;

	writing_begin(w, "a recovery");
	r = vhdx_image_recover(w->child.image);
	meter_end();
	FUZZ_CHECK(!r || r == -EUCLEAN || r == -EOVERFLOW || w->disk.full,
		   "a recovery fails with %d", r);
	FUZZ_CHECK(!r || w->child.errors > errors, "and not a word");
	FUZZ_CHECK(r || (!is_dirty(w) && !w->child.image->log.count),
		   "and the image is dirty");
	return r;
}

/* It may fail, and then it is tried again. */
static bool recover(struct writing *w)
{
	int r;

	if (!is_dirty(w))
		return true;
	writing_arm(w, w->child.image->replay.count + 8);
	writing_begin(w, "a recovery that may fail");
	r = vhdx_image_recover(w->child.image);
	meter_end();
	/* Readers that had it open go on. */
	if (!writing_disarm(w) && w->chain)
		spots_check(&w->spots, &w->walk, "a recovery, still open");
	if (!writing_reopen(w, "a recovery"))
		return false;
	if (!r) {
		FUZZ_CHECK(!is_dirty(w), "a recovery leaves it dirty");
		return true;
	}
	r = writing_recover(w);
	return writing_reopen(w, "another recovery") && !r;
}

static int mend_regions(struct writing *w)
{
	return vhdx_repair_regions(w->child.image);
}

static int mend_headers(struct writing *w)
{
	return vhdx_repair_headers(w->child.image);
}

/* Likewise; a repair that was done leaves nothing to be done. */
static bool repair(struct writing *w, const char *what,
		   int (*mend)(struct writing *w))
{
	int r;

	writing_arm(w, 16);
	writing_begin(w, what);
	r = mend(w);
	meter_end();
	FUZZ_CHECK(r >= 0 || w->armed || w->disk.full || r == -EOVERFLOW ||
		   r == -EOPNOTSUPP, "%s fails with %d", what, r);
	writing_disarm(w);
	if (!writing_reopen(w, what))
		return false;
	/* It goes through the log. */
	if (is_dirty(w) && (writing_recover(w) || !writing_reopen(w, what)))
		return false;
	if (r < 0)
		return true;
	writing_begin(w, what);
	r = mend(w);
	meter_end();
	FUZZ_CHECK(!r, "%s, once more: %d", what, r);
	return true;
}

/* Of a log that cannot be replayed, an image has nothing but its headers. */
static bool give_log_up(struct writing *w)
{
	int r;

	writing_begin(w, "giving up the log");
	r = vhdx_repair_log(&w->disk.store, &w->child.report);
	if (r == 1) {
		r = vhdx_repair_log(&w->disk.store, &w->child.report);
		FUZZ_CHECK(!r, "giving up the log, once more: %d", r);
		r = 1;
	}
	meter_end();
	return r == 1 && open_all(w);
}

static void live(struct writing *w)
{
	w->counted = w->child.image->bat.entries <= ENTRIES_MAX &&
		     w->child.image->limits.file_size <= FILE_MAX;
	if (w->counted)
		writing_count(w, &w->census);
	if (w->chain)
		spots_learn(&w->spots, &w->walk, SPOTS_AT_FIRST);
	spots_durable(&w->spots);
	if (!recover(w) ||
	    !repair(w, "a repair of the headers", mend_headers) ||
	    !repair(w, "a repair of the region tables", mend_regions))
		return;
	if (w->counted && w->chain)
		writing_session(w);
}

static struct random guids;

static void repeatable(void *buf, size_t len)
{
	u8 *bytes = buf;
	size_t i;

	for (i = 0; i < len; i++)
		bytes[i] = random_next(&guids) >> 13;
}

/**
 * writing() - have the engine write the child
 * @input: the chain
 * @random: makes the choices
 */
void writing(const struct fuzz_input *input, struct random *random)
{
	struct meter_failures none = {};
	static struct writing w;

	guids.state = random_next(random);
	shim_random = repeatable;
	w.input = input;
	w.random = random;
	w.walk.random = random;
	w.walk.files = input->layer;
	w.spots.count = 0;
	meter_fail(&none);
	overlay_init(&w.disk, &input->layer[0]);
	overlay_fail(&w.disk, 0, false);
	overlay_mend(&w.disk);
	if (open_all(&w) || give_log_up(&w))
		live(&w);
	close_all(&w);
}
