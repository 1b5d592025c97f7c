// SPDX-License-Identifier: GPL-2.0-only
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "map-picture.h"
#include "progress.h"
#include "terminal.h"
#include "tree.h"

#define ROWS		24U
#define WIDTH_DEFAULT	80U
#define WIDTH_MAX	256U
#define LABEL		16U	/* the virtual offset before each row */

/* Kinds of a cell. A cell shows the kind with the largest share. */
enum kind {
	KIND_OWN,
	KIND_PARTIAL,
	KIND_PARENT,
	KIND_ZERO,
	KIND_UNMAPPED,
	KIND_UNDEFINED,
	KIND_ABSENT,
	KIND_FAULTY,
	KINDS,
};

/**
 * struct look - how to draw a kind
 * @full: character for a cell full of data, with UTF-8
 * @some: character for a cell with some data, with UTF-8
 * @plain: character for a cell full of data, in ASCII
 * @plain_some: character for a cell with some data, in ASCII
 * @colour: ANSI number of the colour
 * @text: text in the legend
 */
struct look {
	const char *full;
	const char *some;
	const char *plain;
	const char *plain_some;
	int colour;
	const char *text;
};

static const struct look looks[KINDS] = {
	[KIND_OWN] = { "█", "▄", "#", "+", 32, "fully present" },
	[KIND_PARTIAL] = { "▚", "▖", "%", "~", 36, "partially present" },
	[KIND_PARENT] = { "▓", "░", "P", "p", 34, "in a parent" },
	[KIND_ZERO] = { "0", "0", "0", "0", 37, "zero" },
	[KIND_UNMAPPED] = { "u", "u", "u", "u", 37, "unmapped" },
	[KIND_UNDEFINED] = { "?", "?", "?", "?", 33, "undefined" },
	[KIND_ABSENT] = { "·", "·", ".", ".", 90, "not present" },
	[KIND_FAULTY] = { "!", "!", "!", "!", 31, "faulty" },
};

/* Bytes of a cell by kind. */
struct cell {
	u64 bytes[KINDS];
};

/**
 * struct picture - a picture being drawn
 * @cells: the cells, by virtual offset
 * @count: number of cells
 * @span: bytes of the virtual disk in a cell
 * @columns: cells in a row
 * @utf8: the terminal can show block elements
 * @colour: the terminal can show colours
 */
struct picture {
	struct cell *cells;
	u64 count;
	u64 span;
	u64 columns;
	bool utf8;
	bool colour;
};

static enum kind kind_of(const struct vhdx_extent *extent)
{
	switch (extent->state) {
	case VHDX_BLOCK_FULLY_PRESENT:
		return extent->layer ? KIND_PARENT : KIND_OWN;
	case VHDX_BLOCK_PARTIALLY_PRESENT:
		return extent->layer ? KIND_PARENT : KIND_PARTIAL;
	case VHDX_BLOCK_ZERO:
		return KIND_ZERO;
	case VHDX_BLOCK_UNMAPPED:
		return KIND_UNMAPPED;
	case VHDX_BLOCK_UNDEFINED:
		return KIND_UNDEFINED;
	case VHDX_BLOCK_NOT_PRESENT:
		return KIND_ABSENT;
	default:
		return KIND_FAULTY;
	}
}

static int fill(void *context, const struct vhdx_extent *extent)
{
	struct picture *picture = context;
	struct cell *cell = &picture->cells[extent->pos / picture->span];

	cell->bytes[kind_of(extent)] += extent->length;
	return 0;
}

static u64 terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	u64 width = WIDTH_DEFAULT;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		width = size.ws_col;
	else if (columns && atoi(columns) > 0)
		width = (u64)atoi(columns);
	return min_t(u64, max_t(u64, width, LABEL + 8), WIDTH_MAX);
}

static int begin(struct picture *picture, const struct disk *disk)
{
	const struct vhdx_bat *bat = &disk->layer[0]->image->bat;
	u64 blocks_a_cell;

	picture->columns = terminal_width() - LABEL;
	blocks_a_cell = DIV_ROUND_UP(bat->blocks, picture->columns * ROWS);
	picture->span = blocks_a_cell << bat->block_shift;
	picture->count = DIV_ROUND_UP(bat->size, picture->span);
	picture->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	picture->colour = terminal_colours(STDOUT_FILENO);
	picture->cells = calloc(picture->count, sizeof(*picture->cells));
	return picture->cells ? 0 : -ENOMEM;
}

/* A single faulty block marks its cell, however many blocks that has. */
static enum kind main_kind(const struct cell *cell)
{
	unsigned int kind, best = 0;

	if (cell->bytes[KIND_FAULTY])
		return KIND_FAULTY;
	/* Some data in a cell shows, less bright. */
	for (kind = 1; kind <= KIND_PARENT; kind++)
		if (cell->bytes[kind] > cell->bytes[best])
			best = kind;
	if (cell->bytes[best])
		return best;
	for (kind = KIND_ZERO; kind < KINDS; kind++)
		if (cell->bytes[kind] > cell->bytes[best])
			best = kind;
	return best;
}

static bool all_data(const struct cell *cell)
{
	unsigned int kind;

	for (kind = KIND_ZERO; kind < KINDS; kind++)
		if (cell->bytes[kind])
			return false;
	return true;
}

static void draw(const struct picture *picture, enum kind kind, bool full)
{
	const struct look *look = &looks[kind];
	const char *glyph;

	if (picture->utf8)
		glyph = full ? look->full : look->some;
	else
		glyph = full ? look->plain : look->plain_some;
	if (picture->colour)
		printf("\033[%dm%s\033[0m", look->colour, glyph);
	else
		printf("%s", glyph);
}

static void draw_cells(const struct picture *picture)
{
	char label[LABEL + 8];
	u64 i;

	for (i = 0; i < picture->count; i++) {
		snprintf(label, sizeof(label), "0x%llx", i * picture->span);
		if (!(i % picture->columns))
			printf("%s%*s  ", i ? "\n" : "", (int)LABEL - 2,
			       label);
		draw(picture, main_kind(&picture->cells[i]),
		     all_data(&picture->cells[i]));
	}
	putchar('\n');
}

static void draw_legend(const struct picture *picture, u64 block_size)
{
	char words[32];
	unsigned int kind;
	u64 i, bytes;

	printf("\none cell: %llu block%s, %s\n", picture->span / block_size,
	       picture->span == block_size ? "" : "s",
	       tree_size_words(picture->span, words, sizeof(words)));
	for (kind = 0; kind < KINDS; kind++) {
		for (i = 0, bytes = 0; i < picture->count; i++)
			bytes += picture->cells[i].bytes[kind];
		if (!bytes)
			continue;
		draw(picture, kind, true);
		if (kind <= KIND_PARENT) {
			putchar(' ');
			draw(picture, kind, false);
		}
		printf("  %s: %s%s\n", looks[kind].text,
		       tree_size_words(bytes, words, sizeof(words)),
		       kind <= KIND_PARENT ? " (all, part of a cell)" : "");
	}
}

/**
 * map_picture() - draw a disk
 * @handle: the disk, with its parents if they are to be looked at
 *
 * Return: 0 or a negative errno; -EUCLEAN if blocks are faulty.
 */
int map_picture(struct vhdx_disk *handle)
{
	struct picture picture = { 0 };
	struct progress progress;
	int err;

	err = begin(&picture, handle->disk);
	if (err)
		return err;
	progress_begin(&progress, "map");
	vhdx_disk_on_progress(handle, progress_of_library, &progress);
	err = vhdx_disk_map(handle, VHDX_MAP_BLOCKS, 0, vhdx_disk_size(handle),
			    fill, &picture);
	progress_end(&progress);
	if (!err || err == -EUCLEAN) {
		draw_cells(&picture);
		draw_legend(&picture, vhdx_disk_block_size(handle));
	}
	free(picture.cells);
	return err;
}
