// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/store/file-ops.c: pieces that are written at once. In the kernel alone.
 *
 * store/file-ops.c is compiled here once more. The file keeps what is written to it
 * in an array of pages, of which it knows the first byte.
 */
#include <kunit/test.h>
#include <linux/fs.h>
#include <linux/uio.h>

#include "suites.h"

#define vhdx_file_ops test_file_ops

#include "../../dm-vhdx/store/file-ops.c"

#define PAGES 64U
#define PIECES 3U

/* Their pages are not next to each other, and one piece has two of them. */
static const u32 places[PIECES] = { 40, 3, 17 };
static const u32 lengths[PIECES] = { 1, 2, 1 };

/**
 * struct below - the file, and what it does
 * @disk: first byte of each page
 * @way: pieces that are under way, and end with the last one
 * @end: what each of them ends with
 * @count: how many there are
 * @calls: writes that were sent
 * @waits: of these, those for whose end the sender waits
 * @result: what each asynchronous write ends with; 0: all of it
 * @queued: they end later
 */
static struct below {
	u8 disk[PAGES];
	struct kiocb *way[PIECES];
	long end[PIECES];
	u32 count;
	u32 calls;
	u32 waits;
	long result[PIECES];
	bool queued;
} below;

static void keep(struct kiocb *iocb, struct iov_iter *iter, size_t len)
{
	u32 page = iocb->ki_pos / VHDX_PAGE;
	size_t done;
	u8 byte;

	for (done = 0; done < len; done += VHDX_PAGE) {
		if (copy_from_iter(&byte, 1, iter) == 1)
			below.disk[page++] = byte;
		iov_iter_advance(iter, VHDX_PAGE - 1);
	}
}

static ssize_t test_write_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	ssize_t len = iov_iter_count(iter);
	u32 i;

	below.calls++;
	if (is_sync_kiocb(iocb)) {
		below.waits++;
		keep(iocb, iter, len);
		return len;
	}
	if (below.result[below.count])
		len = below.result[below.count];
	if (len > 0)
		keep(iocb, iter, len);
	if (!below.queued) {
		below.count++;
		return len;
	}
	below.way[below.count] = iocb;
	below.end[below.count++] = len;
	for (i = 0; below.count == PIECES && i < PIECES; i++)
		below.way[i]->ki_complete(below.way[i], below.end[i]);
	return -EIOCBQUEUED;
}

static const struct file_operations fops = { .write_iter = test_write_iter };
static struct vhdx_file file;
static struct file filp;
static struct inode inode;

static int file_pieces_init(struct kunit *test)
{
	below = (struct below){ .queued = true };
	inode.i_size = PAGES * VHDX_PAGE;
	filp.f_inode = &inode;
	filp.f_op = &fops;
	filp.f_cred = current_cred();
	file = (struct vhdx_file){
		.store.size = inode.i_size,
		.store.ops = &test_file_ops,
		.filp = &filp,
		.offset_align = 512,
		.mem_align = 512,
		.modified = true,
		.fresh = vhdx_fresh_new(),
	};
	return file.fresh ? 0 : -ENOMEM;
}

static void file_pieces_exit(struct kunit *test)
{
	vhdx_fresh_free(file.fresh);
	file.fresh = NULL;
}

static int write_all(struct kunit *test)
{
	u8 *buf = kunit_kzalloc(test, 4 * VHDX_PAGE, GFP_KERNEL);
	struct vhdx_piece pieces[PIECES];
	u32 i, page = 0;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	for (i = 0; i < 4; i++)
		buf[i * VHDX_PAGE] = i + 1;
	for (i = 0; i < PIECES; i++) {
		pieces[i] = (struct vhdx_piece){
			.pos = places[i] * VHDX_PAGE,
			.buf = buf + page * VHDX_PAGE,
			.len = lengths[i] * VHDX_PAGE,
		};
		page += lengths[i];
	}
	return vhdx_store_write_pieces(&file.store, pieces, PIECES);
}

static void expect_all(struct kunit *test, u32 calls, u32 waits)
{
	KUNIT_EXPECT_EQ(test, write_all(test), 0);
	KUNIT_EXPECT_EQ(test, below.disk[40], 1);
	KUNIT_EXPECT_EQ(test, below.disk[3], 2);
	KUNIT_EXPECT_EQ(test, below.disk[4], 3);
	KUNIT_EXPECT_EQ(test, below.disk[17], 4);
	KUNIT_EXPECT_EQ(test, below.calls, calls);
	KUNIT_EXPECT_EQ(test, below.waits, waits);
}

/* All are under way before any ends. */
static void pieces_at_once(struct kunit *test)
{
	expect_all(test, PIECES, 0);
}

static void pieces_end_at_once(struct kunit *test)
{
	below.queued = false;
	expect_all(test, PIECES, 0);
}

/* What failed, or was written in part, is written alone, whichever it is. */
static void pieces_lack(struct kunit *test)
{
	static const long result[] = { -EAGAIN, -ENOMEM, -EINVAL, VHDX_PAGE };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(result); i++) {
		below = (struct below){ .queued = i % 2 };
		below.result[1] = result[i];
		expect_all(test, PIECES + 1, 1);
	}
}

/* Through the page cache, one after the other. */
static void pieces_cached(struct kunit *test)
{
	file.offset_align = 0;
	expect_all(test, PIECES, PIECES);
}

/* A file that somebody has cut gets no write, which would extend it. */
static void pieces_cut(struct kunit *test)
{
	inode.i_size = 2 * VHDX_PAGE;
	KUNIT_EXPECT_EQ(test, write_all(test), -EIO);
	KUNIT_EXPECT_EQ(test, below.calls, 0);
}

static struct kunit_case file_pieces_cases[] = {
	KUNIT_CASE(pieces_at_once),
	KUNIT_CASE(pieces_end_at_once),
	KUNIT_CASE(pieces_lack),
	KUNIT_CASE(pieces_cached),
	KUNIT_CASE(pieces_cut),
	{}
};

struct kunit_suite vhdx_file_pieces_suite = {
	.name = "vhdx_file_pieces",
	.init = file_pieces_init,
	.exit = file_pieces_exit,
	.test_cases = file_pieces_cases,
};
