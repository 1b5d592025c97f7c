// SPDX-License-Identifier: GPL-2.0-only
#include "machine.h"

/* Crash states that are tried as a matter of course. */
#define TRIED_FLUSHING	3
#define TRIED_FLUSHED	1
#define TRIED_ISSUED	1
#define TRIED_BETWEEN	1

/* The seed of the GUIDs of a run. */
static struct random guids;

static void repeatable_random(void *buf, size_t len)
{
	u8 *byte = buf;

	while (len--)
		*byte++ = random_next(&guids);
}

/**
 * machine_fail() - something must not be
 * @m: the run; it ends
 * @fmt: what, in a sentence
 */
void machine_fail(struct machine *m, const char *fmt, ...)
{
	va_list args;

	if (m->failed)
		return;
	va_start(args, fmt);
	vsnprintf(m->text, sizeof(m->text), fmt, args);
	va_end(args);
	m->failed = true;
	m->failed_op = m->next ? m->next - 1 : 0;
}

static void hear(struct vhdx_report *report, const struct vhdx_finding *finding)
{
	struct machine *m = container_of(report, struct machine, report);
	char sentence[VHDX_SENTENCE_MAX];

	if (verify_may_say(finding) || m->rec.failed)
		return;
	vhdx_sentence(finding, sentence, sizeof(sentence));
	machine_fail(m, "the engine says: %s", sentence);
}

/* With the committer at rest and nothing lost, the headers are whole. */
static void check_live(struct machine *m)
{
	if (!m->session->live || !random_once_in(&m->random, 8))
		return;
	if (!verify_state(&m->verifier, &m->rec.live, disk_last_id(), 0,
			  VERIFY_ALIKE))
		machine_fail(m, "with nothing lost, %s", m->verifier.text);
}

/**
 * machine_work() - let the committer work
 * @m: the run; the committer is not at work
 * @flags: VHDX_WORK_*
 */
void machine_work(struct machine *m, unsigned int flags)
{
	const struct vhdx_journal *journal = &m->session->journal;
	u64 began = ++m->model.clock;
	u64 begun = m->session->stats.begun;
	u32 head = journal->head;
	int r;

	m->working = true;
	r = vhdx_session_work(m->session, flags);
	m->working = false;
	if (!machine_lives(m))
		return;
	if (r) {
		life_break(m, r);
		return;
	}
	if (!m->session->space_error)
		m->rec.failed = false;
	if (begun == m->session->stats.begun)
		m->totals->wraps += journal->head < head;
	if (flags & VHDX_WORK_COMMIT)
		request_committed(m, began);
	check_live(m);
	while (machine_lives(m) && random_below(&m->random, 4))
		worker_step(m);
	if (machine_lives(m))
		request_retry(m);
}

/* The next entry of the log is one of the first of a lap. */
static bool lap_begins(const struct machine *m)
{
	const struct vhdx_journal *journal = &m->session->journal;

	return m->session->live &&
	       (journal->head < 8 * VHDX_PAGE ||
		journal->head + journal->room / 4 > journal->room);
}

/* What was planned, or the same in a block that is far away. */
static void start_request(struct machine *m, const struct op *op)
{
	const struct geometry *geometry = &m->plan->geometry;
	u64 size = 1ULL << geometry->block_shift;
	struct op other = *op;

	if (m->plan->far && lap_begins(m) && random_once_in(&m->random, 2)) {
		other.pos = m->plan->far * size *
				    (1 + random_below(&m->random, 2)) +
			    (op->pos & (size - 1));
		other.len = min(op->len, size);
	}
	shape_fit(m, &other);
	request_start(m, &other);
}

static void do_op(struct machine *m, const struct op *op)
{
	m->totals->ops[op->kind]++;
	switch (op->kind) {
	case OP_PROGRESS:
		request_progress(m);
		break;
	case OP_FLUSH:
		request_flush(m);
		break;
	case OP_COMMIT:
		machine_work(m, VHDX_WORK_COMMIT);
		break;
	case OP_TICK:
		machine_work(m, 0);
		break;
	case OP_IDLE:
		machine_work(m, VHDX_WORK_COMMIT | VHDX_WORK_CHECKPOINT);
		break;
	case OP_SHRINK:
		vhdx_pool_shrink(&m->image->pool, 1 + op->seed % 8);
		break;
	case OP_END:
		life_end(m);
		break;
	case OP_REOPEN:
		life_end(m);
		if (!machine_lives(m))
			break;
		life_close(m);
		life_begin(m);
		break;
	case OP_CRASH:
		life_crash(m);
		break;
	case OP_FAULT:
		m->rec.fail_in = 1 + random_below(&m->random, 12);
		break;
	case OP_MOVE:
		mover_ask(m);
		break;
	case OP_GROW:
	case OP_CUT:
	case OP_COMPACT:
		shape_change(m, op->kind);
		break;
	default:
		start_request(m, op);
	}
}

/* The operation that comes next, if it may happen now. */
static const struct op *next_op(struct machine *m)
{
	const struct plan *plan = m->plan;

	while (m->next < plan->count && plan->op[m->next].left_out)
		m->next++;
	if (m->next == plan->count || m->closing)
		return NULL;
	if ((m->working || m->overtaking) &&
	    plan->op[m->next].kind > OP_FLUSH &&
	    plan->op[m->next].kind != OP_SHRINK &&
	    plan->op[m->next].kind != OP_MOVE)
		return NULL;
	return &plan->op[m->next++];
}

/* Each has choices of its own, so that others can be left out. */
static bool step(struct machine *m)
{
	const struct op *op = next_op(m);
	struct random saved = m->random;

	if (!op)
		return false;
	m->random.state = op->seed;
	do_op(m, op);
	if (machine_lives(m) && random_once_in(&m->random, 2))
		worker_step(m);
	if (m->broken && !m->failed && !m->working && !m->overtaking)
		life_repair(m);
	if (machine_lives(m))
		sample_crashes(m, TRIED_BETWEEN);
	m->random = saved;
	return machine_lives(m);
}

/* The committer waits for the disk, and others do not. */
static void meanwhile(struct machine *m)
{
	u64 count = random_below(&m->random, 4);

	m->nested = true;
	while (count-- && machine_lives(m)) {
		m->totals->nested++;
		if (random_once_in(&m->random, 3))
			worker_step(m);
		else if (random_once_in(&m->random, 3) || !step(m))
			request_progress(m);
	}
	m->nested = false;
}

/*
 * While a request waits for a page, others that were faster change the page,
 * and the committer writes it and drops it.
 */
static void overtake(struct machine *m)
{
	u64 count = random_below(&m->random, 4);

	if (!m->loading || m->working || m->closing || m->overtaking ||
	    !m->plan->overtake || !random_once_in(&m->random, 3))
		return;
	m->loading = false;
	m->totals->overtaken++;
	m->overtaking = true;
	while (count-- && machine_lives(m) && step(m))
		;
	m->overtaking = false;
	if (!machine_lives(m))
		return;
	machine_work(m, VHDX_WORK_COMMIT | VHDX_WORK_CHECKPOINT);
	if (machine_lives(m))
		vhdx_pool_shrink(&m->image->pool, m->image->pool.limit);
}

static void on_event(struct recorder *rec, enum recorder_event event)
{
	static const u32 tried[] = {
		[EVENT_ISSUED] = TRIED_ISSUED,
		[EVENT_FLUSHING] = TRIED_FLUSHING,
		[EVENT_FLUSHED] = TRIED_FLUSHED,
	};
	struct machine *m = rec->owner;

	if (!machine_lives(m))
		return;
	if (event == EVENT_READ) {
		overtake(m);
		return;
	}
	if (m->fork_in && !--m->fork_in) {
		sample_fork(m, &m->fork);
		m->forked = true;
		m->muted = true;
		return;
	}
	if (m->second_in && !--m->second_in)
		sample_fork(m, &m->second);
	sample_crashes(m, tried[event]);
	if (m->worker.runs) {
		worker_pause(m);
		if (machine_lives(m))
			sample_crashes(m, tried[event]);
		return;
	}
	if (m->working && !m->nested && machine_lives(m)) {
		meanwhile(m);
		if (machine_lives(m))
			sample_crashes(m, tried[event]);
	}
}

static void set_up(struct machine *m)
{
	const struct geometry *geometry = &m->plan->geometry;
	struct disk *disk = malloc(sizeof(*disk));

	if (!disk)
		abort();
	geometry_make(geometry, disk, &m->model, &m->made);
	recorder_init(&m->rec, disk, m->made.limit, m->plan->seed);
	disk_exit(disk);
	free(disk);
	m->rec.event = on_event;
	m->rec.owner = m;
	m->rec.bat = m->made.bat / VHDX_PAGE;
	m->rec.bat_end = m->rec.bat + m->made.bat_length / VHDX_PAGE;
	verify_init(&m->verifier, &m->model);
	if (geometry->child)
		verify_over(&m->verifier, &m->made.parent);
	m->totals->children += geometry->child;
	m->report.emit = hear;
	disk_init(&m->fork, 0, geometry->device);
	disk_init(&m->second, 0, geometry->device);
	m->tags = 1U << 20;
	m->failed_sample = ALL_SAMPLES;
	guids.state = m->plan->seed;
	shim_random = repeatable_random;
	worker_init(m);
}

static void tear_down(struct machine *m)
{
	life_close(m);
	worker_exit(m);
	m->totals->flushes += m->rec.flushes;
	m->totals->complete += m->verifier.sealed;
	recorder_exit(&m->rec);
	disk_exit(&m->fork);
	disk_exit(&m->second);
	crash_exit(&m->crash);
	verify_exit(&m->verifier);
	model_exit(&m->model);
	parent_exit(&m->made.parent);
}

/**
 * machine_run() - carry out a plan
 * @m: the run; afterwards it says what was wrong, if something was
 * @plan: what is to be done
 * @totals: what happened is added to it
 *
 * Return: true if all was as it must be.
 */
bool machine_run(struct machine *m, const struct plan *plan,
		 struct totals *totals)
{
	struct outcome *outcome = m->outcome;

	memset(m, 0, sizeof(*m));
	m->outcome = outcome;
	m->plan = plan;
	m->totals = totals;
	m->random.state = plan->seed;
	set_up(m);
	life_begin(m);
	while (machine_lives(m) && step(m))
		;
	m->rec.fail_in = 0;
	if (machine_lives(m))
		life_end(m);
	if (m->rec.fault)
		machine_fail(m, "%s", m->rec.fault);
	tear_down(m);
	totals->runs++;
	return !m->failed;
}
