// SPDX-License-Identifier: GPL-2.0-only
#include <sys/sysmacros.h>

#include "place.h"
#include "table-line.h"
#include "verbs.h"

/*
 * The table line has /proc/self/fd/N, so that the kernel opens the file that
 * was checked, even if another has its name by then. The kernel's table has the
 * name.
 */
static void print_image(FILE *out, const struct layer *layer)
{
	const struct user_store *file = &layer->file;
	char path[PLACE_PATH_SIZE];

	if (file->device)
		fprintf(out, "%u:%u", major(file->dev), minor(file->dev));
	else
		fputs(place_path(file->fd, path), out);
}

/* No feature for read-only: device-mapper has a flag for that. */
static void print_features(FILE *out, const struct options *options)
{
	bool timeout = options->given[OPT_NO_SPACE_TIMEOUT];
	unsigned int count = options->buffered + options->ignore_id +
			     (options->bat_cache ? 2 : 0) +
			     (timeout ? 2 : 0) + options->no_discard +
			     (options->discard_granularity ? 2 : 0);

	if (!count)
		return;
	fprintf(out, " %u", count);
	if (options->bat_cache)
		fprintf(out, " bat_cache %lu", options->bat_cache);
	if (options->ignore_id)
		fputs(" ignore_id_mismatch", out);
	if (options->buffered)
		fputs(" buffered", out);
	if (timeout)
		fprintf(out, " no_space_timeout %lu",
			options->no_space_timeout);
	if (options->no_discard)
		fputs(" no_discard", out);
	if (options->discard_granularity)
		fprintf(out, " discard_granularity %llu",
			(unsigned long long)options->discard_granularity);
}

/**
 * table_line_build() - make the target's part of the table line
 * @disk: the images
 * @options: of the command line
 *
 * The line is valid for this process while the disk is open.
 *
 * Return: the line, for free(), or NULL without memory.
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

/**
 * table_line_push() - prepend an image to a table line
 * @fd: descriptor of the image's file, which stays open until the table is
 *	loaded
 * @text: the target's part of the line, as the kernel printed it
 *
 * Return: the new line, for free(), or NULL without memory.
 */
char *table_line_push(int fd, const char *text)
{
	return table_line_change(&fd, 1, text, 0);
}

/**
 * table_line_change() - a line with others in the place of the first images
 * @fds: the files of the others, as for table_line_push()
 * @count: how many
 * @text: the target's part of the line, as the kernel printed it
 * @images: how many of its images fall away
 *
 * Return: the line, which the caller frees, or NULL without memory.
 */
char *table_line_change(const int *fds, unsigned int count, const char *text,
			unsigned int images)
{
	char path[PLACE_PATH_SIZE];
	char *line = NULL;
	unsigned int i;
	size_t size;
	FILE *out = open_memstream(&line, &size);

	if (!out)
		return NULL;
	for (i = 0; i < count; i++)
		fprintf(out, "%s ", place_path(fds[i], path));
	for (i = 0; i < images; i++) {
		text = strchrnul(text, ' ');
		text += *text == ' ';
	}
	fputs(text, out);
	if (fclose(out)) {
		free(line);
		return NULL;
	}
	return line;
}

/* Where the number of features is in a line, or its end: no image is a number. */
static size_t find_count(const char *text)
{
	size_t at = 0, len;

	while (text[at]) {
		len = strcspn(text + at, WORDS_OF_DM);
		if (len && strspn(text + at, "0123456789") == len)
			break;
		at += len;
		at += strspn(text + at, WORDS_OF_DM);
	}
	return at;
}

/**
 * table_line_add() - a line with one more feature
 * @text: the target's part of the line, as the kernel printed it
 * @feature: a feature without arguments, which it does not have
 *
 * Return: the line, which the caller frees, or NULL without memory.
 */
char *table_line_add(const char *text, const char *feature)
{
	size_t at = find_count(text);
	char *line = NULL, *rest;
	unsigned long count;
	int len;

	if (text[at]) {
		count = strtoul(text + at, &rest, 10);
		len = asprintf(&line, "%.*s%lu%s %s", (int)at, text, count + 1,
			       rest, feature);
	} else {
		len = asprintf(&line, "%s 1 %s", text, feature);
	}
	return len < 0 ? NULL : line;
}

/**
 * table_line_images() - find the images of a line that the kernel printed
 * @text: the target's part of the line
 * @images: set to the images, for words_free()
 *
 * Return: 0 or -ENOMEM.
 */
int table_line_images(const char *text, struct words *images)
{
	unsigned int i;
	int err = words_split(text, images);

	if (err)
		return err;
	/* The number of features ends the images. */
	for (i = 0; i < images->count; i++)
		if (!images->word[i][strspn(images->word[i], "0123456789")])
			images->count = i;
	return 0;
}

/**
 * table_line_is_of() - test whether an image of a table is a file or device
 * @word: the image, from table_line_images()
 * @st: stat() of the file or block device
 *
 * A table has the numbers of block devices.
 *
 * Return: true if it is.
 */
bool table_line_is_of(const char *word, const struct stat *st)
{
	struct stat now;
	dev_t device;

	if (words_device(word, &device))
		return S_ISBLK(st->st_mode) && device == st->st_rdev;
	return !stat(word, &now) && place_same_stat(&now, st);
}
