/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine's store in userspace: a file or a block device, with pread() and
 * pwrite().
 *
 * store-user.c APIs:
 *   user_store_open_place()	open the store of a file or device
 *   user_store_open()	look a name up, and open the store
 *   user_store_create()	make a new file for an image
 *   user_store_close()
 *   user_store_unlock()	drop the locks, and keep the file identified
 *   user_store_read_only()	find out why a store cannot be written
 *   user_store_same()	test whether two stores are one file
 *   user_store_is()	test whether a store is the file of a stat()
 *   user_store_pread()		read all that is asked for
 *   user_store_read()		the read operation of both kinds
 *   user_store_data()		find the next data of a file
 * store-bypass.c APIs:
 *   user_store_bypass()	have large reads and writes go past the page cache
 *   user_store_fd()		choose the descriptor for a read or a write
 *   user_store_no_bypass()	do without direct I/O
 * store-uncached.c APIs:
 *   user_store_read_past()	read a device past the page cache
 *   user_store_write_past()	write it past the page cache
 * store-user-write.c APIs:
 *   user_store_write_ops	the operations of a store that can be written
 *   user_store_pwrite()	write all that is given
 *   user_store_is_sparse()	test whether a file has holes
 *   user_store_fill()	give the holes of a file space
 */
#ifndef STORE_USER_H
#define STORE_USER_H

#include <sys/stat.h>

#include "store.h"

/* Of memory and offsets: direct I/O asks for the sector of the disk below, or the page. */
#define USER_STORE_ALIGNMENT	4096

/**
 * struct user_store - an open file or block device
 * @store: the store that the engine uses
 * @fd: descriptor, open for reading, and for writing with USER_WRITE; after
 *	user_store_unlock() an O_PATH descriptor
 * @direct: the same file, open for direct I/O, or -1
 * @dev: device of the file's file system, or the block device
 * @ino: inode number of the file; 0 for a block device
 * @device: the store is a block device
 * @uncached: @fd is open for direct I/O: the kernel has the device, too, and its bios
 *	neither see what is in the page cache nor change it
 * @no_holes: allocate space for each part that is added to the file, and free none
 * @in_use: a conflict with another user, in words that follow the path; or NULL
 */
struct user_store {
	struct vhdx_store store;
	int fd;
	int direct;
	dev_t dev;
	ino_t ino;
	bool device;
	bool uncached;
	bool no_holes;
	const char *in_use;
};

enum user_access {
	USER_PEEK,	/* read, without locks or tests for other users */
	USER_LOOK,	/* read, without locks; test for writers */
	USER_READ,	/* read, and lock writers out */
	USER_WRITE,	/* write, and lock all others out */
	USER_LENT,	/* write, while the kernel locks all others out */
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

void user_store_bypass(struct user_store *user);
int user_store_fd(const struct user_store *user, u64 pos, const void *buf,
		  size_t len);
void user_store_no_bypass(struct user_store *user);

int user_store_read_past(struct user_store *user, u64 pos, void *buf,
			 size_t len);
int user_store_write_past(struct user_store *user, u64 pos, const void *buf,
			  size_t len);

int user_store_pread(struct user_store *user, u64 pos, void *buf, size_t len);
int user_store_pwrite(struct user_store *user, u64 pos, const void *buf,
		      size_t len);
int user_store_read(struct vhdx_store *store, u64 pos, void *buf, size_t len);
u64 user_store_data(const struct user_store *user, u64 pos);
int user_store_is_sparse(const struct user_store *user);
int user_store_fill(struct user_store *user,
		    int (*step)(void *context, u64 done, u64 total),
		    void *context);
extern const struct vhdx_store_ops user_store_write_ops;

#endif /* STORE_USER_H */
