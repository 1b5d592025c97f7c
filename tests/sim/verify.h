/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What must be true of every state that a crash may leave: the image opens
 * without a complaint, no two blocks share space, its headers and its log keep
 * their promises, and the virtual disk shows what it may and nothing else. Under
 * the GUID that a child names, the image is clean and shows all that was written.
 *
 * All of the virtual disk is looked at each time. A block that was found right
 * is passed over while neither its mapping, nor the MiB it lies in, nor what
 * it may hold has changed.
 *
 * verify.c APIs:
 *   verify_init()	a verifier of a model
 *   verify_exit()
 *   verify_state()	is a disk a state that may be?
 *   verify_learn()	what a disk shows is all that it may show
 *   verify_mark()	what has happened so far does not count
 *   verify_may_say()	may this be said of an image of ours?
 */
#ifndef SIM_VERIFY_H
#define SIM_VERIFY_H

#include "chain.h"
#include "model.h"
#include "parent.h"

/* What else is asked of a state. */
#define VERIFY_ALIKE	0x1U	/* both copies of the header are whole and alike */
#define VERIFY_CLEAN	0x2U	/* the log is empty */
#define VERIFY_LIVE	0x4U	/* nothing is lost: what has ended is there */

/**
 * struct verifier - what it compares with
 * @model: what the virtual disk may show
 * @parent: the parent of the image, or NULL
 * @below: the parent, as the engine sees it
 * @report: what the engine says of that
 * @run: of a block, the runs that it lies in
 * @run_count: how many
 * @run_room: for how many there is memory
 * @file_guid: FileWriteGuid when nothing had changed yet
 * @data_guid: DataWriteGuid, likewise
 * @seal: DataWriteGuid that is the image's from a clean end on; null if none was
 *	chosen so far
 * @sealed: states that had it
 * @recovery: the log is being replayed, so DataWriteGuid must stay
 * @end: byte of the file up to which regions and blocks reach, in the state
 *	that was looked at last
 * @owned: of each MiB of the file, the state that last had an owner for it
 * @states: looked at so far
 * @seen: of each block, what was found right about it last
 * @text: what is wrong, in a sentence
 */
struct verifier {
	struct model *model;
	struct parent *parent;
	struct vhdx_image *below;
	struct vhdx_report report;
	struct vhdx_run *run;
	u32 run_count;
	u32 run_room;
	guid_t file_guid;
	guid_t data_guid;
	guid_t seal;
	u64 sealed;
	bool recovery;
	u64 end;
	u64 owned[DISK_UNITS];
	u64 states;
	struct seen *seen;
	char text[VHDX_SENTENCE_MAX];
};

void verify_init(struct verifier *verifier, struct model *model,
		 struct parent *parent);
void verify_exit(struct verifier *verifier);
bool verify_state(struct verifier *verifier, const struct disk *disk,
		  u64 lasting, u32 touched, unsigned int flags);
bool verify_learn(struct verifier *verifier, const struct disk *disk);
void verify_mark(struct verifier *verifier, const struct vhdx_header *header);
bool verify_may_say(const struct vhdx_finding *finding);

#endif /* SIM_VERIFY_H */
