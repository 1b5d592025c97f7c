// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console.h"
#include "document.h"
#include "lost-list.h"
#include "map-rows.h"
#include "message.h"
#include "place.h"
#include "salvage-copy.h"
#include "salvage.h"
#include "verbs.h"

/* Nobody reads a longer table. */
#define ROWS_USUAL	1000UL

/* Signs of ddrescue's mapfile. */
#define SIGN_READ	'+'
#define SIGN_LOST	'-'

static void map_range(struct lost_list *list, u64 end, char sign)
{
	if (list->map && end > list->mapped)
		fprintf(list->map, "0x%08llX  0x%08llX  %c\n", list->mapped,
			end - list->mapped, sign);
	list->mapped = end;
}

static void print_json(const struct lost_list *list)
{
	struct json_object *object = tree_new();

	tree_number(object, "virtual_offset", list->pos);
	tree_number(object, "length", list->length);
	tree_text(object, "reason", vhdx_lost_words(list->why));
	tree_number(object, "layer", list->layer);
	document_element(object);
}

static void print_text(const struct lost_list *list)
{
	if (list->limit && list->count > list->limit)
		return;
	progress_end(list->progress);
	if (list->count == 1)
		printf("%14s %13s  %s\n", "virtual offset", "length", "lost");
	row_offset(14, list->pos);
	row_length(list->length);
	printf("  %s", vhdx_lost_words(list->why));
	if (list->layer && list->why != VHDX_LOST_PARENT)
		printf(", in parent %u", list->layer);
	putchar('\n');
	if (list->count == list->limit)
		printf("... and more, see --map and --rows\n");
}

/* The last range is complete. */
static void settle(struct lost_list *list)
{
	if (!list->length)
		return;
	list->count++;
	list->bytes += list->length;
	map_range(list, list->pos, SIGN_READ);
	map_range(list, list->pos + list->length, SIGN_LOST);
	if (list->json)
		print_json(list);
	else if (console_says(CONSOLE_NORMAL))
		print_text(list);
	list->length = 0;
}

static int directory_stat(const char *path, struct stat *st)
{
	char *copy = strdup(path);
	int r = copy ? stat(dirname(copy), st) : -1;

	free(copy);
	return r;
}

/* Do both names stand for one file, or would they if it were made? */
static bool same_name(const char *a, const char *b)
{
	const char *slash_a = strrchr(a, '/'), *slash_b = strrchr(b, '/');
	struct stat x, y;

	if (!stat(a, &x) && !stat(b, &y) && place_same_stat(&x, &y))
		return true;
	return !strcmp(slash_a ? slash_a + 1 : a, slash_b ? slash_b + 1 : b) &&
	       !directory_stat(a, &x) && !directory_stat(b, &y) &&
	       place_same_stat(&x, &y);
}

/* Neither name may be the temporary name of the other file. */
static int check_names(const char *map, const char *copy)
{
	char map_part[PATH_MAX], copy_part[PATH_MAX];

	if ((size_t)snprintf(map_part, sizeof(map_part), "%s.part", map) >=
		    sizeof(map_part) ||
	    (size_t)snprintf(copy_part, sizeof(copy_part), "%s.part", copy) >=
		    sizeof(copy_part)) {
		msg_err("%s: the name of the map or of the copy is too long",
			map);
		return -ENAMETOOLONG;
	}
	if (!same_name(map, copy) && !same_name(map, copy_part) &&
	    !same_name(map_part, copy))
		return 0;
	msg_err("%s: the map and the copy need names of their own, also with .part added: that is what each is called until it is whole",
		map);
	return -EINVAL;
}

/**
 * lost_list_check() - check that the mapfile can be made
 * @options: of the command line
 * @copy: name of the copy
 * @source: the damaged image and its parents
 *
 * Before anything is written.
 *
 * Return: 0, or a negative errno after a message.
 */
int lost_list_check(const struct options *options, const char *copy,
		    const struct disk *source)
{
	const char *map = options->map;
	struct stat st;
	u32 i;
	int err = map ? check_names(map, copy) : 0;

	if (err || !map)
		return err;
	for (i = 0; !stat(map, &st) && i < source->depth; i++) {
		if (!user_store_is(&source->layer[i]->file, &st))
			continue;
		msg_err("%s: is %s; the map is another file", map,
			i ? "a parent of the damaged image" :
			    "the damaged image");
		return -EINVAL;
	}
	if (lstat(map, &st))
		return 0;
	if (!S_ISREG(st.st_mode)) {
		msg_err("%s: is no regular file; the map is one", map);
		return -EINVAL;
	}
	if (options->force)
		return 0;
	msg_err("%s: exists; --force replaces it", map);
	return -EEXIST;
}

/* The name is free, or that of an older map: neither changes until the end. */
static int make_map(struct lost_list *list)
{
	int err, fd;

	if (asprintf(&list->part, "%s.part", list->path) < 0) {
		list->part = NULL;
		return -ENOMEM;
	}
	fd = open(list->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	list->map = fd < 0 ? NULL : fdopen(fd, "w");
	if (list->map)
		return 0;
	err = -errno;
	msg_err("%s: %s%s", list->part, strerror(-err),
		err == -EEXIST ? "; remove it if no other salvage is under way" :
				 "");
	if (fd >= 0) {
		close(fd);
		(void)unlink(list->part);
	}
	free(list->part);
	list->part = NULL;
	return err;
}

/* Forget the mapfile; one that has not got its name goes. */
static void drop_map(struct lost_list *list, bool named)
{
	if (list->map)
		fclose(list->map);
	list->map = NULL;
	if (list->part && !named)
		(void)unlink(list->part);
	free(list->part);
	list->part = NULL;
}

/**
 * lost_list_begin() - begin a list
 * @list: filled in
 * @options: of the command line
 * @size: bytes of the disk
 * @progress: taken off the terminal before a row is printed
 *
 * The mapfile is FILE.part until it is whole.
 *
 * Return: 0, or a negative errno after a message.
 */
int lost_list_begin(struct lost_list *list, const struct options *options,
		    u64 size, struct progress *progress)
{
	int err;

	*list = (struct lost_list){
		.json = options->json,
		.limit = options->given[OPT_ROWS] ? options->rows :
						      ROWS_USUAL,
		.progress = progress,
		.path = options->map,
		.force = options->force,
		.size = size,
	};
	if (options->json)
		document_list("lost");
	if (!list->path)
		return 0;
	err = make_map(list);
	if (err)
		return err;
	fprintf(list->map,
		"# Mapfile. Created by vhdxsetup salvage\n"
		"# current_pos  current_status  current_pass\n"
		"0x00000000     +               1\n"
		"#      pos        size  status\n");
	return 0;
}

/**
 * lost_list_add() - add a range of the disk
 * @list: from lost_list_begin()
 * @pos: byte offset, not before the end of the last range
 * @length: bytes, above 0
 * @why: the reason
 * @layer: the image that it was in, 0 for the child
 */
void lost_list_add(struct lost_list *list, u64 pos, u64 length,
		   enum vhdx_lost why, u32 layer)
{
	if (list->length && list->pos + list->length == pos &&
	    list->why == why && list->layer == layer) {
		list->length += length;
		return;
	}
	settle(list);
	list->pos = pos;
	list->length = length;
	list->why = why;
	list->layer = layer;
}

/**
 * lost_list_end() - the last range, and the end of the mapfile
 * @list: from lost_list_begin()
 *
 * Return: 0, or a negative errno after a message if the mapfile cannot be
 * written.
 */
int lost_list_end(struct lost_list *list)
{
	bool written;
	int err = -EIO;

	settle(list);
	map_range(list, list->size, SIGN_READ);
	if (list->json)
		document_list_end(true);
	if (!list->map)
		return 0;
	written = !fflush(list->map) && !ferror(list->map) &&
		  !fsync(fileno(list->map));
	if (written)
		err = salvage_name(list->part, list->path, list->force);
	else
		msg_err("%s: cannot be written", list->part);
	drop_map(list, !err);
	return err;
}

/**
 * lost_list_drop() - remove the mapfile
 * @list: from lost_list_begin(), that was not ended
 */
void lost_list_drop(struct lost_list *list)
{
	if (list->json)
		document_list_end(false);
	drop_map(list, false);
}
