/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Output as a tree: built once from json-c objects, printed either as JSON or
 * as text for people, so that the two never say different things.
 *
 * The key of a list is a plural. In text it becomes a singular before each
 * element, which is told by its place, from 0 on, or by its own member "number",
 * if it has one.
 *
 * In text, underscores of a key become spaces, and the key decides how a
 * number looks: keys that end in "offset" are hexadecimal; those that end in
 * "size", "length" or "bytes" get a unit as well.
 *
 * tree.c APIs:
 *   tree_new(), tree_list()	an object, an array
 *   tree_string(), tree_integer(), tree_boolean()	a value by itself
 *   tree_append()	put an element into an array
 *   tree_number(), tree_text(), tree_guid(), tree_flag(), tree_add()
 *				put a member into an object
 *   tree_print()		print as text
 *   tree_print_json()		print as JSON
 *   tree_free()
 *   tree_size_words()		a size with its unit
 *   tree_size_exact()		in the largest unit that divides it
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
