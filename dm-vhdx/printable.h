/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Texts of strangers, for the kernel's log and for terminals.
 *
 * printable.c APIs:
 *   vhdx_printable()	escape what is not printable ASCII
 *   vhdx_printable_dup()	likewise, in memory of its own
 * printable.h APIs:
 *   vhdx_is_printable()	can a byte be shown as it is?
 */
#ifndef VHDX_PRINTABLE_H
#define VHDX_PRINTABLE_H

#include <linux/types.h>

size_t vhdx_printable(char *to, size_t size, const char *text);
char *vhdx_printable_dup(const char *text, gfp_t gfp);

/**
 * vhdx_is_printable() - can a byte be shown as it is?
 * @c: the byte
 *
 * Bytes from 0x80 on are letters to one reader, and the control characters of a
 * terminal to another.
 *
 * Return: whether it is printable ASCII, or a space.
 */
static inline bool vhdx_is_printable(char c)
{
	return c >= ' ' && c <= '~';
}

#endif /* VHDX_PRINTABLE_H */
