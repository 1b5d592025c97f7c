// SPDX-License-Identifier: GPL-2.0-only
/* engine/edit.c, engine/edit-item.c: changes of the metadata, and crashes. */
#include "edit.h"
#include "history.h"
#include "suites.h"
#include "writer.h"

#define MIB VHDX_MIB
#define OLD_GUID 0xD1
#define NEW_GUID 0xD2
#define LONG 3000U

/* Of a locator with one path: all but its letters, which have two each. */
#define OTHER_BYTES (20 + 2 * 12 + 28 + 76 + 26)

static const guid_t locator_id = VHDX_GUID_PARENT_LOCATOR;
static const guid_t size_id = VHDX_GUID_VIRTUAL_DISK_SIZE;

/* A child with its usual locator, and an edit of it. */
static struct vhdx_edit *open_child(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_edit *edit;

	builder_parent(&f->builder[0], OLD_GUID);
	edit = vhdx_edit_new(writer_open(test), &f->found.report);
	KUNIT_ASSERT_FALSE(test, IS_ERR(edit));
	return edit;
}

/* A locator with a path of so many letters. */
static int set_locator(struct kunit *test, struct vhdx_edit *edit, u32 letters)
{
	char *path = kvzalloc(letters + 1, GFP_KERNEL);
	struct vhdx_locator locator = { .linkage = builder_guid(NEW_GUID),
					.relative_path = path };
	int r;

	KUNIT_ASSERT_NOT_NULL(test, path);
	memset(path, 'x', letters);
	r = vhdx_edit_locator(edit, &locator);
	kvfree(path);
	return r;
}

static int set_size(struct vhdx_edit *edit, u64 size)
{
	__le64 value = cpu_to_le64(size);

	return vhdx_edit_value(edit, &size_id, &value, sizeof(value));
}

/* Closes all, and opens the image anew. */
static struct vhdx_image *finish(struct kunit *test, struct vhdx_edit *edit)
{
	struct fixture *f = test->priv;
	struct writer *w = writer_of(test);

	KUNIT_EXPECT_EQ(test, vhdx_session_end(w->session), 0);
	vhdx_session_free(w->session);
	w->session = NULL;
	vhdx_edit_free(edit);
	vhdx_image_close(f->image[0]);
	f->image[0] = NULL;
	/* The next session is traced anew. */
	f->ram[0].store.ops = w->tracer.below;
	return fixture_open(test, 0);
}

static const struct vhdx_item *item_of(struct vhdx_image *image,
				       const guid_t *id)
{
	return vhdx_metadata_find(&image->metadata, id);
}

static void edit_grows(struct kunit *test)
{
	struct vhdx_edit *edit = open_child(test);
	struct fixture *f = test->priv;
	guid_t before = *vhdx_image_identity(f->image[0]);
	guid_t linkage = builder_guid(NEW_GUID);
	struct vhdx_image *image;

	vhdx_session_begin_under(writer_of(test)->session, &before);
	KUNIT_EXPECT_EQ(test, set_locator(test, edit, LONG), 0);
	KUNIT_EXPECT_EQ(test, set_size(edit, 96 * MIB), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].changes, 0);
	KUNIT_EXPECT_EQ(test, vhdx_edit_commit(edit), 0);
	image = finish(test, edit);
	KUNIT_EXPECT_TRUE(test, guid_equal(&image->locator->linkage, &linkage));
	KUNIT_EXPECT_EQ(test, strlen(image->locator->relative_path), LONG);
	KUNIT_EXPECT_EQ(test, image->params.size, 96 * MIB);
	KUNIT_EXPECT_EQ(test, image->metadata.count, 6);
	/* Nothing is behind it, so it stays where it was. */
	KUNIT_EXPECT_EQ(test, item_of(image, &locator_id)->offset,
			BUILDER_LOCATOR);
	KUNIT_EXPECT_TRUE(test,
			  guid_equal(vhdx_image_identity(image), &before));
	KUNIT_EXPECT_FALSE(test,
			   vhdx_header_dirty(vhdx_header_current(&image->headers)));
	fixture_expect(test, "");
}

/* Without a choice the disk counts as changed; with one, only this once. */
static void edit_identity(struct kunit *test)
{
	struct vhdx_edit *edit = open_child(test);
	struct fixture *f = test->priv;
	guid_t before = *vhdx_image_identity(f->image[0]);
	guid_t chosen = builder_guid(0x77);
	struct vhdx_session *session = writer_of(test)->session;
	guid_t after;

	vhdx_session_begin_under(session, &chosen);
	KUNIT_EXPECT_EQ(test, set_size(edit, 96 * MIB), 0);
	KUNIT_EXPECT_EQ(test, vhdx_edit_commit(edit), 0);
	KUNIT_EXPECT_TRUE(test, guid_equal(vhdx_image_identity(f->image[0]),
					   &chosen));
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	writer_work(test, VHDX_WORK_BEGIN);
	after = *vhdx_image_identity(f->image[0]);
	KUNIT_EXPECT_FALSE(test, guid_equal(&after, &chosen));
	KUNIT_EXPECT_FALSE(test, guid_equal(&after, &before));
	finish(test, edit);
}

/* With the session's beginning and end: two flushes and the entry between. */
static void edit_order(struct kunit *test)
{
	struct vhdx_edit *edit = open_child(test);

	KUNIT_EXPECT_EQ(test, set_size(edit, 96 * MIB), 0);
	KUNIT_EXPECT_EQ(test, set_locator(test, edit, 20), 0);
	writer_work(test, VHDX_WORK_BEGIN);
	tracer_forget(&writer_of(test)->tracer);
	KUNIT_EXPECT_EQ(test, vhdx_edit_commit(edit), 0);
	/* The pages of the size, of the table, and of the locator. */
	writer_trace(test,
		     "flush\n"
		     "write log 0x1000 +0x5000\n"
		     "flush\n"
		     "write 0x200000 +0x1000\n"
		     "write 0x210000 +0x2000\n");
	KUNIT_EXPECT_EQ(test, vhdx_session_end(writer_of(test)->session), 0);
	writer_trace(test,
		     "flush\n"
		     "flush\n"
		     "write header 1 +0x1000\n"
		     "flush\n"
		     "write header 2 +0x1000\n"
		     "flush\n");
	finish(test, edit);
}

static void edit_nothing(struct kunit *test)
{
	struct vhdx_edit *edit = open_child(test);
	struct fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, vhdx_edit_commit(edit), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].changes, 0);
	finish(test, edit);
}

/* An item whose bytes are those of its GUID. */
static guid_t add_entry(struct builder *b, u8 byte, u32 offset, u32 length,
			u32 flags)
{
	builder_fill(b, b->metadata_offset + offset, length, byte);
	return builder_add_item(b, byte, offset, length, flags);
}

static u32 offset_after(struct kunit *test, u32 letters)
{
	struct fixture *f = test->priv;
	struct vhdx_edit *edit;

	edit = vhdx_edit_new(writer_open(test), &f->found.report);
	KUNIT_ASSERT_FALSE(test, IS_ERR(edit));
	KUNIT_EXPECT_EQ(test, set_locator(test, edit, letters), 0);
	KUNIT_EXPECT_EQ(test, vhdx_edit_commit(edit), 0);
	finish(test, edit);
	KUNIT_EXPECT_EQ(test, strlen(f->image[0]->locator->relative_path),
			letters);
	return item_of(f->image[0], &locator_id)->offset;
}

/*
 * The locator has 4 KiB up to item A, and as much before it but for 0x28 bytes;
 * 1 KiB is free behind that item, and the rest behind item B. What lies around
 * stays.
 */
static void edit_moves(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u32 i;

	builder_parent(b, OLD_GUID);
	add_entry(b, 0xA1, 0x12000, 0x1003, VHDX_ITEM_IS_USER);
	add_entry(b, 0xA2, 0x13403, 16, 0);
	KUNIT_EXPECT_EQ(test, offset_after(test, 20), BUILDER_LOCATOR);
	KUNIT_EXPECT_EQ(test, offset_after(test, (4096 - OTHER_BYTES) / 2),
			BUILDER_LOCATOR);
	KUNIT_EXPECT_EQ(test, offset_after(test, (4096 - OTHER_BYTES) / 2 + 1),
			0x10028);
	KUNIT_EXPECT_EQ(test, offset_after(test, (8152 - OTHER_BYTES) / 2),
			0x10028);
	KUNIT_EXPECT_EQ(test, offset_after(test, (8152 - OTHER_BYTES) / 2 + 1),
			0x13418);
	/* It leaves room behind; with fewer letters it stays there. */
	KUNIT_EXPECT_EQ(test, offset_after(test, 20), 0x13418);
	for (i = 0; i < 0x1003; i++)
		if (ram_store_get(b->ram, b->metadata_offset + 0x12000 + i,
				  1) != 0xA1)
			break;
	KUNIT_EXPECT_EQ(test, i, 0x1003);
	KUNIT_EXPECT_EQ(test, ram_store_get(b->ram, b->metadata_offset +
					    0x13403, 8), 0xA2A2A2A2A2A2A2A2);
	KUNIT_EXPECT_EQ(test, f->image[0]->metadata.count, 8);
	fixture_expect(test, "");
}

static void edit_no_room(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_edit *edit;

	builder_parent(b, OLD_GUID);
	add_entry(b, 0xA1, 0x11100, 0xF0000 - 0x1100, 0);
	edit = vhdx_edit_new(writer_open(test), &f->found.report);
	KUNIT_ASSERT_FALSE(test, IS_ERR(edit));
	KUNIT_EXPECT_EQ(test, set_locator(test, edit, LONG), -ENOSPC);
	fixture_expect(test,
		       "error: metadata region at offset 0x200000: has no room for the 6174 bytes of item a8d35f2d-b30b-454d-abf7-d3d84834ab0c\n");
	KUNIT_EXPECT_EQ(test, f->ram[0].changes, 0);
	finish(test, edit);
}

static void edit_too_large(struct kunit *test)
{
	guid_t id = builder_guid(0xA1);
	struct vhdx_edit *edit = open_child(test);
	u8 *value = kvzalloc(300000, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, value);
	KUNIT_EXPECT_EQ(test, vhdx_edit_item(edit, &id, 0, value, 300000),
			-E2BIG);
	fixture_expect(test,
		       "error: log at offset 0x100000: an entry holds 61 pages, and the change of the metadata needs more\n");
	kvfree(value);
	finish(test, edit);
}

static void edit_too_many(struct kunit *test)
{
	struct vhdx_edit *edit = open_child(test);
	guid_t id = builder_guid(0xA1);
	u32 i;

	for (i = 0; i < VHDX_USER_ITEMS_MAX; i++) {
		id.b[0] = (u8)i;
		id.b[1] = (u8)(i >> 8);
		KUNIT_ASSERT_EQ(test,
				vhdx_edit_item(edit, &id, VHDX_ITEM_IS_USER,
					       NULL, 0), 0);
	}
	/* One that is there may change, and the limit is the user's alone. */
	KUNIT_EXPECT_EQ(test, vhdx_edit_item(edit, &id, VHDX_ITEM_IS_USER,
					     "x", 1), 0);
	id.b[2] ^= 1;
	KUNIT_EXPECT_EQ(test, vhdx_edit_item(edit, &id, 0, "x", 1), 0);
	KUNIT_EXPECT_EQ(test, vhdx_edit_item(edit, &id, VHDX_ITEM_IS_USER,
					     NULL, 0), -ENOSPC);
	fixture_expect(test,
		       "error: metadata table at offset 0x200000: has 1024 user items already, the limit of the format\n");
	finish(test, edit);
}

static void edit_range(struct kunit *test)
{
	struct vhdx_edit *edit = open_child(test);
	struct fixture *f = test->priv;
	u64 base = f->builder[0].metadata_offset;
	u8 byte = 0;

	KUNIT_EXPECT_EQ(test, vhdx_edit_write(edit, base - 1, &byte, 1),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, vhdx_edit_write(edit, base + MIB, &byte, 1),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, vhdx_edit_write(edit, 0x2FFFF, &byte, 1),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, vhdx_edit_write(edit, 0x50000, &byte, 1),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, vhdx_edit_write(edit, U64_MAX, &byte, 1),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, vhdx_edit_write(edit, 0x30000, &byte, 0), 0);
	KUNIT_EXPECT_EQ(test, edit->count, 0);
	finish(test, edit);
}

/* Both copies of the region table, in one entry. */
static void edit_regions(struct kunit *test)
{
	struct vhdx_edit *edit = open_child(test);
	struct fixture *f = test->priv;
	u8 *table = kvzalloc(VHDX_TABLE_SIZE, GFP_KERNEL);
	struct vhdx_image *image;

	KUNIT_ASSERT_NOT_NULL(test, table);
	/* A region that nobody knows and nobody needs. */
	ram_store_peek(&f->ram[0], 0x30000, table, VHDX_TABLE_SIZE);
	table[8]++;
	memset(table + 16 + 2 * 32, 0x5C, 16);
	*(__le64 *)(table + 16 + 2 * 32 + 16) = cpu_to_le64(4 * MIB);
	*(__le32 *)(table + 16 + 2 * 32 + 24) = cpu_to_le32(MIB);
	vhdx_checksum_set(table, VHDX_TABLE_SIZE);
	KUNIT_EXPECT_EQ(test, vhdx_edit_write(edit, 0x30000, table, 4096), 0);
	KUNIT_EXPECT_EQ(test, vhdx_edit_write(edit, 0x40000, table, 4096), 0);
	KUNIT_EXPECT_EQ(test, vhdx_edit_commit(edit), 0);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(writer_of(test)->session), 0);
	f->ram[0].store.size = 5 * MIB;
	image = finish(test, edit);
	KUNIT_EXPECT_FALSE(test, image->region_copies_differ);
	KUNIT_EXPECT_EQ(test, image->regions.count, 5);
	kvfree(table);
}

static void edit_adds_and_removes(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	guid_t user, system, added = builder_guid(0xA9);
	struct vhdx_edit *edit;
	struct vhdx_image *image;
	u32 i;

	builder_parent(b, OLD_GUID);
	user = add_entry(b, 0xA1, 0x12000, 40, VHDX_ITEM_IS_USER);
	system = add_entry(b, 0xA1, 0x12100, 40, 0);
	edit = vhdx_edit_new(writer_open(test), &f->found.report);
	KUNIT_ASSERT_FALSE(test, IS_ERR(edit));
	KUNIT_EXPECT_EQ(test, vhdx_edit_remove(edit, &user, VHDX_ITEM_IS_USER),
			0);
	KUNIT_EXPECT_EQ(test, vhdx_edit_remove(edit, &user, VHDX_ITEM_IS_USER),
			-ENOENT);
	KUNIT_EXPECT_EQ(test,
			vhdx_edit_item(edit, &added, VHDX_ITEM_IS_VIRTUAL_DISK,
				       "0123456789", 10), 0);
	KUNIT_EXPECT_EQ(test,
			vhdx_edit_item(edit, &user, VHDX_ITEM_IS_USER, NULL,
				       0), 0);
	/* The place of what was removed is free. */
	KUNIT_EXPECT_EQ(test, vhdx_edit_commit(edit), 0);
	image = finish(test, edit);
	KUNIT_EXPECT_EQ(test, image->metadata.count, 9);
	KUNIT_EXPECT_EQ(test, item_of(image, &system)->offset, 0x12100);
	KUNIT_EXPECT_EQ(test, item_of(image, &system)->index, 6);
	KUNIT_EXPECT_EQ(test, item_of(image, &added)->length, 10);
	KUNIT_EXPECT_EQ(test, item_of(image, &added)->flags,
			VHDX_ITEM_IS_VIRTUAL_DISK);
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_EQ(test,
				ram_store_get(&f->ram[0], b->metadata_offset +
					      item_of(image, &added)->offset +
					      i, 1), '0' + i);
	for (i = 0; i < image->metadata.count; i++)
		if (image->metadata.items[i].flags & VHDX_ITEM_IS_USER)
			break;
	KUNIT_EXPECT_EQ(test, image->metadata.items[i].length, 0);
	fixture_expect(test, "");
}

/* A user item with the GUID of a system item is another item. */
static void edit_value(struct kunit *test)
{
	const u32 flags = VHDX_ITEM_IS_VIRTUAL_DISK | VHDX_ITEM_IS_REQUIRED;
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	guid_t user, absent = builder_guid(0xA9);
	__le64 size = cpu_to_le64(96 * MIB);
	struct vhdx_edit *edit;
	struct vhdx_image *image;

	builder_parent(b, OLD_GUID);
	user = add_entry(b, 0xA1, 0x12000, 8, VHDX_ITEM_IS_USER);
	edit = vhdx_edit_new(writer_open(test), &f->found.report);
	KUNIT_ASSERT_FALSE(test, IS_ERR(edit));
	KUNIT_EXPECT_EQ(test, vhdx_edit_value(edit, &absent, &size, 8),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, vhdx_edit_value(edit, &user, &size, 8), -ENOENT);
	KUNIT_EXPECT_EQ(test, edit->count, 0);
	KUNIT_EXPECT_EQ(test, vhdx_edit_value(edit, &size_id, &size, 8), 0);
	KUNIT_EXPECT_EQ(test, vhdx_edit_commit(edit), 0);
	image = finish(test, edit);
	KUNIT_EXPECT_EQ(test, image->params.size, 96 * MIB);
	KUNIT_EXPECT_EQ(test, image->metadata.count, 7);
	KUNIT_EXPECT_EQ(test, item_of(image, &size_id)->flags, flags);
	KUNIT_EXPECT_EQ(test, item_of(image, &size_id)->offset, BUILDER_SIZE);
	fixture_expect(test, "");
}

/* A locator that cannot be encoded changes nothing. */
static void edit_locator(struct kunit *test)
{
	struct vhdx_edit *edit = open_child(test);
	struct vhdx_locator locator = { .linkage = builder_guid(NEW_GUID),
					.linkage2 = builder_guid(OLD_GUID),
					.relative_path = "" };
	const struct vhdx_locator *now;
	struct vhdx_image *image;

	KUNIT_EXPECT_EQ(test, vhdx_edit_locator(edit, &locator), -EINVAL);
	fixture_expect(test,
		       "error: parent locator at offset 0x0: the value of \"relative_path\" is empty\n");
	KUNIT_EXPECT_EQ(test, edit->count, 0);
	locator.relative_path = ".\\other.vhdx";
	KUNIT_EXPECT_EQ(test, vhdx_edit_locator(edit, &locator), 0);
	KUNIT_EXPECT_EQ(test, vhdx_edit_commit(edit), 0);
	image = finish(test, edit);
	now = image->locator;
	KUNIT_EXPECT_TRUE(test, guid_equal(&now->linkage, &locator.linkage));
	KUNIT_EXPECT_TRUE(test, guid_equal(&now->linkage2, &locator.linkage2));
	KUNIT_EXPECT_STREQ(test, now->relative_path, locator.relative_path);
	KUNIT_EXPECT_EQ(test, item_of(image, &locator_id)->flags,
			VHDX_ITEM_IS_REQUIRED);
	KUNIT_EXPECT_EQ(test, image->metadata.count, 6);
}

static void edit_removes_last(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_edit *edit;
	guid_t last;
	u32 i;

	builder_parent(b, OLD_GUID);
	last = add_entry(b, 0xA1, 0x12000, 40, 0);
	edit = vhdx_edit_new(writer_open(test), &f->found.report);
	KUNIT_ASSERT_FALSE(test, IS_ERR(edit));
	KUNIT_EXPECT_EQ(test, vhdx_edit_remove(edit, &last, 0), 0);
	KUNIT_EXPECT_EQ(test, vhdx_edit_commit(edit), 0);
	KUNIT_EXPECT_EQ(test, finish(test, edit)->metadata.count, 6);
	for (i = 0; i < 32; i += 8)
		KUNIT_EXPECT_EQ(test,
				ram_store_get(b->ram, builder_item(b, 6) + i,
					      8), 0);
	fixture_expect(test, "");
}

/* All that was edited is old, or all of it is new. */
static void check_state(struct history *history, u32 at)
{
	const u32 *committed = history->context;
	struct kunit *test = history->test;
	struct fixture *f = test->priv;
	struct vhdx_image *image;
	bool new;

	findings_init(&f->found);
	image = vhdx_image_open(&f->ram[2].store, 16, &f->found.report);
	KUNIT_ASSERT_FALSE(test, IS_ERR(image));
	new = image->params.size == 96 * MIB;
	KUNIT_EXPECT_EQ(test, image->params.size, (new ? 96 : 64) * MIB);
	KUNIT_EXPECT_EQ(test, strlen(image->locator->relative_path),
			new ? LONG : strlen(".\\parent.vhdx"));
	KUNIT_EXPECT_EQ(test, image->metadata.count, 8);
	KUNIT_EXPECT_EQ(test, item_of(image, &locator_id)->offset,
			new ? 0x10028 : BUILDER_LOCATOR);
	if (at >= *committed)
		KUNIT_EXPECT_TRUE(test, new);
	vhdx_image_close(image);
}

static void record(struct kunit *test, struct history *history)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u32 *committed = history->context;
	struct vhdx_edit *edit;

	builder_parent(b, OLD_GUID);
	/* So that the locator moves, and lies over its old place. */
	add_entry(b, 0xA1, 0x12000, 40, VHDX_ITEM_IS_USER);
	add_entry(b, 0xA2, 0x11F00, 40, VHDX_ITEM_IS_USER);
	edit = vhdx_edit_new(writer_open(test), &f->found.report);
	KUNIT_ASSERT_FALSE(test, IS_ERR(edit));
	history_record(history);
	KUNIT_EXPECT_EQ(test, set_locator(test, edit, LONG), 0);
	KUNIT_EXPECT_EQ(test, set_size(edit, 96 * MIB), 0);
	KUNIT_EXPECT_EQ(test, vhdx_edit_commit(edit), 0);
	*committed = history->count;
	KUNIT_EXPECT_EQ(test, vhdx_session_end(writer_of(test)->session), 0);
	history_stop(history);
	finish(test, edit);
}

/* A crash at any time, and whatever the disk had kept in its cache. */
static void edit_crash(struct kunit *test)
{
	u32 committed;
	struct history *history = history_new(test, check_state, &committed);

	record(test, history);
	KUNIT_EXPECT_GE(test, history_crash(history), 100);
	history_free(history);
}

/* Whatever call fails, the image is the old one or the new one. */
static void edit_faults(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct writer *w = writer_of(test);
	struct vhdx_edit *edit;
	u64 nth;
	int r;

	for (nth = 1; nth < 100; nth++) {
		ram_store_exit(&f->ram[0]);
		ram_store_init(&f->ram[0]);
		edit = open_child(test);
		KUNIT_EXPECT_EQ(test, set_locator(test, edit, LONG), 0);
		KUNIT_EXPECT_EQ(test, set_size(edit, 96 * MIB), 0);
		ram_store_stop_after(&f->ram[0], nth);
		r = vhdx_edit_commit(edit);
		if (!r)
			r = vhdx_session_end(w->session);
		if (r)
			KUNIT_EXPECT_EQ(test, r, -EIO);
		ram_store_mend(&f->ram[0]);
		vhdx_session_free(w->session);
		w->session = NULL;
		vhdx_edit_free(edit);
		vhdx_image_close(f->image[0]);
		f->image[0] = NULL;
		findings_init(&f->found);
		fixture_open(test, 0);
		if (f->image[0]->params.size == 96 * MIB)
			KUNIT_EXPECT_EQ(test,
					strlen(f->image[0]->locator->relative_path),
					LONG);
		else
			KUNIT_EXPECT_EQ(test, f->image[0]->params.size,
					64 * MIB);
		vhdx_image_close(f->image[0]);
		f->image[0] = NULL;
		if (!r)
			break;
	}
	KUNIT_EXPECT_GT(test, nth, 10);
	KUNIT_EXPECT_LT(test, nth, 100);
}

static struct kunit_case edit_cases[] = {
	KUNIT_CASE(edit_grows),
	KUNIT_CASE(edit_identity),
	KUNIT_CASE(edit_order),
	KUNIT_CASE(edit_nothing),
	KUNIT_CASE(edit_moves),
	KUNIT_CASE(edit_no_room),
	KUNIT_CASE(edit_too_large),
	KUNIT_CASE(edit_too_many),
	KUNIT_CASE(edit_range),
	KUNIT_CASE(edit_regions),
	KUNIT_CASE(edit_adds_and_removes),
	KUNIT_CASE(edit_value),
	KUNIT_CASE(edit_locator),
	KUNIT_CASE(edit_removes_last),
	KUNIT_CASE(edit_crash),
	KUNIT_CASE(edit_faults),
	{}
};

struct kunit_suite vhdx_edit_suite = {
	.name = "vhdx_edit",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = edit_cases,
};
