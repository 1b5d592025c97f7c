/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes that need not be written.
 *
 * zeros.h APIs:
 *   all_zeros()	are all bytes zero?
 */
#ifndef ZEROS_H
#define ZEROS_H

#include "env.h"

/**
 * all_zeros() - are all bytes of a buffer zero?
 * @buf: the bytes
 * @length: how many, above 0
 *
 * Return: true if they are.
 */
static inline bool all_zeros(const void *buf, u64 length)
{
	const u8 *bytes = buf;

	return !*bytes && !memcmp(bytes, bytes + 1, length - 1);
}

#endif /* ZEROS_H */
