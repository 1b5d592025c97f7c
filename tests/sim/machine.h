/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The simulator: a plan, carried out on the engine.
 *
 * It plays everyone who uses an engine: those who write, read, discard and
 * flush, the committer and the space worker that work for them, and the disk
 * below, which may crash at any moment. There is one thread. Things happen at
 * once because the store announces what the committer does, and meanwhile the
 * plan goes on: requests look up their place, are sent, arrive, in any order, in
 * the middle of a commit or a checkpoint. The space worker has a stack of its own
 * and stops at each operation of the store, see worker.h.
 *
 * machine.c APIs:
 *   machine_run()	carry out a plan
 *   machine_fail()	something must not be
 *   machine_work()	let the committer work
 * life.c APIs:
 *   life_begin()	open the image, replayed if it must be
 *   life_end()		leave a clean file behind
 *   life_close()	forget the image
 *   life_crash()	lose power, and begin again
 *   life_break()	an operation of the committer failed
 *   life_repair()	begin again after that
 *   life_mark()	what has happened so far does not count
 * shape.c APIs:
 *   shape_change()	the image gets another shape
 *   shape_fit()	a request to the disk as large as it is now
 * dump.c APIs:
 *   dump_image()	write the image to a file, for another reader
 * requests.c APIs:
 *   request_start()	a user asks for something
 *   request_retry()	those who were turned away ask again
 *   request_progress()	something that is under way goes on
 *   request_finish()	nothing is under way any more
 *   request_committed()	who waited for a commit waits no longer
 *   request_flush()	a user flushes
 *   request_forget()	there are no users any more
 * full.c APIs:
 *   full_check()	is the store as full as the engine says?
 * sample.c APIs:
 *   sample_crashes()	try crashes, here and now
 *   sample_fork()	let one crash happen
 */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include "crash.h"
#include "plan.h"
#include "session.h"
#include "verify.h"
#include "mover.h"
#include "worker.h"

#define IO_MAX 24U
#define WAITING_MAX 64U

enum io_stage {
	IO_FREE,
	IO_MAPPED,	/* knows its place */
	IO_SENT,
	IO_WRITTEN,	/* arrived, and its bits are not set yet */
	IO_WAITS,	/* arrived, and waits for a commit */
};

/**
 * struct io - a piece of a request, in one place of the store
 * @stage: how far it is
 * @kind: OP_WRITE, OP_ZERO or OP_READ
 * @slow: it is under way for long
 * @fua: it is acknowledged when it is durable
 * @direct: by itself, for its block is
 * @absent: some of its sectors were the parent's
 * @layer: of the image that is read
 * @pos: byte offset on the virtual disk
 * @len: bytes
 * @offset: byte offset in the store
 * @id: of its value
 * @tag: of its first sector
 * @entered: before it looked its place up
 * @began: when a read began; when a write began to wait
 * @change: of the store
 */
struct io {
	enum io_stage stage;
	enum op_kind kind;
	bool slow;
	bool fua;
	bool direct;
	bool absent;
	u32 layer;
	u64 pos;
	u64 len;
	u64 offset;
	u32 id;
	u32 tag;
	u64 entered;
	u64 began;
	struct change *change;
};

/**
 * struct shape_totals - how often the shape of an image changed
 * @grown: the disk grew
 * @live: the session went on afterwards
 * @bat_moved: of both, the BAT had to move
 * @cut: the disk shrank
 * @compacted: nothing could be lowered any more
 * @moved: blocks that were lowered
 * @regions: regions that were
 * @emptied: blocks that lost their space
 * @stopped: somebody stopped it in the middle
 * @no_room: there was none
 * @crashed: a crash left the old size or the new, and the run went on
 * @kept: of these, the old size when it was to change
 */
struct shape_totals {
	u64 grown;
	u64 live;
	u64 bat_moved;
	u64 cut;
	u64 compacted;
	u64 moved;
	u64 regions;
	u64 emptied;
	u64 stopped;
	u64 no_room;
	u64 crashed;
	u64 kept;
};

/**
 * struct totals - what happened in all runs, to show that it does happen
 */
struct totals {
	u64 runs;
	u64 states;
	u64 ops[OP_KINDS];
	u64 nested;
	u64 passes;
	u64 beside;
	u64 busy;
	u64 no_space;
	u64 allocated;
	u64 freed;
	u64 kept;
	u64 reused;
	u64 begun;
	u64 commits;
	u64 checkpoints;
	u64 wraps;
	u64 evictions;
	u64 flushes;
	u64 recoveries;
	u64 forks;
	u64 broken;
	u64 overtaken;
	u64 read;
	u64 children;
	u64 read_parent;
	u64 own;
	u64 wrote;
	u64 bitmaps;
	u64 stale;
	u64 shown;
	u64 sealed;
	u64 complete;
	u64 moves;
	u64 moved;
	u64 fenced;
	u64 overruled;
	struct shape_totals shape;
};

/**
 * struct machine - a run
 * @plan: what is to be done
 * @next: the operation that comes next
 * @rec: the store
 * @model: what may be read
 * @verifier: what must hold
 * @made: where in the image what is
 * @first_size: bytes of the store when the image was opened
 * @image: the engine's; NULL between two lives
 * @parent: likewise, of the parent, if there is one
 * @chain: likewise, for reads
 * @session: likewise
 * @report: what the engine says
 * @io: what is under way
 * @refused: requests that were turned away; to be tried again
 * @refused_count: how many
 * @flush: when each flush that waits for a commit was sent
 * @flush_count: how many
 * @ids: values so far
 * @tags: sectors written so far
 * @entered: rises with each lookup
 * @worker: the space worker
 * @mover: moves blocks down, as a part of the worker's passes
 * @working: the committer is at work
 * @nested: and something else happens meanwhile
 * @loading: a request waits for a page of the BAT
 * @overtaking: and meanwhile others have been faster
 * @broken: an operation of the store failed, and the session is over
 * @closing: nobody asks for anything new
 * @muted: the crash has happened; the engine does not know it yet
 * @fork_in: events until a crash happens; 0: none is to
 * @forked: it has
 * @fork: what it left
 * @second_in: events until what a crash would leave is kept in @second
 * @second: for a second replay, to be compared with the first one
 * @crash: the one that is tried
 * @samples: crash states so far, tried or not
 * @random: for what the operation leaves open
 * @totals: what happened
 * @owner: of each MiB, the block that was written there last, and 1
 * @dumps: images written for another reader
 * @outcome: told at once of a crash state that is not good, or NULL
 * @failed: something must not be
 * @text: what
 * @failed_op: in which operation
 * @failed_sample: in which crash state, or ALL_SAMPLES
 */
struct machine {
	const struct plan *plan;
	u32 next;
	struct recorder rec;
	struct model model;
	struct verifier verifier;
	struct made made;
	u64 first_size;
	struct vhdx_image *image;
	struct vhdx_image *parent;
	struct vhdx_chain *chain;
	struct vhdx_session *session;
	struct vhdx_report report;
	struct io io[IO_MAX];
	struct op refused[WAITING_MAX];
	u32 refused_count;
	u64 flush[WAITING_MAX];
	u32 flush_count;
	u32 ids;
	u32 tags;
	u64 entered;
	struct worker worker;
	struct mover mover;
	bool working;
	bool nested;
	bool loading;
	bool overtaking;
	bool broken;
	bool closing;
	bool muted;
	u32 fork_in;
	bool forked;
	struct disk fork;
	u32 second_in;
	struct disk second;
	struct crash crash;
	u32 samples;
	struct random random;
	struct totals *totals;
	u32 owner[DISK_UNITS];
	u32 dumps;
	struct outcome *outcome;
	bool failed;
	char text[VHDX_SENTENCE_MAX + 64];
	u32 failed_op;
	u32 failed_sample;
};

bool machine_run(struct machine *machine, const struct plan *plan,
		 struct totals *totals);
__printf(2, 3) void machine_fail(struct machine *machine, const char *fmt, ...);
void machine_work(struct machine *machine, unsigned int flags);

void life_begin(struct machine *machine);
void life_end(struct machine *machine);
void life_close(struct machine *machine);
void life_crash(struct machine *machine);
void life_break(struct machine *machine, int error);
void life_repair(struct machine *machine);
void life_mark(struct machine *machine);

void shape_change(struct machine *machine, enum op_kind kind);
void shape_fit(struct machine *machine, struct op *op);

void dump_image(struct machine *machine);

void request_start(struct machine *machine, const struct op *op);
void request_retry(struct machine *machine);
void request_progress(struct machine *machine);
void request_finish(struct machine *machine);
void request_committed(struct machine *machine, u64 began);
void request_flush(struct machine *machine);
void request_forget(struct machine *machine);
u64 request_oldest(const struct machine *machine);

void full_check(struct machine *machine);

void sample_crashes(struct machine *machine, u32 count);
void sample_fork(struct machine *machine, struct disk *fork);

/* May the run go on? */
static inline bool machine_lives(const struct machine *machine)
{
	return !machine->failed && !machine->muted && !machine->broken;
}

#endif /* SIM_MACHINE_H */
