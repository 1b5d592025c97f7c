// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sys/file.h>
#include <sys/vfs.h>

#include "file-lock.h"
#include "lock-bytes.h"

static bool qemu_byte_taken(int fd, u32 byte)
{
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = byte,
		.l_len = 1,
	};

	/* A file system without locks knows of no conflict. */
	return !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}

/* A failure here is a file system without locks: nobody else has any either. */
static void qemu_byte_take(int fd, u32 byte)
{
	struct flock lock = {
		.l_type = F_RDLCK,
		.l_whence = SEEK_SET,
		.l_start = byte,
		.l_len = 1,
	};

	(void)fcntl(fd, F_OFD_SETLK, &lock);
}

/*
 * A lease for reading is refused while anybody has the file open for writing;
 * one for writing, while anybody but us has it open for that at all.
 */
static bool open_elsewhere(int fd, bool writing)
{
	/* EACCES: not our file; EINVAL: no leases here. Neither tells. */
	if (fcntl(fd, F_SETLEASE, writing ? F_WRLCK : F_RDLCK))
		return errno == EAGAIN;
	/* Given back at once, or others would have to wait for us. */
	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
	return false;
}

static void qemu_take(int fd, bool writing)
{
	u32 i;

	for (i = 0; i < vhdx_lock_bytes(writing); i++)
		qemu_byte_take(fd, vhdx_lock_held[i]);
}

static bool qemu_conflict(int fd, bool writing)
{
	bool taken = false;
	u32 i;

	for (i = 0; i < vhdx_lock_bytes(writing) && !taken; i++)
		taken = qemu_byte_taken(fd, vhdx_lock_forbidden[i]);
	return taken;
}

static bool bytes_only(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && vhdx_lock_bytes_only((u32)fs.f_type);
}

static bool flock_conflict(int fd, bool writing)
{
	return !bytes_only(fd) &&
	       flock(fd, (writing ? LOCK_EX : LOCK_SH) | LOCK_NB) &&
	       errno == EWOULDBLOCK;
}

/* Who is in the way, now that what we have of locks is taken. */
static const char *who(int fd, bool locked, bool writing)
{
	if (locked)
		return "is locked by another program";
	if (qemu_conflict(fd, writing))
		return "is in use by QEMU, or by a program that locks as QEMU does";
	if (!bytes_only(fd) && open_elsewhere(fd, writing))
		return writing ? "is open elsewhere" :
				 "is open for writing elsewhere";
	return NULL;
}

/**
 * file_lock() - find who else uses a file, and keep away those who ask
 * @fd: a regular file, which the locks go with when it is closed
 * @writing: it is open for writing, too: others may not even read
 *
 * First take, then look: of two that do so, at least one sees the other.
 *
 * Return: NULL, or what is in the way, in words that follow the file's name.
 */
const char *file_lock(int fd, bool writing)
{
	bool locked = flock_conflict(fd, writing);

	qemu_take(fd, writing);
	return who(fd, locked, writing);
}

/**
 * file_in_use() - find who writes to a file, and keep nobody away
 * @fd: a regular file
 *
 * Return: as file_lock().
 */
const char *file_in_use(int fd)
{
	/* Only by taking it can flock() be asked. */
	bool locked = flock_conflict(fd, false);

	if (!bytes_only(fd))
		(void)flock(fd, LOCK_UN);
	return who(fd, locked, false);
}
