// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "unit.h"

#define PLAIN	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
		"0123456789:_."

/**
 * unit_name() - escape a word, for the name of a unit
 * @word: what it is about, no longer than a path
 * @name: filled in, as `systemd-escape' has it
 */
void unit_name(const char *word, char name[UNIT_NAME_SIZE])
{
	const char *from;

	for (from = word; *from; from++) {
		if (*from == '/')
			*name++ = '-';
		else if (strchr(PLAIN, *from) && (*from != '.' || from != word))
			*name++ = *from;
		else
			name += sprintf(name, "\\x%02x", (unsigned char)*from);
	}
	*name = '\0';
}

/**
 * unit_device() - the name of a device's unit
 * @path: of the device, absolute
 * @name: filled in, without the ".device"
 */
void unit_device(const char *path, char name[UNIT_NAME_SIZE])
{
	unit_name(path + 1, name);
}

/**
 * unit_quote() - write a word as systemd.syntax(7) has it
 * @unit: to which
 * @word: without control characters
 * @command: it is of a command line, in which "$" is for variables
 *
 * It stays one word, and the same one: "%" is for specifiers, backslashes for
 * characters that cannot be written otherwise.
 */
void unit_quote(FILE *unit, const char *word, bool command)
{
	putc('"', unit);
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			putc('\\', unit);
		else if (*word == '%' || (*word == '$' && command))
			putc(*word, unit);
		putc(*word, unit);
	}
	putc('"', unit);
}

static int make_directory(const char *path)
{
	if (!mkdir(path, 0755) || errno == EEXIST)
		return 0;
	msg_err("%s: cannot be made: %s", path, strerror(errno));
	return -errno;
}

/* Where a unit, or with a directory of its own a piece of one, is written. */
static char *path_of(const char *dir, const char *piece_of, const char *name)
{
	char *path = NULL;
	int length;

	if (piece_of)
		length = asprintf(&path, "%s/%s.d", dir, piece_of);
	else
		length = asprintf(&path, "%s/%s", dir, name);
	if (length < 0)
		return NULL;
	if (piece_of && make_directory(path)) {
		free(path);
		return NULL;
	}
	if (piece_of) {
		free(path);
		length = asprintf(&path, "%s/%s.d/%s", dir, piece_of, name);
	}
	return length < 0 ? NULL : path;
}

/**
 * unit_create() - begin a unit, or a piece of one
 * @dir: where units go
 * @piece_of: the unit that it adds to, or NULL
 * @name: of the file
 *
 * Return: for unit_finish(), or NULL with errno set; it is EEXIST if it is there
 * already, and else something was said.
 */
FILE *unit_create(const char *dir, const char *piece_of, const char *name)
{
	char *path = path_of(dir, piece_of, name);
	FILE *unit;

	if (!path)
		return NULL;
	unit = fopen(path, "wxe");
	if (unit)
		fputs("# Made by vhdx-generator, of /etc/vhdxtab.\n", unit);
	else if (errno != EEXIST)
		msg_err("%s: cannot be made: %s", path, strerror(errno));
	free(path);
	return unit;
}

/**
 * unit_finish() - end a unit
 * @unit: from unit_create()
 * @name: what it is called, for messages
 *
 * Return: 0, or a negative errno after a message.
 */
int unit_finish(FILE *unit, const char *name)
{
	bool failed = ferror(unit);

	if (!fclose(unit) && !failed)
		return 0;
	msg_err("%s: cannot be written", name);
	return -EIO;
}

/**
 * unit_link() - have one unit require or want another
 * @dir: where units go
 * @from: the one that has the other started
 * @how: "requires" or "wants"
 * @to: the other, which is in @dir
 *
 * Return: 0, also if it does already, or a negative errno after a message.
 */
int unit_link(const char *dir, const char *from, const char *how,
	      const char *to)
{
	char *path = NULL, *link = NULL, *target = NULL;
	int err = -ENOMEM;

	if (asprintf(&path, "%s/%s.%s", dir, from, how) < 0)
		return err;
	if (asprintf(&link, "%s/%s", path, to) < 0)
		link = NULL;
	if (asprintf(&target, "../%s", to) < 0)
		target = NULL;
	if (link && target)
		err = make_directory(path);
	if (!err && symlink(target, link) && errno != EEXIST) {
		err = -errno;
		msg_err("%s: cannot be made: %s", link, strerror(errno));
	}
	free(target);
	free(link);
	free(path);
	return err;
}
