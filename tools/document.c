// SPDX-License-Identifier: GPL-2.0-only
#include <json-c/json.h>

#include "console.h"
#include "document.h"
#include "exit-codes.h"

#define FORMAT	"vhdxsetup"
#define INDENT	2
/* Limit: a hostile image can cause any number; standard error has all. */
#define SAID_MAX	16

/**
 * struct document - the document under way
 * @begun: document_begin() was called
 * @verb: verb that prints it
 * @members: members printed so far
 * @in_list: between document_list() and document_list_end()
 * @elements: elements of that list printed so far
 * @incomplete: a list ended early
 * @errors: error messages that are in no "error" object yet
 * @warnings: all warnings
 * @error: "error" object to end with, if the verb gave one
 */
struct document {
	bool begun;
	const char *verb;
	u32 members;
	bool in_list;
	u64 elements;
	bool incomplete;
	struct json_object *errors;
	struct json_object *warnings;
	struct json_object *error;
};

static struct document doc;

static void remember(struct json_object *list, const char *text)
{
	if (json_object_array_length(list) < SAID_MAX)
		tree_append(list, tree_string(text));
}

static void hear(bool is_error, const char *text)
{
	remember(is_error ? doc.errors : doc.warnings, text);
}

/**
 * document_begin() - begin the document, and collect messages from then on
 * @verb: the verb, a constant, or NULL if the command line has none
 */
void document_begin(const char *verb)
{
	doc.begun = true;
	doc.verb = verb;
	doc.errors = tree_list();
	doc.warnings = tree_list();
	console_listen(hear);
}

/* Print what precedes the value of a member. */
static void print_key(const char *key)
{
	printf("%s\n%*s\"%s\": ", doc.members++ ? "," : "{", INDENT, "", key);
}

static void print_member(const char *key, struct json_object *value)
{
	print_key(key);
	tree_print_json(value, INDENT, false);
	tree_free(value);
}

/* Delay this until more follows, so that messages on a terminal come first. */
static void print_head(void)
{
	if (doc.members)
		return;
	print_member("format", tree_string(FORMAT));
	print_member("format_version", tree_integer(DOCUMENT_VERSION));
	print_member("verb", doc.verb ? tree_string(doc.verb) : NULL);
}

/**
 * document_put() - print a member
 * @key: name of the member
 * @value: the member, which is freed; NULL becomes null
 *
 * Context: not between document_list() and document_list_end().
 */
void document_put(const char *key, struct json_object *value)
{
	print_head();
	print_member(key, value);
}

/**
 * document_take() - print all members of an object
 * @object: the object, which is freed
 * @json: there is a document; otherwise print the object as text
 *
 * Context: as document_put().
 */
void document_take(struct json_object *object, bool json)
{
	if (json) {
		json_object_object_foreach(object, key, value)
			document_put(key, json_object_get(value));
	} else {
		tree_print(object);
	}
	tree_free(object);
}

/**
 * document_list() - begin a member that is a list
 * @key: name of the member
 *
 * Context: not inside another list.
 */
void document_list(const char *key)
{
	print_head();
	print_key(key);
	putchar('[');
	doc.in_list = true;
	doc.elements = 0;
}

/**
 * document_element() - print an element of the list, on a line of its own
 * @element: the element, which is freed
 */
void document_element(struct json_object *element)
{
	printf("%s\n%*s", doc.elements++ ? "," : "", 2 * INDENT, "");
	tree_print_json(element, 2 * INDENT, true);
	tree_free(element);
}

/**
 * document_list_end() - end the list
 * @complete: the list has all its elements; otherwise the document says that it
 *	is incomplete
 */
void document_list_end(bool complete)
{
	if (doc.elements)
		printf("\n%*s", INDENT, "");
	putchar(']');
	doc.in_list = false;
	doc.incomplete |= !complete;
}

/* The first message names the failure; later ones add details. */
static void add_message(struct json_object *error, int err,
			const char *otherwise)
{
	struct json_object *details = tree_list();
	size_t i, count = json_object_array_length(doc.errors);

	if (count)
		tree_add(error, "message",
			 json_object_get(json_object_array_get_idx(doc.errors,
								   0)));
	else
		tree_text(error, "message",
			  otherwise ? otherwise : strerror(-err));
	for (i = 1; i < count; i++)
		tree_append(details,
			    json_object_get(json_object_array_get_idx(doc.errors,
								      i)));
	if (count > 1)
		tree_add(error, "details", details);
	else
		tree_free(details);
}

/**
 * document_error() - make an "error" object from the latest messages
 * @err: the negative errno
 * @otherwise: sentence to use if there was no message since the last such
 *	object, or NULL
 *
 * Return: the object, for a tree that it is put into or tree_free().
 */
struct json_object *document_error(int err, const char *otherwise)
{
	struct json_object *error = tree_new();

	tree_text(error, "code", exit_word(err));
	tree_number(error, "exit", (u64)exit_code(err));
	add_message(error, err, otherwise);
	tree_free(doc.errors);
	doc.errors = tree_list();
	return error;
}

/**
 * document_fail() - set the "error" object that the document ends with
 * @error: from document_error(); takes a reference. The last call counts, and
 *	NULL clears it.
 */
void document_fail(struct json_object *error)
{
	tree_free(doc.error);
	doc.error = json_object_get(error);
}

static void put_error(int err)
{
	if (!doc.error)
		doc.error = document_error(err, NULL);
	document_put("error", doc.error);
	doc.error = NULL;
}

/**
 * document_end() - print the end, if there is a document
 * @err: result of the verb: 0, an exit code that is a verdict, or the negative
 *	errno of a failure
 */
void document_end(int err)
{
	if (!doc.begun)
		return;
	console_listen(NULL);
	if (doc.in_list)
		document_list_end(false);
	if (doc.incomplete)
		document_put("incomplete", tree_boolean(true));
	if (json_object_array_length(doc.warnings))
		document_put("warnings", json_object_get(doc.warnings));
	document_put("exit", tree_integer((u64)exit_code(err)));
	if (err < 0)
		put_error(err);
	printf("\n}\n");
	tree_free(doc.error);
	tree_free(doc.errors);
	tree_free(doc.warnings);
	doc.begun = false;
}
