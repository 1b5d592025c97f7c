// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "message.h"
#include "place.h"

/* The kernel gives up where somebody renames directories meanwhile. */
#define LOOK_UPS_MAX	16

/* Those that linux/magic.h of Debian 12 does not name. */
#define CONFIGFS_MAGIC	0x62656570
#define FUSECTL_MAGIC	0x65735543
#define MQUEUE_MAGIC	0x19800202
#define RPC_PIPEFS_MAGIC	0x67596969

/*
 * File systems whose files are the kernel's own. To open one, or to read it, may
 * do something: /proc/kmsg takes the log's messages from whoever else reads it.
 */
static const u32 pseudo[] = {
	AAFS_MAGIC, ANON_INODE_FS_MAGIC, AUTOFS_SUPER_MAGIC, BINDERFS_SUPER_MAGIC,
	BINFMTFS_MAGIC, BPF_FS_MAGIC, CGROUP2_SUPER_MAGIC, CGROUP_SUPER_MAGIC,
	CONFIGFS_MAGIC, DEBUGFS_MAGIC, DEVMEM_MAGIC, DEVPTS_SUPER_MAGIC,
	DMA_BUF_MAGIC, EFIVARFS_MAGIC, FUSECTL_MAGIC, MQUEUE_MAGIC, NSFS_MAGIC,
	OPENPROM_SUPER_MAGIC, PIPEFS_MAGIC, PROC_SUPER_MAGIC, PSTOREFS_MAGIC,
	RDTGROUP_SUPER_MAGIC, RPC_PIPEFS_MAGIC, SECRETMEM_MAGIC,
	SECURITYFS_MAGIC, SELINUX_MAGIC, SMACK_MAGIC, SOCKFS_MAGIC, SYSFS_MAGIC,
	TRACEFS_MAGIC, XENFS_SUPER_MAGIC,
};

static bool is_pseudo(int place)
{
	struct statfs fs;
	size_t i;

	if (fstatfs(place, &fs))
		return true;
	for (i = 0; i < ARRAY_SIZE(pseudo); i++)
		if ((u32)fs.f_type == pseudo[i])
			return true;
	return false;
}

/* What it is, if it can be no image; NULL if it can. */
static const char *wrong_kind(int place)
{
	struct stat st;

	if (fstat(place, &st))
		return "a file that tells nothing of itself";
	switch (st.st_mode & S_IFMT) {
	case S_IFBLK:
		return NULL;
	case S_IFREG:
		return is_pseudo(place) ? "a file of the kernel's own" : NULL;
	case S_IFDIR:
		return "a directory";
	case S_IFCHR:
		return "a character device";
	case S_IFIFO:
		return "a pipe";
	case S_IFLNK:
		return "a symbolic link that the kernel will not follow";
	default:
		return "a socket";
	}
}

static int cannot_find(const char *path)
{
	int err = -errno;

	msg_err("%s: %s", path, strerror(-err));
	/* Of symbolic links; parents that form a circle are another matter. */
	return err == -ELOOP ? -ENOENT : err;
}

/**
 * place_find() - look a name up, and refuse what can be no image
 * @path: also /proc/self/fd/N or /dev/fd/N, which is the file of the descriptor
 * @place: the descriptor, to close; it can be neither read nor written
 *
 * Nothing is opened: not even a driver learns of it.
 *
 * Return: 0, or a negative errno after a message: -EISDIR for anything but a
 * regular file of a real file system and a block device.
 */
int place_find(const char *path, int *place)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	const char *kind;

	if (fd < 0)
		return cannot_find(path);
	kind = wrong_kind(fd);
	if (kind) {
		msg_err("%s: is %s, not an image file or block device", path,
			kind);
		close(fd);
		return -EISDIR;
	}
	*place = fd;
	return 0;
}

/**
 * place_find_at() - look a name up in a directory, without a word
 * @directory: where it begins
 * @path: relative; "" is the directory itself
 * @flags: as for open(2)
 * @resolve: RESOLVE_* of openat2(2)
 *
 * Return: a descriptor or a negative errno.
 */
int place_find_at(int directory, const char *path, u64 flags, u64 resolve)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = resolve,
	};
	int i, fd = -1;

	for (i = 0; i < LOOK_UPS_MAX && fd < 0; i++) {
		fd = (int)syscall(SYS_openat2, directory, *path ? path : ".",
				  &how, sizeof(how));
		if (fd < 0 && errno != EAGAIN && errno != EINTR)
			break;
	}
	return fd < 0 ? -errno : fd;
}

/**
 * place_is_image() - can it be an image?
 * @place: a descriptor
 *
 * Return: true for a regular file of a real file system, and a block device.
 */
bool place_is_image(int place)
{
	return !wrong_kind(place);
}

/**
 * place_path() - a path of it that nobody can change
 * @place: a descriptor
 * @path: filled in
 *
 * It serves the kernel as well, for this process, while @place is open.
 *
 * Return: @path.
 */
const char *place_path(int place, char path[PLACE_PATH_SIZE])
{
	snprintf(path, PLACE_PATH_SIZE, "/proc/self/fd/%d", place);
	return path;
}

/**
 * place_open() - open what was found
 * @place: of an image, as place_is_image() says
 * @flags: as for open(2)
 *
 * The access time is left alone, if that is permitted.
 *
 * Return: a descriptor of its own, or a negative errno: -ENOENT where the link
 * to the file is not there, for /proc is not.
 */
int place_open(int place, int flags)
{
	char path[PLACE_PATH_SIZE];
	int fd;

	place_path(place, path);
	flags |= O_CLOEXEC | O_NOCTTY;
	fd = open(path, flags | O_NOATIME);
	/* Only the owner may ask for that. */
	if (fd < 0 && errno == EPERM)
		fd = open(path, flags);
	return fd < 0 ? -errno : fd;
}

/**
 * place_name() - the name that it has now
 * @place: a descriptor
 * @otherwise: a name for where the kernel tells none
 *
 * Return: the absolute path, without symbolic links, for free(); " (deleted)"
 * follows a name that the file has no more. NULL without memory.
 */
char *place_name(int place, const char *otherwise)
{
	char path[PLACE_PATH_SIZE], name[PATH_MAX];
	ssize_t n = readlink(place_path(place, path), name, sizeof(name) - 1);

	if (n <= 0)
		return strdup(otherwise);
	name[n] = '\0';
	return strdup(name);
}

/**
 * place_same_stat() - test whether two results of stat() are of one file
 * @a: of a file
 * @b: of another one
 *
 * Return: true if they are of the same file, or of nodes of one block device.
 */
bool place_same_stat(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode))
		return S_ISBLK(b->st_mode) && a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/**
 * place_same() - are two of them the same file?
 * @a: a descriptor
 * @b: another one
 *
 * Return: true if they are.
 */
bool place_same(int a, int b)
{
	struct stat st_a, st_b;

	return !fstat(a, &st_a) && !fstat(b, &st_b) &&
	       place_same_stat(&st_a, &st_b);
}
