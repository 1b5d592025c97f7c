// SPDX-License-Identifier: GPL-2.0-only
#include "env.h"
#include "exit-codes.h"

static const struct {
	int err;
	enum vhdx_exit code;
} codes[] = {
	{ EINVAL, EXIT_USAGE },
	{ EUCLEAN, EXIT_CORRUPT },
	{ EOPNOTSUPP, EXIT_CORRUPT },
	{ EOVERFLOW, EXIT_CORRUPT },
	{ EMEDIUMTYPE, EXIT_NOT_VHDX },
	{ EISDIR, EXIT_NOT_VHDX },
	{ ENOPARENT, EXIT_PARENT },
	{ ESTALE, EXIT_PARENT },
	{ ELOOP, EXIT_PARENT },
	{ EACCES, EXIT_PERMISSION },
	{ EPERM, EXIT_PERMISSION },
	{ ENOENT, EXIT_NOT_FOUND },
	{ ENOTDIR, EXIT_NOT_FOUND },
	{ ENAMETOOLONG, EXIT_NOT_FOUND },
	{ ENXIO, EXIT_NOT_FOUND },
	{ ENODEV, EXIT_NOT_FOUND },
	{ EBUSY, EXIT_BUSY },
	{ EEXIST, EXIT_BUSY },
	{ ETXTBSY, EXIT_BUSY },
	{ ENOTARGET, EXIT_MODULE },
	{ EROFS, EXIT_PERMISSION },
	{ EIO, EXIT_IO },
	{ ENOSPC, EXIT_SPACE },
	{ EDQUOT, EXIT_SPACE },
	{ EFBIG, EXIT_SPACE },
	{ EINTR, EXIT_INTERRUPTED },
};

/**
 * exit_code() - the exit code for an errno
 * @err: 0, a negative errno, or an exit code already, which stays
 *
 * Return: enum vhdx_exit.
 */
int exit_code(int err)
{
	size_t i;

	if (err >= 0)
		return err;
	for (i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].err == -err)
			return codes[i].code;
	return EXIT_SYSTEM;
}
