// SPDX-License-Identifier: GPL-2.0-only
#include <strings.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

#include "names.h"

/*
 * Return the form of a name that comparisons use, for free(), or NULL if the
 * name is not UTF-8. Characters are decomposed, as macOS writes names, and each
 * is in upper case, as NTFS maps it.
 */
static uint32_t *comparable(const char *name, size_t *count)
{
	uint32_t *characters, *parts;
	size_t i;

	characters = u8_to_u32((const uint8_t *)name, strlen(name), NULL,
			       count);
	if (!characters)
		return NULL;
	parts = u32_normalize(UNINORM_NFD, characters, *count, NULL, count);
	free(characters);
	for (i = 0; parts && i < *count; i++)
		parts[i] = uc_toupper(parts[i]);
	return parts;
}

/**
 * name_like() - test whether names differ only in case and composition
 * @a: a name, without directories
 * @b: another name
 *
 * Windows ignores case, and a copy by way of macOS decomposes characters. Names
 * that are not UTF-8 may differ in the case of ASCII letters only.
 *
 * Return: true if Windows or macOS takes them for the same name.
 */
bool name_like(const char *a, const char *b)
{
	size_t a_count = 0, b_count = 0;
	uint32_t *a_parts, *b_parts;
	bool like;

	if (!strcasecmp(a, b))
		return true;
	a_parts = comparable(a, &a_count);
	b_parts = comparable(b, &b_count);
	like = a_parts && b_parts && a_count == b_count &&
	       !memcmp(a_parts, b_parts, a_count * sizeof(*a_parts));
	free(a_parts);
	free(b_parts);
	return like;
}
