// SPDX-License-Identifier: GPL-2.0-only
/*
 * Escaping of untrusted texts, for the kernel log and for terminals.
 *
 * The name of a file may contain a line feed, and the rest of the name would
 * look like another message of the kernel.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "printable.h"

/* The length of an escape: a backslash and three octal digits. */
#define ESCAPED		4

static size_t width(char c)
{
	return vhdx_is_printable(c) ? 1 : ESCAPED;
}

/**
 * vhdx_printable() - escape what is not printable ASCII
 * @to: receives the text, with \ooo for every other byte
 * @size: bytes in @to, at least 1; the text is truncated to fit, but no escape
 *	is split
 * @text: the text
 *
 * Context: any.
 * Return: length of the whole text, without the terminating NUL.
 */
size_t vhdx_printable(char *to, size_t size, const char *text)
{
	size_t all = 0, used = 0;

	for (; *text; text++) {
		all += width(*text);
		if (all >= size)
			continue;
		if (vhdx_is_printable(*text))
			to[used] = *text;
		else
			snprintf(to + used, size - used, "\\%03o",
				 (unsigned char)*text);
		used = all;
	}
	to[used] = '\0';
	return all;
}

/**
 * vhdx_printable_dup() - copy a text, and escape what is not printable ASCII
 * @text: the text
 * @gfp: flags of the allocation
 *
 * Return: the text with \ooo for every other byte, to be freed by kfree(), or
 * NULL.
 */
char *vhdx_printable_dup(const char *text, gfp_t gfp)
{
	size_t size = ESCAPED * strlen(text) + 1;
	char *copy = kmalloc(size, gfp);

	if (copy)
		vhdx_printable(copy, size, text);
	return copy;
}
