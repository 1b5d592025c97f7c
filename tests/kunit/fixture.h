/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What most suites work with: a few files in RAM, a report, and the images and
 * the chain opened over them. The fixture closes what a test leaves open, even
 * if an assertion ends it.
 *
 * fixture.c APIs:
 *   fixture_init()		a suite's init
 *   fixture_exit()		a suite's exit
 *   fixture_dirty()		a dirty image whose log is still empty
 *   fixture_files()		the files of a chain
 *   fixture_open()		open a file, which must succeed
 *   fixture_refuse()		open a file, which must fail
 *   fixture_chain()		join the first files, which must succeed
 *   fixture_check_watched()	check the blocks of the first file
 *   fixture_watcher_init()	watch a check, and stop it
 * fixture.h APIs:
 *   fixture_check()		the same, which must succeed
 *   fixture_expect()		these findings, no more and no fewer
 *   fixture_case_name()	the name of a case
 */
#ifndef VHDX_TEST_FIXTURE_H
#define VHDX_TEST_FIXTURE_H

#include <kunit/test.h>

#include "builder-log.h"
#include "builder.h"
#include "chain.h"
#include "check.h"
#include "findings.h"

#define FIXTURE_FILES 3U

/**
 * struct fixture - what a test works with
 * @found: findings so far
 * @ram: the files
 * @builder: set up with default knobs, one for each file
 * @image: the images that are open
 * @chain: the chain, if there is one
 * @pool_pages: for fixture_open()
 * @own: what the suite adds, of its own making
 */
struct fixture {
	struct findings found;
	struct ram_store ram[FIXTURE_FILES];
	struct builder builder[FIXTURE_FILES];
	struct vhdx_image *image[FIXTURE_FILES];
	struct vhdx_chain *chain;
	unsigned long pool_pages;
	void *own;
};

int fixture_init(struct kunit *test);
void fixture_exit(struct kunit *test);
struct builder *fixture_dirty(struct kunit *test, u32 file);
void fixture_files(struct kunit *test, u32 depth);
struct vhdx_image *fixture_open(struct kunit *test, u32 file);
void fixture_refuse(struct kunit *test, u32 file, int error,
		    const char *lines);
struct vhdx_chain *fixture_chain(struct kunit *test, u32 depth);

/**
 * struct fixture_watcher - follows the progress of a check, and may stop it
 * @progress: for the check
 * @steps: how often it was told
 * @stop_at: the step to stop at, with -EINTR; 0 for none
 * @done: what it was told last
 * @total: what it was told last
 */
struct fixture_watcher {
	struct vhdx_progress progress;
	u32 steps;
	u32 stop_at;
	u64 done;
	u64 total;
};

void fixture_watcher_init(struct fixture_watcher *watcher, u32 stop_at);
struct vhdx_census fixture_check_watched(struct kunit *test,
					 struct fixture_watcher *watcher,
					 int error);

/**
 * fixture_check() - check the blocks of the first file, which must succeed
 * @test: the test
 *
 * Return: what the check counted.
 */
static inline struct vhdx_census fixture_check(struct kunit *test)
{
	return fixture_check_watched(test, NULL, 0);
}

/**
 * fixture_expect() - these findings, no more and no fewer
 * @test: the test
 * @lines: see findings_expect()
 */
static inline void fixture_expect(struct kunit *test, const char *lines)
{
	struct fixture *f = test->priv;

	findings_expect(test, &f->found, lines);
}

/**
 * struct fixture_case - one change to an image, and what must come of it
 * @name: for the test's log
 * @alter: makes the change
 * @value: for @alter
 * @error: what the open must return
 * @lines: all that it must find
 */
struct fixture_case {
	const char *name;
	void (*alter)(struct builder *b, u64 value);
	u64 value;
	int error;
	const char *lines;
};

static inline void fixture_case_name(const struct fixture_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

#endif /* VHDX_TEST_FIXTURE_H */
