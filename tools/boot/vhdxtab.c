// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "env.h"
#include "vhdxtab.h"

#define BLANKS		" \t\r\n"
/* Of names of devices, with its NUL: device-mapper's bound. */
#define NAME_SIZE	128

/* Of fstab(5) are also: \040, and other characters as three digits, octal. */
static void decode(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && strspn(text + 1, "01234567") >= 3 &&
		    text[1] < '4') {
			*to++ = (char)((text[1] - '0') << 6 |
				       (text[2] - '0') << 3 | (text[3] - '0'));
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

/* What a unit cannot hold. */
static bool has_controls(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

/* systemd looks names up as they stand, and takes none that leads back. */
static bool is_plain_path(const char *path)
{
	size_t length = strlen(path);

	return path[0] == '/' && length > 1 && path[length - 1] != '/' &&
	       !strstr(path, "//") && !strstr(path, "/./") &&
	       !strstr(path, "/../") &&
	       (length < 2 || strcmp(path + length - 2, "/.")) &&
	       (length < 3 || strcmp(path + length - 3, "/.."));
}

/* The value of an option of this name, or NULL. */
static const char *value_of(const char *option, const char *name)
{
	size_t length = strlen(name);

	return !strncmp(option, name, length) && option[length] == '=' ?
		       option + length + 1 : NULL;
}

/**
 * struct flag - an option that says how the unit is started
 * @name: the word
 * @offset: of the bool in struct vhdxtab
 */
struct flag {
	const char *name;
	size_t offset;
};

static const struct flag flags[] = {
	{ "noauto", offsetof(struct vhdxtab, noauto) },
	{ "nofail", offsetof(struct vhdxtab, nofail) },
	{ "_netdev", offsetof(struct vhdxtab, netdev) },
	{ "x-initrd.attach", offsetof(struct vhdxtab, initrd) },
};

/* Options of the unit, and not of the device. */
static bool take_unit_option(struct vhdxtab *tab, const char *option)
{
	const char *value;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++)
		if (!strcmp(option, flags[i].name)) {
			*(bool *)((char *)tab + flags[i].offset) = true;
			return true;
		}
	value = value_of(option, "timeout");
	if (value)
		tab->timeout = value;
	value = value_of(option, "x-systemd.device-timeout");
	if (value)
		tab->device_timeout = value;
	/* These options are for other programs. */
	return value_of(option, "timeout") || !strncmp(option, "x-", 2) ||
	       !strcmp(option, "auto");
}

/*
 * `vhdxsetup open' checks the options, and refuses unknown ones. To ignore one
 * could make a disk writable that must not be written.
 */
static int take_option(struct vhdxtab *tab, char *option, const char **why)
{
	decode(option);
	*why = "an option has control characters, or is too long";
	if (has_controls(option) || strlen(option) >= PATH_MAX)
		return -EINVAL;
	if (!*option || take_unit_option(tab, option))
		return 0;
	if (!strcmp(option, "read-only") || !strcmp(option, "ro"))
		option = "readonly";
	if (!strcmp(option, "partitions"))
		tab->partitions = true;
	*why = "it has too many options";
	if (tab->arg_count == VHDXTAB_ARGS_MAX)
		return -EINVAL;
	tab->args[tab->arg_count++] = option;
	return 0;
}

static int check_fields(const struct vhdxtab *tab, const char **why)
{
	*why = "the name has control characters or slashes";
	if (has_controls(tab->name) || strchr(tab->name, '/'))
		return -EINVAL;
	*why = "the name is longer than 127 bytes";
	if (strlen(tab->name) >= NAME_SIZE)
		return -EINVAL;
	*why = "the image's path has control characters, or is too long";
	if (has_controls(tab->image) || strlen(tab->image) >= PATH_MAX)
		return -EINVAL;
	*why = "the image must be an absolute path, without `.', `..', or a slash too many";
	return is_plain_path(tab->image) ? 0 : -EINVAL;
}

/**
 * vhdxtab_parse() - take a line apart
 * @line: which is changed, and must stay as long as @tab does
 * @tab: filled in
 * @why: set to what is wrong with it
 *
 * Return: 0; -ENODATA if it is empty, or a comment; -EINVAL if it makes no sense.
 */
int vhdxtab_parse(char *line, struct vhdxtab *tab, const char **why)
{
	char *rest = line, *name, *image, *options, *option;
	int err;

	*tab = (struct vhdxtab){ 0 };
	name = strtok_r(rest, BLANKS, &rest);
	if (!name || *name == '#')
		return -ENODATA;
	image = strtok_r(NULL, BLANKS, &rest);
	options = strtok_r(NULL, BLANKS, &rest);
	*why = "a line is a name, an image, and options with commas between them";
	if (!image || strtok_r(NULL, BLANKS, &rest))
		return -EINVAL;
	decode(name);
	decode(image);
	tab->name = name;
	tab->image = image;
	err = check_fields(tab, why);
	while (!err && options && (option = strsep(&options, ",")))
		err = take_option(tab, option, why);
	return err;
}
