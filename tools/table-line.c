// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <sys/sysmacros.h>

#include "table-line.h"

/*
 * Device-mapper splits a line where the kernel's isspace() says so, which in
 * its Latin-1 counts byte 0xA0, although UTF-8 has it inside letters.
 */
static bool splits(char c)
{
	return isspace((unsigned char)c) || (unsigned char)c == 0xa0;
}

/*
 * The target reads \ooo as a byte. (A backslash before the byte itself would be
 * device-mapper's own escape, but libdevmapper doubles every backslash on the
 * way, so none of those arrives.)
 */
static void print_escaped(FILE *out, const char *path)
{
	for (; *path; path++) {
		if (splits(*path) || *path == '\\')
			fprintf(out, "\\%03o", (unsigned char)*path);
		else
			fputc(*path, out);
	}
}

static void print_image(FILE *out, const struct layer *layer)
{
	const struct user_store *file = &layer->file;

	if (file->ino)
		print_escaped(out, layer->path);
	else
		fprintf(out, "%u:%u", major(file->dev), minor(file->dev));
}

/* Whether the device is read-only is not here: that is device-mapper's. */
static void print_features(FILE *out, const struct options *options)
{
	unsigned int count = options->buffered + options->ignore_id +
			     (options->bat_cache ? 2 : 0) +
			     (options->no_space_given ? 2 : 0);

	if (!count)
		return;
	fprintf(out, " %u", count);
	if (options->bat_cache)
		fprintf(out, " bat_cache %lu", options->bat_cache);
	if (options->ignore_id)
		fputs(" ignore_id_mismatch", out);
	if (options->buffered)
		fputs(" buffered", out);
	if (options->no_space_given)
		fprintf(out, " no_space_timeout %lu",
			options->no_space_timeout);
}

/**
 * table_line_build() - the target's part of the table line
 * @disk: the images
 * @options: of the command line
 *
 * Return: the line, which the caller frees, or NULL without memory.
 */
char *table_line_build(const struct disk *disk, const struct options *options)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	u32 i;

	if (!out)
		return NULL;
	for (i = 0; i < disk->depth; i++) {
		if (i)
			fputc(' ', out);
		print_image(out, disk->layer[i]);
	}
	print_features(out, options);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* One byte of a word, unescaped; moves @in past it. */
static char next_byte(const char **in)
{
	const char *p = *in;

	if (*p == '\\' && is_octal(p[1]) && is_octal(p[2]) && is_octal(p[3])) {
		*in += 4;
		return (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 |
			      (p[3] - '0'));
	}
	*in += 1;
	return *p;
}

/* Take the next word off @text, unescaped; NULL at its end. */
static char *next_word(char **text)
{
	const char *in = *text;
	char *out, *word;

	while (splits(*in))
		in++;
	if (!*in)
		return NULL;
	/* What is unescaped is never longer, so it goes over what was read. */
	word = *text + (in - *text);
	out = word;
	while (*in && !splits(*in))
		*out++ = next_byte(&in);
	*text += in - *text + (*in != '\0');
	*out = '\0';
	return word;
}

static bool all_digits(const char *word)
{
	return *word && !word[strspn(word, "0123456789")];
}

/**
 * table_line_parse() - a line that the kernel printed, in words
 * @text: the target's part of the line
 * @line: for table_line_free()
 *
 * Return: 0 or -ENOMEM.
 */
int table_line_parse(const char *text, struct table_line *line)
{
	bool features = false;
	char *rest, *word;

	*line = (struct table_line){ .buffer = strdup(text) };
	/* No more words than every other byte. */
	line->words = calloc(strlen(text) / 2 + 1, sizeof(*line->words));
	if (!line->buffer || !line->words) {
		table_line_free(line);
		return -ENOMEM;
	}
	rest = line->buffer;
	while ((word = next_word(&rest))) {
		if (!features && all_digits(word)) {
			features = true;
			continue;
		}
		line->words[line->count++] = word;
		if (!features)
			line->images++;
	}
	return 0;
}

/**
 * table_line_free() - free a parsed line
 * @line: from table_line_parse()
 */
void table_line_free(struct table_line *line)
{
	free(line->buffer);
	free(line->words);
}
