/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Output as a tree of json-c objects. The same tree is printed as JSON or as
 * text for people, so that the two never differ.
 *
 * The key of a list is a plural. Text has its singular before each element,
 * with the member "number" of the element, or else its index from 0 on.
 *
 * In text, underscores of a key become spaces, and the key decides the form of
 * a number: one whose key ends in "offset" is hexadecimal; one whose key ends
 * in "size", "length", "bytes" or "bytes_per_second" has a unit as well.
 *
 * tree.c APIs:
 *   tree_new(), tree_list()	make an object, an array
 *   tree_string(), tree_integer(), tree_boolean()	make a value
 *   tree_append()	append an element to an array
 *   tree_number(), tree_text(), tree_guid(), tree_flag(), tree_add()
 *				put a member into an object
 *   tree_print()		print as text
 *   tree_print_json()		print as JSON
 *   tree_free()
 *   tree_size_words()		convert a size to words with a unit
 *   tree_size_exact()		convert it to the largest unit that divides it
 */
#ifndef TREE_H
#define TREE_H

#include "report.h"

struct json_object;	/* json-c's */

struct json_object *tree_new(void);
struct json_object *tree_list(void);
void tree_number(struct json_object *object, const char *key, u64 value);
void tree_text(struct json_object *object, const char *key, const char *value);
void tree_guid(struct json_object *object, const char *key,
	       const guid_t *value);
void tree_flag(struct json_object *object, const char *key, bool value);
void tree_add(struct json_object *object, const char *key,
	      struct json_object *value);
struct json_object *tree_string(const char *value);
struct json_object *tree_integer(u64 value);
struct json_object *tree_boolean(bool value);
void tree_append(struct json_object *list, struct json_object *value);
void tree_print(struct json_object *object);
void tree_print_json(struct json_object *object, int indent, bool line);
void tree_free(struct json_object *object);
u64 tree_size_exact(u64 bytes, const char **unit);
const char *tree_size_words(u64 bytes, char *buf, size_t size);

#endif /* TREE_H */
