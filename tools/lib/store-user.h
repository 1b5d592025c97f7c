/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine's store in userspace: a file or a block device, read by pread().
 *
 * store-user.c APIs:
 *   user_store_open()	open an image's bytes, read-only
 *   user_store_close()
 *   user_store_same()	are two stores the same file?
 */
#ifndef STORE_USER_H
#define STORE_USER_H

#include <sys/types.h>

#include "store.h"

/**
 * struct user_store - an open file or block device
 * @store: what the engine sees
 * @fd: open for reading
 * @dev: where the file is, or the block device itself
 * @ino: which file; 0 for a block device
 * @in_use: what file_lock() found, NULL if nobody writes
 */
struct user_store {
	struct vhdx_store store;
	int fd;
	dev_t dev;
	ino_t ino;
	const char *in_use;
};

int user_store_open(struct user_store *user, const char *path);
void user_store_close(struct user_store *user);
bool user_store_same(const struct user_store *a, const struct user_store *b);

#endif /* STORE_USER_H */
