// SPDX-License-Identifier: GPL-2.0-only
#include "shrink.h"

/* A crash that was given, rather than chosen: what it loses, and no more. */
static void lose_named(struct machine *m)
{
	const struct plan *plan = m->plan;
	struct crash *crash = &m->crash;
	u32 i, k;

	for (i = 0; i < crash->count; i++) {
		const struct change *change = m->rec.change[i];

		crash->fate[i] = FATE_KEPT;
		for (k = 0; k < plan->lost_count; k++)
			if (change->number == plan->lost[k])
				crash->fate[i] = FATE_LOST;
	}
	crash->swap = false;
}

static void choose(struct machine *m)
{
	struct random random = {
		.state = m->plan->seed + m->samples * 0x9E3779B9ULL,
	};

	crash_choose(&m->crash, &m->rec, &random);
}

/* The state is as bad as @text says, and this is how it came about. */
static void print_crash(const struct machine *m)
{
	static const char *const fates[] = { "lost", "kept", "torn" };
	static const char *const kinds[] = { "write", "zero", "discard",
					     "size" };
	u32 i;

	printf("the crash, of %u changes that may be lost:\n", m->crash.count);
	for (i = 0; i < m->crash.count; i++) {
		const struct change *change = m->rec.change[i];

		printf("  %4u  %s  %s%s at 0x%llx, %u pages%s\n",
		       change->number, fates[m->crash.fate[i]],
		       change->user ? "payload " : "", kinds[change->kind],
		       change->kind == CHANGE_SIZE ? change->size :
						     change->first * VHDX_PAGE,
		       change->pages, change->done ? "" : ", under way");
	}
}

/* So that it can be made smaller. */
static void note_crash(struct machine *m)
{
	u32 i;

	m->failed_sample = m->samples;
	if (!m->outcome)
		return;
	m->outcome->count = min(m->crash.count, CHANGES_MAX);
	for (i = 0; i < m->outcome->count; i++) {
		m->outcome->change[i] = m->rec.change[i]->number;
		m->outcome->fate[i] = m->crash.fate[i];
	}
}

static bool try(struct machine *m)
{
	u64 lasting = disk_last_id();
	bool good;

	crash_apply(&m->crash, &m->rec);
	good = verify_state(&m->verifier, &m->rec.durable, lasting,
			    m->crash.touched, 0);
	crash_undo(&m->crash, &m->rec);
	if (good)
		return true;
	if (m->plan->show)
		print_crash(m);
	note_crash(m);
	machine_fail(m, "after a crash, %s", m->verifier.text);
	return false;
}

/*
 * The first entry of a lap is being written, over those of the last one. That
 * is rare, and where much can go wrong.
 */
static bool is_rare(const struct machine *m)
{
	const struct vhdx_journal *journal;

	if (!m->plan->far || !m->working || !m->session)
		return false;
	journal = &m->session->journal;
	return journal->entries > 1 && !journal->head;
}

/**
 * sample_crashes() - try crashes, here and now
 * @m: the run
 * @count: how many
 */
void sample_crashes(struct machine *m, u32 count)
{
	const struct plan *plan = m->plan;

	/* With nothing that may be lost, all are the same. */
	if (!m->rec.count)
		count = min(count, 1U);
	for (; count && machine_lives(m); count--, m->samples++) {
		bool only = plan->sample != ALL_SAMPLES;

		if (only ? m->samples != plan->sample :
			   m->samples % plan->density && !is_rare(m))
			continue;
		choose(m);
		if (plan->lost_count != U32_MAX)
			lose_named(m);
		if (!try(m))
			return;
		m->totals->states++;
	}
}

/**
 * sample_fork() - let a crash happen
 * @m: the run
 * @fork: what it leaves; set up already
 */
void sample_fork(struct machine *m, struct disk *fork)
{
	choose(m);
	crash_apply(&m->crash, &m->rec);
	if (!verify_state(&m->verifier, &m->rec.durable, disk_last_id(),
			  m->crash.touched, 0))
		machine_fail(m, "after a crash, %s", m->verifier.text);
	disk_copy(fork, &m->rec.durable);
	crash_undo(&m->crash, &m->rec);
	m->samples++;
	m->totals->states++;
}
