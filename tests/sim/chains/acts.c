// SPDX-License-Identifier: GPL-2.0-only
#include "fork.h"
#include "merge.h"
#include "recover.h"

/* The tools have a struct disk of their own. */
#define disk tools_disk
#include "findings.h"
#include "make-image.h"
#include "message.h"
#include "open-image.h"
#include "vhdxsetup.h"
#include "writer.h"
#undef disk

#include "tools.h"
#include "world.h"

/* Attempts of a discard, each after some work. */
#define TRIES 100

/**
 * struct writing - the disk, while it is written
 * @w: the run
 * @disk: its images
 * @writer: writes the first one
 */
struct writing {
	struct world *w;
	struct tools_disk *disk;
	struct writer writer;
};

/* Opens the disk; to be written, its first image becomes clean. */
static bool open_disk(struct world *w, enum open_mode mode, struct tools_disk **disk)
{
	const struct options options = {};
	char path[PATH_SIZE];
	int err = open_image(&options, world_path(w, w->top[0].name, path), mode,
			     sink_messages(), disk);

	if (!err)
		err = disk_follow(*disk);
	if (!err && mode != OPEN_IDLE)
		err = vhdx_image_recover((*disk)->layer[0]->image);
	if (err)
		world_fail(w, "the disk cannot be opened: error %d (%s)", -err,
			   w->said);
	return !err;
}

static bool begin_writing(struct writing *writing, struct world *w)
{
	guid_t identity;
	int err;

	*writing = (struct writing){ .w = w };
	if (!open_disk(w, OPEN_WRITABLE, &writing->disk))
		return false;
	guid_gen(&identity);
	err = writer_begin(&writing->writer, writing->disk->layer[0],
			   &identity);
	if (err)
		world_fail(w, "the disk cannot be written: error %d (%s)",
			   -err, w->said);
	return !err;
}

/* @err: of what was done to the disk. */
static void judge(struct world *w, int err, const char *what)
{
	if (err)
		world_fail(w, "%s: error %d (%s)", what, -err, w->said);
}

static void end_writing(struct writing *writing)
{
	judge(writing->w, writer_end(&writing->writer), "the end of a session");
	disk_close(writing->disk);
}

/* Few places, so that things meet there. */
static void choose_range(struct world *w, u64 *pos, u64 *len)
{
	const struct geometry *g = &w->geometry;
	/* Until a new child is written, its parent is. */
	u64 size = w->top[w->tops - 1].size;
	u64 blocks = ((size - 1) >> g->block_shift) + 1;

	*pos = random_below(&w->random, min(blocks, 8ULL)) << g->block_shift;
	if (random_once_in(&w->random, 4))
		*pos = (blocks - 1) << g->block_shift;
	*len = (1 + random_below(&w->random, 2)) << g->block_shift;
	if (random_below(&w->random, 3)) {
		*pos += random_below(&w->random, 3) * VHDX_PAGE * 100 +
			random_below(&w->random, 16) * g->sector;
		*len = g->sector * (1 + random_below(&w->random, 40));
	}
	if (*pos >= size)
		*pos = size - g->sector;
	*len = min(*len, size - *pos);
}

/* Bytes as they come to the engine: a tag in each word of a sector. */
static u8 *make_bytes(u32 tag, u64 len)
{
	u8 *bytes = malloc(len);
	u32 value;
	u64 i;

	if (!bytes)
		abort();
	for (i = 0; i < len; i += sizeof(value)) {
		value = tag + i / SECTOR;
		memcpy(bytes + i, &value, sizeof(value));
	}
	return bytes;
}

static void write_some(struct writing *writing)
{
	struct world *w = writing->w;
	u64 pos, len;
	u8 *bytes;

	choose_range(w, &pos, &len);
	bytes = make_bytes(w->tags, len);
	model_begin(&w->model, pos, len, w->tags, ++w->ids);
	judge(w, writer_write(&writing->writer, pos, bytes, len), "a write");
	model_end(&w->model, pos, len, w->ids, false);
	w->tags += len / SECTOR;
	w->totals->wrote++;
	free(bytes);
}

static void zero_some(struct writing *writing)
{
	struct world *w = writing->w;
	u64 pos, len;

	choose_range(w, &pos, &len);
	model_begin(&w->model, pos, len, 0, ++w->ids);
	judge(w, writer_zero(&writing->writer, pos, len), "zeroes");
	model_end(&w->model, pos, len, w->ids, false);
	w->totals->zeroed++;
}

static int discard(struct vhdx_session *session, u64 pos, u64 len)
{
	struct vhdx_miss miss;
	struct vhdx_run run;
	int r, tries = 0;

	while ((r = vhdx_session_zero(session, VHDX_ZERO_DISCARD, pos, len,
				      &run, &miss)) && tries++ < TRIES) {
		if (r == -EAGAIN)
			r = vhdx_image_load(&miss);
		else if (r == -EBUSY)
			r = vhdx_session_work(session, VHDX_WORK_BEGIN |
					      VHDX_WORK_COMMIT);
		if (r)
			break;
	}
	return r;
}

/* A block that the first image has shows zeros then; another one stays. */
static void discard_block(struct writing *writing)
{
	struct world *w = writing->w;
	struct vhdx_session *session = writing->writer.session;
	const struct vhdx_bat *bat = &session->image->bat;
	u64 block = random_below(&w->random, min(bat->blocks, 8ULL));
	u64 pos = block << bat->block_shift;
	u64 len = min(vhdx_bat_block_size(bat), bat->size - pos);
	u64 entry;

	if (session->image->params.leave_allocated ||
	    vhdx_image_read_entry(session->image,
				  vhdx_bat_payload_index(bat, block), &entry))
		return;
	if (vhdx_entry_state(entry) != VHDX_BLOCK_NOT_PRESENT)
		model_begin(&w->model, pos, len, 0, ++w->ids);
	judge(w, discard(session, pos, len), "a discard");
	if (vhdx_entry_state(entry) != VHDX_BLOCK_NOT_PRESENT)
		model_end(&w->model, pos, len, w->ids, false);
	w->totals->discarded++;
}

static void flush_disk(struct writing *writing)
{
	struct world *w = writing->w;
	u64 began = ++w->model.clock;

	judge(w, writer_commit(&writing->writer), "a commit");
	model_committed(&w->model, began);
	model_prune(&w->model, NEVER);
}

static void write_often(struct writing *writing, u32 count)
{
	struct world *w = writing->w;

	while (count-- && world_lives(w)) {
		switch (random_below(&w->random, 8)) {
		case 0:
			zero_some(writing);
			break;
		case 1:
			discard_block(writing);
			break;
		case 2:
			flush_disk(writing);
			break;
		default:
			write_some(writing);
		}
	}
}

static void act_write(struct world *w)
{
	struct writing writing;

	if (!begin_writing(&writing, w))
		return;
	write_often(&writing, 1 + random_below(&w->random, 10));
	end_writing(&writing);
}

/* It names what its parent will be when the session has ended. */
static bool make_fork(struct writing *writing, const guid_t *linkage,
		      struct vhdx_fork *fork)
{
	struct world *w = writing->w;
	struct layer *layer = writing->disk->layer[0];
	char relative[NAME_SIZE + 2];
	struct vhdx_locator locator = {
		.linkage = *linkage,
		.relative_path = relative,
	};
	int err;

	snprintf(relative, sizeof(relative), ".\\%.30s", w->top[1].name);
	err = vhdx_fork_init(fork, layer->image, &locator, &layer->report);
	judge(w, err, "what a child takes");
	return !err;
}

static int make_child(struct world *w, const struct vhdx_fork *fork)
{
	char path[PATH_SIZE];
	const struct new_image new = {
		.path = world_path(w, w->top[0].name, path),
		.create = {
			.size = w->top[0].size,
			.block_size = VHDX_MIB << random_below(&w->random, 3),
			.logical_sector = fork->params.logical_sector,
			.physical_sector = fork->params.physical_sector,
			.log_length = VHDX_MIB,
			.fork = fork,
		},
	};

	return new_image_make(&new);
}

/* The disk has two names from now on, and the new one may be larger. */
static void expect_child(struct world *w)
{
	struct top *child = &w->top[0];

	w->top[1] = w->top[0];
	*child = (struct top){ .size = w->model.size, .may_be_half = true };
	snprintf(child->name, sizeof(child->name), "%u.vhdx", w->next++);
	if (random_once_in(&w->random, 4))
		child->size += w->geometry.sector *
			       (1 + random_below(&w->random, 5000));
	w->totals->grown += child->size > w->model.size;
	model_resize(&w->model, child->size);
	w->tops = 2;
}

static void name_seal(struct writing *writing, guid_t *holds)
{
	struct world *w = writing->w;
	struct vhdx_session *session = writing->writer.session;
	guid_t guid;

	guid_gen(&guid);
	judge(w, vhdx_session_seal(session, &guid, holds), "a seal");
	w->totals->unwritten += !session->live;
	if (session->live)
		files_find(&w->files, w->top[0].name)->verifier.seal = guid;
}

/**
 * struct late - the new chain, which is there before its parent is final
 * @child: the new image
 * @chain: it and the images below it
 */
struct late {
	struct vhdx_image *child;
	struct vhdx_chain *chain;
};

/* As a table is loaded while the device still writes the parent. */
static bool load_late(struct writing *writing, struct late *late)
{
	struct world *w = writing->w;
	struct vhdx_image *images[1 + DEPTH_MAX];
	struct file *file = files_find(&w->files, w->top[0].name);
	u32 i, depth = writing->disk->depth;

	late->child = vhdx_image_open(&file->rec.store, VHDX_POOL_PAGES_DEFAULT,
				      &vhdx_report_silent);
	if (IS_ERR(late->child)) {
		world_fail(w, "a new child cannot be opened");
		return false;
	}
	images[0] = late->child;
	for (i = 0; i < depth; i++)
		images[1 + i] = writing->disk->layer[i]->image;
	images[1]->written = true;
	late->chain = vhdx_chain_new(images, 1 + depth, VHDX_CHAIN_LATE_ID,
				     &vhdx_report_silent);
	if (!IS_ERR(late->chain))
		return true;
	vhdx_image_close(late->child);
	world_fail(w, "a new child makes no chain with a parent that is written");
	return false;
}

/* The parent is final, and is the one that the child was made for. */
static void resume_late(struct world *w, struct late *late)
{
	if (world_lives(w) &&
	    vhdx_chain_check_late(late->chain, &vhdx_report_silent))
		world_fail(w, "a parent that is final is not the one that its child names");
	vhdx_chain_free(late->chain);
	vhdx_image_close(late->child);
}

/* As `vhdxsetup snapshot' does it, the device left out. */
static bool snapshot(struct writing *writing, struct late *late)
{
	struct world *w = writing->w;
	struct vhdx_fork fork = {};
	guid_t holds;
	bool live;

	write_often(writing, random_below(&w->random, 6));
	if (!world_lives(w))
		return false;
	live = writing->writer.session->live;
	name_seal(writing, &holds);
	expect_child(w);
	if (live)
		w->top[0].whole_under = holds;
	if (make_fork(writing, &holds, &fork))
		judge(w, make_child(w, &fork), "the making of a child");
	vhdx_fork_exit(&fork);
	if (!world_lives(w) || !load_late(writing, late))
		return false;
	w->top[0].whole_under = holds;
	/* A first write would end the session under another identity. */
	if (live)
		write_often(writing, random_below(&w->random, 4));
	return true;
}

static void act_snapshot(struct world *w)
{
	struct writing writing;
	struct late late;
	bool loaded;

	if (!begin_writing(&writing, w))
		return;
	loaded = writing.disk->depth < DEPTH_MAX && snapshot(&writing, &late);
	judge(w, writer_end(&writing.writer), "the end of a session");
	if (loaded)
		resume_late(w, &late);
	disk_close(writing.disk);
	if (!world_lives(w) || w->tops == 1)
		return;
	/* Before the first write into the child, either name will do. */
	world_settle(w);
	world_one_name(w);
	w->totals->snapshots++;
}

/* The names of the images of the disk, the child first. */
static u32 list_chain(struct world *w, char name[][NAME_SIZE], u32 room,
		      u64 *size)
{
	struct tools_disk *disk;
	u32 i, depth;

	if (!open_disk(w, OPEN_IDLE, &disk))
		return 0;
	depth = disk->depth;
	for (i = 0; i < depth && i < room; i++) {
		const char *path = disk->layer[i]->path;

		snprintf(name[i], NAME_SIZE, "%s", strrchr(path, '/') + 1);
		size[i] = disk->layer[i]->image->params.size;
	}
	disk_close(disk);
	if (w->totals->deepest < depth)
		w->totals->deepest = depth;
	return depth;
}

static void expect_same(struct world *w, const char *name)
{
	struct file *file = files_find(&w->files, name);

	file->verifier.same_disk = true;
	file->verifier.lax = false;
}

static int run_merge(struct world *w, const struct options *options,
		     const char *name)
{
	char path[PATH_SIZE];
	char *args[2] = { path };
	int err;

	world_path(w, name, path);
	w->said[0] = '\0';
	tools_stop_in = random_once_in(&w->random, 3) ?
				1 + random_below(&w->random, 40) : 0;
	err = cmd_merge(options, args);
	tools_stop_in = 0;
	w->totals->stopped += err == -EINTR;
	if (err && err != -EINTR)
		world_fail(w, "a merge: error %d (%s)", -err, w->said);
	return err;
}

/* The disk is called as before until the child goes, and like its parent then. */
static void act_merge(struct world *w)
{
	struct options options = {};
	char name[DEPTH_MAX][NAME_SIZE];
	u64 size[DEPTH_MAX];
	u32 depth = list_chain(w, name, DEPTH_MAX, size);

	if (depth < 2 || !world_lives(w))
		return;
	options.keep = random_once_in(&w->random, 4);
	expect_same(w, name[0]);
	w->top[1] = w->top[0];
	snprintf(w->top[1].name, NAME_SIZE, "%s", name[1]);
	w->tops = options.keep ? 1 : 2;
	if (run_merge(w, &options, name[0]) || !world_lives(w)) {
		w->tops = w->forked ? w->tops : 1;
		return;
	}
	w->totals->merged++;
	w->totals->emptied += options.keep;
	if (!options.keep)
		w->top[0] = w->top[1];
	w->tops = 1;
}

/*
 * An image with a child goes, and the child lies over its parent then; or it
 * becomes empty, and the child stays over it.
 */
static void act_merge_middle(struct world *w)
{
	struct options options = {};
	char name[DEPTH_MAX][NAME_SIZE];
	u64 size[DEPTH_MAX];
	u32 depth = list_chain(w, name, DEPTH_MAX, size);
	char path[PATH_SIZE];
	u32 nr;

	if (depth < 3 || !world_lives(w))
		return;
	nr = 1 + random_below(&w->random, min(depth, DEPTH_MAX) - 2);
	options.keep = random_once_in(&w->random, 3);
	options.children[0] = world_path(w, name[nr - 1], path);
	options.child_count = !options.keep;
	expect_same(w, name[nr - 1]);
	expect_same(w, name[nr]);
	if (run_merge(w, &options, name[nr]) || !world_lives(w))
		return;
	w->totals->merged_middle++;
	w->totals->emptied_middle += options.keep;
}

/**
 * act() - something is done to the disk
 * @w: the run, its files at rest
 * @kind: what
 */
void act(struct world *w, enum act_kind kind)
{
	w->totals->acts[kind]++;
	switch (kind) {
	case ACT_WRITE:
		act_write(w);
		break;
	case ACT_SNAPSHOT:
		act_snapshot(w);
		break;
	case ACT_MERGE:
		act_merge(w);
		break;
	case ACT_MERGE_MIDDLE:
		act_merge_middle(w);
		break;
	default:
		abort();
	}
}
