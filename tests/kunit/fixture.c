// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

/**
 * fixture_init() - a suite's init
 * @test: gets its fixture as priv
 */
int fixture_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	u32 i;

	if (!f)
		return -ENOMEM;
	findings_init(&f->found);
	for (i = 0; i < FIXTURE_FILES; i++) {
		ram_store_init(&f->ram[i]);
		builder_init(&f->builder[i], &f->ram[i]);
	}
	f->pool_pages = VHDX_POOL_PAGES_DEFAULT;
	test->priv = f;
	return 0;
}

/**
 * fixture_exit() - a suite's exit
 * @test: whose fixture to take down
 */
void fixture_exit(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 i;

	if (!f)
		return;
	if (f->chain)
		vhdx_chain_free(f->chain);
	for (i = 0; i < FIXTURE_FILES; i++) {
		if (f->image[i])
			vhdx_image_close(f->image[i]);
		ram_store_exit(&f->ram[i]);
	}
}

/**
 * fixture_dirty() - write a dirty image whose log is still empty
 * @test: the test
 * @file: where
 *
 * Return: its builder; the log takes entries by builder_log().
 */
struct builder *fixture_dirty(struct kunit *test, u32 file)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[file];

	b->log_guid = builder_guid(0x10);
	builder_write(b);
	return b;
}

/**
 * fixture_files() - write the files of a chain
 * @test: the test
 * @depth: how many, child first; the knobs of their builders may be set
 *
 * The DataWriteGuid of each is 0xD0 and its number, 16 times.
 */
void fixture_files(struct kunit *test, u32 depth)
{
	struct fixture *f = test->priv;
	u32 i;

	for (i = 0; i < depth; i++) {
		f->builder[i].data_write_guid = builder_guid(0xD0 + i);
		if (i + 1 < depth)
			builder_parent(&f->builder[i], 0xD1 + i);
		else
			builder_write(&f->builder[i]);
	}
}

/**
 * fixture_open() - open a file, which must succeed
 * @test: the test; it ends here if the open fails
 * @file: which
 *
 * Return: the image, which the fixture closes.
 */
struct vhdx_image *fixture_open(struct kunit *test, u32 file)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;

	image = vhdx_image_open(&f->ram[file].store, f->pool_pages,
				&f->found.report);
	if (IS_ERR(image))
		findings_expect(test, &f->found, "");
	KUNIT_ASSERT_FALSE(test, IS_ERR(image));
	f->image[file] = image;
	return image;
}

/**
 * fixture_refuse() - open a file, which must fail
 * @test: the test
 * @file: which
 * @error: that it must fail with
 * @lines: all that it must find
 */
void fixture_refuse(struct kunit *test, u32 file, int error, const char *lines)
{
	struct fixture *f = test->priv;
	struct vhdx_image *image;

	image = vhdx_image_open(&f->ram[file].store, f->pool_pages,
				&f->found.report);
	findings_expect(test, &f->found, lines);
	if (IS_ERR(image)) {
		KUNIT_EXPECT_EQ(test, PTR_ERR(image), (long)error);
		return;
	}
	f->image[file] = image;
	KUNIT_EXPECT_EQ(test, 0, error);
}

/**
 * fixture_chain() - join the first files, which must succeed
 * @test: the test; it ends here if the join fails
 * @depth: how many, child first; those not open yet are opened
 *
 * Return: the chain, which the fixture frees.
 */
struct vhdx_chain *fixture_chain(struct kunit *test, u32 depth)
{
	struct fixture *f = test->priv;
	struct vhdx_chain *chain;
	u32 i;

	for (i = 0; i < depth; i++)
		if (!f->image[i])
			fixture_open(test, i);
	chain = vhdx_chain_new(f->image, depth, 0, &f->found.report);
	if (IS_ERR(chain))
		findings_expect(test, &f->found, "");
	KUNIT_ASSERT_FALSE(test, IS_ERR(chain));
	f->chain = chain;
	return chain;
}

static int watch(struct vhdx_progress *progress, u64 done, u64 total)
{
	struct fixture_watcher *w =
		container_of(progress, struct fixture_watcher, progress);

	w->done = done;
	w->total = total;
	return ++w->steps == w->stop_at ? -EINTR : 0;
}

/**
 * fixture_watcher_init() - make ready to watch a check
 * @watcher: to be passed to fixture_check_watched()
 * @stop_at: the step at which it stops the check; 0 for none
 */
void fixture_watcher_init(struct fixture_watcher *watcher, u32 stop_at)
{
	*watcher = (struct fixture_watcher){
		.progress.step = watch,
		.stop_at = stop_at,
	};
}

/**
 * fixture_check_watched() - check the blocks of the first file
 * @test: the test; the file is opened if it is not open yet
 * @watcher: follows the check; may be NULL
 * @error: what the check must return
 *
 * Return: what the check counted.
 */
struct vhdx_census fixture_check_watched(struct kunit *test,
					 struct fixture_watcher *watcher,
					 int error)
{
	struct fixture *f = test->priv;
	struct vhdx_census census;

	if (!f->image[0])
		fixture_open(test, 0);
	KUNIT_EXPECT_EQ(test,
			vhdx_check_blocks(f->image[0], &census,
					  watcher ? &watcher->progress : NULL,
					  &f->found.report),
			error);
	return census;
}
