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

/* openat2() fails with EAGAIN while somebody renames directories. */
#define LOOK_UPS_MAX	16

/* linux/magic.h of Debian 12 lacks these. */
#define CONFIGFS_MAGIC	0x62656570
#define FUSECTL_MAGIC	0x65735543
#define MQUEUE_MAGIC	0x19800202
#define RPC_PIPEFS_MAGIC	0x67596969

/*
 * File systems with files of the kernel. Opening or reading one may have side
 * effects: reading /proc/kmsg takes messages from its other readers.
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

/* Return what the file is if it cannot be an image, or NULL. */
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
	/*
	 * A cycle of symbolic links. The caller's ELOOP is for a cycle of
	 * parents.
	 */
	return err == -ELOOP ? -ENOENT : err;
}

/**
 * place_find() - look a name up, and refuse what cannot be an image
 * @path: the name; /proc/self/fd/N and /dev/fd/N stand for the file of that
 *	descriptor
 * @place: set to an O_PATH descriptor, which the caller closes
 *
 * Opens nothing, so no driver is called.
 *
 * Return: 0, or a negative errno after a message: -EISDIR for anything but a
 * regular file of a real file system or a block device.
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
 * place_find_at() - look a name up in a directory, without a message
 * @directory: descriptor of the directory
 * @path: relative path; "" is the directory itself
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
 * place_list() - open a directory whose files are looked at
 * @path: path of the directory; if a part of it is a symbolic link, this fails
 *
 * Return: the directory, for closedir(), or NULL with errno set.
 */
DIR *place_list(const char *path)
{
	int fd = place_find_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY,
			       RESOLVE_NO_SYMLINKS);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd < 0) {
		errno = -fd;
	} else if (!dir) {
		close(fd);
		errno = ENOMEM;
	}
	return dir;
}

/**
 * place_entry() - look up a regular file of a directory, without a message
 * @dir: from place_list()
 * @name: name of the entry
 *
 * Whoever may write to the directory could have put a symbolic link there, to a
 * file that only the caller may read. No link is followed.
 *
 * Return: an O_PATH descriptor, which the caller closes, or -1 for anything but a
 * regular file of a real file system that the caller may read.
 */
int place_entry(DIR *dir, const char *name)
{
	int place = place_find_at(dirfd(dir), name, O_PATH,
				  RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
	char path[PLACE_PATH_SIZE];
	struct stat st;

	if (place < 0)
		return -1;
	if (!fstat(place, &st) && S_ISREG(st.st_mode) &&
	    place_is_image(place) && !access(place_path(place, path), R_OK))
		return place;
	close(place);
	return -1;
}

/**
 * place_is_image() - test whether a file can be an image
 * @place: a descriptor
 *
 * Return: true for a regular file of a real file system, or a block device.
 */
bool place_is_image(int place)
{
	return !wrong_kind(place);
}

/**
 * place_path() - make a path that always leads to the file
 * @place: a descriptor
 * @path: filled in
 *
 * The path is /proc/self/fd/N. It is valid in system calls of this process,
 * while @place is open.
 *
 * Return: @path.
 */
const char *place_path(int place, char path[PLACE_PATH_SIZE])
{
	snprintf(path, PLACE_PATH_SIZE, "/proc/self/fd/%d", place);
	return path;
}

/**
 * place_open() - open the file of a descriptor
 * @place: a descriptor for which place_is_image() is true
 * @flags: as for open(2)
 *
 * Does not change the access time, if that is permitted.
 *
 * Return: a new descriptor, or a negative errno: -ENOENT if /proc is not
 * mounted.
 */
int place_open(int place, int flags)
{
	char path[PLACE_PATH_SIZE];
	int fd;

	place_path(place, path);
	flags |= O_CLOEXEC | O_NOCTTY;
	fd = open(path, flags | O_NOATIME);
	/* Only the owner may use O_NOATIME. */
	if (fd < 0 && errno == EPERM)
		fd = open(path, flags);
	return fd < 0 ? -errno : fd;
}

/**
 * place_name() - find the present name of a file
 * @place: a descriptor
 * @otherwise: name to use if /proc has none
 *
 * Return: the absolute path, without symbolic links, for free(); " (deleted)"
 * follows the name of a deleted file. NULL without memory.
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
 * @a: a result
 * @b: another one
 *
 * Return: true if both are of one file, or of nodes of one block device.
 */
bool place_same_stat(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode))
		return S_ISBLK(b->st_mode) && a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/**
 * place_same() - test whether two descriptors are of one file
 * @a: a descriptor
 * @b: another one
 *
 * Return: as place_same_stat().
 */
bool place_same(int a, int b)
{
	struct stat st_a, st_b;

	return !fstat(a, &st_a) && !fstat(b, &st_b) &&
	       place_same_stat(&st_a, &st_b);
}
