// SPDX-License-Identifier: GPL-2.0-only
#include "machine.h"
#include "move.h"

/* Steps within which a move ends, with nothing else under way. */
#define STEPS 600

static u64 data[VHDX_MIB / sizeof(u64)];

/* Where blocks must go to, by the engine; it may lack a page. */
static u64 find_goal(struct machine *m)
{
	struct vhdx_move_goal goal = {};
	struct vhdx_miss miss;

	while (vhdx_move_goal(m->session, &goal, &miss) == -EAGAIN)
		if (vhdx_image_load(&miss)) {
			m->rec.failed = false;
			break;
		}
	return goal.end;
}

/**
 * mover_ask() - somebody wants blocks to move
 * @m: the run
 *
 * If blocks move already, nothing comes of it.
 */
void mover_ask(struct machine *m)
{
	static const u32 steps[] = { VHDX_MIB, VHDX_MIB / 2, VHDX_MIB / 8 };
	u64 units = m->rec.store.size >> VHDX_ALIGN_SHIFT;
	u64 entries = m->image->bat.entries;
	bool all = random_once_in(&m->random, 2);

	if (m->mover.stage != MOVER_IDLE || !m->session->live)
		return;
	m->mover = (struct mover){
		.stage = MOVER_LOOKS,
		.index = all ? 0 : random_below(&m->random, entries),
		.left = 1 + random_below(&m->random, 4),
		.step = steps[random_below(&m->random, ARRAY_SIZE(steps))],
	};
	if (all)
		m->mover.end = find_goal(m);
	else
		m->mover.end = random_below(&m->random, units + 1)
			       << VHDX_ALIGN_SHIFT;
}

/* Nothing moves any more. */
static void end_move(struct machine *m)
{
	m->totals->overruled += m->session->move.fenced &&
				m->session->move.lost;
	vhdx_session_stay(m->session);
	m->mover.stage = MOVER_IDLE;
}

/* A page is loaded; what cannot be read is no one else's matter. */
static void load(struct machine *m, const struct vhdx_miss *miss)
{
	if (!vhdx_image_load(miss))
		return;
	if (!m->rec.failed && machine_lives(m))
		machine_fail(m, "a page of the BAT cannot be loaded");
	end_move(m);
}

static void look(struct machine *m)
{
	struct mover *mover = &m->mover;
	struct vhdx_miss miss;
	int r = vhdx_move_begin(m->session, &mover->index, mover->end, &miss);

	if (r == -EAGAIN) {
		load(m, &miss);
	} else if (!r) {
		mover->stage = MOVER_WAITS;
		mover->before = m->entered;
		m->totals->moves++;
	} else if (r != -EINPROGRESS) {
		end_move(m);
	}
}

static void publish(struct machine *m)
{
	struct vhdx_miss miss;
	int r = vhdx_move_publish(m->session, &miss);

	if (r == -EAGAIN) {
		load(m, &miss);
	} else if (!r) {
		m->totals->moved++;
		m->mover.index++;
		m->mover.stage = --m->mover.left ? MOVER_LOOKS : MOVER_IDLE;
	} else if (r != -EBUSY || !m->session->live) {
		end_move(m);
	}
}

static void copy(struct machine *m)
{
	int r = vhdx_move_copy(m->session, data, m->mover.step);

	if (r < 0)
		end_move(m);
	else if (!r)
		publish(m);
}

/**
 * mover_step() - do the next step of a move
 * @m: the run; the worker is the one who runs
 */
void mover_step(struct machine *m)
{
	struct mover *mover = &m->mover;

	switch (mover->stage) {
	case MOVER_IDLE:
		break;
	case MOVER_LOOKS:
		look(m);
		break;
	case MOVER_WAITS:
		if (worker_settled(m, mover->before))
			mover->stage = MOVER_COPIES;
		break;
	case MOVER_COPIES:
		copy(m);
		break;
	}
}

/**
 * mover_finish() - end the move that is under way, or give it up
 * @m: the run, in which no I/O is under way; anybody but the worker runs
 */
void mover_finish(struct machine *m)
{
	u32 left = random_once_in(&m->random, 2) ? STEPS : 3;

	m->mover.left = min(m->mover.left, 1U);
	while (m->mover.stage != MOVER_IDLE && left-- && machine_lives(m)) {
		worker_step(m);
		worker_finish(m);
	}
	worker_finish(m);
	if (!machine_lives(m) || m->mover.stage == MOVER_IDLE)
		return;
	/* The end of the session gives it up as well; but others wait for it. */
	if (m->refused_count || random_once_in(&m->random, 2))
		end_move(m);
}

/**
 * mover_drop() - the session goes, whatever moves
 * @m: the run
 */
void mover_drop(struct machine *m)
{
	m->mover.stage = MOVER_IDLE;
}
