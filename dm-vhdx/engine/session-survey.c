// SPDX-License-Identifier: GPL-2.0-only
/*
 * The survey of a session: what is free, and whether the image may be written.
 */
#include "check.h"
#include "session.h"

/**
 * struct surveyor - receives the findings of a survey
 * @session: the session
 * @report: receives the findings
 * @progress: ends the survey when enough is known, or when it must be quick
 * @unsafe: a finding forbids writing
 * @at: place of the first such finding, or of the BAT
 * @reason: text of that finding
 */
struct surveyor {
	const struct vhdx_session *session;
	struct vhdx_report report;
	struct vhdx_progress progress;
	bool unsafe;
	struct vhdx_place at;
	char reason[VHDX_TEXT_MAX];
};

static void survey_emit(struct vhdx_report *report,
			const struct vhdx_finding *finding)
{
	struct surveyor *surveyor =
		container_of(report, struct surveyor, report);

	if (finding->severity < VHDX_READONLY || surveyor->unsafe)
		return;
	surveyor->unsafe = true;
	surveyor->at = finding->at;
	strscpy(surveyor->reason, finding->text, sizeof(surveyor->reason));
}

/* One reason is enough, and the rest of the BAT may take long. */
static int survey_step(struct vhdx_progress *progress, u64 done, u64 total)
{
	const struct surveyor *surveyor =
		container_of(progress, struct surveyor, progress);

	if (done == total)
		return 0;
	if (surveyor->unsafe)
		return -EROFS;
	return READ_ONCE(surveyor->session->abort_survey) ? -EINTR : 0;
}

static int mark_all(struct vhdx_session *session, struct surveyor *surveyor)
{
	const struct vhdx_regions *regions = &session->image->regions;
	struct vhdx_census census;
	u32 i;
	int r;

	r = vhdx_check_space(session->image, &session->space, &census,
			     &surveyor->progress, &surveyor->report);
	for (i = 0; i < regions->count && !r; i++)
		vhdx_space_take(&session->space, regions->all[i].offset,
				regions->all[i].length);
	return r;
}

/**
 * vhdx_session_survey() - find the free space of the image
 * @session: the session; does nothing if the session has been surveyed
 *
 * An image must not be written if two blocks share space, or if a block names
 * space that does not exist: a write to one block could change another.
 *
 * Context: may sleep; the committer. Reads the whole BAT.
 * Return: 0; -EROFS if the image must not be written, and the session has
 * failed; -ENOMEM, which is worth another try; -EINTR if the survey was
 * aborted; or an errno of the store.
 */
int vhdx_session_survey(struct vhdx_session *session)
{
	u64 size = session->image->store->size;
	struct surveyor surveyor = {
		.session = session,
		.report.emit = survey_emit,
		.progress.step = survey_step,
		.at = VHDX_AT("BAT region", session->image->regions.bat.offset),
		.reason = "cannot be read",
	};
	int r;

	if (session->surveyed)
		return 0;
	vhdx_space_exit(&session->space);
	r = vhdx_space_init(&session->space);
	if (!r)
		r = mark_all(session, &surveyor);
	if (r == -ENOMEM || (r == -EINTR && READ_ONCE(session->abort_survey)))
		return r;
	if (r || surveyor.unsafe) {
		vhdx_session_fail(session, surveyor.at, surveyor.reason);
		return r ? r : -EROFS;
	}
	session->surveyed = true;
	session->found_size = size;
	session->append_at = ALIGN(size, VHDX_ALIGN);
	session->last_end = vhdx_space_end(&session->space);
	return 0;
}
