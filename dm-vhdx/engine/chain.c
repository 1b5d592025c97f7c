// SPDX-License-Identifier: GPL-2.0-only
#include "chain.h"

/* Where the data of a range is, according to one layer. */
enum where {
	HERE,
	BELOW,
	NOWHERE,
};

static int look_at_bitmap(struct vhdx_image *image, u64 pos, u64 *len,
			  enum where *where, struct vhdx_miss *miss)
{
	u64 index = vhdx_bitmap_page(&image->bat, pos);
	const struct vhdx_page *page;
	bool present;

	/*
	 * Pairs with the barrier in vhdx_child_allocate(): a reader that sees
	 * the block sees its bits clear, and the entry of its bitmap.
	 */
	smp_rmb();
	rcu_read_lock();
	page = vhdx_page_map_find(&image->bitmap_pages, index);
	if (page)
		*len = vhdx_bitmap_run(&image->bat, page->data, pos, *len,
				       &present);
	rcu_read_unlock();
	if (!page)
		return vhdx_image_missed(image, &image->bitmap_pages, index, miss);
	*where = present ? HERE : BELOW;
	return 0;
}

/*
 * Look at one block of one layer, and reduce *@len to the part that is at one
 * place. Only NOT_PRESENT shows the parent: a block that was zeroed or unmapped
 * in the child must never uncover it ([MS-VHDX] 2.5.1.1).
 */
static int look_at_block(struct vhdx_image *image, u64 pos, u64 *len,
			 enum where *where, u64 *offset, struct vhdx_miss *miss)
{
	const struct vhdx_bat *bat = &image->bat;
	u64 in_block = pos & (vhdx_bat_block_size(bat) - 1);
	u64 index = vhdx_bat_payload_index(bat, pos >> bat->block_shift);
	u64 entry;
	int r;

	*len = min(*len, vhdx_bat_block_size(bat) - in_block);
	r = vhdx_image_bat_entry(image, index, &entry);
	if (r == -EAGAIN)
		return vhdx_image_missed(image, &image->bat_pages,
					 index >> VHDX_BAT_ENTRIES_PER_PAGE_SHIFT,
					 miss);
	if (r)
		return r;

	*offset = vhdx_entry_offset(entry) + in_block;
	*where = HERE;
	switch (vhdx_entry_state(entry)) {
	case VHDX_BLOCK_FULLY_PRESENT:
		return 0;
	case VHDX_BLOCK_PARTIALLY_PRESENT:
		/* Without a parent, all of the block is here. */
		if (bat->differencing)
			return look_at_bitmap(image, pos, len, where, miss);
		return 0;
	case VHDX_BLOCK_NOT_PRESENT:
		*where = bat->differencing ? BELOW : NOWHERE;
		return 0;
	default:
		*where = NOWHERE;
		return 0;
	}
}

/*
 * Handle a run that the log patches or that ends past the end of the file: the
 * replay extends the file, or the last block is cut.
 */
static int settle_odd(const struct vhdx_image *image, struct vhdx_run *run)
{
	u64 sector = image->params.logical_sector;
	u64 size = READ_ONCE(image->store->size);
	bool patched;
	u64 known;

	/* Pairs with the pool's lock: the file is long enough for the block. */
	smp_rmb();
	known = vhdx_image_limit(image);
	/* The part of a cut block that is in the file can be read. */
	if (run->offset + sector > known)
		return -EIO;
	run->length = min(run->length, ALIGN_DOWN(known - run->offset, sector));
	run->length = vhdx_replay_clip(&image->replay, run->offset, run->length,
				       &patched);
	if (patched) {
		run->kind = VHDX_RUN_COPY;
	} else if (run->offset >= size) {
		run->kind = VHDX_RUN_ZERO;
	} else if (size - run->offset < sector) {
		run->kind = VHDX_RUN_COPY;
		run->length = sector;
	} else {
		run->kind = VHDX_RUN_DATA;
		run->length = min(run->length,
				  ALIGN_DOWN(size - run->offset, sector));
	}
	return 0;
}

/*
 * A lookup may race with the growth of a file that is written, and find new
 * space past the end. Nothing has been written there yet.
 */
static int settle_run(const struct vhdx_image *image, struct vhdx_run *run)
{
	run->kind = VHDX_RUN_DATA;
	if (likely(!image->replay.count &&
		   run->offset + run->length <=
		   READ_ONCE(image->store->size)))
		return 0;
	return settle_odd(image, run);
}

/* Find the first piece of a range in the first @depth layers. */
static int look_at_layers(const struct vhdx_chain *chain, u32 depth, u64 pos,
			  u64 len, struct vhdx_run *run, struct vhdx_miss *miss)
{
	enum where where = BELOW;
	u32 layer;
	int r;

	*run = (struct vhdx_run){ .kind = VHDX_RUN_ZERO, .length = len };
	for (layer = 0; layer < depth; layer++) {
		struct vhdx_image *image = chain->layer[layer];

		/* A parent may be smaller than its child. */
		if (pos >= image->bat.size)
			return 0;
		run->layer = layer;
		run->length = min(run->length, image->bat.size - pos);
		r = look_at_block(image, pos, &run->length, &where,
				  &run->offset, miss);
		if (r)
			return r;
		if (where == NOWHERE)
			return 0;
		if (where == HERE)
			return settle_run(image, run);
	}
	if (depth < chain->depth || chain->layer[depth - 1]->bat.differencing)
		run->layer = depth;
	return 0;
}

/**
 * vhdx_chain_piece() - find the first piece of a range, and its layer
 * @chain: the images
 * @pos: byte offset on the virtual disk, sector-aligned
 * @len: bytes, sector-aligned, above 0; ends inside the virtual disk
 * @run: set to the piece from @pos on, up to @len, within one block of each
 *	layer; its layer is the one that decides, for zeros, too
 * @miss: on -EAGAIN, set to the page that vhdx_image_load() must load first
 *
 * If no layer has data, the last layer that is long enough decides; in a chain
 * that lacks a parent, that parent.
 *
 * Context: any; takes no lock, allocates nothing, does no I/O.
 * Return: as vhdx_chain_map().
 */
int vhdx_chain_piece(const struct vhdx_chain *chain, u64 pos, u64 len,
		     struct vhdx_run *run, struct vhdx_miss *miss)
{
	if (unlikely(!vhdx_image_has_range(chain->layer[0], pos, len)))
		return -EINVAL;
	return look_at_layers(chain, chain->depth, pos, len, run, miss);
}

/**
 * vhdx_chain_change() - find what the upper images of a chain say of a range
 * @chain: the images
 * @depth: images that are asked, from the child on; fewer than the chain has
 * @pos: byte offset on the virtual disk, sector-aligned
 * @len: bytes, sector-aligned, above 0; ends inside the virtual disk
 * @run: the first bytes of the range, within one block of each image that is
 *	asked. Its layer is @depth if they all show what lies below them. Bytes
 *	past the end of the image below are zeros of the last image that is asked.
 * @miss: on -EAGAIN, the page for vhdx_image_load()
 *
 * Context: any; takes no lock, allocates nothing, does no I/O.
 * Return: as vhdx_chain_map().
 */
int vhdx_chain_change(const struct vhdx_chain *chain, u32 depth, u64 pos,
		      u64 len, struct vhdx_run *run, struct vhdx_miss *miss)
{
	u64 below = chain->layer[depth]->bat.size;
	int r;

	if (unlikely(!vhdx_image_has_range(chain->layer[0], pos, len)))
		return -EINVAL;
	if (pos < below)
		len = min(len, below - pos);
	r = look_at_layers(chain, depth, pos, len, run, miss);
	if (!r && run->layer == depth && pos >= below)
		run->layer = depth - 1;
	return r;
}

static bool run_continues(const struct vhdx_run *run,
			  const struct vhdx_run *next)
{
	if (run->kind != next->kind)
		return false;
	return run->kind == VHDX_RUN_ZERO ||
	       (run->layer == next->layer &&
		run->offset + run->length == next->offset);
}

/* Inlined into both callers: each read and each write comes through here. */
static __always_inline int
map_layers(const struct vhdx_chain *chain, u32 depth, u64 pos, u64 len,
	   struct vhdx_run *run, struct vhdx_miss *miss)
{
	struct vhdx_run next;
	int r;

	if (unlikely(!vhdx_image_has_range(chain->layer[0], pos, len)))
		return -EINVAL;
	r = look_at_layers(chain, depth, pos, len, run, miss);
	if (r)
		return r;
	while (run->length < len) {
		/* The next call reports what cannot be mapped now. */
		if (look_at_layers(chain, depth, pos + run->length,
				   len - run->length, &next, miss) ||
		    !run_continues(run, &next))
			break;
		run->length += next.length;
	}
	return 0;
}

/**
 * vhdx_chain_map() - find where bytes of the virtual disk are stored
 * @chain: the images
 * @pos: byte offset on the virtual disk, sector-aligned
 * @len: bytes, sector-aligned, above 0; ends inside the virtual disk
 * @run: set to the longest contiguous piece from @pos on, up to @len; it may
 *	span blocks that follow each other in the file
 * @miss: on -EAGAIN, set to the page that vhdx_image_load() must load first
 *
 * Context: any; takes no lock, allocates nothing, does no I/O.
 * Return: 0; -EAGAIN; -EIO if the BAT entry failed its checks, or if the file
 * was cut short and has lost these bytes; or -EINVAL if the range is not whole
 * sectors of the virtual disk.
 */
int vhdx_chain_map(const struct vhdx_chain *chain, u64 pos, u64 len,
		   struct vhdx_run *run, struct vhdx_miss *miss)
{
	return map_layers(chain, chain->depth, pos, len, run, miss);
}

/**
 * vhdx_chain_find() - find where bytes of the virtual disk are stored, with I/O
 * @chain: the images
 * @pos: byte offset on the virtual disk, sector-aligned
 * @len: bytes, sector-aligned, above 0; ends inside the virtual disk
 * @run: set as by vhdx_chain_map()
 *
 * Loads each page that the lookup misses.
 *
 * Context: may sleep; no lock held; does not start I/O to get memory.
 * Return: as vhdx_chain_map(), or an errno of vhdx_image_load(); never -EAGAIN.
 */
int vhdx_chain_find(const struct vhdx_chain *chain, u64 pos, u64 len,
		    struct vhdx_run *run)
{
	struct vhdx_miss miss;
	int r;

	while ((r = vhdx_chain_map(chain, pos, len, run, &miss)) == -EAGAIN) {
		r = vhdx_image_load(&miss);
		if (r)
			break;
	}
	return r;
}

/**
 * vhdx_chain_map_own() - find where the child itself stores bytes
 * @chain: the images
 * @pos: byte offset on the virtual disk, sector-aligned
 * @len: bytes, sector-aligned, above 0; ends inside the virtual disk
 * @run: as from vhdx_chain_map(), as if the parents were empty: a write may
 *	overwrite VHDX_RUN_DATA
 * @miss: on -EAGAIN, set to the page of the child that vhdx_image_load() must
 *	load first
 *
 * Context: any; takes no lock, allocates nothing, does no I/O.
 * Return: as vhdx_chain_map().
 */
int vhdx_chain_map_own(const struct vhdx_chain *chain, u64 pos, u64 len,
		       struct vhdx_run *run, struct vhdx_miss *miss)
{
	return map_layers(chain, 1, pos, len, run, miss);
}

/**
 * vhdx_chain_read() - read the virtual disk
 * @chain: the images
 * @pos: byte offset on the virtual disk, sector-aligned
 * @buf: destination, 8-byte aligned
 * @len: bytes, sector-aligned; ends inside the virtual disk
 *
 * Context: may sleep; does not start I/O to get memory.
 * Return: 0 or a negative errno; -ENOMEM is worth another try.
 */
int vhdx_chain_read(const struct vhdx_chain *chain, u64 pos, void *buf,
		    size_t len)
{
	struct vhdx_run run;
	int r;

	while (len) {
		r = vhdx_chain_find(chain, pos, len, &run);
		if (r)
			return r;
		if (run.kind == VHDX_RUN_ZERO)
			memset(buf, 0, run.length);
		else
			r = vhdx_image_read(chain->layer[run.layer], run.offset,
					    buf, run.length);
		if (r)
			return r;
		pos += run.length;
		buf = (u8 *)buf + run.length;
		len -= run.length;
	}
	return 0;
}

static struct vhdx_place locator_place(const struct vhdx_image *image)
{
	static const guid_t id = VHDX_GUID_PARENT_LOCATOR;
	const struct vhdx_item *item =
		vhdx_metadata_find(&image->metadata, &id);

	return VHDX_AT("parent locator",
		       image->metadata.base + (item ? item->offset : 0));
}

static const char *parent_path(const struct vhdx_locator *locator)
{
	if (locator->relative_path)
		return locator->relative_path;
	if (locator->absolute_path)
		return locator->absolute_path;
	return locator->volume_path ? locator->volume_path : "(no path)";
}

static int check_identity(const struct vhdx_image *child,
			  const struct vhdx_image *parent, unsigned int flags,
			  struct vhdx_report *report)
{
	const guid_t *identity = vhdx_image_identity(parent);
	char have[VHDX_GUID_TEXT_SIZE], want[VHDX_GUID_TEXT_SIZE];
	enum vhdx_severity severity = VHDX_ERROR;

	if (vhdx_locator_matches(child->locator, identity))
		return 0;
	if (flags & VHDX_CHAIN_IGNORE_ID)
		severity = VHDX_WARN;
	vhdx_find(report, severity, locator_place(child),
		  "the parent has data write GUID %s, but the child was made over %s: the parent was changed since, or is another image",
		  vhdx_guid_text(identity, have),
		  vhdx_guid_text(&child->locator->linkage, want));
	return severity == VHDX_ERROR ? -ESTALE : 0;
}

static int check_link(const struct vhdx_image *child,
		      const struct vhdx_image *parent, unsigned int flags,
		      struct vhdx_report *report)
{
	if (child->params.logical_sector != parent->params.logical_sector)
		return vhdx_refuse(report, -EUCLEAN, locator_place(child),
				   "the parent has logical sectors of %u bytes, the child of %u",
				   parent->params.logical_sector,
				   child->params.logical_sector);
	/* Its identity is not final before its session has ended. */
	if ((flags & VHDX_CHAIN_LATE_ID) && parent->written)
		return 0;
	return check_identity(child, parent, flags, report);
}

static int check_cycle(const struct vhdx_chain *chain, u32 layer,
		       struct vhdx_report *report)
{
	u32 other;

	for (other = 0; other < layer; other++)
		if (chain->layer[other] == chain->layer[layer])
			return vhdx_refuse(report, -ELOOP,
					   locator_place(chain->layer[layer]),
					   "the image is its own ancestor");
	return 0;
}

static int check_layer(const struct vhdx_chain *chain, u32 layer,
		       unsigned int flags, struct vhdx_report *report)
{
	struct vhdx_image *image = chain->layer[layer];
	bool last = layer + 1 == chain->depth;

	if (last && image->params.has_parent && !(flags & VHDX_CHAIN_ALONE))
		return vhdx_refuse(report, -ENOENT, locator_place(image),
				   "a differencing image needs its parent, which it names as \"%.96s\"",
				   parent_path(image->locator));
	if (!last && !image->params.has_parent)
		return vhdx_refuse(report, -EINVAL,
				   VHDX_AT("file parameters",
					   image->metadata.base),
				   "the image has no parent, but one is given");
	if (last)
		return 0;
	return check_link(image, chain->layer[layer + 1], flags, report);
}

/**
 * vhdx_chain_bound_logs() - bound the memory that the logs of a chain take
 * @held: number of entries and changes of the images so far, 0 before the
 *	first; the call adds those of @image
 * @image: the next image
 * @report: receives the findings
 *
 * The limit for one image bounds its log, but a chain may have 256 images.
 *
 * Context: any.
 * Return: 0, or -EOPNOTSUPP if the chain exceeds the limit of a single image.
 */
int vhdx_chain_bound_logs(u64 *held, const struct vhdx_image *image,
			  struct vhdx_report *report)
{
	u64 own = (u64)image->log.count + image->replay.count;
	bool first = !*held;

	*held += own;
	if (first || !own || *held <= VHDX_LOG_CHANGES_MAX)
		return 0;
	return vhdx_refuse(report, -EOPNOTSUPP, vhdx_image_log_place(image),
			   "the logs of the chain up to here hold more than %llu entries and changes, too many to be replayed in memory; replay them on disk first",
			   VHDX_LOG_CHANGES_MAX);
}

/**
 * vhdx_chain_new() - join a child and its parents
 * @images: child first; each outlives the chain
 * @depth: number of images
 * @flags: VHDX_CHAIN_*
 * @report: receives the findings
 *
 * Context: may sleep.
 * Return: the chain, to be freed by vhdx_chain_free(), or an ERR_PTR: -ENOENT
 * if a parent is missing, -ESTALE if the identity of a parent is wrong, -ELOOP
 * for a cycle or a chain that is too deep, -EINVAL if the last image has no
 * parent but another one follows, -EOPNOTSUPP if the logs exceed the limit,
 * -EUCLEAN, -ENOMEM.
 * Source: [MS-VHDX] 2.6.2.6.
 */
struct vhdx_chain *vhdx_chain_new(struct vhdx_image **images, u32 depth,
				  unsigned int flags,
				  struct vhdx_report *report)
{
	struct vhdx_chain *chain;
	u64 held = 0;
	u32 i;
	int r = 0;

	if (depth > VHDX_CHAIN_MAX)
		return ERR_PTR(vhdx_refuse(report, -ELOOP,
					   locator_place(images[0]),
					   "a chain of %u images is deeper than the limit of %u",
					   depth, VHDX_CHAIN_MAX));
	chain = kzalloc(struct_size(chain, layer, depth), GFP_KERNEL);
	if (!chain)
		return ERR_PTR(-ENOMEM);
	chain->size = images[0]->params.size;
	chain->depth = depth;
	for (i = 0; i < depth; i++)
		chain->layer[i] = images[i];
	/* Report a cycle first: other findings would only follow from it. */
	for (i = 0; i < depth && !r; i++)
		r = check_cycle(chain, i, report);
	for (i = 0; i < depth && !r; i++)
		r = check_layer(chain, i, flags, report);
	for (i = 0; i < depth && !r; i++)
		r = vhdx_chain_bound_logs(&held, images[i], report);
	if (r) {
		kfree(chain);
		return ERR_PTR(r);
	}
	return chain;
}

/**
 * vhdx_chain_check_late() - check the identity of parents that were written
 * @chain: made with VHDX_CHAIN_LATE_ID
 * @report: where findings go
 *
 * The other parents were checked when the chain was made.
 * VHDX_CHAIN_IGNORE_ID does not apply here: such a parent is kept from others, so
 * a child that does not name it was not made for it.
 *
 * Context: any; nobody writes to the parents any more.
 * Return: 0 or -ESTALE.
 */
int vhdx_chain_check_late(const struct vhdx_chain *chain,
			  struct vhdx_report *report)
{
	u32 i;
	int r = 0;

	for (i = 1; i < chain->depth && !r; i++)
		if (chain->layer[i]->written)
			r = check_identity(chain->layer[i - 1],
					   chain->layer[i], 0, report);
	return r;
}

/**
 * vhdx_chain_free() - free a chain
 * @chain: the chain; its images stay open
 */
void vhdx_chain_free(struct vhdx_chain *chain)
{
	kfree(chain);
}
