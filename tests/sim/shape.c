// SPDX-License-Identifier: GPL-2.0-only
#include "compact.h"
#include "machine.h"
#include "resize.h"
#include "shorten.h"

/* More make each state slow to look at, but for those of huge disks. */
#define SIZE_LARGEST	(4200 * VHDX_MIB)

/**
 * struct shape - a change of shape
 * @m: the run; the image in it is the one that is changed
 * @kind: OP_GROW, OP_CUT or OP_COMPACT
 * @live: the session goes on afterwards
 * @from: size of the disk in bytes
 * @to: the size that it is to have
 * @report: hears what the engine says
 * @said: what it said last, if that was an error
 * @progress: may stop it
 * @steps: until that
 * @plan: of a compaction
 */
struct shape {
	struct machine *m;
	enum op_kind kind;
	bool live;
	u64 from;
	u64 to;
	struct vhdx_report report;
	char said[VHDX_SENTENCE_MAX];
	struct vhdx_progress progress;
	u32 steps;
	struct vhdx_plan *plan;
};

static void hear(struct vhdx_report *report, const struct vhdx_finding *finding)
{
	struct shape *s = container_of(report, struct shape, report);

	if (!verify_may_say(finding))
		vhdx_sentence(finding, s->said, sizeof(s->said));
}

static int stop(struct vhdx_progress *progress, u64 done, u64 total)
{
	struct shape *s = container_of(progress, struct shape, progress);

	(void)done;
	(void)total;
	return s->steps && !--s->steps ? -EINTR : 0;
}

/* A few blocks or sectors, or up to where a page or a chunk begins. */
static u64 choose_larger(struct machine *m)
{
	const struct geometry *g = &m->plan->geometry;
	struct random *random = &m->random;
	u32 shift = g->block_shift;
	u64 blocks = m->model.blocks;

	switch (random_below(random, 6)) {
	case 0:
		return m->model.size +
		       g->sector * (1 + random_below(random, 300));
	case 1:
		blocks = ALIGN(blocks + 1, (u64)VHDX_BAT_ENTRIES_PER_PAGE);
		break;
	case 2:
		blocks = ALIGN(blocks + 1, geometry_chunk(g));
		break;
	}
	blocks += 1 + random_below(random, g->huge ? 24 : 6);
	if (blocks << shift > SIZE_LARGEST && !g->huge)
		blocks = m->model.blocks + 1;
	return (blocks << shift) -
	       (random_once_in(random, 2) ? g->sector * random_below(random, 300) : 0);
}

static u64 choose_smaller(struct machine *m)
{
	const struct geometry *g = &m->plan->geometry;
	u64 sectors = m->model.size / g->sector;
	u64 less = (random_below(&m->random, 4) << g->block_shift) / g->sector;

	if (random_once_in(&m->random, 12))
		less = random_below(&m->random, sectors);
	if (random_once_in(&m->random, 2))
		less += 1 + random_below(&m->random, 300);
	return (sectors - min(less, sectors - 1)) * g->sector;
}

static u64 parent_size(const struct machine *m)
{
	return m->plan->geometry.child ? m->made.parent.size : 0;
}

/* Returns false if the image cannot have another size. */
static bool choose_size(struct shape *s)
{
	struct machine *m = s->m;

	s->from = m->model.size;
	s->to = s->from;
	if (s->kind == OP_GROW)
		s->to = choose_larger(m);
	else if (s->kind == OP_CUT)
		s->to = choose_smaller(m);
	if (s->kind == OP_GROW)
		return s->to > s->from &&
		       !vhdx_resize_fault(m->image, s->to, parent_size(m));
	return s->kind == OP_COMPACT || !vhdx_shorten_fault(m->image, s->to);
}

/* As one who has the image to himself. */
static bool open_alone(struct shape *s)
{
	struct machine *m = s->m;
	u32 fail_in = m->rec.fail_in;

	life_close(m);
	m->rec.fail_in = 0;
	m->image = vhdx_image_open(&m->rec.store, m->plan->geometry.pool_pages,
				   &m->report);
	if (IS_ERR(m->image)) {
		m->image = NULL;
		machine_fail(m, "the image cannot be opened");
		return false;
	}
	m->rec.fail_in = fail_in;
	m->session = vhdx_session_new(m->image, &s->report);
	if (!IS_ERR(m->session))
		return true;
	m->session = NULL;
	machine_fail(m, "the image cannot be written");
	return false;
}

static int compact(struct shape *s)
{
	struct machine *m = s->m;
	int r;

	s->plan = vhdx_plan_new(m->image, random_once_in(&m->random, 2), NULL,
				&s->report);
	if (IS_ERR(s->plan))
		return PTR_ERR(s->plan);
	r = vhdx_compact(m->session, s->plan, &s->progress, &s->report);
	if (!r) {
		m->totals->shape.moved += s->plan->moved;
		m->totals->shape.emptied += s->plan->empties;
		m->totals->shape.regions += !!s->plan->bat_to +
					    !!s->plan->metadata_to;
	}
	vhdx_plan_free(s->plan);
	return r;
}

static int change(struct shape *s)
{
	struct machine *m = s->m;

	if (s->kind == OP_COMPACT)
		return compact(s);
	if (s->kind == OP_CUT)
		return vhdx_shorten(m->session, s->to, &s->report);
	if (s->live)
		return vhdx_resize_live(m->session, s->to, &s->report);
	return vhdx_resize(m->session, s->to, &s->progress, &s->report);
}

/* What may be seen while it goes on: the old size, or the new. */
static void expect(struct shape *s)
{
	struct machine *m = s->m;

	if (s->to > s->from)
		model_resize(&m->model, s->to);
	verify_sizes(&m->verifier, s->from, s->to);
	m->verifier.same_disk = s->kind == OP_COMPACT;
	m->verifier.bits_left |= s->kind == OP_CUT;
	/* A move keeps the GUID that a child may name. */
	m->verifier.seal = (guid_t){};
	if (random_once_in(&m->random, 4))
		m->fork_in = 1 + random_below(&m->random, 60);
	s->steps = random_once_in(&m->random, 4) ?
			   1 + random_below(&m->random, 8) : 0;
}

/* Nothing is left for a second compaction. */
static void check_compact(struct shape *s)
{
	struct machine *m = s->m;
	struct vhdx_plan *plan = vhdx_plan_new(m->image, false, NULL,
					       &m->report);

	if (IS_ERR(plan)) {
		machine_fail(m, "after a compaction, there is no plan for another one");
		return;
	}
	if (vhdx_plan_gains(plan, !m->made.limit))
		machine_fail(m, "another compaction moves %llu bytes and frees %llu entries",
			     plan->moves, plan->empties);
	vhdx_plan_free(plan);
	m->totals->shape.compacted++;
}

static void note_done(struct shape *s, bool moves)
{
	struct shape_totals *totals = &s->m->totals->shape;

	totals->grown += s->kind == OP_GROW;
	totals->live += s->live;
	totals->cut += s->kind == OP_CUT;
	totals->bat_moved += moves;
}

/* A crash has happened, or happens now, for the store has failed. */
static void crash(struct shape *s)
{
	struct machine *m = s->m;
	u64 from = s->from, to = s->to;

	life_repair(m);
	m->totals->shape.crashed++;
	m->totals->shape.kept += from != to && m->model.size == from;
}

/* It has ended, well or because it was stopped, and the file is clean. */
static void settle(struct shape *s, int r)
{
	struct machine *m = s->m;
	unsigned int flags = VERIFY_CLEAN | VERIFY_LIVE;
	u64 size = r ? s->from : s->to;

	m->totals->shape.stopped += r == -EINTR;
	m->totals->shape.no_room += r == -ENOSPC;
	if (!r && s->kind == OP_CUT)
		m->verifier.bits_left = false;
	model_resize(&m->model, size);
	verify_sizes(&m->verifier, size, size);
	model_committed(&m->model, ++m->model.clock);
	sample_crashes(m, 4);
	if (!machine_lives(m))
		return;
	if (m->session->stats.begun)
		flags |= VERIFY_ALIKE;
	if (!verify_state(&m->verifier, &m->rec.live, disk_last_id(), 0, flags))
		machine_fail(m, "after a change of shape, %s", m->verifier.text);
	m->rec.failed = false;
	if (machine_lives(m))
		life_mark(m);
	m->verifier.same_disk = false;
}

/* The device goes on with the image that was open all the time. */
static void go_on_live(struct machine *m)
{
	m->chain->size = m->image->bat.size;
	m->first_size = m->rec.live.size;
	life_mark(m);
}

static void end(struct shape *s, int r, bool moves)
{
	struct machine *m = s->m;

	if (m->forked || (m->rec.failed && r && !m->failed)) {
		crash(s);
		return;
	}
	m->fork_in = 0;
	if (r && r != -EINTR && r != -ENOSPC)
		machine_fail(m, "the shape cannot change: error %d (%s)", -r,
			     s->said);
	else if (!r && *s->said && !m->rec.failed)
		machine_fail(m, "the engine says: %s", s->said);
	if (machine_lives(m))
		settle(s, r);
	if (!machine_lives(m))
		return;
	if (!r)
		note_done(s, moves);
	if (s->live) {
		go_on_live(m);
	} else {
		life_close(m);
		life_begin(m);
	}
	if (machine_lives(m) && !r && s->kind == OP_COMPACT)
		check_compact(s);
	if (machine_lives(m) && !r)
		dump_image(m);
}

/**
 * shape_change() - the image gets another shape
 * @m: the run, with a session
 * @kind: OP_GROW, OP_CUT or OP_COMPACT
 *
 * The session ends first. A growth may have it go on afterwards; else nobody uses
 * the image meanwhile, and it is opened anew.
 */
void shape_change(struct machine *m, enum op_kind kind)
{
	struct shape s = {
		.m = m,
		.kind = kind,
		.report.emit = hear,
		.progress.step = stop,
	};
	bool moves;
	int r;

	life_end(m);
	if (!machine_lives(m) || !choose_size(&s))
		return;
	s.live = kind == OP_GROW && random_once_in(&m->random, 2);
	if (!s.live && !open_alone(&s))
		return;
	moves = vhdx_resize_moves(m->image, s.to);
	expect(&s);
	r = change(&s);
	end(&s, r, moves);
}

/**
 * shape_fit() - a request to the disk as large as it is now
 * @m: the run
 * @op: the request; it keeps its distance from the end of the disk, or its place
 */
void shape_fit(struct machine *m, struct op *op)
{
	u64 planned = m->plan->geometry.size, size = m->model.size;

	if (size == planned)
		return;
	if (op->pos >= size || random_once_in(&m->random, 2)) {
		u64 back = planned - op->pos;

		op->pos = size - min(back, size);
	}
	op->len = min(op->len, size - op->pos);
}
