// SPDX-License-Identifier: GPL-2.0-only
#include <json-c/json.h>

#include "message.h"
#include "report.h"
#include "tree.h"

#define JSON_FLAGS	(JSON_C_TO_STRING_SPACED | \
			 JSON_C_TO_STRING_NOSLASHESCAPE)
#define INDENT		2
#define LABEL_WIDTH	26
#define NUMBER_KEY	"number"

/* Die without memory: output is small, and half of it would mislead. */
static struct json_object *must(struct json_object *object)
{
	if (!object) {
		msg_err("out of memory");
		abort();
	}
	return object;
}

/**
 * tree_new() - make an object without members
 *
 * Return: the object, for tree_free() or a tree that it is put into.
 */
struct json_object *tree_new(void)
{
	return must(json_object_new_object());
}

/**
 * tree_list() - make an array without elements
 *
 * Return: the array, to put into a tree.
 */
struct json_object *tree_list(void)
{
	return must(json_object_new_array());
}

/**
 * tree_string() - make a text value
 * @value: the text
 *
 * A path can have any byte, but JSON is UTF-8: other bytes become \xNN.
 *
 * Return: the value, to put into a tree.
 */
struct json_object *tree_string(const char *value)
{
	struct json_object *object;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	while (out && *value) {
		size_t length = vhdx_character((const u8 *)value);

		if (!length && (*value & 0x80))
			fprintf(out, "\\x%02x", (u8)*value);
		else
			fwrite(value, max_t(size_t, length, 1), 1, out);
		value += max_t(size_t, length, 1);
	}
	if (out)
		fclose(out);
	object = must(text ? json_object_new_string(text) : NULL);
	free(text);
	return object;
}

/**
 * tree_integer() - make a number value
 * @value: the number
 *
 * Return: the value, to put into a tree.
 */
struct json_object *tree_integer(u64 value)
{
	return must(json_object_new_uint64(value));
}

/**
 * tree_boolean() - make a boolean value
 * @value: the boolean
 *
 * Return: the value, to put into a tree.
 */
struct json_object *tree_boolean(bool value)
{
	return must(json_object_new_boolean(value));
}

/**
 * tree_add() - put a member into an object
 * @object: the object
 * @key: name of the member
 * @value: the member; @object takes it over
 */
void tree_add(struct json_object *object, const char *key,
	      struct json_object *value)
{
	json_object_object_add(object, key, value);
}

/**
 * tree_append() - append an element to an array
 * @list: the array
 * @value: the element; @list takes it over
 */
void tree_append(struct json_object *list, struct json_object *value)
{
	json_object_array_add(list, value);
}

/**
 * tree_number() - put a number into an object
 * @object: the object
 * @key: name of the member, which decides its form in text
 * @value: the number
 */
void tree_number(struct json_object *object, const char *key, u64 value)
{
	tree_add(object, key, tree_integer(value));
}

/**
 * tree_text() - put text into an object
 * @object: the object
 * @key: name of the member
 * @value: the text; NULL becomes null
 */
void tree_text(struct json_object *object, const char *key, const char *value)
{
	tree_add(object, key, value ? tree_string(value) : NULL);
}

/**
 * tree_guid() - put a GUID into an object
 * @object: the object
 * @key: name of the member
 * @value: the GUID
 */
void tree_guid(struct json_object *object, const char *key, const guid_t *value)
{
	char text[VHDX_GUID_TEXT_SIZE];

	tree_text(object, key, vhdx_guid_text(value, text));
}

/**
 * tree_flag() - put a boolean into an object
 * @object: the object
 * @key: name of the member
 * @value: the boolean
 */
void tree_flag(struct json_object *object, const char *key, bool value)
{
	tree_add(object, key, tree_boolean(value));
}

static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB",
				     "PiB", "EiB" };

/**
 * tree_size_exact() - convert a size to the largest unit that divides it
 * @bytes: the size
 * @unit: set to the unit
 *
 * Return: the size in that unit.
 */
u64 tree_size_exact(u64 bytes, const char **unit)
{
	size_t i = 0;

	while (bytes && !(bytes % 1024) && i + 1 < ARRAY_SIZE(units)) {
		bytes /= 1024;
		i++;
	}
	*unit = units[i];
	return bytes;
}

/**
 * tree_size_words() - convert a size to words with a unit
 * @bytes: the size
 * @buf: receives the words
 * @size: bytes in @buf
 *
 * Return: @buf.
 */
const char *tree_size_words(u64 bytes, char *buf, size_t size)
{
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	if (value == (double)(u64)value)
		snprintf(buf, size, "%llu %s", (u64)value, units[unit]);
	else
		snprintf(buf, size, "%.1f %s", value, units[unit]);
	return buf;
}

static bool ends_in(const char *key, const char *end)
{
	size_t len = strlen(key), end_len = strlen(end);

	return len >= end_len && !strcmp(key + len - end_len, end);
}

static void print_number(const char *key, u64 value)
{
	char words[32];

	if (ends_in(key, "offset"))
		printf("0x%llx", value);
	else if (value >= 1024 && (ends_in(key, "size") ||
				   ends_in(key, "length") ||
				   ends_in(key, "bytes") ||
				   ends_in(key, "bytes_per_second")))
		printf("%llu (%s)", value,
		       tree_size_words(value, words, sizeof(words)));
	else
		printf("%llu", value);
}

static void print_scalar(const char *key, struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		printf("-");
		break;
	case json_type_boolean:
		printf(json_object_get_boolean(value) ? "yes" : "no");
		break;
	case json_type_int:
		print_number(key, json_object_get_uint64(value));
		break;
	default:
		msg_safe(stdout, json_object_get_string(value));
	}
	putchar('\n');
}

/* Print @length letters of a key as words. Return the column after them. */
static int print_key(const char *key, int letters, int indent)
{
	int i;

	printf("%*s", indent, "");
	for (i = 0; i < letters; i++)
		putchar(key[i] == '_' ? ' ' : key[i]);
	return indent + letters;
}

static void print_label(const char *key, int letters, int indent)
{
	int width = print_key(key, letters, indent);

	printf(":%*s", width < LABEL_WIDTH ? LABEL_WIDTH - width : 1, "");
}

static void print_object(struct json_object *object, int indent);

/* Return the number that identifies an element of a list. */
static u64 element_number(struct json_object *element, size_t place)
{
	struct json_object *own;

	return json_object_object_get_ex(element, NUMBER_KEY, &own) ?
	       json_object_get_uint64(own) : place;
}

/* Return the number of letters of a list's key without its plural ending. */
static int singular(const char *key)
{
	return (int)strlen(key) - ends_in(key, "s");
}

static void print_list(const char *key, struct json_object *list, int indent)
{
	size_t i, count = json_object_array_length(list);
	int letters = singular(key);

	for (i = 0; i < count; i++) {
		struct json_object *value = json_object_array_get_idx(list, i);

		if (json_object_is_type(value, json_type_object)) {
			print_key(key, letters, indent);
			printf(" %llu\n", element_number(value, i));
			print_object(value, indent + INDENT);
		} else {
			print_label(key, letters, indent);
			print_scalar(key, value);
		}
	}
}

static void print_object(struct json_object *object, int indent)
{
	json_object_object_foreach(object, key, value) {
		if (!strcmp(key, NUMBER_KEY))
			continue;
		switch (json_object_get_type(value)) {
		case json_type_object:
			print_key(key, (int)strlen(key), indent);
			putchar('\n');
			print_object(value, indent + INDENT);
			break;
		case json_type_array:
			print_list(key, value, indent);
			break;
		default:
			print_label(key, (int)strlen(key), indent);
			print_scalar(key, value);
		}
	}
}

/*
 * Print characters outside ASCII, which only strings have, as \u escapes: some
 * of them would change the direction of text on a terminal. Strings have no
 * line breaks.
 */
static void print_escaped(const char *json, int indent)
{
	const u8 *p = (const u8 *)json;

	for (; *p; p++) {
		if (*p == '\n') {
			printf("\n%*s", indent, "");
		} else if (!vhdx_turns_text(p)) {
			putchar(*p);
		} else if (*p == 0xd8) {
			printf("\\u%04x", (p[0] & 0x1f) << 6 | (p[1] & 0x3f));
			p += 1;
		} else {
			printf("\\u%04x", (p[0] & 0xf) << 12 |
			       (p[1] & 0x3f) << 6 | (p[2] & 0x3f));
			p += 2;
		}
	}
}

/**
 * tree_print() - print an object as text on standard output
 * @object: the object
 */
void tree_print(struct json_object *object)
{
	print_object(object, 0);
}

/**
 * tree_print_json() - print a value as JSON on standard output
 * @object: the value; NULL is null
 * @indent: blanks before each line but the first
 * @line: print all on one line
 *
 * Prints no line break at the end.
 */
void tree_print_json(struct json_object *object, int indent, bool line)
{
	int flags = JSON_FLAGS | (line ? 0 : JSON_C_TO_STRING_PRETTY);

	print_escaped(json_object_to_json_string_ext(object, flags), indent);
}

/**
 * tree_free() - free an object with all its members
 * @object: the object, or NULL
 */
void tree_free(struct json_object *object)
{
	json_object_put(object);
}
