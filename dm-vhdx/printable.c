// SPDX-License-Identifier: GPL-2.0-only
/*
 * Texts of strangers, for the kernel's log and for terminals.
 *
 * The name of a file may have line feeds, and what follows one would pass for a
 * line of the kernel's own.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "printable.h"

/* A backslash and three octal digits. */
#define ESCAPED		4

static size_t width(char c)
{
	return vhdx_is_printable(c) ? 1 : ESCAPED;
}

/**
 * vhdx_printable() - escape what is not printable ASCII
 * @to: gets the text, with \ooo for every other byte
 * @size: bytes in @to, at least 1; what does not fit is cut off, with no escape
 *	cut in two
 * @text: the text
 *
 * Context: any.
 * Return: bytes that all of it takes, without the 0 at its end.
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
 * vhdx_printable_dup() - escape what is not printable ASCII
 * @text: the text
 * @gfp: of the memory
 *
 * Return: the text with \ooo for every other byte, for kfree(), or NULL.
 */
char *vhdx_printable_dup(const char *text, gfp_t gfp)
{
	size_t size = ESCAPED * strlen(text) + 1;
	char *copy = kmalloc(size, gfp);

	if (copy)
		vhdx_printable(copy, size, text);
	return copy;
}
