// SPDX-License-Identifier: GPL-2.0-only
/* engine/chain.c: which images may be joined. */
#include "fixture.h"
#include "suites.h"

#define LOCATOR "parent locator at offset 0x211000: "

/* Joins, and expects an error and these findings; 0: frees the chain. */
static void join(struct kunit *test, struct vhdx_image **images, u32 depth,
		 unsigned int flags, int error, const char *lines)
{
	struct fixture *f = test->priv;
	struct vhdx_chain *chain;

	chain = vhdx_chain_new(images, depth, flags, &f->found.report);
	KUNIT_EXPECT_EQ(test, IS_ERR(chain) ? PTR_ERR(chain) : 0, (long)error);
	if (!IS_ERR(chain)) {
		KUNIT_EXPECT_EQ(test, chain->depth, depth);
		KUNIT_EXPECT_EQ(test, chain->size, images[0]->params.size);
		vhdx_chain_free(chain);
	}
	fixture_expect(test, lines);
}

/* What the child names, and what the parent is. */
struct link_case {
	const char *name;
	const char *linkage;
	const char *linkage2;
	u32 child_sector, parent_sector;
	unsigned int flags;
	int error;
	const char *lines;
};

#define RIGHT "{d1d1d1d1-d1d1-d1d1-d1d1-d1d1d1d1d1d1}"
#define WRONG "{aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa}"
#define NONE "{00000000-0000-0000-0000-000000000000}"
#define MISMATCH \
	LOCATOR \
	"the parent has data write GUID d1d1d1d1-d1d1-d1d1-d1d1-d1d1d1d1d1d1, but the child was made over aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa: the parent was changed since, or is another image\n"

static const struct link_case link_cases[] = {
	{ "linkage", RIGHT, NULL, 512, 512, 0, 0, "" },
	{ "linkage in upper case", "{D1D1D1D1-D1D1-D1D1-D1D1-D1D1D1D1D1D1}",
	  NULL, 512, 512, 0, 0, "" },
	{ "linkage2", WRONG, RIGHT, 512, 512, 0, 0, "" },
	{ "null linkage2", RIGHT, NONE, 512, 512, 0, 0, "" },
	{ "neither", WRONG, WRONG, 512, 512, 0, -ESTALE, "error: " MISMATCH },
	{ "wrong, and a null linkage2", WRONG, NONE, 512, 512, 0, -ESTALE,
	  "error: " MISMATCH },
	{ "wrong, and not minded", WRONG, NULL, 512, 512, VHDX_CHAIN_IGNORE_ID,
	  0, "warning: " MISMATCH },
	{ "sectors of 4096", RIGHT, NULL, 4096, 4096, 0, 0, "" },
	{ "smaller sectors below", RIGHT, NULL, 4096, 512, 0, -EUCLEAN,
	  "error: " LOCATOR "the parent has logical sectors of 512 bytes, the child of 4096\n" },
	{ "larger sectors below, identity not minded", RIGHT, NULL, 512, 4096,
	  VHDX_CHAIN_IGNORE_ID, -EUCLEAN,
	  "error: " LOCATOR "the parent has logical sectors of 4096 bytes, the child of 512\n" },
};

static void link_case_name(const struct link_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(link, link_cases, link_case_name);

static void join_link(struct kunit *test)
{
	const struct link_case *c = test->param_value;
	struct builder_pair pairs[] = {
		{ "parent_linkage", c->linkage },
		{ "relative_path", "p.vhdx" },
		{ "parent_linkage2", c->linkage2 },
	};
	struct fixture *f = test->priv;

	f->builder[0].logical_sector = c->child_sector;
	f->builder[0].param_flags = VHDX_PARAM_HAS_PARENT;
	builder_write(&f->builder[0]);
	builder_locator(&f->builder[0], pairs, c->linkage2 ? 3 : 2);
	f->builder[1].logical_sector = c->parent_sector;
	f->builder[1].data_write_guid = builder_guid(0xD1);
	builder_write(&f->builder[1]);
	fixture_open(test, 0);
	fixture_open(test, 1);
	join(test, f->image, 2, c->flags, c->error, c->lines);
}

/* The middle of three has the wrong parent: it is its locator that is named. */
static void join_second_link(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->builder[1].metadata_offset = 5 * VHDX_MIB;
	builder_parent(&f->builder[0], 0xDA);
	builder_parent(&f->builder[1], 0xAA);
	builder_write(&f->builder[2]);
	fixture_open(test, 0);
	fixture_open(test, 1);
	fixture_open(test, 2);
	join(test, f->image, 3, 0, -ESTALE,
	     "error: parent locator at offset 0x511000: the parent has data write GUID dadadada-dada-dada-dada-dadadadadada, but the child was made over aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa: the parent was changed since, or is another image\n");
}

static void join_one(struct kunit *test)
{
	struct fixture *f = test->priv;

	builder_write(&f->builder[0]);
	fixture_open(test, 0);
	join(test, f->image, 1, 0, 0, "");
}

static void join_parent_too_many(struct kunit *test)
{
	struct fixture *f = test->priv;

	builder_write(&f->builder[0]);
	builder_write(&f->builder[1]);
	fixture_open(test, 0);
	fixture_open(test, 1);
	join(test, f->image, 2, VHDX_CHAIN_IGNORE_ID, -EINVAL,
	     "error: file parameters at offset 0x200000: the image has no parent, but one is given\n");
}

/* The path by which a missing parent is named: the first that there is. */
struct path_case {
	struct builder_pair path;
	struct builder_pair other;
	const char *lines;
};

#define NEEDS(path) \
	"error: " LOCATOR "a differencing image needs its parent, which it names as \"" path "\"\n"

static const struct path_case path_cases[] = {
	{ { "relative_path", "..\\r.vhdx" }, { "volume_path", "v" },
	  NEEDS("..\\r.vhdx") },
	{ { "volume_path", "v" }, { "absolute_win32_path", "a" }, NEEDS("a") },
	{ { "volume_path", "v" }, { "x", "y" },
	  "info: parent locator pair 2 at offset 0x21102c: the key \"x\" is not known\n"
	  NEEDS("v") },
	{ { "x", "y" }, { "z", "y" },
	  "info: parent locator pair 1 at offset 0x211020: the key \"x\" is not known\n"
	  "info: parent locator pair 2 at offset 0x21102c: the key \"z\" is not known\n"
	  "warning: " LOCATOR "names no path, so the parent must be given by hand\n"
	  NEEDS("(no path)") },
};

static void path_case_name(const struct path_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s and %s", c->path.key,
		 c->other.key);
}

KUNIT_ARRAY_PARAM(path, path_cases, path_case_name);

static void join_parent_missing(struct kunit *test)
{
	const struct path_case *c = test->param_value;
	struct builder_pair pairs[] = { { "parent_linkage", RIGHT }, c->path,
					c->other };
	struct fixture *f = test->priv;

	f->builder[0].param_flags = VHDX_PARAM_HAS_PARENT;
	builder_write(&f->builder[0]);
	builder_locator(&f->builder[0], pairs, 3);
	fixture_open(test, 0);
	join(test, f->image, 1, 0, -ENOENT, c->lines);
}

static void join_cycle(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image *images[4];

	/* Both name a parent that has the identity of both. */
	builder_parent(&f->builder[0], 0xDA);
	builder_parent(&f->builder[1], 0xDA);
	images[0] = fixture_open(test, 0);
	images[1] = fixture_open(test, 1);
	images[2] = images[0];
	images[3] = images[1];
	join(test, images, 4, 0, -ELOOP,
	     "error: " LOCATOR "the image is its own ancestor\n");
	images[1] = images[0];
	join(test, images, 2, VHDX_CHAIN_IGNORE_ID, -ELOOP,
	     "error: " LOCATOR "the image is its own ancestor\n");
}

/* Two logs, which are too much together; their contents are not looked at. */
static void join_logs(struct kunit *test)
{
	const u32 half = (u32)(VHDX_LOG_CHANGES_MAX / 2);
	struct fixture *f = test->priv;
	struct vhdx_image *images[2];

	builder_parent(&f->builder[0], 0xDA);
	builder_write(&f->builder[1]);
	images[0] = fixture_open(test, 0);
	images[1] = fixture_open(test, 1);
	images[0]->replay.count = half;
	images[1]->replay.count = half;
	join(test, images, 2, VHDX_CHAIN_IGNORE_ID, 0, "");
	images[1]->log.count = 1;
	join(test, images, 2, VHDX_CHAIN_IGNORE_ID, -EOPNOTSUPP,
	     "error: log at offset 0x100000: the logs of the chain up to here hold more than 262144 entries and changes, too many to be replayed in memory; replay them on disk first\n");
	/* One image alone is bounded by its log. */
	images[0]->replay.count = 0;
	images[1]->replay.count = 2 * half;
	join(test, images, 2, VHDX_CHAIN_IGNORE_ID, 0, "");
	images[1]->log.count = 0;
	images[1]->replay.count = 0;
}

/* One child over and over, each time another image to the chain. */
static void join_depth_limit(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_image **images;
	u32 i;

	images = kunit_kzalloc(test, 257 * sizeof(*images), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, images);
	builder_parent(&f->builder[0], 0xDA);
	builder_write(&f->builder[1]);
	fixture_open(test, 1);
	for (i = 0; i < 257; i++) {
		images[i] = vhdx_image_open(&f->ram[0].store, 4,
					    &f->found.report);
		if (IS_ERR(images[i]))
			break;
	}
	KUNIT_EXPECT_EQ(test, i, 257);
	if (i == 257) {
		struct vhdx_image *last = images[255];

		join(test, images, 257, 0, -ELOOP,
		     "error: " LOCATOR "a chain of 257 images is deeper than the limit of 256\n");
		images[255] = f->image[1];
		join(test, images, 256, 0, 0, "");
		images[255] = last;
	}
	while (i)
		vhdx_image_close(images[--i]);
}

/*
 * What the child names, the parent is to become: that is looked at later, and
 * only if somebody writes to the parent.
 */
struct late_case {
	const char *name;
	u8 linkage;
	bool written;
	int error;
	const char *lines;
	int late_error;
	const char *late_lines;
};

#define CHANGED \
	"error: " LOCATOR \
	"the parent has data write GUID dadadada-dada-dada-dada-dadadadadada, but the child was made over aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa: the parent was changed since, or is another image\n"

static const struct late_case late_cases[] = {
	{ "right, read", 0xDA, false, 0, "", 0, "" },
	{ "wrong, read", 0xAA, false, -ESTALE, CHANGED, 0, "" },
	{ "right, written", 0xDA, true, 0, "", 0, "" },
	{ "wrong, written", 0xAA, true, 0, "", -ESTALE, CHANGED },
};

static void late_case_name(const struct late_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(late, late_cases, late_case_name);

static void join_late(struct kunit *test)
{
	const struct late_case *c = test->param_value;
	struct fixture *f = test->priv;
	struct vhdx_chain *chain;

	builder_parent(&f->builder[0], c->linkage);
	builder_write(&f->builder[1]);
	fixture_open(test, 0);
	fixture_open(test, 1)->written = c->written;
	chain = vhdx_chain_new(f->image, 2, VHDX_CHAIN_LATE_ID,
			       &f->found.report);
	KUNIT_EXPECT_EQ(test, IS_ERR(chain) ? PTR_ERR(chain) : 0,
			(long)c->error);
	fixture_expect(test, c->lines);
	if (IS_ERR(chain))
		return;
	findings_init(&f->found);
	KUNIT_EXPECT_EQ(test, vhdx_chain_check_late(chain, &f->found.report),
			c->late_error);
	fixture_expect(test, c->late_lines);
	vhdx_chain_free(chain);
}

/* That the parent may still change is no reason to let it change for good. */
static void join_late_not_ignored(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_chain *chain;

	builder_parent(&f->builder[0], 0xAA);
	builder_write(&f->builder[1]);
	fixture_open(test, 0);
	fixture_open(test, 1)->written = true;
	chain = vhdx_chain_new(f->image, 2,
			       VHDX_CHAIN_LATE_ID | VHDX_CHAIN_IGNORE_ID,
			       &f->found.report);
	KUNIT_ASSERT_FALSE(test, IS_ERR(chain));
	KUNIT_EXPECT_EQ(test, vhdx_chain_check_late(chain, &f->found.report),
			-ESTALE);
	fixture_expect(test, CHANGED);
	vhdx_chain_free(chain);
}

static struct kunit_case chain_new_cases[] = {
	KUNIT_CASE_PARAM(join_link, link_gen_params),
	KUNIT_CASE(join_second_link),
	KUNIT_CASE(join_one),
	KUNIT_CASE(join_parent_too_many),
	KUNIT_CASE_PARAM(join_parent_missing, path_gen_params),
	KUNIT_CASE_PARAM(join_late, late_gen_params),
	KUNIT_CASE(join_late_not_ignored),
	KUNIT_CASE(join_cycle),
	KUNIT_CASE(join_logs),
	KUNIT_CASE(join_depth_limit),
	{}
};

struct kunit_suite vhdx_chain_new_suite = {
	.name = "vhdx_chain_new",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = chain_new_cases,
};
