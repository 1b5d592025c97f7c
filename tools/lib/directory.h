/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directory of a file that is created or removed.
 *
 * directory.c APIs:
 *   directory_sync()	make the creation or removal of a file durable
 *   directory_keep()	make the name of a file durable, or say why not
 *   directory_check()	check that a file can be removed
 */
#ifndef DIRECTORY_H
#define DIRECTORY_H

int directory_sync(const char *path);
int directory_keep(const char *path);
int directory_check(const char *path);

#endif /* DIRECTORY_H */
