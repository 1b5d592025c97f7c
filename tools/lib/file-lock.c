// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <signal.h>
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

	/* A file system without locks reports no conflict. */
	return !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}

/* If this fails, the file system has no locks, so nobody else has any. */
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
 * The kernel refuses a read lease while anybody has the file open for writing,
 * and a write lease while anybody else has it open.
 */
static bool open_elsewhere(int fd, bool writing)
{
	/*
	 * Who opens the file now breaks the lease, and the kernel tells us by a
	 * signal. SIGIO would end a program that does not expect it; SIGURG is
	 * ignored unless it is caught.
	 */
	(void)fcntl(fd, F_SETSIG, SIGURG);
	/*
	 * EACCES: another's file; EINVAL: no leases here. Neither is a
	 * conflict.
	 */
	if (fcntl(fd, F_SETLEASE, writing ? F_WRLCK : F_RDLCK))
		return errno == EAGAIN;
	/* Give the lease back at once: others would wait for it. */
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

/**
 * file_is_remote() - test whether a file is one of a file server's
 * @fd: descriptor of the file
 *
 * Return: true if it is, as far as that is known: see vhdx_lock_bytes_only().
 */
bool file_is_remote(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && vhdx_lock_bytes_only((u32)fs.f_type);
}

static bool flock_conflict(int fd, bool writing)
{
	return !file_is_remote(fd) &&
	       flock(fd, (writing ? LOCK_EX : LOCK_SH) | LOCK_NB) &&
	       errno == EWOULDBLOCK;
}

/* Look for others, now that our own locks are taken. */
static const char *who(int fd, bool locked, bool writing)
{
	if (locked)
		return "is locked by another program";
	if (qemu_conflict(fd, writing))
		return "is in use by QEMU, or by a program that locks as QEMU does";
	if (!file_is_remote(fd) && open_elsewhere(fd, writing))
		return writing ? "is open elsewhere" :
				 "is open for writing elsewhere";
	return NULL;
}

/**
 * file_lock() - lock a file, and find other users of it
 * @fd: a regular file; closing it drops the locks
 * @writing: the file is open for writing, so others may not even read
 *
 * Takes the locks first and looks for others then, so that of two programs that
 * do this at the same time, at least one sees the other.
 *
 * Return: NULL, or a conflict in words that follow the file's name.
 */
const char *file_lock(int fd, bool writing)
{
	bool locked = flock_conflict(fd, writing);

	qemu_take(fd, writing);
	return who(fd, locked, writing);
}

/**
 * file_in_use() - find writers of a file, without locking it
 * @fd: a regular file
 *
 * Return: as file_lock().
 */
const char *file_in_use(int fd)
{
	/* flock() has no test: take the lock to see whether it is free. */
	bool locked = flock_conflict(fd, false);

	if (!file_is_remote(fd))
		(void)flock(fd, LOCK_UN);
	return who(fd, locked, false);
}
