// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <unistd.h>

#include "file-lock.h"
#include "message.h"
#include "place.h"
#include "store-user.h"

/* Less than that is metadata, or a piece of a block. */
#define LENGTH_MIN	(64 * 1024)

/**
 * user_store_bypass() - have large reads and writes go past the page cache
 * @user: an open store, which one thread uses
 *
 * What is copied once takes the place of what others go on using, and each byte is
 * copied twice more. A store that cannot do direct I/O stays as it is. So does one on a
 * file server: when a client has lost its locks there, the kernel lets nothing be
 * written by a descriptor that has locked something, but by others it does.
 */
void user_store_bypass(struct user_store *user)
{
	int access = fcntl(user->fd, F_GETFL) & O_ACCMODE;

	if (user->direct >= 0 || user->uncached ||
	    (!user->device && file_is_remote(user->fd)))
		return;
	user->direct = place_open(user->fd, access | O_DIRECT);
	if (user->direct < 0)
		msg_debug("no direct I/O: %s", strerror(-user->direct));
}

/**
 * user_store_fd() - choose the descriptor for a read or a write
 * @user: the store
 * @pos: byte offset
 * @buf: the memory
 * @len: number of bytes
 *
 * Return: a descriptor. If an I/O by it fails and it is not @user->fd,
 * user_store_no_bypass() must follow, and another try: file systems have several errors
 * for direct I/O that they cannot do.
 */
int user_store_fd(const struct user_store *user, u64 pos, const void *buf,
		  size_t len)
{
	if (user->direct < 0 || len < LENGTH_MIN ||
	    (pos | (uintptr_t)buf | len) % USER_STORE_ALIGNMENT)
		return user->fd;
	return user->direct;
}

/**
 * user_store_no_bypass() - do without direct I/O from now on
 * @user: the store
 */
void user_store_no_bypass(struct user_store *user)
{
	if (user->direct >= 0)
		close(user->direct);
	user->direct = -1;
}
