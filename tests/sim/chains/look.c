// SPDX-License-Identifier: GPL-2.0-only
#include "image.h"
#include "world.h"

/**
 * struct link - an image of a chain that is looked at
 * @store: its bytes, for the engine
 * @file: its file
 * @disk: what that holds
 * @image: as the engine sees it
 */
struct link {
	struct vhdx_store store;
	struct file *file;
	const struct disk *disk;
	struct vhdx_image *image;
};

/**
 * struct look - a chain that is looked at
 * @world: the run
 * @names: the directory
 * @side: of each file
 * @link: the images, the child first
 * @depth: how many
 */
struct look {
	struct world *world;
	const struct names *names;
	enum side side;
	struct link link[VERIFY_LOWER_MAX];
	u32 depth;
};

static int link_read(struct vhdx_store *store, u64 pos, void *buf, size_t len)
{
	disk_read(container_of(store, struct link, store)->disk, pos, buf, len);
	return 0;
}

static const struct vhdx_store_ops link_ops = { .read = link_read };

static void close_links(struct look *look)
{
	while (look->depth)
		vhdx_image_close(look->link[--look->depth].image);
}

/* Returns NULL if there is no such file, or if it is no image. */
static struct link *open_link(struct look *look, const char *name)
{
	struct link *link = &look->link[look->depth];
	struct file *file = files_named(&look->world->files, look->names, name);

	if (!file || look->depth == VERIFY_LOWER_MAX)
		return NULL;
	link->file = file;
	link->disk = look->side == SIDE_LIVE ? &file->rec.live :
					       &file->rec.durable;
	link->store.ops = &link_ops;
	link->store.size = link->disk->size;
	link->image = vhdx_image_open(&link->store, VHDX_POOL_PAGES_DEFAULT,
				      &vhdx_report_silent);
	if (IS_ERR(link->image))
		return NULL;
	look->depth++;
	return link;
}

/* The paths that the tools write begin with ".\". */
static const char *parent_of(const struct vhdx_image *image)
{
	const char *path = image->locator->relative_path;

	return path && !strncmp(path, ".\\", 2) ? path + 2 : "?";
}

static bool belongs(const struct vhdx_image *child,
		    const struct vhdx_image *parent)
{
	return vhdx_locator_matches(child->locator,
				    vhdx_image_identity(parent));
}

/* All images that a name leads to. */
static bool open_all(struct look *look, const char *name)
{
	struct link *link = open_link(look, name), *child;

	while (link && link->image->params.has_parent) {
		child = link;
		link = open_link(look, parent_of(child->image));
		if (link && !belongs(child->image, link->image))
			link = NULL;
	}
	if (!link)
		close_links(look);
	return link;
}

/* Does what has to be there depend on an identity that the parent has by now? */
static bool must_be_whole(struct look *look, const struct top *top,
			  const struct top *otherwise)
{
	struct link *parent;
	bool must;

	if (!top->may_be_half)
		return true;
	if (guid_is_null(&top->whole_under))
		return false;
	parent = open_link(look, otherwise->name);
	must = parent && guid_equal(vhdx_image_identity(parent->image),
				    &top->whole_under);
	close_links(look);
	return must;
}

/* The best name that leads to a disk, with its images open. */
static const struct top *open_top(struct look *look)
{
	struct world *w = look->world;
	u32 i;

	for (i = 0; i < w->tops; i++) {
		const struct top *top = &w->top[i];
		bool is_there = files_named(&w->files, look->names, top->name);

		if (is_there && open_all(look, top->name))
			return top;
		if (must_be_whole(look, top, &w->top[w->tops - 1]) &&
		    (is_there || !guid_is_null(&top->whole_under))) {
			world_fail(w, "%s makes no chain", top->name);
			return NULL;
		}
	}
	world_fail(w, "the disk has no name any more");
	return NULL;
}

static void set_lower(struct look *look)
{
	struct verifier *v = &look->world->verifier;
	u32 i;

	v->lower_count = look->depth - 1;
	for (i = 1; i < look->depth; i++)
		v->lower[i - 1] = (struct verify_lower){
			.disk = look->link[i].disk,
			.image = look->link[i].image,
		};
}

static u32 touched(const struct look *look, const struct link *link)
{
	return look->side == SIDE_LIVE ? 0 : link->file->crash.touched;
}

/* What an image promises, whatever lies above or below it. */
static bool check_links(struct look *look, u64 lasting, unsigned int flags)
{
	struct world *w = look->world;
	u32 i;

	for (i = 1; i < look->depth; i++) {
		struct link *link = &look->link[i];

		if (verify_state(&link->file->verifier, link->disk, lasting,
				 touched(look, link), flags))
			continue;
		world_fail(w, "image %u of the chain: %s", i,
			   link->file->verifier.text);
		return false;
	}
	return true;
}

static bool check_top(struct look *look, const struct top *top, u64 lasting,
		      unsigned int flags)
{
	struct world *w = look->world;
	struct link *link = look->link;
	struct verifier *v = &w->verifier;

	set_lower(look);
	v->file_guid = link->file->verifier.file_guid;
	v->data_guid = link->file->verifier.data_guid;
	v->same_disk = link->file->verifier.same_disk;
	v->lax = link->file->verifier.lax;
	v->seal = link->file->verifier.seal;
	verify_sizes(v, top->size, top->size);
	if (verify_state(v, link->disk, lasting, touched(look, link), flags))
		return true;
	world_fail(w, "%s, of %u images: %s", top->name, look->depth, v->text);
	return false;
}

static bool check_chain(struct look *look, const struct top *top, u64 lasting,
			unsigned int flags)
{
	struct world *w = look->world;
	bool good = check_links(look, lasting, flags & ~VERIFY_LIVE) &&
		    check_top(look, top, lasting, flags);

	w->totals->second_link += look->side == SIDE_DURABLE &&
		look->depth > 1 &&
		!guid_is_null(&look->link->image->locator->linkage2);
	close_links(look);
	return good;
}

/**
 * look_at() - is a state right?
 * @world: the run; it fails if not
 * @names: the directory
 * @side: of each file
 * @lasting: as for verify_state()
 * @flags: likewise, of each image
 *
 * Return: true if it is.
 */
bool look_at(struct world *world, const struct names *names, enum side side,
	     u64 lasting, unsigned int flags)
{
	struct look look = { .world = world, .names = names, .side = side };
	const struct top *top = open_top(&look);
	bool good;

	if (!top)
		return false;
	good = check_chain(&look, top, lasting, flags);
	/* A child that nobody writes yet reads as its parent does. */
	if (good && top->may_be_half) {
		top = &world->top[world->tops - 1];
		good = open_all(&look, top->name) &&
		       check_chain(&look, top, lasting, flags);
	}
	return good;
}

/**
 * look_learn() - what a state shows is all that it may show
 * @world: the run; the state is the durable one
 * @names: the directory
 *
 * The disk has one name afterwards, and the files of its chain are noted.
 *
 * Return: false if it cannot be opened.
 */
bool look_learn(struct world *world, const struct names *names)
{
	struct look look = {
		.world = world,
		.names = names,
		.side = SIDE_DURABLE,
	};
	const struct top *top = open_top(&look);
	bool good;
	u32 i;

	if (!top)
		return false;
	for (i = 0; i < FILES_MAX; i++)
		if (world->files.file[i])
			world->files.file[i]->linked = false;
	for (i = 0; i < look.depth; i++)
		look.link[i].file->linked = true;
	set_lower(&look);
	good = verify_learn(&world->verifier, look.link->disk);
	close_links(&look);
	world->top[0] = *top;
	world_one_name(world);
	return good;
}
