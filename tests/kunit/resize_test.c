// SPDX-License-Identifier: GPL-2.0-only
/* engine/resize.c: a disk gets larger, whatever lies behind its old end. */
#include "child-rig.h"
#include "resize.h"
#include "suites.h"

#define MIB VHDX_MIB
#define GIB (1024 * MIB)

/* The last block is half used, and what lies behind is junk. */
#define OLD_SIZE	(16 * MIB - 512 * VHDX_KIB)
#define JUNK		0xA7
#define FIRST		0x11
#define LAST		0x1F

/* The BAT region of 1 MiB has room for this, and not for that. */
#define LARGER		(200 * MIB)
#define MUCH_LARGER	(200 * GIB)

/* Stops a resize, and every survey after it. */
struct interrupted {
	struct vhdx_progress progress;
	struct vhdx_session *session;
};

static void fill_region_end(struct builder *b)
{
	u64 used = 8 * builder_payload_index(b, b->size / b->block_size + 1);

	builder_fill(b, b->bat_offset + used, b->bat_length - used, JUNK);
}

static struct vhdx_session *open_old(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	b->size = OLD_SIZE;
	builder_write(b);
	fill_region_end(b);
	builder_fill(b, builder_block(b, 0, 6), MIB, FIRST);
	builder_fill(b, builder_block(b, 15, 6), MIB, JUNK);
	builder_fill(b, b->end - MIB, 512 * VHDX_KIB, LAST);
	return writer_open(test);
}

static int resize(struct kunit *test, u64 size)
{
	struct fixture *f = test->priv;

	return vhdx_resize(writer_of(test)->session, size, NULL,
			   &f->found.report);
}

static u64 size_now(struct kunit *test)
{
	struct fixture *f = test->priv;

	return f->image[0]->params.size;
}

/* The old data is there, and nothing behind it. */
static void expect_contents(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 size = size_now(test);

	f->builder[0].size = size;
	f->builder[0].bat_offset = f->image[0]->regions.bat.offset;
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), FIRST);
	KUNIT_EXPECT_EQ(test, writer_read(test, MIB - 1), FIRST);
	KUNIT_EXPECT_EQ(test, writer_read(test, OLD_SIZE - 1), LAST);
	if (size == OLD_SIZE)
		return;
	KUNIT_EXPECT_EQ(test, writer_read(test, OLD_SIZE), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 16 * MIB - 1), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 16 * MIB), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, size / 2), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, size - 1), 0);
}

static void expect_sound(struct kunit *test)
{
	struct vhdx_census census = fixture_check(test);

	fixture_expect(test, "");
	KUNIT_EXPECT_EQ(test, census.faulty, 0);
}

static void expect_new(struct kunit *test, u64 size)
{
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, size_now(test), size);
	expect_contents(test);
	expect_sound(test);
}

/* It can be written to its new end, and grow once more. */
static void expect_alive(struct kunit *test, u64 size)
{
	writer_open(test);
	writer_write(test, size - MIB, MIB, 0x77);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(writer_of(test)->session), 0);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, size - 1), 0x77);
	expect_sound(test);
}

static void resize_in_place(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 length;

	open_old(test);
	length = f->ram[0].store.size;
	KUNIT_EXPECT_FALSE(test, vhdx_resize_moves(f->image[0], LARGER));
	KUNIT_ASSERT_EQ(test, resize(test, LARGER), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, length);
	expect_new(test, LARGER);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 16), 0);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 199), 0);
	expect_alive(test, LARGER);
}

static void resize_moves(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 old, length;

	open_old(test);
	length = f->ram[0].store.size;
	old = f->image[0]->regions.bat.offset;
	KUNIT_EXPECT_TRUE(test, vhdx_resize_moves(f->image[0], MUCH_LARGER));
	KUNIT_ASSERT_EQ(test, resize(test, MUCH_LARGER), 0);
	expect_new(test, MUCH_LARGER);
	KUNIT_EXPECT_EQ(test, f->image[0]->regions.bat.offset, length);
	KUNIT_EXPECT_EQ(test, f->image[0]->regions.bat.length, 2 * MIB);
	KUNIT_EXPECT_FALSE(test, f->image[0]->region_copies_differ);
	/* The space of the old region is free for the first block. */
	writer_open(test);
	writer_write(test, 5 * MIB, MIB, 0x55);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 5), old);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(writer_of(test)->session), 0);
	expect_new(test, MUCH_LARGER);
	expect_alive(test, MUCH_LARGER);
}

/* Twice in a row, to a size that is no whole block, and of whole blocks. */
static void resize_again(struct kunit *test)
{
	open_old(test);
	KUNIT_ASSERT_EQ(test, resize(test, 20 * MIB + 512), 0);
	expect_new(test, 20 * MIB + 512);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, resize(test, 64 * MIB), 0);
	expect_new(test, 64 * MIB);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, resize(test, 65 * MIB), 0);
	expect_new(test, 65 * MIB);
}

/* A new block of a fixed image has space, as those have that were there. */
static void resize_fixed(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 length, block;

	f->builder[0].param_flags = 1;
	open_old(test);
	length = f->ram[0].store.size;
	KUNIT_ASSERT_EQ(test, resize(test, 20 * MIB), 0);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, size_now(test), 20 * MIB);
	expect_contents(test);
	fixture_check(test);
	fixture_expect(test,
		       "info: BAT region at offset 0x300000: a fixed image with 6 of 20 blocks allocated\n");
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, length + 4 * MIB);
	for (block = 16; block < 20; block++)
		KUNIT_EXPECT_EQ(test, writer_not_zero(test, block), 0);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 16), length);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 19), length + 3 * MIB);
}

/*
 * The entry of the last chunk's bitmap lies amid those of new blocks. Bits past
 * the old end are set, as no writer should leave them.
 */
static void resize_child(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u64 bitmap, pos;

	b->size = OLD_SIZE;
	f->builder[1].size = OLD_SIZE;
	child_rig_files(test);
	fill_region_end(b);
	bitmap = builder_bitmap(b, 0);
	pos = builder_block(b, 15, 7);
	builder_fill(b, pos, MIB, JUNK);
	builder_fill(b, pos, 512, LAST);
	builder_present(b, bitmap, 15 * 2048, 1);
	builder_present(b, bitmap, 15 * 2048 + 1024, 1024);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, resize(test, 8192 * MIB), 0);
	writer_crash(test);
	b->size = 8192 * MIB;
	KUNIT_EXPECT_EQ(test, size_now(test), 8192 * MIB);
	KUNIT_EXPECT_EQ(test, writer_read(test, CHILD_RIG_BLOCK * MIB),
			CHILD_RIG_PARENT);
	KUNIT_EXPECT_EQ(test, writer_read(test, 15 * MIB), LAST);
	KUNIT_EXPECT_EQ(test, writer_read(test, 15 * MIB + 512), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, OLD_SIZE), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 16 * MIB - 1), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 8191 * MIB), 0);
	KUNIT_EXPECT_EQ(test, child_rig_bitmap(test, 0) & ~7ULL, bitmap);
	expect_sound(test);
}

/* A session begins. */
#define BEGIN_LINES \
	"write header 1 +0x1000\nflush\nwrite header 2 +0x1000\nflush\n" \
	"flush\nwrite log 0x0 +0x2000\nflush\n" \
	"write header 1 +0x1000\nflush\nwrite header 2 +0x1000\nflush\n"

/* And ends, when what was logged is in place. */
#define END_LINES \
	"flush\nflush\n" \
	"write header 1 +0x1000\nflush\nwrite header 2 +0x1000\nflush\n"

/* Nothing of the new end is published before it is durable. */
static void resize_order(struct kunit *test)
{
	open_old(test);
	KUNIT_ASSERT_EQ(test, resize(test, LARGER), 0);
	writer_trace(test, BEGIN_LINES
		     "zero 0x580000 +0x80000\n"
		     "write bat 0x0 +0x1000\n"
		     "flush\nwrite log 0x1000 +0x4000\nflush\n"
		     "write 0x200000 +0x1000\nwrite 0x210000 +0x1000\n"
		     END_LINES);
}

static void resize_order_moved(struct kunit *test)
{
	open_old(test);
	KUNIT_ASSERT_EQ(test, resize(test, MUCH_LARGER), 0);
	writer_trace(test, BEGIN_LINES
		     "zero 0x580000 +0x80000\n"
		     "extend 0x800000\n"
		     "write 0x600000 +0x10000\n"
		     "flush\nwrite log 0x1000 +0x6000\nflush\n"
		     "write 0x30000 +0x1000\nwrite 0x40000 +0x1000\n"
		     "write 0x200000 +0x1000\nwrite 0x210000 +0x1000\n"
		     END_LINES);
}

static void resize_refused(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;

	open_old(test);
	image = f->image[0];
	KUNIT_EXPECT_NULL(test, vhdx_resize_fault(image, OLD_SIZE, 0));
	KUNIT_EXPECT_NULL(test, vhdx_resize_fault(image, VHDX_DISK_SIZE_MAX,
						  0));
	KUNIT_EXPECT_NOT_NULL(test, vhdx_resize_fault(image, 0, 0));
	KUNIT_EXPECT_NOT_NULL(test, vhdx_resize_fault(image, OLD_SIZE - 512,
						      0));
	KUNIT_EXPECT_NOT_NULL(test, vhdx_resize_fault(image, OLD_SIZE + 1, 0));
	KUNIT_EXPECT_NOT_NULL(test,
			      vhdx_resize_fault(image, VHDX_DISK_SIZE_MAX + 512,
						0));
	image->params.has_parent = true;
	KUNIT_EXPECT_NULL(test, vhdx_resize_fault(image, LARGER, OLD_SIZE));
	KUNIT_EXPECT_NOT_NULL(test, vhdx_resize_fault(image, LARGER,
						      OLD_SIZE + 512));
	image->params.has_parent = false;
}

static void resize_no_room(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 length;

	open_old(test);
	length = f->ram[0].store.size;
	writer_of(test)->tracer.limit = length;
	writer_of(test)->tracer.limit_error = -ENOSPC;
	KUNIT_EXPECT_EQ(test, resize(test, MUCH_LARGER), -ENOSPC);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, length);
	expect_new(test, OLD_SIZE);
	expect_alive(test, OLD_SIZE - 512 * VHDX_KIB);
}

/* Of a fixed disk, what its new blocks were given is given back. */
static void resize_fixed_no_room(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 length;

	f->builder[0].param_flags = 1;
	open_old(test);
	length = f->ram[0].store.size;
	writer_of(test)->tracer.limit = length + 3 * MIB;
	writer_of(test)->tracer.limit_error = -ENOSPC;
	KUNIT_EXPECT_EQ(test, resize(test, 20 * MIB), -ENOSPC);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, length);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, size_now(test), OLD_SIZE);
	expect_contents(test);
}

/*
 * The last chunk of a disk of 2 TiB is full, and its bitmap has the last entry of
 * a page, where other programs may leave anything.
 */
static void resize_padding(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u64 entry;

	b->block_size = 32 * MIB;
	b->size = 2048 * GIB;
	builder_write(b);
	entry = b->bat_offset + 8 * 66047;
	ram_store_put(&f->ram[0], entry, 6 * MIB | 6, 8);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, resize(test, 2049 * GIB), 0);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, size_now(test), 2049 * GIB);
	KUNIT_EXPECT_EQ(test, ram_store_get(&f->ram[0], entry, 8), 0);
	expect_sound(test);
}

/* Who stops it has the old disk, in a file that is no longer than before. */
static void resize_stopped(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct fixture_watcher watcher;
	u64 length;

	open_old(test);
	length = f->ram[0].store.size;
	fixture_watcher_init(&watcher, 3);
	KUNIT_EXPECT_EQ(test,
			vhdx_resize(writer_of(test)->session, MUCH_LARGER,
				    &watcher.progress, &f->found.report),
			-EINTR);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, length);
	expect_new(test, OLD_SIZE);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, resize(test, MUCH_LARGER), 0);
	expect_new(test, MUCH_LARGER);
}

static int stop_for_good(struct vhdx_progress *progress, u64 done, u64 total)
{
	struct interrupted *interrupted =
		container_of(progress, struct interrupted, progress);

	interrupted->session->abort_survey = true;
	return -EINTR;
}

/*
 * What the BAT owns cannot be found out: no byte of the file is given up, and what
 * the log has is replayed.
 */
static void resize_no_survey(struct kunit *test)
{
	struct interrupted interrupted = { .progress.step = stop_for_good };
	struct fixture *f = test->priv;
	u64 length;

	interrupted.session = open_old(test);
	length = f->ram[0].store.size;
	KUNIT_EXPECT_EQ(test,
			vhdx_resize(interrupted.session, MUCH_LARGER,
				    &interrupted.progress, &f->found.report),
			-EINTR);
	KUNIT_EXPECT_EQ(test, interrupted.session->mode, VHDX_MODE_RO);
	KUNIT_ASSERT_LE(test, length, f->ram[0].store.size);
	fixture_expect(test,
		       "error: file at offset 0x0: its free space is not known; nothing more is written to the image\n");
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, size_now(test), OLD_SIZE);
	expect_contents(test);
	fixture_expect(test,
		       "info: log at offset 0x100000: holds 1 entries with 0 changes that are not in place yet; they are replayed in memory\n");
	expect_alive(test, OLD_SIZE - 512 * VHDX_KIB);
}

/* Without a map of what is owned, nothing is cut off. */
static void trim_unsurveyed(struct kunit *test)
{
	struct vhdx_session *session = open_old(test);
	struct fixture *f = test->priv;
	u64 length = f->ram[0].store.size;

	KUNIT_EXPECT_FALSE(test, session->surveyed);
	vhdx_session_trim(session);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, length);
}

/* The power goes after each change: the old disk, or the new one. */
static void stop_everywhere(struct kunit *test, u64 size)
{
	struct fixture *f = test->priv;
	u64 changes, stop;
	bool grown = false;

	open_old(test);
	changes = f->ram[0].changes;
	KUNIT_ASSERT_EQ(test, resize(test, size), 0);
	changes = f->ram[0].changes - changes;
	KUNIT_EXPECT_GT(test, changes, 10);
	for (stop = 1; stop < changes; stop++) {
		writer_restart(test);
		open_old(test);
		ram_store_stop_after(&f->ram[0], stop);
		KUNIT_EXPECT_NE(test, resize(test, size), 0);
		writer_crash(test);
		/* Once it has grown, it has for every later crash. */
		if (grown)
			KUNIT_EXPECT_EQ(test, size_now(test), size);
		grown = size_now(test) == size;
		if (!grown)
			KUNIT_EXPECT_EQ(test, size_now(test), OLD_SIZE);
		expect_contents(test);
		writer_open(test);
		KUNIT_EXPECT_EQ(test, resize(test, size + MIB), 0);
		expect_new(test, size + MIB);
	}
	KUNIT_EXPECT_TRUE(test, grown);
}

static void resize_crash(struct kunit *test)
{
	stop_everywhere(test, LARGER);
}

static void resize_crash_moved(struct kunit *test)
{
	stop_everywhere(test, MUCH_LARGER);
}

/* What a device does: it is written, suspended, grows, and goes on. */
static int resize_live(struct kunit *test, u64 size)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session = writer_of(test)->session;

	writer_write(test, 4 * MIB, MIB, 0x44);
	KUNIT_ASSERT_EQ(test, vhdx_session_end(session), 0);
	return vhdx_resize_live(session, size, &f->found.report);
}

/* In one session object, to what is new, and to what was there. */
static void expect_goes_on(struct kunit *test, u64 size)
{
	expect_contents(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, 4 * MIB), 0x44);
	writer_write(test, size - MIB, MIB, 0x66);
	writer_write(test, 5 * MIB, MIB, 0x55);
	KUNIT_EXPECT_EQ(test, writer_read(test, size - 1), 0x66);
	KUNIT_ASSERT_EQ(test, vhdx_session_end(writer_of(test)->session), 0);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, size_now(test), size);
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), FIRST);
	KUNIT_EXPECT_EQ(test, writer_read(test, OLD_SIZE - 1), LAST);
	KUNIT_EXPECT_EQ(test, writer_read(test, 4 * MIB), 0x44);
	KUNIT_EXPECT_EQ(test, writer_read(test, 5 * MIB), 0x55);
	KUNIT_EXPECT_EQ(test, writer_read(test, size - 1), 0x66);
	expect_sound(test);
}

static void live_in_place(struct kunit *test)
{
	open_old(test);
	KUNIT_ASSERT_EQ(test, resize_live(test, LARGER), 0);
	KUNIT_EXPECT_TRUE(test, writer_of(test)->session->surveyed);
	expect_goes_on(test, LARGER);
}

/* The old region becomes free when the BAT is read anew, and not before. */
static void live_moved(struct kunit *test)
{
	struct fixture *f = test->priv;
	const struct vhdx_regions *regions;
	u64 old;
	u32 i;

	open_old(test);
	old = f->image[0]->regions.bat.offset;
	KUNIT_ASSERT_EQ(test, resize_live(test, MUCH_LARGER), 0);
	regions = &f->image[0]->regions;
	KUNIT_EXPECT_EQ(test, regions->bat.length, 2 * MIB);
	for (i = 1; i < regions->count; i++)
		KUNIT_EXPECT_LT(test, regions->all[i - 1].offset,
				regions->all[i].offset);
	KUNIT_EXPECT_NULL(test, vhdx_regions_hit(regions, old, MIB));
	KUNIT_EXPECT_NOT_NULL(test, vhdx_regions_hit(regions,
						     regions->bat.offset, 1));
	KUNIT_EXPECT_FALSE(test, writer_of(test)->session->surveyed);
	writer_write(test, 6 * MIB, MIB, 0x66);
	f->builder[0].size = MUCH_LARGER;
	f->builder[0].bat_offset = regions->bat.offset;
	KUNIT_EXPECT_EQ(test, writer_offset(test, 6), old);
	expect_goes_on(test, MUCH_LARGER);
}

static void live_again(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session = open_old(test);

	KUNIT_ASSERT_EQ(test, resize_live(test, LARGER), 0);
	KUNIT_ASSERT_EQ(test, vhdx_resize_live(session, MUCH_LARGER,
					       &f->found.report), 0);
	KUNIT_ASSERT_EQ(test, vhdx_resize_live(session, 3 * MUCH_LARGER,
					       &f->found.report), 0);
	KUNIT_EXPECT_EQ(test, f->image[0]->regions.bat.length, 5 * MIB);
	expect_goes_on(test, 3 * MUCH_LARGER);
}

/* The device goes on with its old size. */
static void live_no_room(struct kunit *test)
{
	struct writer *w = writer_of(test);
	struct fixture *f = test->priv;

	open_old(test);
	writer_write(test, 4 * MIB, MIB, 0x44);
	KUNIT_ASSERT_EQ(test, vhdx_session_end(w->session), 0);
	w->tracer.limit = f->ram[0].store.size;
	w->tracer.limit_error = -ENOSPC;
	KUNIT_EXPECT_EQ(test, vhdx_resize_live(w->session, MUCH_LARGER,
					       &f->found.report), -ENOSPC);
	KUNIT_EXPECT_EQ(test, size_now(test), OLD_SIZE);
	KUNIT_EXPECT_EQ(test, f->image[0]->bat.size, OLD_SIZE);
	w->tracer.limit = U64_MAX;
	writer_write(test, 5 * MIB, MIB, 0x55);
	KUNIT_ASSERT_EQ(test, vhdx_session_end(w->session), 0);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, 4 * MIB), 0x44);
	KUNIT_EXPECT_EQ(test, writer_read(test, 5 * MIB), 0x55);
	expect_new(test, OLD_SIZE);
}

/* Bitmaps of chunks that were not there. */
static void live_child(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 size = 9000 * MIB;
	struct vhdx_session *session;

	child_rig_files(test);
	session = child_rig_begin(test);
	writer_write(test, MIB, MIB / 2, 0x11);
	KUNIT_ASSERT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_ASSERT_EQ(test, vhdx_resize_live(session, size,
					       &f->found.report), 0);
	f->builder[0].size = size;
	KUNIT_EXPECT_EQ(test, writer_read(test, MIB), 0x11);
	KUNIT_EXPECT_EQ(test, writer_read(test, size - 1), 0);
	writer_write(test, size - 512, 512, 0x99);
	KUNIT_EXPECT_EQ(test, writer_read(test, size - 1), 0x99);
	KUNIT_EXPECT_EQ(test, writer_read(test, size - 513), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, CHILD_RIG_BLOCK * MIB),
			CHILD_RIG_PARENT);
	KUNIT_ASSERT_EQ(test, vhdx_session_end(session), 0);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, size_now(test), size);
	KUNIT_EXPECT_EQ(test, writer_read(test, MIB), 0x11);
	KUNIT_EXPECT_EQ(test, writer_read(test, size - 1), 0x99);
	expect_sound(test);
}

static bool device_grows(struct vhdx_store *store, u64 limit)
{
	store->size = min(64 * GIB, limit);
	return true;
}

/* It is as long as it is, and its length is nobody's to change. */
static int device_cannot(struct vhdx_store *store, u64 size)
{
	return size > store->size ? -ENOSPC : 0;
}

/* What lies in it and belongs to nobody is given away, but for the last GiB. */
static void fill_device(struct kunit *test)
{
	struct vhdx_space *space = &writer_of(test)->session->space;

	while (vhdx_space_find(space, MIB, 63 * GIB) != U64_MAX)
		;
	space->full = false;
}

/* The device below has become longer, and the part that it got is used. */
static void live_longer_device(struct kunit *test)
{
	struct writer *w = writer_of(test);
	struct fixture *f = test->priv;

	f->ram[0].store.size = 32 * GIB;
	open_old(test);
	w->tracer.ops.refresh = device_grows;
	w->tracer.ops.extend = device_cannot;
	w->tracer.ops.truncate = device_cannot;
	KUNIT_ASSERT_EQ(test, resize_live(test, LARGER), 0);
	KUNIT_EXPECT_EQ(test, f->image[0]->limits.file_size, 64 * GIB);
	KUNIT_ASSERT_TRUE(test, w->session->surveyed);
	KUNIT_ASSERT_EQ(test, w->session->space.chunks, 2);
	fill_device(test);
	writer_write(test, 120 * MIB, MIB, 0x33);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 120), 63 * GIB);
	KUNIT_EXPECT_EQ(test, writer_read(test, 120 * MIB), 0x33);
	expect_goes_on(test, LARGER);
	KUNIT_EXPECT_EQ(test, writer_read(test, 120 * MIB), 0x33);
}

static struct kunit_case resize_cases[] = {
	KUNIT_CASE(resize_in_place),
	KUNIT_CASE(resize_moves),
	KUNIT_CASE(resize_again),
	KUNIT_CASE(resize_fixed),
	KUNIT_CASE(resize_child),
	KUNIT_CASE(resize_order),
	KUNIT_CASE(resize_order_moved),
	KUNIT_CASE(resize_refused),
	KUNIT_CASE(resize_no_room),
	KUNIT_CASE(resize_fixed_no_room),
	KUNIT_CASE(resize_padding),
	KUNIT_CASE(resize_stopped),
	KUNIT_CASE(resize_no_survey),
	KUNIT_CASE(trim_unsurveyed),
	KUNIT_CASE(resize_crash),
	KUNIT_CASE(resize_crash_moved),
	KUNIT_CASE(live_in_place),
	KUNIT_CASE(live_moved),
	KUNIT_CASE(live_again),
	KUNIT_CASE(live_no_room),
	KUNIT_CASE(live_child),
	KUNIT_CASE(live_longer_device),
	{}
};

struct kunit_suite vhdx_resize_suite = {
	.name = "vhdx_resize",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = resize_cases,
};
