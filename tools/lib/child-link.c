// SPDX-License-Identifier: GPL-2.0-only
#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistr.h>

#include "child-link.h"
#include "device-name.h"
#include "message.h"
#include "windows-path.h"

/* Windows permits neither these nor control characters in names. */
#define NOT_IN_NAMES	"\\/:*?\"<>|"

static int refuse_name(const char *path, const char *name, size_t length,
		       const char *fault)
{
	msg_err("%s: the parent's path cannot be written into the child: `%.*s' %s",
		path, (int)min_t(size_t, length, NAME_MAX), name, fault);
	return -EINVAL;
}

/* Windows takes these names, with any extension, for DOS devices. */
static bool is_dos_device(const char *name, size_t length)
{
	static const char *const devices[] = {
		"con", "prn", "aux", "nul", "com", "lpt",
	};
	const char *dot = memchr(name, '.', length);
	size_t stem = dot ? (size_t)(dot - name) : length;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		bool numbered = i >= 4;

		if (stem != (numbered ? 4 : 3) ||
		    strncasecmp(name, devices[i], 3))
			continue;
		if (!numbered || (name[3] >= '1' && name[3] <= '9'))
			return true;
	}
	return false;
}

/* Return why Windows does not permit a name, or NULL if it does. */
static const char *name_fault(const char *name, size_t length)
{
	size_t i;

	if (u8_check((const uint8_t *)name, length))
		return "is not UTF-8";
	for (i = 0; i < length; i++)
		if ((unsigned char)name[i] < ' ' ||
		    strchr(NOT_IN_NAMES, name[i]))
			return "has a character that Windows allows in no name; rename it";
	if (name[length - 1] == '.' || name[length - 1] == ' ')
		return "ends with a dot or a space, which Windows drops; rename it";
	if (is_dos_device(name, length))
		return "means a device to Windows; rename it";
	return NULL;
}

/* Return why one of the names of a path is not permitted; *@name is that one. */
static const char *names_fault(const char *rest, char separator,
			       const char **name, size_t *length)
{
	const char *fault = NULL;

	while (*rest && !fault) {
		const char *end = strchrnul(rest, separator);

		*name = rest;
		*length = (size_t)(end - rest);
		if (*length)
			fault = name_fault(rest, *length);
		rest = *end ? end + 1 : end;
	}
	return fault;
}

static int check_names(const char *path, const char *rest, char separator)
{
	const char *name;
	size_t length;
	const char *fault = names_fault(rest, separator, &name, &length);

	return fault ? refuse_name(path, name, length, fault) : 0;
}

/**
 * child_link_fits() - test whether a child can record a path
 * @path: an absolute path
 *
 * Return: true if Windows permits all of its names.
 */
bool child_link_fits(const char *path)
{
	const char *name;
	size_t length;

	return !names_fault(path, '/', &name, &length);
}

/*
 * Return the directory of a file that may not exist yet, for free(), or NULL.
 */
static char *real_directory(const char *path)
{
	char *whole = realpath(path, NULL);
	char *copy = strdup(whole ? whole : path);
	char *directory = copy ? realpath(dirname(copy), NULL) : NULL;

	free(copy);
	free(whole);
	return directory;
}

/* Udev makes links to a device anew after a restart, and what they lead to changes. */
static char *real_device(const char *path, dev_t device)
{
	char *name = device_name(path, device, child_link_fits);

	return name ? name : realpath(path, NULL);
}

static char *real_file(const char *path)
{
	char *whole = realpath(path, NULL);
	char *directory, *copy;
	int n = -1;

	if (whole || errno != ENOENT)
		return whole;
	directory = real_directory(path);
	copy = strdup(path);
	if (directory && copy)
		n = asprintf(&whole, "%s/%s",
			     strcmp(directory, "/") ? directory : "",
			     basename(copy));
	free(copy);
	free(directory);
	return n < 0 ? NULL : whole;
}

/**
 * child_link_path() - find the path by which a child names a parent
 * @parent: any path of the parent, which need not exist yet
 *
 * Symbolic links are resolved, as disk_open() does before it looks for a parent; but
 * a device gets the name that lasts, see device_name(), if there is one.
 *
 * Return: an absolute path, for free(); or NULL with errno set.
 */
char *child_link_path(const char *parent)
{
	struct stat st;

	if (!stat(parent, &st) && S_ISBLK(st.st_mode))
		return real_device(parent, st.st_rdev);
	return real_file(parent);
}

/*
 * Skip the whole names that two absolute paths have in common. Afterwards each
 * path is at its end or at the start of a name.
 */
static void skip_common(const char **directory, const char **file)
{
	const char *a = *directory + 1, *b = *file + 1;

	while (*a) {
		size_t length = (size_t)(strchrnul(a, '/') - a);

		if (strncmp(a, b, length) || b[length] != '/')
			break;
		b += length + 1;
		a += length + !!a[length];
	}
	*directory = a;
	*file = b;
}

/* Return the path up from @directory and down to @file, for free(), or NULL. */
static char *join_windows(const char *directory, const char *file)
{
	char *path = NULL, *p;
	size_t size;
	FILE *out = open_memstream(&path, &size);

	if (!out)
		return NULL;
	if (!*directory)
		fputs(".\\", out);
	while (*directory) {
		fputs("..\\", out);
		directory = strchrnul(directory, '/');
		directory += *directory == '/';
	}
	fputs(file, out);
	if (fclose(out)) {
		free(path);
		return NULL;
	}
	for (p = path; *p; p++)
		if (*p == '/')
			*p = '\\';
	return path;
}

static int cannot_resolve(const char *path)
{
	int err = -errno;

	msg_err("%s: %s", path, strerror(-err));
	return err;
}

/**
 * child_link_relative() - make the relative path from a child to its parent
 * @child: path of the child, which need not exist yet; its directory must exist
 * @parent: path of the parent, which need not exist yet either
 * @path: set to the path in the form of Windows, for free(): ".\NAME",
 *	"..\DIRECTORY\NAME"
 *
 * The child's symbolic links are resolved, too, see child_link_path().
 *
 * Return: 0; a negative errno after a message: -EINVAL for names that Windows
 * does not permit; or -ENOMEM.
 */
int child_link_relative(const char *child, const char *parent, char **path)
{
	char *directory = real_directory(child);
	const char *up = directory, *down;
	char *file;
	int err;

	if (!directory)
		return cannot_resolve(child);
	file = child_link_path(parent);
	if (!file) {
		free(directory);
		return cannot_resolve(parent);
	}
	down = file;
	skip_common(&up, &down);
	err = check_names(parent, down, '/');
	if (!err) {
		*path = join_windows(up, down);
		err = *path ? 0 : -ENOMEM;
	}
	free(file);
	free(directory);
	return err;
}

/* Return the part after "C:\", or NULL. */
static const char *skip_drive(const char *path)
{
	bool letter = (path[0] >= 'A' && path[0] <= 'Z') ||
		      (path[0] >= 'a' && path[0] <= 'z');

	return letter && path[1] == ':' && path[2] == '\\' ? path + 3 : NULL;
}

/*
 * Return the part after the root of an absolute path, or NULL without a root.
 */
static const char *skip_root(const char *path)
{
	if (strstarts(path, "\\\\?\\UNC\\"))
		return path + 8;
	if (strstarts(path, "\\\\?\\"))
		return skip_drive(path + 4);
	if (strstarts(path, "\\\\"))
		return path + 2;
	return skip_drive(path);
}

static int check_absolute(const char *path)
{
	const char *rest = skip_root(path);

	if (rest && *rest)
		return check_names(path, rest, '\\');
	msg_err("--absolute-path %s: Windows has no such path; it begins as C:\\, \\\\?\\C:\\ or \\\\SERVER\\",
		path);
	return -EINVAL;
}

/* "Volume{GUID}\", 8-4-4-4-12. */
static int check_volume(const char *path)
{
	const char *start = "\\\\?\\Volume{";
	size_t length = strlen(start);
	guid_t guid;

	if (strstarts(path, start) && strlen(path) > length + 38 &&
	    !guid_parse(path + length, &guid) &&
	    strstarts(path + length + 36, "}\\"))
		return check_names(path, path + length + 38, '\\');
	msg_err("--volume-path %s: Windows has no such path; it is \\\\?\\Volume{GUID}\\ and the path on that volume",
		path);
	return -EINVAL;
}

static int copy_path(const char *from, char **to)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

/**
 * child_link_windows() - give a locator the paths that another one has for Windows
 * @locator: the one, which has none
 * @from: the other
 *
 * Return: 0 or -ENOMEM; what there is of them is freed with the locator.
 */
int child_link_windows(struct vhdx_locator *locator,
		       const struct vhdx_locator *from)
{
	int err = copy_path(from->absolute_path, &locator->absolute_path);

	return err ? err : copy_path(from->volume_path, &locator->volume_path);
}

static int fill_locator(const struct child_link *link,
			struct vhdx_locator *locator)
{
	int err = 0;

	if (link->absolute)
		err = check_absolute(link->absolute);
	if (!err && link->volume)
		err = check_volume(link->volume);
	if (!err)
		err = child_link_relative(link->child, link->parent,
					  &locator->relative_path);
	if (!err)
		err = copy_path(link->absolute, &locator->absolute_path);
	return err ? err : copy_path(link->volume, &locator->volume_path);
}

/**
 * child_link_locator() - make a locator for a child
 * @link: names of its parent
 * @linkage: DataWriteGuid of the parent
 * @locator: set, for vhdx_locator_free()
 *
 * Return: 0; a negative errno after a message, as child_link_relative(); or
 * -ENOMEM.
 */
int child_link_locator(const struct child_link *link, const guid_t *linkage,
		       struct vhdx_locator **locator)
{
	struct vhdx_locator *made = calloc(1, sizeof(*made));
	int err;

	if (!made)
		return -ENOMEM;
	made->linkage = *linkage;
	err = fill_locator(link, made);
	if (err) {
		vhdx_locator_free(made);
		return err;
	}
	*locator = made;
	return 0;
}

/**
 * child_link_warn() - warn of a parent on a device whose name does not last
 * @parent: the name that child_link_locator() is given
 */
void child_link_warn(const char *parent)
{
	struct stat st;
	char *name;

	if (stat(parent, &st) || !S_ISBLK(st.st_mode))
		return;
	name = device_name(parent, st.st_rdev, child_link_fits);
	if (!name)
		msg_warn("%s: may be another device after a restart, and has no name that lasts and that Windows allows; `rebase --parent' can record a link of your own",
			 parent);
	free(name);
}

/* Return the path that a child recorded of its parent, for free(), or NULL. */
static char *recorded_path(const struct layer *child)
{
	const struct vhdx_locator *locator = child->image->locator;
	char *directory = real_directory(child->path);
	char *path = NULL, *p;

	if (directory && locator && locator->relative_path &&
	    asprintf(&path, "%s/%s", directory, locator->relative_path) < 0)
		path = NULL;
	free(directory);
	/* The directory is no path of Windows. */
	for (p = path ? strrchr(path, '/') : NULL; p && *p; p++)
		if (*p == '\\')
			*p = '/';
	return path;
}

/**
 * child_link_device() - find the name by which a child goes on to name a device
 * @child: the child
 * @parent: its parent
 *
 * Return: an absolute path, for free(): what the child recorded, if that leads to the
 * device and lasts, or else as child_link_path(); NULL if the parent is a file, or
 * nothing is found.
 */
char *child_link_device(const struct layer *child, const struct layer *parent)
{
	char *path, *name;

	if (!parent->file.device)
		return NULL;
	path = recorded_path(child);
	name = path ? device_name_given(path, parent->file.dev,
					child_link_fits) : NULL;
	free(path);
	return name ? name : child_link_path(parent->path);
}

/**
 * child_link_name() - choose the name of a parent
 * @parent: the parent
 * @given: the user's name for it
 *
 * What a file is called was found out when it was opened. A device has many names,
 * and the user may have chosen one.
 *
 * Return: one of the two.
 */
const char *child_link_name(const struct layer *parent, const char *given)
{
	return parent->file.device ? given : parent->path;
}

/* Refuse a dirty log: its replay may change the parent's identity. */
static int check_clean(const struct layer *parent)
{
	if (!vhdx_header_dirty(vhdx_header_current(&parent->image->headers)))
		return 0;
	msg_err("%s: its log is not empty; run `vhdxsetup replay %s' first",
		parent->path, parent->path);
	return -ESTALE;
}

/**
 * child_link_suits() - check that an image may become a parent
 * @parent: the image and its own parents
 *
 * Return: 0, or a negative errno after a message: -ESTALE if its log is not
 * empty, -ELOOP if its chain is as long as one can be.
 */
int child_link_suits(const struct disk *parent)
{
	int err = check_clean(parent->layer[0]);

	if (err || parent->depth < VHDX_CHAIN_MAX)
		return err;
	msg_err("%s: has %u images in its chain already, which is the most",
		parent->layer[0]->path, parent->depth);
	return -ELOOP;
}

/**
 * child_link_leads_out() - test whether a parent is outside of the child's directory
 * @locator: locator of the child, from child_link_locator()
 * @parent: the parent's store; a block device is outside of any
 *
 * Return: true if it is, and so is found only by who asks for it.
 */
bool child_link_leads_out(const struct vhdx_locator *locator,
			  const struct user_store *parent)
{
	return parent->device || windows_path_leads_out(locator->relative_path);
}

/**
 * child_link_tell() - say that a parent is outside of the child's directory
 * @child: path of the child
 */
void child_link_tell(const char *child)
{
	msg_info("%s: its parent lies outside of its directory: to open it needs --parents-anywhere, or --parent",
		 child);
}
