// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "document.h"
#include "exit-codes.h"
#include "findings.h"
#include "inside.h"
#include "message.h"
#include "mounted.h"
#include "open-image.h"
#include "part-device.h"
#include "passing-device.h"
#include "siblings.h"
#include "signals.h"
#include "tree.h"
#include "trim-inside.h"

/* What is read of a file system before it is mounted. */
#define SUPER_BYTES	4096

/* Windows keeps its memory there while it hibernates. */
#define HIBERNATION	"hiberfil.sys"
#define HIBERNATION_BYTES	4096

/**
 * struct trim - a part that is to be trimmed
 * @dev: the device of the image
 * @image: what messages call it
 * @part: the part
 * @list: what is told of all parts, or NULL
 * @words: the part, in words
 */
struct trim {
	const struct dmdev *dev;
	const char *image;
	const struct inside_part *part;
	struct json_object *list;
	char words[INSIDE_WORDS];
};

/* The ext4 of these bytes has the error flag: what it calls free may be in use. */
static const char *fault_of_ext(const u8 *super)
{
	return super[1024 + 0x3a] & 0x2 ?
	       "it has errors: run e2fsck on it first" : NULL;
}

/* A dirty exFAT may lack in its bitmap what its files have. */
static const char *fault_of_exfat(const u8 *super)
{
	return super[106] & 0x2 ?
	       "it was not unmounted: check it first (fsck.exfat, chkdsk)" :
	       NULL;
}

/**
 * struct kind - a type of file system that can be trimmed
 * @type: as libblkid names it
 * @driver: as the kernel names it
 * @writable: is mounted for writing; by NTFS, since the kernel replays its log then, or
 *	refuses
 * @fault: finds out why it must not be trimmed, or NULL
 */
struct kind {
	const char *type;
	const char *driver;
	bool writable;
	const char *(*fault)(const u8 *super);
};

static const struct kind kinds[] = {
	{ "ext2", "ext2", false, fault_of_ext },
	{ "ext3", "ext3", false, fault_of_ext },
	{ "ext4", "ext4", false, fault_of_ext },
	{ "xfs", "xfs", false, NULL },
	{ "btrfs", "btrfs", false, NULL },
	{ "f2fs", "f2fs", true, NULL },
	{ "vfat", "vfat", false, NULL },
	{ "exfat", "exfat", false, fault_of_exfat },
	{ "ntfs", "ntfs3", true, NULL },
};

static const struct {
	const char *type;
	const char *why;
} others[] = {
	{ "", "nothing is known of what it holds" },
	{ "?", "it could be several file systems" },
	{ "swap", "a swap area does not say what it uses" },
	{ "LVM2_member",
	  "LVM is inside: open the image, activate the volume group, and run fstrim on the file systems in it",
	},
	{ "crypto_LUKS",
	  "it is encrypted: open the image, unlock it with discards allowed, and run fstrim on the file system",
	},
	{ "BitLocker",
	  "it is encrypted: let Windows trim it",
	},
	{ "linux_raid_member",
	  "it is a part of a RAID: open the image, and run fstrim on the file system of the RAID",
	},
};

static const struct kind *kind_of(const struct inside_part *part)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].type, part->type))
			return &kinds[i];
	return NULL;
}

static const char *why_not(const struct inside_part *part)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		if (!strcmp(others[i].type, part->type))
			return others[i].why;
	return "nobody here knows how to find what it does not use";
}

static struct json_object *tree_of(const struct trim *t)
{
	struct json_object *object = tree_new();

	if (t->part->number)
		tree_number(object, "number", t->part->number);
	tree_number(object, "virtual_offset", t->part->start);
	tree_number(object, "length", t->part->length);
	if (*t->part->type && strcmp(t->part->type, "?"))
		tree_text(object, "file_system", t->part->type);
	return object;
}

static void say_skipped(const struct trim *t, const char *why)
{
	struct json_object *object;

	msg_warn("%s: %s is left as it is: %s", t->image, t->words, why);
	if (!t->list)
		return;
	object = tree_of(t);
	tree_text(object, "not_trimmed", why);
	tree_append(t->list, object);
}

static void say_trimmed(const struct trim *t, u64 bytes)
{
	struct json_object *object;
	char size[32];

	msg_info("%s: %s: %s of free space discarded", t->image, t->words,
		 tree_size_words(bytes, size, sizeof(size)));
	if (!t->list)
		return;
	object = tree_of(t);
	tree_number(object, "trimmed_bytes", bytes);
	tree_append(t->list, object);
}

/* In the process that has it mounted. */
static int trim(const char *directory, struct mounted *mounted)
{
	struct fstrim_range range = { .len = ULLONG_MAX };
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = 0;

	if (fd < 0 || ioctl(fd, FITRIM, &range))
		err = -errno;
	mounted->value = range.len;
	if (fd >= 0)
		close(fd);
	return err;
}

/*
 * Windows goes on from here with what it knew in memory, so nobody may write
 * meanwhile. Fast startup leaves such a file, too.
 */
static int look_for_hibernation(const char *directory, struct mounted *mounted)
{
	char path[PATH_MAX], head[HIBERNATION_BYTES] = { 0 };
	ssize_t n, i;
	int fd;

	snprintf(path, sizeof(path), "%s/" HIBERNATION, directory);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	n = read(fd, head, sizeof(head));
	close(fd);
	if (n < 0)
		return -EIO;
	for (i = 0; i < n; i++)
		mounted->value |= (u8)head[i];
	if (n >= 4 && !strncasecmp(head, "wake", 4))
		mounted->value = 0;
	return 0;
}

/* Say why, in a sentence of ours. Always return 0, but after a signal. */
static int explain(const struct trim *t, const struct mounted *mounted, int err)
{
	char why[192];

	if (err == -EINTR)
		return err;
	if (mounted->mounted)
		snprintf(why, sizeof(why), "%s",
			 err == -EOPNOTSUPP || err == -ENOTTY ?
			 "this kernel cannot trim it" : strerror(-err));
	else if (err == -ENODEV)
		snprintf(why, sizeof(why), "this kernel has no driver %s",
			 mounted->type);
	else
		snprintf(why, sizeof(why),
			 "the kernel does not mount it: %s; its log (dmesg) says why%s",
			 strerror(-err),
			 strcmp(mounted->type, "ntfs3") ? "" :
			 "; Windows must have shut it down in order");
	say_skipped(t, why);
	return 0;
}

static int trim_mounted(const struct trim *t, const struct kind *kind,
			const char *node)
{
	struct mounted mounted = { .node = node, .type = kind->driver };
	int err;

	if (!strcmp(kind->type, "ntfs")) {
		mounted.work = look_for_hibernation;
		err = mounted_do(&mounted);
		if (err)
			return explain(t, &mounted, err);
		if (mounted.value) {
			say_skipped(t,
				    "Windows hibernates there: start it, and shut it down (shutdown /s /f /t 0)");
			return 0;
		}
	}
	mounted.writable = kind->writable;
	mounted.work = trim;
	err = mounted_do(&mounted);
	if (err)
		return explain(t, &mounted, err);
	say_trimmed(t, mounted.value);
	return 0;
}

/* A btrfs that the host has mounted may be this one's twin, and is known by its UUID. */
static const char *twin_of(const struct inside_part *part)
{
	char path[PATH_MAX];

	if (strcmp(part->type, "btrfs"))
		return NULL;
	snprintf(path, sizeof(path), "/sys/fs/btrfs/%s", part->uuid);
	return access(path, F_OK) ? NULL :
	       "this host has a btrfs of the same UUID mounted";
}

static int read_super(const char *node, u8 *super)
{
	int fd = open(node, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread(fd, super, SUPER_BYTES, 0);

	if (fd >= 0)
		close(fd);
	return n == SUPER_BYTES ? 0 : -EIO;
}

static int trim_known(const struct trim *t, const struct kind *kind)
{
	const char *why = twin_of(t->part);
	struct part_device device;
	u8 super[SUPER_BYTES];
	char node[PATH_MAX];
	int err = part_device(t->dev, t->part, &device), ended;

	if (!err && !why) {
		dmdev_path(device.name, node);
		err = read_super(node, super);
	}
	if (!err && !why && kind->fault)
		why = kind->fault(super);
	if (!err && why)
		say_skipped(t, why);
	else if (!err)
		err = trim_mounted(t, kind, node);
	ended = part_device_end(&device);
	return err ? err : ended;
}

static int trim_part(struct trim *t)
{
	const struct kind *kind = kind_of(t->part);

	inside_words(t->part, t->words);
	if (t->part->extended)
		return 0;
	if (kind)
		return trim_known(t, kind);
	say_skipped(t, why_not(t->part));
	return 0;
}

static int trim_all(struct trim *t)
{
	struct inside inside;
	char node[PATH_MAX];
	unsigned int i;
	int err = inside_look(dmdev_path(t->dev->name, node), &inside);

	if (!err && !inside.count)
		msg_warn("%s: has no file system that could be trimmed",
			 t->image);
	for (i = 0; i < inside.count && !err; i++) {
		t->part = &inside.part[i];
		err = signals_held() ? -EINTR : trim_part(t);
	}
	inside_free(&inside);
	if (err == -EINTR)
		msg_err("%s: interrupted: its files are what they were",
			t->image);
	return err;
}

/* What a device writes changes the identity by which children know the image. */
static int guard_children(const struct options *options, const char *image)
{
	struct disk *disk;
	int err = open_image(options, image, OPEN_IDLE, sink_messages(), &disk);

	if (err)
		return err;
	err = siblings_guard(disk, image, options->force, "trims");
	disk_close(disk);
	return err;
}

/**
 * trim_inside() - give back what the file systems inside an image do not use
 * @options: of the command line
 * @image: path of the image
 *
 * Makes a device of the image for a while, and mounts each file system of it, in turn.
 * What cannot be trimmed is said, and is no failure.
 *
 * Return: 0, or a negative errno after a message.
 */
int trim_inside(const struct options *options, const char *image)
{
	struct trim t = { .image = image };
	struct dmdev dev;
	int err = guard_children(options, image), ended;

	if (!err)
		err = passing_device(options, image, &dev);
	if (err == -ENOTARGET)
		msg_info("%s: file systems are mounted through the module; without it, run fstrim where the disk is used, and compact the image without --filesystem",
			 image);
	if (err)
		return err;
	if (options->json)
		t.list = tree_list();
	t.dev = &dev;
	err = trim_all(&t);
	if (t.list)
		document_put("file_systems", t.list);
	ended = passing_device_end(&dev);
	return err ? err : ended;
}
