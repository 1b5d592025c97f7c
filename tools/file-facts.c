// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "file-facts.h"

/**
 * file_facts() - ask the file system about a file
 * @file: an open file, no device
 * @facts: filled in
 *
 * Does not use SEEK_HOLE, which reports reserved space as a hole.
 *
 * Return: 0 or a negative errno.
 */
int file_facts(const struct user_store *file, struct file_facts *facts)
{
	struct statx st;
	int flags = 0;

	if (statx(file->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st))
		return -errno;
	/* A file system without flags has neither. */
	if (ioctl(file->fd, FS_IOC_GETFLAGS, &flags))
		flags = 0;
	*facts = (struct file_facts){
		.usage = (u64)st.stx_blocks * 512,
		.compressed = st.stx_attributes & STATX_ATTR_COMPRESSED ||
			      flags & FS_COMPR_FL,
		.encrypted = st.stx_attributes & STATX_ATTR_ENCRYPTED,
	};
	if (!facts->compressed && st.stx_size > facts->usage)
		facts->holes = st.stx_size - facts->usage;
	return 0;
}

/**
 * file_facts_refusal() - find out why Windows would not attach a file
 * @facts: from file_facts()
 *
 * Windows refuses a VHDX file that is sparse, compressed or encrypted. A copy
 * that keeps the holes of this file is sparse there.
 *
 * Return: the reason in words that follow "the file", or NULL.
 */
const char *file_facts_refusal(const struct file_facts *facts)
{
	if (facts->compressed)
		return "is compressed";
	if (facts->encrypted)
		return "is encrypted";
	return facts->holes ? "has holes" : NULL;
}
