// SPDX-License-Identifier: GPL-2.0-only
#include "journal-rig.h"

#define MIB VHDX_MIB

/**
 * rig_place() - where a page of the BAT is in the file
 * @page: its number
 */
u64 rig_place(u32 page)
{
	return RIG_BAT + 4096ULL * page;
}

/**
 * rig_page() - a page of the BAT, in memory
 * @test: the test; it ends here if it cannot be had
 * @number: of the page
 */
struct vhdx_page *rig_page(struct kunit *test, u32 number)
{
	struct fixture *f = test->priv;
	struct vhdx_page_map *map = &f->image[0]->bat_pages;
	struct vhdx_miss miss = { f->image[0], map, number };
	struct vhdx_page *page;

	KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	rcu_read_lock();
	page = vhdx_page_map_find(map, number);
	rcu_read_unlock();
	KUNIT_ASSERT_NOT_NULL(test, page);
	return page;
}

/**
 * rig_change() - fill a page, as one change of the open transaction
 * @test: the test
 * @number: of the page
 * @byte: what it is filled with
 *
 * Return: whether there was room for it.
 */
bool rig_change(struct kunit *test, u32 number, u8 byte)
{
	struct fixture *f = test->priv;
	struct vhdx_page *page = rig_page(test, number);
	struct rig *rig = rig_of(test);
	bool done;

	spin_lock(&f->image[0]->pool.lock);
	done = vhdx_journal_touch(rig->journal, page);
	if (done)
		memset(page->data, byte, VHDX_PAGE);
	spin_unlock(&f->image[0]->pool.lock);
	if (done)
		rig->memory[number] = byte;
	return done;
}

/**
 * rig_close() - close the open transaction
 * @test: the test
 *
 * Return: how many pages it has.
 */
u32 rig_close(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rig *rig = rig_of(test);
	u32 pages;

	spin_lock(&f->image[0]->pool.lock);
	pages = vhdx_journal_close(rig->journal);
	spin_unlock(&f->image[0]->pool.lock);
	memcpy(rig->closed, rig->memory, sizeof(rig->closed));
	return pages;
}

/**
 * rig_commit() - close the open transaction and make it durable
 * @test: the test; it ends here if that fails
 */
void rig_commit(struct kunit *test)
{
	struct rig *rig = rig_of(test);

	KUNIT_ASSERT_TRUE(test, rig_close(test) > 0);
	KUNIT_ASSERT_EQ(test, vhdx_journal_commit(rig->journal, RIG_LAST), 0);
	memcpy(rig->durable, rig->closed, sizeof(rig->durable));
}

/**
 * rig_checkpoint() - make a checkpoint
 * @test: the test; it ends here if that fails
 */
void rig_checkpoint(struct kunit *test)
{
	struct rig *rig = rig_of(test);

	KUNIT_ASSERT_EQ(test, vhdx_journal_checkpoint(rig->journal), 0);
}

/* Does a page of the reopened file hold a byte, all through? */
static bool page_is(struct vhdx_image *image, u32 number, u8 *buf, u8 byte)
{
	u32 i;

	if (vhdx_image_read(image, rig_place(number), buf, VHDX_PAGE))
		return false;
	for (i = 0; i < VHDX_PAGE; i++)
		if (buf[i] != byte)
			return false;
	return true;
}

/* How many pages are not as @want says. */
static u32 wrong_pages(struct vhdx_image *image, u8 *buf, const u8 *want)
{
	u32 wrong = 0;
	u32 i;

	for (i = 0; i < RIG_PAGES; i++)
		wrong += !page_is(image, i, buf, want[i]);
	return wrong;
}

/**
 * rig_check_disk() - open what is on disk now, as after a crash
 * @test: the test
 *
 * It is what was committed last; or, while a commit is under way, what that one
 * brings, as a whole.
 */
void rig_check_disk(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rig *rig = rig_of(test);

	ram_store_copy(&f->ram[1], &f->ram[0]);
	f->builder[1] = f->builder[0];
	f->builder[1].ram = &f->ram[1];
	f->builder[1].log_guid = rig->log_guid;
	builder_write_header(&f->builder[1], 0, 100);
	fixture_open(test, 1);
	if (wrong_pages(f->image[1], rig->buf, rig->durable))
		KUNIT_EXPECT_EQ(test,
				wrong_pages(f->image[1], rig->buf, rig->closed),
				0);
	vhdx_image_close(f->image[1]);
	f->image[1] = NULL;
	findings_init(&f->found);
	rig->checked++;
}

/**
 * rig_check_before() - a hook that checks the disk before each operation
 * @context: the test
 * @op: the operation
 * @pos: its place
 */
void rig_check_before(void *context, enum ram_op op, u64 pos)
{
	rig_check_disk(context);
}

/* Changes a page in the middle of what the committer does, once. */
static void change_before(void *context, enum ram_op op, u64 pos)
{
	struct kunit *test = context;
	struct rig *rig = rig_of(test);
	u8 byte = rig->hook_byte;

	if (!byte || op != rig->hook_op || pos != rig->hook_pos)
		return;
	rig->hook_byte = 0;
	KUNIT_EXPECT_TRUE(test, rig_change(test, rig->hook_page, byte));
}

/**
 * rig_change_at() - change a page in the middle of an operation, once
 * @test: the test
 * @op: the operation
 * @pos: its place in the file
 * @page: number of the page
 * @byte: what it is filled with
 */
void rig_change_at(struct kunit *test, enum ram_op op, u64 pos, u32 page,
		   u8 byte)
{
	struct rig *rig = rig_of(test);

	rig->hook_op = op;
	rig->hook_pos = pos;
	rig->hook_page = page;
	rig->hook_byte = byte;
	rig->tracer.hook = change_before;
}

/**
 * rig_entry() - a number of an entry of the log
 * @test: the test
 * @at: where the entry is, in bytes from the start of the log
 * @field: byte offset of the number in the header of the entry
 * @width: bytes
 */
u64 rig_entry(struct kunit *test, u64 at, u32 field, u32 width)
{
	struct fixture *f = test->priv;
	u64 pos = f->builder[0].log_offset + at;

	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], pos, 4), 0x65676F6C);
	return ram_store_get(&f->ram[0], pos + field, width);
}

/**
 * rig_setup() - an image whose BAT has RIG_PAGES pages, and a journal for it
 * @test: the test; it ends here if that fails
 *
 * Return: the rig; the journal is not started.
 */
struct rig *rig_setup(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_image *image;
	struct rig *rig = rig_of(test);

	rig->buf = kunit_kzalloc(test, VHDX_PAGE, GFP_KERNEL);
	rig->journal = kzalloc(sizeof(*rig->journal), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, rig->buf && rig->journal);
	/* Each page but the last has 512 entries; 16 are of sector bitmaps. */
	b->size = (RIG_PAGES * 512 - 20) * MIB;
	builder_write(b);
	image = fixture_open(test, 0);
	KUNIT_ASSERT_EQ(test, image->bat.pages, RIG_PAGES);
	tracer_attach(&rig->tracer, b);
	rig->tracer.context = test;
	KUNIT_ASSERT_EQ(test,
			vhdx_journal_init(rig->journal, &f->ram[0].store,
					  &image->pool,
					  vhdx_header_current(&image->headers)),
			0);
	return rig;
}

/**
 * rig_start() - the same, and start the journal
 * @test: the test; it ends here if that fails
 *
 * Return: the rig.
 */
struct rig *rig_start(struct kunit *test)
{
	struct rig *rig = rig_setup(test);

	KUNIT_ASSERT_EQ(test, vhdx_journal_flush(rig->journal), 0);
	KUNIT_ASSERT_EQ(test, vhdx_journal_start(rig->journal, RIG_LAST), 0);
	rig->log_guid = rig->journal->guid;
	tracer_forget(&rig->tracer);
	return rig;
}

/**
 * rig_init() - a suite's init
 * @test: gets a fixture, and the fixture a rig
 */
int rig_init(struct kunit *test)
{
	struct fixture *f;
	int r = fixture_init(test);

	if (r)
		return r;
	f = test->priv;
	f->own = kunit_kzalloc(test, sizeof(struct rig), GFP_KERNEL);
	return f->own ? 0 : -ENOMEM;
}

/**
 * rig_exit() - a suite's exit
 * @test: whose rig to take down
 *
 * As after a crash: the journal goes, with pages in it, and then the image.
 */
void rig_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (f && f->own) {
		struct rig *rig = f->own;

		if (rig->journal)
			vhdx_journal_exit(rig->journal);
		kfree(rig->journal);
	}
	fixture_exit(test);
}
