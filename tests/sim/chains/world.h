/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The simulator of chains: a disk in several files, each with a log of its own.
 *
 * The disk is written, gets snapshots, and its images are merged, by the code of
 * the tools: cmd_merge(), the writer, the makers of images. What the tools do to
 * the files is recorded. At each operation on any of them, crashes are tried: of
 * each file, any part of what was not flushed is lost, and so are the names since
 * the directory was synced. Whatever is left, the disk must open and read as
 * before.
 *
 * world.c APIs:
 *   world_run()	a run
 *   world_fail()	something must not be
 *   world_path()	the path of a name
 *   world_one_name()	the disk has its first name, and no other
 *   world_mark()	what has happened so far does not count
 *   world_settle()	what is left, with nothing lost, is right
 * look.c APIs:
 *   look_at()		is a state right?
 *   look_learn()	what a state shows is all that it may show
 * acts.c APIs:
 *   act()		something is done to the disk
 */
#ifndef CHAINS_WORLD_H
#define CHAINS_WORLD_H

#include "files.h"
#include "geometry.h"
#include "model.h"
#include "random.h"

/* Images of the longest chain. */
#define DEPTH_MAX 6U

#define ACTS_MAX 64U

enum act_kind {
	ACT_WRITE,
	ACT_SNAPSHOT,
	ACT_MERGE,
	ACT_MERGE_MIDDLE,
	ACT_KINDS,
};

/**
 * struct totals - what happened in all runs, to show that it does happen
 */
struct totals {
	u64 runs;
	u64 states;
	u64 acts[ACT_KINDS];
	u64 merged;
	u64 merged_middle;
	u64 emptied_middle;
	u64 emptied;
	u64 stopped;
	u64 grown;
	u64 snapshots;
	u64 unwritten;
	u64 crashes;
	u64 half_made;
	u64 gone_back;
	u64 both_torn;
	u64 deepest;
	u64 wrote;
	u64 zeroed;
	u64 discarded;
	u64 recovered;
	u64 left_dirty;
	u64 second_link;
};

/**
 * struct top - a name that the disk may have
 * @name: the name
 * @size: bytes of the disk under that name
 * @may_be_half: the image may be half made, or not belong to its parent yet
 * @whole_under: it is whole if its parent has this identity
 */
struct top {
	char name[NAME_SIZE];
	u64 size;
	bool may_be_half;
	guid_t whole_under;
};

/**
 * struct world - a run
 * @seed: of everything
 * @number: of the run
 * @kept: acts that are done: a bit each
 * @only: the only crash state that is tried, or U32_MAX
 * @random: where choices come from
 * @geometry: of the first image
 * @files: the images
 * @model: what the disk may show
 * @verifier: of the disk, by @model
 * @top: the names that the disk may have, the best one first
 * @tops: how many
 * @act: the one that goes on
 * @next: names so far
 * @ids: values so far
 * @tags: sectors written so far
 * @fork_in: events until a crash happens; 0: none is to
 * @forked: it has
 * @fork_names: the names that it left
 * @quiet: nothing is tried
 * @samples: crash states so far
 * @said: what the tools said last
 * @failed: something must not be
 * @text: what
 * @totals: what happened
 */
struct world {
	u64 seed;
	u32 number;
	u64 kept;
	u32 only;
	struct random random;
	struct geometry geometry;
	struct files files;
	struct model model;
	struct verifier verifier;
	struct top top[2];
	u32 tops;
	u32 act;
	u32 next;
	u32 ids;
	u32 tags;
	u32 fork_in;
	bool forked;
	struct names fork_names;
	bool quiet;
	u32 samples;
	char said[256];
	bool failed;
	char text[VHDX_SENTENCE_MAX + 64];
	struct totals *totals;
};

bool world_run(struct world *world, u64 seed, u32 number,
	       struct totals *totals);
__printf(2, 3) void world_fail(struct world *world, const char *fmt, ...);
const char *world_path(const struct world *world, const char *name,
		       char path[PATH_SIZE]);
void world_one_name(struct world *world);
void world_mark(struct world *world);
void world_settle(struct world *world);

/* Which of a file's disks a state is made of. */
enum side {
	SIDE_LIVE,
	SIDE_DURABLE,
};

bool look_at(struct world *world, const struct names *names, enum side side,
	     u64 lasting, unsigned int flags);
bool look_learn(struct world *world, const struct names *names);

void act(struct world *world, enum act_kind kind);

static inline bool world_lives(const struct world *world)
{
	return !world->failed && !world->forked;
}

#endif /* CHAINS_WORLD_H */
