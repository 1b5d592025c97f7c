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
 *   verify_over()	the image lies over a parent that nobody writes
 *   verify_exit()
 *   verify_state()	is a disk a state that may be?
 *   verify_mark()	what has happened so far does not count
 *   verify_may_say()	may this be said of an image of ours?
 *   verify_sizes()	the sizes that the virtual disk may have
 * verify-read.c APIs:
 *   verify_learn()	what a disk shows is all that it may show
 * verify-log.c APIs:
 *   verify_log()	does the log leave payload alone?
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

/* Parents of an image, and theirs. */
#define VERIFY_LOWER_MAX 8U

/**
 * struct verify_lower - an image below the one that is looked at
 * @disk: its bytes
 * @image: as the engine sees it
 */
struct verify_lower {
	const struct disk *disk;
	struct vhdx_image *image;
};

/**
 * struct verifier - what it compares with
 * @model: what the virtual disk may show; NULL: nobody asks, it is an image
 *	below another one
 * @lower: the images below it, its parent first
 * @lower_count: how many
 * @still: nobody writes them
 * @report: what the engine says of them
 * @run: of a block, the runs that it lies in
 * @run_count: how many
 * @run_room: for how many there is memory
 * @file_guid: FileWriteGuid when nothing had changed yet
 * @data_guid: DataWriteGuid, likewise
 * @seal: DataWriteGuid that is the image's from a clean end on; null if none was
 *	chosen so far
 * @sealed: states that had it
 * @same_disk: the log is being replayed, or blocks are being moved, so
 *	DataWriteGuid must stay
 * @lax: it may change, and need not
 * @size: sizes that the virtual disk may have
 * @bits_left: a cut that a crash ended may have left bits past the end of the disk
 * @image_size: the one that it has, in the state that was looked at last
 * @end: byte of the file up to which regions and blocks reach, in the state
 *	that was looked at last
 * @owned: of each MiB of the file, the state that last had an owner for it
 * @payload: likewise, one that was a payload block
 * @states: looked at so far
 * @seen: of each block, what was found right about it last
 * @seen_count: for how many blocks there is memory
 * @text: what is wrong, in a sentence
 */
struct verifier {
	struct model *model;
	struct verify_lower lower[VERIFY_LOWER_MAX];
	u32 lower_count;
	bool still;
	struct vhdx_report report;
	struct vhdx_run *run;
	u32 run_count;
	u32 run_room;
	guid_t file_guid;
	guid_t data_guid;
	guid_t seal;
	u64 sealed;
	bool same_disk;
	bool lax;
	u64 size[2];
	bool bits_left;
	u64 image_size;
	u64 end;
	u64 owned[DISK_UNITS];
	u64 payload[DISK_UNITS];
	u64 states;
	struct seen *seen;
	u64 seen_count;
	char text[VHDX_SENTENCE_MAX];
};

void verify_init(struct verifier *verifier, struct model *model);
void verify_over(struct verifier *verifier, struct parent *parent);
void verify_exit(struct verifier *verifier);
bool verify_state(struct verifier *verifier, const struct disk *disk,
		  u64 lasting, u32 touched, unsigned int flags);
bool verify_learn(struct verifier *verifier, const struct disk *disk);
void verify_mark(struct verifier *verifier, const struct vhdx_header *header);
bool verify_may_say(const struct vhdx_finding *finding);
void verify_sizes(struct verifier *verifier, u64 one, u64 other);

bool verify_log(struct verifier *verifier, const struct disk *disk,
		const struct vhdx_header *header);

#endif /* SIM_VERIFY_H */
