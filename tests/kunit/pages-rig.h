/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small pool, two maps over it, and a source of pages that fails and races as
 * a test wants it to.
 *
 * pages-rig.c APIs:
 *   pages_rig_init()		a suite's init
 *   pages_rig_exit()		a suite's exit
 *   pages_rig_fill()		what page is at an index; for vhdx_page_map_load()
 *   pages_rig_load()		load a page, which must succeed
 *   pages_rig_touch()		use a page, which must be there
 *   pages_rig_resident()	is a page there?
 *   pages_rig_expect()		these are there, of the first ones
 */
#ifndef VHDX_TEST_PAGES_RIG_H
#define VHDX_TEST_PAGES_RIG_H

#include <kunit/test.h>

#include "pages.h"

#define PAGES_RIG_MAPS 2U
#define PAGES_RIG_PAGES 200U

/**
 * struct pages_rig - a pool, maps over it, and a source of pages
 * @pool: the pool
 * @map: the maps
 * @fills: pages that were filled
 * @error: what the next fill returns
 * @nested: a page that the next fill loads itself, as a race would; -1: none
 * @version: of all pages on disk; added to what they are filled with
 * @meanwhile: what happens between the next fill's read and its end, or NULL
 * @evict: it gives up the page, too
 * @test: for it
 */
struct pages_rig {
	struct vhdx_pool pool;
	struct vhdx_page_map map[PAGES_RIG_MAPS];
	u32 fills;
	int error;
	int nested;
	u8 version;
	void (*meanwhile)(struct kunit *test);
	bool evict;
	struct kunit *test;
};

int pages_rig_init(struct kunit *test);
void pages_rig_exit(struct kunit *test);
int pages_rig_fill(void *context, u64 index, struct vhdx_page *page);
void pages_rig_load(struct kunit *test, u32 map, u64 index);
void pages_rig_touch(struct kunit *test, u32 map, u64 index);
bool pages_rig_resident(struct kunit *test, u32 map, u64 index);
void pages_rig_expect(struct kunit *test, u32 map, u32 wanted);

#endif /* VHDX_TEST_PAGES_RIG_H */
