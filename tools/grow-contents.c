// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <unistd.h>

#include "captive.h"
#include "grow-last.h"
#include "message.h"
#include "mounted.h"
#include "run-tool.h"
#include "users.h"

/* Of btrfs: devid, in the dev_item of the first superblock. */
#define BTRFS_DEVID	(0x10000 + 0xc9)

/* e2fsck has mended something, and all is well. */
#define E2FSCK_MENDED	1

/**
 * struct grower - what has a type of file system grow
 * @type: as libblkid names it
 * @tools: programs that are needed; ended by NULL
 * @mounted: it grows while it is mounted only
 * @unmounted: it grows while it is not mounted only
 * @check: looks before anything changes, while it is not mounted; or NULL
 * @grow: has it grow
 * @hint: how to do so by hand
 */
struct grower {
	const char *type;
	const char *const *tools;
	bool mounted;
	bool unmounted;
	int (*check)(struct grow_last *g, const char *node);
	int (*grow)(const struct grow_last *g, const char *node);
	const char *hint;
};

/* It also replays the journal, and makes resize2fs content. */
static int check_ext(struct grow_last *g, const char *node)
{
	const char *const argv[] = { "e2fsck", "-f", "-p", node, NULL };

	(void)g;
	return run_tool_or_say(argv, NULL, E2FSCK_MENDED);
}

static int grow_ext(const struct grow_last *g, const char *node)
{
	const char *const argv[] = { "resize2fs", node, NULL };

	(void)g;
	return run_tool_or_say(argv, NULL, 0);
}

static int check_ntfs(struct grow_last *g, const char *node)
{
	const char *const argv[] = { "ntfsresize", "--info", "--force",
				     "--no-progress-bar", node, NULL };

	(void)g;
	return run_tool_or_say(argv, NULL, 0);
}

static int grow_ntfs(const struct grow_last *g, const char *node)
{
	const char *const argv[] = { "ntfsresize", "--force",
				     "--no-progress-bar", node, NULL };
	int err = run_tool_or_say(argv, "y\n", 0);

	if (!err)
		msg_info("%s: Windows checks its NTFS at the next start",
			 g->name);
	return err;
}

/* In the process that has it mounted: what fails says so by its status alone. */
static int run_in(const char *const *argv, struct mounted *mounted)
{
	struct tool_end end = { 0 };
	char *errors = NULL;
	int err = run_tool(argv, &end, NULL, &errors);

	snprintf(mounted->text, sizeof(mounted->text), "%s",
		 errors ? errors : "");
	free(errors);
	if (!err && (end.signal || end.status))
		err = -EIO;
	return err;
}

static int xfs_work(const char *directory, struct mounted *mounted)
{
	const char *const argv[] = { "xfs_growfs", directory, NULL };

	return run_in(argv, mounted);
}

static int btrfs_work(const char *directory, struct mounted *mounted)
{
	char size[48];
	const char *const argv[] = { "btrfs", "filesystem", "resize", size,
				     directory, NULL };

	snprintf(size, sizeof(size), "%llu:max",
		 (unsigned long long)mounted->value);
	return run_in(argv, mounted);
}

/* Where it is mounted; otherwise, mount it for us alone. */
static int grow_mounted(const struct grow_last *g, const char *node,
			int (*work)(const char *directory,
				    struct mounted *mounted))
{
	struct mounted mounted = {
		.node = node,
		.type = g->part.type,
		.writable = true,
		.work = work,
		.value = g->devid,
	};
	int err = g->mount ? work(g->mount, &mounted) : mounted_do(&mounted);
	char *line, *rest = mounted.text;

	while (err && (line = strsep(&rest, "\n")))
		if (*line)
			msg_err("%s: %s", g->grower->tools[0], line);
	if (err && !g->mount && !mounted.mounted)
		msg_err("%s: its %s cannot be mounted: %s", g->name,
			g->part.type, strerror(-err));
	else if (err)
		msg_err("%s: %s failed: %s", g->name, g->grower->tools[0],
			strerror(-err));
	return err;
}

static int grow_xfs(const struct grow_last *g, const char *node)
{
	return grow_mounted(g, node, xfs_work);
}

static int check_btrfs(struct grow_last *g, const char *node)
{
	int fd = open(node, O_RDONLY | O_CLOEXEC);
	u8 bytes[8];
	int i, err = 0;

	if (fd < 0 || pread(fd, bytes, sizeof(bytes), BTRFS_DEVID) !=
		      sizeof(bytes))
		err = -EIO;
	for (i = 7, g->devid = 0; i >= 0 && !err; i--)
		g->devid = g->devid << 8 | bytes[i];
	if (fd >= 0)
		close(fd);
	if (err)
		msg_err("%s: the superblock of its btrfs cannot be read",
			g->name);
	return err;
}

static int grow_btrfs(const struct grow_last *g, const char *node)
{
	return grow_mounted(g, node, btrfs_work);
}

static const char *const ext_tools[] = { "resize2fs", "e2fsck", NULL };
static const char *const xfs_tools[] = { "xfs_growfs", NULL };
static const char *const btrfs_tools[] = { "btrfs", NULL };
static const char *const ntfs_tools[] = { "ntfsresize", NULL };

#define EXT(_type) { \
	.type = _type, .tools = ext_tools, .check = check_ext, \
	.grow = grow_ext, .hint = "resize2fs" }

static const struct grower growers[] = {
	EXT("ext2"),
	EXT("ext3"),
	EXT("ext4"),
	{ .type = "xfs", .tools = xfs_tools, .grow = grow_xfs,
	  .hint = "xfs_growfs, while it is mounted" },
	{ .type = "btrfs", .tools = btrfs_tools, .check = check_btrfs,
	  .grow = grow_btrfs,
	  .hint = "btrfs filesystem resize max, while it is mounted" },
	{ .type = "ntfs", .tools = ntfs_tools, .unmounted = true,
	  .check = check_ntfs, .grow = grow_ntfs, .hint = "ntfsresize" },
};

static const struct grower *grower_of(const char *type)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(growers); i++)
		if (!strcmp(growers[i].type, type))
			return &growers[i];
	return NULL;
}

static int refuse_type(const struct grow_last *g)
{
	static const struct {
		const char *type;
		const char *remedy;
	} others[] = {
		{ "swap", "swapoff, mkswap" },
		{ "LVM2_member", "pvresize, then lvextend --resizefs" },
		{ "crypto_LUKS", "cryptsetup resize, then the file system in it" },
		{ "BitLocker", "Windows, which extends the volume" },
	};
	const char *remedy = "a program that knows it";
	char words[INSIDE_WORDS];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		if (!strcmp(others[i].type, g->part.type))
			remedy = others[i].remedy;
	msg_err("%s: --grow-last cannot grow what is last on it, %s: enlarge the disk without it, then the partition, if it is one (growpart), and then use %s",
		g->name, inside_words(&g->part, words), remedy);
	return -EINVAL;
}

static int find_tools(const struct grow_last *g)
{
	const char *const *tool;

	for (tool = g->grower->tools; *tool; tool++) {
		if (captive_find(*tool))
			continue;
		msg_err("%s: %s is not installed, which --grow-last needs for its %s",
			g->name, *tool, g->part.type);
		return -ENOEXEC;
	}
	return 0;
}

/**
 * grow_contents_plan() - find out whether a file system can grow
 * @g: the part and its device; sets the rest
 *
 * Changes nothing.
 *
 * Return: 0, or a negative errno after a message.
 */
int grow_contents_plan(struct grow_last *g)
{
	int err;

	g->grower = grower_of(g->part.type);
	if (!g->grower)
		return refuse_type(g);
	err = find_tools(g);
	if (err)
		return err;
	g->mount = users_mount(g->device.name);
	if (g->mount && g->grower->unmounted) {
		msg_err("%s: its %s is mounted at %s, and grows only while it is not: unmount it first",
			g->name, g->part.type, g->mount);
		return -EBUSY;
	}
	return 0;
}

/**
 * grow_contents_check() - check a file system, before anything grows
 * @g: from grow_contents_plan()
 *
 * One that is mounted is not checked. This may mend small things.
 *
 * Return: 0, or a negative errno after a message.
 */
int grow_contents_check(struct grow_last *g)
{
	char node[PATH_MAX];
	int err = 0;

	dmdev_path(g->device.name, node);
	if (g->grower->check &&
	    (!g->mount || g->grower->check == check_btrfs))
		err = g->grower->check(g, node);
	if (err)
		msg_err("%s: its %s is not fit to grow: see above; nothing has changed",
			g->name, g->part.type);
	return err;
}

/**
 * grow_contents() - have a file system grow
 * @g: from grow_contents_plan()
 *
 * Return: 0, or a negative errno after a message.
 */
int grow_contents(const struct grow_last *g)
{
	char node[PATH_MAX];

	return g->grower->grow(g, dmdev_path(g->device.name, node));
}

/**
 * grow_contents_hint() - how to have a file system grow by hand
 * @g: from grow_contents_plan()
 *
 * Return: a program, in words.
 */
const char *grow_contents_hint(const struct grow_last *g)
{
	return g->grower->hint;
}
