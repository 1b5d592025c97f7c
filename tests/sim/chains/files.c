// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

struct files *files_now;

static void give_up(const char *what)
{
	perror(what);
	exit(2);
}

/**
 * files_init() - make an empty directory
 * @files: what to set up
 */
void files_init(struct files *files)
{
	const char *shm = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";

	memset(files, 0, sizeof(*files));
	snprintf(files->directory, sizeof(files->directory), "%s/chains-XXXXXX",
		 shm);
	if (!mkdtemp(files->directory))
		give_up(files->directory);
	files->states = 1;
	files_now = files;
}

static void file_free(struct file *file)
{
	recorder_exit(&file->rec);
	crash_exit(&file->crash);
	disk_exit(&file->fork);
	verify_exit(&file->verifier);
	free(file);
}

void files_exit(struct files *files)
{
	u32 i;

	files_now = NULL;
	while (files_names(files)->count)
		files_drop(files, files_names(files)->name[0]);
	rmdir(files->directory);
	for (i = 0; i < FILES_MAX; i++)
		if (files->file[i])
			file_free(files->file[i]);
}

/**
 * files_path() - the path of a name
 * @files: the files
 * @name: the name
 * @path: where it goes
 *
 * Return: @path.
 */
const char *files_path(const struct files *files, const char *name,
		       char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%.80s/%.40s", files->directory, name);
	return path;
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static u32 find(const struct names *names, const char *name)
{
	u32 i = 0;

	while (i < names->count && strcmp(names->name[i], name))
		i++;
	return i;
}

/**
 * files_named() - the file of a name, in some state of the directory
 * @files: the files
 * @names: the state
 * @name: the name
 *
 * Return: the file or NULL.
 */
struct file *files_named(struct files *files, const struct names *names,
			 const char *name)
{
	u32 i = find(names, name);

	return i < names->count ? files->file[names->file[i]] : NULL;
}

/**
 * files_find() - the file of a name, as it is now
 * @files: the files
 * @name: the name
 *
 * Return: the file or NULL.
 */
struct file *files_find(struct files *files, const char *name)
{
	return files_named(files, files_names(files), name);
}

/**
 * files_of() - the file of an inode
 * @files: the files
 * @dev: of the real file
 * @ino: likewise
 *
 * Return: the file or NULL.
 */
struct file *files_of(struct files *files, dev_t dev, ino_t ino)
{
	u32 i;

	for (i = 0; i < FILES_MAX; i++)
		if (files->file[i] && files->file[i]->dev == dev &&
		    files->file[i]->ino == ino)
			return files->file[i];
	return NULL;
}

static void remove_name(struct names *names, u32 i)
{
	names->count--;
	memcpy(names->name[i], names->name[names->count], NAME_SIZE);
	names->file[i] = names->file[names->count];
}

static void add_name(struct names *names, const char *name, u32 file)
{
	if (names->count == NAMES_MAX)
		abort();
	snprintf(names->name[names->count], NAME_SIZE, "%s", name);
	names->file[names->count++] = file;
}

/* What the directory comes to be; the state before may still come back. */
static struct names *next_state(struct files *files)
{
	if (files->states == STATES_MAX)
		abort();
	files->state[files->states] = files->state[files->states - 1];
	return &files->state[files->states++];
}

static void tell(struct files *files)
{
	if (files->renamed)
		files->renamed(files->owner);
}

static void make_real(struct files *files, struct file *file, const char *name)
{
	char path[PATH_SIZE];
	int fd = open(files_path(files, name, path),
		      O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		give_up(path);
	close(fd);
	file->dev = st.st_dev;
	file->ino = st.st_ino;
}

static u32 new_file(struct files *files, const struct disk *disk)
{
	struct file *file = calloc(1, sizeof(*file));
	u32 i = 0;

	while (i < FILES_MAX && files->file[i])
		i++;
	if (i == FILES_MAX || !file)
		abort();
	recorder_init(&file->rec, disk, DISK_UNITS * VHDX_MIB, i);
	file->rec.by_sectors = true;
	file->rec.event = files->event;
	file->rec.owner = files->owner;
	disk_init(&file->fork, 0, false);
	verify_init(&file->verifier, NULL);
	files->file[i] = file;
	return i;
}

/**
 * files_add() - a file that there is from the start
 * @files: the files
 * @name: its name
 * @disk: what it holds
 *
 * Return: the file.
 */
struct file *files_add(struct files *files, const char *name,
		       const struct disk *disk)
{
	u32 i = new_file(files, disk);

	make_real(files, files->file[i], name);
	add_name(files_names(files), name, i);
	return files->file[i];
}

/**
 * files_made() - somebody has made a file, which is there and empty
 * @files: the files
 * @path: its path
 *
 * Return: the file.
 */
struct file *files_made(struct files *files, const char *path)
{
	struct disk *disk = calloc(1, sizeof(*disk));
	u32 i;

	if (!disk)
		abort();
	i = new_file(files, disk);
	free(disk);
	make_real(files, files->file[i], name_of(path));
	add_name(next_state(files), name_of(path), i);
	tell(files);
	return files->file[i];
}

/* Files that no state of the directory has any more. */
static void drop_files(struct files *files)
{
	bool kept[FILES_MAX] = {};
	u32 i, k;

	for (i = 0; i < files->states; i++)
		for (k = 0; k < files->state[i].count; k++)
			kept[files->state[i].file[k]] = true;
	for (i = 0; i < FILES_MAX; i++) {
		if (kept[i] || !files->file[i])
			continue;
		file_free(files->file[i]);
		files->file[i] = NULL;
	}
}

/**
 * files_synced() - the names are durable
 * @files: the files
 */
void files_synced(struct files *files)
{
	files->state[0] = *files_names(files);
	files->states = 1;
}

/**
 * files_settle() - all that was done to the files is durable
 * @files: the files; nobody has one open
 */
void files_settle(struct files *files)
{
	u32 i;

	files_synced(files);
	for (i = 0; i < FILES_MAX; i++)
		if (files->file[i])
			recorder_flush(&files->file[i]->rec);
	drop_files(files);
}

/**
 * files_drop() - a name is of no more use, and gone for good
 * @files: the files; nothing is under way
 * @name: the name
 */
void files_drop(struct files *files, const char *name)
{
	char path[PATH_SIZE];

	__real_unlink(files_path(files, name, path));
	files_synced(files);
	remove_name(&files->state[0], find(&files->state[0], name));
	if (files_now)
		drop_files(files);
}

/**
 * files_adopt() - a crash leaves these names
 * @files: the files; nobody has one open
 * @names: the names
 */
void files_adopt(struct files *files, const struct names *names)
{
	struct names copy = *names;
	char path[PATH_SIZE];
	u32 i;

	for (i = 0; i < files_names(files)->count; i++)
		__real_unlink(files_path(files, files_names(files)->name[i],
					 path));
	for (i = 0; i < copy.count; i++)
		make_real(files, files->file[copy.file[i]], copy.name[i]);
	files->state[0] = copy;
	files->states = 1;
	drop_files(files);
}

/**
 * __wrap_unlink() - the tools remove a file
 * @path: its path
 *
 * Return: as unlink(2).
 */
int __wrap_unlink(const char *path)
{
	struct files *files = files_now;
	u32 i;

	if (!files)
		return __real_unlink(path);
	i = find(files_names(files), name_of(path));
	if (i == files_names(files)->count)
		return __real_unlink(path);
	if (__real_unlink(path))
		return -1;
	remove_name(next_state(files), i);
	tell(files);
	return 0;
}

/**
 * __wrap_rename() - the tools give a file another name
 * @from: the path that it has
 * @to: the one that it gets; if there is a file, it loses its name
 *
 * Return: as rename(2).
 */
int __wrap_rename(const char *from, const char *to)
{
	struct files *files = files_now;
	struct names *names;
	u32 i, file;

	if (__real_rename(from, to))
		return -1;
	if (!files)
		return 0;
	names = next_state(files);
	file = names->file[find(names, name_of(from))];
	remove_name(names, find(names, name_of(from)));
	i = find(names, name_of(to));
	if (i < names->count)
		remove_name(names, i);
	add_name(names, name_of(to), file);
	tell(files);
	return 0;
}
