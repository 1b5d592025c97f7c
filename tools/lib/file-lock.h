/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is an image in use by somebody whom we would harm, or who would harm us; and
 * let others know what we do.
 *
 * Three signs are looked at, for no single one is complete: flock(), which
 * many tools take; the byte ranges that QEMU locks; and a lease, which the
 * kernel refuses while anybody has the file open for writing. On network file
 * systems it is the bytes alone, see lock-bytes.h.
 *
 * file-lock.c APIs:
 *   file_lock()	look, and lock against those who ask
 *   file_in_use()	look only
 */
#ifndef FILE_LOCK_H
#define FILE_LOCK_H

#include "env.h"

const char *file_lock(int fd, bool writing);
const char *file_in_use(int fd);

#endif /* FILE_LOCK_H */
