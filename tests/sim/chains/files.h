/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files of a run. Their names are those of real files, in a directory of the
 * run's own, so that the tools look them up, rename and remove them as ever. The
 * real files are empty: the bytes are in a recorder, and any part of them that
 * was not flushed may be lost. So may the names since the directory was synced:
 * all of them from some moment on.
 *
 * files.c APIs:
 *   files_init()	an empty directory
 *   files_exit()
 *   files_add()	a file that there is from the start
 *   files_find()	the file of a name, as it is now
 *   files_named()	the file of a name, in some state of the directory
 *   files_path()	the path of a name
 *   files_of()		the file of an inode
 *   files_made()	somebody has made a file
 *   files_synced()	the names are durable
 *   files_settle()	and so is all else
 *   files_drop()	a name is of no more use
 *   files_adopt()	a crash leaves these names
 *   __wrap_unlink()	the tools remove a file
 *   __wrap_rename()	the tools give a file another name
 */
#ifndef CHAINS_FILES_H
#define CHAINS_FILES_H

#include <sys/types.h>

#include "crash.h"
#include "recorder.h"
#include "verify.h"

#define FILES_MAX	12U
#define NAMES_MAX	16U
#define NAME_SIZE	40U
#define STATES_MAX	16U
#define PATH_SIZE	128U

/**
 * struct names - a state of the directory
 * @count: names
 * @name: them
 * @file: index of the file of each
 */
struct names {
	u32 count;
	char name[NAMES_MAX][NAME_SIZE];
	u32 file[NAMES_MAX];
};

/**
 * struct file - a file
 * @rec: its bytes
 * @dev: of the real file
 * @ino: likewise
 * @verifier: of the image in it, whatever lies above
 * @crash: the one that is tried
 * @fork: what a crash has left
 * @linked: it belongs to the chain that was left
 */
struct file {
	struct recorder rec;
	dev_t dev;
	ino_t ino;
	struct verifier verifier;
	struct crash crash;
	struct disk fork;
	bool linked;
};

/**
 * struct files - the files of a run
 * @directory: path
 * @file: them; NULL: none
 * @state: of the directory: the durable one first, the present one last
 * @states: how many
 * @event: told of what happens to any of them
 * @renamed: told that the directory has changed
 * @owner: for these
 */
struct files {
	char directory[PATH_SIZE];
	struct file *file[FILES_MAX];
	struct names state[STATES_MAX];
	u32 states;
	void (*event)(struct recorder *rec, enum recorder_event event);
	void (*renamed)(void *owner);
	void *owner;
};

/* The tools' functions know nothing of runs, and there is one at a time. */
extern struct files *files_now;

void files_init(struct files *files);
void files_exit(struct files *files);
struct file *files_add(struct files *files, const char *name,
		       const struct disk *disk);
struct file *files_find(struct files *files, const char *name);
struct file *files_named(struct files *files, const struct names *names,
			 const char *name);
const char *files_path(const struct files *files, const char *name,
		       char path[PATH_SIZE]);
struct file *files_of(struct files *files, dev_t dev, ino_t ino);
struct file *files_made(struct files *files, const char *path);
void files_synced(struct files *files);
void files_settle(struct files *files);
void files_drop(struct files *files, const char *name);
void files_adopt(struct files *files, const struct names *names);

/* The linker puts the one in the place of the other (--wrap). */
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

static inline struct names *files_names(struct files *files)
{
	return &files->state[files->states - 1];
}

#endif /* CHAINS_FILES_H */
