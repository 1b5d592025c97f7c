// SPDX-License-Identifier: GPL-2.0-only
#include "edit.h"
#include "merge.h"
#include "resize.h"
#include "shorten.h"

/* Of the size, which is such an item, more is known. */
static bool is_of_disk(const struct vhdx_item *item)
{
	static const guid_t size = VHDX_GUID_VIRTUAL_DISK_SIZE;

	return (item->flags & VHDX_ITEM_IS_VIRTUAL_DISK) &&
	       ((item->flags & VHDX_ITEM_IS_USER) ||
		!guid_equal(&item->id, &size));
}

static const struct vhdx_item *find_same(const struct vhdx_image *image,
					 const struct vhdx_item *item)
{
	const u32 kind = VHDX_ITEM_IS_USER | VHDX_ITEM_IS_VIRTUAL_DISK;
	u32 i;

	for (i = 0; i < image->metadata.count; i++) {
		const struct vhdx_item *other = &image->metadata.items[i];

		if (guid_equal(&other->id, &item->id) &&
		    (other->flags & kind) == (item->flags & kind) &&
		    other->length == item->length)
			return other;
	}
	return NULL;
}

static int read_item(struct vhdx_image *image, const struct vhdx_item *item,
		     void *buf)
{
	return vhdx_image_read(image, image->metadata.base + item->offset, buf,
			       item->length);
}

/* Returns 0 and sets *@same, or a negative errno. */
static int compare_values(struct vhdx_image *a, const struct vhdx_item *item_a,
			  struct vhdx_image *b, const struct vhdx_item *item_b,
			  bool *same)
{
	/* A store wants its buffers at multiples of 8 bytes. */
	size_t second = ALIGN((size_t)item_a->length, 8);
	u8 *values = kvzalloc(2 * second, GFP_KERNEL);
	int r;

	if (!values)
		return -ENOMEM;
	r = read_item(a, item_a, values);
	if (!r)
		r = read_item(b, item_b, values + second);
	*same = !r && !memcmp(values, values + second, item_a->length);
	kvfree(values);
	return r;
}

/* Each item of @a that describes the disk is in @b, with the same value. */
static int check_items(struct vhdx_image *a, struct vhdx_image *b,
		       struct vhdx_report *report)
{
	char id[VHDX_GUID_TEXT_SIZE];
	bool same = true;
	u32 i;
	int r = 0;

	for (i = 0; i < a->metadata.count && !r; i++) {
		const struct vhdx_item *item = &a->metadata.items[i];
		const struct vhdx_item *other;

		if (!is_of_disk(item))
			continue;
		other = find_same(b, item);
		same = other;
		if (other && item->length)
			r = compare_values(a, item, b, other, &same);
		if (!r && !same)
			r = vhdx_refuse(report, -EOPNOTSUPP,
					VHDX_AT_INDEX("metadata item", item->index,
						      a->metadata.base +
						      item->offset),
					"item %s describes the disk, and the two images differ in it; a merge does not carry it from one to the other",
					vhdx_guid_text(&item->id, id));
	}
	return r;
}

static int check_both(const struct vhdx_chain *chain, u32 layer,
		      struct vhdx_report *report)
{
	struct vhdx_image *child = chain->layer[layer];
	struct vhdx_image *parent = chain->layer[layer + 1];
	int r = check_items(child, parent, report);

	return r ? r : check_items(parent, child, report);
}

/* The size of the disk under an image, 0 if there is none. */
static u64 size_below(const struct vhdx_chain *chain, u32 layer)
{
	return layer + 1 < chain->depth ? chain->layer[layer + 1]->params.size :
					  0;
}

/* The parent gets the size of the disk, whether it has to grow or to shrink. */
static int check_size(const struct vhdx_chain *chain, u32 layer, u64 size,
		      struct vhdx_report *report)
{
	const struct vhdx_image *parent = chain->layer[layer];
	u64 own = parent->params.size;
	const char *fault = NULL;

	if (size < own)
		fault = vhdx_shorten_fault(parent, size);
	else if (size > own)
		fault = vhdx_resize_fault(parent, size,
					  size_below(chain, layer));
	if (!fault)
		return 0;
	return vhdx_refuse(report, -EOPNOTSUPP,
			   VHDX_AT("virtual disk size", parent->metadata.base),
			   "the disk has %llu bytes, and that of the parent %llu: %s",
			   size, own, fault);
}

/**
 * vhdx_merge_check() - check that a child can be merged into its parent
 * @chain: the images
 * @layer: index of the child; its parent follows
 * @report: told why not
 *
 * Each image of the chain above the child is merged before, and gives it its size.
 *
 * Context: may sleep.
 * Return: 0; -EOPNOTSUPP for a parent that cannot have that size, or for disks with
 * other properties; -ENOMEM; or an errno of the store.
 * Source: [MS-VHDX] 2.6.1.2: items with IsVirtualDisk move to the parent.
 */
int vhdx_merge_check(const struct vhdx_chain *chain, u32 layer,
		     struct vhdx_report *report)
{
	int r = check_size(chain, layer + 1, chain->layer[0]->params.size,
			   report);

	return r ? r : check_both(chain, layer, report);
}

/**
 * vhdx_merge_check_middle() - check that an image with children can be merged
 * @chain: the images
 * @layer: index of the image; its parent follows
 * @report: told why not
 *
 * Its children go on over its parent. The size of their disks is their own, so a
 * parent that is larger remains so.
 *
 * Context: may sleep.
 * Return: as vhdx_merge_check().
 */
int vhdx_merge_check_middle(const struct vhdx_chain *chain, u32 layer,
			    struct vhdx_report *report)
{
	u64 size = chain->layer[layer]->params.size;
	int r = 0;

	if (size > chain->layer[layer + 1]->params.size)
		r = check_size(chain, layer + 1, size, report);
	return r ? r : check_both(chain, layer, report);
}

/* Returns the state of an entry, or a negative errno. */
static int state_of(struct vhdx_image *image, u64 index)
{
	u64 entry;
	int r = vhdx_image_read_entry(image, index, &entry);

	return r ? r : (int)vhdx_entry_state(entry);
}

/* Returns 1 if a bit of a range within one page is set, or a negative errno. */
static int has_bits(struct vhdx_image *image, u64 pos, u64 len)
{
	u64 index = vhdx_bitmap_page(&image->bat, pos);
	const struct vhdx_page *page;
	struct vhdx_miss miss;
	int r;

	for (;;) {
		rcu_read_lock();
		page = vhdx_page_map_find(&image->bitmap_pages, index);
		r = page && vhdx_bitmap_has(&image->bat, page->data, pos, len);
		rcu_read_unlock();
		if (page)
			return r;
		vhdx_image_missed(image, &image->bitmap_pages, index, &miss);
		r = vhdx_image_load(&miss);
		if (r)
			return r;
	}
}

/* Returns 1 if an absent block has bits, 0 if not, or a negative errno. */
static int has_leftovers(struct vhdx_image *image, u64 block)
{
	const struct vhdx_bat *bat = &image->bat;
	u64 chunk = block >> bat->ratio_shift;
	u64 pos = block << bat->block_shift;
	u64 end = min(pos + vhdx_bat_block_size(bat), bat->size);
	u64 len;
	int r = state_of(image, vhdx_bat_payload_index(bat, block));

	if (r)
		return r < 0 ? r : 0;
	r = state_of(image, vhdx_bat_bitmap_index(bat, chunk));
	if (r != VHDX_BITMAP_PRESENT)
		return r < 0 ? r : 0;
	for (r = 0; pos < end && !r; pos += len) {
		len = min(end - pos, vhdx_bitmap_reach(bat));
		r = has_bits(image, pos, len);
	}
	return r;
}

static int check_leftovers(struct vhdx_image *image, struct vhdx_report *report)
{
	const struct vhdx_bat *bat = &image->bat;
	u64 block;
	int r = 0;

	for (block = 0; bat->differencing && block < bat->blocks && !r; block++)
		r = has_leftovers(image, block);
	if (r <= 0)
		return r;
	return vhdx_refuse(report, -EOPNOTSUPP,
			   vhdx_bat_place(bat, vhdx_bat_payload_index(bat, block - 1)),
			   "block %llu is absent, but another program has left sectors in its bitmap: merge while no device has the image",
			   block - 1);
}

/*
 * Readers have the old BAT. It stays where it is, and what changes in it is for
 * blocks that they do not look up; but the space of a BAT that has moved is free.
 */
static int check_bat(const struct vhdx_image *image, u64 size,
		     struct vhdx_report *report)
{
	if (size <= image->params.size || !vhdx_resize_moves(image, size))
		return 0;
	return vhdx_refuse(report, -EOPNOTSUPP,
			   VHDX_AT("BAT region", image->bat.offset),
			   "must move for a disk of %llu bytes: merge while no device has the image",
			   size);
}

/**
 * vhdx_merge_check_lent() - check that images can be merged while they are read
 * @chain: the images that a device reads
 * @into: index of the one that all above it are merged into
 * @report: told why not
 *
 * Context: may sleep; nobody writes to the image.
 * Return: 0; -EOPNOTSUPP as vhdx_merge_check(), or if the merge has to wait until
 * no device has the chain; -ENOMEM; or an errno of the store.
 */
int vhdx_merge_check_lent(const struct vhdx_chain *chain, u32 into,
			  struct vhdx_report *report)
{
	struct vhdx_image *image = chain->layer[into];
	u64 size = chain->layer[0]->params.size;
	int r = check_size(chain, into, size, report);
	u32 i;

	for (i = 0; i < into && !r; i++)
		r = check_both(chain, i, report);
	if (!r)
		r = check_bat(image, size, report);
	return r ? r : check_leftovers(image, report);
}

static int write_locator(struct vhdx_session *session,
			 const struct vhdx_locator *locator,
			 struct vhdx_report *report)
{
	struct vhdx_edit *edit = vhdx_edit_new(session, report);
	int r;

	if (IS_ERR(edit))
		return PTR_ERR(edit);
	r = vhdx_edit_locator(edit, locator);
	if (!r)
		r = vhdx_edit_commit(edit);
	if (!r)
		r = vhdx_session_end(session);
	vhdx_edit_free(edit);
	return r;
}

/**
 * vhdx_merge_link() - have a child name the identity that its parent will get
 * @chain: the child, its parent, and the parent's ancestors
 * @next: the identity that the parent gets with its first change
 * @report: where findings go
 *
 * The child keeps its own identity, for its disk stays as it is. Afterwards it
 * must be closed and opened again.
 *
 * Context: may sleep; nobody else uses the child.
 * Return: 0: the link is durable, and the parent may change; -EROFS or another
 * errno after a finding; -ENOSPC; -ENOMEM.
 */
int vhdx_merge_link(const struct vhdx_chain *chain, const guid_t *next,
		    struct vhdx_report *report)
{
	struct vhdx_image *child = chain->layer[0];
	struct vhdx_locator link = *child->locator;
	struct vhdx_session *session = vhdx_session_new(child, report);
	int r;

	if (IS_ERR(session))
		return PTR_ERR(session);
	link.linkage = *vhdx_image_identity(chain->layer[1]);
	link.linkage2 = *next;
	vhdx_session_begin_under(session, vhdx_image_identity(child));
	r = write_locator(session, &link, report);
	vhdx_session_free(session);
	return r;
}

/**
 * vhdx_merge_fit() - give the disk of the parent the size of the child's
 * @chain: the parent and its ancestors, and perhaps children
 * @layer: index of the parent
 * @size: size of the child's disk in bytes
 * @next: the identity that the parent gets, which the child names already
 * @report: where findings go
 *
 * What grows is zeros, as what the child shows past the end of the parent. What goes
 * is past the end of the child, which does not show it. Afterwards the parent must be
 * closed and opened again.
 *
 * Context: may sleep; nobody else writes the parent. Who reads it has it lent, and
 * reads it through the child alone.
 * Return: 0, also if it has that size; -EOPNOTSUPP if it cannot have it, -EROFS or
 * another errno after a finding; -ENOSPC; -ENOMEM.
 */
int vhdx_merge_fit(const struct vhdx_chain *chain, u32 layer, u64 size,
		   const guid_t *next, struct vhdx_report *report)
{
	struct vhdx_image *parent = chain->layer[layer];
	struct vhdx_session *session;
	int r;

	if (size == parent->params.size)
		return 0;
	r = check_size(chain, layer, size, report);
	if (r)
		return r;
	session = vhdx_session_new(parent, report);
	if (IS_ERR(session))
		return PTR_ERR(session);
	vhdx_session_begin_under(session, next);
	if (size > parent->params.size)
		r = vhdx_resize(session, size, NULL, report);
	else
		r = vhdx_shorten(session, size, report);
	vhdx_session_free(session);
	return r;
}
