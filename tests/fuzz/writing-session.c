// SPDX-License-Identifier: GPL-2.0-only
#include "meter.h"
#include "session.h"
#include "verdict.h"
#include "writing.h"

#define STEPS_MAX	32U
/*
 * Loads, begins, commits: no request needs more rounds than this. A block of 256
 * MiB in a child has 16 pages of bitmap.
 */
#define ROUNDS		64U

/**
 * struct life - a session under way
 * @w: its image
 * @session: the session
 * @sector: bytes of a sector
 * @fixed: blocks keep their space, and a discard means nothing
 * @wrote: the virtual disk is not what it was
 */
struct life {
	struct writing *w;
	struct vhdx_session *session;
	u32 sector;
	bool fixed;
	bool wrote;
};

static int let_work(struct life *life, unsigned int flags)
{
	int r;

	writing_begin(life->w, "the committer's work");
	r = vhdx_session_work(life->session, flags);
	meter_end();
	FUZZ_CHECK(!r || life->w->armed || life->w->disk.full || r == -EROFS,
		   "the committer fails with %d", r);
	FUZZ_CHECK(!r || r == -ENOMEM || life->session->mode != VHDX_MODE_RW,
		   "the committer fails with %d, and goes on", r);
	if (!r && flags & VHDX_WORK_COMMIT)
		spots_durable(&life->w->spots);
	return r;
}

/* The space worker is at work; the committer tells what it could not do. */
static int let_prepare(struct life *life)
{
	int r;

	writing_begin(life->w, "the space worker's work");
	r = vhdx_session_prepare(life->session);
	meter_end();
	FUZZ_CHECK(!r || life->w->armed || life->w->disk.full,
		   "the space worker fails with %d", r);
	return r == -ENOMEM ? r : let_work(life, 0);
}

/* What a request is answered that was turned away; 0: ask again. */
static int help(struct life *life, int r, const struct vhdx_miss *miss)
{
	if (r == -EBUSY)
		return let_work(life, VHDX_WORK_BEGIN);
	if (r == -EINPROGRESS)
		return let_prepare(life);
	if (r != -EAGAIN)
		return r;
	writing_begin(life->w, "a load");
	r = vhdx_image_load(miss);
	meter_end();
	return r;
}

enum request {
	WRITE,
	DISCARD,
	ZEROES,
	ZEROES_KEPT,
	REQUESTS,
};

static const enum vhdx_zero why_zero[] = {
	[DISCARD] = VHDX_ZERO_DISCARD,
	[ZEROES] = VHDX_ZERO_WRITE,
	[ZEROES_KEPT] = VHDX_ZERO_KEEP,
};

static int ask(struct life *life, enum request what, u64 pos, u64 len,
	       struct vhdx_run *run)
{
	struct vhdx_miss miss;
	u32 round;
	int r;

	for (round = 0; round < ROUNDS; round++) {
		writing_begin(life->w, "a request");
		if (what == WRITE)
			r = vhdx_session_map(life->session, pos, len, run,
					     &miss);
		else
			r = vhdx_session_zero(life->session, why_zero[what],
					      pos, len, run, &miss);
		meter_end();
		if (r)
			r = help(life, r, &miss);
		else
			return 0;
		if (r)
			return r;
	}
	/* The pool may be too small to load a page before it is asked for. */
	FUZZ_CHECK(false, "a request is turned away for ever");
	return -EBUSY;
}

static void check_run(const struct life *life, enum request what, u64 len,
		      const struct vhdx_run *run)
{
	const struct vhdx_image *image = life->w->child.image;

	FUZZ_CHECK(run->length && run->length <= len &&
		   IS_ALIGNED(run->length, life->sector),
		   "0x%llx of 0x%llx bytes", run->length, len);
	FUZZ_CHECK(what != WRITE || run->kind == VHDX_RUN_DATA,
		   "a write to a run of kind %d", run->kind);
	if (run->kind == VHDX_RUN_ZERO)
		return;
	FUZZ_CHECK(run->kind == VHDX_RUN_DATA && !run->layer &&
		   IS_ALIGNED(run->offset, life->sector) &&
		   run->offset < image->store->size &&
		   run->length <= image->store->size - run->offset &&
		   !vhdx_regions_hit(&image->regions, run->offset, run->length),
		   "kind %d, layer %u, 0x%llx bytes at 0x%llx of 0x%llx",
		   run->kind, run->layer, run->length, run->offset,
		   image->store->size);
}

/* The data is there: sectors that a child lacked get their bits. */
static int tell_wrote(struct life *life, u64 pos, u64 len)
{
	struct vhdx_miss miss;
	u32 round;
	int r;

	for (round = 0; round < ROUNDS; round++) {
		writing_begin(life->w, "the end of a write");
		r = vhdx_session_wrote(life->session, pos, len, &miss);
		meter_end();
		if (!r)
			return 0;
		r = help(life, r, &miss);
		if (r)
			return r;
	}
	FUZZ_CHECK(false, "the end of a write is turned away for ever");
	return -EBUSY;
}

/* Of a child, a discard leaves what shows the parent as it is. */
static bool may_stay(const struct life *life, const struct vhdx_run *run)
{
	return life->fixed || run->kind == VHDX_RUN_DATA ||
	       life->w->child.image->bat.differencing;
}

/* One run of a request: what the module would do with it. */
static bool serve(struct life *life, enum request what, u64 pos,
		  const struct vhdx_run *run)
{
	u8 byte = what == WRITE ? random_next(life->w->random) : 0;
	struct spots *spots = &life->w->spots;

	life->wrote = true;
	/* A store need not do a discard. */
	if (what == DISCARD && may_stay(life, run)) {
		spots_unknown(spots, pos, run->length);
		return true;
	}
	spots_write(spots, pos, run->length, life->sector, byte);
	if (run->kind != VHDX_RUN_DATA)
		return true;
	if (!overlay_fill(&life->w->disk, run->offset, run->length, byte))
		return false;
	/* A write that failed may have done anything to its sectors. */
	if (run->absent && tell_wrote(life, pos, run->length))
		spots_unknown(spots, pos, run->length);
	return true;
}

static bool make_request(struct life *life, enum request what)
{
	struct writing *w = life->w;
	u64 block = vhdx_bat_block_size(&w->child.image->bat);
	struct vhdx_run run;
	u64 pos, len;

	pos = walk_range(&w->walk,
			 random_once_in(w->random, 2) ? 8 :
			 2 * block / life->sector, &len);
	/* What is beside it stays as it is. */
	spots_learn_at(&w->spots, &w->walk, ALIGN_DOWN(pos, block));
	for (; len; pos += run.length, len -= run.length) {
		int r = ask(life, what, pos, len, &run);

		if (r) {
			FUZZ_CHECK(r == -EIO || r == -EROFS || r == -ENOSPC ||
				   w->armed || w->disk.full,
				   "a request fails with %d", r);
			return r == -EIO;
		}
		check_run(life, what, len, &run);
		if (!serve(life, what, pos, &run))
			return false;
	}
	return true;
}

static void drain(struct life *life)
{
	writing_begin(life->w, "draining");
	if (vhdx_session_drain(life->session))
		while (vhdx_session_drained(life->session))
			;
	meter_end();
}

static int end_session(struct life *life)
{
	int r;

	writing_begin(life->w, "the end of a session");
	r = vhdx_session_end(life->session);
	meter_end();
	FUZZ_CHECK(!r || life->w->armed || life->w->disk.full || r == -EROFS,
		   "a session ends with %d", r);
	if (!r)
		spots_durable(&life->w->spots);
	return r;
}

static bool step(struct life *life)
{
	switch (random_below(life->w->random, 12)) {
	case 0:
	case 1:
		return !let_work(life, VHDX_WORK_COMMIT);
	case 2:
		return !let_work(life, VHDX_WORK_CHECKPOINT);
	case 3:
		return !let_work(life, VHDX_WORK_BEGIN);
	case 4:
		drain(life);
		return true;
	case 5:
		return !end_session(life);
	default:
		return make_request(life, random_below(life->w->random, REQUESTS));
	}
}

/* Steps, and an end or a crash. Returns whether the file is clean. */
static bool live(struct life *life, bool idle)
{
	u32 steps = random_below(life->w->random, STEPS_MAX);
	bool ended = false;

	if (idle && !let_work(life, VHDX_WORK_BEGIN) &&
	    !let_work(life, VHDX_WORK_COMMIT) && !let_work(life, VHDX_WORK_CHECKPOINT))
		steps = 0;
	while (steps-- && step(life))
		spots_check(&life->w->spots, &life->w->walk, "a step");
	if (!random_once_in(life->w->random, 4))
		ended = !end_session(life);
	return ended;
}

/* A check finds nothing to complain about in what a session has written. */
static void check_after(struct life *life)
{
	struct vhdx_census census;

	if (!life->wrote)
		return;
	writing_count(life->w, &census);
	FUZZ_CHECK(!census.faulty && !census.overlaps,
		   "a session leaves %llu faults and %llu overlaps",
		   census.faulty, census.overlaps);
}

/**
 * writing_session() - a short session
 * @w: the image, clean, and open with its chain
 */
void writing_session(struct writing *w)
{
	struct life life = {
		.w = w,
		.sector = 1U << w->child.image->bat.sector_shift,
		.fixed = w->child.image->params.leave_allocated,
	};
	u32 errors = w->child.errors;
	bool clean;

	writing_begin(w, "a new session");
	life.session = vhdx_session_new(w->child.image, &w->child.report);
	meter_end();
	if (IS_ERR(life.session)) {
		FUZZ_CHECK(PTR_ERR(life.session) == -EROFS &&
			   w->child.errors > errors,
			   "no session: %ld", PTR_ERR(life.session));
		return;
	}
	writing_arm(w, 64);
	clean = live(&life, random_once_in(w->random, 4));
	writing_begin(w, "the end of a session's memory");
	vhdx_session_free(life.session);
	meter_end();
	writing_disarm(w);
	if (!clean)
		spots_crash(&w->spots);
	w->counted = !life.wrote;
	if (!writing_reopen(w, "a session"))
		return;
	check_after(&life);
	if (!writing_recover(w) && writing_reopen(w, "its recovery"))
		check_after(&life);
}
