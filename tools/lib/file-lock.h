/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks that keep other programs from an image, and tests for theirs.
 *
 * No single test is complete, so there are three: flock(), which many tools
 * take; the byte ranges that QEMU locks; and a lease, which the kernel refuses
 * while anybody has the file open for writing. On network file systems only the
 * byte ranges work, see lock-bytes.h.
 *
 * file-lock.c APIs:
 *   file_lock()	lock a file, and find other users of it
 *   file_in_use()	find writers of a file
 *   file_is_remote()	test whether a file is one of a file server's
 */
#ifndef FILE_LOCK_H
#define FILE_LOCK_H

#include "env.h"

const char *file_lock(int fd, bool writing);
const char *file_in_use(int fd);
bool file_is_remote(int fd);

#endif /* FILE_LOCK_H */
