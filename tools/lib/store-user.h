/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine's store in userspace: a file or a block device, reached by
 * pread() and pwrite().
 *
 * store-user.c APIs:
 *   user_store_open_place()	open the bytes of an image that was found
 *   user_store_open()	find an image and open its bytes
 *   user_store_create()	make a new file for an image
 *   user_store_close()
 *   user_store_unlock()	give the locks back, and keep hold of the file
 *   user_store_read_only()	what keeps from writing?
 *   user_store_same()	are two stores the same file?
 *   user_store_is()	is a store the file that stat() tells of?
 *   user_store_read()		the read operation of both kinds
 * store-user-write.c APIs:
 *   user_store_write_ops	what can be done to an image's bytes
 *   user_store_is_sparse()	has a file holes?
 */
#ifndef STORE_USER_H
#define STORE_USER_H

#include <sys/stat.h>

#include "store.h"

/**
 * struct user_store - an open file or block device
 * @store: what the engine sees
 * @fd: open for reading, and for writing if that was asked for; after
 *	user_store_unlock() it only tells which file it is
 * @dev: where the file is, or the block device itself
 * @ino: which file; 0 for a block device
 * @device: it is a block device
 * @no_holes: a file that grows is to have space of its own for what is added
 * @in_use: who is in the way, in words that follow the path; NULL if nobody is
 */
struct user_store {
	struct vhdx_store store;
	int fd;
	dev_t dev;
	ino_t ino;
	bool device;
	bool no_holes;
	const char *in_use;
};

enum user_access {
	USER_PEEK,	/* read, whoever uses it */
	USER_LOOK,	/* read, and let others write meanwhile */
	USER_READ,	/* keep writers away */
	USER_WRITE,	/* keep everybody away */
};

int user_store_open_place(struct user_store *user, int place, const char *name,
			  enum user_access access);
int user_store_open(struct user_store *user, const char *path,
		    enum user_access access);
int user_store_create(struct user_store *user, const char *path);
void user_store_close(struct user_store *user);
int user_store_unlock(struct user_store *user);
const char *user_store_read_only(const struct user_store *user);
bool user_store_same(const struct user_store *a, const struct user_store *b);
bool user_store_is(const struct user_store *user, const struct stat *st);

int user_store_read(struct vhdx_store *store, u64 pos, void *buf, size_t len);
int user_store_is_sparse(const struct user_store *user);
extern const struct vhdx_store_ops user_store_write_ops;

#endif /* STORE_USER_H */
