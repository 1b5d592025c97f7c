// SPDX-License-Identifier: GPL-2.0-only
#include "machine.h"
#include "recover.h"

static struct vhdx_image *open_image(struct machine *m, struct recorder *rec)
{
	struct vhdx_image *image =
		vhdx_image_open(&rec->store, m->plan->geometry.pool_pages,
				&m->report);

	if (!IS_ERR(image))
		return image;
	machine_fail(m, "the image cannot be opened: error %ld",
		     -PTR_ERR(image));
	return NULL;
}

static const struct vhdx_header *header_of(const struct machine *m)
{
	return vhdx_header_current(&m->image->headers);
}

/**
 * life_mark() - what has happened so far does not count
 * @m: the run, its image clean
 *
 * From here on, what changes must change the GUIDs first.
 */
void life_mark(struct machine *m)
{
	const struct vhdx_region *bat = &m->image->regions.bat;

	m->rec.bat = bat->offset / VHDX_PAGE;
	m->rec.bat_end = m->rec.bat + bat->length / VHDX_PAGE;
	recorder_flush(&m->rec);
	recorder_mark(&m->rec);
	verify_mark(&m->verifier, header_of(m));
}

static bool same_page(const struct page *a, const struct page *b)
{
	u8 bytes[2][VHDX_PAGE];

	if (a == b)
		return true;
	page_expand(a, bytes[0]);
	page_expand(b, bytes[1]);
	return !memcmp(bytes[0], bytes[1], VHDX_PAGE);
}

/* Two replays of one log; their headers have GUIDs of their own. */
static void compare(struct machine *m, const struct disk *a,
		    const struct disk *b)
{
	u64 number;

	if (a->size != b->size) {
		machine_fail(m,
			     "a second replay made the file %llu bytes long, and the first one %llu",
			     b->size, a->size);
		return;
	}
	for (number = 0; number * VHDX_PAGE < a->size; number++)
		if (number != HEADER_PAGE(0) && number != HEADER_PAGE(1) &&
		    !same_page(disk_page(a, number), disk_page(b, number)))
			machine_fail(m, "a second replay left other bytes at 0x%llx",
				     number * VHDX_PAGE);
}

/* A replay that a crash cut short is as good as one that was not. */
static void replay_second(struct machine *m)
{
	struct recorder *rec = malloc(sizeof(*rec));
	struct vhdx_image *image;

	if (!rec)
		abort();
	recorder_init(rec, &m->second, m->made.limit, 0);
	image = open_image(m, rec);
	if (image) {
		if (vhdx_image_recover(image))
			machine_fail(m, "a second replay failed");
		else
			compare(m, &m->rec.live, &rec->live);
		vhdx_image_close(image);
	}
	recorder_exit(rec);
	free(rec);
	m->totals->forks++;
}

/* A crash has left the fork: all there is, and the only truth. */
static void adopt(struct machine *m)
{
	life_close(m);
	request_forget(m);
	m->fork_in = 0;
	m->forked = false;
	m->muted = false;
	m->broken = false;
	m->nested = false;
	recorder_adopt(&m->rec, &m->fork);
	recorder_mark(&m->rec);
	if (!verify_learn(&m->verifier, &m->fork))
		machine_fail(m, "after a crash, %s", m->verifier.text);
	model_committed(&m->model, ++m->model.clock);
	model_prune(&m->model, NEVER);
}

/* Returns whether the image was replayed to the end. */
static bool recover(struct machine *m)
{
	int r;

	m->totals->recoveries++;
	m->verifier.same_disk = true;
	m->fork_in = random_once_in(&m->random, 3) ?
			     1 + random_below(&m->random, 12) : 0;
	m->second_in = random_once_in(&m->random, 2) ?
			       1 + random_below(&m->random, 12) : 0;
	if (random_once_in(&m->random, 6))
		m->rec.fail_in = 1 + random_below(&m->random, 12);
	m->second.size = 0;
	r = vhdx_image_recover(m->image);
	m->fork_in = 0;
	m->rec.fail_in = 0;
	if (r && m->rec.failed && !m->forked) {
		sample_fork(m, &m->fork);
		m->forked = true;
	}
	if (m->forked)
		return false;
	if (r)
		machine_fail(m, "the log cannot be replayed: error %d", -r);
	else if (!m->second_in && m->second.size)
		replay_second(m);
	m->second_in = 0;
	return true;
}

/* Reads go to the parent, too. */
static struct vhdx_chain *open_chain(struct machine *m)
{
	struct vhdx_image *images[2] = { m->image };
	u32 depth = 1;

	if (m->plan->geometry.child) {
		images[1] = parent_open(&m->made.parent,
					m->plan->geometry.pool_pages,
					&m->report);
		if (IS_ERR(images[1]))
			return ERR_PTR(PTR_ERR(images[1]));
		m->parent = images[depth++];
	}
	return vhdx_chain_new(images, depth, 0, &m->report);
}

/* Somebody is about to make a child, and names the parent to come. */
static void maybe_seal(struct machine *m)
{
	guid_t guid, holds;

	if (random_below(&m->random, 4) || m->session->mode != VHDX_MODE_RW)
		return;
	guid_gen(&guid);
	m->verifier.seal = guid;
	if (vhdx_session_seal(m->session, &guid, &holds))
		machine_fail(m, "the image cannot be sealed");
}

/**
 * life_begin() - open the image, replayed if it must be
 * @m: the run; it has no image
 */
void life_begin(struct machine *m)
{
	for (;;) {
		m->rec.fail_in = 0;
		m->image = open_image(m, &m->rec);
		if (!m->image)
			return;
		verify_mark(&m->verifier, header_of(m));
		if (!vhdx_header_dirty(header_of(m)) || recover(m))
			break;
		adopt(m);
	}
	if (!machine_lives(m))
		return;
	life_mark(m);
	m->verifier.same_disk = false;
	m->first_size = m->rec.live.size;
	m->chain = open_chain(m);
	m->session = vhdx_session_new(m->image, &m->report);
	if (IS_ERR(m->chain) || IS_ERR(m->session)) {
		m->chain = IS_ERR(m->chain) ? NULL : m->chain;
		m->session = IS_ERR(m->session) ? NULL : m->session;
		machine_fail(m, "the image cannot be written");
	} else {
		maybe_seal(m);
	}
}

static void note_stats(struct machine *m)
{
	const struct vhdx_session_stats *stats = &m->session->stats;
	struct totals *totals = m->totals;

	totals->allocated += stats->allocated;
	totals->freed += stats->freed;
	totals->commits += stats->commits;
	totals->checkpoints += stats->checkpoints;
	totals->begun += stats->begun;
	totals->bitmaps += stats->bitmaps;
	totals->evictions += m->image->pool.evictions;
}

/**
 * life_close() - forget the image
 * @m: the run
 */
void life_close(struct machine *m)
{
	if (m->session) {
		worker_drop(m);
		note_stats(m);
		vhdx_session_free(m->session);
	}
	m->session = NULL;
	if (m->chain)
		vhdx_chain_free(m->chain);
	m->chain = NULL;
	if (m->parent)
		vhdx_image_close(m->parent);
	m->parent = NULL;
	if (m->image)
		vhdx_image_close(m->image);
	m->image = NULL;
}

/*
 * What was reserved for blocks to come is given back, if the store can. A place that the
 * store could not zero stays taken, and what lies before it with it.
 */
static void check_length(struct machine *m)
{
	u64 longest = max(m->first_size, m->verifier.end);

	if (m->made.limit && !m->rec.failed && !m->session->bad_places &&
	    m->rec.live.size > longest)
		machine_fail(m,
			     "after a clean end, the file has %llu bytes and needs no more than %llu",
			     m->rec.live.size, longest);
}

/* All I/O has ended, so what drains can be given back. */
static void finish_drain(struct machine *m)
{
	worker_finish(m);
	if (m->worker.drain != DRAIN_NOTHING && machine_lives(m))
		while (vhdx_session_drained(m->session))
			;
	m->worker.drain = DRAIN_NOTHING;
	mover_drop(m);
}

/*
 * The image has the GUID that was chosen, if anything was written. No table with
 * the child takes over, and the image is written again.
 */
static void check_seal(struct machine *m, bool live, const guid_t *before)
{
	const guid_t *identity = vhdx_image_identity(m->image);
	const guid_t *want = live ? &m->verifier.seal : before;

	if (!m->session->seal.closed)
		return;
	if (!guid_equal(identity, want))
		machine_fail(m, "after a sealed end, DataWriteGuid is not the one that was said");
	m->totals->sealed++;
	vhdx_session_unseal(m->session);
}

/**
 * life_end() - leave a clean file behind
 * @m: the run
 */
void life_end(struct machine *m)
{
	unsigned int flags = VERIFY_CLEAN | VERIFY_LIVE;
	guid_t before = *vhdx_image_identity(m->image);
	bool live;
	int r = 0;

	maybe_seal(m);
	m->closing = true;
	request_finish(m);
	if (machine_lives(m))
		finish_drain(m);
	live = m->session->live;
	if (machine_lives(m))
		r = vhdx_session_end(m->session);
	m->closing = false;
	if (!machine_lives(m))
		return;
	if (r) {
		life_break(m, r);
		return;
	}
	model_committed(&m->model, ++m->model.clock);
	model_prune(&m->model, NEVER);
	sample_crashes(m, 4);
	if (!machine_lives(m))
		return;
	/* What a crash did to one of them is healed by the next to write. */
	if (m->session->stats.begun)
		flags |= VERIFY_ALIKE;
	if (!verify_state(&m->verifier, &m->rec.live, disk_last_id(), 0, flags))
		machine_fail(m, "after a clean end, %s", m->verifier.text);
	else
		check_length(m);
	check_seal(m, live, &before);
	/* What could not be given back stays until somebody writes again. */
	if (m->rec.failed)
		m->first_size = max(m->first_size, m->rec.live.size);
	m->rec.failed = false;
	if (machine_lives(m))
		life_mark(m);
}

/**
 * life_crash() - lose power, and begin again
 * @m: the run
 */
void life_crash(struct machine *m)
{
	m->fork_in = 1 + random_below(&m->random, 20);
	switch (random_below(&m->random, 5)) {
	case 0:
		break;
	case 1:
		life_end(m);
		break;
	case 2:
		machine_work(m, VHDX_WORK_COMMIT | VHDX_WORK_CHECKPOINT);
		break;
	default:
		machine_work(m, VHDX_WORK_COMMIT);
	}
	life_repair(m);
}

/**
 * life_break() - an operation of the committer failed
 * @m: the run
 * @error: how
 *
 * It may if the store did, and then nobody may write any more.
 */
void life_break(struct machine *m, int error)
{
	if (!m->rec.failed)
		machine_fail(m, "the committer failed: error %d (%s)", -error,
			     m->session->reason);
	else if (m->session->mode == VHDX_MODE_RW)
		machine_fail(m, "the committer failed: error %d, and writing goes on",
			     -error);
	m->broken = true;
	m->totals->broken++;
}

/**
 * life_repair() - begin again, after a crash that was or that is now
 * @m: the run
 */
void life_repair(struct machine *m)
{
	if (m->failed)
		return;
	if (!m->forked)
		sample_fork(m, &m->fork);
	adopt(m);
	if (machine_lives(m))
		life_begin(m);
}
