/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The JSON document of a verb. A verb prints exactly one, even if it fails.
 *
 * With --json, main() begins the document, and ends it with the exit code and,
 * after a failure, an "error" object. In between, the verb prints its members.
 * Elements of a long list are printed one by one; a list that the verb did not
 * end marks the document as incomplete.
 *
 * Documentation/vhdxsetup-json.rst and Documentation/vhdxsetup.schema.json
 * describe each member. A test compares them with the output.
 *
 * document.c APIs:
 *   document_begin()	begin the document, and collect messages from then on
 *   document_put()	print a member
 *   document_take()	print all members of an object, or the object as text
 *   document_list()	begin a member that is a list
 *   document_element()	print an element of the list
 *   document_list_end()	end the list
 *   document_error()	make an "error" object from the latest messages
 *   document_fail()	set the "error" object that the document ends with
 *   document_end()	print the end
 */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include "tree.h"

/* Increased when a member is removed, or changes its name or meaning. */
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
