/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The JSON that a verb prints: one document, whatever happens.
 *
 * main() begins it, where --json was given, and ends it with the exit code and,
 * if the verb failed, an object "error". In between, the verb puts in its own
 * members. A list that may be long goes out element by element; one that the
 * verb did not end marks the document as incomplete.
 *
 * Documentation/vhdxsetup-json.rst and vhdxsetup.schema.json, which stands
 * beside it, describe each member. A test holds them against the code.
 *
 * document.c APIs:
 *   document_begin()	begin it, and hear messages from then on
 *   document_put()	a member
 *   document_take()	all members of an object, or the object as text
 *   document_list()	begin a member that is a list
 *   document_element()	one element of it
 *   document_list_end()	end it
 *   document_error()	an "error" object, made of what was said
 *   document_fail()	the "error" object that the document ends with
 *   document_end()	print the end
 */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include "tree.h"

/* Grows when a member goes, or changes its name or its meaning. */
#define DOCUMENT_VERSION	1

void document_begin(const char *verb);
void document_put(const char *key, struct json_object *value);
void document_take(struct json_object *object, bool json);
void document_list(const char *key);
void document_element(struct json_object *element);
void document_list_end(bool complete);
struct json_object *document_error(int err, const char *otherwise);
void document_fail(struct json_object *error);
void document_end(int err);

#endif /* DOCUMENT_H */
