/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copy a part of the file to another place of the same file. Zeros are not
 * written: they become a hole at the new place, if the image may have holes.
 *
 * copy.c APIs:
 *   vhdx_copy_range()	read a range, and put it elsewhere
 * copy.h APIs:
 *   vhdx_zeros()	test whether bytes are zeros
 */
#ifndef VHDX_COPY_H
#define VHDX_COPY_H

#include "image.h"

/* Zeros of this size and alignment are not written. */
#define VHDX_COPY_PIECE		(64 * VHDX_KIB)

/**
 * vhdx_zeros() - test whether bytes are zeros
 * @bytes: the bytes
 * @len: how many, above 0
 *
 * Return: true if all of them are.
 */
static inline bool vhdx_zeros(const u8 *bytes, u64 len)
{
	return !bytes[0] && !memcmp(bytes, bytes + 1, len - 1);
}

int vhdx_copy_range(const struct vhdx_image *image, u64 from, u64 to,
		    void *data, u64 len);

#endif /* VHDX_COPY_H */
