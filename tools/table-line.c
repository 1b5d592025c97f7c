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

static bool would_split(const char *path)
{
	for (; *path; path++)
		if (splits(*path))
			return true;
	return false;
}

/*
 * One image as an argument. libdevmapper doubles every backslash on the way to
 * the kernel, so that a backslash stays one, but then nothing can escape a
 * space: a path that has any goes by the descriptor that we hold, which the
 * kernel follows to the same file and shows by its right name afterwards.
 */
static void print_image(FILE *out, const struct layer *layer)
{
	const struct user_store *file = &layer->file;

	if (!file->ino)
		fprintf(out, "%u:%u", major(file->dev), minor(file->dev));
	else if (would_split(layer->path))
		fprintf(out, "/proc/self/fd/%d", file->fd);
	else
		fputs(layer->path, out);
}

static void print_features(FILE *out, const struct options *options)
{
	unsigned int count = 1 + options->buffered + options->ignore_id +
			     (options->bat_cache ? 2 : 0);

	fprintf(out, " %u read_only", count);
	if (options->bat_cache)
		fprintf(out, " bat_cache %lu", options->bat_cache);
	if (options->ignore_id)
		fputs(" ignore_id_mismatch", out);
	if (options->buffered)
		fputs(" buffered", out);
}

/**
 * table_line_build() - the target's part of the table line
 * @disk: the images; they must stay open until the line is loaded
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

/* Take the next word off @text, unescaped; NULL at its end. */
static char *next_word(char **text)
{
	char *in = *text, *out, *word;

	while (splits(*in))
		in++;
	if (!*in)
		return NULL;
	word = in;
	out = in;
	while (*in && !splits(*in)) {
		if (*in == '\\' && in[1])
			in++;
		*out++ = *in++;
	}
	*text = *in ? in + 1 : in;
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
