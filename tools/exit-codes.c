// SPDX-License-Identifier: GPL-2.0-only
#include "env.h"
#include "exit-codes.h"

static const struct {
	int err;
	enum vhdx_exit code;
	const char *word;
} codes[] = {
	{ EINVAL, EXIT_USAGE, "usage" },
	{ EUCLEAN, EXIT_CORRUPT, "corrupt" },
	{ EOPNOTSUPP, EXIT_CORRUPT, "not-supported" },
	{ EOVERFLOW, EXIT_CORRUPT, "not-supported" },
	{ EMEDIUMTYPE, EXIT_NOT_VHDX, "not-vhdx" },
	{ EISDIR, EXIT_NOT_VHDX, "not-vhdx" },
	{ ENOPARENT, EXIT_PARENT, "parent-missing" },
	{ ESTALE, EXIT_PARENT, "parent-mismatch" },
	{ ELOOP, EXIT_PARENT, "parent-loop" },
	{ EACCES, EXIT_PERMISSION, "permission-denied" },
	{ EPERM, EXIT_PERMISSION, "permission-denied" },
	{ ENOENT, EXIT_NOT_FOUND, "not-found" },
	{ ENOTDIR, EXIT_NOT_FOUND, "not-found" },
	{ ENAMETOOLONG, EXIT_NOT_FOUND, "not-found" },
	{ ENXIO, EXIT_NOT_FOUND, "not-found" },
	{ ENODEV, EXIT_NOT_FOUND, "not-found" },
	{ EBUSY, EXIT_BUSY, "in-use" },
	{ EEXIST, EXIT_BUSY, "exists" },
	{ ETXTBSY, EXIT_BUSY, "in-use" },
	{ ENOTARGET, EXIT_MODULE, "module" },
	{ EROFS, EXIT_PERMISSION, "permission-denied" },
	{ EIO, EXIT_IO, "io" },
	{ ENOSPC, EXIT_SPACE, "no-space" },
	{ EDQUOT, EXIT_SPACE, "no-space" },
	{ EFBIG, EXIT_SPACE, "no-space" },
	{ E2BIG, EXIT_SPACE, "no-space" },
	{ ETOOL, EXIT_TOOL, "tool-failed" },
	{ ERANGE, EXIT_TOO_MANY, "too-many" },
	{ EINTR, EXIT_INTERRUPTED, "interrupted" },
};

/**
 * exit_code() - convert an errno to an exit code
 * @err: 0, a negative errno, or an exit code, which is returned as it is
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

/**
 * exit_word() - convert an errno to a word, which is more specific than the
 * code
 * @err: a negative errno
 *
 * Return: a constant.
 */
const char *exit_word(int err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].err == -err)
			return codes[i].word;
	return "system";
}
