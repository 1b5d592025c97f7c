/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the verifier: a disk that is looked at. verify.c looks at what it
 * promises, verify-read.c at what it shows.
 *
 * verify.c APIs:
 *   verify_wrong()	something is not acceptable
 *   verify_open()	begin to look
 * verify-read.c APIs:
 *   verify_find_absent()	find pages of the BAT that have no entry
 *   verify_contents()	may the disk show what it does?
 * verify-state.h APIs:
 *   verify_absent()	does the entry of a block lie in one?
 */
#ifndef SIM_VERIFY_STATE_H
#define SIM_VERIFY_STATE_H

#include "verify.h"

/* Pages of the largest BAT, and of one whose pages are worth a look. */
#define PAGES_MAX 1024U
#define PAGES_MANY 64U

/**
 * struct seen - what was found right about a block
 * @runs: where it lay: of all its runs, mixed
 * @id: of the MiB there
 * @change: of what it may hold
 */
struct seen {
	u64 runs;
	u64 id;
	u64 change;
};

/**
 * struct state - a disk that is looked at
 * @store: the disk, for the engine
 * @report: what the engine says of it
 * @disk: the disk
 * @lasting: what has a greater identity will be undone
 * @verifier: who looks
 * @bad: what was said or found is not acceptable
 * @flags: VERIFY_*
 * @absent: pages of the BAT that have no entry, if it has many pages
 */
struct state {
	struct vhdx_store store;
	struct vhdx_report report;
	const struct disk *disk;
	u64 lasting;
	struct verifier *verifier;
	bool bad;
	unsigned int flags;
	bool absent[PAGES_MAX];
};

__printf(2, 3) bool verify_wrong(struct state *state, const char *fmt, ...);
struct vhdx_image *verify_open(struct state *state, struct verifier *verifier,
			       const struct disk *disk);

void verify_find_absent(struct state *state, struct vhdx_image *image);
bool verify_contents(struct state *state, struct vhdx_image *image);

static inline bool verify_absent(const struct state *state,
				 const struct vhdx_image *image, u64 block)
{
	u64 page = vhdx_bat_payload_index(&image->bat, block) >>
		   VHDX_BAT_ENTRIES_PER_PAGE_SHIFT;

	return page < PAGES_MAX && state->absent[page];
}

#endif /* SIM_VERIFY_STATE_H */
