// SPDX-License-Identifier: GPL-2.0-only
#include <langinfo.h>

#include "family.h"
#include "message.h"
#include "tree.h"

/* Of all that is before an image in its line. */
#define PREFIX_SIZE	256

/**
 * struct remedy - a fault and what mends it
 * @word: for JSON
 * @text: what is wrong, in words that follow the path of the image
 * @verb: what vhdxsetup is called with, before the paths; NULL for none
 * @parent: --parent and the parent's path follow, or PATH if there is none
 * @about_parent: it is the parent that the command is for
 */
struct remedy {
	const char *word;
	const char *text;
	const char *verb;
	bool parent;
	bool about_parent;
};

static const struct remedy remedies[] = {
	[FAMILY_WELL] = { 0 },
	[FAMILY_RENAMED] = {
		"renamed",
		"its parent has another name than the one that it recorded",
		"rebase", true, false },
	[FAMILY_ELSEWHERE] = {
		"elsewhere",
		"its parent is not where it recorded, and is found only if it is named",
		"rebase", true, false },
	[FAMILY_MISSING] = {
		"missing", "its parent is not found: name where it is now",
		"rebase", true, false },
	[FAMILY_OUTSIDE] = {
		"outside",
		"its parent is outside of its directory, where nothing is looked for unasked",
		"info --chain --parents-anywhere", false, false },
	[FAMILY_TWICE] = {
		"ambiguous", "several files can be its parent: name the right one",
		"rebase", true, false },
	[FAMILY_CHANGED] = {
		"changed",
		"its parent was written after it was made: restore that from a backup; if the contents are still right, adopt it",
		"rebase --ignore-id-mismatch", true, false },
	[FAMILY_OTHER] = {
		"other", "what has its parent's name is another disk: name the right one",
		"rebase", true, false },
	[FAMILY_SECTORS] = {
		"sector-size",
		"its parent has logical sectors of another size, so it is another one: name the right one",
		"rebase", true, false },
	[FAMILY_CYCLE] = {
		"cycle",
		"its parent lies over it: a file was copied over its own parent, which must be restored",
		NULL, false, false },
	[FAMILY_UNREADABLE] = {
		"unreadable", "its parent cannot be opened",
		"check", false, true },
};

static const struct remedy dirty_remedy = {
	"dirty-log", "its log must be replayed", "replay", false, false,
};

static const struct remedy in_use_remedy = {
	"in-use", NULL, "list", false, false,
};

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || strchr("/._-+,:@%", c);
}

/* A path as one word of a shell. */
static void put_word(FILE *out, const char *text)
{
	const char *p = text;

	while (*p && is_plain(*p))
		p++;
	if (!*p && p != text) {
		fputs(text, out);
		return;
	}
	putc('\'', out);
	for (p = text; *p; p++)
		if (*p == '\'')
			fputs("'\\''", out);
		else
			putc(*p, out);
	putc('\'', out);
}

/* Is the file that was found the right parent to name? */
static bool is_right(enum family_fault fault)
{
	return fault == FAMILY_RENAMED || fault == FAMILY_ELSEWHERE ||
	       fault == FAMILY_CHANGED;
}

/* For free(); NULL if there is none, or no memory. */
static char *command(const struct family *family,
		     const struct family_member *member,
		     const struct remedy *remedy)
{
	const struct family_member *parent =
		member->parent == FAMILY_NONE ? NULL :
						&family->member[member->parent];
	char *text = NULL;
	size_t size;
	FILE *out;

	if (!remedy->verb)
		return NULL;
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	fprintf(out, "vhdxsetup %s", remedy->verb);
	if (remedy->parent) {
		fputs(" --parent ", out);
		if (parent && is_right(member->fault))
			put_word(out, parent->path);
		else
			fputs("PATH", out);
	}
	if (remedy != &in_use_remedy) {
		putc(' ', out);
		put_word(out, remedy->about_parent && parent ? parent->path :
							       member->path);
	}
	fclose(out);
	return text;
}

/**
 * struct faults - what is wrong with a member
 * @remedy: of each
 * @count: how many
 */
struct faults {
	const struct remedy *remedy[3];
	u32 count;
};

static void find_faults(const struct family_member *member,
			struct faults *faults)
{
	faults->count = 0;
	if (member->fault != FAMILY_WELL)
		faults->remedy[faults->count++] = &remedies[member->fault];
	if (member->merely_named)
		return;
	if (member->dirty)
		faults->remedy[faults->count++] = &dirty_remedy;
	if (member->in_use)
		faults->remedy[faults->count++] = &in_use_remedy;
}

static const char *fault_text(const struct family_member *member,
			      const struct remedy *remedy)
{
	return remedy->text ? remedy->text : member->in_use;
}

static struct json_object *fault_tree(const struct family *family,
				      const struct family_member *member,
				      const struct remedy *remedy)
{
	struct json_object *object = tree_new();
	char *text = command(family, member, remedy);

	tree_text(object, "fault", remedy->word);
	tree_text(object, "text", fault_text(member, remedy));
	if (text)
		tree_text(object, "command", text);
	free(text);
	return object;
}

static struct json_object *member_tree(const struct family *family, u32 nr)
{
	const struct family_member *member = &family->member[nr];
	struct json_object *object = tree_new(), *list = tree_list();
	struct faults faults;
	u32 i;

	tree_text(object, "image", member->path);
	if (member->type && !member->merely_named) {
		tree_text(object, "type", member->type);
		tree_number(object, "virtual_size", member->size);
	}
	if (member->parent != FAMILY_NONE)
		tree_text(object, "over",
			  family->member[member->parent].path);
	if (member->recorded && !member->merely_named)
		tree_text(object, "recorded_parent", member->recorded);
	tree_flag(object, "in_chain", member->in_chain);
	find_faults(member, &faults);
	for (i = 0; i < faults.count; i++)
		tree_append(list, fault_tree(family, member, faults.remedy[i]));
	tree_add(object, "faults", list);
	return object;
}

/**
 * family_tree() - an image and its relatives for JSON
 * @family: from family_find()
 *
 * Return: a list, for a tree that it is put into.
 */
struct json_object *family_tree(const struct family *family)
{
	struct json_object *list = tree_list();
	u32 nr;

	for (nr = 0; nr < family->count; nr++)
		tree_append(list, member_tree(family, nr));
	return list;
}

/**
 * struct pen - draws the lines of a tree
 * @family: what is drawn
 * @tee: before an image that others follow
 * @corner: before the last one
 * @bar: beside what lies over an image that others follow
 * @gap: beside what lies over the last one
 * @prefix: what stands before the lines of an image
 */
struct pen {
	const struct family *family;
	const char *tee;
	const char *corner;
	const char *bar;
	const char *gap;
	char prefix[PREFIX_SIZE];
};

/* What is deeper than there is room for is drawn at the last depth. */
static void push(struct pen *pen, const char *text)
{
	size_t used = strlen(pen->prefix), length = strlen(text);

	if (used + length < sizeof(pen->prefix))
		memcpy(pen->prefix + used, text, length + 1);
}

static void draw_faults(const struct pen *pen, u32 nr, const char *beside)
{
	const struct family_member *member = &pen->family->member[nr];
	struct faults faults;
	char *text;
	u32 i;

	find_faults(member, &faults);
	for (i = 0; i < faults.count; i++) {
		printf("%s%s  ", pen->prefix, beside);
		msg_safe(stdout, fault_text(member, faults.remedy[i]));
		putchar('\n');
		text = command(pen->family, member, faults.remedy[i]);
		if (text) {
			printf("%s%s    ", pen->prefix, beside);
			msg_safe(stdout, text);
			putchar('\n');
		}
		free(text);
	}
}

static bool is_last(const struct pen *pen, u32 nr)
{
	const struct family *family = pen->family;
	u32 i;

	for (i = nr + 1; i < family->count; i++)
		if (family->member[i].parent == family->member[nr].parent)
			return false;
	return true;
}

static void draw_name(const struct family_member *member, bool given)
{
	char size[32];

	msg_safe(stdout, member->path);
	if (member->type && !member->merely_named)
		printf(" (%s, %s)", member->type,
		       tree_size_words(member->size, size, sizeof(size)));
	printf(given ? " *\n" : "\n");
}

/* As deep as chains are, with what lies over them: MEMBERS_MAX at most. */
static void draw_member(struct pen *pen, u32 nr, bool root)
{
	const struct family *family = pen->family;
	size_t used = strlen(pen->prefix);
	bool last = root || is_last(pen, nr);
	bool has_children = false;
	u32 i;

	if (!root)
		printf("%s%s", pen->prefix, last ? pen->corner : pen->tee);
	draw_name(&family->member[nr], !nr);
	if (!root)
		push(pen, last ? pen->gap : pen->bar);
	for (i = 0; i < family->count; i++)
		has_children |= family->member[i].parent == nr;
	draw_faults(pen, nr, has_children ? pen->bar : pen->gap);
	for (i = 0; i < family->count; i++)
		if (family->member[i].parent == nr)
			draw_member(pen, i, false);
	pen->prefix[used] = '\0';
}

/**
 * family_draw() - print an image and its relatives as a tree
 * @family: from family_find()
 *
 * The base is at the left, and a star is behind the image that was given. What is
 * wrong with an image stands below it, and below that the command that mends it.
 * Nothing is printed of an image that has no relatives, and needs none.
 */
void family_draw(const struct family *family)
{
	bool utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	struct pen pen = {
		.family = family,
		.tee = utf8 ? "\u251c\u2500 " : "|- ",
		.corner = utf8 ? "\u2514\u2500 " : "`- ",
		.bar = utf8 ? "\u2502  " : "|  ",
		.gap = "   ",
	};
	u32 nr;

	if (family->count == 1 && family->member[0].fault == FAMILY_WELL)
		return;
	for (nr = 0; nr < family->count; nr++)
		if (family->member[nr].parent == FAMILY_NONE)
			draw_member(&pen, nr, true);
	if (family->more)
		printf("and others, which were not looked at\n");
}
