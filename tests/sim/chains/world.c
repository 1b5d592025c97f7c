// SPDX-License-Identifier: GPL-2.0-only
#include "message.h"
#include "recover.h"
#include "world.h"

/* Crash states that are tried at an operation. */
#define TRIED_FLUSHING	3
#define TRIED_FLUSHED	1
#define TRIED_ISSUED	1
#define TRIED_RENAMED	4

#define FIRST_NAME "0.vhdx"

/* The seed of the GUIDs of a run. */
static struct random guids;

static struct world *now;

static void repeatable_random(void *buf, size_t len)
{
	u8 *byte = buf;

	while (len--)
		*byte++ = random_next(&guids);
}

/* What the tools say is only of interest if they fail. */
static void listen(enum msg_kind kind, const char *text)
{
	if (now && kind == MSG_ERROR)
		snprintf(now->said, sizeof(now->said), "%s", text);
}

/**
 * world_fail() - something must not be
 * @w: the run; it ends
 * @fmt: what, in a sentence
 */
void world_fail(struct world *w, const char *fmt, ...)
{
	va_list args;

	if (w->failed)
		return;
	va_start(args, fmt);
	vsnprintf(w->text, sizeof(w->text), fmt, args);
	va_end(args);
	w->failed = true;
}

/**
 * world_path() - the path of a name
 * @w: the run
 * @name: the name
 * @path: where it goes
 *
 * Return: @path.
 */
const char *world_path(const struct world *w, const char *name,
		       char path[PATH_SIZE])
{
	return files_path(&w->files, name, path);
}

/**
 * world_one_name() - the disk has its first name, and no other
 * @w: the run
 */
void world_one_name(struct world *w)
{
	w->top[0].may_be_half = false;
	w->top[0].whole_under = (guid_t){};
	w->tops = 1;
}

/* Each file loses what it may by itself. */
static void crash_all(struct world *w, struct random *random)
{
	u32 i, torn = 0;

	for (i = 0; i < FILES_MAX; i++) {
		struct file *file = w->files.file[i];

		if (!file)
			continue;
		torn += file->rec.count > 0;
		crash_choose(&file->crash, &file->rec, random);
		crash_apply(&file->crash, &file->rec);
	}
	w->totals->both_torn += torn > 1;
}

static void undo_all_crashes(struct world *w)
{
	u32 i;

	for (i = 0; i < FILES_MAX; i++)
		if (w->files.file[i])
			crash_undo(&w->files.file[i]->crash,
				   &w->files.file[i]->rec);
}

static void print_losses(const struct file *file, u32 number)
{
	static const char *const fates[] = { "lost", "kept", "torn" };
	static const char *const kinds[] = { "write", "zero", "discard",
					     "size" };
	u32 i;

	printf("file %u, of %u changes:\n", number, file->crash.count);
	for (i = 0; i < file->crash.count; i++) {
		const struct change *change = file->rec.change[i];

		printf("  %s  %s%s at 0x%llx, %u pages%s\n",
		       fates[file->crash.fate[i]],
		       change->user ? "payload " : "", kinds[change->kind],
		       change->kind == CHANGE_SIZE ? change->size :
						     change->first * VHDX_PAGE,
		       change->pages, change->done ? "" : ", under way");
	}
}

static void print_crash(const struct world *w, const struct names *names)
{
	u32 i;

	printf("crash state %u, in act %u; the names:\n", w->samples, w->act);
	for (i = 0; i < names->count; i++)
		printf("  %s: file %u\n", names->name[i], names->file[i]);
	for (i = 0; i < FILES_MAX; i++)
		if (w->files.file[i])
			print_losses(w->files.file[i], i);
}

/* One crash, that may be kept. */
static void try_one(struct world *w, bool keep)
{
	struct random random = { .state = w->seed + w->samples * 0x9E3779B9ULL };
	const struct names *names =
		&w->files.state[random_below(&random, w->files.states)];
	u64 lasting = disk_last_id();
	u32 i;

	crash_all(w, &random);
	if (!look_at(w, names, SIDE_DURABLE, keep ? disk_last_id() : lasting,
		     0)) {
		if (w->only != U32_MAX)
			print_crash(w, names);
		w->only = w->samples;
	}
	for (i = 0; keep && i < FILES_MAX; i++)
		if (w->files.file[i])
			disk_copy(&w->files.file[i]->fork,
				  &w->files.file[i]->rec.durable);
	if (keep) {
		w->fork_names = *names;
		w->forked = true;
	}
	undo_all_crashes(w);
	w->totals->states++;
}

static bool is_wanted(const struct world *w, bool keep)
{
	return keep || w->only == U32_MAX || w->only == w->samples;
}

static void try_crashes(struct world *w, u32 count)
{
	for (; count && world_lives(w); count--) {
		if (is_wanted(w, false))
			try_one(w, false);
		w->samples++;
	}
}

static void happened(struct world *w, u32 tried)
{
	if (w->quiet || !world_lives(w))
		return;
	if (w->fork_in && !--w->fork_in) {
		try_one(w, true);
		w->samples++;
		return;
	}
	try_crashes(w, tried);
}

static void on_event(struct recorder *rec, enum recorder_event event)
{
	static const u32 tried[] = {
		[EVENT_ISSUED] = TRIED_ISSUED,
		[EVENT_FLUSHING] = TRIED_FLUSHING,
		[EVENT_FLUSHED] = TRIED_FLUSHED,
	};

	if (event != EVENT_READ)
		happened(rec->owner, tried[event]);
}

static void on_rename(void *owner)
{
	happened(owner, TRIED_RENAMED);
}

static struct vhdx_image *open_file(struct file *file)
{
	return vhdx_image_open(&file->rec.store, VHDX_POOL_PAGES_DEFAULT,
			       &vhdx_report_silent);
}

static void mark_file(struct world *w, struct file *file)
{
	struct vhdx_image *image = open_file(file);
	const struct vhdx_header *header;

	recorder_mark(&file->rec);
	file->verifier.same_disk = false;
	file->verifier.seal = (guid_t){};
	if (IS_ERR(image)) {
		world_fail(w, "an image cannot be opened: error %ld",
			   -PTR_ERR(image));
		return;
	}
	header = vhdx_header_current(&image->headers);
	file->rec.bat = image->regions.bat.offset / VHDX_PAGE;
	file->rec.bat_end = file->rec.bat +
			    image->regions.bat.length / VHDX_PAGE;
	file->verifier.lax = vhdx_header_dirty(header);
	verify_mark(&file->verifier, header);
	vhdx_image_close(image);
}

/**
 * world_mark() - what has happened so far does not count
 * @w: the run, its files flushed; each is an image
 */
void world_mark(struct world *w)
{
	u32 i;

	for (i = 0; i < FILES_MAX && !w->failed; i++)
		if (w->files.file[i])
			mark_file(w, w->files.file[i]);
}

/**
 * world_settle() - what is left, with nothing lost, is right
 * @w: the run; nobody has an image open, and all of it is to be durable
 */
void world_settle(struct world *w)
{
	if (!world_lives(w))
		return;
	w->quiet = true;
	files_settle(&w->files);
	model_committed(&w->model, ++w->model.clock);
	model_prune(&w->model, NEVER);
	if (look_at(w, files_names(&w->files), SIDE_LIVE, disk_last_id(),
		    VERIFY_LIVE))
		world_mark(w);
	w->quiet = false;
}

/*
 * What is left of a child or of an empty image, whole or half made, is in the way
 * of a merge; somebody removes it.
 */
static void drop_orphans(struct world *w)
{
	const struct names *names = files_names(&w->files);
	char name[NAME_SIZE];
	u32 i;

	for (i = 0; i < names->count; i++) {
		if (w->files.file[names->file[i]]->linked)
			continue;
		memcpy(name, names->name[i], NAME_SIZE);
		files_drop(&w->files, name);
		w->totals->half_made++;
		names = files_names(&w->files);
		i = U32_MAX; /* from the first one on */
	}
}

static void adopt(struct world *w)
{
	struct top lost = w->top[0];
	bool was_half = lost.may_be_half;
	u32 i;

	files_adopt(&w->files, &w->fork_names);
	for (i = 0; i < FILES_MAX; i++)
		if (w->files.file[i])
			recorder_adopt(&w->files.file[i]->rec,
				       &w->files.file[i]->fork);
	w->forked = false;
	w->fork_in = 0;
	if (!look_learn(w, files_names(&w->files)))
		return;
	model_committed(&w->model, ++w->model.clock);
	model_prune(&w->model, NEVER);
	w->totals->crashes++;
	w->totals->gone_back += was_half && strcmp(lost.name, w->top[0].name);
	drop_orphans(w);
	world_mark(w);
}

/* Some logs are replayed at once, and others when somebody needs it. */
static void recover_file(struct world *w, struct file *file)
{
	struct vhdx_image *image = open_file(file);

	if (IS_ERR(image))
		return;
	if (!vhdx_header_dirty(vhdx_header_current(&image->headers))) {
		vhdx_image_close(image);
		return;
	}
	if (random_once_in(&w->random, 2)) {
		w->totals->left_dirty++;
		vhdx_image_close(image);
		return;
	}
	file->verifier.lax = false;
	file->verifier.same_disk = true;
	w->totals->recovered++;
	if (vhdx_image_recover(image))
		world_fail(w, "a log cannot be replayed");
	vhdx_image_close(image);
}

static void recover(struct world *w)
{
	u32 i;

	if (random_once_in(&w->random, 3))
		w->fork_in = 1 + random_below(&w->random, 15);
	for (i = 0; i < FILES_MAX && world_lives(w); i++)
		if (w->files.file[i])
			recover_file(w, w->files.file[i]);
	if (w->forked || w->failed)
		return;
	w->fork_in = 0;
	world_settle(w);
}

/* Small blocks, and a disk that is looked at quickly. */
static void choose_geometry(struct world *w)
{
	struct geometry *g = &w->geometry;

	geometry_choose(g, &w->random, false, PARENTS_NONE);
	g->device = false;
	g->room = 8192;
	g->block_shift = 20 + random_below(&w->random, 2);
	g->size = (4 + random_below(&w->random, 12)) << g->block_shift;
	if (random_once_in(&w->random, 3))
		g->size -= g->sector * (1 + random_below(&w->random, 200));
	g->filled = g->leave ? 100 : min(g->filled, 60U);
}

static void set_up(struct world *w)
{
	struct disk *disk = malloc(sizeof(*disk));
	struct made made;

	if (!disk)
		abort();
	now = w;
	shim_random = repeatable_random;
	guids.state = w->seed;
	msg_set_program(listen);
	choose_geometry(w);
	files_init(&w->files);
	w->files.event = on_event;
	w->files.renamed = on_rename;
	w->files.owner = w;
	geometry_make(&w->geometry, disk, &w->model, &made);
	files_add(&w->files, FIRST_NAME, disk);
	disk_exit(disk);
	free(disk);
	parent_exit(&made.parent);
	verify_init(&w->verifier, &w->model);
	w->top[0] = (struct top){ .name = FIRST_NAME, .size = w->model.size };
	w->tops = 1;
	w->next = 1;
	w->tags = 1U << 20;
}

static void tear_down(struct world *w)
{
	files_exit(&w->files);
	verify_exit(&w->verifier);
	model_exit(&w->model);
	now = NULL;
}

static enum act_kind choose_act(struct world *w)
{
	static const enum act_kind acts[] = {
		ACT_WRITE, ACT_WRITE, ACT_WRITE, ACT_SNAPSHOT, ACT_SNAPSHOT,
		ACT_SNAPSHOT, ACT_MERGE, ACT_MERGE, ACT_MERGE_MIDDLE,
		ACT_MERGE_MIDDLE,
	};

	return acts[random_below(&w->random, ARRAY_SIZE(acts))];
}

/* Each act has choices of its own, so that others can be left out. */
static void one_act(struct world *w)
{
	w->random.state = w->seed + (w->act + 1) * 0xD1B54A32D192ED03ULL;
	if (random_once_in(&w->random, 3))
		w->fork_in = 1 + random_below(&w->random, 90);
	if (w->kept >> w->act & 1)
		act(w, choose_act(w));
	if (!w->forked)
		w->fork_in = 0;
	world_settle(w);
	while (w->forked && !w->failed) {
		adopt(w);
		if (!w->failed)
			recover(w);
	}
}

/**
 * world_run() - a run
 * @w: the run; @kept and @only are set
 * @seed: of all runs
 * @number: of this one
 * @totals: what happens is added to it
 *
 * Return: true if all was as it must be.
 */
bool world_run(struct world *w, u64 seed, u32 number, struct totals *totals)
{
	u64 kept = w->kept;
	u32 acts, only = w->only;

	memset(w, 0, sizeof(*w));
	w->number = number;
	w->seed = seed * 1000003 + number;
	w->kept = kept;
	w->only = only;
	w->totals = totals;
	w->random.state = w->seed;
	acts = 4 + random_below(&w->random, 12);
	set_up(w);
	world_mark(w);
	for (w->act = 0; w->act < acts && !w->failed; w->act++)
		one_act(w);
	tear_down(w);
	totals->runs++;
	return !w->failed;
}
