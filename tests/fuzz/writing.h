/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Has the engine write the child of a chain: it gives up a log that cannot be
 * replayed, recovers, repairs, and lives through a short session. Between
 * these, and after a failure in the middle of one, the image opens, and the
 * virtual disk holds what it should.
 *
 * writing.c APIs:
 *   writing()		all of it
 * writing-session.c APIs:
 *   writing_session()	the session
 */
#ifndef FUZZ_WRITING_H
#define FUZZ_WRITING_H

#include "check.h"
#include "opened.h"
#include "overlay.h"
#include "spots.h"

/**
 * struct writing - an image under way
 * @input: what it comes from
 * @random: makes the choices
 * @disk: its file
 * @child: the image
 * @chain: with its parents; alone if it has none; NULL if they do not fit
 * @walk: for the spots
 * @spots: what is known of the virtual disk
 * @census: what the check counts
 * @counted: it has been asked; for large files that takes its time
 * @armed: something may fail
 */
struct writing {
	const struct fuzz_input *input;
	struct random *random;
	struct overlay disk;
	struct opened child;
	struct vhdx_chain *chain;
	struct walk walk;
	struct spots spots;
	struct vhdx_census census;
	bool counted;
	bool armed;
};

void writing(const struct fuzz_input *input, struct random *random);
void writing_session(struct writing *w);

void writing_begin(const struct writing *w, const char *phase);
void writing_arm(struct writing *w, u32 operations);
bool writing_disarm(struct writing *w);
bool writing_reopen(struct writing *w, const char *when);
void writing_count(struct writing *w, struct vhdx_census *census);
int writing_recover(struct writing *w);

#endif /* FUZZ_WRITING_H */
